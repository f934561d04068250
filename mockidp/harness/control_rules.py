"""The control API's operations for rules and scenarios, with the types of what they take and answer."""

from __future__ import annotations

import os
from typing import Any, Protocol

import msgspec

from mockidp.errors import UsageError
from mockidp.harness.control_handle import Done
from mockidp.harness.recorder import Recorder
from mockidp.harness.rules import Failure, Rules, Use
from mockidp.harness.verdict import differences
from mockidp.json import Json
from mockidp.model.tenant import Tenant


class Scripted(Protocol):
    """A mock, as far as it follows a script."""

    @property
    def state(self) -> Tenant: ...
    @property
    def requests(self) -> Recorder: ...
    @property
    def rules(self) -> Rules: ...
    @property
    def problems(self) -> tuple[Failure, ...]: ...
    def load_scenario(self, scenario: Any, /, **parameters: Any) -> None: ...


class RuleGiven(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A step of a scenario's script: see docs/scenarios.md. `number`: the rule that it replaces."""

    on: str
    where: dict[str, Json] = {}
    then: dict[str, Json] = {}
    times: int | str | None = None
    ordered: bool = False
    number: int | None = None


class RuleState(msgspec.Struct, frozen=True):
    """A rule, how many requests came that it means, how many it answered, and how many it has to.

    `number` is its place, from 1.
    """

    number: int
    rule: str
    calls: int
    used: int
    times: int | None
    required: bool


class Problem(msgspec.Struct, frozen=True):
    """What failed inside mockidp itself: at which request, and how."""

    where: str
    traceback: str


class Verdict(msgspec.Struct, frozen=True):
    """Whether all came about that was expected, and mockidp had no problem; else what was different."""

    met: bool
    difference: str


def list_rules(idp: Scripted, given: object) -> list[RuleState]:
    """Return the rules and what each did."""
    return [_state(number, use) for number, use in enumerate(idp.rules.uses, start=1)]


def add_rule(idp: Scripted, given: RuleGiven) -> RuleState:
    """Add a rule behind the others, or replace one that is there."""
    document = msgspec.to_builtins(given)
    number = document.pop("number", None)
    if number is None:
        use = idp.rules.put(document)
        return _state(idp.rules.uses.index(use) + 1, use)
    if not 1 <= number <= len(idp.rules.uses):
        raise UsageError(f"there is no rule {number}: GET rules lists them")
    return _state(number, idp.rules.put(document, idp.rules.uses[number - 1]))


def begin_scenario(idp: Scripted, given: dict[str, Json]) -> list[RuleState]:
    """Begin a scenario: its data, or `file` (absolute) and `parameters`."""
    if "file" not in given:
        idp.load_scenario(given)
        return list_rules(idp, given)
    file, parameters = given["file"], given.get("parameters", {})
    if not isinstance(file, str) or not isinstance(parameters, dict) or set(given) - {"file", "parameters"}:
        raise UsageError("POST scenario takes a scenario, or {file, parameters}")
    idp.load_scenario(os.path.abspath(file), **parameters)
    return list_rules(idp, given)


def forget_rules(idp: Scripted, given: object) -> Done:
    """Forget the rules and what was expected."""
    idp.rules.clear()
    return Done()


def list_problems(idp: Scripted, given: object) -> list[Problem]:
    """Return what went wrong inside mockidp since the last reset."""
    return [Problem(each.where, each.traceback) for each in idp.problems]


def verify(idp: Scripted, given: object) -> Verdict:
    """Return whether all came about that was expected, and nothing went wrong inside mockidp."""
    found = [f"mockidp failed while it answered {each.where}\n{each.traceback}" for each in idp.problems]
    found.append(differences(idp.state, idp.rules, idp.requests))
    difference = "\n".join(filter(None, found))
    return Verdict(met=not difference, difference=difference)


def _state(number: int, use: Use) -> RuleState:
    rule = use.rule
    return RuleState(number, rule.text, use.calls, use.times, rule.times, rule.required)
