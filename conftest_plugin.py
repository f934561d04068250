"""The pytest plugin: the fixtures `idp`, `idp_server`, `idp_seed`, `idp_options` and the marker `mockidp`.

Nothing of mockidp is imported before a test asks for a fixture.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest

if TYPE_CHECKING:
    from mockidp.seed.sources import Seed
    from mockidp.server import MockIdp

    Servers = Callable[[Mapping[str, Any], Seed], MockIdp]

T = TypeVar("T")
OF_THE_WORLD = ("clock", "environ")  # options of `MockIdp` that an external server can be told
TRACE = pytest.StashKey[Callable[[], str]]()  # of a test: what came to its idp
SKIPPED = pytest.StashKey[bool]()  # of a test: whether it ended so
MARKER = (
    "mockidp(seed=…, scenario=…, clock=…): the world of this test: a seed (path, mapping or list), "
    "a scenario file that has to be met, a frozen time"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the ini options, and where an external server is."""
    parser.addini(
        "mockidp_seed", "seed files of the idp fixture, relative to the root directory", type="args"
    )
    parser.addini("mockidp_domain", "HOST[:PORT] that pins the issuer of the idp fixture", default="")
    parser.addini("mockidp_url", "as --mockidp-url", default="")
    group = parser.getgroup("mockidp")
    group.addoption(
        "--mockidp-url",
        metavar="URL",
        help="let the idp fixture be the mockidp that is served there (http://127.0.0.1:4100)",
    )
    group.addoption(
        "--mockidp-trace",
        action="store_true",
        help="show with each test that fails the requests that came to its idp, decoded, secrets redacted",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker; refuse what several workers would do to one external server."""
    config.addinivalue_line("markers", MARKER)
    url = _external_url(config)
    if url and config.getoption("dist", "no") != "no":
        raise pytest.UsageError(
            f"one mockidp, at {url}, cannot serve several workers at once: run pytest without -n, "
            "or without --mockidp-url, where each worker has a server of its own"
        )


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say where the external server is."""
    url = _external_url(config)
    return f"mockidp: {url}" if url else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell a mistake by the test's own lines alone; add the requests to the report of a test that failed."""
    if call.excinfo is not None and not item.config.getoption("fulltrace"):
        call.excinfo = _without_own_lines(call.excinfo)
    report = yield
    if call.when == "call":
        item.stash[SKIPPED] = report.skipped
    if report.failed and item.config.getoption("mockidp_trace") and (text := item.stash.get(TRACE, None)):
        report.sections.append(("mockidp", text()))
    return report


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
def _idp_servers(pytestconfig: pytest.Config) -> Iterator[Servers]:
    """One running server for each set of options: with overridden fixtures there may be several."""
    servers: dict[str, MockIdp] = {}
    url = _external_url(pytestconfig)
    start = _external(url) if url else _started

    def server(options: Mapping[str, Any], seed: Seed) -> MockIdp:
        own = {name: value for name, value in options.items() if name != "scenario"}  # each test begins it
        key = repr(sorted(own.items()))
        if key not in servers:
            servers[key] = start(own, seed)
        return servers[key].start()  # a test may have stopped it

    yield server
    for running in servers.values():
        running.stop()


@pytest.fixture(scope="session")
def idp_server(request: pytest.FixtureRequest, _idp_servers: Servers) -> Iterator[MockIdp]:
    """The server thread, one for the session, never reset: most tests want `idp`."""
    seed = _located(_session_value(request, "idp_seed"), _folders(request))
    options = _session_value(request, "idp_options") or {}
    server = _told(lambda: _idp_servers(options, seed))
    serving = server.serving(None, otherwise=seed)  # it may have been started for a test with its own seed
    _told(serving.__enter__)
    yield server
    serving.__exit__(None, None, None)


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
    test = request.node.nodeid
    serving = server.serving(seed, wanted.get("clock"), scenario, otherwise=otherwise, label=test)
    _told(serving.__enter__)
    request.node.stash[TRACE] = lambda: _trace(server)
    try:
        yield server
        _told(server.raise_problems)
        if not request.node.stash.get(SKIPPED, False):
            _told(server.verify)
        _warn_of_leftovers(server, test)
    finally:
        if request.config.getoption("mockidp_trace"):
            at_the_end = _trace(server)  # when the report is made, the world will be another
            request.node.stash[TRACE] = lambda: at_the_end
        _told(lambda: serving.__exit__(None, None, None))


def _without_own_lines(excinfo: pytest.ExceptionInfo[BaseException]) -> pytest.ExceptionInfo[BaseException]:
    """Return what was raised without the lines of mockidp, when that raised it to tell something."""
    if not excinfo.type.__module__.startswith("mockidp."):
        return excinfo
    house = Path(sys.modules["mockidp"].__path__[0])
    lines: list[TracebackType] = []
    rest: TracebackType | None = excinfo.tb
    while rest is not None:
        lines.append(rest)
        rest = rest.tb_next
    for line in reversed(lines):
        if not Path(line.tb_frame.f_code.co_filename).is_relative_to(house):
            rest = TracebackType(rest, line.tb_frame, line.tb_lasti, line.tb_lineno)
    return pytest.ExceptionInfo.from_exception(excinfo.value.with_traceback(rest or excinfo.tb))


def _trace(server: MockIdp) -> str:
    from mockidp.harness.trace import trace

    return trace(server.requests)


def _warn_of_leftovers(server: MockIdp, test: str) -> None:
    """Name requests that came here from earlier tests; what a rule held up until its end is meant to."""
    found = (each for each in server.requests.leftovers() if each.leftover_of != test)
    if leftovers := [each for each in found if each.counts or not each.rule]:
        from mockidp.harness.leftovers import leftover_text

        warnings.warn(pytest.PytestWarning(leftover_text(leftovers)), stacklevel=1)


def _external_url(config: pytest.Config) -> str:
    """Return where the external server is; an empty text: there is none."""
    given: str | None = config.getoption("mockidp_url")
    return config.getini("mockidp_url") if given is None else given


def _started(options: Mapping[str, Any], seed: Seed) -> MockIdp:
    from mockidp import MockIdp

    return MockIdp(seed, **options).start()


def _external(url: str) -> Servers:
    """Return what holds the server at the URL; it warns, once, of options that are the server's own."""
    told: set[str] = set()

    def hold(options: Mapping[str, Any], seed: Seed) -> MockIdp:
        from mockidp import RemoteIdp

        own = sorted(options.keys() - {*OF_THE_WORLD, *told})
        told.update(own)
        if own:
            names = ", ".join(own)
            warnings.warn(
                pytest.PytestWarning(f"{names} of idp_options: start the server at {url} with it"),
                stacklevel=1,
            )
        known = {name: options[name] for name in OF_THE_WORLD if name in options}
        return cast("MockIdp", RemoteIdp(url, seed, **known))  # the same object as far as tests go

    return hold


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
    """Return what `do` returns; a mistake, difference or problem fails the test, without a traceback of ours.

    Without the external server no other test can pass either.
    """
    from mockidp.errors import InternalError, Unreachable, UsageError

    try:
        return do()
    except Unreachable as error:
        gone, message = True, str(error)
    except (UsageError, InternalError, AssertionError) as error:
        gone, message = False, str(error)
    if gone:
        pytest.exit(message, returncode=pytest.ExitCode.USAGE_ERROR)
    pytest.fail(message, pytrace=False)
