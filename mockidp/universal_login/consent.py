"""`GET`/`POST /u/consent`: the user lets a client act for him, or does not (reference §2.8)."""

from __future__ import annotations

from werkzeug.wrappers import Response

from mockidp.http.browser_session import transaction_of
from mockidp.http.routing import Call, Route
from mockidp.model.consent import scopes_to_consent
from mockidp.model.credentials import give_consent
from mockidp.model.offer import client_of
from mockidp.model.resource_server import ResourceServer, find_resource_server
from mockidp.model.session import change_transaction
from mockidp.universal_login.login import own_url, render_step, resume, user_of

PATH = "/u/consent"
# unverified: the wording; `openid` by itself gives nothing to ask about
DESCRIPTIONS = {
    "profile": "Access your profile",
    "email": "Access your email address",
    "address": "Access your postal address",
    "phone": "Access your phone number",
    "offline_access": "Keep this access while you are away",
}


def show(call: Call) -> Response:
    """Show who asks for what; before a login there is nobody to ask."""
    transaction = transaction_of(call)
    user = user_of(call.tenant, transaction)
    if user is None:
        return resume(transaction)
    audience = transaction.request.audience
    server = find_resource_server(call.tenant, audience) if audience else None
    wanted = scopes_to_consent(call.tenant, transaction, user.user_id)
    return render_step(
        call,
        transaction,
        "consent.html",
        own_url(PATH, transaction),
        user_name=user.email or user.name or user.user_id,
        scopes=[
            {"value": value, "description": _description(server, value)}
            for value in wanted
            if value != "openid"
        ],
        audience_name=(server.name or server.identifier) if server else None,
    )


def submit(call: Call) -> Response:
    """Keep the consent, or refuse the client."""
    transaction = transaction_of(call)
    user = user_of(call.tenant, transaction)
    if user is None:
        return resume(transaction)
    if call.request.form.get("action") != "accept":
        change_transaction(
            call.tenant,
            transaction,
            error="access_denied",
            error_description="User did not authorize the request",  # unverified: the text
        )
        return resume(transaction)
    client = client_of(call.tenant, transaction)
    scopes = scopes_to_consent(call.tenant, transaction, user.user_id)
    with call.tenant.store.transaction():
        change_transaction(call.tenant, transaction, consented=True)
        give_consent(call.tenant, user.user_id, client.client_id, transaction.request.audience or "", scopes)
    return resume(transaction)


def _description(server: ResourceServer | None, scope: str) -> str | None:
    """Return what a scope means in words, or None."""
    if scope in DESCRIPTIONS:
        return DESCRIPTIONS[scope]
    described = server.describe(scope) if server else scope
    return described if described != scope else None


ROUTES = (Route("GET", PATH, show), Route("POST", PATH, submit))
