"""`python -m mockidp check`: what is wrong in seeds and scenarios, and what changes nothing."""

from __future__ import annotations

import pytest
from cli_world import Cli, refused

WRONG = "clients:\n  - {name: Web, calbacks: []}\n"


def test_check_lists_every_problem(cli: Cli) -> None:
    """file:line:column, what is wrong, what was meant."""
    cli.write("wrong.yaml", WRONG + "users: [{email: a@example.com, connection: nowhere}]\n")
    done = cli("check", "wrong.yaml")
    assert done.returncode == 2
    first, *rest = done.stderr.splitlines()
    assert first == "wrong.yaml:2:17: unknown key 'calbacks' in client 'Web'; did you mean 'callbacks'?"
    assert any("wrong.yaml:3:" in line for line in rest)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "connections: [{name: fb, strategy: facebook}]\nusers:\n  - {user_id: 'x|1', connection: fb}\n",
            "file.yaml:3:5: user_id 'x|1' of user 'x|1' is not of connection 'fb'",
        ),
        (
            "script:\n  - {on: POST /oauth/tokn}\n",
            "file.yaml:2:5: there is no 'POST /oauth/tokn'; did you mean 'POST /oauth/token'?",
        ),
        (
            "expect:\n  requests: [{on: GET /userinof, times: 0}]\n",
            "file.yaml:2:14: there is no 'GET /userinof'; did you mean 'GET /userinfo'?",
        ),
    ],
)
def test_check_finds_what_would_fail_a_start(cli: Cli, text: str, message: str) -> None:
    """In a seed and in a scenario, in the same words."""
    cli.write("file.yaml", text)
    option = "--seed" if "users" in text else "--scenario"
    assert refused(cli("check", "file.yaml")).startswith(message)
    assert refused(cli("--port", "0", option, "file.yaml")).startswith(f"mockidp: {message}")


def test_check_lists_what_is_inert(cli: Cli) -> None:
    """A key of a real export that changes nothing is no problem."""
    cli.write("export.yaml", "clients: [{name: Web, mobile: {ios: {team_id: x}}}]\nrules: [{name: r}]\n")
    cli.write("a.scenario.yaml", "scenario: beside it\n")
    done = cli("check", "export.yaml", "a.scenario.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert "export.yaml:1:23: clients[0].mobile is inert" in done.stdout
    assert "rules is inert" in done.stdout
    assert "no problems" in done.stdout
