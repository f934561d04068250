"""`POST /passwordless/verify`: whether a code is right; older than the grant for codes (reference §6.5).

auth0.js on a hosted page checks a code here, and then leaves for `/passwordless/verify_redirect` with it. The
documentation ("Verify") has it as a password grant, which answers as `/oauth/ro` did.
"""

from __future__ import annotations

from mockidp.errors import OAuthError, user_blocked
from mockidp.http.params import Params, body_params, words
from mockidp.http.routing import Call, Route
from mockidp.json import Json
from mockidp.model.client import CLIENTS, Client
from mockidp.model.connection import Connection, find_connection
from mockidp.model.credentials import Authorization
from mockidp.model.passwordless import WrongCode, address_member, address_of, check_code, redeem_code
from mockidp.model.resource_server import grantable_scopes
from mockidp.model.user import record_login
from mockidp.tokens.issuer import issue_access_token, issue_id_token


def verify(call: Call) -> Json:
    """Say whether a code is right; with `grant_type`, log in by it."""
    params = body_params(call.request)
    client = call.tenant.store.find(CLIENTS, _required(params, "client_id"))
    if client is None:
        raise OAuthError("unauthorized_client", "invalid client", 403)
    connection = _connection(call, client, params)
    try:
        if "grant_type" in params:
            return _log_in(call, client, connection, params)
        address = _required(params, address_member(connection))
        code = _required(params, "verification_code")
        check_code(call.tenant, connection, address_of(connection, address) or address, code)
    except WrongCode as wrong:
        raise OAuthError("invalid_user_password", str(wrong), 401) from None
    return {}  # unverified: what is in it; auth0.js does not look


def _connection(call: Call, client: Client, params: Params) -> Connection:
    connection = find_connection(call.tenant, _required(params, "connection"))
    # The texts are those of /oauth/ro.
    if connection is None:
        raise OAuthError("invalid_request", "the connection was not found")
    if not connection.enabled_for(client):
        raise OAuthError("invalid_request", "the connection was disabled")
    if not connection.is_passwordless:
        raise OAuthError("invalid_request", "specified strategy does not support requested operation")
    return connection


def _log_in(call: Call, client: Client, connection: Connection, params: Params) -> dict[str, Json]:
    tenant, username = call.tenant, _required(params, "username")
    address = address_of(connection, username) or username
    user, _ = redeem_code(tenant, connection, address, _required(params, "password"))
    if user.blocked:
        raise user_blocked(401)
    record_login(tenant, user.user_id, call.request.remote_addr or "")
    asked = [scope for scope in words(params, "scope") if scope != "offline_access"]
    authorization = Authorization(
        id=tenant.ids.handle("authorization"),
        client_id=client.client_id,
        user_id=user.user_id,
        scope=grantable_scopes(tenant, client, user.user_id, None, asked),
    )
    access_token, _ = issue_access_token(tenant, call.issuer, authorization)
    answer: dict[str, Json] = {"access_token": access_token, "token_type": "bearer"}
    if "openid" in authorization.scope:
        id_token = issue_id_token(tenant, call.issuer, client, user, authorization)
        answer = {"id_token": id_token, **answer}
    return answer


def _required(params: Params, name: str) -> str:
    value = params.get(name)
    if not value:
        raise OAuthError("invalid_request", f"missing {name} parameter")
    return value


ROUTES = (Route("POST", "/passwordless/verify", verify, cors="any"),)
