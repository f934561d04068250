"""Worlds: tenants built from seeds, each with its application and what watches it, kept for the next time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import msgspec

from mockidp.app import Application
from mockidp.errors import UsageError
from mockidp.harness.leftovers import Past
from mockidp.harness.outbox import Outbox
from mockidp.harness.recorder import Recorder
from mockidp.harness.rules import Rules
from mockidp.harness.script import Logins
from mockidp.http.routing import Room
from mockidp.model.tenant import Names, Tenant, is_loopback, split_host
from mockidp.rules.rule import Script
from mockidp.seed.build import Unbuildable, build
from mockidp.seed.load import Scenario, SeedSource, load_scenario, load_seed
from mockidp.seed.sources import Seed, anchored, fingerprint

KEPT_WORLDS = 8  # tenants of other seeds that are kept for the next time


class World(msgspec.Struct, frozen=True):
    """A tenant built from one seed, and all that watches it."""

    tenant: Tenant
    application: Application
    requests: Recorder
    rules: Rules
    outbox: Outbox
    restore: Callable[[], None]


class Stage(msgspec.Struct, frozen=True):
    """What a reset goes back to: a world, and the script that is played in it."""

    world: World
    sources: tuple[SeedSource, ...]
    script: Script
    frozen_at: float | None


class Worlds:
    """The worlds of one server, under whose names and ports they all are reached.

    Args:
        names: those that do not change.
        rooms: routes beside the tenant's own operations, as for `Application`.
        environ: what fills the placeholders of seeds; None for the process's environment.
    """

    def __init__(
        self,
        names: Names,
        rooms: tuple[Room, ...],
        environ: Mapping[str, str] | None,
    ) -> None:
        self._names = names
        self._rooms = rooms
        self._environ = environ
        self._past = Past()
        self._known: dict[tuple[bytes, float | None], World] = {}
        self._url = ""
        self._ports: frozenset[int | None] = frozenset()  # of this machine, that lead here
        self._noted: set[str] = set()  # hosts whose port is among them
        self._blocks: list[tuple[str, ...]] = []  # the names of each `impersonate`, the innermost first
        self._naming = threading.RLock()

    def stage(
        self, seed: Seed, scenario: SeedSource | None, frozen_at: float | None, otherwise: Seed = None
    ) -> Stage:
        """Return the world of the seeds and the scenario's script; raise `UsageError` for a wrong one.

        `frozen_at` is epoch seconds; `otherwise` is the seed when neither names one.
        """
        loaded = Scenario(Script())
        if scenario is not None:
            loaded = self.scenario(scenario, {})
        named: list[SeedSource] = []
        if seed is not None or not loaded.seeds:
            named = anchored(otherwise if seed is None else seed)
        sources = (*named, *loaded.seeds)
        return Stage(self.world(sources, frozen_at), sources, loaded.script, frozen_at)

    def scenario(self, source: SeedSource, parameters: Mapping[str, object]) -> Scenario:
        """Return a scenario, its `##NAME##` filled by the parameters."""
        return load_scenario(anchored(source)[0], self._environ, parameters)

    def world(self, sources: tuple[SeedSource, ...], frozen_at: float | None) -> World:
        """Return the world of these seeds, the same one again while nothing changed."""
        key = fingerprint(sources), frozen_at
        world = self._known.pop(key, None) or self._build(sources, frozen_at)
        self._known[key] = world
        while len(self._known) > KEPT_WORLDS:
            del self._known[next(iter(self._known))]
        return world

    def _build(self, sources: tuple[SeedSource, ...], frozen_at: float | None) -> World:
        seed = load_seed(sources, self._environ)
        document = seed.document
        if frozen_at is not None:
            document["mockidp"] = {**document["mockidp"], "clock": frozen_at}
        tenant = Tenant(self._names)
        try:
            build(tenant, document)
        except Unbuildable as error:
            raise UsageError(f"{seed.place(error.path)}: {error}") from None
        requests, rules = Recorder(tenant, past=self._past), Rules(tenant, Logins(tenant))
        application = Application(tenant, self._rooms, (requests.layer, rules.layer))
        requests.router, rules.application = application.router, application
        world = World(tenant, application, requests, rules, Outbox(tenant), tenant.snapshot())
        self.settle(world)
        return world

    # -- the URLs under which they are reached -----------------------------------------------------------

    def serve_at(self, url: str, port: int | None = None) -> None:
        """Tell all tenants the server's own URL, and the port that leads to it once it is bound."""
        with self._naming:
            self._url = url
            self._ports = frozenset() if port is None else frozenset((port,))
            self._settle_all()

    def note_port(self, host: str) -> None:
        """Take a port of this machine for ours when a request came by it: a container's, a proxy's."""
        if not self._ports or host in self._noted:
            return
        name, port = split_host(host)
        if port in self._ports:
            self._noted.add(host)
        elif is_loopback(name):
            with self._naming:
                self._ports |= {port}
                self._settle_all()

    def impersonate(self, names: tuple[str, ...]) -> None:
        """Take these domains for ours, before those of earlier calls."""
        with self._naming:
            self._blocks = [names, *self._blocks]
            self._settle_all()

    def stop_impersonating(self, names: tuple[str, ...]) -> None:
        """Undo one `impersonate`."""
        with self._naming:
            self._blocks.remove(names)
            self._settle_all()

    def _settle_all(self) -> None:
        for world in self._known.values():
            self.settle(world)

    def settle(self, world: World) -> None:
        """Tell a world's tenant how it is reached now."""
        tenant = world.tenant
        impersonated = tuple(name for names in self._blocks for name in names)
        tenant.names = msgspec.structs.replace(tenant.names, ports=self._ports, impersonated=impersonated)
        tenant.base_url = f"https://{impersonated[0]}/" if impersonated else f"{self._url}/"
