"""The run-time table of Management API operations."""

from __future__ import annotations

import importlib.util
import json
from importlib.resources import files
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from mockidp.management.operations import Operation, Schema, find_operation, operations
from mockidp.management.schema import FORMATS

GENERATOR = Path(__file__).parents[2] / "tools" / "make_operations.py"


def all_schemas(schema: Schema) -> list[Schema]:
    """Return a schema with everything inside it."""
    inside = [*schema.properties.values(), *schema.any_of, *([schema.items] if schema.items else [])]
    return [schema, *(deeper for part in inside for deeper in all_schemas(part))]


def test_all_operations_are_there_once() -> None:
    """452 of the description and 18 of recordings."""
    routes = [(operation.method, operation.path) for operation in operations()]
    assert (len(routes), len(set(routes))) == (470, 470)


def test_the_table_is_read_once() -> None:
    """The second call returns the same object."""
    assert operations() is operations()


def test_the_table_stays_small() -> None:
    """It is part of every installation."""
    assert len(files("mockidp").joinpath("data/operations.json").read_bytes()) < 250_000


def test_operations_cannot_be_changed() -> None:
    """They are shared by all tenants."""
    with pytest.raises(AttributeError):
        operations()[0].status = 500  # type: ignore[misc]


def test_scopes_keep_the_order_of_the_error_text() -> None:
    """A 403 lists them in this order."""
    link = find_operation("POST", "/api/v2/users/{id}/identities")
    assert link.scopes == ("update:users", "update:current_user_identities")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/v2/users", 201),
        ("DELETE", "/api/v2/users/{id}", 204),
        ("PATCH", "/api/v2/resource-servers/{id}", 200),
        ("POST", "/api/v2/organizations/{id}/invitations", 201),
        ("DELETE", "/api/v2/roles/{id}/permissions", 204),
        ("POST", "/api/v2/roles", 200),
    ],
)
def test_the_status_is_what_real_tenants_answer(method: str, path: str, status: int) -> None:
    """Recordings win over the description."""
    assert status == find_operation(method, path).status


def test_an_unknown_operation_is_an_error() -> None:
    """A typing mistake in a route must not pass for an operation without rules."""
    with pytest.raises(LookupError, match=r"no operation GET /api/v2/user$"):
        find_operation("GET", "/api/v2/user")


def test_query_parameters_have_types() -> None:
    """`GET /users` knows its parameters."""
    query = find_operation("GET", "/api/v2/users").query
    assert (
        " ".join(query.properties[n].type for n in ("page", "include_totals", "q"))
        == "integer boolean string"
    )
    assert query.properties["search_engine"].enum == ("v1", "v2", "v3")
    assert find_operation("GET", "/api/v2/users-by-email").query.required == ("email",)


def test_bodies_of_three_kinds() -> None:
    """Objects, arrays and alternatives."""
    user = find_operation("POST", "/api/v2/users").request
    array = find_operation("PATCH", "/api/v2/connections/{id}/clients").request
    either = find_operation("POST", "/api/v2/flows/vault/connections").request
    assert user is not None
    assert array is not None
    assert either is not None
    assert (user.required, user.additional, len(user.properties)) == (("connection",), False, 17)
    assert (array.type, array.items and array.items.required) == ("array", ("client_id", "status"))
    assert [part.required for part in either.any_of] == [("name", "app_id", "setup"), ("name", "app_id")]


def test_every_operation_makes_sense() -> None:
    """Required properties exist, formats are known, types are JSON's, descriptions lack the period."""
    kinds = {"string", "integer", "number", "boolean", "object", "array", "null", ""}
    for operation in operations():
        route = operation.method, operation.path
        assert operation.path.startswith("/api/v2/"), route
        assert 200 <= operation.status < 300, route
        bodies = all_schemas(operation.request) if operation.request else []
        for schema in all_schemas(operation.query) + bodies:
            assert kinds.issuperset(schema.type.split("|")), route
            assert not schema.properties or set(schema.required) <= set(schema.properties), route
            assert schema.format in FORMATS or schema.format == "", route
            assert not schema.description.endswith("."), route


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """The script that made the table."""
    spec = importlib.util.spec_from_file_location("make_operations", GENERATOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generator_trims_and_enriches(
    generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row of the reference data becomes an operation with what the script knows besides."""
    row = {
        "method": "POST",
        "path": "/api/v2/users",
        "scopes": ["create:users"],
        "success_status": 202,
        "recorded": {"201": {"n": 74}, "200": {"n": 1}},
        "recorded_status_differs": True,
        "in_oas": True,
        "query_params": [{"name": "page", "type": "integer", "required": True}],
        "request": {
            "required": ["connection"],
            "properties": {"connection": "string", "email": "string", "kind": "enum|null"},
            "additional_properties": False,
        },
    }
    source, target = tmp_path / "source.json", tmp_path / "target.json"
    source.write_text(json.dumps({"operations": [row]}))
    monkeypatch.setattr(generator, "TARGET", target)
    generator.main(str(source))
    (made,) = msgspec.json.decode(target.read_bytes(), type=tuple[Operation, ...])
    assert made.request is not None
    assert (made.status, made.query.required, made.query.properties["page"].minimum) == (201, ("page",), 0)
    assert (
        made.request.properties["email"].format,
        made.request.properties["kind"].type,
    ) == ("email", "string|null")


def test_what_the_generator_adds_is_in_the_table(generator: ModuleType) -> None:
    """No hand-written line names a property or an operation that is not there."""
    for route, properties in generator.BODIES.items():
        body = find_operation(*route).request
        assert body is not None
        assert set(properties) <= set(body.properties), route
    for route, parameters in generator.QUERIES.items():
        assert set(parameters) <= set(find_operation(*route).query.properties), route
