"""What starting costs, counted in modules: a plugin or a help text must not bring the whole house."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PLAIN = """
import sys

def test_the_plugin_waits():
    assert "conftest_plugin" in sys.modules
    assert not [name for name in sys.modules if name.partition(".")[0] == "mockidp"]
"""
HEAVY = {"cryptography", "httptools", "jinja2", "jwt", "msgspec", "ssl", "trustme", "werkzeug", "yaml"}


def modules_of(arguments: list[str], directory: Path) -> set[str]:
    """Return the modules that a Python process imports."""
    command = [sys.executable, "-X", "importtime", *arguments]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=True, timeout=60)
    lines = (line.split("|") for line in done.stderr.splitlines() if line.startswith("import time:"))
    return {fields[-1].strip() for fields in lines}


def added_by(arguments: list[str], directory: Path) -> set[str]:
    """Return the modules beside those that any Python process imports."""
    return modules_of(arguments, directory) - modules_of(["-c", "pass"], directory)


def packages(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def test_the_plugin_imports_nothing_of_mockidp(tmp_path: Path) -> None:
    """Every pytest run of the environment loads the plugin, whether it needs a tenant or not."""
    added = added_by(["-c", "import pytest, conftest_plugin"], tmp_path)
    beside_pytest = added - added_by(["-c", "import pytest"], tmp_path)
    assert beside_pytest == {"conftest_plugin"}


def test_a_suite_without_the_fixture_imports_nothing_of_mockidp(tmp_path: Path) -> None:
    """The plugin is there, and mockidp is not."""
    (tmp_path / "test_plain.py").write_text(PLAIN)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_plain.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_the_package_is_light(tmp_path: Path) -> None:
    """`import mockidp` costs what its first lines say; the rest comes with the first name that is used."""
    added = added_by(["-c", "import mockidp"], tmp_path)
    assert {module for module in added if packages({module}) == {"mockidp"}} == {"mockidp"}
    assert not HEAVY & packages(added)


def test_help_is_light(tmp_path: Path) -> None:
    """`--help` needs none of the libraries that make a tenant."""
    added = added_by(["-m", "mockidp", "--help"], tmp_path)
    assert "mockidp.cli" in added
    assert not HEAVY & packages(added)
    assert len({module for module in added if packages({module}) == {"mockidp"}}) <= 6


def test_a_commands_help_is_light(tmp_path: Path) -> None:
    """So is the help of a command, but for the errors' types."""
    assert not (HEAVY - {"msgspec"}) & packages(added_by(["-m", "mockidp", "serve", "--help"], tmp_path))


def test_a_server_without_pages_imports_no_templates(tmp_path: Path) -> None:
    """A suite that sees neither a page nor https pays for neither."""
    program = "from mockidp import MockIdp\nwith MockIdp() as idp: idp.token('alice@example.com')"
    assert not {"jinja2", "trustme"} & packages(modules_of(["-c", program], tmp_path))


def test_a_start_stays_within_its_budget(tmp_path: Path) -> None:
    """Counted in modules: what serves the demo tenant, and nothing that waits for its first request.

    A module of ours costs about 0.3 ms. Whoever needs more of them says so here.
    """
    program = "from mockidp import MockIdp\nMockIdp()"
    added = added_by(["-c", program], tmp_path)
    assert not {"cryptography", "jinja2", "jwt", "ssl", "trustme"} & packages(added)
    late = {"mockidp.authentication.oauth_token", "mockidp.management.users", "mockidp.universal_login.login"}
    assert not {*late, "mockidp.harness.operations", "mockidp.remote.idp", "werkzeug.serving"} & added
    assert len([module for module in added if packages({module}) == {"mockidp"}]) <= 95
    assert len(added) <= 300


def test_the_first_request_for_keys_loads_little_more(tmp_path: Path) -> None:
    """Neither pages, nor what signs, nor other endpoints."""
    program = (
        "import http.client\nfrom mockidp import MockIdp\n"
        "with MockIdp() as idp:\n"
        "    link = http.client.HTTPConnection('127.0.0.1', int(idp.url.rpartition(':')[2]))\n"
        "    link.request('GET', '/.well-known/jwks.json')\n"
        "    assert link.getresponse().status == 200\n"
        "    link.close()\n"
        "import sys\nprint('\\n'.join(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    added = set(done.stdout.split())
    assert "mockidp.authentication.well_known" in added
    assert not {"cryptography", "jinja2", "jwt", "trustme"} & packages(added)
    assert not {"mockidp.authentication.oauth_token", "mockidp.universal_login.login"} & added
