"""Documents to rules: the only reader, for YAML, Python and the control API alike.

Each problem has the path in the document that it is about, so that a file's reader can tell line and column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from mockidp.errors import UsageError
from mockidp.rules import words
from mockidp.rules.operation import Operation
from mockidp.rules.rule import (
    Expectations,
    ExpectedRequest,
    Rule,
    Script,
    Then,
    Where,
)
from mockidp.rules.values import SHAPES, Wrong, given_as, is_whole, shown
from mockidp.rules.words import Word, meant

Path = tuple[str | int, ...]
_AUTHORIZE = "/authorize"


class Problem(NamedTuple):
    """Something wrong, at a path of the document; `on_key`: in the key itself."""

    path: Path
    message: str
    on_key: bool = False


def read_rule(document: Mapping[str, Any], *, required: bool | None = None) -> Rule:
    """Return the rule of a document; raise `UsageError` for the first problem.

    `required` says whether it must come about; None: when the document says how often.
    """
    reader = _Reader()
    rule = reader.rule((), document, "the rule")
    reader.refuse()
    must = document.get("times") not in (None, "any") if required is None else required
    ordered = document.get("ordered") is True
    return msgspec.structs.replace(rule, required=must, ordered=ordered)


def read_script(
    document: Mapping[str, Any], place: Callable[[Path], str] = lambda path: ""
) -> tuple[Script, list[Problem]]:
    """Return a scenario's script and what is wrong in it; `place` tells where a step is written."""
    reader = _Reader()
    title = reader.value((), "scenario", document, words.SCENARIO, "the scenario")
    ordered = reader.value((), "ordered", document, words.SCENARIO, "the scenario") is True
    rules = []
    for at, step in enumerate(reader.listed(("script",), document.get("script"), "'script'")):
        path: Path = ("script", at)
        rule = reader.rule(path, step, f"step {at + 1}")
        rules.append(msgspec.structs.replace(rule, ordered=ordered, place=place(path)))
    expect = reader.expectations(("expect",), document.get("expect"), place)
    return Script(title=title or "", rules=tuple(rules), expect=expect), reader.problems


class _Reader:
    """Reads values and collects what is wrong."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def refuse(self) -> None:
        if self.problems:
            raise UsageError(self.problems[0].message)

    def note(self, path: Path, message: str, *, on_key: bool = False) -> None:
        self.problems.append(Problem(path, message, on_key))

    def listed(self, path: Path, value: object, name: str) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            self.note(path, f"{name} must be a list, not {given_as(value)}")
            return []
        return list(value)

    def mapping(self, path: Path, value: object, name: str, known: Mapping[str, Word]) -> dict[str, Any]:
        """Return a mapping with known keys only, the others noted."""
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.note(path, f"{name} must be a mapping, not {given_as(value)}")
            return {}
        for key in value:
            if key not in known:
                self.note((*path, key), f"unknown key '{key}' in {name}{meant(key, known)}", on_key=True)
        return {key: item for key, item in value.items() if key in known}

    def value(
        self, path: Path, key: str, document: Mapping[str, Any], known: Mapping[str, Word], name: str
    ) -> Any:
        """Return what a key's value means; None when it is absent or wrong."""
        given = document.get(key)
        if given is None:
            return None
        try:
            return SHAPES[known[key].shape](given)
        except Wrong as wrong:
            self.note((*path, key), f"'{key}' of {name} {wrong}")
        except UsageError as error:
            self.note((*path, key), f"'{key}' of {name}: {error}")
        return None

    def rule(self, path: Path, given: object, name: str) -> Rule:
        known = words.RULE | ({} if path else {"ordered": words.SCENARIO["ordered"]})
        document = self.mapping(path, given, name, known)
        if isinstance(given, Mapping) and "on" not in given and set(given) <= set(known):
            self.note(path, f"{name} needs 'on'")
        on = self.value(path, "on", document, known, name)
        operation, after = on or (None, None)
        where = self.where((*path, "where"), document.get("where"), f"'where' of {name}")
        then = self.then((*path, "then"), document.get("then"), name, operation, after)
        times = self.value(path, "times", document, known, name)
        if after is not None and (document.get("where") or document.get("times")):
            self.note((*path, "on"), f"{name}: 'after' takes neither 'where' nor 'times'")
        return Rule(
            text=describe(document),
            operation=operation,
            after=after,
            where=where,
            then=then,
            times=None if times == "any" else times,
            required=times != "any",
        )

    def where(self, path: Path, given: object, name: str) -> Where:
        if given is not None and not isinstance(given, Mapping):
            self.note(path, f"{name} must be a mapping, not {given_as(given)}")
        document: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
        found = {key: self.value(path, key, document, words.WHERE, name) for key in words.WHERE}
        parameters = {key: value for key, value in document.items() if key not in words.WHERE}
        calls = found.pop("call") or ()
        return Where(parameters=parameters, calls=calls, **found)

    def then(
        self, path: Path, given: object, name: str, operation: Operation | None, after: int | None
    ) -> Then:
        called = f"'then' of {name}"
        document = self.mapping(path, given, called, words.THEN)
        found: dict[str, Any] = {}
        for key in document:
            value = self.value(path, key, document, words.THEN, called)
            if value is not None or key == "body":
                found[key] = value
        for problem in _conflicts(document, operation, after):
            self.note((*path, problem.path[0]), f"{name}: {problem.message}", on_key=True)
        return Then(**found)

    def expectations(self, path: Path, given: object, place: Callable[[Path], str]) -> Expectations:
        document = self.mapping(path, given, "'expect'", words.EXPECT)
        requests = []
        for at, item in enumerate(self.listed((*path, "requests"), document.get("requests"), "'requests'")):
            inner: Path = (*path, "requests", at)
            request = self.request(inner, item, f"request {at + 1} of 'expect'")
            if request is not None:
                requests.append(msgspec.structs.replace(request, place=place(inner)))
        users = self.users((*path, "users"), document.get("users"))
        outbox = None
        if document.get("outbox") is not None:
            listed = self.listed((*path, "outbox"), document["outbox"], "'outbox'")
            outbox = tuple(self.message((*path, "outbox", at), item, at) for at, item in enumerate(listed))
        return Expectations(requests=tuple(requests), users=users, outbox=outbox)

    def request(self, path: Path, given: object, name: str) -> ExpectedRequest | None:
        document = self.mapping(path, given, name, words.REQUEST)
        on = self.value(path, "on", document, words.REQUEST, name)
        where = self.where((*path, "where"), document.get("where"), f"'where' of {name}")
        status = self.value(path, "status", document, words.REQUEST, name)
        times = document.get("times")
        if times is not None and (not is_whole(times) or times < 0):
            self.note((*path, "times"), f"'times' of {name} must be a whole number, not {shown(times)}")
            times = None
        if on is None or on[0] is None:
            if "on" not in document or on is not None:
                self.note(path, f"{name} needs 'on': METHOD /path")
            return None
        text = describe(document)
        return ExpectedRequest(text=text, operation=on[0], where=where, status=status, times=times)

    def users(self, path: Path, given: object) -> dict[str, Any]:
        if given is not None and not isinstance(given, Mapping):
            self.note(path, f"'users' of 'expect' must be a mapping, not {given_as(given)}")
        users = dict(given) if isinstance(given, Mapping) else {}
        for name, members in users.items():
            if members is not None and not isinstance(members, Mapping):
                self.note((*path, name), f"'{name}' must be a mapping of members, or null for no such user")
        return {name: members for name, members in users.items() if isinstance(members, Mapping | None)}

    def message(self, path: Path, given: object, at: int) -> dict[str, Any]:
        name = f"message {at + 1} of 'expect'"
        document = self.mapping(path, given, name, words.MESSAGE)
        return {key: self.value(path, key, document, words.MESSAGE, name) for key in document}


def describe(document: Mapping[str, Any]) -> str:
    """Return how messages call a rule: `POST /oauth/token with grant_type 'refresh_token'`."""
    where = document.get("where")
    parts = [f"{key} {shown(value)}" for key, value in where.items()] if isinstance(where, Mapping) else []
    return f"{document.get('on')}{' with ' if parts else ''}{' and '.join(parts)}"


def _conflicts(document: Mapping[str, Any], operation: Operation | None, after: int | None) -> list[Problem]:
    """Return words that do not go together, or with the request that they are about."""
    given = set(document)
    found = []
    if after is not None:
        for key in sorted(given - set(words.TRIGGERED)):
            known = ", ".join(f"'{word}'" for word in words.TRIGGERED)
            found.append(Problem((key,), f"'after N requests' can {known}, not '{key}'"))
        return found
    for one, other in (
        ("login", "deny"),
        ("error", "body"),
        ("error", "rate_limit"),
        ("status", "rate_limit"),
        ("body", "rate_limit"),
        ("malformed", "drop"),
        ("trickle", "drop"),
        ("freeze", "travel"),
        ("freeze", "rate"),
    ):
        if {one, other} <= given:
            found.append(Problem((other,), f"'{one}' and '{other}' do not go together"))
    if "description" in given and not given & {"error", "deny"}:
        found.append(Problem(("description",), "'description' belongs to an 'error'"))
    at_login = operation is None or operation.path == _AUTHORIZE
    for key in [] if at_login else [key for key in words.LOGIN_WORDS if key in given]:
        found.append(Problem((key,), f"'{key}' answers the pages of a login: write 'on: GET {_AUTHORIZE}'"))
    return found
