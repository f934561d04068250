"""The mails of the tenant (documentation, "Email templates"): what each says, and what it carries.

A message's kind is the name of the tenant's e-mail template. In its `body` the link or code is a paragraph of
its own. Somebody without an address is sent nothing.
"""

from __future__ import annotations

from mockidp.json import text_member
from mockidp.model.client import Client
from mockidp.model.connection import Connection
from mockidp.model.failed_logins import FailedLogins
from mockidp.model.organization import Invitation, Organization
from mockidp.model.outbox import Message, send
from mockidp.model.tenant import Tenant
from mockidp.model.tickets import (
    CHANGE_PASSWORD,
    NOWHERE,
    TICKETS,
    UNBLOCK,
    VERIFY_EMAIL,
    Destination,
    issue_ticket,
    ticket_url,
)
from mockidp.model.user import Identity, User, find_by_identity, find_by_login

BLOCK_LIFETIME = 2592000  # seconds: 30 days (documentation, "Brute-force protection")


def send_verification_email(
    tenant: Tenant, issuer: str, user: User, identity: Identity, destination: Destination = NOWHERE
) -> Message | None:
    """Mail the link that proves the address of one of the account's identities."""
    email = text_member(user.profile_of(identity), "email")
    if not email:
        return None
    url = ticket_url(issuer, issue_ticket(tenant, VERIFY_EMAIL, identity, email, destination=destination))
    body = (
        f"Thank you for signing up to {tenant_name(tenant)}.\n\n"
        f"Please confirm that {email} is your address by following this link:\n\n{url}\n"
    )
    return send(tenant, "verify_email", email, "Verify your email", body, url=url, user_id=user.user_id)


def send_password_reset(
    tenant: Tenant,
    issuer: str,
    user: User,
    identity: Identity,
    destination: Destination = NOWHERE,
    *,
    new_password: str | None = None,
) -> Message | None:
    """Mail the link by which the password of one of the account's identities is changed.

    Only the newest link is valid (documentation, "Change users' passwords"). `new_password` is the one that
    version 7 of auth0.js asked for beforehand: it is set as soon as the link is opened.
    """
    email = text_member(user.profile_of(identity), "email")
    if not email:
        return None
    for old in tenant.store.all(TICKETS):
        if (old.kind, old.identity) == (CHANGE_PASSWORD, identity.key):
            tenant.store.take(TICKETS, old.id)
    ticket = issue_ticket(
        tenant,
        CHANGE_PASSWORD,
        identity,
        email,
        destination=destination,
        new_password=new_password,
        mark_email_as_verified=True,  # support article "Optional approach to email invitations"
    )
    url = ticket_url(issuer, ticket)
    body = (
        f"Somebody asked to change your password at {tenant_name(tenant)}.\n\n"
        f"If it was you, follow this link:\n\n{url}\n\nElse there is nothing to do.\n"
    )
    return send(tenant, "reset_email", email, "Reset your password", body, url=url, user_id=user.user_id)


def request_password_reset(
    tenant: Tenant,
    issuer: str,
    connection: Connection,
    name: str,
    destination: Destination = NOWHERE,
    *,
    new_password: str | None = None,
) -> None:
    """Mail the link to who logs in to the connection by this name, if there is somebody."""
    found = find_by_login(tenant, connection.name, name)
    if found:
        send_password_reset(tenant, issuer, *found, destination, new_password=new_password)


def send_blocked_account(tenant: Tenant, issuer: str, failed: FailedLogins, ip: str) -> Message | None:
    """Mail the link that lets an IP address try again for whom it failed too often.

    A block because of a phone number is told by SMS on a real tenant, which is not emulated.
    """
    user = find_by_identity(tenant, failed.identity)
    identity = user.identity(failed.identity) if user else None
    email = text_member(user.profile_of(identity), "email") if user and identity else ""
    if user is None or identity is None or not email:
        return None
    ticket = issue_ticket(
        tenant, UNBLOCK, identity, email, lifetime=BLOCK_LIFETIME, block=failed.key
    )  # unverified: for how long the link is good
    url = ticket_url(issuer, ticket)
    body = (
        f"There were too many failed attempts to log in to your account at {tenant_name(tenant)} from the IP "
        f"address {ip}. That address is blocked now, your account is not.\n\n"
        f"If it is your address, follow this link to unblock it:\n\n{url}\n\nElse there is nothing to do.\n"
    )
    return send(tenant, "blocked_account", email, "Blocked account", body, url=url, user_id=user.user_id)


def send_invitation(
    tenant: Tenant, organization: Organization, client: Client, invitation: Invitation
) -> Message:
    """Mail the link by which somebody joins an organization."""
    inviter, email = invitation.inviter.get("name", ""), invitation.invitee.get("email", "")
    body = (
        f"{inviter} has invited you to join {organization.label} on {client.name}.\n\n"
        f"To accept the invitation, follow this link:\n\n{invitation.invitation_url}\n"
    )
    subject = f"You've been invited to join {organization.label}"
    return send(tenant, "user_invitation", email, subject, body, url=invitation.invitation_url)


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
