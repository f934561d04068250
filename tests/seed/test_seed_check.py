"""`check_files`: every problem of seeds and scenarios, not only the first."""

from __future__ import annotations

from pathlib import Path

from mockidp.seed.load import check_files
from mockidp.seed.reader import Problem


def check(tmp_path: Path, *names: str) -> list[str]:
    """Return the problems as lines, the directory left out."""
    problems = check_files([tmp_path / name for name in names], {})
    return [str(problem).replace(f"{tmp_path}/", "") for problem in problems]


def write(tmp_path: Path, **files: str) -> None:
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text)


def test_a_right_seed_has_no_problems(tmp_path: Path) -> None:
    """Nothing wrong, nothing said."""
    write(tmp_path, a="clients: [{name: Web}]\n")
    assert check(tmp_path, "a.yaml") == []
    assert check_files([]) == []


def test_every_problem_is_found_in_the_order_of_lines(tmp_path: Path) -> None:
    """Duplicate keys, slips, types, references, variables: all in one pass."""
    write(
        tmp_path,
        a="""\
tenant: {default_directory: Nowhere}
clients:
  - name: Web
    callbakcs: []
    callbacks: x
    name: Web2
  - name: SPA
    description: "##NOPE##"
  - SPA
  - name: SPA
databases: [{name: DB, enabled_clients: [Spa]}]
cleints: []
""",
    )
    assert check(tmp_path, "a.yaml") == [
        "a.yaml:1:29: unknown connection 'Nowhere' in the tenant; known: 'DB'",
        "a.yaml:4:5: unknown key 'callbakcs' in client 'Web2'; did you mean 'callbacks'?",
        "a.yaml:5:16: 'callbacks' of client 'Web2' must be a list of strings, not a string",
        "a.yaml:6:5: duplicate key 'name'",
        "a.yaml:8:18: the environment variable 'NOPE' is not set",
        "a.yaml:9:5: 'clients[2]' must be a mapping, not a string",
        "a.yaml:10:5: duplicate client 'SPA'; the first is at a.yaml:7:5",
        "a.yaml:11:42: unknown client 'Spa' in connection 'DB'; did you mean 'SPA'?",
        "a.yaml:12:1: unknown key 'cleints'; did you mean 'clients'?",
    ]


def test_a_variable_that_is_not_set_is_the_only_problem(tmp_path: Path) -> None:
    """What it would have been is not guessed."""
    (tmp_path / "a.yaml").write_text(
        "tenant: {enabled_locales: @@LANGUAGES@@, session_lifetime: ##HOURS##}\n"
    )
    problems = check_files([tmp_path / "a.yaml"], {})
    assert [problem.message for problem in problems] == [
        "the environment variable 'LANGUAGES' is not set",
        "the environment variable 'HOURS' is not set",
    ]


def test_a_problem_has_its_parts(tmp_path: Path) -> None:
    """Editors and CI want them apart."""
    write(tmp_path, a="x: 1\n")
    assert check_files([str(tmp_path / "a.yaml")]) == [
        Problem(str(tmp_path / "a.yaml"), 1, 1, "unknown key 'x'")
    ]


def test_seeds_are_checked_together_file_by_file(tmp_path: Path) -> None:
    """References may point into another of the files; each problem names its own."""
    write(
        tmp_path,
        base="clients: [{name: Web}]\nroles: [{name: r}]\n",
        extra="databases: [{name: DB, enabled_clients: [Web, Wbe]}]\nx: 1\n",
    )
    problems = [
        "extra.yaml:1:47: unknown client 'Wbe' in connection 'DB'; did you mean 'Web'?",
        "extra.yaml:2:1: unknown key 'x'",
    ]
    assert check(tmp_path, "base.yaml", "extra.yaml") == problems
    assert check(tmp_path, "extra.yaml", "base.yaml") == problems
    assert check(tmp_path, "extra.yaml") == ["extra.yaml:2:1: unknown key 'x'"]


def test_what_cannot_be_read_does_not_make_references_dangle(tmp_path: Path) -> None:
    """A syntax error is one problem, not one for each reference into the broken file."""
    write(
        tmp_path,
        base="clients: [{name: Web}\n",
        extra="databases: [{name: DB, enabled_clients: [Web]}]\ny: 1\n",
    )
    assert check(tmp_path, "base.yaml", "extra.yaml", "gone.yaml") == [
        "base.yaml:2:1: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence",
        "extra.yaml:2:1: unknown key 'y'",
        "gone.yaml: no such file",
    ]


def test_many_wrong_references_are_reported_each(tmp_path: Path) -> None:
    """A thousand users with a wrong role are a thousand lines, in reasonable time."""
    users = "\n".join(f"  - {{email: u{at}@x.de, connection: DB, roles: [amdin]}}" for at in range(1000))
    write(tmp_path, a=f"databases: [{{name: DB}}]\nroles: [{{name: admin}}]\nusers:\n{users}\n")
    problems = check(tmp_path, "a.yaml")
    assert (
        len(problems),
        int(problems[0].split(":")[1]),
        int(problems[-1].split(":")[1]),
    ) == (1000, 4, 1003)


SCENARIO = """\
scenario: A thing happens
seed: ../worlds/base.yaml
ordered: true
script:
  - on: GET /authorize
    then: {login: alice@example.com}
expect: {requests: []}
users:
  - {email: bob@example.com, connection: DB, roles: [amdin]}
"""


def test_a_scenario_is_checked_with_the_seed_that_it_names(tmp_path: Path) -> None:
    """Its seed is found from the scenario's place; its script is accepted as it is."""
    (tmp_path / "worlds").mkdir()
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "worlds/base.yaml").write_text("databases: [{name: DB}]\nroles: [{name: admin, x: 1}]\n")
    (tmp_path / "scenarios/a.yaml").write_text(SCENARIO)
    assert check(tmp_path, "scenarios/a.yaml") == [
        "scenarios/../worlds/base.yaml:2:23: unknown key 'x' in role 'admin'",
        "scenarios/a.yaml:9:54: unknown role 'amdin' in user 'bob@example.com'; did you mean 'admin'?",
    ]


def test_a_scenarios_inline_seed_keeps_its_places(tmp_path: Path) -> None:
    """`seed:` may hold the sections themselves, or several seeds."""
    write(
        tmp_path,
        base="databases: [{name: DB}]\n",
        one="script: []\nseed:\n  clients:\n    - {nmae: x}\n",
        two="script: []\nseed:\n  - base.yaml\n  - {users: [{email: a@x.de, connection: BD}]}\n",
        three="script: []\nclinets: []\nseeds: x\n",
    )
    assert check(tmp_path, "one.yaml", "two.yaml", "three.yaml") == [
        "one.yaml:4:7: client 1 needs 'name' or 'client_id'",
        "one.yaml:4:8: unknown key 'nmae' in client 1; did you mean 'name'?",
        "two.yaml:4:42: unknown connection 'BD' in user 'a@x.de'; known: 'DB'",
        "three.yaml:2:1: unknown key 'clinets'; did you mean 'clients'?",
        "three.yaml:3:1: unknown key 'seeds'; did you mean 'seed'?",
    ]


def test_a_scenario_with_a_wrong_seed_says_where(tmp_path: Path) -> None:
    """A missing file is placed at the key that names it, as is what is no seed at all."""
    write(
        tmp_path,
        base="clients: []\n",
        a="seed: bsae.yaml\nscript: []\n",
        b="seed: 5\n",
        c="seed: [base.yaml, 5]\n",
    )
    assert check(tmp_path, "a.yaml", "b.yaml", "c.yaml") == [
        "a.yaml:1:7: no such file 'bsae.yaml'; did you mean 'base.yaml'?",
        "b.yaml:1:7: 'seed' must be the path of a seed, a list of them, or its sections",
        "c.yaml:1:19: 'seed' must be the path of a seed, a list of them, or its sections",
    ]
