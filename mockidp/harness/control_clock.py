"""The control API's operations for the tenant's time."""

from __future__ import annotations

from typing import Protocol

import msgspec

from mockidp.clock import Course, iso
from mockidp.errors import UsageError
from mockidp.model.tenant import Tenant


class Timed(Protocol):
    """A mock, as far as these operations go."""

    @property
    def state(self) -> Tenant: ...


class Duration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A length of time in parts."""

    days: float = 0
    hours: float = 0
    minutes: float = 0
    seconds: float = 0


class ClockChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly one of them.

    `freeze`: ISO 8601, epoch seconds, or `now`; `travel` the same, but `now`; `advance`: `1h`, or seconds;
    `rate`: the seconds that pass in each real one; `course`: as `GET clock` has it.
    """

    freeze: str | float | None = None
    travel: str | float | None = None
    advance: str | float | Duration | None = None
    rate: float | None = None
    unfreeze: bool = False
    course: Course | None = None


class ClockState(msgspec.Struct, frozen=True):
    """The tenant's time: ISO 8601 and epoch seconds; `rate`: the seconds that pass in each real one.

    `course` is how time goes, to be brought back.
    """

    now: str
    epoch: float
    frozen: bool
    rate: float
    course: Course


def show_clock(idp: Timed, given: object) -> ClockState:
    """Return the tenant's time."""
    clock = idp.state.clock
    now = clock.now()
    course = clock.state()
    return ClockState(now=iso(now), epoch=now, frozen=clock.frozen, rate=course.rate, course=course)


def set_clock(idp: Timed, given: ClockChange) -> ClockState:
    """Do one thing to the clock, and return its time."""
    clock = idp.state.clock
    if sum(value is not None and value is not False for value in msgspec.structs.astuple(given)) != 1:
        raise UsageError(
            'POST clock takes one of {"freeze": time}, {"travel": time}, {"advance": "1h"}, {"rate": 60} '
            'and {"unfreeze": true}'
        )
    if isinstance(given.advance, Duration):
        clock.advance(**msgspec.structs.asdict(given.advance))
    elif given.advance is not None:
        clock.advance(given.advance)
    elif given.travel is not None:
        clock.travel(given.travel)
    elif given.rate is not None:
        clock.rate(given.rate)
    elif given.freeze is not None:
        clock.freeze(given.freeze)
    elif given.course is not None:
        clock.restore(given.course)
    else:
        clock.unfreeze()
    return show_clock(idp, given)
