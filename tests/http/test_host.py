"""The HTTP/1.1 host, through real sockets (RFC 9110, RFC 9112, PEP 3333)."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple
from wsgiref.validate import validator

import pytest
import requests

from mockidp.http.host import BODY_LIMIT, HEAD_LIMIT, HttpHost
from mockidp.http.tls import CertificateAuthority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOST = b"Host: mock.test\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """A client that sends exactly what it is given."""

    def __init__(self, host: HttpHost) -> None:
        self.sock = socket.create_connection(host.address, timeout=10)
        self.file = self.sock.makefile("rb")

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def head(self) -> Answer:
        """Read one head, and leave its body."""
        status = int(self.file.readline().split()[1])
        headers: dict[str, str] = {}
        while (line := self.file.readline().decode().rstrip("\r\n")) != "":
            name, _, value = line.partition(": ")
            assert name.lower() not in headers
            headers[name.lower()] = value
        return Answer(status, headers, b"")

    def answer(self) -> Answer:
        """Read one answer, its body by Content-Length or chunks."""
        status, headers, _ = self.head()
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while piece := self.chunk():
                body += piece
        else:
            body = self.file.read(int(headers.get("content-length", "0")))
        return Answer(status, headers, body)

    def chunk(self) -> bytes:
        data = self.file.read(int(self.file.readline(), 16))
        assert self.file.readline() == b"\r\n"
        return data

    def ask(self, data: bytes) -> Answer:
        self.send(data)
        return self.answer()

    def closed(self) -> bool:
        """Whether the host says nothing more and closes."""
        try:
            return self.file.read() == b""
        except ConnectionResetError:
            return True


@pytest.fixture
def serve() -> Iterator[Callable[[Any], HttpHost]]:
    """Start a host for an application; every host is stopped at the end."""
    ca = CertificateAuthority()
    hosts: list[HttpHost] = []

    def start(app: Any) -> HttpHost:
        host = HttpHost(app, "127.0.0.1", 0, ca)
        hosts.append(host)
        host.start()
        return host

    yield start
    for host in hosts:
        host.stop()
    ca.close()


def hello(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode("latin-1"), b"!"]


def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer the environ's texts and the body as JSON."""
    seen = {name: value for name, value in environ.items() if isinstance(value, str)}
    seen["body"] = environ["wsgi.input"].read().decode("latin-1")
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(seen).encode()]


def answering(*headers: tuple[str, str], status: str = "200 OK", body: Any = (b"body",)) -> Any:
    """An application that answers just this; a function makes its body anew for each request."""

    def app(_environ: dict[str, Any], start_response: Any) -> Any:
        start_response(status, list(headers))
        return body() if callable(body) else body

    return app


def refusal_of(host: HttpHost, request: bytes) -> int:
    """Send a bad request; the status, after looking that body and connection are a refusal's."""
    with Wire(host) as wire:
        answer = wire.ask(request)
        assert wire.closed()
    body = json.loads(answer.body)
    assert body == {"statusCode": answer.status, "error": body["error"], "message": body["message"]}
    assert answer.headers["connection"] == "close"
    return answer.status


class TestConnections:
    def test_keep_alive(self, serve: Any) -> None:
        """One connection carries many requests, and nothing says that it would close."""
        with Wire(serve(hello)) as wire:
            for path in ("/a", "/b", "/c"):
                answer = wire.ask(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                headers = {"content-type": "text/plain", "content-length": "3"}
                assert answer == (200, headers, f"{path}!".encode())

    def test_pipelining_answers_in_order(self, serve: Any) -> None:
        """Requests sent without waiting are answered in their order (RFC 9112 section 9.3.2)."""
        with Wire(serve(echo)) as wire:
            post = b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
            wire.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(500)) + post)
            paths = [json.loads(wire.answer().body)["PATH_INFO"] for _ in range(500)]
            last = json.loads(wire.answer().body)
        assert paths == [f"/{n}" for n in range(500)]
        assert (last["PATH_INFO"], last["body"]) == ("/p", "abc")

    def test_requests_before_a_malformed_one_are_answered(self, serve: Any) -> None:
        """A refusal keeps its place in the order."""
        with Wire(serve(hello)) as wire:
            wire.send(GET + b"nonsense\r\n\r\n")
            assert [wire.answer().status, wire.answer().status] == [200, 400]
            assert wire.closed()

    @pytest.mark.parametrize("cut", range(1, len(GET)))
    def test_request_in_two_pieces(self, serve: Any, cut: int) -> None:
        """It does not matter where TCP cuts a request."""
        with Wire(serve(hello)) as wire:
            wire.send(GET[:cut])
            assert wire.ask(GET[cut:]).body == b"/!"

    @pytest.mark.parametrize("header", [b"", b"Connection: keep-alive\r\n"])
    def test_http_1_0_closes(self, serve: Any, header: bytes) -> None:
        """HTTP/1.0 needs no Host, and its connection carries one request."""
        with Wire(serve(hello)) as wire:
            answer = wire.ask(b"GET / HTTP/1.0\r\n" + header + b"\r\n")
            assert (answer.status, answer.headers["connection"], answer.body) == (200, "close", b"/!")
            assert wire.closed()

    def test_connection_close_of_the_client(self, serve: Any) -> None:
        """`Connection: close` is confirmed and done; what comes after it is not answered."""
        with Wire(serve(hello)) as wire:
            wire.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + GET)
            assert wire.answer().headers["connection"] == "close"
            assert wire.closed()

    def test_connection_close_of_the_application(self, serve: Any) -> None:
        """The application may close, too; the header is sent once."""
        with Wire(serve(answering(("connection", "Close")))) as wire:
            assert wire.ask(GET).headers == {"connection": "close", "content-length": "4"}
            assert wire.closed()

    def test_silent_clients_hold_up_nobody(self, serve: Any) -> None:
        """50 clients that send nothing, half a head, body or handshake leave the others alone."""
        host = serve(hello)
        half = [
            b"",
            b"GET / HT",
            b"\x16\x03\x01",
            b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab",
        ]
        with contextlib.ExitStack() as stack:
            for number in range(50):
                stack.enter_context(Wire(host)).send(half[number % 4])
            assert requests.get(f"http://127.0.0.1:{host.address[1]}/x", timeout=10).text == "/x!"

    def test_many_clients_at_once(self, serve: Any) -> None:
        """Each of 16 clients gets its own answers."""
        host = serve(hello)
        wrong: list[Answer] = []

        def client(number: int) -> None:
            with Wire(host) as wire:
                for turn in range(50):
                    path = b"/%d/%d" % (number, turn)
                    answer = wire.ask(b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n")
                    if answer.body != path + b"!":
                        wrong.append(answer)

        clients = [threading.Thread(target=client, args=(number,)) for number in range(16)]
        for thread in clients:
            thread.start()
        for thread in clients:
            thread.join()
        assert wrong == []

    @pytest.mark.parametrize(
        "framing",
        [b"Content-Length: 3\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"],
        ids=["length", "chunked"],
    )
    def test_upgrade_is_declined(self, serve: Any, framing: bytes) -> None:
        """An offer of h2c, as Java's client makes, is a request like any other, body included."""
        offer = HOST + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n"
        with Wire(serve(echo)) as wire:
            wire.send(
                b"GET /a HTTP/1.1\r\n" + offer + b"\r\n" + (b"POST /b HTTP/1.1\r\n" + offer + framing) * 2
            )
            seen = [json.loads(wire.answer().body) for _ in range(3)]
            for cut in range(1, len(framing)):
                wire.send(b"POST /b HTTP/1.1\r\n" + offer + framing[:cut])
                seen.append(json.loads(wire.ask(framing[cut:]).body))
        assert {(one["PATH_INFO"], one["body"]) for one in seen[1:]} == {("/b", "abc")}
        assert {(one["REQUEST_METHOD"], one["CONTENT_LENGTH"]) for one in seen[1:]} == {("POST", "3")}
        assert (seen[0]["PATH_INFO"], seen[0]["body"]) == ("/a", "")

    def test_many_upgrades_at_once(self, serve: Any) -> None:
        """However many offers one packet holds, each is declined."""
        with Wire(serve(hello)) as wire:
            wire.send(b"GET / HTTP/1.1\r\nHost:x\r\nConnection:upgrade\r\nUpgrade:x\r\n\r\n" * 2000)
            assert {wire.answer().status for _ in range(2000)} == {200}


class TestRequests:
    def test_environ(self, serve: Any) -> None:
        """The environ is what PEP 3333 asks for, with the target as it was sent."""
        host = serve(echo)
        with Wire(host) as wire:
            answer = wire.ask(
                b"PATCH /api/v2/users/auth0%7C1%2f2%C3%A4?a=%20b&c HTTP/1.1\r\nHost: mock.test:1\r\n"
                b"Content-Type: text/x\r\nContent-Length: 2\r\nX-Many: 1 \t\r\nx-many: 2\r\nCookie: a=1\r\n"
                b"cookie: b=2\r\nX_Many: spoofed\r\nEmpty:\r\n\r\nhi"
            )
            assert json.loads(answer.body) == {
                "REQUEST_METHOD": "PATCH",
                "SCRIPT_NAME": "",
                "PATH_INFO": "/api/v2/users/auth0|1/2\u00c3\u00a4",
                "QUERY_STRING": "a=%20b&c",
                "RAW_URI": "/api/v2/users/auth0%7C1%2f2%C3%A4?a=%20b&c",
                "REQUEST_URI": "/api/v2/users/auth0%7C1%2f2%C3%A4?a=%20b&c",
                "SERVER_NAME": "127.0.0.1",
                "SERVER_PORT": str(host.address[1]),
                "SERVER_PROTOCOL": "HTTP/1.1",
                "REMOTE_ADDR": "127.0.0.1",
                "REMOTE_PORT": str(wire.sock.getsockname()[1]),
                "wsgi.url_scheme": "http",
                "CONTENT_TYPE": "text/x",
                "CONTENT_LENGTH": "2",
                "HTTP_HOST": "mock.test:1",
                "HTTP_X_MANY": "1,2",
                "HTTP_COOKIE": "a=1; b=2",
                "HTTP_EMPTY": "",
                "body": "hi",
            }

    def test_nothing_is_left_for_the_next_request(self, serve: Any) -> None:
        """Headers and body of one request do not appear in the next on the same connection."""
        with Wire(serve(echo)) as wire:
            first = json.loads(wire.ask(GET).body)
            wire.ask(b"PUT /x?y HTTP/1.1\r\nHost: other\r\nX: 1\r\nContent-Length: 2\r\n\r\nhi")
            assert json.loads(wire.ask(GET).body) == first

    def test_wsgiref_finds_nothing_to_complain_of(self, serve: Any) -> None:
        """The standard library's validator accepts the host (PEP 3333)."""
        host = serve(validator(answering(("Content-Type", "text/plain"), body=[b"ok"])))
        url = f"http://127.0.0.1:{host.address[1]}/a%20b?c"
        assert [requests.request(m, url, timeout=10).status_code for m in ("GET", "HEAD", "POST")] == [
            200
        ] * 3

    @pytest.mark.parametrize(
        ("target", "path", "query", "host"),
        [
            ("http://real.test:80/p%7C?q=1", "/p|", "q=1", "real.test:80"),
            ("HTTPS://real.test", "/", "", "real.test"),
            ("http://real.test?q", "/", "q", "real.test"),
            ("http://user@real.test/", "/", "", "real.test"),
            ("//a//b", "//a//b", "", "mock.test"),
            ("/http://x/", "/http://x/", "", "mock.test"),
        ],
    )
    def test_request_target(self, serve: Any, target: str, path: str, query: str, host: str) -> None:
        """A URL as target names the host, instead of Host (RFC 9112 section 3.2.2)."""
        with Wire(serve(echo)) as wire:
            seen = json.loads(wire.ask(f"GET {target} HTTP/1.1\r\nHost: mock.test\r\n\r\n".encode()).body)
        assert (seen["PATH_INFO"], seen["QUERY_STRING"], seen["HTTP_HOST"]) == (path, query, host)
        assert seen["RAW_URI"] == target

    def test_asterisk(self, serve: Any) -> None:
        """`OPTIONS *` asks the server as a whole (RFC 9112 section 3.2.4)."""
        with Wire(serve(hello)) as wire:
            assert wire.ask(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n").body == b"*!"

    def test_chunked_body(self, serve: Any) -> None:
        """Chunks are put together, extensions and trailers dropped, and the application sees a length."""
        with Wire(serve(echo)) as wire:
            wire.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n")
            answer = wire.ask(b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Trailer: 1\r\nHost: y\r\n\r\n")
            seen = json.loads(answer.body)
        assert (seen["body"], seen["CONTENT_LENGTH"], seen["HTTP_HOST"]) == ("abc0123456789", "13", "x")
        assert not {"HTTP_TRANSFER_ENCODING", "HTTP_X_TRAILER"} & seen.keys()

    def test_expect_continue(self, serve: Any) -> None:
        """A client that waits for 100 gets it, after the answers it is still owed (RFC 9110 section 10.1.1)."""
        head = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n"
        with Wire(serve(echo)) as wire:
            wire.send(GET + head)
            assert [wire.answer().status, wire.head().status] == [200, 100]
            assert json.loads(wire.ask(b"hi").body)["body"] == "hi"
            wire.send(head + b"hi")  # had no need to wait
            assert json.loads(wire.answer().body)["body"] == "hi"

    def test_largest_body(self, serve: Any) -> None:
        """A body of the limit passes."""
        host = serve(
            lambda environ, start: hello({"PATH_INFO": str(len(environ["wsgi.input"].read()))}, start)
        )
        answer = requests.post(f"http://127.0.0.1:{host.address[1]}/", data=b"x" * BODY_LIMIT, timeout=10)
        assert answer.text == f"{BODY_LIMIT}!"

    def test_largest_head(self, serve: Any) -> None:
        """A head of the limit passes, and one byte more does not."""
        host = serve(answering())
        fill = b"a" * (HEAD_LIMIT - len(GET) - len("X: \r\n"))
        with Wire(host) as wire:
            assert wire.ask(GET[:-2] + b"X: " + fill + b"\r\n\r\n").status == 200
            assert wire.ask(GET[:-2] + b"X: " + fill + b"\r\n\r\n").status == 200
        assert refusal_of(host, GET[:-2] + b"X: " + fill + b"a\r\n\r\n") == 431


class TestRefusals:
    @pytest.mark.parametrize(
        "sent",
        [
            b"GET /" + b"a" * 2 * HEAD_LIMIT,
            GET[:-2] + b"X: y\r\n" * HEAD_LIMIT,
            GET[:-2] + b"X" * 2 * HEAD_LIMIT,
        ],
        ids=["target", "many headers", "one header"],
    )
    def test_head_too_large(self, serve: Any, sent: bytes) -> None:
        """431 as soon as the limit is reached, whatever fills the head (RFC 6585 section 5)."""
        assert refusal_of(serve(hello), sent) == 431

    def test_body_too_large_by_content_length(self, serve: Any) -> None:
        """413 before the body is sent, instead of 100 (RFC 9110 section 10.1.1)."""
        head = (
            f"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {BODY_LIMIT + 1}\r\n\r\n"
        )
        assert refusal_of(serve(hello), head.encode()) == 413

    def test_body_too_large_by_chunks(self, serve: Any) -> None:
        """413 when the chunks become too many."""
        head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = b"%x\r\n" % (BODY_LIMIT // 2) + b"a" * (BODY_LIMIT // 2) + b"\r\n"
        assert refusal_of(serve(hello), head + chunk * 2 + b"1\r\na") == 413

    def test_refusal_reaches_a_client_that_is_still_sending(self, serve: Any) -> None:
        """The answer is not lost in a reset (RFC 9112 section 9.6)."""
        url = f"http://127.0.0.1:{serve(hello).address[1]}/"
        for size in (BODY_LIMIT + 1, 4 * BODY_LIMIT):
            assert requests.post(url, data=b"x" * size, timeout=10).status_code == 413

    @pytest.mark.parametrize(
        "sent",
        [
            b"nonsense\r\n\r\n",
            b"GET /\r\n\r\n",
            b"FETCH / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n folded\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nX : a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
            b"GET / HTTP/1.1\nHost: x\n\n",
            b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
            b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\x80\0\r\n",
        ],
    )
    def test_malformed(self, serve: Any, sent: bytes) -> None:
        """400 for what is not HTTP/1.1 as it is written, a missing or second Host included."""
        assert refusal_of(serve(hello), sent) == 400

    @pytest.mark.parametrize(
        "framing",
        [
            "Content-Length: 3\r\nContent-Length: 3",
            "Content-Length: 3\r\nContent-Length: 4",
            "Content-Length: 3, 3",
            "Content-Length: +3",
            "Content-Length: -3",
            "Content-Length: 0x3",
            "Content-Length:",
            "Content-Length: 3\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 3",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked, identity",
            "Transfer-Encoding : chunked",
            "Transfer-Encoding:\n chunked",
        ],
    )
    def test_smuggling(self, serve: Any, framing: str) -> None:
        """A body whose end can be read in two ways is not read at all (RFC 9112 section 11.2)."""
        status = refusal_of(serve(hello), f"POST / HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\nabc".encode())
        assert status == 400

    def test_chunks_before_http_1_1(self, serve: Any) -> None:
        """HTTP/1.0 has no chunks (RFC 9112 section 6.1)."""
        assert (
            refusal_of(serve(hello), b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") == 400
        )

    @pytest.mark.parametrize("coding", ["gzip, chunked", "xchunked"])
    def test_unknown_transfer_coding(self, serve: Any, coding: str) -> None:
        """501 for a transfer coding that is not understood (RFC 9112 section 6.1)."""
        sent = f"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {coding}\r\n\r\n"
        assert refusal_of(serve(hello), sent.encode()) == 501

    @pytest.mark.parametrize("size", ["z", "-1", "10000000000000000"])
    def test_bad_chunk(self, serve: Any, size: str) -> None:
        """400 for a chunk size that is no number, or none that can be."""
        sent = f"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\nabc"
        assert refusal_of(serve(hello), sent.encode()) in (400, 413)


class TestAnswers:
    def test_head_has_no_body(self, serve: Any) -> None:
        """HEAD is answered as GET, without the body (RFC 9110 section 9.3.2)."""
        with Wire(serve(hello)) as wire:
            wire.send(GET.replace(b"GET", b"HEAD") + GET)
            assert wire.head().headers == {"content-type": "text/plain", "content-length": "2"}
            assert wire.answer().body == b"/!"

    def test_head_of_an_endless_stream(self, serve: Any) -> None:
        """HEAD does not wait for the end of a stream."""
        with Wire(serve(answering(body=iter(lambda: b"more", None)))) as wire:
            wire.send(GET.replace(b"GET", b"HEAD"))
            assert wire.head() == (200, {}, b"")
            wire.send(GET)
            assert wire.head().headers == {"transfer-encoding": "chunked"}

    @pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
    @pytest.mark.parametrize("body", [[], [b"none"], lambda: iter([b"none"])], ids=["no", "list", "iterator"])
    def test_status_without_body(self, serve: Any, status: str, body: Any) -> None:
        """204 and 304 end with the head (RFC 9110 section 6.4.1)."""
        with Wire(serve(answering(status=status, body=body))) as wire:
            wire.send(GET + GET)
            assert [wire.head(), wire.head()] == [(int(status[:3]), {}, b"")] * 2

    def test_stream_is_sent_as_it_comes(self, serve: Any) -> None:
        """Each piece of an iterator is a chunk of its own, sent before the next one is asked for."""
        received = threading.Event()

        def body() -> Iterator[bytes]:
            yield b"data: 1\n\n"
            yield b""
            assert received.wait(10)
            yield b"data: 2\n\n"

        with Wire(serve(answering(("Content-Type", "text/event-stream"), body=body()))) as wire:
            wire.send(GET)
            assert wire.head().headers["transfer-encoding"] == "chunked"
            assert wire.chunk() == b"data: 1\n\n"
            received.set()
            assert [wire.chunk(), wire.chunk()] == [b"data: 2\n\n", b""]

    def test_stream_for_http_1_0(self, serve: Any) -> None:
        """Before chunks, a body of unknown length ends with the connection (RFC 9112 section 6.3)."""
        with Wire(serve(answering(body=iter([b"a", b"b"])))) as wire:
            wire.send(b"GET / HTTP/1.0\r\n\r\n")
            assert wire.head().headers == {"connection": "close"}
            assert wire.file.read() == b"ab"

    def test_stream_of_known_length(self, serve: Any) -> None:
        """The application's own Content-Length makes chunks needless."""
        app = answering(("Content-Length", "2"), body=iter([b"a", b"b"]))
        with Wire(serve(app)) as wire:
            assert wire.ask(GET) == (200, {"content-length": "2"}, b"ab")

    def test_empty_iterator(self, serve: Any) -> None:
        """Nothing is a body of no bytes."""
        with Wire(serve(answering(body=iter([])))) as wire:
            assert wire.ask(GET) == (200, {"content-length": "0"}, b"")

    def test_write(self, serve: Any) -> None:
        """The imperative `write` of PEP 3333 goes before what is returned."""

        def app(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
            write = start_response("200 OK", [])
            write(b"first ")
            return [b"second"]

        with Wire(serve(app)) as wire:
            assert [wire.ask(GET).body, wire.ask(GET).body] == [b"first second"] * 2

    @pytest.mark.parametrize("body", [[b"abc"], lambda: iter([b"abc"])], ids=["list", "iterator"])
    @pytest.mark.parametrize("declared", ["2", "9"])
    def test_wrong_content_length_ends_the_connection(self, serve: Any, declared: str, body: Any) -> None:
        """The client must not take the next answer for a part of this one, or the reverse."""
        with Wire(serve(answering(("Content-Length", declared), body=body))) as wire:
            wire.send(GET + GET)
            assert wire.head().status == 200
            assert wire.file.read() == b"abc"

    def test_close_is_called(self, serve: Any) -> None:
        """What the application returns is closed, whatever became of it (PEP 3333)."""
        closed = threading.Event()

        class Body:
            def __iter__(self) -> Iterator[bytes]:
                yield b"a"

            def close(self) -> None:
                closed.set()

        with Wire(serve(answering(body=Body()))) as wire:
            wire.ask(GET)
        assert closed.wait(10)

    @pytest.mark.parametrize(
        ("status", "header"),
        [
            ("200 OK", ("X", "a\r\nSet-Cookie: b=c")),
            ("200 OK", ("X", "a\nSet-Cookie: b=c")),
            ("200 OK", ("X", "a\rb")),
            ("200 OK", ("X", "a\0b")),
            ("200 OK", ("X\r\nSet-Cookie", "b")),
            ("200 OK", ("Location", "/\r\n\r\n<script>")),
            ("200 OK\r\nSet-Cookie: b=c", ("X", "a")),
            ("200 OK", ("Connection", "close\r\nSet-Cookie: b=c")),
            ("200 OK", ("Transfer-Encoding", "chunked")),
        ],
    )
    def test_header_injection(self, serve: Any, capsys: Any, status: str, header: tuple[str, str]) -> None:
        """No header of the application's brings a line of its own, or another framing, into the answer."""
        with Wire(serve(answering(header, status=status))) as wire:
            answer = wire.ask(GET)
        assert "set-cookie" not in answer.headers
        assert answer.status == (200 if header[0] == "Connection" else 500)
        assert ("ValueError" in capsys.readouterr().err) == (answer.status == 500)


def raising() -> Any:
    raise LookupError("a bug")
    yield b""


class TestFailures:
    @pytest.mark.parametrize(
        "app",
        [
            lambda environ, start_response: environ["no such key"],
            lambda environ, start_response: [b"without start_response"],
            lambda environ, start_response: [start_response("200 OK", []) and b"" for _ in range(2)],
            lambda environ, start_response: [str(start_response("200 OK", []))],
            answering(("Content-Length", "many")),
            answering(("X", "\u20ac")),
            answering(body=raising),
            answering(("Content-Length", "9"), status="204 No Content", body=raising),
        ],
    )
    def test_application_raises(self, serve: Any, capsys: Any, app: Any) -> None:
        """500 to the client, the traceback to the test's stderr, and the host goes on."""
        host = serve(app)
        expected = {
            "content-type": "text/plain; charset=utf-8",
            "content-length": "21",
            "connection": "close",
        }
        for _ in range(2):
            with Wire(host) as wire:
                assert wire.ask(GET + GET) == (500, expected, b"Internal Server Error")
                assert wire.closed()
            assert "Traceback" in capsys.readouterr().err

    def test_application_raises_too_late(self, serve: Any, capsys: Any) -> None:
        """After the head only the missing last chunk can tell the client."""

        def body() -> Iterator[bytes]:
            yield b"half"
            raise LookupError("a bug")

        with Wire(serve(answering(body=body))) as wire:
            wire.send(GET)
            wire.head()
            assert wire.chunk() == b"half"
            assert wire.closed()
        assert "LookupError: a bug" in capsys.readouterr().err

    def test_application_changes_its_mind(self, serve: Any) -> None:
        """With exc_info the head is replaced as long as it was not sent (PEP 3333)."""

        def app(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
            start_response("200 OK", [("Content-Length", "1"), ("X", "1")])
            try:
                raise LookupError
            except LookupError:
                start_response("503 Service Unavailable", [], sys.exc_info())
            return [b"sorry"]

        with Wire(serve(app)) as wire:
            assert wire.ask(GET) == (503, {"content-length": "5"}, b"sorry")

    def test_application_changes_its_mind_too_late(self, serve: Any, capsys: Any) -> None:
        """With exc_info and the head sent, the application's error comes back to it (PEP 3333)."""

        def app(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
            start_response("200 OK", [])(b"half")
            try:
                raise LookupError("the first error")
            except LookupError:
                start_response("500 Oops", [], sys.exc_info())
            raise AssertionError("not reached")

        with Wire(serve(app)) as wire:
            wire.send(GET)
            assert (wire.head().status, wire.chunk()) == (200, b"half")
            assert wire.closed()
        assert "the first error" in capsys.readouterr().err.splitlines()[-1]

    @pytest.mark.parametrize(
        "body", [[b"body"], raising, lambda: iter([b"a", b"b"])], ids=["list", "raises", "stream"]
    )
    def test_abort(self, serve: Any, body: Any) -> None:
        """After `abort()` the client gets nothing, whatever the application still does."""
        host = serve(
            lambda environ, start: environ["mockidp.connection"].abort() or answering(body=body)({}, start)
        )
        with Wire(host) as wire:
            wire.send(GET)
            assert wire.closed()

    def test_abort_in_the_middle(self, serve: Any) -> None:
        """What was sent before `abort()` stays sent."""

        def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
            start_response("200 OK", [("Content-Length", "6")])
            yield b"abc"
            environ["mockidp.connection"].abort()
            yield b"def"

        with Wire(serve(app)) as wire:
            wire.send(GET)
            assert wire.head().status == 200
            assert wire.file.read() == b"abc"

    def test_client_leaves_during_the_answer(self, serve: Any, capsys: Any) -> None:
        """The stream is closed, so that the application knows, and no traceback is printed."""
        closed = threading.Event()

        def body() -> Iterator[bytes]:
            try:
                while True:
                    yield b"x" * 65536
            finally:
                closed.set()

        host = serve(answering(body=body))
        with Wire(host) as wire:
            wire.send(GET)
            wire.head()
        assert closed.wait(10)
        host.stop()
        assert capsys.readouterr() == ("", "")

    @pytest.mark.parametrize(
        "sent",
        [b"", b"GET", b"\x16\x03", GET[:-2], b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"],
    )
    def test_client_leaves_before_the_request_is_complete(self, serve: Any, capsys: Any, sent: bytes) -> None:
        """Half a request is no request: no answer, no noise."""
        host = serve(hello)
        with Wire(host) as wire:
            wire.send(sent)
            wire.sock.shutdown(socket.SHUT_WR)
            assert wire.closed()
        host.stop()
        assert capsys.readouterr() == ("", "")


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("mockidp-")]


def sockets() -> set[str]:
    """The open sockets of this process."""
    links = set()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            links.add(os.readlink(f"/proc/self/fd/{number}"))
    return {link for link in links if link.startswith("socket:")}


class TestLifeCycle:
    def test_stop_leaves_nothing(self, serve: Any) -> None:
        """With clients idle, half done, in a handshake and streaming, no thread stays and every client is told."""
        before = sockets() if sys.platform == "linux" else set()
        host = serve(answering(body=lambda: iter(lambda: b"more" * 1024, None)))
        with contextlib.ExitStack() as stack:
            wires = [stack.enter_context(Wire(host)) for _ in range(20)]
            for number, wire in enumerate(wires):
                wire.send([b"", GET[:9], b"\x16\x03\x01", GET][number % 4])
            wires[3].head()
            host.stop()
            assert threads() == []
            for wire in wires:
                with contextlib.suppress(ConnectionResetError):
                    wire.file.read()
        if sys.platform == "linux":
            assert sockets() == before
        with pytest.raises(ConnectionRefusedError):
            Wire(host)

    def test_stop_is_idempotent(self, serve: Any) -> None:
        """Stopping twice is stopping."""
        host = serve(hello)
        host.stop()
        host.stop()
        assert threads() == []

    def test_stop_without_start(self) -> None:
        """A host that never served gives its port back as well."""
        ca = CertificateAuthority()
        host = HttpHost(hello, "127.0.0.1", 0, ca)
        host.stop()
        again = HttpHost(hello, *host.address, ca)
        assert again.address == host.address
        again.stop()

    def test_stop_by_the_application(self, serve: Any) -> None:
        """An application may stop the host that runs it; its thread ends by itself."""
        stopped = threading.Event()

        def app(_environ: dict[str, Any], _start_response: Any) -> list[bytes]:
            host.stop()
            stopped.set()
            return []

        host = serve(app)
        with Wire(host) as wire:
            wire.send(GET)
            assert wire.closed()
        assert stopped.wait(10)

    def test_port_in_use(self, serve: Any) -> None:
        """The constructor binds, and says so at once when it cannot."""
        host = serve(hello)
        with pytest.raises(OSError, match="in use"):
            HttpHost(hello, *host.address, CertificateAuthority())

    def test_clients_before_start(self) -> None:
        """Who connects between constructor and start is served."""
        host = HttpHost(hello, "127.0.0.1", 0, CertificateAuthority())
        with Wire(host) as wire:
            wire.send(GET)
            host.start()
            assert wire.answer().status == 200
            host.stop()

    @pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
    def test_ipv6(self) -> None:
        """An IPv6 address is bound as one."""
        host = HttpHost(echo, "::1", 0, CertificateAuthority())
        host.start()
        with Wire(host) as wire:
            seen = json.loads(wire.ask(GET).body)
        host.stop()
        assert (seen["SERVER_NAME"], seen["REMOTE_ADDR"]) == ("::1", "::1")

    def test_default_timeout_of_the_tests(self, serve: Any) -> None:
        """`socket.setdefaulttimeout` in a test is for its clients, and does not end idle connections."""
        before = socket.getdefaulttimeout()
        socket.setdefaulttimeout(0.001)
        try:
            host = serve(hello)
            with Wire(host) as wire:
                assert wire.ask(GET).status == 200
                threading.Event().wait(0.01)
                assert wire.ask(GET).status == 200
        finally:
            socket.setdefaulttimeout(before)
