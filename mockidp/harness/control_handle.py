"""The control API's operations for who holds the whole object from another process (`mockidp/remote`).

They tell exactly what the object has: requests byte by byte, passwords, moments to go back to.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from mockidp.harness.control_tokens import Issuing
from mockidp.harness.exchange import DecodedToken, Leftover, MatchedRule
from mockidp.harness.handle import Snapshot
from mockidp.harness.lookup import find_person
from mockidp.harness.outbox import Outbox
from mockidp.harness.recorder import Recorder
from mockidp.json import Json
from mockidp.model.tenant import Tenant
from mockidp.model.user import PASSWORDS


class Held(Protocol):
    """A mock, as far as these operations go."""

    @property
    def state(self) -> Tenant: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def requests(self) -> Recorder: ...
    def snapshot(self) -> Snapshot: ...
    def restore(self, snapshot: int | None = None) -> None: ...


class Done(msgspec.Struct, frozen=True):
    """It was done."""

    status: str = "ok"


class WhichExchanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`after`: only those with a higher number."""

    after: int = 0


class WireExchange(msgspec.Struct, frozen=True):
    """A request and its answer as they were on the wire: bodies in base64, `environ` with CGI names.

    `started_at` is epoch seconds by the tenant's clock, `duration` real seconds. The rest is what the tenant
    makes of it.
    """

    number: int
    method: str
    scheme: str
    target: str
    environ: dict[str, str]
    body: bytes
    status: int | None
    response_headers: list[tuple[str, str]]
    response_body: bytes
    started_at: float
    duration: float
    rule: MatchedRule | None
    leftover: Leftover | None
    route: str | None
    client_id: str | None
    user_id: str | None
    tokens: dict[str, DecodedToken]


class Whose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`user`: a user_id, linked identity or e-mail."""

    user: str


class Password(msgspec.Struct, frozen=True):
    """What the user types at the login page; null: there is no password."""

    password: str | None


class IdTokenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`user`, `client`, `organization`: by id, e-mail or name; `expires_in` in seconds."""

    user: str
    client: str | None = None
    nonce: str | None = None
    scope: str | list[str] | None = None
    claims: dict[str, Json] = {}
    expires_in: int | None = None
    organization: str | None = None


class IdToken(msgspec.Struct, frozen=True):
    """An ID token."""

    id_token: str


class SnapshotTaken(msgspec.Struct, frozen=True):
    """The number of a snapshot."""

    snapshot: int


class WhichSnapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`snapshot`: the number of a snapshot; left out, the latest."""

    snapshot: int | None = None


def list_exchanges(idp: Held, given: WhichExchanges) -> list[WireExchange]:
    """Return the recorded requests, oldest first."""
    return [
        WireExchange(
            **{
                **{name: getattr(each, name) for name in WireExchange.__struct_fields__},
                "response_headers": list(each.response_headers),
            }
        )
        for each in idp.requests
        if each.number > given.after
    ]


def forget_requests(idp: Held, given: object) -> Done:
    """Forget the recorded requests."""
    idp.requests.clear()
    return Done()


def forget_messages(idp: Held, given: object) -> Done:
    """Throw all messages away."""
    idp.outbox.clear()
    return Done()


def tell_password(idp: Held, given: Whose) -> Password:
    """Return a user's password, as the tenant has it now."""
    return Password(idp.state.store.find(PASSWORDS, find_person(idp.state, given.user)[1].key))


def issue_id_token(idp: Issuing, given: IdTokenRequest) -> IdToken:
    """Return an ID token without a login."""
    return IdToken(idp.id_token(**msgspec.structs.asdict(given)))


def take_snapshot(idp: Held, given: object) -> SnapshotTaken:
    """Remember how everything is now."""
    return SnapshotTaken(idp.snapshot().number)


def restore_snapshot(idp: Held, given: WhichSnapshot) -> Done:
    """Bring everything back to how it was at a snapshot."""
    idp.restore(given.snapshot)
    return Done()
