"""Write coverage.md, the table of what is emulated: `python docs/make_coverage.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from mockidp.app import all_routes
from mockidp.authentication.not_emulated import GRANT_TYPES, OPERATIONS
from mockidp.authentication.oauth_token import GRANTS
from mockidp.http.routing import Route
from mockidp.management.not_emulated import routes_not_emulated
from mockidp.management.operations import operations

TARGET = Path(__file__).with_name("coverage.md")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PARTS: tuple[tuple[str, str], ...] = (
    ("authentication", "Authentication API"),
    ("universal_login", "Universal Login: the pages"),
    ("management", "Management API"),
)
HEAD = """# What is emulated

Made by `python docs/make_coverage.py` from the routes themselves; a test fails when it is out of date.

* **behaviour**: acts like the real one, side effects included.
* **resource**: keeps what it is given, and checks it as the real one does; nothing else depends on it.
* **not emulated**: a real operation that is answered 501 with `"errorCode": "not_emulated"`.

`python -m mockidp routes` prints the same with file and line, `--unverified` what is a guess. Any other path
is answered 404.
"""


def render() -> str:
    """Return the whole document."""
    missing = routes_not_emulated(all_routes())
    parts = [_part(room, title) for room, title in PARTS]
    return "\n".join([HEAD + _totals(missing), *parts, _others(), _not_emulated(missing)])


def _totals(missing: Iterable[Route]) -> str:
    management = len(_routes_of("management"))
    others = sum(len(_routes_of(room)) for room, _ in PARTS) - management
    return (
        f"\nEmulated are {others} operations of the Authentication API and the pages, and\n"
        f"{management} of the Management API's {len(operations())}; {len(tuple(missing))} are not yet.\n"
    )


def _part(room: str, title: str) -> str:
    """Return one part's table, in the order of the routes."""
    rows = ["| Operation | Level | What it does |", "| --- | --- | --- |"]
    rows += [f"| `{_name(route)}` | {route.level} | {_summary(route)} |" for route in _routes_of(room)]
    grants = [f"`{grant_type}`" for grant_type in GRANTS]
    beside = [f"\nGrant types of `/oauth/token`: {', '.join(grants)}."] if room == "authentication" else []
    return "\n".join([f"## {title}\n", *rows, *beside, ""])


def _others() -> str:
    """Return what the Authentication API has and mockidp has not."""
    rows = ["| | Operations |", "| --- | --- |"]
    rows += [
        f"| {title} | {', '.join(f'`{name}`' for name in names)} |" for title, names in OPERATIONS.items()
    ]
    grants = ", ".join(f"`{grant_type}`" for grant_type in sorted(GRANT_TYPES))
    return "\n".join(["## Authentication API: not emulated yet\n", *rows, f"\nGrant types: {grants}.", ""])


def _not_emulated(missing: Iterable[Route]) -> str:
    """Return the operations that are not emulated: counted and listed, kind by kind."""
    kinds: dict[str, list[Route]] = {}
    for route in missing:
        kinds.setdefault(route.template.split("/")[3], []).append(route)
    rows = ["| Kind | Operations | |", "| --- | --: | --- |"]
    rows += [f"| {kind} | {len(routes)} | {_listed(routes)} |" for kind, routes in sorted(kinds.items())]
    return "\n".join(["## Management API: not emulated yet\n", *rows, ""])


def _listed(routes: list[Route]) -> str:
    """Return a kind's operations, methods of one path together, without `/api/v2`."""
    paths: dict[str, list[str]] = {}
    for route in routes:
        paths.setdefault(route.template.removeprefix("/api/v2"), []).append(route.method)
    return ", ".join(
        f"`{' '.join(sorted(methods, key=METHODS.index))} {path}`" for path, methods in sorted(paths.items())
    )


def _routes_of(room: str) -> list[Route]:
    emulated = (route for route in all_routes() if route.level != "not emulated")
    return [route for route in emulated if _function(route).__module__.split(".")[1] == room]


def _name(route: Route) -> str:
    return f"{route.method} {route.template}"


def _function(route: Route) -> Callable[..., object]:
    endpoint = route.endpoint
    return endpoint.func if isinstance(endpoint, partial) else endpoint


def _summary(route: Route) -> str:
    """Return the first paragraph of an endpoint's docstring, for a cell of a table."""
    lines = (_function(route).__doc__ or "").strip().partition("\n\n")[0]
    return " ".join(lines.split()).replace("|", "\\|")


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
