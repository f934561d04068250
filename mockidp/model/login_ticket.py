"""Login tickets: a password was checked, and `/authorize` may go on as that user, once and for a minute."""

from __future__ import annotations

import msgspec

from mockidp.model.client import Client
from mockidp.model.pruning import prune
from mockidp.model.tenant import Tenant
from mockidp.model.user import Identity
from mockidp.store import Kind

LIFETIME = 60  # seconds: that of the classic page's `wresult`; unverified for `/co/authenticate`


class LoginTicket(msgspec.Struct, frozen=True, kw_only=True):
    """Who logged in to which client: `identity` is the `provider|id` of what he logged in with."""

    id: str
    client_id: str
    identity: str
    connection: str
    expires_at: int


LOGIN_TICKETS: Kind[LoginTicket] = Kind("login_ticket", LoginTicket)


def issue_login_ticket(tenant: Tenant, client: Client, identity: Identity) -> LoginTicket:
    """Keep a new ticket and return it."""
    now = tenant.now()
    ticket = LoginTicket(
        id=tenant.ids.handle("login_ticket"),
        client_id=client.client_id,
        identity=identity.key,
        connection=identity.connection,
        expires_at=now + LIFETIME,
    )
    tenant.store.put(LOGIN_TICKETS, ticket.id, ticket)
    prune(tenant, "login_ticket", LOGIN_TICKETS, lambda kept: kept.id, lambda kept: now >= kept.expires_at)
    return ticket


def take_login_ticket(tenant: Tenant, id: str, client_id: str) -> LoginTicket | None:
    """Consume a ticket of this client: of several callers exactly one gets it.

    Another client's ticket stays as it is.
    """
    with tenant.store.transaction():
        ticket = tenant.store.find(LOGIN_TICKETS, id)
        if ticket is None or ticket.client_id != client_id:
            return None
        tenant.store.take(LOGIN_TICKETS, id)
        return ticket if tenant.now() < ticket.expires_at else None
