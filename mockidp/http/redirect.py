"""Redirects as the tenant writes them."""

from __future__ import annotations

import string
from urllib.parse import quote

from markupsafe import escape
from werkzeug.wrappers import Response

URL_TEXT = string.ascii_letters + string.digits + string.punctuation  # what a URL may hold as it is


def found(location: str) -> Response:
    """Return a 302 with the body that the tenant sends (recorded: `Found. Redirecting to …`).

    The location is sent as it is registered; only what a header cannot hold is percent-encoded.
    """
    target = quote(location, safe=URL_TEXT)
    body = f"Found. Redirecting to {escape(target)}"
    return Response(body, 302, {"Location": target}, content_type="text/html; charset=utf-8")
