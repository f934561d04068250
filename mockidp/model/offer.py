"""What one login can be done with: the client's connections, as organization and request leave them."""

from __future__ import annotations

import msgspec

from mockidp.errors import lost_transaction
from mockidp.model.client import CLIENTS, Client
from mockidp.model.connection import Connection, connections_of
from mockidp.model.organization import enabled_connections
from mockidp.model.session import LoginTransaction
from mockidp.model.tenant import Tenant
from mockidp.model.user import Identity, User


class Offer(msgspec.Struct, frozen=True):
    """The connections of one login, and those of them that get a button.

    At most one of `database` and `passwordless` is there: the one whose form the login page has.
    """

    client: Client
    connections: tuple[Connection, ...]
    buttons: tuple[Connection, ...]
    database: Connection | None
    passwordless: Connection | None = None

    def find(self, name: str | None) -> Connection | None:
        """Return the offered connection with this name or None."""
        return next((connection for connection in self.connections if connection.name == name), None)

    def identity_of(self, user: User) -> Identity | None:
        """Return the identity with which the user can log in here, his own before linked ones."""
        return next((identity for identity in user.identities if self.find(identity.connection)), None)


def offer_of(tenant: Tenant, transaction: LoginTransaction) -> Offer:
    """Return what the client, the organization and the request's `connection` leave to log in with.

    Beside a database, a passwordless connection has to be asked for; of several, the first is offered
    (documentation, "Passwordless with Universal Login").
    """
    request = transaction.request
    client = client_of(tenant, transaction)
    connections = connections_of(tenant, client)
    hidden = {c.name for c in connections if c.document.get("show_as_button") is False}
    if request.org_id is not None:
        enabled = {e.connection: e for e in enabled_connections(tenant, request.org_id)}
        connections = [c for c in connections if c.name in enabled]
        hidden |= {name for name, e in enabled.items() if not e.show_as_button}
    # A request to unlink names the connection to unlink, not the one to log in with.
    if request.connection is not None and request.link != "unlink":
        connections = [c for c in connections if c.name == request.connection]
        hidden = set()
    database = _database(connections, tenant.settings.default_directory)
    passwordless = None if database else next((c for c in connections if c.is_passwordless), None)
    connections = [c for c in connections if c is passwordless or not c.is_passwordless]
    return Offer(
        client=client,
        connections=tuple(connections),
        buttons=tuple(c for c in connections if c.is_upstream and c.name not in hidden),
        database=database,
        passwordless=passwordless,
    )


def client_of(tenant: Tenant, transaction: LoginTransaction) -> Client:
    """Return the transaction's client; raise the lost-session page when it was deleted meanwhile."""
    client = tenant.store.find(CLIENTS, transaction.request.client_id)
    if client is None:
        raise lost_transaction()
    return client


def _database(connections: list[Connection], default: str | None) -> Connection | None:
    databases = [c for c in connections if c.is_database]
    return next((c for c in databases if c.name == default), databases[0] if databases else None)
