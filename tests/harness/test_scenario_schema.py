"""fixtures/schema.json: what editors know of seeds and scenarios is what the readers know."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mockidp.rules import words
from mockidp.rules.values import SHAPES
from mockidp.seed.vocabulary import vocabulary

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted((ROOT / "fixtures").glob("*.scenario.yaml"))


def tool() -> Any:
    """Import the generator."""
    spec = importlib.util.spec_from_file_location("make_schema", ROOT / "tools" / "make_schema.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def schema() -> Any:
    return json.loads((ROOT / "fixtures" / "schema.json").read_text())


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield from [member] if key == "$ref" else references(member)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def test_the_file_is_up_to_date() -> None:
    """Made from the vocabularies."""
    made = tool().render()
    assert (ROOT / "fixtures" / "schema.json").read_text() == made, "run: python tools/make_schema.py"


def test_every_word_is_in_it(schema: Any) -> None:
    """Sections of a seed, and the words of a script."""
    assert set(schema["properties"]) == {*vocabulary().sections, *words.SCENARIO}
    assert set(schema["$defs"]["then"]["properties"]) == set(words.THEN)
    assert {reference.split("/")[-1] for reference in references(schema)} <= set(schema["$defs"])


def test_every_shape_has_a_reader() -> None:
    """The words' shapes are read by `values.py`; containers by `read.py`."""
    tables = (words.RULE, words.WHERE, words.THEN, words.REQUEST, words.MESSAGE)
    shapes = {word.shape for table in tables for word in table.values()}
    assert shapes - set(SHAPES) == {"where", "then"}


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.name)
def test_the_shipped_scenarios_name_it(path: Path) -> None:
    """So that an editor completes them."""
    assert path.read_text().startswith("# yaml-language-server: $schema=schema.json\n")
