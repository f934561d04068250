"""The figures of a whole run: kept as they came, asked for medians and for ratios of the same round."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.measures import Sample
from benchmarks.peers import MOCKIDP


def group_of(key: str) -> str:
    """Return the group of measures that a figure belongs to."""
    return key.partition("_")[0]


@dataclass
class Pair:
    """A peer, and mockidp that did the same work just before it."""

    peer: Sample
    mockidp: Sample


@dataclass
class Samples:
    """All pairs, what was measured of mockidp alone, and why peers lack a figure."""

    pairs: list[Pair] = field(default_factory=list)
    alone: list[dict[str, float]] = field(default_factory=list)
    lacks: dict[str, dict[str, str]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    rounds: int = 0
    seconds: float = 0.0  # that all took

    def own(self, key: str, work: str = "") -> list[float]:
        """Return mockidp's figures of one kind of work: the plain one, "https", "2 JWTs" in a login."""
        done = [pair.mockidp for pair in self.pairs if pair.mockidp.work.get(group_of(key), "") == work]
        found = [sample.figures[key] for sample in done if key in sample.figures]
        return found or [figures[key] for figures in self.alone if key in figures and not work]

    def works(self, key: str) -> list[str]:
        """Return the kinds of work that mockidp was measured at, the plain one first."""
        found = {
            pair.mockidp.work.get(group_of(key), "") for pair in self.pairs if key in pair.mockidp.figures
        }
        return sorted({"", *found})

    def of(self, name: str, key: str) -> list[float]:
        """Return a peer's figures."""
        return [pair.peer.figures[key] for pair in self._pairs(name) if key in pair.peer.figures]

    def beside(self, name: str, key: str) -> list[float]:
        """Return mockidp's figures of the peer's rounds."""
        return [pair.mockidp.figures[key] for pair in self._pairs(name) if key in pair.mockidp.figures]

    def work(self, name: str, group: str) -> str:
        """Return what a peer does beside the plain work."""
        return next((pair.peer.work.get(group, "") for pair in self._pairs(name)), "")

    def median(self, key: str, name: str = MOCKIDP.name) -> float | None:
        """Return the median of a server's figures; None when there are none."""
        figures = self.own(key) if name == MOCKIDP.name else self.of(name, key)
        return statistics.median(figures) if figures else None

    def ratio(self, name: str, own: str, peers: str) -> float | None:
        """Return the median of mockidp's figure by the peer's, each of one round."""
        ratios = [
            pair.mockidp.figures[own] / pair.peer.figures[peers]
            for pair in self._pairs(name)
            if own in pair.mockidp.figures and peers in pair.peer.figures
        ]
        return statistics.median(ratios) if ratios else None

    def best(self, key: str, *, less: bool) -> str | None:
        """Return the peer whose median is the best."""
        medians = {name: self.median(key, name) for name in self.lacks}
        known = {name: value for name, value in medians.items() if value is not None}
        if not known:
            return None
        return (min if less else max)(known, key=lambda name: known[name])

    def why(self, name: str, group: str) -> str:
        """Return why a peer has no figure: what it lacks, or what failed while it was measured."""
        runs = [self.lacks.get(name, {}), *(run.failures for run in self._runs(name))]
        return next((run[key] for run in runs for key in ("start", group) if key in run), "")

    def failed(self, name: str, key: str) -> tuple[int, int]:
        """Return in how many runs a server failed to give a figure, and of how many."""
        runs = self._runs(name)
        without = [run.failures for run in runs if key not in run.figures]
        return sum("start" in failures or group_of(key) in failures for failures in without), len(runs)

    def save(self, path: Path) -> None:
        """Write all figures."""
        path.write_text(json.dumps(asdict(self), indent=1))

    def _runs(self, name: str) -> list[Sample]:
        if name == MOCKIDP.name:
            return [pair.mockidp for pair in self.pairs]
        return [pair.peer for pair in self._pairs(name)]

    def _pairs(self, name: str) -> Iterator[Pair]:
        return (pair for pair in self.pairs if pair.peer.server == name)


def load(path: Path) -> Samples:
    """Return what `save` wrote."""
    kept = json.loads(path.read_text())
    kept["pairs"] = [Pair(Sample(**pair["peer"]), Sample(**pair["mockidp"])) for pair in kept["pairs"]]
    return Samples(**kept)
