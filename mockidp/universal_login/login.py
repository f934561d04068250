"""`GET`/`POST /u/login`: the login page (documentation, "Universal Login experience"; reference §6.9).

Also what the other pages share with it: what is offered to the client, and the way back to the dispatcher.
Pages are in English only, whatever `ui_locales` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from urllib.parse import quote, urlencode

import msgspec
from werkzeug.wrappers import Response

from mockidp.errors import lost_transaction
from mockidp.http.browser_session import transaction_of
from mockidp.http.pages import page
from mockidp.http.redirect import found
from mockidp.http.routing import Call, Route
from mockidp.model.client import CLIENTS, Client
from mockidp.model.connection import Connection, connections_of
from mockidp.model.messages import tenant_name
from mockidp.model.organization import enabled_connections, find_organization
from mockidp.model.session import LoginTransaction, authenticate
from mockidp.model.tenant import Tenant
from mockidp.model.user import USERS, Identity, User, check_password, find_user, record_login

PATH = "/u/login"
MOST_USERS = 50  # that a page lists
WRONG_CREDENTIALS = "Wrong email or password"
WRONG_USERNAME = "Wrong username or password"  # of a connection with usernames ("Prompt: login")
INVALID_CONNECTION = "Invalid connection"


class Offer(msgspec.Struct, frozen=True):
    """What one login can be done with: the client's connections, and those of them that get a button."""

    client: Client
    connections: tuple[Connection, ...]
    buttons: tuple[Connection, ...]
    database: Connection | None

    def find(self, name: str | None) -> Connection | None:
        """Return the offered connection with this name or None."""
        return next((connection for connection in self.connections if connection.name == name), None)

    def identity_of(self, user: User) -> Identity | None:
        """Return the identity with which the user can log in here, his own before linked ones."""
        return next((identity for identity in user.identities if self.find(identity.connection)), None)


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
    if connection is None:
        return login_page(call, transaction, offer, error=INVALID_CONNECTION)
    if connection.is_upstream:
        return to_upstream(transaction, connection)
    username = form.get("username", "")
    checked = check_password(call.tenant, connection.name, username, form.get("password", ""))
    if checked is None:
        wrong = WRONG_USERNAME if connection.flag("requires_username") else WRONG_CREDENTIALS
        return login_page(call, transaction, offer, error=wrong, username=username)
    return logged_in(call, transaction, *checked)


def offer_of(tenant: Tenant, transaction: LoginTransaction) -> Offer:
    """Return what the client, the organization and the request's `connection` leave to log in with.

    Passwordless connections are not emulated here.
    """
    request = transaction.request
    client = client_of(tenant, transaction)
    connections = [c for c in connections_of(tenant, client) if not c.is_passwordless]
    hidden = {c.name for c in connections if c.document.get("show_as_button") is False}
    if request.org_id is not None:
        enabled = {e.connection: e for e in enabled_connections(tenant, request.org_id)}
        connections = [c for c in connections if c.name in enabled]
        hidden |= {name for name, e in enabled.items() if not e.show_as_button}
    # A request to unlink names the connection to unlink, not the one to log in with.
    if request.connection is not None and request.link != "unlink":
        connections = [c for c in connections if c.name == request.connection]
        hidden = set()
    return Offer(
        client=client,
        connections=tuple(connections),
        buttons=tuple(c for c in connections if c.is_upstream and c.name not in hidden),
        database=_database(connections, tenant.settings.default_directory),
    )


def client_of(tenant: Tenant, transaction: LoginTransaction) -> Client:
    """Return the transaction's client; raise the lost-session page when it was deleted meanwhile."""
    client = tenant.store.find(CLIENTS, transaction.request.client_id)
    if client is None:
        raise lost_transaction()
    return client


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
        own_url(PATH, transaction),
        status=400 if error else 200,
        error=error,
        username=transaction.request.login_hint if username is None else username,
        database=database
        and {
            "name": database.name,
            "username_label": "Username or email address" if by_name else "Email address",
        },
        socials=buttons(offer.buttons),
        seeded_users=list(islice(_people(tenant, offer), MOST_USERS)),
        signup_url=own_url("/u/signup", transaction) if may_sign_up(database) else None,
        forgot_url=_forgot_url(transaction, database),
        organization=organization.label if organization else None,
        linking=_linking(tenant, transaction),
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
        record_login(call.tenant, user.user_id, call.request.remote_addr or "")
    authenticate(call.tenant, transaction, user.user_id, identity.key, identity.connection)
    return resume(transaction)


def _as_seeded_user(call: Call, transaction: LoginTransaction, offer: Offer, user_id: str) -> Response:
    user = find_user(call.tenant, user_id)
    identity = offer.identity_of(user) if user else None
    if user is None or identity is None:
        return login_page(call, transaction, offer, error=f"No user {user_id} can log in here")
    return logged_in(call, transaction, user, identity)


def _database(connections: list[Connection], default: str | None) -> Connection | None:
    databases = [c for c in connections if c.is_database]
    return next((c for c in databases if c.name == default), databases[0] if databases else None)


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
