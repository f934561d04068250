"""What the tests with other people's clients share: the npm packages of tests/e2e/node."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from node_packages import installed, missing

if TYPE_CHECKING:
    from browser_world import Visit, World

NODE = Path(__file__).parent / "node"


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", "slow: one of the long suites, which `make test` leaves out")


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """tests/e2e/node/node_modules; no optional ones: compilers and image libraries that nothing calls."""
    return installed(NODE, "--omit=optional")


@pytest.fixture(scope="module")
def browser_world(node_modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A tenant, an application's pages and Chromium, all over https."""
    from browser_world import started

    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        missing("Chromium is not installed")
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
