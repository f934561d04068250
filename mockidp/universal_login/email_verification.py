"""`GET /u/email-verification`: the link that proves an address (documentation, "Prompt: email-verification").

Also what all mailed links share: where their result is shown.
"""

from __future__ import annotations

from werkzeug.wrappers import Response

from mockidp.http.pages import page
from mockidp.http.redirect import found, with_query
from mockidp.http.routing import Call, Route
from mockidp.model.client import CLIENTS, login_route
from mockidp.model.connection import CONNECTIONS
from mockidp.model.messages import send_welcome, tenant_name
from mockidp.model.organization import find_organization
from mockidp.model.tenant import Tenant
from mockidp.model.tickets import (
    VERIFY_EMAIL,
    DeadTicket,
    Destination,
    Ticket,
    holder_of,
    take_ticket,
)
from mockidp.model.user import mark_verified

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
        if url := result_url(dead.ticket):
            return found(with_query(url, {"message": DEAD_MESSAGES[dead.reason], "success": "false"}))
        # unverified: the status, here and for a password's link
        return message_page(tenant, "Error", _PAGE_MESSAGES[dead.reason], status=400)
    if url := result_url(ticket):
        return found(with_query(url, _result(tenant, ticket, refused)))
    link = back_link(call, ticket.destination)
    if refused:
        return message_page(tenant, "Error", refused, link=link, status=400)
    return message_page(tenant, "Email Verified", "Your email address was successfully verified.", link=link)


def message_page(
    tenant: Tenant, title: str, message: str, *, link: dict[str, str] | None = None, status: int = 200
) -> Response:
    """Show how it ended, to whom came by a mail; `link` (`href`, `text`) leads on."""
    return page(
        "message.html",
        status=status,
        lang="en",
        tenant_name=tenant_name(tenant),
        title=title,
        message=message,
        link=link,
    )


def result_url(ticket: Ticket | None) -> str | None:
    """Return where a ticket's maker wants to hear how it ended, if anywhere."""
    return ticket.destination.result_url if ticket else None


def back_link(call: Call, destination: Destination) -> dict[str, str] | None:
    """Return the button that leads back to the application, or None when it has no login route.

    Documentation, "Configure default login routes", which begins a login as OpenID Connect Core §4 says.
    """
    tenant = call.tenant
    client = tenant.store.find(CLIENTS, destination.client_id) if destination.client_id else None
    route = login_route(tenant, client)
    if route is None:
        return None
    organization = find_organization(tenant, destination.org_id) if destination.org_id else None
    named = (
        {"organization_id": organization.id, "organization_name": organization.name} if organization else {}
    )
    name = client.name if client else tenant_name(tenant)
    return {"href": with_query(route, {"iss": call.issuer, **named}), "text": f"Back to {name}"}


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
    send_welcome(tenant, user, ticket.email)
    return None


def _result(tenant: Tenant, ticket: Ticket, refused: str | None) -> dict[str, str]:
    """Return the parameters of a result URL, in the order observed."""
    if refused:
        return {"message": refused, "success": "false"}
    holder = holder_of(tenant, ticket)
    connection = tenant.store.find(CONNECTIONS, holder[1].connection) if holder else None
    closed = connection is None or connection.flag("disable_signup")
    return {
        "supportSignUp": "false" if closed else "true",
        "supportForgotPassword": "true" if connection and connection.is_database else "false",
        **({"email": ticket.email} if ticket.destination.include_email else {}),
        "message": VERIFIED,
        "success": "true",
        "code": "success",
    }


ROUTES = (Route("GET", PATH, verify),)
