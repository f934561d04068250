"""Fixtures for all tests: pytest's own tester, and our plugin where it is not installed as one."""

from __future__ import annotations

from importlib.metadata import entry_points

INSTALLED = any(point.value == "conftest_plugin" for point in entry_points(group="pytest11"))
pytest_plugins = ["pytester"] if INSTALLED else ["pytester", "conftest_plugin"]
