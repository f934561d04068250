"""The command line in processes of its own, as its tests run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import mockidp

ROOT = Path(mockidp.__file__).parents[1]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


class Cli:
    """Runs `python -m mockidp` in an empty directory with a state directory of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MOCKIDP_")}
        self.environ = {**kept, "PYTHONPATH": str(ROOT), "MOCKIDP_STATE_DIR": str(folder / "state")}
        self.environ["PYTHONIOENCODING"] = "utf-8"
        self.started: list[subprocess.Popen[str]] = []

    def __call__(
        self, *arguments: str, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end."""
        return subprocess.run(
            [sys.executable, "-m", "mockidp", *arguments],
            cwd=self.folder,
            env={**self.environ, **(environ or {})},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
        )

    def serve(
        self, *arguments: str, environ: Mapping[str, str] | None = None
    ) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        """Start a server and return it with its line of JSON."""
        process = self.start(*arguments, environ=environ)
        assert process.stdout
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        return process, json.loads(line)

    def start(self, *arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start it, in a process group of its own as a terminal does."""
        process = subprocess.Popen(
            [sys.executable, "-m", "mockidp", *arguments],
            cwd=self.folder,
            env={**self.environ, **(environ or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def write(self, name: str, text: str) -> str:
        """Write a file and return its name."""
        (self.folder / name).write_text(text, encoding="utf-8")
        return name


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line on stderr of a command that was refused."""
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.rstrip("\n")
