"""The mock that options describe, and its WSGI application (PEP 3333) for other servers than our own:
`granian --interface wsgi --factory mockidp.wsgi:create_app`, or `gunicorn 'mockidp.wsgi:create_app()'`.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from mockidp.harness.command_line import SERVER, CommandError, from_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from mockidp.server import MockIdp

PORT = 4100


def create_app(environ: Mapping[str, str] | None = None) -> WSGIApplication:
    """Return the application of a new mock that `MOCKIDP_SEED`, `MOCKIDP_DOMAIN` … describe, as for `serve`.

    `environ` has the variables, and fills the placeholders of seeds; None for the process's environment.
    `MOCKIDP_PORT` is the port under which the other server is reached (4100). Each call makes a tenant of its
    own, so one process hosts it. Raises `CommandError` for a wrong variable, `UsageError` for a wrong seed.
    """
    values = from_environment(SERVER, os.environ if environ is None else environ)
    return hosted(mock(values, PORT, environ))


def mock(values: Any, port: int, environ: Mapping[str, str] | None = None) -> MockIdp:
    """Return the mock that the options describe, not started; `port` where they name none."""
    from mockidp import MockIdp

    return MockIdp(
        values.seed,
        host=values.host or "127.0.0.1",
        port=port if values.port is None else values.port,
        domain=values.domain,
        issuer=values.issuer,
        allow_hosts=getattr(values, "allow_host", None) or (),
        # A token is made without a server: nothing is bound.
        allow_remote=bool(getattr(values, "allow_remote", True)),
        trust_proxy=bool(getattr(values, "trust_proxy", False)),
        state_dir=state_dir(values),
        scenario=getattr(values, "scenario", None),
        clock=values.frozen_time,
        environ=environ,
    )


def state_dir(values: Any) -> Path:
    """Return where state is kept between runs: as told, or the platform's directory for it."""
    given = getattr(values, "state_dir", None)
    if given:
        folder = Path(given).expanduser().absolute()
        if folder.exists() and not folder.is_dir():
            raise CommandError(f"--state-dir: {folder} is no directory")
        return folder
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Application Support"
    else:
        base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base, "mockidp").expanduser()


class _Connection:
    """Stands for a client's connection, which the other server has, and which it alone could close."""

    def __init__(self) -> None:
        self.host = self
        self.stopping = threading.Event()  # never set: the other server does not tell

    def abort(self) -> None:
        """Leave it at an answer that ends before its announced length: servers then close."""


def hosted(idp: MockIdp) -> WSGIApplication:
    """Return a mock's application for another server: it tells of mockidp's own failures on `wsgi.errors`."""
    connection = _Connection()
    told: list[object] = []

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["mockidp.connection"] = connection
        answer = idp.app(environ, start_response)
        report_problems(idp, told, environ["wsgi.errors"])
        return answer

    return application


def report_problems(idp: MockIdp, told: list[object], errors: TextIO) -> None:
    """Tell of mockidp's own failures, each once: `told` has those of which was told."""
    for problem in idp.problems:
        if problem not in told:
            told.append(problem)
            errors.write(f"mockidp failed while it answered {problem.where}\n{problem.traceback}\n")
            errors.flush()
