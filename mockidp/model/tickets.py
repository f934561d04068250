"""Tickets: URLs that are good once, mailed to a user or made by the Management API."""

from __future__ import annotations

from typing import Literal

import msgspec

from mockidp.model.tenant import Tenant
from mockidp.model.user import Identity, User, find_by_identity
from mockidp.store import Kind

VERIFY_EMAIL = "verify_email"  # kinds of tickets
CHANGE_PASSWORD = "change_password"
UNBLOCK = "unblock"
# Recorded paths of the URLs that the Management API answers, with the `#` at their end; the last is from the
# support article "Rollout for the uncustomizable brute-force protection unblock email flow".
_PATHS = {
    VERIFY_EMAIL: "u/email-verification",
    CHANGE_PASSWORD: "u/reset-password",
    UNBLOCK: "u/brute-force-protection-unblock",
}
LIFETIME = 432000  # seconds: 5 days (management-api §3.8)
Reason = Literal["unknown", "used", "expired"]


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Where a browser goes when a ticket was used: to `result_url`, else by a button back to the client.

    `include_email` is whether the result URL is told the address.
    """

    result_url: str | None = None
    include_email: bool = True
    client_id: str | None = None
    org_id: str | None = None


NOWHERE = Destination()


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A one-shot URL's secret: what it is for, and whom: `identity` is `provider|id`.

    `email` is the address that the identity had then: the ticket proves that one alone. `block` is the key of
    the failed logins that are forgotten; `expires_at` is epoch seconds.
    """

    id: str
    kind: str
    identity: str
    email: str
    expires_at: int
    destination: Destination = NOWHERE
    new_password: str | None = None
    mark_email_as_verified: bool = False
    block: str | None = None


TICKETS: Kind[Ticket] = Kind("ticket", Ticket)
USED_TICKETS: Kind[Ticket] = Kind("used_ticket", Ticket)


class DeadTicket(Exception):
    """A link that is not valid (any more); `ticket` is None when there never was one."""

    def __init__(self, reason: Reason, ticket: Ticket | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.ticket = ticket


def issue_ticket(
    tenant: Tenant,
    kind: str,
    identity: Identity,
    email: str,
    *,
    lifetime: int = LIFETIME,
    destination: Destination = NOWHERE,
    new_password: str | None = None,
    mark_email_as_verified: bool = False,
    block: str | None = None,
) -> Ticket:
    """Keep a one-shot ticket about an identity and its address; `lifetime` is in seconds."""
    ticket = Ticket(
        id=tenant.ids.handle("ticket"),
        kind=kind,
        identity=identity.key,
        email=email,
        expires_at=tenant.now() + lifetime,
        destination=destination,
        new_password=new_password,
        mark_email_as_verified=mark_email_as_verified,
        block=block,
    )
    tenant.store.put(TICKETS, ticket.id, ticket)
    return ticket


def ticket_url(issuer: str, ticket: Ticket) -> str:
    """Return the URL at which a ticket is used."""
    return f"{issuer}{_PATHS[ticket.kind]}?ticket={ticket.id}#"


def get_ticket(tenant: Tenant, id: str | None, kind: str) -> Ticket:
    """Return a ticket that is good; raise `DeadTicket`."""
    ticket = tenant.store.find(TICKETS, id) if id else None
    if ticket is None or ticket.kind != kind:
        used = tenant.store.find(USED_TICKETS, id) if id else None
        raise DeadTicket("used", used) if used and used.kind == kind else DeadTicket("unknown")
    if tenant.now() >= ticket.expires_at:
        raise DeadTicket("expired", ticket)
    return ticket


def take_ticket(tenant: Tenant, id: str | None, kind: str) -> Ticket:
    """Consume a ticket: of several callers exactly one gets it; raise `DeadTicket`."""
    with tenant.store.transaction():
        ticket = get_ticket(tenant, id, kind)
        tenant.store.take(TICKETS, ticket.id)
        tenant.store.put(USED_TICKETS, ticket.id, ticket)
        return ticket


def holder_of(tenant: Tenant, ticket: Ticket) -> tuple[User, Identity] | None:
    """Return the account and identity that a ticket is about, or None when they, or the address, are gone.

    The identity may have been linked to another account since: it is then found there.
    """
    user = find_by_identity(tenant, ticket.identity)
    identity = user.identity(ticket.identity) if user else None
    if user is None or identity is None or user.profile_of(identity).get("email") != ticket.email:
        return None
    return user, identity
