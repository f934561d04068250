"""Clients (dashboard: Applications) and what each is allowed."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec

from mockidp.json import Json
from mockidp.model.document import Document
from mockidp.model.tenant import Tenant
from mockidp.store import Kind

IMPLICIT = "implicit"
CODE = "authorization_code"
DEFAULT_GRANT_TYPES = (CODE, IMPLICIT, "refresh_token", "client_credentials")


class JwtConfiguration(msgspec.Struct, frozen=True):
    """How ID tokens are made; the lifetime is in seconds; without `alg`, the tenant's."""

    alg: str | None = None
    lifetime_in_seconds: int = 36000
    secret_encoded: bool = False


class RefreshTokenPolicy(msgspec.Struct, frozen=True):
    """How refresh tokens live (seconds), rotate and expire."""

    rotation_type: str = "non-rotating"
    expiration_type: str = "non-expiring"
    leeway: int = 0
    token_lifetime: int = 2592000
    idle_token_lifetime: int = 1296000
    infinite_token_lifetime: bool = False
    infinite_idle_token_lifetime: bool = False

    @property
    def rotates(self) -> bool:
        """Whether each use gives a new token."""
        return self.rotation_type == "rotating"

    @property
    def expires(self) -> bool:
        """Whether lifetimes apply at all."""
        return self.expiration_type == "expiring"


class Client(Document, frozen=True, kw_only=True):
    """An OAuth client as the Management API has it."""

    client_id: str
    name: str
    client_secret: str | None = None
    app_type: str | None = None
    callbacks: tuple[str, ...] = ()
    allowed_logout_urls: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    web_origins: tuple[str, ...] = ()
    grant_types: tuple[str, ...] = DEFAULT_GRANT_TYPES
    token_endpoint_auth_method: str | None = None
    client_authentication_methods: dict[str, Json] = {}
    jwt_configuration: JwtConfiguration = JwtConfiguration()
    refresh_token: RefreshTokenPolicy = RefreshTokenPolicy()
    is_first_party: bool = True
    initiate_login_uri: str | None = None
    organization_usage: str = "allow"

    @property
    def auth_method(self) -> str:
        """How the client authenticates at the token endpoint.

        Browser and native apps without an explicit method are public clients.
        """
        if self.token_endpoint_auth_method:
            return self.token_endpoint_auth_method
        if self.client_authentication_methods.get("private_key_jwt"):
            return "private_key_jwt"
        return "none" if self.app_type in ("spa", "native") else "client_secret_post"

    @property
    def is_public(self) -> bool:
        """Whether the client has no credentials (RFC 6749 §2.1)."""
        return self.auth_method == "none"

    @property
    def origins(self) -> frozenset[str]:
        """Every origin from which a page of this client may call: web origins, CORS origins, callbacks'."""
        listed = {origin.rstrip("/") for origin in (*self.web_origins, *self.allowed_origins)}
        return frozenset(listed | {origin_of(url) for url in self.callbacks})

    def allows_grant(self, grant_type: str) -> bool:
        """Whether `grant_type` is among the client's."""
        return grant_type in self.grant_types

    def allows_callback(self, url: str) -> bool:
        """Whether `url` is registered: exactly, but for `*` in place of one subdomain.

        social-auth-core puts a random `redirect_state` behind each redirect URI and works with real tenants,
        which are said not to look at the query; here that parameter alone may come on top.
        """
        exact = _REDIRECT_STATE.sub(r"\1", url)
        return any(
            url_matches(pattern, candidate) for pattern in self.callbacks for candidate in (url, exact)
        )

    def allows_web_origin(self, origin: str) -> bool:
        """Whether a page at `origin` may receive a web_message response.

        unverified: that callbacks imply their origin.
        """
        return any(url_matches(pattern.rstrip("/"), origin) for pattern in self.origins)


_REDIRECT_STATE = re.compile(r"(?:\?|(\?[^#]*)&)redirect_state=[A-Za-z0-9]+\Z")  # `&` only after a `?`
CLIENTS: Kind[Client] = Kind("client", Client, {"name": lambda client: (client.name,)})


def find_client(tenant: Tenant, id_or_name: str) -> Client | None:
    """Return the client with this id, or else this name."""
    found = tenant.store.find(CLIENTS, id_or_name)
    return found or next(iter(tenant.store.all(CLIENTS, {"name": id_or_name})), None)


def login_route(tenant: Tenant, client: Client | None) -> str | None:
    """Return the URL where the client begins a login, or the tenant's ("Configure default login routes")."""
    own = client.initiate_login_uri if client else None
    return own or tenant.settings.default_redirection_uri


def put_client(tenant: Tenant, client: Client) -> None:
    """Keep the client under its id."""
    tenant.store.put(CLIENTS, client.client_id, client)


def origin_of(url: str) -> str:
    """Return `scheme://host[:port]` of a URL (RFC 6454 §6.2); for a custom scheme, `scheme:`."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else f"{parts.scheme}:"


def url_matches(pattern: str, url: str) -> bool:
    """Whether `url` is `pattern`, where `*` in the host stands for one label or part of it."""
    if pattern == url:
        return True
    return "*" in pattern and _wildcard(pattern).fullmatch(url) is not None


@lru_cache(maxsize=512)
def _wildcard(pattern: str) -> re.Pattern[str]:
    scheme, _, rest = pattern.partition("://")
    host, slash, path = rest.partition("/")
    # Only a subdomain may vary: never the port, the path, or across a dot.
    host = re.escape(host).replace(r"\*", "[A-Za-z0-9-]+")
    return re.compile(re.escape(f"{scheme}://") + host + re.escape(slash + path))
