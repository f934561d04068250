"""One client: requests in, answers out, by HTTP/1.1 in plain text or TLS (RFC 9110, RFC 9112, PEP 3333)."""

from __future__ import annotations

import json
import socket
import sys
import traceback
from contextlib import suppress
from io import BytesIO
from time import monotonic
from typing import TYPE_CHECKING, Any

import httptools

from mockidp.http.head import (
    BAD_REQUEST,
    BODY_LIMIT,
    TOO_LARGE,
    Refused,
    check_framing,
    check_tunnel,
    environ_key,
    read_target,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIApplication

    from mockidp.http.host import HttpHost

HEAD_LIMIT = 64 * 1024  # bytes
PATIENCE = 1.0  # seconds for a client to read the last answer, for an application to end at stop()


class _Gone(ConnectionError):
    """The client has left, or the application aborted: nothing more can be sent."""


class _Exchange:
    """One request and its answer: the server's side of PEP 3333."""

    __slots__ = ("chunked", "declared", "environ", "head", "is_head", "keep_alive", "mute", "send", "sent")

    def __init__(self, send: Callable[[bytes], None], environ: dict[str, Any], keep_alive: bool) -> None:
        self.send, self.environ, self.keep_alive = send, environ, keep_alive
        self.head = b""
        self.declared: int | None = None  # the application's own Content-Length
        self.sent = -1  # bytes of the body; -1: not even the head
        self.is_head = environ["REQUEST_METHOD"] == "HEAD"  # read before the application may change it
        self.mute = self.chunked = False

    def answer(self, application: WSGIApplication) -> None:
        """Run the application and send what it returns; raises _Gone, and what the application raises."""
        result = application(self.environ, self.start_response)
        try:
            if isinstance(result, (list, tuple)) and self.sent < 0:
                self.send_whole(b"".join(result))
            else:
                self._send_each(result)
        finally:
            if hasattr(result, "close"):
                result.close()
        if self.declared is not None and self.declared != self.sent and not self.mute:
            self.keep_alive = False  # else the client takes the next answer for the rest of this one

    def reply(self, status: str, kind: str, body: bytes) -> None:
        """Answer in the host's own name and close; after the head, a broken connection has to say it."""
        self.keep_alive = False
        if self.sent < 0:
            self.start_response(status, [("Content-Type", f"{kind}; charset=utf-8")], (None, None, None))
            self.send_whole(body)

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
        """Take status and headers, unless a line break in them would smuggle in a line of its own."""
        if self.head and not exc_info:
            raise AssertionError("start_response was called twice without exc_info")
        if self.sent >= 0:
            raise exc_info[1].with_traceback(exc_info[2])
        self.declared = None
        lines = ["HTTP/1.1 " + status]
        for name, value in headers:
            kind = name.lower()
            if kind == "transfer-encoding":
                raise ValueError("Transfer-Encoding is the host's to set: return an iterator to send chunks")
            if kind == "connection":  # hop-by-hop: the host writes its own (RFC 9110 section 7.6.1)
                self.keep_alive = self.keep_alive and "close" not in value.lower()
                continue
            if kind == "content-length":
                self.declared = int(value)
            lines.append(f"{name}: {value}")
        head = "\r\n".join(lines)
        if not head.count("\r") == head.count("\n") == len(lines) - 1 or "\0" in head:
            raise ValueError(f"line break or NUL in the status or a header: {status!r}, {headers!r}")
        self.head = head.encode("latin-1")
        return self.write

    def write(self, data: bytes) -> None:
        """Send a piece of the body at once, so that server-sent events arrive as they happen."""
        if not data:
            return
        head = self._framed_head(None) if self.sent < 0 else b""
        self.sent += len(data)
        if self.mute:
            data = b""
        elif self.chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        self.send(head + data)

    def send_whole(self, body: bytes) -> None:
        head = self._framed_head(len(body))
        self.sent = len(body)
        self.send(head if self.mute else head + body)

    def _send_each(self, pieces: Any) -> None:
        for piece in pieces:
            self.write(piece)
            if self.mute:
                break  # HEAD of an endless stream
        if self.sent < 0:
            self.send_whole(b"")
        elif self.chunked:
            self.send(b"0\r\n\r\n")

    def _framed_head(self, length: int | None) -> bytes:
        """Return the head with how its body ends (RFC 9112 section 6.3): length, chunks or connection."""
        head = self.head
        if not head:
            raise AssertionError("the application did not call start_response")
        self.sent = 0
        bodiless = head[9:12] in (b"204", b"304")
        self.mute = self.is_head or bodiless
        if self.declared is None and not bodiless:
            if length or (length == 0 and not self.is_head):
                head += b"\r\nContent-Length: %d" % length
            elif not self.is_head and self.environ["SERVER_PROTOCOL"] == "HTTP/1.1":
                self.chunked = True
                head += b"\r\nTransfer-Encoding: chunked"
        return head + (b"\r\n\r\n" if self.keep_alive else b"\r\nConnection: close\r\n\r\n")


class Connection:
    """One client, and httptools' callbacks. `mockidp.connection` in the environ, for `abort()`."""

    def __init__(self, host: HttpHost, sock: socket.socket, peer: Any) -> None:
        self.host, self.sock, self.descriptor = host, sock, sock.fileno()
        self.phase = "idle"  # what the next byte belongs to: idle, head, body or tunnel
        self.ready: list[_Exchange] = []
        self.base = host.environ | {"REMOTE_ADDR": peer[0], "REMOTE_PORT": str(peer[1])}
        self.base |= {"wsgi.errors": sys.stderr, "mockidp.connection": self}
        self.environ = self.base
        self.is_new, self.is_secure = True, False
        sock.settimeout(None)  # whatever socket.setdefaulttimeout() a test has called
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def abort(self) -> None:
        """Drop the connection; what the application still returns is not sent."""
        with self.host.lock, suppress(OSError):  # the base class's: SSLSocket's would go on in plain text
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def step(self, buffer: memoryview) -> bool:
        """Read once and answer what is whole; for when something can be read.

        False: the client has left, cannot speak TLS, or must go: then `close`. `buffer` has HEAD_LIMIT bytes.
        """
        try:
            going = self._read(buffer) if not self.is_new or self._begin() else True
            while going and self._has_more():
                going = self._read(buffer)
        except OSError:  # nobody is there to be told
            return False
        except Exception:  # noqa: BLE001  # an unusable authority, or our bug, must not end the thread of all
            traceback.print_exc()
            return False
        return going

    def _begin(self) -> bool:
        """See by the first byte what the client speaks; False: nothing of it can be read yet."""
        self.is_new, self.size = False, 0  # `size`: bytes of an unfinished head
        self.parser, self.phase = httptools.HttpRequestParser(self), "idle"
        if self.sock.recv(1, socket.MSG_PEEK) != b"\x16":
            return True
        self._start_tls()
        return self._has_more()

    def _has_more(self) -> bool:
        """Whether TLS has read what no selector tells of."""
        return self.is_secure and self.sock.pending() > 0  # type: ignore[attr-defined]

    def _start_tls(self) -> None:
        context = self.host.ca.server_context()
        # The handshake only after self.sock is the new object: stop() must find the one that is in use.
        self.sock = tls = context.wrap_socket(self.sock, server_side=True, do_handshake_on_connect=False)
        if self.host.stopping.is_set():
            raise _Gone
        tls.do_handshake()
        self.base["wsgi.url_scheme"], self.is_secure = "https", True

    def _read(self, buffer: memoryview) -> bool:
        """Read once and answer; False: the connection ends here."""
        count = self.sock.recv_into(buffer, HEAD_LIMIT - self.size)
        if not count:
            return False
        refused = self._feed(buffer[:count])
        self.size = self.size + count if self.phase == "head" and not self.ready else 0
        if not self._answer():
            return False
        if self.size == HEAD_LIMIT:
            refused = Refused("431 Request Header Fields Too Large", f"head over {HEAD_LIMIT} bytes")
        if refused:
            self._refuse(*refused.args)
            return False
        if self.phase == "tunnel":  # what follows is like a new connection
            self.send(b"HTTP/1.1 200 Connection Established\r\n\r\n")
            self.is_new = True
        elif self.phase == "body" and self.environ.pop("HTTP_EXPECT", "").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _answer(self) -> bool:
        """Answer what was read, in order (RFC 9112 section 9.3.2); False: the connection ends here."""
        ready, self.ready = self.ready, []
        for exchange in ready:
            try:
                exchange.answer(self.host.app)
            except _Gone:
                raise
            except Exception:  # noqa: BLE001  # the application's bug must not end the host
                traceback.print_exc()
                exchange.reply("500 Internal Server Error", "text/plain", b"Internal Server Error")
            if not exchange.keep_alive:
                return False
        return True

    def send(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except OSError:
            raise _Gone from None

    def _refuse(self, status: str, message: str) -> None:
        error = {"statusCode": int(status[:3]), "error": status[4:].partition(":")[0], "message": message}
        exchange = _Exchange(self.send, {"REQUEST_METHOD": ""}, keep_alive=False)
        exchange.reply(status, "application/json", json.dumps(error).encode())

    def on_message_begin(self) -> None:
        self.phase = "head"
        self.environ = self.base.copy()
        self.target = b""
        self.body = bytearray()

    def on_url(self, piece: bytes) -> None:
        self.target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        key = environ_key(name)
        if key is None or self.phase == "body":  # a trailer may not pose as a header (RFC 9110 section 6.5.1)
            return
        environ, text = self.environ, value.decode("latin-1").rstrip(" \t")
        if key not in environ:
            environ[key] = text
        elif key == "HTTP_HOST":
            raise Refused(BAD_REQUEST, "more than one Host header")
        else:
            environ[key] += ("; " if key == "HTTP_COOKIE" else ",") + text

    def on_headers_complete(self) -> None:
        self.phase = "body"
        parser, environ = self.parser, self.environ
        environ["REQUEST_METHOD"] = parser.get_method().decode()
        version = parser.get_http_version()
        self.keep_alive = version == "1.1" and parser.should_keep_alive()
        self.chunked = check_framing(environ, version)
        target = self.target.decode("latin-1")
        if environ["REQUEST_METHOD"] == "CONNECT" and self.host.serves is not None:
            check_tunnel(environ["wsgi.url_scheme"], target, self.host.serves)
        else:
            read_target(environ, target)

    def on_body(self, data: bytes) -> None:
        self.body += data
        if len(self.body) > BODY_LIMIT:
            raise Refused(*TOO_LARGE)

    def on_message_complete(self) -> None:
        self.phase = "idle"
        self.environ["wsgi.input"] = BytesIO(self.body)
        if self.chunked:
            self.environ["CONTENT_LENGTH"] = str(len(self.body))
        self.ready.append(_Exchange(self.send, self.environ, self.keep_alive))

    def _feed(self, data: memoryview) -> Refused | None:
        """Parse; a refusal is sent after the answers to the requests before it."""
        while data:
            try:
                self.parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as offer:
                data = data[offer.args[0] :]
                if self.environ["REQUEST_METHOD"] == "CONNECT":
                    self.ready.pop()
                    self.phase = "tunnel"
                    return Refused(BAD_REQUEST, "data before the tunnel was granted") if data else None
                self._decline_upgrade()
            except httptools.HttpParserError as error:
                reason = error.__context__  # raised by one of the callbacks
                return reason if isinstance(reason, Refused) else Refused(BAD_REQUEST, str(error))
        return None

    def _decline_upgrade(self) -> None:
        """Read on in HTTP/1.1 (RFC 9110 section 7.8); Java's client offers h2c with every request."""
        # llhttp takes the body for the new protocol: a new parser is told of it by a head without the offer.
        self.parser = httptools.HttpRequestParser(self)
        offered, length = self.ready[-1], self.environ.get("CONTENT_LENGTH", "0")
        if self.chunked or int(length):
            framing = "Transfer-Encoding: chunked" if self.chunked else f"Content-Length: {length}"
            self.parser.feed_data(f"POST / HTTP/1.1\r\nHost:\r\n{framing}\r\n\r\n".encode())
            self.environ, self.keep_alive = offered.environ, offered.keep_alive
            self.ready.pop()

    def close(self) -> None:
        """Close, but first read what is still sent: unread, it would reset our answer (RFC 9112 §9.6)."""
        with suppress(OSError, ValueError):
            self.sock.setblocking(False)
            getattr(self.sock, "unwrap", bool)()  # TLS: announce the end, without waiting for the echo
        with suppress(OSError):
            socket.socket.shutdown(self.sock, socket.SHUT_WR)
            self.sock.settimeout(PATIENCE)
            end = monotonic() + PATIENCE
            while monotonic() < end and socket.socket.recv(self.sock, HEAD_LIMIT):
                pass
        with self.host.lock:  # abort() must not shut down a descriptor that another socket has by now
            self.sock.close()
