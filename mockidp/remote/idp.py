"""RemoteIdp: a tenant that another process serves, as tests hold it. Thin over the control API."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Self
from urllib.parse import urlsplit

from mockidp.clock import Moment, parse_moment
from mockidp.errors import UsageError
from mockidp.harness.control_handle import IdToken
from mockidp.harness.control_rules import Problem, Verdict
from mockidp.harness.control_tokens import ManagementToken, Tokens
from mockidp.harness.environment import environment
from mockidp.harness.handle import TenantHandle
from mockidp.harness.minting import Scope, Wanted, scopes_of
from mockidp.harness.objects import (
    Ref,
    UserView,
    identity_key,
    resolve_client,
    resolve_connection,
    resolve_organization,
    resolve_user,
    view_user,
)
from mockidp.harness.steering import Steering
from mockidp.model.user import User
from mockidp.remote.mirror import Mirror
from mockidp.remote.watching import RemoteOutbox, RemoteRecorder, RemoteRules
from mockidp.remote.wire import Control
from mockidp.seed.load import SeedSource, inline_scenario, inline_seeds
from mockidp.seed.sources import Seed, anchored

if TYPE_CHECKING:
    from mockidp.harness.browser import Browser


class _Stage(NamedTuple):
    """What a reset goes back to: a scenario with its seeds, and the frozen time (epoch seconds)."""

    scenario: Mapping[str, Any]
    frozen_at: float | None


_OWN = _Stage({}, None)  # the world that the server was started with


class RemoteIdp(TenantHandle, Steering):
    """A tenant served by another process on this machine, held and steered as `MockIdp` is.

    Args:
        url: of a server (`python -m mockidp serve`), as `http://127.0.0.1:4100`.
        seed: as of `MockIdp`, read here and sent there; None for the world that the server was started with.
        scenario: path of a scenario file, or its data.
        clock: a moment at which the clock is frozen from the beginning.
        environ: what fills the placeholders of seeds; None for this process's environment.

    Raises `UsageError` when no mockidp answers there, and for a wrong seed; warns of another version.
    """

    def __init__(
        self,
        url: str,
        seed: Seed = None,
        *,
        scenario: SeedSource | None = None,
        clock: Moment | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._control = Control(url)
        self._environ = environ
        self._label: str | None = None  # of the test that runs
        self._state = Mirror(self._control)
        self._requests = RemoteRecorder(self._control, self._state)
        self._rules = RemoteRules(self._control, self._state)
        self.outbox = RemoteOutbox(self._control, self._state)
        self._frozen_at = None if clock is None else parse_moment(clock)
        self._stage = self._staged(seed, scenario, self._frozen_at)
        if self._stage != _OWN:
            self.reset()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<RemoteIdp {self.url}>"

    def start(self) -> Self:
        """Do nothing: the server runs."""
        return self

    def stop(self) -> None:
        """Leave the server, with the world that it was started with."""
        if self._stage != _OWN:
            self._stage = _OWN
            self.reset()
        self._control.close()

    @property
    def app(self) -> NoReturn:
        """Raise `UsageError`: the application is in another process."""
        raise UsageError(f"idp.app is not here: the server at {self.url} is another process; use idp.url")

    def tenant(self, name: str, seed: Seed = None) -> NoReturn:
        """Raise `UsageError`: another tenant takes another server."""
        raise UsageError(f"tenant '{name}' is not there: the external server at {self.url} has one tenant")

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, as it was given."""
        return self._control.url

    @property
    def https_url(self) -> str:
        """`https://localhost:PORT`; clients must trust `ca_path`."""
        return f"https://localhost:{urlsplit(self.url).port}"

    @property
    def domain(self) -> str:
        """What an SDK takes as the tenant's domain: pinned, or `localhost:PORT`."""
        return self.state.names.domain or self.https_url.removeprefix("https://")

    @cached_property
    def ca_path(self) -> str:
        """The PEM file of the server's certificate authority, a copy in a temporary directory."""
        directory = tempfile.mkdtemp(prefix="mockidp-ca-")
        weakref.finalize(self, shutil.rmtree, directory, ignore_errors=True)
        path = Path(directory, "ca.pem")
        path.write_text(self._control.text("ca.pem"), "ascii")
        return str(path)

    @property
    def env(self) -> dict[str, str]:
        """Environment variables that point SDKs of any language there."""
        return environment(self)

    @property
    def state(self) -> Mirror:
        """The tenant, to be looked at."""
        return self._state

    @property
    def requests(self) -> RemoteRecorder:
        """The requests that came, oldest first, with `assert_called`."""
        return self._requests

    @property
    def rules(self) -> RemoteRules:
        """The rules that answer requests, with what they did."""
        return self._rules

    def add_user(self, **attributes: Any) -> UserView:
        """Create a user: a seed's keys as arguments (`email`, `password`, `connection`, `roles`, …)."""
        if attributes.get("connection") is not None:
            attributes["connection"] = resolve_connection(self.state, attributes["connection"]).name
        return self._user("users", attributes)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What failed inside mockidp itself since the last `reset()`: `where` (the request), `traceback`."""
        return tuple(self._control.get("problems", list[Problem]))

    def login_as(self, user: Ref | None) -> None:
        """Let the user answer the interactive authorizations from now on, no page; None shows pages again."""
        self._control.tell("login-as", {"user": None if user is None else identity_key(self.state, user)})

    def link(self, primary: Ref, secondary: Ref) -> UserView:
        """Link the secondary account to the primary and return that; `ApiError` as the tenant refuses it."""
        state = self.state
        given = {"primary": resolve_user(state, primary).user_id, "secondary": identity_key(state, secondary)}
        return self._user("link", given)

    def unlink(self, user: Ref, provider: str, user_id: str | int) -> UserView:
        """Make an identity an account of its own again; return the account that it was linked to."""
        account = resolve_user(self.state, user).user_id
        return self._user("unlink", {"user": account, "provider": provider, "user_id": str(user_id)})

    def _user(self, operation: str, given: Mapping[str, Any]) -> UserView:
        return view_user(self.state, User.of(self._control.post(operation, dict[str, Any], given)))

    def browser(self) -> Browser:
        """Return a new browser: cookies of its own, walks the real pages."""
        from mockidp.harness.browser import Browser

        return Browser(self.state, self.url, ca=lambda: self.ca_path)

    def _access_token(self, user: Ref | None, audience: str | None, wanted: Wanted) -> str:
        given = {**self._given(user, wanted), "audience": audience}
        return self._control.post("tokens", Tokens, given).access_token

    def _id_token(self, user: Ref, nonce: str | None, wanted: Wanted) -> str:
        given = {**self._given(user, wanted), "nonce": nonce}
        return self._control.post("id-token", IdToken, given).id_token

    def _given(self, user: Ref | None, wanted: Wanted) -> dict[str, Any]:
        """Return what both kinds of tokens take, objects and names as ids."""
        state, client, organization = self.state, wanted.client, wanted.organization
        return {
            "user": None if user is None else resolve_user(state, user).user_id,
            "client": None if client is None else resolve_client(state, client).client_id,
            "organization": None if organization is None else resolve_organization(state, organization).id,
            "scope": scopes_of(wanted.scope),
            "claims": wanted.claims or {},
            "expires_in": wanted.expires_in,
        }

    def management_token(self, scope: Scope = None) -> str:
        """Return a token for the Management API, with all of its scopes unless told which."""
        given = {"scope": scopes_of(scope)}
        return self._control.post("management-token", ManagementToken, given).access_token

    def rotate_keys(self) -> None:
        """Sign with the next key from now on; the one before stays published."""
        self._control.tell("rotate-keys")

    def reset(self, label: str | None = None) -> None:
        """Go back to the seed: every object, the clock, requests, rules, logins and problems.

        `label` names what begins, as of `MockIdp.serving`.
        """
        self._label = label or self._label
        self._control.tell("reset", {"label": self._label})
        self._play(*self._stage)

    def load_scenario(self, scenario: SeedSource, /, **parameters: Any) -> None:
        """Begin a scenario, read here, until the next `reset()`; as `MockIdp.load_scenario`."""
        played = inline_scenario(anchored(scenario)[0], self._environ, parameters)
        self._play(played, self._stage.frozen_at if played["seed"] else None)

    def _play(self, scenario: Mapping[str, Any], frozen_at: float | None) -> None:
        """Begin a scenario, and the clock of its world (in epoch seconds)."""
        if seeds := scenario.get("seed"):
            clock = {} if frozen_at is None else {"clock": frozen_at}
            scenario = {**scenario, "seed": [*seeds, {"mockidp": clock}]}  # a world, even when it is empty
        if scenario:
            self._control.tell("scenario", scenario)
        if frozen_at is not None:  # what the server was told of the time at its start wins over a seed's
            self.clock.freeze(frozen_at)

    def verify(self) -> None:
        """Fail unless what was expected came about; the failure says what came instead, in order."""
        __tracebackhide__ = True
        verdict = self._control.post("verify", Verdict)
        if not verdict.met:
            raise AssertionError(verdict.difference)

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
        """Serve another seed or scenario inside the block, from its beginning; as `MockIdp.serving`."""
        frozen_at = self._frozen_at if clock is None else parse_moment(clock)
        before, self._label = self._stage, label
        self._stage = self._staged(seed, scenario, frozen_at, otherwise)
        try:
            self.reset()
            yield self
        finally:
            self._stage, self._label = before, None
            self.reset()

    def _staged(
        self, seed: Seed, scenario: SeedSource | None, frozen_at: float | None, otherwise: Seed = None
    ) -> _Stage:
        """Return what a reset begins, without any file in it."""
        document: dict[str, Any] = {}
        if scenario is not None:
            document = inline_scenario(anchored(scenario)[0], self._environ)
        own = document.get("seed", [])
        named = seed if seed is not None or own else otherwise
        sources = [*([] if named is None else anchored(named)), *own]
        if sources:
            document["seed"] = inline_seeds(sources, self._environ)
        return _Stage(document, frozen_at)

    @contextmanager
    def impersonate(self, *domains: str) -> Iterator[Self]:
        """Lead clients of the domains (`acme.eu.auth0.com`, any port) there inside the block.

        As `MockIdp.impersonate`, in this process; but the server has to go by these names already: by
        `--domain`, which the issuer follows, or `--allow-host`. Raises `UsageError` otherwise.
        """
        from mockidp.harness.impersonate import checked_domains, impersonating

        names = checked_domains(domains)
        for name in names:
            if not self.state.names.accepts_host(name):
                raise UsageError(f"the server does not go by '{name}': start it with --domain {name}")
        at = urlsplit(self.url)
        with impersonating(names, (at.hostname or "", at.port or 0), Path(self.ca_path).read_text("ascii")):
            yield self
