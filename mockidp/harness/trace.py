"""The journal of a test for people: what was asked, what was answered, and why. Secrets are redacted."""

from __future__ import annotations

from collections.abc import Sequence

from mockidp.harness.exchange import DecodedToken, Exchange
from mockidp.harness.matching import reason_of, shortened, shown
from mockidp.harness.redaction import is_mask, moment, redact_text, redact_url, redact_value
from mockidp.json import Json

LIMIT = 50  # requests that are shown
WIDTH = 200  # characters of a value
LENGTH = 2000  # characters of a line
TIMES = ("iat", "nbf", "exp", "auth_time")  # claims
_INDENT = " " * 6


def trace(requests: Sequence[Exchange], limit: int = LIMIT) -> str:
    """Return the last `limit` requests, a block each, in the order in which they were answered."""
    if not requests:
        return "No request came."
    left = len(requests) - limit
    blocks = [f"… {left} requests before these"] if left > 0 else []
    return "\n".join([*blocks, *map(_block, requests[max(left, 0) :])])


def _block(exchange: Exchange) -> str:
    lines = [f"{exchange.number:>3}. {_head(exchange)}"]
    lines += [f"{kind}: {_pairs(values)}" for kind, values in _given(exchange) if values]
    if reason := reason_of(exchange):
        lines.append(reason)
    if exchange.location:
        lines.append(f"→ {redact_url(exchange.location)}")
    lines += [f"{where}: {_claims(token)}" for where, token in exchange.tokens.items()]
    if exchange.rule:
        lines.append(f"rule {exchange.rule.number}: {redact_text(exchange.rule.text)}")
    if exchange.leftover:
        lines.append(f"left over from {exchange.leftover.of}: {exchange.leftover.reason}")
    return f"\n{_INDENT}".join(_cut(line, LENGTH) for line in lines)


def _head(exchange: Exchange) -> str:
    status = "dropped" if exchange.status is None else exchange.status
    known = [("client", exchange.client_id), ("user", exchange.user_id)]
    who = ", ".join(f"{role} {id}" for role, id in known if id)
    head = f"{exchange.method} {exchange.path} → {status} ({exchange.duration * 1000:.1f} ms)"
    return f"{head} {who}" if who else head


def _given(exchange: Exchange) -> list[tuple[str, list[tuple[str, Json]]]]:
    """Return the parameters by where they were."""
    body: list[tuple[str, Json]] = [*exchange.form_pairs]
    if isinstance(exchange.json, dict):
        body = list(exchange.json.items())
    elif exchange.json is not None:
        body = [("", exchange.json)]
    return [("query", [*exchange.query_pairs]), ("form" if exchange.json is None else "json", body)]


def _pairs(pairs: list[tuple[str, Json]]) -> str:
    return ", ".join(f"{name}={_value(name, value)}".removeprefix("=") for name, value in pairs)


def _value(name: str, value: Json) -> str:
    return _cut(redact_value(name, value), WIDTH) if isinstance(value, str) else shown(name, value)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length or is_mask(text) else f"{text[: length - 1]}…"


def _claims(token: DecodedToken) -> str:
    """Return a token's claims in one line, times as ISO 8601; an unusual algorithm comes first."""
    algorithm = str(token.header.get("alg"))
    named = [] if algorithm in ("RS256", "dir") else [algorithm]
    return ", ".join([*named, *(f"{name}={_claim(name, value)}" for name, value in token.claims.items())])


def _claim(name: str, value: Json) -> str:
    if name in TIMES and isinstance(value, int | float):
        return moment(value)
    return shortened(value).strip("'")
