"""Changing a user: the rules of `PATCH /api/v2/users/{id}` (documentation, "Update a user").

An update is about one identity: the account's own, or the linked one of the `connection` that it names. The
texts are the API description's own labels. unverified: their errorCode `operation_not_supported`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from mockidp.clock import iso
from mockidp.errors import ApiError
from mockidp.json import Json, JsonObject
from mockidp.model.connection import CONNECTIONS, ENTERPRISE, Connection
from mockidp.model.password_policy import check_password_policy
from mockidp.model.session import SESSIONS
from mockidp.model.tenant import Tenant
from mockidp.model.user import (
    PASSWORDS,
    PROFILE,
    Identity,
    User,
    computed_attributes,
    find_by_login,
    get_user,
    put_user,
    rewrite,
    set_password,
)

# Only the connection of the account's own identity may set these, and not while it syncs them at each login.
ROOT = ("family_name", "given_name", "name", "nickname", "picture")
_SIMULTANEOUS = (
    ("password", "email"),
    ("password", "email_verified"),
    ("username", "email"),
    ("username", "email_verified"),
    ("username", "password"),
)
_NOT_SUPPORTED = "Connection is not supported for this operation."
_SYNC_DOCUMENTATION = "https://auth0.com/docs/dashboard/guides/connections/configure-connection-sync"


class _Target(msgspec.Struct, frozen=True):
    """What an update is about; `connection` is None when it was deleted."""

    user: User
    identity: Identity
    connection: Connection | None

    @property
    def is_main(self) -> bool:
        return self.identity == self.user.main

    @property
    def profile(self) -> dict[str, Json]:
        return self.user.profile_of(self.identity)


def update_user(tenant: Tenant, user_id: str, changes: JsonObject) -> User:
    """Change an account as `PATCH` says and return it; all or nothing, also under races.

    Members replace what was there, null removes it; metadata merge at the first level (`merge_metadata`).
    Raises `ApiError`: 404 no such user, 400 what the identity's connection does not allow or a name that is
    taken; and `DbConnectionError` for a password that the connection's policy refuses.
    """
    with tenant.store.transaction():
        target = _target(tenant, get_user(tenant, user_id), changes.get("connection"))
        for check in (_check_simultaneous, _check_login_attributes, _check_root_attributes):
            check(target, changes)
        profile = _new_profile(target, changes)
        _check_names_are_free(tenant, target, profile)
        members: dict[str, Json] = {**_account_members(target.user, changes), **_now(tenant, changes)}
        updated = _with_profile(target, members, profile)
        put_user(tenant, updated)
        if "password" in changes:
            _change_password(tenant, target, changes["password"])
        if _ends_sessions(target, changes, profile):
            _close_sessions(tenant, user_id)
        return updated


def merge_metadata(before: JsonObject, changes: JsonObject) -> dict[str, Json]:
    """Merge at the first level: a key replaces, null removes it, an empty object clears all (recorded)."""
    if not changes:
        return {}
    return {key: value for key, value in {**before, **changes}.items() if value is not None}


def check_new_password(connection: Connection, password: str, profile: JsonObject) -> None:
    """Refuse (`DbConnectionError`) a password against the policy that the connection has, if any."""
    if "passwordPolicy" in connection.options:
        check_password_policy(connection, password, profile)


def takes_usernames(connection: Connection) -> bool:
    """Whether users of the connection have usernames: the old option, or the newer flexible identifiers."""
    attributes = connection.options.get("attributes")
    return connection.flag("requires_username") or (isinstance(attributes, dict) and "username" in attributes)


def _syncs_profile(connection: Connection) -> bool:
    """Whether each login overwrites the root attributes, as it does for upstreams unless told otherwise."""
    setting = connection.options.get("set_user_root_attributes", "on_each_login")
    return connection.is_upstream and setting == "on_each_login"


def _refuse(message: str, error_code: str = "operation_not_supported") -> ApiError:
    return ApiError(400, message, error_code)


def _target(tenant: Tenant, user: User, connection: Json) -> _Target:
    """Return the identity that is meant: the named connection's, else the account's own."""
    if not isinstance(connection, str):
        return _Target(user, user.main, tenant.store.find(CONNECTIONS, user.main.connection))
    found = tenant.store.find(CONNECTIONS, connection)
    if found is None:
        raise _refuse("Connection does not exist.", "inexistent_connection")
    identity = next((i for i in user.identities if i.connection == connection), None)
    if identity is None:
        raise _refuse(_NOT_SUPPORTED)  # unverified: the text when the user has no identity there
    return _Target(user, identity, found)


# -- what is refused -----------------------------------------------------------------------------------


def _check_simultaneous(_target: _Target, changes: JsonObject) -> None:
    for one, other in _SIMULTANEOUS:
        if one in changes and other in changes:
            raise _refuse(f"Cannot update {one} and {other} simultaneously.")


def _check_login_attributes(target: _Target, changes: JsonObject) -> None:
    for member in ("email", "email_verified", "password", "username", "phone_number", "phone_verified"):
        if member not in changes:
            continue
        if target.connection is None:
            raise _refuse("Connection does not exist.", "inexistent_connection")
        message = _unsupported(target.connection, member)
        if message:
            raise _refuse(message)


def _unsupported(connection: Connection, member: str) -> str | None:
    """Return why users of the connection cannot have this attribute changed, or None."""
    if connection.enabled_clients == () and member in ("email", "password"):
        return "Cannot change email or password for users in a disabled connection."
    if connection.is_database:
        allowed = member != "username" or takes_usernames(connection)
        return None if allowed else "Cannot set username for connection without requires_username."
    if member == "email":
        return None if connection.strategy == "email" else "Cannot update email for non-database user."
    if member == "email_verified":
        return _unverifiable(connection)
    # unverified: which of these texts goes with passwords, usernames and phone numbers.
    own = connection.strategy == "sms" and member in ("phone_number", "phone_verified")
    return None if own else _NOT_SUPPORTED


def _unverifiable(connection: Connection) -> str | None:
    """`email_verified` "is not supported for enterprise and passwordless sms connections"."""
    if connection.strategy in ENTERPRISE:
        return "Email verification is not supported for enterprise users."
    return _NOT_SUPPORTED if connection.strategy == "sms" else None


def _check_root_attributes(target: _Target, changes: JsonObject) -> None:
    named = ", ".join(member for member in ROOT if member in changes)
    if not named:
        return
    what = f"The following user attributes cannot be updated: {named}."
    if not target.is_main:
        raise _refuse(f"{what} The specified connection belongs to a secondary identity.")
    connection = target.connection
    if connection is not None and _syncs_profile(connection):
        raise _refuse(  # the text of a real answer, which an application quotes with the connection's name
            f"{what} The connection ({connection.name}) must either be a database connection (using the "
            "Auth0 store), a passwordless connection (email or sms) or has disabled 'Sync user profile "
            f"attributes at each login'. For more information, see {_SYNC_DOCUMENTATION}"
        )


def _check_names_are_free(tenant: Tenant, target: _Target, profile: JsonObject) -> None:
    for member in ("email", "username", "phone_number"):
        name = profile.get(member)
        if not isinstance(name, str) or name == target.profile.get(member):
            continue
        found = find_by_login(tenant, target.identity.connection, name)
        if found is not None and found[1].key != target.identity.key:
            # Reported for email and username, with 400 where POST answers 409; unverified for phone_number.
            raise _refuse(f"The specified new {member} already exists", "auth0_idp_error")


# -- what it becomes -----------------------------------------------------------------------------------


def _new_profile(target: _Target, changes: JsonObject) -> dict[str, Json]:
    """Return the identity's attributes after the update; a new address is unverified until said otherwise."""
    profile = dict(target.profile)
    upstream = target.connection is not None and target.connection.is_upstream
    for member in PROFILE:
        if member not in changes:
            continue
        value = changes[member]
        if isinstance(value, str) and member in ("email", "username") and not upstream:
            value = value.lower()
        profile[member] = value
    for name, flag in (("email", "email_verified"), ("phone_number", "phone_verified")):
        # unverified: that a changed address takes its verification along with it.
        if flag in profile and flag not in changes and profile.get(name) != target.profile.get(name):
            profile[flag] = False if profile.get(name) is not None else None
    return {member: value for member, value in profile.items() if value is not None}


def _account_members(user: User, changes: JsonObject) -> dict[str, Json]:
    members: dict[str, Json] = {}
    if "blocked" in changes:
        members["blocked"] = changes["blocked"]
    for name in ("user_metadata", "app_metadata"):
        given, before = changes.get(name), user.document.get(name)
        if isinstance(given, dict):
            members[name] = merge_metadata(before if isinstance(before, dict) else {}, given)
    if changes.get("app_metadata") == {}:
        members["app_metadata"] = None  # recorded: cleared, user_metadata stays as {} and app_metadata goes
    return members


def _now(tenant: Tenant, changes: JsonObject) -> dict[str, Json]:
    now = iso(tenant.clock.now())
    return {"updated_at": now, "last_password_reset": now} if "password" in changes else {"updated_at": now}


def _with_profile(target: _Target, members: Mapping[str, Json], profile: JsonObject) -> User:
    """Return the account with these root members and the identity's new attributes."""
    user, before = target.user, target.profile
    if profile == before:
        return rewrite(user, members)
    if not target.is_main:
        linked = msgspec.structs.replace(target.identity, profileData=dict(profile))
        listed = [linked if identity == target.identity else identity for identity in user.identities]
        return rewrite(user, {**members, "identities": [msgspec.to_builtins(i) for i in listed]})
    # unverified: what is computed (name, nickname, picture) follows the attributes that it is computed from.
    shown = {**computed_attributes(profile), **profile}
    changed = {member: shown.get(member) for member in PROFILE if member in before or member in shown}
    return rewrite(user, {**changed, **members}, profile)


def _change_password(tenant: Tenant, target: _Target, password: Json) -> None:
    if not isinstance(password, str):  # null
        tenant.store.take(PASSWORDS, target.identity.key)
        return
    assert target.connection is not None  # checked with the other login attributes
    check_new_password(target.connection, password, {**target.user.document, **target.profile})
    set_password(tenant, target.identity, password)


def _ends_sessions(target: _Target, changes: JsonObject, profile: JsonObject) -> bool:
    """Whether the account is logged out everywhere.

    For database users a new e-mail address does it, and `email_verified` from true to false (community
    article "Unwarranted session removal after Management API user updates").
    unverified: that blocking does, and a password that is set here (one that the user resets does).
    """
    if changes.get("blocked") is True:
        return True
    if target.connection is None or not target.connection.is_database:
        return False
    before = target.profile
    moved = before.get("email") is not None and before["email"] != profile.get("email")
    unverified = before.get("email_verified") is True and profile.get("email_verified") is False
    return moved or unverified or "password" in changes


def _close_sessions(tenant: Tenant, user_id: str) -> None:
    for session in tenant.store.all(SESSIONS, {"user": user_id}):
        tenant.store.take(SESSIONS, session.id)
