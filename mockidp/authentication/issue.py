"""What `/authorize` gives when all is settled: code, access token, ID token, in any mix."""

from __future__ import annotations

import msgspec

from mockidp.http.routing import Call
from mockidp.model.client import CLIENTS
from mockidp.model.credentials import Authorization, issue_code
from mockidp.model.resource_server import find_resource_server, grantable_scopes
from mockidp.model.session import LoginTransaction, Session
from mockidp.model.user import get_user
from mockidp.tokens.issuer import issue_access_token, issue_id_token


def issue(call: Call, transaction: LoginTransaction, session: Session) -> dict[str, str | int]:
    """Return the response's parameters in the observed order (reference §2.4), without `state`."""
    tenant, request = call.tenant, transaction.request
    client = tenant.store.get(CLIENTS, request.client_id)
    user = get_user(tenant, session.user_id)
    server = find_resource_server(tenant, request.audience) if request.audience else None
    scope = grantable_scopes(tenant, client, user.user_id, server, request.scope, request.org_id)
    authorization = Authorization(
        id=tenant.ids.handle("authorization"),
        client_id=client.client_id,
        user_id=user.user_id,
        scope=scope,
        audience=request.audience,
        session_id=session.id,
        auth_time=session.authenticated_at if request.max_age is not None else None,
        nonce=request.nonce,
        org_id=request.org_id,
        mfa=transaction.mfa_passed,
    )
    # A refresh token never comes through the browser, nor does the scope that stands for one.
    shown = tuple(value for value in scope if value != "offline_access")
    front = msgspec.structs.replace(authorization, scope=shown)
    params: dict[str, str | int] = {}
    code = access_token = None
    if "code" in request.response_types:
        code = params["code"] = issue_code(
            tenant,
            authorization,
            request.redirect_uri,
            redirect_uri_sent=request.redirect_uri_sent,
            code_challenge=request.code_challenge,
            code_challenge_method=request.code_challenge_method,
        )
    if "token" in request.response_types:
        access_token, lifetime = issue_access_token(tenant, call.issuer, front, web=True)
        params |= {"access_token": access_token}
        if shown:
            params["scope"] = " ".join(shown)
        params |= {"expires_in": lifetime, "token_type": "Bearer"}
    if "id_token" in request.response_types:
        params["id_token"] = issue_id_token(
            tenant, call.issuer, client, user, front, access_token=access_token, code=code
        )
    return params
