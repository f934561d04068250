"""Test runs of their own, as of a project that has mockidp installed."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import pytest
import requests
import yaml

import mockidp.harness.browser
import mockidp.harness.leftovers
import mockidp.harness.trace
import mockidp.server

# A run in this process forgets what it imports, and C extensions cannot be loaded twice: load all of it here.
LOADED = (mockidp.server, mockidp.harness, requests, yaml)
ROOT = Path(mockidp.server.__file__).parents[1]
INSTALLED = any(point.value == "conftest_plugin" for point in entry_points(group="pytest11"))


class Runs:
    """Runs pytest in an empty directory, as a project that has mockidp installed."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        pytester.syspathinsert(ROOT)
        self.options = ["-q", "-W", "error"]
        # Others that take time or remember: not what is tested here.
        for other in ("randomly", "cacheprovider", "hypothesispytest", "asyncio"):
            self.options += ["-p", f"no:{other}"]
        self.options += [] if INSTALLED else ["-p", "conftest_plugin"]

    def __call__(self, source: str, *options: str) -> pytest.RunResult:
        """Run one test file, with what it imports most, in this process."""
        self.write("test_it.py", source)
        return self.pytester.runpytest_inprocess(*self.options, *options)

    def write(self, name: str, text: str) -> None:
        """Write a file; test files begin with the usual imports."""
        file = self.pytester.path / name
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(f"import pytest, requests\n{text}" if name.endswith(".py") else text)
