"""`GET`/`POST /authorize` and `GET /authorize/resume`: the only dispatcher of a login's steps.

    /authorize ── checks ──▶ transaction ─┬─▶ LOGIN ──▶ /u/login, /u/signup, /u/upstream ─┐
                                          ├─▶ CODE ───▶ /u/login/passwordless-…-challenge ┤
                                          ├─▶ MFA ────▶ /u/mfa-email-challenge ───────────┤
                       /authorize/resume ─┤   LINK (no page)                              │
                               ▲          ├─▶ CONSENT ▶ /u/consent ───────────────────────┤
                               │          └─▶ ISSUE ──▶ the client's redirect URI         │
                               └──────────────────────────────────────────────────────────┘

No step knows another: each comes back to resume. `prompt=none` is the same with pages turned into errors.
RFC 6749 §3.1, §4.1, §4.2; OpenID Connect Core §3.
"""

from __future__ import annotations

from enum import Enum, auto
from urllib.parse import quote, urlencode

import msgspec
from werkzeug.wrappers import Response

from mockidp.authentication.checks import CHECKS, Check, Draft
from mockidp.authentication.issue import issue
from mockidp.authentication.response_mode import respond, respond_error
from mockidp.errors import ApiError, OAuthError, lost_transaction, user_blocked
from mockidp.http.browser_session import (
    device_of,
    session_of,
    set_device,
    set_session,
    transaction_of,
)
from mockidp.http.params import Params, browser_params
from mockidp.http.redirect import found
from mockidp.http.routing import Call, Route
from mockidp.model.connection import find_connection
from mockidp.model.consent import needs_consent
from mockidp.model.linking import link, unlink
from mockidp.model.login_ticket import LoginTicket
from mockidp.model.membership import check_membership, is_invited
from mockidp.model.offer import offer_of
from mockidp.model.session import (
    TRANSACTIONS,
    AuthorizationRequest,
    LoginTransaction,
    Session,
    authenticate,
    change_transaction,
    find_session,
    find_transaction,
    open_session,
    save_transaction,
    start_transaction,
    touch_session,
)
from mockidp.model.tenant import Tenant
from mockidp.model.user import find_by_identity, find_user, record_login


class Step(Enum):
    """What a login transaction needs next."""

    LOGIN = auto()
    CODE = auto()  # that was sent to an address
    MFA = auto()
    LINK = auto()
    CONSENT = auto()
    ISSUE = auto()


SILENT_ERRORS = {
    Step.LOGIN: ("login_required", "Login required"),
    Step.MFA: ("interaction_required", "Multifactor authentication required"),
    Step.CONSENT: ("consent_required", "Consent required"),
}


def authorize(call: Call) -> Response:
    """Check the request, begin a login transaction, and take its first step."""
    return begin(call, browser_params(call.request))


def begin(call: Call, params: Params, *more: Check) -> Response:
    """Check an authorization request, whatever brought it (and `more` of it), and take its first step."""
    draft = Draft(params=params)
    try:
        for check in (*CHECKS, *more):
            draft = check(call, draft)
    except OAuthError as error:
        return respond_error(call, draft.request, error)
    device = device_of(call) or call.tenant.ids.handle("device")
    transaction = start_transaction(call.tenant, draft.request, device)
    session = session_of(call)
    if draft.ticket is not None:
        transaction = _redeem_ticket(call, transaction, draft.ticket)
    elif session and _session_will_do(call.tenant, session, draft.request):
        transaction = _take_session(call.tenant, transaction, session)
    response = advance(call, transaction)
    if device_of(call) is None:
        set_device(call, response, device)
    return response


def resume(call: Call) -> Response:
    """Take the next step of a transaction that comes back from one."""
    return advance(call, transaction_of(call))


def next_step(tenant: Tenant, transaction: LoginTransaction) -> Step:
    """Return what the transaction needs next; raise `OAuthError` when it can't go on."""
    if transaction.error:
        raise OAuthError(transaction.error, transaction.error_description or "")
    user = find_user(tenant, transaction.user_id) if transaction.user_id else None
    if user is None or _session_is_gone(tenant, transaction):
        return Step.CODE if transaction.code_sent_to else Step.LOGIN
    if user.blocked:
        raise user_blocked()
    request = transaction.request
    if request.link and not transaction.linked:
        return Step.LINK
    check_membership(tenant, user, transaction)
    if request.wants_mfa and not transaction.mfa_passed:
        return Step.MFA
    if needs_consent(tenant, transaction, user):
        return Step.CONSENT
    return Step.ISSUE


def advance(call: Call, transaction: LoginTransaction) -> Response:
    """Take the next step: show a page, or answer the client."""
    request = transaction.request
    try:
        step = next_step(call.tenant, transaction)
        if step is Step.LINK:
            transaction = _link(call.tenant, transaction)
            step = next_step(call.tenant, transaction)
        if request.is_silent and step in SILENT_ERRORS:
            raise OAuthError(*SILENT_ERRORS[step])
    except OAuthError as error:
        call.tenant.store.take(TRANSACTIONS, transaction.id)
        return respond_error(call, request, error)
    if step is Step.ISSUE:
        return _issue(call, transaction)
    return found(_page_of(call.tenant, step, transaction))


def _session_will_do(tenant: Tenant, session: Session, request: AuthorizationRequest) -> bool:
    """Whether the browser's session answers the request without a new login."""
    if request.link == "link" or request.prompt & {"login", "select_account"}:
        return False
    age = tenant.now() - session.authenticated_at
    if request.max_age is not None and not 0 <= age < request.max_age:  # below 0: the clock was set back
        return False
    if (request.link_to or request.session_hint) not in (None, session.user_id):
        return False
    if request.invitation and not is_invited(tenant, request.invitation, session.user_id):
        return False  # somebody else's session; who was invited has to log in
    if request.link == "unlink" or request.connection is None:
        return True  # a request to unlink names the connection to unlink, not the one to log in with
    connection = find_connection(tenant, request.connection)
    if connection and connection.is_passwordless and not request.is_silent:
        return False  # documentation, "Passwordless with Universal Login"; unverified: but silently
    user = find_user(tenant, session.user_id)
    linked = {identity.connection for identity in user.identities} if user else set()
    # unverified: a session of another connection does not do
    return request.connection in linked.intersection(session.connections)


def _redeem_ticket(call: Call, transaction: LoginTransaction, ticket: LoginTicket) -> LoginTransaction:
    """Note who logged in before the request came; nobody, when he was deleted meanwhile."""
    user = find_by_identity(call.tenant, ticket.identity)
    if user is None:
        return transaction
    record_login(call.tenant, user.user_id, call.ip)
    return authenticate(call.tenant, transaction, user.user_id, ticket.identity, ticket.connection)


def _take_session(tenant: Tenant, transaction: LoginTransaction, session: Session) -> LoginTransaction:
    taken = msgspec.structs.replace(
        transaction,
        user_id=session.user_id,
        authenticated_at=session.authenticated_at,
        session_id=session.id,
    )
    save_transaction(tenant, taken)
    return taken


def _session_is_gone(tenant: Tenant, transaction: LoginTransaction) -> bool:
    """Whether the session that the transaction began with ended before the transaction did."""
    return not transaction.fresh and find_session(tenant, transaction.session_id) is None


def _link(tenant: Tenant, transaction: LoginTransaction) -> LoginTransaction:
    """Link what was just logged in with (or unlink the requested connection's) and go on as the primary."""
    request = transaction.request
    primary, identity = request.link_to or "", transaction.identity or ""
    try:
        with tenant.store.transaction():
            now = find_transaction(tenant, transaction.id)
            if now is None:
                raise lost_transaction()
            if now.linked:  # a second click: it waited here for the first
                return now
            if request.link == "link":
                link(tenant, primary, identity)
            else:
                _unlink_connection(tenant, transaction, primary)
            return change_transaction(tenant, transaction, user_id=primary, linked=True)
    except ApiError as error:
        # unverified: how a refused link is delivered
        raise OAuthError("access_denied", error.message) from None


def _unlink_connection(tenant: Tenant, transaction: LoginTransaction, primary: str) -> None:
    user = find_user(tenant, primary)
    if user is None or transaction.user_id != primary:
        raise OAuthError("access_denied", "the logged-in user is not the one to unlink from")
    name = transaction.request.connection
    for identity in user.identities[1:]:
        if identity.connection == name:
            unlink(tenant, primary, identity.provider, str(identity.user_id))
            return
    raise OAuthError("access_denied", f"the user has no linked identity of connection {name}")


def _page_of(tenant: Tenant, step: Step, transaction: LoginTransaction) -> str:
    """Return the path of the page that a step is."""
    state = {"state": transaction.id}
    if step is Step.MFA:
        return f"/u/mfa-email-challenge?{urlencode(state)}"
    if step is Step.CONSENT:
        return f"/u/consent?{urlencode(state)}"
    request, offer = transaction.request, offer_of(tenant, transaction)
    if step is Step.CODE and offer.passwordless:
        return f"/u/login/passwordless-{offer.passwordless.strategy}-challenge?{urlencode(state)}"
    connection = find_connection(tenant, request.connection) if request.connection else None
    if connection and connection.is_upstream and request.link != "unlink":
        return f"/u/upstream?{urlencode({'connection': connection.name, **state}, quote_via=quote)}"
    if offer.passwordless:
        return f"/u/login/identifier?{urlencode(state)}"
    page = "signup" if request.screen_hint == "signup" else "login"
    return f"/u/{page}?{urlencode(state)}"


def _issue(call: Call, transaction: LoginTransaction) -> Response:
    """Finish the transaction: keep the session and answer the client."""
    tenant = call.tenant
    if tenant.store.take(TRANSACTIONS, transaction.id) is None:
        raise lost_transaction()  # another request finished it meanwhile
    session = _session_for(call, transaction)
    response = respond(call, transaction.request, issue(call, transaction, session))
    set_session(call, response, session)
    return response


def _session_for(call: Call, transaction: LoginTransaction) -> Session:
    """Return the browser's session, renewed by this login; another user's session is replaced."""
    tenant, user_id = call.tenant, transaction.user_id or ""
    session = find_session(tenant, transaction.session_id) or session_of(call)
    if session is None or session.user_id != user_id:
        session = open_session(tenant, user_id, transaction.connection or "", transaction.request.org_id)
    return touch_session(
        tenant,
        session,
        transaction.request.client_id,
        transaction.connection,
        transaction.authenticated_at if transaction.fresh else None,
    )


ROUTES = (
    Route("GET", "/authorize", authorize),
    Route("POST", "/authorize", authorize),
    Route("GET", "/authorize/resume", resume),
)
