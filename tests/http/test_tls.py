"""The https side of the port, the certificate authority behind it, and how connections end on both sides."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import stat
import subprocess
import sys
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from leaks import sockets, threads

from mockidp.http.connection import BODY_LIMIT
from mockidp.http.host import HttpHost
from mockidp.http.tls import CertificateAuthority

if TYPE_CHECKING:
    from collections.abc import Iterator

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def scheme(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer the scheme and the size of the body."""
    start_response("200 OK", [])
    return [f"{environ['wsgi.url_scheme']} {len(environ['wsgi.input'].read())}".encode()]


@pytest.fixture
def ca() -> Iterator[CertificateAuthority]:
    ca = CertificateAuthority()
    yield ca
    ca.close()


@pytest.fixture
def host(ca: CertificateAuthority) -> Iterator[HttpHost]:
    host = HttpHost(scheme, "127.0.0.1", 0, ca)
    host.start()
    yield host
    host.stop()


def trusting(ca: CertificateAuthority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca.pem_path)


def connect(host: HttpHost, context: ssl.SSLContext, name: str) -> ssl.SSLSocket:
    raw = socket.create_connection(host.address, timeout=10)
    try:
        return context.wrap_socket(raw, server_hostname=name)
    except OSError:
        raw.close()
        raise


class TestHttps:
    @pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
    def test_requests(self, host: HttpHost, ca: CertificateAuthority, name: str) -> None:
        """`requests` trusts the CA; keep-alive and large bodies work as in plain HTTP."""
        url = f"https://{name}:{host.address[1]}/"
        sizes = [0, 1, 1_000_000]
        with requests.Session() as session:  # verify= each time: REQUESTS_CA_BUNDLE would beat session.verify
            send = partial(session.post, url, verify=str(ca.pem_path), timeout=10)
            answers = [send(data=b"x" * size).text for size in sizes]
        assert answers == [f"https {size}" for size in sizes]

    def test_urllib(self, host: HttpHost, ca: CertificateAuthority) -> None:
        """So does `urllib`, which asks for the connection to be closed."""
        url = f"https://localhost:{host.address[1]}/"
        with urllib.request.urlopen(url, timeout=10, context=trusting(ca)) as answer:
            assert answer.read() == b"https 0"

    def test_both_on_one_port(self, host: HttpHost, ca: CertificateAuthority) -> None:
        """The first byte tells TLS from plain HTTP."""
        address = f"localhost:{host.address[1]}/"
        assert requests.get(f"http://{address}", timeout=10).text == "http 0"
        assert requests.get(f"https://{address}", verify=str(ca.pem_path), timeout=10).text == "https 0"

    @pytest.mark.parametrize("name", ["acme.eu.auth0.com", "LOGIN.acme.example", "b\u00fccher.example"])
    def test_sni(self, host: HttpHost, ca: CertificateAuthority, name: str) -> None:
        """A certificate is issued for the name the client asks for (RFC 6066 section 3)."""
        for _ in range(2):
            with connect(host, trusting(ca), name) as sock:
                sock.sendall(GET)
                assert sock.recv(1000).endswith(b"https 0")

    def test_certificates_are_kept(self, host: HttpHost, ca: CertificateAuthority) -> None:
        """One name has one certificate, however many clients ask at once."""

        def certificate(name: str) -> bytes | None:
            with connect(host, trusting(ca), name) as sock:
                return sock.getpeercert(binary_form=True)

        with ThreadPoolExecutor(8) as pool:
            names = ["a.test", "b.test"] * 8
            certificates = list(pool.map(certificate, names))
        assert len(set(certificates)) == 2
        assert certificates[0] != certificates[1]

    def test_name_that_no_certificate_can_hold(self, host: HttpHost) -> None:
        """Such a client gets the certificate of localhost, for it may not verify at all."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with connect(host, context, "mock_idp") as sock:
            sock.sendall(GET)
            assert sock.recv(1000).endswith(b"https 0")

    def test_versions(self, host: HttpHost, ca: CertificateAuthority) -> None:
        """TLS 1.2 and 1.3 are spoken, both announcing http/1.1 (RFC 7301)."""
        seen = []
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = trusting(ca)
            context.minimum_version = context.maximum_version = version
            context.set_alpn_protocols(["h2", "http/1.1"])
            with connect(host, context, "acme.eu.auth0.com") as sock:
                seen.append((sock.version(), sock.selected_alpn_protocol()))
        assert seen == [("TLSv1.2", "http/1.1"), ("TLSv1.3", "http/1.1")]

    def test_no_tls_1_1(self, ca: CertificateAuthority) -> None:
        """Nothing older (RFC 8996)."""
        assert ca.server_context().minimum_version == ssl.TLSVersion.TLSv1_2

    def test_end_is_announced(self, host: HttpHost, ca: CertificateAuthority) -> None:
        """A closing connection ends with close_notify, or it would look like a cut (RFC 8446 section 6.1)."""
        context = trusting(ca)
        raw = socket.create_connection(host.address, timeout=10)
        with context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False) as sock:
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b""
            while piece := sock.recv(1000):
                answer += piece
        assert answer.endswith(b"https 0")

    def test_failed_handshake_is_silent(self, host: HttpHost, ca: CertificateAuthority, capsys: Any) -> None:
        """A client that does not trust the CA, or talks nonsense, is none of the tests' business."""
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(host, ssl.create_default_context(), "localhost")
        with socket.create_connection(host.address, timeout=10) as sock:
            sock.sendall(b"\x16\x03\x01\x00\x05nonsense")
            while sock.recv(1000):
                pass
        assert requests.get(f"https://localhost:{host.address[1]}", verify=str(ca.pem_path), timeout=10).ok
        host.stop()
        assert capsys.readouterr() == ("", "")

    def test_refusal_reaches_a_client_that_is_still_sending(
        self, host: HttpHost, ca: CertificateAuthority
    ) -> None:
        """As in plain HTTP, the answer is not lost in a reset (RFC 9112 section 9.6)."""
        url = f"https://localhost:{host.address[1]}/"
        answer = requests.post(url, data=b"x" * 2 * BODY_LIMIT, verify=str(ca.pem_path), timeout=10)
        assert answer.status_code == 413


class Chatty:
    """An application that does what the path says; `closed` is set when its stream is closed."""

    def __init__(self) -> None:
        self.host: HttpHost
        self.closed = threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        if path == "/abort":
            environ["mockidp.connection"].abort()
        if path == "/stop":
            self.host.stop()
        start_response("200 OK", [])
        return self.stream(environ) if path in ("/endless", "/half") else [b"body"]

    def stream(self, environ: dict[str, Any]) -> Iterator[bytes]:
        try:
            yield b"x" * 65536
            if environ["PATH_INFO"] == "/half":
                environ["mockidp.connection"].abort()
            while True:
                yield b"x" * 65536
        finally:
            self.closed.set()


@pytest.fixture
def chatty(ca: CertificateAuthority) -> Iterator[Chatty]:
    app = Chatty()
    app.host = HttpHost(app, "127.0.0.1", 0, ca)
    app.host.start()
    yield app
    app.host.stop()


def dial(ca: CertificateAuthority, chatty: Chatty, scheme: str) -> socket.socket:
    if scheme == "https":
        return connect(chatty.host, trusting(ca), "localhost")
    return socket.create_connection(chatty.host.address, timeout=10)


def rest(sock: socket.socket) -> bytes:
    """Read until the host closes, in whatever way."""
    received = b""
    with contextlib.suppress(ConnectionResetError, ssl.SSLError):
        while piece := sock.recv(65536):
            received += piece
    return received


@pytest.mark.parametrize("scheme", ["http", "https"])
class TestEnds:
    def test_abort(self, ca: CertificateAuthority, chatty: Chatty, scheme: str) -> None:
        """After `abort()` nothing more is sent, not even a TLS alert, whatever the application returns."""
        with dial(ca, chatty, scheme) as sock:
            sock.sendall(GET.replace(b"/ ", b"/abort "))
            assert rest(sock) == b""

    def test_abort_in_the_middle(self, ca: CertificateAuthority, chatty: Chatty, scheme: str) -> None:
        """What was sent before `abort()` stays sent; the end of the chunks is missing."""
        with dial(ca, chatty, scheme) as sock:
            sock.sendall(GET.replace(b"/ ", b"/half "))
            assert rest(sock).endswith(b"\r\n\r\n10000\r\n" + b"x" * 65536 + b"\r\n")

    def test_client_leaves(self, ca: CertificateAuthority, chatty: Chatty, scheme: str, capsys: Any) -> None:
        """The stream is closed, so that the application knows, and no traceback is printed."""
        with dial(ca, chatty, scheme) as sock:
            sock.sendall(GET.replace(b"/ ", b"/endless "))
            sock.recv(1)
        assert chatty.closed.wait(10)
        for half in (b"", b"GET", GET[:-2], b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"):
            with dial(ca, chatty, scheme) as sock:
                sock.sendall(half)
        chatty.host.stop()
        assert capsys.readouterr() == ("", "")

    def test_stop(self, ca: CertificateAuthority, chatty: Chatty, scheme: str) -> None:
        """With clients idle, in a head, a handshake or a stream, no thread stays, and each client is told."""
        before = sockets()
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(dial(ca, chatty, scheme)) for _ in range(20)]
            for number, sock in enumerate(clients):
                sock.sendall((b"", GET[:9], GET, GET.replace(b"/ ", b"/endless "))[number % 4])
            clients[3].recv(1)
            clients.append(stack.enter_context(socket.create_connection(chatty.host.address, timeout=10)))
            clients[-1].sendall(b"\x16\x03\x01")
            chatty.host.stop()
            assert threads(chatty.host.address[1]) == []
            for sock in clients:
                rest(sock)  # TimeoutError, were it still open
        assert sockets() <= before
        with pytest.raises(ConnectionRefusedError):
            dial(ca, chatty, scheme)
        chatty.host.stop()

    def test_stop_by_the_application(self, ca: Any, chatty: Chatty, scheme: str, capsys: Any) -> None:
        """An application may stop the host that runs it; its own thread ends by itself."""
        with dial(ca, chatty, scheme) as sock:
            sock.sendall(GET.replace(b"/ ", b"/stop "))
            assert rest(sock) == b""
        chatty.host.stop()
        assert capsys.readouterr() == ("", "")


class TestLifeCycle:
    def test_bind(self, ca: CertificateAuthority) -> None:
        """The constructor binds, or says that it cannot; without start, too, stop gives the port back."""
        host = HttpHost(scheme, "127.0.0.1", 0, ca)
        with pytest.raises(OSError, match="in use"):
            HttpHost(scheme, *host.address, ca)
        host.stop()
        again = HttpHost(scheme, *host.address, ca)
        again.stop()
        assert again.address == host.address

    @pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1"])
    def test_client_before_start(self, ca: CertificateAuthority, address: str) -> None:
        """Who connects between constructor and start is served, on IPv4 and IPv6."""
        try:
            host = HttpHost(scheme, address, 0, ca)
        except OSError:
            assert address == "::1"
            pytest.skip("no IPv6 here")
        with socket.create_connection(host.address, timeout=10) as sock:
            sock.sendall(GET)
            host.start()
            assert sock.recv(1000).endswith(b"http 0")
            host.stop()


class TestCertificateAuthority:
    def test_pem_in_memory(self) -> None:
        """Without a directory the PEM is in a private one until close, and can be had again."""
        ca = CertificateAuthority()
        first = ca.pem_path
        content = first.read_bytes()
        assert (ca.pem_path, stat.S_IMODE(first.parent.stat().st_mode)) == (first, 0o700)
        ca.close()
        ca.close()
        assert not first.parent.exists()
        assert ca.pem_path.read_bytes() == content
        ca.close()

    def test_forgotten_close(self) -> None:
        """A process that does not close leaves no files, and no warning."""
        code = "from mockidp.http.tls import *; print(CertificateAuthority().pem_path)"
        root = Path(__file__).parents[2]
        done = subprocess.run(
            [sys.executable, "-Werror::ResourceWarning", "-c", code], capture_output=True, text=True, cwd=root
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert not Path(done.stdout.strip()).exists()

    def test_nothing_is_made_before_it_is_needed(self) -> None:
        """Plain HTTP pays for no CA, not even for the import."""
        code = (
            "import sys; from mockidp.http.tls import CertificateAuthority; import mockidp.http.host;"
            "CertificateAuthority().close(); print('trustme' in sys.modules)"
        )
        root = Path(__file__).parents[2]
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
        assert (done.stdout, done.stderr) == ("False\n", "")

    def test_directory_is_reused(self, tmp_path: Path) -> None:
        """The next process has the same CA, for trust is given once; only its owner can read the key."""
        directory = tmp_path / "a" / "b"
        first = CertificateAuthority(directory)
        content = first.pem_path.read_bytes()
        first.close()
        second = CertificateAuthority(directory)
        assert second.pem_path == directory / "ca.pem"
        assert second.pem_path.read_bytes() == content
        assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {
            "ca.pem": 0o600,
            "ca-key.pem": 0o600,
        }
        host = HttpHost(scheme, "127.0.0.1", 0, second)
        host.start()
        url = f"https://localhost:{host.address[1]}"
        assert requests.get(url, verify=str(directory / "ca.pem"), timeout=10).ok
        host.stop()

    def test_ca_pem_is_restored(self, tmp_path: Path) -> None:
        """`ca.pem` alone may be deleted."""
        content = CertificateAuthority(tmp_path).pem_path.read_bytes()
        os.unlink(tmp_path / "ca.pem")
        assert CertificateAuthority(tmp_path).pem_path.read_bytes() == content

    def test_many_at_once(self, tmp_path: Path) -> None:
        """Of several that make the CA at once, one wins, and all use it."""
        with ThreadPoolExecutor(8) as pool:
            paths = list(pool.map(lambda _: CertificateAuthority(tmp_path).pem_path.read_bytes(), range(16)))
        assert len(set(paths)) == 1

    @pytest.mark.parametrize(
        ("name", "damage"),
        [
            (name, damage)
            for name in ("ca.pem", "ca-key.pem")
            for damage in ("empty", "garbage", "cut", "other")
        ]
        + [("ca-key.pem", "missing"), ("ca-key.pem", "mixed")],
    )
    def test_damaged(self, tmp_path: Path, name: str, damage: str) -> None:
        """Files that do not belong together, or are none, are named in the message, with what to do."""
        CertificateAuthority(tmp_path).pem_path  # noqa: B018
        CertificateAuthority(tmp_path / "other").pem_path  # noqa: B018
        path = tmp_path / name
        content = path.read_bytes()
        path.unlink()
        if damage != "missing":
            other = (tmp_path / "other" / name).read_bytes()
            mixed = other.partition(b"-----BEGIN CERT")[0] + b"".join(
                content.partition(b"-----BEGIN CERT")[1:]
            )
            made = {"empty": b"", "garbage": b"x", "cut": content[:-99], "other": other, "mixed": mixed}
            path.write_bytes(made[damage])
        broken = CertificateAuthority(tmp_path)
        with pytest.raises(ValueError, match=r"ca-key\.pem: unusable CA .*remove it and .*ca\.pem"):
            broken.pem_path  # noqa: B018
        with pytest.raises(ValueError, match="unusable CA"):
            broken.server_context()
