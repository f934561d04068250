"""Redirects as the tenant writes them."""

from __future__ import annotations

from markupsafe import escape
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response


def found(location: str) -> Response:
    """Return a 302 with the body that the tenant sends (recorded: `Found. Redirecting to …`)."""
    target = iri_to_uri(location)
    body = f"Found. Redirecting to {escape(target)}"
    return Response(body, 302, {"Location": target}, content_type="text/html; charset=utf-8")
