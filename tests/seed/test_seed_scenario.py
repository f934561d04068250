"""Mistakes in scenarios: where they are, what is wrong, and what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockidp.errors import UsageError
from mockidp.seed.load import check_files, load_scenario, load_seed

WORLD = """\
connections: [{name: facebook, strategy: facebook}]
users:
  - {email: alice@example.com, name: Alice}
  - {user_id: "facebook|1022", connection: facebook}
"""


def check(folder: Path, text: str, **environ: str) -> list[str]:
    """Return what is wrong, without the file's name."""
    (folder / "world.yaml").write_text(WORLD)
    path = folder / "x.scenario.yaml"
    path.write_text(text)
    return [str(problem).removeprefix(f"{path}:") for problem in check_files([path], environ)]


STEPS: list[tuple[str, str]] = [
    ("{on: GET /x}", ""),
    ("{on: GET /x, times: any}", ""),
    ("{on: GET /x, then: {body: null, status: 500}}", ""),
    ("x", "1:10: step 1 must be a mapping, not a string"),
    ("{where: {}}", "1:10: step 1 needs 'on'"),
    ("{on: GET}", "1:15: 'on' of step 1: 'GET' is no operation; write method and path: 'POST /oauth/token'"),
    ("{on: 5}", "1:15: 'on' of step 1 must be a string, not a number; put it in quotes"),
    ("{on: GET /x, time: 1}", "1:23: unknown key 'time' in step 1; did you mean 'times'?"),
    ("{on: GET /x, times: 0}", "1:30: 'times' of step 1 must be a whole number from 1, or any, not 0"),
    ("{on: GET /x, then: later}", "1:29: 'then' of step 1 must be a mapping, not a string"),
    (
        "{on: GET /x, then: {dealy: 2s}}",
        "1:30: unknown key 'dealy' in 'then' of step 1; did you mean 'delay'?",
    ),
    (
        "{on: GET /x, then: {delay: two}}",
        "1:37: 'delay' of 'then' of step 1: 'two' is no duration; write it as 90s, 15m, 1h30m or 2d",
    ),
    (
        "{on: GET /x, then: {login: a}}",
        "1:30: step 1: 'login' answers the pages of a login: write 'on: GET /authorize'",
    ),
    ("{on: GET /x, where: [a]}", "1:30: 'where' of step 1 must be a mapping, not a list"),
    (
        "{on: GET /x, where: {headers: x}}",
        "1:40: 'headers' of 'where' of step 1 must be a mapping, not a string",
    ),
    ("{on: after 1 request, times: 2}", "1:15: step 1: 'after' takes neither 'where' nor 'times'"),
    ("{on: GET /x, then: {drop: true, malformed: true}}", "'malformed' and 'drop' do not go together"),
]


@pytest.mark.parametrize(("step", "problem"), STEPS)
def test_steps(tmp_path: Path, step: str, problem: str) -> None:
    """One mistake, one line."""
    found = check(tmp_path, f"script: [{step}]\n")
    assert len(found) == bool(problem)
    assert problem in "".join(found)


EXPECT: list[tuple[str, str]] = [
    ("{requests: [{on: POST /oauth/token, times: 0, status: 200}], users: {a@b.c: null}, outbox: []}", ""),
    ("[]", "1:9: 'expect' must be a mapping, not a list"),
    ("{reqests: []}", "1:10: unknown key 'reqests' in 'expect'; did you mean 'requests'?"),
    ("{requests: [{times: 1}]}", "1:21: request 1 of 'expect' needs 'on': METHOD /path"),
    ("{requests: [{on: after 3 requests}]}", "1:21: request 1 of 'expect' needs 'on': METHOD /path"),
    (
        "{requests: [{on: GET /x, times: -1}]}",
        "'times' of request 1 of 'expect' must be a whole number, not -1",
    ),
    ("{users: [a]}", "1:17: 'users' of 'expect' must be a mapping, not a list"),
    ("{users: {a: 5}}", "1:21: 'a' must be a mapping of members, or null for no such user"),
    ("{outbox: [{kind: verify_mail}]}", "not 'verify_mail'; did you mean 'verify_email'?"),
    ("{outbox: [{too: a}]}", "1:20: unknown key 'too' in message 1 of 'expect'; did you mean 'to'?"),
]


@pytest.mark.parametrize(("expect", "problem"), EXPECT)
def test_expectations(tmp_path: Path, expect: str, problem: str) -> None:
    """One mistake, one line."""
    found = check(tmp_path, f"expect: {expect}\n")
    assert len(found) == bool(problem)
    assert problem in "".join(found)


def test_slips_in_names(tmp_path: Path) -> None:
    """Users and connections that the seed has under a similar name; others may come to be while it runs."""
    text = (
        "seed: world.yaml\nscript:\n"
        "  - {on: GET /authorize, then: {login: alcie@example.com}}\n"
        "  - {on: GET /authorize, where: {connection: facebok}, then: {login: 'facebook|1022'}}\n"
        "  - {on: GET /authorize, where: {connection: okta}, then: {login: somebody@else.example}}\n"
        "  - {on: GET /authorize, then: {login: Alice}}\n"
    )
    assert check(tmp_path, text) == [
        "3:40: unknown user 'alcie@example.com'; did you mean 'alice@example.com'?",
        "4:46: unknown connection 'facebok'; did you mean 'facebook'?",
    ]


def test_all_problems_in_the_order_of_lines(tmp_path: Path) -> None:
    """Of the seed's sections, the script and what is included alike."""
    (tmp_path / "part.scenario.yaml").write_text("script: [{on: GET}]\n")
    text = (
        "include: [part.scenario.yaml, nowhere.yaml, 5]\nusers: [{emial: a@b.c, user_id: x}]\n"
        "script: [{on: GET /x, then: {mfa: no}}]\nordered: maybe\n"
    )
    found = check(tmp_path, text)
    assert [line.removeprefix(str(tmp_path)) for line in found] == [
        "/part.scenario.yaml:1:15: 'on' of step 1: 'GET' is no operation; "
        "write method and path: 'POST /oauth/token'",
        "1:31: no such file 'nowhere.yaml'",
        "1:45: 'include' must be the path of a scenario, {file, parameters}, or a list of these",
        "2:10: unknown key 'emial' in user 'x'; did you mean 'email'?",
        "3:30: step 1: 'mfa' answers the pages of a login: write 'on: GET /authorize'",
        "3:35: 'mfa' of 'then' of step 1 must be pass or fail, not 'no'",
        "4:10: 'ordered' of the scenario must be true or false, not 'maybe'",
    ]


def test_parameters_fill_what_the_environment_does_not(tmp_path: Path) -> None:
    """Given from outside, the environment, the file's own: in this order. None: a problem with its place."""
    text = "parameters: {who: alice@example.com}\nscript: [{on: GET /authorize, then: {login: ##who##}}]\n"
    assert check(tmp_path, text) == []
    path = tmp_path / "x.scenario.yaml"
    logins = [
        load_scenario(path, environ, parameters).script.rules[0].then.login
        for environ, parameters in (({}, {}), ({"who": "b@c.d"}, {}), ({"who": "b@c.d"}, {"who": "e@f.g"}))
    ]
    assert logins == ["alice@example.com", "b@c.d", "e@f.g"]
    wrong = check(tmp_path, "script: [{on: GET /authorize, then: {login: ##WHO##}}]\n")
    assert wrong == ["1:45: the environment variable 'WHO' is not set"]


def test_an_export_may_have_an_include_of_its_own(tmp_path: Path) -> None:
    """deploy-cli's is a mapping: that is no scenario."""
    path = tmp_path / "export.yaml"
    path.write_text("include: {connections: []}\nclients: []\n")
    assert check_files([path], {}) == []
    assert load_seed([path], {}).document["clients"] == []


def test_data_have_no_lines(tmp_path: Path) -> None:
    """A scenario in Python is checked the same."""
    with pytest.raises(UsageError) as caught:
        load_scenario({"script": [{"on": "GET /x", "thn": {}}]}, {})
    message = "inline seed, script[0].thn: unknown key 'thn' in step 1; did you mean 'then'?"
    assert str(caught.value) == message
