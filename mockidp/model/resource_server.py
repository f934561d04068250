"""Resource servers (dashboard: APIs), client grants, and which scopes an authorization gets."""

from __future__ import annotations

from collections.abc import Iterable

from mockidp.json import Json
from mockidp.model.client import Client
from mockidp.model.document import Document
from mockidp.model.role import permissions_of
from mockidp.model.tenant import Tenant
from mockidp.store import Kind

OIDC_SCOPES = ("openid", "profile", "email", "address", "phone", "offline_access")
# What a user's own token may hold for the Management API (management-api §4.9).
CURRENT_USER_SCOPES = (
    "read:current_user",
    "update:current_user_identities",
    "update:current_user_metadata",
    "create:current_user_metadata",
    "delete:current_user_metadata",
    "create:current_user_device_credentials",
    "delete:current_user_device_credentials",
)
SYSTEM = "api/v2/"  # the key of the Management API: its identifier follows the tenant's name


class ResourceServer(Document, frozen=True, kw_only=True):
    """An API as the Management API has it; lifetimes are in seconds."""

    identifier: str
    name: str | None = None
    scopes: tuple[dict[str, Json], ...] = ()
    signing_alg: str | None = None  # without one, the tenant's
    signing_secret: str | None = None
    allow_offline_access: bool = False
    token_lifetime: int = 86400
    token_lifetime_for_web: int = 7200
    enforce_policies: bool = False
    token_dialect: str = "access_token"
    skip_consent_for_verifiable_first_party_clients: bool = False
    is_system: bool = False

    @property
    def scope_values(self) -> tuple[str, ...]:
        """The scopes' names."""
        return tuple(str(scope["value"]) for scope in self.scopes)

    def describe(self, scope: str) -> str:
        """Return a scope's description, or its name."""
        return next((str(s.get("description") or scope) for s in self.scopes if s["value"] == scope), scope)


class ClientGrant(Document, frozen=True, kw_only=True):
    """What a client may get by itself at one audience (`client-grants`)."""

    id: str
    client_id: str
    audience: str
    scope: tuple[str, ...] = ()


RESOURCE_SERVERS: Kind[ResourceServer] = Kind("resource_server", ResourceServer)
CLIENT_GRANTS: Kind[ClientGrant] = Kind(
    "client_grant",
    ClientGrant,
    {"client": lambda grant: (grant.client_id,), "audience": lambda grant: (grant.audience,)},
)
MANAGEMENT_API = ResourceServer.of(
    {
        "identifier": SYSTEM,
        "name": "Auth0 Management API",
        "is_system": True,
        "token_lifetime": 86400,
        "token_lifetime_for_web": 7200,
        "scopes": [{"value": value} for value in CURRENT_USER_SCOPES],
        "skip_consent_for_verifiable_first_party_clients": True,
    }
)


def find_resource_server(tenant: Tenant, audience: str) -> ResourceServer | None:
    """Return the API with this identifier; `<any of our issuers>api/v2/` is the Management API."""
    found = tenant.store.find(RESOURCE_SERVERS, audience)
    if found is None and audience.endswith(SYSTEM):
        issuer = audience.removesuffix(SYSTEM)
        return MANAGEMENT_API if tenant.names.accepts_issuer(issuer) else None
    return found


def is_userinfo(tenant: Tenant, audience: str) -> bool:
    """Whether the audience means no API: `<issuer>userinfo`."""
    return audience.endswith("/userinfo") and tenant.names.accepts_issuer(audience.removesuffix("userinfo"))


def find_client_grant(tenant: Tenant, client: Client, server: ResourceServer) -> ClientGrant | None:
    """Return what the client was granted at this API, or None."""
    where = {"client": client.client_id, "audience": server.identifier}
    return next(iter(tenant.store.all(CLIENT_GRANTS, where)), None)


def grantable_scopes(
    tenant: Tenant,
    client: Client,
    user_id: str,
    server: ResourceServer | None,
    requested: Iterable[str],
    org_id: str | None = None,
) -> tuple[str, ...]:
    """Return the scopes that a user can give a client, in the order requested.

    OpenID Connect scopes always; `offline_access` when the API and the client allow it; the API's own
    scopes, with role-based access control only the user's. Anything else is silently dropped.
    """
    allowed = set(OIDC_SCOPES)
    if (server and not server.allow_offline_access) or not client.allows_grant("refresh_token"):
        allowed.discard("offline_access")
    if server:
        own = set(server.scope_values)
        if server.enforce_policies:
            own &= set(permissions_of(tenant, user_id, server.identifier, org_id))
        allowed |= own
    return tuple(scope for scope in dict.fromkeys(requested) if scope in allowed)
