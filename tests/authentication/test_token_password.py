"""grant_type=password and password-realm (§4.5)."""

from __future__ import annotations

from typing import Any

import pytest
from authentication_world import API, DATABASE, WEB, World, claims_of, error

ALICE = {"grant_type": "password", **WEB, "username": "alice@example.com", "password": "alice-password"}
REALM = {**ALICE, "grant_type": "http://auth0.com/oauth/grant-type/password-realm", "realm": DATABASE}
WRONG = ("invalid_grant", "Wrong email or password.")
ALL = "openid profile email address phone"


@pytest.mark.parametrize("form", [ALICE, REALM], ids=["password", "realm"])
def test_a_password_gives_tokens(world: World, form: dict[str, str]) -> None:
    """`openid` brings all of OpenID Connect's scopes (recorded); there is no session."""
    response = world.token(**form, scope="openid")
    assert response.status_code == 200
    assert response.json["scope"] == ALL
    claims = world.verified(response.json["id_token"], "web")
    profile = ["nickname", "name", "picture", "updated_at", "email", "email_verified"]
    assert list(claims) == [*profile, "iss", "sub", "aud", "iat", "exp"]
    assert "Set-Cookie" not in response.headers
    assert world.userinfo(response.json["access_token"]).json["email"] == "alice@example.com"


@pytest.mark.parametrize("form", [ALICE, REALM], ids=["password", "realm"])
def test_a_token_for_an_api_says_how_it_came(world: World, form: dict[str, str]) -> None:
    """`gty` is `password`; the scope is what was asked of the API (recorded, as is the claims' order)."""
    response = world.token(**form, audience=API, scope="read:x nonsense")
    claims = world.verified(response.json["access_token"], API)
    assert list(claims) == ["iss", "sub", "aud", "iat", "exp", "azp", "scope", "gty"]
    assert (claims["gty"], claims["scope"], claims["azp"]) == ("password", "read:x", "web")
    assert response.json["scope"] == "read:x"
    assert "id_token" not in response.json


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        (None, "read:x write:x"),
        ("offline_access", "offline_access"),
        ("openid offline_access read:x", ALL + " offline_access read:x"),
    ],
)
def test_scopes_of_an_api(world: World, scope: str | None, granted: str) -> None:
    """All of the API's when none is asked for; a refresh token with offline_access."""
    response = world.token(**ALICE, audience=API, scope=scope)
    assert response.json["scope"] == granted
    assert ("refresh_token" in response.json) == ("offline_access" in granted)


def test_a_user_gets_no_more_than_his_roles_allow(world: World) -> None:
    """Role-based access control counts here too."""
    bob = {**ALICE, "username": "bob@example.com", "password": "bob-password"}
    for form, scope in ((ALICE, "read:x"), (bob, None)):
        response = world.token(**form, audience="https://rbac.example.com", scope="read:x write:x")
        assert response.json.get("scope") == scope


@pytest.mark.parametrize(
    ("change", "status", "expected"),
    [
        ({"password": "wrong"}, 403, WRONG),
        ({"password": "ALICE-PASSWORD"}, 403, WRONG),
        ({"password": "alice-password\x00"}, 403, WRONG),
        ({"password": "ü" * 100}, 403, WRONG),
        ({"username": "nobody@example.com"}, 403, WRONG),
        ({"username": "gail@example.com"}, 403, WRONG),
        ({"username": "sam@example.com", "password": "sam-password"}, 403, WRONG),
        ({"username": None}, 400, ("invalid_request", "Missing required parameter: username")),
        ({"password": None}, 400, ("invalid_request", "Missing required parameter: password")),
        (
            {"audience": "https://nowhere"},
            400,
            ("invalid_request", "invalid audience specified for password grant exchange"),
        ),
        ({"username": "mallory@example.com", "password": "pw"}, 403, ("unauthorized", "user is blocked")),
        ({"username": "mallory@example.com", "password": "wrong"}, 403, WRONG),
    ],
)
@pytest.mark.parametrize("form", [ALICE, REALM], ids=["password", "realm"])
def test_refusals(
    world: World, form: dict[str, str], change: dict[str, str | None], status: int, expected: tuple[str, str]
) -> None:
    """Wrong name and wrong password are one answer (recorded)."""
    response = world.token(**{**form, **change})
    assert (response.status_code, error(response)) == (status, expected)


@pytest.mark.parametrize("name", ["ALICE@example.com", " alice@example.com"])
def test_the_case_of_an_email_does_not_count(world: World, name: str) -> None:
    """Nor blanks around it."""
    assert world.token(**{**ALICE, "username": name}).status_code == 200


@pytest.mark.parametrize("realm", ["nowhere", "google-oauth2", "staff", "con_x"])
def test_a_realm_is_a_database_of_the_client(world: World, realm: str) -> None:
    """Unknown, no database, or not enabled for the client."""
    response = world.token(**{**REALM, "realm": realm})
    assert (response.status_code, error(response)) == (400, ("invalid_request", f"Unknown realm {realm}."))


def test_a_realm_is_needed(world: World) -> None:
    """By the realm grant only."""
    response = world.token(**{**REALM, "realm": None})
    assert error(response) == ("invalid_request", "Missing required parameter: realm")


def test_without_a_default_directory_the_tenant_is_not_configured(make_world: Any) -> None:
    """A 500 of the real service (reported many times), and no bug of ours."""
    world = make_world({"tenant": {"default_directory": None}})
    response = world.token(**ALICE)
    assert response.status_code == 500
    assert error(response) == ("server_error", "Authorization server not configured with default connection.")
    assert world.token(**REALM).status_code == 200


def test_the_default_directory_must_be_enabled_for_the_client(make_world: Any) -> None:
    """A client gets nobody in by a connection that it may not use."""
    world = make_world({"tenant": {"default_directory": "staff"}})
    sam = {"username": "sam@example.com", "password": "sam-password"}
    assert error(world.token(**{**ALICE, **sam})) == ("invalid_request", "the connection was disabled")
    other = {"client_id": "other", "client_secret": "other-secret"}
    assert world.token(**{**ALICE, **sam, **other}).status_code == 200


def test_a_linked_password_logs_in_as_the_primary(world: World) -> None:
    """`sub` is the account that the identity belongs to (§3.4)."""
    world.idp.link("gail@example.com", "bob@example.com")
    response = world.token(
        **{**ALICE, "username": "bob@example.com", "password": "bob-password"}, scope="openid"
    )
    assert claims_of(response.json["id_token"])["sub"] == "google-oauth2|1001"


def test_a_login_is_counted(world: World) -> None:
    """`logins_count`, `last_login`; a wrong password is not."""
    world.token(**ALICE)
    world.token(**{**ALICE, "password": "wrong"})
    assert world.user("alice@example.com").document["logins_count"] == 1
