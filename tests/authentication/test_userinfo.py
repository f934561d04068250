"""GET and POST /userinfo (§5.1)."""

from __future__ import annotations

from typing import Any

import pytest
from authentication_world import API, World, answer

from mockidp.model.user import delete_user, put_user, rewrite

REALM = 'Bearer realm="Users"'


def test_the_answer_is_as_recorded(world: World) -> None:
    """Order, date form, content type and CORS headers (§1.4, §5.1)."""
    response = world.userinfo(world.tokens()["access_token"])
    user = world.user("alice@example.com")
    assert response.status_code == 200
    expected = ["sub", "nickname", "name", "picture", "updated_at", "email", "email_verified"]
    assert list(response.json) == expected
    assert response.json["sub"] == user.user_id
    assert response.json["nickname"] == "alice"
    assert response.json["name"] == "alice@example.com"
    assert response.json["updated_at"] == user.document["updated_at"]
    assert response.json["email_verified"] is False
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Access-Control-Allow-Credentials"] == "false"


@pytest.mark.parametrize(
    "send",
    [
        lambda w, t: w.get("/userinfo", headers={"Authorization": f"Bearer {t}"}),
        lambda w, t: w.get("/userinfo", headers={"Authorization": f"bearer  {t} "}),
        lambda w, t: w.post("/userinfo", headers={"Authorization": f"Bearer {t}"}),
        lambda w, t: w.get("/userinfo", query_string={"access_token": t}),
        lambda w, t: w.post("/userinfo", data={"access_token": t}),
        lambda w, t: w.post("/userinfo", query_string={"access_token": t}),
        lambda w, t: w.get("/userinfo/", headers={"Authorization": f"Bearer {t}"}),
    ],
)
def test_the_token_comes_in_a_header_a_query_or_a_form(world: World, send: Any) -> None:
    """passport-auth0 puts it into the query."""
    response = send(world, world.tokens()["access_token"])
    assert response.status_code == 200, response.headers


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"headers": {"Authorization": ""}},
        {"headers": {"Authorization": "Bearer"}},
        {"headers": {"Authorization": "Bearer "}},
        {"headers": {"Authorization": "Basic eDp5"}},
        {"headers": {"Authorization": "Token x"}},
        {"query_string": {"access_token": ""}},
        {"json": {"token": "x"}},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_a_token_there_is_nothing(world: World, method: str, options: dict[str, Any]) -> None:
    """401, plain text, and a challenge without an error (RFC 6750 §3)."""
    response = world.open(method, "/userinfo", **options)
    assert (response.status_code, response.text) == (401, "Unauthorized")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["WWW-Authenticate"] == REALM


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "....", "ü", "x" * 50_000, '"', "a b"])
def test_a_bad_token_is_challenged(world: World, token: str) -> None:
    """With the error in the header, and one header only."""
    for response in (world.userinfo(token), world.get("/userinfo", query_string={"access_token": token})):
        assert (response.status_code, response.text) == (401, "Unauthorized")
        assert response.headers["WWW-Authenticate"].startswith(f'{REALM}, error="invalid_token", ')
        assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_a_foreign_signature_has_the_recorded_description(world: World) -> None:
    """To the letter, with its hint at HS256 and audiences."""
    token = world.tokens(audience=API)["access_token"]
    challenge = world.userinfo(token[:-10] + "A" * 10).headers["WWW-Authenticate"]
    assert challenge == (
        f'{REALM}, error="invalid_token", error_description="The access token signature could not be '
        "validated. A common cause of this is requesting multiple audiences for an access token signed with "
        "HS256, as that signature scheme requires only a single recipient for its security. Please change "
        'your API to employ RS256 if you wish to have multiple audiences for your access tokens"'
    )


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"scope": "openid"}, 200),
        ({"scope": "profile email"}, 401),
        ({"audience": API, "scope": "openid"}, 200),
        ({"audience": API, "scope": "read:x"}, 401),
        ({"audience": "https://hs256.example.com", "scope": "openid"}, 401),
    ],
)
def test_openid_is_needed(world: World, params: dict[str, str], status: int) -> None:
    """A token for an API alone is not for here."""
    assert world.userinfo(world.tokens(**params)["access_token"]).status_code == status


@pytest.mark.parametrize(
    ("audience", "lifetime", "front"),
    [(None, 86400, 7200), (API, 1000, 500)],
)
def test_a_token_ends_with_its_lifetime(
    world: World, audience: str | None, lifetime: int, front: int
) -> None:
    """By the tenant's clock, to the second."""
    back = world.tokens(audience=audience)["access_token"]
    web = answer(world.log_in(audience=audience, response_type="token"))["access_token"]
    world.clock.advance(front - 1)
    assert world.userinfo(web).status_code == 200
    world.clock.advance(1)
    assert world.userinfo(web).status_code == 401
    assert 'error_description="The access token expired"' in world.userinfo(web).headers["WWW-Authenticate"]
    world.clock.advance(lifetime - front - 1)
    assert world.userinfo(back).status_code == 200
    world.clock.advance(1)
    assert world.userinfo(back).status_code == 401


@pytest.mark.parametrize("change", ["delete", "block", "link"])
def test_the_user_must_still_be_there(world: World, change: str) -> None:
    """Deleted, blocked, or absorbed by another account."""
    token = world.tokens("bob@example.com")["access_token"]
    bob = world.user("bob@example.com")
    if change == "delete":
        delete_user(world.tenant, bob.user_id)
    elif change == "block":
        put_user(world.tenant, rewrite(bob, {"blocked": True}))
    else:
        world.idp.link("alice@example.com", bob.user_id)
    assert world.userinfo(token).status_code == 401


def test_claims_are_those_of_now(world: World) -> None:
    """Not of the login."""
    token = world.tokens()["access_token"]
    put_user(world.tenant, rewrite(world.user("alice@example.com"), {"nickname": "Ally", "given_name": "A"}))
    body = world.userinfo(token).json
    assert (body["nickname"], body["given_name"]) == ("Ally", "A")


def test_phone_and_address_are_shown_by_their_scopes(make_world: Any) -> None:
    """With the claim names of OpenID Connect; what is not there is left out."""
    user = {
        "user_id": "google-oauth2|7",
        "connection": "google-oauth2",
        "email": "pat@example.com",
        "phone_number": "+4915112345",
        "phone_verified": True,
        "locale": "de",
    }
    world = make_world({"users": [user]})
    token = world.tokens("pat@example.com", scope="openid phone address")["access_token"]
    assert world.userinfo(token).json == {
        "sub": "google-oauth2|7",
        "phone_number": "+4915112345",
        "phone_number_verified": True,
    }


def test_a_token_is_accepted_under_every_name_of_the_tenant(world: World) -> None:
    """Issued as localhost, used as 127.0.0.1 over https."""
    token = world.tokens()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    for url in ("http://127.0.0.1:4100/", "https://localhost:4100/", "http://[::1]:4100/"):
        assert world.get("/userinfo", base_url=url, headers=headers).status_code == 200
