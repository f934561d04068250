"""MockIdp: a tenant with its server, as tests hold it. A thin door over the functions of the rooms below."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from mockidp.app import all_routes
from mockidp.clock import Moment, parse_moment
from mockidp.errors import UsageError
from mockidp.harness.environment import environment
from mockidp.harness.handle import TenantHandle
from mockidp.harness.minting import Scope, mint_management_token
from mockidp.harness.objects import UserView, resolve_connection, view_user
from mockidp.harness.outbox import Outbox
from mockidp.harness.recorder import Recorder
from mockidp.harness.rules import Rules
from mockidp.harness.steering import Steering
from mockidp.http.forwarded import read_forwarded
from mockidp.http.host import HttpHost
from mockidp.http.routing import Routes
from mockidp.http.tls import CertificateAuthority
from mockidp.model.tenant import Names, Tenant, check_domain, check_issuer, is_loopback
from mockidp.rules.rule import Script
from mockidp.seed.accounts import add_checked_user
from mockidp.seed.load import SeedSource
from mockidp.seed.sources import Seed, anchored
from mockidp.worlds import World, Worlds

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    from mockidp.harness.browser import Browser

DEFAULT_PORT = 4100  # in URLs until a server runs
_WILDCARDS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


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
        clock: a moment (ISO 8601, epoch seconds, datetime) at which the clock is frozen from the beginning.
        environ: what fills the placeholders of seeds; None for the process's environment.
        name: of a tenant beside another one: it has other signing keys, codes and cookies.
        https: whether `issuer`, tokens made in Python and links in mails have the https URL, as what takes
            a domain expects; else the http one. Over the wire the issuer follows the URL that was used.

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
        clock: Moment | None = None,
        environ: Mapping[str, str] | None = None,
        name: str = "",
        https: bool = False,
    ) -> None:
        if not (is_loopback(host) or allow_remote):
            place = host or "all addresses"
            raise UsageError(
                f"{place}: other machines could connect; that needs --allow-remote (allow_remote)"
            )
        others = (allow_hosts,) if isinstance(allow_hosts, str) else tuple(allow_hosts)
        for each in (domain, *others):
            check_domain(each)
        check_issuer(issuer)
        if name and not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise UsageError(f"'{name}' is no name of a tenant; letters, digits, - and _ make one")
        own = () if is_loopback(host) or host in _WILDCARDS else (host,)
        names = Names(tenant=name, domain=domain, issuer=issuer, hosts=frozenset((*others, *own)))
        self._host, self._port, self._trust_proxy = host, port, trust_proxy
        self._environ, self._https = environ, https
        self._frozen_at = None if clock is None else parse_moment(clock)
        self._ca = CertificateAuthority(
            None if state_dir is None else Path(state_dir).expanduser().absolute()
        )
        self._server: HttpHost | None = None
        self._bound_port = port or DEFAULT_PORT
        self._worlds = Worlds(names, (("_mockidp", self._control_routes),), environ)
        self._worlds.serve_at(self._own_url, port or None)  # where another server may host `app`
        self._stage = self._worlds.stage(seed, scenario, self._frozen_at)
        self._world = self._stage.world
        self._world.rules.restart(self._stage.script)
        self._label: str | None = None  # of the test that runs
        self._others: dict[str, MockIdp] = {}  # what `tenant` gave, by name
        self._met: set[str] = set()  # of these, whom this test has asked for

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<MockIdp {self.url}>"

    def start(self) -> Self:
        """Bind the port and serve, in threads of their own."""
        if self._server is None:
            try:
                self._server = HttpHost(self.app, self._host, self._port, self._ca, self._serves)
            except (OSError, OverflowError) as error:
                raise UsageError(cannot_listen(self._host, self._port, error)) from None
            self._port = self._bound_port = self._server.address[1]  # also after a stop(): clients know it
            self._worlds.serve_at(self._own_url, self._bound_port)
            self._server.start()
            for other in self._others.values():
                other.start()
        return self

    def stop(self) -> None:
        """Stop the server and close its connections; what the tenant holds stays readable."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()
        for other in self._others.values():
            other.stop()
        self._ca.close()

    def app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI application, for WSGI transports and test clients: give them `idp.app`."""
        if self._trust_proxy:
            read_forwarded(environ)
        self._worlds.note_port(environ.get("HTTP_HOST", ""))
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
    def _own_url(self) -> str:
        return self.https_url if self._https else self.url

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
        return environment(self)

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
        everything = (scope for route in all_routes() for scope in route.scopes)
        return mint_management_token(self.state, scope, everything)

    def browser(self) -> Browser:
        """Return a new browser: cookies of its own, walks the real pages."""
        from mockidp.harness.browser import Browser

        return Browser(self.state, self.url, ca=lambda: self.ca_path)

    def tenant(self, name: str, seed: Seed = None) -> MockIdp:
        """Return another tenant: a mock of its own beside this one, with other keys, codes and cookies.

        It has a port of its own, shares the certificate authority, and is started, reset, verified and
        stopped with this one. `seed` is as for `MockIdp`, left out this one's own.
        """
        known = self._others.get(name)
        if known and seed is None and name in self._met:
            return known
        sources = list(self._stage.sources) if seed is None else anchored(seed)
        if known is None:
            known = MockIdp(
                sources,
                host=self._host,
                allow_remote=True,
                clock=self._frozen_at,
                environ=self._environ,
                name=name,
                https=self._https,
            )
            known._ca = self._ca
            self._others[name] = known
            if self._server is not None:
                known.start()
        known._stage = known._worlds.stage(sources, None, self._stage.frozen_at)
        known.reset()
        self._met.add(name)
        return known

    def reset(self, label: str | None = None) -> None:
        """Go back to the seed: every object, the clock, requests, rules, logins and problems.

        `label` names what begins, as of `serving`.
        """
        self._label = label or self._label
        self._begin(self._stage.world, self._stage.script)

    def load_scenario(self, scenario: SeedSource, /, **parameters: Any) -> None:
        """Begin a scenario: the path of a file, or its data; `parameters` fill its `##NAME##`.

        With a seed of its own, that world is served until the next `reset()`; without one, what is there
        stays, but for earlier rules and requests.
        """
        loaded = self._worlds.scenario(scenario, parameters)
        if loaded.seeds:
            self._begin(self._worlds.world(loaded.seeds, self._stage.frozen_at), loaded.script)
        else:
            self.requests.clear()
            self.rules.restart(loaded.script)

    def _begin(self, world: World, script: Script) -> None:
        self._world.requests.end()
        self._show(world)
        world.restore()
        world.requests.begin(self._label)
        world.rules.restart(script)
        world.application.problems.clear()
        for other in self._others.values():
            other.reset(self._label)
        self._met.clear()

    def _show(self, world: World) -> None:
        self._worlds.settle(world)
        self._world = world

    def verify(self) -> None:
        """Fail unless the script's steps came about, rules with `times` that often, and expectations hold.

        The failure says what was expected, and what came instead, in order.
        """
        __tracebackhide__ = True
        super().verify()
        for other in self._others.values():
            other.verify()

    def raise_problems(self) -> None:
        """Raise `InternalError` when mockidp itself failed since the last `reset()`."""
        for other in self._others.values():
            other.raise_problems()
        try:
            super().raise_problems()
        finally:
            self._world.application.problems.clear()

    @contextmanager
    def serving(
        self,
        seed: Seed,
        clock: Moment | None = None,
        scenario: SeedSource | None = None,
        *,
        otherwise: Seed = None,
        label: str | None = None,
    ) -> Iterator[Self]:
        """Serve another seed or scenario inside the block, from its beginning, under the same URLs.

        `clock` freezes the time before the world is built, so that it is the same on every run. `otherwise`
        is the seed when neither names one. `label` names what begins, a test: a request that ends in a later
        one, or presents what it was given here, is told as left over from it.
        """
        frozen_at = self._frozen_at if clock is None else parse_moment(clock)
        before = self._stage, self._world
        self._label = label
        self._stage = self._worlds.stage(seed, scenario, frozen_at, otherwise)
        try:
            self.reset()
            yield self
        finally:
            self._label = None
            self._stage = before[0]
            self._show(before[1])

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
        self._worlds.impersonate(names)
        try:
            with impersonating(names, address, Path(self.ca_path).read_text("ascii")):
                yield self
        finally:
            self._worlds.stop_impersonating(names)
            if self._server is not None:  # clients keep connections: the next request goes to the real tenant
                self._server.drop(lambda host: not self.state.names.accepts_host(host))

    def _control_routes(self) -> Routes:
        from mockidp.harness.control import control_routes

        return control_routes(self)

    def _serves(self, authority: str) -> bool:
        return self.state.names.is_served(authority)


def cannot_listen(host: str, port: int, error: OSError | OverflowError) -> str:
    """Return the line that says why a port cannot be bound."""
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use; choose another (0 takes a free one)"
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return f"cannot listen on {host} port {port}: {reason.partition(' (while')[0].lower()}"
