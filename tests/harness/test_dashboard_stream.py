"""`GET /_mockidp/requests/stream`: the recorded requests as server-sent events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
import requests
from leaks import threads

from mockidp.server import MockIdp


def events(idp: MockIdp, query: str = "", **headers: str) -> Iterator[dict[str, str]]:
    """Yield the events of the stream, each as its fields; the first is there once we are connected."""
    url = f"{idp.url}/_mockidp/requests/stream{query}"
    with requests.get(url, headers=headers, stream=True, timeout=5) as response:
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        fields: dict[str, str] = {}
        for line in response.iter_lines(chunk_size=1, decode_unicode=True):
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                yield fields
                fields = {}


def test_requests_are_streamed_as_they_come(idp: MockIdp) -> None:
    """From now on, decoded as `GET requests` has them, each with its number."""
    requests.get(f"{idp.url}/userinfo", timeout=5)
    stream = events(idp)
    assert "retry" in next(stream)
    requests.get(f"{idp.url}/.well-known/jwks.json", timeout=5)
    event = next(stream)
    assert event["id"] == "2"
    assert (
        json.loads(event["data"]) == requests.get(f"{idp.url}/_mockidp/requests?after=1", timeout=5).json()[0]
    )
    idp.reset()
    assert next(stream)["event"] == "reset"
    requests.get(f"{idp.url}/userinfo", timeout=5)
    assert next(stream)["id"] == "1"


@pytest.mark.parametrize(("query", "headers"), [("?after=1", {}), ("", {"Last-Event-ID": "1"})])
def test_a_stream_goes_on_where_it_was(idp: MockIdp, query: str, headers: dict[str, str]) -> None:
    """A browser that lost its connection says what it had."""
    for _ in range(3):
        requests.get(f"{idp.url}/userinfo", timeout=5)
    stream = events(idp, query, **headers)
    next(stream)
    assert [next(stream)["id"], next(stream)["id"]] == ["2", "3"]


def test_a_stream_from_before_a_reset_begins_anew(idp: MockIdp) -> None:
    """What has a lower number than the client knows is new."""
    requests.get(f"{idp.url}/userinfo", timeout=5)
    stream = events(idp, "?after=50")
    next(stream)
    assert next(stream)["event"] == "reset"
    assert next(stream)["id"] == "1"


def test_after_is_a_number(idp: MockIdp) -> None:
    """400, as the control API refuses: who asks is a program."""
    answer = requests.get(f"{idp.url}/_mockidp/requests/stream?after=x", timeout=5)
    assert answer.status_code == 400
    message = "after is the number of a request, not 'x'"
    assert answer.json() == {"error": "usage_error", "message": message}


def test_an_open_stream_does_not_hold_up_the_end() -> None:
    """The server stops while somebody listens."""
    with MockIdp() as idp:
        stream = events(idp)
        next(stream)
        port = urlsplit(idp.url).port or 0
        idp.stop()
        assert threads(port) == []
        with suppress(requests.RequestException):
            assert list(stream) == []
