"""Seed files as plain data, and where each piece of them stands.

One pass over the parser's events builds the data; a second one finds positions, only when something has to be
reported. YAML as in YAML 1.2: only `true` and `false` are booleans, times stay text, keys are always text.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

Path = tuple[str | int, ...]
Report = Callable[[int, int, str], None]  # line, column, message

_CONSTANTS: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_CONSTANTS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NUMBER_START = frozenset("0123456789-.")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,99})")  # 007 and +49151 are text: a code, a telephone number
_FLOAT = re.compile(r"(?=.*[.eE])-?(0|[1-9][0-9]*|(?=\.[0-9]))(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^\s,:{}\[\]"]+')
_STANDARD_TAG = "tag:yaml.org,2002:"
_TOO_DEEP = "nested too deeply"


class Problem(msgspec.Struct, frozen=True):
    """Something wrong in a seed; lines and columns count from 1, 0 means that there is none."""

    file: str
    line: int = 0
    column: int = 0
    message: str = ""

    @property
    def place(self) -> str:
        """Return `file:line:column`, or the file alone."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class Spot(NamedTuple):
    """A place in a document: the value at a path, or its key."""

    path: Path
    on_key: bool = False


class Malformed(Exception):
    """The text cannot be read any further."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.column = column
        self.message = message


def parse(text: str, *, is_json: bool, report: Report) -> Any:
    """Return the data of a text; `report` gets duplicate keys.

    Raises `Malformed`, with the parser's position.
    """
    bad = _UNPRINTABLE.search(text)
    if bad:
        line, column = _line_column(text, bad.start())
        raise Malformed(line, column, f"a seed cannot contain the control character U+{ord(bad[0]):04X}")
    try:
        return _parse_json(text, report) if is_json else _parse_yaml(text, report)
    except RecursionError:
        raise Malformed(1, 1, _TOO_DEEP) from None


def decode(data: bytes) -> str:
    """Return the text of a file, with `\\n` line ends and without a byte order mark."""
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding).replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise Malformed(line, column, "not UTF-8 text") from None


def dotted(path: Path) -> str:
    """Return a path as people write it: `clients[0].callbacks`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def plain_scalar(text: str) -> Any:
    """Return what an unquoted YAML scalar means."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _NUMBER_START:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


# ── YAML ──────────────────────────────────────────────────────────────────────────────────────────────


def _parse_yaml(text: str, report: Report) -> Any:
    import yaml  # not at the top: 20 ms that a seed in Python does not need

    try:
        return _YamlBuilder(yaml, text, report).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise Malformed(line, column, _yaml_message(error, text, line, column)) from None


def _yaml_message(error: Any, text: str, line: int, column: int) -> str:
    row = text.split("\n")[line - 1] if line <= text.count("\n") + 1 else ""
    if row[column - 1 : column] == "\t" or (not row[: column - 1].strip() and "\t" in row[: column - 1]):
        return "not valid YAML: a tab cannot indent; use spaces"
    parts = [part for part in (error.problem, error.context) if part]
    return f"not valid YAML: {' '.join(parts)}"


class _YamlBuilder:
    """Builds data from parser events: three times faster than the safe loader, and it sees duplicate keys."""

    def __init__(self, yaml: Any, text: str, report: Report) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._next: Callable[[], Any] = loader(text).get_event
        self._report = report
        self._anchors: dict[str, Any] = {}
        self._scalar_event = yaml.ScalarEvent
        self._mapping_start, self._mapping_end = yaml.MappingStartEvent, yaml.MappingEndEvent
        self._sequence_start, self._sequence_end = yaml.SequenceStartEvent, yaml.SequenceEndEvent
        self._stream_end = yaml.StreamEndEvent

    def document(self) -> Any:
        self._next()  # the stream's start
        if self._next().__class__ is self._stream_end:
            return None
        value = self._value(self._next())
        self._next()  # the document's end
        extra = self._next()
        if extra.__class__ is not self._stream_end:
            raise _malformed(extra, "a second YAML document; a seed is one")
        return value

    def _value(self, event: Any) -> Any:
        kind = event.__class__
        if kind is self._scalar_event:
            value = plain_scalar(event.value) if event.implicit[0] else self._text(event)
        elif kind is self._mapping_start:
            value = self._mapping(event)
        elif kind is self._sequence_start:
            value = self._sequence(event)
        elif event.anchor in self._anchors:
            return self._anchors[event.anchor]
        else:
            raise _malformed(event, f"unknown alias '*{event.anchor}'")
        if event.anchor is not None:
            self._anchors[event.anchor] = value
        return value

    def _text(self, event: Any) -> Any:
        tag = event.tag
        if tag is None or event.implicit[1] or tag in (_STANDARD_TAG + "str", _STANDARD_TAG + "timestamp"):
            return event.value
        if tag in {_STANDARD_TAG + name for name in ("int", "float", "bool", "null")}:
            return plain_scalar(event.value)
        raise _bad_tag(event)

    def _mapping(self, start: Any) -> dict[str, Any]:
        if start.tag not in (None, "!", _STANDARD_TAG + "map"):
            raise _bad_tag(start)
        result: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        while (event := self._next()).__class__ is not self._mapping_end:
            if event.__class__ is not self._scalar_event:
                raise _malformed(event, "a key must be a plain text")
            key = event.value
            value = self._value(self._next())
            if key == "<<" and event.implicit[0]:
                merged = self._merged(event, value) | merged
                continue
            if key in result:
                mark = event.start_mark
                self._report(mark.line + 1, mark.column + 1, f"duplicate key '{key}'")
            result[key] = value
        return merged | result if merged else result

    def _merged(self, event: Any, value: Any) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, dict):
                raise _malformed(event, "'<<' merges mappings only")
            result = item | result
        return result

    def _sequence(self, start: Any) -> list[Any]:
        if start.tag not in (None, "!", _STANDARD_TAG + "seq"):
            raise _bad_tag(start)
        result = []
        while (event := self._next()).__class__ is not self._sequence_end:
            result.append(self._value(event))
        return result


def _malformed(event: Any, message: str) -> Malformed:
    mark = event.start_mark
    return Malformed(mark.line + 1, mark.column + 1, message)


def _bad_tag(event: Any) -> Malformed:
    return _malformed(event, f"unsupported YAML tag '{event.tag.replace(_STANDARD_TAG, '!!')}'")


# ── JSON ──────────────────────────────────────────────────────────────────────────────────────────────


def _parse_json(text: str, report: Report) -> Any:
    repeated = False

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        result = dict(pairs)
        repeated = repeated or len(result) != len(pairs)
        return result

    def refuse(constant: str) -> None:
        line, column = _line_column(text, text.index(constant))
        raise Malformed(line, column, f"not valid JSON: {constant} is no JSON number")

    if not text.strip():
        return None
    try:
        value = json.loads(text, object_pairs_hook=build, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise Malformed(error.lineno, error.colno, f"not valid JSON: {error.msg}") from None
    except ValueError:
        raise Malformed(1, 1, "not valid JSON: a number has too many digits") from None
    if repeated:
        _report_json_duplicates(text, report)
    return value


def _report_json_duplicates(text: str, report: Report) -> None:
    open_keys: list[set[str] | None] = []  # of the objects around; None for an array
    expects_key = False
    for kind, token, offset in _json_events(text):
        if kind == "end":
            open_keys.pop()
        elif kind in ("mapping", "sequence"):
            open_keys.append(set() if kind == "mapping" else None)
        elif expects_key and (keys := open_keys[-1]) is not None:
            if token in keys:
                report(*_line_column(text, offset), f"duplicate key '{token}'")
            keys.add(token)
            expects_key = False
            continue
        expects_key = bool(open_keys) and open_keys[-1] is not None


def _line_column(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


# ── positions ─────────────────────────────────────────────────────────────────────────────────────────

_Event = tuple[str, str, Any]  # mapping, sequence, scalar or end; a scalar's text; where


class _Wanted:
    """The paths that are looked for, as a tree."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.below: dict[str | int, _Wanted] = {}
        for path in paths:
            node = self
            for step in path:
                node = node.below.setdefault(step, _Wanted(()))


def locate(text: str, spots: Iterable[Spot], *, is_json: bool) -> dict[Spot, tuple[int, int]]:
    """Return the line and column (from 1) of each spot, or of the nearest thing around it."""
    wanted = list(spots)
    found: dict[Spot, Any] = {}
    events = _json_events(text) if is_json else _yaml_events(text)
    first = next(events, None)
    if first is not None:
        _visit(first, events, _Wanted(spot.path for spot in wanted), (), found)
    lines = [0, *(match.end() for match in re.finditer("\n", text))] if is_json else []
    result = {}
    for spot in wanted:
        place = _nearest(spot, found)
        if isinstance(place, int):
            line = bisect_right(lines, place)
            place = (line, place - lines[line - 1] + 1)
        result[spot] = place or (1, 1)
    return result


def _nearest(spot: Spot, found: dict[Spot, Any]) -> Any:
    if spot in found:
        return found[spot]
    path = spot.path
    while Spot(path) not in found and path:
        path = path[:-1]
    return found.get(Spot(path))


def _visit(
    event: _Event, events: Iterator[_Event], wanted: _Wanted | None, path: Path, found: dict[Spot, Any]
) -> None:
    """Note the places of what is wanted in the value that starts with `event`; skip the rest."""
    kind, _, place = event
    if wanted is not None:
        found[Spot(path)] = place
    if kind == "scalar":
        return
    below = wanted.below if wanted else {}
    if not below:
        _skip(events)
        return
    index = 0
    while (item := next(events))[0] != "end":
        step: str | int = index
        if kind == "mapping":
            step = item[1]
            if step in below:
                found[Spot((*path, step), True)] = item[2]
            item = next(events)
        _visit(item, events, below.get(step), (*path, step), found)
        index += 1


def _skip(events: Iterator[_Event]) -> None:
    depth = 1
    while depth:
        kind = next(events)[0]
        depth += -1 if kind == "end" else kind != "scalar"


def _yaml_events(text: str) -> Iterator[_Event]:
    import yaml

    kinds = {
        yaml.MappingStartEvent: "mapping",
        yaml.SequenceStartEvent: "sequence",
        yaml.ScalarEvent: "scalar",
    }
    kinds |= {yaml.AliasEvent: "scalar", yaml.MappingEndEvent: "end", yaml.SequenceEndEvent: "end"}
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    while (event := loader.get_event()).__class__ is not yaml.StreamEndEvent:
        kind = kinds.get(event.__class__)
        if kind:
            mark = event.start_mark
            yield kind, getattr(event, "value", ""), (mark.line + 1, mark.column + 1)


def _json_events(text: str) -> Iterator[_Event]:
    for match in _JSON_TOKEN.finditer(text):
        token = match[0]
        if token in "{[":
            yield ("mapping" if token == "{" else "sequence"), "", match.start()
        elif token in "}]":
            yield "end", "", match.start()
        else:
            yield "scalar", json.loads(token) if token[0] == '"' else token, match.start()
