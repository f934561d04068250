"""Scenario files: a seed plus a script (contract §3), with what they name and include.

```
scenario ─▶ include …  ─▶ their seeds and steps, first
         ─▶ seed: …    ─▶ the world, with the sections in the file itself
         ─▶ script, expect ─▶ `mockidp.rules.read`
```
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from mockidp.rules.read import read_script
from mockidp.rules.rule import Expectations, Rule, Script
from mockidp.seed.files import Source, missing_file, read_source
from mockidp.seed.merge import Finding
from mockidp.seed.reader import Path, Spot
from mockidp.seed.vocabulary import Variables, nearest

_SLIPS = {"user": 0.9, "connection": 0.75}  # how alike a name must be to a known one to be a slip


class Opened(NamedTuple):
    """A scenario's world (the seeds in order, itself last), its script, and what is wrong in its steps."""

    world: list[Source]
    script: Script = Script()
    findings: Sequence[Finding] = ()
    steps: Sequence[tuple[int, Path, Rule]] = ()  # where in which source a rule is


def open_scenario(scenario: Source, variables: Variables, above: tuple[str, ...] = ()) -> Opened:
    """Return a scenario with all that it names; what can't be read is among the sources' problems."""
    world: list[Source] = []
    findings: list[Finding] = []
    steps: list[tuple[int, Path, Rule]] = []
    scripts: list[Script] = []
    for included in _included(scenario, variables, (*above, os.path.realpath(scenario.label))):
        first = len(world)
        world += included.world
        findings += [finding._replace(source=finding.source + first) for finding in included.findings]
        steps += [(number + first, path, rule) for number, path, rule in included.steps]
        scripts.append(included.script)
    world += _seeds_of(scenario, variables)
    script, own = _read(scenario, len(world))
    findings += own
    steps += [(len(world), ("script", at), rule) for at, rule in enumerate(script.rules)]
    return Opened([*world, scenario], _joined([*scripts, script]), findings, steps)


def check_people(opened: Opened, document: Mapping[str, Any]) -> list[Finding]:
    """Return the slips in names of users and connections that the script gives."""
    users = [user for user in document["users"] if isinstance(user, dict)]
    people = [name for user in users for name in _names_of(user)]
    connections = [item["name"] for item in document["connections"] if isinstance(item.get("name"), str)]
    found = []
    for number, path, rule in opened.steps:
        connection = rule.where.parameters.get("connection")
        for name, known, noun, place in (
            (rule.then.login, people, "user", ("then", "login")),
            (connection, connections, "connection", ("where", "connection")),
        ):
            if not isinstance(name, str) or name.lower() in (each.lower() for each in known):
                continue
            meant = nearest(name, known, _SLIPS[noun])
            if meant is not None:
                message = f"unknown {noun} '{name}'; did you mean '{meant}'?"
                found.append(Finding(number, Spot((*path, *place)), message))
    return found


def _names_of(user: dict[str, Any]) -> list[str]:
    """Return what a user may be called in a script."""
    names = [user.get(field) for field in ("email", "user_id", "username", "phone_number", "name")]
    for identity in user.get("identities") or ():
        if isinstance(identity, dict):
            names.append(f"{identity.get('provider')}|{identity.get('user_id')}")
    return [name for name in names if isinstance(name, str)]


def _read(scenario: Source, number: int) -> tuple[Script, list[Finding]]:
    """Return the script with the places of its steps, and what is wrong in it."""
    document = scenario.document
    expect = document.get("expect")
    requests = expect.get("requests") if isinstance(expect, dict) else None
    spots = [Spot(("script", at)) for at in range(_length(document.get("script")))]
    spots += [Spot(("expect", "requests", at)) for at in range(_length(requests))]
    places = scenario.where(spots) if scenario.parts else {}

    def place(path: Path) -> str:
        found = places.get(Spot(path))
        return found.place if found else ""

    script, problems = read_script(document, place)
    return script, [Finding(number, Spot(each.path, each.on_key), each.message) for each in problems]


def _length(value: object) -> int:
    return len(value) if isinstance(value, list) else 0


def _joined(scripts: Sequence[Script]) -> Script:
    """Return several scripts as one, with the last one's title."""
    expects = [script.expect for script in scripts]
    outboxes = [expect.outbox for expect in expects if expect.outbox is not None]
    return Script(
        title=scripts[-1].title,
        rules=tuple(rule for script in scripts for rule in script.rules),
        expect=Expectations(
            requests=tuple(request for expect in expects for request in expect.requests),
            users={name: members for expect in expects for name, members in expect.users.items()},
            outbox=tuple(message for outbox in outboxes for message in outbox) if outboxes else None,
        ),
    )


def _included(scenario: Source, variables: Variables, above: tuple[str, ...]) -> list[Opened]:
    named = scenario.document.get("include")
    opened = []
    for place, item in _each("include", named):
        inner = item if isinstance(item, dict) else {"file": item}
        name, parameters = inner.get("file"), inner.get("parameters") or {}
        unknown = set(inner) - {"file", "parameters"}
        if not isinstance(name, str) or not isinstance(parameters, dict) or unknown:
            wanted = "the path of a scenario, {file, parameters}, or a list of these"
            scenario.note(Spot(place), f"'include' must be {wanted}")
            continue
        source = _open(scenario, place, name, variables.with_values(parameters))
        if source is None:
            continue
        if os.path.realpath(source.label) in above:
            scenario.note(Spot(place), f"'{name}' includes itself")
            continue
        opened.append(open_scenario(source, variables.with_values(parameters), above))
    return opened


def _seeds_of(scenario: Source, variables: Variables) -> list[Source]:
    """Return the seeds that a scenario names, or holds under `seed`."""
    world = []
    for place, seed in _each("seed", scenario.document.get("seed")):
        if isinstance(seed, dict):
            parts = [msgspec.structs.replace(part, root=place) for part in scenario.parts[:1]]
            world.append(Source(scenario.label, seed, parts))
        elif isinstance(seed, str):
            source = _open(scenario, place, seed, variables)
            world += [source] if source else []
        else:
            scenario.note(Spot(place), "'seed' must be the path of a seed, a list of them, or its sections")
    return world


def _each(key: str, value: Any) -> list[tuple[Path, Any]]:
    if isinstance(value, list):
        return [((key, at), item) for at, item in enumerate(value)]
    return [] if value is None else [((key,), value)]


def _open(scenario: Source, place: Path, name: str, variables: Variables) -> Source | None:
    """Return what a scenario names, relative to itself; None when it is not there."""
    path = os.path.join(os.path.dirname(scenario.label), name)
    if os.path.exists(path):
        return read_source(path, variables)
    scenario.note(Spot(place), missing_file(path, f" '{name}'"))
    return None
