"""What the tests with other people's clients share: the npm packages of tests/e2e/node."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from browser_world import Visit, World

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


def _missing(reason: str) -> NoReturn:
    """Fail where continuous integration should have it, skip on a developer's machine."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


@pytest.fixture(scope="module")
def browser_world(node_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A tenant, an application's pages and Chromium, all over https."""
    from browser_world import started

    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        _missing("Chromium is not installed")
    with started(node_modules, tmp_path_factory.mktemp("ca"), chromium) as world:
        yield world


@pytest.fixture
def visit(browser_world: World) -> Iterator[Visit]:
    """A browser without cookies before a fresh tenant; no script may fail, nor mockidp."""
    from browser_world import Visit

    browser_world.idp.reset()
    context = browser_world.browser.new_context()
    visit = Visit(browser_world, context)
    yield visit
    context.close()
    assert visit.errors == []
    browser_world.idp.raise_problems()
