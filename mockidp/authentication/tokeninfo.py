"""`GET`/`POST /tokeninfo`: the profile behind an ID token, for Lock 9 and 10 (reference §6.11; legacy).

They ask it before they call `lock.show(function (error, profile, id_token, access_token) …)` back.
"""

from __future__ import annotations

from mockidp.errors import PlainError
from mockidp.http.params import body_params
from mockidp.http.routing import Answer, Call, Route
from mockidp.http.scripts import callback_of, jsonp
from mockidp.json import Json
from mockidp.model.client import CLIENTS
from mockidp.model.user import PROFILE, User, find_user
from mockidp.tokens.jws import InvalidToken
from mockidp.tokens.verifier import verify_id_token

SHOWN = (*PROFILE, "created_at", "updated_at", "user_id")


def tokeninfo(call: Call) -> Answer:
    """Return the user's profile as it is now."""
    return _profile(call, body_params(call.request).get("id_token"))


def tokeninfo_by_query(call: Call) -> Answer:
    """The same with the token in the query; also as a script: `{status, user}` or `{status, error}`."""
    token = call.request.args.get("id_token")
    callback = callback_of(call)
    if callback is None:
        return _profile(call, token)
    try:
        return jsonp(callback, {"user": _profile(call, token)})
    except PlainError as refused:
        return jsonp(callback, {"error": refused.body()}, refused.status)


def _profile(call: Call, token: str | None) -> dict[str, Json]:
    """Return the profile; raise 401 unless the token is a client's, and its user there."""
    try:
        verified = verify_id_token(call.tenant, token or "")
    except InvalidToken:
        raise PlainError(401, "Unauthorized") from None
    client = next((aud for aud in verified.audiences if call.tenant.store.find(CLIENTS, aud)), None)
    user = find_user(call.tenant, verified.subject)
    if client is None or user is None or user.blocked:
        raise PlainError(401, "Unauthorized")
    # unverified: the further members of a real answer (`global_client_id`, metadata)
    shown = {name: user.document[name] for name in SHOWN if name in user.document}
    return {**shown, "identities": _identities(user), "clientID": client, "sub": user.user_id}


def _identities(user: User) -> list[Json]:
    """Return the identities without the upstreams' tokens."""
    return [
        {"user_id": i.user_id, "provider": i.provider, "connection": i.connection, "isSocial": i.isSocial}
        for i in user.identities
    ]


ROUTES = (
    Route("GET", "/tokeninfo", tokeninfo_by_query, cors="any"),
    Route("POST", "/tokeninfo", tokeninfo, cors="any"),
)
