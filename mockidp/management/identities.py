"""/api/v2/users/{id}/identities: link an account to a user, and unlink an identity from it.

Source: https://auth0.com/docs/api/management/v2/users/post-identities and "User account linking"; the texts
are the API description's labels. unverified: their errorCode `invalid_body`.
"""

from __future__ import annotations

from werkzeug.wrappers import Response

from mockidp.errors import ApiError, link_inexistent, link_not_configured
from mockidp.http.bearer import insufficient_scope, require_own_user
from mockidp.http.responses import json_response
from mockidp.http.routing import Call, Route
from mockidp.json import Json, JsonObject
from mockidp.management.operations import find_operation
from mockidp.management.schema import Problem, validation_error
from mockidp.management.users import request_body, user_id_of, visible_identities
from mockidp.model.connection import find_connection
from mockidp.model.linking import identities_of, link, unlink
from mockidp.model.tenant import Tenant
from mockidp.model.user import find_by_identity
from mockidp.tokens.jws import InvalidToken, read_jws
from mockidp.tokens.verifier import Verified, verify_id_token

LINK_PATH = "/api/v2/users/{id}/identities"
UNLINK_PATH = "/api/v2/users/{id}/identities/{provider}/{user_id}"
PRIMARY_ID = "ID of the primary user account"
ADMIN = ("update:users",)
SCOPES = (*ADMIN, "update:current_user_identities")


def link_identity(call: Call) -> Response:
    """Link the account that `provider` and `user_id`, or the ID token `link_with`, name."""
    primary_id = user_id_of(call, f"{PRIMARY_ID} to link a second user account to")
    require_own_user(call, primary_id, unless=ADMIN)
    body = request_body(call, find_operation("POST", LINK_PATH))
    _check_form(body)
    if "link_with" in body:
        secondary_id = _subject_of(call, str(body["link_with"]))
        if find_by_identity(call.tenant, secondary_id) is None:
            raise _refuse("Provided secondary account not found.")
    else:
        if not set(ADMIN) & set(call.caller.scopes):
            # A user's own token has to prove the secondary by `link_with`. unverified: this text.
            raise insufficient_scope(ADMIN)
        secondary_id = _named(call.tenant, body)
    user = link(call.tenant, primary_id, secondary_id)
    return json_response(visible_identities(identities_of(user), call.caller), 201)


def unlink_identity(call: Call) -> Json:
    """Unlink an identity; a pair that the user does not have changes nothing (recorded: 200)."""
    primary_id = user_id_of(call, PRIMARY_ID)
    require_own_user(call, primary_id, unless=ADMIN)
    user = unlink(call.tenant, primary_id, call.path["provider"], call.path["user_id"])
    return visible_identities(identities_of(user), call.caller)


ROUTES = (
    Route("POST", LINK_PATH, link_identity, SCOPES),
    Route("DELETE", UNLINK_PATH, unlink_identity, SCOPES),
)


def _refuse(message: str) -> ApiError:
    return ApiError(400, message, "invalid_body")


def _check_form(body: JsonObject) -> None:
    """Refuse a mixture of the two forms, and half of the first. unverified: both texts."""
    if "link_with" in body:
        extra = ",".join(name for name in body if name != "link_with")
        problems = [Problem(f"Additional properties not allowed: {extra}")] if extra else []
    else:
        missing = (name for name in ("provider", "user_id") if name not in body)
        problems = [Problem(f"Missing required property: {name}") for name in missing]
    if problems:
        raise validation_error("Payload", problems)


def _named(tenant: Tenant, body: JsonObject) -> str:
    """Return `provider|id` of the named account; `user_id` may come with that prefix (recorded) or bare."""
    provider = str(body["provider"])
    bare = str(body["user_id"]).removeprefix(f"{provider}|")
    secondary_id = f"{provider}|{bare}"
    if "connection_id" in body:
        connection = find_connection(tenant, str(body["connection_id"]))
        if connection is None or connection.strategy != provider:
            raise link_not_configured()
        owner = find_by_identity(tenant, secondary_id)
        identity = owner.identity(secondary_id) if owner else None
        if identity is None or identity.connection != connection.name:
            raise link_inexistent()
    return secondary_id


def _subject_of(call: Call, token: str) -> str:
    """Return whom the ID token is about, when it was issued to the caller's own client."""
    verified = _verify(call.tenant, token)
    if call.caller.client_id not in verified.audiences:
        if call.caller.user_id is None:  # reported from a real tenant for a client's token
            raise _refuse("JWT (link_with) contains an invalid aud claim")
        # unverified: that this other label is for users' own tokens.
        raise _refuse("JWT (link_with) must have an aud claim that matches that of the calling token's azp.")
    if not verified.subject:
        raise _refuse("JWT (link_with) must contains sub claim.")
    provider, _, bare = verified.subject.partition("|")
    if not provider or not bare:
        raise _refuse("JWT (link_with) contains an invalid sub claim.")
    return verified.subject


def _verify(tenant: Tenant, token: str) -> Verified:
    """Return the ID token's content. Any name of this tenant is the caller's issuer too."""
    try:
        if read_jws(token).header.get("alg") != "RS256":
            raise _refuse("JWT (link_with) must have an alg of RS256.")
        return verify_id_token(tenant, token)
    except InvalidToken as error:
        if error.reason == "issuer":
            raise _refuse("JWT (link_with) must have the same issuer as the calling user.") from None
        raise _refuse("Invalid token (link_with).") from None
