"""grant_type=http://auth0.com/oauth/grant-type/passwordless/otp (§4.9)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from authentication_world import API, DATABASE, WEB, World, claims_of, error
from passwordless_world import ANN, CHANGES, GRANT, NEW, PHONE, code_for, log_in, messages, start

from mockidp.model.passwordless import CODES
from mockidp.model.pruning import EVERY

SMS = {"connection": "sms", "email": None, "phone_number": PHONE}
BY_SMS = {"username": PHONE, "realm": "sms"}
WRONG = ("invalid_grant", "Wrong email or verification code.")
EXPIRED = ("invalid_grant", "The verification code has expired. Please try to login again.")
TOO_MANY = ("invalid_grant", "You've reached the maximum number of attempts. Please try to login again.")


@pytest.fixture
def world(make_world: Any) -> World:
    """A tenant with passwordless connections."""
    made: World = make_world(CHANGES)
    return made


def test_a_code_gives_tokens(world: World) -> None:
    """What was asked for; no session begins."""
    response = log_in(world, code_for(world), scope="openid profile email")
    assert response.status_code == 200
    assert response.json["scope"] == "openid profile email"
    claims = world.verified(response.json["id_token"], "web")
    assert (claims["sub"], claims["email"], claims["email_verified"]) == (
        world.user(ANN).user_id,
        ANN,
        True,
    )
    assert "Set-Cookie" not in response.headers
    assert world.userinfo(response.json["access_token"]).json["email"] == ANN


def test_a_code_by_sms_gives_tokens(world: World) -> None:
    """`username` is the phone number."""
    response = log_in(world, code_for(world, **SMS), **BY_SMS, scope="openid profile")
    claims = claims_of(response.json["id_token"])
    assert (claims["name"], claims["sub"].partition("|")[0]) == (PHONE, "sms")
    assert world.idp.users[PHONE].phone_verified is True


def test_an_api_gets_its_scopes(world: World) -> None:
    """Audience and refresh token as with the other grants."""
    response = log_in(world, code_for(world), audience=API, scope="openid read:x offline_access nonsense")
    assert world.verified(response.json["access_token"], API)["scope"] == "openid read:x offline_access"
    assert world.refresh(response.json["refresh_token"]).status_code == 200


@pytest.mark.parametrize("member", ["email", "sms"])
def test_the_first_login_makes_the_account(world: World, member: str) -> None:
    """With the id that /passwordless/start announced, and a verified address."""
    if member == "email":
        announced, username = start(world, email=NEW), NEW
    else:
        username = "+4930123456"
        announced = start(world, **{**SMS, "phone_number": username})
    log_in(world, str(messages(world)[-1].code), username=username, realm=member)
    user = world.idp.users[username]
    bare = announced.json["_id"]
    assert user.user_id == f"{member}|{bare}"
    assert [dict(identity) for identity in user.identities] == [
        {"connection": member, "user_id": bare, "provider": member, "isSocial": False}
    ]
    assert user["email_verified" if member == "email" else "phone_verified"] is True
    assert (user.name, user.logins_count) == (username, 1)


def test_the_second_login_is_the_same_account(world: World) -> None:
    """Nobody is made twice; the address is then verified for /passwordless/start too."""
    first = log_in(world, code_for(world, email=NEW), username=NEW, scope="openid").json
    again = start(world, email=NEW)
    assert again.json["email_verified"] is True
    second = log_in(world, str(messages(world)[-1].code), username=NEW, scope="openid").json
    assert claims_of(first["id_token"])["sub"] == claims_of(second["id_token"])["sub"]
    assert world.user(NEW).document["logins_count"] == 2


def test_a_linked_address_logs_in_as_the_primary(world: World) -> None:
    """`sub` is the account that the identity belongs to (§3.4); the identity is verified."""
    world.idp.link("alice@example.com", PHONE)
    response = log_in(world, code_for(world, **SMS), **BY_SMS, scope="openid")
    alice = world.user("alice@example.com")
    assert claims_of(response.json["id_token"])["sub"] == alice.user_id
    assert alice.identities[1].profileData is not None
    assert alice.identities[1].profileData["phone_verified"] is True


def test_an_identity_without_attributes_is_found_by_its_id(make_world: Any) -> None:
    """A seed may link one without `profileData`; the address leads to its account."""
    first = make_world(CHANGES)
    bare = start(first, email=NEW).json["_id"]
    linked = {"provider": "email", "connection": "email", "user_id": bare}
    alice = {"email": "alice@example.com", "connection": DATABASE, "identities": [linked]}
    world = make_world({**CHANGES, "users": [alice]})
    assert len(world.user("alice@example.com").identities) == 2
    assert log_in(world, code_for(world, email=NEW), username=NEW).status_code == 200
    assert NEW not in world.idp.users


def test_a_code_is_good_once(world: World) -> None:
    """Used, it is as wrong as any other."""
    code = code_for(world)
    assert log_in(world, code).status_code == 200
    response = log_in(world, code)
    assert (response.status_code, error(response)) == (403, WRONG)


def test_of_many_at_once_one_gets_in(world: World) -> None:
    """The code is taken atomically, and makes one account."""
    code = code_for(world, email=NEW)
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda _: log_in(world.another_browser(), code, username=NEW).status_code, range(16))
        )
    assert sorted(answers) == [200] + [403] * 15
    assert world.user(NEW).document["logins_count"] == 1


@pytest.mark.parametrize("code", ["000000", " ", "x" * 1000, "\x00", "é"])
def test_a_wrong_code_is_refused(world: World, code: str) -> None:
    """In the words that SDKs compare."""
    code_for(world)
    response = log_in(world, code)
    assert (response.status_code, error(response)) == (403, WRONG)


def test_a_wrong_code_by_sms_is_refused(world: World) -> None:
    """In its own words."""
    code_for(world, **SMS)
    response = log_in(world, "000000", **BY_SMS)
    assert error(response) == ("invalid_grant", "Wrong phone number or verification code.")


@pytest.mark.parametrize(
    "form", [{"username": NEW}, {"username": "not an address"}, {"username": PHONE, "realm": "sms"}]
)
def test_a_code_is_for_its_address(world: World, form: dict[str, str]) -> None:
    """Of another address, another connection, or none: wrong, and the code stays good."""
    code = code_for(world)
    response = log_in(world, code, **form)
    assert (response.status_code, error(response)[0]) == (403, "invalid_grant")
    assert error(response)[1].startswith("Wrong ")
    assert log_in(world, code).status_code == 200


def test_a_newer_code_makes_the_older_one_worthless(world: World) -> None:
    """Only the last one counts (documented), and it is another one."""
    old, new = code_for(world), code_for(world)
    assert old != new
    assert error(log_in(world, old)) == WRONG
    assert log_in(world, new).status_code == 200


def test_after_three_wrong_codes_the_right_one_is_refused(world: World) -> None:
    """Two are forgiven; a new code begins a new count."""
    code = code_for(world)
    for _ in range(2):
        assert error(log_in(world, "000000")) == WRONG
    assert log_in(world, code).status_code == 200
    code = code_for(world)
    for _ in range(3):
        assert error(log_in(world, "000000")) == WRONG
    response = log_in(world, code)
    assert (response.status_code, error(response)) == (403, TOO_MANY)
    assert log_in(world, code_for(world)).status_code == 200


def test_a_code_expires_after_three_minutes(world: World) -> None:
    """By the tenant's clock; until then it is good."""
    code = code_for(world)
    world.clock.advance(seconds=179)
    assert log_in(world, code).status_code == 200
    code = code_for(world)
    world.clock.advance(seconds=180)
    response = log_in(world, code)
    assert (response.status_code, error(response)) == (403, EXPIRED)
    assert error(log_in(world, code)) == EXPIRED


def test_the_connection_says_how_long_a_code_is_good(make_world: Any) -> None:
    """`options.totp.time_step`, in seconds."""
    longer = {"name": "email", "strategy": "email", "options": {"totp": {"time_step": 600, "length": 6}}}
    world = make_world({**CHANGES, "connections": [*CHANGES["connections"][1:], longer]})
    code = code_for(world)
    world.clock.advance(seconds=599)
    assert log_in(world, code).status_code == 200


@pytest.mark.parametrize("name", ["ANN@example.com", " ann@example.com "])
def test_the_case_of_an_address_does_not_count(world: World, name: str) -> None:
    """Nor blanks around it."""
    assert log_in(world, code_for(world), username=name).status_code == 200


@pytest.mark.parametrize(
    ("form", "status", "expected"),
    [
        ({"username": None}, 400, ("invalid_request", "Missing required parameter: username")),
        ({"otp": None}, 400, ("invalid_request", "Missing required parameter: otp")),
        ({"realm": None}, 400, ("invalid_request", "Missing required parameter: realm")),
        ({"realm": "nowhere"}, 400, ("invalid_request", "Unknown realm nowhere.")),
        ({"realm": "google-oauth2"}, 400, ("invalid_request", "Unknown realm google-oauth2.")),
        ({"realm": "other-email"}, 400, ("invalid_request", "Unknown realm other-email.")),
        (
            {"audience": "https://nowhere"},
            403,
            ("access_denied", "Service not found: https://nowhere"),
        ),
        ({"client_secret": "wrong"}, 401, ("access_denied", "Unauthorized")),
    ],
)
def test_a_refused_request_does_not_use_the_code_up(
    world: World, form: dict[str, str | None], status: int, expected: tuple[str, str]
) -> None:
    """It is looked at when all else is in order."""
    code = code_for(world)
    response = log_in(world, code, **form)
    assert (response.status_code, error(response)) == (status, expected)
    assert log_in(world, code).status_code == 200


def test_the_client_must_have_the_grant_type(make_world: Any) -> None:
    """New clients do not ("Passwordless OTP" under Grant Types)."""
    world = make_world({"connections": CHANGES["connections"]})
    response = log_in(world, code_for(world))
    assert response.status_code == 403
    assert error(response) == ("unauthorized_client", f"Grant type '{GRANT}' not allowed for the client.")


def test_who_was_blocked_meanwhile_is_told(world: World) -> None:
    """The code came before the block."""
    code = code_for(world)
    headers = {"Authorization": f"Bearer {world.idp.management_token()}"}
    world.browser.patch(f"/api/v2/users/{world.user(ANN).user_id}", headers=headers, json={"blocked": True})
    response = log_in(world, code)
    assert (response.status_code, error(response)) == (403, ("unauthorized", "user is blocked"))


def test_codes_of_database_connections_are_said_to_be_missing(world: World) -> None:
    """`auth_session` belongs to /otp/challenge: 501, not a made-up answer."""
    response = world.token(grant_type=GRANT, **WEB, auth_session="x", otp="1")
    assert (response.status_code, response.json["errorCode"]) == (501, "not_emulated")
    assert world.post("/otp/challenge", json={}).status_code == 501


def test_codes_that_are_over_are_forgotten(world: World) -> None:
    """A server that runs for days stays small."""
    for number in range(EVERY):
        world.clock.advance(minutes=5)
        start(world, email=f"u{number}@example.com")
    assert len(world.tenant.store.all(CODES)) == 1


def test_the_same_requests_get_the_same_codes(make_world: Any) -> None:
    """Deterministic by design."""
    one, other = make_world(CHANGES), make_world(CHANGES)
    assert [code_for(one) for _ in range(3)] == [code_for(other) for _ in range(3)]
