"""`idp.impersonate` ends: everything is as before, after an exception, in nested blocks, in threads."""

from __future__ import annotations

import json
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from impersonate_world import DOMAIN, PATH, PLACES, URL, Outside, httpx_, issuer, patched, requests_, urllib_

from mockidp import MockIdp


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch) -> Outside:
    """Watch what is asked of the real resolver."""
    resolver = Outside(socket.getaddrinfo)
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    return resolver


# -- outside ---------------------------------------------------------------------------------------------


def test_everything_is_back_after_an_exception(idp: MockIdp) -> None:
    """Not one of the replaced functions stays."""
    inside = []

    def fail() -> None:
        with idp.impersonate(DOMAIN):
            inside.extend(patched())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert inside == [name for _, name in PLACES]
    assert patched() == ["getaddrinfo"]  # by `outside`


def test_the_real_resolver_is_back(idp: MockIdp, outside: Outside) -> None:
    """Also for a session that has a connection open: it ends with the block."""
    with requests.Session() as session:
        with idp.impersonate(DOMAIN):
            for _ in range(2):
                assert issuer(session=session) == f"https://{DOMAIN}/"
        assert outside.asked.count(DOMAIN) == 0
        with pytest.raises(requests.ConnectionError, match="not in this test"):
            session.get(URL, timeout=10)
    assert outside.asked.count(DOMAIN) == 1


def test_connections_of_other_names_stay_open(idp: MockIdp) -> None:
    """Only what was led here ends with the block."""
    with closing(HTTPConnection(urlsplit(idp.url).netloc, timeout=10)) as connection:
        with idp.impersonate(DOMAIN):
            connection.request("GET", PATH)
            connection.getresponse().read()
            sock = connection.sock
        connection.request("GET", PATH)
        assert connection.getresponse().status == 200
        assert connection.sock is sock


# -- blocks in blocks, beside each other, in threads -----------------------------------------------------


def test_blocks_may_be_nested(idp: MockIdp) -> None:
    """Of the same name the inner one counts, and then the outer one again."""
    with MockIdp({"tenant": {"friendly_name": "Other"}}) as other, idp.impersonate(DOMAIN):
        with other.impersonate(DOMAIN, "login.acme.example"):
            issuer()
            other.requests.assert_called(f"GET {PATH}", times=1)
            with idp.impersonate("login.acme.example"):
                issuer(f"https://login.acme.example{PATH}")
                idp.requests.assert_called(f"GET {PATH}", times=1)
        issuer()
        idp.requests.assert_called(f"GET {PATH}", times=2)
        other.requests.assert_called(f"GET {PATH}", times=1)


def test_blocks_may_overlap(idp: MockIdp) -> None:
    """The first to begin may be the first to end; the second is not disturbed."""
    before = patched()
    first, second = idp.impersonate("first.example"), idp.impersonate("second.example")
    with ExitStack() as outer:
        with ExitStack() as inner:
            inner.enter_context(first)
            outer.enter_context(second)
            assert issuer(f"https://first.example{PATH}") == "https://first.example/"
        assert issuer(f"https://second.example{PATH}") == idp.issuer == "https://second.example/"
        with pytest.raises(requests.ConnectionError):
            issuer(f"https://first.example{PATH}")
    assert patched() == before


def test_threads(idp: MockIdp) -> None:
    """A block holds for every thread; blocks of many threads at once leave nothing behind."""
    before = patched()
    with idp.impersonate(DOMAIN), ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: issuer(), range(8))) == {f"https://{DOMAIN}/"}

    together = threading.Barrier(8)

    def own_block(number: int) -> Any:
        name = f"tenant{number}.example"
        together.wait(10)
        with idp.impersonate(name):
            return issuer(f"https://{name}{PATH}")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(own_block, range(8))) == [f"https://tenant{n}.example/" for n in range(8)]
    assert patched() == before
    assert idp.issuer == f"{idp.url}/"


def test_a_patch_by_somebody_else_is_left_alone(
    idp: MockIdp, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who replaces a function inside, and keeps it, keeps it; blocks that follow work on top of it."""
    with pytest.MonkeyPatch.context() as theirs:
        with idp.impersonate(DOMAIN):
            ours = socket.getaddrinfo
            theirs.setattr(socket, "getaddrinfo", lambda *args, **kwargs: ours(*args, **kwargs))
            kept = socket.getaddrinfo
            assert issuer() == f"https://{DOMAIN}/"
        assert socket.getaddrinfo is kept
        with pytest.raises(requests.ConnectionError, match="not in this test"):
            issuer()
        with idp.impersonate("login.acme.example"):
            assert issuer(f"https://login.acme.example{PATH}") == "https://login.acme.example/"
        assert socket.getaddrinfo is kept


def test_the_server_may_stop_inside() -> None:
    """The block ends as if nothing were."""
    before = patched()
    idp = MockIdp().start()
    with idp.impersonate(DOMAIN):
        idp.stop()
        with pytest.raises(requests.ConnectionError):
            issuer()
    assert patched() == before


# -- proxies of the environment --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, {}),
        ({"no_proxy": "a.example"}, {"no_proxy": "a.example"}),
        ({"HTTPS_PROXY": "http://127.0.0.1:1"}, {"no_proxy": DOMAIN}),
        ({"https_proxy": "http://127.0.0.1:1", "no_proxy": "a.example"}, {"no_proxy": f"a.example,{DOMAIN}"}),
        ({"ALL_PROXY": "http://127.0.0.1:1", "NO_PROXY": "a.example"}, {"no_proxy": f"a.example,{DOMAIN}"}),
    ],
)
def test_a_proxy_is_bypassed(
    idp: MockIdp, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], expected: dict[str, str]
) -> None:
    """It would resolve the name by itself: inside the variables except it, afterwards they are as before."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    with idp.impersonate(DOMAIN):
        assert dict(os.environ) == before | expected
        with idp.impersonate("login.acme.example"):
            for client in (requests_, httpx_, urllib_):
                assert json.loads(client()(URL))["issuer"] == f"https://{DOMAIN}/"
        assert dict(os.environ) == before | expected
    assert dict(os.environ) == before
