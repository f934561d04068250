"""Connections: where identities come from."""

from __future__ import annotations

from mockidp.json import Json
from mockidp.model.client import Client
from mockidp.model.document import Document
from mockidp.model.tenant import Tenant
from mockidp.store import Kind

PASSWORDLESS = frozenset({"email", "sms"})
ENTERPRISE = frozenset(
    {"ad", "adfs", "auth0-adldap", "auth0-oidc", "google-apps", "ip", "office365", "oidc", "okta"}
    | {"pingfederate", "samlp", "sharepoint", "waad"}
)
# Their user ids carry the connection's name: `samlp|acme|jane` (reference §8.1).
NAMED_IN_USER_ID = frozenset({"ad", "adfs", "auth0-oidc", "oauth2", "oidc", "okta", "pingfederate", "samlp"})


class Connection(Document, frozen=True, kw_only=True):
    """A connection as the Management API has it; `enabled_clients` are client ids."""

    id: str
    name: str
    strategy: str
    display_name: str | None = None
    enabled_clients: tuple[str, ...] | None = None
    options: dict[str, Json] = {}

    @property
    def is_database(self) -> bool:
        """Whether users log in with a password that the tenant keeps."""
        return self.strategy == "auth0"

    @property
    def is_passwordless(self) -> bool:
        """Whether users log in with a code that is sent to them."""
        return self.strategy in PASSWORDLESS

    @property
    def is_upstream(self) -> bool:
        """Whether another identity provider authenticates the user."""
        return not (self.is_database or self.is_passwordless)

    @property
    def is_social(self) -> bool:
        """The `isSocial` of its identities."""
        return self.is_upstream and self.strategy not in ENTERPRISE

    @property
    def label(self) -> str:
        """How a login page names it."""
        return self.display_name or _LABELS.get(self.strategy) or self.name

    def enabled_for(self, client: Client) -> bool:
        """Whether the client may use it; a connection that says nothing is for all clients."""
        return self.enabled_clients is None or client.client_id in self.enabled_clients

    def flag(self, option: str) -> bool:
        """Return a boolean option, false when absent."""
        return self.options.get(option) is True

    def identity_id(self, bare: str) -> str:
        """Return the identity's `user_id` for the provider's own id of a user."""
        prefix = f"{self.name}|"
        return prefix + bare.removeprefix(prefix) if self.strategy in NAMED_IN_USER_ID else bare


_LABELS = {
    "google-oauth2": "Google",
    "facebook": "Facebook",
    "github": "GitHub",
    "apple": "Apple",
    "windowslive": "Microsoft",
    "linkedin": "LinkedIn",
    "twitter": "X",
}

CONNECTIONS: Kind[Connection] = Kind(
    "connection", Connection, {"id": lambda c: (c.id,), "strategy": lambda c: (c.strategy,)}
)


def find_connection(tenant: Tenant, name_or_id: str) -> Connection | None:
    """Return the connection with this name, or else this id."""
    found = tenant.store.find(CONNECTIONS, name_or_id)
    return found or next(iter(tenant.store.all(CONNECTIONS, {"id": name_or_id})), None)


def put_connection(tenant: Tenant, connection: Connection) -> None:
    """Keep the connection under its name."""
    tenant.store.put(CONNECTIONS, connection.name, connection)


def connections_of(tenant: Tenant, client: Client) -> list[Connection]:
    """Return the connections that the client may use, in the tenant's order."""
    return [c for c in tenant.store.all(CONNECTIONS) if c.enabled_for(client)]


def first_database(connections: list[Connection]) -> Connection | None:
    """Return the connection that a login page shows when none was asked for."""
    return next((c for c in connections if c.is_database), None)
