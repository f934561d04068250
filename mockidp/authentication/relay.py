"""`GET /relay.html` and the page by which a popup hands its result to the page that opened it.

Both speak WinChan's protocol, as auth0.js does: the popup says `ready`, its opener answers `request`, and
gets `response`. https://github.com/mozilla/winchan
"""

from __future__ import annotations

from werkzeug.wrappers import Response

from mockidp.errors import PageError
from mockidp.http.pages import page
from mockidp.http.routing import Call, Route
from mockidp.http.scripts import script_json
from mockidp.json import JsonObject
from mockidp.model.client import CLIENTS


def relay(call: Call) -> Response:
    """The page that old Internet Explorers need inside the opener: it passes the popup's messages on."""
    nonce = call.tenant.ids.draw("script", 22)
    return page("relay.html", nonce=nonce, frameable=True)


def relay_page(call: Call, client_id: str, result: JsonObject | None) -> Response:
    """Return the popup's page that gives `result` to a page of the client, and to no other.

    Without a result it asks the opener for name and password, and posts them to its own URL.
    """
    client = call.tenant.store.find(CLIENTS, client_id)
    if client is None:
        raise PageError("invalid_request", f"Unknown client: {client_id}")
    # A wildcard is no origin that a message could be sent to.
    origins = sorted(origin for origin in client.origins if "*" not in origin)
    return page(
        "popup.html",
        nonce=call.tenant.ids.draw("script", 22),
        origins=script_json(origins),
        result=script_json(result),
    )


ROUTES = (Route("GET", "/relay.html", relay),)
