"""The command line: a thin door, like `MockIdp`. A mistake is one line on stderr and status 2.

Everything heavy is imported where it is needed, so that `--help` is quick.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from mockidp.harness.command_line import SERVER, STATE_DIR, WORLD, CommandError, Option, parsed
from mockidp.wsgi import PORT, mock, report_problems, state_dir

if TYPE_CHECKING:
    import threading

    from mockidp.server import MockIdp

USAGE_ERROR, NOT_MET, CANNOT_RUN, NOT_FOUND = 2, 3, 126, 127  # the last two as shells have them
HELP = """usage: python -m mockidp [COMMAND] [OPTION …]

An in-memory mock of an Auth0 tenant, for tests. Without a command and options: the demo tenant on port 4100.

commands:
  serve (default)   serve a tenant until Ctrl-C
  exec -- COMMAND   start a server, run COMMAND with the environment set, stop
  token             print a signed token
  check FILE …      say what is wrong in seeds, with file, line and column
  routes            list the URLs: where each is written, and how far it is emulated
  ca                print the path of the certificate authority's PEM file

`python -m mockidp COMMAND --help` lists options; each has an environment variable: MOCKIDP_SEED is --seed.
"""


JSON = Option("--json", "flag", "", "print JSON")
SERVE = (
    *SERVER,
    JSON,
    Option("--open", "flag", "", "open the dashboard in the browser"),
    Option("--workers", "number", "N", "serve plain HTTP by granian, in N processes (only 1 as yet)"),
)
TOKEN = (
    Option("--client", "text", "ID|NAME", "the client that gets the token"),
    Option("--user", "text", "U", "user_id, e-mail or name; left out, the client's own token"),
    Option("--audience", "text", "A", "the API; left out, the default one, or else the userinfo endpoint"),
    Option("--scope", "text", "S", "scopes, separated by blanks"),
    Option("--claim", "words", "K=V", "a further claim, V as JSON or text; may be repeated"),
    Option("--expires-in", "number", "S", "lifetime in seconds"),
    *WORLD,
)
ROUTES = (JSON, Option("--unverified", "flag", "", "list instead what is a guess in the emulation"))


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(arguments)
    except CommandError as error:
        print(f"mockidp: {error}", file=sys.stderr)
        return USAGE_ERROR
    except BrokenPipeError:  # `… | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(arguments: list[str]) -> int:
    if arguments[:1] in (["-h"], ["--help"]):
        print(HELP, end="")
        return 0
    if arguments[:1] == ["--version"]:
        from mockidp import __version__

        print(f"mockidp {__version__}")
        return 0
    name = arguments.pop(0) if arguments and not arguments[0].startswith("-") else "serve"
    command = COMMANDS.get(name)
    if command is None:
        meant = get_close_matches(name, COMMANDS, 1)
        hint = f"did you mean '{meant[0]}'?" if meant else f"commands: {', '.join(COMMANDS)}"
        raise CommandError(f"unknown command '{name}'; {hint}")
    from mockidp.errors import UsageError

    try:
        return command(arguments)
    except UsageError as error:
        raise CommandError(str(error).replace("\n", " ")) from None


@contextmanager
def _signals(handler: Callable[[int], None]) -> Iterator[None]:
    """Have SIGTERM and SIGINT (Ctrl-C) call `handler` inside the block."""
    import signal

    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda number, _: handler(number)) for number in numbers}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


# -- serve, exec -----------------------------------------------------------------------------------------


def _serve(arguments: list[str]) -> int:
    import threading

    values = parsed("serve", SERVE, arguments)
    if values.workers is not None:
        return _serve_by_workers(values)
    stop = threading.Event()
    with _signals(lambda _: stop.set()):
        idp = mock(values, PORT)
        with idp:
            _warn(idp, values)
            print(_announcement(idp, values, idp.https_url), flush=True)
            if values.open:
                import webbrowser

                webbrowser.open(f"{idp.url}/_mockidp/")
            _wait(idp, stop)
    return 0


def _serve_by_workers(values: Any) -> int:
    from mockidp import workers

    with _signals(lambda _: sys.exit()):
        workers.check_workers(values.workers)
        workers.take_port(values)
        idp = mock(values, PORT)
        _warn(idp, values)
        workers.serve(values, _announcement(idp, values, None))
    return 0


def _wait(idp: MockIdp, stop: threading.Event) -> None:
    """Wait for the end, telling of mockidp's own failures as they happen."""
    told: list[object] = []
    while not stop.wait(0.5):
        report_problems(idp, told, sys.stderr)
    report_problems(idp, told, sys.stderr)


def _warn(idp: MockIdp, values: Any) -> None:
    from mockidp.model.tenant import is_loopback

    if values.host and not is_loopback(values.host):
        print(
            f"mockidp: warning: other machines can connect to {values.host}; its keys and codes are public",
            file=sys.stderr,
        )


def _announcement(idp: MockIdp, values: Any, https_url: str | None) -> str:
    """Return what is printed when connections are accepted; no `https_url`: in plain HTTP alone."""
    if not values.json:
        from mockidp.harness.banner import banner

        return banner(idp.state, idp.url, https_url, idp.domain, values.state_dir)
    from mockidp import json

    ready = {
        "url": idp.url,
        "https_url": https_url,
        "issuer": idp.issuer,
        "domain": idp.domain,
        "ca": https_url and idp.ca_path,
        "control": f"{idp.url}/_mockidp",
    }
    return json.encode(ready).decode()


def _exec(arguments: list[str]) -> int:
    import subprocess

    options, command = _split(arguments)
    values = parsed("exec", SERVER, options, "-- COMMAND")
    if not command or values.operands:
        raise CommandError("exec needs a command: python -m mockidp exec [OPTION …] -- COMMAND …")
    process: subprocess.Popen[bytes] | None = None

    def forward(number: int) -> None:
        import signal

        # Ctrl-C reaches the command by itself: the terminal sends it to both.
        if process is not None and number == signal.SIGTERM:
            process.send_signal(number)

    with _signals(forward), mock(values, 0) as idp:
        _warn(idp, values)
        try:
            process = subprocess.Popen(command, env={**os.environ, **idp.env})
        except OSError as error:
            print(f"mockidp: cannot run '{command[0]}': {(error.strerror or '').lower()}", file=sys.stderr)
            return NOT_FOUND if isinstance(error, FileNotFoundError) else CANNOT_RUN
        status = process.wait()
        report_problems(idp, [], sys.stderr)
        if idp.problems:
            return NOT_MET
        try:
            idp.verify()
        except AssertionError as error:
            print(f"mockidp: {error}", file=sys.stderr)
            return NOT_MET
    return status if status >= 0 else 128 - status


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:at], arguments[at + 1 :]


# -- token, check, routes, ca ----------------------------------------------------------------------------


def _token(arguments: list[str]) -> int:
    values = parsed("token", TOKEN, arguments)
    if not values.client:
        raise CommandError("token needs --client ID|NAME")
    claims = dict(_claim(text) for text in values.claim or ())
    token = mock(values, PORT).token(
        values.user,
        client=values.client,
        audience=values.audience,
        scope=values.scope,
        claims=claims,
        expires_in=values.expires_in,
    )
    print(token)
    return 0


def _claim(text: str) -> tuple[str, Any]:
    """Return name and value of `name=value`, the value being JSON, or else the text as it is."""
    from mockidp import json

    name, equals, value = text.partition("=")
    if not name or not equals:
        raise CommandError(f"--claim {text}: write NAME=VALUE")
    try:
        return name, json.decode(value)
    except ValueError:
        return name, value


def _check(arguments: list[str]) -> int:
    files = parsed("check", (), arguments, "FILE").operands
    if not files:
        raise CommandError("check needs the files to check")
    from mockidp.app import ROOMS
    from mockidp.harness.rules import misspelt_steps
    from mockidp.http.routing import Router
    from mockidp.seed.load import inspect_files

    found = inspect_files(files)
    router = Router(rooms=ROOMS)
    slips = [slip for script in found.scripts for slip in misspelt_steps(script, router)]
    if found.problems or slips:
        print(*found.problems, *slips, sep="\n", file=sys.stderr)
        return USAGE_ERROR
    for inert in found.inert:
        print(f"{inert.where}: {inert.key} is inert: kept and answered, but it changes nothing")
    print(f"{len(files)} {'file' if len(files) == 1 else 'files'} checked: no problems")
    return 0


def _routes(arguments: list[str]) -> int:
    values = parsed("routes", ROUTES, arguments)
    from mockidp import json
    from mockidp.app import all_routes
    from mockidp.harness.listing import guesses, places, table
    from mockidp.management.not_emulated import routes_not_emulated

    if values.unverified:
        marks = guesses()
        text = "\n".join(f"{mark.file}:{mark.line}: unverified: {mark.text}" for mark in marks)
        print(json.encode(marks).decode() if values.json else text)
        return 0
    emulated = all_routes()
    found = places((*emulated, *routes_not_emulated(emulated)))
    if values.json:
        print(json.encode(found).decode())
    else:
        print(table((p.method, p.url, f"{p.file}:{p.line}", p.level) for p in found))
    return 0


def _ca(arguments: list[str]) -> int:
    values = parsed("ca", (STATE_DIR,), arguments)
    from mockidp.http.tls import CertificateAuthority

    try:
        print(CertificateAuthority(state_dir(values)).pem_path)
    except (OSError, ValueError) as error:
        raise CommandError(f"no certificate authority: {error}") from None
    return 0


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "serve": _serve,
    "exec": _exec,
    "token": _token,
    "check": _check,
    "routes": _routes,
    "ca": _ca,
}
