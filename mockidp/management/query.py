"""What the list endpoints of the Management API have in common: paging, `fields`, and `sort` of users.

Source: https://auth0.com/docs/api/management/v2 (parameters) and answers of real tenants (texts, key orders).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TypeVar

import msgspec

from mockidp.errors import ApiError
from mockidp.json import Json, JsonObject
from mockidp.management.operations import Schema
from mockidp.management.schema import Problem, read_parameters, validation_error
from mockidp.management.search import CASE_INSENSITIVE, leaf_values

Document = TypeVar("Document", bound=Mapping[str, Json])

# In the order in which the 400 for an unknown field lists them (a real answer).
USER_FIELDS = (
    *("phone_number", "email", "email_verified", "picture", "username", "user_id", "name", "nickname"),
    *("created_at", "identities", "app_metadata", "user_metadata", "last_ip", "last_login", "logins_count"),
    *("updated_at", "blocked", "family_name", "given_name"),
)

PAGE = "Page index of the results to return. First page is 0"
PER_PAGE = "Number of results per page. Defaults to 50"
INCLUDE_TOTALS = (
    "Return results inside an object that contains the total result count (true) or as a direct array of "
    "results (false, default)"
)
FROM = "Optional Id from which to start selection"
FIELDS = (
    "Comma-separated list of fields to include or exclude (based on value provided for include_fields) in "
    "the result. Leave empty to retrieve all fields"
)
SORT = (
    "Field to sort by. Use field:order where order is 1 for ascending and -1 for descending. "
    "e.g. created_at:1"
)


class Paging(msgspec.Struct, frozen=True):
    """Which part of a list is wanted: `limit` items from index `start` on, and in which envelope.

    `checkpoint` is the paging by `from` and `take`, whose answer has `next` in place of totals.
    """

    start: int
    limit: int
    include_totals: bool = False
    checkpoint: bool = False


def paging(args: Mapping[str, str], *, default_per_page: int = 50, max_per_page: int = 100) -> Paging:
    """Read `page`, `per_page` and `include_totals`, or `from` and `take`, which win; ignore the rest.

    Raises the 400 `invalid_query_string` for values that are no such number or out of range.
    """
    schema = _paging_schema(max_per_page)
    values = read_parameters({name: args[name] for name in schema.properties if name in args}, schema)
    number = {name: value for name, value in values.items() if isinstance(value, int)}
    if "from" in args or "take" in args:
        start = _position(args["from"]) if "from" in args else 0
        return Paging(start, number.get("take", default_per_page), checkpoint=True)
    limit = number.get("per_page", default_per_page)
    return Paging(number.get("page", 0) * limit, limit, include_totals=values.get("include_totals") is True)


def with_totals(wanted: Paging) -> Paging:
    """Return the paging for the resources that answer with an object even without `include_totals`."""
    return msgspec.structs.replace(wanted, include_totals=True)


def envelope(items: Sequence[Json], wanted: Paging, key: str, order: str) -> Json:
    """Return the wanted page of `items` (the whole list), bare or in the resource's envelope.

    `order` names the envelope's keys in the order of the real service, such as
    `start,limit,length,users,total`; `key` is the one that holds the items. Checkpoint paging has its own
    envelope: the items, then `next` unless this is the last page.
    """
    end = wanted.start + wanted.limit
    page = list(items[wanted.start : end])
    if wanted.checkpoint:
        following: dict[str, Json] = {"next": _checkpoint(end)} if end < len(items) else {}
        return {key: page, **following}
    if not wanted.include_totals:
        return page
    members: dict[str, Json] = {
        "start": wanted.start,
        "limit": wanted.limit,
        "length": len(page),
        "total": len(items),
        key: page,
    }
    return {name: members[name] for name in order.split(",")}


@cache
def _paging_schema(maximum: int) -> Schema:
    properties = {
        "page": Schema(type="integer", description=PAGE, minimum=0),
        "per_page": Schema(type="integer", description=PER_PAGE, minimum=0, maximum=maximum),
        "include_totals": Schema(type="boolean", description=INCLUDE_TOTALS),
        "from": Schema(type="string", description=FROM),
        "take": Schema(type="integer", description=PER_PAGE, minimum=1, maximum=maximum),
    }
    return Schema(type="object", properties=properties)


def _checkpoint(index: int) -> str:
    return base64.urlsafe_b64encode(f"from:{index}".encode()).decode()


def _position(checkpoint: str) -> int:
    """Return the index that `_checkpoint` wrote. unverified: how the real service refuses another text."""
    try:
        match = re.fullmatch(rb"from:([0-9]{1,15})", base64.urlsafe_b64decode(checkpoint))
    except ValueError:
        match = None
    if match is None:
        raise _refused("from", f'Invalid value "{checkpoint}"', FROM)
    return int(match[1])


def _refused(name: str, detail: str, description: str) -> ApiError:
    return validation_error("Query", [Problem(detail, name, description)])


# -- fields --------------------------------------------------------------------------------------------


def select_fields(
    document: JsonObject, args: Mapping[str, str], allowed: Sequence[str] | None
) -> dict[str, Json]:
    """Return the document with only `fields`, or without them when `include_fields` is `false`."""
    return field_selector(args, allowed)(document)


def field_selector(
    args: Mapping[str, str], allowed: Sequence[str] | None
) -> Callable[[JsonObject], dict[str, Json]]:
    """Return what `select_fields` does, checked once for a whole list.

    `allowed` is what may be named, in the order of the error text; None allows anything. Raises the 400 for a
    field that is not allowed. No `fields`, or an empty one, means all fields.
    """
    text = args["fields"] if "fields" in args else ""  # noqa: SIM401 - werkzeug's get() raises inside
    fields = frozenset(text.split(",")) if text else frozenset()
    if allowed is not None and not fields.issubset(allowed):
        rule = f"Must be a comma separated list of the following values: {','.join(allowed)}"
        raise _refused("fields", f"String '{text}' does not match pattern. {rule}", FIELDS)
    if not fields:
        return lambda document: dict(document)
    wanted = args.get("include_fields") != "false"
    return lambda document: {name: value for name, value in document.items() if (name in fields) is wanted}


# -- sort ----------------------------------------------------------------------------------------------

_SORT_PATTERN = r"^[\w.]+:-?1$"


def sort_users(documents: Sequence[Document], sort: str) -> list[Document]:
    """Return the users in the order of `field:1` or `field:-1`; those without the field come last.

    Lists count by their smallest (ascending) or largest value. Raises a 400 for metadata, by which the real
    service does not sort either, and for what is not of this form. unverified: the texts of both, and that
    users without the field come last (as in Elasticsearch).
    """
    if not re.fullmatch(_SORT_PATTERN.strip("^$"), sort):
        raise _refused("sort", f"String does not match pattern {_SORT_PATTERN}: {sort}", SORT)
    field, _, order = sort.partition(":")
    path = tuple(field.split("."))
    if path[0] in ("user_metadata", "app_metadata"):
        raise _refused("sort", "Sorting by app_metadata or user_metadata is not supported", SORT)
    choose = min if order == "1" else max
    keyed: list[tuple[tuple[int, float, str], Document]] = []
    without: list[Document] = []
    for document in documents:
        keys = [_sort_key(field, value) for value in leaf_values(document, path)]
        if keys:
            keyed.append((choose(keys), document))
        else:
            without.append(document)
    keyed.sort(key=lambda pair: pair[0], reverse=order == "-1")
    return [document for _, document in keyed] + without


def _sort_key(field: str, value: Json) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return (0, value, "")
    text = str(value)
    return (1, 0, text.casefold() if field in CASE_INSENSITIVE else text)
