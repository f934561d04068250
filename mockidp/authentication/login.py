"""`GET /login`: the classic login page's address, which old applications and bookmarks still name.

Its page is that of Universal Login. unverified: that the parameters alone, when no login has begun, are an
authorization request.
"""

from __future__ import annotations

from urllib.parse import urlencode

from werkzeug.wrappers import Response

from mockidp.authentication.authorize import begin
from mockidp.errors import PageError
from mockidp.http.browser_session import transaction_of
from mockidp.http.params import browser_params
from mockidp.http.redirect import found
from mockidp.http.routing import Call, Route


def login(call: Call) -> Response:
    """Go to the login page of the transaction that `state` names, or begin one for `client`."""
    try:
        transaction = transaction_of(call)
    except PageError:
        params = browser_params(call.request)
        if not params.get("client"):
            raise
        return begin(call, {**params, "client_id": params["client"]})
    return found(f"/u/login?{urlencode({'state': transaction.id})}")


ROUTES = (Route("GET", "/login", login),)
