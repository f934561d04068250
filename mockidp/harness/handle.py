"""A tenant as tests hold it: who is in it, and what a test does to it from Python."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from mockidp.clock import Clock
from mockidp.errors import UsageError
from mockidp.harness.minting import Scope, Wanted, mint_access_token, mint_id_token
from mockidp.harness.objects import (
    ClientView,
    OrganizationView,
    Ref,
    Users,
    UserView,
    identity_key,
    resolve_client,
    resolve_organization,
    resolve_user,
    view_client,
    view_organization,
    view_user,
)
from mockidp.model import linking
from mockidp.model.tenant import Tenant

KEPT_SNAPSHOTS = 16  # that can be named by their numbers


class Snapshot:
    """How a tenant was: `idp.restore(snapshot)`, or call it. They are numbered from 1."""

    def __init__(self, number: int, tenant: Tenant, restore: Callable[[], None]) -> None:
        self.number = number
        self.tenant = tenant
        self._restore = restore

    def __call__(self) -> None:
        """Bring the tenant back."""
        self._restore()


class TenantHandle(ABC):
    """What needs no more than a tenant; `MockIdp` is one, with a server."""

    _snapshots: tuple[Snapshot, ...] = ()  # the latest ones

    @property
    @abstractmethod
    def state(self) -> Tenant:
        """The emulated tenant itself."""

    @property
    def issuer(self) -> str:
        """The issuer where no request says which name was used: pinned, or the server's own URL."""
        return self.state.issuer

    @property
    def clock(self) -> Clock:
        """The tenant's clock: `freeze`, `advance`."""
        return self.state.clock

    @property
    def users(self) -> Users:
        """The users: iterate, or `users["alice@example.com"]` by user_id, e-mail or name."""
        return Users(self.state)

    def client(self, which: Ref) -> ClientView:
        """Return a client by id or name."""
        return view_client(self.state, resolve_client(self.state, which))

    def organization(self, which: Ref) -> OrganizationView:
        """Return an organization by id or name."""
        return view_organization(self.state, resolve_organization(self.state, which))

    def token(
        self,
        user: Ref | None = None,
        *,
        client: Ref | None = None,
        audience: str | None = None,
        scope: Scope = None,
        claims: Mapping[str, Any] | None = None,
        expires_in: int | None = None,
        organization: Ref | None = None,
    ) -> str:
        """Return an access token of a user, or without one of a client itself; `expires_in` is in seconds.

        The scope is taken as it is; left out it is `openid profile email`, or what the client was granted.
        Without an audience it is good for `/userinfo`, and a JWT as all, where a login gives an opaque one.
        """
        return self._access_token(user, audience, Wanted(client, scope, claims, expires_in, organization))

    def _access_token(self, user: Ref | None, audience: str | None, wanted: Wanted) -> str:
        return mint_access_token(self.state, user, audience, wanted)

    def id_token(
        self,
        user: Ref,
        *,
        client: Ref | None = None,
        nonce: str | None = None,
        scope: Scope = None,
        claims: Mapping[str, Any] | None = None,
        expires_in: int | None = None,
        organization: Ref | None = None,
    ) -> str:
        """Return an ID token of a user for a client; `expires_in` is in seconds."""
        return self._id_token(user, nonce, Wanted(client, scope, claims, expires_in, organization))

    def _id_token(self, user: Ref, nonce: str | None, wanted: Wanted) -> str:
        return mint_id_token(self.state, user, nonce, wanted)

    def link(self, primary: Ref, secondary: Ref) -> UserView:
        """Link the secondary account to the primary and return that; `ApiError` as the tenant refuses it."""
        first, second = resolve_user(self.state, primary), identity_key(self.state, secondary)
        return view_user(self.state, linking.link(self.state, first.user_id, second))

    def unlink(self, user: Ref, provider: str, user_id: str | int) -> UserView:
        """Make an identity an account of its own again; return the account that it was linked to."""
        account = resolve_user(self.state, user)
        bare = str(user_id).removeprefix(f"{provider}|")
        if account.identity(f"{provider}|{bare}") is None:
            listed = ", ".join(f"'{identity.key}'" for identity in account.identities)
            raise UsageError(f"user '{account.user_id}' has no identity '{provider}|{bare}', but {listed}")
        return view_user(self.state, linking.unlink(self.state, account.user_id, provider, bare))

    def rotate_keys(self) -> None:
        """Sign with the next key from now on; the one before stays published."""
        self.state.keys.rotate()

    def snapshot(self) -> Snapshot:
        """Remember how everything in the tenant is now, its clock too, for `restore`."""
        number = self._snapshots[-1].number + 1 if self._snapshots else 1
        taken = Snapshot(number, self.state, self.state.snapshot())
        self._snapshots = (*self._snapshots[1 - KEPT_SNAPSHOTS :], taken)
        return taken

    def restore(self, snapshot: Snapshot | int | None = None) -> None:
        """Bring the tenant back to how it was at a snapshot (or its number), left out the latest one.

        `UsageError` when there is none, or another seed is served since.
        """
        wanted = snapshot if isinstance(snapshot, Snapshot) else self._taken(snapshot)
        if wanted.tenant is not self.state:
            raise UsageError("the snapshot is of another seed's tenant than the one that is served now")
        wanted()

    def _taken(self, number: int | None) -> Snapshot:
        found = [each for each in self._snapshots if number in (None, each.number)]
        if not self._snapshots:
            raise UsageError("there is no snapshot to restore: call idp.snapshot() first")
        if not found:
            raise UsageError(f"there is no snapshot {number}; the last {KEPT_SNAPSHOTS} are kept")
        return found[-1]
