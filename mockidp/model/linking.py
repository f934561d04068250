"""Linking and unlinking of accounts: the one place, reached from every door.

The primary keeps its id and every root attribute; the secondary's identities follow in order, its metadata,
roles, sessions and memberships are gone (documentation, "User account linking"). An unlinked identity is an
account of its own again, without metadata ("Unlink user accounts").
"""

from __future__ import annotations

import msgspec

from mockidp.errors import (
    link_conflict,
    link_inexistent,
    link_not_configured,
    link_same_identity,
    unlink_main_identity,
)
from mockidp.json import Json
from mockidp.model.connection import CONNECTIONS, find_connection
from mockidp.model.tenant import Tenant
from mockidp.model.user import (
    PASSWORDS,
    USERS,
    Identity,
    User,
    create_user,
    drop_dependents,
    find_by_identity,
    find_user,
    get_user,
    put_user,
    set_password,
    with_identities,
)


def link(tenant: Tenant, primary_id: str, secondary_id: str) -> User:
    """Link the account `secondary_id` (`provider|id`) to the account `primary_id`; return the primary.

    Raises `ApiError`: 404 no such primary, 400 the same account, nonexistent secondary or provider that is
    not configured, 409 an identity that is linked already (here or elsewhere). All or nothing, also under
    races.
    """
    with tenant.store.transaction():
        primary = get_user(tenant, primary_id)
        if secondary_id == primary.main.key:
            raise link_same_identity()
        if primary.identity(secondary_id):
            raise link_conflict()
        secondary = find_user(tenant, secondary_id)
        if secondary is None:
            provider = secondary_id.partition("|")[0]
            if not tenant.store.all(CONNECTIONS, {"strategy": provider}):
                raise link_not_configured()
            raise link_conflict() if find_by_identity(tenant, secondary_id) else link_inexistent()
        if secondary.user_id == primary.user_id:
            raise link_same_identity()
        tenant.store.take(USERS, secondary.user_id)
        drop_dependents(tenant, secondary.user_id)
        # unverified: chaining. A secondary that has linked identities brings them along.
        absorbed = msgspec.structs.replace(secondary.main, profileData=secondary.profile)
        linked = with_identities(tenant, primary, (*primary.identities, absorbed, *secondary.identities[1:]))
        put_user(tenant, linked)
        return linked


def unlink(tenant: Tenant, primary_id: str, provider: str, bare_id: str) -> User:
    """Take an identity out of an account and make it one of its own again; return the primary.

    A pair that the account does not have changes nothing (recorded: 200 and all identities). Raises
    `ApiError` 404 no such primary, 400 the main identity.
    """
    with tenant.store.transaction():
        primary = get_user(tenant, primary_id)
        gone = primary.identity(f"{provider}|{bare_id}")
        if gone is None:
            return primary
        if gone == primary.main:
            raise unlink_main_identity()
        rest = tuple(identity for identity in primary.identities if identity != gone)
        remaining = with_identities(tenant, primary, rest)
        put_user(tenant, remaining)
        _stand_alone(tenant, gone)
        return remaining


def identities_of(user: User) -> list[Json]:
    """Return the identities as link and unlink answer them: there the main one has `profileData` too."""
    main: Json = {"profileData": user.profile, **msgspec.to_builtins(user.main)}
    rest: list[Json] = [
        {"profileData": identity.profileData or {}, **msgspec.to_builtins(identity)}
        for identity in user.identities[1:]
    ]
    return [main, *rest]


def _stand_alone(tenant: Tenant, identity: Identity) -> None:
    """Make an account of an identity that was unlinked."""
    connection = find_connection(tenant, identity.connection)
    if connection is None:
        return  # its connection was deleted: there is nothing it could log in by
    password = tenant.store.find(PASSWORDS, identity.key)
    user = create_user(tenant, connection, identity.profileData or {}, bare_id=str(identity.user_id))
    own = msgspec.structs.replace(identity, profileData=None)  # a numeric id and upstream tokens stay
    put_user(tenant, with_identities(tenant, user, (own,)))
    if password is not None:
        set_password(tenant, identity, password)
