"""Password policies: levels, length, and the options beside them."""

from __future__ import annotations

from typing import Any

import pytest

from mockidp.errors import DbConnectionError
from mockidp.model.connection import Connection
from mockidp.model.password_policy import check_password_policy, page_text, policy_lines


def database(**options: Any) -> Connection:
    return Connection.of({"id": "con_1", "name": "users", "strategy": "auth0", "options": options})


def refusal(
    connection: Connection, password: str, profile: dict[str, Any] | None = None
) -> dict[str, Any] | None:
    """The error body of a refused password, None of a good one."""
    try:
        check_password_policy(connection, password, profile or {})
    except DbConnectionError as error:
        body = error.body()
        assert isinstance(body, dict)
        return body
    return None


@pytest.mark.parametrize(
    ("policy", "good", "bad"),
    [
        ("none", ["x", " "], [""]),
        ("low", ["aaaaaa"], ["aaaaa"]),
        ("fair", ["aaaaAA11"], ["aaaAA11", "aaaaaaA!", "AAAAAA11", "aaaaaa11"]),
        ("good", ["aaaaaA11", "aaaaaa1!", "AAAAAA1 "], ["aaaaA1!", "aaaaaaaa1", "åååååå1!"]),
        ("excellent", ["abcdefgA11", "aabbccdd1!"], ["abcdefA11", "abcdefgA111", "aaabcdefA1"]),
        (None, ["aaaaaA11"], ["aaaaaaaa"]),
        ("unheard-of", ["aaaaaA11"], ["aaaaaaaa"]),
    ],
)
def test_the_levels_of_a_policy(policy: str | None, good: list[str], bad: list[str]) -> None:
    """The documented levels; without one, that of a new database."""
    connection = database(passwordPolicy=policy)
    assert [password for password in good if refusal(connection, password)] == []
    names = [(refusal(connection, password) or {}).get("name") for password in bad]
    assert names == ["PasswordStrengthError"] * len(bad)


@pytest.mark.parametrize(
    ("policy", "lines"),
    [
        ("none", ["Non-empty password required"]),
        ("low", ["At least 6 characters in length"]),
        (
            "fair",
            [
                "At least 8 characters in length",
                "Should contain:",
                "* lower case letters (a-z)",
                "* upper case letters (A-Z)",
                "* numbers (i.e. 0-9)",
            ],
        ),
    ],
)
def test_a_policy_in_words(policy: str, lines: list[str]) -> None:
    """What pages list and the error's `policy` says, line by line."""
    connection = database(passwordPolicy=policy)
    assert policy_lines(connection) == lines
    body = refusal(connection, "")
    assert body is not None
    assert [line.strip("* ") for line in body["policy"].split("\n")] == [line.strip("* ") for line in lines]


def test_the_strictest_level_says_why() -> None:
    """The rule about repeated characters, as recorded."""
    body = refusal(database(passwordPolicy="excellent"), "aaabcdefA1")
    assert body is not None
    assert body["description"]["rules"][2] == {
        "message": 'No more than %d identical characters in a row (e.g., "%s" not allowed)',
        "code": "identicalChars",
        "format": [2, "aaa"],
        "verified": False,
    }
    assert body["policy"].endswith(
        '\n* No more than 2 identical characters in a row (e.g., "aaa" not allowed)'
    )


def test_a_minimum_length_supersedes_the_level() -> None:
    """`password_complexity_options.min_length`."""
    connection = database(passwordPolicy="low", password_complexity_options={"min_length": 12})
    body = refusal(connection, "x" * 11)
    assert body is not None
    assert body["policy"] == "* At least 12 characters in length"
    assert refusal(connection, "x" * 12) is None


@pytest.mark.parametrize("password", ["password1", "PASSWORD1", "Frobnicate"])
def test_common_passwords_can_be_forbidden(password: str) -> None:
    """`password_dictionary`: built-in words and the connection's own, in any case; off by default."""
    dictionary = {"enable": True, "dictionary": ["frobnicate"]}
    assert refusal(database(passwordPolicy="low", password_dictionary=dictionary), password) == {
        "name": "PasswordDictionaryError",
        "message": "Password is too common",
        "code": "invalid_password",
        "description": "Password is not allowed, it might be too common.",
        "statusCode": 400,
    }
    assert refusal(database(passwordPolicy="low"), password) is None


@pytest.mark.parametrize("password", ["new-password", "my-NICK-name", "123first321"])
def test_personal_passwords_can_be_forbidden(password: str) -> None:
    """`password_no_personal_info`: the e-mail's local part, nickname, metadata; off by default."""
    profile = {
        "email": "new@example.com",
        "nickname": "nick",
        "user_metadata": {"first": "First", "last": ""},
    }
    option = {"enable": True}
    connection = database(passwordPolicy="low", password_no_personal_info=option)
    assert refusal(connection, password, profile) == {
        "name": "PasswordNoUserInfoError",
        "message": "Password contains user information",
        "code": "invalid_password",
        "description": "Password is based on user information",
        "statusCode": 400,
    }
    assert refusal(connection, "something-else", profile) is None
    assert refusal(database(passwordPolicy="low"), password, profile) is None


def test_every_refusal_has_words_for_a_page() -> None:
    """And an error about something else has none."""
    assert page_text(DbConnectionError("x", "x", name="PasswordStrengthError")) == "The password is too weak"
    assert page_text(DbConnectionError("invalid_signup", "Invalid sign up")) is None
