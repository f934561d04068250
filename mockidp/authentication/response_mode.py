"""How `/authorize` answers the client: query, fragment, form_post, web_message, or a popup's relay page.

OAuth 2.0 Multiple Response Type Encoding Practices §2.1; Form Post Response Mode; web_message as the SDKs
read it (draft-sakimura-oauth-wmrm-00).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from werkzeug.wrappers import Response

from mockidp.authentication.relay import relay_page
from mockidp.errors import OAuthError
from mockidp.http.pages import page
from mockidp.http.redirect import found
from mockidp.http.routing import Call
from mockidp.http.scripts import script_json
from mockidp.model.client import origin_of
from mockidp.model.session import AuthorizationRequest

MODES = ("query", "fragment", "form_post", "web_message")
RELAY = "owp"  # asked for by the parameter `owp`, not by `response_mode`


def default_mode(response_types: frozenset[str]) -> str:
    """Return `query` for a code alone, `fragment` as soon as a token is in the answer."""
    return "query" if response_types <= {"code"} else "fragment"


def respond(call: Call, request: AuthorizationRequest, params: Mapping[str, str | int]) -> Response:
    """Send the answer (or error) to the client's redirect URI in the response mode that it asked for."""
    fields = dict(params) if request.state is None else {**params, "state": request.state}
    if request.response_mode == "web_message":
        return _web_message(call, request, fields)
    if request.response_mode == RELAY:
        return relay_page(call, request.client_id, fields)
    if request.response_mode == "form_post":
        nonce = call.tenant.ids.draw("script", 22)
        return page(
            "form_post.html",
            nonce=nonce,
            form_targets=[request.redirect_uri],
            action=request.redirect_uri,
            fields=[(name, str(value)) for name, value in fields.items()],
        )
    encoded = urlencode(fields, quote_via=quote)
    if request.response_mode == "fragment":
        return found(f"{request.redirect_uri}#{encoded}")
    return found(f"{request.redirect_uri}{'&' if '?' in request.redirect_uri else '?'}{encoded}")


def respond_error(call: Call, request: AuthorizationRequest, error: OAuthError) -> Response:
    """Send an error to the client (RFC 6749 §4.1.2.1)."""
    return respond(call, request, {"error": error.error, "error_description": error.description})


def _web_message(call: Call, request: AuthorizationRequest, fields: Mapping[str, str | int]) -> Response:
    """Return the page that posts the answer to the window that opened or embeds it.

    The message goes to the origin of the redirect URI only, whoever embeds the page.
    """
    message = {"type": "authorization_response", "response": fields}
    nonce = call.tenant.ids.draw("script", 22)
    return page(
        "web_message.html",
        nonce=nonce,
        frameable=True,
        message=script_json(message),
        target=script_json(origin_of(request.redirect_uri)),
    )
