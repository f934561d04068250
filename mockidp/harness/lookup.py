"""Who is meant: a user given as an object, by `user_id`, a linked identity, e-mail, phone number or name."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Protocol

from mockidp.errors import UsageError
from mockidp.model.tenant import Tenant
from mockidp.model.user import USERS, Identity, User, find_by_email, find_by_identity, find_user


class UnknownName(UsageError, KeyError):
    """Nothing has this id, e-mail or name; the message names the nearest ones."""

    __str__ = Exception.__str__  # KeyError would quote the whole message


class HasUserId(Protocol):
    """Any user object of the Python interface."""

    @property
    def user_id(self) -> str:
        """The account's id."""


Who = HasUserId | str


def find_person(tenant: Tenant, who: Who) -> tuple[User, Identity]:
    """Return the account that is meant, and which of its identities.

    `provider|id` may be a linked identity: then the account it was linked to is returned. Of several users
    with one e-mail or phone number the database user is meant. Raise `UnknownName` for nobody, and
    `UsageError` where that is no answer.
    """
    text = who if isinstance(who, str) else who.user_id
    user = find_user(tenant, text) or find_by_identity(tenant, text)
    if user is not None:
        return user, user.identity(text) or user.main
    for what, found in _namesakes(tenant, text):
        if len(found) > 1:
            ids = ", ".join(f"'{user.user_id}'" for user in found)
            raise UsageError(f"{len(found)} users have the {what} '{text}'; name one by its user_id: {ids}")
        if found:
            return found[0], found[0].main
    users = tenant.store.all(USERS)
    known = [*(user.email for user in users if user.email), *(user.user_id for user in users)]
    raise UnknownName(f"no user '{text}'{nearest(text, known)}")


def account_at(
    tenant: Tenant, user: User, connection: str | None, otherwise: Identity
) -> tuple[User, Identity]:
    """Return the account and identity by which a person logs in to a connection.

    That is the user's own identity there, or that of another account with his e-mail, as he has one before
    the two are linked; else `otherwise`.
    """
    if connection in (None, otherwise.connection):
        return user, otherwise
    accounts = (user, *(find_by_email(tenant, user.email) if user.email else ()))
    there = ((each, own) for each in accounts for own in each.identities if own.connection == connection)
    return next(there, (user, otherwise))


def nearest(text: str, known: list[str]) -> str:
    """Return the end of a message: which known names were probably meant, or else which there are."""
    close = get_close_matches(text, known, 3, 0.6)
    listed = " or ".join(f"'{name}'" for name in close or known[:3])
    if not listed:
        return "; the tenant has none"
    return f"; did you mean {listed}?" if close else f"; there is {listed}"


def _namesakes(tenant: Tenant, text: str) -> Iterator[tuple[str, list[User]]]:
    """Yield what a text may be, and who has it."""
    yield "e-mail", _preferred(find_by_email(tenant, text))
    users = tenant.store.all(USERS)
    yield "phone number", _preferred([user for user in users if user.phone_number == text])
    yield "name", [user for user in users if text and text in (user.name, user.username)]


def _preferred(users: list[User]) -> list[User]:
    return [user for user in users if user.main.provider == "auth0"] or users
