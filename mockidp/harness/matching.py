"""Which requests are meant: `"POST /oauth/token"`, with parameters, headers and a status."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

import msgspec

from mockidp import json as wire
from mockidp.errors import UsageError
from mockidp.harness.exchange import Exchange, Pairs, as_text

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_WIDTH = 60  # characters of a value in a message


class Operation(msgspec.Struct, frozen=True):
    """A method (`*`: any) and a path template, as `POST /api/v2/users/{id}/identities`."""

    method: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Operation:
        """Return what `"METHOD /path"` means; raise `UsageError` when it is something else."""
        method, _, path = text.strip().partition(" ")
        method, path = method.upper(), path.strip()
        if (method not in METHODS and method != "*") or not path.startswith("/"):
            raise UsageError(f"'{text}' is no operation; write method and path: 'POST /oauth/token'")
        if "?" in path or "#" in path:
            raise UsageError(f"'{text}': write the path alone, and its parameters as query={{…}}")
        return cls(method, path)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def fits(self, exchange: Exchange) -> bool:
        """Whether the request is of this operation; `{name}` stands for any one segment."""
        if self.method not in ("*", exchange.method):
            return False
        own, given = self.path.strip("/").split("/"), exchange.segments
        return len(own) == len(given) and all(map(_segment_fits, own, given))


class Criteria(msgspec.Struct, frozen=True, kw_only=True):
    """What else must hold. Only the named parameters and members are compared.

    In `query`, `form` and `headers` None means absent, and a list all values of a repeated parameter. `form`
    is the body's parameters, form or JSON alike; `json` compares JSON values, objects member by member.
    """

    query: Mapping[str, object] | None = None
    form: Mapping[str, object] | None = None
    json: object = None
    headers: Mapping[str, object] | None = None
    status: int | None = None

    def __str__(self) -> str:
        named = {"query": self.query, "form": self.form, "json": self.json, "headers": self.headers}
        parts = [f"{name} {_short(value)}" for name, value in named.items() if value is not None]
        parts += [f"status {self.status}"] if self.status is not None else []
        return f" with {' and '.join(parts)}" if parts else ""

    def misses(self, exchange: Exchange) -> list[str]:
        """Return what is otherwise, as texts; an empty list when everything holds."""
        headers = [(name.lower(), value) for name, value in exchange.headers]
        wanted = {name.lower(): value for name, value in (self.headers or {}).items()}
        found = [
            *_differences("query", self.query or {}, exchange.query_pairs),
            *_differences("form", self.form or {}, exchange.form_pairs),
            *_differences("headers", wanted, headers),
        ]
        if self.json is not None:
            found += _json_differences("json", self.json, exchange.json)
        if self.status not in (None, exchange.status):
            found.append(f"status is {exchange.status}, not {self.status}")
        return found


def _segment_fits(own: str, given: str) -> bool:
    return given != "" if own[:1] == "{" and own[-1:] == "}" else unquote(own) == given


def summary(exchange: Exchange) -> str:
    """Return one line: method, path, parameters, and how it was answered."""
    parts = [exchange.method, exchange.path]
    parts += [f"{kind} {_short(values)}" for kind, values in _parameters(exchange) if values]
    parts += ["→", str(exchange.status) if exchange.status is not None else "dropped"]
    answer = exchange.response_json
    if isinstance(answer, dict) and "error" in answer:
        reason = answer.get("error_description") or answer.get("message") or ""
        parts.append(f"{answer['error']}: {reason}".rstrip(": "))
    elif exchange.location:
        parts.append(_short(exchange.location).strip("'"))
    return " ".join(parts)


def _parameters(exchange: Exchange) -> list[tuple[str, object]]:
    body = ("form", exchange.form) if exchange.json is None else ("json", exchange.json)
    return [("query", exchange.query), body]


def _differences(kind: str, wanted: Mapping[str, object], given: Pairs) -> list[str]:
    found = []
    for name, value in wanted.items():
        values = [text for key, text in given if key == name]
        if not _agrees(value, values):
            is_what = _short(values[0] if len(values) == 1 else values) if values else "absent"
            not_what = "expected absent" if value is None else f"not {_short(value)}"
            found.append(f"{kind}.{name} is {is_what}, {not_what}")
    return found


def _agrees(wanted: object, values: list[str]) -> bool:
    if wanted is None:
        return not values
    if isinstance(wanted, list | tuple):
        return values == list(wanted)
    # On the wire a number or a boolean is its JSON text.
    text = as_text(wanted) if isinstance(wanted, bool | int | float) else wanted
    return any(value == text for value in values)


def _json_differences(where: str, wanted: object, given: object) -> list[str]:
    if not (isinstance(wanted, Mapping) and isinstance(given, dict)):
        return [] if given == wanted else [f"{where} is {_short(given)}, not {_short(wanted)}"]
    found = []
    for name, value in wanted.items():
        if name not in given:
            found.append(f"{where}.{name} is absent, not {_short(value)}")
        else:
            found += _json_differences(f"{where}.{name}", value, given[name])
    return found


def _short(value: object) -> str:
    """Return a value as a message shows it: long texts, such as tokens, are cut."""
    if isinstance(value, str):
        return repr(value if len(value) <= _WIDTH else value[: _WIDTH - 1] + "…")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_short(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_short(item) for item in value) + "]"
    return wire.encode(value).decode() if value is None or isinstance(value, bool) else repr(value)
