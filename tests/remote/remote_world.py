"""A mockidp in a process of its own, as the tests of the external server use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import mockidp

ROOT = Path(mockidp.__file__).parents[1]
ALICE = "alice@example.com"
CALLBACK = "http://localhost:3000/callback"
LINKING = ROOT / "fixtures" / "linking.scenario.yaml"


@contextmanager
def served(folder: Path, *options: str) -> Iterator[str]:
    """Serve inside the block, by `python -m mockidp serve` in a directory; the URL."""
    with started(folder, *options) as (url, _):
        yield url


@contextmanager
def started(folder: Path, *options: str) -> Iterator[tuple[str, int]]:
    """As `served`; the URL and the process's id."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MOCKIDP_")}
    environ = {**kept, "PYTHONPATH": str(ROOT), "MOCKIDP_STATE_DIR": str(folder / "state")}
    command = [sys.executable, "-m", "mockidp", "serve", "--port", "0", "--json", *options]
    with subprocess.Popen(
        command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout
            yield json.loads(process.stdout.readline())["url"], process.pid
        finally:
            process.terminate()


def authorize(**more: str) -> str:
    """Return the path of an authorization request."""
    query = {"response_type": "code", "client_id": "web", "redirect_uri": CALLBACK, "scope": "openid email"}
    return f"/authorize?{urlencode({**query, **more})}"


def answer(callback: str) -> Mapping[str, str]:
    """Return the parameters of a callback's URL."""
    return {name: values[0] for name, values in parse_qs(urlsplit(callback).query).items()}
