"""What a rule does: to the clock, and to an answer on its way: headers, a broken, slow or missing body."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
from werkzeug.wrappers import Request, Response

from mockidp import json
from mockidp.clock import Clock
from mockidp.harness.pause import Pause
from mockidp.json import Json
from mockidp.rules.rule import Then

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PIECES = 10  # in which a slow body is sent


class Dropped(Response):
    """No answer: the connection is closed. Without a connection of ours, `ConnectionResetError`."""

    def __init__(self) -> None:
        super().__init__(iter(()), status=0)  # to be called, not sent as it is

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        _abort(environ)
        start_response("500 Dropped", [("Content-Length", "1")])
        return iter(())  # ours notices that the client is gone; another server closes, as a byte is missing


def scripted(then: Then) -> Response:
    """Return the response that a rule spells out: `body` and `status`."""
    status = then.status or 200
    if then.body is msgspec.UNSET or then.body is None:
        return Response(status=status)
    text, kind = _encoded(then.body)
    return Response(text, status, content_type=kind)


def shape(then: Then, request: Request, response: Response, pause: Pause) -> Response:
    """Do to a response what the rule says beyond its text."""
    for name, value in (then.headers or {}).items():
        response.headers.remove(name)
        if value is not None:
            response.headers[name] = value if isinstance(value, str) else json.encode(value).decode()
    if then.malformed:
        body = response.get_data()
        response.set_data(body[: len(body) // 2] or b"{")
    if then.trickle is not None:
        _stream(response, _slowly(response.get_data(), then.trickle, pause))
    elif then.drop == "midway":
        _stream(response, _broken_off(response.get_data(), request.environ))
    return response


def turn(clock: Clock, then: Then) -> None:
    """Do to the clock what the rule says: where it goes, then how fast, then how far; raise `UsageError`."""
    if then.freeze is not None:
        clock.freeze(then.freeze)
    if then.travel is not None:
        clock.travel(then.travel)
    if then.rate is not None:
        clock.rate(then.rate)
    if then.advance is not None:
        clock.advance(then.advance)


def _encoded(body: Json) -> tuple[bytes, str]:
    if not isinstance(body, str):
        return json.encode(body), "application/json; charset=utf-8"
    kind = {"{": "application/json", "[": "application/json", "<": "text/html"}.get(body.lstrip()[:1])
    return body.encode(), f"{kind or 'text/plain'}; charset=utf-8"


def _stream(response: Response, pieces: Iterator[bytes]) -> None:
    """Send the body piece by piece, after a head that announces all of it."""
    response.headers["Content-Length"] = str(len(response.get_data()))
    response.response = pieces


def _slowly(body: bytes, seconds: float, pause: Pause) -> Iterator[bytes]:
    size = max(1, -(-len(body) // PIECES))
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    for piece in pieces:
        pause.wait(seconds / len(pieces))
        yield piece


def _broken_off(body: bytes, environ: WSGIEnvironment) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    _abort(environ)


def _abort(environ: WSGIEnvironment) -> None:
    connection = environ.get("mockidp.connection")
    if connection is None:
        raise ConnectionResetError("a rule dropped the connection")
    connection.abort()
