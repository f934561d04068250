"""`GET`/`POST /u/mfa-email-challenge`: a second factor, by mail (documentation, "Prompt: mfa-email")."""

from __future__ import annotations

from werkzeug.wrappers import Response

from mockidp.http.browser_session import transaction_of
from mockidp.http.routing import Call, Route
from mockidp.model.messages import send_mfa_code
from mockidp.model.session import LoginTransaction, change_transaction, find_transaction
from mockidp.model.tenant import Tenant
from mockidp.model.user import User
from mockidp.universal_login.login import own_url, render_step, resume, user_of

PATH = "/u/mfa-email-challenge"


def show(call: Call) -> Response:
    """Show the form for the code, which is mailed once per transaction."""
    transaction = transaction_of(call)
    user = user_of(call.tenant, transaction)
    if user is None or transaction.mfa_passed:
        return resume(transaction)
    if user.email is None:
        return _no_factor(call.tenant, transaction)
    if call.request.method != "HEAD":
        _send_once(call.tenant, transaction, user, user.email)
    return _page(call, transaction, user.email)


def submit(call: Call) -> Response:
    """Check the code, or mail another one."""
    transaction = transaction_of(call)
    user = user_of(call.tenant, transaction)
    if user is None or transaction.mfa_passed:
        return resume(transaction)
    if user.email is None:
        return _no_factor(call.tenant, transaction)
    form = call.request.form
    if form.get("action") == "resend":
        _send(call.tenant, transaction, user, user.email)
        return _page(call, transaction, user.email)
    code = "".join(form.get("code", "").split())
    if not code or code != transaction.mfa_code:
        return _page(call, transaction, user.email, "The code you entered is invalid")
    change_transaction(call.tenant, transaction, mfa_passed=True, mfa_code=None)
    return resume(transaction)


def masked(email: str) -> str:
    """Return an address as the page shows it, the beginnings of its parts readable."""
    local, _, domain = email.partition("@")
    # unverified: the form
    return f"{local[:2]}{'*' * 4}@{domain[:2]}{'*' * 4}"


def _send_once(tenant: Tenant, transaction: LoginTransaction, user: User, email: str) -> None:
    with tenant.store.transaction():
        now = find_transaction(tenant, transaction.id)
        if now is not None and now.mfa_code is None:
            _send(tenant, now, user, email)


def _send(tenant: Tenant, transaction: LoginTransaction, user: User, email: str) -> None:
    with tenant.store.transaction():
        code = send_mfa_code(tenant, user, email).code
        change_transaction(tenant, transaction, mfa_code=code)


def _no_factor(tenant: Tenant, transaction: LoginTransaction) -> Response:
    # unverified: what a tenant answers for a user who has nothing to prove himself by
    change_transaction(
        tenant, transaction, error="access_denied", error_description="Multifactor authentication required"
    )
    return resume(transaction)


def _page(call: Call, transaction: LoginTransaction, email: str, error: str | None = None) -> Response:
    return render_step(
        call,
        transaction,
        "mfa_email_challenge.html",
        own_url(PATH, transaction),
        status=400 if error else 200,
        error=error,
        email_masked=masked(email),
    )


ROUTES = (Route("GET", PATH, show), Route("POST", PATH, submit))
