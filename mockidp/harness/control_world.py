"""The control API's operations that look at the tenant: who is there, what came, what was sent."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

import mockidp
from mockidp.clock import parse_duration
from mockidp.errors import ApiError, UsageError
from mockidp.harness.control_accounts import UserDocument
from mockidp.harness.control_clock import ClockState, show_clock
from mockidp.harness.exchange import RecordedExchange
from mockidp.harness.outbox import Outbox
from mockidp.harness.recorder import Recorder
from mockidp.json import Json
from mockidp.model.client import CLIENTS
from mockidp.model.connection import CONNECTIONS
from mockidp.model.organization import ORGANIZATIONS
from mockidp.model.outbox import Message
from mockidp.model.resource_server import RESOURCE_SERVERS
from mockidp.model.session import SESSIONS, Session
from mockidp.model.tenant import Tenant
from mockidp.model.user import USERS
from mockidp.store import Kind

LONGEST_WAIT = 60
SECTIONS: dict[str, Kind[Any]] = {
    "users": USERS,
    "clients": CLIENTS,
    "connections": CONNECTIONS,
    "organizations": ORGANIZATIONS,
    "resource_servers": RESOURCE_SERVERS,
    "sessions": SESSIONS,
}


class Watched(Protocol):
    """A mock, as far as these operations go."""

    @property
    def state(self) -> Tenant: ...
    @property
    def requests(self) -> Recorder: ...
    @property
    def outbox(self) -> Outbox: ...


class WhichState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`only`: the one list that is wanted, as `users`; the others are empty."""

    only: str | None = None


class WhichRequests(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`on`: an operation, as `POST /oauth/token`. `after`: only those with a higher number."""

    on: str | None = None
    after: int = 0


class WhichMessages(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`to`: the recipient. `kind`: the e-mail template's name, as `verify_email`.

    `wait`: for how long a first such message is waited for, as `5s`; 404 when none has come by then.
    """

    to: str | None = None
    kind: str | None = None
    wait: str | None = None


class Health(msgspec.Struct, frozen=True):
    """The server is up. `domain` is the pinned one; `hosts` are accepted beside it and loopback names."""

    status: str
    version: str
    issuer: str
    domain: str | None
    hosts: list[str]


class State(msgspec.Struct, frozen=True):
    """The world as it is: Management API objects, and the browsers' sessions."""

    issuer: str
    clock: ClockState
    users: list[UserDocument]
    clients: list[dict[str, Json]]
    connections: list[dict[str, Json]]
    organizations: list[dict[str, Json]]
    resource_servers: list[dict[str, Json]]
    sessions: list[Session]


def show_health(idp: Watched, given: object) -> Health:
    """Return that the server is up."""
    names = idp.state.names
    return Health(
        status="ok",
        version=mockidp.__version__,
        issuer=idp.state.issuer,
        domain=names.domain,
        hosts=sorted(names.hosts),
    )


def show_state(idp: Watched, given: WhichState) -> State:
    """Return the world as it is."""
    tenant = idp.state
    if given.only not in (None, *SECTIONS):
        raise UsageError(f"'only' is one of {', '.join(SECTIONS)}, not '{given.only}'")
    shown = {
        name: tenant.store.all(kind) if given.only in (None, name) else [] for name, kind in SECTIONS.items()
    }
    sessions = shown.pop("sessions")
    documents = {name: [row.document for row in rows] for name, rows in shown.items()}
    return State(issuer=tenant.issuer, clock=show_clock(idp, given), sessions=sessions, **documents)


def list_requests(idp: Watched, given: WhichRequests) -> list[RecordedExchange]:
    """Return the recorded requests, oldest first."""
    chosen = idp.requests.matching(given.on) if given.on else idp.requests
    return [exchange.view() for exchange in chosen if exchange.number > given.after]


def list_messages(idp: Watched, given: WhichMessages) -> list[Message]:
    """Return the messages, oldest first."""
    if given.wait is not None:
        _wait_for(idp.outbox, given, parse_duration(given.wait))
    return idp.outbox.matching(to=given.to, kind=given.kind)


def _wait_for(outbox: Outbox, wanted: WhichMessages, seconds: float) -> None:
    if seconds > LONGEST_WAIT:
        raise UsageError(f"'wait' is {LONGEST_WAIT} seconds at most, not '{wanted.wait}'")
    try:
        outbox.wait_for(to=wanted.to, kind=wanted.kind, timeout=seconds)
    except AssertionError as error:
        raise ApiError(404, str(error), "no_message") from None
