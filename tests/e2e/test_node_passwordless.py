"""Passwordless logins by Node's clients: a script in node/, over https."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mockidp import MockIdp

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
NODE = Path(__file__).parent / "node"
GRANT = "http://auth0.com/oauth/grant-type/passwordless/otp"
SEED = {
    "connections": [{"name": "email", "strategy": "email"}, {"name": "sms", "strategy": "sms"}],
    "clients": [{"name": "Web", "grant_types": ["authorization_code", GRANT]}],
}


@pytest.fixture
def idp() -> Iterator[MockIdp]:
    """The demo tenant with passwordless connections."""
    with MockIdp(seed=[ROOT / "fixtures" / "demo.yaml", SEED]) as idp:
        yield idp
        idp.raise_problems()


@pytest.mark.parametrize("package", ["auth0-4", "auth0/legacy", "@auth0/auth0-auth-js"])
def test_passwordless(node_modules: Path, idp: MockIdp, package: str) -> None:
    """`sendEmail`, `sendSMS`, the logins with their codes, the link, and errors that they know."""
    command = ["node", "passwordless.mjs", package]
    env = {**os.environ, **idp.env, "CALLBACK": "http://localhost:3000/callback"}
    done = subprocess.run(command, cwd=NODE, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "subjects": ["email", "sms", "email"],
        "state": "s-1",
        "wrong": [403, "invalid_grant", "Wrong phone number or verification code."],
        "bad": [400, "bad.email"],
    }
    assert [message.kind for message in idp.outbox] == [
        "passwordless_email",
        "passwordless_sms",
        "passwordless_email",
    ]
    assert idp.users["dora@example.com"].logins_count == 2
