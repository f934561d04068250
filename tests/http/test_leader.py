"""One thread leads the host; whoever holds it up holds up nobody else."""

from __future__ import annotations

import http.client
import selectors
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from leaks import sockets, threads

from mockidp import gil
from mockidp.http.host import HttpHost
from mockidp.http.tls import CertificateAuthority

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
MANY = 24


@pytest.fixture(autouse=True, params=[selectors.DefaultSelector, selectors.SelectSelector])
def selector(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no other than `select`, which has to be woken to hear of a new socket."""
    if request.param is not selectors.DefaultSelector:
        monkeypatch.setattr("selectors.DefaultSelector", request.param)
        monkeypatch.setattr("mockidp.http.host._NEEDS_BELL", True)


@contextmanager
def served(application: Application) -> Iterator[HttpHost]:
    host = HttpHost(application, "127.0.0.1", 0, CertificateAuthority())
    host.start()
    try:
        yield host
    finally:
        host.stop()


@contextmanager
def connected(
    application: Application, number: int
) -> Iterator[tuple[HttpHost, list[http.client.HTTPConnection]]]:
    """A host that is not started yet, and clients of it."""
    host = HttpHost(application, "127.0.0.1", 0, CertificateAuthority())
    links = [http.client.HTTPConnection(*host.address, timeout=20) for _ in range(number)]
    try:
        yield host, links
    finally:
        for link in links:
            link.close()
        host.stop()
    assert threads(host.address[1]) == []


def get(host: HttpHost, path: str = "/") -> bytes:
    link = http.client.HTTPConnection(*host.address, timeout=20)
    try:
        link.request("GET", path)
        return link.getresponse().read()
    finally:
        link.close()


def test_requests_that_wait_for_each_other_are_all_served() -> None:
    """Each holds up the leader, and another thread leads: in the end all are there."""
    meeting = threading.Barrier(MANY)

    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [])
        return [str(meeting.wait(20)).encode()]

    with served(application) as host, ThreadPoolExecutor(MANY) as pool:
        answers = list(pool.map(lambda _: get(host), range(MANY)))
    assert sorted(map(int, answers)) == list(range(MANY))
    assert threads(host.address[1]) == []


def test_who_was_held_up_goes_on_as_before() -> None:
    """The same connection asks again, by which the next leader serves it."""
    held = threading.Event()

    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [])
        if environ["PATH_INFO"] == "/slow":
            held.wait(20)
        return [environ["PATH_INFO"].encode()]

    with served(application) as host:
        link = http.client.HTTPConnection(*host.address, timeout=20)
        for _ in range(3):
            held.clear()
            link.request("GET", "/slow")
            assert get(host, "/quick") == b"/quick"  # from another one
            held.set()
            assert link.getresponse().read() == b"/slow"
            link.request("GET", "/again")
            assert link.getresponse().read() == b"/again"
        link.close()
    assert threads(host.address[1]) == []


def test_what_fails_beside_the_application_ends_one_connection_only(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An authority that cannot be used is told on stderr; plain HTTP is served as before."""

    class Unusable(CertificateAuthority):
        def server_context(self) -> ssl.SSLContext:
            raise ValueError("unusable CA")

    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [])
        return [b"x"]

    host = HttpHost(application, "127.0.0.1", 0, Unusable())
    host.start()
    try:
        for _ in range(2):
            with socket.create_connection(host.address, timeout=20) as client:
                client.sendall(b"\x16\x03\x01")
                assert client.recv(1) == b""
            assert get(host) == b"x"
    finally:
        host.stop()
    assert capsys.readouterr().err.count("ValueError: unusable CA") == 2


def test_a_client_that_does_not_leave_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last answer is followed by a wait for the client's end: meanwhile another thread leads."""
    monkeypatch.setattr("mockidp.http.connection.PATIENCE", 30)

    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [])
        return [b"x"]

    with served(application) as host, socket.create_connection(host.address, timeout=20) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 200 OK")
        link = http.client.HTTPConnection(*host.address, timeout=10)
        link.request("GET", "/")
        assert link.getresponse().read() == b"x"
        link.close()


@pytest.mark.parametrize("started", [True, False])
def test_nothing_is_left(started: bool) -> None:
    """Neither threads nor sockets, whether anybody came or not, or it was never started."""
    before = sockets()
    host = HttpHost(lambda environ, start: [], "127.0.0.1", 0, CertificateAuthority())
    if started:
        host.start()
    host.stop()
    assert threads(host.address[1]) == []
    assert sockets() <= before


def test_who_computes_without_the_interpreter_lock_lets_others_lead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two signatures at one time: the first lends its term, long before anybody finds it held up."""
    monkeypatch.setattr("mockidp.http.host._HELD_UP", 30)
    monkeypatch.setattr("mockidp.http.host._MOST_LENT", 1)
    meeting = threading.Barrier(2)

    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        with gil.released():
            meeting.wait(20)
        start("200 OK", [])
        return [b"x"]

    with connected(application, 2) as (host, links):
        for link in links:
            link.request("GET", "/")
        host.start()
        assert [link.getresponse().read() for link in links] == [b"x", b"x"]


def test_who_becomes_free_leads_while_another_one_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second may wake nobody, as one computes already: the first finishes, and serves the third."""
    monkeypatch.setattr("mockidp.http.host._HELD_UP", 30)
    monkeypatch.setattr("mockidp.http.host._MOST_LENT", 1)
    computing = {name: threading.Event() for name in ("second", "third")}
    awaited = iter(computing)

    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [])
        if environ["PATH_INFO"] == "/third":
            computing["third"].set()
            return [b"third"]
        until = next(awaited)
        with gil.released():
            if until == "third":
                computing["second"].set()
            assert computing[until].wait(20)
        return [b"x"]

    with connected(application, 3) as (host, links):
        for link in links[:2]:
            link.request("GET", "/")
        host.start()
        assert computing["second"].wait(20)
        links[2].request("GET", "/third")
        assert [link.getresponse().read() for link in reversed(links)] == [b"third", b"x", b"x"]


def test_without_another_thread_the_leader_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine may have no more threads: who would have been let in meanwhile waits for the leader."""
    refused, free = threading.Event(), threading.Event()

    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [])
        if environ["PATH_INFO"] == "/slow":
            assert free.wait(20)
        return [environ["PATH_INFO"].encode()]

    def refuse(thread: threading.Thread) -> None:
        refused.set()
        raise RuntimeError("can't start new thread")

    with served(application) as host:
        link = http.client.HTTPConnection(*host.address, timeout=20)
        with monkeypatch.context() as patched:
            patched.setattr("threading.Thread.start", refuse)
            link.request("GET", "/slow")
            assert refused.wait(20)
        free.set()
        assert link.getresponse().read() == b"/slow"
        assert get(host, "/next") == b"/next"
        link.close()
    assert threads(host.address[1]) == []


def test_clients_that_waited_before_the_start_are_all_served() -> None:
    """They are taken all at once: the last one waits for no second request of the others."""

    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [])
        return [b"x"]

    with connected(application, MANY) as (host, links):
        for link in links:
            link.request("GET", "/")
        host.start()
        assert {link.getresponse().read() for link in links} == {b"x"}
