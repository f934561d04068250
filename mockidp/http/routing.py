"""Routes: a method and a path template, matched on the raw path, and the call that an endpoint gets."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import import_module
from typing import Literal
from urllib.parse import unquote_to_bytes

import msgspec
from werkzeug.utils import cached_property
from werkzeug.wrappers import Request, Response

from mockidp.errors import not_emulated
from mockidp.json import Json
from mockidp.model.tenant import Tenant
from mockidp.tokens.verifier import Verified

Level = Literal["behaviour", "resource", "not emulated"]
Cors = Literal["any", "client", "none"]
Answer = Response | msgspec.Raw | Json


class Call:
    """What an endpoint gets: the tenant, the request, the path's parameters, and who calls.

    `caller` is the verified bearer token of the Management API's routes, None elsewhere.
    """

    def __init__(
        self, tenant: Tenant, request: Request, path: dict[str, str], caller: Verified | None = None
    ) -> None:
        self.tenant = tenant
        self.request = request
        self.path = path
        self._caller = caller

    @property
    def caller(self) -> Verified:
        """The bearer token of a route with scopes."""
        assert self._caller is not None, "this route declares no scopes"
        return self._caller

    @cached_property
    def origin(self) -> str:
        """The URL that this request used, with a trailing slash."""
        scheme = self.request.scheme
        host: str = self.request.environ.get("HTTP_HOST") or self.request.host  # it is one of ours
        return f"{scheme}://{host.removesuffix(':443' if scheme == 'https' else ':80')}/"

    @cached_property
    def issuer(self) -> str:
        """The issuer: pinned, or the URL that the client used; always with a trailing slash."""
        return self.tenant.names.pinned_issuer or self.origin

    @property
    def ip(self) -> str:
        """The IP address of the caller; this machine's, where a WSGI transport names none."""
        return self.request.remote_addr or "127.0.0.1"


Endpoint = Callable[[Call], Answer]


class Route(msgspec.Struct, frozen=True):
    """One operation. `scopes`: a bearer token with any of them is needed (Management API)."""

    method: str
    template: str
    endpoint: Endpoint
    scopes: tuple[str, ...] = ()
    level: Level = "behaviour"
    cors: Cors = "none"


def route_not_emulated(method: str, template: str) -> Route:
    """Return the route of a real operation that mockidp does not have: it answers 501 and says so."""
    return Route(method, template, partial(_refuse, method, template), level="not emulated")


def _refuse(method: str, template: str, _call: Call) -> Answer:
    raise not_emulated(method, template)


_PARAMETER = re.compile(r"\{[^}]*\}")


class _Node:
    """A segment of the tree: fixed children, one parameter child, and what ends here."""

    __slots__ = ("fixed", "parameter", "routes")

    def __init__(self) -> None:
        self.fixed: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.routes: dict[str, Route] = {}


class Match(msgspec.Struct, frozen=True):
    """Where a path leads: its routes by method, and the values of its parameters in order."""

    routes: dict[str, Route]
    values: tuple[str, ...]

    def parameters(self, route: Route) -> dict[str, str]:
        """Return the path's parameters by the names of the route's template."""
        if not self.values:
            return {}
        names = [part[1:-1] for part in route.template.split("/") if part.startswith("{")]
        return dict(zip(names, self.values, strict=True))


Routes = tuple[Route, ...]
Room = tuple[str, Callable[[], Routes]]  # the first segment of paths, and what gets their routes


def rooms(package: str, modules: Mapping[str, tuple[str, ...]]) -> tuple[Room, ...]:
    """Return the rooms whose routes are the `ROUTES` of a package's modules, which are imported only then."""
    return tuple((segment, partial(_routes_of, package, names)) for segment, names in modules.items())


def _routes_of(package: str, names: tuple[str, ...]) -> Routes:
    return tuple(route for name in names for route in import_module(f"{package}.{name}").ROUTES)


class Router:
    """A tree of path segments: cheap to build, and an encoded slash stays inside its segment.

    The routes of `rooms` are got when a path with their first segment is asked for.
    """

    def __init__(self, routes: Iterable[Route] = (), rooms: Iterable[Room] = ()) -> None:
        self._root = _Node()
        self._fixed: dict[str, Match] = {}  # by whole path: a template without parameters
        self._templates: dict[str, None] = {}
        self._rooms: dict[str, list[Callable[[], Routes]]] = {}
        for segment, load in rooms:
            self._rooms.setdefault(segment, []).append(load)
        self._lock = threading.Lock()
        for route in routes:
            self.add(route)

    def add(self, route: Route) -> None:
        """Add a route."""
        node = self._root
        for part in route.template.strip("/").split("/"):
            if part.startswith("{"):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.fixed.setdefault(part, _Node())
        node.routes[route.method] = route
        self._templates[route.template] = None
        if "{" not in route.template:
            self._fixed[route.template] = Match(node.routes, ())

    def match(self, raw_path: str) -> Match | None:
        """Return where a raw (still percent-encoded) path leads, or None."""
        fixed = self._fixed.get(raw_path)
        if fixed is not None:
            return fixed
        parts = raw_path.strip("/").split("/")
        if parts[0] in self._rooms:
            self._open(parts[0])
        return _descend(self._root, parts, 0, ())

    def meant(self, template: str) -> str | None:
        """Return the template that a path's must be a slip of the pen for; None: it is one, or like none.

        Nothing is said of `/api/v2`, whose operations are not all routes.
        """
        path = _PARAMETER.sub("x", template)
        if "*" in path or path.startswith("/api/v2/") or self.match(path):
            return None
        from difflib import get_close_matches

        for room in list(self._rooms):
            self._open(room)
        found = get_close_matches(template, self._templates, 1, 0.8)
        return found[0] if found else None

    def _open(self, room: str) -> None:
        with self._lock:  # who comes second waits until all are there
            if room in self._rooms:
                for load in self._rooms[room]:
                    for route in load():
                        self.add(route)
                del self._rooms[room]


def _descend(node: _Node, parts: list[str], at: int, values: tuple[str, ...]) -> Match | None:
    """Return where the parts from `at` on lead: fixed segments go before parameters."""
    if at == len(parts):
        return Match(node.routes, values) if node.routes else None
    part = parts[at]
    if "%" in part:
        part = unquote_to_bytes(part).decode("utf-8", "replace")
    fixed = node.fixed.get(part)
    found = _descend(fixed, parts, at + 1, values) if fixed else None
    if found is None and node.parameter is not None and part:
        found = _descend(node.parameter, parts, at + 1, (*values, part))
    return found
