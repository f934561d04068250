"""A server that runs for days stays small: what is over is forgotten, by the tenant's clock."""

from __future__ import annotations

from typing import Any

import pytest
from authentication_world import World

from mockidp.ids import COUNTERS
from mockidp.model.credentials import CODES, REFRESH_TOKENS, REVOKED, USED_CODES
from mockidp.model.pruning import EVERY, prune
from mockidp.model.session import SESSIONS, TRANSACTIONS
from mockidp.store import Kind

DAY = 86400
OFFLINE = "openid offline_access"


def count(world: World, kind: Kind[Any]) -> int:
    return len(world.tenant.store.all(kind))


def abandon(world: World) -> None:
    """Begin a login that nobody finishes."""
    world.another_browser().authorize()


def log_in(world: World) -> None:
    """Log in, and never redeem the code."""
    world.code()


def use_twice(world: World) -> None:
    """Redeem a code, and once more."""
    code = world.code()
    world.redeem(code)
    world.redeem(code)


def rotate(world: World) -> None:
    """Get a refresh token and exchange it."""
    token = world.tokens(client_id="spa", scope=OFFLINE)["refresh_token"]
    world.refresh(token, "spa")


@pytest.mark.parametrize(
    ("kind", "use", "lifetime"),
    [
        (TRANSACTIONS, abandon, 3601),
        (CODES, log_in, 600),
        (SESSIONS, log_in, 3 * DAY),
        (USED_CODES, use_twice, 30 * DAY),
        (REVOKED, use_twice, 30 * DAY),
        (REFRESH_TOKENS, rotate, 30 * DAY),
    ],
    ids=lambda value: value.name if isinstance(value, Kind) else None,
)
def test_what_is_over_is_forgotten(world: World, kind: Kind[Any], use: Any, lifetime: int) -> None:
    """After its time, as others come; not before."""
    for _ in range(5):
        use(world)
    before = count(world, kind)
    assert before >= 5
    world.clock.advance(lifetime - 1)
    for _ in range(EVERY):
        use(world)
    assert count(world, kind) >= before + EVERY
    world.clock.advance(lifetime)
    for _ in range(EVERY):
        use(world)
    assert count(world, kind) <= 2 * EVERY


def test_the_oldest_go_when_there_are_too_many(world: World) -> None:
    """Under load a session's days are too long: the newest stay, as many as may."""
    while (world.tenant.store.find(COUNTERS, "transaction") or 0) % EVERY:
        abandon(world)
    for _ in range(5):
        log_in(world)
    newest = [session.id for session in world.tenant.store.all(SESSIONS)][-3:]
    while (world.tenant.store.find(COUNTERS, "transaction") or 0) % EVERY:
        abandon(world)
    prune(world.tenant, "transaction", SESSIONS, lambda session: session.id, lambda session: False, 3)
    assert [session.id for session in world.tenant.store.all(SESSIONS)] == newest


def test_finished_transactions_are_not_kept(world: World) -> None:
    """Neither those that were answered nor those that were refused."""
    world.log_in()
    world.authorize(prompt="none")
    world.another_browser().authorize(prompt="none")
    assert count(world, TRANSACTIONS) == 0


def test_refused_requests_keep_nothing(world: World) -> None:
    """A bad request costs no memory."""
    for _ in range(10):
        world.authorize(audience="https://nowhere")
        world.authorize(client_id="nobody-at-all")
        world.redeem("x")
        world.refresh("x")
    for kind in (TRANSACTIONS, CODES, USED_CODES, REVOKED, REFRESH_TOKENS, SESSIONS):
        assert count(world, kind) == 0, kind.name
