"""The Management API's guard: bearer tokens, scopes, and the exact refusals (management-api §4.2–4.3)."""

from __future__ import annotations

from werkzeug.wrappers import Request

from mockidp.errors import ApiError
from mockidp.http.routing import Call, Route
from mockidp.model.resource_server import SYSTEM
from mockidp.model.tenant import Tenant
from mockidp.tokens.jws import InvalidToken
from mockidp.tokens.verifier import Verified, verify_access_token

_REASONS = {
    "expired": "Expired token received for JSON Web Token validation",
    "signature": "Invalid signature received for JSON Web Token validation",
}


def require_scopes(tenant: Tenant, request: Request, route: Route, issuer: str) -> Verified:
    """Return the caller's token when it is for the Management API and has any of the route's scopes."""
    verified = _verify(tenant, request, issuer)
    if set(route.scopes).isdisjoint(verified.scopes):
        raise insufficient_scope(route.scopes)
    return verified


def insufficient_scope(scopes: tuple[str, ...]) -> ApiError:
    """The token has none of the scopes that would do (recorded text; no space after the comma)."""
    return ApiError(403, f"Insufficient scope, expected any of: {','.join(scopes)}", "insufficient_scope")


def require_own_user(call: Call, user_id: str, *, unless: tuple[str, ...]) -> None:
    """Refuse a `current_user` token that acts on somebody else.

    A token with one of the scopes `unless` may act on anybody.
    """
    if not set(unless).isdisjoint(call.caller.scopes) or call.caller.subject == user_id:
        return
    raise ApiError(403, "User to be acted on does not match subject in bearer token.", "unowned_resource")


def _verify(tenant: Tenant, request: Request, issuer: str) -> Verified:
    header = request.environ.get("HTTP_AUTHORIZATION")
    if not header:
        raise ApiError(401, "Missing authentication", headers={"WWW-Authenticate": "Bearer"})
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or token.count(".") != 2:
        raise ApiError(400, "Bad HTTP authentication header format", "Bearer")
    try:
        verified = verify_access_token(tenant, token)
    except InvalidToken as error:
        raise _unauthorized(_REASONS.get(error.reason, "Invalid token")) from None
    own = (aud for aud in verified.audiences if aud.endswith(SYSTEM))
    if not any(tenant.names.accepts_issuer(aud.removesuffix(SYSTEM)) for aud in own):
        raise _unauthorized(f"Bad audience: {issuer}{SYSTEM}")
    return verified


def _unauthorized(message: str) -> ApiError:
    return ApiError(401, message, attributes={"error": message}, headers={"WWW-Authenticate": "Bearer"})
