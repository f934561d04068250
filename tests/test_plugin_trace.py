"""What the plugin tells of requests: the journal of a test that fails, and what earlier tests left over."""

from __future__ import annotations

import pytest
from plugin_world import ROOT, Runs

LOGIN = """
FORM = {"grant_type": "password", "username": "alice@example.com", "password": "alice-password",
        "client_id": "web", "client_secret": "web-secret", "scope": "openid"}

def log_in(idp):
    return requests.post(f"{idp.url}/oauth/token", data=FORM, timeout=30).json()
"""
FAILING = f"""
{LOGIN}
def test_it(idp):
    log_in(idp)
    assert 1 == 2
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """An empty project."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return Runs(pytester)


def test_a_failed_test_shows_its_requests(run: Runs) -> None:
    """With `--mockidp-trace`: decoded, in a section of the report, and without what is secret."""
    result = run(FAILING, "--mockidp-trace")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*- mockidp -*", "*1. POST /oauth/token → 200 (* ms) client web, user auth0|*"]
    )
    text = result.stdout.str()
    report = text[text.index("- mockidp -") :]
    assert "alice-password" not in report
    assert "web-secret" not in report
    assert "eyJ" not in report


def test_it_is_shown_on_request_only(run: Runs) -> None:
    """Without the option, and for tests that pass, nothing is printed."""
    assert "- mockidp -" not in run(FAILING).stdout.str()
    passing = run(f"{LOGIN}\ndef test_it(idp): log_in(idp)", "--mockidp-trace", "-rP")
    assert "- mockidp -" not in passing.stdout.str()


def test_what_fails_at_the_end_shows_its_requests(run: Runs) -> None:
    """A rule that was not used fails the test at teardown, when the world is already another."""
    result = run(
        f"{LOGIN}\ndef test_it(idp):\n    idp.fail('GET /userinfo', times=1)\n    log_in(idp)\n",
        "--mockidp-trace",
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*GET /userinfo*", "*- mockidp -*", "*1. POST /oauth/token*"])


def test_a_test_without_a_tenant_shows_nothing(run: Runs) -> None:
    """There is no journal."""
    result = run("def test_it(): assert 1 == 2", "--mockidp-trace")
    result.assert_outcomes(failed=1)
    assert "- mockidp -" not in result.stdout.str()


def test_a_leftover_is_named(run: Runs) -> None:
    """A code of one test that is presented in the next is told by a warning that names both."""
    run.options[run.options.index("error")] = "default"
    result = run(
        """
LOGIN = "/authorize?response_type=code&client_id=web&redirect_uri=http://localhost:3000/callback"
kept = []

def test_one(idp):
    idp.login_as("alice@example.com")
    answer = requests.get(idp.url + LOGIN, allow_redirects=False, timeout=30)
    kept.append(answer.headers["Location"].partition("code=")[2])

def test_two(idp):
    form = {"grant_type": "authorization_code", "client_id": "web", "client_secret": "web-secret",
            "redirect_uri": "http://localhost:3000/callback", "code": kept[0]}
    assert requests.post(f"{idp.url}/oauth/token", data=form, timeout=30).status_code == 403
"""
    )
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(["*test_two*", "*left over*", "*POST /oauth/token*test_it.py::test_one*"])


def test_what_a_test_does_itself_is_no_leftover(run: Runs) -> None:
    """After `idp.reset()` within the test it is its own."""
    run(
        f"{LOGIN}\ndef test_it(idp):\n    token = log_in(idp)['access_token']\n    idp.reset()\n"
        "    requests.get(f'{idp.url}/userinfo', headers={'Authorization': f'Bearer {token}'}, timeout=30)\n"
    ).assert_outcomes(passed=1)
