"""What the dashboard's pages show: users, requests and messages as rows of plain values for the templates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from mockidp import json
from mockidp.clock import iso
from mockidp.harness.exchange import DecodedToken, Exchange
from mockidp.json import Json, text_member
from mockidp.model.client import CLIENTS
from mockidp.model.session import SESSIONS
from mockidp.model.tenant import Tenant
from mockidp.model.user import PASSWORDS, USERS, Identity, User, find_by_email, find_user

T = TypeVar("T")
BODY_SHOWN = 4000  # characters
PARTNERS = 5  # accounts that are offered for linking
CLAIMS_OF_TIME = (("issued", "iat"), ("not before", "nbf"), ("expires", "exp"))


class Listing(msgspec.Struct, frozen=True):
    """One page of a list: `first` and `last` count from 1; the URLs are None where there is no such page."""

    rows: list[Any]
    total: int
    first: int
    last: int
    newer: str | None
    older: str | None


def paged(rows: Sequence[T], number: int, size: int, path: str, **query: str) -> Listing:
    """Return page `number` (from 1; what is out of range is the nearest) of rows."""
    pages = max(1, -(-len(rows) // size))
    number = min(max(number, 1), pages)
    start = (number - 1) * size
    shown = list(rows[start : start + size])

    def url(target: int) -> str | None:
        if not 1 <= target <= pages:
            return None
        kept = {name: value for name, value in query.items() if value}
        return f"{path}?{urlencode({**kept, 'page': target})}"

    return Listing(
        shown, len(rows), start + 1 if shown else 0, start + len(shown), url(number - 1), url(number + 1)
    )


# -- users -----------------------------------------------------------------------------------------------


def search_users(tenant: Tenant, text: str) -> list[User]:
    """Return the users in whose names, addresses, ids or identities every word of the text occurs."""
    words = text.lower().split()
    users = tenant.store.all(USERS)
    return [user for user in users if _has_all(user, words)] if words else users


def _has_all(user: User, words: list[str]) -> bool:
    parts = [user.user_id, user.email, user.name, user.username, user.phone_number]
    for identity in user.identities:
        parts.append(identity.connection)
        if identity.profileData is not None:
            parts += [identity.key, text_member(identity.profileData, "email")]
    text = "\n".join(part for part in parts if part).lower()
    return all(word in text for word in words)


def user_row(user: User, answering: str | None) -> dict[str, Any]:
    """Return a user for a list; `answering` is the identity that answers the login pages."""
    title = user.name or user.email or user.username or user.phone_number or user.user_id
    contact = user.email or user.username or user.phone_number or ""
    return {
        "user_id": user.user_id,
        "url": user_url(user.user_id),
        "title": title,
        "contact": "" if contact == title else contact,
        "verified": user.email_verified,
        "blocked": user.blocked,
        "identities": [
            {"key": each.key, "provider": each.provider, "connection": each.connection}
            for each in user.identities
        ],
        "answers": answering is not None and user.identity(answering) is not None,
    }


def user_url(user_id: str) -> str:
    """Return the path of a user's page."""
    return f"/_mockidp/dashboard/users/{quote(user_id, safe='')}"


def user_detail(tenant: Tenant, user: User, answering: str | None) -> dict[str, Any]:
    """Return everything about a user, the password too: this is a test double."""
    return {
        **user_row(user, answering),
        "identities": [_identity_row(tenant, user, each, answering) for each in user.identities],
        "partners": [user_row(each, answering) for each in _partners(tenant, user)],
        "sessions": len(tenant.store.all(SESSIONS, {"user": user.user_id})),
        "document": pretty(user.document),
    }


def _identity_row(tenant: Tenant, user: User, identity: Identity, answering: str | None) -> dict[str, Any]:
    return {
        "key": identity.key,
        "provider": identity.provider,
        "bare_id": str(identity.user_id),
        "connection": identity.connection,
        "email": text_member(user.profile_of(identity), "email") or "",
        "password": tenant.store.find(PASSWORDS, identity.key),
        "is_main": identity == user.main,
        "answers": identity.key == answering,
    }


def _partners(tenant: Tenant, user: User) -> list[User]:
    """Return accounts to link with: those of the same e-mail first."""
    same = find_by_email(tenant, user.email) if user.email else []
    known = {each.user_id: each for each in (*same, *tenant.store.all(USERS)[: PARTNERS + 1])}
    known.pop(user.user_id, None)
    return list(known.values())[:PARTNERS]


# -- requests --------------------------------------------------------------------------------------------


def search_requests(exchanges: Sequence[Exchange], text: str) -> list[Exchange]:
    """Return the requests in whose method, path or status every word of the text occurs, newest first."""
    words = text.lower().split()
    newest = list(exchanges)[::-1]
    return [each for each in newest if all(word in _outline(each) for word in words)]


def _outline(exchange: Exchange) -> str:
    return f"{exchange.method} {exchange.path} {exchange.status}".lower()


def request_row(tenant: Tenant, exchange: Exchange) -> dict[str, Any]:
    """Return the outline of a request: what was asked, by whom, and how it ended."""
    client = tenant.store.find(CLIENTS, exchange.client_id) if exchange.client_id else None
    user = find_user(tenant, exchange.user_id) if exchange.user_id else None
    return {
        "number": exchange.number,
        "time": iso(exchange.started_at)[11:23],
        "method": exchange.method,
        "path": exchange.path,
        "status": exchange.status or "dropped",
        "outcome": _outcome(exchange.status),
        "client": client.name if client else exchange.client_id or "",
        "user": (user and (user.email or user.name)) or exchange.user_id or "",
        "note": _note(exchange),
        "leftover_of": exchange.leftover_of or "",
    }


def request_detail(tenant: Tenant, exchange: Exchange) -> dict[str, Any]:
    """Return a request with its parameters, bodies, headers and decoded tokens."""
    body = exchange.body.decode("utf-8", "replace")
    answer = exchange.response_json
    return {
        **request_row(tenant, exchange),
        "parameters": [("query", *pair) for pair in exchange.query_pairs]
        + [("body", *pair) for pair in exchange.form_pairs],
        "tokens": [_token(where, token) for where, token in exchange.tokens.items()],
        "headers": list(exchange.headers.items()),
        "answer_headers": list(exchange.response_headers.items()),
        "body": "" if exchange.form_pairs else _cut(body),
        "answer": _cut(pretty(answer) if answer is not None else exchange.response_text),
        "location": exchange.location or "",
        "about": _about(exchange),
    }


def _outcome(status: int | None) -> str:
    if status is None or status >= 400:
        return "refused"
    return "redirected" if status >= 300 else "answered"


def _note(exchange: Exchange) -> str:
    """Return how it ended in a word or two: the error, or where the redirect leads."""
    answer = exchange.response_json
    if exchange.location:
        parts = urlsplit(exchange.location)
        error = dict(pair.partition("=")[::2] for pair in f"{parts.query}&{parts.fragment}".split("&"))
        host = "" if exchange.location.startswith("/") else f"{parts.scheme}://{parts.netloc}"
        return f"→ {host}{parts.path}" + (f" {error['error']}" if "error" in error else "")
    if exchange.status is not None and exchange.status < 400:
        return ""
    names = ("errorCode", "error", "code")
    return next((text for name in names if (text := text_member(answer, name))), "")


def _about(exchange: Exchange) -> list[str]:
    """Return what is to be told beside request and answer."""
    told = [f"Took {exchange.duration * 1000:.1f} ms"]
    if exchange.rule:
        told.append(f"Rule {exchange.rule.number}: {exchange.rule.text}")
    if exchange.leftover:
        told.append(f"Left over from {exchange.leftover.of}: {exchange.leftover.reason}")
    return told


def _token(where: str, token: DecodedToken) -> dict[str, Any]:
    times = [(verb, token.claims.get(claim)) for verb, claim in CLAIMS_OF_TIME]
    return {
        "where": where.replace(".", " "),
        "kind": "opaque" if "enc" in token.header else str(token.header.get("alg") or "no alg"),
        "subject": str(token.claims.get("sub") or ""),
        "times": [(verb, _time(at)) for verb, at in times if isinstance(at, int | float)],
        "header": pretty(token.header),
        "claims": pretty(token.claims),
    }


def _time(at: float) -> str:
    try:
        return f"{iso(at)[:19].replace('T', ' ')} UTC"
    except (ValueError, OverflowError, OSError):
        return str(at)  # a forged token says what it likes


def pretty(value: Json) -> str:
    """Return JSON to read."""
    return msgspec.json.format(json.encode(value), indent=2).decode()


def _cut(text: str) -> str:
    return text if len(text) <= BODY_SHOWN else f"{text[:BODY_SHOWN]}\n… {len(text) - BODY_SHOWN} more"
