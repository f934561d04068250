"""`GET`/`POST /u/login/passwordless-email-challenge` and `…-sms-challenge`: a code that was sent.

The texts are those of "Prompt: login-passwordless". unverified: the path of the page for SMS; the other one
was seen in URLs of real tenants.
"""

from __future__ import annotations

from werkzeug.wrappers import Response

from mockidp.http.browser_session import transaction_of
from mockidp.http.routing import Call, Route
from mockidp.model.connection import Connection, find_connection
from mockidp.model.offer import client_of
from mockidp.model.passwordless import WrongCode, redeem_code, send_code
from mockidp.model.session import LoginTransaction
from mockidp.universal_login.login import IDENTIFIER_PATH, logged_in, own_url, render_step, resume

PATHS = {
    "email": "/u/login/passwordless-email-challenge",
    "sms": "/u/login/passwordless-sms-challenge",
}


def show(call: Call) -> Response:
    """Ask for the code; before one was sent, and after the login, there is nothing to ask."""
    transaction = transaction_of(call)
    sent = _sent(call, transaction)
    return _page(call, transaction, *sent) if sent else resume(transaction)


def submit(call: Call) -> Response:
    """Log in by the code, or send another one."""
    transaction = transaction_of(call)
    sent = _sent(call, transaction)
    if sent is None:
        return resume(transaction)
    connection, address = sent
    form = call.request.form
    if form.get("action") == "resend":
        client = client_of(call.tenant, transaction)
        language = call.request.headers.get("Accept-Language")
        send_code(call.tenant, connection, address, client, language=language)
        return _page(call, transaction, connection, address)
    try:
        account = redeem_code(call.tenant, connection, address, "".join(form.get("code", "").split()))
    except WrongCode:
        return _page(call, transaction, connection, address, "Code is invalid")
    return logged_in(call, transaction, *account)


def _sent(call: Call, transaction: LoginTransaction) -> tuple[Connection, str] | None:
    """Return the connection and the address to which a code was sent, while nobody has logged in."""
    if transaction.code_sent_to is None or transaction.user_id is not None:
        return None
    name, address = transaction.code_sent_to
    connection = find_connection(call.tenant, name)
    return (connection, address) if connection else None


def _page(
    call: Call, transaction: LoginTransaction, connection: Connection, address: str, error: str | None = None
) -> Response:
    return render_step(
        call,
        transaction,
        "passwordless_challenge.html",
        own_url(PATHS[connection.strategy], transaction),
        status=400 if error else 200,
        error=error,
        by_mail=connection.strategy == "email",
        address=address,
        edit_url=own_url(IDENTIFIER_PATH, transaction),
    )


ROUTES = tuple(
    Route(method, path, endpoint)
    for path in PATHS.values()
    for method, endpoint in (("GET", show), ("POST", submit))
)
