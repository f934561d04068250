"""Every other operation of the Management API: known, and answered 501, never made up.

There are some 450, and few tests meet one; so they are built when the first is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from mockidp.http.routing import Route, Router, route_not_emulated
from mockidp.management.operations import operations

PREFIX = "/api/v2/"


def find_not_emulated(method: str, raw_path: str) -> Route | None:
    """Return the route of a known operation, for when no other route matched; None for an unknown one."""
    if not raw_path.startswith(PREFIX):
        return None
    match = _router().match(raw_path)
    return None if match is None else match.routes.get(method)


def routes_not_emulated(emulated: Iterable[Route]) -> tuple[Route, ...]:
    """Return a route for each known operation that is not among `emulated`; they need no token."""
    own = {(route.method, _shape(route.template)) for route in emulated}
    return tuple(
        route_not_emulated(o.method, o.path) for o in operations() if (o.method, _shape(o.path)) not in own
    )


def _shape(template: str) -> str:
    """Return a template without the names of its parameters, which may differ."""
    return "/".join("{}" if part.startswith("{") else part for part in template.split("/"))


@cache
def _router() -> Router:
    return Router(routes_not_emulated(()))
