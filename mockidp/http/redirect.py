"""Redirects as the tenant writes them."""

from __future__ import annotations

import string
from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from markupsafe import escape
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response

from mockidp.http.responses import add_own

URL_TEXT = string.ascii_letters + string.digits + string.punctuation  # what a URL may hold as it is


def found(location: str) -> Response:
    """Return a 302 with the body that the tenant sends (recorded: `Found. Redirecting to …`).

    The location is sent as it is registered; only what a header cannot hold is percent-encoded.
    """
    target = quote(location, safe=URL_TEXT)
    headers = Headers()
    add_own(headers, (("Content-Type", "text/html; charset=utf-8"), ("Location", target)))
    return Response([f"Found. Redirecting to {escape(target)}".encode()], 302, headers)


def with_query(url: str, query: Mapping[str, str]) -> str:
    """Return a URL with more query parameters; its own, and its fragment, stay."""
    parts = urlsplit(url)
    joined = "&".join(text for text in (parts.query, urlencode(query, quote_via=quote)) if text)
    return urlunsplit(parts._replace(query=joined))
