"""`GET /login/callback`: where upstreams send the browser back to (reference §6.8).

The account's root attributes follow the upstream's profile at each login, unless the connection says
otherwise (documentation, "Configure identity provider connection for user profile updates").
"""

from __future__ import annotations

import re

import msgspec
from werkzeug.wrappers import Response

from mockidp.errors import PageError
from mockidp.http.browser_session import transaction_of
from mockidp.http.routing import Call, Route
from mockidp.json import Json, JsonObject
from mockidp.model.connection import CONNECTIONS, Connection
from mockidp.model.session import change_transaction
from mockidp.model.tenant import Tenant
from mockidp.model.user import (
    Identity,
    User,
    create_user,
    find_by_identity,
    put_user,
    rewrite,
    with_identities,
)
from mockidp.universal_login.login import logged_in, resume
from mockidp.universal_login.upstream import UPSTREAM_CODES, UpstreamCode

PATH = "/login/callback"
SYNCED = ("name", "given_name", "family_name", "nickname", "picture")
_NOT_IN_ERROR = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")  # RFC 6749 §4.1.2.1
_MOST = 500  # characters of an upstream's error


def callback(call: Call) -> Response:
    """Take what the upstream says: a code, or that the user or the upstream refused."""
    transaction = transaction_of(call)
    args = call.request.args
    if "error" in args:
        change_transaction(
            call.tenant,
            transaction,
            error=_clean(args["error"]) or "access_denied",
            error_description=_clean(args.get("error_description", "")),
        )
        return resume(transaction)
    code = call.tenant.store.take(UPSTREAM_CODES, args.get("code", ""))
    if code is None or code.transaction_id != transaction.id or call.tenant.now() >= code.expires_at:
        # unverified: the text
        raise PageError("invalid_request", "invalid authorization code of the upstream")
    connection = call.tenant.store.find(CONNECTIONS, code.connection)
    if connection is None:
        raise PageError("invalid_request", "the connection was not found")  # unverified: the text
    account = _account_of(call.tenant, connection, code)
    if account is None:
        # unverified: how that is refused
        change_transaction(
            call.tenant, transaction, error="access_denied", error_description="the user does not exist"
        )
        return resume(transaction)
    return logged_in(call, transaction, *account)


def _account_of(tenant: Tenant, connection: Connection, code: UpstreamCode) -> tuple[User, Identity] | None:
    """Return the account that has the identity, as its own or linked, or a new one.

    None: the connection makes no accounts (`set_user_root_attributes: never_on_login`).
    """
    setting = connection.options.get("set_user_root_attributes", "on_each_login")
    key = f"{connection.strategy}|{connection.identity_id(code.bare_id)}"
    with tenant.store.transaction():
        user = find_by_identity(tenant, key)
        if user is None:
            if setting == "never_on_login":
                return None
            user = create_user(tenant, connection, code.profile, bare_id=code.bare_id)
            return user, user.main
        identity = user.identity(key)
        assert identity is not None  # the index found it
        kept = () if setting == "on_each_login" else SYNCED
        profile = {member: value for member, value in code.profile.items() if member not in kept}
        return _refreshed(tenant, user, identity, profile)


def _refreshed(tenant: Tenant, user: User, identity: Identity, given: JsonObject) -> tuple[User, Identity]:
    """Return account and identity with what the upstream says of the user now.

    A linked identity's attributes are its `profileData`: the root attributes are the main identity's.
    """
    profile: dict[str, Json] = {**user.profile_of(identity), **given}
    if identity == user.main:
        changed = rewrite(user, given, profile)
        renewed = changed.main
    else:
        renewed = msgspec.structs.replace(identity, profileData=profile)
        changed = with_identities(
            tenant, user, tuple(renewed if i == identity else i for i in user.identities)
        )
    put_user(tenant, changed)
    return changed, renewed


def _clean(text: str) -> str:
    """Return an upstream's words without what an error must not contain."""
    return _NOT_IN_ERROR.sub("", text)[:_MOST]


ROUTES = (Route("GET", PATH, callback),)
