"""The shipped scenarios: each is met by an application that does what its title says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import account_plays
import fault_plays
import login_plays
import pytest
from rules_world import CALLBACK, App

from mockidp.authentication.oauth_token import GRANTS
from mockidp.rules import words
from mockidp.rules.words import Word
from mockidp.seed.files import read_source
from mockidp.seed.load import check_files, inline_scenario
from mockidp.seed.vocabulary import Variables
from mockidp.server import MockIdp

FIXTURES = Path(__file__).parents[2] / "fixtures"
SCENARIOS = sorted(FIXTURES.glob("*.scenario.yaml"))
EFFECTIVE = [path for path in SCENARIOS if "then:" in path.read_text()]
Document = dict[str, Any]

# The tables of words, and in which words' shapes there are others.
TABLES: dict[str, dict[str, Word]] = {
    name: table
    for name, table in vars(words).items()
    if isinstance(table, dict) and all(isinstance(word, Word) for word in table.values())
}
INNER = {
    "script": "RULE",
    "where": "WHERE",
    "then": "THEN",
    "expect": "EXPECT",
    "requests": "REQUEST",
    "messages": "MESSAGE",
}


PLAYS: dict[str, Callable[[App], None]] = {
    play.__name__.replace("_", "-"): play
    for play in (*login_plays.PLAYS, *account_plays.PLAYS, *fault_plays.PLAYS)
}


def name_of(path: Path) -> str:
    return path.name.removesuffix(".scenario.yaml")


def is_met(server: MockIdp, path: Path) -> bool:
    try:
        PLAYS[name_of(path)](App(server))
        server.verify()
    except (AssertionError, LookupError):
        return False
    return True


def words_of(document: Document, table: str) -> Iterator[tuple[str, str]]:
    """Yield each word of a scenario with the name of its table."""
    for key in document.keys() & TABLES[table].keys():
        yield table, key
        inner = INNER.get(TABLES[table][key].shape)
        if inner is not None:
            value = document[key]
            for each in value if isinstance(value, list) else [value]:
                yield from words_of(each, inner)


def texts_at(value: object, key: str) -> Iterator[str]:
    """Yield the texts that a key has anywhere, and those within."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from texts_in(member) if name == key else texts_at(member, key)
    elif isinstance(value, list):
        for member in value:
            yield from texts_at(member, key)


def texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from texts_in(member)


@pytest.fixture(scope="module")
def examples() -> list[Document]:
    """Each shipped scenario as it is written."""
    return [read_source(path, Variables({})).document for path in SCENARIOS]


@pytest.fixture(scope="module")
def server() -> Iterator[MockIdp]:
    with MockIdp() as idp:
        yield idp


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.name)
def test_an_example_is_met(server: MockIdp, path: Path) -> None:
    """An application that does what the title says meets it; one that does nothing does not."""
    server.reset()
    server.load_scenario(path)
    with pytest.raises(AssertionError):
        server.verify()
    PLAYS[name_of(path)](App(server))
    server.verify()
    server.raise_problems()


@pytest.mark.parametrize("path", EFFECTIVE, ids=lambda path: path.name)
def test_an_example_makes_a_difference(server: MockIdp, path: Path) -> None:
    """When one of its steps does nothing, the application fares otherwise, unless it is a matter of time."""
    scenario = inline_scenario(path)
    steps = scenario["script"]
    for at, step in enumerate(steps):
        if step.get("then", {}).keys() - {"delay", "trickle"}:
            idle = {name: value for name, value in step.items() if name != "then"}
            server.reset()
            server.load_scenario(scenario | {"script": [*steps[:at], idle, *steps[at + 1 :]]})
            assert not is_met(server, path), step


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.name)
def test_check_has_nothing_to_say(path: Path) -> None:
    """Each file is right by itself."""
    assert check_files([path], {}) == []


@pytest.mark.parametrize("table", TABLES)
def test_every_word_has_an_example(examples: list[Document], table: str) -> None:
    """Nothing can be said that no shipped file says, in its place."""
    used = {word for example in examples for place, word in words_of(example, "SCENARIO") if place == table}
    assert sorted(set(TABLES[table]) - used) == []


@pytest.mark.parametrize("word", words.CHOICES)
def test_every_choice_has_an_example(examples: list[Document], word: str) -> None:
    """Of the words that choose one of several values, each value is chosen somewhere."""
    used = {text for example in examples for text in texts_at(example, word)}
    assert sorted(set(words.CHOICES[word]) - used) == []


def test_every_grant_has_an_example(examples: list[Document]) -> None:
    """Each way to get tokens is expected of some application."""
    used = {text for example in examples for text in texts_at(example, "grant_type")}
    assert sorted(set(GRANTS) - used) == []


def test_every_example_is_listed() -> None:
    """docs/scenarios.md says what each is for; each play belongs to one."""
    text = (FIXTURES.parent / "docs" / "scenarios.md").read_text()
    assert [path.name for path in SCENARIOS if f"](../fixtures/{path.name})" not in text] == []
    assert PLAYS.keys() == {name_of(path) for path in SCENARIOS}


def test_every_word_is_explained() -> None:
    """docs/scenarios.md has each word, and each way to tamper."""
    text = (FIXTURES.parent / "docs" / "scenarios.md").read_text()
    names = [*(word for table in TABLES.values() for word in table), *words.CHOICES["tamper"]]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_the_callback_of_the_examples() -> None:
    """The demo tenant's clients know it."""
    assert CALLBACK in (FIXTURES / "demo.yaml").read_text()
