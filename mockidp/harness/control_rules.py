"""The control API's operations for rules and scenarios, with the types of what they take and answer."""

from __future__ import annotations

import os
from typing import Any, Protocol

import msgspec

from mockidp.errors import UsageError
from mockidp.harness.recorder import Recorder
from mockidp.harness.rules import Rules, Use
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
    def load_scenario(self, scenario: Any, /, **parameters: Any) -> None: ...


class RuleGiven(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A step of a scenario's script: see docs/scenarios.md."""

    on: str
    where: dict[str, Json] = {}
    then: dict[str, Json] = {}
    times: int | str | None = None
    ordered: bool = False


class RuleState(msgspec.Struct, frozen=True):
    """A rule, how many requests came that it means, how many it answered, and how many it has to."""

    rule: str
    calls: int
    used: int
    times: int | None
    required: bool


class Verdict(msgspec.Struct, frozen=True):
    """Whether all came about that was expected; else what did not, and what came instead."""

    met: bool
    difference: str


def list_rules(idp: Scripted, given: object) -> list[RuleState]:
    """Return the rules and what each did."""
    return [_state(use) for use in idp.rules.uses]


def add_rule(idp: Scripted, given: RuleGiven) -> RuleState:
    """Add a rule behind the others."""
    return _state(idp.rules.put(msgspec.to_builtins(given)))


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


def verify(idp: Scripted, given: object) -> Verdict:
    """Return whether all came about that was expected."""
    difference = differences(idp.state, idp.rules, idp.requests)
    return Verdict(met=not difference, difference=difference)


def _state(use: Use) -> RuleState:
    rule = use.rule
    return RuleState(rule.text, use.calls, use.times, rule.times, rule.required)
