"""auth0-python 2 of 2015, whose Link.unlink speaks the legacy endpoint, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from python_clients import CALLBACK, environment

from mockidp import MockIdp

pytestmark = pytest.mark.slow
PROGRAMS = Path(__file__).with_name("auth0_python_2.py")


@pytest.fixture(scope="session")
def python(pytestconfig: pytest.Config) -> Path:
    """A Python that has the SDK."""
    assert pytestconfig.cache is not None
    directory = pytestconfig.cache.mkdir("environments")
    return environment(directory, "auth0-python==2.0.1", "requests==2.34.2")


def run(python: Path, idp: MockIdp, function: str, *arguments: str) -> None:
    """Run one of the programs against the mock."""
    command = [str(python), str(PROGRAMS), function, idp.domain, *arguments]
    done = subprocess.run(command, env={**os.environ, **idp.env}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_unlink(python: Path, idp: MockIdp) -> None:
    """The legacy flow: link in the browser with the user's token, unlink by the SDK."""
    authorize = f"https://{idp.domain}/authorize?response_type=token&client_id=web&redirect_uri={CALLBACK}&scope=openid"
    browser = idp.browser()
    token = browser.login(authorize, "alice@example.com").partition("access_token=")[2].partition("&")[0]
    browser.login(f"{authorize}&connection=facebook&access_token={token}", "facebook|1022")
    assert len(idp.users["alice@example.com"].identities) == 2
    run(python, idp, "unlink", token, "facebook|1022")
    assert len(idp.users["alice@example.com"].identities) == 1
    idp.requests.assert_called("POST /unlink", times=1, status=200)


def test_refusal(python: Path, idp: MockIdp) -> None:
    """A bad token is an Auth0Error."""
    run(python, idp, "refusal", "wrong", "facebook|1022")


def test_management(python: Path, idp: MockIdp) -> None:
    """Link, unlink, and the refusal to remove the main identity."""
    run(python, idp, "management", idp.management_token(), idp.users["alice@example.com"].user_id)


def test_signup(python: Path, idp: MockIdp) -> None:
    """Sign up a user."""
    run(python, idp, "signup")
    assert "dora@example.com" in idp.users
