"""Roles and permissions (role-based access control)."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from mockidp.model.document import Document
from mockidp.model.organization import find_membership
from mockidp.model.tenant import Tenant
from mockidp.store import Kind


class Permission(msgspec.Struct, frozen=True):
    """A scope of an API, as given to a role or a user."""

    permission_name: str
    resource_server_identifier: str


class Role(Document, frozen=True, kw_only=True):
    """A role; its permissions are kept beside the document, as the Management API serves them apart."""

    beside: ClassVar[tuple[str, ...]] = ("permissions",)
    id: str
    name: str
    permissions: tuple[Permission, ...] = ()


ROLES: Kind[Role] = Kind("role", Role, {"name": lambda role: (role.name,)})
USER_ROLES: Kind[tuple[str, ...]] = Kind("user_roles", tuple)
USER_PERMISSIONS: Kind[tuple[Permission, ...]] = Kind("user_permissions", tuple)


def find_role(tenant: Tenant, id_or_name: str) -> Role | None:
    """Return the role with this id, or else this name."""
    found = tenant.store.find(ROLES, id_or_name)
    return found or next(iter(tenant.store.all(ROLES, {"name": id_or_name})), None)


def put_role(tenant: Tenant, role: Role) -> None:
    """Keep the role under its id."""
    tenant.store.put(ROLES, role.id, role)


def roles_of(tenant: Tenant, user_id: str, org_id: str | None = None) -> list[Role]:
    """Return the user's roles, with those as a member of the organization when one is given."""
    own = tenant.store.find(USER_ROLES, user_id)
    ids = list(own or ())
    if org_id and (membership := find_membership(tenant, org_id, user_id)):
        ids += membership.roles
    return [role for id in dict.fromkeys(ids) if (role := tenant.store.find(ROLES, id))]


def assign_roles(tenant: Tenant, user_id: str, role_ids: tuple[str, ...]) -> None:
    """Give the user these roles beside those that he has."""
    tenant.store.update(
        USER_ROLES, user_id, lambda before: tuple(dict.fromkeys((*(before or ()), *role_ids)))
    )


def permissions_of(tenant: Tenant, user_id: str, audience: str, org_id: str | None = None) -> tuple[str, ...]:
    """Return the names of all permissions that the user has at an API, direct ones and by roles."""
    direct = tenant.store.find(USER_PERMISSIONS, user_id)
    given = (*(direct or ()), *(p for role in roles_of(tenant, user_id, org_id) for p in role.permissions))
    names = (p.permission_name for p in given if p.resource_server_identifier == audience)
    return tuple(dict.fromkeys(names))
