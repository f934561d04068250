"""`pytest --mockidp-url`: the fixtures steer a server in another process."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import requests
import yaml
from remote_world import ROOT, started

import mockidp.remote.idp
import mockidp.server
from mockidp import RemoteIdp

# A run in this process forgets what it imports, and C extensions cannot be loaded twice: load all of it here.
LOADED = (mockidp.server, mockidp.remote.idp, requests, yaml)

INSTALLED = any(point.value == "conftest_plugin" for point in entry_points(group="pytest11"))
Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Write files and run pytest on them."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.syspathinsert(ROOT)
    options = ["-q", "-W", "error"]
    for other in ("randomly", "cacheprovider", "hypothesispytest", "asyncio"):
        options += ["-p", f"no:{other}"]
    options += [] if INSTALLED else ["-p", "conftest_plugin"]

    def run(source: str, *more: str, **files: str) -> pytest.RunResult:
        for name, text in {"test_it": source, **files}.items():
            pytester.makepyfile(**{name: f"import pytest, requests\n{text}"})
        return pytester.runpytest_inprocess(*options, *more)

    return run


def test_every_test_has_its_world(run: Run, url: str, pytester: pytest.Pytester) -> None:
    """That of the server, or that of the marker, read beside the test; then it is as it was."""
    pytester.makefile(".yaml", world="users: [{email: file@example.com}]")
    result = run(
        """
def emails(idp):
    return [user.email for user in idp.users]

@pytest.mark.parametrize("n", [1, 2])
def test_fresh(idp, idp_server, n):
    assert idp is idp_server
    assert len(emails(idp)) == 5 and len(idp.requests) == 0
    idp.add_user(email="new@example.com")
    assert requests.get(f"{idp.url}/userinfo", timeout=10).status_code == 401

@pytest.mark.mockidp(seed="world.yaml", clock="2030-01-01")
def test_marked(idp):
    idp.reset()
    assert emails(idp) == ["file@example.com"] and idp.clock.frozen

@pytest.mark.mockidp(scenario={"script": [{"on": "GET /userinfo", "then": {"status": 503}}]})
def test_scenario(idp):
    assert requests.get(f"{idp.url}/userinfo", timeout=10).status_code == 503

def test_after(idp):
    assert len(emails(idp)) == 5 and not idp.clock.frozen and not idp.rules.uses

class TestOverridden:
    @pytest.fixture
    def idp_seed(self):
        return {"users": [{"email": "own@example.com"}]}

    def test_own(self, idp):
        assert emails(idp) == ["own@example.com"]
""",
        f"--mockidp-url={url}",
    )
    result.assert_outcomes(passed=6)
    with RemoteIdp(url) as idp:
        assert len(idp.users) == 5


def test_the_seed_of_the_session_is_served(run: Run, url: str, pytester: pytest.Pytester) -> None:
    """By ini options, which name the server too; without `idp` as well."""
    pytester.makefile(".yaml", world="users: [{email: ini@example.com}]")
    pytester.makeini(f"[pytest]\nmockidp_seed = world.yaml\nmockidp_url = {url}\n")
    source = "def test_it(idp_server):\n    assert idp_server.users['ini@example.com']\n"
    run(source).assert_outcomes(passed=1)
    own = "def test_it(idp_server):\n    assert type(idp_server).__name__ == 'MockIdp'\n"
    run(own, "--mockidp-url=").assert_outcomes(passed=1)


def test_no_environment_variable_names_it(run: Run, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`MOCKIDP_URL` is for applications, and set by `exec` around any command."""
    monkeypatch.setenv("MOCKIDP_URL", url)
    run(f"def test_it(idp):\n    assert idp.url != {url!r}\n").assert_outcomes(passed=1)


def test_what_did_not_come_about_fails_the_test(run: Run, url: str) -> None:
    """At its end, without a traceback; the next one passes."""
    result = run(
        """
@pytest.mark.mockidp(scenario={"script": [{"on": "GET /userinfo", "then": {"status": 503}}]})
def test_unmet(idp):
    pass

def test_next(idp):
    pass
""",
        f"--mockidp-url={url}",
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*GET /userinfo: expected at least once, came never*"])
    assert "Traceback" not in result.stdout.str()


def test_a_mistake_is_told_in_one_line(run: Run, url: str) -> None:
    """With the place where it was made, which the server does not know."""
    marker = "@pytest.mark.mockidp(seed='wrong.yaml')\ndef test_it(idp):\n    pass\n"
    Path("wrong.yaml").write_text("users: [{emial: a@example.com, email: b@example.com}]")
    result = run(marker, f"--mockidp-url={url}")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*wrong.yaml:1:10: unknown key 'emial' in user*; did you mean 'email'?"])
    assert "conftest_plugin.py" not in result.stdout.str()


@pytest.mark.parametrize("where", ["http://127.0.0.1:1", "http://mockidp:4100", "4100"])
def test_without_a_server_nothing_runs(run: Run, where: str) -> None:
    """One line, however many tests there are."""
    source = "@pytest.mark.parametrize('n', range(9))\ndef test_it(idp, n):\n    pass\n"
    result = run(source, f"--mockidp-url={where}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert [where in line for line in result.outlines if line.strip()] == [False, True]  # `no tests ran`, why
    assert result.errlines == []


def test_a_server_that_ends_ends_the_run(run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is left is not tried; its end is told once."""
    with started(tmp_path_factory.mktemp("ends")) as (url, process):
        source = f"""
import contextlib, os, signal

def test_first(idp):
    os.kill({process}, signal.SIGTERM)
    with contextlib.suppress(requests.RequestException):
        while requests.get(idp.url, timeout=10):
            pass

@pytest.mark.parametrize("n", range(9))
def test_others(idp, n):
    pass
"""
        result = run(source, f"--mockidp-url={url}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    told = [line for line in result.outlines if "Exit: " in line]
    assert [f"no mockidp answers at {url}: start one there" in line for line in told] == [True]
    assert "Traceback" not in result.stdout.str()


def test_several_workers_are_refused(run: Run, url: str) -> None:
    """They would reset each other's world."""
    result = run("def test_it(idp):\n    pass\n", f"--mockidp-url={url}", "-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: one mockidp, at {url}, cannot serve several workers at once: run*"])
    run("def test_it(idp):\n    pass\n", f"--mockidp-url={url}", "-n", "0").assert_outcomes(passed=1)


def test_options_of_the_server_are_warned_of(run: Run, url: str) -> None:
    """Once; those of the world apply."""
    result = run(
        """
@pytest.fixture(scope="session")
def idp_options():
    return {"domain": "acme.eu.auth0.com", "clock": "2030-01-01"}

@pytest.mark.parametrize("n", [1, 2])
def test_it(idp, n):
    assert idp.clock.frozen and idp.issuer == f"{idp.url}/"
""",
        f"--mockidp-url={url}",
        "-W",
        "default",
    )
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines([f"*PytestWarning: domain of idp_options: start the server at {url} with it"])


def test_the_header_says_where_it_is(run: Run, url: str) -> None:
    """Before the tests run."""
    run("def test_it():\n    pass\n", f"--mockidp-url={url}", "-v").stdout.fnmatch_lines([f"mockidp: {url}"])
