"""The tenant's clock: the only place that reads the time."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from mockidp.errors import UsageError


class Clock:
    """Seconds since the epoch, real or frozen, moved by hand.

    A frozen clock stands still until `advance`; an unfrozen one runs, shifted by what was advanced.
    """

    def __init__(self, frozen_at: float | None = None) -> None:
        self._frozen_at = frozen_at
        self._shift = 0.0

    def now(self) -> float:
        """Return the current time in epoch seconds."""
        base = time.time() if self._frozen_at is None else self._frozen_at
        return base + self._shift

    def freeze(self, at: str | float | datetime | None = None) -> None:
        """Stop the clock at `at` (ISO 8601, epoch seconds or datetime), or where it is."""
        self._frozen_at = self.now() if at is None else parse_time(at)
        self._shift = 0.0

    def unfreeze(self) -> None:
        """Let the real time run again."""
        self._frozen_at, self._shift = None, 0.0

    def advance(self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Move the clock forward."""
        delta = seconds + minutes * 60 + hours * 3600 + days * 86400
        if delta < 0:
            raise UsageError("clock.advance() goes forward only; use clock.freeze('…') to go back")
        self._shift += delta

    @property
    def frozen(self) -> bool:
        """Whether the clock stands still."""
        return self._frozen_at is not None

    def state(self) -> tuple[float | None, float]:
        """Return what `restore` takes."""
        return self._frozen_at, self._shift

    def restore(self, state: tuple[float | None, float]) -> None:
        """Go back to an earlier `state()`."""
        self._frozen_at, self._shift = state


def is_real(clock: Clock) -> bool:
    """Whether it shows the time that those who ask have too: neither frozen nor advanced."""
    return clock.state() == (None, 0.0)


def parse_time(value: str | float | datetime) -> float:
    """Return epoch seconds of an ISO 8601 text (UTC unless it says otherwise), a number or a datetime."""
    if isinstance(value, int | float):
        return float(value)
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except ValueError:
        raise UsageError(f"'{value}' is no time; write it as 2030-01-01T00:00:00Z") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def iso(epoch: float) -> str:
    """Return epoch seconds as the tenant writes times: ISO 8601, milliseconds, `Z`."""
    moment = datetime.fromtimestamp(epoch, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
