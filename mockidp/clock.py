"""The tenant's clock: the only place that reads the time. Moments and durations as people write them."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Self

import msgspec

from mockidp.errors import UsageError

Moment = str | float | date  # a datetime is one
Duration = str | float | timedelta
FIRST, LAST = 0.0, 221845392000.0  # 1970 to 9000: what begins then can still expire in a year of four digits
FASTEST = 31536000.0  # a year a second
LONGEST = 36525 * 86400.0  # a hundred years
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*")


class Course(msgspec.Struct, frozen=True):
    """How time goes: `base` at the real time `since`, and from there `rate` seconds in each real one."""

    base: float = 0.0
    since: float = 0.0
    rate: Annotated[float, msgspec.Meta(ge=0, le=FASTEST)] = 1.0

    def at(self, real: float) -> float:
        """Return what the clock shows at a real time; at either end of its range it stands still."""
        return min(max(self.base + (real - self.since) * self.rate, FIRST), LAST)


REAL = Course()


class Clock:
    """Seconds since the epoch: the real time, until somebody stops it, moves it or lets it run faster.

    Every verb may head a `with` block, too: at its end time goes as it did before.
    """

    def __init__(self) -> None:
        self._course = REAL
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Clock {iso(self.now())}{', frozen' if self.frozen else ''}>"

    def now(self) -> float:
        """Return the current time in epoch seconds."""
        course = self._course
        if course is REAL:
            return time.time()
        return course.at(time.time() if course.rate else course.since)

    def freeze(self, at: Moment = "now") -> Turned:
        """Stop the clock at a moment (ISO 8601, epoch seconds or datetime), or where it is."""
        moment = None if at == "now" else parse_moment(at)
        return self._go(
            lambda course, real: Course(course.at(real) if moment is None else moment, real, rate=0.0)
        )

    def travel(self, to: Moment) -> Turned:
        """Jump to a moment, forward or back, and run on from there: as fast as before, or in real seconds."""
        moment = parse_moment(to)
        return self._go(lambda course, real: Course(moment, real, course.rate or 1.0))

    def rate(self, factor: float) -> Turned:
        """Run so many seconds in each real one from now on: 60 is a minute a second, 0 stands still."""
        rate = parse_rate(factor)
        return self._go(
            lambda course, real: course if course.rate == rate else Course(course.at(real), real, rate)
        )

    def advance(
        self,
        by: Duration = 0,
        *,
        seconds: float = 0,
        minutes: float = 0,
        hours: float = 0,
        days: float = 0,
    ) -> Turned:
        """Move the clock forward (`"1h30m"`, seconds or a timedelta); it stands or runs on as before."""
        try:
            parts = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        except (OverflowError, ValueError):
            raise UsageError("clock.advance() goes a hundred years at most; use clock.travel('…')") from None
        delta = parse_duration(by) + parse_duration(parts)
        if delta < 0:
            raise UsageError("clock.advance() goes forward only; use clock.travel('…') to go back")

        def advanced(course: Course, real: float) -> Course:
            parse_moment(course.at(real) + delta)
            return msgspec.structs.replace(course, base=course.base + delta)

        return self._go(advanced)

    def unfreeze(self) -> Turned:
        """Go back to the real time."""
        return self._go(lambda course, real: REAL)

    @property
    def frozen(self) -> bool:
        """Whether the clock stands still."""
        return self._course.rate == 0

    def state(self) -> Course:
        """Return how time goes: what `restore` takes."""
        return self._course

    def restore(self, state: Course) -> None:
        """Let time go as it did at an earlier `state()`."""
        with self._lock:
            self._course = state

    def _go(self, change: Callable[[Course, float], Course]) -> Turned:
        """Change the course at this moment; return the block that brings back the one before."""
        with self._lock:
            before = self._course
            self._course = change(before, time.time())
        return Turned(self, before)


class Turned(Clock):
    """A clock as a verb leaves it: for the next verb, or the head of a `with` block."""

    def __init__(self, clock: Clock, before: Course) -> None:
        self._clock, self._before = clock, before
        self._lock = clock._lock

    @property
    def _course(self) -> Course:
        return self._clock._course

    @_course.setter
    def _course(self, course: Course) -> None:
        self._clock._course = course

    def _go(self, change: Callable[[Course, float], Course]) -> Turned:
        self._clock._go(change)
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.restore(self._before)


def ticks() -> float:
    """Return seconds of a clock that no test moves: the difference of two is how long something took."""
    return time.perf_counter()


def is_real(clock: Clock) -> bool:
    """Whether it shows the time that those who ask have too: neither stopped, moved nor faster."""
    return clock.state() == REAL


def parse_time(value: Moment) -> float:
    """Return epoch seconds of an ISO 8601 text (UTC unless it says otherwise), a number, datetime or date."""
    if isinstance(value, int | float):
        return float(value)
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"'{value}' is no time; write it as 2030-01-01T00:00:00Z") from None


def parse_moment(value: Moment) -> float:
    """Return epoch seconds of a moment that the clock can show; raise `UsageError`."""
    seconds = parse_time(value)
    if not FIRST <= seconds <= LAST:
        raise UsageError(f"the clock cannot show '{value}': it goes from 1970 to 9000")
    return seconds


def parse_rate(value: str | float) -> float:
    """Return how many seconds pass in a real one; raise `UsageError` for what is no such number."""
    try:
        rate = float(value)
    except (TypeError, ValueError):
        rate = -1.0
    if not 0 <= rate <= FASTEST:
        raise UsageError(
            f"'{value}' is no rate; write how many seconds pass in a real one: 60, or 0 to stand still"
        )
    return rate


def parse_duration(value: Duration) -> float:
    """Return seconds of `1h30m`, `90s`, `500ms`, a number of seconds or a timedelta; raise `UsageError`."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else _seconds(value)
    if not -LONGEST <= seconds <= LONGEST:
        raise UsageError(f"'{value}' is no duration; write it as 90s, 15m, 1h30m or 2d, up to 36525d")
    return seconds


def _seconds(value: str | float) -> float:
    if isinstance(value, int | float):
        return float(value)
    text = str(value).strip()
    if text.replace(".", "", 1).isdecimal():
        return float(text)
    if not text or _PART.sub("", text):
        raise UsageError(f"'{value}' is no duration; write it as 90s, 15m, 1h30m or 2d")
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def iso(epoch: float) -> str:
    """Return epoch seconds as the tenant writes times: ISO 8601, milliseconds, `Z`."""
    moment = datetime.fromtimestamp(epoch, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
