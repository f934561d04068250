"""Who is meant: a user given as an object, by `user_id`, by a linked identity, by e-mail or phone number."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Protocol

from mockidp.errors import UsageError
from mockidp.model.tenant import Tenant
from mockidp.model.user import USERS, Identity, User, find_by_email, find_by_identity, find_user


class HasUserId(Protocol):
    """Any user object of the Python interface."""

    @property
    def user_id(self) -> str:
        """The account's id."""


Who = HasUserId | str


def find_person(tenant: Tenant, who: Who) -> tuple[User, Identity]:
    """Return the account that is meant, and which of its identities.

    `provider|id` may be a linked identity: then the account it was linked to is returned. Of several users
    with one e-mail the database user is meant. Raise `UsageError` for nobody, and where that is no answer.
    """
    text = who if isinstance(who, str) else who.user_id
    user = find_user(tenant, text) or find_by_identity(tenant, text)
    if user is not None:
        return user, user.identity(text) or user.main
    found = find_by_email(tenant, text)
    found = found or [user for user in tenant.store.all(USERS) if text == user.phone_number]
    if len(found) > 1:
        found = [user for user in found if user.main.provider == "auth0"] or found
    if len(found) > 1:
        ids = ", ".join(f"'{user.user_id}'" for user in found)
        what = "phone number" if text == found[0].phone_number else "e-mail"
        raise UsageError(f"{len(found)} users have the {what} '{text}'; name one by its user_id: {ids}")
    if not found:
        raise UsageError(f"no user '{text}'{_nearest(tenant, text)}")
    return found[0], found[0].main


def identity_for(user: User, connection: str | None, otherwise: Identity) -> Identity:
    """Return the identity by which the user logs in to a connection, or `otherwise` without one there."""
    own = (identity for identity in user.identities if identity.connection == connection)
    return otherwise if connection in (None, otherwise.connection) else next(own, otherwise)


def _nearest(tenant: Tenant, text: str) -> str:
    users = tenant.store.all(USERS)
    names = [name for user in users for name in (user.email, user.user_id) if name]
    close = get_close_matches(text, names, 3, 0.6) or names[:3]
    listed = " or ".join(f"'{name}'" for name in close)
    return f"; did you mean {listed}?" if close else ": the tenant has no users"
