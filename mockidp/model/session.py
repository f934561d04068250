"""Sessions (a browser's single sign-on) and login transactions (one authorization request on its way)."""

from __future__ import annotations

import msgspec

from mockidp.errors import lost_transaction
from mockidp.model.pruning import prune
from mockidp.model.tenant import Tenant
from mockidp.store import Kind

TRANSACTION_LIFETIME = 3600  # seconds that a login page stays usable; unverified


class Session(msgspec.Struct, frozen=True):
    """A logged-in browser; times are epoch seconds.

    `connections` are the names of those that the user authenticated with; `amr` is `("mfa",)` after a second
    factor.
    """

    id: str
    user_id: str
    authenticated_at: int
    last_interacted_at: int
    expires_at: int
    idle_expires_at: int
    connections: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    org_id: str | None = None

    def is_over(self, now: int) -> bool:
        """Whether it was idle for too long, or expired."""
        return now >= min(self.expires_at, self.idle_expires_at)


SESSIONS: Kind[Session] = Kind("session", Session, {"user": lambda session: (session.user_id,)})


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of one `/authorize` request after all checks.

    `response_types` is a set of `code`, `token`, `id_token`; `scope` what was asked; `audience` None without
    an API. `link` says what a login is for when not to log in: `link` or `unlink`, for account `link_to`.
    """

    client_id: str = ""
    redirect_uri: str = ""
    response_types: frozenset[str] = frozenset()
    response_mode: str = "query"
    scope: tuple[str, ...] = ()
    audience: str | None = None
    state: str | None = None
    nonce: str | None = None
    code_challenge: str | None = None
    code_challenge_method: str | None = None
    redirect_uri_sent: bool = True
    connection: str | None = None
    prompt: frozenset[str] = frozenset()
    max_age: int | None = None
    login_hint: str | None = None
    screen_hint: str | None = None
    ui_locales: str | None = None
    acr_values: tuple[str, ...] = ()
    org_id: str | None = None
    invitation: str | None = None
    link: str | None = None
    link_to: str | None = None
    session_hint: str | None = None

    @property
    def is_silent(self) -> bool:
        """Whether no page may be shown (`prompt=none`)."""
        return "none" in self.prompt

    @property
    def wants_mfa(self) -> bool:
        """Whether a second factor was asked for."""
        return MFA_ACR in self.acr_values


MFA_ACR = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"


class LoginTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """What happened so far between `/authorize` and the callback; its id is `state` in `/u/login?state=`.

    `browser` is the device cookie of the browser that began it. `user_id` is set once somebody logged in,
    `identity` is then `provider|id` of what he logged in with, and `fresh` whether that was in this
    transaction (not a session). `code_sent_to` is the passwordless connection and the address to which a code
    was sent.
    """

    id: str
    request: AuthorizationRequest
    created_at: int
    browser: str
    user_id: str | None = None
    identity: str | None = None
    connection: str | None = None
    authenticated_at: int | None = None
    fresh: bool = False
    session_id: str | None = None
    code_sent_to: tuple[str, str] | None = None
    linked: bool = False
    mfa_passed: bool = False
    mfa_code: str | None = None
    consented: bool = False
    error: str | None = None
    error_description: str | None = None


TRANSACTIONS: Kind[LoginTransaction] = Kind("login_transaction", LoginTransaction)


def start_transaction(tenant: Tenant, request: AuthorizationRequest, browser: str) -> LoginTransaction:
    """Begin a login transaction."""
    transaction = LoginTransaction(
        id=tenant.ids.handle("transaction"), request=request, created_at=tenant.now(), browser=browser
    )
    save_transaction(tenant, transaction)
    now = transaction.created_at
    prune(
        tenant,
        "transaction",
        TRANSACTIONS,
        lambda t: t.id,
        lambda t: now - t.created_at > TRANSACTION_LIFETIME,
    )
    prune(tenant, "transaction", SESSIONS, lambda s: s.id, lambda s: s.is_over(now))
    return transaction


def save_transaction(tenant: Tenant, transaction: LoginTransaction) -> None:
    """Keep a transaction."""
    tenant.store.put(TRANSACTIONS, transaction.id, transaction)


def find_transaction(tenant: Tenant, id: str | None) -> LoginTransaction | None:
    """Return the transaction unless it is unknown, finished or too old."""
    found = tenant.store.find(TRANSACTIONS, id) if id else None
    if found and tenant.now() - found.created_at > TRANSACTION_LIFETIME:
        tenant.store.take(TRANSACTIONS, found.id)
        return None
    return found


def change_transaction(tenant: Tenant, transaction: LoginTransaction, **members: object) -> LoginTransaction:
    """Set members of a transaction and return it; raise the lost-session page when it is finished."""

    def change(now: LoginTransaction | None) -> LoginTransaction:
        if now is None:  # else a second click would bring a finished transaction back to life
            raise lost_transaction()
        return msgspec.structs.replace(now, **members)

    return tenant.store.update(TRANSACTIONS, transaction.id, change)


def authenticate(
    tenant: Tenant, transaction: LoginTransaction, user_id: str, identity: str, connection: str
) -> LoginTransaction:
    """Note in the transaction that somebody logged in just now, and return it.

    What another user did before in the same transaction (second factor, consent, denial) does not count.
    """
    return change_transaction(
        tenant,
        transaction,
        user_id=user_id,
        identity=identity,
        connection=connection,
        authenticated_at=tenant.now(),
        fresh=True,
        linked=False,
        mfa_passed=False,
        mfa_code=None,
        consented=False,
        error=None,
        error_description=None,
    )


def open_session(tenant: Tenant, user_id: str, connection: str, org_id: str | None = None) -> Session:
    """Begin a session with the tenant's lifetimes."""
    now = tenant.now()
    settings = tenant.settings
    session = Session(
        id=tenant.ids.handle("session"),
        user_id=user_id,
        authenticated_at=now,
        last_interacted_at=now,
        expires_at=now + int(settings.session_lifetime * 3600),
        idle_expires_at=now + int(settings.idle_session_lifetime * 3600),
        connections=(connection,),
        org_id=org_id,
    )
    tenant.store.put(SESSIONS, session.id, session)
    return session


def find_session(tenant: Tenant, id: str | None) -> Session | None:
    """Return the session unless it is unknown, idle for too long, or expired."""
    session = tenant.store.find(SESSIONS, id) if id else None
    if session and session.is_over(tenant.now()):
        tenant.store.take(SESSIONS, session.id)
        return None
    return session


def touch_session(
    tenant: Tenant,
    session: Session,
    client_id: str,
    connection: str | None = None,
    authenticated_at: int | None = None,
) -> Session:
    """Note a use of the session: its idle time starts again; a fresh login renews `authenticated_at`.

    A session that was closed this very moment stays closed.
    """
    now = tenant.now()
    connections = dict.fromkeys((*session.connections, connection)) if connection else session.connections
    touched = msgspec.structs.replace(
        session,
        last_interacted_at=now,
        idle_expires_at=now + int(tenant.settings.idle_session_lifetime * 3600),
        authenticated_at=session.authenticated_at if authenticated_at is None else authenticated_at,
        connections=tuple(name for name in connections if name),
        clients=tuple(dict.fromkeys((*session.clients, client_id))),
    )
    with tenant.store.transaction():
        if tenant.store.find(SESSIONS, touched.id) is not None:
            tenant.store.put(SESSIONS, touched.id, touched)
    return touched


def close_session(tenant: Tenant, id: str) -> None:
    """End a session, if there is one."""
    tenant.store.take(SESSIONS, id)
