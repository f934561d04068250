"""Forgetting what is over, so that a server that runs for days stays small."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mockidp.ids import COUNTERS
from mockidp.model.tenant import Tenant
from mockidp.store import Kind

T = TypeVar("T")
EVERY = 128  # additions between two rounds: a round looks at everything of the kind
MOST = 10_000  # of a kind that are kept: under load, a real tenant's days are too long


def prune(
    tenant: Tenant,
    counter: str,
    kind: Kind[T],
    key: Callable[[T], str],
    is_over: Callable[[T], bool],
    most: int | None = MOST,
) -> None:
    """Delete the values that are over, once in a while: at every 128th id that `counter` drew.

    Of more than `most` that are not, the oldest go too.
    """
    if (tenant.store.find(COUNTERS, counter) or 0) % EVERY:
        return
    kept = []
    for value in tenant.store.all(kind):
        if is_over(value):
            tenant.store.take(kind, key(value))
        else:
            kept.append(value)
    for value in kept[:-most] if most else ():
        tenant.store.take(kind, key(value))
