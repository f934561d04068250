"""Linking as current SDKs start it: scope link_account or unlink_account (real-clients.md)."""

from __future__ import annotations

import base64
import hmac
from typing import Any

import jwt
import pytest
from authentication_world import DATABASE, World, answer, claims_of, error

from mockidp.model.user import delete_user

ALICE = "alice@example.com"
GOOGLE = "google-oauth2|1001"
BAD_HINT = ("access_denied", "invalid id_token_hint")


def params(world: World, verb: str = "link", **changes: str | None) -> dict[str, str | None]:
    """Return what auth0-auth-js and auth0-server-python send."""
    usual = {
        "scope": f"openid {verb}_account offline_access",
        "requested_connection": "google-oauth2",
        "requested_connection_scope": "email",
        "id_token_hint": changes.get("id_token_hint", "") or world.tokens()["id_token"],
        "audience": "my-account",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }
    return {**usual, **changes}


def keys(world: World, email: str = ALICE) -> list[str]:
    return [identity.key for identity in world.user(email).identities]


def tokens_of(world: World, response: Any) -> Any:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    return world.redeem(answer(response)["code"], code_verifier=verifier).json


@pytest.mark.parametrize("audience", ["my-account", "http://localhost:4100/me/", None])
def test_a_link_is_made_and_the_code_is_the_primarys(world: World, audience: str | None) -> None:
    """The browser goes to the requested connection; then `sub` is that of the hint."""
    world.log_in()
    sent = params(world, audience=audience)
    page = world.authorize(**sent)
    assert page.location.startswith("/u/upstream?connection=google-oauth2")
    tokens = tokens_of(world, world.answer_login(page, "gail@example.com"))
    alice = world.user(ALICE).user_id
    assert claims_of(tokens["id_token"])["sub"] == alice
    assert tokens["scope"] == "openid offline_access"
    assert "refresh_token" in tokens
    assert keys(world) == [alice, GOOGLE]


def test_an_identity_is_unlinked(world: World) -> None:
    """In the session of the user, without a page; it is an account of its own again."""
    world.idp.link(ALICE, GOOGLE)
    world.log_in()
    tokens = tokens_of(world, world.authorize(**params(world, "unlink")))
    assert claims_of(tokens["id_token"])["sub"] == world.user(ALICE).user_id
    assert keys(world) == [world.user(ALICE).user_id]
    assert keys(world, "gail@example.com") == [GOOGLE]


def test_unlinking_without_a_session_asks_for_a_login(world: World) -> None:
    """At the login page, not at the connection that is to go; by any identity of the user."""
    world.idp.link(ALICE, GOOGLE)
    page = world.authorize(**params(world, "unlink"))
    assert page.location.startswith("/u/login?")
    assert "code" in answer(world.answer_login(page, "", by=GOOGLE))
    assert len(keys(world)) == 1


def test_somebody_else_cannot_unlink(world: World) -> None:
    """Neither by a session nor by a login."""
    world.idp.link(ALICE, GOOGLE)
    world.log_in("bob@example.com")
    page = world.authorize(**params(world, "unlink"))
    assert page.location.startswith("/u/login?")
    response = world.answer_login(page, "bob@example.com")
    assert error(response) == ("access_denied", "the logged-in user is not the one to unlink from")
    assert len(keys(world)) == 2


@pytest.mark.parametrize("max_age", ["0", "100"])
def test_a_session_may_be_too_old_to_unlink(world: World, max_age: str) -> None:
    """`max_age` counts here too."""
    world.idp.link(ALICE, GOOGLE)
    world.log_in()
    world.clock.advance(100)
    page = world.authorize(**params(world, "unlink", max_age=max_age))
    assert page.location.startswith("/u/login?")


@pytest.mark.parametrize(
    ("connection", "text"),
    [
        ("google-oauth2", "the user has no linked identity of connection google-oauth2"),
        (DATABASE, f"the user has no linked identity of connection {DATABASE}"),
    ],
)
def test_what_is_not_linked_cannot_be_unlinked(world: World, connection: str, text: str) -> None:
    """Nor the account's own identity."""
    world.log_in()
    response = world.authorize(**params(world, "unlink", requested_connection=connection))
    assert error(response) == ("access_denied", text)


@pytest.mark.parametrize("verb", ["link", "unlink"])
@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (
            "requested_connection",
            None,
            ("invalid_request", "Missing required parameter: requested_connection"),
        ),
        ("requested_connection", "", ("invalid_request", "Missing required parameter: requested_connection")),
        ("requested_connection", "nowhere", ("invalid_request", "the connection was not found")),
        ("requested_connection", "github", ("invalid_request", "the connection was disabled")),
        ("audience", "https://nowhere", ("access_denied", "Service not found: https://nowhere")),
    ],
)
def test_parameters_are_checked(
    world: World, verb: str, name: str, value: str | None, expected: tuple[str, str]
) -> None:
    """Before anybody is asked to log in."""
    assert error(world.authorize(**params(world, verb, **{name: value}))) == expected


def expired(world: World) -> str:
    token = world.tokens()["id_token"]
    world.clock.advance(36000)
    return str(token)


def signed_with_the_client_secret(world: World) -> str:
    """An RS256 client knows its secret, and could name anybody if that signed ID tokens."""
    claims = {**claims_of(world.tokens()["id_token"]), "sub": world.user("bob@example.com").user_id}
    head, payload, _ = jwt.encode(claims, "x" * 32, algorithm="HS256").split(".")
    signature = hmac.digest(b"web-secret", f"{head}.{payload}".encode(), "sha256")
    return f"{head}.{payload}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def of_nobody(world: World) -> str:
    token = world.tokens("bob@example.com")["id_token"]
    delete_user(world.tenant, world.user("bob@example.com").user_id)
    return str(token)


BAD_HINTS: dict[str, Any] = {
    "nonsense": lambda w: "nonsense",
    "expired": expired,
    "another client's": lambda w: w.tokens(client_id="spa")["id_token"],
    "an access token": lambda w: w.tokens()["access_token"],
    "a refresh token": lambda w: w.tokens(scope="openid offline_access")["refresh_token"],
    "of nobody": of_nobody,
    "signed by the client itself": signed_with_the_client_secret,
    "changed": lambda w: w.tokens()["id_token"][:-8] + "AAAAAAAA",
}


@pytest.mark.parametrize("verb", ["link", "unlink"])
@pytest.mark.parametrize("name", BAD_HINTS)
def test_the_hint_must_be_a_good_id_token_of_this_client(world: World, verb: str, name: str) -> None:
    """It says whose account is changed: a hint that is none changes nothing."""
    response = world.authorize(**params(world, verb, id_token_hint=BAD_HINTS[name](world)))
    assert error(response) == BAD_HINT


@pytest.mark.parametrize("verb", ["link", "unlink"])
def test_a_hint_is_needed(world: World, verb: str) -> None:
    """Without one there is no primary."""
    sent = {**params(world, verb), "id_token_hint": None}
    assert error(world.authorize(**sent)) == ("invalid_request", "Missing required parameter: id_token_hint")


def test_the_hint_of_an_absorbed_account_means_the_one_it_is_part_of(world: World) -> None:
    """Bob was linked to Alice after his token was made."""
    hint = world.tokens("bob@example.com")["id_token"]
    world.idp.link(ALICE, "bob@example.com")
    page = world.authorize(**params(world, id_token_hint=hint))
    world.answer_login(page, "gail@example.com")
    assert keys(world)[2:] == [GOOGLE]


@pytest.mark.parametrize("legacy", [True, False])
def test_it_works_with_and_without_legacy_linking(make_world: Any, legacy: bool) -> None:
    """They are two doors."""
    world = make_world({"mockidp": {"legacy_account_linking": legacy}})
    world.answer_login(world.authorize(**params(world)), "gail@example.com")
    assert GOOGLE in keys(world)


def test_a_plain_login_with_a_hint_links_nothing(world: World) -> None:
    """`requested_connection` alone means nothing."""
    sent = params(world, scope="openid", audience=None)
    world.answer_login(world.authorize(**sent), "gail@example.com")
    assert len(keys(world)) == 1
