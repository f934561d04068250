"""The pytest plugin: the fixtures `idp`, `idp_server`, `idp_seed`, `idp_options` and the marker `mockidp`.

Nothing of mockidp is imported before a test asks for a fixture.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from mockidp.seed.sources import Seed
    from mockidp.server import MockIdp

    Servers = Callable[[Mapping[str, Any], Seed], MockIdp]

T = TypeVar("T")
MARKER = (
    "mockidp(seed=…, scenario=…, clock=…): the world of this test: a seed (path, mapping or list), "
    "a scenario file that has to be met, a frozen time"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the ini options."""
    parser.addini(
        "mockidp_seed", "seed files of the idp fixture, relative to the root directory", type="args"
    )
    parser.addini("mockidp_domain", "HOST[:PORT] that pins the issuer of the idp fixture", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture(scope="session")
def idp_seed(pytestconfig: pytest.Config) -> Seed:
    """The world of the tests: override it to return a path, a mapping or a list. None: the demo tenant."""
    paths: list[str] = pytestconfig.getini("mockidp_seed")
    return [pytestconfig.rootpath / path for path in paths] or None


@pytest.fixture(scope="session")
def idp_options(pytestconfig: pytest.Config) -> dict[str, Any]:
    """The arguments of `MockIdp` beside the seed: override it to change them."""
    domain: str = pytestconfig.getini("mockidp_domain")
    return {"domain": domain} if domain else {}


@pytest.fixture(scope="session")
def _idp_servers() -> Iterator[Servers]:
    """One running server for each set of options: with overridden fixtures there may be several."""
    servers: dict[str, MockIdp] = {}

    def server(options: Mapping[str, Any], seed: Seed) -> MockIdp:
        from mockidp import MockIdp

        own = {name: value for name, value in options.items() if name != "scenario"}  # each test begins it
        key = repr(sorted(own.items()))
        if key not in servers:
            servers[key] = MockIdp(seed, **own).start()
        return servers[key]

    yield server
    for running in servers.values():
        running.stop()


@pytest.fixture(scope="session")
def idp_server(request: pytest.FixtureRequest, _idp_servers: Servers) -> MockIdp:
    """The server thread, one for the session, never reset: most tests want `idp`."""
    seed = _located(_session_value(request, "idp_seed"), _folders(request))
    options = _session_value(request, "idp_options") or {}
    return _told(lambda: _idp_servers(options, seed))


@pytest.fixture
def idp(
    request: pytest.FixtureRequest, idp_seed: Seed, idp_options: dict[str, Any], _idp_servers: Servers
) -> Iterator[MockIdp]:
    """The mock, fresh from its seed for every test; what went wrong inside it fails the test at its end."""
    wanted = _marked(request)
    seed, scenario = (_located(wanted.get(name), [request.path.parent]) for name in ("seed", "scenario"))
    scenario = scenario or _located(idp_options.get("scenario"), _folders(request))
    otherwise = _located(idp_seed, _folders(request))
    server = _told(lambda: _idp_servers(idp_options, otherwise if seed is None else seed))
    with ExitStack() as stack:
        serving = server.serving(seed, wanted.get("clock"), scenario, otherwise=otherwise)
        _told(lambda: stack.enter_context(serving))
        yield server
        server.raise_problems()
        _told(server.verify)


def _marked(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the arguments of the test's markers; the nearest one wins."""
    wanted: dict[str, Any] = {}
    for marker in request.node.iter_markers("mockidp"):
        unknown = sorted(set(marker.kwargs) - {"seed", "scenario", "clock"})
        if marker.args or unknown:
            given = ", ".join([*map(repr, marker.args), *unknown])
            pytest.fail(f"the marker is {MARKER.partition(':')[0]}, not {given}", pytrace=False)
        wanted = {**marker.kwargs, **wanted}
    return wanted


def _session_value(request: pytest.FixtureRequest, name: str) -> Any:
    """Return a fixture's value for the session; None when a test overrides it for itself only."""
    try:
        return request.getfixturevalue(name)
    except pytest.fail.Exception as error:
        if "ScopeMismatch" not in str(error):
            raise
        return None


def _folders(request: pytest.FixtureRequest) -> list[Path]:
    """Return where an overriding fixture may stand: the tests' directories and those above, to the root."""
    root = request.config.rootpath
    tests = [request.path] if request.scope == "function" else [item.path for item in request.session.items]
    above = [folder for path in dict.fromkeys(tests) for folder in path.parents]
    return [*(folder for folder in dict.fromkeys(above) if folder.is_relative_to(root)), root]


def _located(seed: Any, folders: Iterable[Path]) -> Any:
    """Return a seed with relative paths made absolute: by the first folder that has it."""
    if isinstance(seed, list | tuple):
        return [_located(source, folders) for source in seed]
    if not isinstance(seed, str | os.PathLike) or os.path.isabs(seed):
        return seed
    places = [folder / seed for folder in folders]
    return next((place for place in places if place.exists()), places[0])


def _told(do: Callable[[], T]) -> T:
    """Return what `do` returns; a mistake or a difference is the test's failure, without a traceback."""
    from mockidp.errors import UsageError

    try:
        return do()
    except (UsageError, AssertionError) as error:
        message = str(error)
    pytest.fail(message, pytrace=False)
