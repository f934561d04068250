"""/_mockidp: what takes to hold the whole object from another process."""

from __future__ import annotations

import base64
from typing import Any

import jwt
import requests

from mockidp.harness.control_handle import WireExchange
from mockidp.harness.exchange import Exchange
from mockidp.server import MockIdp

ALICE = "alice@example.com"


def call(idp: MockIdp, what: str, body: object = None) -> requests.Response:
    """Call an operation, written `GET health`."""
    method, name = what.split(" ")
    return requests.request(method, f"{idp.url}/_mockidp/{name}", json=body, timeout=5)


def answer(idp: MockIdp, what: str, body: object = None) -> Any:
    response = call(idp, what, body)
    assert response.ok, response.text
    return response.json()


def refusal(idp: MockIdp, what: str, body: object = None) -> str:
    """Return the message of a 400."""
    response = call(idp, what, body)
    assert response.status_code == 400, response.text
    return str(response.json()["message"])


def test_exchanges_are_as_they_were_on_the_wire(idp: MockIdp) -> None:
    """Bytes in base64, headers one by one; those after a number."""
    requests.post(f"{idp.url}/x%2Fy?a=1&a=2", data=b"\xff", timeout=5)
    requests.get(f"{idp.url}/userinfo", timeout=5)
    first, second = answer(idp, "GET exchanges")
    assert (first["target"], base64.b64decode(first["body"]), first["status"]) == (
        "/x%2Fy?a=1&a=2",
        b"\xff",
        404,
    )
    assert first["environ"]["HTTP_HOST"] == idp.url.removeprefix("http://")
    assert ["Content-Type", "application/json; charset=utf-8"] in first["response_headers"]
    assert answer(idp, "GET exchanges?after=1") == [second]
    answer(idp, "DELETE requests")
    assert answer(idp, "GET exchanges") == []


def test_nothing_of_an_exchange_is_left_out() -> None:
    """But for what it is decoded by, which stays with the tenant."""
    left_out = set(Exchange.__struct_fields__) - set(WireExchange.__struct_fields__)
    assert left_out == {"tenant", "router", "transaction", "authorization"}


def test_messages_are_thrown_away(idp: MockIdp) -> None:
    """All of them."""
    form = {"client_id": "web", "email": ALICE, "connection": "Username-Password-Authentication"}
    requests.post(f"{idp.url}/dbconnections/change_password", json=form, timeout=5)
    assert len(answer(idp, "GET outbox")) == 1
    answer(idp, "DELETE outbox")
    assert answer(idp, "GET outbox") == []


def test_one_list_of_the_state(idp: MockIdp) -> None:
    """The others are empty."""
    state = answer(idp, "GET state?only=clients")
    assert (len(state["clients"]), state["users"]) == (4, [])
    assert refusal(idp, "GET state?only=keys").startswith("'only' is one of users, clients, ")


def test_a_password_is_told(idp: MockIdp) -> None:
    """By user or identity; null where there is none."""
    assert answer(idp, "POST password", {"user": ALICE}) == {"password": "alice-password"}
    assert answer(idp, "POST password", {"user": "facebook|1022"}) == {"password": None}
    assert "no user 'nobody'" in refusal(idp, "POST password", {"user": "nobody"})


def test_an_id_token_has_what_was_asked_for(idp: MockIdp) -> None:
    """Claims, lifetime, organization."""
    wanted = {"user": ALICE, "client": "Web", "nonce": "n", "claims": {"x": 1}, "organization": "acme"}
    token = answer(idp, "POST id-token", {**wanted, "expires_in": 60})["id_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["nonce"], claims["x"], claims["aud"]) == ("n", 1, "web")
    assert claims["org_id"] == idp.organization("acme").id


def test_a_snapshot_is_restored(idp: MockIdp) -> None:
    """By its number, the latest without one; only the last ones are kept."""
    first = answer(idp, "POST snapshot")
    answer(idp, "POST users", {"email": "dora@example.com"})
    answer(idp, "POST snapshot")
    answer(idp, "POST users", {"email": "erin@example.com"})
    answer(idp, "POST restore")
    assert len(idp.users) == 6
    answer(idp, "POST restore", first)
    assert len(idp.users) == 5
    for _ in range(16):
        answer(idp, "POST snapshot")
    assert refusal(idp, "POST restore", first).endswith("; the last 16 are kept")


def test_a_restore_without_a_snapshot_is_refused() -> None:
    """It says what to do."""
    with MockIdp() as idp:
        assert refusal(idp, "POST restore") == "there is no snapshot to restore: call idp.snapshot() first"


def test_a_rule_is_replaced_by_its_number(idp: MockIdp) -> None:
    """What it did stays counted."""
    on = {"on": "GET /userinfo"}
    added = answer(idp, "POST rules", {**on, "then": {"status": 503}})
    assert requests.get(f"{idp.url}/userinfo", timeout=5).status_code == 503
    changed = answer(idp, "POST rules", {**on, "then": {"status": 502}, "number": added["number"]})
    assert requests.get(f"{idp.url}/userinfo", timeout=5).status_code == 502
    assert (changed["used"], [rule["used"] for rule in answer(idp, "GET rules")]) == (1, [2])
    assert (
        refusal(idp, "POST rules", {"on": "GET /userinfo", "number": 2})
        == "there is no rule 2: GET rules lists them"
    )


def test_the_course_of_time_is_brought_back(idp: MockIdp) -> None:
    """As an earlier answer had it."""
    before = answer(idp, "GET clock")
    answer(idp, "POST clock", {"freeze": "2030-01-01T00:00:00Z"})
    assert answer(idp, "POST clock", {"course": before["course"]})["course"] == before["course"]


def test_the_authority_is_told(idp: MockIdp) -> None:
    """Its certificate alone."""
    pem = call(idp, "GET ca.pem").text
    assert pem.startswith("-----BEGIN CERTIFICATE-----")
    assert "KEY" not in pem
    with open(idp.ca_path) as file:
        assert pem == file.read()


def test_health_tells_the_names() -> None:
    """Pinned and accepted ones."""
    with MockIdp(domain="acme.eu.auth0.com", allow_hosts=["mockidp"]) as idp:
        health = answer(idp, "GET health")
    assert (health["domain"], health["hosts"]) == ("acme.eu.auth0.com", ["mockidp"])
