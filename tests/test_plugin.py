"""The pytest plugin, in test runs of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest
from plugin_world import ROOT, Runs

ALICE = "alice@example.com"
SEED = "users: [{email: %s}]\n"


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """An empty project."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return Runs(pytester)


def test_the_sessions_world_is_that_of_no_test(run: Runs) -> None:
    """Whichever test came first: `idp_server` has the session's seed, and each `idp` its own."""
    run(
        f"""
@pytest.mark.mockidp(seed={{"users": [{{"email": "own@example.com"}}]}})
def test_one(idp):
    assert [user.email for user in idp.users] == ["own@example.com"]

def test_two(idp_server):
    assert "{ALICE}" in idp_server.users
    idp_server.add_user(email="kept@example.com")

@pytest.mark.mockidp(seed={{"users": [{{"email": "own@example.com"}}]}})
def test_three(idp, idp_server):
    assert [user.email for user in idp.users] == ["own@example.com"]
"""
    ).assert_outcomes(passed=3)


def test_the_fixture_is_there_and_fresh_for_every_test(run: Runs) -> None:
    """The demo tenant, reset in between; one server for all."""
    run(
        """
urls = set()

@pytest.mark.parametrize("n", [1, 2])
def test_it(idp, idp_server, n):
    assert idp is idp_server
    urls.add(idp.url)
    assert len(urls) == 1
    assert "new@example.com" not in idp.users
    assert len(idp.requests) == 0
    idp.add_user(email="new@example.com")
    assert requests.get(f"{idp.url}/.well-known/jwks.json", timeout=30).ok
    idp.clock.freeze("2030-01-01T00:00:00Z")
"""
    ).assert_outcomes(passed=2)


def test_a_marker_names_the_world_of_a_test(run: Runs) -> None:
    """By a path beside the test's file, or a mapping; the server stays."""
    run.write("sub/world.yaml", SEED % "file@example.com")
    run.write(
        "sub/test_sub.py",
        """
pytestmark = pytest.mark.mockidp(seed="world.yaml")

def emails(idp):
    return [user.email for user in idp.users]

def test_module(idp, idp_server):
    assert emails(idp) == ["file@example.com"]
    assert idp is idp_server
    idp.add_user(email="more@example.com")

def test_again(idp):
    assert emails(idp) == ["file@example.com"]

@pytest.mark.mockidp(seed={"users": [{"email": "map@example.com"}]})
def test_function(idp):
    assert emails(idp) == ["map@example.com"]

@pytest.mark.mockidp(clock="2030-01-01T00:00:00Z")
def test_both(idp):
    assert emails(idp) == ["file@example.com"]
    assert idp.clock.now() == 1893456000
""",
    )
    source = "def test_other(idp):\n    assert 'alice@example.com' in idp.users and not idp.clock.frozen"
    run(source).assert_outcomes(passed=5)


def test_ini_options_are_relative_to_the_root(run: Runs) -> None:
    """Several seeds, and a domain."""
    run.write("seeds/one.yaml", SEED % "one@example.com")
    run.write("seeds/two.yaml", SEED % "two@example.com")
    run.write(
        "pytest.ini",
        "[pytest]\nmockidp_seed = seeds/one.yaml seeds/two.yaml\nmockidp_domain = acme.eu.auth0.com\n",
    )
    run.write(
        "sub/test_sub.py",
        """
def test_it(idp):
    assert [user.email for user in idp.users] == ["one@example.com", "two@example.com"]
    assert idp.issuer == "https://acme.eu.auth0.com/"
""",
    )
    run("").assert_outcomes(passed=1)


@pytest.mark.parametrize("scope", ["session", "module", "function"])
def test_idp_seed_may_be_overridden(run: Runs, scope: str) -> None:
    """In a conftest or a module, for whatever scope; paths are found beside it."""
    run.write("tests/world.yaml", SEED % "conftest@example.com")
    run.write(
        "tests/conftest.py",
        f"@pytest.fixture(scope='{scope}')\ndef idp_seed():\n    return 'world.yaml'\n",
    )
    run.write(
        "tests/deep/test_deep.py",
        "def test_deep(idp):\n    assert [user.email for user in idp.users] == ['conftest@example.com']\n",
    )
    run.write(
        "tests/test_own.py",
        f"""
@pytest.fixture(scope='{scope}')
def idp_seed():
    return {{"users": [{{"email": "own@example.com"}}]}}

def test_own(idp):
    assert [user.email for user in idp.users] == ["own@example.com"]
""",
    )
    run("def test_demo(idp):\n    assert 'alice@example.com' in idp.users\n").assert_outcomes(passed=3)


def test_the_server_takes_the_sessions_seed(run: Runs) -> None:
    """`idp_server` alone serves what a session-scoped `idp_seed` says."""
    run.write("tests/world.yaml", SEED % "conftest@example.com")
    run.write(
        "tests/conftest.py", "@pytest.fixture(scope='session')\ndef idp_seed():\n    return 'world.yaml'\n"
    )
    run.write(
        "tests/test_inner.py",
        "def test_it(idp_server):\n    assert idp_server.users['conftest@example.com']\n",
    )
    run("").assert_outcomes(passed=1)


def test_idp_options_may_be_overridden(run: Runs) -> None:
    """A module with other options has another server."""
    run(
        """
class TestPinned:
    @pytest.fixture
    def idp_options(self):
        return {"issuer": "https://id.example.com"}

    def test_it(self, idp):
        assert idp.issuer == "https://id.example.com/"

def test_plain(idp):
    assert idp.issuer == idp.url + "/"
"""
    ).assert_outcomes(passed=2)


def test_an_internal_error_fails_the_test_that_caused_it(run: Runs) -> None:
    """At its end, with the traceback; the next test is not touched."""
    result = run(
        """
from mockidp.http.routing import Route

def broken(call):
    raise ZeroDivisionError("our bug")

def test_broken(idp):
    idp._world.application.router.add(Route("GET", "/broken", broken))
    assert requests.get(f"{idp.url}/broken", timeout=30).status_code == 500

def test_next(idp):
    pass
"""
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["mockidp failed while it answered", "GET /broken"])
    result.stdout.fnmatch_lines(["*ZeroDivisionError: our bug*"])
    result.stdout.no_fnmatch_line("*conftest_plugin.py*")


def test_a_test_that_is_skipped_has_nothing_to_meet(run: Runs) -> None:
    """What it expected before it said so did not come."""
    run(
        """
def test_it(idp):
    idp.fail("GET /userinfo", times=1)
    pytest.skip("no browser here")
"""
    ).assert_outcomes(skipped=1)


def test_a_stopped_server_is_there_again_for_the_next_test(run: Runs) -> None:
    """At the same URL, as an identity provider that was down."""
    run(
        """
urls = []

def test_down(idp):
    urls.append(idp.url)
    idp.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(idp.url, timeout=30)

def test_up(idp):
    assert [idp.url] == urls
    assert requests.get(f"{idp.url}/.well-known/jwks.json", timeout=30).ok
"""
    ).assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("seed='wrong.yaml'", "*wrong.yaml:1:10: unknown key 'emial' in user 'b@*'; did you mean 'email'?"),
        ("seed='nowhere.yaml'", "*nowhere.yaml: no such file*"),
        ("clock='tomorrow'", "*'tomorrow' is no time*"),
        ("sed='x'", "*the marker is mockidp(seed=…, scenario=…, clock=…), not sed*"),
        ("'x.yaml'", "*the marker is mockidp(seed=…, scenario=…, clock=…), not 'x.yaml'*"),
        ("scenario='x.yaml'", "*x.yaml: no such file*"),
    ],
)
def test_a_mistake_is_told_in_one_line(run: Runs, marker: str, message: str) -> None:
    """No traceback through mockidp."""
    run.write("wrong.yaml", "users: [{emial: a@example.com, email: b@example.com}]")
    result = run(f"@pytest.mark.mockidp({marker})\ndef test_it(idp):\n    pass\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([message])
    assert "Traceback" not in result.stdout.str()
    assert "conftest_plugin.py" not in result.stdout.str()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('idp.users["alcie@example.com"]', "E *UnknownName: no user 'alcie@example.com'; did you mean '*"),
        ('idp.link("facebook|1022", "facebook|1022")', "E *ApiError: Main identity and the new one *"),
        ('idp.browser().login("/authorize", "facebook|1022")', "E *UsageError: *can't log in: stuck at *"),
        ("idp.on(\"GET /userinfo\").tamper('expird')", "E *UsageError: *did you mean 'expired'*"),
    ],
)
def test_a_mistake_in_a_test_is_told_at_its_line(run: Runs, line: str, message: str) -> None:
    """What mockidp raises to tell something ends at the test's line, but with --full-trace."""
    source = f"def test_it(idp):\n    {line}\n"
    result = run(source)
    result.stdout.fnmatch_lines([f">       {line}", message, "", "test_it.py:3: *"], consecutive=True)
    result.stdout.fnmatch_lines(["idp = <MockIdp http://127.0.0.1:*>"])
    assert "/mockidp/" not in result.stdout.str()
    assert "/mockidp/" in run(source, "--full-trace").stdout.str()


def test_markers_are_declared(run: Runs) -> None:
    """For `--strict-markers` and `--markers`."""
    run("", "--markers").stdout.fnmatch_lines(["@pytest.mark.mockidp(seed=*"])
    result = run("@pytest.mark.mockidp(clock=0)\ndef test_it(idp):\n    pass\n", "--strict-markers")
    result.assert_outcomes(passed=1)


def test_it_works_in_asynchronous_tests(run: Runs) -> None:
    """The server has threads of its own: a running loop does not matter."""
    run(
        """
import asyncio

def test_it(idp):
    async def main():
        url = f"{idp.url}/.well-known/jwks.json"
        answers = [asyncio.to_thread(requests.get, url, timeout=30) for _ in range(8)]
        idp.browser().get(url)  # blocks the loop: the server answers all the same
        assert all(answer.ok for answer in await asyncio.gather(*answers))
    asyncio.run(main())
"""
    ).assert_outcomes(passed=1)


def test_workers_have_servers_of_their_own(run: Runs) -> None:
    """Under pytest-xdist: each runs all tests, and none sees what the other did."""
    run.write(
        "test_it.py",
        """
@pytest.mark.parametrize("n", range(3))
def test_it(idp, n, worker_id, pytestconfig):
    (pytestconfig.rootpath / worker_id).write_text(idp.url)
    assert "new@example.com" not in idp.users
    idp.add_user(email="new@example.com")
    answer = requests.get(f"{idp.url}/_mockidp/state", timeout=30)
    assert answer.json()["users"][-1]["email"] == "new@example.com"
""",
    )
    result = run.pytester.runpytest_subprocess(*run.options, "-n", "2", "--dist", "each")
    result.assert_outcomes(passed=6)
    assert len(list(run.pytester.path.glob("gw[01]"))) == 2


def test_the_plugin_costs_nothing_where_it_is_not_used(run: Runs) -> None:
    """It imports pytest alone, and nothing of mockidp."""
    code = (
        "import sys, pytest; before = set(sys.modules); import conftest_plugin; "
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "['conftest_plugin']\n"
