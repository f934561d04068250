"""The values of a rule's keys: each shape is read by one function."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from mockidp import json
from mockidp.clock import parse_duration, parse_moment, parse_rate
from mockidp.json import Json
from mockidp.model.tampering import Tamper
from mockidp.rules import words
from mockidp.rules.operation import Operation
from mockidp.rules.rule import RateLimit, Rotation, Tampered
from mockidp.rules.words import meant

_AFTER = re.compile(r"after\s+(\d+)\s+requests?", re.IGNORECASE)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.1
_HEADER_TEXT = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")  # RFC 9110 §5.5
_ID_TOKEN_ONLY = frozenset({"nonce", "at_hash", "c_hash", "auth_time", "sid"})


class Wrong(Exception):
    """What is wrong in one value; the message is the end of a sentence that begins with its name."""


def _on(value: object) -> tuple[Operation | None, int | None]:
    text = _text(value)
    after = _AFTER.fullmatch(text.strip())
    if after and not int(after[1]):
        raise Wrong("counts requests from 1")
    return (None, int(after[1])) if after else (Operation.parse(text), None)


def _text(value: object) -> str:
    if not isinstance(value, str):
        advice = "; put it in quotes" if isinstance(value, bool | int | float) else ""
        raise Wrong(f"must be a string, not {given_as(value)}{advice}")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Wrong(f"must be true or false, not {shown(value)}")
    return value


def _mapping(value: object) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise Wrong(f"must be a mapping, not {given_as(value)}")
    return value


def _headers(value: object) -> Mapping[str, Json]:
    headers = _mapping(value)
    for name, text in headers.items():
        if not _HEADER_NAME.fullmatch(str(name)):
            raise Wrong(f"has what is no header's name: {shown(name)}")
        if not isinstance(text, str | int | float | None) or not _HEADER_TEXT.fullmatch(str(text)):
            raise Wrong(f"has what header '{name}' cannot say: {shown(text)}; write one line of Latin-1")
    return headers


def _body(value: object) -> Json:
    if isinstance(value, str):
        return value
    try:
        return json.decode(json.encode(value))
    except TypeError as error:
        raise Wrong(f"is neither a text nor JSON: {error}") from None


def _duration(value: object) -> float:
    if not isinstance(value, str | int | float | timedelta) or isinstance(value, bool):
        raise Wrong(f"must be a duration such as 2s, not {given_as(value)}")
    seconds = parse_duration(value)
    if seconds < 0:
        raise Wrong(f"must not be negative: {value}")
    return seconds


def _moment(value: object) -> float:
    if not isinstance(value, str | int | float | date) or isinstance(value, bool):
        raise Wrong(f"must be a time such as 2030-01-01T00:00:00Z, not {given_as(value)}")
    return parse_moment(value)


def _freeze(value: object) -> float | str:
    return "now" if value == "now" else _moment(value)


def _rate(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Wrong(f"must be a number such as 60, not {given_as(value)}")
    return parse_rate(value)


def _times(value: object) -> int | str:
    if value == "any":
        return "any"
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Wrong(f"must be a whole number from 1, or any, not {shown(value)}")
    return value


def _calls(value: object) -> tuple[int, ...]:
    numbers: list[Any] = list(value) if isinstance(value, list | tuple) else [value]
    if not numbers or not all(is_whole(number) and number > 0 for number in numbers):
        raise Wrong(f"must be a whole number from 1, or a list of them, not {shown(value)}")
    return tuple(numbers)


def _status(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 200 <= value <= 599:
        raise Wrong(f"must be an HTTP status from 200 to 599, not {shown(value)}")
    return value


def _deny(value: object) -> str:
    return "access_denied" if value is True else _text(value)


def _one_of(key: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        return _word(value, words.CHOICES[key])

    return read


def _word(value: object, known: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in known:
        hint = meant(value, known) if isinstance(value, str) else ""
        listed = ", ".join(known[:-1]) + (" or " if known[:-1] else "") + known[-1]
        raise Wrong(f"must be {listed}, not {shown(value)}{hint}")
    return value


def _drop(value: object) -> str | None:
    if isinstance(value, bool):
        return "before" if value else None
    return _word(value, words.CHOICES["drop"])


def _rate_limit(value: object) -> RateLimit | None:
    if isinstance(value, bool):
        return RateLimit() if value else None
    if not isinstance(value, Mapping | str):
        raise Wrong(f"must be true, a duration such as 60s, or {{limit, per}}, not {shown(value)}")
    if not isinstance(value, Mapping):
        return RateLimit(per=_duration(value))
    for key in value:
        if key not in ("limit", "per"):
            raise Wrong(f"has an unknown key '{key}'; it takes 'limit' and 'per'")
    limit = value.get("limit")
    if limit is not None and (not is_whole(limit) or limit < 1):
        raise Wrong(f"has a limit that is no whole number from 1: {shown(limit)}")
    return RateLimit(limit, _duration(value.get("per", 1)))


def _rotate_keys(value: object) -> Rotation | None:
    if isinstance(value, bool):
        return Rotation() if value else None
    if isinstance(value, Mapping) and set(value) == {"stale"}:
        return Rotation(stale=_duration(value["stale"]))
    if value == "stale":
        return Rotation(stale=float("inf"))
    raise Wrong(f"must be true, stale or {{stale: duration}}, not {shown(value)}")


def _tamper(value: object) -> Tampered:
    kinds = ("id_token", "access_token")
    if isinstance(value, Mapping) and value and set(value) <= set(kinds):
        each = {kind: _one_tamper(value[kind]) for kind in kinds if kind in value}
        return Tampered(**each)
    wrong = _one_tamper(value)
    named = set(wrong.claims) or {(wrong.fault or "").removeprefix("wrong_")}
    only_id = named <= _ID_TOKEN_ONLY
    return Tampered(id_token=wrong, access_token=None if only_id else wrong)


def _one_tamper(value: object) -> Tamper:
    if isinstance(value, Mapping):
        if not value:
            raise Wrong("names no claim")
        return Tamper(claims=dict(value))
    return Tamper(fault=_word(value, words.CHOICES["tamper"]))


def _any(value: object) -> Any:
    return value


SHAPES: dict[str, Callable[[object], Any]] = {
    "on": _on,
    "text": _text,
    "flag": _flag,
    "mapping": _mapping,
    "headers": _headers,
    "body": _body,
    "duration": _duration,
    "moment": _moment,
    "freeze": _freeze,
    "rate": _rate,
    "times": _times,
    "calls": _calls,
    "status": _status,
    "deny": _deny,
    "mfa": _one_of("mfa"),
    "consent": _one_of("consent"),
    "kind": _one_of("kind"),
    "drop": _drop,
    "rate_limit": _rate_limit,
    "rotate_keys": _rotate_keys,
    "tamper": _tamper,
    "any": _any,
}


def is_whole(value: object) -> bool:
    """Whether it is an integer, and no boolean."""
    return isinstance(value, int) and not isinstance(value, bool)


_GIVEN: dict[type, str] = {str: "a string", bool: "a boolean", int: "a number", float: "a number"}


def given_as(value: object) -> str:
    """Return what a message calls a value's type."""
    if value is None:
        return "nothing"
    return _GIVEN.get(type(value), "a mapping" if isinstance(value, Mapping) else "a list")


def shown(value: object) -> str:
    """Return a value as a message shows it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else repr(value)
