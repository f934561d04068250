"""CONNECT: `HTTPS_PROXY` leads other processes to the names that are served here, and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from leaks import threads

from mockidp import MockIdp

DOMAIN = "acme.eu.auth0.com"
PATH = "/.well-known/openid-configuration"
URL = f"https://{DOMAIN}{PATH}"
GET = f"GET {PATH} HTTP/1.1\r\nHost: {DOMAIN}\r\n\r\n".encode()
CONNECT = f"CONNECT {DOMAIN}:443 HTTP/1.1\r\nHost: {DOMAIN}:443\r\n\r\n".encode()
GRANTED = b"HTTP/1.1 200 Connection Established\r\n\r\n"
needs_curl = pytest.mark.skipif(  # in CI it runs, and fails
    shutil.which("curl") is None and os.environ.get("CI") != "true", reason="curl is not on this machine"
)


@pytest.fixture(scope="module")
def idp() -> Iterator[MockIdp]:
    """A tenant under a real tenant's domain."""
    with MockIdp(allow_hosts=[DOMAIN]) as running:
        yield running


@pytest.fixture
def through(idp: MockIdp, monkeypatch: pytest.MonkeyPatch) -> MockIdp:
    """The tenant, in an environment that names it as the proxy and its authority as trusted."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HTTPS_PROXY", idp.url)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, idp.ca_path)
    return idp


# -- clients ---------------------------------------------------------------------------------------------


def by_requests(url: str) -> bytes:
    return requests.get(url, timeout=10).content


def by_httpx(url: str) -> bytes:
    httpx = pytest.importorskip("httpx")
    return bytes(httpx.get(url).content)


def by_httpx_async(url: str) -> bytes:
    httpx = pytest.importorskip("httpx")

    async def get() -> bytes:
        async with httpx.AsyncClient() as client:
            return bytes((await client.get(url)).content)

    return asyncio.run(get())


def by_aiohttp(url: str) -> bytes:
    aiohttp = pytest.importorskip("aiohttp")

    async def get() -> bytes:
        # Its default context was made at import, before SSL_CERT_FILE was set.
        connector = aiohttp.TCPConnector(ssl=ssl.create_default_context())
        session = aiohttp.ClientSession(connector=connector, trust_env=True)
        async with session, session.get(url) as answer:
            return bytes(await answer.read())

    return asyncio.run(get())


def by_urllib(url: str) -> bytes:
    with urllib.request.build_opener().open(url, timeout=10) as answer:
        return bytes(answer.read())


def by_http_client(url: str) -> bytes:
    proxy = os.environ["HTTPS_PROXY"].removeprefix("http://")
    connection = HTTPSConnection(proxy, timeout=10)
    connection.set_tunnel(DOMAIN if DOMAIN in url else "foreign.example")
    with contextlib.closing(connection):
        connection.request("GET", PATH)
        return connection.getresponse().read()


def by_curl(url: str) -> bytes:
    done = subprocess.run(["curl", "-sS", url], capture_output=True, timeout=30, check=False)
    if done.returncode:
        raise OSError(done.stderr.decode())
    return done.stdout


CLIENTS = [by_requests, by_httpx, by_httpx_async, by_aiohttp, by_urllib, by_http_client]
each_client = pytest.mark.parametrize("client", [*CLIENTS, pytest.param(by_curl, marks=needs_curl)])


@each_client
def test_a_client_reaches_the_domain(through: MockIdp, client: Callable[[str], bytes]) -> None:
    """Its TLS goes through the tunnel: the certificate and the issuer are the domain's."""
    assert json.loads(client(URL))["issuer"] == f"https://{DOMAIN}/"


@each_client
def test_a_client_is_told_what_is_not_served(through: MockIdp, client: Callable[[str], bytes]) -> None:
    """403; the reason is in the status line, where most clients show it."""
    reason = "" if client is by_curl else ".*'foreign.example:443' is not served here"
    with pytest.raises(Exception, match=f"403{reason}"):  # each client has a type of its own
        client(f"https://foreign.example{PATH}")


@needs_curl
def test_plain_http_goes_through_the_proxy_too(through: MockIdp, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the absolute form, and with `-p` by a tunnel."""
    monkeypatch.setenv("http_proxy", through.url)
    url = f"http://{DOMAIN}{PATH}"
    for options in ([], ["-p"]):
        done = subprocess.run(["curl", "-sS", *options, url], capture_output=True, timeout=30, check=True)
        assert json.loads(done.stdout)["issuer"] == f"http://{DOMAIN}/"


def test_the_names_of_a_block_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside `impersonate` the proxy is a way for what it cannot cover."""
    with MockIdp() as idp:
        proxies = {"https": idp.url}
        with requests.Session() as session, idp.impersonate(DOMAIN):
            session.trust_env = False
            answer = session.get(URL, proxies=proxies, verify=idp.ca_path, timeout=10)
            assert answer.json()["issuer"] == f"https://{DOMAIN}/"
        with pytest.raises(requests.exceptions.ProxyError, match="is not served here"):
            requests.get(URL, proxies=proxies, verify=idp.ca_path, timeout=10)


# -- on the wire -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def dialled(idp: MockIdp) -> Iterator[socket.socket]:
    """Connect to the server."""
    with socket.create_connection(("127.0.0.1", port_of(idp)), timeout=10) as sock:
        yield sock


def port_of(idp: MockIdp) -> int:
    return int(idp.url.rpartition(":")[2])


def received(sock: socket.socket, end: bytes) -> bytes:
    """Read until what came ends like this."""
    data = b""
    while not data.endswith(end):
        piece = sock.recv(65536)
        assert piece, data
        data += piece
    return data


def rest(sock: socket.socket) -> bytes:
    """Read until the host closes."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := sock.recv(65536):
            data += piece
    return data


def secured(sock: socket.socket, idp: MockIdp, name: str = DOMAIN) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=idp.ca_path)
    return context.wrap_socket(sock, server_hostname=name)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (f"{DOMAIN}:443", 200),
        (f"{DOMAIN.upper()}:443", 200),
        (f"{DOMAIN}:8443", 200),
        (f"{DOMAIN}:80", 200),
        ("localhost:PORT", 200),
        ("127.0.0.1:PORT", 200),
        ("[::1]:PORT", 200),
        ("localhost:1", 403),  # another server on this machine
        ("[::1]:1", 403),
        ("foreign.example:443", 403),
        (f"{DOMAIN}.foreign.example:443", 403),
        ("169.254.169.254:80", 403),
        ("0.0.0.0:443", 403),
        (f"{DOMAIN}", 400),
        (f"{DOMAIN}:", 400),
        (f"{DOMAIN}:https", 400),
        (f"user@{DOMAIN}:443", 400),
        (f"https://{DOMAIN}:443", 400),
        (f"{DOMAIN}:443/path", 400),
        (f"{DOMAIN}:99999", 403),
        ("::1:443", 400),
        (":443", 400),
        ("/", 400),
        ("*", 400),
        ("a" * 300 + ":443", 400),
    ],
)
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_what_gets_a_tunnel(idp: MockIdp, target: str, status: int, version: str) -> None:
    """The tenant's names at any port, loopback names at the server's own; a refusal ends the connection."""
    target = target.replace("PORT", str(port_of(idp)))
    with dialled(idp) as sock:
        sock.sendall(f"CONNECT {target} HTTP/{version}\r\nHost: {target}\r\n\r\n".encode())
        if status == 200:
            assert received(sock, b"\r\n\r\n") == GRANTED
            return
        head, _, body = rest(sock).decode().partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ")
    assert "\r\nConnection: close" in head
    assert json.loads(body)["statusCode"] == status
    assert body.count("\n") == 0


def test_a_refusal_says_what_to_do(idp: MockIdp) -> None:
    """In the status line and in the body, one line."""
    with dialled(idp) as sock:
        sock.sendall(b"CONNECT foreign.example:443 HTTP/1.1\r\nHost: foreign.example:443\r\n\r\n" + GET)
        head, _, body = rest(sock).decode().partition("\r\n\r\n")
    told = json.loads(body)
    assert told["error"] == "Forbidden"
    assert told["message"] in head.splitlines()[0]
    for word in ("'foreign.example:443'", "--allow-host", "NO_PROXY"):
        assert word in told["message"]


def test_the_tunnel_is_a_connection_like_any_other(idp: MockIdp) -> None:
    """TLS or not by the first byte, kept alive, and the Host decides as always."""
    with dialled(idp) as plain, secured_tunnel(idp) as tls:
        plain.sendall(CONNECT)
        received(plain, b"\r\n\r\n")
        for sock, scheme in ((plain, "http"), (tls, "https")):
            for _ in range(3):
                sock.sendall(GET)
                assert f'"issuer":"{scheme}://{DOMAIN}/"'.encode() in received(sock, b"}")
            sock.sendall(GET.replace(DOMAIN.encode(), b"foreign.example"))
            assert received(sock, b"}").startswith(b"HTTP/1.1 421 ")


@contextlib.contextmanager
def secured_tunnel(idp: MockIdp) -> Iterator[ssl.SSLSocket]:
    """Open a tunnel with TLS in it."""
    with dialled(idp) as sock:
        sock.sendall(CONNECT)
        assert received(sock, b"\r\n\r\n") == GRANTED
        with secured(sock, idp) as tls:
            yield tls


def test_a_tunnel_may_follow_requests(idp: MockIdp) -> None:
    """Pipelined requests are answered first, in order; a tunnel in a tunnel is none the less one."""
    with dialled(idp) as sock:
        sock.sendall(GET + GET + CONNECT)
        answers = received(sock, GRANTED)
        assert answers.count(b'"issuer"') == 2
        sock.sendall(CONNECT)
        assert received(sock, b"\r\n\r\n") == GRANTED
        with secured(sock, idp) as tls:
            tls.sendall(GET)
            assert b'"issuer":"https://' in received(tls, b"}")


def test_data_before_the_grant_is_refused(idp: MockIdp) -> None:
    """What comes with the request cannot be told from a smuggled one: nothing of it is read."""
    for early in (b"\x16\x03\x01", GET):
        with dialled(idp) as sock:
            sock.sendall(CONNECT + early)
            answer = rest(sock)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"issuer" not in answer


def test_a_proxy_url_with_https_is_refused(idp: MockIdp) -> None:
    """TLS in TLS is not spoken here; the line says what to write instead."""
    with dialled(idp) as sock, secured(sock, idp, "localhost") as tls:
        tls.sendall(CONNECT)
        answer = rest(tls)
    assert answer.startswith(b"HTTP/1.1 403 Forbidden: the proxy's own URL must begin with http://")


def test_a_body_cannot_hide_in_a_connect(idp: MockIdp) -> None:
    """CONNECT has none (RFC 9110 section 9.3.6): what a length announces is data before the grant."""
    with dialled(idp) as sock:
        sock.sendall(CONNECT[:-2] + b"Content-Length: %d\r\n\r\n" % len(GET) + GET)
        assert rest(sock).startswith(b"HTTP/1.1 400 ")


def test_a_tunnel_ends_with_the_server() -> None:
    """`stop()` closes it at once, in use or not, and no thread stays."""
    with contextlib.ExitStack() as stack:
        idp = MockIdp(allow_hosts=[DOMAIN]).start()
        tunnels: list[Any] = [stack.enter_context(secured_tunnel(idp))]
        tunnels.append(stack.enter_context(dialled(idp)))
        tunnels[1].sendall(CONNECT)
        received(tunnels[1], b"\r\n\r\n")
        idp.stop()
        for sock in tunnels:
            with contextlib.suppress(ssl.SSLEOFError):
                assert sock.recv(1) == b""
    assert threads(urlsplit(idp.url).port or 0) == []


def test_a_name_is_served_from_when_it_is_allowed() -> None:
    """The tenant's names at that moment count: those of the seed that is served."""
    custom = {"customDomains": [{"domain": "login.acme.example"}]}
    with MockIdp() as idp:
        proxies, url = {"https": idp.url}, f"https://login.acme.example{PATH}"
        with idp.serving(custom):
            answer = requests.get(url, proxies=proxies, verify=idp.ca_path, timeout=10)
            assert answer.json()["issuer"] == "https://login.acme.example/"
        with pytest.raises(requests.exceptions.ProxyError, match="is not served here"):
            requests.get(url, proxies=proxies, verify=idp.ca_path, timeout=10)
