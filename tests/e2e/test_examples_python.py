"""The Python examples run by the command of their README, in a clone, with an environment of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
NAMES = ["flask", "fastapi"]
SOURCES = ("mockidp", "fixtures", "conftest_plugin.py", "pyproject.toml", "README.md")
LEFT_BEHIND = shutil.ignore_patterns(".*", "__pycache__")
each_example = pytest.mark.parametrize("name", NAMES)


def clone(name: str, target: Path) -> Path:
    """Return a fresh clone with what one example needs: nothing of this environment is in it."""
    for source in (*SOURCES, f"examples/{name}"):
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target / source, ignore=LEFT_BEHIND)
        else:
            shutil.copyfile(ROOT / source, target / source)
    return target


def run(command: list[str], directory: Path) -> str:
    """Run a command there as a user does, with this Python as `python3`; it has to succeed."""
    own = {
        variable: value
        for variable, value in os.environ.items()
        if not variable.startswith(("MOCKIDP_", "PYTEST_", "MAKE", "MFLAGS", "VIRTUAL_ENV"))
    }
    own["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), own["PATH"]])
    done = subprocess.run(command, cwd=directory, env=own, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def readme(name: str) -> str:
    return (EXAMPLES / name / "README.md").read_text()


def names_of_tests(name: str) -> set[str]:
    """Return the names of an example's tests."""
    files = (EXAMPLES / name / "tests").glob("test_*.py")
    return {
        test for file in files for test in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.M)
    }


@pytest.mark.slow
@each_example
def test_the_documented_command_runs_an_example(name: str, tmp_path: Path) -> None:
    """It sets up what it needs, all tests pass, and mypy finds the types of what it installed."""
    [command] = re.findall(r"^\$ (.+)$", readme(name), re.M)
    output = run(command.split(), clone(name, tmp_path))
    summary = re.search(r"^=+ (\d+) passed in [\d.]+s =+$|^(\d+) passed in [\d.]+s", output, re.M)
    assert summary is not None, output
    example = tmp_path / "examples" / name
    run([sys.executable, "-m", "mypy", "--python-executable", str(example / ".venv/bin/python")], example)


@each_example
def test_a_readme_names_every_test(name: str) -> None:
    """And none that is not there."""
    assert set(re.findall(r"`(test_\w+)`", readme(name))) == names_of_tests(name)


@pytest.mark.parametrize("page", ["README.md", *(f"{name}/README.md" for name in NAMES)])
def test_the_links_of_a_readme_lead_somewhere(page: str) -> None:
    """Relative ones, to files."""
    path = EXAMPLES / page
    targets = re.findall(r"\]\(([^)\s#]+)\)", path.read_text())
    assert targets
    assert [target for target in targets if not (path.parent / target).exists()] == []
