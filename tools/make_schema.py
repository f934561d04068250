"""Make `fixtures/schema.json`: the JSON Schema of seeds and scenarios, for editors.

From the vocabularies that the readers go by; `tests/harness/test_scenario_schema.py` compares the file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mockidp.rules import words
from mockidp.rules.words import Word
from mockidp.seed.vocabulary import vocabulary

FILE = Path(__file__).parents[1] / "fixtures" / "schema.json"
Schema = dict[str, Any]
METHODS = "[A-Za-z]+|\\*"
SHAPES: dict[str, Schema] = {
    "text": {"type": "string"},
    "flag": {"type": "boolean"},
    "any": {},
    "body": {},
    "mapping": {"type": "object"},
    "headers": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean", "null"]}},
    "duration": {"type": ["string", "number"], "examples": ["150ms", "2s", "1h30m"]},
    "moment": {"type": ["string", "number"], "examples": ["2030-01-01T00:00:00Z"]},
    "freeze": {"type": ["string", "number"], "examples": [*words.CHOICES["freeze"], "2030-01-01T00:00:00Z"]},
    "rate": {"type": "number", "minimum": 0, "examples": [60]},
    "on": {
        "type": "string",
        "pattern": f"^(({METHODS}) /\\S*|after [0-9]+ requests?)$",
        "examples": ["GET /authorize", "POST /oauth/token", "GET /userinfo", "after 3 requests"],
    },
    "where": {"$ref": "#/$defs/where"},
    "then": {"$ref": "#/$defs/then"},
    "times": {"anyOf": [{"type": "integer", "minimum": 1}, {"enum": list(words.CHOICES["times"])}]},
    "calls": {
        "anyOf": [
            {"type": "integer", "minimum": 1},
            {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1},
        ]
    },
    "status": {"type": "integer", "minimum": 200, "maximum": 599},
    "deny": {"anyOf": [{"type": "string"}, {"const": True}]},
    "mfa": {"enum": list(words.CHOICES["mfa"])},
    "consent": {"enum": list(words.CHOICES["consent"])},
    "kind": {"enum": list(words.CHOICES["kind"])},
    "drop": {"enum": [True, False, *words.CHOICES["drop"]]},
    "rate_limit": {
        "anyOf": [
            {"type": ["boolean", "string"]},
            {
                "type": "object",
                "properties": {
                    "limit": {"type": ["integer", "null"], "minimum": 1},
                    "per": {"$ref": "#/$defs/duration"},
                },
                "additionalProperties": False,
            },
        ]
    },
    "rotate_keys": {
        "anyOf": [
            {"enum": [True, False, *words.CHOICES["rotate_keys"]]},
            {
                "type": "object",
                "properties": {"stale": {"$ref": "#/$defs/duration"}},
                "required": ["stale"],
                "additionalProperties": False,
            },
        ]
    },
    "tamper": {"anyOf": [{"enum": list(words.CHOICES["tamper"])}, {"type": "object", "minProperties": 1}]},
    "seed": {"type": ["string", "array", "object"], "items": {"type": ["string", "object"]}},
    "include": {
        "type": ["string", "array", "object"],
        "items": {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {"file": {"type": "string"}, "parameters": {"type": "object"}},
                    "required": ["file"],
                    "additionalProperties": False,
                },
            ]
        },
    },
    "script": {"type": "array", "items": {"$ref": "#/$defs/step"}},
    "expect": {"$ref": "#/$defs/expect"},
    "requests": {"type": "array", "items": {"$ref": "#/$defs/request"}},
    "users": {"type": "object", "additionalProperties": {"type": ["object", "null"]}},
    "messages": {"type": "array", "items": {"$ref": "#/$defs/message"}},
}
PLACEHOLDER: Schema = {"type": "string", "pattern": "^(@@|##).+(@@|##)$"}
TYPES = {"list": "array"}


def schema() -> Schema:
    """Return the schema: a seed, a scenario, or both in one file."""
    properties = {section: _section(section) for section in vocabulary().sections}
    request = _object(words.REQUEST)
    request["properties"]["times"] = {"type": "integer", "minimum": 0}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mockidp seed or scenario",
        "type": "object",
        "properties": properties | _properties(words.SCENARIO),
        "additionalProperties": False,
        "$defs": {
            "step": {**_object(words.RULE), "required": ["on"]},
            "where": {**_object(words.WHERE), "additionalProperties": True},
            "then": _object(words.THEN),
            "expect": _object(words.EXPECT),
            "request": {**request, "required": ["on"]},
            "message": _object(words.MESSAGE),
            "duration": SHAPES["duration"],
        },
    }


def render() -> str:
    """Return the file's text."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def _object(table: dict[str, Word]) -> Schema:
    return {"type": "object", "properties": _properties(table), "additionalProperties": False}


def _properties(table: dict[str, Word]) -> Schema:
    return {
        name: _placed({"description": word.meaning, **SHAPES[word.shape]}) for name, word in table.items()
    }


def _placed(found: Schema) -> Schema:
    """Return a schema that takes a placeholder, too, where a text would not do."""
    if found.get("type") in ("boolean", "integer", "number", "array", "object"):
        description = {key: found.pop(key) for key in ("description",) if key in found}
        return {**description, "anyOf": [found, PLACEHOLDER]}
    if "anyOf" in found:
        return {**found, "anyOf": [*found["anyOf"], PLACEHOLDER]}
    if "enum" in found:
        return {key: value for key, value in found.items() if key != "enum"} | {
            "anyOf": [{"enum": found["enum"]}, PLACEHOLDER]
        }
    return found


def _section(section: str) -> Schema:
    words_of = vocabulary().kinds.get(section)
    is_list = vocabulary().form(section) == "list"
    if words_of is None:
        return {"type": ["array" if is_list else "object", "null"], "description": "kept, not emulated"}
    fields = {name: _field(shape) for name, shape in words_of.fields.items()}
    entity = {"type": "object", "properties": fields, "additionalProperties": False}
    return {"anyOf": [{"type": "array", "items": entity} if is_list else entity, {"type": "null"}]}


def _field(shape: Any) -> Schema:
    """Return the schema of a key's shape, as `seed/vocabulary.py` explains them; null is always right."""
    if isinstance(shape, str):
        return _typed(shape)
    (form, content), *_ = shape.items()
    if form in ("one_of", "usual"):
        text: Schema = {"type": "string", "examples": content} if form == "usual" else {"enum": content}
        found: Schema = {"type": "array", "items": text} if shape.get("list") else text
    elif form in ("object", "open"):
        members = {name: _field(inner) for name, inner in content.items()}
        found = {"type": "object", "properties": members, "additionalProperties": form == "open"}
    else:
        members = {name: _field(inner) for name, inner in content.items()}
        item: Schema = {"type": "object", "properties": members, "additionalProperties": False}
        items = {"anyOf": [{"type": "string"}, item]} if form == "strings_or_list" else item
        found = {"type": "array", "items": items}
    return {"anyOf": [found, PLACEHOLDER, {"type": "null"}]}


def _typed(shape: str) -> Schema:
    if shape == "any":
        return {}
    if shape == "strings":
        found: Schema = {"type": "array", "items": {"type": "string"}}
        return {"anyOf": [found, PLACEHOLDER, {"type": "null"}]}
    names = [TYPES.get(name, name) for name in shape.split("|")]
    if "string" in names:
        return {"type": [*names, "null"]}
    return {"anyOf": [{"type": [*names, "null"]}, PLACEHOLDER]}


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
