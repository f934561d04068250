"""What is known of every Management API operation: method, path, scopes, status, parameters and request body.

From `data/operations.json`, which `tools/make_operations.py` makes: the 452 operations of Auth0's
OpenAPI description, and 18 more that were only seen in recordings of real tenants.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec


class Schema(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The part of JSON Schema that the Management API's validator needs.

    `type` is empty when anything goes and joins alternatives with `|` (`string|null`). `additional` is
    `additionalProperties`; `hint` follows the names in its error text. Lengths are in characters.
    """

    type: str = ""
    description: str = ""
    format: str = ""
    pattern: str = ""
    enum: tuple[str, ...] = ()
    min_length: int | None = None
    max_length: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    min_properties: int = 0
    required: tuple[str, ...] = ()
    additional: bool = True
    hint: str = ""
    properties: Mapping[str, Schema] = {}
    items: Schema | None = None
    any_of: tuple[Schema, ...] = ()


class Operation(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One method on one path template such as `/api/v2/users/{id}`.

    Any one of `scopes` suffices, and the text of a 403 lists them in this order. `status` is the success
    status that real tenants were seen to answer, else the declared one. `query` describes the query
    parameters as one object. `request` is None when there is no body or nothing is known of it.
    """

    method: str
    path: str
    scopes: tuple[str, ...]
    status: int
    query: Schema
    request: Schema | None = None


@cache
def operations() -> tuple[Operation, ...]:
    """Return all operations; the file is read at the first call."""
    data = Path(__file__).parents[1].joinpath("data", "operations.json").read_bytes()
    return msgspec.json.decode(data, type=tuple[Operation, ...])


@cache
def _by_route() -> Mapping[tuple[str, str], Operation]:
    return {(operation.method, operation.path): operation for operation in operations()}


def find_operation(method: str, template: str) -> Operation:
    """Return the operation of, say, `"GET", "/api/v2/users/{id}"`; raise `LookupError` when there is none."""
    try:
        return _by_route()[method, template]
    except KeyError:
        raise LookupError(f"the Management API has no operation {method} {template}") from None
