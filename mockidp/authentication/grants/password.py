"""`grant_type=password` (RFC 6749 §4.3) and `…/password-realm`, which names the connection."""

from __future__ import annotations

import ipaddress

from mockidp.authentication.grants.grant import Grant, Redeemed
from mockidp.errors import OAuthError, user_blocked, wrong_password
from mockidp.http.params import Params, required, words
from mockidp.http.routing import Call
from mockidp.model.brute_force import check_credentials
from mockidp.model.client import Client
from mockidp.model.connection import Connection, find_connection
from mockidp.model.credentials import Authorization
from mockidp.model.resource_server import (
    ResourceServer,
    find_resource_server,
    grantable_scopes,
    is_userinfo,
)
from mockidp.model.tenant import Tenant
from mockidp.model.user import record_login

REALM = "http://auth0.com/oauth/grant-type/password-realm"
ALL_PROFILE_SCOPES = ("openid", "profile", "email", "address", "phone")


def redeem(call: Call, client: Client, params: Params) -> Redeemed:
    """Log in at the tenant's default directory."""
    required(params, "username")
    required(params, "password")
    name = call.tenant.settings.default_directory
    connection = find_connection(call.tenant, name) if name else None
    if connection is None:
        # A 500 of the real service, and nobody's bug but the tenant's configuration (reported many times).
        raise OAuthError("server_error", "Authorization server not configured with default connection.", 500)
    if not connection.enabled_for(client):
        # unverified: the text is that of other endpoints
        raise OAuthError("invalid_request", "the connection was disabled")
    return _log_in(call, client, params, connection)


def redeem_realm(call: Call, client: Client, params: Params) -> Redeemed:
    """Log in at the connection that `realm` names."""
    required(params, "username")
    required(params, "password")
    realm = required(params, "realm")
    connection = find_connection(call.tenant, realm)
    if connection is None or not connection.is_database or not connection.enabled_for(client):
        # unverified: the text is that of /co/authenticate
        raise OAuthError("invalid_request", f"Unknown realm {realm}.")
    return _log_in(call, client, params, connection)


def _log_in(call: Call, client: Client, params: Params, connection: Connection) -> Redeemed:
    tenant = call.tenant
    server, audience = _server(tenant, params)
    ip = _ip_of(call, client)
    found = check_credentials(tenant, call.issuer, connection, params["username"], params["password"], ip)
    if found is None:
        raise wrong_password()
    user = found[0]
    if user.blocked:
        raise user_blocked()
    record_login(tenant, user.user_id, ip)
    scope = grantable_scopes(tenant, client, user.user_id, server, _requested(params, server))
    authorization = Authorization(
        id=tenant.ids.handle("authorization"),
        client_id=client.client_id,
        user_id=user.user_id,
        scope=scope,
        audience=audience,
        gty="password",
    )
    return Redeemed(authorization, new_refresh_token="offline_access" in scope)


def _ip_of(call: Call, client: Client) -> str:
    """Return the user's IP address: the one that the client's server names, when the tenant trusts it to.

    Documentation, "Avoid common issues with Resource Owner Password Flow and attack protection".
    """
    named = call.request.headers.get("auth0-forwarded-for", "").strip()
    trusted = not client.is_public and client.document.get("is_token_endpoint_ip_header_trusted") is True
    try:
        return str(ipaddress.ip_address(named if trusted else ""))
    except ValueError:  # unverified: what comes of a malformed address
        return call.ip


def _server(tenant: Tenant, params: Params) -> tuple[ResourceServer | None, str | None]:
    audience = params.get("audience") or tenant.settings.default_audience
    if not audience or is_userinfo(tenant, audience):
        return None, None
    server = find_resource_server(tenant, audience)
    if server is None:
        raise OAuthError("invalid_request", "invalid audience specified for password grant exchange")
    return server, audience


def _requested(params: Params, server: ResourceServer | None) -> tuple[str, ...]:
    """Return the scopes asked for; `openid` brings all of OpenID Connect's (recorded).

    An API that nothing was asked of gives all of its scopes (documentation, "Call your API using the Resource
    Owner Password Flow").
    """
    wanted = words(params, "scope")
    if "openid" in wanted:
        rest = tuple(scope for scope in wanted if scope not in ALL_PROFILE_SCOPES)
        return (*ALL_PROFILE_SCOPES, *rest)
    return wanted or (server.scope_values if server else ())


GRANT = Grant("password", redeem)
# The dashboard's one switch "Password" stands for both. unverified: a client with `password` alone
REALM_GRANT = Grant(REALM, redeem_realm, allowed_by="password")
