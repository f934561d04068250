"""`POST /oauth/revoke` (RFC 7009): revokes a refresh token and what came from it."""

from __future__ import annotations

from werkzeug.wrappers import Response

from mockidp.errors import OAuthError
from mockidp.http.client_auth import authenticate_client
from mockidp.http.params import body_params, required
from mockidp.http.routing import Call, Route
from mockidp.model.credentials import REFRESH_TOKENS, revoke_family


def oauth_revoke(call: Call) -> Response:
    """Revoke the token's family; 200 also for an unknown token or another client's (RFC 7009 §2.2)."""
    params = body_params(call.request)
    token = required(params, "token")
    try:
        client = authenticate_client(call, params)
    except OAuthError as error:
        # Here, unlike at the token endpoint, documentation gives the RFC's code.
        raise OAuthError("invalid_client", error.description, 401) from None
    found = call.tenant.store.find(REFRESH_TOKENS, token)
    if found is not None and found.authorization.client_id == client.client_id:
        revoke_family(call.tenant, found.family)
    return Response(status=200)


ROUTES = (Route("POST", "/oauth/revoke", oauth_revoke, cors="client"),)
