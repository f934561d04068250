"""Measures mockidp and its peers in turn and writes RESULTS.md: `python -m benchmarks.run`, `make bench`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import report
from benchmarks.footprint import footprint
from benchmarks.in_process import measured
from benchmarks.install import install_peers, install_wrk, version
from benchmarks.measures import GROUPS, Effort, Sample, take, verify
from benchmarks.peers import HERE, MOCKIDP, PEERS, ROOM, Server, mockidp_like
from benchmarks.samples import Pair, Samples, load
from benchmarks.servers import environment

QUICK = Effort(seconds=0.2, logins=20)
SEEDED_USERS = 10_000


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line names; the status is 1 when mockidp itself failed at something."""
    options = _parser().parse_args(arguments)
    page, kept = options.out / "RESULTS.md", options.out / ".samples.json"
    if options.report:
        report.write(load(kept), page)
        return 0
    begun = time.monotonic()
    chosen = [peer for peer in PEERS if options.only is None or peer.name in options.only]
    samples = _prepared(chosen)
    rounds = 1 if options.quick else options.rounds
    effort = QUICK if options.quick else Effort(options.seconds)
    if not options.quick:
        size = footprint()
        samples.alone.append({"install_megabytes": size.megabytes, "install_packages": size.packages})
    able = [peer for peer in chosen if "start" not in samples.lacks[peer.name]]
    prepared = time.monotonic() - begun
    while samples.rounds < rounds:
        _round(samples, able, effort)
        samples.rounds += 1
        samples.seconds = time.monotonic() - begun
        each = (samples.seconds - prepared) / samples.rounds
        samples.save(kept)
        report.write(samples, page)
        print(f"round {samples.rounds} of {rounds}: {each:.0f} seconds each", flush=True)
        if samples.seconds + each > options.minutes * 60:
            break
    failures = {f"{group}: {why}" for pair in samples.pairs for group, why in pair.mockidp.failures.items()}
    print(f"{samples.seconds / 60:.1f} minutes; {page} is written")
    for failure in sorted(failures):
        print(f"mockidp failed: {failure}", file=sys.stderr)
    return 1 if failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="5")
    parser.add_argument("--seconds", type=float, default=0.7, metavar="S", help="of each wrk run: 0.7")
    parser.add_argument(
        "--minutes", type=float, default=14.0, metavar="M", help="begin no round that would end later: 14"
    )
    names = [peer.name for peer in PEERS]
    parser.add_argument(
        "--only", nargs="*", choices=names, metavar="PEER", help=f"some of {', '.join(names)}; or none"
    )
    parser.add_argument("--quick", action="store_true", help="one round, short and rough: does it all work?")
    parser.add_argument("--out", type=Path, default=HERE, metavar="DIR", help="where RESULTS.md goes")
    parser.add_argument(
        "--report", action="store_true", help="write RESULTS.md anew from the last run's figures"
    )
    return parser


def _prepared(chosen: list[Server]) -> Samples:
    """Install what is missing, and see what each can do."""
    install_wrk()
    missing = install_peers() if chosen else {}
    samples = Samples(versions={peer.name: version(peer) for peer in chosen})
    for peer in chosen:
        unable = {"start": missing[peer.name]} if peer.name in missing else verify(peer)
        samples.lacks[peer.name] = unable
        text = "; ".join(f"{group}: {why}" for group, why in unable.items())
        print(f"{peer.name}: {text or 'everything'}", flush=True)
    problems = verify(MOCKIDP)
    if problems:
        raise SystemExit(f"mockidp cannot be measured: {problems}")
    return samples


def _round(samples: Samples, peers: list[Server], effort: Effort) -> None:
    # Without peers, mockidp's own figures come from its run alone.
    samples.alone.append({**measured(SEEDED_USERS), **_alone(effort, [] if peers else GROUPS)})
    for peer in peers:
        groups = [group for group in GROUPS if group != "users" and group not in samples.lacks[peer.name]]
        mine = take(mockidp_like(peer), effort, [*groups, "users"])  # which no peer has
        samples.pairs.append(Pair(take(peer, effort, groups), mine))


def _alone(effort: Effort, groups: Sequence[str]) -> dict[str, float]:
    """Measure the ready line, and what else is asked for."""
    sample: Sample = take(MOCKIDP, effort, groups)
    if sample.failures:
        raise SystemExit(f"mockidp cannot be measured: {sample.failures}")
    return {**sample.figures, "line": _line() * 1000}


def _line() -> float:
    """Return the seconds until `serve --port 0 --json` says where it is."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "mockidp", "serve", "--port", "0", "--json"]
    process = subprocess.Popen(command, cwd=ROOM, env=environment(), stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        return time.perf_counter() - begun
    finally:
        process.terminate()
        process.communicate(timeout=10)


if __name__ == "__main__":
    sys.exit(main())
