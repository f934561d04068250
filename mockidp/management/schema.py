"""Validation of Management API requests, in the words of z-schema and z-schema-errors, as Auth0's API does.

All problems are reported, joined with ` (also) `, in z-schema's order, which walks objects and arrays
backwards. Real answers show both: `Additional properties not allowed: b,a` for a body `{"a", "b"}`, and one
POST /users with seven problems, from `username` to `phone_number`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from mockidp.errors import ApiError
from mockidp.management.operations import Operation, Schema

Context = Literal["Payload", "Query", "Path"]

ERROR_CODES: Mapping[Context, str] = {
    "Payload": "invalid_body",
    "Query": "invalid_query_string",
    "Path": "invalid_uri",
}

# unverified: the formats' exact rules. They are looser than any likely one, so that nothing valid is refused.
FORMATS = {
    "email": re.compile(r"[^\s@]+@[^\s@.]+(\.[^\s@.]+)+"),
    "strict-uri": re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+"),
    "user-id": re.compile(r"[^|]+\|.+"),
    "client-id": re.compile(r"[\w.-]+"),
}


class Problem(NamedTuple):
    """One thing that is wrong, the property (empty for the whole) and that property's description."""

    detail: str
    path: str = ""
    description: str = ""
    inner: tuple[Problem, ...] = ()


def check_body(body: object, operation: Operation) -> None:
    """Raise the 400 `invalid_body` that the operation's schema calls for.

    unverified: that an absent body (None) counts as `{}`, and missing properties come before additional ones.
    """
    if operation.request is None:
        return
    problems = tuple(find_problems({} if body is None else body, operation.request))
    if problems:
        raise validation_error("Payload", problems)


def check_query(args: Mapping[str, str], operation: Operation) -> None:
    """Raise the 400 `invalid_query_string` for unknown, missing or malformed query parameters."""
    read_parameters(args, operation.query)


def read_parameters(args: Mapping[str, str], schema: Schema) -> dict[str, object]:
    """Return query parameters as the types that `schema` gives them; raise the 400 as `check_query` does."""
    if not args and not schema.required:
        return {}
    types = schema.properties
    values = {
        name: _typed(text, types[name].type if name in types else "string") for name, text in args.items()
    }
    problems = tuple(find_problems(values, schema))
    if problems:
        raise validation_error("Query", problems)
    return values


def validation_error(context: Context, problems: Sequence[Problem]) -> ApiError:
    """Return the 400 whose message lists `problems`."""
    return ApiError(400, _message(context, problems), ERROR_CODES[context])


def find_problems(value: object, schema: Schema, path: str = "") -> Iterator[Problem]:
    """Yield what is wrong with a decoded JSON value, in the order in which the real validator reports it."""
    for check in _CHECKS:
        for detail in check(value, schema):
            yield Problem(detail, path, schema.description)
    if schema.any_of:
        yield from _any_of(value, schema, path)
    yield from _within(value, schema, path)


def _within(value: object, schema: Schema, path: str) -> Iterator[Problem]:
    if isinstance(value, list) and schema.items is not None:
        for index in reversed(range(len(value))):
            yield from find_problems(value[index], schema.items, f"{path}[{index}]")
    if isinstance(value, dict):
        for name in reversed(value):
            if name in schema.properties:
                yield from find_problems(
                    value[name], schema.properties[name], f"{path}.{name}" if path else name
                )


def _any_of(value: object, schema: Schema, path: str) -> Iterator[Problem]:
    found = [tuple(find_problems(value, alternative, path)) for alternative in schema.any_of]
    if all(found):
        inner = tuple(problem for problems in found for problem in problems)
        yield Problem("None of the valid schemas were met", path, schema.description, inner)


def _message(context: Context, problems: Iterable[Problem]) -> str:
    sentences = dict.fromkeys(_sentence(context, problem) for problem in problems)
    return " (also) ".join(sentences)


def _sentence(context: Context, problem: Problem) -> str:
    description = f" ({problem.description})" if problem.description else ""
    where = f" on property {problem.path}{description}" if problem.path else ""
    inner = f" Inner errors: [ {_message(context, problem.inner)} ]." if problem.inner else ""
    return f"{context} validation error: '{problem.detail}'{where}.{inner}"


def _typed(text: str, wanted: str) -> object:
    """Return a query parameter as the type that is wanted, or as the text that it is when it does not fit."""
    if wanted == "integer" and re.fullmatch(r"-?[0-9]{1,15}", text):
        return int(text)
    if wanted == "boolean" and text in ("true", "false"):
        return text == "true"
    return [text] if wanted == "array" else text


# -- the checks: each yields the details of what is wrong with this value itself --------------------------


def _type_name(value: object) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    if isinstance(value, int | float):
        return "integer" if value == value // 1 else "number"
    names: dict[type, str] = {str: "string", list: "array", dict: "object"}
    return names.get(type(value), "undefined")


def _type(value: object, schema: Schema) -> Iterator[str]:
    expected, found = schema.type.split("|"), _type_name(value)
    if schema.type and found not in expected and not (found == "integer" and "number" in expected):
        yield f"Expected type {','.join(expected)} but found type {found}"


def _properties(value: object, schema: Schema) -> Iterator[str]:
    if not isinstance(value, dict):
        return
    if len(value) < schema.min_properties:
        yield f"Too few properties defined ({len(value)}), minimum {schema.min_properties}"
    for name in reversed(schema.required):
        if name not in value:
            yield f"Missing required property: {name}"
    unknown = [name for name in reversed(value) if name not in schema.properties]
    if unknown and not schema.additional:
        yield f"Additional properties not allowed: {','.join(unknown)}{schema.hint}"


def _text(value: object, schema: Schema) -> Iterator[str]:
    if not isinstance(value, str):
        return
    if schema.format and not FORMATS[schema.format].fullmatch(value):
        yield f"Object didn't pass validation for format {schema.format}: {value}"
    if schema.pattern and not re.search(_python(schema.pattern), value):
        yield f"String does not match pattern {schema.pattern}: {value}"
    if schema.max_length is not None and len(value) > schema.max_length:
        yield f"String is too long ({len(value)} chars), maximum {schema.max_length}"
    if schema.min_length is not None and len(value) < schema.min_length:
        yield f"String is too short ({len(value)} chars), minimum {schema.min_length}"


def _python(pattern: str) -> str:
    """Return a JavaScript pattern as a Python one: its `$` does not look past a final line feed."""
    return pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern


def _enum(value: object, schema: Schema) -> Iterator[str]:
    if schema.enum and isinstance(value, str) and value not in schema.enum:
        yield f'Invalid value "{value}"'


def _number(value: object, schema: Schema) -> Iterator[str]:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return
    if schema.maximum is not None and value > schema.maximum:
        yield f"Value {value} is greater than maximum {schema.maximum}"
    if schema.minimum is not None and value < schema.minimum:
        yield f"Value {value} is less than minimum {schema.minimum}"


_CHECKS: tuple[Callable[[object, Schema], Iterator[str]], ...] = (_type, _properties, _text, _enum, _number)
