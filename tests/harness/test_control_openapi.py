"""GET /_mockidp/openapi.json: what it says is what the control API does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
import requests
from openapi_spec_validator import validate

from mockidp.harness.control_examples import EXAMPLES
from mockidp.harness.operations import OPERATIONS, Nothing, Operation
from mockidp.server import MockIdp

each_operation = pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: f"{row.method} {row.name}")


@pytest.fixture
def idp(idp_server: MockIdp) -> MockIdp:
    """A tenant at whose end nothing is verified: the examples expect what does not come."""
    idp_server.reset()
    return idp_server


@pytest.fixture(scope="module")
def document(idp_server: MockIdp) -> Any:
    return requests.get(f"{idp_server.url}/_mockidp/openapi.json", timeout=5).json()


def described(document: Any, row: Operation) -> Any:
    return document["paths"][row.path][row.method.lower()]


def test_the_document_is_valid(document: Any) -> None:
    """By the schema of OpenAPI 3.1."""
    validate(document)


def test_every_operation_is_described(document: Any) -> None:
    """Nothing more, nothing less than the table, with distinct ids."""
    found = {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert set(found) == {(each.method, each.path) for each in OPERATIONS}
    ids = [operation["operationId"] for operation in found.values()]
    assert len(set(ids)) == len(ids)
    assert all(operation["summary"] for operation in found.values())


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield from [member] if key == "$ref" else references(member)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def test_it_refers_to_what_is_there(document: Any) -> None:
    """Every $ref ends at a component, and no component is left over."""
    components = {
        f"#/components/{kind}/{name}" for kind, named in document["components"].items() for name in named
    }
    assert set(references(document)) == components


@each_operation
def test_errors_are_described(document: Any, row: Operation) -> None:
    """Beside the answer, whatever it may refuse with."""
    responses = described(document, row)["responses"]
    assert set(responses) == {str(status) for status in (row.status, 400, 403, *row.errors)}
    refusals = [response["$ref"] for response in responses.values() if "$ref" in response]
    assert len(refusals) == 2 + len(row.errors)


def test_an_answer_has_all_of_its_members(document: Any) -> None:
    """So that a generated type does not make them optional; what is given may leave out most."""
    schemas = document["components"]["schemas"]
    for name in ("RecordedExchange", "State", "Message", "Session", "RuleState"):
        assert set(schemas[name]["required"]) == set(schemas[name]["properties"]), name
    assert schemas["UserDocument"]["required"] == ["user_id", "identities", "created_at", "updated_at"]
    assert schemas["TokenRequest"]["required"] == []
    assert schemas["Identity"]["required"] == ["connection", "user_id", "provider", "isSocial"]
    assert schemas["Tokens"]["required"] == ["access_token", "token_type"]
    assert schemas["RuleGiven"]["required"] == ["on"]


def test_free_members_are_free(document: Any) -> None:
    """`additionalProperties` is written out: generators take its absence for an empty object."""

    def closed(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if value.get("type") == "object" and not {"properties", "additionalProperties"} & set(value):
                yield json.dumps(value)
            for member in value.values():
                yield from closed(member)

    assert list(closed(document["components"])) == []


def test_rules_have_their_words(document: Any) -> None:
    """Each with its meaning; of `then` no others."""
    rule = document["components"]["schemas"]["RuleGiven"]["properties"]
    assert rule["then"]["additionalProperties"] is False
    assert rule["then"]["properties"]["delay"]["description"] == "wait before the request is answered"
    assert rule["where"]["additionalProperties"] is True


@each_operation
def test_the_example_works(document: Any, idp: MockIdp, row: Operation) -> None:
    """What it gives is taken, and the real answer is of the described type, as the example's."""
    if row.name == "unlink":
        idp.link("alice@example.com", "facebook|1022")
    if row.name == "restore":
        given = {"snapshot": idp.snapshot().number}
    else:
        given, _ = EXAMPLES[row.method, row.name]
    if row.name == "outbox" and row.method == "GET":
        form = {"client_id": "web", "email": given["to"], "connection": "Username-Password-Authentication"}
        requests.post(f"{idp.url}/dbconnections/change_password", json=form, timeout=5)
    path = row.path.format_map({name: quote(str(value), safe="") for name, value in given.items()})
    rest = {name: value for name, value in given.items() if f"{{{name}}}" not in row.path}
    body, query = (rest, None) if row.method == "POST" else (None, rest)
    response = requests.request(row.method, idp.url + path, json=body, params=query, timeout=5)
    assert response.status_code == row.status, response.text
    msgspec.convert(response.json(), row.answers)


@each_operation
def test_the_answered_example_is_one(row: Operation) -> None:
    """It has the type of the answers, all members included."""
    answered = EXAMPLES[row.method, row.name].answered
    if answered is None:
        assert row.name in ("state", "exchanges", "requests.har")  # they would be long
        return
    converted = msgspec.to_builtins(msgspec.convert(answered, row.answers))
    assert converted == answered


def test_there_are_no_other_examples() -> None:
    """Each belongs to an operation, and gives something where something is taken."""
    assert set(EXAMPLES) == {(row.method, row.name) for row in OPERATIONS}
    given = {(row.method, row.name) for row in OPERATIONS if row.takes is not Nothing}
    assert {key for key, example in EXAMPLES.items() if example.given} | {("GET", "requests.har")} == given
