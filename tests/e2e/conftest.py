"""What the tests with other people's clients share: the npm packages of tests/e2e/node."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

NODE = Path(__file__).parent / "node"


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", "slow: one of the long suites, which `make test` leaves out")


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """tests/e2e/node/node_modules as its lock file says; workers take turns, the first one installs."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            _missing(f"{program} is not installed: these tests need Node.js 20.19 or newer, with npm")
    modules = NODE / "node_modules"
    stamp = modules / ".mockidp-installed"
    with (NODE / "package-lock.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = hashlib.sha256(lock.read()).hexdigest()
        if not stamp.exists() or stamp.read_text() != wanted:
            # No optional ones: they are compilers and image libraries that nothing here calls.
            command = ["npm", "ci", "--omit=optional", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=NODE, capture_output=True, text=True, timeout=600)
            if done.returncode != 0:
                _missing(f"`npm ci` in {NODE} failed:\n{done.stderr[-2000:]}")
            stamp.write_text(wanted)
    return modules


def _missing(reason: str) -> None:
    """Fail where continuous integration should have it, skip on a developer's machine."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
