"""What the tests of `impersonate` share: clients, the resolver outside, and what is patched."""

from __future__ import annotations

import asyncio
import socket
import ssl
import urllib.request
from collections.abc import Callable
from contextlib import closing
from functools import partial
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

DOMAIN = "acme.eu.auth0.com"
PATH = "/.well-known/openid-configuration"
URL = f"https://{DOMAIN}{PATH}"
PLACES = [
    *((socket, name) for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex")),
    *((socket.socket, name) for name in ("connect", "connect_ex")),
    *((ssl.SSLContext, name) for name in ("wrap_socket", "wrap_bio")),
]
UNTOUCHED = {name: vars(owner).get(name) for owner, name in PLACES}


class Outside:
    """The resolver outside, which finds nothing but addresses: no test asks the network."""

    def __init__(self, resolve: Callable[..., Any]) -> None:
        self.resolve = resolve
        self.asked: list[object] = []

    def __call__(
        self, host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> Any:
        self.asked.append(host)
        try:
            return self.resolve(host, port, family, type, proto, flags | socket.AI_NUMERICHOST)
        except socket.gaierror:
            raise socket.gaierror(socket.EAI_NONAME, "not in this test") from None


def patched() -> list[str]:
    """Return which of the places are not what they are without mockidp."""
    found = {name: vars(owner).get(name) for owner, name in PLACES}
    return [name for name in found if found[name] is not UNTOUCHED[name]]


def issuer(url: str = URL, session: Any = requests) -> Any:
    """Return what discovery says, by requests."""
    return session.get(url, timeout=10).json()["issuer"]


# -- clients: each function makes one, which then gets a URL ---------------------------------------------


def requests_() -> Callable[[str], bytes]:
    return lambda url: requests.get(url, timeout=10).content


def requests_session() -> Callable[[str], bytes]:
    session = requests.Session()

    def get(url: str) -> bytes:
        with session, session.get(url, timeout=10) as answer:
            return answer.content

    return get


def httpx_() -> Callable[[str], bytes]:
    httpx = pytest.importorskip("httpx")
    return lambda url: bytes(httpx.get(url).content)


def httpx_client() -> Callable[[str], bytes]:
    client = pytest.importorskip("httpx").Client()

    def get(url: str) -> bytes:
        with client:
            return bytes(client.get(url).content)

    return get


def httpx_async() -> Callable[[str], bytes]:
    client = pytest.importorskip("httpx").AsyncClient()

    async def get(url: str) -> bytes:
        async with client:
            return bytes((await client.get(url)).content)

    return lambda url: asyncio.run(get(url))


def aiohttp_() -> Callable[[str], bytes]:
    aiohttp = pytest.importorskip("aiohttp")

    async def get(url: str) -> bytes:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return bytes(await answer.read())

    return lambda url: asyncio.run(get(url))


def asyncio_streams() -> Callable[[str], bytes]:
    async def get(url: str) -> bytes:
        parts = urlsplit(url)
        tls = parts.scheme == "https"
        reader, writer = await asyncio.open_connection(
            parts.hostname, parts.port or (443 if tls else 80), ssl=tls or None
        )
        writer.write(f"GET {parts.path} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer.partition(b"\r\n\r\n")[2]

    return lambda url: asyncio.run(get(url))


def urllib_() -> Callable[[str], bytes]:
    opener = urllib.request.build_opener()

    def get(url: str) -> bytes:
        with opener.open(url, timeout=10) as answer:
            return bytes(answer.read())

    return get


def http_client() -> Callable[[str], bytes]:
    context = ssl.create_default_context()

    def get(url: str) -> bytes:
        parts = urlsplit(url)
        plain = parts.scheme == "http"
        make = HTTPConnection if plain else partial(HTTPSConnection, context=context)
        with closing(make(parts.netloc, timeout=10)) as connection:
            connection.request("GET", parts.path)
            return connection.getresponse().read()

    return get


def sockets() -> Callable[[str], bytes]:
    """A client that leaves the name to `connect`."""

    def get(url: str) -> bytes:
        parts = urlsplit(url)
        with socket.socket() as sock:
            assert sock.connect_ex((parts.hostname, parts.port or 1)) == 0
            if parts.scheme == "https":
                sock = ssl.create_default_context().wrap_socket(sock, server_hostname=parts.hostname)
            with sock, sock.makefile("rb") as file:
                sock.sendall(f"GET {parts.path} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode())
                return file.read().partition(b"\r\n\r\n")[2]

    return get


CLIENTS = [
    *(requests_, requests_session, httpx_, httpx_client, httpx_async, aiohttp_),
    *(asyncio_streams, urllib_, http_client, sockets),
]
