"""Routes: a method and a path template, matched on the raw path, and the call that an endpoint gets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal
from urllib.parse import unquote

from werkzeug.wrappers import Request, Response

from mockidp.errors import not_emulated
from mockidp.json import Json
from mockidp.model.tenant import Tenant
from mockidp.tokens.verifier import Verified

Level = Literal["behaviour", "resource", "not emulated"]
Cors = Literal["any", "client", "none"]
Answer = Response | Json


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
        return f"{self.request.scheme}://{self.request.host}/"

    @cached_property
    def issuer(self) -> str:
        """The issuer: pinned, or the URL that the client used; always with a trailing slash."""
        return self.tenant.names.pinned_issuer or self.origin


Endpoint = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
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


class _Node:
    """A segment of the tree: fixed children, one parameter child, and what ends here."""

    __slots__ = ("fixed", "parameter", "routes")

    def __init__(self) -> None:
        self.fixed: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.routes: dict[str, Route] = {}


@dataclass(frozen=True, slots=True)
class Match:
    """Where a path leads: its routes by method, and the values of its parameters in order."""

    routes: dict[str, Route]
    values: tuple[str, ...]

    def parameters(self, route: Route) -> dict[str, str]:
        """Return the path's parameters by the names of the route's template."""
        names = [part[1:-1] for part in route.template.split("/") if part.startswith("{")]
        return dict(zip(names, self.values, strict=True))


class Router:
    """A tree of path segments: cheap to build, and an encoded slash stays inside its segment."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
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

    def match(self, raw_path: str) -> Match | None:
        """Return where a raw (still percent-encoded) path leads, or None."""
        parts = raw_path.strip("/").split("/")
        return _descend(self._root, parts, ())


def _descend(node: _Node, parts: list[str], values: tuple[str, ...]) -> Match | None:
    if not parts:
        return Match(node.routes, values) if node.routes else None
    head, rest = unquote(parts[0]), parts[1:]
    fixed = node.fixed.get(head)
    found = _descend(fixed, rest, values) if fixed else None
    if found is None and node.parameter is not None and head:
        found = _descend(node.parameter, rest, (*values, head))
    return found
