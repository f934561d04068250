"""The control API's description (OpenAPI 3.1), made from the table of its operations."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import inspect

import mockidp
from mockidp.harness.control_examples import EXAMPLES
from mockidp.harness.operations import ControlError, Nothing, Operation
from mockidp.rules import words
from mockidp.rules.words import Word

Schema = dict[str, Any]
_REF = "#/components/schemas/{name}"
_ERRORS = {
    400: "What was wrong, and what would be right",
    403: "No caller on this machine, or another site's page",
    404: "Not there",
    409: "There is one already",
}
_OPEN: Schema = {"type": "object", "additionalProperties": True}
# The shapes of rules' words here; in a file there may be placeholders, too (fixtures/schema.json).
_SHAPES: dict[str, Schema] = {
    "text": {"type": "string"},
    "flag": {"type": "boolean"},
    "status": {"type": "integer"},
    "duration": {"type": ["string", "number"]},
    "mapping": _OPEN,
    "headers": _OPEN,
    "mfa": {"enum": list(words.CHOICES["mfa"])},
    "consent": {"enum": list(words.CHOICES["consent"])},
}


def describe(operations: Iterable[Operation]) -> Schema:
    """Return the OpenAPI document."""
    rows = list(operations)
    # The types of parameters are no components.
    takes = [each.takes if each.method == "POST" and each.takes is not Nothing else None for each in rows]
    types = [ControlError, *takes, *(each.answers for each in rows)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    _require(components, types)
    for schema in (*schemas, *components.values()):
        _open(schema)
    components["RuleGiven"]["properties"] |= {
        "where": {**_words(words.WHERE), "additionalProperties": True},
        "then": {**_words(words.THEN), "additionalProperties": False},
    }
    bodies, answers = schemas[1 : len(rows) + 1], schemas[len(rows) + 1 :]
    paths: dict[str, Schema] = {}
    for row, body, answered in zip(rows, bodies, answers, strict=True):
        paths.setdefault(row.path, {})[row.method.lower()] = {
            "operationId": f"{row.method.lower()}-{row.name.replace('/', '-')}".replace("{", "").strip("}"),
            "summary": row.summary,
            **_input(row, body),
            "responses": _responses(row, answered),
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mockidp control API",
            "version": mockidp.__version__,
            "description": "Steers a mock tenant from a test in any language. Loopback only.",
        },
        "paths": paths,
        "components": {"schemas": components, "responses": _refusals(schemas[0])},
    }


def _require(components: dict[str, Schema], types: Iterable[Any]) -> None:
    """Require members that have a default of every answer: they may be missing in what is given only."""
    lean = _lean(types)
    for name, schema in components.items():
        if name in lean or "properties" not in schema or schema.get("additionalProperties") is False:
            continue
        for member, found in schema["properties"].items():
            if "default" in found:
                del found["default"]
                schema["required"].append(member)


def _lean(types: Iterable[Any]) -> set[str]:
    """Return the names of the structs that leave members with their defaults out."""
    nodes: list[Any] = list(inspect.multi_type_info(types))
    structs: set[type[msgspec.Struct]] = set()
    while nodes:
        node = nodes.pop()
        if not isinstance(node, inspect.StructType):
            inner = (getattr(node, name, ()) for name in ("types", "item_type", "item_types", "value_type"))
            nodes += (each for found in inner for each in (found if isinstance(found, tuple) else (found,)))
        elif node.cls not in structs:
            structs.add(node.cls)
            nodes += (field.type for field in node.fields)
    return {each.__name__ for each in structs if each.__struct_config__.omit_defaults}


def _open(schema: Any) -> None:
    """Write out that an object without members of its own takes any: generators may take it for empty."""
    if isinstance(schema, list):
        for item in schema:
            _open(item)
    if isinstance(schema, dict):
        if schema.get("type") == "object" and "properties" not in schema:
            schema.setdefault("additionalProperties", True)
        for member in schema.values():
            _open(member)


def _words(table: dict[str, Word]) -> Schema:
    members = {
        name: {"description": word.meaning, **_SHAPES.get(word.shape, {})} for name, word in table.items()
    }
    return {"type": "object", "properties": members}


def _input(row: Operation, body: Schema) -> Schema:
    """Return `parameters` of the path and the query, or `requestBody` of a POST."""
    if row.takes is Nothing:
        return {}
    given = EXAMPLES[row.method, row.name].given
    schema = msgspec.json.schema(row.takes)
    described = schema.get("$defs", {}).get(row.takes.__name__, schema)
    if row.method == "POST":
        content = {"application/json": {"schema": body, "example": given}}
        return {"requestBody": {"required": bool(described.get("required")), "content": content}}
    parameters = []
    for name, found in described["properties"].items():
        place = {"in": "path", "required": True} if f"{{{name}}}" in row.name else {"in": "query"}
        example = {"example": given[name]} if name in given else {}
        parameters.append({"name": name, **place, "schema": _without_null(found), **example})
    return {"parameters": parameters}


def _without_null(schema: Schema) -> Schema:
    """Return the schema of a parameter: a query has no null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    return kinds[0] if len(kinds) == 1 else schema


def _responses(row: Operation, answered: Schema) -> Schema:
    example = EXAMPLES[row.method, row.name].answered
    content = {"schema": answered} if example is None else {"schema": answered, "example": example}
    refused = {
        str(status): {"$ref": f"#/components/responses/{_word(status)}"}
        for status in sorted({400, 403, *row.errors})
    }
    return {str(row.status): _response(HTTPStatus(row.status).phrase, content), **refused}


def _refusals(error: Schema) -> Schema:
    refused = {"schema": error, "example": {"error": "usage_error", "message": _ERRORS[400]}}
    return {_word(status): _response(description, refused) for status, description in _ERRORS.items()}


def _word(status: int) -> str:
    return HTTPStatus(status).phrase.replace(" ", "")


def _response(description: str, content: Schema) -> Schema:
    return {"description": description, "content": {"application/json": content}}
