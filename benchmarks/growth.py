"""Growth curves of mockidp: users from 1 to 100,000, connections from 1 to 256: `make bench-growth`.

    python -m benchmarks.growth [--users N …] [--connections N …] [--seconds S]

Writes GROWTH.md and `plots/users.png`, `plots/connections.png`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, urlencode

from benchmarks import plots
from benchmarks.goals import shown
from benchmarks.in_process import measured, world
from benchmarks.measures import Effort, log_in_as, logins, manager, token_request
from benchmarks.peers import HERE, MOCKIDP, ROOM, Server, serve
from benchmarks.report import grid, machine
from benchmarks.servers import Running, running
from benchmarks.walks import walk_direct
from benchmarks.wrk import Request, load

USERS = (1, 100, 10_000, 100_000)
CONNECTIONS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
Figures = dict[str, float]
NOTES = HERE / "growth-notes.md"
_PATIENCE = 180.0  # seconds until a world of 100,000 users must be there


def main(arguments: list[str] | None = None) -> int:
    """Measure both curves, draw them and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--users", type=int, nargs="+", default=USERS, metavar="N")
    parser.add_argument("--connections", type=int, nargs="+", default=CONNECTIONS, metavar="N")
    parser.add_argument("--seconds", type=float, default=3.0, metavar="S", help="of each measure: 3")
    parser.add_argument("--out", type=Path, default=HERE, metavar="DIR", help="where GROWTH.md goes")
    options = parser.parse_args(arguments)
    users = [with_users(count, options.seconds) for count in options.users]
    connections = with_connections(options.connections, options.seconds)
    plots.users(users, options.out / "plots")
    plots.connections(connections, options.out / "plots")
    page = options.out / "GROWTH.md"
    page.write_text(_page(users, connections))
    print(f"{page} and its plots are written")
    return 0


# -- users -----------------------------------------------------------------------------------------------


def with_users(count: int, seconds: float) -> Figures:
    """Measure a tenant of so many users: its start, memory, and what is asked of one user in the middle."""
    ROOM.mkdir(exist_ok=True)
    seed = ROOM / f"users-{count}.json"
    seed.write_text(json.dumps(world(count)))
    email = f"user{count // 2}@example.com"
    figures: Figures = {"users": count}
    with running(_seeded(str(seed))) as run:
        figures["start_ms"] = run.wait_for(MOCKIDP.jwks, 200, _PATIENCE) * 1000
        figures["memory_mb"] = run.memory()
        authorization, user_id = manager(run, f"/api/v2/users-by-email?email={quote(email)}")
        read = Request(f"/api/v2/users/{quote(user_id, safe='')}", headers=(authorization,))
        for key, q in (("find_ms", f'email:"{email}"'), ("search_ms", f"email:{email[:-1]}?")):
            found = urlencode({"q": q, "search_engine": "v3"})
            searched = Request(f"/api/v2/users?{found}", headers=(authorization,))
            figures[key] = load(searched, run.port, 1, seconds).p50
        figures["read_ms"] = load(read, run.port, 1, seconds).p50
        busy = load(read, run.port, 16, seconds)
        figures |= {"reads_per_second": busy.per_second, "reads_p99": busy.p99}
        figures["login_ms"] = _login(run, email)
    figures["reset_us"] = measured(count)["reset_us"]
    print(figures, flush=True)
    return figures


def _seeded(path: str) -> Server:
    return replace(MOCKIDP, command=serve("--seed", path))


def _login(run: Running, email: str) -> float:
    """Return the median milliseconds of a login without a page."""
    assert MOCKIDP.direct is not None
    log_in_as(run, {"user": email})
    walked = logins(run, MOCKIDP.direct, walk_direct, Effort())
    return statistics.median(login.seconds for login in walked) * 1000


# -- connections -----------------------------------------------------------------------------------------


def with_connections(counts: Sequence[int], seconds: float) -> dict[str, list[Figures]]:
    """Measure tokens and the JWKS by so many connections, a fresh server for each."""
    assert MOCKIDP.token is not None
    requests = {"tokens": token_request(MOCKIDP.token), "JWKS": Request(MOCKIDP.jwks)}
    return {
        name: [_loaded(request, count, seconds) for count in counts] for name, request in requests.items()
    }


def _loaded(request: Request, count: int, seconds: float) -> Figures:
    with running(MOCKIDP) as run:
        run.wait_for(MOCKIDP.jwks, 200)
        found = load(request, run.port, count, seconds)
        figures = {"connections": count, "per_second": found.per_second, "p50": found.p50, "p99": found.p99}
        figures["memory_mb"] = run.memory()
    print(request.target, figures, flush=True)
    return figures


# -- the page --------------------------------------------------------------------------------------------


def _page(users: list[Figures], connections: dict[str, list[Figures]]) -> str:
    parts = [
        "# How mockidp grows",
        f"Written by `make bench-growth`. {machine()}.",
        NOTES.read_text().strip(),
        "## Users\n\n![Users](plots/users.png)",
        _table(
            users,
            {
                "users": "users",
                "start_ms": "start, ms",
                "memory_mb": "memory, MB",
                "login_ms": "login without a page, ms",
                "read_ms": "management read, ms",
                "reads_per_second": "reads/s, 16 connections",
                "reads_p99": "their p99, ms",
                "find_ms": "search for an e-mail, ms",
                "search_ms": "search by a pattern, ms",
                "reset_us": "`reset()`, µs",
            },
        ),
        "## Connections\n\n![Connections](plots/connections.png)",
    ]
    heads = {
        "connections": "connections",
        "per_second": "requests/s",
        "p50": "p50, ms",
        "p99": "p99, ms",
        "memory_mb": "memory, MB",
    }
    parts += [f"### {name}\n\n{_table(rows, heads)}" for name, rows in connections.items()]
    return "\n\n".join(parts) + "\n"


def _table(rows: list[Figures], heads: dict[str, str]) -> str:
    counted = ("users", "connections")
    cells = [[f"{row[key]:,.0f}" if key in counted else shown(row[key]) for key in heads] for row in rows]
    return grid(list(heads.values()), cells, "r" * len(heads))


if __name__ == "__main__":
    sys.exit(main())
