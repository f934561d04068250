"""Seeds as given: files, export directories and mappings; their data, and where each piece stands."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path as FilePath
from typing import Any

import msgspec

from mockidp.seed.reader import Malformed, Path, Problem, Spot, decode, dotted, locate, parse
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


class Part(msgspec.Struct, frozen=True):
    """One file, whose content is at `mount` in the document."""

    file: str
    text: str
    is_json: bool
    mount: Path = ()
    root: Path = ()  # where in the file it begins


class Source(msgspec.Struct):
    """One seed as given: its data, what is wrong with it, and the files that it was read from."""

    label: str
    document: dict[str, Any] = {}
    parts: list[Part] = []
    problems: list[Problem] = []
    unread: bool = False  # some of it, so that what refers to it cannot be judged

    @property
    def scenario_keys(self) -> tuple[str, ...]:
        """The keys that make this a scenario; deploy-cli has an `include` of its own, a mapping."""
        keys = (key for key in self.document if key in SCENARIO_KEYS and key != "ordered")
        return tuple(key for key in keys if key != "include" or not isinstance(self.document[key], dict))

    @property
    def seed_sections(self) -> dict[str, Any]:
        """What is of the seed, without a scenario's own keys."""
        return {key: value for key, value in self.document.items() if key not in SCENARIO_KEYS}

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


def read_source(origin: SeedSource, variables: Variables) -> Source:
    """Return a seed's data with placeholders filled; what is wrong is among its problems."""
    if isinstance(origin, Mapping):
        source = Source("inline seed")
        document = _plain(source, origin, ())
        source.document = _filled(source, document, _with_parameters(document, variables))
        return source
    name = os.fsdecode(origin)
    source = Source(name)
    if os.path.isdir(name):
        _read_directory(source, FilePath(name), variables)
    else:
        content = _read_part(source, FilePath(name), name, variables)
        if content is not None:
            source.document = content
    variables = _with_parameters(source.document, variables)
    if any(PLACEHOLDER.search(part.text) for part in source.parts):
        source.document = _filled(source, source.document, variables)
    source.document = {key: value for key, value in source.document.items() if value is not None}
    _include(source, FilePath(name if os.path.isdir(name) else os.path.dirname(name)), variables)
    return source


def _with_parameters(document: Mapping[str, Any], variables: Variables) -> Variables:
    """Return the variables with a scenario's parameters, for what is given from nowhere else."""
    parameters = document.get("parameters")
    return variables.with_defaults(parameters) if isinstance(parameters, dict) else variables


def _filled(source: Source, document: Any, variables: Variables) -> Any:
    filler = Filler(variables)
    result = filler.fill(document)
    places = source.where(Spot(path) for path, _ in filler.missing)
    for path, message in filler.missing:
        source.problems.append(msgspec.structs.replace(places[Spot(path)], message=message))
    return result


def _plain(source: Source, value: Any, path: Path) -> Any:
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


def _read_part(source: Source, file: FilePath, name: str, variables: Variables, *, top: bool = True) -> Any:
    """Return a file's data and keep it as the source's last part, or note why not and return None."""

    def report(line: int, column: int, message: str) -> None:
        source.problems.append(Problem(name, line, column, message))

    is_json = file.suffix.lower() == ".json"
    try:
        text = variables.mark(decode(file.read_bytes()), is_json=is_json)
        content = parse(text, is_json=is_json, report=report)
    except FileNotFoundError:
        report(0, 0, missing_file(name))
    except OSError as error:
        report(0, 0, f"cannot be read: {error.strerror}")
    except Malformed as error:
        report(error.line, error.column, error.message)
    else:
        if isinstance(content, dict) or (content is not None and not top):
            source.parts.append(Part(name, text, is_json))
            return content
        fault = "the file is empty" if content is None else f"this is {given(content)}"
        report(1, 1, f"{fault}; a seed is a mapping of sections such as 'clients' and 'users'")
    source.unread = True
    return None


def missing_file(name: str, called: str = "") -> str:
    folder, base = os.path.split(name)
    beside = os.listdir(folder or ".") if os.path.isdir(folder or ".") else []
    meant = nearest(base, beside, 0.75)
    return f"no such file{called}" + (f"; did you mean '{meant}'?" if meant else "")


def _read_directory(source: Source, root: FilePath, variables: Variables) -> None:
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


def _include(source: Source, root: FilePath, variables: Variables) -> None:
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
