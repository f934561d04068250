"""npm packages as a lock file says, installed once for all workers."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest


def installed(directory: Path, *options: str) -> Path:
    """Return a project's node_modules as its lock file says; workers take turns, the first one installs."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            missing(f"{program} is not installed: these tests need Node.js 20.19 or newer, with npm")
    modules = directory / "node_modules"
    stamp = modules / ".mockidp-installed"
    with (directory / "package-lock.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = hashlib.sha256(lock.read()).hexdigest()
        if not stamp.exists() or stamp.read_text() != wanted:
            command = ["npm", "ci", "--no-audit", "--no-fund", *options]
            done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=600)
            if done.returncode != 0:
                missing(f"`npm ci` in {directory} failed:\n{done.stderr[-2000:]}")
            stamp.write_text(wanted)
    return modules


def missing(reason: str) -> NoReturn:
    """Fail where continuous integration should have it, skip on a developer's machine."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
