"""POST /oauth/revoke (RFC 7009, §5.5)."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from authentication_world import WEB, World, error

OFFLINE = "openid offline_access"
SPA = {"client_id": "spa"}


def revoke(world: World, **form: str) -> Any:
    return world.post("/oauth/revoke", data=form)


@pytest.mark.parametrize("encoding", ["data", "json"])
def test_a_revoked_token_is_gone(world: World, encoding: str) -> None:
    """200 with an empty body; form and JSON."""
    token = world.tokens(scope=OFFLINE)["refresh_token"]
    response = world.post("/oauth/revoke", **{encoding: {"token": token, **WEB}})
    assert (response.status_code, response.data) == (200, b"")
    assert world.refresh(token).status_code == 403


def test_basic_authentication_works_too(world: World) -> None:
    """As at the token endpoint."""
    token = world.tokens(scope=OFFLINE)["refresh_token"]
    header = base64.b64encode(b"web:web-secret").decode()
    world.post("/oauth/revoke", data={"token": token}, headers={"Authorization": f"Basic {header}"})
    assert world.refresh(token).status_code == 403


@pytest.mark.parametrize("which", [0, 1, 2])
def test_the_whole_family_is_revoked(world: World, which: int) -> None:
    """By any of its tokens; another login stays."""
    chain = [world.tokens(client_id="spa", scope=OFFLINE)["refresh_token"]]
    other = world.tokens(client_id="spa", scope=OFFLINE)["refresh_token"]
    for _ in range(2):
        chain.append(world.refresh(chain[-1], "spa").json["refresh_token"])
    assert revoke(world, token=chain[which], token_type_hint="refresh_token", **SPA).status_code == 200
    assert world.refresh(chain[-1], "spa").status_code == 403
    assert world.refresh(other, "spa").status_code == 200


@pytest.mark.parametrize("token", ["nonsense", "\x00", "ü", "x" * 10_000])
def test_an_unknown_token_is_fine(world: World, token: str) -> None:
    """RFC 7009 §2.2."""
    assert revoke(world, token=token, **WEB).status_code == 200


def test_a_token_of_another_client_is_left_alone(world: World) -> None:
    """200, and nothing happens."""
    token = world.tokens(scope=OFFLINE)["refresh_token"]
    assert revoke(world, token=token, **SPA).status_code == 200
    assert world.refresh(token).status_code == 200


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({}, 400, "invalid_request"),
        ({"token": ""}, 400, "invalid_request"),
        ({"token": "x"}, 401, "invalid_client"),
        ({"token": "x", "client_id": "web"}, 401, "invalid_client"),
        ({"token": "x", "client_id": "web", "client_secret": "wrong"}, 401, "invalid_client"),
        ({"token": "x", "client_id": "nobody"}, 401, "invalid_client"),
    ],
)
def test_refusals(world: World, form: dict[str, str], status: int, code: str) -> None:
    """Unlike the token endpoint, it says `invalid_client` (documentation)."""
    response = revoke(world, **form)
    assert (response.status_code, error(response)[0]) == (status, code)
