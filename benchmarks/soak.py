"""A long mixed load on one mockidp, its memory sampled each second: `make bench-soak`.

    python -m benchmarks.soak [--minutes M]

Tokens by client credentials and management reads come from wrk, logins by the pages from this process.
Writes SOAK.md and `plots/soak.png`, and prints the slope of the second half.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from benchmarks import plots
from benchmarks.goals import shown
from benchmarks.measures import manager, token_request
from benchmarks.peers import HERE, MOCKIDP
from benchmarks.report import machine
from benchmarks.servers import Running, running
from benchmarks.walks import walk_pages
from benchmarks.wrk import Load, Request, load


@dataclass
class Soaked:
    """What came of it: memory by second, and how much was asked."""

    seconds: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)
    logins: int = 0
    tokens: int = 0
    reads: int = 0

    def slope(self) -> float:
        """Return the growth of the second half, in MB a minute (least squares)."""
        half = len(self.seconds) // 2
        line = statistics.linear_regression(self.seconds[half:], self.megabytes[half:])
        return line.slope * 60


def main(arguments: list[str] | None = None) -> int:
    """Run the load, draw the memory and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, metavar="M", help="10")
    parser.add_argument("--out", type=Path, default=HERE, metavar="DIR", help="where SOAK.md goes")
    options = parser.parse_args(arguments)
    minutes = options.minutes
    soaked = soak(minutes * 60)
    first, most, last = (
        shown(value) for value in (soaked.megabytes[0], max(soaked.megabytes), soaked.megabytes[-1])
    )
    text = (
        f"{minutes:g} minutes: {soaked.logins:,} logins by the pages, {soaked.tokens:,} tokens, "
        f"{soaked.reads:,} management reads. Memory {first} MB at the beginning, {most} MB at most, "
        f"{last} MB at the end; slope of the second half {soaked.slope():+.3f} MB a minute."
    )
    title = f"Memory under {minutes:g} minutes of mixed load"
    plots.soak(soaked.seconds, soaked.megabytes, title, options.out / "plots")
    (options.out / "SOAK.md").write_text(
        f"# mockidp under a long load\n\nWritten by `make bench-soak`. {machine()}.\n\n{text}\n\n"
        "![Memory by minute](plots/soak.png)\n"
    )
    print(text)
    return 0


def soak(seconds: float) -> Soaked:
    """Load one server for so many seconds."""
    assert MOCKIDP.token is not None
    soaked, over = Soaked(), threading.Event()
    with running(MOCKIDP) as run, ThreadPoolExecutor(3) as pool:
        run.wait_for(MOCKIDP.jwks, 200)
        authorization, user_id = manager(run)
        read = Request(f"/api/v2/users/{quote(user_id, safe='')}", headers=(authorization,))
        tokens = pool.submit(load, token_request(MOCKIDP.token), run.port, 4, seconds)
        reads = pool.submit(load, read, run.port, 2, seconds)
        logins = pool.submit(_log_in, run, over)
        _watch(run, seconds, soaked)
        over.set()
        soaked.logins = logins.result()
        soaked.tokens, soaked.reads = _answers(tokens, seconds), _answers(reads, seconds)
    return soaked


def _answers(done: Future[Load], seconds: float) -> int:
    return round(done.result().per_second * seconds)


def _watch(run: Running, seconds: float, soaked: Soaked) -> None:
    begun = time.monotonic()
    while (passed := time.monotonic() - begun) < seconds:
        soaked.seconds.append(passed)
        soaked.megabytes.append(run.memory())
        time.sleep(1.0)


def _log_in(run: Running, over: threading.Event) -> int:
    """Log in until it is over; return how often."""
    assert MOCKIDP.page is not None
    client, count = run.client(), 0
    while not over.is_set():
        walk_pages(client, MOCKIDP.page)
        count += 1
    client.close()
    return count


if __name__ == "__main__":
    sys.exit(main())
