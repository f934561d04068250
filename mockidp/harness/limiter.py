"""A rate limit by the tenant's clock, with the headers that tell of it (reference §9)."""

from __future__ import annotations

from math import ceil

from mockidp.rules.rule import RateLimit

USUAL = 100  # what the headers call the limit when a rule does not


class Limiter:
    """Counts requests in windows of time.

    With a limit, each window lets so many through. Without one the first window lets none through, and after
    it the limit is over. A window that has not begun, since the clock was set back, is none.
    """

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._ends: float | None = None
        self._count = 0

    def is_over(self, now: float) -> bool:
        """Whether it lets everything through from now on."""
        return self._limit.limit is None and self._ends is not None and now >= self._ends

    def count(self, now: float) -> tuple[bool, dict[str, str]]:
        """Count a request; return whether it passes, and the headers of its answer."""
        if self._ends is None or not self._ends - self._limit.per <= now < self._ends:
            self._ends, self._count = now + self._limit.per, 0
        self._count += 1
        allowed = self._limit.limit or 0
        passes = self._count <= allowed
        headers = {
            "X-RateLimit-Limit": str(self._limit.limit or USUAL),
            "X-RateLimit-Remaining": str(max(allowed - self._count, 0)),
            "X-RateLimit-Reset": str(ceil(self._ends)),
        }
        if not passes:
            headers["Retry-After"] = str(ceil(self._ends - now))
        return passes, headers
