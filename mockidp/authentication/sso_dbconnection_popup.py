"""`GET`/`POST /sso_dbconnection_popup/{client_id}`: where Lock 9 and 10 log in with a password in popup mode.

The page that opened the popup sends it name and password (reference §6.10; auth0.js 6 to 8). unverified: that
the popup posts them to its own URL; no client sees how.
"""

from __future__ import annotations

from werkzeug.wrappers import Response

from mockidp.authentication.authorize import begin
from mockidp.authentication.relay import relay_page
from mockidp.authentication.usernamepassword_login import LoginRefused, check_login
from mockidp.errors import PageError
from mockidp.http.params import browser_params
from mockidp.http.routing import Call, Route

PATH = "/sso_dbconnection_popup/{client_id}"
CARRIED = ("connection", "device", "scope", "state")


def show(call: Call) -> Response:
    """Ask the page that opened the popup for name and password."""
    return relay_page(call, call.path["client_id"], None)


def submit(call: Call) -> Response:
    """Log in, and give the tokens to the page that opened the popup; or what is wrong."""
    if call.request.headers.get("Origin") != call.origin.rstrip("/"):
        raise PageError("invalid_request", "the login does not come from the popup", 403)
    params = browser_params(call.request)
    client_id = call.path["client_id"]
    try:
        ticket, _ = check_login(call, {**params, "client_id": client_id})
    except LoginRefused as refused:
        body = refused.body()
        return relay_page(call, client_id, {"err": {**body, "status": refused.status, "details": body}})
    carried = {name: params[name] for name in CARRIED if name in params}
    asked = {"client_id": client_id, "response_type": "token", "owp": "true", "login_ticket": ticket.id}
    return begin(call, {"scope": "openid", **carried, **asked})


ROUTES = (Route("GET", PATH, show), Route("POST", PATH, submit))
