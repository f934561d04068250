"""What a test suite in Python pays, in a process of its own: prints one line of JSON.

    python -m benchmarks.in_process [USERS]

`reset_us`: `idp.reset()` after a change, in a seeded world of so many users, median microseconds.
`fresh_ms`: a new `MockIdp` that serves, median milliseconds of 20, without the first one, which imports.
`stop_ms`: its end while a client is connected.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.http1 import Client
from benchmarks.servers import environment

ROOT = Path(__file__).parents[1]


def world(users: int) -> dict[str, Any]:
    """Return the demo tenant's application with so many users."""
    people = [
        {
            "email": f"user{number}@example.com",
            "user_id": f"auth0|{number:024d}",
            "password": "a-password",
            "connection": "Username-Password-Authentication",
            "name": f"User {number}",
            "email_verified": True,
        }
        for number in range(users)
    ]
    callbacks = ["http://localhost:3000/callback"]
    api = "https://api.example.com"
    grants = ["authorization_code", "client_credentials"]
    everything = ["read:users", "read:users_app_metadata", "read:user_idp_tokens"]
    return {
        "databases": [{"name": "Username-Password-Authentication"}],
        "clients": [
            {"name": "Web", "client_id": "web", "client_secret": "web-secret", "callbacks": callbacks},
            {"name": "M2M", "client_id": "m2m", "client_secret": "m2m-secret", "grant_types": grants},
        ],
        "resourceServers": [{"identifier": api, "name": "API", "scopes": [{"value": "read:x"}]}],
        "clientGrants": [
            {"client_id": "M2M", "audience": api, "scope": ["read:x"]},
            {"client_id": "M2M", "audience": "https://demo.local/api/v2/", "scope": everything},
        ],
        "users": people,
    }


def seconds(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def reset_seconds(users: int, times: int = 200) -> float:
    """Return the median of `reset()`, a user changed and a token made before each."""
    from mockidp import MockIdp

    taken = []
    with MockIdp(seed=world(users)) as idp:
        for number in range(times):
            idp.add_user(email=f"new{number}@example.com", connection="Username-Password-Authentication")
            idp.token("user0@example.com", client="web")
            taken.append(seconds(idp.reset))
    return statistics.median(taken)


def life_seconds(times: int = 20) -> tuple[float, float]:
    """Return the medians of a fresh `MockIdp` until it serves, and of its end while a client is connected."""
    from mockidp import MockIdp

    begun, ended = [], []
    for _ in range(times + 1):
        started = time.perf_counter()
        idp = MockIdp().start()
        begun.append(time.perf_counter() - started)
        client = Client(int(idp.url.rpartition(":")[2]))
        client.get("/.well-known/jwks.json")
        ended.append(seconds(idp.stop))
        client.close()
    return statistics.median(begun[1:]), statistics.median(ended[1:])


def measured(users: int) -> dict[str, float]:
    """Return the figures, measured in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.in_process", str(users)]
    clean = environment()
    done = subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
    return dict(json.loads(done.stdout))


def main() -> None:
    users = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    fresh, stop = life_seconds()
    figures = {"reset_us": reset_seconds(users) * 1e6, "fresh_ms": fresh * 1e3, "stop_ms": stop * 1e3}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
