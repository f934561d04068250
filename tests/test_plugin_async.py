"""The plugin in asynchronous suites: pytest-asyncio in both modes, anyio, and several workers."""

from __future__ import annotations

import importlib.util
import os
from importlib.metadata import entry_points

import pytest

INSTALLED = any(point.value == "conftest_plugin" for point in entry_points(group="pytest11"))
CALLBACK = "http://localhost:3000/callback"
TESTS = f"""
import asyncio

import httpx
import pytest
from mockidp import MockIdp

LOGIN = "/authorize?response_type=code&client_id=web&scope=openid+email&redirect_uri={CALLBACK}"
MARK


@FIXTURE
async def tenant(idp: MockIdp):
    async with httpx.AsyncClient(base_url=idp.url) as client:
        yield client


@pytest.mark.parametrize("user", ["alice@example.com", "bob@example.com"])
async def test_a_login(idp, tenant, user):
    assert "new@example.com" not in idp.users
    idp.add_user(email="new@example.com")
    callback = idp.browser().login(LOGIN, user)  # blocks the loop: the server is a thread
    form = {{"grant_type": "authorization_code", "code": callback.split("code=")[1]}}
    form["redirect_uri"] = "{CALLBACK}"
    tokens = (await tenant.post("/oauth/token", data=form, auth=("web", "web-secret"))).json()
    me = await tenant.get("/userinfo", headers={{"Authorization": f"Bearer {{tokens['access_token']}}"}})
    assert me.json()["email"] == user
    idp.requests.assert_called("POST /oauth/token", times=1)


async def test_many_at_once(idp, tenant):
    await asyncio.gather(*(tenant.get("/.well-known/jwks.json") for _ in range(16)))
    idp.requests.assert_called("GET /.well-known/jwks.json", times=16)


async def test_the_loop_runs_while_the_tenant_waits(idp, tenant):
    idp.on("GET /userinfo").delay("1h")  # reset ends it
    slow = asyncio.create_task(tenant.get("/userinfo"))
    while not len(idp.rules.used):
        assert (await tenant.get("/.well-known/jwks.json")).status_code == 200
    assert not slow.done()
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow


async def test_mail_of_a_task_in_this_loop(idp, tenant):
    form = {{"client_id": "web", "email": "bob@example.com"}}
    form["connection"] = "Username-Password-Authentication"
    asked = asyncio.create_task(tenant.post("/dbconnections/change_password", json=form))
    mail = await asyncio.to_thread(idp.outbox.wait_for, to="bob@example.com", kind="reset_email")
    assert mail.url
    assert (await asked).status_code == 200


@pytest.mark.mockidp(seed={{"users": [{{"email": "erin@example.com"}}]}}, clock="2030-01-01T00:00:00Z")
async def test_the_marker(idp):
    assert [user.email for user in idp.users] == ["erin@example.com"]
    assert idp.clock.frozen


async def test_a_real_domain(idp):
    with idp.impersonate("acme.eu.auth0.com"):
        async with httpx.AsyncClient(base_url="https://acme.eu.auth0.com") as tenant:
            metadata = (await tenant.get("/.well-known/openid-configuration")).json()
    assert metadata["issuer"] == "https://acme.eu.auth0.com/"


async def test_an_unmet_rule_fails_at_the_end(idp):
    idp.on("GET /userinfo", times=1)
"""
PASSED, ERRORS = 8, 1  # the last test's, when the fixture ends
ANYIO = """

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""
LOOP = ("-o", "asyncio_default_fixture_loop_scope=function")


def suite(flavour: str) -> str:
    """Return the tests as a suite of this flavour."""
    marks = {"strict": "asyncio", "anyio": "anyio"}
    mark = f"pytestmark = pytest.mark.{marks[flavour]}" if flavour in marks else ""
    fixture = "pytest_asyncio.fixture" if flavour == "strict" else "pytest.fixture"
    source = TESTS.replace("MARK", mark).replace("FIXTURE", fixture)
    before = "import pytest_asyncio" if flavour == "strict" else ""
    return before + source + (ANYIO if flavour == "anyio" else "")


def run(pytester: pytest.Pytester, flavour: str, *options: str) -> pytest.RunResult:
    """Run the suite in a process of its own, in random order, every warning an error."""
    if flavour != "anyio" and importlib.util.find_spec("pytest_asyncio") is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("pip install -e '.[test]'")
    own = ["-q", "-W", "error", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
    own += [] if INSTALLED else ["-p", "conftest_plugin"]
    own += ["-p", "no:asyncio"] if flavour == "anyio" else ["-o", f"asyncio_mode={flavour}", *LOOP]
    pytester.makepyfile(suite(flavour))
    return pytester.runpytest_subprocess(*own, *options, timeout=120)


@pytest.mark.parametrize("flavour", ["strict", "auto", "anyio"])
def test_an_asynchronous_suite_uses_the_fixture(pytester: pytest.Pytester, flavour: str) -> None:
    """`idp` is an ordinary fixture: logins, faults, mail, markers and domains, while a loop runs."""
    result = run(pytester, flavour)
    result.assert_outcomes(passed=PASSED, errors=ERRORS)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_an_unmet_rule_fails_at_the_end*"])
    result.stdout.fnmatch_lines(["*expected once, came never*"])


@pytest.mark.parametrize(("flavour", "workers"), [("auto", 4), ("anyio", 2)])
def test_workers_run_an_asynchronous_suite(pytester: pytest.Pytester, flavour: str, workers: int) -> None:
    """Under pytest-xdist, each with a server and a loop of its own."""
    run(pytester, flavour, "-n", str(workers)).assert_outcomes(passed=PASSED, errors=ERRORS)


def test_one_loop_for_all_tests(pytester: pytest.Pytester) -> None:
    """A loop that outlives the fixture does not matter to it."""
    result = run(pytester, "auto", "-o", "asyncio_default_test_loop_scope=session")
    result.assert_outcomes(passed=PASSED, errors=ERRORS)
