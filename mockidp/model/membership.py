"""Logging in to an organization: membership, and invitations that give it."""

from __future__ import annotations

from mockidp.errors import OAuthError
from mockidp.model.organization import (
    INVITATIONS,
    Invitation,
    add_member,
    enabled_connections,
    find_invitation,
    find_membership,
)
from mockidp.model.session import LoginTransaction
from mockidp.model.tenant import Tenant
from mockidp.model.user import User, find_user, mark_verified


def check_membership(tenant: Tenant, user: User, transaction: LoginTransaction) -> None:
    """Make sure that the user belongs to the organization of the request.

    An invitation for the user's e-mail is used up, makes a member and verifies the address (documentation,
    "Invite organization members"); so does, without the last, a connection that assigns membership on login.
    Anybody else is refused with `access_denied`.
    """
    org_id = transaction.request.org_id
    if org_id is None or find_membership(tenant, org_id, user.user_id):
        return
    if transaction.request.invitation:
        invitation = find_invitation(tenant, transaction.request.invitation)
        if invitation is None or invitation.is_expired(tenant):
            raise OAuthError("invalid_request", "invitation not found or already used")
        if invitation.is_for(user.email):
            _accept(tenant, invitation, user)
            return
    for enabled in enabled_connections(tenant, org_id):
        if enabled.assign_membership_on_login and enabled.connection == transaction.connection:
            add_member(tenant, org_id, user.user_id)
            return
    raise OAuthError("access_denied", f"user {user.user_id} is not part of the {org_id} organization")


def is_invited(tenant: Tenant, ticket: str, user_id: str) -> bool:
    """Whether an invitation is for this user."""
    invitation, user = find_invitation(tenant, ticket), find_user(tenant, user_id)
    return invitation is not None and user is not None and invitation.is_for(user.email)


def _accept(tenant: Tenant, invitation: Invitation, user: User) -> None:
    with tenant.store.transaction():
        if tenant.store.take(INVITATIONS, invitation.id) is None:
            return  # another request was faster
        add_member(tenant, invitation.organization_id, user.user_id, invitation.roles)
        if not user.email_verified:
            mark_verified(tenant, user, user.main)
