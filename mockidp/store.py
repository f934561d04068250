"""How state is kept: typed kinds of immutable values behind a few verbs.

`snapshot()` and `restore()` cost almost nothing whatever the tenant's size: tables are shared until the first
write after them (copy on write by generation).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Kind(Generic[T]):
    """A kind of value: its name, its type, and the indexes that `all(kind, where=…)` can use.

    An index is a function from a value to the texts under which it is found.
    """

    __slots__ = ("indexes", "name", "type")

    def __init__(
        self, name: str, type: type[T], indexes: Mapping[str, Callable[[T], Iterable[str]]] | None = None
    ) -> None:
        self.name = name
        self.type = type
        self.indexes = dict(indexes or {})


class Snapshot:
    """An opaque earlier state of a store."""

    __slots__ = ("tables",)

    def __init__(self, tables: dict[str, _Table]) -> None:
        self.tables = tables


class Store(Protocol):
    """The verbs; `tests/test_store_contract.py` is the contract of every implementation."""

    def get(self, kind: Kind[T], key: str) -> T:
        """Return the value; raise `LookupError` when there is none."""

    def find(self, kind: Kind[T], key: str) -> T | None:
        """Return the value or None."""

    def put(self, kind: Kind[T], key: str, value: T) -> None:
        """Keep the value under the key."""

    def take(self, kind: Kind[T], key: str) -> T | None:
        """Remove and return the value, or None: of several callers exactly one gets it."""

    def all(self, kind: Kind[T], where: Mapping[str, str] | None = None) -> list[T]:
        """Return all values in the order they came, or those that every given index finds."""

    def update(self, kind: Kind[T], key: str, fn: Callable[[T | None], T]) -> T:
        """Replace the value (or None) by what `fn` makes of it, atomically, and return that."""

    def transaction(self) -> Any:
        """Return a context: all of its writes happen, or none when it raises."""

    def snapshot(self) -> Snapshot:
        """Return the state as it is."""

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to it."""


class _Table(dict[str, Any]):
    """A dictionary that knows the generation it may be written in."""

    __slots__ = ("generation",)

    def __init__(self, generation: int, content: Mapping[str, Any] | None = None) -> None:
        super().__init__(content or {})
        self.generation = generation


class MemoryStore:
    """Keeps everything in this process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._generation = 0
        self._tables: dict[str, _Table] = {}
        self._undo: list[tuple[Kind[Any], str, Any]] | None = None

    def get(self, kind: Kind[T], key: str) -> T:
        value = self.find(kind, key)
        if value is None:
            raise LookupError(f"no {kind.name} '{key}'")
        return value

    def find(self, kind: Kind[T], key: str) -> T | None:
        table = self._tables.get(kind.name)
        return None if table is None else table.get(key)

    def put(self, kind: Kind[T], key: str, value: T) -> None:
        with self._lock:
            self._set(kind, key, value)

    def take(self, kind: Kind[T], key: str) -> T | None:
        with self._lock:
            value = self.find(kind, key)
            if value is not None:
                self._set(kind, key, None)
            return value

    def all(self, kind: Kind[T], where: Mapping[str, str] | None = None) -> list[T]:
        with self._lock:
            rows = self._tables.get(kind.name)
            if rows is None:
                return []
            if not where:
                return list(rows.values())
            found: list[dict[str, None]] = []
            for index, text in where.items():
                table = self._tables.get(f"{kind.name}/{index}")
                found.append({} if table is None else table.get(text, {}))
            smallest = min(found, key=len)
            return [rows[key] for key in smallest if all(key in keys for keys in found)]

    def update(self, kind: Kind[T], key: str, fn: Callable[[T | None], T]) -> T:
        with self._lock:
            value = fn(self.find(kind, key))
            self._set(kind, key, value)
            return value

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            if self._undo is not None:  # nested: the outermost decides
                yield
                return
            self._undo = []
            try:
                yield
            except BaseException:
                undo, self._undo = self._undo, None
                for kind, key, value in reversed(undo):
                    self._set(kind, key, value)
                raise
            finally:
                self._undo = None

    def snapshot(self) -> Snapshot:
        with self._lock:
            self._generation += 1
            return Snapshot(dict(self._tables))

    def restore(self, snapshot: Snapshot) -> None:
        with self._lock:
            self._generation += 1
            self._tables = dict(snapshot.tables)

    def _set(self, kind: Kind[Any], key: str, value: Any) -> None:
        """Write (or with None delete) one value and its index entries."""
        rows = self._writable(kind.name)
        old = rows.get(key)
        if self._undo is not None:
            self._undo.append((kind, key, old))
        for name, texts in kind.indexes.items():
            before = set(texts(old)) if old is not None else set()
            after = set(texts(value)) if value is not None else set()
            if before != after:
                self._reindex(f"{kind.name}/{name}", key, before - after, after - before)
        if value is None:
            rows.pop(key, None)
        else:
            rows[key] = value

    def _reindex(self, name: str, key: str, gone: set[str], come: set[str]) -> None:
        index = self._writable(name)
        for text in gone:
            bucket = self._writable(text, index)
            bucket.pop(key, None)
            if not bucket:
                del index[text]
        for text in come:
            self._writable(text, index)[key] = None

    def _writable(self, name: str, container: dict[str, Any] | None = None) -> _Table:
        """Return the named table, copied first when a snapshot still shares it."""
        tables = self._tables if container is None else container
        table: _Table | None = tables.get(name)
        if table is None or table.generation != self._generation:
            table = _Table(self._generation, table)
            tables[name] = table
        return table
