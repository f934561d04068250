"""`GET`/`POST /u/signup`: the sign-up page (documentation, "Prompt: signup"; reference §6.9)."""

from __future__ import annotations

from werkzeug.wrappers import Response

from mockidp.errors import DbConnectionError, SentenceError
from mockidp.http.browser_session import transaction_of
from mockidp.http.routing import Call, Route
from mockidp.model.connection import Connection
from mockidp.model.offer import Offer, offer_of
from mockidp.model.organization import find_invitation
from mockidp.model.password_policy import page_text, policy_lines
from mockidp.model.session import LoginTransaction
from mockidp.model.signup import is_email, sign_up
from mockidp.universal_login.login import (
    PATH as LOGIN_PATH,
)
from mockidp.universal_login.login import (
    buttons,
    invitation_of,
    logged_in,
    login_page,
    may_sign_up,
    own_url,
    render_step,
    to_upstream,
)

PATH = "/u/signup"
# What the page says where the API has a code ("Prompt: signup").
_TEXTS = {
    "invalid_signup": "Something went wrong, please try again later",
    "user_exists": "The user already exists.",
}


def show(call: Call) -> Response:
    """Show the sign-up page; where nobody can sign up, the login page in its place."""
    transaction = transaction_of(call)
    offer = offer_of(call.tenant, transaction)
    if offer.database is None or not may_sign_up(offer.database):
        # unverified: what is shown then; a redirect would come back here when `screen_hint=signup`
        return login_page(call, transaction, offer)
    return _page(call, transaction, offer, offer.database)


def submit(call: Call) -> Response:
    """Create an account and log in with it, or go to the connection that was chosen."""
    transaction = transaction_of(call)
    offer = offer_of(call.tenant, transaction)
    chosen = offer.find(call.request.form.get("connection"))
    if chosen is not None and chosen.is_upstream:
        return to_upstream(transaction, chosen)
    if offer.database is None or not may_sign_up(offer.database):
        return login_page(call, transaction, offer, error="Sign up is disabled")  # unverified: the text
    missing = _missing(call, offer.database)
    if missing:
        return _page(call, transaction, offer, offer.database, missing)
    form = call.request.form
    details = {"email": form["email"].strip(), "username": form.get("username")}
    invitation = find_invitation(call.tenant, transaction.request.invitation or "")
    try:
        user = sign_up(
            call.tenant,
            call.issuer,
            offer.database,
            details,
            form["password"],
            offer.client.client_id,
            proven_email=invitation.invitee.get("email") if invitation else None,
        )
    except DbConnectionError as error:
        text = page_text(error) or _TEXTS.get(error.code) or str(error.description)
        return _page(call, transaction, offer, offer.database, text)
    except SentenceError as error:
        return _page(call, transaction, offer, offer.database, str(error))
    return logged_in(call, transaction, user, user.main)


def _missing(call: Call, database: Connection) -> str | None:
    """Return what the page says of a field that is empty or malformed, or None."""
    form = call.request.form
    email = form.get("email", "").strip()
    if not email:
        return "Please enter an email address"
    if not is_email(email):
        return "Email is not valid."
    if database.flag("requires_username") and not form.get("username"):
        return "Username is required"
    return None if form.get("password") else "Password is required"


def _page(
    call: Call, transaction: LoginTransaction, offer: Offer, database: Connection, error: str | None = None
) -> Response:
    form = call.request.form
    return render_step(
        call,
        transaction,
        "signup.html",
        own_url(PATH, transaction),
        status=400 if error else 200,
        error=error,
        email=form.get("email", transaction.request.login_hint),
        username=form.get("username", "") if database.flag("requires_username") else None,
        policy=policy_lines(database),
        login_url=own_url(LOGIN_PATH, transaction),
        socials=buttons(offer.buttons),
        invitation=invitation_of(call.tenant, transaction),
    )


ROUTES = (Route("GET", PATH, show), Route("POST", PATH, submit))
