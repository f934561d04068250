"""The contract of every store: run it with another `store` fixture for another backend."""

from __future__ import annotations

import threading

import msgspec
import pytest

from mockidp.store import Kind, MemoryStore, Store


class Thing(msgspec.Struct, frozen=True):
    name: str
    colours: tuple[str, ...] = ()


THINGS: Kind[Thing] = Kind("thing", Thing, {"colour": lambda t: t.colours, "name": lambda t: (t.name,)})


@pytest.fixture(params=[MemoryStore])
def store(request: pytest.FixtureRequest) -> Store:
    made: Store = request.param()
    return made


def test_what_was_put_is_found(store: Store) -> None:
    """get and find return what put kept; an unknown key is a LookupError and None."""
    store.put(THINGS, "1", Thing("a"))
    assert store.get(THINGS, "1") == Thing("a")
    assert store.find(THINGS, "2") is None
    with pytest.raises(LookupError, match="no thing '2'"):
        store.get(THINGS, "2")


def test_take_gives_a_value_once(store: Store) -> None:
    """A second take gets nothing."""
    store.put(THINGS, "1", Thing("a", ("red",)))
    assert store.take(THINGS, "1") == Thing("a", ("red",))
    assert store.take(THINGS, "1") is None
    assert store.all(THINGS, {"colour": "red"}) == []


def test_all_keeps_the_order_and_uses_indexes(store: Store) -> None:
    """Values come in the order they were put; several indexes narrow it down together."""
    for i, colours in enumerate([("red",), ("red", "blue"), ("blue",)]):
        store.put(THINGS, str(i), Thing(f"t{i}", colours))
    assert [t.name for t in store.all(THINGS)] == ["t0", "t1", "t2"]
    assert [t.name for t in store.all(THINGS, {"colour": "red"})] == ["t0", "t1"]
    assert [t.name for t in store.all(THINGS, {"colour": "red", "name": "t1"})] == ["t1"]
    assert store.all(THINGS, {"colour": "green"}) == []


def test_an_index_follows_its_value(store: Store) -> None:
    """A changed value is found under its new texts only."""
    store.put(THINGS, "1", Thing("a", ("red",)))
    store.put(THINGS, "1", Thing("a", ("blue",)))
    assert store.all(THINGS, {"colour": "red"}) == []
    assert store.all(THINGS, {"colour": "blue"}) == [Thing("a", ("blue",))]


def test_update_sees_the_value_or_none(store: Store) -> None:
    """update replaces a value by what the function makes of it."""
    counter: Kind[int] = Kind("counter", int)
    assert store.update(counter, "n", lambda before: (before or 0) + 1) == 1
    assert store.update(counter, "n", lambda before: (before or 0) + 1) == 2


def test_a_failed_transaction_changes_nothing(store: Store) -> None:
    """All writes of a transaction are undone when it raises, nested ones too."""
    store.put(THINGS, "1", Thing("a", ("red",)))

    def spoil() -> None:
        with store.transaction():
            store.take(THINGS, "1")
            with store.transaction():
                store.put(THINGS, "2", Thing("b", ("blue",)))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        spoil()
    assert store.all(THINGS) == [Thing("a", ("red",))]
    assert store.all(THINGS, {"colour": "blue"}) == []


def test_restore_brings_everything_back(store: Store) -> None:
    """A snapshot survives later writes and can be restored again and again."""
    store.put(THINGS, "1", Thing("a", ("red",)))
    snapshot = store.snapshot()
    for _ in range(3):
        store.put(THINGS, "1", Thing("a", ("blue",)))
        store.put(THINGS, "2", Thing("b", ("red",)))
        store.take(THINGS, "1")
        store.restore(snapshot)
        assert store.all(THINGS) == [Thing("a", ("red",))]
        assert store.all(THINGS, {"colour": "red"}) == [Thing("a", ("red",))]
        assert store.all(THINGS, {"colour": "blue"}) == []


def test_snapshots_are_independent(store: Store) -> None:
    """An older snapshot can be restored after a newer one."""
    first = store.snapshot()
    store.put(THINGS, "1", Thing("a"))
    second = store.snapshot()
    store.put(THINGS, "2", Thing("b"))
    store.restore(second)
    assert len(store.all(THINGS)) == 1
    store.restore(first)
    assert store.all(THINGS) == []
    store.restore(second)
    assert store.all(THINGS) == [Thing("a")]


def test_one_of_many_takers_wins(store: Store) -> None:
    """Of 32 threads that take the same value exactly one gets it."""
    store.put(THINGS, "code", Thing("a"))
    barrier = threading.Barrier(32)
    got: list[Thing | None] = []

    def take() -> None:
        barrier.wait()
        got.append(store.take(THINGS, "code"))

    threads = [threading.Thread(target=take) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([value for value in got if value is not None]) == 1


def test_parallel_updates_lose_nothing(store: Store) -> None:
    """Updates are atomic."""
    counter: Kind[int] = Kind("counter", int)

    def count() -> None:
        for _ in range(200):
            store.update(counter, "n", lambda before: (before or 0) + 1)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get(counter, "n") == 1600


def test_values_survive_json(store: Store) -> None:
    """Every value can be written as JSON and read back, for stores outside the process."""
    value = Thing("a", ("red",))
    assert msgspec.json.decode(msgspec.json.encode(value), type=THINGS.type) == value
