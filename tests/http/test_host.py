"""The HTTP/1.1 host, through real sockets (RFC 9110, RFC 9112, PEP 3333)."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from wsgiref.validate import validator

import pytest
import requests

from mockidp.http.connection import BODY_LIMIT, HEAD_LIMIT
from mockidp.http.host import HttpHost
from mockidp.http.tls import CertificateAuthority

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
Serve = Callable[[Any], HttpHost]

# Status and request (~ CRLF, ^ LF, ` NUL): what is not HTTP/1.1, and what could be read in two ways.
REFUSED = """
400 nonsense~~
400 GET /~~
400 FETCH / HTTP/1.1~Host: x~~
400 GET / HTTP/2.0~Host: x~~
400 PRI * HTTP/2.0~~SM~~
400 GET / HTTP/1.1~~
400 GET / HTTP/1.1~Host: a~Host: b~~
400 GET / HTTP/1.1~Host: a~host: a~~
400 GET / HTTP/1.1~Host: x~X: a~ folded~~
400 GET / HTTP/1.1~Host: x~X : a~~
400 GET / HTTP/1.1~Host: x~X: a`b~~
400 GET / HTTP/1.1^Host: x^^
400 GET * HTTP/1.1~Host: x~~
400 GET ftp://x/ HTTP/1.1~Host: x~~
400 CONNECT x:443 HTTP/1.1~Host: x~~
400 POST / HTTP/1.1~Host: x~Content-Length: 3~Content-Length: 3~~abc
400 POST / HTTP/1.1~Host: x~Content-Length: 3~Content-Length: 4~~abc
400 POST / HTTP/1.1~Host: x~Content-Length: 3, 3~~abc
400 POST / HTTP/1.1~Host: x~Content-Length: +3~~abc
400 POST / HTTP/1.1~Host: x~Content-Length:~~abc
400 POST / HTTP/1.1~Host: x~Content-Length: 3~Transfer-Encoding: chunked~~abc
400 POST / HTTP/1.1~Host: x~Transfer-Encoding: chunked~Content-Length: 3~~abc
400 POST / HTTP/1.1~Host: x~Transfer-Encoding: chunked~Transfer-Encoding: chunked~~0~~
400 POST / HTTP/1.1~Host: x~Transfer-Encoding : chunked~~0~~
400 POST / HTTP/1.1~Host: x~Transfer-Encoding:^ chunked~~0~~
400 POST / HTTP/1.1~Host: x~Transfer-Encoding: chunked~~-1~~
400 POST / HTTP/1.1~Host: x~Transfer-Encoding: chunked~~10000000000000000~~
400 POST / HTTP/1.0~Transfer-Encoding: chunked~~0~~
501 POST / HTTP/1.1~Host: x~Transfer-Encoding: gzip, chunked~~0~~
501 POST / HTTP/1.1~Host: x~Transfer-Encoding: xchunked~~0~~
413 POST / HTTP/1.1~Host: x~Expect: 100-continue~Content-Length: 4194305~~
""".strip()


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """A client that sends exactly what it is given."""

    def __init__(self, host: HttpHost) -> None:
        self.sock = socket.create_connection(host.address, timeout=10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a second send waits for an ACK
        self.file = self.sock.makefile("rb")
        self.send = self.sock.sendall

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.sock.close()

    def head(self) -> Answer:
        """Read one head, and leave its body."""
        status = int(self.file.readline().split()[1])
        headers: dict[str, str] = {}
        while line := self.file.readline().decode().rstrip("\r\n"):
            name, _, value = line.partition(": ")
            assert name.lower() not in headers
            headers[name.lower()] = value
        return Answer(status, headers, b"")

    def answer(self) -> Answer:
        """Read one answer, its body by Content-Length or chunks."""
        answer = self.head()
        if answer.headers.get("transfer-encoding") == "chunked":
            return answer._replace(body=b"".join(iter(self.chunk, b"")))
        return answer._replace(body=self.file.read(int(answer.headers.get("content-length", "0"))))

    def chunk(self) -> bytes:
        data = self.file.read(int(self.file.readline(), 16))
        assert self.file.readline() == b"\r\n"
        return data

    def ask(self, data: bytes) -> Answer:
        self.send(data)
        return self.answer()

    def rest(self) -> bytes:
        """Read what comes until the host closes."""
        with contextlib.suppress(ConnectionResetError):
            return self.file.read()
        return b""


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a host for an application; every host is stopped at the end."""
    with contextlib.ExitStack() as stack:
        ca = CertificateAuthority()
        stack.callback(ca.close)

        def start(app: Any) -> HttpHost:
            host = HttpHost(app, "127.0.0.1", 0, ca)
            stack.callback(host.stop)
            host.start()
            return host

        yield start


def raw(text: str) -> bytes:
    """Encode a message; ~ is CRLF."""
    return text.replace("~", "\r\n").replace("^", "\n").replace("`", "\0").encode()


def hello(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [environ["PATH_INFO"].encode("latin-1"), b"!"]


def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer the environ's texts and the body as JSON."""
    seen = {name: value for name, value in environ.items() if isinstance(value, str)}
    start_response("200 OK", [])
    return [json.dumps(seen | {"body": environ["wsgi.input"].read().decode("latin-1")}).encode()]


def answering(*headers: tuple[str, str], status: str = "200 OK", body: Any = (b"body",)) -> Any:
    """An application that answers just this; a function makes its body anew for each request."""

    def app(_environ: dict[str, Any], start_response: Any) -> Any:
        start_response(status, list(headers))
        return body() if callable(body) else body

    return app


def raising() -> Iterator[bytes]:
    raise LookupError("a bug")
    yield b""


def pieces(*body: bytes) -> Callable[[], Iterator[bytes]]:
    return lambda: iter(body)


def endless() -> Iterator[bytes]:
    return iter(lambda: b"more" * 1024, None)


def repenting(written: bytes) -> Any:
    def app(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])(written)
        start_response("503 Sorry", [], (ValueError, ValueError(), None))
        return [b"sorry"]

    return app


class TestRequests:
    def test_keep_alive(self, serve: Serve) -> None:
        """One connection carries many requests; where TCP cuts them does not matter."""
        with Wire(serve(hello)) as wire:
            for cut in range(len(GET)):
                wire.send(GET[:cut])
                assert wire.ask(GET[cut:]) == (200, {"content-length": "2"}, b"/!")

    def test_pipelining(self, serve: Serve) -> None:
        """Requests sent without waiting are answered in order, a malformed one included (RFC 9112 §9.3.2)."""
        with Wire(serve(hello)) as wire:
            wire.send(b"".join(GET.replace(b"/ ", b"/%d " % n) for n in range(500)) + b"nonsense\r\n" + GET)
            answers = [wire.answer() for _ in range(501)]
            assert wire.rest() == b""
        assert [answer.body for answer in answers[:500]] == [b"/%d!" % n for n in range(500)]
        assert answers[500].status == 400

    def test_clients_side_by_side(self, serve: Serve) -> None:
        """50 clients that send nothing, half a head, body or handshake delay nobody; 16 are answered."""
        host = serve(hello)
        half = (b"", GET[:9], b"\x16\x03\x01", POST + b"Content-Length: 9\r\n\r\nab")

        def client(number: int) -> list[bytes]:
            with Wire(host) as wire:
                return [wire.ask(GET.replace(b"/ ", b"/%d.%d " % (number, n))).body for n in range(50)]

        with contextlib.ExitStack() as stack, ThreadPoolExecutor(16) as pool:
            for number in range(50):
                stack.enter_context(Wire(host)).send(half[number % 4])
            bodies = list(pool.map(client, range(16)))
        assert bodies == [[b"/%d.%d!" % (number, n) for n in range(50)] for number in range(16)]

    @pytest.mark.parametrize("framing", ["Content-Length: 3~~abc", "Transfer-Encoding: chunked~~3~abc~0~~"])
    def test_upgrade_is_declined(self, serve: Serve, framing: str) -> None:
        """An offer of h2c, as Java's client makes, is a request like any other (RFC 9110 §7.8)."""
        offer, rest = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n", raw(framing)
        with Wire(serve(echo)) as wire:
            wire.send((GET[:-2] + offer + b"\r\n" + POST + offer + rest) * 500)  # more than could recurse
            answers = [wire.answer().body for _ in range(1000)][1::2]
            for cut in range(1, len(rest)):
                wire.send(POST + offer + rest[:cut])
                answers.append(wire.ask(rest[cut:]).body)
        seen = {(one["CONTENT_LENGTH"], one["body"], one["HTTP_UPGRADE"]) for one in map(json.loads, answers)}
        assert seen == {("3", "abc", "h2c")}

    def test_environ(self, serve: Serve) -> None:
        """The environ is what PEP 3333 asks for, the target as sent; nothing is left of the last one."""
        host = serve(echo)
        sent = raw(
            "PATCH /u/auth0%7C1%2f2%C3%A4|?a=%20b HTTP/1.1~Host: mock.test:1~Content-Type: text/x~"
            "Content-Length: 2~X-Many: 1 \t~x-many: 2~Cookie: a=1~X_Many: spoofed~cookie: b=2~~hi"
        )
        expected = """
            REQUEST_METHOD=PATCH SCRIPT_NAME= PATH_INFO=/u/auth0|1/2\u00c3\u00a4| QUERY_STRING=a=%20b
            RAW_URI=/u/auth0%7C1%2f2%C3%A4|?a=%20b REQUEST_URI=/u/auth0%7C1%2f2%C3%A4|?a=%20b body=hi
            CONTENT_TYPE=text/x CONTENT_LENGTH=2 HTTP_HOST=mock.test:1 HTTP_X_MANY=1,2 wsgi.url_scheme=http
            SERVER_NAME=127.0.0.1 SERVER_PORT={0} REMOTE_ADDR=127.0.0.1 REMOTE_PORT={1}
            SERVER_PROTOCOL=HTTP/1.1"""
        with Wire(host) as wire:
            before, seen, after = (json.loads(wire.ask(data).body) for data in (GET, sent, GET))
            pairs = expected.format(host.address[1], wire.sock.getsockname()[1]).split()
        assert seen == {**dict(pair.split("=", 1) for pair in pairs), "HTTP_COOKIE": "a=1; b=2"}
        assert before == after

    def test_wsgiref_finds_nothing_to_complain_of(self, serve: Serve) -> None:
        """The standard library's validator accepts the host (PEP 3333)."""
        host = serve(validator(answering(("Content-Type", "text/plain"), body=[b"ok"])))
        with Wire(host) as wire:
            assert [wire.ask(sent).status for sent in (GET, POST + b"Content-Length: 1\r\n\r\nx")] == [
                200,
                200,
            ]

    def test_request_target(self, serve: Serve) -> None:
        """A URL as target names the host, instead of Host (RFC 9112 section 3.2)."""
        expected = {
            "http://real.test:80/p%7C?q=1": ("/p|", "q=1", "real.test:80"),
            "HTTPS://real.test": ("/", "", "real.test"),
            "http://user@real.test?q": ("/", "q", "real.test"),
            "//a//b": ("//a//b", "", "x"),
            "*": ("*", "", "x"),
        }
        with Wire(serve(echo)) as wire:
            seen = [
                json.loads(wire.ask(raw(f"OPTIONS {target} HTTP/1.1~Host: x~~")).body) for target in expected
            ]
        parts = {one["RAW_URI"]: (one["PATH_INFO"], one["QUERY_STRING"], one["HTTP_HOST"]) for one in seen}
        assert parts == expected

    def test_chunked_body(self, serve: Serve) -> None:
        """Chunks are put together, extensions and trailers dropped, and the application sees a length."""
        with Wire(serve(echo)) as wire:
            wire.send(CHUNKED)
            seen = json.loads(wire.ask(raw("3;x=y~abc~A~0123456789~0~X-Trailer: 1~Host: y~~")).body)
        assert (seen["body"], seen["CONTENT_LENGTH"], seen["HTTP_HOST"]) == ("abc0123456789", "13", "x")
        assert not {"HTTP_TRANSFER_ENCODING", "HTTP_X_TRAILER"} & seen.keys()

    def test_expect_continue(self, serve: Serve) -> None:
        """A client that waits for 100 gets it, after the answers it is still owed (RFC 9110 §10.1.1)."""
        head, body = POST + raw("Expect: 100-Continue~Content-Length: 200000~~"), b"x" * 200_000
        with Wire(serve(echo)) as wire:
            wire.send(GET + head)
            assert [wire.answer().status, wire.head().status] == [200, 100]
            assert json.loads(wire.ask(body).body)["body"] == body.decode()

    def test_largest_head_and_body(self, serve: Serve) -> None:
        """What is as large as the limits passes; a head one byte larger does not."""
        fill = b"X: " + b"a" * (HEAD_LIMIT - len(GET) - len("X: \r\n"))
        with Wire(serve(hello)) as wire:
            body = POST + b"Content-Length: %d\r\n\r\n" % BODY_LIMIT + b"x" * BODY_LIMIT
            heads = [GET[:-2] + fill + b"\r\n\r\n", GET[:-2] + fill + b"a\r\n\r\n"]
            assert [wire.ask(sent).status for sent in (heads[0], body, *heads)] == [200, 200, 200, 431]


class TestRefusals:
    def refuse(self, host: HttpHost, *sent: bytes) -> int:
        """Return the status, after looking that body and connection are a refusal's."""
        with Wire(host) as wire:
            for data in sent:
                wire.send(data)
            answer = wire.answer()
            assert wire.rest() == b""
        body = json.loads(answer.body)
        assert body == {"statusCode": answer.status, "error": body["error"], "message": body["message"]}
        assert answer.headers["connection"] == "close"
        return answer.status

    @pytest.mark.parametrize("line", REFUSED.splitlines())
    def test_refused(self, serve: Serve, line: str) -> None:
        """What is malformed or ambiguous is not guessed at (RFC 9112 sections 2.2, 3.2 and 11.2)."""
        status, _, request = line.partition(" ")
        assert self.refuse(serve(hello), raw(request)) == int(status)

    def test_too_large(self, serve: Serve) -> None:
        """431 and 413 come at the limit, whatever fills the head (RFC 6585 section 5) or the chunks."""
        host, much = serve(hello), 2 * HEAD_LIMIT
        assert self.refuse(host, b"GET /", *[b"a" * 999] * 200) == 431
        assert self.refuse(host, GET[:-2], b"X: y\r\n" * much) == 431
        assert self.refuse(host, GET[:-2], b"X" * much) == 431
        assert self.refuse(host, CHUNKED, b"10000\r\n%b\r\n" % (b"a" * 65536) * 64, b"1\r\na") == 413

    def test_refusal_reaches_a_client_that_is_still_sending(self, serve: Serve) -> None:
        """The answer is not lost in a reset (RFC 9112 section 9.6)."""
        url = f"http://127.0.0.1:{serve(hello).address[1]}/"
        for size in (BODY_LIMIT + 1, 4 * BODY_LIMIT):
            assert requests.post(url, data=b"x" * size, timeout=10).status_code == 413


HEAD, CLOSE = GET.replace(b"GET", b"HEAD"), "Connection: close~~"
OK, STREAM = "HTTP/1.1 200 OK~", "HTTP/1.1 200 OK~Transfer-Encoding: chunked~~"
FAILED = (
    "HTTP/1.1 500 Internal Server Error~Content-Type: text/plain; charset=utf-8~Content-Length: 21~"
    "Connection: close~~Internal Server Error"
)
LATE = repenting(b"half")
ANSWERS = [  # application, request, the bytes of its answer, how many of two requests are answered
    (hello, GET, OK + "Content-Length: 2~~/!", 2),
    (hello, HEAD, OK + "Content-Length: 2~~", 2),
    (answering(body=endless), HEAD, OK + "~", 2),
    (answering(body=pieces(b"a", b"", b"b" * 10)), GET, STREAM + "1~a~a~bbbbbbbbbb~0~~", 2),
    (answering(body=pieces(b"a", b"b")), raw("GET / HTTP/1.0~~"), OK + CLOSE + "ab", 1),
    (answering(("Content-Length", "2"), body=pieces(b"a", b"b")), GET, OK + "Content-Length: 2~~ab", 2),
    (answering(body=pieces()), GET, OK + "Content-Length: 0~~", 2),
    (answering(status="204 No Content", body=[]), GET, "HTTP/1.1 204 No Content~~", 2),
    (answering(status="204 No Content"), GET, "HTTP/1.1 204 No Content~~", 2),
    (answering(status="304 Not Modified", body=endless), GET, "HTTP/1.1 304 Not Modified~~", 2),
    (lambda environ, start: [start("200 OK", [])(b"a") or b"b"], GET, STREAM + "1~a~1~b~0~~", 2),
    (repenting(b""), GET, "HTTP/1.1 503 Sorry~Content-Length: 5~~sorry", 2),
    (hello, raw("GET / HTTP/1.0~~"), OK + "Content-Length: 2~" + CLOSE + "/!", 1),
    (hello, raw("GET / HTTP/1.0~Connection: keep-alive~~"), OK + "Content-Length: 2~" + CLOSE + "/!", 1),
    (hello, GET[:-2] + raw("Connection: Close~~"), OK + "Content-Length: 2~" + CLOSE + "/!", 1),
    (answering(("connection", "Close")), GET, OK + "Content-Length: 4~" + CLOSE + "body", 1),
    # The client must not take the next answer for a part of this one, or the reverse.
    (answering(("Content-Length", "9")), GET, OK + "Content-Length: 9~~body", 1),
    (answering(("Content-Length", "2"), body=pieces(b"body")), GET, OK + "Content-Length: 2~~body", 1),
    # No header brings a line of its own, or another framing, into the answer.
    *((answering(("X", f"a{end}Y: b")), GET, FAILED, 1) for end in ("\r\n", "\n", "\r", "\0")),
    (answering(("X\r\nY", "b")), GET, FAILED, 1),
    (answering(status="200 OK\r\nSet-Cookie: b=c"), GET, FAILED, 1),
    (answering(("Connection", "close\r\nX: b")), GET, OK + "Content-Length: 4~" + CLOSE + "body", 1),
    (answering(("Transfer-Encoding", "chunked")), GET, FAILED, 1),
    # The application's bugs: 500, or when it is too late for that, an unfinished answer.
    (lambda environ, start: environ["no such key"], GET, FAILED, 1),
    (lambda environ, start: [b"without start_response"], GET, FAILED, 1),
    (lambda environ, start: [start("200 OK", []) and b"" for _ in range(2)], GET, FAILED, 1),
    (lambda environ, start: [str(start("200 OK", []))], GET, FAILED, 1),
    (answering(("Content-Length", "many")), GET, FAILED, 1),
    (answering(("X", "\u20ac")), GET, FAILED, 1),
    (answering(status="204 No Content", body=raising), GET, FAILED, 1),
    (LATE, GET, STREAM + "4~half~", 1),
]


class TestAnswers:
    @pytest.mark.parametrize(("app", "sent", "expected", "times"), ANSWERS)
    def test_bytes(self, serve: Serve, capsys: Any, app: Any, sent: bytes, expected: str, times: int) -> None:
        """Framing is right to the byte (RFC 9112 section 6), and the traceback of a bug is in stderr."""
        with Wire(serve(app)) as wire:
            wire.send(sent * 2)
            wire.sock.shutdown(socket.SHUT_WR)
            assert wire.rest() == raw(expected * times)
        assert ("Traceback" in capsys.readouterr().err) == (expected == FAILED or app is LATE)

    def test_stream_is_sent_as_it_comes(self, serve: Serve) -> None:
        """Each piece of an iterator is sent before the next one is asked for, as server-sent events need."""
        received = threading.Event()

        def body() -> Iterator[bytes]:
            yield b"data: 1\n\n"
            assert received.wait(10)
            yield b"data: 2\n\n"

        with Wire(serve(answering(body=body))) as wire:
            wire.send(GET)
            assert (wire.head().status, wire.chunk()) == (200, b"data: 1\n\n")
            received.set()
            assert [wire.chunk(), wire.chunk()] == [b"data: 2\n\n", b""]
