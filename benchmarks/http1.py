"""A small HTTP/1.1 client on a raw socket: what it costs is next to nothing beside what it measures."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlencode

FORM = "application/x-www-form-urlencoded"


class Broken(Exception):
    """The server closed the connection, or did not speak HTTP."""


@dataclass(frozen=True)
class Answer:
    """A response: names of headers in lower case; `seconds` from the first byte sent to the last received."""

    status: int
    headers: dict[str, list[str]]
    body: bytes
    seconds: float

    def header(self, name: str) -> str:
        """Return the first value of the header, or an empty text."""
        return self.headers.get(name, [""])[0]

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


class Client:
    """One connection that is kept while the server keeps it."""

    def __init__(self, port: int, *, tls: bool = False, timeout: float = 10.0) -> None:
        self.port, self._tls, self._timeout = port, tls, timeout
        self._socket: socket.socket | None = None
        self._rest = b""

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._rest = None, b""

    def get(self, target: str, headers: dict[str, str] | None = None) -> Answer:
        """Send GET."""
        return self.request("GET", target, headers or {}, b"")

    def post(self, target: str, form: dict[str, str], headers: dict[str, str] | None = None) -> Answer:
        """Send a form."""
        head = {"Content-Type": FORM, **(headers or {})}
        return self.request("POST", target, head, urlencode(form).encode())

    def request(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """Send a request and read the whole answer; a connection that was closed meanwhile is opened anew."""
        length = {"Content-Length": str(len(body))} if method == "POST" else {}
        fields = {"Host": f"127.0.0.1:{self.port}", **length, **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        sent = f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body
        kept = self._socket is not None
        try:
            return self._exchange(sent)
        except (Broken, ConnectionError):
            self.close()
            if not kept:
                raise
            return self._exchange(sent)

    def _exchange(self, sent: bytes) -> Answer:
        started = time.perf_counter()
        connection = self._socket = self._socket or self._connect()
        connection.sendall(sent)
        status, headers = self._head(connection)
        while status == 100:
            status, headers = self._head(connection)
        body = self._body(connection, headers)
        seconds = time.perf_counter() - started
        if "close" in headers.get("connection", [""])[0].lower():
            self.close()
        return Answer(status, headers, body, seconds)

    def _connect(self) -> socket.socket:
        plain = socket.create_connection(("127.0.0.1", self.port), self._timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self._tls:
            return plain
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(plain, server_hostname="localhost")

    def _head(self, connection: socket.socket) -> tuple[int, dict[str, list[str]]]:
        while b"\r\n\r\n" not in self._rest:
            self._more(connection)
        raw, _, self._rest = self._rest.partition(b"\r\n\r\n")
        first, *lines = raw.decode("latin-1").split("\r\n")
        headers: dict[str, list[str]] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), []).append(value.strip())
        return int(first.split(" ", 2)[1]), headers

    def _body(self, connection: socket.socket, headers: dict[str, list[str]]) -> bytes:
        if "content-length" in headers:
            return self._take(connection, int(headers["content-length"][0]))
        if "chunked" in headers.get("transfer-encoding", [""])[0]:
            return self._chunks(connection)
        try:
            while True:
                self._more(connection)
        except Broken:
            body, self._rest = self._rest, b""
            self.close()
            return body

    def _chunks(self, connection: socket.socket) -> bytes:
        body = b""
        while True:
            while b"\r\n" not in self._rest:
                self._more(connection)
            size, _, self._rest = self._rest.partition(b"\r\n")
            chunk = self._take(connection, int(size.split(b";")[0], 16) + 2)
            if chunk == b"\r\n":
                return body
            body += chunk[:-2]

    def _take(self, connection: socket.socket, size: int) -> bytes:
        while len(self._rest) < size:
            self._more(connection)
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def _more(self, connection: socket.socket) -> None:
        received = connection.recv(65536)
        if not received:
            raise Broken(f"port {self.port}: connection closed")
        self._rest += received
