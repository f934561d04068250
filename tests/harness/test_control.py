"""/_mockidp: the control API, for tests in any language."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from mockidp.harness.operations import OPERATIONS, ControlError, Operation
from mockidp.rules.durations import parse_duration
from mockidp.server import MockIdp

ALICE = "alice@example.com"
AUTHORIZE = {"client_id": "web", "response_type": "code", "redirect_uri": "http://localhost:3000/callback"}
FORBIDDEN_HOST = "the control API answers on loopback names such as localhost only, not on 'idp.example'"


@pytest.fixture(scope="module")
def server() -> Iterator[MockIdp]:
    with MockIdp(allow_hosts=["idp.example"]) as idp:
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
]


@pytest.mark.parametrize(("body", "now", "frozen"), CLOCK)
def test_the_clock_is_set(idp: MockIdp, body: dict[str, object], now: str, frozen: bool) -> None:
    """Frozen at a time, or moved forward."""
    expected = answer(idp, "POST clock", body)
    assert (expected["now"], expected["frozen"]) == (now, frozen)
    assert answer(idp, "GET clock") == expected


def test_the_clock_runs_again(idp: MockIdp) -> None:
    """Unfrozen it is the real time."""
    assert answer(idp, "POST clock", {"unfreeze": True})["frozen"] is False


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
    ("POST reset", {"hard": True}, "unknown field `hard`; POST /_mockidp/reset takes nothing"),
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
    assert response.status_code in (400, 409)
    assert "exists" in response.json()["message"]


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
    state = {"rule": "GET /userinfo", "calls": 0, "used": 0, "times": 2, "required": True}
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


CALLERS = [
    ({}, 200),
    ({"Sec-Fetch-Site": "none"}, 200),
    ({"Sec-Fetch-Site": "same-origin"}, 200),
    ({"Sec-Fetch-Site": "same-site"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Origin": "OWN", "Sec-Fetch-Site": "same-origin"}, 200),
    ({"Origin": "null"}, 403),
    ({"Origin": "http://localhost:3000"}, 403),
    ({"Origin": "https://evil.example"}, 403),
    ({"Host": "localhost"}, 200),
    ({"Host": "[::1]:4100"}, 200),
    ({"Host": "idp.example"}, 403),
    ({"Host": "evil.example"}, 421),
]


@pytest.mark.parametrize("what", ["GET state", "POST reset", "GET openapi.json", "GET ", "POST rules"])
@pytest.mark.parametrize(("headers", "status"), CALLERS)
def test_only_callers_of_this_machine_are_heard(
    idp: MockIdp, what: str, headers: dict[str, str], status: int
) -> None:
    """Loopback Hosts, same-origin pages, and callers that are no browser."""
    sent = {name: value.replace("OWN", idp.url) for name, value in headers.items()}
    response = call(idp, what, **sent)
    expected = 400 if status == 200 and what == "POST rules" else status  # heard, but there is no rule
    assert response.status_code == expected
    if status == 403:
        assert response.json()["message"].startswith("the control API answers")
        assert "Access-Control-Allow-Origin" not in response.headers


def test_a_foreign_host_is_named(idp: MockIdp) -> None:
    """The message says which Host, and what would do."""
    assert call(idp, "GET health", Host="idp.example").json()["message"] == FORBIDDEN_HOST


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_form_of_a_browser_is_refused(idp: MockIdp, kind: str) -> None:
    """A page can send these without a preflight; JSON it can't."""
    headers = {"Content-Type": kind, "Sec-Fetch-Site": "same-origin"}
    url = f"{idp.url}/_mockidp/login-as"
    response = requests.post(url, data=f'{{"user": "{ALICE}"}}', headers=headers, timeout=5)
    assert response.status_code == 415
    assert response.json()["message"] == "a browser has to send the body as application/json"


def test_a_preflight_allows_nothing(idp: MockIdp) -> None:
    """Another origin's page may not even ask."""
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    response = requests.options(f"{idp.url}/_mockidp/reset", headers=headers, timeout=5)
    assert "Access-Control-Allow-Origin" not in response.headers


def test_the_index_lists_every_operation(idp: MockIdp) -> None:
    """The dashboard has them too."""
    page = requests.get(f"{idp.url}/_mockidp/", timeout=5)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for operation in OPERATIONS:
        assert f"{operation.method} {operation.path}" in page.text


def openapi(idp: MockIdp) -> Any:
    return answer(idp, "GET openapi.json")


def test_openapi_describes_every_operation(idp: MockIdp) -> None:
    """Nothing more, nothing less than the table, with distinct ids."""
    document = openapi(idp)
    assert document["openapi"] == "3.1.0"
    assert set(document["info"]) >= {"title", "version"}
    described = {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert set(described) == {(each.method, each.path) for each in OPERATIONS}
    ids = [operation["operationId"] for operation in described.values()]
    assert len(set(ids)) == len(ids)
    for (method, _), operation in described.items():
        assert operation["summary"]
        assert "requestBody" not in operation or method == "POST"
        assert {status for status in operation["responses"] if status[0] in "25"}
        assert all(response["description"] for response in operation["responses"].values())


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield from [member] if key == "$ref" else references(member)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def test_openapi_refers_to_what_is_there(idp: MockIdp) -> None:
    """Every $ref ends at a component, and no component is left over."""
    document = openapi(idp)
    components = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) == components


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if each.run], ids=lambda each: f"{each.method} {each.name}"
)
def test_answers_are_as_described(idp: MockIdp, operation: Operation) -> None:
    """Each answer converts to the type from which its schema is made."""
    requests.get(f"{idp.url}/.well-known/jwks.json", timeout=5)
    bodies: dict[str, object] = {
        "users": {"email": "dora@example.com", "connection": "facebook"},
        "login-as": {"user": ALICE},
        "tokens": {"client": "web", "user": ALICE},
        "clock": {"advance": 1},
        "rules": {"on": "GET /userinfo", "times": 1},
        "scenario": {"script": [{"on": "GET /userinfo"}]},
    }
    body = bodies.get(operation.name) if operation.method == "POST" else None
    value = answer(idp, f"{operation.method} {operation.name}", body, operation.status)
    msgspec.convert(value, operation.answers)


DURATIONS = [("90s", 90), ("1h30m", 5400), ("2d", 172800), ("500ms", 0.5), ("1.5h", 5400), ("7", 7), (7, 7)]


@pytest.mark.parametrize(("text", "seconds"), [*DURATIONS, ("1 h 1 m", 3660)])
def test_durations(text: str | float, seconds: float) -> None:
    """As people write them."""
    assert parse_duration(text) == seconds
