"""Long computing without Python's interpreter lock (GIL), for example a signature.

A host whose threads take turns tells here what is to happen meanwhile: see `http/host.py`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MEANWHILE: ContextVar[Callable[[], AbstractContextManager[None]]] = ContextVar(
    "meanwhile", default=nullcontext
)


def released() -> AbstractContextManager[None]:
    """Return the context in which to call what releases the lock for longer than it takes to hand it over."""
    return MEANWHILE.get()()
