"""What rules do to an answer: statuses, bodies, headers, delays, broken connections, limits, keys."""

from __future__ import annotations

import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from counting import lines
from rules_world import ALICE, TIMEOUT, App
from werkzeug.test import Client

from mockidp import UsageError
from mockidp.server import MockIdp

OAUTH, API, PLAIN = "POST /oauth/token", "GET /api/v2/users/{id}", "GET /userinfo"


@pytest.fixture
def app(idp: MockIdp) -> App:
    return App(idp)


def ask(app: App, operation: str, **form: str) -> requests.Response:
    method, _, path = operation.partition(" ")
    path = path.replace("{id}", "auth0%7Cx")
    return requests.request(method, app.idp.url + path, data=form, timeout=TIMEOUT, allow_redirects=False)


LIMIT = "Global limit has been reached"
ANSWERS: list[tuple[str, dict[str, Any], int, dict[str, Any]]] = [
    (OAUTH, {"status": 429}, 429, {"error": "too_many_requests", "error_description": LIMIT}),
    (OAUTH, {"status": 401}, 401, {"error": "access_denied", "error_description": "Unauthorized"}),
    (OAUTH, {"status": 403}, 403, {"error": "access_denied", "error_description": "Unauthorized"}),
    (OAUTH, {"status": 503}, 503, {"error": "temporarily_unavailable"}),
    (OAUTH, {"status": 502}, 502, {"error": "server_error"}),
    (OAUTH, {"error": "invalid_grant"}, 403, {"error_description": "Invalid authorization code"}),
    (OAUTH, {"error": "access_denied"}, 401, {"error_description": "Unauthorized"}),
    (OAUTH, {"error": "slow_down"}, 429, {"error": "slow_down"}),
    (OAUTH, {"error": "mine", "description": "x"}, 400, {"error": "mine", "error_description": "x"}),
    (OAUTH, {"error": "mine", "status": 409}, 409, {"error": "mine"}),
    (API, {"status": 429}, 429, {"statusCode": 429, "message": LIMIT, "errorCode": "too_many_requests"}),
    (API, {"status": 401}, 401, {"statusCode": 401, "error": "Unauthorized", "message": "Invalid token"}),
    (API, {"status": 403}, 403, {"errorCode": "insufficient_scope"}),
    (API, {"status": 404}, 404, {"errorCode": "inexistent_user", "message": "The user does not exist."}),
    (API, {"status": 500}, 500, {"statusCode": 500, "error": "Internal Server Error"}),
    (API, {"error": "inexistent_user"}, 404, {"statusCode": 404, "error": "Not Found"}),
    (API, {"error": "mine", "status": 409}, 409, {"statusCode": 409, "errorCode": "mine"}),
    ("POST /api/v2/users", {"status": 409}, 409, {"errorCode": "auth0_idp_error"}),
    ("POST /api/v2/users/{id}/identities", {"status": 409}, 409, {"errorCode": "identity_conflict"}),
    ("GET /api/v2/clients", {"status": 404}, 404, {"message": "Not Found"}),
    (PLAIN, {"status": 429}, 429, {"error": "too_many_requests"}),
    (PLAIN, {"status": 503}, 503, {"error": "temporarily_unavailable"}),
    (
        "POST /dbconnections/signup",
        {"status": 400},
        400,
        {"name": "BadRequestError", "code": "invalid_signup", "statusCode": 400},
    ),
    ("POST /dbconnections/signup", {"error": "user_exists"}, 400, {"code": "user_exists"}),
    ("POST /dbconnections/signup", {"status": 429}, 429, {"error": "too_many_requests"}),
    ("POST /unlink", {"status": 401}, 401, {"error": "access_denied"}),
    (OAUTH, {"body": {"a": [1]}}, 200, {"a": [1]}),
    (OAUTH, {"body": '{"a": 1}', "status": 201}, 201, {"a": 1}),
]


@pytest.mark.parametrize(("operation", "then", "status", "body"), ANSWERS)
def test_the_endpoints_own_answer(
    idp: MockIdp, app: App, operation: str, then: dict[str, Any], status: int, body: dict[str, Any]
) -> None:
    """A status or an error alone is answered in the words of that endpoint."""
    idp.on(operation).respond(**then)
    answer = ask(app, operation)
    assert answer.status_code == status
    assert answer.json().items() >= body.items(), answer.text


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({"grant_type": "refresh_token"}, "Unknown or invalid refresh token."),
        ({"grant_type": "password"}, "Wrong email or password."),
        ({"grant_type": "authorization_code"}, "Invalid authorization code"),
    ],
)
def test_a_refused_grant(idp: MockIdp, app: App, form: dict[str, str], text: str) -> None:
    """403 means what the grant type makes of it."""
    idp.fail(OAUTH, status=403)
    assert ask(app, OAUTH, **form).json() == {"error": "invalid_grant", "error_description": text}


def test_scopes_are_those_of_the_operation(idp: MockIdp, app: App) -> None:
    """As the real refusal lists them."""
    idp.fail("GET /api/v2/users", status=403)
    assert "expected any of: read:users" in ask(app, "GET /api/v2/users").json()["message"]


def test_userinfo_refuses_in_plain_text(idp: MockIdp, app: App) -> None:
    """With a challenge (RFC 6750 §3)."""
    idp.fail(PLAIN, status=401)
    answer = app.get("/userinfo")
    assert (answer.status_code, answer.text) == (401, "Unauthorized")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_browser_endpoints_show_a_page(idp: MockIdp, app: App) -> None:
    """Logout in trouble is HTML."""
    idp.fail("GET /v2/logout", status=503)
    answer = app.get("/v2/logout")
    assert answer.status_code == 503
    assert answer.headers["Content-Type"].startswith("text/html")


def test_a_failure_is_500_unless_said_otherwise(idp: MockIdp, app: App) -> None:
    """idp.fail with nothing but the operation."""
    idp.fail(OAUTH)
    assert app.machine().status_code == 500


def test_a_failing_endpoint_does_nothing(idp: MockIdp) -> None:
    """The user of a failed sign-up does not exist."""
    idp.fail("POST /dbconnections/signup", times=1)
    body = {"client_id": "web", "email": "new@example.com", "password": "Str0ng-enough!"}
    body["connection"] = "Username-Password-Authentication"
    for status, there in ((500, False), (200, True)):
        answer = requests.post(f"{idp.url}/dbconnections/signup", json=body, timeout=TIMEOUT)
        assert (answer.status_code, "new@example.com" in idp.users) == (status, there)


def test_an_answer_is_finished_as_any_other(idp: MockIdp, app: App) -> None:
    """Pages may read it, and the usual headers are there; 429 tells when to come back."""
    idp.fail(OAUTH, status=429)
    answer = app.machine(Origin="http://localhost:3000")
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    assert answer.headers["Retry-After"] == "1"
    assert "X-Auth0-RequestId" in answer.headers


def test_headers_of_the_real_answer(idp: MockIdp, app: App) -> None:
    """They are added and removed; the endpoint answers."""
    idp.on(OAUTH).respond(headers={"X-New": "1", "Pragma": None})
    answer = app.machine()
    assert "access_token" in answer.json()
    assert answer.headers["X-New"] == "1"
    assert "Pragma" not in answer.headers


def test_a_success_with_another_status(idp: MockIdp, app: App) -> None:
    """The endpoint's answer under that status; a redirect is the rule's own."""
    idp.on(OAUTH, times=1).respond(202)
    answer = app.machine()
    assert (answer.status_code, "access_token" in answer.json()) == (202, True)
    idp.on(PLAIN).respond(302, headers={"Location": "/elsewhere"})
    assert app.get("/userinfo").headers["Location"] == "/elsewhere"


@pytest.mark.parametrize(
    ("body", "kind"), [("text", "text/plain"), ("<p>", "text/html"), ("[", "application/json")]
)
def test_a_text_is_sent_as_it_is(idp: MockIdp, app: App, body: str, kind: str) -> None:
    """With the type that it looks like."""
    idp.on(PLAIN).respond(503, body)
    answer = app.get("/userinfo")
    assert (answer.text, answer.headers["Content-Type"]) == (body, f"{kind}; charset=utf-8")


def test_a_body_may_be_what_python_has(idp: MockIdp, app: App) -> None:
    """Bytes as they are; objects of the Python interface, tuples and times as JSON."""
    idp.on(PLAIN).respond(503, b"down for a while")
    assert ask(app, PLAIN).text == "down for a while"
    alice = idp.users[ALICE]
    idp.on(PLAIN).respond(200, {"user": alice, "at": (1, datetime(2030, 1, 1, tzinfo=UTC))})
    assert ask(app, PLAIN).json() == {"user": dict(alice), "at": [1, "2030-01-01T00:00:00Z"]}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"body": {"at": object()}}, "'body' of 'then' of the rule is neither a text nor JSON"),
    ({"headers": {"X-Note": "a\r\nSet-Cookie: b"}}, "what header 'X-Note' cannot say: 'a\\r"),
    ({"headers": {"X-Note": "a\n"}}, "what header 'X-Note' cannot say"),
    ({"headers": {"X-Price": "5 €"}}, "write one line of Latin-1"),
    ({"headers": {"X-List": ["a", "b"]}}, "what header 'X-List' cannot say"),
    ({"headers": {"X Note": "a"}}, "no header's name: 'X Note'"),
    ({"headers": {"": "a"}}, "no header's name: ''"),
]


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_what_cannot_be_sent_is_refused_at_once(idp: MockIdp, given: dict[str, Any], message: str) -> None:
    """When the rule is made, not when a request comes."""
    with pytest.raises(UsageError, match=re.escape(message)):
        idp.on(PLAIN).respond(200, **given)


@pytest.mark.parametrize("times", [0, -1, "1", 1.5, False])
def test_how_often_is_a_whole_number(idp: MockIdp, times: Any) -> None:
    """Never is no number of times: without a rule the endpoint answers."""
    with pytest.raises(UsageError, match=f"must be a whole number from 1, or any, not {times!r}".lower()):
        idp.fail(PLAIN, 503, times=times)


def test_a_delay(idp: MockIdp, app: App) -> None:
    """The answer comes no earlier; a reset lets it go."""
    idp.on("GET /.well-known/jwks.json").delay("8ms")
    begin = time.monotonic()
    assert app.get("/.well-known/jwks.json").ok
    assert time.monotonic() - begin >= 0.008


def test_a_reset_ends_the_waiting(idp: MockIdp, app: App) -> None:
    """Nobody waits for an answer of the test before."""
    idp.on("GET /.well-known/jwks.json").delay("1h")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(app.get, "/.well-known/jwks.json")
        while not idp.rules.uses or not idp.rules.uses[0].times:
            time.sleep(0.001)
        idp.reset()
        assert answer.result(TIMEOUT).ok


def test_a_foreign_host_gets_no_scripted_answer(idp: MockIdp, app: App) -> None:
    """A page that was rebound (DNS) reads nothing."""
    idp.on("GET /userinfo").respond(200, json={"secret": 1})
    assert app.get("/userinfo", Host="evil.example").status_code == 421
    assert app.get("/userinfo").json() == {"secret": 1}


def test_a_slow_body(idp: MockIdp, app: App) -> None:
    """It comes whole, in pieces."""
    whole = app.get("/.well-known/jwks.json").content
    idp.on("GET /.well-known/jwks.json").trickle("8ms")
    begin = time.monotonic()
    answer = app.get("/.well-known/jwks.json")
    assert answer.content == whole
    assert answer.headers["Content-Length"] == str(len(whole))
    assert time.monotonic() - begin >= 0.008


def test_malformed_json(idp: MockIdp, app: App) -> None:
    """A complete answer with half of the JSON."""
    idp.on(OAUTH).malformed()
    answer = app.machine()
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


def test_the_connection_is_dropped(idp: MockIdp, app: App) -> None:
    """The client hears nothing, the endpoint did nothing, and the next connection works."""
    idp.on(OAUTH, times=1).drop()
    with pytest.raises(requests.exceptions.ConnectionError):
        app.machine()
    assert idp.requests[-1].status is None
    assert app.machine().status_code == 200


@pytest.mark.parametrize("when", ["before", "midway"])
def test_a_tls_connection_is_dropped(idp: MockIdp, when: str) -> None:
    """As one in plain text."""
    idp.on("GET /.well-known/jwks.json", times=1).drop(when)
    url = f"{idp.https_url}/.well-known/jwks.json"
    with pytest.raises((requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        requests.get(url, verify=idp.ca_path, timeout=TIMEOUT)
    assert requests.get(url, verify=idp.ca_path, timeout=TIMEOUT).ok


def test_the_connection_is_dropped_in_the_middle(idp: MockIdp) -> None:
    """The head promises more than comes."""
    idp.on("GET /.well-known/jwks.json").drop("midway")
    host, port = idp.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=TIMEOUT) as connection:
        connection.sendall(b"GET /.well-known/jwks.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    promised = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    assert 0 < len(body) < int(promised.split(b":")[1])


@pytest.mark.parametrize("when", ["before", "midway"])
def test_a_client_without_a_connection_sees_a_reset(idp: MockIdp, when: str) -> None:
    """A WSGI transport has nothing to close."""
    idp.on("GET /.well-known/jwks.json").drop(when)
    with pytest.raises(ConnectionResetError):
        Client(idp.app).get("/.well-known/jwks.json").get_data()


def test_a_rate_limit_is_over_by_the_tenants_clock(idp: MockIdp, app: App) -> None:
    """429 until then, with the headers that say when."""
    idp.clock.freeze("2030-01-01T00:00:00Z")
    idp.on(OAUTH).rate_limit(per="1m")
    answer = app.machine()
    assert (answer.status_code, answer.json()["error"]) == (429, "too_many_requests")
    assert answer.headers["Retry-After"] == "60"
    assert answer.headers["X-RateLimit-Reset"] == str(int(idp.clock.now()) + 60)
    idp.clock.advance(59)
    assert app.machine().headers["Retry-After"] == "1"
    idp.clock.advance(1)
    assert [app.machine().status_code for _ in range(3)] == [200, 200, 200]


def test_a_limit_lets_some_through(idp: MockIdp, app: App) -> None:
    """The headers count down, and each window begins anew."""
    idp.clock.freeze("2030-01-01T00:00:00Z")
    idp.on(OAUTH).rate_limit(2, "1m")
    for _ in range(2):
        answers = [app.machine() for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
        assert answers[0].headers["X-RateLimit-Limit"] == "2"
        idp.clock.advance(minutes=1)


def test_keys_rotate(idp: MockIdp, app: App) -> None:
    """The next key signs, and is published; stale, it is not, until the cache is fresh."""
    kids = [idp.state.keys.current().kid]

    def published() -> list[str]:
        return [key["kid"] for key in app.get("/.well-known/jwks.json").json()["keys"]]

    idp.clock.freeze("2030-01-01T00:00:00Z")
    idp.on(OAUTH, times=1).rotate_keys()
    app.machine()
    kids.append(idp.state.keys.current().kid)
    assert kids[0] != kids[1]
    assert {*kids} <= {*published()}
    idp.on(OAUTH, times=1).rotate_keys(stale="5m")
    app.machine()
    kids.append(idp.state.keys.current().kid)
    assert kids[2] not in published()
    assert kids[1] in published()
    idp.clock.advance(minutes=5)
    assert kids[2] in published()


def test_one_rule_does_several_things(idp: MockIdp, app: App) -> None:
    """Its words add up."""
    idp.clock.freeze("2030-01-01T00:00:00Z")
    before = idp.clock.now()
    idp.on(PLAIN).advance("1h").delay("1ms").respond(503).respond(headers={"X-A": "b"})
    answer = app.get("/userinfo", Authorization=f"Bearer {idp.token(ALICE)}")
    assert (answer.status_code, answer.headers["X-A"], idp.clock.now() - before) == (503, "b", 3600)


def test_no_rules_cost_nothing(idp: MockIdp) -> None:
    """Less than ten lines for a request."""
    rules = idp.rules
    request: Any = object()
    answer: Any = object()
    layered = rules.layer(lambda request: answer)
    assert lines(lambda: layered(request)) < 10
