"""Cross-origin resource sharing, per route (reference §9).

unverified: which endpoints are open to every origin, and which to those of the clients.
"""

from __future__ import annotations

from werkzeug.wrappers import Request, Response

from mockidp.http.responses import add_own
from mockidp.http.routing import Route
from mockidp.model.client import CLIENTS, url_matches
from mockidp.model.tenant import Tenant

EXPOSED = "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"
ALLOWED = "Auth0-Client, Authorization, Content-Type, DPoP, X-Request-Language, X-Requested-With"

_VARY = (("Vary", "Origin"),)
_ANY = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Credentials", "false"),
    ("Access-Control-Expose-Headers", EXPOSED),
)


def add_cors(tenant: Tenant, request: Request, response: Response, route: Route) -> None:
    """Let a page read the answer, if the route is for pages and the page's origin is allowed."""
    headers = response.headers
    if route.cors == "any":
        add_own(headers, _ANY)
    elif route.cors == "client":
        add_own(headers, _VARY)
        origin = request.environ.get("HTTP_ORIGIN")
        if origin and _is_client_origin(tenant, origin):
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Allow-Credentials"] = "true"
            headers["Access-Control-Expose-Headers"] = EXPOSED


def preflight(tenant: Tenant, request: Request, route: Route, methods: list[str]) -> Response:
    """Answer an OPTIONS request (Fetch standard, "CORS-preflight request")."""
    response = Response(status=204)
    add_cors(tenant, request, response, route)
    if "Access-Control-Allow-Origin" in response.headers:
        response.headers["Access-Control-Allow-Methods"] = ", ".join(methods)
        response.headers["Access-Control-Allow-Headers"] = ALLOWED
        response.headers["Access-Control-Max-Age"] = "3600"
    return response


def _is_client_origin(tenant: Tenant, origin: str) -> bool:
    return any(
        url_matches(allowed, origin) for client in tenant.store.all(CLIENTS) for allowed in client.origins
    )
