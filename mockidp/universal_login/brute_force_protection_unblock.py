"""`GET`/`POST /u/brute-force-protection-unblock`: the mailed link that ends a block.

Documentation, "Prompt: brute-force-protection", and the support article "Rollout for the uncustomizable
brute-force protection unblock email flow": looking at the link changes nothing, so that a scanner of mails
does not unblock; the form on it sends itself where there is JavaScript.
"""

from __future__ import annotations

from werkzeug.wrappers import Response

from mockidp.http.pages import page
from mockidp.http.routing import Call, Route
from mockidp.model.failed_logins import FAILED_LOGINS
from mockidp.model.messages import tenant_name
from mockidp.model.tickets import UNBLOCK, DeadTicket, get_ticket, take_ticket
from mockidp.universal_login.email_verification import message_page

PATH = "/u/brute-force-protection-unblock"
# The prompt's default texts, as auth0-deploy-cli's tests have them.
FAILURES = {
    "used": "This link can only be used once.",
    "expired": "This link has expired.",
    "unknown": "Something went wrong, please try again later.",
}


def show(call: Call) -> Response:
    """Show the form that unblocks."""
    try:
        ticket = get_ticket(call.tenant, call.request.args.get("ticket"), UNBLOCK)
    except DeadTicket as dead:
        return _failure(call, dead)
    return page(
        "unblock.html",
        nonce=call.tenant.ids.draw("script", 22),
        lang="en",
        tenant_name=tenant_name(call.tenant),
        action=PATH,
        ticket=ticket.id,
    )


def submit(call: Call) -> Response:
    """End the block, once."""
    tenant = call.tenant
    try:
        with tenant.store.transaction():
            ticket = take_ticket(tenant, call.request.values.get("ticket"), UNBLOCK)
            tenant.store.take(FAILED_LOGINS, ticket.block or "")
    except DeadTicket as dead:
        return _failure(call, dead)
    return message_page(tenant, "Account Unblocked", "Your account has been unblocked.")


def _failure(call: Call, dead: DeadTicket) -> Response:
    # unverified: the status
    return message_page(call.tenant, "Authentication Error", FAILURES[dead.reason], status=400)


ROUTES = (Route("GET", PATH, show), Route("POST", PATH, submit))
