"""The clock's model: where it is, how fast it goes, what it refuses. The machine's time is moved by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest

from mockidp.clock import Clock, is_real, iso, parse_duration, parse_time
from mockidp.errors import UsageError

Y2030, Y2031 = 1893456000.0, 1924992000.0


class Machine:
    """The computer's own time."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine whose time passes by hand."""
    machine = Machine()
    monkeypatch.setattr("mockidp.clock.time.time", machine.time)
    return machine


STORIES: dict[str, tuple[Callable[[Clock], object], float]] = {
    # what is done at 2030-01-01, and what the clock shows 10 machine seconds later
    "frozen it stands": (lambda clock: clock.freeze(Y2030), 0),
    "frozen and advanced it stands": (lambda clock: (clock.freeze(Y2030), clock.advance("1h")), 3600),
    "it travels and runs": (lambda clock: clock.travel(Y2030), 10),
    "frozen, it travels and runs": (lambda clock: (clock.freeze(), clock.travel(Y2030)), 10),
    "it travels and is advanced": (lambda clock: (clock.travel(Y2030), clock.advance(minutes=1)), 70),
    "it travels and stops": (lambda clock: (clock.travel(Y2030), clock.freeze()), 0),
    "a minute a second": (lambda clock: (clock.travel(Y2030), clock.rate(60)), 600),
    "a frozen clock goes on where it stood": (lambda clock: (clock.freeze(Y2030), clock.rate(60)), 600),
    "a frozen clock runs again": (lambda clock: (clock.freeze(Y2030), clock.rate(1)), 10),
    "rate 0 stands": (lambda clock: (clock.travel(Y2030), clock.rate(0)), 0),
    "slow motion": (lambda clock: (clock.travel(Y2030), clock.rate(0.5)), 5),
    "travelling keeps the rate": (lambda clock: (clock.rate(60), clock.travel(Y2030)), 600),
    "advancing keeps the rate": (lambda clock: (clock.rate(60), clock.travel(Y2030), clock.advance(1)), 601),
    "freezing forgets the rate": (lambda clock: (clock.rate(60), clock.freeze(), clock.travel(Y2030)), 10),
}


@pytest.mark.parametrize("name", STORIES)
def test_the_verbs_go_together(machine: Machine, name: str) -> None:
    """One model: from a moment on, so many seconds in each real one."""
    story, passed = STORIES[name]
    clock = Clock()
    story(clock)
    machine.now += 10
    assert clock.now() == Y2030 + passed


def test_a_rate_holds_from_now_on(machine: Machine) -> None:
    """What passed before stays as it was."""
    clock = Clock()
    clock.travel(Y2030)
    for rate, passed in ((1, 10), (60, 610), (0, 610), (2, 630)):
        clock.rate(rate)
        machine.now += 10
        assert clock.now() == Y2030 + passed


@pytest.mark.parametrize(
    "change",
    [
        lambda clock: clock.freeze(),
        lambda clock: clock.travel(Y2030),
        lambda clock: clock.advance(1),
        lambda clock: clock.rate(2),
        lambda clock: (clock.rate(2), clock.rate(1)),
    ],
    ids=["freeze", "travel", "advance", "rate", "rate 1 after another"],
)
def test_unfreeze_goes_back_to_the_real_time(machine: Machine, change: Callable[[Clock], object]) -> None:
    """From wherever it was."""
    clock = Clock()
    assert is_real(clock)
    machine.now += 3
    change(clock)
    assert not is_real(clock)
    machine.now += 3
    clock.unfreeze()
    assert (is_real(clock), clock.now()) == (True, machine.now)


@pytest.mark.parametrize("nothing", [lambda c: c.rate(1), lambda c: c.advance(), lambda c: c.unfreeze()])
def test_what_changes_nothing_leaves_it_real(machine: Machine, nothing: Callable[[Clock], object]) -> None:
    """The rate that it has, no time at all."""
    clock = Clock()
    nothing(clock)
    assert is_real(clock)


@pytest.mark.parametrize(
    ("block", "inside"),
    [
        (lambda clock: clock.freeze(Y2031), Y2031),
        (lambda clock: clock.travel(Y2031), Y2031 + 10),
        (lambda clock: clock.advance(hours=1), Y2030 + 3610),
        (lambda clock: clock.rate(60), Y2030 + 600),
        (lambda clock: clock.unfreeze(), 1_800_000_010),
    ],
    ids=["freeze", "travel", "advance", "rate", "unfreeze"],
)
def test_a_block_ends_as_it_began(
    machine: Machine, block: Callable[[Clock], AbstractContextManager[object]], inside: float
) -> None:
    """Time has gone on meanwhile as it went before."""
    clock = Clock()
    clock.travel(Y2030)
    before = clock.state()
    with block(clock):
        machine.now += 10
        assert clock.now() == inside
    assert (clock.state(), clock.now()) == (before, Y2030 + 10)


def test_blocks_nest(machine: Machine) -> None:
    """Each brings back the one around it."""
    clock = Clock()
    with clock.freeze(Y2030):
        with clock.travel(Y2031):
            machine.now += 5
            assert clock.now() == Y2031 + 5
        assert (clock.now(), clock.frozen) == (Y2030, True)
    assert is_real(clock)


def test_a_state_is_how_time_goes(machine: Machine) -> None:
    """A clock that ran goes on running, one that stood stands where it stood."""
    clock = Clock()
    clock.travel(Y2030)
    running = clock.state()
    clock.freeze(Y2031)
    frozen = clock.state()
    machine.now += 10
    clock.restore(running)
    assert clock.now() == Y2030 + 10
    clock.restore(frozen)
    assert clock.now() == Y2031


def test_the_machines_time_may_be_set_back(machine: Machine) -> None:
    """The clock follows it; a frozen one does not notice, and none leaves its range."""
    clock = Clock()
    clock.rate(31536000)
    machine.now -= 3600
    assert clock.now() == 0
    machine.now += 1e6
    assert iso(clock.now()) == "9000-01-01T00:00:00.000Z"
    clock.freeze(Y2030)
    machine.now -= 3600
    assert clock.now() == Y2030


def test_no_advance_is_lost() -> None:
    """Of many threads at once."""
    clock = Clock()
    clock.freeze(0)
    threads = [threading.Thread(target=lambda: [clock.advance(1) for _ in range(200)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.now() == 1600


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        ("2030-01-01T00:00:00Z", Y2030),
        ("2030-01-01", Y2030),
        ("2030-01-01T02:00:00+02:00", Y2030),
        ("2030-01-01T00:00:00.5", Y2030 + 0.5),
        (Y2030, Y2030),
        (datetime(2030, 1, 1), Y2030),  # noqa: DTZ001 - UTC, as the text is
        (datetime(2030, 1, 1, tzinfo=UTC), Y2030),
        (datetime(2030, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), Y2030),
        (date(2030, 1, 1), Y2030),
    ],
)
def test_moments(moment: str | float | date, seconds: float) -> None:
    """ISO 8601, epoch seconds, a datetime or date; UTC unless it says otherwise."""
    assert parse_time(moment) == seconds


@pytest.mark.parametrize(
    ("by", "seconds"),
    [
        ("1h30m", 5400),
        ("500ms", 0.5),
        (90, 90),
        (timedelta(days=1, seconds=1), 86401),
        ("36525d", 3155760000),
    ],
)
def test_a_clock_advances_by_any_duration(by: str | float | timedelta, seconds: float) -> None:
    """As scenarios write it, seconds, or a timedelta."""
    clock = Clock()
    clock.freeze(0)
    clock.advance(by)
    clock.advance(minutes=1)
    assert clock.now() == parse_duration(by) + 60 == seconds + 60


def test_verbs_follow_one_another() -> None:
    """In one line, and as the head of one block."""
    clock = Clock()
    assert clock.freeze(Y2030).advance(hours=1).now() == clock.now() == Y2030 + 3600
    with clock.travel(Y2031).rate(60).freeze() as inside:
        assert (clock.frozen, inside.now()) == (True, clock.now())
    assert clock.now() == Y2030 + 3600


NONSENSE: list[tuple[Callable[[Clock], object], str]] = [
    (lambda clock: clock.freeze("noon"), "'noon' is no time; write it as 2030-01-01T00:00:00Z"),
    (lambda clock: clock.travel("now"), "'now' is no time"),
    (lambda clock: clock.travel(time(12)), "'12:00:00' is no time"),
    (lambda clock: clock.freeze(None), "'None' is no time"),
    (lambda clock: clock.travel("1969-12-31T23:59:59Z"), "goes from 1970 to 9000"),
    (lambda clock: clock.freeze("9999-12-31"), "the clock cannot show '9999-12-31'"),
    (lambda clock: clock.freeze(float("nan")), "the clock cannot show 'nan'"),
    (lambda clock: clock.travel(float("inf")), "the clock cannot show 'inf'"),
    (lambda clock: clock.advance(-1), "goes forward only; use clock.travel('…') to go back"),
    (lambda clock: clock.advance(hours=-1), "goes forward only"),
    (lambda clock: clock.advance(timedelta(-1)), "goes forward only"),
    (lambda clock: clock.advance("soon"), "'soon' is no duration; write it as 90s, 15m, 1h30m or 2d"),
    (lambda clock: clock.advance("-1h"), "'-1h' is no duration"),
    (lambda clock: clock.advance(None), "'None' is no duration"),
    (lambda clock: clock.advance("9" * 400), "is no duration"),
    (lambda clock: clock.advance(float("nan")), "'nan' is no duration"),
    (lambda clock: clock.advance("36526d"), "up to 36525d"),
    (lambda clock: clock.advance(days=40000), "up to 36525d"),
    (lambda clock: clock.advance(days=1e12), "a hundred years at most"),
    (lambda clock: clock.advance(seconds=float("nan")), "a hundred years at most"),
    (lambda clock: (clock.freeze("8999-12-31"), clock.advance("2d")), "goes from 1970 to 9000"),
    (lambda clock: clock.rate(-1), "'-1' is no rate; write how many seconds pass in a real one: 60, or 0"),
    (lambda clock: clock.rate(float("nan")), "'nan' is no rate"),
    (lambda clock: clock.rate(float("inf")), "'inf' is no rate"),
    (lambda clock: clock.rate("fast"), "'fast' is no rate"),
    (lambda clock: clock.rate(None), "'None' is no rate"),
]


@pytest.mark.parametrize(("wrong", "message"), NONSENSE)
def test_nonsense_is_refused_in_one_line(wrong: Callable[[Clock], object], message: str) -> None:
    """What is meant, and how to write it."""
    with pytest.raises(UsageError) as refused:
        wrong(Clock())
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("wrong", [lambda c: c.advance(-1), lambda c: c.travel("x"), lambda c: c.rate(-1)])
def test_what_is_refused_changes_nothing(wrong: Callable[[Clock], object]) -> None:
    """It stands where it stood."""
    clock = Clock()
    clock.freeze(Y2030)
    before = clock.state()
    with pytest.raises(UsageError):
        wrong(clock)
    assert clock.state() == before
