"""`POST /oauth/token`: the phases that no grant may skip (RFC 6749 §3.2, §5).

parse → authenticate the client → may it use this grant? → redeem → issue → respond. A grant is one file in
`grants/`: what it is called and one function `redeem`.
"""

from __future__ import annotations

from werkzeug.wrappers import Response

from mockidp.authentication.grants import (
    authorization_code,
    client_credentials,
    password,
    passwordless_otp,
    refresh_token,
)
from mockidp.authentication.grants.grant import Grant, Redeemed
from mockidp.authentication.not_emulated import GRANT_TYPES
from mockidp.errors import OAuthError, grant_not_allowed, not_emulated
from mockidp.http.client_auth import authenticate_client
from mockidp.http.params import body_params, required
from mockidp.http.responses import json_response
from mockidp.http.routing import Call, Route
from mockidp.json import Json
from mockidp.model.client import Client
from mockidp.model.credentials import issue_refresh_token
from mockidp.model.user import get_user
from mockidp.tokens.issuer import issue_access_token, issue_id_token

GRANTS: dict[str, Grant] = {
    grant.grant_type: grant
    for grant in (
        authorization_code.GRANT,
        client_credentials.GRANT,
        password.GRANT,
        password.REALM_GRANT,
        passwordless_otp.GRANT,
        refresh_token.GRANT,
    )
}
# RFC 6749 §5.1; the type has no charset (recorded)
_HEADERS = (("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("Pragma", "no-cache"))


def oauth_token(call: Call) -> Response:
    """Exchange a grant for a token set."""
    params = body_params(call.request)
    grant_type = required(params, "grant_type")
    client = authenticate_client(call, params)
    grant = GRANTS.get(grant_type)
    if grant_type in GRANT_TYPES:
        raise not_emulated("POST", f"/oauth/token with grant_type {grant_type}")
    if grant is None:
        # unverified: the text
        raise OAuthError("unsupported_grant_type", f"Unsupported grant type: {grant_type}")
    if not grant.is_allowed(client):
        raise grant_not_allowed(grant_type)
    redeemed = grant.redeem(call, client, params)
    return json_response(_token_set(call, client, redeemed), headers=_HEADERS)


def _token_set(call: Call, client: Client, redeemed: Redeemed) -> dict[str, Json]:
    """Issue what the authorization holds, in the recorded member order."""
    tenant, authorization = call.tenant, redeemed.authorization
    access_token, lifetime = issue_access_token(tenant, call.issuer, authorization)
    answer: dict[str, Json] = {"access_token": access_token}
    if redeemed.new_refresh_token:
        # A successor keeps all that its predecessor may do, whatever part of it was asked for now.
        kept = redeemed.predecessor.authorization if redeemed.predecessor else authorization
        token = issue_refresh_token(tenant, client, kept, redeemed.predecessor)
        answer["refresh_token"] = token.token
    if authorization.user_id and "openid" in authorization.scope:
        user = get_user(tenant, authorization.user_id)
        answer["id_token"] = issue_id_token(tenant, call.issuer, client, user, authorization)
    if authorization.scope:
        answer["scope"] = " ".join(authorization.scope)
    return {**answer, "expires_in": lifetime, "token_type": "Bearer"}


ROUTES = (Route("POST", "/oauth/token", oauth_token, cors="client"),)
