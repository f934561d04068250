"""The control API's operations for accounts: add one, look at it, link two, log one in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from mockidp.errors import ApiError
from mockidp.harness.lookup import HasUserId, UnknownName, find_person
from mockidp.harness.objects import resolve_user
from mockidp.json import Json
from mockidp.model.tenant import Tenant
from mockidp.model.user import Identity, get_user


class Walker(Protocol):
    """A browser without a screen."""

    @property
    def posted(self) -> Mapping[str, str]: ...
    def login(self, authorize_url: str, user: str) -> str: ...


class Accounts(Protocol):
    """A mock, as far as these operations go."""

    @property
    def state(self) -> Tenant: ...
    def link(self, primary: str, secondary: str) -> HasUserId: ...
    def unlink(self, user: str, provider: str, user_id: str | int) -> HasUserId: ...
    def add_user(self, **attributes: Any) -> HasUserId: ...
    def login_as(self, user: str | None) -> object: ...
    def browser(self) -> Walker: ...


class WhichUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`user`: a user_id, linked identity, e-mail or name."""

    user: str


class UserDocument(msgspec.Struct, frozen=True):
    """A user as the Management API has it; there may be further members."""

    user_id: str
    identities: list[Identity]
    created_at: str
    updated_at: str
    email: str | msgspec.UnsetType = msgspec.UNSET
    email_verified: bool | msgspec.UnsetType = msgspec.UNSET
    username: str | msgspec.UnsetType = msgspec.UNSET
    phone_number: str | msgspec.UnsetType = msgspec.UNSET
    phone_verified: bool | msgspec.UnsetType = msgspec.UNSET
    name: str | msgspec.UnsetType = msgspec.UNSET
    nickname: str | msgspec.UnsetType = msgspec.UNSET
    given_name: str | msgspec.UnsetType = msgspec.UNSET
    family_name: str | msgspec.UnsetType = msgspec.UNSET
    picture: str | msgspec.UnsetType = msgspec.UNSET
    blocked: bool | msgspec.UnsetType = msgspec.UNSET
    user_metadata: dict[str, Json] | msgspec.UnsetType = msgspec.UNSET
    app_metadata: dict[str, Json] | msgspec.UnsetType = msgspec.UNSET
    last_login: str | msgspec.UnsetType = msgspec.UNSET
    logins_count: int | msgspec.UnsetType = msgspec.UNSET


class Link(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`primary`: the account that stays; `secondary`: the one that becomes an identity of it."""

    primary: str
    secondary: str


class Unlink(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`user`: the account; `provider` and `user_id`: the identity that leaves it."""

    user: str
    provider: str
    user_id: str | int


class LoginRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`url`: of the application, or of `/authorize`; `user`: who walks the pages that it leads to."""

    url: str
    user: str


class LoggedIn(msgspec.Struct, frozen=True):
    """`url`: the client's callback, not opened yet; `posted`: its fields with `response_mode=form_post`."""

    url: str
    posted: dict[str, str]


class LoginAs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`user`: a user_id or e-mail; null shows the login pages again."""

    user: str | None


class WhoLogsIn(msgspec.Struct, frozen=True):
    """The user who answers the login pages; null when they are shown."""

    user_id: str | None


def add_user(idp: Accounts, given: dict[str, Json]) -> dict[str, Json]:
    """Add a user, and return it as the Management API has it."""
    return get_user(idp.state, idp.add_user(**given).user_id).document


def show_user(idp: Accounts, given: WhichUser) -> dict[str, Json]:
    """Return a user as the Management API has it."""
    try:
        return resolve_user(idp.state, given.user).document
    except UnknownName as error:
        raise ApiError(404, str(error), "inexistent_user") from None


def link(idp: Accounts, given: Link) -> dict[str, Json]:
    """Link two accounts and return the one that stays."""
    return get_user(idp.state, idp.link(given.primary, given.secondary).user_id).document


def unlink(idp: Accounts, given: Unlink) -> dict[str, Json]:
    """Make an identity an account of its own again and return the one that it was linked to."""
    return get_user(idp.state, idp.unlink(given.user, given.provider, given.user_id).user_id).document


def login_as(idp: Accounts, given: LoginAs) -> WhoLogsIn:
    """Let a user answer the login pages from now on."""
    idp.login_as(given.user)
    return WhoLogsIn(None if given.user is None else find_person(idp.state, given.user)[0].user_id)


def log_in(idp: Accounts, given: LoginRequest) -> LoggedIn:
    """Log a user in through the pages, with a new browser."""
    browser = idp.browser()
    return LoggedIn(browser.login(given.url, given.user), dict(browser.posted))
