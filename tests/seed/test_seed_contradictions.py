"""What only shows when a tenant is made of a seed is told as other mistakes are: with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockidp.errors import UsageError
from mockidp.server import MockIdp

WORLD = """\
databases:
  - name: Users
connections:
  - {name: google-oauth2, strategy: google-oauth2}
users:
  - {email: alice@example.com, connection: Users}
"""

# What is put in WORLD, and the message.
CONTRADICTIONS = {
    "  - {user_id: 'auth0|1', connection: google-oauth2}\n": (
        "7:5: user_id 'auth0|1' of user 'auth0|1' is not of connection 'google-oauth2': "
        "it begins with 'google-oauth2|'"
    ),
    "  - {user_id: alice, email: alice@example.com}\n": (
        "7:5: user 'alice' of connection 'Users': The user already exists."
    ),
    "mockidp:\n  signing: {keys: 99}\n": "8:12: mockidp.signing.keys is 1 to 6, not 99",
    "mockidp: {domain: https://acme.test}\n": (
        "7:19: 'https://acme.test' is no domain; write HOST or HOST:PORT"
    ),
    "mockidp:\n  issuer: acme.test\n": (
        "8:11: 'acme.test' is no URL; an issuer begins with https:// or http://"
    ),
}


@pytest.mark.parametrize(("text", "message"), CONTRADICTIONS.items())
def test_what_contradicts_itself_has_a_place_too(tmp_path: Path, text: str, message: str) -> None:
    """In the file that says it, after another one."""
    (tmp_path / "first.yaml").write_text("clients: [{name: SPA}]\nusers: [{email: bob@example.com}]\n")
    (tmp_path / "tenant.yaml").write_text(WORLD + text)
    with pytest.raises(UsageError) as caught:
        MockIdp([tmp_path / "first.yaml", tmp_path / "tenant.yaml"])
    assert f"{tmp_path}/tenant.yaml:{message}" == str(caught.value)
