"""Fixtures for all tests: pytest's own tester, and our plugin where it is not installed as one."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from cli_world import Cli

INSTALLED = any(point.value == "conftest_plugin" for point in entry_points(group="pytest11"))
pytest_plugins = ["pytester"] if INSTALLED else ["pytester", "conftest_plugin"]


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    """The command line; what it started is ended."""
    cli = Cli(tmp_path)
    yield cli
    for process in cli.started:
        process.kill()
        process.communicate()
