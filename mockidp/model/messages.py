"""Mails of the tenant, and what comes back by the links in them (documentation, "Email templates").

A message's kind is the name of the tenant's e-mail template. Every link carries a ticket that is good once.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from mockidp.clock import iso
from mockidp.json import Json
from mockidp.model.connection import Connection
from mockidp.model.credentials import TICKETS, Ticket, issue_ticket
from mockidp.model.outbox import Message, send
from mockidp.model.tenant import Tenant
from mockidp.model.user import (
    Identity,
    User,
    find_by_login,
    find_user,
    put_user,
    rewrite,
    with_identities,
)
from mockidp.store import Kind

VERIFY_EMAIL = "verify_email"  # kinds of tickets
CHANGE_PASSWORD = "change_password"
# Recorded paths of the URLs that the Management API answers, with the `#` at their end.
_PATHS = {VERIFY_EMAIL: "u/email-verification", CHANGE_PASSWORD: "u/reset-password"}
USED_TICKETS: Kind[Ticket] = Kind("used_ticket", Ticket)
Reason = Literal["unknown", "used", "expired"]


class DeadTicket(Exception):
    """A link that is not valid (any more); `ticket` is None when there never was one."""

    def __init__(self, reason: Reason, ticket: Ticket | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.ticket = ticket


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
    """Return the account and identity that a ticket is about, or None when they are gone.

    The account may have been linked to another one since: the identity is then found there.
    """
    if ticket.email is not None:
        found = find_by_login(tenant, ticket.connection, ticket.email)
        return found if found and ticket.user_id in (found[0].user_id, found[1].key) else None
    user = find_user(tenant, ticket.user_id)
    if user is None:
        return None
    identity = next((i for i in user.identities if i.connection == ticket.connection), None)
    return (user, identity) if identity else None


def mark_verified(tenant: Tenant, user: User, identity: Identity) -> User:
    """Note that the address of one of the account's identities is the user's own; return the account."""
    verified: dict[str, Json] = {"email_verified": True}
    profile = {**user.profile_of(identity), **verified}
    if identity == user.main:
        changed = rewrite(user, {**verified, "updated_at": iso(tenant.clock.now())}, profile)
    else:
        linked = msgspec.structs.replace(identity, profileData=profile)
        changed = with_identities(
            tenant, user, tuple(linked if i == identity else i for i in user.identities)
        )
    put_user(tenant, changed)
    return changed


def send_verification_email(
    tenant: Tenant, issuer: str, user: User, connection: Connection, *, result_url: str | None = None
) -> Message | None:
    """Mail the link that proves an address: that of the account's identity in this connection.

    Without an address there is nobody to send it to, and no message.
    """
    email = _address(user, connection, None)
    if email is None:
        return None
    ticket = issue_ticket(
        tenant, VERIFY_EMAIL, user.user_id, connection.name, email=email, result_url=result_url
    )
    url = ticket_url(issuer, ticket)
    body = (
        f"Thank you for signing up to {tenant_name(tenant)}.\n\n"
        f"Please confirm that {email} is your address by following this link:\n\n{url}\n"
    )
    return send(tenant, "verify_email", email, "Verify your email", body, url=url, user_id=user.user_id)


def send_password_reset(
    tenant: Tenant,
    issuer: str,
    user: User,
    connection: Connection,
    *,
    identity: Identity | None = None,
    new_password: str | None = None,
) -> Message | None:
    """Mail the link by which the password of the account's identity in this connection is changed.

    Only the newest link is valid (documentation, "Change users' passwords"). `new_password` is the one that
    version 7 of auth0.js asked for beforehand: it is set as soon as the link is opened. Without an address
    there is nobody to send it to, and no message.
    """
    email = _address(user, connection, identity)
    if email is None:
        return None
    for old in tenant.store.all(TICKETS):
        if (old.kind, old.user_id, old.connection) == (CHANGE_PASSWORD, user.user_id, connection.name):
            tenant.store.take(TICKETS, old.id)
    ticket = issue_ticket(
        tenant,
        CHANGE_PASSWORD,
        user.user_id,
        connection.name,
        email=email,
        new_password=new_password,
        mark_email_as_verified=True,  # unverified: that a mailed link proves the address, too
    )
    url = ticket_url(issuer, ticket)
    body = (
        f"Somebody asked to change your password at {tenant_name(tenant)}.\n\n"
        f"If it was you, follow this link:\n\n{url}\n\nElse there is nothing to do.\n"
    )
    return send(tenant, "reset_email", email, "Reset your password", body, url=url, user_id=user.user_id)


def request_password_reset(
    tenant: Tenant, issuer: str, connection: Connection, name: str, *, new_password: str | None = None
) -> None:
    """Mail the link to who logs in to the connection by this name, if there is somebody."""
    found = find_by_login(tenant, connection.name, name)
    if found:
        user, identity = found
        send_password_reset(tenant, issuer, user, connection, identity=identity, new_password=new_password)


def send_welcome(tenant: Tenant, user: User, email: str) -> Message:
    """Mail the welcome that follows upon the proof of an address."""
    body = f"Welcome to {tenant_name(tenant)}! Your account is ready.\n"
    return send(
        tenant, "welcome_email", email, f"Welcome to {tenant_name(tenant)}", body, user_id=user.user_id
    )


def send_mfa_code(tenant: Tenant, user: User, email: str) -> Message:
    """Mail the code of a second factor; it is the message's `code`."""
    code = tenant.one_time_code("mfa_oob_code")
    body = f"Your code for {tenant_name(tenant)} is:\n\n{code}\n"
    return send(
        tenant, "mfa_oob_code", email, "Your verification code", body, code=code, user_id=user.user_id
    )


def tenant_name(tenant: Tenant) -> str:
    """Return what mails and pages call the tenant."""
    return tenant.settings.friendly_name or "mockidp"


def _address(user: User, connection: Connection, identity: Identity | None) -> str | None:
    """Return the address of an identity: the given one, or the account's in this connection."""
    own = next((i for i in user.identities if i.connection == connection.name), user.main)
    email = user.profile_of(identity or own).get("email")
    return email if isinstance(email, str) else None
