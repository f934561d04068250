"""Organizations: members, enabled connections, invitations."""

from __future__ import annotations

import msgspec

from mockidp.clock import parse_time
from mockidp.model.document import Document
from mockidp.model.tenant import Tenant
from mockidp.store import Kind


class Organization(Document, frozen=True, kw_only=True):
    """An organization as the Management API has it."""

    id: str
    name: str
    display_name: str | None = None

    @property
    def label(self) -> str:
        """How a login page names it."""
        return self.display_name or self.name


class Membership(msgspec.Struct, frozen=True):
    """A user's membership, with the ids of the roles that it carries."""

    org_id: str
    user_id: str
    roles: tuple[str, ...] = ()


class EnabledConnection(msgspec.Struct, frozen=True):
    """A connection by which members log in to an organization."""

    org_id: str
    connection: str
    assign_membership_on_login: bool = False
    show_as_button: bool = True


class Invitation(Document, frozen=True, kw_only=True):
    """An invitation; `expires_at` is ISO 8601."""

    id: str
    organization_id: str
    client_id: str
    ticket_id: str
    expires_at: str
    invitation_url: str = ""
    inviter: dict[str, str] = {}
    invitee: dict[str, str] = {}
    roles: tuple[str, ...] = ()
    connection_id: str | None = None

    def is_for(self, email: str | None) -> bool:
        """Whether it was sent to this address."""
        return email is not None and self.invitee.get("email", "").lower() == email.lower()

    def is_expired(self, tenant: Tenant) -> bool:
        """Whether its time is over."""
        return tenant.clock.now() >= parse_time(self.expires_at)


ORGANIZATIONS: Kind[Organization] = Kind("organization", Organization, {"name": lambda o: (o.name,)})
MEMBERSHIPS: Kind[Membership] = Kind(
    "membership", Membership, {"organization": lambda m: (m.org_id,), "user": lambda m: (m.user_id,)}
)
ENABLED_CONNECTIONS: Kind[EnabledConnection] = Kind(
    "organization_connection", EnabledConnection, {"organization": lambda e: (e.org_id,)}
)
INVITATIONS: Kind[Invitation] = Kind(
    "invitation",
    Invitation,
    {"ticket": lambda i: (i.ticket_id,), "organization": lambda i: (i.organization_id,)},
)


def find_organization(tenant: Tenant, id_or_name: str) -> Organization | None:
    """Return the organization with this id, or else this name."""
    found = tenant.store.find(ORGANIZATIONS, id_or_name)
    return found or next(iter(tenant.store.all(ORGANIZATIONS, {"name": id_or_name})), None)


def find_membership(tenant: Tenant, org_id: str, user_id: str) -> Membership | None:
    """Return the user's membership or None."""
    return tenant.store.find(MEMBERSHIPS, f"{org_id}/{user_id}")


def add_member(tenant: Tenant, org_id: str, user_id: str, roles: tuple[str, ...] = ()) -> None:
    """Make the user a member, with these roles beside those that the membership has."""

    def join(before: Membership | None) -> Membership:
        merged = dict.fromkeys((*(before.roles if before else ()), *roles))
        return Membership(org_id, user_id, tuple(merged))

    tenant.store.update(MEMBERSHIPS, f"{org_id}/{user_id}", join)


def enable_connection(tenant: Tenant, enabled: EnabledConnection) -> None:
    """Let members of the organization log in by a connection (named, not by id)."""
    tenant.store.put(ENABLED_CONNECTIONS, f"{enabled.org_id}/{enabled.connection}", enabled)


def enabled_connections(tenant: Tenant, org_id: str) -> list[EnabledConnection]:
    """Return the connections by which members log in."""
    return tenant.store.all(ENABLED_CONNECTIONS, {"organization": org_id})


def find_invitation(tenant: Tenant, ticket: str) -> Invitation | None:
    """Return the invitation with this ticket, or None when there is none."""
    return next(iter(tenant.store.all(INVITATIONS, {"ticket": ticket})), None)
