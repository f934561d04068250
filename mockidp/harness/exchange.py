"""Exchanges: a recorded request and its response, decoded only where somebody looks."""

from __future__ import annotations

import base64
from functools import cached_property
from io import BytesIO
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from werkzeug.datastructures import Headers
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from mockidp import json
from mockidp.clock import iso
from mockidp.harness.redaction import redact_url
from mockidp.http.routing import Router
from mockidp.json import Json
from mockidp.model.credentials import Authorization
from mockidp.model.session import LoginTransaction
from mockidp.model.tenant import Tenant
from mockidp.tokens.jws import InvalidToken, raw, read_jws
from mockidp.tokens.verifier import open_opaque, unverified_client

Pairs = list[tuple[str, str]]
_TOKEN_PARAMETERS = ("access_token", "id_token", "id_token_hint", "link_with", "client_assertion")


class DecodedToken(msgspec.Struct, frozen=True):
    """A token as it was sent, unverified; an opaque access token of ours is opened."""

    header: dict[str, Json]
    claims: dict[str, Json]


class MatchedRule(msgspec.Struct, frozen=True):
    """The rule that answered a request: its place among the rules, from 1, and how it reads."""

    number: int
    text: str


class Leftover(msgspec.Struct, frozen=True):
    """What a request is left over of, and how that is known; a straggler began there and ended here."""

    of: str
    reason: str
    is_straggler: bool = False


class RecordedExchange(msgspec.Struct, frozen=True):
    """An exchange as JSON; `started_at` is ISO 8601 by the tenant's clock, `duration` real seconds."""

    number: int
    method: str
    path: str
    route: str | None
    query: dict[str, str]
    form: dict[str, str]
    json: Json
    headers: dict[str, str]
    status: int | None
    response_headers: dict[str, str]
    response_body: str
    response_json: Json
    client_id: str | None
    user_id: str | None
    started_at: str
    duration: float
    rule: MatchedRule | None
    leftover_of: str | None
    tokens: dict[str, DecodedToken]


class Exchange(msgspec.Struct, frozen=True, dict=True, eq=False, kw_only=True):
    """One request and its response.

    `number` counts from 1 since the last `clear()`. `target` is the request target, percent-encoded. Bodies
    are kept up to a limit. `status` is None when the connection was dropped; `started_at` is epoch seconds of
    the tenant's clock, `duration` the real seconds until the answer was ready to be sent. `environ` holds the
    request's headers under their CGI names.
    """

    number: int
    method: str
    target: str
    environ: dict[str, str]
    body: bytes
    status: int | None
    response_headers: Headers
    response_body: bytes
    started_at: float
    tenant: Tenant
    duration: float = 0.0
    scheme: str = "http"
    rule: MatchedRule | None = None
    router: Router | None = None
    transaction: LoginTransaction | None = None
    authorization: Authorization | None = None
    leftover: Leftover | None = None

    def __repr__(self) -> str:
        return f"<Exchange {self.number}: {self.method} {redact_url(self.target)} → {self.status}>"

    @property
    def leftover_of(self) -> str | None:
        """What the request is left over from: the label of an earlier test; None when it is of this one."""
        return self.leftover.of if self.leftover else None

    @property
    def counts(self) -> bool:
        """Whether it is a request of this test, and not one that an earlier one began."""
        return self.leftover is None or not self.leftover.is_straggler

    @cached_property
    def url(self) -> str:
        """The absolute URL that was asked for, percent-encoded."""
        return f"{self.scheme}://{self.environ.get('HTTP_HOST', 'localhost')}{self.target}"

    @cached_property
    def path(self) -> str:
        """The decoded path."""
        return unquote(self.target.partition("?")[0])

    @cached_property
    def segments(self) -> list[str]:
        """The path's segments, decoded one by one: an encoded slash stays inside its segment."""
        return [unquote(part) for part in self.target.partition("?")[0].strip("/").split("/")]

    @cached_property
    def route(self) -> str | None:
        """The path template of the operation, such as `/api/v2/users/{id}`; None when there is none."""
        match = self.router.match(self.target.partition("?")[0]) if self.router else None
        route = match.routes.get("GET" if self.method == "HEAD" else self.method) if match else None
        return route.template if route else None

    @cached_property
    def query_pairs(self) -> Pairs:
        """The query's parameters in order, repeated ones too."""
        return parse_qsl(self.target.partition("?")[2], keep_blank_values=True)

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's parameters; the first of a repeated one."""
        return _firsts(self.query_pairs)

    @cached_property
    def headers(self) -> Headers:
        """The request's headers."""
        return Headers([(_header_name(key), value) for key, value in self.environ.items()])

    @cached_property
    def json(self) -> Json:
        """The body's JSON value; None when it is not JSON."""
        kind = parse_options_header(self.environ.get("CONTENT_TYPE"))[0]
        if kind != "application/json" and self.body[:1] != b"{":
            return None
        return _json(self.body)

    @cached_property
    def form_pairs(self) -> Pairs:
        """The form's parameters in order; of a JSON object, its members that are no containers, as text."""
        value = self.json
        if isinstance(value, dict):
            return [(name, as_text(member)) for name, member in value.items() if _is_scalar(member)]
        kind, options = parse_options_header(self.environ.get("CONTENT_TYPE"))
        _, form, files = FormDataParser().parse(BytesIO(self.body), kind, len(self.body), options)
        for file in files.values():
            file.close()
        return list(form.items(multi=True))

    @cached_property
    def form(self) -> dict[str, str]:
        """The body's parameters, of a form or of a JSON object alike."""
        return _firsts(self.form_pairs)

    @cached_property
    def response_text(self) -> str:
        """The response's body as text."""
        return self.response_body.decode("utf-8", "replace")

    @cached_property
    def response_json(self) -> Json:
        """The response's JSON value; None when it is not JSON."""
        kind = self.response_headers.get("Content-Type", "")
        return _json(self.response_body) if "json" in kind else None

    @cached_property
    def location(self) -> str | None:
        """Where a redirect leads."""
        return self.response_headers.get("Location")

    @cached_property
    def tokens(self) -> dict[str, DecodedToken]:
        """Every token that was sent, by where: `request.authorization`, `response.id_token`, …"""
        scheme, _, bearer = self.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        sent = {"authorization": bearer} if scheme.lower() == "bearer" else {}
        sent |= self.query | self.form
        parts = urlsplit(self.location or "")
        answered = dict(parse_qsl(parts.query) + parse_qsl(parts.fragment))
        if isinstance(self.response_json, dict):
            answered |= {name: text for name, text in self.response_json.items() if isinstance(text, str)}
        found = {
            f"{side}.{name}": _decode(texts[name])
            for side, texts in (("request", sent), ("response", answered))
            for name in ("authorization", *_TOKEN_PARAMETERS)
            if name in texts
        }
        return {name: token for name, token in found.items() if token is not None}

    @cached_property
    def client_id(self) -> str | None:
        """The client that asked, as far as the exchange tells."""
        named = self.query.get("client_id") or self.form.get("client_id") or self._basic_user
        if not named and "client_assertion" in self.form:
            named = unverified_client(self.form["client_assertion"])
        if not named and (known := self.transaction):
            named = known.request.client_id
        if not named and self.authorization:
            named = self.authorization.client_id
        return named or self._claim("azp", "client_id")

    @cached_property
    def user_id(self) -> str | None:
        """The user whom it was about: who logged in, or whose token it was."""
        known = [which.user_id for which in (self.transaction, self.authorization) if which]
        subject = next((user_id for user_id in known if user_id), None) or self._claim("sub")
        return None if subject is None or subject.endswith("@clients") else subject

    def view(self) -> RecordedExchange:
        """Return everything, decoded."""
        return RecordedExchange(
            number=self.number,
            method=self.method,
            path=self.path,
            route=self.route,
            query=self.query,
            form=self.form,
            json=self.json,
            headers=dict(self.headers),
            status=self.status,
            response_headers=dict(self.response_headers),
            response_body=self.response_text,
            response_json=self.response_json,
            client_id=self.client_id,
            user_id=self.user_id,
            started_at=iso(self.started_at),
            duration=self.duration,
            rule=self.rule,
            leftover_of=self.leftover_of,
            tokens=self.tokens,
        )

    @property
    def _basic_user(self) -> str | None:
        scheme, _, encoded = self.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            plain = base64.b64decode(encoded).decode()
        except ValueError:
            return None
        return unquote(plain.partition(":")[0])

    def _claim(self, *names: str) -> str | None:
        """Return the first of these claims in a token; the answer's tokens say more than the request's."""
        tokens = sorted(self.tokens.items(), reverse=True)
        values = (token.claims.get(name) for _, token in tokens for name in names)
        return next((value for value in values if isinstance(value, str)), None)


def as_text(value: Json) -> str:
    """Return a JSON scalar as a form would carry it."""
    return value if isinstance(value, str) else json.encode(value).decode()


def _is_scalar(value: Json) -> bool:
    return isinstance(value, str | bool | int | float)


def _firsts(pairs: Pairs) -> dict[str, str]:
    first: dict[str, str] = {}
    for name, value in pairs:
        first.setdefault(name, value)
    return first


def _header_name(key: str) -> str:
    return key.removeprefix("HTTP_").replace("_", "-").title()


def _json(data: bytes) -> Json:
    try:
        return json.decode(data)
    except ValueError:
        return None


def _decode(token: str) -> DecodedToken | None:
    """Return what a JWT says without verifying it, or what is in an opaque token of ours."""
    try:
        if token.count(".") == 4:
            claims = open_opaque(token)
            head = json.decode(raw(token.partition(".")[0]))
            return DecodedToken(header=head if isinstance(head, dict) else {}, claims=claims)
        jws = read_jws(token)
    except (InvalidToken, ValueError):
        return None
    return DecodedToken(header=dict(jws.header), claims=dict(jws.claims))
