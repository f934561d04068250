"""Which requests a rule means, and which of several rules answers."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from rules_world import ALICE, BOB, TIMEOUT, App

from mockidp.errors import UsageError
from mockidp.server import MockIdp

TEAPOT = 418


@pytest.fixture
def app(idp: MockIdp) -> App:
    return App(idp)


MEANT: list[tuple[dict[str, Any], bool]] = [
    ({"grant_type": "client_credentials"}, True),
    ({"grant_type": "password"}, False),
    ({"scope": None}, True),
    ({"client_id": None}, False),
    ({"form": {"client_id": "m2m"}}, True),
    ({"query": {"client_id": "m2m"}}, False),
    ({"headers": {"x-colour": "red"}}, True),
    ({"headers": {"X-Colour": "blue"}}, False),
    ({"headers": {"X-Other": None}}, True),
    ({"client": "m2m"}, True),
    ({"client": "M2M"}, True),
    ({"client": "Web"}, False),
    ({"user": ALICE}, False),
    ({"call": 1}, True),
    ({"call": [1, 2]}, True),
    ({"call": 2}, False),
    ({"grant_type": "client_credentials", "client": "Web"}, False),
]


@pytest.mark.parametrize(("where", "meant"), MEANT, ids=str)
def test_where(idp: MockIdp, app: App, where: dict[str, Any], meant: bool) -> None:
    """Parameters, headers, the client, the user and the number of the call all have to hold."""
    idp.on("POST /oauth/token", where).respond(TEAPOT)
    assert (app.machine(**{"X-Colour": "red"}).status_code == TEAPOT) is meant


@pytest.mark.parametrize(
    ("operation", "meant"),
    [
        ("GET /api/v2/users/{id}", True),
        ("* /api/v2/users/{id}", True),
        ("GET /api/v2/*", True),
        ("* /*", True),
        ("GET /api/v2/users/auth0%7Cx", True),
        ("GET /api/v2/users/auth0|x", True),
        ("PATCH /api/v2/users/{id}", False),
        ("GET /api/v2/users", False),
        ("GET /api/v2/users/{id}/roles", False),
        ("GET /api/v2/clients/*", False),
    ],
)
def test_operations(idp: MockIdp, app: App, operation: str, meant: bool) -> None:
    """A path, a template, or all below a path."""
    idp.on(operation).respond(TEAPOT)
    assert (app.get("/api/v2/users/auth0%7Cx").status_code == TEAPOT) is meant


def test_json_is_compared_as_json(idp: MockIdp) -> None:
    """Only the named members of a body, with their types."""
    idp.on("POST /dbconnections/signup", {"json": {"user_metadata": {"age": 7}}}).respond(TEAPOT)
    for age, status in ((7, TEAPOT), ("7", 400)):
        body = {"client_id": "web", "user_metadata": {"age": age, "more": 1}}
        answer = requests.post(f"{idp.url}/dbconnections/signup", json=body, timeout=TIMEOUT)
        assert answer.status_code == status, answer.text


def test_the_user_of_a_token(idp: MockIdp, app: App) -> None:
    """A bearer token says whom a request is about."""
    idp.on("GET /userinfo", {"user": ALICE}).respond(TEAPOT)
    statuses = {who: app.get("/userinfo", Authorization=f"Bearer {idp.token(who)}") for who in (ALICE, BOB)}
    assert {who: answer.status_code for who, answer in statuses.items()} == {ALICE: TEAPOT, BOB: 200}


def test_the_user_of_a_code_and_of_a_refresh_token(idp: MockIdp, app: App) -> None:
    """What is redeemed says whom it is about, and so does a user name."""
    idp.login_as(ALICE)
    tokens = app.log_in(scope="openid offline_access")
    code = app.answer(prompt="login")["code"]
    idp.on("POST /oauth/token", {"user": idp.users[ALICE]}).respond(TEAPOT)
    for form in (
        {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
        {"grant_type": "authorization_code", "code": code},
        {"grant_type": "password", "username": ALICE, "password": "x"},
    ):
        assert app.token(**form).status_code == TEAPOT, form
    assert app.token(grant_type="password", username=BOB, password="x").status_code == 403


def test_a_rule_with_times_is_used_that_often(idp: MockIdp, app: App) -> None:
    """Then the endpoint answers again."""
    rule = idp.fail("POST /oauth/token", status=503, times=2)
    assert [app.machine().status_code for _ in range(4)] == [503, 503, 200, 200]
    assert (rule.times, rule.calls) == (2, 4)


def test_rules_of_one_request_take_turns(idp: MockIdp, app: App) -> None:
    """In the order made: one without times once, the last one for good."""
    idp.fail("POST /oauth/token", status=500)
    idp.fail("POST /oauth/token", status=503, times=2)
    idp.fail("POST /oauth/token", status=429)
    assert [app.machine().status_code for _ in range(6)] == [500, 503, 503, 429, 429, 429]


def test_after_so_many_requests(idp: MockIdp, app: App) -> None:
    """What comes after them comes once, and the control API does not count."""
    idp.clock.freeze("2030-01-01T00:00:00Z")
    before = idp.clock.now()
    idp.on("after 2 requests").advance("1h")
    passed = []
    for _ in range(4):
        app.get("/.well-known/jwks.json")
        app.get("/_mockidp/health")
        passed.append(idp.clock.now() - before)
    assert passed == [0, 3600, 3600, 3600]


def test_a_reset_forgets_the_rules(idp: MockIdp, app: App) -> None:
    """The next test has its own world."""
    idp.fail("POST /oauth/token")
    idp.reset()
    assert app.machine().status_code == 200
    assert idp.rules.uses == ()


def test_the_control_api_is_out_of_reach(idp: MockIdp, app: App) -> None:
    """A rule for everything does not lock the tester out."""
    idp.fail("* /*", status=503)
    assert app.get("/_mockidp/health").status_code == 200
    assert app.get("/userinfo").status_code == 503


WRONG: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("GET", {}, {}, "'GET' is no operation; write method and path"),
    ("GET /x?a=b", {}, {}, "write the path alone"),
    ("after 0 requests", {}, {}, "counts requests from 1"),
    ("after 2 requests", {}, {"status": 500}, "can 'advance', 'travel', 'freeze', 'rate', 'rotate_keys',"),
    ("GET /x", {}, {"freeze": "now", "rate": 2}, "'freeze' and 'rate' do not go together"),
    ("GET /x", {}, {"freeze": "now", "travel": 0}, "'freeze' and 'travel' do not go together"),
    ("GET /x", {}, {"travel": "noon"}, "'travel' of 'then' of the rule: 'noon' is no time"),
    ("GET /x", {}, {"travel": "9001-01-01"}, "the clock cannot show '9001-01-01': it goes from 1970 to 9000"),
    ("GET /x", {}, {"freeze": True}, "must be a time such as 2030-01-01T00:00:00Z, not a boolean"),
    ("GET /x", {}, {"rate": "fast"}, "must be a number such as 60, not a string"),
    ("GET /x", {}, {"rate": -1}, "'-1' is no rate; write how many seconds pass in a real one"),
    ("GET /x", {"call": 0}, {}, "'call' of 'where' of the rule must be a whole number from 1"),
    ("GET /x", {}, {"status": 99}, "must be an HTTP status from 200 to 599, not 99"),
    ("GET /x", {}, {"delay": "soon"}, "'soon' is no duration"),
    ("GET /x", {}, {"drop": "midwy"}, "must be before or midway, not 'midwy'; did you mean 'midway'?"),
    ("GET /x", {}, {"tamper": "expird"}, "did you mean 'expired'?"),
    ("GET /x", {}, {"login": ALICE}, "write 'on: GET /authorize'"),
    ("GET /authorize", {}, {"mfa": "maybe"}, "must be pass or fail, not 'maybe'"),
    ("GET /x", {}, {"error": "x", "body": {}}, "'error' and 'body' do not go together"),
    ("GET /x", {}, {"description": "x"}, "'description' belongs to an 'error'"),
    ("GET /x", {}, {"stauts": 500}, "unknown key 'stauts' in 'then' of the rule; did you mean 'status'?"),
    ("GET /x", {}, {"rate_limit": {"limit": 0}}, "a limit that is no whole number from 1"),
    ("GET /x", {}, {"rate_limit": 60}, "must be true, a duration such as 60s, or {limit, per}, not 60"),
    ("GET /x", {}, {"rotate_keys": "later"}, "must be true, stale or {stale: duration}"),
]


@pytest.mark.parametrize(("operation", "where", "then", "message"), WRONG)
def test_what_is_no_rule_is_refused(
    idp: MockIdp, operation: str, where: dict[str, Any], then: dict[str, Any], message: str
) -> None:
    """At once, in a sentence."""
    with pytest.raises(UsageError) as caught:
        idp.rules.put({"on": operation, "where": where, "then": then})
    assert message in str(caught.value)
