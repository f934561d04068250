"""One server in another process for each worker, and both ways to hold a tenant."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from remote_world import served

from mockidp import MockIdp, RemoteIdp


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo tenant in another process."""
    with served(tmp_path_factory.mktemp("served")) as where:
        yield where


@pytest.fixture
def remote(url: str) -> Iterator[RemoteIdp]:
    """The other process's tenant, fresh."""
    with RemoteIdp(url) as idp:
        idp.reset()
        yield idp
        idp.raise_problems()


@pytest.fixture(scope="session")
def server() -> Iterator[MockIdp]:
    """The demo tenant in this process."""
    with MockIdp() as idp:
        yield idp


@pytest.fixture
def local(server: MockIdp) -> MockIdp:
    """This process's tenant, fresh."""
    server.reset()
    return server


@pytest.fixture(params=["local", "remote"])
def mock(request: pytest.FixtureRequest) -> MockIdp | RemoteIdp:
    """A tenant held either way: what a test says holds for both."""
    held: MockIdp | RemoteIdp = request.getfixturevalue(request.param)
    return held
