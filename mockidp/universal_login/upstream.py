"""`GET`/`POST /u/upstream`: stands in for Google, Facebook or a company's directory (contract §6).

An upstream knows nothing of the tenant but the state that it brings back, with a code that is good once.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import msgspec
from werkzeug.wrappers import Response

from mockidp.errors import PageError
from mockidp.http.browser_session import transaction_of
from mockidp.http.redirect import found
from mockidp.http.routing import Call, Route
from mockidp.json import Json
from mockidp.model.connection import Connection
from mockidp.model.offer import offer_of
from mockidp.model.session import LoginTransaction
from mockidp.model.signup import ATTRIBUTES, derived_id, is_email
from mockidp.model.tenant import Tenant
from mockidp.model.user import USERS, Identity, User, find_by_identity, find_by_login
from mockidp.store import Kind
from mockidp.universal_login.login import MOST_USERS, own_url, render_step

PATH = "/u/upstream"
CODE_LIFETIME = 600  # seconds
MOST_ID = 128  # characters


class UpstreamCode(msgspec.Struct, frozen=True, kw_only=True):
    """Who logged in at an upstream: the identity's `user_id` without the provider, and its profile."""

    code: str
    transaction_id: str
    connection: str
    bare_id: str
    profile: dict[str, Json]
    expires_at: int


UPSTREAM_CODES: Kind[UpstreamCode] = Kind("upstream_code", UpstreamCode)


def show(call: Call) -> Response:
    """Offer the identities that the upstream knows, a new one, and refusal."""
    transaction = transaction_of(call)
    return _page(call, transaction, _connection_of(call, transaction))


def submit(call: Call) -> Response:
    """Answer as the upstream does: to `/login/callback`, with a code or an error."""
    transaction = transaction_of(call)
    connection = _connection_of(call, transaction)
    form = call.request.form
    if form.get("action") == "deny":
        # The words are those of RFC 6749 §4.1.2.1; each upstream has its own.
        denied = "The resource owner or authorization server denied the request"
        return found(own_url("/login/callback", transaction, error="access_denied", error_description=denied))
    who = _known(call.tenant, connection, form["user"]) if form.get("user") else _new(call, connection)
    if isinstance(who, str):
        return _page(call, transaction, connection, who)
    bare_id, profile = who
    code = UpstreamCode(
        code=call.tenant.ids.draw("upstream_code", 32),
        transaction_id=transaction.id,
        connection=connection.name,
        bare_id=bare_id,
        profile=profile,
        expires_at=call.tenant.now() + CODE_LIFETIME,
    )
    call.tenant.store.put(UPSTREAM_CODES, code.code, code)
    return found(own_url("/login/callback", transaction, code=code.code))


def _connection_of(call: Call, transaction: LoginTransaction) -> Connection:
    """Return the connection that the URL names, if this login may use it."""
    connection = offer_of(call.tenant, transaction).find(call.request.values.get("connection"))
    if connection is None or not connection.is_upstream:
        raise PageError("invalid_request", "the connection was not found")  # unverified: the text
    return connection


def _known(tenant: Tenant, connection: Connection, name: str) -> tuple[str, dict[str, Json]] | str:
    """Return the identity called `provider|id`, by the provider's id alone, or by e-mail; else an error."""
    keys = (name, f"{connection.strategy}|{connection.identity_id(name)}")
    for key in keys:
        user = find_by_identity(tenant, key)
        identity = user.identity(key) if user else None
        if user and identity and identity.connection == connection.name:
            return str(identity.user_id), user.profile_of(identity)
    by_login = find_by_login(tenant, connection.name, name)
    if by_login is None:
        return f"{connection.label} knows no identity {name}"
    user, identity = by_login
    return str(identity.user_id), user.profile_of(identity)


def _new(call: Call, connection: Connection) -> tuple[str, dict[str, Json]] | str:
    """Return the identity that the form describes, or what is wrong with it."""
    form = call.request.form
    email, name, bare_id = (form.get(field, "").strip() for field in ("email", "name", "id"))
    if not email and not bare_id:
        return "Give an email address or a provider's user id"
    if email and not is_email(email):
        return "Email is not valid."
    if len(bare_id) > MOST_ID or not bare_id.isprintable() or len(name) > ATTRIBUTES["name"]:
        return f"A user id has at most {MOST_ID} printable characters, a name {ATTRIBUTES['name']}"
    profile: dict[str, Json] = {}
    if name:
        profile["name"] = name
    if email:
        profile |= {"email": email, "email_verified": form.get("email_verified") == "true"}
    # An upstream has one identity for an address.
    same = find_by_login(call.tenant, connection.name, email) if email and not bare_id else None
    return (str(same[1].user_id) if same else bare_id or derived_id(connection, email)), profile


def _page(
    call: Call, transaction: LoginTransaction, connection: Connection, error: str | None = None
) -> Response:
    return render_step(
        call,
        transaction,
        "upstream.html",
        own_url(PATH, transaction, connection=connection.name),
        status=400 if error else 200,
        error=error,
        connection_name=connection.name,
        display_name=connection.label,
        strategy=connection.strategy,
        identities=list(islice(_identities(call.tenant, connection), MOST_USERS)),
    )


def _identities(tenant: Tenant, connection: Connection) -> Iterator[dict[str, str]]:
    for user in tenant.store.all(USERS):
        for identity in user.identities:
            if identity.connection == connection.name:
                yield _shown(user, identity)


def _shown(user: User, identity: Identity) -> dict[str, str]:
    profile = user.profile_of(identity)
    shown = {name: str(profile.get(name) or "") for name in ("name", "email", "picture")}
    return {"user_id": identity.key, **shown}


ROUTES = (Route("GET", PATH, show), Route("POST", PATH, submit))
