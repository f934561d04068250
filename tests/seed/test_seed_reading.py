"""Files as data: what YAML and JSON mean here, and where things stand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mockidp.errors import UsageError
from mockidp.seed.load import load_seed
from mockidp.seed.reader import Malformed, Spot, decode, dotted, locate, parse


@pytest.fixture(params=["libyaml", "pure Python"])
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both of PyYAML's parsers; an installation may lack the C one."""
    if request.param == "pure Python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)


def refuse(line: int, column: int, message: str) -> None:
    raise AssertionError(f"{line}:{column}: {message}")


def read(text: str, *, is_json: bool = False) -> Any:
    return parse(text, is_json=is_json, report=refuse)


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("n", "n"),
        ("null", None),
        ("~", None),
        ("''", ""),
        ("123456", 123456),
        ("'123456'", "123456"),
        ("-5", -5),
        ("012345", "012345"),
        ("+4915112345678", "+4915112345678"),
        ("0x1f", "0x1f"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("3.5", 3.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1e999", "1e999"),
        (".inf", ".inf"),
        ("1.2.3", "1.2.3"),
        ("", None),
        ("9" * 120, "9" * 120),
        ("2030-01-01", "2030-01-01"),
        ("2030-01-01T00:00:00Z", "2030-01-01T00:00:00Z"),
        ("!!str 12", "12"),
        ("!!int '12'", 12),
        ("!!timestamp 2030-01-01", "2030-01-01"),
        ("Zoë 🙂", "Zoë 🙂"),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(text: str, value: Any) -> None:
    """Only true and false are booleans, times stay text, codes with leading zeros keep them."""
    found = read(f"key: {text}\n")["key"]
    assert (value, type(value)) == (found, type(found))


@pytest.mark.usefixtures("loader")
def test_keys_are_always_text() -> None:
    """`on:`, `yes:`, `1:` and `null:` as keys mean themselves."""
    assert read("on: 1\nyes: 2\n1: 3\nnull: 4\ntrue: 5\n") == {
        "on": 1,
        "yes": 2,
        "1": 3,
        "null": 4,
        "true": 5,
    }


@pytest.mark.usefixtures("loader")
def test_anchors_aliases_and_merge_keys_work() -> None:
    """Repetition can be written once; what is written beside `<<` wins, and the first of several."""
    text = """
base: &base {type: spa, secret: no}
other: &other {type: native, extra: 1}
one: {<<: *base, secret: yes}
two: {<<: [*base, *other]}
list: [&x 1, *x]
"""
    data = read(text)
    assert data["one"] == {"type": "spa", "secret": "yes"}
    assert data["two"] == {"type": "spa", "secret": "no", "extra": 1}
    assert data["list"] == [1, 1]


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("a: 1\nb: *x\n", (2, 4), "unknown alias '*x'"),
        ("a: &a [*a]\n", (1, 8), "unknown alias '*a'"),
        ("a: 1\n---\nb: 2\n", (2, 1), "a second YAML document; a seed is one"),
        ("? [a]\n: 1\n", (1, 3), "a key must be a plain text"),
        ("a: {<<: 1}\n", (1, 5), "'<<' merges mappings only"),
        (
            "a: !!python/object/new:os.system [x]\n",
            (1, 4),
            "unsupported YAML tag '!!python/object/new:os.system'",
        ),
        ("a: !env NAME\n", (1, 4), "unsupported YAML tag '!env'"),
        ("a: !!binary aGk=\n", (1, 4), "unsupported YAML tag '!!binary'"),
        ("a: !!set {x, y}\n", (1, 4), "unsupported YAML tag '!!set'"),
        ("a:\n\tb: 1\n", (2, 1), "not valid YAML: a tab cannot indent; use spaces"),
        ("a: 1\nb: \x07\n", (2, 4), "a seed cannot contain the control character U+0007"),
        ("[" * 5000, (1, 1), "nested too deeply"),
    ],
)
def test_what_cannot_be_read_has_a_place(text: str, where: tuple[int, int], message: str) -> None:
    """Malformed YAML names line and column, whichever parser finds it."""
    with pytest.raises(Malformed) as caught:
        read(text)
    assert (*where, message) == (caught.value.line, caught.value.column, caught.value.message)


@pytest.mark.usefixtures("loader")
def test_the_parsers_own_complaint_is_one_line() -> None:
    """A syntax error keeps the parser's words, and its line."""
    with pytest.raises(
        Malformed, match=r"^not valid YAML: .*expected .*while parsing a flow sequence$"
    ) as caught:
        read("a: 1\nb: [1, 2\nc: 3\n")
    assert (caught.value.line, "\n" in caught.value.message) == (3, False)


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ('{"a": 1,}', (1, 8), "not valid JSON: "),
        ('{\n  "a": tru\n}', (2, 8), "not valid JSON: Expecting value"),
        ('{\n "a": NaN}', (2, 7), "not valid JSON: NaN is no JSON number"),
        ('{"a": 1} x', (1, 10), "not valid JSON: Extra data"),
        (f'{{"a": {"1" * 5000}}}', (1, 1), "not valid JSON: a number has too many digits"),
    ],
)
def test_malformed_json_has_a_place(text: str, where: tuple[int, int], message: str) -> None:
    """JSON is JSON: what YAML would let pass is refused, with its place."""
    with pytest.raises(Malformed) as caught:
        read(text, is_json=True)
    assert where[0] == caught.value.line
    assert caught.value.message.startswith(message)
    assert abs(caught.value.column - where[1]) <= 1  # Python 3.13 points at the comma


@pytest.mark.usefixtures("loader")
def test_duplicate_keys_are_reported_and_reading_goes_on() -> None:
    """Every duplicate key is found, in YAML and in JSON, at every depth; the last one counts."""
    found: list[tuple[int, int, str]] = []
    yaml_text = "a: 1\nb: {c: 1, c: 2}\na: 3\n"
    assert parse(yaml_text, is_json=False, report=lambda *x: found.append(x)) == {"a": 3, "b": {"c": 2}}
    json_text = '{"a": 1,\n "l": [{"k": "a", "k": 2}],\n "b": {"c": 1, "\\u0063": 2}, "a": 3}'
    data = parse(json_text, is_json=True, report=lambda *x: found.append(x))
    assert data == {"a": 3, "l": [{"k": 2}], "b": {"c": 2}}
    assert found == [
        (2, 11, "duplicate key 'c'"),
        (3, 1, "duplicate key 'a'"),
        (2, 19, "duplicate key 'k'"),
        (3, 16, "duplicate key 'c'"),
        (3, 30, "duplicate key 'a'"),
    ]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", "a: 1\nb: 2\n"),
        ("a: ü\n".encode("utf-16"), "a: ü\n"),
    ],
)
def test_byte_order_marks_and_windows_line_ends_are_understood(data: bytes, text: str) -> None:
    """Files that Windows wrote read like any other."""
    assert text == decode(data)


def test_text_in_another_encoding_is_refused_with_its_place() -> None:
    """Latin-1 is not guessed."""
    with pytest.raises(Malformed) as caught:
        decode("a: 1\nb: ü\n".encode("latin-1"))
    assert (caught.value.line, caught.value.column, caught.value.message) == (2, 4, "not UTF-8 text")


YAML_TEXT = """\
clients:
  - name: Web
    callbacks: [a, b]
  - &spa
    name: SPA
    "quoted": {x: 1}
copies: [*spa]
"""
JSON_TEXT = """\
{
\t"clients": [
    {"name": "Web", "callbacks": ["a", "b{,}"], "ü": 1},
    {"na\\u006de": "SPA"}
  ]
}
"""


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("text", "spot", "where"),
    [
        (YAML_TEXT, Spot(()), (1, 1)),
        (YAML_TEXT, Spot(("clients",), True), (1, 1)),
        (YAML_TEXT, Spot(("clients",)), (2, 3)),
        (YAML_TEXT, Spot(("clients", 0)), (2, 5)),
        (YAML_TEXT, Spot(("clients", 0, "callbacks"), True), (3, 5)),
        (YAML_TEXT, Spot(("clients", 0, "callbacks")), (3, 16)),
        (YAML_TEXT, Spot(("clients", 0, "callbacks", 1)), (3, 20)),
        (YAML_TEXT, Spot(("clients", 1, "quoted", "x")), (6, 19)),
        (YAML_TEXT, Spot(("copies", 0, "name")), (7, 10)),  # in an alias: the alias
        (YAML_TEXT, Spot(("clients", 7, "name")), (2, 3)),  # not there: what is around it
        (YAML_TEXT, Spot(("nowhere",)), (1, 1)),
        (JSON_TEXT, Spot(()), (1, 1)),
        (JSON_TEXT, Spot(("clients",), True), (2, 2)),
        (JSON_TEXT, Spot(("clients", 0, "callbacks", 1)), (3, 40)),
        (JSON_TEXT, Spot(("clients", 0, "ü"), True), (3, 49)),
        (JSON_TEXT, Spot(("clients", 1, "name")), (4, 19)),
        (JSON_TEXT, Spot(("clients", 2)), (2, 13)),
        ("", Spot(("x",)), (1, 1)),
    ],
)
def test_a_spot_is_located(text: str, spot: Spot, where: tuple[int, int]) -> None:
    """Keys and values are found; what is not there is placed at the nearest thing around it."""
    assert {spot: where} == locate(text, [spot], is_json=text == JSON_TEXT)


NAMES = st.text("abcdefgh_|:#&*!- ", min_size=1, max_size=6)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-9999, 9999) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


def spots_in(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[Spot, Any]]:
    children = (
        enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    )
    result: list[tuple[Spot, Any]] = [(Spot(path), value)]
    for step, item in children:
        if isinstance(value, dict):
            result.append((Spot((*path, step), True), step))
        result += spots_in(item, (*path, step))
    return result


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, DATA, max_size=4), st.sampled_from([None, 1]))
def test_any_document_reads_back_and_every_spot_is_where_it_is(data: Any, indent: int | None) -> None:
    """JSON text reads the same as JSON and as YAML, and each located spot starts with what it holds."""
    text = json.dumps(data, indent=indent)
    assert data == read(text, is_json=True) == read(text)
    lines = text.split("\n")
    wanted = spots_in(data)
    for is_json in (True, False):
        places = locate(text, [spot for spot, _ in wanted], is_json=is_json)
        for spot, value in wanted:
            line, column = places[spot]
            start = json.dumps(value, indent=indent).split("\n")[0]
            assert lines[line - 1][column - 1 :].startswith(start)


def test_a_path_is_written_as_people_write_it() -> None:
    """`clients[0].callbacks[1]`."""
    assert dotted(("clients", 0, "callbacks", 1)) == "clients[0].callbacks[1]"


def test_json_and_yaml_files_give_the_same_seed(tmp_path: Path) -> None:
    """The extension says how to read a file; the vocabulary is the same."""
    seed = {"clients": [{"name": "Web", "callbacks": ["http://localhost:3000/"]}]}
    (tmp_path / "seed.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(seed, indent="\t").encode())
    (tmp_path / "seed.yml").write_text(yaml.safe_dump(seed))
    documents = [load_seed([tmp_path / name]).document for name in ("seed.json", "seed.yml")]
    assert documents[0] == documents[1] == load_seed([seed]).document


def test_an_inline_seed_is_copied_into_plain_data() -> None:
    """Tuples become lists, times ISO text; the caller's objects are not shared."""
    from datetime import UTC, date, datetime

    callbacks = ("http://localhost/",)
    metadata = {"since": date(2030, 1, 2), 7: [1.5, None]}
    users = [
        {"email": "a@example.com", "user_metadata": metadata, "last_login": datetime(2030, 1, 1, tzinfo=UTC)}
    ]
    document = load_seed([{"clients": [{"name": "Web", "callbacks": callbacks}], "users": users}]).document
    assert document["clients"][0]["callbacks"] == ["http://localhost/"]
    assert document["users"][0]["user_metadata"] == {"since": "2030-01-02", "7": [1.5, None]}
    assert document["users"][0]["last_login"] == "2030-01-01T00:00:00+00:00"
    metadata["since"] = "changed"  # type: ignore[assignment]
    assert document["users"][0]["user_metadata"]["since"] == "2030-01-02"


def test_an_inline_seed_can_only_hold_data() -> None:
    """What JSON cannot say is refused by its path."""
    with pytest.raises(UsageError) as caught:
        load_seed([{"clients": [{"name": "Web", "client_metadata": {"x": object()}}]}])
    assert str(caught.value) == "inline seed, clients[0].client_metadata.x: a seed cannot hold a object"
