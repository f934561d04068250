"""Scenarios by the fixture's marker and by the command line."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
INSTALLED = any(point.value == "conftest_plugin" for point in entry_points(group="pytest11"))
SCENARIO = """\
scenario: The userinfo endpoint is away once
users: [{email: dora@example.com}]
script:
  - on: GET /userinfo
    then: {status: 503}
    times: 1
"""
TESTS = """
import pytest, requests

mark = pytest.mark.mockidp(scenario="parts/away.scenario.yaml")

@mark
def test_met(idp):
    assert [user.email for user in idp.users] == ["dora@example.com"]
    assert [requests.get(f"{idp.url}/userinfo", timeout=30).status_code for _ in range(2)] == [503, 401]

@mark
def test_not_met(idp):
    requests.get(f"{idp.url}/authorize", timeout=30)

def test_without(idp):
    assert "alice@example.com" in idp.users
    assert len(idp.rules.uses) == 1

def test_python(idp):
    idp.fail("GET /userinfo", times=1)

@pytest.fixture(scope="session")
def idp_options():
    return {"scenario": "parts/option.scenario.yaml"}

def test_option(idp):
    assert requests.get(f"{idp.url}/userinfo", timeout=30).status_code == 504

INLINE = {"script": [{"on": "GET /userinfo", "then": {"status": 418}}]}

@pytest.mark.mockidp(scenario=INLINE, seed={"users": []})
def test_inline_with_a_seed(idp):
    assert len(idp.users) == 0
    assert requests.get(f"{idp.url}/userinfo", timeout=30).status_code == 418

@pytest.mark.mockidp(scenario="parts/wrong.scenario.yaml")
def test_wrong(idp):
    pass
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a scenario."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/away.scenario.yaml").write_text(SCENARIO)
    (tmp_path / "parts/option.scenario.yaml").write_text(
        "script: [{on: GET /userinfo, then: {status: 504}, times: any}]\n"
    )
    (tmp_path / "parts/wrong.scenario.yaml").write_text("script: [{onn: GET /x}]\n")
    return tmp_path


def test_the_marker_names_a_scenario_that_has_to_be_met(
    project: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not met fails the test at its end, with the difference; the next test has its own world."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (project / "test_it.py").write_text(TESTS)
    options = ["-q", "-W", "error", "-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:asyncio"]
    options += [] if INSTALLED else ["-p", "conftest_plugin"]
    result = pytester.runpytest_subprocess(*options, f"--rootdir={project}", str(project))
    result.assert_outcomes(passed=6, errors=3)
    result.stdout.fnmatch_lines(
        [
            "*the scenario 'The userinfo endpoint is away once' was not met:",
            "*parts/away.scenario.yaml:4:5: GET /userinfo: expected once, came never",
            "What came, in order:",
            "  1. GET /authorize*",
        ]
    )
    result.stdout.fnmatch_lines(["*- GET /userinfo: expected once, came never"])
    result.stdout.fnmatch_lines(
        ["*wrong.scenario.yaml:1:11: unknown key 'onn' in step 1; did you mean 'on'?"]
    )
    assert "Traceback" not in result.stdout.str()


def execute(project: Path, code: str) -> subprocess.CompletedProcess[str]:
    program = f"import os, urllib.request as r, urllib.error as e; url = os.environ['MOCKIDP_URL']\n{code}"
    command = [sys.executable, "-m", "mockidp", "exec", "--scenario", "parts/away.scenario.yaml"]
    return subprocess.run(
        [*command, "--", sys.executable, "-c", program],
        cwd=project,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(project)},
        capture_output=True,
        text=True,
        timeout=60,
    )


ASK = """
try:
    r.urlopen(url + "/userinfo")
except e.HTTPError as error:
    raise SystemExit(0 if error.code == 503 else 9)
"""


def test_exec_runs_a_scenario_around_a_command(project: Path) -> None:
    """Met: the command's status. Not met: 3, and the difference."""
    done = execute(project, ASK)
    assert (done.returncode, done.stderr) == (0, "")
    done = execute(project, "")
    assert done.returncode == 3
    assert done.stderr.startswith("mockidp: the scenario 'The userinfo endpoint is away once' was not met:\n")
    assert "No request came at all." in done.stderr
    done = execute(project, ASK.replace("SystemExit(0", "SystemExit(5"))
    assert done.returncode == 5
