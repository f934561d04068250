"""Seeds in, one checked document out: files, export directories and mappings, placeholders filled.

A directory is an export of auth0-deploy-cli: `tenant.yaml` and the texts beside it, or the directory form.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from mockidp.errors import UsageError
from mockidp.model.tenant import Tenant
from mockidp.rules.rule import Script
from mockidp.seed.build import Unbuildable, build
from mockidp.seed.files import SeedSource, Source, read_source
from mockidp.seed.merge import Finding, merge
from mockidp.seed.reader import Path, Problem, Spot, dotted
from mockidp.seed.references import check_references
from mockidp.seed.scenario import Opened, check_people, open_scenario
from mockidp.seed.validate import check_shape
from mockidp.seed.vocabulary import SCENARIO_KEYS, Variables

__all__ = [
    "Scenario",
    "SeedSource",
    "check_files",
    "inline_scenario",
    "inline_seeds",
    "inspect_files",
    "load_scenario",
    "load_seed",
]


class Inert(msgspec.Struct, frozen=True):
    """What is kept and answered, but changes nothing: `tenant.yaml:12:3`, `clients[0].mobile`."""

    where: str
    key: str


class SeedDocument(msgspec.Struct, frozen=True):
    """All seeds merged; databases are among the connections, and every emulated section is there.

    `place` tells where what is at a path of the document was written: `tenant.yaml:12:3`.
    """

    document: dict[str, Any]
    inert: tuple[Inert, ...]
    place: Callable[[Path], str]


def load_seed(sources: Sequence[SeedSource], environ: Mapping[str, str] | None = None) -> SeedDocument:
    """Return the seeds merged in order, later ones winning.

    A source is the path of a YAML or JSON file or of an export directory, or the data themselves.
    Placeholders are filled from `environ` (the process's environment). Raises `UsageError` for the first
    problem.
    """
    world, checked = _read_world(sources, environ)

    return SeedDocument(
        checked.document,
        _inert(world, checked.inert),
        lambda path: _place(world, checked, path).place,
    )


def inline_seeds(
    sources: Sequence[SeedSource], environ: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Return the data of seeds, which name no file and no variable any more; raises as `load_seed`."""
    return [source.document for source in _read_world(sources, environ)[0]]


def _read_world(
    sources: Sequence[SeedSource], environ: Mapping[str, str] | None
) -> tuple[list[Source], _Checked]:
    listed = [sources] if isinstance(sources, str | os.PathLike | Mapping) else sources
    variables = Variables(os.environ if environ is None else environ)
    world = [read_source(source, variables) for source in listed]
    for source in world:
        _refuse_scenario(source)
    checked = _check(world)
    problems = _problems(world, checked.findings) or _problems(world, checked.dangling)
    if problems:
        raise UsageError(str(problems[0]))
    return world, checked


class Inspection(NamedTuple):
    """What was found in seeds and scenarios; `inert` is of the seeds."""

    problems: list[Problem]
    inert: Sequence[Inert]
    scripts: Sequence[Script]


def check_files(
    paths: Iterable[str | os.PathLike[str]], environ: Mapping[str, str] | None = None
) -> list[Problem]:
    """Return every problem of these seeds and scenarios, file by file in the order of lines."""
    return inspect_files(paths, environ).problems


def inspect_files(
    paths: Iterable[str | os.PathLike[str]], environ: Mapping[str, str] | None = None
) -> Inspection:
    """Return what there is to say of these seeds and scenarios.

    The seeds are checked as one world, as `--seed A --seed B` makes them; each scenario with its own seeds.
    """
    variables = Variables(os.environ if environ is None else environ)
    sources = [read_source(path, variables) for path in paths]
    seeds = [source for source in sources if not source.scenario_keys]
    scenarios = [open_scenario(source, variables) for source in sources if source.scenario_keys]
    found = [problem for opened in (Opened(seeds), *scenarios) for problem in _faults_of_world(opened)]
    return Inspection(
        list(dict.fromkeys(found)),
        _inert(seeds, _check(seeds).inert),
        [opened.script for opened in scenarios],
    )


class Scenario(msgspec.Struct, frozen=True):
    """A scenario's script, and the seeds of its world; without any, it goes with whatever world there is."""

    script: Script
    seeds: tuple[dict[str, Any], ...] = ()


def load_scenario(
    source: SeedSource,
    environ: Mapping[str, str] | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Scenario:
    """Return a scenario: the path of a file, or its data.

    `parameters` fill `##NAME##` and `@@NAME@@` before the environment does. Raises `UsageError` for the first
    problem.
    """
    opened = _open(source, environ, parameters)
    return Scenario(opened.script, tuple(_seeds_of(opened)))


def inline_scenario(
    source: SeedSource,
    environ: Mapping[str, str] | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a scenario's data, which name no file and no variable any more; raises as `load_scenario`.

    What it includes is in it; so `ordered` has to be the same in all of them.
    """
    opened = _open(source, environ, parameters)
    scripts = [each.document for each in opened.world if each.scenario_keys]
    ordered = {bool(script.get("ordered")) for script in scripts if script.get("script")}
    if len(ordered) > 1:
        raise UsageError(f"{opened.world[-1].label}: 'ordered' differs from that of an included scenario")
    expects = [script.get("expect") or {} for script in scripts]
    outboxes = [expect["outbox"] for expect in expects if expect.get("outbox") is not None]
    return {
        "scenario": scripts[-1].get("scenario") or "",
        "seed": _seeds_of(opened),
        "ordered": True in ordered,
        "script": [step for script in scripts for step in script.get("script") or ()],
        "expect": {
            "requests": [request for expect in expects for request in expect.get("requests") or ()],
            "users": {name: user for expect in expects for name, user in (expect.get("users") or {}).items()},
            "outbox": [message for outbox in outboxes for message in outbox] if outboxes else None,
        },
    }


def _open(
    source: SeedSource, environ: Mapping[str, str] | None, parameters: Mapping[str, Any] | None
) -> Opened:
    """Return a scenario in which nothing is wrong; raise `UsageError` for the first problem."""
    variables = Variables(os.environ if environ is None else environ).with_values(parameters or {})
    read = read_source(source, variables)
    if not read.problems and not read.scenario_keys:
        keys = ", ".join(repr(key) for key in SCENARIO_KEYS)
        raise UsageError(f"{read.label}: no scenario: it has none of {keys}")
    opened = open_scenario(read, variables)
    problems = _problems_of_world(opened)
    if problems:
        raise UsageError(str(problems[0]))
    return opened


def _seeds_of(opened: Opened) -> list[dict[str, Any]]:
    return [seed for each in opened.world if (seed := each.seed_sections)]


def _faults_of_world(opened: Opened) -> list[Problem]:
    """Return the problems of a world, or else what forbids to make a tenant of it."""
    problems = _problems_of_world(opened)
    if not problems:
        checked = _check(opened.world)
        try:
            build(Tenant(), checked.document)
        except Unbuildable as error:
            where = _place(opened.world, checked, error.path)
            problems.append(msgspec.structs.replace(where, message=str(error)))
    return problems


def _place(world: Sequence[Source], checked: _Checked, path: Path) -> Problem:
    """Return where what is at a path of the merged document was written, as a problem without a message."""
    number, inner = checked.origin(path)
    return world[number].where([Spot(inner)])[Spot(inner)]


def _problems_of_world(opened: Opened) -> list[Problem]:
    checked = _check(opened.world)
    people = check_people(opened, checked.document)
    return _problems(opened.world, [*checked.findings, *checked.dangling, *opened.findings, *people])


class _Checked(NamedTuple):
    """What a world is, what is wrong in its parts, and what is wrong between them."""

    document: dict[str, Any]
    findings: list[Finding]
    dangling: list[Finding]
    inert: list[tuple[int, Path]]
    origin: Callable[[Path], tuple[int, Path]]


def _check(world: Sequence[Source]) -> _Checked:
    checks = [
        check_shape(number, source.document, SCENARIO_KEYS if source.scenario_keys else ())
        for number, source in enumerate(world)
    ]
    merged = merge([source.document for source in world])
    findings = [finding for check in checks for finding in check.findings] + merged.findings
    inert = [(number, path) for number, check in enumerate(checks) for path in check.inert]
    dangling: list[Finding] = []
    if not any(source.unread for source in world):
        dangling, unused = check_references(merged)
        inert += unused
    otp = merged.document["mockidp"].get("otp")
    if isinstance(otp, int):
        merged.document["mockidp"]["otp"] = str(otp)
    return _Checked(merged.document, findings, dangling, inert, merged.origin)


def _problems(world: Sequence[Source], findings: Sequence[Finding]) -> list[Problem]:
    return [
        problem
        for number, source in enumerate(world)
        for problem in _problems_of(source, [finding for finding in findings if finding.source == number])
    ]


def _problems_of(source: Source, findings: Sequence[Finding]) -> list[Problem]:
    order = {part.file: at for at, part in enumerate(source.parts)}
    places = source.where(spot for finding in findings for spot in (finding.spot, finding.first) if spot)
    found = list(source.problems)
    for finding in findings:
        first = places[finding.first].place if finding.first else ""
        message = finding.message.replace("{first}", first)
        found.append(msgspec.structs.replace(places[finding.spot], message=message))
    return sorted(found, key=lambda problem: (order.get(problem.file, -1), problem.line, problem.column))


def _inert(world: Sequence[Source], inert: Sequence[tuple[int, Path]]) -> tuple[Inert, ...]:
    result = []
    for number, source in enumerate(world):
        spots = [Spot(path, on_key=isinstance(path[-1], str)) for at, path in inert if at == number]
        places = source.where(spots)
        result += [Inert(places[spot].place, dotted(spot.path)) for spot in spots]
    return tuple(result)


def _refuse_scenario(source: Source) -> None:
    if source.scenario_keys:
        spot = Spot((source.scenario_keys[0],), on_key=True)
        place = source.where([spot])[spot]
        message = f"this is a scenario, not a seed: it has '{spot.path[0]}'"
        raise UsageError(str(msgspec.structs.replace(place, message=message)))
