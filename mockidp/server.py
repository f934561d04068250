"""MockIdp: a tenant with its server, as tests hold it. A thin door over the functions of the rooms below."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import msgspec

from mockidp.app import ROUTES, Application
from mockidp.clock import parse_time
from mockidp.errors import UsageError
from mockidp.harness.control import control_routes
from mockidp.harness.handle import TenantHandle
from mockidp.harness.minting import Scope, mint_management_token
from mockidp.harness.objects import UserView, resolve_connection, view_user
from mockidp.harness.outbox import Outbox
from mockidp.harness.recorder import Recorder
from mockidp.harness.rules import Rules
from mockidp.harness.script import Logins
from mockidp.harness.steering import Steering
from mockidp.http.forwarded import read_forwarded
from mockidp.http.host import HttpHost
from mockidp.http.tls import CertificateAuthority
from mockidp.model.tenant import Names, Tenant, is_loopback, split_host
from mockidp.rules.rule import Script
from mockidp.seed.accounts import add_checked_user
from mockidp.seed.build import build
from mockidp.seed.load import Scenario, SeedSource, load_scenario, load_seed
from mockidp.seed.sources import Seed, anchored, fingerprint

if TYPE_CHECKING:
    from datetime import datetime
    from wsgiref.types import StartResponse, WSGIEnvironment

    from mockidp.harness.browser import Browser

DEFAULT_PORT = 4100  # in URLs until a server runs
KEPT_WORLDS = 8  # tenants of other seeds that `serving` keeps for the next time
_WILDCARDS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


class InternalError(Exception):
    """mockidp itself failed while it answered a request; the message has the traceback."""


@dataclass(frozen=True)
class _World:
    """A tenant built from one seed, and all that watches it."""

    tenant: Tenant
    application: Application
    requests: Recorder
    rules: Rules
    outbox: Outbox
    restore: Callable[[], None]


@dataclass(frozen=True)
class _Stage:
    """What `reset()` goes back to: a world, and the script that is played in it."""

    world: _World
    script: Script
    frozen_at: float | None


class MockIdp(TenantHandle, Steering):
    """A mock tenant with its server: a context manager, or `start()` and `stop()`.

    Args:
        seed: path of a seed file or export directory, a mapping, or a list of these, later ones winning;
            None for the demo tenant. A relative path is relative to the calling file, or else to the working
            directory.
        host: the address to bind; other than loopback only with `allow_remote`.
        port: 0 takes a free one.
        domain: `HOST[:PORT]`, pins the issuer to `https://DOMAIN/`.
        issuer: a URL, pins the issuer.
        allow_hosts: names beside loopback ones under which requests are accepted.
        trust_proxy: whether `Forwarded` and `X-Forwarded-Proto/-Host/-Port` tell the URL that a client used.
        state_dir: where the certificate authority is kept; None for a temporary directory.
        scenario: path of a scenario file, or its data: its seed (beside `seed`) and its script.
        clock: a time (ISO 8601, epoch seconds, datetime) at which the clock is frozen from the beginning.
        environ: what fills the placeholders of seeds; None for the process's environment.

    Raises `UsageError` for a wrong seed, and `start()` for a port in use.
    """

    def __init__(
        self,
        seed: Seed = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        domain: str | None = None,
        issuer: str | None = None,
        allow_hosts: Iterable[str] = (),
        allow_remote: bool = False,
        trust_proxy: bool = False,
        state_dir: str | os.PathLike[str] | None = None,
        scenario: SeedSource | None = None,
        clock: str | float | datetime | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        if not (is_loopback(host) or allow_remote):
            place = host or "all addresses"
            raise UsageError(
                f"{place}: other machines could connect; that needs --allow-remote (allow_remote)"
            )
        if domain and "/" in domain:
            raise UsageError(f"'{domain}' is no domain; write HOST or HOST:PORT")
        if issuer and not issuer.startswith(("http://", "https://")):
            raise UsageError(f"'{issuer}' is no URL; an issuer begins with https:// or http://")
        own = () if is_loopback(host) or host in _WILDCARDS else (host,)
        others = (allow_hosts,) if isinstance(allow_hosts, str) else allow_hosts
        self._names = Names(domain=domain, issuer=issuer, hosts=frozenset((*others, *own)))
        self._host, self._port, self._trust_proxy = host, port, trust_proxy
        self._environ = environ
        self._frozen_at = None if clock is None else parse_time(clock)
        self._ca = CertificateAuthority(
            None if state_dir is None else Path(state_dir).expanduser().absolute()
        )
        self._server: HttpHost | None = None
        self._bound_port = port or DEFAULT_PORT
        self._ports: set[int | None] = set()  # of this machine, that lead here
        self._blocks: list[tuple[str, ...]] = []  # the names of each `impersonate`
        self._naming = threading.Lock()
        self._worlds: dict[tuple[bytes, float | None], _World] = {}
        self._stage = self._staged(seed, scenario, self._frozen_at)
        self._world = self._stage.world
        self._world.rules.restart(self._stage.script)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Bind the port and serve, in threads of their own."""
        if self._server is None:
            try:
                self._server = HttpHost(self.app, self._host, self._port, self._ca, self._serves)
            except (OSError, OverflowError) as error:
                raise UsageError(_cannot_listen(self._host, self._port, error)) from None
            self._bound_port = self._server.address[1]
            self._ports = {self._bound_port}
            self._settle_all()
            self._server.start()
        return self

    def stop(self) -> None:
        """Stop the server and close its connections; what the tenant holds stays readable."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()
        self._ca.close()

    def app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI application, for WSGI transports and test clients: give them `idp.app`."""
        if self._trust_proxy:
            read_forwarded(environ)
        self._note_port(environ.get("HTTP_HOST", ""))
        return self._world.application(environ, start_response)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        name = _WILDCARDS.get(self._host, self._host)
        return f"http://{f'[{name}]' if ':' in name else name}:{self._bound_port}"

    @property
    def https_url(self) -> str:
        """`https://localhost:PORT`; clients must trust `ca_path`."""
        local = self._host in _WILDCARDS or is_loopback(self._host)
        return f"https://{'localhost' if local else self._host}:{self._bound_port}"

    @property
    def domain(self) -> str:
        """What an SDK takes as the tenant's domain: pinned, impersonated, or `localhost:PORT`."""
        names = self.state.names
        return names.domain or next(iter(names.impersonated), self.https_url.removeprefix("https://"))

    @property
    def ca_path(self) -> str:
        """The PEM file of the certificate authority, made at first use."""
        try:
            return str(self._ca.pem_path)
        except (OSError, ValueError) as error:
            raise UsageError(f"no certificate authority: {error}") from None

    @property
    def env(self) -> dict[str, str]:
        """Environment variables that point SDKs of any language here; the issuer is that of `token()`."""
        issuer = self.issuer.rstrip("/")
        ca_names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
        return {
            "AUTH0_DOMAIN": self.domain,
            "AUTH0_ISSUER_BASE_URL": issuer,
            "ISSUER_BASE_URL": issuer,
            **dict.fromkeys(ca_names, self.ca_path),
            "MOCKIDP_URL": self.url,
        }

    @property
    def state(self) -> Tenant:
        """The emulated tenant itself."""
        return self._world.tenant

    @property
    def outbox(self) -> Outbox:
        """The messages that a real tenant would have sent, oldest first."""
        return self._world.outbox

    @property
    def requests(self) -> Recorder:
        """The requests that came, oldest first, with `assert_called`."""
        return self._world.requests

    @property
    def rules(self) -> Rules:
        """The rules that answer requests, with what they did."""
        return self._world.rules

    def add_user(self, **attributes: Any) -> UserView:
        """Create a user: a seed's keys as arguments (`email`, `password`, `connection`, `roles`, …)."""
        if attributes.get("connection") is not None:
            attributes["connection"] = resolve_connection(self.state, attributes["connection"]).name
        return view_user(self.state, add_checked_user(self.state, attributes))

    def management_token(self, scope: Scope = None) -> str:
        """Return a token for the Management API, with all of its scopes unless told which."""
        everything = (scope for route in ROUTES for scope in route.scopes)
        return mint_management_token(self.state, scope, everything)

    def browser(self) -> Browser:
        """Return a new browser: cookies of its own, walks the real pages."""
        from mockidp.harness.browser import Browser

        return Browser(self.state, self.url, ca=lambda: self.ca_path)

    def reset(self) -> None:
        """Go back to the seed: every object, the clock, requests, rules, logins and problems."""
        self._begin(self._stage.world, self._stage.script)

    def load_scenario(self, scenario: SeedSource, /, **parameters: Any) -> None:
        """Begin a scenario: the path of a file, or its data; `parameters` fill its `##NAME##`.

        With a seed of its own, that world is served until the next `reset()`; without one, what is there
        stays, but for earlier rules and requests.
        """
        loaded = load_scenario(anchored(scenario)[0], self._environ, parameters)
        if loaded.seeds:
            self._begin(self._known(list(loaded.seeds), self._stage.frozen_at), loaded.script)
        else:
            self.requests.clear()
            self.rules.restart(loaded.script)

    def _begin(self, world: _World, script: Script) -> None:
        self._world = world
        world.restore()
        world.requests.clear()
        world.rules.restart(script)
        world.application.problems.clear()

    def raise_problems(self) -> None:
        """Raise `InternalError` when mockidp itself failed since the last `reset()`."""
        problems = list(self._world.application.problems)
        if problems:
            self._world.application.problems.clear()
            texts = (f"{problem.where}\n{problem.traceback}" for problem in problems)
            raise InternalError("mockidp failed while it answered\n\n" + "\n".join(texts))

    @contextmanager
    def serving(
        self,
        seed: Seed,
        clock: str | float | datetime | None = None,
        scenario: SeedSource | None = None,
        *,
        otherwise: Seed = None,
    ) -> Iterator[Self]:
        """Serve another seed or scenario inside the block, from its beginning, under the same URLs.

        `clock` freezes the time before the world is built, so that it is the same on every run. `otherwise`
        is the seed when neither names one.
        """
        frozen_at = self._frozen_at if clock is None else parse_time(clock)
        before = self._stage, self._world
        self._stage = self._staged(seed, scenario, frozen_at, otherwise)
        try:
            self.reset()
            yield self
        finally:
            self._stage, self._world = before

    @contextmanager
    def impersonate(self, *domains: str) -> Iterator[Self]:
        """Lead clients of the domains (`acme.eu.auth0.com`, any port) here inside the block.

        For unchanged code that has a real tenant's domain: `socket` and `ssl` are bent for these names, so
        that requests, httpx, aiohttp and urllib reach the mock and trust its certificate. The issuer follows,
        also that of `token()`, unless it is pinned. All threads of this process are concerned, and no other
        process; `mockidp/harness/impersonate.py` says what else is not covered.

        Raises `UsageError` for what is no domain, and when the server does not run.
        """
        from mockidp.harness.impersonate import checked_domains, impersonating

        names = checked_domains(domains)
        if self._server is None:
            raise UsageError("impersonate needs the running server: `with MockIdp() as idp`, or start()")
        address = (_WILDCARDS.get(self._host, self._host), self._bound_port)
        with self._naming:
            self._blocks = [names, *self._blocks]
            self._settle_all()
        try:
            with impersonating(names, address, Path(self.ca_path).read_text("ascii")):
                yield self
        finally:
            with self._naming:
                self._blocks.remove(names)
                self._settle_all()
            if self._server is not None:  # clients keep connections: the next request goes to the real tenant
                self._server.drop(lambda host: not self.state.names.accepts_host(host))

    def _staged(
        self, seed: Seed, scenario: SeedSource | None, frozen_at: float | None, otherwise: Seed = None
    ) -> _Stage:
        """Return what is served: the world of the seeds, and the script."""
        loaded = Scenario(Script())
        if scenario is not None:
            loaded = load_scenario(anchored(scenario)[0], self._environ)
        named: list[SeedSource] = []
        if seed is not None or not loaded.seeds:
            named = anchored(otherwise if seed is None else seed)
        return _Stage(self._known([*named, *loaded.seeds], frozen_at), loaded.script, frozen_at)

    def _build(self, sources: list[SeedSource], frozen_at: float | None) -> _World:
        """Return a tenant built from seeds, with its application."""
        document = load_seed(sources, self._environ).document
        if frozen_at is not None:
            document["mockidp"] = {**document["mockidp"], "clock": frozen_at}
        tenant = Tenant(self._names)
        build(tenant, document)
        self._settle(tenant)
        requests, rules = Recorder(tenant), Rules(tenant, Logins(tenant))
        application = Application(tenant, control_routes(self), (requests.layer, rules.layer))
        requests.router, rules.application = application.router, application
        return _World(tenant, application, requests, rules, Outbox(tenant), tenant.snapshot())

    def _known(self, sources: list[SeedSource], frozen_at: float | None) -> _World:
        """Return the world of these seeds, the same one again while nothing changed."""
        key = fingerprint(sources), frozen_at
        world = self._worlds.pop(key, None) or self._build(sources, frozen_at)
        self._worlds[key] = world
        while len(self._worlds) > KEPT_WORLDS:
            del self._worlds[next(iter(self._worlds))]
        return world

    def _settle(self, tenant: Tenant) -> None:
        """Tell the tenant under which URLs it is reached."""
        impersonated = tuple(name for names in self._blocks for name in names)
        tenant.names = msgspec.structs.replace(
            tenant.names, ports=frozenset(self._ports), impersonated=impersonated
        )
        tenant.base_url = f"https://{impersonated[0]}/" if impersonated else f"{self.url}/"

    def _settle_all(self) -> None:
        for world in (*self._worlds.values(), self._stage.world, self._world):
            self._settle(world.tenant)

    def _note_port(self, host: str) -> None:
        """Take a port of this machine for ours when a request came by it: a container's, a proxy's."""
        name, port = split_host(host)
        if self._server is not None and port not in self._ports and is_loopback(name):
            with self._naming:
                self._ports.add(port)
                self._settle_all()

    def _serves(self, authority: str) -> bool:
        return self.state.names.is_served(authority)


def _cannot_listen(host: str, port: int, error: OSError | OverflowError) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use; choose another (0 takes a free one)"
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return f"cannot listen on {host} port {port}: {reason.partition(' (while')[0].lower()}"
