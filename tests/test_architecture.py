"""The house keeps its rules: floors, sizes, the URL rule, one clock, one source of ids."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

import mockidp
from mockidp.app import all_routes
from mockidp.http.routing import Route

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "mockidp"
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = [path for path in sorted((ROOT / "tests").rglob("*.py")) if "node_modules" not in path.parts]
SOURCES = [*MODULES, ROOT / "conftest_plugin.py", *TESTS]

# Floors from the ground up; a module may import from its own room and from rooms on lower floors.
GROUND = ("clock", "ids", "errors", "json", "store", "gil", "keys")
FLOORS: tuple[tuple[str, ...], ...] = (
    GROUND,
    ("model",),
    ("tokens",),
    ("http",),
    ("rules",),
    ("authentication", "universal_login", "management", "harness", "seed"),
    ("app",),
    ("worlds",),
    ("server", "remote"),
    ("wsgi",),
    ("workers",),
    ("cli",),
    ("__main__", "__init__"),
)
# Where the rule "the URL is the file" has another answer, and why.
URL_EXCEPTIONS = {
    "/pem": "signing_certificate",
    "/cer": "signing_certificate",
    "/rawpem": "signing_certificate",
    "/login/unlink": "unlink",
    "/login/callback": "login_callback",
    "/v2/logout": "logout",
    "/oidc/logout": "logout",
    "/authorize/resume": "authorize",
    # the login page is a page of its own when it asks for an address alone, and another when for a code
    "/u/login/identifier": "login_identifier",
    "/u/login/passwordless-email-challenge": "login_passwordless",
    "/u/login/passwordless-sms-challenge": "login_passwordless",
    "/dbconnections/signup": "dbconnections",
    "/dbconnections/change_password": "dbconnections",
    # four times the same question
    "/usernamepassword/challenge": "challenge",
    "/dbconnections/signup/challenge": "challenge",
    "/dbconnections/change_password/challenge": "challenge",
    "/passwordless/challenge": "challenge",
    # scripts of the same data, whose names no module can have
    "/client/{script}": "lock_settings",
    "/tenants/v1/{script}": "lock_settings",
    "/info-v1.js": "lock_settings",
    "/relay.html": "relay",
    "/sso_dbconnection_popup/{client_id}": "sso_dbconnection_popup",
}
# Second segments of /api/v2 that have a file of their own.
SPLIT = ("identities", "invitations")


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def floor_of(room: str) -> int:
    return next(i for i, rooms in enumerate(FLOORS) if room in rooms)


def imports_of(tree: ast.AST) -> set[str]:
    """Return the mockidp rooms that a module imports at run time."""
    rooms = set()
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] if node.module != "mockidp" else [f"mockidp.{a.name}" for a in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        rooms |= {name.split(".")[1] for name in names if name.startswith("mockidp.")}
    return {"server" if room == "MockIdp" else room for room in rooms} - {"__version__"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_downwards(path: Path) -> None:
    """Floors hold: nothing imports from above or from a neighbour."""
    room = room_of(path)
    if room == "__init__":
        return
    for imported in imports_of(ast.parse(path.read_text())):
        below = floor_of(imported) < floor_of(room)
        assert imported == room or below or (room in GROUND and imported in GROUND), (
            f"{path.name} is in '{room}' and must not import 'mockidp.{imported}'"
        )


@pytest.mark.parametrize("room", ["model", "tokens", "rules"])
def test_the_domain_knows_no_http(room: str) -> None:
    """Neither werkzeug nor jinja2 below the HTTP floor."""
    for path in (PACKAGE / room).rglob("*.py"):
        source = path.read_text()
        assert "werkzeug" not in source, path
        assert "jinja2" not in source, path


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_stay_readable(path: Path) -> None:
    """A file has at most 400 lines, a function at most 50."""
    source = path.read_text()
    assert source.count("\n") <= 400, f"{path} has more than 400 lines: split it"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= 50, f"{path}:{node.lineno} {node.name} has {lines} lines: split it"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_time_and_randomness_have_one_source(path: Path) -> None:
    """Only clock.py reads the time and only ids.py makes ids."""
    if path.name in ("clock.py", "ids.py"):
        return
    forbidden = {"random", "secrets", "uuid"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not forbidden & {alias.name for alias in node.names}, f"{path}: use tenant.ids"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            called = f"{node.value.id}.{node.attr}"
            assert called not in ("time.time", "datetime.now", "datetime.utcnow", "os.urandom"), (
                f"{path}:{node.lineno} reads {called}: use tenant.clock"
            )


@pytest.mark.parametrize("package", ["authentication", "universal_login", "management"])
def test_every_endpoint_is_in_its_room(package: str) -> None:
    """A module with routes is imported for the first segment of each of their paths."""
    found: dict[str, set[Route]] = {}
    for segment, load in importlib.import_module(f"mockidp.{package}").ROOMS:
        found.setdefault(segment, set()).update(load())
    for path in (PACKAGE / package).glob("*.py"):
        module = importlib.import_module(f"mockidp.{package}.{path.stem}")
        for route in getattr(module, "ROUTES", ()):
            segment = route.template.split("/")[1]
            assert route in found.get(segment, ()), f"{package}: {path.stem} is not in room '{segment}'"


def test_the_url_is_the_file() -> None:
    """An endpoint lives in the file that its URL names."""
    for route in all_routes():
        if route.level == "not emulated":
            continue
        module = route.endpoint.__module__.removeprefix("mockidp.")
        room, _, name = module.partition(".")
        if route.template in URL_EXCEPTIONS:
            assert name == URL_EXCEPTIONS[route.template], route.template
            continue
        path = route.template
        if path.startswith("/u/"):
            expected = ("universal_login", path.split("/")[2])
        elif path.startswith("/api/v2/"):
            parts = [p for p in path.removeprefix("/api/v2/").split("/") if not p.startswith("{")]
            expected = ("management", parts[-1] if parts[-1] in SPLIT else parts[0])
        elif path.startswith("/.well-known/"):
            expected = ("authentication", "well_known")
        else:
            expected = ("authentication", path.strip("/").replace("/", "_"))
        assert (room, name) == (expected[0], expected[1].replace("-", "_")), f"{path} lives in {module}"


def test_faults_do_not_leak_into_endpoints() -> None:
    """The emulated tenant does not know that it is watched."""
    for room in ("authentication", "universal_login", "management", "http", "model"):
        for path in (PACKAGE / room).rglob("*.py"):
            source = path.read_text()
            assert "harness" not in source, path
            assert "mockidp.rules" not in source, path
            assert "tampering" not in source or path.name in ("tampering.py", "tenant.py"), path


def test_only_the_issuer_signs() -> None:
    """`write_jws` is called in tokens/issuer.py alone, and nothing signs but by it."""
    sources = {path.name: path.read_text() for path in MODULES}
    assert [name for name, text in sources.items() if re.search(r"(?<!def )write_jws\(", text)] == [
        "issuer.py"
    ]
    assert [name for name, text in sources.items() if re.search(r"\.sign\(|jwt\.encode\(", text)] == [
        "keys.py",
        "jws.py",
    ]


def test_the_product_reads_nothing_outside_itself() -> None:
    """No absolute path of a machine is in the package."""
    for path in MODULES:
        assert not re.search(r"[\"'](/home/|/root/|/srv/|/mnt/|[A-Z]:\\)", path.read_text()), path
    assert mockidp.__version__


def test_test_files_have_names_of_their_own() -> None:
    """Two files of one name in different directories: pytest would collect only one."""
    names = [path.name for path in TESTS if path.name.startswith("test_")]
    assert sorted(names) == sorted(set(names))
