"""The seed's users: accounts, their identities and passwords, roles and memberships."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mockidp.errors import AlreadyThere, ApiError, UsageError
from mockidp.ids import DIGITS, HEX, derive
from mockidp.model.connection import (
    CONNECTIONS,
    ENTERPRISE,
    Connection,
    find_connection,
    first_database,
)
from mockidp.model.organization import ORGANIZATIONS, add_member, find_organization
from mockidp.model.role import ROLES, assign_roles, find_role
from mockidp.model.tenant import Tenant
from mockidp.model.user import Identity, User, create_user, find_by_identity, put_user, rewrite
from mockidp.seed.validate import check_shape
from mockidp.seed.vocabulary import hint

Entry = Mapping[str, Any]
# Keys of a seed's user that are no attributes of the account itself.
_BESIDE = frozenset(
    {"user_id", "identities", "connection", "password", "roles", "organizations"}
    | {"verify_email", "verify_phone_number"}
)
_LOGINS = ("email", "username", "phone_number", "name")
_TOKENS = ("access_token", "access_token_secret", "refresh_token", "expires_in")


def add_user(tenant: Tenant, entry: Entry) -> User:
    """Create the account that a seed describes and return it.

    `entry` has Management API members plus `password`, `connection`, `roles` and `organizations` (names or
    ids); without `user_id`, that is derived from connection and e-mail. `identities` are the linked ones, and
    may begin with the main one. Raises `UsageError`.
    """
    listed = [dict(identity) for identity in entry.get("identities") or ()]
    connection = _connection_of(tenant, entry, listed)
    bare = _bare_id(connection, entry)
    main = listed.pop(0) if listed and _is_main(listed[0], connection, bare) else {}
    if bare is None:
        bare = str(main["user_id"]) if "user_id" in main else _derived_id(connection, entry)
    attributes = {key: value for key, value in entry.items() if key not in _BESIDE}
    try:
        user = create_user(tenant, connection, attributes, bare_id=bare, password=entry.get("password"))
    except ApiError as error:
        kind = AlreadyThere if error.status == 409 else UsageError
        raise kind(f"user '{_label(entry)}' of connection '{connection.name}': {error.message}") from None
    tokens = {key: main[key] for key in _TOKENS if main.get(key) is not None}
    if listed or tokens:
        own = msgspec.structs.replace(user.main, **tokens)
        linked = [own, *(_linked(tenant, user, identity) for identity in listed)]
        user = rewrite(user, {"identities": [msgspec.to_builtins(identity) for identity in linked]})
        put_user(tenant, user)
    _assign(tenant, user, entry)
    return user


def add_checked_user(tenant: Tenant, entry: Entry) -> User:
    """Create an account as `add_user` does, all or nothing, refusing what a seed file could not say."""
    problems = [finding.message for finding in check_shape(0, {"users": [dict(entry)]}).findings]
    if problems:
        # A slip explains what else is missing.
        raise UsageError(next((text for text in problems if text.startswith("unknown")), problems[0]))
    with tenant.store.transaction():
        return add_user(tenant, entry)


def role_id(tenant: Tenant, role: object, where: str) -> str:
    """Return the id of a role given by name, id, or `{id or name}`; raise `UsageError` naming `where`."""
    name = (role.get("id") or role.get("name")) if isinstance(role, Mapping) else role
    found = find_role(tenant, str(name))
    if found is None:
        known = [role.name for role in tenant.store.all(ROLES)]
        raise UsageError(f"unknown role '{name}' of {where}{hint(str(name), known)}")
    return found.id


def _assign(tenant: Tenant, user: User, entry: Entry) -> None:
    """Give the user his roles and memberships."""
    roles = [role_id(tenant, name, f"user '{_label(entry)}'") for name in entry.get("roles") or ()]
    if roles:
        assign_roles(tenant, user.user_id, tuple(roles))
    for name in entry.get("organizations") or ():
        organization = find_organization(tenant, name)
        if organization is None:
            known = [organization.name for organization in tenant.store.all(ORGANIZATIONS)]
            raise UsageError(f"unknown organization '{name}' of user '{_label(entry)}'{hint(name, known)}")
        add_member(tenant, organization.id, user.user_id)


def _connection_of(tenant: Tenant, entry: Entry, listed: list[dict[str, Any]]) -> Connection:
    """Return the connection of the main identity: said, or by `user_id`, or the tenant's default database."""
    name = entry.get("connection")
    if name is None and entry.get("user_id") and "|" in entry["user_id"]:
        return _by_provider(tenant, entry["user_id"], entry)
    if name is None and listed and entry.get("user_id") is None:
        name = (
            listed[0].get("connection") or _by_provider(tenant, listed[0].get("provider") or "", entry).name
        )
    if name is None:
        name = tenant.settings.default_directory
    connection = find_connection(tenant, name) if name else first_database(tenant.store.all(CONNECTIONS))
    if connection is None:
        raise UsageError(f"unknown connection '{name}' of user '{_label(entry)}'")
    return connection


def _by_provider(tenant: Tenant, user_id: str, entry: Entry) -> Connection:
    """Return the connection of `provider|id` or `provider|connection|id`."""
    provider, _, bare = user_id.partition("|")
    found = tenant.store.all(CONNECTIONS, {"strategy": provider})
    exact = [c for c in found if bare.startswith(f"{c.name}|")]
    if not found:
        raise UsageError(f"user '{_label(entry)}': no connection has the strategy '{provider}'")
    return (exact or found)[0]


def _bare_id(connection: Connection, entry: Entry) -> str | None:
    """Return the provider's own id from `user_id` (with or without the provider), or None without one."""
    given = entry.get("user_id")
    if given is None:
        return None
    provider, bar, bare = given.partition("|")
    if bar and provider == connection.strategy:
        return str(bare)
    if bar and provider != connection.name:
        raise UsageError(
            f"user_id '{given}' of user '{_label(entry)}' is not of connection '{connection.name}': "
            f"it begins with '{connection.strategy}|'"
        )
    return str(given)


def _derived_id(connection: Connection, entry: Entry) -> str | None:
    """Return the id that follows from connection and e-mail (or what there is instead of one)."""
    login = next((str(entry[key]) for key in _LOGINS if entry.get(key)), None)
    if login is None:
        return None
    name = f"user:{connection.name}:{login.lower()}"
    return "1" + derive(name, 20, DIGITS) if connection.is_social else derive(name, 24, HEX)


def _is_main(identity: Entry, connection: Connection, bare: str | None) -> bool:
    """Whether an identity is the account's own, and not one that is linked to it."""
    name = identity.get("connection") or (identity.get("provider") == connection.strategy and connection.name)
    if name != connection.name:
        return False
    given = identity.get("user_id")
    return bare is None or given is None or str(given).removeprefix(f"{connection.strategy}|") == bare


def _linked(tenant: Tenant, user: User, identity: Entry) -> Identity:
    name, provider = identity.get("connection"), identity.get("provider")
    if name is None:
        name = _by_provider(tenant, str(provider), user.document).name
    connection = find_connection(tenant, name)
    if connection is None:
        raise UsageError(f"unknown connection '{name}' of an identity of user '{user.user_id}'")
    provider = provider or connection.strategy
    profile = identity.get("profileData") or {}
    bare = identity.get("user_id") or _derived_id(connection, profile or user.document)
    if isinstance(bare, str):
        bare = connection.identity_id(bare.removeprefix(f"{provider}|"))
    social = identity.get("isSocial")
    linked = Identity(
        connection=name,
        user_id=bare or "",
        provider=provider,
        isSocial=provider not in ENTERPRISE and connection.is_social if social is None else social,
        profileData=dict(profile),
        **{key: identity[key] for key in _TOKENS if identity.get(key) is not None},
    )
    if find_by_identity(tenant, linked.key):
        raise UsageError(f"identity '{linked.key}' of user '{user.user_id}' belongs to another user already")
    return linked


def _label(entry: Entry) -> str:
    return str(next((entry[key] for key in ("user_id", *_LOGINS) if entry.get(key)), "?"))
