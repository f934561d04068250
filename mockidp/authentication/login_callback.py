"""`POST /login/callback`: the form of `/usernamepassword/login` comes back (reference §6.8).

`wctx` is the browser's to change: what it says is an authorization request like any other, and is checked as
one. Who logged in says the login ticket in `wresult`, which is for one client, and good once.
"""

from __future__ import annotations

from werkzeug.wrappers import Response

from mockidp import json
from mockidp.authentication.authorize import begin
from mockidp.authentication.usernamepassword_login import CARRIED
from mockidp.errors import PageError
from mockidp.http.params import Params, browser_params
from mockidp.http.routing import Call, Route
from mockidp.model.client import CLIENTS
from mockidp.tokens.jws import InvalidToken
from mockidp.tokens.verifier import verify_wresult


def callback(call: Call) -> Response:
    """Take the proof of a login, and go on with the authorization request that came beside it."""
    form = browser_params(call.request)
    if form.get("wa") != "wsignin1.0":
        raise PageError("invalid_request", "Missing required parameter: wa")  # unverified: the text
    try:
        login = verify_wresult(call.tenant, form.get("wresult", ""))
    except InvalidToken:
        raise PageError("invalid_request", "invalid wresult") from None  # unverified: the text
    request = _request_of(form.get("wctx", ""))
    _check_origin(call, request.get("client_id", ""))
    return begin(call, {**request, "login_ticket": str(login.claims.get("sid", ""))})


def _request_of(wctx: str) -> Params:
    """Return the authorization request in a `wctx`; unknown members and other types do not count."""
    try:
        context = json.decode(wctx)
    except ValueError:
        context = None
    if not isinstance(context, dict):
        raise PageError("invalid_request", "invalid wctx")  # unverified: the text
    texts = ((name, context.get(name)) for name in CARRIED)
    return {name: value for name, value in texts if isinstance(value, str)}


def _check_origin(call: Call, client_id: str) -> None:
    """Refuse a form from a foreign page: it would log its visitor in as somebody else (login CSRF)."""
    origin = call.request.headers.get("Origin")
    if origin is None or origin == call.origin.rstrip("/"):
        return
    client = call.tenant.store.find(CLIENTS, client_id)
    if client is None or not client.allows_web_origin(origin):
        raise PageError("invalid_request", f"Origin {origin} is not allowed.", 403)  # unverified: the text


ROUTES = (Route("POST", "/login/callback", callback),)
