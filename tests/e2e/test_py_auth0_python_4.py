"""auth0-python 4 over https, in an environment of its own, for it and auth0-python 6 exclude each other."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from python_clients import answer, environment

from mockidp import MockIdp

pytestmark = pytest.mark.slow
PROGRAMS = Path(__file__).with_name("auth0_python_4.py")


@pytest.fixture(scope="session")
def python(pytestconfig: pytest.Config) -> Path:
    """A Python that has the SDK."""
    assert pytestconfig.cache is not None
    return environment(pytestconfig.cache.mkdir("environments"), "auth0-python==4.13.0")


def run(python: Path, idp: MockIdp, function: str, *arguments: str) -> None:
    """Run one of the programs against the mock, every warning an error."""
    command = [str(python), "-W", "error", str(PROGRAMS), function, idp.domain, *arguments]
    done = subprocess.run(command, env={**os.environ, **idp.env}, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def test_users(python: Path, idp: MockIdp) -> None:
    """Create, change, find and delete a user."""
    run(python, idp, "users")
    audience = f"https://{idp.domain}/api/v2/"
    idp.requests.assert_called("POST /oauth/token", times=1, form={"audience": audience})


def test_link_and_unlink(python: Path, idp: MockIdp) -> None:
    """Link and unlink with a machine's token."""
    run(python, idp, "link", idp.users["alice@example.com"].user_id)
    assert len(idp.users["alice@example.com"].identities) == 1


def test_link_with(python: Path, idp: MockIdp) -> None:
    """A user links with two tokens of the own accounts."""
    alice = idp.users["alice@example.com"]
    claims = {"iss": f"https://{idp.domain}/"}
    audience = f"https://{idp.domain}/api/v2/"
    scope = "update:current_user_identities"
    own = idp.token(alice, client="spa", audience=audience, scope=scope, claims=claims)
    run(
        python,
        idp,
        "link_with",
        alice.user_id,
        own,
        idp.id_token("alice@gmail.com", client="spa", claims=claims),
    )
    assert [one.provider for one in idp.users["alice@example.com"].identities] == ["auth0", "google-oauth2"]


def test_errors(python: Path, idp: MockIdp) -> None:
    """Auth0Error has status, code and text of every kind of refusal."""
    run(python, idp, "errors")


def test_rate_limit(python: Path, idp: MockIdp) -> None:
    """One refusal for too many requests, and the next one goes through."""
    idp.fail("GET /api/v2/users", status=429, times=1)
    run(python, idp, "rate_limit", idp.management_token())


def test_authentication(python: Path, idp: MockIdp) -> None:
    """Sign up, log in, verify, refresh, revoke."""
    run(python, idp, "authentication")
    assert idp.outbox[0].to == "dora@example.com"


def test_code_and_nonce(python: Path, idp: MockIdp) -> None:
    """The verifier takes the ID token of a login in the browser, and no other issuer's."""
    callback = idp.browser().login(
        f"https://{idp.domain}/authorize?response_type=id_token&client_id=web&scope=openid&nonce=n1"
        "&redirect_uri=http://localhost:3000/callback",
        "alice@example.com",
    )
    run(python, idp, "verify", answer(callback)["id_token"], "n1")


def test_async_clients(python: Path, idp: MockIdp) -> None:
    """The same over aiohttp."""
    id_token = idp.id_token("alice@example.com", client="web", claims={"iss": f"https://{idp.domain}/"})
    run(python, idp, "asynchronously", idp.management_token(), id_token)
