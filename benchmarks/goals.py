"""The goals beside the numbers: each judged by the same run, none by another one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.samples import Samples


@dataclass(frozen=True)
class Verdict:
    """What was found, in words, and whether the goal is met; None when there is nothing to judge by."""

    found: str
    met: bool | None


@dataclass(frozen=True)
class Goal:
    """A goal, and how it is judged."""

    text: str
    judge: Callable[[Samples], Verdict]


NOT_MEASURED = Verdict("not measured", None)


def at_most(key: str, limit: float, unit: str) -> Callable[[Samples], Verdict]:
    """Judge mockidp's median: not above the limit."""
    return lambda samples: _absolute(samples, key, unit, lambda value: value <= limit)


def at_least(key: str, limit: float, unit: str) -> Callable[[Samples], Verdict]:
    """Judge mockidp's median: not below the limit."""
    return lambda samples: _absolute(samples, key, unit, lambda value: value >= limit)


def _absolute(samples: Samples, key: str, unit: str, met: Callable[[float], bool]) -> Verdict:
    value = samples.median(key)
    if value is None:
        return NOT_MEASURED
    return Verdict(f"{shown(value)} {unit}".strip(), met(value))


def against_best(
    key: str, peers: str, limit: float, unit: str, *, less: bool
) -> Callable[[Samples], Verdict]:
    """Judge the ratio of mockidp's `key` to the best peer's figure `peers`, of the same rounds."""

    def judge(samples: Samples) -> Verdict:
        best = samples.best(peers, less=less)
        ratio = None if best is None else samples.ratio(best, key, peers)
        if best is None or ratio is None:
            return NOT_MEASURED
        value = samples.median(peers, best)
        found = f"{shown(ratio)} × {best} ({shown(value or 0)} {unit})"
        return Verdict(found, ratio < limit if less else ratio >= limit)

    return judge


def shown(value: float) -> str:
    """Write a number with as many digits as mean something."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _goal_table() -> tuple[Goal, ...]:
    second = "requests/s"
    return (
        Goal(
            "start to a possible login < 0.8 × the best peer's start to its first JWKS",
            against_best("ready", "start", 0.8, "ms", less=True),
        ),
        Goal("start to a possible login ≤ 100 ms", at_most("ready", 100, "ms")),
        Goal("memory after start ≤ 45 MB", at_most("memory", 45, "MB")),
        Goal("JWKS, 16 connections ≥ 20,000/s", at_least("jwks_16", 20_000, second)),
        Goal("discovery, 16 connections ≥ 20,000/s", at_least("discovery_16", 20_000, second)),
        Goal(
            "tokens, 16 connections ≥ 1.3 × the best peer",
            against_best("token_16", "token_16", 1.3, second, less=False),
        ),
        Goal("tokens, 16 connections ≥ 3,700/s", at_least("token_16", 3_700, second)),
        Goal(
            "tokens, 1 connection ≥ 1.3 × the best peer",
            against_best("token_1", "token_1", 1.3, second, less=False),
        ),
        Goal("tokens, 1 connection ≥ 1,800/s", at_least("token_1", 1_800, second)),
        Goal("tokens, 16 connections, p99 ≤ 12 ms", at_most("token_16_p99", 12, "ms")),
        Goal(
            "login with pages, per request < the best peer's",
            against_best("page_request", "page_request", 1.0, "ms", less=True),
        ),
        Goal("login without a page ≤ 1.5 ms", at_most("direct", 1.5, "ms")),
        Goal("management read of a user, 16 connections ≥ 6,000/s", at_least("users_16", 6_000, second)),
        Goal("reset with 10,000 seeded users ≤ 1 ms", at_most("reset_us", 1_000, "µs")),
        Goal("a fresh `MockIdp` that serves ≤ 10 ms", at_most("fresh_ms", 10, "ms")),
        Goal("stop ≤ 20 ms", at_most("stop_ms", 20, "ms")),
        Goal("`pip install .` ≤ 32 MB", at_most("install_megabytes", 32, "MB")),
        Goal(
            "`pip install .` ≤ 12 packages beside mockidp",
            at_most("install_packages", 12, "packages"),
        ),
    )


GOALS = _goal_table()
