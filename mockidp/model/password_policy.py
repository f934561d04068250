"""Password policies of database connections (documentation, "Password strength" and "Password options").

Rule codes, texts and the error body: the recorded answers of /dbconnections/signup and /lo/reset.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from mockidp.errors import DbConnectionError
from mockidp.json import Json, JsonObject
from mockidp.model.connection import Connection

DEFAULT_LEVEL = "good"  # what the service gives a new database (recorded)
_NOBODY: JsonObject = {}
# unverified: the service refuses 10,000 common passwords; these are the first of the list that it names.
COMMON = frozenset(
    {"password", "123456", "12345678", "1234", "qwerty", "12345", "dragon", "baseball", "football", "letmein"}
    | {"monkey", "abc123", "mustang", "shadow", "master", "111111", "2000", "jordan", "superman", "password1"}
)


class _Level(msgspec.Struct, frozen=True):
    """One level: `kinds` of characters are needed, of the first `among`; `repeats` are allowed in a row."""

    length: int
    kinds: int = 0
    among: int = 0
    repeats: int | None = None


LEVELS = {
    "none": _Level(1),
    "low": _Level(6),
    "fair": _Level(8, kinds=3, among=3),
    "good": _Level(8, kinds=3, among=4),
    "excellent": _Level(10, kinds=3, among=4, repeats=2),
}
_KINDS = (
    ("lowerCase", "lower case letters (a-z)", "[a-z]"),
    ("upperCase", "upper case letters (A-Z)", "[A-Z]"),
    ("numbers", "numbers (i.e. 0-9)", "[0-9]"),
    ("specialCharacters", "special characters (e.g. !@#$%^&*)", r"[ !-/:-@\[-`{-~]"),
)
# What a page says (documentation, "Prompt: signup"), by the error's name.
_PAGE_TEXTS = {
    "PasswordStrengthError": "The password is too weak",
    "PasswordDictionaryError": "The password is too common",
    "PasswordNoUserInfoError": "Password contains user information",
}


def check_password_policy(connection: Connection, password: str, profile: JsonObject = _NOBODY) -> None:
    """Refuse a password that the connection's policy does not allow.

    `profile` is the user's root attributes, which the password must not contain where the connection says so.
    Raises `DbConnectionError` `invalid_password`: too weak, too common, or based on user information.
    """
    rules = list(_rules(connection, password))
    if not all(rule["verified"] for rule in rules):
        raise DbConnectionError(
            "invalid_password",
            {"rules": list[Json](rules), "verified": False},
            name="PasswordStrengthError",
            message="Password is too weak",
            policy=_policy_text(rules),
        )
    if _option(connection, "password_dictionary") and _is_common(connection, password):
        raise _refused(
            "PasswordDictionaryError",
            "Password is too common",
            "Password is not allowed, it might be too common.",
        )
    if _option(connection, "password_no_personal_info") and _is_personal(password, profile):
        raise _refused(
            "PasswordNoUserInfoError",
            "Password contains user information",
            "Password is based on user information",
        )


def policy_lines(connection: Connection) -> list[str]:
    """Return the policy as a page lists it: a line per rule, `* ` before what belongs to the rule above."""
    text = _policy_text(list(_rules(connection, "")))
    return [line.removeprefix("* ").strip() for line in text.split("\n")]


def page_text(error: DbConnectionError) -> str | None:
    """Return what a page says of a refused password, or None when the error is about something else."""
    return _PAGE_TEXTS.get(error.name)


def _rules(connection: Connection, password: str) -> Iterator[dict[str, Json]]:
    """Yield the report of every rule, in the order of the service's."""
    level = LEVELS.get(str(connection.options.get("passwordPolicy") or DEFAULT_LEVEL), LEVELS[DEFAULT_LEVEL])
    options = connection.options.get("password_complexity_options")
    wanted = options.get("min_length") if isinstance(options, dict) else None
    length = wanted if isinstance(wanted, int) and wanted > 0 else level.length
    enough = len(password) >= length
    if length == 1:
        yield {"message": "Non-empty password required", "code": "nonEmpty", "verified": enough}
    else:
        yield {
            "message": "At least %d characters in length",
            "format": [length],
            "code": "lengthAtLeast",
            "verified": enough,
        }
    if level.kinds:
        yield _kinds_rule(level, password)
    if level.repeats is not None:
        yield {
            "message": 'No more than %d identical characters in a row (e.g., "%s" not allowed)',
            "code": "identicalChars",
            "format": [level.repeats, "a" * (level.repeats + 1)],
            "verified": not re.search(rf"(.)\1{{{level.repeats}}}", password, re.DOTALL),
        }


def _kinds_rule(level: _Level, password: str) -> dict[str, Json]:
    items: list[dict[str, Json]] = [
        {"message": message, "code": code, "verified": re.search(pattern, password) is not None}
        for code, message, pattern in _KINDS[: level.among]
    ]
    verified = sum(item["verified"] is True for item in items) >= level.kinds
    if level.kinds == level.among:
        return {
            "message": "Should contain:",
            "code": "shouldContain",
            "items": list[Json](items),
            "verified": verified,
        }
    return {
        "message": "Contain at least %d of the following %d types of characters:",
        "code": "containsAtLeast",
        "format": [level.kinds, level.among],
        "items": list[Json](items),
        "verified": verified,
    }


def _policy_text(rules: list[dict[str, Json]]) -> str:
    lines = []
    for rule in rules:
        values = rule.get("format")
        text = str(rule["message"])
        lines.append("* " + (text % tuple(values) if isinstance(values, list) else text))
        items = rule.get("items")
        for item in items if isinstance(items, list) else []:
            lines.append(f" * {item['message']}" if isinstance(item, dict) else "")
    return "\n".join(lines)


def _option(connection: Connection, name: str) -> bool:
    option = connection.options.get(name)
    return isinstance(option, dict) and option.get("enable") is True


def _is_common(connection: Connection, password: str) -> bool:
    option = connection.options.get("password_dictionary")
    more = option.get("dictionary") if isinstance(option, dict) else None
    listed = {str(word).lower() for word in more} if isinstance(more, list) else set()
    return password.lower() in COMMON | listed


def _is_personal(password: str, profile: JsonObject) -> bool:
    """Whether the password contains a value that the documentation lists, in any case of letters."""
    metadata = profile.get("user_metadata")
    values = [profile.get(member) for member in ("name", "username", "nickname")]
    values += [metadata.get(m) for m in ("name", "first", "last")] if isinstance(metadata, Mapping) else []
    values.append(str(profile.get("email") or "").partition("@")[0])
    texts = [value.lower() for value in values if isinstance(value, str) and value]
    return any(text in password.lower() for text in texts)


def _refused(name: str, message: str, description: str) -> DbConnectionError:
    return DbConnectionError("invalid_password", description, name=name, message=message)
