"""`serve --workers`: the application under granian, in a process of its own (the extra `mockidp[workers]`).

the command:  checks the options, finds the port, and waits for the end
the worker:   makes the tenant, accepts connections, and says then that it is ready
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from functools import partial
from multiprocessing import parent_process
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mockidp.errors import UsageError
from mockidp.wsgi import PORT, hosted, mock

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

THREADS = 32  # requests at work at one time; an open dashboard and a delayed answer take one each
CONNECTIONS = 1024  # kept at one time; further ones wait to be accepted
PATIENCE = 1  # seconds that answers get to end when the server stops
_HANDLER = {"class": "logging.StreamHandler", "formatter": "generic", "stream": "ext://sys.stderr"}


def check_workers(number: int) -> None:
    """Raise `UsageError` unless so many workers can serve one tenant, and granian is there."""
    if number < 1:
        raise UsageError(f"--workers {number}: write a number from 1")
    if number > 1:
        raise UsageError(
            f"--workers {number}: each worker would have a tenant of its own, without the users and codes of "
            "the others; use --workers 1"
        )
    try:
        import granian  # noqa: F401
    except ImportError:
        raise UsageError("--workers needs granian: pip install 'mockidp[workers]'") from None


def take_port(values: Any) -> None:
    """Let `values.port` be one that can be bound; raise `UsageError` when that which is asked for cannot.

    granian shares a port (SO_REUSEPORT) with another granian: two tenants would answer in turn.
    """
    from mockidp.server import cannot_listen

    host, port = values.host or "127.0.0.1", PORT if values.port is None else values.port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        if os.name == "posix":  # elsewhere it would take a port from its owner
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            raise UsageError(cannot_listen(host, port, error)) from None
        values.host, values.port = host, probe.getsockname()[1]


def serve(values: Any, ready: str) -> None:
    """Serve what the options describe until SIGTERM or Ctrl-C; print `ready` when connections are accepted.

    `values.host` and `values.port` are what `take_port` has left there.
    """
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.log import LogLevels

    server = Granian(
        "mockidp",
        address=values.host if ":" in values.host else socket.gethostbyname(values.host),
        port=values.port,
        interface=Interfaces.WSGI,
        blocking_threads=THREADS,
        backpressure=CONNECTIONS,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.error,
        log_dictconfig={"handlers": {"console": _HANDLER, "access": _HANDLER}},
        workers_kill_timeout=PATIENCE,
    )
    server.on_startup(_leave_hangup)
    try:
        server.serve(target_loader=partial(_load, values, ready), wrap_loader=False)
    except SystemExit:
        if not server.interrupt_signal:  # who stops every process may reach the worker first
            raise


def _leave_hangup() -> None:
    """Take SIGHUP from granian, which would serve a new tenant beside the old one for a while."""
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _load(values: Any, ready: str) -> WSGIApplication:
    """Return the application, in the worker."""
    if os.name == "posix":
        os.setpgrp()  # Ctrl-C is for the command alone: of two signals granian's worker hangs
    idp = mock(values, PORT)
    threading.Thread(target=_accompany, args=(idp.url, ready, values.open), daemon=True).start()
    for name in [name for name in os.environ if name.startswith("HTTP_")]:
        del os.environ[name]  # granian shows them to the application: HTTP_PROXY would be a header `Proxy`
    return hosted(idp)


def _accompany(url: str, ready: str, is_opened: bool | None) -> None:
    """Say that the worker accepts connections, and end it when the command was killed."""
    address = urlsplit(url)
    while not _is_answered(address.hostname, address.port):
        time.sleep(0.005)
    print(ready, flush=True)  # noqa: T201
    if is_opened:
        import webbrowser

        webbrowser.open(f"{url}/_mockidp/")
    command = parent_process()
    if command is not None:
        command.join()
        os._exit(1)


def _is_answered(host: str | None, port: int | None) -> bool:
    """Whether granian answers, by a request that it refuses itself: the tenant has not yet seen any."""
    try:
        with socket.create_connection((host, port), timeout=5) as connection:
            connection.sendall(b"READY?\r\n\r\n")
            return bool(connection.recv(1))
    except OSError:
        return False
