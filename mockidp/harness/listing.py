"""The map of the house: which URL is written where and how far it is emulated, and what is a guess."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from inspect import unwrap
from pathlib import Path
from typing import Any

import msgspec

from mockidp.http.routing import Level, Route

PACKAGE = Path(__file__).parents[1]
_MARK = re.compile(r"\bunverified:\s*(.*)")


class Place(msgspec.Struct, frozen=True):
    """One operation; `file` is relative to the directory that holds the package."""

    method: str
    url: str
    file: str
    line: int
    level: Level


class Guess(msgspec.Struct, frozen=True):
    """A line of the source that is marked as unverified, and what it says of it."""

    file: str
    line: int
    text: str


def places(routes: Iterable[Route]) -> list[Place]:
    """Return where each route's endpoint is written, in the order of URLs."""
    found = [_place(route) for route in routes]
    return sorted(found, key=lambda place: (place.url, place.method))


def guesses() -> list[Guess]:
    """Return every mark `unverified:` of the source, in comments and docstrings."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if match := _MARK.search(line):
                found.append(Guess(_relative(path), number, match[1].strip(' "')))
    return found


def table(rows: Iterable[tuple[str, ...]]) -> str:
    """Return rows as aligned columns."""
    listed = list(rows)
    widths = [max(map(len, column)) for column in zip(*listed, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in listed
    )


def _place(route: Route) -> Place:
    endpoint: Any = route.endpoint
    while isinstance(endpoint, partial):
        endpoint = endpoint.func
    code = unwrap(endpoint).__code__
    return Place(
        route.method, route.template, _relative(Path(code.co_filename)), code.co_firstlineno, route.level
    )


def _relative(path: Path) -> str:
    return path.relative_to(PACKAGE.parent).as_posix()
