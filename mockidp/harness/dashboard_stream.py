"""`GET /_mockidp/requests/stream`: the recorded requests as they come, as server-sent events (HTML §9.2).

Every event has the request's number as its id, and as data what `GET /_mockidp/requests` has of it;
`event: reset` says that the earlier ones were forgotten. `Last-Event-ID` makes that nothing is missed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from werkzeug.wrappers import Request, Response

from mockidp import json
from mockidp.errors import UsageError
from mockidp.harness.exchange import Exchange
from mockidp.harness.recorder import Recorder

POLL = 0.04  # seconds between two looks
BEATS = 100  # looks until a comment, by which a client that has left is noticed
_RETRY = b"retry: 500\n\n"  # milliseconds; the first bytes, so that the client knows that it is connected
_RESET = b"event: reset\nid: 0\ndata: {}\n\n"


def stream(request: Request, recorder: Callable[[], Recorder]) -> Response:
    """Return the endless response; without `after` or `Last-Event-ID` it begins with the next request."""
    text = request.headers.get("Last-Event-ID") or request.args.get("after")
    if text is not None and not (text.isascii() and text.isdigit()):
        raise UsageError(f"after is the number of a request, not '{text}'")
    connection = request.environ.get("mockidp.connection")  # other servers than ours have none
    stopping = connection.host.stopping if connection else threading.Event()
    follower = Follower(recorder, None if text is None else int(text))
    return Response(_events(follower, stopping), content_type="text/event-stream; charset=utf-8")


class Follower:
    """Who reads along: what came since the last look."""

    def __init__(self, recorder: Callable[[], Recorder], after: int | None) -> None:
        self._recorder = recorder  # a function: another seed may be served meanwhile
        kept = list(recorder())
        self._number = (kept[-1].number if kept else 0) if after is None else after
        self._last = next((each for each in kept if each.number == self._number), None)

    def look(self) -> tuple[bool, list[Exchange]]:
        """Return whether everything earlier was forgotten, and what is new."""
        kept = list(self._recorder())
        newest = kept[-1] if kept else None
        if newest is self._last and (newest is not None or self._number == 0):
            return False, []
        forgotten = self._is_forgotten(kept)
        new = [each for each in kept if forgotten or each.number > self._number]
        self._last, self._number = newest, newest.number if newest else 0
        return forgotten, new

    def _is_forgotten(self, kept: list[Exchange]) -> bool:
        if not kept or kept[-1].number < self._number:
            return True
        same = next((each for each in kept if each.number == self._number), None)
        return None not in (same, self._last) and same is not self._last


def _events(follower: Follower, stopping: threading.Event) -> Iterator[bytes]:
    yield _RETRY
    quiet = 0
    while not stopping.wait(POLL):
        forgotten, new = follower.look()
        quiet = 0 if forgotten or new else quiet + 1
        if forgotten:
            yield _RESET
        for exchange in new:
            yield b"id: %d\ndata: %b\n\n" % (exchange.number, json.encode(exchange.view()))
        if quiet >= BEATS:
            quiet = 0
            yield b":\n\n"
