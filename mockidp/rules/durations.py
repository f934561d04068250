"""Durations as people write them: `1h`, `90s`, `1d12h`, `500ms`, or a number of seconds."""

from __future__ import annotations

import re

from mockidp.errors import UsageError

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*")


def parse_duration(value: str | float) -> float:
    """Return seconds; raise `UsageError` for what is no duration."""
    if isinstance(value, int | float):
        return float(value)
    text = value.strip()
    if text.replace(".", "", 1).isdecimal():
        return float(text)
    if not text or _PART.sub("", text):
        raise UsageError(f"'{value}' is no duration; write it as 90s, 15m, 1h30m or 2d")
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
