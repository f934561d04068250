"""HTTP Archive: the recorded requests for browsers' network panels and other tools.

HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/). Members that begin with an underscore are our own,
as the specification has it.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, unquote, urljoin

import msgspec
from msgspec.structs import replace
from werkzeug.http import parse_cookie, parse_date

import mockidp
from mockidp import json
from mockidp.clock import iso
from mockidp.errors import UsageError
from mockidp.harness.exchange import Exchange, MatchedRule, Pairs
from mockidp.harness.redaction import mask, redact_body, redact_text, redact_url, redact_value
from mockidp.http.redirect import URL_TEXT

if TYPE_CHECKING:
    from mockidp.harness.recorder import Recorder

PAGE = "requests"
HTTP = "HTTP/1.1"
UNKNOWN = -1  # a size, a time: the specification's word for it
_TEXTS = ("text/", "json", "xml", "javascript", "form")  # in the types of bodies that are texts


class HarPair(msgspec.Struct, frozen=True):
    """A header, or a parameter."""

    name: str
    value: str


class HarCookie(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A cookie; of those that are sent only name and value are known."""

    name: str
    value: str
    path: str | None = None
    domain: str | None = None
    expires: str | None = None
    http_only: bool = False
    secure: bool = False


class HarPostData(msgspec.Struct, frozen=True, rename="camel"):
    """A request's body, and a form's fields."""

    mime_type: str
    params: list[HarPair]
    text: str


class HarRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What was asked; sizes are in bytes."""

    method: str
    url: str
    http_version: str
    cookies: list[HarCookie]
    headers: list[HarPair]
    query_string: list[HarPair]
    post_data: HarPostData | None = None
    headers_size: int
    body_size: int


class HarContent(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A response's body: `size` in bytes; `text`, which may be `base64` (`encoding`)."""

    size: int
    mime_type: str
    text: str
    encoding: str | None = None


class HarResponse(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What was answered: status 0 and `_error` when the connection was dropped."""

    status: int
    status_text: str
    http_version: str
    cookies: list[HarCookie]
    headers: list[HarPair]
    content: HarContent
    redirect_url: str = msgspec.field(name="redirectURL")
    headers_size: int
    body_size: int
    error: str | None = msgspec.field(name="_error", default=None)


class HarTimings(msgspec.Struct, frozen=True):
    """Milliseconds: all of them is `wait`, for the answer."""

    wait: float
    blocked: int = UNKNOWN
    dns: int = UNKNOWN
    connect: int = UNKNOWN
    ssl: int = UNKNOWN
    send: int = 0
    receive: int = 0


class HarEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One request with its response; `startedDateTime` by the tenant's clock, `time` in milliseconds."""

    pageref: str
    started_date_time: str
    time: float
    request: HarRequest
    response: HarResponse
    cache: dict[str, str]
    timings: HarTimings
    number: int = msgspec.field(name="_number")
    client_id: str | None = msgspec.field(name="_clientId", default=None)
    user_id: str | None = msgspec.field(name="_userId", default=None)
    rule: MatchedRule | None = msgspec.field(name="_rule", default=None)
    leftover_of: str | None = msgspec.field(name="_leftoverOf", default=None)


class HarPage(msgspec.Struct, frozen=True, rename="camel"):
    """What the entries are on: Firefox (har-importer.js) imports none that are on no page."""

    started_date_time: str
    id: str
    title: str
    page_timings: dict[str, float]


class HarCreator(msgspec.Struct, frozen=True):
    """What wrote the archive."""

    name: str
    version: str


class HarLog(msgspec.Struct, frozen=True):
    """The archive."""

    version: str
    creator: HarCreator
    pages: list[HarPage]
    entries: list[HarEntry]


class Har(msgspec.Struct, frozen=True):
    """An HTTP Archive, version 1.2."""

    log: HarLog


class Recorded(Protocol):
    """A mock, as far as it is recorded."""

    @property
    def requests(self) -> Recorder: ...


class WhichHar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`on`: an operation, as `POST /oauth/token`. `after`: only those with a higher number.

    `secrets`: passwords, codes and tokens too.
    """

    on: str | None = None
    after: int = 0
    secrets: bool = False


def export(idp: Recorded, given: WhichHar) -> Har:
    """Return the recorded requests as an archive."""
    chosen = idp.requests.matching(given.on) if given.on else idp.requests
    return har([each for each in chosen if each.number > given.after], given.secrets)


def har(requests: Sequence[Exchange], secrets: bool = False) -> Har:
    """Return the requests as an archive, oldest first; without `secrets` these are redacted."""
    entries = [_entry(each) for each in sorted(requests, key=lambda each: each.started_at)]
    if not secrets:
        entries = [_redacted(entry) for entry in entries]
    pages = [HarPage(entries[0].started_date_time, PAGE, "mockidp", {})] if entries else []
    return Har(HarLog("1.2", HarCreator("mockidp", mockidp.__version__), pages, entries))


def write(archive: Har, path: str | os.PathLike[str]) -> None:
    """Write an archive to a file, in directories that are made; raise `UsageError` when that fails."""
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(json.encode(archive))
    except OSError as error:
        raise UsageError(f"cannot write '{os.fspath(path)}': {(error.strerror or '').lower()}") from None


def _entry(exchange: Exchange) -> HarEntry:
    milliseconds = round(exchange.duration * 1000, 3)
    return HarEntry(
        pageref=PAGE,
        started_date_time=iso(exchange.started_at),
        time=milliseconds,
        request=_request(exchange),
        response=_response(exchange),
        cache={},
        timings=HarTimings(wait=milliseconds),
        number=exchange.number,
        client_id=exchange.client_id,
        user_id=exchange.user_id,
        rule=exchange.rule,
        leftover_of=exchange.leftover_of,
    )


def _request(exchange: Exchange) -> HarRequest:
    headers = exchange.headers
    kind = headers.get("Content-Type", "")
    posted = HarPostData(kind, _pairs(exchange.form_pairs), exchange.body.decode("utf-8", "replace"))
    return HarRequest(
        method=exchange.method,
        url=exchange.url,
        http_version=HTTP,
        cookies=[HarCookie(*pair) for pair in parse_cookie(headers.get("Cookie", "")).items(multi=True)],
        headers=_pairs(list(headers)),
        query_string=_pairs(exchange.query_pairs),
        post_data=posted if exchange.body else None,
        headers_size=UNKNOWN,
        body_size=len(exchange.body),
    )


def _response(exchange: Exchange) -> HarResponse:
    status, headers = exchange.status or 0, exchange.response_headers
    kind, body = headers.get("Content-Type", ""), exchange.response_body
    size = headers.get("Content-Length", len(body), type=int)
    is_text = not kind or any(text in kind for text in _TEXTS)
    text = exchange.response_text if is_text else base64.b64encode(body).decode()
    return HarResponse(
        status=status,
        status_text=HTTPStatus(status).phrase if status in set(HTTPStatus) else "",
        http_version=HTTP,
        cookies=[cookie for header in headers.getlist("Set-Cookie") for cookie in _cookies(header)],
        headers=_pairs(list(headers)),
        content=HarContent(size, kind, text, None if is_text else "base64"),
        redirect_url=urljoin(exchange.url, exchange.location) if exchange.location else "",
        headers_size=UNKNOWN,
        body_size=size if status else UNKNOWN,
        error=None if status else "the connection was dropped",
    )


def _pairs(pairs: Pairs) -> list[HarPair]:
    return [HarPair(name, value) for name, value in pairs]


def _cookies(header: str) -> list[HarCookie]:
    """Return the cookie of a Set-Cookie header."""
    try:
        morsels = SimpleCookie(header).values()
    except CookieError:
        return []
    return [
        HarCookie(
            name=morsel.key,
            value=morsel.coded_value,
            path=morsel["path"] or None,
            domain=morsel["domain"] or None,
            expires=iso(moment.timestamp()) if (moment := parse_date(morsel["expires"])) else None,
            http_only=bool(morsel["httponly"]),
            secure=bool(morsel["secure"]),
        )
        for morsel in morsels
    ]


# -- without secrets ---------------------------------------------------------------------------------------


def _redacted(entry: HarEntry) -> HarEntry:
    asked, answered = entry.request, entry.response
    content, posted = answered.content, asked.post_data
    if posted is not None:
        text = redact_body(posted.mime_type, posted.text)
        posted = replace(posted, params=_redacted_pairs(posted.params), text=text)
    if content.encoding is None:
        content = replace(content, text=redact_body(content.mime_type, content.text))
    asked = replace(
        asked,
        url=_redacted_url(asked.url),
        cookies=_redacted_cookies(asked.cookies),
        headers=_redacted_pairs(asked.headers),
        query_string=_redacted_pairs(asked.query_string),
        post_data=posted,
    )
    answered = replace(
        answered,
        cookies=_redacted_cookies(answered.cookies),
        headers=_redacted_pairs(answered.headers),
        content=content,
        redirect_url=_redacted_url(answered.redirect_url),
    )
    rule = entry.rule and replace(entry.rule, text=redact_text(entry.rule.text))
    return replace(entry, request=asked, response=answered, rule=rule)


def _redacted_pairs(pairs: list[HarPair]) -> list[HarPair]:
    return [HarPair(pair.name, redact_value(pair.name, pair.value)) for pair in pairs]


def _redacted_cookies(cookies: list[HarCookie]) -> list[HarCookie]:
    return [replace(cookie, value=mask(unquote(cookie.value))) for cookie in cookies]


def _redacted_url(url: str) -> str:
    return quote(redact_url(url), safe=URL_TEXT.translate(str.maketrans("", "", "<>")))
