"""The application for other WSGI servers than our own."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from wsgiref.validate import validator

import pytest
from werkzeug.test import Client

from mockidp import MockIdp, UsageError
from mockidp.harness.command_line import CommandError
from mockidp.http.routing import Route
from mockidp.wsgi import create_app, hosted

JWKS = "/.well-known/jwks.json"


@pytest.fixture
def seed(tmp_path: Path) -> str:
    """A seed with one user, whose name is the environment's."""
    path = tmp_path / "seed.yaml"
    path.write_text("users: [{email: dora@example.com, name: '##NAME##', password: dora-password}]")
    return str(path)


@pytest.mark.parametrize("given", [True, False], ids=["given", "of the process"])
def test_the_variables_describe_the_mock(seed: str, given: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of `serve`: seeds, the port under which it is reached, the clock; placeholders are filled."""
    variables = {
        "MOCKIDP_SEED": seed,
        "MOCKIDP_PORT": "8000",
        "MOCKIDP_FROZEN_TIME": "2030-01-01T00:00:00Z",
        "MOCKIDP_ALLOW_HOST": "mockidp",
        "NAME": "Dora",
    }
    if not given:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
    client = Client(create_app(variables if given else None))
    state = client.get("/_mockidp/state", base_url="http://localhost:8000").json
    assert state["issuer"] == "http://127.0.0.1:8000/"
    assert [user["name"] for user in state["users"]] == ["Dora"]
    assert state["clock"]["now"] == "2030-01-01T00:00:00.000Z"
    assert client.get(JWKS, base_url="http://mockidp:8000").status_code == 200
    assert client.get(JWKS, base_url="http://other:8000").status_code == 421


def test_without_variables_it_is_the_demo_tenant() -> None:
    """On port 4100, as `serve`."""
    state = Client(create_app({})).get("/_mockidp/state").json
    assert state["issuer"] == "http://127.0.0.1:4100/"
    assert "alice@example.com" in {user["email"] for user in state["users"]}


def test_wrong_variables_and_seeds_are_refused() -> None:
    """With the words of the command line."""
    with pytest.raises(CommandError, match=r"MOCKIDP_PORT: 'x' is no number"):
        create_app({"MOCKIDP_PORT": "x"})
    with pytest.raises(UsageError, match=r"missing\.yaml: no such file"):
        create_app({"MOCKIDP_SEED": "missing.yaml"})
    with pytest.raises(UsageError, match="other machines could connect"):
        create_app({"MOCKIDP_HOST": "0.0.0.0"})


def test_a_named_port_is_known_before_a_server_runs() -> None:
    """Another mock on this machine has the same keys: its tokens are not ours."""
    idp, other = MockIdp(port=8000), MockIdp(port=8001)
    client = Client(hosted(idp))
    statuses = [
        client.get(
            "/userinfo",
            base_url="http://127.0.0.1:8000",
            headers={"Authorization": f"Bearer {mock.token('alice@example.com')}"},
        ).status_code
        for mock in (idp, other)
    ]
    assert statuses == [200, 401]


@pytest.fixture
def broken() -> MockIdp:
    """A mock with a bug."""

    def endpoint(call: object) -> None:
        raise ZeroDivisionError("our bug")

    idp = MockIdp()
    assert idp.rules.application
    idp.rules.application.router.add(Route("GET", "/broken", endpoint))
    return idp


def test_its_own_failures_are_told_once_each(broken: MockIdp) -> None:
    """On `wsgi.errors`, as they happen."""
    errors = StringIO()
    client = Client(hosted(broken))
    for path in ("/broken", JWKS, "/broken", JWKS):
        client.get(path, errors_stream=errors)
    text = errors.getvalue()
    assert text.count("mockidp failed while it answered GET /broken\nTraceback") == 2
    assert text.count("ZeroDivisionError: our bug") == 2


@pytest.mark.parametrize("when", ["before", "midway"])
def test_a_dropped_answer_is_shorter_than_it_says(when: str) -> None:
    """What a server that keeps its connections to itself can break off."""
    idp = MockIdp()
    idp.on(f"GET {JWKS}").drop(when)
    answer = Client(hosted(idp)).get(JWKS, buffered=False)
    assert sum(map(len, answer.iter_encoded())) < int(answer.headers["Content-Length"])


def test_it_is_wsgi() -> None:
    """As the standard library's validator understands PEP 3333."""
    answer = Client(validator(hosted(MockIdp()))).get("/.well-known/openid-configuration")
    assert answer.status_code == 200
    answer.close()
