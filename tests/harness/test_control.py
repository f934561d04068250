"""/_mockidp: the control API, for tests in any language."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from mockidp.clock import parse_duration
from mockidp.harness.operations import OPERATIONS, ControlError
from mockidp.server import MockIdp

ALICE = "alice@example.com"
AUTHORIZE = {"client_id": "web", "response_type": "code", "redirect_uri": "http://localhost:3000/callback"}


@pytest.fixture(scope="module")
def server() -> Iterator[MockIdp]:
    with MockIdp() as idp:
        yield idp


@pytest.fixture
def idp(server: MockIdp) -> Iterator[MockIdp]:
    server.reset()
    server.clock.freeze("2030-01-01T00:00:00Z")
    yield server
    server.raise_problems()


def call(idp: MockIdp, what: str, body: object = None, **headers: str) -> requests.Response:
    """Call an operation, written `GET health`."""
    method, name = what.split(" ")
    return requests.request(method, f"{idp.url}/_mockidp/{name}", json=body, headers={**headers}, timeout=5)


def answer(idp: MockIdp, what: str, body: object = None, status: int = 200) -> Any:
    response = call(idp, what, body)
    assert response.status_code == status, response.text
    return response.json()


def refusal(idp: MockIdp, what: str, body: object = None) -> str:
    """Return the message of a 400."""
    response = call(idp, what, body)
    assert response.status_code == 400, response.text
    return msgspec.convert(response.json(), ControlError).message


def test_health(idp: MockIdp) -> None:
    """Up, which version, which issuer."""
    health = answer(idp, "GET health")
    assert health["status"] == "ok"
    assert health["issuer"] == idp.issuer


def test_state_shows_the_world(idp: MockIdp) -> None:
    """Users with identities, clients, sessions, the clock."""
    idp.browser().login("/authorize?" + "&".join(f"{k}={v}" for k, v in AUTHORIZE.items()), ALICE)
    state = answer(idp, "GET state")
    assert state["users"][0]["email"] == ALICE
    assert state["users"][0]["identities"][0]["provider"] == "auth0"
    assert [client["client_id"] for client in state["clients"]] == ["web", "spa", "native", "m2m"]
    assert [session["user_id"] for session in state["sessions"]] == [idp.users[ALICE].user_id]
    assert state["clock"]["now"] == "2030-01-01T00:00:00.000Z"
    assert "alice-password" not in call(idp, "GET state").text


def test_requests_are_decoded_and_filtered(idp: MockIdp) -> None:
    """All of them, those of an operation, those after a number."""
    form = {"grant_type": "client_credentials", "client_id": "m2m", "client_secret": "m2m-secret"}
    requests.post(f"{idp.url}/oauth/token", data=form | {"audience": "https://api.example.com"}, timeout=5)
    requests.get(f"{idp.url}/.well-known/jwks.json", timeout=5)
    first, second = answer(idp, "GET requests")
    assert (first["method"], first["path"], first["status"]) == ("POST", "/oauth/token", 200)
    assert first["form"]["grant_type"] == "client_credentials"
    assert first["client_id"] == "m2m"
    assert first["started_at"] == "2030-01-01T00:00:00.000Z"
    assert first["tokens"]["response.access_token"]["claims"]["sub"] == "m2m@clients"
    assert answer(idp, "GET requests?on=GET%20/.well-known/jwks.json") == [second]
    assert answer(idp, "GET requests?after=1") == [second]


def test_the_outbox_is_shown_and_filtered(idp: MockIdp) -> None:
    """Messages as idp.outbox has them."""
    requests.post(
        f"{idp.url}/dbconnections/change_password",
        json={"client_id": "web", "email": ALICE, "connection": "Username-Password-Authentication"},
        timeout=5,
    )
    (message,) = answer(idp, "GET outbox")
    assert message["to"] == ALICE
    assert message["url"] == idp.outbox.last.url
    assert answer(idp, f"GET outbox?to={ALICE}") == [message]
    assert answer(idp, "GET outbox?kind=nothing") == []


CLOCK = [
    ({"freeze": "2031-01-01T00:00:00Z"}, "2031-01-01T00:00:00.000Z", True),
    ({"freeze": 1893456001.5}, "2030-01-01T00:00:01.500Z", True),
    ({"freeze": "now"}, "2030-01-01T00:00:00.000Z", True),
    ({"advance": "1h30m"}, "2030-01-01T01:30:00.000Z", True),
    ({"advance": 90}, "2030-01-01T00:01:30.000Z", True),
    ({"advance": {"days": 1, "seconds": 1}}, "2030-01-02T00:00:01.000Z", True),
    ({"rate": 0}, "2030-01-01T00:00:00.000Z", True),
]


@pytest.mark.parametrize(("body", "now", "frozen"), CLOCK)
def test_the_clock_is_set(idp: MockIdp, body: dict[str, object], now: str, frozen: bool) -> None:
    """Frozen at a time, or moved forward."""
    expected = answer(idp, "POST clock", body)
    assert (expected["now"], expected["frozen"]) == (now, frozen)
    assert answer(idp, "GET clock") == expected


def test_the_clock_runs_again(idp: MockIdp) -> None:
    """Unfrozen it is the real time."""
    running = answer(idp, "POST clock", {"unfreeze": True})
    assert (running["frozen"], running["rate"]) == (False, 1)


@pytest.mark.parametrize(
    ("body", "year", "rate"),
    [({"travel": "2020-06-01T00:00:00Z"}, "2020", 1), ({"travel": 4e9}, "2096", 1), ({"rate": 6}, "2030", 6)],
)
def test_the_clock_runs_elsewhere(idp: MockIdp, body: dict[str, object], year: str, rate: float) -> None:
    """From another moment, forward or back, and at another pace; its state says so."""
    assert answer(idp, "POST clock", body)["now"][:4] == year
    running = answer(idp, "GET clock")
    assert (running["now"][:4], running["frozen"], running["rate"]) == (year, False, rate)
    assert answer(idp, "GET state")["clock"]["rate"] == rate
    idp.reset()
    assert answer(idp, "GET clock")["rate"] == 1


def test_login_as_answers_the_pages(idp: MockIdp) -> None:
    """By e-mail or user_id; null shows the pages again."""
    user_id = idp.users[ALICE].user_id
    assert answer(idp, "POST login-as", {"user": ALICE}) == {"user_id": user_id}
    authorize: dict[str, Any] = {
        "url": f"{idp.url}/authorize",
        "params": AUTHORIZE,
        "allow_redirects": False,
        "timeout": 5,
    }
    assert "code=" in requests.get(**authorize).headers["Location"]
    assert answer(idp, "POST login-as", {"user": None}) == {"user_id": None}
    assert "/u/login" in requests.get(**authorize).headers["Location"]


def test_users_are_added_as_in_a_seed(idp: MockIdp) -> None:
    """The answer is the Management API's user; the password works."""
    user = answer(idp, "POST users", {"email": "dora@example.com", "password": "pw", "name": "Dora"}, 201)
    assert user["user_id"] == idp.users["dora@example.com"].user_id
    assert user["name"] == "Dora"
    assert "password" not in user


def test_tokens_are_issued(idp: MockIdp) -> None:
    """With claims and scope; an ID token where OpenID Connect would give one."""
    asked = {"user": ALICE, "client": "Web", "audience": "https://api.example.com", "claims": {"x": 1}}
    bearer = answer(idp, "POST tokens", {**asked, "scope": "openid email", "nonce": "n", "expires_in": 60})
    assert set(bearer) == {"access_token", "id_token", "token_type"}
    assert set(answer(idp, "POST tokens", {**asked, "scope": ["read:x"]})) == {"access_token", "token_type"}
    headers = {"Authorization": f"Bearer {bearer['access_token']}"}
    assert requests.get(f"{idp.url}/userinfo", headers=headers, timeout=5).json()["email"] == ALICE
    assert idp.requests[-1].tokens["request.authorization"].claims["x"] == 1


def test_keys_rotate(idp: MockIdp) -> None:
    """The next key signs; the one before is still published."""
    before = idp.state.keys.current().kid
    keys = answer(idp, "POST rotate-keys")
    assert keys["kid"] != before
    assert before in keys["published"]


def test_reset_brings_the_seed_back(idp: MockIdp) -> None:
    """Users, clock, requests."""
    idp.add_user(email="dora@example.com", connection="facebook")
    requests.get(f"{idp.url}/.well-known/jwks.json", timeout=5)
    assert answer(idp, "POST reset") == {"status": "ok"}
    assert len(idp.users) == 5
    assert answer(idp, "GET requests") == []


REFUSED = [
    ("POST login-as", {"user": "alcie@example.com"}, "did you mean 'alice@example.com'"),
    ("POST login-as", {"usr": ALICE}, "unknown field `usr`; POST /_mockidp/login-as takes user"),
    ("POST login-as", {}, "missing required field `user`"),
    ("POST login-as", {"user": 5}, "Expected `str | null`, got `int` - at `$.user`"),
    ("POST users", [], "Expected `object`, got `array`; POST /_mockidp/users takes an object"),
    ("POST users", {"emial": "x@example.com"}, "email"),
    ("POST tokens", {"client": "Wbe"}, "did you mean 'Web'"),
    ("POST tokens", {"user": ALICE, "audience": "https://api.exmaple.com"}, "https://api.example.com"),
    ("POST clock", {}, 'takes one of {"freeze": time}'),
    ("POST clock", {"advance": "1h", "unfreeze": True}, "takes one of"),
    ("POST clock", {"advance": "soon"}, "'soon' is no duration; write it as 90s, 15m, 1h30m or 2d"),
    ("POST clock", {"advance": -5}, "goes forward only"),
    ("POST clock", {"freeze": "tomorrow"}, "'tomorrow' is no time"),
    ("POST clock", {"travel": "now"}, "'now' is no time"),
    ("POST clock", {"travel": 1e12}, "the clock cannot show '1000000000000.0': it goes from 1970 to 9000"),
    ("POST clock", {"rate": -1}, "'-1.0' is no rate; write how many seconds pass in a real one"),
    ("POST clock", {"rate": "60"}, "Expected `float | null`, got `str` - at `$.rate`"),
    ("POST clock", {"rate": 60, "travel": 0}, "takes one of"),
    ("POST clock", {"course": {"rate": -1}}, "Expected `float` >= 0.0 - at `$.course.rate`"),
    ("POST reset", {"hard": True}, "unknown field `hard`; POST /_mockidp/reset takes label"),
    ("POST rotate-keys", {"hard": True}, "POST /_mockidp/rotate-keys takes nothing"),
    ("GET requests?on=nonsense", None, "write method and path"),
    ("GET requests?limit=5", None, "takes on, after"),
    ("GET requests?after=x", None, "Expected `int`"),
]


@pytest.mark.parametrize(("what", "body", "expected"), REFUSED)
def test_bad_input_is_explained(idp: MockIdp, what: str, body: object, expected: str) -> None:
    """400 with what was wrong and what would be right."""
    assert expected in refusal(idp, what, body)


def test_what_is_no_json_is_explained(idp: MockIdp) -> None:
    """The parser's own position helps."""
    response = requests.post(f"{idp.url}/_mockidp/login-as", data="{user: x}", timeout=5)
    assert response.status_code == 400
    assert response.json()["message"].startswith("the body is no JSON: ")


def test_a_user_that_exists_is_a_conflict(idp: MockIdp) -> None:
    """The tenant's own refusal, in the control API's form."""
    user = {"email": ALICE, "password": "pw", "connection": "Username-Password-Authentication"}
    response = call(idp, "POST users", user)
    assert response.status_code == 409
    assert "exists" in response.json()["message"]


@pytest.mark.parametrize(
    ("what", "status", "allow", "message"),
    [
        ("GET nothing", 404, None, "there is no /_mockidp/nothing; GET /_mockidp/openapi.json tells"),
        ("POST dashboard/nothing", 404, None, "there is no /_mockidp/dashboard/nothing; "),
        ("PUT clock", 405, "GET, POST", "/_mockidp/clock takes GET, POST, not PUT"),
        ("GET reset", 405, "POST", "/_mockidp/reset takes POST, not GET"),
    ],
)
def test_what_there_is_not(idp: MockIdp, what: str, status: int, allow: str | None, message: str) -> None:
    """Refused with `error` and `message`, as all else."""
    response = call(idp, what)
    assert (response.status_code, response.headers.get("Allow")) == (status, allow)
    assert response.json()["error"] == HTTPStatus(status).phrase
    assert response.json()["message"].startswith(message)


def test_curl_may_leave_the_content_type(idp: MockIdp) -> None:
    """curl -d sends JSON as a form."""
    response = requests.post(
        f"{idp.url}/_mockidp/login-as",
        data='{"user": null}',
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        timeout=5,
    )
    assert response.json() == {"user_id": None}


def test_rules_from_outside(idp: MockIdp) -> None:
    """A rule as a script has it; what it did; and whether all was met."""
    rule = {"on": "GET /userinfo", "then": {"status": 503}, "times": 2}
    state = {"number": 1, "rule": "GET /userinfo", "calls": 0, "used": 0, "times": 2, "required": True}
    assert answer(idp, "POST rules", rule, 201) == state
    assert requests.get(f"{idp.url}/userinfo", timeout=5).status_code == 503
    assert answer(idp, "GET rules", None) == [{**state, "calls": 1, "used": 1}]
    verdict = answer(idp, "POST verify", {})
    assert verdict["met"] is False
    assert "GET /userinfo: expected twice, came once" in verdict["difference"]
    assert requests.get(f"{idp.url}/userinfo", timeout=5).status_code == 503
    assert answer(idp, "POST verify", {}) == {"met": True, "difference": ""}


def test_a_scenario_from_outside(idp: MockIdp, tmp_path: Path) -> None:
    """Its data, or a file with parameters."""
    file = tmp_path / "x.scenario.yaml"
    file.write_text("script: [{on: GET /userinfo, times: ##many##}]\nusers: [{email: new@example.com}]\n")
    [state] = answer(idp, "POST scenario", {"file": str(file), "parameters": {"many": 3}})
    assert state["times"] == 3
    assert [user.email for user in idp.users] == ["new@example.com"]
    assert answer(idp, "POST scenario", {"script": []}) == []
    answer(idp, "POST reset", {})
    assert "new@example.com" not in idp.users


@pytest.mark.parametrize(
    ("what", "body", "message"),
    [
        ("rules", {"on": "GET /x", "then": {"statsu": 1}}, "unknown key 'statsu' in 'then' of the rule"),
        ("rules", {"then": {}}, "missing required field `on`"),
        ("scenario", {"scirpt": []}, "no scenario"),
        ("scenario", {"file": "nowhere.yaml"}, "no such file"),
        ("scenario", {"file": 5}, "takes a scenario, or {file, parameters}"),
    ],
)
def test_what_cannot_be_scripted(idp: MockIdp, what: str, body: dict[str, Any], message: str) -> None:
    """400, and why."""
    assert message in answer(idp, f"POST {what}", body, 400)["message"]


def test_the_index_lists_every_operation(idp: MockIdp) -> None:
    """The dashboard has them too."""
    page = requests.get(f"{idp.url}/_mockidp/", timeout=5)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for operation in OPERATIONS:
        assert f"{operation.method} {operation.path}" in page.text


DURATIONS = [("90s", 90), ("1h30m", 5400), ("2d", 172800), ("500ms", 0.5), ("1.5h", 5400), ("7", 7), (7, 7)]


@pytest.mark.parametrize(("text", "seconds"), [*DURATIONS, ("1 h 1 m", 3660)])
def test_durations(text: str | float, seconds: float) -> None:
    """As people write them."""
    assert parse_duration(text) == seconds
