"""The words of a seed: sections, the keys of each kind, an export directory's layout, placeholders.

From auth0-deploy-cli (`src/types.ts`, `src/tools/auth0/handlers/*`, `src/context/directory/handlers/*`) and
the Management API (request and response fields of each kind); the data are in `data/seed_vocabulary.json`.
A key's shape there is a type's name, names joined by `|`, or one of `{"one_of": [texts]}`,
`{"usual": [texts]}` (others are fine unless they look like a slip), `{"object": {key: shape}}`,
`{"list": {key: shape}}`, `{"strings_or_list": {key: shape}}` and `{"open": {key: shape}}` (an object where
only slips are refused).

Placeholders are auth0-deploy-cli's (its `docs/keyword-replacement.md`): `##NAME##` puts the variable's text,
`@@NAME@@` its JSON value, quoted or not. They are filled after parsing, so that no value can break the file.
"""

from __future__ import annotations

import difflib
import json
import pathlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from mockidp.errors import UsageError
from mockidp.seed.reader import Malformed, Path, parse, plain_scalar

SCENARIO_KEYS = ("scenario", "script", "expect", "seed", "ordered", "include", "parameters")
DATABASE_STRATEGY = "auth0"
DEFAULT_DATABASE = "Username-Password-Authentication"

_MAPPINGS = "AUTH0_KEYWORD_REPLACE_MAPPINGS"  # where deploy-cli keeps values that are not in the environment
# Stand-ins for ## and @@ where YAML would see a comment or an error: private use characters.
_BARE_TEXT, _BARE_JSON = "\uf8f0\uf8f0", "\uf8f1\uf8f1"
_NAME = "([A-Za-z_][A-Za-z0-9_]*)"
PLACEHOLDER = re.compile(f"(##|@@|{_BARE_TEXT}|{_BARE_JSON}){_NAME}\\1")
_UNQUOTED_IN_YAML = re.compile(rf"(?<![^\s\[{{,])(##|@@){_NAME}\1")
_UNQUOTED_IN_JSON = re.compile(rf'"(?:[^"\\]|\\.)*"|(##|@@){_NAME}\1')


_CLASSES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "array": (list,),
}
_WANTED = {
    "string": "a string",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a mapping",
    "array": "a list",
    "strings": "a list of strings",
}
_GIVEN = {
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    dict: "a mapping",
    list: "a list",
}


class KindWords(msgspec.Struct, frozen=True):
    """What one section may hold; `inert` keys are kept and answered, and change nothing."""

    form: str
    label: str
    fields: dict[str, Any]
    inert: frozenset[str] = frozenset()
    inert_options: frozenset[str] = frozenset()


class Vocabulary(msgspec.Struct, frozen=True):
    """The whole data file.

    `identity` names the key by which an entity of a list is known; `other_*` are the sections of an export
    that mockidp keeps without emulating them; `layout` pairs a path of an export directory (no extension, `*`
    for any name) with the place of its content (`[]`: appended); `files` leads to texts that may name a file.
    """

    kinds: dict[str, KindWords]
    identity: dict[str, str]
    other_lists: dict[str, str]
    other_objects: tuple[str, ...]
    layout: tuple[tuple[str, str], ...]
    files: dict[str, tuple[str, ...]]

    def form(self, section: str) -> str | None:
        """Return "list" or "object", or None for an unknown section."""
        if section in self.kinds:
            return self.kinds[section].form
        if section in self.other_lists:
            return "list"
        return "object" if section in self.other_objects else None

    @property
    def sections(self) -> list[str]:
        """Every top-level key, the emulated ones first."""
        return [*self.kinds, *self.other_lists, *self.other_objects]


@cache
def classes_of(shape: str) -> frozenset[type]:
    """Return the classes of the values that a shape such as `string|integer` allows, null aside."""
    return frozenset(cls for name in shape.split("|") for cls in _CLASSES.get(name, ()))


def wanted(shape: str) -> str:
    """Return what a message calls a shape: `a list of strings`."""
    return " or ".join(_WANTED[name] for name in shape.split("|"))


def given(value: object) -> str:
    """Return what a message calls a value's type."""
    return _GIVEN.get(type(value), "nothing")


@cache
def vocabulary() -> Vocabulary:
    """Return the vocabulary, read once per process."""
    data = pathlib.Path(__file__).parents[1].joinpath("data", "seed_vocabulary.json").read_bytes()
    return msgspec.json.decode(data, type=Vocabulary)


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known word that was probably meant, or None."""
    by_folded: dict[str, str] = {}
    for name in known:
        by_folded.setdefault(name.casefold(), name)
    found = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=cutoff)
    return by_folded[found[0]] if found else None


def hint(word: str, known: Iterable[str]) -> str:
    """Return the end of a message: what was probably meant, or else what there is."""
    names = list(known)
    meant = nearest(word, names)
    if meant is not None:
        return f"; did you mean '{meant}'?"
    if not names:
        return "; none is defined"
    return f"; known: {', '.join(repr(name) for name in names)}" if len(names) <= 5 else ""


def mount(document: dict[str, Any], place: str, content: Any) -> Path:
    """Put a file's content where the layout says (`branding.templates[]`); return the path of it."""
    *outer, last = place.split(".")
    holder = document
    for step in outer:
        inner = holder.setdefault(step, {})
        holder = inner if isinstance(inner, dict) else {}
    if not last.endswith("[]"):
        holder[last] = content
        return (*outer, last)
    items = holder.setdefault(last[:-2], [])
    if isinstance(items, list):
        items.append(content)
        return (*outer, last[:-2], len(items) - 1)
    return (*outer, last[:-2])


def replace_texts(holder: Any, steps: Sequence[str], read: Callable[[str], str]) -> None:
    """Replace the strings that `steps` lead to (`*`: any) by what `read` makes of them."""
    step, *rest = steps
    if isinstance(holder, list) and step == "*":
        keys: list[Any] = list(range(len(holder)))
    elif isinstance(holder, dict):
        keys = list(holder) if step == "*" else [step] if step in holder else []
    else:
        return
    for key in keys:
        if rest:
            replace_texts(holder[key], rest, read)
        elif isinstance(holder[key], str):
            holder[key] = read(holder[key])


# ── placeholders ──────────────────────────────────────────────────────────────────────────────────────


class Variables:
    """The values of placeholders: the environment, then what deploy-cli's own variable maps."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        try:
            mappings = json.loads(environ.get(_MAPPINGS) or "{}")
        except ValueError:
            mappings = None
        if not isinstance(mappings, dict):
            raise UsageError(f"the environment variable {_MAPPINGS} must hold a JSON object")
        self._values: dict[str, Any] = mappings | dict(environ)
        self._environ = environ

    def with_defaults(self, values: Mapping[str, Any]) -> Variables:
        """Return these, and for names that have no value here these values."""
        return self._joined({**values, **self._values})

    def with_values(self, values: Mapping[str, Any]) -> Variables:
        """Return these, with these values before those of the environment."""
        return self._joined({**self._values, **values})

    def _joined(self, values: dict[str, Any]) -> Variables:
        joined = Variables({})
        joined._values = values
        own = (name for name in self._environ if values[name] is self._values[name])
        joined._environ = {name: self._environ[name] for name in own}
        return joined

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str:
        """Return what `##NAME##` becomes."""
        value = self._values[name]
        return value if isinstance(value, str) else json.dumps(value)

    def value(self, name: str) -> Any:
        """Return what `@@NAME@@` becomes: a variable that is JSON is that value, any other a string."""
        value = self._values[name]
        if name not in self._environ:
            return value
        try:
            return json.loads(value)
        except ValueError:
            return value

    def missing(self, name: str) -> str:
        """Return the message for a variable that is not set."""
        meant = nearest(name, self._values, 0.75)
        return f"the environment variable '{name}' is not set" + (
            f"; did you mean '{meant}'?" if meant else ""
        )

    def mark(self, text: str, *, is_json: bool) -> str:
        """Return the file's text with unquoted placeholders made readable for its parser."""
        if "##" not in text and "@@" not in text:
            return text
        if is_json:
            return _UNQUOTED_IN_JSON.sub(lambda match: f'"{_bare(match)}"' if match[1] else match[0], text)
        return _UNQUOTED_IN_YAML.sub(self._mark_in_yaml, text)

    def _mark_in_yaml(self, match: re.Match[str]) -> str:
        before = match.string[match.string.rfind("\n", 0, match.start()) + 1 : match.start()]
        is_comment = match[1] == "##" and not before.strip() and match[2] not in self
        return match[0] if is_comment else _bare(match)

    def fill_known(self, text: str) -> str:
        """Fill what is set in the text of a script or page, which may contain the like of placeholders."""
        filler = Filler(self)
        return PLACEHOLDER.sub(lambda match: filler.piece(match, ()), text)


def _bare(match: re.Match[str]) -> str:
    fence = _BARE_TEXT if match[1] == "##" else _BARE_JSON
    return f"{fence}{match[2]}{fence}"


class _Several(list[Any]):
    """What one unquoted placeholder stands for in a list: `"a", "b"`."""


class Filler:
    """Fills the placeholders of a document; `missing` are paths and messages of those without a value."""

    def __init__(self, variables: Variables) -> None:
        self.missing: list[tuple[Path, str]] = []
        self._variables = variables

    def fill(self, value: Any, path: Path = ()) -> Any:
        """Return the value with every string in it filled."""
        if isinstance(value, str):
            return self._fill_text(value, path) if PLACEHOLDER.search(value) else value
        if isinstance(value, dict):
            return {
                PLACEHOLDER.sub(lambda match: self.piece(match, path), key): self.fill(item, (*path, key))
                for key, item in value.items()
            }
        if not isinstance(value, list):
            return value
        result: list[Any] = []
        for index, item in enumerate(value):
            filled = self.fill(item, (*path, index))
            result += filled if isinstance(filled, _Several) else [filled]
        return result

    def _fill_text(self, text: str, path: Path) -> Any:
        whole = PLACEHOLDER.fullmatch(text)
        if whole and whole[2] in self._variables and whole[1] != "##":
            if whole[1] == _BARE_TEXT:
                return _unquoted(self._variables.text(whole[2]))
            return self._variables.value(whole[2])
        return PLACEHOLDER.sub(lambda match: self.piece(match, path), text)

    def piece(self, match: re.Match[str], path: Path) -> str:
        """Return what a placeholder within a text becomes."""
        fence, name = match[1], match[2]
        is_text = fence in ("##", _BARE_TEXT)
        if name in self._variables:
            return self._variables.text(name) if is_text else json.dumps(self._variables.value(name))
        if is_text or name.isupper():  # @@password@@ and @@config@@ are Auth0's own macros
            self.missing.append((path, self._variables.missing(name)))
        return f"##{name}##" if is_text else f"@@{name}@@"


def _unquoted(text: str) -> Any:
    """Return what YAML makes of a text that is put unquoted where a value is."""
    if text[:1] not in ('"', "[", "{"):
        return plain_scalar(text)
    try:
        items = parse(f"[{text}]", is_json=False, report=lambda line, column, message: None)
    except Malformed:
        return text
    return items[0] if len(items) == 1 else _Several(items)
