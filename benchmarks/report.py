"""Writes RESULTS.md: goals, notes, and a table for each measure."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.goals import GOALS, Verdict, shown
from benchmarks.peers import HERE, MOCKIDP
from benchmarks.samples import Samples, group_of

NOTES = HERE / "notes.md"
_PACE = """The absolute goals were set on another machine, whose figures of the peers are known: what a peer
does here, by what it did there, is how fast this machine is at such work."""


@dataclass(frozen=True)
class Measure:
    """A table: the figure, its title with the unit, and whether less is better."""

    key: str
    title: str
    less: bool


MEASURES = (
    Measure("start", "Start: spawn to the first JWKS answer, ms", True),
    Measure("memory", "Memory after start: RSS of all its processes, MB", True),
    Measure("jwks_1", "JWKS, 1 connection, requests/s", False),
    Measure("jwks_16", "JWKS, 16 connections, requests/s", False),
    Measure("discovery_1", "Discovery document, 1 connection, requests/s", False),
    Measure("discovery_16", "Discovery document, 16 connections, requests/s", False),
    Measure("token_1", "RS256 tokens by client credentials, 1 connection, requests/s", False),
    Measure("token_16", "RS256 tokens by client credentials, 16 connections, requests/s", False),
    Measure("token_16_p99", "RS256 tokens by client credentials, 16 connections, p99 in ms", True),
    Measure("page", "Login by the pages, ms for the whole", True),
    Measure("page_request", "Login by the pages, ms for each request", True),
    Measure("direct", "Login without a page (authorize, token), ms", True),
)
ALONE = (
    ("ready", "start to a possible login (JWKS answered, then `/authorize`), ms"),
    ("line", "start to the line of `serve --port 0 --json`, ms"),
    ("users_1", "management read of a user, 1 connection, requests/s"),
    ("users_16", "management read of a user, 16 connections, requests/s"),
    ("reset_us", "`idp.reset()` with 10,000 seeded users, µs"),
    ("fresh_ms", "a fresh `MockIdp()` that serves, same process, ms"),
    ("stop_ms", "`stop()` while a client is connected, ms"),
    ("install_megabytes", "`pip install .`, MB on disk"),
    ("install_packages", "`pip install .`, packages beside mockidp"),
)


def write(samples: Samples, page: Path) -> None:
    """Write the whole page; the notes are taken from notes.md as they are."""
    parts = [_head(samples), _goals(samples), NOTES.read_text().strip(), _alone(samples)]
    parts += [_table(samples, measure) for measure in MEASURES]
    page.write_text("\n\n".join(parts) + "\n")


def _head(samples: Samples) -> str:
    peers = ", ".join(f"{name} {version}" for name, version in samples.versions.items())
    counted = "1 round" if samples.rounds == 1 else f"{samples.rounds} rounds"
    return f"""# mockidp beside its peers

Written by `make bench`; what is measured, and how, is in [README.md](README.md). Medians, with the least and
the greatest, of {counted}. The ratio is mockidp's figure divided by the peer's, the median of
those of the same round. "–": the peer cannot do it, or answered anything but success; why stands below.

{machine()}. {samples.seconds / 60:.1f} minutes. {peers}."""


def machine() -> str:
    """Return what it ran on, in words."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.partition(":")[2].strip() for line in info if line.startswith("model name")), "unknown CPU"
    )
    node = _first_line(["node", "--version"])
    python = f"CPython {platform.python_version()}"
    return (
        f"{os.cpu_count()} cores ({model}), the client's too; {platform.system()}, {python}, Node.js {node}"
    )


def _first_line(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout.split("\n")[0]
    except OSError:
        return "missing"


def _goals(samples: Samples) -> str:
    rows = []
    for goal in GOALS:
        verdict = goal.judge(samples)
        rows.append((goal.text, verdict.found, _mark(verdict), verdict.here))
    head = ("Goal", "Found", "", "An absolute goal at this machine's pace")
    return f"## Goals\n\n{grid(head, rows, 'llll')}\n\n{_PACE}"


def _mark(verdict: Verdict) -> str:
    if verdict.met is None:
        return "–"
    if verdict.met:
        return "met"
    return "met at this machine's pace" if verdict.met_here else "**not met**"


def _alone(samples: Samples) -> str:
    rows = [(title, _spread(samples.own(key))) for key, title in ALONE]
    return "## mockidp alone\n\n" + grid(("", "median (least–greatest)"), rows, "lr")


def _table(samples: Samples, measure: Measure) -> str:
    rows: list[tuple[str, ...]] = [
        (f"**mockidp**{f', {work}' if work else ''}", _spread(samples.own(measure.key, work)), "", "")
        for work in samples.works(measure.key)
    ]
    rows += [_peer_row(samples, measure, name) for name in _ranked(samples, measure)]
    head = ("", "median (least–greatest)", "mockidp, same rounds", "ratio")
    better = "Less" if measure.less else "More"
    return f"## {measure.title}\n\n{grid(head, rows, 'lrrr')}\n\n{better} is better.{_why(samples, measure)}"


def _why(samples: Samples, measure: Measure) -> str:
    """Return why there is no figure, or none of some runs, each reason with its servers."""
    whose: dict[str, list[str]] = {}
    group = group_of(measure.key)
    for name in (MOCKIDP.name, *samples.lacks):
        reason = samples.why(name, group)
        failed, runs = samples.failed(name, measure.key)
        if name in samples.lacks and not samples.of(name, measure.key):
            whose.setdefault(_one_line(f"– {reason or 'not measured'}"), []).append(name)
        elif failed:
            whose.setdefault(_one_line(f"Failed in {failed} of {runs} runs: {reason}"), []).append(name)
    lines = [f"{reason}: {', '.join(names)}." for reason, names in whose.items()]
    return "".join(f"\n\n{line}" for line in lines)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:240]


def _ranked(samples: Samples, measure: Measure) -> list[str]:
    """Return the peers, the best first, and those without a figure last."""

    def rank(name: str) -> tuple[bool, float]:
        value = samples.median(measure.key, name)
        return value is None, (value or 0.0) * (1 if measure.less else -1)

    return sorted(samples.lacks, key=rank)


def _peer_row(samples: Samples, measure: Measure, name: str) -> tuple[str, ...]:
    figures = samples.of(name, measure.key)
    if not figures:
        return name, "–", "", ""
    beside = samples.beside(name, measure.key)
    ratio = samples.ratio(name, measure.key, measure.key)
    work = samples.work(name, group_of(measure.key))
    own = shown(statistics.median(beside)) if beside else "–"
    return f"{name}{f', {work}' if work else ''}", _spread(figures), own, f"{ratio:.2f}" if ratio else "–"


def _spread(figures: Sequence[float]) -> str:
    if not figures:
        return "–"
    middle, least, greatest = statistics.median(figures), min(figures), max(figures)
    if least == greatest:
        return shown(middle)
    return f"{shown(middle)} ({shown(least)}–{shown(greatest)})"


def grid(head: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> str:
    """Return a Markdown table; `align` has an l or r for each column."""
    rules = [{"l": "---", "r": "--:"}[side] for side in align]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rules, *rows))
