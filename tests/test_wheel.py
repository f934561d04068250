"""The built wheel, installed beside what it declares and nothing else, serves somebody else's test suite."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
# A project that uses mockidp has these itself.
DOWNSTREAM = ("pytest", "pytest-xdist", "pytest-randomly", "requests")
FILES = {
    "pyproject.toml": """
[tool.pytest.ini_options]
mockidp_seed = ["seeds/tenant.yaml"]
filterwarnings = ["error"]
""",
    "seeds/tenant.yaml": """
clients:
  - {name: Shop, client_id: shop, client_secret: shop-secret, callbacks: ["http://localhost:3000/callback"]}
users:
  - {email: dora@example.com, password: dora-password}
""",
    "tests/other.yaml": "users: [{email: erin@example.com}]\n",
    "tests/test_shop.py": """
import pytest
import requests

CALLBACK = "http://localhost:3000/callback"


@pytest.mark.parametrize("run", range(3))
def test_login(idp, run):
    login = f"{idp.url}/authorize?response_type=code&client_id=shop&scope=openid&redirect_uri={CALLBACK}"
    callback = idp.browser().login(login, "dora@example.com")
    form = {"grant_type": "authorization_code", "code": callback.split("code=")[1], "redirect_uri": CALLBACK}
    answer = requests.post(f"{idp.url}/oauth/token", data=form, auth=("shop", "shop-secret"))
    assert answer.json()["id_token"]
    assert len(idp.requests.matching("POST /oauth/token")) == 1


def test_https(idp):
    answer = requests.get(f"{idp.https_url}/.well-known/openid-configuration", verify=idp.ca_path)
    assert answer.json()["issuer"] == f"{idp.https_url}/"


@pytest.mark.parametrize("name", ["frank", "gwen"])
def test_every_test_has_its_own_world(idp, name):
    assert len(idp.users) == 1
    idp.add_user(email=f"{name}@example.com")


@pytest.mark.mockidp(seed="other.yaml", clock="2030-01-01T00:00:00Z")
def test_marker(idp):
    assert [user.email for user in idp.users] == ["erin@example.com"]
    assert idp.clock.frozen
""",
    "plain/test_plain.py": """
import sys


def test_the_plugin_waits():
    assert "conftest_plugin" in sys.modules
    assert not [name for name in sys.modules if name.partition(".")[0] == "mockidp"]
""",
}


class Environment:
    """A virtual environment with a project that uses mockidp."""

    def __init__(self, python: Path, project: Path) -> None:
        self.python, self.project = python, project

    def run(self, *command: str) -> str:
        """Run a command there and return what it prints; it has to succeed."""
        env = {"PATH": os.environ["PATH"], "HOME": str(self.project)}
        done = subprocess.run(command, cwd=self.project, env=env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def pytest(self, *arguments: str) -> str:
        """Run pytest there and return its last line."""
        output = self.run(str(self.python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments)
        return output.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the declared backend without a download."""
    target = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    [built] = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment that holds the wheel, what it declares, and what a test suite needs."""
    home = tmp_path_factory.mktemp("downstream")
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(home / "venv")], check=True, timeout=60
    )
    python = home / "venv" / "bin" / "python"
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.check_output([python, "-c", ask], text=True).strip())
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        archive.extract(name, home)
    declared = Distribution.at(home / Path(name).parent).requires or []
    for found in closure([*declared, *DOWNSTREAM]):
        copy(found, site)
    install = ["--python", str(python), "install", "--quiet", "--no-index", "--no-deps", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *install], check=True)
    for path, text in FILES.items():
        file = home / "project" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return Environment(python, home / "project")


def closure(requirements: list[str]) -> Iterator[Distribution]:
    """Return the distributions of this environment that these requirements mean, and theirs in turn."""
    seen: set[str] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        wanted = waiting.pop()
        # An extra's requirement has a marker that is true with that extra only.
        if wanted.name.lower() in seen or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        seen.add(wanted.name.lower())
        found = distribution(wanted.name)
        assert wanted.specifier.contains(found.version, prereleases=True), f"{wanted}: {found.version}"
        yield found
        waiting += [Requirement(text) for text in found.requires or ()]


def copy(found: Distribution, site: Path) -> None:
    """Copy a distribution's files, but no scripts."""
    for file in found.files or ():
        source = Path(str(found.locate_file(file)))
        if ".." not in file.parts and source.suffix != ".pyc" and source.is_file():
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def test_the_wheel_holds_the_data(wheel: Path) -> None:
    """Whatever is no Python in the package is in the wheel, with the demo tenant, and nothing else is."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = [path for path in (ROOT / "mockidp").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    expected = {str(path.relative_to(ROOT)) for path in package} | {"conftest_plugin.py"}
    expected |= {
        f"mockidp/{path.relative_to(ROOT)}" for path in (ROOT / "fixtures").rglob("*") if path.is_file()
    }
    assert "mockidp/py.typed" in names
    assert "mockidp/fixtures/demo.yaml" in names
    assert {name for name in names if ".dist-info/" not in name} == expected


@pytest.mark.parametrize(
    "arguments", [("-p", "no:randomly", "-p", "no:xdist"), ("-n", "2"), ("--randomly-seed=1",)], ids=str
)
def test_a_project_uses_it(environment: Environment, arguments: tuple[str, ...]) -> None:
    """A suite with a seed of its own passes: in order, in parallel, in random order."""
    assert environment.pytest("tests", *arguments).startswith("7 passed")


def test_a_suite_without_the_fixture_is_left_alone(environment: Environment) -> None:
    """The plugin is loaded; mockidp is not."""
    assert environment.pytest("plain").startswith("1 passed")


def test_the_command_is_installed(environment: Environment) -> None:
    """As a script and as a module."""
    assert "usage: python -m mockidp" in environment.run(
        str(environment.python.with_name("mockidp")), "--help"
    )
    checked = environment.run(str(environment.python), "-m", "mockidp", "check", "seeds/tenant.yaml")
    assert checked == "1 file checked: no problems\n"


def test_the_demo_tenant_is_installed(environment: Environment) -> None:
    """Without a seed there are Alice and her token."""
    printed = environment.run(
        *(str(environment.python), "-m", "mockidp", "token", "--client", "Web", "--user", "alice@example.com")
    )
    assert printed.count(".") == 2
