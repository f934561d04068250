"""Scenario files: a seed and a script, and whether it was met."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from rules_world import ALICE, CALLBACK, TIMEOUT, App

from mockidp.errors import UsageError
from mockidp.server import MockIdp

DEMO = Path(__file__).parents[2] / "fixtures" / "demo.yaml"
CONTRACT = f"""
scenario: Alice links Facebook, then the token endpoint is rate limited once
seed: {DEMO}
script:
  - on: GET /authorize
    where: {{connection: facebook}}
    then: {{login: "facebook|1022"}}
  - on: POST /oauth/token
    where: {{grant_type: refresh_token}}
    then: {{error: invalid_grant, description: Unknown or invalid refresh token.}}
    times: 1
  - on: GET /.well-known/jwks.json
    then: {{delay: 2ms}}
  - on: after 3 requests
    then: {{advance: 1h}}
expect:
  requests: [{{on: POST /oauth/token, times: 1}}]
  users: {{alice@example.com: {{identities: [auth0, facebook]}}}}
  outbox: [{{to: bob@example.com, kind: reset_email}}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.scenario.yaml").write_text(CONTRACT)
    return tmp_path


@pytest.fixture
def idp() -> Iterator[MockIdp]:
    with MockIdp() as idp:
        yield idp
        idp.raise_problems()


def failure(idp: MockIdp) -> str:
    with pytest.raises(AssertionError) as caught:
        idp.verify()
    return str(caught.value)


def play(idp: MockIdp) -> None:
    """Do what the contract's scenario wants."""
    app = App(idp)
    assert "code" in app.answer(connection="facebook", prompt="login")
    idp.link(ALICE, "facebook|1022")
    refused = app.token(grant_type="refresh_token", refresh_token="x")
    assert refused.json()["error_description"] == "Unknown or invalid refresh token."
    assert app.get("/.well-known/jwks.json").ok
    body = {"client_id": "web", "email": "bob@example.com", "connection": "Username-Password-Authentication"}
    requests.post(f"{idp.url}/dbconnections/change_password", json=body, timeout=TIMEOUT)


def test_the_contracts_scenario_is_met(folder: Path) -> None:
    """Steps and expectations hold."""
    with MockIdp(scenario=folder / "a.scenario.yaml") as idp:
        before = idp.clock.now()
        play(idp)
        assert idp.clock.now() - before >= 3600
        idp.verify()
        idp.reset()
        assert "GET /authorize with connection 'facebook': expected at least once, came never" in failure(idp)


def test_what_is_missing_is_told(folder: Path) -> None:
    """What was expected with its place, what came, and what was different there."""
    with MockIdp(scenario=folder / "a.scenario.yaml") as idp:
        App(idp).token(grant_type="authorization_code", code="x")
        text = failure(idp)
    path = folder / "a.scenario.yaml"
    assert text.splitlines()[:8] == [
        "the scenario 'Alice links Facebook, then the token endpoint is rate limited once' was not met:",
        f"  - {path}:5:5: GET /authorize with connection 'facebook': expected at least once, came never",
        f"  - {path}:8:5: POST /oauth/token with grant_type 'refresh_token': expected once, came never",
        f"  - {path}:12:5: GET /.well-known/jwks.json: expected at least once, came never",
        f"  - {path}:14:5: after 3 requests: expected at least once, came never",
        "  - user alice@example.com: identities is ['auth0'], not ['auth0', 'facebook']",
        "  - outbox: no message with {to: 'bob@example.com', kind: 'reset_email'}; in the outbox: empty",
        "",
    ]
    assert "What came, in order:\n  1. POST /oauth/token form {" in text
    assert "but parameters.grant_type is 'authorization_code', not 'refresh_token'" in text


def test_a_scenario_is_loaded_into_a_running_mock(idp: MockIdp, folder: Path) -> None:
    """Its world is served until the reset, under the same URL."""
    idp.add_user(email="new@example.com")
    idp.load_scenario(folder / "a.scenario.yaml")
    assert "new@example.com" not in idp.users
    play(idp)
    idp.verify()
    idp.reset()
    assert idp.rules.uses == ()
    idp.verify()


def test_without_a_seed_the_world_stays(idp: MockIdp) -> None:
    """Only rules and requests begin anew."""
    idp.add_user(email="new@example.com")
    App(idp).machine()
    idp.load_scenario({"script": [{"on": "GET /authorize", "then": {"login": "new@example.com"}}]})
    assert len(idp.requests) == 0
    assert "code" in App(idp).answer()
    idp.verify()


EXPECTED: list[tuple[dict[str, Any], str]] = [
    ({"requests": [{"on": "POST /oauth/token", "times": 1}]}, ""),
    ({"requests": [{"on": "POST /oauth/token"}]}, ""),
    ({"requests": [{"on": "POST /oauth/token", "status": 200}]}, ""),
    ({"requests": [{"on": "POST /oauth/token", "times": 2}]}, "expected twice, came once"),
    ({"requests": [{"on": "POST /oauth/token", "times": 0}]}, "expected never, came once"),
    ({"requests": [{"on": "POST /oauth/token", "status": 500}]}, "answered 500: expected at least once"),
    ({"requests": [{"on": "* /oauth/*", "where": {"client": "Web"}}]}, "came never"),
    ({"users": {ALICE: {"email_verified": True, "user_metadata": {"plan": "pro"}}}}, ""),
    ({"users": {ALICE: {"user_metadata": {"plan": "free"}}}}, "user_metadata.plan is 'pro', not 'free'"),
    ({"users": {ALICE: {"identities": ["Username-Password-Authentication"]}}}, ""),
    ({"users": {"facebook|1022": {"identities": ["facebook|1022"]}}}, ""),
    ({"users": {ALICE: {"identities": [{"provider": "auth0"}]}}}, ""),
    ({"users": {"nobody@example.com": None}}, ""),
    ({"users": {"nobody@example.com": {}}}, "no user 'nobody@example.com'"),
    ({"users": {ALICE: None}}, "expected none, but there is auth0|"),
    ({"outbox": []}, "expected no message, but there is reset_email to alice@example.com"),
    ({"outbox": [{"to": ALICE}]}, ""),
    ({"outbox": [{"to": ALICE}, {"kind": "reset_email"}]}, "no message with {kind: 'reset_email'}"),
]


@pytest.mark.parametrize(("expect", "message"), EXPECTED, ids=str)
def test_expectations(idp: MockIdp, expect: dict[str, Any], message: str) -> None:
    """Requests, users and messages as they are at the end."""
    idp.load_scenario({"expect": expect})
    App(idp).machine()
    body = {"client_id": "web", "email": ALICE, "connection": "Username-Password-Authentication"}
    requests.post(f"{idp.url}/dbconnections/change_password", json=body, timeout=TIMEOUT)
    if message:
        assert message in failure(idp)
    else:
        idp.verify()


STEPS = [{"on": "POST /oauth/token"}, {"on": "GET /userinfo", "times": 2}]


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ("tuu", ""),
        ("ttuu", ""),
        ("utu", "out of order: GET /userinfo came before POST /oauth/token"),
        ("uut", "out of order: GET /userinfo came before POST /oauth/token"),
        ("tuut", "out of order: POST /oauth/token came after GET /userinfo"),
    ],
)
def test_the_order_of_steps(idp: MockIdp, order: str, message: str) -> None:
    """With `ordered`, it is part of the expectation; without, any will do."""
    for ordered in (True, False):
        idp.load_scenario({"script": STEPS, "ordered": ordered})
        app = App(idp)
        for each in order:
            app.machine() if each == "t" else app.get("/userinfo")
        if message and ordered:
            assert message in failure(idp)
        else:
            idp.verify()


def test_a_step_that_may_be_left_out(idp: MockIdp) -> None:
    """`times: any` expects nothing."""
    idp.load_scenario({"script": [{"on": "GET /userinfo", "then": {"status": 503}, "times": "any"}]})
    idp.verify()
    assert App(idp).get("/userinfo").status_code == 503


def test_rules_in_python_are_expected_where_they_say_how_often(idp: MockIdp) -> None:
    """Without `times` they may be needed or not."""
    idp.fail("GET /userinfo")
    idp.verify()
    idp.fail("POST /oauth/token", times=2)
    App(idp).machine()
    assert "POST /oauth/token: expected twice, came once" in failure(idp)


def test_include_and_parameters(idp: MockIdp, tmp_path: Path) -> None:
    """What is included comes first; its parameters are those given, or its own."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/login.scenario.yaml").write_text(
        "seed: world.yaml\nparameters: {who: carol@example.com, client: web}\n"
        "script: [{on: GET /authorize, where: {client: ##client##}, then: {login: ##who##}}]\n"
    )
    (tmp_path / "parts/world.yaml").write_text(
        f"clients: [{{name: Web, client_id: web, callbacks: ['{CALLBACK}']}}]\n"
        "users: [{email: carol@example.com}, {email: dave@example.com}]\n"
    )
    (tmp_path / "both.scenario.yaml").write_text(
        "include:\n  - parts/login.scenario.yaml\n"
        "  - {file: parts/login.scenario.yaml, parameters: {who: ##second##}}\n"
        "parameters: {second: dave@example.com}\n"
        "script: [{on: GET /userinfo, times: ##count##}]\n"
    )
    idp.load_scenario(tmp_path / "both.scenario.yaml", count=3)
    assert [use.rule.then.login for use in idp.rules.uses] == ["carol@example.com", "dave@example.com", None]
    assert idp.rules.uses[2].rule.times == 3
    assert [user.email for user in idp.users] == ["carol@example.com", "dave@example.com"]


def test_a_scenario_beside_seeds(tmp_path: Path) -> None:
    """Both make the world; the scenario's own wins."""
    seed = {"users": [{"email": "a@example.com", "name": "A"}]}
    scenario = {"users": [{"email": "a@example.com", "name": "B"}], "script": []}
    with MockIdp(seed, scenario=scenario) as idp:
        assert [user.name for user in idp.users] == ["B"]
    with MockIdp(scenario=scenario) as idp:
        assert ALICE not in idp.users
    with MockIdp(scenario={"script": []}) as idp:
        assert ALICE in idp.users


def test_what_is_no_scenario_is_refused(idp: MockIdp, tmp_path: Path) -> None:
    """In one line, with the place."""
    wrong = tmp_path / "wrong.yaml"
    for text, message in (
        ("users: []\n", "no scenario: it has none of 'scenario', 'script'"),
        ("script: [{on: GET /x, thn: {}}]\n", ":1:23: unknown key 'thn' in step 1; did you mean 'then'?"),
        ("script: [{on: GET /x, then: {login: a}}]\n", "'login' answers the pages of a login"),
        ("include: nowhere.yaml\n", ":1:10: no such file 'nowhere.yaml'"),
        ("include: wrong.yaml\n", ":1:10: 'wrong.yaml' includes itself"),
    ):
        wrong.write_text(text)
        with pytest.raises(UsageError) as caught:
            idp.load_scenario(wrong)
        assert message in str(caught.value)
    with pytest.raises(UsageError, match="no such file"):
        idp.load_scenario("nowhere.yaml")
