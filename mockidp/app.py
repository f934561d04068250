"""The application: guard → match → authorize → endpoint → render the refusal. Plain WSGI."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.http import http_date
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import get_content_length

from mockidp.authentication import ROOMS as AUTHENTICATION
from mockidp.clock import is_real
from mockidp.errors import ApiError, OAuthError, PageError, PlainError, Refusal, not_found
from mockidp.http.bearer import require_scopes
from mockidp.http.cors import add_cors, preflight
from mockidp.http.forwarded import PROXY_HOST
from mockidp.http.pages import error_page
from mockidp.http.params import MAX_BODY
from mockidp.http.redirect import URL_TEXT
from mockidp.http.responses import add_own, json_response
from mockidp.http.routing import Answer, Call, Match, Room, Route, Router, Routes
from mockidp.management import ROOMS as MANAGEMENT
from mockidp.model.tenant import Tenant
from mockidp.universal_login import ROOMS as UNIVERSAL_LOGIN

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Handler = Callable[[Request], Response]
# Recorded, of answers that say nothing else: `Cache-Control` of the Authentication and of the Management API.
UNCACHED = "private, no-store, no-cache, must-revalidate, post-check=0, pre-check=0, no-transform"
UNCACHED_MANAGEMENT = "no-cache"
BARE_JSON = (("Content-Type", "application/json"),)  # recorded at the token endpoint: no charset


ROOMS: tuple[Room, ...] = (*AUTHENTICATION, *UNIVERSAL_LOGIN, *MANAGEMENT)


def all_routes() -> Routes:
    """Return every route of the tenant."""
    return tuple(dict.fromkeys(route for _, load in ROOMS for route in load()))


class Problem:
    """An internal error: our bug, kept so that it fails the test that caused it."""

    def __init__(self, request: Request, error: Exception) -> None:
        self.where = f"{request.method} {request.path}"
        self.error = error
        self.traceback = "".join(traceback.format_exception(error))


class Application:
    """The WSGI application of one tenant.

    `rooms` are beside the tenant's own. `layers` wrap the application from outside, first is outermost.
    """

    def __init__(
        self,
        tenant: Tenant,
        rooms: Iterable[Room] = (),
        layers: Iterable[Callable[[Handler], Handler]] = (),
    ) -> None:
        self.tenant = tenant
        self.problems: deque[Problem] = deque(maxlen=100)
        self.router = Router(rooms=(*ROOMS, *rooms))
        self.handle: Handler = self._handle
        for layer in reversed(tuple(layers)):
            self.handle = layer(self.handle)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if query := environ.get("QUERY_STRING"):
            # Bytes that a URL cannot hold come as a browser would have sent them.
            environ["QUERY_STRING"] = quote(query, safe=URL_TEXT, encoding="latin-1")
        request = Request(environ, populate_request=False)  # else the two hold each other
        length = get_content_length(environ)
        if length is None or length > MAX_BODY:  # else the length bounds it
            request.max_content_length = MAX_BODY
        try:
            response = self.handle(request)
        except Exception as error:  # noqa: BLE001 - as below, in a layer
            response = self._finish(request, self._failed(request, error), None)
        return _send(response, environ, start_response)

    def answer(self, request: Request, given: Response | Refusal) -> Response:
        """Return what a layer answers instead of an endpoint, rendered and finished as one of its answers."""
        try:
            self._check_host(request)
        except Refusal as refusal:
            given = refusal
        response = given if isinstance(given, Response) else render(self.tenant, request, given)
        return self._finish(request, response, self._route_of(request))

    def scopes_of(self, request: Request) -> tuple[str, ...]:
        """Return the scopes of which the request's operation needs one."""
        route = self._route_of(request)
        return route.scopes if route else ()

    def _route_of(self, request: Request) -> Route | None:
        match = self.router.match(_raw_path(request))
        return match.routes.get(request.method) if match else None

    def _handle(self, request: Request) -> Response:
        route: Route | None = None
        try:
            self._check_host(request)
            route, call = self._match(request)
            response = self._preflight(request, route) or _respond(route.endpoint(call))
        except Refusal as refusal:
            response = render(self.tenant, request, refusal)
        except RequestEntityTooLarge:
            response = render(self.tenant, request, ApiError(413, "Payload Too Large"))
        except HTTPException as error:
            response = render(self.tenant, request, ApiError(error.code or 400, error.description or ""))
        except Exception as error:  # noqa: BLE001 - our bug: answered as the tenant would, raised in the test
            response = self._failed(request, error)
        return self._finish(request, response, route)

    def _failed(self, request: Request, error: Exception) -> Response:
        self.problems.append(Problem(request, error))
        return render(self.tenant, request, ApiError(500, "Internal Server Error"))

    def _check_host(self, request: Request) -> None:
        # Behind a trusted proxy also its own: a page that was rebound (DNS) could send any X-Forwarded-Host.
        names, environ = self.tenant.names, request.environ
        for host in (environ.get("HTTP_HOST") or request.host, environ.get(PROXY_HOST)):
            if host is not None and not names.accepts_host(host):
                raise ApiError(
                    421, f"Host '{host}' is not a name of this tenant; allow it with --allow-host or --domain"
                )

    def _match(self, request: Request) -> tuple[Route, Call]:
        path = _raw_path(request)
        method = "GET" if request.method == "HEAD" else request.method
        if method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            method = request.headers["Access-Control-Request-Method"]
        match = self.router.match(path)
        route = match.routes.get(method) if match else None
        if match is None or route is None:
            return _unrouted(match, method, path), Call(self.tenant, request, {})
        call = Call(self.tenant, request, match.parameters(route))
        if route.scopes and request.method != "OPTIONS":
            caller = require_scopes(self.tenant, request, route, call.issuer)
            call = Call(self.tenant, request, call.path, caller)
        return route, call

    def _preflight(self, request: Request, route: Route) -> Response | None:
        if request.method != "OPTIONS":
            return None
        return preflight(self.tenant, request, route, [route.method])

    def _finish(self, request: Request, response: Response, route: Route | None) -> Response:
        tenant, headers = self.tenant, response.headers
        said = {name.lower() for name, _ in headers}
        uncached = UNCACHED_MANAGEMENT if request.environ["PATH_INFO"].startswith("/api/v2/") else UNCACHED
        common = _common_headers(tenant.now(), is_real(tenant.clock), request.is_secure, uncached)
        own = [(name, value) for key, name, value in common if key not in said]
        own.append(("X-Auth0-RequestId", tenant.ids.request()))
        body = response.response
        is_whole = isinstance(body, list) and response.status_code not in (204, 304)
        if is_whole and "content-length" not in said:
            own.append(("Content-Length", str(sum(map(len, body)))))
        add_own(headers, own)
        if route is not None and request.method != "OPTIONS":
            add_cors(self.tenant, request, response, route)
        return response


def _send(response: Response, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with a response, its headers as they are: werkzeug lower-cases the host of custom schemes."""
    body = response.response
    if not isinstance(body, list):
        return response(environ, start_response)
    start_response(response.status, list(response.headers))
    return [] if environ["REQUEST_METHOD"] == "HEAD" else body


@lru_cache(maxsize=8)
def _common_headers(
    now: int, is_real: bool, is_secure: bool, uncached: str
) -> tuple[tuple[str, str, str], ...]:
    """Return what every answer has, but for what the endpoint says otherwise: key, name, value."""
    common = (
        ("Date", http_date(now)),
        ("X-Content-Type-Options", "nosniff"),
        ("X-RateLimit-Limit", "100"),
        ("X-RateLimit-Remaining", "99"),
        # auth0-python 6 and node-auth0 5 wait until then, up to a minute, before they repeat a request that
        # was answered 409 or 5xx; with the tenant's clock in their future that would hold up a test.
        ("X-RateLimit-Reset", str(now + 1) if is_real else "0"),
        ("Cache-Control", uncached),
        *((("Strict-Transport-Security", "max-age=31536000"),) if is_secure else ()),
    )
    return tuple((name.lower(), name, value) for name, value in common)


def _raw_path(request: Request) -> str:
    """Return the path still percent-encoded, where the WSGI server tells it: an id may hold `%2F`."""
    environ = request.environ
    raw = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or quote(request.path))
    if not raw.startswith("/"):  # the absolute form, as to a proxy (RFC 9112 §3.2.2)
        raw = "/" + raw.partition("://")[2].partition("/")[2]
    return raw.partition("?")[0]


def _unrouted(match: Match | None, method: str, path: str) -> Route:
    """Return the route of a known operation that is not emulated, or refuse as the real service does."""
    if path.startswith("/api/v2/"):
        from mockidp.management.not_emulated import find_not_emulated

        if known := find_not_emulated(method, path):
            return known
        raise not_found()
    if path.startswith("/_mockidp/"):
        raise _no_control(match, method, path)
    if match is None:
        raise not_found()
    allow = ", ".join(match.routes)
    raise OAuthError("method_not_allowed", f"Allowed methods: {allow}", 405, headers={"Allow": allow})


def _no_control(match: Match | None, method: str, path: str) -> ApiError:
    if match is None:
        return ApiError(404, f"there is no {path}; GET /_mockidp/openapi.json tells what there is")
    allow = ", ".join(match.routes)
    return ApiError(405, f"{path} takes {allow}, not {method}", headers={"Allow": allow})


def render(tenant: Tenant, request: Request, refusal: Refusal) -> Response:
    """Return the response of a refusal, in the body of its family."""
    if isinstance(refusal, PageError):
        response = _page(tenant, request, refusal)
    elif isinstance(refusal, PlainError):
        response = Response(str(refusal.body()), refusal.status, content_type="text/plain; charset=utf-8")
    elif isinstance(refusal, OAuthError) and request.path == "/oauth/token":
        response = json_response(refusal.body(), refusal.status, BARE_JSON)
    else:
        response = json_response(refusal.body(), refusal.status)
    response.headers.extend(dict(refusal.headers))
    return response


def _page(tenant: Tenant, request: Request, refusal: PageError) -> Response:
    """Return the error page, or the redirect to the tenant's own (documentation, "Custom error pages")."""
    tracking = tenant.ids.draw("tracking", 20)
    url = tenant.settings.error_page.get("url")
    if isinstance(url, str) and url:
        query = {name: request.args[name] for name in ("client_id", "connection") if name in request.args}
        query |= {"error": refusal.error, "error_description": refusal.description, "tracking": tracking}
        return redirect(f"{url}{'&' if '?' in url else '?'}{urlencode(query)}")
    return error_page(refusal.error, refusal.description, status=refusal.status, tracking=tracking)


def _respond(answer: Answer) -> Response:
    return answer if isinstance(answer, Response) else json_response(answer)
