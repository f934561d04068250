"""Where the host listens."""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from leaks import sockets

from mockidp.http.host import HttpHost
from mockidp.http.tls import CertificateAuthority


def application(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
    start("200 OK", [])
    return [environ["REMOTE_ADDR"].encode()]


def caller(address: str, port: int) -> str:
    """Whom the application takes for its client."""
    link = http.client.HTTPConnection(address, port, timeout=10)
    try:
        link.request("GET", "/")
        return link.getresponse().read().decode()
    finally:
        link.close()


@pytest.fixture
def ipv6() -> Iterator[socket.socket]:
    """A port of ::1 that is taken, and of 127.0.0.1 free."""
    while True:
        with contextlib.closing(socket.socket(socket.AF_INET6)) as other:
            try:
                other.bind(("::1", 0))
            except OSError:
                pytest.skip("no IPv6 here")
            with contextlib.suppress(OSError):
                socket.create_server(("127.0.0.1", other.getsockname()[1])).close()
                yield other
                return


def test_localhost_is_either_address(ipv6: socket.socket) -> None:
    """Who listens on 127.0.0.1 listens on ::1."""
    before = sockets()
    host = HttpHost(application, "127.0.0.1", 0, CertificateAuthority())
    host.start()
    assert [caller(address, host.address[1]) for address in ("127.0.0.1", "::1")] == ["127.0.0.1", "::1"]
    host.stop()
    assert sockets() <= before


def test_somebody_else_may_have_the_port_of_the_other_address(ipv6: socket.socket) -> None:
    """Then 127.0.0.1 is all."""
    port = ipv6.getsockname()[1]
    host = HttpHost(application, "127.0.0.1", port, CertificateAuthority())
    host.start()
    assert caller("127.0.0.1", port) == "127.0.0.1"
    host.stop()
