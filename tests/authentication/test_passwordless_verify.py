"""`POST /passwordless/verify`, of the time before /oauth/token took codes (reference §6.5)."""

from __future__ import annotations

from typing import Any

import pytest
from authentication_world import World, claims_of, error
from passwordless_world import ANN, CHANGES, NEW, PHONE, code_for, log_in

PATH = "/passwordless/verify"
WRONG = (401, ("invalid_user_password", "Wrong email or verification code."))


@pytest.fixture
def world(make_world: Any) -> World:
    """A tenant with passwordless connections."""
    made: World = make_world(CHANGES)
    return made


def check(world: World, code: str, **members: Any) -> Any:
    """Ask whether a code is right, as auth0.js does."""
    body = {"client_id": "web", "connection": "email", "email": ANN, "verification_code": code, **members}
    return world.post(PATH, json={name: value for name, value in body.items() if value is not None})


def old_login(world: World, code: str, **members: Any) -> Any:
    """Log in as the documentation has it."""
    body = {
        "grant_type": "password",
        "client_id": "web",
        "connection": "email",
        "username": ANN,
        "password": code,
        "scope": "openid email offline_access",
        **members,
    }
    return world.post(PATH, data={name: value for name, value in body.items() if value is not None})


def test_a_right_code_is_good_afterwards(world: World) -> None:
    """auth0.js goes on with it; any page may ask."""
    code = code_for(world)
    response = check(world, code)
    assert (response.status_code, response.json) == (200, {})
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert log_in(world, code).status_code == 200


def test_a_right_code_by_sms(world: World) -> None:
    """By `phone_number`."""
    code = code_for(world, connection="sms", email=None, phone_number=PHONE)
    assert check(world, code, connection="sms", email=None, phone_number=PHONE).status_code == 200


def test_wrong_codes_are_refused_and_count(world: World) -> None:
    """In the recorded words; after three of them the code is worth nothing."""
    code = code_for(world)
    for _ in range(3):
        response = check(world, "000000")
        assert (response.status_code, error(response)) == WRONG
    assert error(check(world, code))[1].startswith("You've reached the maximum number of attempts.")


def test_the_old_login_gives_tokens(world: World) -> None:
    """As /oauth/ro answered: no refresh token, and `bearer` in small letters."""
    response = old_login(world, code_for(world, email=NEW), username=NEW)
    assert response.status_code == 200
    assert list(response.json) == ["id_token", "access_token", "token_type"]
    assert response.json["token_type"] == "bearer"
    assert claims_of(response.json["id_token"])["email"] == NEW
    assert world.userinfo(response.json["access_token"]).json["email"] == NEW
    assert world.user(NEW).document["logins_count"] == 1


def test_the_old_login_uses_the_code_up(world: World) -> None:
    """Once is enough; an ID token comes with `openid` only."""
    code = code_for(world)
    assert list(old_login(world, code, scope=None).json) == ["access_token", "token_type"]
    response = old_login(world, code)
    assert (response.status_code, error(response)) == WRONG


def test_a_blocked_user_is_told(world: World) -> None:
    """The code came before the block."""
    code = code_for(world)
    headers = {"Authorization": f"Bearer {world.idp.management_token()}"}
    world.browser.patch(f"/api/v2/users/{world.user(ANN).user_id}", headers=headers, json={"blocked": True})
    response = old_login(world, code)
    assert (response.status_code, error(response)) == (401, ("unauthorized", "user is blocked"))


@pytest.mark.parametrize(
    ("changes", "status", "expected"),
    [
        ({"client_id": None}, 400, ("invalid_request", "missing client_id parameter")),
        ({"client_id": "ghost"}, 403, ("unauthorized_client", "invalid client")),
        ({"connection": None}, 400, ("invalid_request", "missing connection parameter")),
        ({"connection": "nowhere"}, 400, ("invalid_request", "the connection was not found")),
        ({"connection": "other-email"}, 400, ("invalid_request", "the connection was disabled")),
        (
            {"connection": "google-oauth2"},
            400,
            ("invalid_request", "specified strategy does not support requested operation"),
        ),
    ],
)
def test_refusals_of_both_forms(
    world: World, changes: dict[str, Any], status: int, expected: tuple[str, str]
) -> None:
    """The texts are those of /oauth/ro."""
    code = code_for(world)
    for ask in (check, old_login):
        response = ask(world, code, **changes)
        assert (response.status_code, error(response)) == (status, expected)


@pytest.mark.parametrize("name", ["email", "verification_code"])
def test_what_a_check_needs(world: World, name: str) -> None:
    """Address and code."""
    response = check(world, "1", **{name: None})
    assert error(response) == ("invalid_request", f"missing {name} parameter")


@pytest.mark.parametrize("name", ["username", "password"])
def test_what_the_old_login_needs(world: World, name: str) -> None:
    """The same by other names."""
    response = old_login(world, "1", **{name: None})
    assert error(response) == ("invalid_request", f"missing {name} parameter")
