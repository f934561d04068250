"""The tenant: one emulated world. It only aggregates; the verbs live beside it in `model/*`."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec

from mockidp.clock import Clock
from mockidp.errors import UsageError
from mockidp.ids import Ids
from mockidp.json import Json
from mockidp.keys import KeyRing
from mockidp.model.document import Document
from mockidp.model.tampering import Tampering
from mockidp.store import Kind, MemoryStore, Snapshot, Store


class Settings(Document, frozen=True, kw_only=True):
    """Tenant settings as `GET /api/v2/tenants/settings` has them; lifetimes are in hours."""

    friendly_name: str | None = None
    default_directory: str | None = None
    default_audience: str | None = None
    default_redirection_uri: str | None = None
    session_lifetime: float = 168
    idle_session_lifetime: float = 72
    allowed_logout_urls: tuple[str, ...] = ()
    allow_organization_name_in_authentication_api: bool = False
    flags: dict[str, Json] = {}
    error_page: dict[str, Json] = {}


class Double(msgspec.Struct, frozen=True):
    """The seed's `mockidp` section: what a test double has and a tenant has not."""

    otp: str | None = None
    legacy_account_linking: bool = True


SETTINGS: Kind[Settings] = Kind("tenant", Settings)
DOUBLE: Kind[Double] = Kind("mockidp", Double)
ONLY = "tenant"  # the key of kinds that have one row
_HOST = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d*)?", re.ASCII)  # of a request
_NOT_IN_A_HOST = re.compile(r"[\s/?#@\\]")


class Names(msgspec.Struct, frozen=True):
    """The names of the tenant, above all those under which it is reached.

    `tenant` tells tenants on one machine apart. `domain` (`HOST[:PORT]`) pins the issuer to `https://DOMAIN/`,
    `issuer` to any URL; `hosts` are further names that are accepted; `ports` are those of this machine that
    lead here (None: no port; empty: any). `impersonated` lead here for a while, those of the innermost
    `idp.impersonate` first.
    """

    tenant: str = ""
    domain: str | None = None
    issuer: str | None = None
    hosts: frozenset[str] = frozenset()
    ports: frozenset[int | None] = frozenset()
    impersonated: tuple[str, ...] = ()

    @property
    def pinned_issuer(self) -> str | None:
        """The issuer, when it does not follow the request."""
        if self.issuer:
            return self.issuer if self.issuer.endswith("/") else self.issuer + "/"
        return f"https://{self.domain}/" if self.domain else None

    def accepts_host(self, host: str) -> bool:
        """Whether `host` (`NAME[:PORT]`) is one of ours: anything else may be DNS rebinding."""
        return _accepts_host(self, host)

    def is_served(self, authority: str) -> bool:
        """Whether `authority` (`NAME:PORT`) leads to us: this machine has other ports too."""
        return _is_served(self, authority)

    def accepts_issuer(self, issuer: str) -> bool:
        """Whether `issuer` is the tenant under one of its names."""
        if issuer == self.pinned_issuer:
            return True
        parts = urlsplit(issuer)
        if parts.scheme not in ("http", "https") or parts.path != "/" or parts.query or parts.fragment:
            return False
        return self.is_served(parts.netloc)


@lru_cache(maxsize=256)
def _accepts_host(names: Names, host: str) -> bool:
    name, _ = split_host(host)
    if not name or not _HOST.fullmatch(host):
        return False
    own = {text for pin in (names.domain, names.issuer and urlsplit(names.issuer).netloc) if (text := pin)}
    named = {split_host(text)[0] for text in own.union(names.hosts, names.impersonated)}
    return is_loopback(name) or host in own or name in named


@lru_cache(maxsize=256)
def _is_served(names: Names, authority: str) -> bool:
    name, port = split_host(authority)
    if is_loopback(name) and names.ports and port not in names.ports:
        return False
    return _accepts_host(names, authority)


def is_loopback(name: str) -> bool:
    """Whether a host name can only mean this machine (RFC 6761 §6.3 for `localhost`)."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def split_host(host: str) -> tuple[str, int | None]:
    """Return name and port of `NAME[:PORT]`; the name is empty when it is malformed."""
    if _NOT_IN_A_HOST.search(host):
        return "", None
    try:
        parts = urlsplit(f"//{host}")
        return (parts.hostname or ""), parts.port
    except ValueError:
        return "", None


def check_domain(domain: str | None) -> None:
    """Raise `UsageError` for what is neither `HOST` nor `HOST:PORT`; None is no pin."""
    if domain and not split_host(domain)[0]:
        raise UsageError(f"'{domain}' is no domain; write HOST or HOST:PORT")


def check_issuer(issuer: str | None) -> None:
    """Raise `UsageError` for what is no http or https URL; None is no pin."""
    scheme, _, rest = (issuer or "").partition("://")
    host = rest.partition("/")[0]
    if issuer and (scheme not in ("http", "https") or not split_host(host)[0]):
        raise UsageError(f"'{issuer}' is no URL; an issuer begins with https:// or http://")


class Tenant:
    """All state of one emulated tenant: store, clock, ids and keys, and the names it is reached by."""

    def __init__(self, names: Names | None = None, store: Store | None = None) -> None:
        self.names = names or Names()
        self.store: Store = store or MemoryStore()
        self.clock = Clock()
        self.ids = Ids(self.store, self.names.tenant)
        self.keys = KeyRing(self.store, self.names.tenant)
        self.tampering = Tampering()
        self.base_url = "http://localhost:4100/"

    @property
    def settings(self) -> Settings:
        """The tenant's settings."""
        return self.store.find(SETTINGS, ONLY) or Settings(document={})

    @property
    def double(self) -> Double:
        """The test double's own settings."""
        return self.store.find(DOUBLE, ONLY) or Double()

    @property
    def issuer(self) -> str:
        """The issuer where no request says which name was used (the Python object, mails)."""
        return self.names.pinned_issuer or self.base_url

    def now(self) -> int:
        """Return the current time in whole epoch seconds, as tokens have it."""
        return int(self.clock.now())

    def one_time_code(self, kind: str, length: int = 6) -> str:
        """Return a code of so many digits: the next one, or the seed's `otp`."""
        return self.double.otp or self.ids.digits(kind, length)

    def snapshot(self) -> Callable[[], None]:
        """Return a function that brings everything back to how it is now."""
        rows: Snapshot = self.store.snapshot()
        clock = self.clock.state()

        def restore() -> None:
            self.store.restore(rows)
            self.clock.restore(clock)

        return restore
