"""`grant_type=refresh_token` (RFC 6749 §6): rotation, leeway, reuse detection, families.

Documentation, "Refresh token rotation". A rotating token is kept after its use, so that a second use is
noticed: within the leeway the immediate predecessor still works; after it, the whole family is revoked.
"""

from __future__ import annotations

import msgspec

from mockidp.authentication.grants.grant import Grant, Redeemed
from mockidp.errors import OAuthError, invalid_refresh_token
from mockidp.http.params import Params, required, words
from mockidp.http.routing import Call
from mockidp.model.client import Client
from mockidp.model.credentials import REFRESH_TOKENS, RefreshToken, revoke_family
from mockidp.model.resource_server import find_resource_server, grantable_scopes
from mockidp.model.tenant import Tenant
from mockidp.model.user import find_user


def redeem(call: Call, client: Client, params: Params) -> Redeemed:
    """Exchange a refresh token for new tokens; with rotation, also for its successor."""
    tenant = call.tenant
    token = _use(tenant, client, required(params, "refresh_token"))
    before = token.authorization
    user = None if token.orphaned else find_user(tenant, before.user_id or "")
    if user is None:
        raise OAuthError(
            "invalid_grant", "The refresh_token was generated for a user who doesn't exist anymore.", 403
        )
    if user.blocked:
        # unverified: the answer for a blocked user
        raise invalid_refresh_token()
    server = find_resource_server(tenant, before.audience) if before.audience else None
    wanted = [scope for scope in words(params, "scope") or before.scope if scope in before.scope]
    scope = grantable_scopes(tenant, client, user.user_id, server, wanted, before.org_id)
    # No nonce, auth_time or second factor: nobody logged in now (reference §7.1).
    authorization = msgspec.structs.replace(
        before, scope=scope, nonce=None, auth_time=None, mfa=False, gty="refresh_token"
    )
    rotates = client.refresh_token.rotates
    return Redeemed(authorization, new_refresh_token=rotates, predecessor=token if rotates else None)


def _use(tenant: Tenant, client: Client, text: str) -> RefreshToken:
    """Return the token and note its use; raise the one text for all that is wrong with it."""
    with tenant.store.transaction():
        token = tenant.store.find(REFRESH_TOKENS, text)
        if token is None or token.authorization.client_id != client.client_id:
            raise invalid_refresh_token()
        now = tenant.now()
        if token.is_over(now):
            raise invalid_refresh_token()
        reused = token.used_at is not None and not _within_leeway(tenant, client, token, now)
        if not reused:
            used_at = token.used_at if token.used_at is not None else now
            lifetime = client.refresh_token.idle_token_lifetime
            tenant.store.put(
                REFRESH_TOKENS,
                text,
                msgspec.structs.replace(
                    token,
                    used_at=used_at if client.refresh_token.rotates else None,
                    idle_expires_at=now + lifetime if token.idle_expires_at is not None else None,
                ),
            )
    if reused:
        revoke_family(tenant, token.family)
        raise invalid_refresh_token()
    return token


def _within_leeway(tenant: Tenant, client: Client, token: RefreshToken, now: int) -> bool:
    """Whether a used token may be used again: it is recent, and no successor has been used."""
    assert token.used_at is not None
    if now - token.used_at >= client.refresh_token.leeway:
        return False
    family = tenant.store.all(REFRESH_TOKENS, {"family": token.family})
    return not any(other.predecessor == token.token and other.used_at is not None for other in family)


GRANT = Grant("refresh_token", redeem)
