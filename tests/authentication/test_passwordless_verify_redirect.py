"""`GET /passwordless/verify_redirect`: the mailed link, and auth0.js with a code (reference §6.5)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest
from authentication_world import CALLBACK, LOCAL, World, answer, claims_of, error
from passwordless_world import ANN, CHANGES, NEW, PHONE, code_for, link_for, log_in
from test_hostile_requests import TEXTS, check

PATH = "/passwordless/verify_redirect"
WRONG = ("unauthorized", "Wrong email or verification code.")


@pytest.fixture
def world(make_world: Any) -> World:
    """A tenant with passwordless connections."""
    made: World = make_world(CHANGES)
    return made


def test_the_link_logs_in(world: World) -> None:
    """Whoever opens it is sent to the application with a code, and has a session."""
    response = world.get(link_for(world))
    given = answer(response)
    assert given["state"] == "S"
    tokens = world.redeem(given["code"]).json
    assert claims_of(tokens["id_token"])["email"] == ANN
    assert "code" in answer(world.authorize(prompt="none"))


def test_the_first_link_makes_the_account(world: World) -> None:
    """As the first code does."""
    given = answer(world.get(link_for(world, email=NEW)))
    assert claims_of(world.redeem(given["code"]).json["id_token"])["email_verified"] is True
    assert world.user(NEW).main.provider == "email"
    assert world.user(NEW).document["logins_count"] == 1


def test_the_answer_is_what_was_asked_for(world: World) -> None:
    """`authParams` are the authorization request: tokens in the fragment, to another callback."""
    params = {"response_type": "id_token", "nonce": "n", "redirect_uri": LOCAL, "scope": "openid email"}
    link = link_for(world, client_id="implicit", client_secret=None, authParams=params)
    response = world.get(link)
    assert response.location.startswith(f"{LOCAL}#id_token=")
    assert claims_of(answer(response)["id_token"])["nonce"] == "n"


def test_without_parameters_the_clients_first_callback_gets_a_code(world: World) -> None:
    """As /authorize without a redirect URI."""
    response = world.get(link_for(world, authParams=None))
    assert response.location.startswith(f"{CALLBACK}?code=")


def test_a_link_gives_no_refresh_token(world: World) -> None:
    """Documentation, "Passwordless Connection Limitations"."""
    params = {"redirect_uri": CALLBACK, "scope": "openid offline_access"}
    given = answer(world.get(link_for(world, authParams=params)))
    tokens = world.redeem(given["code"]).json
    assert "refresh_token" not in tokens
    assert tokens["scope"] == "openid"


def test_a_code_that_a_page_took_logs_in(world: World) -> None:
    """What `passwordlessVerify` of auth0.js leaves for, here by SMS."""
    code = code_for(world, connection="sms", email=None, phone_number=PHONE)
    query = {
        "client_id": "web",
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "openid",
        "state": "S",
        "protocol": "oauth2",
        "_intstate": "deprecated",
        "connection": "sms",
        "phone_number": PHONE,
        "verification_code": code,
        "auth0Client": "e30=",
    }
    given = answer(world.get(f"{PATH}?{urlencode(query)}"))
    assert world.redeem(given["code"]).status_code == 200


def test_the_link_is_good_once(world: World) -> None:
    """The second time the application is told, and nobody is logged in."""
    link = link_for(world)
    world.get(link)
    again = world.another_browser()
    response = again.get(link)
    assert error(response) == WRONG
    assert answer(response)["state"] == "S"
    assert error(again.authorize(prompt="none"))[0] == "login_required"


def test_of_many_at_once_one_gets_in(world: World) -> None:
    """The code in the link is taken atomically."""
    link = link_for(world, email=NEW)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: answer(world.another_browser().get(link)), range(16)))
    assert sum("code" in given for given in answers) == 1


def test_looking_at_the_link_does_not_use_it_up(world: World) -> None:
    """HEAD, as mail scanners ask, is safe (RFC 9110 §9.2.1)."""
    link = link_for(world)
    assert world.open("HEAD", link).status_code == 200
    assert "code" in answer(world.get(link))


def test_the_link_expires(world: World) -> None:
    """With its code."""
    link = link_for(world)
    world.clock.advance(seconds=180)
    assert error(world.get(link)) == (
        "unauthorized",
        "The verification code has expired. Please try to login again.",
    )


def test_a_newer_code_makes_the_link_worthless(world: World) -> None:
    """An address has one code, mailed or in a link (documented); the code in a link can be typed."""
    link, code = link_for(world), code_for(world)
    assert error(world.get(link)) == WRONG
    assert log_in(world, code).status_code == 200


def test_a_refused_request_does_not_use_the_link_up(world: World) -> None:
    """The code is looked at when all else is in order."""
    link = link_for(world)
    assert world.get(f"{link}&audience=https%3A%2F%2Fnowhere").status_code == 302
    evil = link.replace("app.example.com", "evil.example")
    response = world.get(evil)
    assert (response.status_code, "evil" in response.headers.get("Location", "")) == (403, False)
    assert "code" in answer(world.get(link))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"connection": ""}, ("invalid_request", "Missing required parameter: connection")),
        ({"email": ""}, ("invalid_request", "Missing required parameter: email")),
        (
            {"verification_code": ""},
            ("invalid_request", "Missing required parameter: verification_code"),
        ),
        ({"connection": "nowhere"}, ("invalid_request", "the connection was not found")),
        ({"connection": "other-email"}, ("invalid_request", "the connection was disabled")),
        (
            {"connection": "google-oauth2"},
            (
                "invalid_request",
                "Invalid connection strategy. It must either be a passwordless connection",
            ),
        ),
        ({"email": NEW}, WRONG),
        ({"email": "x"}, WRONG),
        ({"verification_code": "000000"}, WRONG),
    ],
)
def test_refusals_go_to_the_application(
    world: World, changes: dict[str, str], expected: tuple[str, str]
) -> None:
    """By redirect, with the state; they do not use the code up."""
    code = code_for(world)
    query = {
        "client_id": "web",
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "state": "S",
        "connection": "email",
        "email": ANN,
        "verification_code": code,
    }
    response = world.get(f"{PATH}?{urlencode({**query, **changes})}")
    assert response.location.startswith(f"{CALLBACK}?error=")
    assert error(response) == expected
    assert answer(response)["state"] == "S"
    assert "code" in answer(world.get(f"{PATH}?{urlencode(query)}"))


def test_wrong_links_count(world: World) -> None:
    """Three guesses, and the right one is worth nothing."""
    link = link_for(world)
    code = dict(part.split("=") for part in link.partition("?")[2].split("&"))["verification_code"]
    guess = str((int(code) + 1) % 1_000_000).zfill(6)
    for _ in range(3):
        assert error(world.get(link.replace(code, guess))) == WRONG
    assert error(world.get(link)) == (
        "unauthorized",
        "You've reached the maximum number of attempts. Please try to login again.",
    )


def test_who_was_blocked_meanwhile_is_told(world: World) -> None:
    """The link came before the block."""
    link = link_for(world)
    headers = {"Authorization": f"Bearer {world.idp.management_token()}"}
    world.browser.patch(f"/api/v2/users/{world.user(ANN).user_id}", headers=headers, json={"blocked": True})
    assert error(world.get(link)) == ("unauthorized", "user is blocked")


def test_a_link_replaces_the_session_of_somebody_else(world: World) -> None:
    """Who opens it is who is logged in from then on."""
    world.log_in("alice@example.com")
    world.get(link_for(world))
    silent = answer(world.authorize(prompt="none"))
    assert claims_of(world.redeem(silent["code"]).json["id_token"])["email"] == ANN


def test_a_link_can_link(world: World) -> None:
    """`access_token` among its parameters: the address becomes an identity of that account."""
    token = world.tokens(scope="openid")["access_token"]
    params = {"redirect_uri": CALLBACK, "scope": "openid", "access_token": token}
    given = answer(world.get(link_for(world, authParams=params)))
    alice = world.user("alice@example.com")
    assert claims_of(world.redeem(given["code"]).json["id_token"])["sub"] == alice.user_id
    assert [identity.provider for identity in alice.identities] == ["auth0", "email"]


NAMES = ["client_id", "connection", "email", "verification_code", "redirect_uri", "response_type", "state"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", TEXTS)
def test_no_value_breaks_it(world: World, name: str, text: str) -> None:
    """Texts that no SDK sends: never a fault of ours, never a redirect elsewhere."""
    query = {
        "client_id": "web",
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "connection": "email",
        "email": ANN,
        "verification_code": "000000",
    }
    code_for(world)
    check(world.get(f"{PATH}?{urlencode({**query, name: TEXTS[text]})}"))
