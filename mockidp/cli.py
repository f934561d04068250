"""The command line: a thin door, like `MockIdp`. A mistake is one line on stderr and status 2.

Everything heavy is imported where it is needed, so that `--help` is quick.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mockidp.harness.command_line import CommandError, Option, parsed

if TYPE_CHECKING:
    import threading

    from mockidp.server import MockIdp

PORT = 4100
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
STATE_DIR = Option("--state-dir", "text", "DIR", "where the certificate authority is kept")
WORLD = (
    Option("--seed", "paths", "FILE", "seed files or export directories; later ones win (demo tenant)"),
    Option("--host", "text", "HOST", "the address to bind (127.0.0.1)"),
    Option("--port", "number", "PORT", "the port to bind; 0 takes a free one (4100; exec: 0)"),
    Option("--domain", "text", "HOST[:PORT]", "pin the issuer to https://DOMAIN/"),
    Option("--issuer", "text", "URL", "pin the issuer"),
    Option("--frozen-time", "text", "ISO", "freeze the clock"),
)
SERVER = (
    *WORLD,
    Option(
        "--scenario",
        "text",
        "FILE",
        "a scenario file: a seed and a script; exec: has to be met, else status 3",
    ),
    Option("--allow-remote", "flag", "", "let other machines connect"),
    Option("--allow-host", "words", "NAME", "accept this Host as well; may be repeated"),
    Option("--trust-proxy", "flag", "", "believe Forwarded and X-Forwarded-Proto/-Host/-Port of a proxy"),
    STATE_DIR,
)
SERVE = (*SERVER, JSON, Option("--open", "flag", "", "open the dashboard in the browser"))
TOKEN = (
    Option("--client", "text", "ID|NAME", "the client that gets the token"),
    Option("--user", "text", "U", "user_id, e-mail or name; left out, the client's own token"),
    Option("--audience", "text", "A", "the API; left out, an opaque token"),
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


def _mock(values: Any, port: int) -> MockIdp:
    """Return the mock that the options describe, not started."""
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
        state_dir=_state_dir(values),
        scenario=getattr(values, "scenario", None),
        clock=values.frozen_time,
    )


def _state_dir(values: Any) -> Path:
    """Return where state is kept between runs: as told, or the platform's directory for it."""
    given = getattr(values, "state_dir", None)
    if given:
        return Path(given).expanduser().absolute()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Application Support"
    else:
        base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base, "mockidp").expanduser()


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
    stop = threading.Event()
    with _signals(lambda _: stop.set()):
        idp = _mock(values, PORT)
        with idp:
            _warn(idp, values)
            print(_ready_line(idp) if values.json else _banner(idp, values.state_dir), flush=True)
            if values.open:
                import webbrowser

                webbrowser.open(f"{idp.url}/_mockidp/")
            _wait(idp, stop)
    return 0


def _wait(idp: MockIdp, stop: threading.Event) -> None:
    """Wait for the end, telling of mockidp's own failures as they happen."""
    while not stop.wait(0.5):
        _report_problems(idp)
    _report_problems(idp)


def _report_problems(idp: MockIdp) -> None:
    from mockidp.server import InternalError

    try:
        idp.raise_problems()
    except InternalError as error:
        print(error, file=sys.stderr, flush=True)


def _warn(idp: MockIdp, values: Any) -> None:
    from mockidp.model.tenant import is_loopback

    if values.host and not is_loopback(values.host):
        print(
            f"mockidp: warning: other machines can connect to {values.host}; its keys and codes are public",
            file=sys.stderr,
        )


def _ready_line(idp: MockIdp) -> str:
    from mockidp import json

    ready = {
        "url": idp.url,
        "https_url": idp.https_url,
        "issuer": idp.issuer,
        "domain": idp.domain,
        "ca": idp.ca_path,
        "control": f"{idp.url}/_mockidp",
    }
    return json.encode(ready).decode()


def _banner(idp: MockIdp, state_dir: str | None) -> str:
    from mockidp.harness.banner import banner

    return banner(idp.state, idp.url, idp.https_url, idp.domain, state_dir)


def _exec(arguments: list[str]) -> int:
    import subprocess

    options, separator, command = _split(arguments)
    values = parsed("exec", SERVER, options)
    if not separator or not command:
        raise CommandError("exec needs a command: python -m mockidp exec [OPTION …] -- COMMAND …")
    process: subprocess.Popen[bytes] | None = None

    def forward(number: int) -> None:
        import signal

        # Ctrl-C reaches the command by itself: the terminal sends it to both.
        if process is not None and number == signal.SIGTERM:
            process.send_signal(number)

    with _signals(forward), _mock(values, 0) as idp:
        _warn(idp, values)
        try:
            process = subprocess.Popen(command, env={**os.environ, **idp.env})
        except OSError as error:
            print(f"mockidp: cannot run '{command[0]}': {(error.strerror or '').lower()}", file=sys.stderr)
            return NOT_FOUND if isinstance(error, FileNotFoundError) else CANNOT_RUN
        status = process.wait()
        _report_problems(idp)
        try:
            idp.verify()
        except AssertionError as error:
            print(f"mockidp: {error}", file=sys.stderr)
            return NOT_MET
    return status if status >= 0 else 128 - status


def _split(arguments: list[str]) -> tuple[list[str], bool, list[str]]:
    if "--" not in arguments:
        return arguments, False, []
    at = arguments.index("--")
    return arguments[:at], True, arguments[at + 1 :]


# -- token, check, routes, ca ----------------------------------------------------------------------------


def _token(arguments: list[str]) -> int:
    values = parsed("token", TOKEN, arguments)
    if not values.client:
        raise CommandError("token needs --client ID|NAME")
    claims = dict(_claim(text) for text in values.claim or ())
    token = _mock(values, PORT).token(
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
    from mockidp.errors import UsageError
    from mockidp.seed.load import check_files, load_seed

    problems = check_files(files)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return USAGE_ERROR
    with suppress(UsageError):  # a scenario is no seed
        for inert in load_seed(files).inert:
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
        print(CertificateAuthority(_state_dir(values)).pem_path)
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
