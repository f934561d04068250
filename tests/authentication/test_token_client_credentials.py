"""grant_type=client_credentials (§4.4): a client by itself."""

from __future__ import annotations

from typing import Any

import pytest
from authentication_world import API, ISSUER, World, claims_of, error

M2M = {"grant_type": "client_credentials", "client_id": "m2m", "client_secret": "m2m-secret"}


def test_the_token_is_the_clients_own(world: World) -> None:
    """`sub` is `<client_id>@clients`; neither ID nor refresh token."""
    response = world.token(**M2M, audience=API)
    assert list(response.json) == ["access_token", "scope", "expires_in", "token_type"]
    now = world.tenant.now()
    assert world.verified(response.json["access_token"], API) == {
        "iss": ISSUER,
        "sub": "m2m@clients",
        "aud": API,
        "iat": now,
        "exp": now + 1000,
        "scope": "read:x write:x",
        "gty": "client-credentials",
        "azp": "m2m",
    }
    assert response.json["expires_in"] == 1000


@pytest.mark.parametrize(
    ("requested", "granted"),
    [
        (None, "read:x write:x"),
        ("", "read:x write:x"),
        ("write:x", "write:x"),
        ("write:x read:x", "write:x read:x"),
    ],
)
def test_part_of_the_grant_may_be_asked_for(world: World, requested: str | None, granted: str) -> None:
    """All of it, unless told which."""
    response = world.token(**M2M, audience=API, scope=requested)
    assert response.json["scope"] == granted
    assert claims_of(response.json["access_token"])["scope"] == granted


def test_a_grant_without_scopes_gives_none(world: World) -> None:
    """No `scope` in the answer, nor in the token (§7.2)."""
    response = world.token(**M2M, audience="https://online.example.com")
    assert "scope" not in response.json
    assert "scope" not in claims_of(response.json["access_token"])


def test_permissions_are_the_grants_scopes(world: World) -> None:
    """Machines have no roles (§7.2)."""
    token = world.token(**M2M, audience="https://rbac.example.com").json["access_token"]
    assert claims_of(token)["permissions"] == ["read:x"]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({}, "Non-global clients are not allowed access to APIv1"),
        ({"audience": "https://nowhere"}, "Service not enabled within domain: https://nowhere"),
        (
            {"audience": "https://asks.example.com"},
            'Client is not authorized to access "https://asks.example.com". You need to create a '
            '"client-grant" associated to this API. See: https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants',
        ),
        (
            {"audience": API, "scope": "read:x openid delete:x"},
            "Client has not been granted scopes: openid delete:x",
        ),
        ({"audience": ISSUER + "userinfo"}, f"Service not enabled within domain: {ISSUER}userinfo"),
    ],
)
def test_refusals(world: World, form: dict[str, str], text: str) -> None:
    """All are 403 access_denied, with the texts that real tenants give."""
    response = world.token(**M2M, **form)
    assert (response.status_code, error(response)) == (403, ("access_denied", text))


def test_the_default_audience_is_taken(make_world: Any) -> None:
    """When none is sent."""
    world = make_world({"tenant": {"default_audience": API}})
    assert claims_of(world.token(**M2M).json["access_token"])["aud"] == API


def test_a_public_client_cannot(make_world: Any) -> None:
    """Whatever its grant types say: it has nothing to prove itself by (RFC 6749 §4.4)."""
    spa = {"client_id": "spa", "name": "Spa", "grant_types": ["client_credentials"]}
    grant = {"client_id": "spa", "audience": API, "scope": ["read:x"]}
    world = make_world({"clients": [spa], "clientGrants": [grant]})
    response = world.token(grant_type="client_credentials", client_id="spa", audience=API)
    assert (response.status_code, error(response)[0]) == (403, "unauthorized_client")


def test_the_token_is_no_users(world: World) -> None:
    """/userinfo and unlinking refuse it."""
    token = world.token(**M2M, audience=API).json["access_token"]
    assert world.userinfo(token).status_code == 401
    body = {"access_token": token, "user_id": "google-oauth2|1001"}
    assert world.post("/unlink", json=body).status_code == 401
