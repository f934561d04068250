"""Which requests are meant: `"POST /oauth/token"`, with parameters, headers and a status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from mockidp import json as wire
from mockidp.harness.exchange import Exchange, Pairs, as_text
from mockidp.harness.redaction import is_mask, redact, redact_text, redact_url
from mockidp.rules.operation import Operation

SHOWN = 30  # requests that a failure lists
_WIDTH = 60  # characters of a value in a message


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
        parts = [f"{name} {shown('', value)}" for name, value in named.items() if value is not None]
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


def parameter_differences(wanted: Mapping[str, object], exchange: Exchange) -> list[str]:
    """Return in words which parameters are otherwise, whether they came in the query or the body."""
    given = [*exchange.query_pairs, *exchange.form_pairs]
    found = []
    for name, value in wanted.items():
        if isinstance(value, Mapping):
            found += _json_differences(f"json.{name}", value, _object(exchange.json).get(name))
        else:
            found += _differences("parameters", {name: value}, given)
    return found


def summary(exchange: Exchange) -> str:
    """Return one line: method, path, parameters, and how it was answered. Secrets are redacted."""
    parts = [exchange.method, exchange.path]
    parts += [f"{kind} {shown('', values)}" for kind, values in _parameters(exchange) if values]
    parts += ["→", str(exchange.status) if exchange.status is not None else "dropped"]
    if reason := reason_of(exchange):
        parts.append(reason)
    elif exchange.location:
        parts.append(shortened(redact_url(exchange.location)).strip("'"))
    if exchange.leftover_of:
        parts.append(f"(left over from {exchange.leftover_of})")
    return " ".join(parts)


def reason_of(exchange: Exchange) -> str:
    """Return why it was refused, as its JSON says; an empty text when it does not."""
    answer = exchange.response_json
    if not isinstance(answer, dict) or "error" not in answer:
        return ""
    reason = answer.get("error_description") or answer.get("message") or ""
    return redact_text(f"{answer['error']}: {reason}".rstrip(": "))


def often(count: int) -> str:
    """Return a number of times in words."""
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def listing(kept: Sequence[Exchange], wanted: Operation, criteria: Criteria) -> str:
    """Return what came, in order, and at requests of the right operation what was different."""
    if not kept:
        return "No request came at all."
    lines = [f"{len(kept)} requests came, in order:" if len(kept) > 1 else "One request came:"]
    if len(kept) > SHOWN:
        lines.append(f"  … {len(kept) - SHOWN} before these")
    for exchange in kept[-SHOWN:]:
        lines.append(f"  {exchange.number}. {summary(exchange)}")
        if wanted.fits(exchange) and exchange.counts:
            misses = criteria.misses(exchange)
            lines.append(f"       but {'; '.join(misses)}" if misses else "       this one counts")
    return "\n".join(lines)


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _parameters(exchange: Exchange) -> list[tuple[str, object]]:
    body = ("form", exchange.form) if exchange.json is None else ("json", exchange.json)
    return [("query", exchange.query), body]


def _differences(kind: str, wanted: Mapping[str, object], given: Pairs) -> list[str]:
    found = []
    for name, value in wanted.items():
        values = [text for key, text in given if key == name]
        if not _agrees(value, values):
            is_what = shown(name, values[0] if len(values) == 1 else values) if values else "absent"
            not_what = "expected absent" if value is None else f"not {shown(name, value)}"
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
        name = where.rpartition(".")[2]
        return [] if given == wanted else [f"{where} is {shown(name, given)}, not {shown(name, wanted)}"]
    found = []
    for name, value in wanted.items():
        if name not in given:
            found.append(f"{where}.{name} is absent, not {shown(name, value)}")
        else:
            found += _json_differences(f"{where}.{name}", value, given[name])
    return found


def shown(name: str, value: object) -> str:
    """Return the value of a parameter, header or member as a message shows it: no secrets, not at length."""
    return shortened(redact(name, value))


def shortened(value: object) -> str:
    """Return a value as a message shows it: long texts are cut."""
    if isinstance(value, str):
        if is_mask(value):
            return value
        return repr(value if len(value) <= _WIDTH else value[: _WIDTH - 1] + "…")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {shortened(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(shortened(item) for item in value) + "]"
    return wire.encode(value).decode() if value is None or isinstance(value, bool) else repr(value)
