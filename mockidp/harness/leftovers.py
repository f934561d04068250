"""Leftovers: requests of a test that come, or end, in a later one.

A request is left over that began before a reset and ended after it; and one that was refused for something
that only an earlier world handed out: a login transaction, a code, a session, a ticket, a token. Ids are
counted, and a reset begins to count anew: of what both worlds handed out nothing is known.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from urllib.parse import unquote

import msgspec
from werkzeug.http import parse_cookie

from mockidp.harness.exchange import Exchange, Leftover
from mockidp.harness.matching import summary
from mockidp.http.browser_session import SESSION as SESSION_COOKIE
from mockidp.ids import BASE62, BASE64URL, Ids
from mockidp.model.tenant import Tenant

KEPT = 5  # earlier worlds that are remembered
MOST = 2000  # ids of a world that are compared
UNNAMED = "before a reset"  # the label of what began without one
STEPS = ("/u/", "/authorize/", "/login/callback")  # where `state` is a login transaction


class Handle(msgspec.Struct, frozen=True):
    """What a tenant hands out and gets back: what it is called, and how it is drawn."""

    name: str
    kind: str
    length: int = 32
    alphabet: str = BASE62
    prefix: str = ""

    def is_among(self, ids: Ids, text: str, numbers: range) -> bool:
        """Whether the text is what is drawn under one of these numbers."""
        if len(text) != len(self.prefix) + self.length:
            return False
        return any(
            text == self.prefix + ids.nth(self.kind, number, self.length, self.alphabet) for number in numbers
        )


TRANSACTION = Handle("login transaction", "transaction")
SESSION = Handle("session", "session")
AUTHORIZATION = Handle("access token", "authorization")
REFRESH_TOKEN = Handle("refresh token", "refresh_token", 60, BASE64URL, "v1.M")
PARAMETERS = (
    ("code", Handle("authorization code", "code", 43, BASE64URL)),
    ("code", Handle("upstream code", "upstream_code")),
    ("refresh_token", REFRESH_TOKEN),
    ("token", REFRESH_TOKEN),
    ("ticket", Handle("ticket", "ticket")),
    ("login_ticket", Handle("login ticket", "login_ticket")),
    ("invitation", Handle("invitation", "invitation_ticket")),
)
KINDS = [each.kind for each in (TRANSACTION, SESSION, AUTHORIZATION, *(handle for _, handle in PARAMETERS))]


class Ended(msgspec.Struct, frozen=True):
    """A world that ended: its label, and how many of each kind were drawn in it."""

    label: str
    drawn: dict[str, int]


class Ring:
    """The last exchanges, numbered from 1."""

    def __init__(self, limit: int) -> None:
        self.exchanges: deque[Exchange] = deque(maxlen=limit)
        self.count = 0

    def clear(self) -> None:
        """Forget all."""
        self.exchanges.clear()
        self.count = 0

    def append(self, exchange: Exchange) -> None:
        """Keep an exchange under the next number."""
        self.count += 1
        msgspec.structs.force_setattr(exchange, "number", self.count)
        self.exchanges.append(exchange)


class Past:
    """What went before, for all recorders of one server: it serves one world at a time.

    `era` counts the beginnings, `ring` is what is recorded since the last one. `lock` is that of all rings.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.era = 0
        self.ring: Ring | None = None
        self._labels: deque[str] = deque([UNNAMED], maxlen=KEPT + 1)  # of the eras, the last is now
        self._ended: tuple[Ended, ...] = ()  # the last first

    def end(self, tenant: Tenant) -> None:
        """Remember what was handed out in the world that ends."""
        drawn = {kind: tenant.ids.drawn(kind) for kind in KINDS}
        self._ended = (Ended(self._labels[-1], drawn), *self._ended)[:KEPT]

    def begin(self, label: str | None, ring: Ring) -> None:
        """Begin an era."""
        self.era += 1
        self._labels.append(label or UNNAMED)
        self.ring = ring

    def straggler_of(self, era: int) -> Leftover:
        """Return of what a request is left over that began in an earlier era."""
        at = era - self.era - 1
        label = self._labels[at] if -at <= len(self._labels) else UNNAMED
        return Leftover(label, "it began there and ended here", is_straggler=True)

    def leftover_of(self, exchange: Exchange, kept: Callable[[], list[Exchange]]) -> Leftover | None:
        """Return of what a request is left over, by what it presents; None when nothing is known.

        `kept` returns the exchanges since the beginning.
        """
        ids, ended = exchange.tenant.ids, self._ended
        drawn = {kind: ids.drawn(kind) for kind in KINDS} if ended else {}
        more = {kind for kind, count in drawn.items() if any(world.drawn[kind] > count for world in ended)}
        for handle, text in _presented(exchange, more):
            for world in ended:
                first, last = drawn[handle.kind] + 1, world.drawn[handle.kind]
                if handle.is_among(ids, text, range(max(first, last - MOST), last + 1)):
                    if not _was_handed_out(text, kept()):
                        return Leftover(world.label, f"its {handle.name} is from there")
                    break
        return None


def _was_handed_out(text: str, kept: Iterable[Exchange]) -> bool:
    """Whether an answer had it: a snapshot that is restored counts anew, too."""
    return any(text in each.response_text or text in str(each.response_headers) for each in kept)


def is_suspicious(exchange: Exchange) -> bool:
    """Whether what it presents may explain the answer: a refusal, or a redirect in spite of a session."""
    status = exchange.status
    if status is None or status >= 400:
        return True
    return status >= 300 and (
        SESSION_COOKIE in exchange.environ.get("HTTP_COOKIE", "") or "error=" in (exchange.location or "")
    )


def _presented(exchange: Exchange, kinds: set[str]) -> Iterator[tuple[Handle, str]]:
    """Yield the handles of these kinds that a request presents."""
    if not kinds:
        return
    given = exchange.query | exchange.form
    if exchange.path.startswith(STEPS):
        yield TRANSACTION, given.get("state", "")
    for name, handle in PARAMETERS:
        yield handle, given.get(name, "")
    for name, value in parse_cookie(exchange.environ.get("HTTP_COOKIE", "")).items():
        if name.startswith(SESSION_COOKIE):
            yield SESSION, unquote(value).removeprefix("s:").rpartition(".")[0]
    if AUTHORIZATION.kind in kinds:
        for token in exchange.tokens.values():
            yield AUTHORIZATION, str(token.claims.get("authorization", ""))


def leftover_text(leftovers: Sequence[Exchange]) -> str:
    """Return in words which requests are left over, and how that is known; an empty text for none."""
    if not leftovers:
        return ""
    many = "a request is" if len(leftovers) == 1 else f"{len(leftovers)} requests are"
    lines = [f"{many} left over from what went before:"]
    for each in leftovers:
        reason = each.leftover.reason if each.leftover else ""
        lines += [f"  {each.number}. {summary(each)}", f"       {reason}"]
    return "\n".join([*lines, ADVICE])


ADVICE = (
    "Let the test that starts something wait for its end, and begin each test with new browsers and tokens."
)
