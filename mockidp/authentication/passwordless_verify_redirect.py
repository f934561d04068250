"""`GET /passwordless/verify_redirect`: a mailed link, or a code that a page took, logs in (reference §6.5).

The parameters are those of `/authorize`, and are checked as such; the code is one check more, the last, so
that a request that is wrong otherwise does not use it up.
"""

from __future__ import annotations

import msgspec
from werkzeug.wrappers import Response

from mockidp.authentication.authorize import begin
from mockidp.authentication.checks import Draft
from mockidp.errors import OAuthError, user_blocked
from mockidp.http.params import browser_params, required
from mockidp.http.routing import Call, Route
from mockidp.model.connection import find_connection
from mockidp.model.login_ticket import LoginTicket
from mockidp.model.passwordless import WrongCode, address_member, address_of, redeem_code


def verify_redirect(call: Call) -> Response:
    """Log in by a code that was sent, and answer the client as `/authorize` does."""
    if call.request.method == "HEAD":
        return Response()  # whoever only looks whether the link works does not use it up
    return begin(call, browser_params(call.request), verification_code)


def verification_code(call: Call, draft: Draft) -> Draft:
    """The code is the one that was sent to the address."""
    connection = find_connection(call.tenant, required(draft.params, "connection"))
    if connection is None or not connection.is_passwordless:
        # unverified: the text is that of /passwordless/start
        raise OAuthError(
            "invalid_request", "Invalid connection strategy. It must either be a passwordless connection"
        )
    address = required(draft.params, address_member(connection))
    code = required(draft.params, "verification_code")
    try:
        user, identity = redeem_code(
            call.tenant, connection, address_of(connection, address) or address, code
        )
    except WrongCode as wrong:
        raise OAuthError("unauthorized", str(wrong), 401) from None  # unverified: the error's code
    if user.blocked:
        raise user_blocked()
    ticket = LoginTicket(
        id="",  # never kept: it is used at once
        client_id=draft.client.client_id,
        identity=identity.key,
        connection=connection.name,
        expires_at=call.tenant.now(),
    )
    # Documentation, "Passwordless Connection Limitations": a link gives no refresh token.
    scope = tuple(value for value in draft.request.scope if value != "offline_access")
    return msgspec.structs.replace(draft, ticket=ticket).settle(scope=scope)


ROUTES = (Route("GET", "/passwordless/verify_redirect", verify_redirect),)
