"""`GET`/`POST /u/login`: the login page (documentation, "Universal Login experience"; reference §6.9).

Also what the other pages share with it: what is offered to the client, and the way back to the dispatcher.
Pages are in English only, whatever `ui_locales` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from urllib.parse import quote, urlencode

from werkzeug.wrappers import Response

from mockidp.errors import TooManyAttempts
from mockidp.http.browser_session import transaction_of
from mockidp.http.pages import page
from mockidp.http.redirect import found
from mockidp.http.routing import Call, Route
from mockidp.model.brute_force import check_credentials
from mockidp.model.connection import Connection
from mockidp.model.messages import tenant_name
from mockidp.model.offer import Offer, client_of, offer_of
from mockidp.model.organization import find_invitation, find_organization
from mockidp.model.session import LoginTransaction, authenticate
from mockidp.model.tenant import Tenant
from mockidp.model.user import USERS, Identity, User, find_user, record_login

PATH = "/u/login"
IDENTIFIER_PATH = "/u/login/identifier"  # with one field, for the address of a passwordless connection
MOST_USERS = 50  # that a page lists
WRONG_CREDENTIALS = "Wrong email or password"
WRONG_USERNAME = "Wrong username or password"  # of a connection with usernames ("Prompt: login")
INVALID_CONNECTION = "Invalid connection"
_ADDRESSES = {  # that a code is sent to
    "email": {"label": "Email address", "autocomplete": "email"},
    "sms": {"label": "Phone number", "autocomplete": "tel"},
}
BLOCKED = "Your account has been blocked after multiple consecutive login attempts."  # `user-blocked`


def show(call: Call) -> Response:
    """Show the login page."""
    transaction = transaction_of(call)
    return login_page(call, transaction, offer_of(call.tenant, transaction))


def submit(call: Call) -> Response:
    """Log in with a password, or as a seeded user, or go to the connection that was chosen."""
    transaction = transaction_of(call)
    offer = offer_of(call.tenant, transaction)
    form = call.request.form
    if "seeded_user" in form:
        return _as_seeded_user(call, transaction, offer, form["seeded_user"])
    name = form.get("connection")
    connection = offer.find(name) if name else offer.database
    if connection is None or connection.is_passwordless:
        return login_page(call, transaction, offer, error=INVALID_CONNECTION)
    if connection.is_upstream:
        return to_upstream(transaction, connection)
    username = form.get("username", "")
    password = form.get("password", "")
    try:
        checked = check_credentials(call.tenant, call.issuer, connection, username, password, call.ip)
    except TooManyAttempts:
        return login_page(call, transaction, offer, error=BLOCKED, username=username)
    if checked is None:
        wrong = WRONG_USERNAME if connection.flag("requires_username") else WRONG_CREDENTIALS
        return login_page(call, transaction, offer, error=wrong, username=username)
    return logged_in(call, transaction, *checked)


def user_of(tenant: Tenant, transaction: LoginTransaction) -> User | None:
    """Return who has logged in so far, or None."""
    return find_user(tenant, transaction.user_id) if transaction.user_id else None


def login_page(
    call: Call,
    transaction: LoginTransaction,
    offer: Offer,
    *,
    error: str | None = None,
    username: str | None = None,
) -> Response:
    """Render the login page; with an error, its status is 400 (reported from real tenants)."""
    tenant, database = call.tenant, offer.database
    organization = find_organization(tenant, transaction.request.org_id or "")
    by_name = database is not None and database.flag("requires_username")
    return render_step(
        call,
        transaction,
        "login.html",
        own_url(IDENTIFIER_PATH if offer.passwordless else PATH, transaction),
        status=400 if error else 200,
        error=error,
        username=transaction.request.login_hint if username is None else username,
        database=database
        and {
            "name": database.name,
            "username_label": "Username or email address" if by_name else "Email address",
        },
        passwordless=offer.passwordless and _ADDRESSES[offer.passwordless.strategy],
        socials=buttons(offer.buttons),
        seeded_users=list(islice(_people(tenant, offer), MOST_USERS)),
        signup_url=own_url("/u/signup", transaction) if may_sign_up(database) else None,
        forgot_url=_forgot_url(transaction, database),
        organization=organization.label if organization else None,
        linking=_linking(tenant, transaction),
        invitation=invitation_of(tenant, transaction),
    )


def render_step(
    call: Call,
    transaction: LoginTransaction,
    template: str,
    action: str,
    *,
    status: int = 200,
    **context: object,
) -> Response:
    """Render a page of the transaction; `action` is the URL to which its form comes back."""
    client = client_of(call.tenant, transaction)
    return page(
        template,
        status=status,
        nonce=None,
        frameable=False,
        form_targets=[transaction.request.redirect_uri],
        lang="en",
        tenant_name=tenant_name(call.tenant),
        client_name=client.name,
        action=action,
        state=transaction.id,
        **context,
    )


def invitation_of(tenant: Tenant, transaction: LoginTransaction) -> dict[str, str] | None:
    """Return what the templates show of the invitation that was followed, if one was."""
    found = find_invitation(tenant, transaction.request.invitation or "")
    organization = find_organization(tenant, found.organization_id) if found else None
    if found is None or organization is None:
        return None
    return {"inviter": found.inviter.get("name", ""), "organization": organization.label}


def buttons(connections: Sequence[Connection]) -> list[dict[str, str]]:
    """Return what the templates show of the connections that get a button."""
    return [{"name": c.name, "display_name": c.label, "strategy": c.strategy} for c in connections]


def may_sign_up(database: Connection | None) -> bool:
    """Whether people can make themselves an account."""
    return database is not None and not database.flag("disable_signup")


def own_url(path: str, transaction: LoginTransaction, **query: str) -> str:
    """Return the URL of a page of the transaction."""
    return f"{path}?{urlencode({**query, 'state': transaction.id}, quote_via=quote)}"


def forgot_url(database: Connection, transaction: LoginTransaction) -> str:
    """Return the URL of the page for a forgotten password."""
    return own_url(f"/u/reset-password/request/{quote(database.name, safe='')}", transaction)


def resume(transaction: LoginTransaction) -> Response:
    """Go back to the dispatcher, which alone knows what comes next."""
    return found(own_url("/authorize/resume", transaction))


def to_upstream(transaction: LoginTransaction, connection: Connection) -> Response:
    """Go to the upstream of a connection."""
    return found(own_url("/u/upstream", transaction, connection=connection.name))


def logged_in(call: Call, transaction: LoginTransaction, user: User, identity: Identity) -> Response:
    """Note who logged in, and by which identity. Whether he may go on is the dispatcher's to say."""
    if not user.blocked:
        record_login(call.tenant, user.user_id, call.ip)
    authenticate(call.tenant, transaction, user.user_id, identity.key, identity.connection)
    return resume(transaction)


def _as_seeded_user(call: Call, transaction: LoginTransaction, offer: Offer, user_id: str) -> Response:
    user = find_user(call.tenant, user_id)
    identity = offer.identity_of(user) if user else None
    if user is None or identity is None:
        return login_page(call, transaction, offer, error=f"No user {user_id} can log in here")
    return logged_in(call, transaction, user, identity)


def _people(tenant: Tenant, offer: Offer) -> Iterator[dict[str, object]]:
    for user in tenant.store.all(USERS):
        identity = offer.identity_of(user)
        if identity is not None:
            yield {
                "user_id": user.user_id,
                "name": user.name,
                "email": user.email,
                "connection": identity.connection,
            }


def _forgot_url(transaction: LoginTransaction, database: Connection | None) -> str | None:
    if database is None or database.flag("disable_self_service_change_password"):
        return None
    return forgot_url(database, transaction)


def _linking(tenant: Tenant, transaction: LoginTransaction) -> str | None:
    """Return what to call the account to which this login links another one."""
    request = transaction.request
    if request.link != "link" or request.link_to is None:
        return None
    primary = find_user(tenant, request.link_to)
    return (primary and (primary.email or primary.name)) or request.link_to


ROUTES = (Route("GET", PATH, show), Route("POST", PATH, submit))
