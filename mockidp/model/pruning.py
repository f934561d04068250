"""Forgetting what is over, so that a server that runs for days stays small."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mockidp.ids import COUNTERS
from mockidp.model.tenant import Tenant
from mockidp.store import Kind

T = TypeVar("T")
EVERY = 128  # additions between two rounds: a round looks at everything of the kind


def prune(
    tenant: Tenant, counter: str, kind: Kind[T], key: Callable[[T], str], is_over: Callable[[T], bool]
) -> None:
    """Delete the values that are over, once in a while: at every 128th id that `counter` drew."""
    if (tenant.store.find(COUNTERS, counter) or 0) % EVERY:
        return
    for value in tenant.store.all(kind):
        if is_over(value):
            tenant.store.take(kind, key(value))
