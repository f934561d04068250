"""The HTTP/1.1 host: carries a WSGI application on one port, plain or TLS (PEP 3333).

leader:   waits for all clients at once; reads, runs the application, and answers, one request after the other
watcher:  sees when the leader is held up, by an application that waits or a slow client; then another leads
lending:  a leader that computes without the interpreter lock lets another one lead: who is at work already
          and becomes free meanwhile, or, if more clients wait, somebody who rests

Who does not lead any more finishes its request, gives the connection back, and leads again or rests.
Python runs one thread at a time: to hand it over at each system call costs more than a short request does.
"""

from __future__ import annotations

import os
import selectors
import socket
import threading
from contextlib import contextmanager, suppress
from functools import partial
from queue import SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any

from mockidp import gil
from mockidp.http.connection import HEAD_LIMIT, PATIENCE, Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from wsgiref.types import WSGIApplication

    from mockidp.http.tls import CertificateAuthority

_ENVIRON: dict[str, Any] = {  # what is the same for every request (PEP 3333)
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
    "wsgi.input_terminated": True,  # as werkzeug and others have it: the body ends by itself
    "SCRIPT_NAME": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
}
_HELD_UP = 0.005  # seconds after which somebody else leads
_MOST_LENT = min(os.cpu_count() or 1, 4) - 1  # who leads computes, too; more wait for the interpreter lock
_MOST_RESTING = _MOST_LENT + 1
# These hear of a new socket while they wait; for others the leader has to be woken.
_NEEDS_BELL = selectors.DefaultSelector.__name__ not in ("EpollSelector", "KqueueSelector")


class HttpHost:
    """Serve one WSGI application on one port, plain HTTP and TLS told apart by the first byte.

    Binds at once (port 0: a free one, see `address`), or raises OSError. Calls the application from threads.
    `serves` says of a `HOST:PORT` whether a proxy's client gets a tunnel (CONNECT), which leads back to here.
    """

    def __init__(
        self,
        app: WSGIApplication,
        host: str,
        port: int,
        ca: CertificateAuthority,
        serves: Callable[[str], bool] | None = None,
    ) -> None:
        self.app, self.ca, self.serves = app, ca, serves
        self._listeners = _listen(host, port)
        self.address: tuple[str, int] = self._listeners[0].getsockname()[:2]
        self.environ = _ENVIRON | {"SERVER_NAME": self.address[0], "SERVER_PORT": str(self.address[1])}
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self._connections: set[Connection] = set()
        self._watched: set[Connection] = set()  # of these, whom the leader waits for
        self._threads: set[threading.Thread] = set()
        self._selector = selectors.DefaultSelector()
        self._bell, self._ringer = socket.socketpair()  # rung, it wakes the leader
        for watched in (*self._listeners, self._bell):
            self._selector.register(watched, selectors.EVENT_READ)
        self._is_abandoned = False  # by `stop()`, to threads that an application holds up
        self._term = 0  # counts leaders
        self._turn = 0  # counts what they handled
        self._current: Connection | None = None  # what the leader is at
        self._pending = 0  # how many wait for the leader
        self._is_offered = False  # the lead, by who computes without the interpreter lock
        self._lent: set[int] = set()  # terms of those who compute so while another one leads
        self._resting = 0
        self._terms: SimpleQueue[int | None] = SimpleQueue()  # for who rests: what to lead, None to end
        self._is_watched = False
        self._work = threading.Event()  # set while the leader is watched

    def start(self) -> None:
        """Begin to serve; who connected since the constructor is served. RuntimeError: no threads left."""
        with self.lock:
            self._spawn(self._watch_leader)
            self._spawn(self._serve)
            self._terms.put(self._term)

    def stop(self) -> None:
        """Close every connection and wait for the threads; an application still at work gets a second."""
        self.stopping.set()
        self._work.set()
        with self.lock:
            threads = list(self._threads)
            for _ in range(self._resting):
                self._terms.put(None)
        self._ring()
        for connection in list(self._connections):
            connection.abort()
        end = monotonic() + PATIENCE
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, end - monotonic()))
        with self.lock:
            self._is_abandoned = bool(self._threads)
        if not self._is_abandoned:
            self._release()

    def drop(self, is_unwanted: Callable[[str], bool]) -> None:
        """Close the connections whose client last asked for a `Host` that is not wanted any more."""
        for connection in list(self._connections):
            if (name := connection.environ.get("HTTP_HOST")) and is_unwanted(name):
                connection.abort()

    def _spawn(self, run: Callable[[], None]) -> None:
        """Start a thread, or raise RuntimeError. For who holds the lock."""
        thread = threading.Thread(target=run, name=f"mockidp-host:{self.address[1]}", daemon=True)
        thread.start()
        self._threads.add(thread)

    def _ring(self) -> None:
        with suppress(OSError):
            self._ringer.send(b"!")

    # -- the leader --------------------------------------------------------------------------------------

    def _serve(self) -> None:
        """Lead and rest by turns; the life of a thread."""
        buffer = memoryview(bytearray(HEAD_LIMIT))
        try:
            term = self._terms.get()
            while term is not None:
                gil.MEANWHILE.set(partial(self._lending, term))
                self._lead(term, buffer)
                term = self._rest()
        finally:
            self._leave()

    def _lead(self, term: int, buffer: memoryview) -> None:
        while not self.stopping.is_set():
            ready = self._selector.select()
            self._pending = len(ready)
            for key, _ in ready:
                self._pending -= 1
                if key.fileobj is self._bell:
                    self._bell.recv(1024)
                elif key.data is None:
                    self._accept(key.fileobj)
                elif not self._handle(key.data, term, buffer):
                    return

    def _handle(self, connection: Connection, term: int, buffer: memoryview) -> bool:
        """Let a connection read and answer; False: somebody else leads since."""
        with self.lock:
            self._current, self._turn = connection, self._turn + 1
            wake, self._is_watched = not self._is_watched, True
        if wake:
            self._work.set()
        going = connection.step(buffer)
        if not going:
            with self.lock:
                self._unwatch(connection)
            self._close(connection)  # waits for the client: it may hold up the leader, too
        with self.lock:
            leads = self._term == term
            if leads:
                self._current = None
        if going and not leads and not self.stopping.is_set():
            self._watch(connection)
            if _NEEDS_BELL:
                self._ring()
        return leads

    def _accept(self, listener: Any) -> None:
        """Take all who wait: one at a time would let the last of many wait for the requests of the others."""
        while not self.stopping.is_set():
            try:
                sock, peer = listener.accept()
            except BlockingIOError:
                return
            except OSError:  # out of file descriptors: leave the clients time to return some
                self.stopping.wait(0.01)
                return
            try:
                connection = Connection(self, sock, peer)
            except OSError:  # it has left
                sock.close()
                continue
            self._connections.add(connection)
            self._watch(connection)

    def _watch(self, connection: Connection) -> None:
        self._watched.add(connection)
        self._selector.register(connection.descriptor, selectors.EVENT_READ, connection)

    def _unwatch(self, connection: Connection) -> None:
        if connection in self._watched:
            self._watched.discard(connection)
            self._selector.unregister(connection.descriptor)

    def _close(self, connection: Connection) -> None:
        connection.close()
        self._connections.discard(connection)

    # -- the next one ------------------------------------------------------------------------------------

    def _watch_leader(self) -> None:
        """While there is work, see whether the leader is still at what it was at."""
        while not self.stopping.is_set():
            self._work.wait()
            turn = self._turn
            self.stopping.wait(_HELD_UP)
            with self.lock:
                if self._turn != turn:
                    continue
                if self._current is not None:
                    self._hand_over()
                else:  # nothing to do
                    self._is_watched = False
                    self._work.clear()
        self._leave()

    @contextmanager
    def _lending(self, term: int) -> Iterator[None]:
        """Let somebody else lead meanwhile, if there is anybody to whom that is of use."""
        with self.lock:
            if self._term == term and self._current is not None:
                self._is_offered = True
                if self._pending and len(self._lent) < _MOST_LENT:
                    self._hand_over()
        try:
            yield
        finally:
            with self.lock:
                self._lent.discard(term)
                if self._term == term:
                    self._is_offered = False

    def _hand_over(self) -> None:
        """Let who rests lead, or a new thread if there can be one. For who holds the lock."""
        if self.stopping.is_set():
            return
        if self._resting:
            self._resting -= 1
        else:
            try:
                self._spawn(self._serve)
            except RuntimeError:  # the machine has no more threads: the others go on as they are
                return
        self._terms.put(self._succeed())

    def _succeed(self) -> int:
        """End the term of a leader that is at a connection, and begin the next. For who holds the lock."""
        if self._is_offered:
            self._is_offered = False
            self._lent.add(self._term)
        if self._current is not None:
            self._unwatch(self._current)
            self._current = None
        self._term += 1
        return self._term

    def _rest(self) -> int | None:
        """Return the term to lead, as soon as there is one; None: end, as there are enough threads."""
        with self.lock:
            if self.stopping.is_set():
                return None
            if self._is_offered:  # nobody has to be woken
                return self._succeed()
            if self._resting == _MOST_RESTING:
                return None
            self._resting += 1
        return self._terms.get()

    def _leave(self) -> None:
        """End a thread; the last one for which `stop()` did not wait closes what is open."""
        with self.lock:
            self._threads.discard(threading.current_thread())
            is_last = self._is_abandoned and not self._threads
        if is_last:
            self._release()

    def _release(self) -> None:
        for connection in list(self._connections):
            self._close(connection)
        self._selector.close()
        for sock in (*self._listeners, self._bell, self._ringer):
            sock.close()


def _listen(host: str, port: int) -> list[socket.socket]:
    """Bind, or raise OSError; beside 127.0.0.1 also ::1 where that is possible.

    `localhost` may mean either: Node.js 18 tries ::1 only, and Windows waits before it tries the other one.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listeners = [socket.create_server((host, port), family=family, backlog=1024)]
    name, bound = listeners[0].getsockname()[:2]
    if name == "127.0.0.1":
        with suppress(OSError):  # no IPv6 here, or somebody else's port
            listeners.append(socket.create_server(("::1", bound), family=socket.AF_INET6, backlog=1024))
    for listener in listeners:
        listener.setblocking(False)
    return listeners
