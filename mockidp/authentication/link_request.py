"""Requests to `/authorize` that are not for a login but to link or unlink an identity.

Two forms: the legacy `access_token=<primary user's token>` (Authentication API, "Link"), and what current
SDKs send: `scope=openid link_account` or `unlink_account` with `requested_connection` and `id_token_hint`.
"""

from __future__ import annotations

from mockidp.errors import OAuthError, missing_parameter
from mockidp.http.params import Params, words
from mockidp.http.routing import Call
from mockidp.model.client import Client
from mockidp.model.credentials import REFRESH_TOKENS
from mockidp.model.resource_server import find_resource_server, is_userinfo
from mockidp.model.session import AuthorizationRequest
from mockidp.model.tenant import Tenant
from mockidp.model.user import find_by_identity
from mockidp.tokens.jws import InvalidToken
from mockidp.tokens.verifier import verify_access_token, verify_id_token

LINK_SCOPES = {"link_account": "link", "unlink_account": "unlink"}
MY_ACCOUNT = ("my-account", "me/")  # the audience that SDKs send with these scopes


def check_link(
    call: Call, client: Client, params: Params, request: AuthorizationRequest
) -> dict[str, object]:
    """Return the members `link`, `link_to` (and `connection`) of a linking request; nothing for a login.

    Raise `access_denied` when the token does not name an account of this tenant.
    """
    wanted = [LINK_SCOPES[scope] for scope in words(params, "scope") if scope in LINK_SCOPES]
    if wanted:
        for name in ("requested_connection", "id_token_hint"):
            if not params.get(name):
                raise missing_parameter(name)
        primary = _account_of_id_token(call.tenant, client, params["id_token_hint"])
        # The common checks see what these parameters mean.
        params["connection"] = params["requested_connection"]
        if params.get("audience", "").endswith(MY_ACCOUNT):
            del params["audience"]
        return {"link": wanted[0], "link_to": primary}
    token = params.get("access_token")
    if not token or not call.tenant.double.legacy_account_linking:
        return {}
    return {"link": "link", "link_to": account_of_token(call.tenant, token)}


def account_of_token(tenant: Tenant, token: str) -> str:
    """Return the id of the account that an access token (or refresh token) belongs to.

    The wording was observed in 2015 and names both. unverified: that it comes by redirect, and its code.
    """
    refused = OAuthError("access_denied", "invalid main user access_token/refresh_token", 401)
    user_id = _user_of_refresh_token(tenant, token) or _user_of_access_token(tenant, token)
    user = find_by_identity(tenant, user_id) if user_id else None
    if user is None or user.blocked:
        raise refused
    return user.user_id


def _user_of_refresh_token(tenant: Tenant, token: str) -> str | None:
    refresh = tenant.store.find(REFRESH_TOKENS, token)
    if refresh is None or refresh.orphaned or refresh.used_at is not None or refresh.is_over(tenant.now()):
        return None
    return refresh.authorization.user_id


def _user_of_access_token(tenant: Tenant, token: str) -> str | None:
    """Return the user of a good access token. An ID token is for a client, not for an API, and is none."""
    try:
        verified = verify_access_token(tenant, token)
    except InvalidToken:
        return None
    known = any(is_userinfo(tenant, aud) or find_resource_server(tenant, aud) for aud in verified.audiences)
    return verified.user_id if known else None


def _account_of_id_token(tenant: Tenant, client: Client, token: str) -> str:
    # unverified: the texts; a real tenant does this by an Action or a feature flag
    try:
        verified = verify_id_token(tenant, token)
    except InvalidToken:
        raise OAuthError("access_denied", "invalid id_token_hint") from None
    user = find_by_identity(tenant, verified.subject)
    if user is None or user.blocked or client.client_id not in verified.audiences:
        raise OAuthError("access_denied", "invalid id_token_hint")
    return user.user_id
