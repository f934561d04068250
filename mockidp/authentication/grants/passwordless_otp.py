"""`http://auth0.com/oauth/grant-type/passwordless/otp`: a code that was sent to an address (§4.9)."""

from __future__ import annotations

from mockidp.authentication.grants.grant import Grant, Redeemed
from mockidp.errors import OAuthError, not_emulated, service_not_found, user_blocked
from mockidp.http.params import Params, required, words
from mockidp.http.routing import Call
from mockidp.model.client import Client
from mockidp.model.connection import Connection, find_connection
from mockidp.model.credentials import Authorization
from mockidp.model.passwordless import GRANT_TYPE, WrongCode, address_of, redeem_code
from mockidp.model.resource_server import find_resource_server, grantable_scopes, is_userinfo
from mockidp.model.tenant import Tenant
from mockidp.model.user import User, record_login


def redeem(call: Call, client: Client, params: Params) -> Redeemed:
    """Log in at the passwordless connection that `realm` names; the first login makes the account."""
    tenant = call.tenant
    if "auth_session" in params:  # of a database connection that takes codes: POST /otp/challenge
        raise not_emulated("POST", f"/oauth/token with grant_type {GRANT_TYPE} and auth_session")
    username, otp, realm = (required(params, name) for name in ("username", "otp", "realm"))
    connection = find_connection(tenant, realm)
    if connection is None or not connection.is_passwordless or not connection.enabled_for(client):
        # unverified: the text is that of /co/authenticate
        raise OAuthError("invalid_request", f"Unknown realm {realm}.")
    audience = _audience(tenant, params)
    server = find_resource_server(tenant, audience) if audience else None
    user = _user(tenant, connection, username, otp)
    record_login(tenant, user.user_id, call.request.remote_addr or "127.0.0.1")
    # unverified: no `gty`, and no more scopes than were asked for
    scope = grantable_scopes(tenant, client, user.user_id, server, words(params, "scope"))
    authorization = Authorization(
        id=tenant.ids.handle("authorization"),
        client_id=client.client_id,
        user_id=user.user_id,
        scope=scope,
        audience=audience,
    )
    return Redeemed(authorization, new_refresh_token="offline_access" in scope)


def _user(tenant: Tenant, connection: Connection, username: str, otp: str) -> User:
    try:
        user, _ = redeem_code(tenant, connection, address_of(connection, username) or username, otp)
    except WrongCode as wrong:
        raise OAuthError("invalid_grant", str(wrong), 403) from None
    if user.blocked:
        raise user_blocked()
    return user


def _audience(tenant: Tenant, params: Params) -> str | None:
    """Return the API that a token is wanted for; None for the userinfo endpoint only."""
    audience = params.get("audience") or tenant.settings.default_audience
    if not audience or is_userinfo(tenant, audience):
        return None
    if find_resource_server(tenant, audience) is None:
        raise service_not_found(audience)  # unverified: with this grant
    return audience


GRANT = Grant(GRANT_TYPE, redeem)
