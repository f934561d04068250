"""Waiting in real time, for rules that delay an answer; a reset ends it."""

from __future__ import annotations

import threading


class Pause:
    """Where answers wait."""

    def __init__(self) -> None:
        self._end = threading.Event()

    def wait(self, seconds: float) -> None:
        """Wait that long, or until everybody is let go."""
        self._end.wait(seconds)

    def let_go(self) -> None:
        """End the waiting of those who wait now."""
        self._end.set()
        self._end = threading.Event()
