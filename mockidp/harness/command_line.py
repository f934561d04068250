"""Options of the command line, each with its environment variable (for containers)."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple, NoReturn


class CommandError(Exception):
    """A mistake on the command line: one line."""


class Option(NamedTuple):
    """An option and, by its name, its environment variable.

    `kind`: `text`, `number`, `flag`, `paths` (several; in the variable separated as in PATH), `words` (may be
    repeated; in the variable separated by commas or blanks).
    """

    flag: str
    kind: str
    metavar: str
    help: str

    @property
    def dest(self) -> str:
        """Its name among the values."""
        return self.flag.removeprefix("--").replace("-", "_")

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return f"MOCKIDP_{self.dest.upper()}"

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Let the parser know it; absent, its value is None."""
        kinds: dict[str, dict[str, Any]] = {
            "text": {},
            "number": {"type": int},
            "flag": {"action": "store_const", "const": True},
            "paths": {"action": "extend", "nargs": "+"},
            "words": {"action": "append"},
        }
        shown: dict[str, Any] = {} if self.kind == "flag" else {"metavar": self.metavar}
        parser.add_argument(self.flag, default=None, help=self.help, **kinds[self.kind], **shown)

    def from_environment(self, environ: Mapping[str, str]) -> Any:
        """Return the variable's value, None when it is absent or empty."""
        text = environ.get(self.variable, "").strip()
        if not text or self.kind == "text":
            return text or None
        if self.kind == "paths":
            return [path for path in text.split(os.pathsep) if path]
        if self.kind == "words":
            return text.replace(",", " ").split()
        if self.kind == "flag":
            return _boolean(self.variable, text)
        try:
            return int(text)
        except ValueError:
            raise CommandError(f"{self.variable}: '{text}' is no number") from None


def _boolean(variable: str, text: str) -> bool:
    known = {"1": True, "true": True, "yes": True, "on": True}
    known |= {"0": False, "false": False, "no": False, "off": False}
    if text.lower() not in known:
        raise CommandError(f"{variable}: '{text}' is neither true nor false")
    return known[text.lower()]


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


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CommandError(message)


def parsed(name: str, options: Sequence[Option], arguments: list[str], operands: str = "") -> Any:
    """Return the options' values, from the command line or the environment, and the operands."""
    parser = _Parser(prog=f"python -m mockidp {name}", allow_abbrev=False)
    for option in options:
        option.add_to(parser)
    if options:
        parser.epilog = "Environment variables: " + ", ".join(option.variable for option in options)
    if operands:
        parser.add_argument("operands", metavar=operands, nargs="*")
    values, rest = parser.parse_known_args(arguments)
    for extra in rest:
        meant = get_close_matches(extra.partition("=")[0], [option.flag for option in options], 1)
        hint = f"; did you mean '{meant[0]}'?" if meant else ""
        raise CommandError(f"unknown {'option' if extra.startswith('-') else 'argument'} '{extra}'{hint}")
    for option in options:
        if getattr(values, option.dest) is None:
            setattr(values, option.dest, option.from_environment(os.environ))
    return values


def from_environment(options: Sequence[Option], environ: Mapping[str, str]) -> argparse.Namespace:
    """Return the options' values as the variables have them; None for each that is absent."""
    return argparse.Namespace(**{option.dest: option.from_environment(environ) for option in options})
