"""`GET`/`POST /userinfo` (OpenID Connect Core §5.3): the claims that the token's scopes show."""

from __future__ import annotations

from mockidp.errors import PlainError
from mockidp.http.routing import Answer, Call, Route
from mockidp.json import Json
from mockidp.model.resource_server import is_userinfo
from mockidp.model.user import find_user
from mockidp.tokens.claims import profile_claims
from mockidp.tokens.jws import InvalidToken
from mockidp.tokens.verifier import Verified, verify_access_token

_DESCRIPTIONS = {
    "signature": (
        "The access token signature could not be validated. A common cause of this is requesting multiple "
        "audiences for an access token signed with HS256, as that signature scheme requires only a single "
        "recipient for its security. Please change your API to employ RS256 if you wish to have multiple "
        "audiences for your access tokens"  # recorded
    ),
    "expired": "The access token expired",
}


def userinfo(call: Call) -> Answer:
    """Return the user's claims; the token comes in a header or as `access_token`."""
    token = bearer_token(call)
    verified = _verify(call, token)
    user = find_user(call.tenant, verified.user_id or "")
    if user is None or user.blocked:
        raise _unauthorized("invalid_token", "The user does not exist or is blocked")
    claims: dict[str, Json] = {"sub": user.user_id}
    return claims | profile_claims(user, verified.scopes)


def bearer_token(call: Call) -> str:
    """Return the bearer token of a header, query or form (RFC 6750 §2); raise 401 without one."""
    scheme, _, token = call.request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    sent = call.request.args.get("access_token") or call.request.form.get("access_token")
    if not sent:
        raise PlainError(401, "Unauthorized", {"WWW-Authenticate": 'Bearer realm="Users"'})
    return sent


def _verify(call: Call, token: str) -> Verified:
    try:
        verified = verify_access_token(call.tenant, token)
    except InvalidToken as error:
        description = _DESCRIPTIONS.get(error.reason, "The access token is not valid")
        raise _unauthorized("invalid_token", description) from None
    for_us = any(is_userinfo(call.tenant, aud) for aud in verified.audiences)
    if not for_us or "openid" not in verified.scopes:
        # unverified: the texts, and which of them a token without `openid` gets
        raise _unauthorized("invalid_token", "The access token is not for the userinfo endpoint")
    return verified


def _unauthorized(error: str, description: str) -> PlainError:
    challenge = f'Bearer realm="Users", error="{error}", error_description="{description}"'
    return PlainError(401, "Unauthorized", {"WWW-Authenticate": challenge})


ROUTES = (
    Route("GET", "/userinfo", userinfo, cors="any"),
    Route("POST", "/userinfo", userinfo, cors="any"),
)
