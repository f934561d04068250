"""Which operation is meant: `"POST /oauth/token"`, `"* /api/v2/users/{id}"`, `"GET /api/v2/*"`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from urllib.parse import unquote

import msgspec

from mockidp.errors import UsageError

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Asked(Protocol):
    """A request, as far as an operation looks at it."""

    @property
    def method(self) -> str: ...
    @property
    def segments(self) -> Sequence[str]: ...


class Operation(msgspec.Struct, frozen=True):
    """A method (`*`: any) and a path template, as `POST /api/v2/users/{id}/identities`."""

    method: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Operation:
        """Return what `"METHOD /path"` means; raise `UsageError` when it is something else."""
        method, _, path = text.strip().partition(" ")
        method, path = method.upper(), path.strip()
        if (method not in METHODS and method != "*") or not path.startswith("/"):
            raise UsageError(f"'{text}' is no operation; write method and path: 'POST /oauth/token'")
        if "?" in path or "#" in path:
            raise UsageError(f"'{text}': write the path alone, and its parameters as query={{…}}")
        return cls(method, path)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def fits(self, asked: Asked) -> bool:
        """Whether it is of this operation; `{name}` is any one segment, a last `*` all that follow."""
        if self.method not in ("*", asked.method):
            return False
        own, given = self.path.strip("/").split("/"), asked.segments
        if own[-1] == "*":
            own, given = own[:-1], given[: len(own) - 1]
        return len(own) == len(given) and all(map(_segment_fits, own, given))


def misspelt(operation: Operation, meant: str, place: str = "") -> UsageError:
    """Return what says that there is no such operation, but one that is written almost so; `place`: where."""
    told = f"there is no '{operation}'; did you mean '{operation.method} {meant}'?"
    return UsageError(f"{place}: {told}" if place else told)


def _segment_fits(own: str, given: str) -> bool:
    return given != "" if own[:1] == "{" and own[-1:] == "}" else unquote(own) == given
