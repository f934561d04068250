"""`GET`/`POST /u/login/identifier`: where a code is sent ("Passwordless with Universal Login").

The page is the login page with one field. unverified: that the field of a phone number has the same name as
that of an e-mail address.
"""

from __future__ import annotations

from werkzeug.wrappers import Response

from mockidp.http.browser_session import transaction_of
from mockidp.http.routing import Call, Route
from mockidp.model.connection import Connection
from mockidp.model.offer import offer_of
from mockidp.model.passwordless import address_of, may_log_in, send_code
from mockidp.model.session import change_transaction
from mockidp.universal_login import login
from mockidp.universal_login.login import IDENTIFIER_PATH, login_page, resume

# "Prompt: login-id"; unverified: what is said where sign-up is disabled
MISSING = {"email": "Please enter an email address", "sms": "Please enter a phone number"}
INVALID = {"email": "Email is not valid.", "sms": "Enter a valid phone number"}
NO_SIGNUP = "Sign up is disabled"


def show(call: Call) -> Response:
    """Ask for the address; where none is wanted, this is the login page."""
    transaction = transaction_of(call)
    return login_page(call, transaction, offer_of(call.tenant, transaction))


def submit(call: Call) -> Response:
    """Send a code to the address; the page's buttons do what they do on the login page."""
    transaction = transaction_of(call)
    offer = offer_of(call.tenant, transaction)
    connection, form = offer.passwordless, call.request.form
    if connection is None or "seeded_user" in form or "connection" in form:
        return login.submit(call)
    given = form.get("username", "")
    address = address_of(connection, given)
    error = _refusal(call, connection, given, address)
    if address is None or error:
        return login_page(call, transaction, offer, error=error, username=given)
    language = call.request.headers.get("Accept-Language")
    send_code(call.tenant, connection, address, offer.client, language=language)
    # Whoever went back to this page wants to be somebody else.
    change_transaction(call.tenant, transaction, user_id=None, code_sent_to=(connection.name, address))
    return resume(transaction)


def _refusal(call: Call, connection: Connection, given: str, address: str | None) -> str | None:
    """Return what the page says when no code can be sent, or None."""
    if address is None:
        return (INVALID if given.strip() else MISSING)[connection.strategy]
    return None if may_log_in(call.tenant, connection, address) else NO_SIGNUP


ROUTES = (Route("GET", IDENTIFIER_PATH, show), Route("POST", IDENTIFIER_PATH, submit))
