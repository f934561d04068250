"""`GET /u/email-verification`: the link that proves an address (documentation, "Prompt: email-verification").

Also what both mailed links share: where their result is shown.
"""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from werkzeug.wrappers import Response

from mockidp.http.pages import page
from mockidp.http.redirect import found
from mockidp.http.routing import Call, Route
from mockidp.model.connection import CONNECTIONS
from mockidp.model.credentials import Ticket
from mockidp.model.messages import (
    VERIFY_EMAIL,
    DeadTicket,
    holder_of,
    mark_verified,
    send_welcome,
    take_ticket,
    tenant_name,
)
from mockidp.model.tenant import Tenant

PATH = "/u/email-verification"
VERIFIED = "Your email was verified. You can continue using the application."
ALREADY_VERIFIED = "This account is already verified."
NO_ACCOUNT = "User account does not exist or the verification code is invalid."
# What a result URL is told of a link that is not valid (documentation, "Email templates") …
DEAD_MESSAGES = {
    "used": "This URL can be used only once",
    "expired": "Access expired.",
    "unknown": NO_ACCOUNT,
}
# … and what the page says ("Prompt: reset-password", which has the texts of tickets).
_PAGE_MESSAGES = {
    "used": "This ticket was already used.",
    "expired": "This ticket was expired.",
    "unknown": NO_ACCOUNT,
}


def verify(call: Call) -> Response:
    """Verify the address that the ticket was mailed to, once."""
    if call.request.method == "HEAD":
        return Response()  # whoever only looks whether the link works does not use it up
    tenant = call.tenant
    try:
        with tenant.store.transaction():
            ticket = take_ticket(tenant, call.request.args.get("ticket"), VERIFY_EMAIL)
            refused = _verify(tenant, ticket)
    except DeadTicket as dead:
        if dead.ticket and dead.ticket.result_url:
            return result_redirect(dead.ticket, {"message": DEAD_MESSAGES[dead.reason], "success": "false"})
        # unverified: the status, here and for a password's link
        return message_page(tenant, "Error", _PAGE_MESSAGES[dead.reason], status=400)
    if ticket.result_url:
        return result_redirect(ticket, _result(tenant, ticket, refused))
    if refused:
        return message_page(tenant, "Error", refused, status=400)
    return message_page(tenant, "Email Verified", "Your email address was successfully verified.")


def message_page(tenant: Tenant, title: str, message: str, *, status: int = 200) -> Response:
    """Show how it ended, to whom came by a mail: there is no application to go back to."""
    return page(
        "message.html",
        status=status,
        lang="en",
        tenant_name=tenant_name(tenant),
        title=title,
        message=message,
        link=None,
    )


def result_redirect(ticket: Ticket, result: dict[str, str]) -> Response:
    """Redirect to the ticket's result URL; a fragment of that stays behind the query (documented)."""
    parts = urlsplit(ticket.result_url or "")
    query = "&".join(text for text in (parts.query, urlencode(result, quote_via=quote)) if text)
    return found(urlunsplit(parts._replace(query=query)))


def _verify(tenant: Tenant, ticket: Ticket) -> str | None:
    """Verify the address, or return why it cannot be."""
    holder = holder_of(tenant, ticket)
    if holder is None:
        return NO_ACCOUNT
    user, identity = holder
    profile = user.profile_of(identity)
    if profile.get("email_verified") is True:
        return ALREADY_VERIFIED
    mark_verified(tenant, user, identity)
    email = profile.get("email")
    if isinstance(email, str):
        send_welcome(tenant, user, email)
    return None


def _result(tenant: Tenant, ticket: Ticket, refused: str | None) -> dict[str, str]:
    """Return the parameters of a result URL, in the order observed."""
    if refused:
        return {"message": refused, "success": "false"}
    connection = tenant.store.find(CONNECTIONS, ticket.connection)
    closed = connection is None or connection.flag("disable_signup")
    return {
        "supportSignUp": "false" if closed else "true",
        "supportForgotPassword": "true" if connection and connection.is_database else "false",
        **({"email": ticket.email} if ticket.email else {}),
        "message": VERIFIED,
        "success": "true",
        "code": "success",
    }


ROUTES = (Route("GET", PATH, verify),)
