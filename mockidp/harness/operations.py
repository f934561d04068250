"""What the control API can do: one row for each operation, with the types of what it takes and answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

import mockidp
from mockidp.clock import iso
from mockidp.errors import UsageError
from mockidp.harness.control_rules import (
    RuleGiven,
    RuleState,
    Scripted,
    Verdict,
    add_rule,
    begin_scenario,
    list_rules,
    verify,
)
from mockidp.harness.exchange import RecordedExchange
from mockidp.harness.lookup import HasUserId, find_person
from mockidp.harness.outbox import Outbox
from mockidp.json import Json
from mockidp.model.client import CLIENTS
from mockidp.model.connection import CONNECTIONS
from mockidp.model.document import Document
from mockidp.model.organization import ORGANIZATIONS
from mockidp.model.outbox import Message
from mockidp.model.resource_server import RESOURCE_SERVERS
from mockidp.model.session import SESSIONS, Session
from mockidp.model.tenant import Tenant
from mockidp.model.user import USERS, get_user
from mockidp.rules.durations import parse_duration
from mockidp.store import Kind

PREFIX = "/_mockidp"


class Idp(Scripted, Protocol):
    """What the control API steers: `MockIdp`."""

    @property
    def outbox(self) -> Outbox: ...
    def login_as(self, user: str | None) -> object: ...
    def add_user(self, **attributes: Any) -> HasUserId: ...
    def reset(self) -> None: ...
    def rotate_keys(self) -> object: ...
    def token(
        self,
        user: str | None = None,
        *,
        client: str | None = None,
        audience: str | None = None,
        scope: str | list[str] | None = None,
        claims: Mapping[str, Json] | None = None,
        expires_in: int | None = None,
    ) -> str: ...
    def id_token(self, user: str, *, client: str | None = None, nonce: str | None = None) -> str: ...


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters."""


class WhichRequests(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`on`: an operation, as `POST /oauth/token`. `after`: only those with a higher number."""

    on: str | None = None
    after: int = 0


class WhichMessages(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`to`: the recipient. `kind`: the e-mail template's name, as `verify_email`."""

    to: str | None = None
    kind: str | None = None


class LoginAs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`user`: a user_id or e-mail; null shows the login pages again."""

    user: str | None


class TokenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`user`: left out, the client's own token. `client`: id or name. `claims`: more of them."""

    user: str | None = None
    client: str | None = None
    audience: str | None = None
    scope: str | list[str] | None = None
    claims: dict[str, Json] = {}
    expires_in: int | None = None
    nonce: str | None = None


class Duration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A length of time in parts."""

    days: float = 0
    hours: float = 0
    minutes: float = 0
    seconds: float = 0


class ClockChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly one of them. `freeze`: ISO 8601, epoch seconds, or `now`; `advance`: `1h`, or seconds."""

    freeze: str | float | None = None
    advance: str | float | Duration | None = None
    unfreeze: bool = False


class Done(msgspec.Struct, frozen=True):
    """It was done."""

    status: str = "ok"


class Health(msgspec.Struct, frozen=True):
    """The server is up."""

    status: str
    version: str
    issuer: str


class ClockState(msgspec.Struct, frozen=True):
    """The tenant's time: ISO 8601 and epoch seconds."""

    now: str
    epoch: float
    frozen: bool


class State(msgspec.Struct, frozen=True):
    """The world as it is: Management API objects, and the browsers' sessions."""

    issuer: str
    clock: ClockState
    users: list[dict[str, Json]]
    clients: list[dict[str, Json]]
    connections: list[dict[str, Json]]
    organizations: list[dict[str, Json]]
    resource_servers: list[dict[str, Json]]
    sessions: list[Session]


class WhoLogsIn(msgspec.Struct, frozen=True):
    """The user who answers the login pages; null when they are shown."""

    user_id: str | None


class Tokens(msgspec.Struct, frozen=True, omit_defaults=True):
    """The ID token is there when there is a user and `openid` or a nonce was asked for."""

    access_token: str
    id_token: str | None = None
    token_type: str = msgspec.field(default_factory=lambda: "Bearer")


class Keys(msgspec.Struct, frozen=True):
    """The `kid` that signs now, and all that the JWKS has."""

    kid: str
    published: list[str]


class ControlError(msgspec.Struct, frozen=True):
    """What was wrong with the request, in words."""

    error: str
    message: str


class Operation(msgspec.Struct, frozen=True):
    """One row: `takes` is the type of a GET's query or a POST's JSON body; no `run`, not built yet."""

    method: str
    name: str
    summary: str
    run: Callable[[Any, Any], object] | None
    takes: Any = Nothing
    answers: Any = Done
    status: int = 200

    @property
    def path(self) -> str:
        """The URL's path."""
        return f"{PREFIX}/{self.name}"

    def usage(self) -> str:
        """Return in words what it takes."""
        names = getattr(self.takes, "__struct_fields__", ("an object",))
        return f"{self.method} {self.path} takes {', '.join(names) or 'nothing'}"


def _health(idp: Idp, given: Nothing) -> Health:
    return Health(status="ok", version=mockidp.__version__, issuer=idp.state.issuer)


def _state(idp: Idp, given: Nothing) -> State:
    tenant = idp.state
    return State(
        issuer=tenant.issuer,
        clock=_clock(idp, given),
        users=_documents(tenant, USERS),
        clients=_documents(tenant, CLIENTS),
        connections=_documents(tenant, CONNECTIONS),
        organizations=_documents(tenant, ORGANIZATIONS),
        resource_servers=_documents(tenant, RESOURCE_SERVERS),
        sessions=tenant.store.all(SESSIONS),
    )


def _documents(tenant: Tenant, kind: Kind[Any]) -> list[dict[str, Json]]:
    rows: list[Document] = tenant.store.all(kind)
    return [row.document for row in rows]


def _requests(idp: Idp, given: WhichRequests) -> list[RecordedExchange]:
    chosen = idp.requests.matching(given.on) if given.on else idp.requests
    return [exchange.view() for exchange in chosen if exchange.number > given.after]


def _outbox(idp: Idp, given: WhichMessages) -> list[Message]:
    return idp.outbox.matching(to=given.to, kind=given.kind)


def _clock(idp: Idp, given: object) -> ClockState:
    clock = idp.state.clock
    now = clock.now()
    return ClockState(now=iso(now), epoch=now, frozen=clock.frozen)


def _set_clock(idp: Idp, given: ClockChange) -> ClockState:
    clock = idp.state.clock
    if (given.freeze is not None) + (given.advance is not None) + given.unfreeze != 1:
        raise UsageError('POST clock takes one of {"freeze": time}, {"advance": "1h"} and {"unfreeze": true}')
    if given.unfreeze:
        clock.unfreeze()
    elif isinstance(given.advance, Duration):
        clock.advance(**msgspec.structs.asdict(given.advance))
    elif given.advance is not None:
        clock.advance(parse_duration(given.advance))
    else:
        clock.freeze(None if given.freeze == "now" else given.freeze)
    return _clock(idp, given)


def _reset(idp: Idp, given: Nothing) -> Done:
    idp.reset()
    return Done()


def _add_user(idp: Idp, given: dict[str, Json]) -> dict[str, Json]:
    added = idp.add_user(**given)
    return get_user(idp.state, added.user_id).document


def _login_as(idp: Idp, given: LoginAs) -> WhoLogsIn:
    idp.login_as(given.user)
    return WhoLogsIn(None if given.user is None else find_person(idp.state, given.user)[0].user_id)


def _tokens(idp: Idp, given: TokenRequest) -> Tokens:
    access_token = idp.token(
        given.user,
        client=given.client,
        audience=given.audience,
        scope=given.scope,
        claims=given.claims,
        expires_in=given.expires_in,
    )
    scope = given.scope.split() if isinstance(given.scope, str) else given.scope or []
    if given.user is None or not ("openid" in scope or given.nonce):
        return Tokens(access_token)
    return Tokens(access_token, idp.id_token(given.user, client=given.client, nonce=given.nonce))


def _rotate_keys(idp: Idp, given: Nothing) -> Keys:
    idp.rotate_keys()
    keys = idp.state.keys
    return Keys(kid=keys.current().kid, published=[key.kid for key in keys.published()])


_USER = dict[str, Json]
OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "health", "Whether the server is up", _health, answers=Health),
    Operation("GET", "state", "Users, clients and the rest of the world as it is", _state, answers=State),
    Operation(
        "GET",
        "requests",
        "The recorded requests, oldest first",
        _requests,
        WhichRequests,
        list[RecordedExchange],
    ),
    Operation("GET", "outbox", "The messages sent, oldest first", _outbox, WhichMessages, list[Message]),
    Operation("GET", "clock", "The tenant's time", _clock, answers=ClockState),
    Operation("POST", "reset", "Bring the seed back: every test its own world", _reset),
    Operation("POST", "users", "Add a user, given as in a seed", _add_user, _USER, _USER, 201),
    Operation("POST", "login-as", "Answer the login pages as a user", _login_as, LoginAs, WhoLogsIn),
    Operation("POST", "tokens", "Issue tokens without a login", _tokens, TokenRequest, Tokens),
    Operation(
        "POST", "clock", "Freeze, advance or unfreeze the tenant's time", _set_clock, ClockChange, ClockState
    ),
    Operation("POST", "rotate-keys", "Sign with the next key", _rotate_keys, answers=Keys),
    Operation("GET", "rules", "The rules, and what each did", list_rules, answers=list[RuleState]),
    Operation("POST", "rules", "Script an answer", add_rule, RuleGiven, RuleState, 201),
    Operation("POST", "scenario", "Begin a scenario", begin_scenario, dict[str, Json], list[RuleState]),
    Operation("POST", "verify", "Whether all came about that was expected", verify, answers=Verdict),
)
