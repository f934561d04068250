"""Seeds in, one checked document out: files, export directories and mappings, placeholders filled.

A directory is an export of auth0-deploy-cli: `tenant.yaml` and the texts beside it, or the directory form.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path as FilePath
from typing import Any, NamedTuple

import msgspec

from mockidp.errors import UsageError
from mockidp.seed.merge import Finding, merge
from mockidp.seed.reader import Malformed, Path, Problem, Spot, decode, dotted, locate, parse
from mockidp.seed.validate import check_references, check_shape
from mockidp.seed.vocabulary import (
    PLACEHOLDER,
    SCENARIO_KEYS,
    Filler,
    Variables,
    given,
    mount,
    nearest,
    replace_texts,
    vocabulary,
)

SeedSource = str | os.PathLike[str] | Mapping[str, Any]

_EXTENSIONS = (".json", ".yaml", ".yml")


class Inert(msgspec.Struct, frozen=True):
    """What is kept and answered, but changes nothing: `tenant.yaml:12:3`, `clients[0].mobile`."""

    where: str
    key: str


class SeedDocument(msgspec.Struct, frozen=True):
    """All seeds merged; databases are among the connections, and every emulated section is there."""

    document: dict[str, Any]
    inert: tuple[Inert, ...] = ()


def load_seed(sources: Sequence[SeedSource], environ: Mapping[str, str] | None = None) -> SeedDocument:
    """Return the seeds merged in order, later ones winning.

    A source is the path of a YAML or JSON file or of an export directory, or the data themselves.
    Placeholders are filled from `environ` (the process's environment). Raises `UsageError` for the first
    problem.
    """
    listed = [sources] if isinstance(sources, str | os.PathLike | Mapping) else sources
    variables = Variables(os.environ if environ is None else environ)
    world = [_read(source, variables) for source in listed]
    for source in world:
        _refuse_scenario(source)
    checked = _check(world)
    problems = _problems(world, checked.findings) or _problems(world, checked.dangling)
    if problems:
        raise UsageError(str(problems[0]))
    return SeedDocument(checked.document, _inert(world, checked.inert))


def check_files(
    paths: Iterable[str | os.PathLike[str]], environ: Mapping[str, str] | None = None
) -> list[Problem]:
    """Return every problem of these seeds and scenarios, file by file in the order of lines.

    The seeds are checked as one world, as `--seed A --seed B` makes them; each scenario with its own seeds.
    """
    variables = Variables(os.environ if environ is None else environ)
    sources = [_read(path, variables) for path in paths]
    seeds = [source for source in sources if not source.scenario_keys]
    worlds = [seeds, *(_world_of(source, variables) for source in sources if source.scenario_keys)]
    found = []
    for world in worlds:
        checked = _check(world)
        found += _problems(world, checked.findings + checked.dangling)
    return list(dict.fromkeys(found))


class _Checked(NamedTuple):
    """What a world is, what is wrong in its parts, and what is wrong between them."""

    document: dict[str, Any]
    findings: list[Finding]
    dangling: list[Finding]
    inert: list[tuple[int, Path]]


def _check(world: Sequence[_Source]) -> _Checked:
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
    return _Checked(merged.document, findings, dangling, inert)


def _problems(world: Sequence[_Source], findings: Sequence[Finding]) -> list[Problem]:
    return [
        problem
        for number, source in enumerate(world)
        for problem in _problems_of(source, [finding for finding in findings if finding.source == number])
    ]


def _problems_of(source: _Source, findings: Sequence[Finding]) -> list[Problem]:
    order = {part.file: at for at, part in enumerate(source.parts)}
    places = source.where(spot for finding in findings for spot in (finding.spot, finding.first) if spot)
    found = list(source.problems)
    for finding in findings:
        first = places[finding.first].place if finding.first else ""
        message = finding.message.replace("{first}", first)
        found.append(msgspec.structs.replace(places[finding.spot], message=message))
    return sorted(found, key=lambda problem: (order.get(problem.file, -1), problem.line, problem.column))


def _inert(world: Sequence[_Source], inert: Sequence[tuple[int, Path]]) -> tuple[Inert, ...]:
    result = []
    for number, source in enumerate(world):
        spots = [Spot(path, on_key=isinstance(path[-1], str)) for at, path in inert if at == number]
        places = source.where(spots)
        result += [Inert(places[spot].place, dotted(spot.path)) for spot in spots]
    return tuple(result)


# ── scenarios ─────────────────────────────────────────────────────────────────────────────────────────


def _refuse_scenario(source: _Source) -> None:
    if source.scenario_keys:
        spot = Spot((source.scenario_keys[0],), on_key=True)
        place = source.where([spot])[spot]
        message = f"this is a scenario, not a seed: it has '{spot.path[0]}'"
        raise UsageError(str(msgspec.structs.replace(place, message=message)))


def _world_of(scenario: _Source, variables: Variables) -> list[_Source]:
    """Return the seeds that a scenario names, and itself for the seed keys that it holds."""
    named = scenario.document.get("seed")
    listed: list[tuple[Path, Any]] = [(("seed",), named)]
    if isinstance(named, list):
        listed = [(("seed", at), seed) for at, seed in enumerate(named)]
    world = []
    for place, seed in listed:
        path = os.path.join(os.path.dirname(scenario.label), seed) if isinstance(seed, str) else ""
        if isinstance(seed, dict):
            part = msgspec.structs.replace(scenario.parts[0], root=place)
            world.append(_Source(scenario.label, seed, [part]))
        elif os.path.exists(path):
            world.append(_read(path, variables))
        elif path:
            scenario.note(Spot(place), _missing_file(path, f" '{seed}'"))
        elif seed is not None:
            scenario.note(Spot(place), "'seed' must be the path of a seed, a list of them, or its sections")
    return [*world, scenario]


# ── sources ───────────────────────────────────────────────────────────────────────────────────────────


class _Part(msgspec.Struct, frozen=True):
    """One file, whose content is at `mount` in the document."""

    file: str
    text: str
    is_json: bool
    mount: Path = ()
    root: Path = ()  # where in the file it begins


class _Source(msgspec.Struct):
    """One seed as given: its data, what is wrong with it, and the files that it was read from."""

    label: str
    document: dict[str, Any] = {}
    parts: list[_Part] = []
    problems: list[Problem] = []
    unread: bool = False  # some of it, so that what refers to it cannot be judged

    @property
    def scenario_keys(self) -> tuple[str, ...]:
        """The keys that make this a scenario."""
        return tuple(key for key in self.document if key in SCENARIO_KEYS and key != "ordered")

    def note(self, spot: Spot, message: str) -> None:
        """Keep a problem that was found while reading."""
        self.problems.append(msgspec.structs.replace(self.where([spot])[spot], message=message))

    def where(self, spots: Iterable[Spot]) -> dict[Spot, Problem]:
        """Return where each spot is, as problems without a message; reads each file again once."""
        by_part: dict[int, list[Spot]] = {}
        result = {}
        for spot in spots:
            at = self.part_of(spot.path)
            if at is None:
                result[spot] = Problem(f"{self.label}, {dotted(spot.path)}" if spot.path else self.label)
            else:
                by_part.setdefault(at, []).append(spot)
        for at, own in by_part.items():
            part = self.parts[at]
            inner = {spot: Spot(part.root + spot.path[len(part.mount) :], spot.on_key) for spot in own}
            found = locate(part.text, inner.values(), is_json=part.is_json)
            result |= {spot: Problem(part.file, *found[inner[spot]]) for spot in own}
        return result

    def part_of(self, path: Path) -> int | None:
        """Return the part that holds the path; else the first that is below it; else the first."""
        holding = [at for at, part in enumerate(self.parts) if path[: len(part.mount)] == part.mount]
        if holding:
            return max(holding, key=lambda at: len(self.parts[at].mount))
        below = (at for at, part in enumerate(self.parts) if part.mount[: len(path)] == path)
        return next(below, 0 if self.parts else None)


def _read(origin: SeedSource, variables: Variables) -> _Source:
    """Return a seed's data with placeholders filled; what is wrong is among its problems."""
    if isinstance(origin, Mapping):
        source = _Source("inline seed")
        source.document = _filled(source, _plain(source, origin, ()), variables)
        return source
    name = os.fsdecode(origin)
    source = _Source(name)
    if os.path.isdir(name):
        _read_directory(source, FilePath(name), variables)
    else:
        content = _read_part(source, FilePath(name), name, variables)
        if content is not None:
            source.document = content
    if any(PLACEHOLDER.search(part.text) for part in source.parts):
        source.document = _filled(source, source.document, variables)
    source.document = {key: value for key, value in source.document.items() if value is not None}
    _include(source, FilePath(name if os.path.isdir(name) else os.path.dirname(name)), variables)
    return source


def _filled(source: _Source, document: Any, variables: Variables) -> Any:
    filler = Filler(variables)
    result = filler.fill(document)
    places = source.where(Spot(path) for path, _ in filler.missing)
    for path, message in filler.missing:
        source.problems.append(msgspec.structs.replace(places[Spot(path)], message=message))
    return result


def _plain(source: _Source, value: Any, path: Path) -> Any:
    """Return a copy in JSON's types; times become ISO 8601 text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(source, item, (*path, str(key))) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(source, item, (*path, index)) for index, item in enumerate(value)]
    if isinstance(value, date):
        return value.isoformat()
    if value is not None and not isinstance(value, str | int | float):
        source.note(Spot(path), f"a seed cannot hold a {type(value).__name__}")
    return value


def _read_part(source: _Source, file: FilePath, name: str, variables: Variables, *, top: bool = True) -> Any:
    """Return a file's data and keep it as the source's last part, or note why not and return None."""

    def report(line: int, column: int, message: str) -> None:
        source.problems.append(Problem(name, line, column, message))

    is_json = file.suffix.lower() == ".json"
    try:
        text = variables.mark(decode(file.read_bytes()), is_json=is_json)
        content = parse(text, is_json=is_json, report=report)
    except FileNotFoundError:
        report(0, 0, _missing_file(name))
    except OSError as error:
        report(0, 0, f"cannot be read: {error.strerror}")
    except Malformed as error:
        report(error.line, error.column, error.message)
    else:
        if isinstance(content, dict) or (content is not None and not top):
            source.parts.append(_Part(name, text, is_json))
            return content
        fault = "the file is empty" if content is None else f"this is {given(content)}"
        report(1, 1, f"{fault}; a seed is a mapping of sections such as 'clients' and 'users'")
    source.unread = True
    return None


def _missing_file(name: str, called: str = "") -> str:
    folder, base = os.path.split(name)
    beside = os.listdir(folder or ".") if os.path.isdir(folder or ".") else []
    meant = nearest(base, beside, 0.75)
    return f"no such file{called}" + (f"; did you mean '{meant}'?" if meant else "")


def _read_directory(source: _Source, root: FilePath, variables: Variables) -> None:
    """Read an export: `tenant.yaml` with what it does not have beside it, or the directory form."""
    single = next((root / name for name in ("tenant.yaml", "tenant.yml") if (root / name).is_file()), None)
    if single:
        source.document = _read_part(source, single, str(single), variables) or {}
    own = set(source.document)
    claimed: set[FilePath] = set()
    for pattern, place in vocabulary().layout:
        if place.partition(".")[0].removesuffix("[]") in own:
            continue
        for file in _matching(root, pattern):
            if file in claimed:
                continue
            claimed.add(file)
            content = _read_part(source, file, str(file), variables, top=False)
            if content is not None:
                _beside(file, place, content)
                at = mount(source.document, place, content)
                source.parts[-1] = msgspec.structs.replace(source.parts[-1], mount=at)
    if not source.parts and not source.problems:
        wanted = "tenant.yaml, or tenant.json, clients/*.json and so on"
        source.problems.append(
            Problem(source.label, message=f"no seed in this directory; a seed is {wanted}")
        )


def _matching(root: FilePath, pattern: str) -> Iterator[FilePath]:
    suffixes = ("",) if pattern.endswith(".json") else _EXTENSIONS
    for suffix in suffixes:
        yield from (file for file in sorted(root.glob(pattern + suffix)) if not file.name.startswith("."))


def _beside(file: FilePath, place: str, content: Any) -> None:
    """Take the HTML that an export keeps in a file of the same name."""
    key = {"pages[]": "html", "emailTemplates[]": "body"}.get(place)
    html = file.with_suffix(".html")
    if key and isinstance(content, dict) and key not in content and html.is_file():
        content[key] = f"./{html.name}"


def _include(source: _Source, root: FilePath, variables: Variables) -> None:
    """Put the texts of files (scripts, pages) in place of their names; one that is not there stays a name."""
    inside = root.resolve()

    def read(name: str, bases: Sequence[FilePath]) -> str:
        if not 0 < len(name) < 256 or any(char in name for char in "\0\n<"):
            return name
        files = ((base / name.replace("\\", "/")).resolve() for base in bases)
        try:
            file = next((file for file in files if file.is_relative_to(inside) and file.is_file()), None)
            return name if file is None else variables.fill_known(decode(file.read_bytes()))
        except (OSError, Malformed):
            return name

    for section, steps in vocabulary().files.items():
        content = source.document.get(section, [])
        for position, entity in enumerate(content) if isinstance(content, list) else [(0, content)]:
            part = source.parts[source.part_of((section, position)) or 0]
            folder = FilePath(part.file).parent
            bases = (folder, folder / "templates", root, root / section)
            replace_texts(entity, steps, partial(read, bases=bases))
