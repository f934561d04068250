"""`idp.impersonate("acme.eu.auth0.com")`: unchanged code in this process takes the mock for a real tenant.

Clients resolve, connect and trust at different times: aiohttp makes its TLS context at import, urllib its
opener at first use, anyio connects to the URL's port whatever the resolver said. So each step is met where
all clients come by, at the moment that they do, and only for the names in question:

    socket.getaddrinfo, gethostbyname(_ex)          the name → an address that stands in for the mock
    socket.socket.connect, connect_ex               the stand-in, at any port → the mock's address and port
    ssl.SSLContext.wrap_socket, wrap_bio            the context → one that trusts the mock's CA and no other

No context of the client is changed: a CA cannot be taken out of one again.

Not covered: other processes, and resolvers that are not `socket`'s (uvloop, aiodns, Windows' proactor loop);
connections that a client opened before, or through a proxy that it was told of other than by the environment.
As long as such a client's TLS is `ssl`, a new connection fails at the certificate, before anything is sent
to the real tenant. TLS that is not `ssl` (gRPC, pycurl, pyOpenSSL, truststore injected) neither trusts the
mock nor is held back. For all of these `idp.url` is an HTTP proxy (`HTTPS_PROXY`) to the block's names.
"""

from __future__ import annotations

import inspect
import os
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.request import getproxies_environment

from mockidp.errors import UsageError
from mockidp.model.tenant import is_loopback, split_host

_Function = Callable[..., Any]
_DOMAIN = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


@dataclass(frozen=True, eq=False)
class _Guise:
    """The names that the mock goes by in one block, its address, and its CA as PEM."""

    names: frozenset[str]
    address: tuple[str, int]
    ca: str

    @property
    def stand_in(self) -> str:
        """An address of the same family, always the same: clients remember what they resolved.

        Of the loopback network, or the one that discards (RFC 6666): safe where it should leak.
        """
        host, port = self.address
        return f"100::{port:x}" if ":" in host else f"127.100.{port >> 8}.{port & 255}"

    def trusted_by(self, context: ssl.SSLContext) -> ssl.SSLContext:
        """Return a context that verifies as the client's does, but trusts only this CA."""
        own = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        own.check_hostname = False  # else CERT_NONE could not be set
        own.verify_mode = context.verify_mode
        own.check_hostname = context.check_hostname
        own.load_verify_locations(cadata=self.ca)
        return own


class _Process:
    """What holds for this process, whose `socket` and `ssl` are everybody's: open blocks and patches."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._guises: tuple[_Guise, ...] = ()  # replaced, never changed: read without the lock
        self._undo: list[Callable[[], None]] = []
        self._no_proxy: tuple[str | None, str | None] = (None, None)  # of the environment: theirs, ours

    def add(self, guise: _Guise) -> None:
        with self._lock:
            self._guises = (guise, *self._guises)
            if len(self._guises) == 1:
                self._undo = [_replace(*place) for place in self._places()]
            self._bypass_proxies()

    def remove(self, guise: _Guise) -> None:
        with self._lock:
            self._guises = tuple(other for other in self._guises if other is not guise)
            if not self._guises:
                for undo in self._undo:
                    undo()
            self._bypass_proxies()

    def by_name(self, host: object) -> _Guise | None:
        """Return the innermost block's guise that goes by this name."""
        name = _normal(host)
        return next((guise for guise in self._guises if name in guise.names), None)

    def _bypass_proxies(self) -> None:
        """Except the names from the environment's proxies, if there are any: they resolve by themselves."""
        found = os.environ.get("no_proxy")
        theirs, ours = self._no_proxy if found == self._no_proxy[1] else (found, found)
        names = sorted(name for guise in self._guises for name in guise.names)
        if names and getproxies_environment().keys() - {"no"}:
            # Lower case is what clients look at first.
            ours = ",".join(filter(None, (theirs or os.environ.get("NO_PROXY"), *names)))
            os.environ["no_proxy"] = ours
        else:
            ours = theirs
            os.environ.pop("no_proxy", None)
            if theirs is not None:
                os.environ["no_proxy"] = theirs
        self._no_proxy = (theirs, ours)

    def _places(self) -> Iterator[tuple[Any, str, Callable[[_Function], _Function]]]:
        for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
            yield socket, name, self._resolving
        for name in ("connect", "connect_ex"):
            yield socket.socket, name, self._connecting
        for name in ("wrap_socket", "wrap_bio"):
            yield ssl.SSLContext, name, self._wrapping

    def _resolving(self, previous: _Function) -> _Function:
        @wraps(previous)
        def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
            guise = self.by_name(host)
            return previous(guise.stand_in if guise else host, *args, **kwargs)

        return resolve

    def _connecting(self, previous: _Function) -> _Function:
        @wraps(previous)
        def connect(sock: socket.socket, address: Any, /) -> Any:
            host = address[0] if isinstance(address, tuple) and address else None
            stood_for = (guise for guise in self._guises if guise.stand_in == host)
            guise = next(stood_for, None) or self.by_name(host)
            return previous(sock, guise.address if guise else address)

        return connect

    def _wrapping(self, previous: _Function) -> _Function:
        signature = inspect.signature(previous)

        @wraps(previous)
        def wrap(context: ssl.SSLContext, *args: Any, **kwargs: Any) -> Any:
            call = signature.bind(context, *args, **kwargs)
            guise = self.by_name(call.arguments.get("server_hostname"))
            if guise is None:
                return previous(context, *args, **kwargs)
            call.arguments.pop("session", None)  # of another context
            call.arguments[next(iter(call.arguments))] = guise.trusted_by(context)
            return previous(*call.args, **call.kwargs)

        return wrap


_process = _Process()


@contextmanager
def impersonating(domains: Iterable[str], address: tuple[str, int], ca: str) -> Iterator[None]:
    """Lead this process's clients of the domains, at any port, to an address, trusting a CA given as PEM.

    May be nested and overlap in threads; it holds for all of them, of one name the latest block's.
    """
    guise = _Guise(frozenset(_normal(split_host(domain)[0]) for domain in domains), address, ca)
    _process.add(guise)
    try:
        yield
    finally:
        _process.remove(guise)


def checked_domains(domains: Iterable[str]) -> tuple[str, ...]:
    """Return domains (`HOST[:PORT]`) as requests will name them; raises UsageError."""
    given = tuple(domains)
    if not given:
        raise UsageError('impersonate whom? Name the domain: idp.impersonate("acme.eu.auth0.com")')
    return tuple(_checked(domain) for domain in given)


def _checked(domain: str) -> str:
    name, port = split_host(domain)
    host = _normal(name)
    if not _DOMAIN.fullmatch(host) or any(mark in domain for mark in "/@?#"):
        raise UsageError(f"'{domain}' is no domain; write HOST or HOST:PORT")
    if is_loopback(host) or host.rpartition(".")[2].isdigit():
        raise UsageError(f"'{domain}' is an address and cannot lead elsewhere; impersonate takes a domain")
    return host if port is None else f"{host}:{port}"


def _replace(owner: Any, name: str, replacement_of: Callable[[_Function], _Function]) -> Callable[[], None]:
    """Replace an attribute, and return what undoes that unless somebody else has replaced it since."""
    inherited = name not in vars(owner)
    previous = getattr(owner, name)
    replacement = replacement_of(previous)
    setattr(owner, name, replacement)

    def undo() -> None:
        if vars(owner).get(name) is not replacement:
            return  # theirs may call ours, which without a block does what `previous` does
        if inherited:
            delattr(owner, name)
        else:
            setattr(owner, name, previous)

    return undo


def _normal(host: object) -> str:
    """Return a host name in the form in which names are compared; `""` for what is none."""
    if isinstance(host, bytes | bytearray):
        host = host.decode("latin-1")
    if not isinstance(host, str):
        return ""
    try:
        return host.encode("ascii" if host.isascii() else "idna").decode().rstrip(".").lower()
    except UnicodeError:
        return ""
