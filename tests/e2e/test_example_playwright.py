"""The Playwright example runs by the command of its README; its client has the control API's types."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from node_packages import installed, missing

from mockidp.harness.openapi import describe
from mockidp.harness.operations import OPERATIONS

EXAMPLE = Path(__file__).parents[2] / "examples" / "playwright"
BROWSERS = ("/usr/bin/chromium", "/usr/bin/chromium-browser")
SPECS = sorted((EXAMPLE / "tests").glob("*.spec.ts"))
TITLES = [title for spec in SPECS for title in re.findall(r'^test\("(.+?)"', spec.read_text(), re.MULTILINE)]
READY = "node_modules/.package-lock.json"


@pytest.fixture(scope="session")
def example() -> Path:
    """The example's folder with its packages."""
    installed(EXAMPLE)
    return EXAMPLE


def run(command: list[str], directory: Path) -> str:
    """Run a command there; it has to succeed."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MOCKIDP_", "MAKE", "MFLAGS"))
    }
    done = subprocess.run(command, cwd=directory, env=own, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_documented_command_runs_the_example(example: Path) -> None:
    """All its tests pass, with the system's Chromium, and TypeScript finds nothing wrong."""
    if not any(map(os.path.exists, BROWSERS)):
        missing("Chromium is not installed")
    os.utime(example / READY)  # `make` need not install again
    printed = run(["make", "-C", str(example), "test", f"PYTHON={sys.executable}"], example)
    assert f"{len(TITLES)} passed" in printed


@pytest.mark.slow
def test_the_types_are_up_to_date(example: Path, tmp_path: Path) -> None:
    """schema.d.ts is what openapi-typescript makes of the operations."""
    (tmp_path / "openapi.json").write_text(json.dumps(describe(OPERATIONS)))
    options = re.search(r"openapi\.json (.+) --output", (example / "package.json").read_text())
    assert options is not None
    tool = example / "node_modules" / ".bin" / "openapi-typescript"
    made = run([str(tool), str(tmp_path / "openapi.json"), *options[1].split()], tmp_path)
    assert (example / "schema.d.ts").read_text() == made, "run: npm run types"


def test_the_readme_names_every_test() -> None:
    """Under what it shows."""
    text = (EXAMPLE / "README.md").read_text()
    assert len(TITLES) >= 8
    assert [title for title in TITLES if f"`{title}`" not in text] == []


def test_the_lock_file_names_no_registry() -> None:
    """Whoever installs has one of his own."""
    assert '"resolved"' not in (EXAMPLE / "package-lock.json").read_text()


def test_every_operation_can_be_called_with_types() -> None:
    """The committed types have them all, also where Node is not at hand to make them anew."""
    text = (EXAMPLE / "schema.d.ts").read_text()
    assert [each.path for each in OPERATIONS if f'"{each.path}": {{' not in text] == []
