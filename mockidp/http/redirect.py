"""Redirects as the tenant writes them."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from markupsafe import escape
from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.datastructures import Headers

URL_TEXT = string.ascii_letters + string.digits + string.punctuation  # what a URL may hold as it is


def found(location: str) -> Response:
    """Return a 302 with the body that the tenant sends (recorded: `Found. Redirecting to …`).

    The location is sent as it is registered; only what a header cannot hold is percent-encoded.
    """
    target = quote(location, safe=URL_TEXT)
    body = f"Found. Redirecting to {escape(target)}"
    return _Redirect(body, 302, {"Location": target}, content_type="text/html; charset=utf-8")


def with_query(url: str, query: Mapping[str, str]) -> str:
    """Return a URL with more query parameters; its own, and its fragment, stay."""
    parts = urlsplit(url)
    joined = "&".join(text for text in (parts.query, urlencode(query, quote_via=quote)) if text)
    return urlunsplit(parts._replace(query=joined))


class _Redirect(Response):
    """A response whose `Location` werkzeug does not rewrite: it lower-cases the host of custom schemes."""

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        location = self.headers.pop("Location")
        try:
            headers = super().get_wsgi_headers(environ)
        finally:
            self.headers["Location"] = location
        headers["Location"] = location
        return headers
