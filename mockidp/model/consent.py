"""When a user must be asked (documentation, "User consent and third-party applications")."""

from __future__ import annotations

from urllib.parse import urlsplit

from mockidp.model.client import CLIENTS
from mockidp.model.credentials import find_consent
from mockidp.model.resource_server import ResourceServer, find_resource_server, grantable_scopes
from mockidp.model.session import LoginTransaction
from mockidp.model.tenant import Tenant, is_loopback
from mockidp.model.user import User


def scopes_to_consent(tenant: Tenant, transaction: LoginTransaction, user_id: str) -> tuple[str, ...]:
    """Return the scopes that the request would be given."""
    request = transaction.request
    client = tenant.store.get(CLIENTS, request.client_id)
    server = find_resource_server(tenant, request.audience) if request.audience else None
    return grantable_scopes(tenant, client, user_id, server, request.scope, request.org_id)


def needs_consent(tenant: Tenant, transaction: LoginTransaction, user: User) -> bool:
    """Whether the consent page comes next.

    A third-party client always needs consent once; a first-party one only for an API that does not let
    verifiable first-party clients skip it. A client on this machine is never verifiable.
    """
    if transaction.consented:
        return False
    request = transaction.request
    if "consent" in request.prompt:
        return True
    client = tenant.store.get(CLIENTS, request.client_id)
    server = find_resource_server(tenant, request.audience) if request.audience else None
    if client.is_first_party and (server is None or _may_skip(server, request.redirect_uri)):
        return False
    given = find_consent(tenant, user.user_id, client.client_id, request.audience or "")
    wanted = scopes_to_consent(tenant, transaction, user.user_id)
    return given is None or not set(wanted) <= set(given.scope)


def _may_skip(server: ResourceServer, redirect_uri: str) -> bool:
    parts = urlsplit(redirect_uri)
    verifiable = parts.scheme in ("http", "https") and not is_loopback(parts.hostname or "")
    return server.skip_consent_for_verifiable_first_party_clients and verifiable
