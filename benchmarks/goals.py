"""The goals beside the numbers: each judged by the same run, none by another one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.samples import Samples


@dataclass(frozen=True)
class Verdict:
    """What was found, in words, and whether the goal is met; None when there is nothing to judge by.

    `here` is what an absolute goal comes to at this machine's pace, and `met_here` whether that is met.
    """

    found: str
    met: bool | None
    here: str = ""
    met_here: bool | None = None


@dataclass(frozen=True)
class Goal:
    """A goal, and how it is judged."""

    text: str
    judge: Callable[[Samples], Verdict]


@dataclass(frozen=True)
class Pace:
    """What a peer did on the machine that the absolute goals were set on; `less` is better, or more."""

    peer: str
    key: str
    figure: float
    less: bool = False

    def of(self, samples: Samples) -> float | None:
        """Return how fast this machine is at the same work: 1 as fast, 0.5 half as fast."""
        now = samples.median(self.key, self.peer)
        if not now:
            return None
        return self.figure / now if self.less else now / self.figure


NOT_MEASURED = Verdict("not measured", None)
STARTS = Pace("@mongodb-js/oidc-mock-provider", "start", 128, less=True)
ANSWERS = Pace("@hellocoop/mockin", "jwks_16", 36_000)
SIGNS = Pace("oidc-provider", "token_16", 2_875)
SIGNS_FOR_ONE = Pace("keycloak-mockup", "token_1", 1_446)
LOGS_IN = Pace("emulate", "page", 2.8, less=True)


def at_most(key: str, limit: float, unit: str, pace: Pace | None = None) -> Callable[[Samples], Verdict]:
    """Judge mockidp's median: not above the limit."""
    return lambda samples: _absolute(samples, key, limit, unit, pace, less=True)


def at_least(key: str, limit: float, unit: str, pace: Pace | None = None) -> Callable[[Samples], Verdict]:
    """Judge mockidp's median: not below the limit."""
    return lambda samples: _absolute(samples, key, limit, unit, pace, less=False)


def _absolute(
    samples: Samples, key: str, limit: float, unit: str, pace: Pace | None, *, less: bool
) -> Verdict:
    value = samples.median(key)
    if value is None:
        return NOT_MEASURED
    found = f"{shown(value)} {unit}".strip()
    met = value <= limit if less else value >= limit
    speed = pace.of(samples) if pace else None
    if pace is None or speed is None:
        return Verdict(found, met)
    here = limit / speed if less else limit * speed
    text = f"{'≤' if less else '≥'} {shown(here)} ({speed:.2f} × as fast, by {pace.peer})"
    return Verdict(found, met, text, value <= here if less else value >= here)


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
        Goal("start to a possible login ≤ 100 ms", at_most("ready", 100, "ms", STARTS)),
        Goal("memory after start ≤ 45 MB", at_most("memory", 45, "MB")),
        Goal("JWKS, 16 connections ≥ 20,000/s", at_least("jwks_16", 20_000, second, ANSWERS)),
        Goal("discovery, 16 connections ≥ 20,000/s", at_least("discovery_16", 20_000, second, ANSWERS)),
        Goal(
            "tokens, 16 connections ≥ 1.3 × the best peer",
            against_best("token_16", "token_16", 1.3, second, less=False),
        ),
        Goal("tokens, 16 connections ≥ 3,700/s", at_least("token_16", 3_700, second, SIGNS)),
        Goal(
            "tokens, 1 connection ≥ 1.3 × the best peer",
            against_best("token_1", "token_1", 1.3, second, less=False),
        ),
        Goal("tokens, 1 connection ≥ 1,800/s", at_least("token_1", 1_800, second, SIGNS_FOR_ONE)),
        Goal("tokens, 16 connections, p99 ≤ 12 ms", at_most("token_16_p99", 12, "ms", SIGNS)),
        Goal(
            "login with pages, per request < the best peer's",
            against_best("page_request", "page_request", 1.0, "ms", less=True),
        ),
        Goal("login without a page ≤ 1.5 ms", at_most("direct", 1.5, "ms", LOGS_IN)),
        Goal(
            "management read of a user, 16 connections ≥ 6,000/s",
            at_least("users_16", 6_000, second, ANSWERS),
        ),
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
