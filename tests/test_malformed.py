"""Bad input of every kind, at every endpoint: never a 5xx, always the answer that is documented."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from malformed_rows import CALLBACK, ROWS, Row
from werkzeug.test import Client as Browser
from werkzeug.test import TestResponse


def name_of(row: Row) -> str:
    return f"{row[0]} {row[1][:70]} {row[3]}".encode("ascii", "replace").decode()


def send(app: Browser, row: Row) -> TestResponse:
    method, path, options, _, _ = row
    return app.open(path, method=method, base_url="http://localhost:4100", **options)


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_bad_input_gets_the_documented_answer(idp: Any, row: Row) -> None:
    """The status and body are those documented, and nothing broke inside."""
    response = send(Browser(idp.app), row)
    assert response.status_code == row[3], response.text[:400]
    expected = row[4]
    if isinstance(expected, str):
        assert expected in response.text
    elif response.status_code == 302:
        assert response.location.startswith(CALLBACK)
        parts = urlsplit(response.location)
        assert {**expected, "state": "s"}.items() <= dict(parse_qsl(parts.query or parts.fragment)).items()
    else:
        assert expected.items() <= response.json.items()


def test_there_are_enough_rows() -> None:
    """The table is as long as it says, and no row stands in it twice."""
    assert len(ROWS) >= 200
    assert len({repr(row) for row in ROWS}) == len(ROWS)
