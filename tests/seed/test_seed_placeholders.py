"""`##NAME##` and `@@NAME@@` are filled from the environment, as auth0-deploy-cli fills them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mockidp.errors import UsageError
from mockidp.seed.load import load_seed

ENVIRON = {
    "ENV": "dev",
    "URLS": '["http://a", "http://b"]',
    "MORE": '"http://c", "http://d"',
    "QUOTED": 'say "hi", it\'s\n  fine: yes # really',
    "FLAG": "true",
    "SECONDS": "60",
    "ZERO": "007",
    "OBJECT": '{"a": [1]}',
    "ODD": "[not: closed",
    "EMPTY": "",
    "password": "",
}
del ENVIRON["password"]


def client(
    tmp_path: Path, text: str, environ: dict[str, str] | None = None, name: str = "t.yaml"
) -> dict[str, Any]:
    """Return the first client of a seed."""
    (tmp_path / name).write_text(text)
    found: dict[str, Any] = load_seed([tmp_path / name], ENVIRON if environ is None else environ).document[
        "clients"
    ][0]
    return found


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("https://##ENV##.example.com", "https://dev.example.com"),
        ("'##ENV##-##SECONDS##'", "dev-60"),
        ('"##QUOTED##"', ENVIRON["QUOTED"]),
        ("##QUOTED##", ENVIRON["QUOTED"]),
        ("'##SECONDS##'", "60"),
        ("##ENV##", "dev"),
        ("Demo ##ENV##", "Demo dev"),
        ("##ZERO##", "007"),
        ("##ODD##", "[not: closed"),
        ("'##EMPTY##'", ""),
        ("'@@ENV@@'", "dev"),
        ("@@ENV@@", "dev"),
        ("see @@URLS@@", 'see ["http://a", "http://b"]'),
        ("name @@ENV@@", 'name "dev"'),
        ("'@@password@@'", "@@password@@"),
        ("@@password@@", "@@password@@"),
        ("'## not one ##'", "## not one ##"),
        ("'#ENV#'", "#ENV#"),
        ("|\n      ##ENV##\n      x", "dev\nx\n"),
        ("text ## a comment", "text"),
        ("text # about ##NOTSET##", "text"),
    ],
)
def test_a_string_is_filled(tmp_path: Path, written: str, value: str) -> None:
    """In every style of YAML scalar; a value that looks like YAML cannot break the file."""
    assert value == client(tmp_path, f"clients:\n  - name: A\n    description: {written}\n")["description"]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("'@@URLS@@'", ["http://a", "http://b"]),
        ('"@@URLS@@"', ["http://a", "http://b"]),
        ("@@URLS@@", ["http://a", "http://b"]),
        ("##URLS##", ["http://a", "http://b"]),
        ("[x, ##MORE##, y]", ["x", "http://c", "http://d", "y"]),
        ("[##MORE##]", ["http://c", "http://d"]),
        ("[\n      x,\n      ##MORE##\n    ]", ["x", "http://c", "http://d"]),
        ("['##ENV##', ##ENV##]", ["dev", "dev"]),
    ],
)
def test_a_list_is_filled(tmp_path: Path, written: str, value: list[str]) -> None:
    """A JSON value takes the place of its placeholder, quoted or not; several values join a list."""
    text = f"clients:\n  - name: A\n    callbacks: {written}\n    app_type: spa\n"
    assert value == client(tmp_path, text)["callbacks"]


def test_an_unquoted_placeholder_has_the_type_that_it_is_written_with(tmp_path: Path) -> None:
    """`##FLAG##` without quotes is what the file would be with the value in its place."""
    text = """
clients:
  - name: A
    is_first_party: ##FLAG##
    jwt_configuration: {lifetime_in_seconds: ##SECONDS##, scopes: @@OBJECT@@}
    client_metadata: {##ENV##: "##ENV##"}
"""
    found = client(tmp_path, text)
    assert found["is_first_party"] is True
    assert found["jwt_configuration"] == {"lifetime_in_seconds": 60, "scopes": {"a": [1]}}


def test_keys_are_filled(tmp_path: Path) -> None:
    """A placeholder may be part of a key."""
    assert client(tmp_path, "clients:\n  - {name: A, client_metadata: {in-##ENV##: x}}\n")[
        "client_metadata"
    ] == {"in-dev": "x"}


def test_a_json_file_may_hold_them_with_and_without_quotes(tmp_path: Path) -> None:
    """As deploy-cli's own directories do."""
    text = """{"clients": [
  {"name": "##ENV## \\"app\\"", "callbacks": @@URLS@@, "web_origins": "@@URLS@@", "is_first_party": ##FLAG##,
   "allowed_origins": ["x", ##MORE##]}
]}"""
    assert client(tmp_path, text, name="t.json") == {
        "name": 'dev "app"',
        "callbacks": ["http://a", "http://b"],
        "web_origins": ["http://a", "http://b"],
        "is_first_party": True,
        "allowed_origins": ["x", "http://c", "http://d"],
    }


def test_an_inline_seed_is_filled_too() -> None:
    """Data are no exception."""
    document = load_seed([{"clients": [{"name": "##ENV##", "callbacks": "@@URLS@@"}]}], ENVIRON).document
    assert document["clients"] == [{"name": "dev", "callbacks": ["http://a", "http://b"]}]


def test_the_process_environment_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `environ`, the variables of the process count."""
    monkeypatch.setenv("MOCKIDP_TEST_NAME", "Web")
    (tmp_path / "t.yaml").write_text("clients: [{name: '##MOCKIDP_TEST_NAME##'}]\n")
    assert load_seed([tmp_path / "t.yaml"]).document["clients"] == [{"name": "Web"}]


def test_deploy_clis_own_mapping_counts_after_the_environment(tmp_path: Path) -> None:
    """AUTH0_KEYWORD_REPLACE_MAPPINGS, as deploy-cli reads it; the environment wins there too."""
    mapping = {"ENV": "mapped", "NAME": "Web", "URLS": ["http://m"], "COUNT": 3, "TEXT": "[1]"}
    environ = {"AUTH0_KEYWORD_REPLACE_MAPPINGS": json.dumps(mapping), "ENV": "dev"}
    text = (
        "clients:\n  - {name: '##NAME##-##ENV##-##COUNT##', callbacks: '@@URLS@@', description: '@@TEXT@@'}\n"
    )
    assert client(tmp_path, text, environ) == {
        "name": "Web-dev-3",
        "callbacks": ["http://m"],
        "description": "[1]",
    }
    for broken in ("{", "[]"):
        with pytest.raises(UsageError) as caught:
            client(tmp_path, text, {"AUTH0_KEYWORD_REPLACE_MAPPINGS": broken})
        message = "the environment variable AUTH0_KEYWORD_REPLACE_MAPPINGS must hold a JSON object"
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("written", "column", "name"),
    [
        ("'##NOPE##'", 18, "NOPE"),
        ("x ##NOPE## y", 18, "NOPE"),
        ("##NOPE##", 18, "NOPE"),
        ("@@NOPE@@", 18, "NOPE"),
        ("##nope##", 18, "nope"),
        ("{##NOPE##: 1}", 18, "NOPE"),
    ],
)
def test_a_missing_variable_is_an_error(tmp_path: Path, written: str, column: int, name: str) -> None:
    """Its place is that of the string which holds it."""
    with pytest.raises(UsageError) as caught:
        client(tmp_path, f"clients: [{{name: {written}, x: 1}}]\n")
    message = f"the environment variable '{name}' is not set"
    assert str(caught.value) == f"{tmp_path / 't.yaml'}:1:{column}: {message}"


def test_comments_are_not_placeholders(tmp_path: Path) -> None:
    """A heading in a comment needs no variable."""
    text = "##CLIENTS##\nclients: # ##NOTE##\n  ##WEB##\n  - name: A # ##TODO##\n"
    assert client(tmp_path, text) == {"name": "A"}


def test_what_follows_a_placeholder_keeps_its_place(tmp_path: Path) -> None:
    """Filling does not move anything: positions are those of the file."""
    with pytest.raises(UsageError) as caught:
        client(tmp_path, "clients: [{name: ##ENV##, callbacks: @@URLS@@, calbacks: []}]\n")
    message = "unknown key 'calbacks' in client 'dev'; did you mean 'callbacks'?"
    assert str(caught.value) == f"{tmp_path / 't.yaml'}:1:48: {message}"
