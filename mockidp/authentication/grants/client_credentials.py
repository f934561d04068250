"""`grant_type=client_credentials` (RFC 6749 §4.4): a client by itself, at an API that granted it scopes."""

from __future__ import annotations

from mockidp.authentication.grants.grant import Grant, Redeemed
from mockidp.errors import OAuthError
from mockidp.http.params import Params, words
from mockidp.http.routing import Call
from mockidp.model.client import Client
from mockidp.model.credentials import Authorization
from mockidp.model.resource_server import find_client_grant, find_resource_server


def redeem(call: Call, client: Client, params: Params) -> Redeemed:
    """Give the client what its client grant says, or the part of it that it asks for.

    Refusals: reference §4.4 (texts reported from real tenants).
    """
    tenant = call.tenant
    if client.is_public:
        # RFC 6749 §4.4: only for confidential clients
        raise OAuthError(
            "unauthorized_client", "Grant type 'client_credentials' not allowed for the client.", 403
        )
    audience = params.get("audience") or tenant.settings.default_audience
    if not audience:
        raise OAuthError("access_denied", "Non-global clients are not allowed access to APIv1", 403)
    server = find_resource_server(tenant, audience)
    if server is None:
        raise OAuthError("access_denied", f"Service not enabled within domain: {audience}", 403)
    granted = find_client_grant(tenant, client, server)
    if granted is None:
        raise OAuthError(
            "access_denied",
            f'Client is not authorized to access "{audience}". You need to create a "client-grant" '
            "associated to this API. See: https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants",
            403,
        )
    wanted = words(params, "scope")
    missing = [scope for scope in wanted if scope not in granted.scope]
    if missing:
        raise OAuthError("access_denied", f"Client has not been granted scopes: {' '.join(missing)}", 403)
    return Redeemed(
        Authorization(
            id=tenant.ids.handle("authorization"),
            client_id=client.client_id,
            scope=wanted or granted.scope,
            audience=audience,
            gty="client-credentials",
        )
    )


GRANT = Grant("client_credentials", redeem)
