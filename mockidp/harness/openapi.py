"""The control API's description (OpenAPI 3.1), made from the table of its operations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

import mockidp
from mockidp.harness.operations import ControlError, Nothing, Operation

_REF = "#/components/schemas/{name}"


def describe(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the OpenAPI document."""
    rows = list(operations)
    # The query's types become parameters, not components.
    takes = [each.takes if each.method == "POST" and each.takes is not Nothing else None for each in rows]
    types = [ControlError, *takes, *(each.answers for each in rows)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    bodies, answers = schemas[1 : len(rows) + 1], schemas[len(rows) + 1 :]
    paths: dict[str, dict[str, Any]] = {}
    for row, body, answered in zip(rows, bodies, answers, strict=True):
        paths.setdefault(row.path, {})[row.method.lower()] = {
            "operationId": f"{row.method.lower()}-{row.name}",
            "summary": row.summary,
            **_input(row, body),
            "responses": _responses(row, answered, schemas[0]),
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mockidp control API",
            "version": mockidp.__version__,
            "description": "Steers a mock tenant from a test in any language. Loopback only.",
        },
        "paths": paths,
        "components": {"schemas": components},
    }


def _input(row: Operation, body: dict[str, Any]) -> dict[str, Any]:
    """Return `parameters` of a GET, `requestBody` of a POST."""
    if row.takes is Nothing:
        return {}
    schema = msgspec.json.schema(row.takes)
    described = schema.get("$defs", {}).get(row.takes.__name__, schema)
    if row.method == "POST":
        content = {"application/json": {"schema": body}}
        return {"requestBody": {"required": bool(described.get("required")), "content": content}}
    properties = described["properties"].items()
    return {"parameters": [{"name": name, "in": "query", "schema": schema} for name, schema in properties]}


def _responses(row: Operation, answered: dict[str, Any], error: dict[str, Any]) -> dict[str, Any]:
    refused = {"content": {"application/json": {"schema": error}}}
    if row.run is None:
        return {"501": {"description": "Not built yet", **refused}}
    content = {"application/json": {"schema": answered}}
    return {
        str(row.status): {"description": row.summary, "content": content},
        "400": {"description": "What was wrong", **refused},
        "403": {"description": "Not a caller on this machine, or a foreign page", **refused},
    }
