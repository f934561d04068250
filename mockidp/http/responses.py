"""JSON responses, and headers of ours, which need no check for line breaks and the like."""

from __future__ import annotations

from collections.abc import Iterable

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response

from mockidp import json

Pairs = Iterable[tuple[str, str]]
_JSON = (("Content-Type", "application/json; charset=utf-8"),)


def json_response(body: object, status: int = 200, headers: Pairs = _JSON) -> Response:
    """Return a response with a JSON body; `headers` name its type, and say nothing that a client sent."""
    own = Headers()
    add_own(own, headers)
    return Response([json.encode(body)], status, own)


def add_own(headers: Headers, pairs: Pairs) -> None:
    """Add headers that say nothing that a client sent: werkzeug's checks cost as much as an endpoint."""
    headers._list.extend(pairs)
