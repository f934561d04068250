"""What is wrong in a seed by itself: unknown keys, wrong types, values that mean nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from mockidp.clock import parse_moment
from mockidp.errors import UsageError
from mockidp.model.brute_force import is_network
from mockidp.seed.merge import LOGINS, Finding, label
from mockidp.seed.reader import Path, Spot
from mockidp.seed.vocabulary import (
    PLACEHOLDER,
    KindWords,
    classes_of,
    given,
    hint,
    nearest,
    vocabulary,
    wanted,
)

_NEEDS = {
    "clients": ("name", "client_id"),
    "users": ("user_id", *LOGINS),
    "sessions": ("user", "user_id"),
    "resourceServers": ("identifier",),
    "clientGrants": ("audience",),
    "customDomains": ("domain",),
}
_SLIP = 0.85  # how alike an unknown word must be to a usual one to be taken for a slip


class Checked:
    """What was found in one source's document; `inert` are paths of what is kept and changes nothing."""

    def __init__(self, source: int) -> None:
        self.findings: list[Finding] = []
        self.inert: list[Path] = []
        self._source = source

    def note(self, path: Path, message: str, *, on_key: bool = False) -> None:
        """Keep a problem."""
        self.findings.append(Finding(self._source, Spot(path, on_key), message))


def check_shape(source: int, document: Mapping[str, Any], other_keys: Iterable[str] = ()) -> Checked:
    """Check keys and types of one source's document; `other_keys` are allowed beside the sections."""
    checked = Checked(source)
    for section, content in document.items():
        if section in other_keys:
            continue
        form = vocabulary().form(section)
        if form is None:
            known = [*vocabulary().sections, *other_keys]
            checked.note((section,), f"unknown key '{section}'{_meant(section, known)}", on_key=True)
        elif content is not None:
            _check_section(checked, section, form, content)
    return checked


def _check_section(checked: Checked, section: str, form: str, content: Any) -> None:
    shape = "array" if form == "list" else "object"
    if type(content) not in classes_of(shape):
        checked.note((section,), f"'{section}' must be {wanted(shape)}, not {given(content)}")
        return
    kind = vocabulary().kinds.get(section)
    if kind is None and not _neutral(content):
        checked.inert.append((section,))
    if form == "list":
        for position, entity in _check_mappings(checked, section, content):
            if kind is not None:
                _check_identity(checked, section, position, entity)
                _check_fields(checked, (section, position), kind, entity, label(section, entity, position))
    elif kind is not None:
        _check_fields(checked, (section,), kind, content, kind.label)
        _check_clock(checked, section, content)
        _check_brute_force(checked, section, content)


def _check_mappings(checked: Checked, section: str, content: list[Any]) -> list[tuple[int, dict[str, Any]]]:
    for position, entity in enumerate(content):
        if not isinstance(entity, dict):
            message = f"'{section}[{position}]' must be {wanted('object')}, not {given(entity)}"
            checked.note((section, position), message)
    return [(position, entity) for position, entity in enumerate(content) if isinstance(entity, dict)]


def _check_identity(checked: Checked, section: str, position: int, entity: dict[str, Any]) -> None:
    needs = _NEEDS.get(section, ("name",))
    if all(entity.get(field) is None for field in needs):
        noun = vocabulary().kinds[section].label
        listed = " or ".join(f"'{field}'" for field in needs)
        checked.note((section, position), f"{noun} {position + 1} needs {listed}")


def _check_clock(checked: Checked, section: str, content: dict[str, Any]) -> None:
    clock = content.get("clock") if section == "mockidp" else None
    try:
        if isinstance(clock, str | int | float) and not isinstance(clock, bool):
            parse_moment(clock)
    except UsageError as error:
        checked.note(("mockidp", "clock"), f"'clock' of mockidp: {error}")


def _check_brute_force(checked: Checked, section: str, content: dict[str, Any]) -> None:
    settings = content.get("bruteForceProtection") if section == "attackProtection" else None
    if not isinstance(settings, dict):
        return
    path, attempts = (section, "bruteForceProtection"), settings.get("max_attempts")
    allowlist = settings.get("allowlist")
    if type(attempts) is int and not 1 <= attempts <= 100:
        checked.note((*path, "max_attempts"), f"'max_attempts' must be from 1 to 100, not {attempts}")
    for index, entry in enumerate(allowlist if isinstance(allowlist, list) else ()):
        if isinstance(entry, str) and not PLACEHOLDER.search(entry) and not is_network(entry):
            checked.note((*path, "allowlist", index), f"'{entry}' in 'allowlist' is no IP address or network")


def _neutral(value: Any) -> bool:
    """Whether a value says nothing, as an export writes what is not in use: false, empty, or only such."""
    if isinstance(value, dict):
        return all(_neutral(item) for item in value.values())
    return all(_neutral(item) for item in value) if isinstance(value, list) else not value


@cache
def _simple_classes(section: str) -> dict[str, frozenset[type]]:
    """Return the accepted classes of the keys whose shape is one type's name: the fast path."""
    kind = vocabulary().kinds[section]
    return {
        key: classes_of(shape) | {type(None)}
        for key, shape in kind.fields.items()
        if isinstance(shape, str) and classes_of(shape) and key not in kind.inert
    }


def _check_fields(checked: Checked, path: Path, kind: KindWords, entity: dict[str, Any], name: str) -> None:
    simple = _simple_classes(str(path[0]))
    for key, value in entity.items():
        classes = simple.get(key)
        if classes is not None and value.__class__ in classes:
            continue
        if key not in kind.fields:
            checked.note(
                (*path, key), f"unknown key '{key}' in {name}{_meant(key, kind.fields)}", on_key=True
            )
            continue
        if key in kind.inert and not _neutral(value):
            checked.inert.append((*path, key))
        if key == "options" and isinstance(value, dict):
            inert = [option for option in value if option in kind.inert_options]
            checked.inert += [(*path, key, option) for option in inert if not _neutral(value[option])]
        _check_value(checked, (*path, key), kind.fields[key], value, (key, name))


def _meant(word: str, known: Iterable[str]) -> str:
    meant = nearest(word, known)
    return f"; did you mean '{meant}'?" if meant else ""


Named = tuple[str, str]  # what a message calls a value: `callbacks` of `client 'Web'`


def _check_value(checked: Checked, path: Path, shape: Any, value: Any, named: Named) -> None:
    if value is None or shape == "any":
        return
    if isinstance(shape, str):
        _check_type(checked, path, shape, value, named)
    elif "one_of" in shape or "usual" in shape:
        _check_word(checked, path, shape, value, named)
    elif "object" in shape or "open" in shape:
        if _check_type(checked, path, "object", value, named):
            _check_members(checked, path, shape, value, f"'{named[0]}' of {named[1]}")
    elif _check_type(checked, path, "array", value, named):
        _check_items(checked, path, shape, value, named)


def _check_items(checked: Checked, path: Path, shape: dict[str, Any], value: list[Any], named: Named) -> None:
    (form, fields), *_ = shape.items()
    for index, item in enumerate(value):
        inner = (f"{named[0]}[{index}]", named[1])
        if form == "strings_or_list" and isinstance(item, str):
            continue
        if _check_type(checked, (*path, index), "object", item, inner):
            _check_members(checked, (*path, index), {"object": fields}, item, f"'{inner[0]}' of {inner[1]}")


def _check_type(checked: Checked, path: Path, shape: str, value: Any, named: Named) -> bool:
    if shape == "strings" and isinstance(value, list):
        items = [
            _check_type(checked, (*path, index), "string", item, (f"{named[0]}[{index}]", named[1]))
            for index, item in enumerate(value)
        ]
        return all(items)
    if type(value) in classes_of(shape):
        return True
    if isinstance(value, str) and PLACEHOLDER.search(value):
        return False  # the variable that is not set is told of
    quoted = shape.startswith("string") and isinstance(value, bool | int | float)
    advice = "; put it in quotes" if quoted and shape != "strings" else ""
    checked.note(path, f"'{named[0]}' of {named[1]} must be {wanted(shape)}, not {given(value)}{advice}")
    return False


def _check_word(checked: Checked, path: Path, shape: dict[str, Any], value: Any, named: Named) -> None:
    if not _check_type(checked, path, "strings" if shape.get("list") else "string", value, named):
        return
    known = shape.get("one_of") or shape["usual"]
    for word in value if isinstance(value, list) else [value]:
        is_slip = "one_of" in shape or nearest(word, known, _SLIP)
        if word not in known and is_slip:
            checked.note(path, f"unknown {named[0]} '{word}' of {named[1]}{hint(word, known)}")


def _check_members(
    checked: Checked, path: Path, shape: dict[str, Any], value: dict[str, Any], name: str
) -> None:
    """Check the members of an object; in an `open` one only a slip is wrong."""
    (form, fields), *_ = shape.items()
    for key, item in value.items():
        if key in fields:
            _check_value(checked, (*path, key), fields[key], item, (key, name))
        elif form == "object" or nearest(key, fields, _SLIP):
            checked.note((*path, key), f"unknown key '{key}' in {name}{_meant(key, fields)}", on_key=True)
