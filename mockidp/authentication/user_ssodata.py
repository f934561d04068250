"""`GET /user/ssodata`: who is logged in, for Lock's "Last time you logged in with" (reference §6.10)."""

from __future__ import annotations

from mockidp.errors import OAuthError
from mockidp.http.browser_session import session_of
from mockidp.http.routing import Answer, Call, Route
from mockidp.http.scripts import callback_of, jsonp
from mockidp.json import Json
from mockidp.model.client import CLIENTS, origin_of
from mockidp.model.connection import CONNECTIONS
from mockidp.model.session import Session
from mockidp.model.tenant import Tenant
from mockidp.model.user import find_user


def ssodata(call: Call) -> Answer:
    """Say who is logged in in this browser."""
    callback = callback_of(call)
    if callback is None:
        return _sso(call.tenant, session_of(call))
    if not _asked_by_a_client(call):
        # A script is readable for every page: unlike JSON, no CORS stands before it.
        raise OAuthError("invalid_request", "Origin is not allowed.", 403)  # unverified: the refusal
    return jsonp(callback, _sso(call.tenant, session_of(call)))


def _sso(tenant: Tenant, session: Session | None) -> dict[str, Json]:
    user = find_user(tenant, session.user_id) if session else None
    if session is None or user is None:
        return {"sso": False}
    data: dict[str, Json] = {"sso": True, "sessionClients": list(session.clients)}
    if session.clients:
        data["lastUsedClientID"] = session.clients[-1]
    data |= {"lastUsedUsername": user.email or user.name, "lastUsedUserID": user.user_id}
    connection = tenant.store.find(CONNECTIONS, session.connections[-1]) if session.connections else None
    if connection is not None:
        data["lastUsedConnection"] = {"name": connection.name, "strategy": connection.strategy}
    return data


def _asked_by_a_client(call: Call) -> bool:
    origin = origin_of(call.request.headers.get("Referer", ""))
    return any(client.allows_web_origin(origin) for client in call.tenant.store.all(CLIENTS))


ROUTES = (Route("GET", "/user/ssodata", ssodata, cors="client"),)
