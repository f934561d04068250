"""`/u/reset-password` and `/u/reset-password/request/{connection}`: a forgotten password.

Documentation, "Change users' passwords" and "Prompt: reset-password", whose texts these are.
"""

from __future__ import annotations

from werkzeug.wrappers import Response

from mockidp.clock import iso
from mockidp.errors import DbConnectionError, PageError
from mockidp.http.browser_session import transaction_of
from mockidp.http.pages import page
from mockidp.http.redirect import found, with_query
from mockidp.http.routing import Call, Route
from mockidp.model.connection import CONNECTIONS, Connection
from mockidp.model.messages import request_password_reset, tenant_name
from mockidp.model.offer import offer_of
from mockidp.model.password_policy import check_password_policy, page_text, policy_lines
from mockidp.model.session import SESSIONS, LoginTransaction
from mockidp.model.signup import is_email
from mockidp.model.tenant import Tenant
from mockidp.model.tickets import (
    CHANGE_PASSWORD,
    DeadTicket,
    Destination,
    Ticket,
    get_ticket,
    holder_of,
    take_ticket,
)
from mockidp.model.user import Identity, User, mark_verified, put_user, rewrite, set_password
from mockidp.universal_login.email_verification import DEAD_MESSAGES, back_link, message_page, result_url
from mockidp.universal_login.login import PATH as LOGIN_PATH
from mockidp.universal_login.login import forgot_url, own_url, render_step

PATH = "/u/reset-password"
REQUEST_PATH = "/u/reset-password/request/{connection}"
CHANGED = "You can now login to the application with the new password."
_ASK_AGAIN = (
    'To reset your password, return to the login page and select "Forgot Your Password" to send a new email.'
)
_DEAD_PAGES = {
    "used": ("Invalid Link", f"This link has already been used. {_ASK_AGAIN}"),
    "expired": ("Link Expired", _ASK_AGAIN),
    "unknown": ("Invalid Link", _ASK_AGAIN),
}


def show_request(call: Call) -> Response:
    """Ask for the address of the account whose password was forgotten."""
    transaction = transaction_of(call)
    connection = _connection_of(call, transaction)
    return _request_page(call, transaction, connection, email=transaction.request.login_hint)


def submit_request(call: Call) -> Response:
    """Mail the link if there is such an account; the answer does not tell."""
    transaction = transaction_of(call)
    connection = _connection_of(call, transaction)
    email = call.request.form.get("email", "").strip()
    if not is_email(email):
        error = "Email is not valid." if email else "Please enter an email address"
        return _request_page(call, transaction, connection, email=email, error=error)
    destination = Destination(client_id=transaction.request.client_id)
    request_password_reset(call.tenant, call.issuer, connection, email, destination)
    return render_step(
        call,
        transaction,
        "message.html",
        own_url(LOGIN_PATH, transaction),
        title="Check Your Email",
        message=f"Please check the email address {email} for instructions to reset your password.",
        link={"href": own_url(LOGIN_PATH, transaction), "text": "Back to login"},
    )


def show(call: Call) -> Response:
    """Show the form for a new password; one that was asked for beforehand is set at once."""
    try:
        ticket = get_ticket(call.tenant, call.request.args.get("ticket"), CHANGE_PASSWORD)
        if ticket.new_password is not None and call.request.method != "HEAD":
            return _change(call, ticket, ticket.new_password)
        return _form(call, ticket)
    except DeadTicket as dead:
        return _dead(call.tenant, dead)


def submit(call: Call) -> Response:
    """Set the new password, once; a password that is refused does not use the ticket up."""
    form = call.request.form
    password, again = form.get("password-reset", ""), form.get("re-enter-password", "")
    try:
        ticket = get_ticket(call.tenant, call.request.values.get("ticket"), CHANGE_PASSWORD)
        error = _refusal(call.tenant, ticket, password, again)
        return _form(call, ticket, error) if error else _change(call, ticket, password)
    except DeadTicket as dead:
        return _dead(call.tenant, dead)


def _refusal(tenant: Tenant, ticket: Ticket, password: str, again: str) -> str | None:
    """Return what is wrong with the new password, or None."""
    if not password:
        return "Password is required"
    if not again:
        return "New password confirmation is missing"
    if password != again:
        return "Passwords don't match"
    user, identity, connection = _holder(tenant, ticket)
    try:
        check_password_policy(connection, password, {**user.document, **user.profile_of(identity)})
    except DbConnectionError as error:
        return page_text(error) or error.code
    return None


def _change(call: Call, ticket: Ticket, password: str) -> Response:
    """Use the ticket up and set the password, which ends the user's sessions (documented)."""
    tenant = call.tenant
    with tenant.store.transaction():
        take_ticket(tenant, ticket.id, CHANGE_PASSWORD)
        user, identity, _ = _holder(tenant, ticket)
        set_password(tenant, identity, password)
        if ticket.mark_email_as_verified:
            user = mark_verified(tenant, user, identity)
        now = iso(tenant.clock.now())
        put_user(tenant, rewrite(user, {"last_password_reset": now, "updated_at": now}))
        for session in tenant.store.all(SESSIONS, {"user": user.user_id}):
            tenant.store.take(SESSIONS, session.id)
    if url := result_url(ticket):
        email = {"email": ticket.email} if ticket.destination.include_email else {}
        return found(with_query(url, {**email, "success": "true", "message": CHANGED}))
    message = "Your password has been changed successfully."
    return message_page(tenant, "Password Changed!", message, link=back_link(call, ticket.destination))


def _holder(tenant: Tenant, ticket: Ticket) -> tuple[User, Identity, Connection]:
    """Return whose password it is; raise `DeadTicket` when account or connection are gone."""
    holder = holder_of(tenant, ticket)
    connection = tenant.store.find(CONNECTIONS, holder[1].connection) if holder else None
    if holder is None or connection is None or not connection.is_database:
        raise DeadTicket("unknown")
    return *holder, connection


def _form(call: Call, ticket: Ticket, error: str | None = None) -> Response:
    _, _, connection = _holder(call.tenant, ticket)
    url = result_url(ticket)
    return page(
        "reset_password.html",
        status=400 if error else 200,
        form_targets=(url,) if url else (),
        lang="en",
        tenant_name=tenant_name(call.tenant),
        action=PATH,
        ticket=ticket.id,
        email=ticket.email,
        error=error,
        policy=policy_lines(connection),
    )


def _dead(tenant: Tenant, dead: DeadTicket) -> Response:
    if url := result_url(dead.ticket):
        return found(with_query(url, {"success": "false", "message": DEAD_MESSAGES[dead.reason]}))
    title, message = _DEAD_PAGES[dead.reason]
    return message_page(tenant, title, message, status=400)


def _connection_of(call: Call, transaction: LoginTransaction) -> Connection:
    connection = offer_of(call.tenant, transaction).find(call.path["connection"])
    if connection is None or not connection.is_database:
        raise PageError("invalid_request", "the connection was not found")  # unverified: the text
    return connection


def _request_page(
    call: Call,
    transaction: LoginTransaction,
    connection: Connection,
    *,
    email: str | None,
    error: str | None = None,
) -> Response:
    return render_step(
        call,
        transaction,
        "forgot_password.html",
        forgot_url(connection, transaction),
        status=400 if error else 200,
        email=email,
        error=error,
    )


ROUTES = (
    Route("GET", PATH, show),
    Route("POST", PATH, submit),
    Route("GET", REQUEST_PATH, show_request),
    Route("POST", REQUEST_PATH, submit_request),
)
