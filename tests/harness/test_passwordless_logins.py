"""Passwordless connections in the hands of a test: the browser, login_as, rules, the outbox."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests

from mockidp.errors import UsageError
from mockidp.server import MockIdp

CALLBACK = "http://localhost:3000/callback"
GRANT = "http://auth0.com/oauth/grant-type/passwordless/otp"
MFA = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
ANN, PHONE, GOOGLE = "ann@example.com", "+15550100", "google-oauth2|1"
SEED: dict[str, Any] = {
    "connections": [
        {"name": "email", "strategy": "email"},
        {"name": "sms", "strategy": "sms"},
        {"name": "google-oauth2", "strategy": "google-oauth2"},
    ],
    "clients": [
        {
            "name": "Web",
            "client_id": "web",
            "app_type": "native",
            "callbacks": [CALLBACK],
            "grant_types": ["authorization_code", GRANT],
        }
    ],
    "users": [
        {"email": ANN, "connection": "email"},
        {"phone_number": PHONE, "connection": "sms"},
        {"user_id": GOOGLE, "connection": "google-oauth2", "email": "gail@example.com"},
        {"email": "blocked@example.com", "connection": "email", "blocked": True},
    ],
}


@pytest.fixture(scope="module")
def idp_seed() -> dict[str, Any]:
    """A tenant without a database."""
    return SEED


def authorize(**params: str) -> str:
    asked = {"client_id": "web", "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid"}
    return f"/authorize?{urlencode(asked | params)}"


def who(idp: MockIdp, callback: str) -> str | None:
    """Return whom a callback is about."""
    assert dict(parse_qsl(urlsplit(callback).query))["code"], callback
    return idp.requests[-1].user_id


def test_seeded_users_get_the_ids_of_their_connection(idp: MockIdp) -> None:
    """`email|…` and `sms|…`, as after a first login."""
    assert [user.user_id.partition("|")[0] for user in idp.users] == [
        "email",
        "sms",
        "google-oauth2",
        "email",
    ]
    assert idp.users[PHONE].name == PHONE


@pytest.mark.parametrize(("connection", "user"), [("email", ANN), ("sms", PHONE)])
def test_the_browser_takes_the_code_from_the_outbox(idp: MockIdp, connection: str, user: str) -> None:
    """Over the pages for address and code, to the callback."""
    callback = idp.browser().login(authorize(connection=connection), user)
    assert who(idp, callback) == idp.users[user].user_id
    assert [f"{each.method} {each.path}" for each in idp.requests] == [
        "GET /authorize",
        "GET /u/login/identifier",
        "POST /u/login/identifier",
        "GET /authorize/resume",
        f"GET /u/login/passwordless-{connection}-challenge",
        f"POST /u/login/passwordless-{connection}-challenge",
        "GET /authorize/resume",
    ]
    assert [message.kind for message in idp.outbox] == [f"passwordless_{connection}"]


def test_without_a_connection_the_page_is_used_as_it_is(idp: MockIdp) -> None:
    """The field by who has the address, the button by who is of the social connection."""
    assert who(idp, idp.browser().login(authorize(), ANN)) == idp.users[ANN].user_id
    assert who(idp, idp.browser().login(authorize(), GOOGLE)) == GOOGLE


def test_a_linked_address_logs_in(idp: MockIdp) -> None:
    """As the account that it was linked to."""
    idp.link(GOOGLE, PHONE)
    assert who(idp, idp.browser().login(authorize(connection="sms"), GOOGLE)) == GOOGLE


def test_a_second_factor_follows(idp: MockIdp) -> None:
    """Two codes, two pages: each gets its own."""
    callback = idp.browser().login(authorize(connection="email", acr_values=MFA), ANN)
    assert who(idp, callback) == idp.users[ANN].user_id
    assert [message.kind for message in idp.outbox] == ["passwordless_email", "mfa_oob_code"]


@pytest.mark.parametrize(
    ("connection", "user", "words"),
    [
        ("sms", ANN, r"stuck at .*/u/login/identifier.* \(400\): Enter a valid phone number"),
        ("email", GOOGLE, r"stuck at .*/u/login/identifier.* \(200\): Welcome"),
        ("email", "blocked@example.com", r"the outbox has none for email\|\w+, who is blocked"),
    ],
)
def test_a_login_that_gets_stuck_says_why(idp: MockIdp, connection: str, user: str, words: str) -> None:
    """Without an address of that kind, or a code."""
    with pytest.raises(UsageError, match=words):
        idp.browser().login(authorize(connection=connection), user)


@pytest.mark.parametrize("by", ["login_as", "a rule"])
@pytest.mark.parametrize(("connection", "user"), [("email", ANN), ("sms", PHONE)])
def test_no_page_is_shown(idp: MockIdp, by: str, connection: str, user: str) -> None:
    """`idp.login_as` and a rule's `login` answer these pages as any other; nothing is sent."""
    if by == "login_as":
        idp.login_as(user)
    else:
        idp.on("GET /authorize", {"connection": connection}).login(user)
    answer = requests.get(idp.url + authorize(connection=connection), allow_redirects=False, timeout=5)
    assert who(idp, answer.headers["Location"]) == idp.users[user].user_id
    assert len(idp.outbox) == 0


def test_a_rule_may_refuse(idp: MockIdp) -> None:
    """`deny` in place of the page."""
    idp.on("GET /authorize", {"connection": "sms"}).deny("access_denied", "Not today")
    answer = requests.get(idp.url + authorize(connection="sms"), allow_redirects=False, timeout=5)
    assert "error=access_denied&error_description=Not%20today" in answer.headers["Location"]


def test_somebody_answers_when_the_code_is_asked_for(idp: MockIdp) -> None:
    """`login_as` in the middle of a login."""
    browser = idp.browser()
    browser.get(authorize(connection="email"))
    idp.login_as(PHONE)
    assert who(idp, str(browser.fill(username=ANN).location)) == idp.users[PHONE].user_id


@pytest.mark.parametrize("user", [ANN, PHONE])
def test_rules_know_whom_a_code_is_for(idp: MockIdp, user: str) -> None:
    """`where: {user: …}` at /passwordless/start, by e-mail or phone number."""
    rule = idp.on("POST /passwordless/start", {"user": user}, times=1)
    rule.respond(error="sms_provider_error", description="The number is unknown (Code: 21211)")
    for connection, member, address in (("email", "email", ANN), ("sms", "phone_number", PHONE)):
        body = {"client_id": "web", "connection": connection, member: address, "send": "code"}
        answer = requests.post(f"{idp.url}/passwordless/start", json=body, timeout=5)
        expected = {"error": "sms_provider_error", "error_description": "The number is unknown (Code: 21211)"}
        assert (answer.json() == expected) is (address == user)
        assert answer.status_code == (400 if address == user else 200)
    assert rule.times == 1


def test_a_grant_fails_in_its_own_words(idp: MockIdp) -> None:
    """A rule that says `invalid_grant`, or the status alone."""
    idp.fail("POST /oauth/token", error="invalid_grant", times=1)
    idp.fail("POST /oauth/token", status=403, times=1)
    form = {"grant_type": GRANT, "client_id": "web", "realm": "email", "username": ANN, "otp": "1"}
    for _ in range(2):
        answer = requests.post(f"{idp.url}/oauth/token", data=form, timeout=5)
        assert (answer.status_code, answer.json()["error"]) == (403, "invalid_grant")
        assert answer.json()["error_description"] == "Wrong email or verification code."


def test_two_users_with_one_phone_number(idp: MockIdp) -> None:
    """Like two with one e-mail: the test has to say which."""
    idp.add_user(user_id="google-oauth2|2", connection="google-oauth2", phone_number=PHONE)
    for use in (idp.login_as, lambda user: idp.browser().login(authorize(), user)):
        with pytest.raises(UsageError, match=rf"2 users .* '\{PHONE}'; name one by its user_id: "):
            use(PHONE)
