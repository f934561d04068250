"""The benchmarks still run: short and rough, of mockidp alone. Peers are measured by `make bench` only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.goals import GOALS
from benchmarks.growth import with_connections, with_users
from benchmarks.measures import Sample
from benchmarks.report import ALONE, MEASURES, write
from benchmarks.samples import Pair, Samples, load
from benchmarks.soak import soak

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_quick_run_measures_everything(tmp_path: Path) -> None:
    """Each measure of mockidp has a figure, and each goal that needs no peer a verdict."""
    command = [sys.executable, "-m", "benchmarks.run", "--quick", "--only", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    samples = load(tmp_path / ".samples.json")
    keys = [measure.key for measure in MEASURES] + [key for key, _ in ALONE if not key.startswith("install")]
    assert [key for key in keys if not samples.own(key)] == []
    unjudged = [goal.text for goal in GOALS if goal.judge(samples).met is None]
    assert [text for text in unjudged if "best peer" not in text and "pip install" not in text] == []
    assert (tmp_path / "RESULTS.md").read_text().startswith("# mockidp beside its peers")


@pytest.mark.slow
def test_growth_is_measured() -> None:
    """A point of each curve has all of its figures."""
    users = with_users(2, 0.1)
    assert all(value > 0 for value in users.values())
    curves = with_connections([2], 0.1)
    assert {name: len(points) for name, points in curves.items()} == {"tokens": 1, "JWKS": 1}


@pytest.mark.slow
def test_a_soak_is_measured() -> None:
    """It logs in, asks for tokens and reads a user, and weighs the server meanwhile."""
    soaked = soak(2.5)
    assert min(soaked.logins, soaked.tokens, soaked.reads) > 0
    assert len(soaked.megabytes) >= 2


def test_ratios_are_of_the_same_round(tmp_path: Path) -> None:
    """The median of ratios, not the ratio of medians; what failed is a reason, never a number."""
    rounds = [(100.0, 50.0), (300.0, 100.0), (400.0, 400.0)]
    pairs = [
        Pair(
            Sample("emulate", {"jwks_16": theirs}, {"token": "an\nopaque token"}),
            Sample("mockidp", {"jwks_16": own}),
        )
        for own, theirs in rounds
    ]
    samples = Samples(pairs, lacks={"emulate": {"direct": "no login without a page"}}, rounds=3)
    assert samples.ratio("emulate", "jwks_16", "jwks_16") == 2.0
    assert samples.best("jwks_16", less=False) == "emulate"
    write(samples, tmp_path / "RESULTS.md")
    text = (tmp_path / "RESULTS.md").read_text()
    assert "| emulate | 100 (50–400) | 300 | 2.00 |" in text
    assert "– no login without a page: emulate." in text
    assert "– an opaque token: emulate." in text
    pairs[0].peer.failures["jwks"] = "3 of 9 answers refused"
    del pairs[0].peer.figures["jwks_16"]
    write(samples, tmp_path / "RESULTS.md")
    assert "Failed in 1 of 3 runs: 3 of 9 answers refused: emulate." in (tmp_path / "RESULTS.md").read_text()
