"""Answers that a page loads as a script: JSONP, and calls of functions of Lock's (reference §6.10)."""

from __future__ import annotations

import re

from werkzeug.wrappers import Response

from mockidp import json
from mockidp.errors import OAuthError
from mockidp.http.routing import Call
from mockidp.json import Json, JsonObject

# Names that the JSONP parameter has: that of the documentation, and that of auth0.js 6 and 7.
CALLBACKS = ("callback", "cbx")
_NAME = re.compile(r"[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*", re.ASCII)
_LONGEST = 128  # characters of a callback's name


def script_json(value: object) -> str:
    """Return JSON that can stand in a script: it can't end the element, nor a line."""
    text = json.encode(value).decode()
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def script(function: str, argument: Json) -> Response:
    """Return a script that calls one of the page's functions."""
    return Response(
        f"{function}({script_json(argument)});", content_type="application/x-javascript; charset=utf-8"
    )


def callback_of(call: Call) -> str | None:
    """Return the name of the JSONP callback, or None where JSON is wanted; raise 400 when it is no name."""
    name = next((call.request.args[key] for key in CALLBACKS if call.request.args.get(key)), None)
    if name is not None and (len(name) > _LONGEST or not _NAME.fullmatch(name)):
        raise OAuthError("invalid_request", "Invalid callback")  # unverified: the text
    return name


def jsonp(callback: str, body: JsonObject, status: int = 200) -> Response:
    """Return JSONP; the logical status is in its body, for a script's own can't be read (reference §6.10)."""
    argument = script_json({**body, "status": status})
    return Response(
        f"/**/ typeof {callback} === 'function' && {callback}({argument});",
        content_type="text/javascript; charset=utf-8",
    )
