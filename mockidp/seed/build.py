"""The canonical seed document into a tenant: ids, the Management API's defaults, and what names what.

Defaults: management-api §3.0 (ids) and §3.2–3.7, from recordings of real tenants. What the seed leaves out is
derived from names, so that it is the same on every run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec

from mockidp.clock import parse_time
from mockidp.errors import ApiError, UsageError
from mockidp.ids import BASE64URL, HEX, derive
from mockidp.model.brute_force import PROTECTION, Protection
from mockidp.model.client import DEFAULT_GRANT_TYPES, Client, find_client, put_client
from mockidp.model.connection import Connection, find_connection, put_connection
from mockidp.model.document import Document
from mockidp.model.organization import (
    ORGANIZATIONS,
    EnabledConnection,
    Organization,
    add_member,
    enable_connection,
    find_organization,
)
from mockidp.model.resource_server import (
    CLIENT_GRANTS,
    RESOURCE_SERVERS,
    SYSTEM,
    ClientGrant,
    ResourceServer,
)
from mockidp.model.role import Permission, Role, put_role
from mockidp.model.session import SESSIONS, Session
from mockidp.model.tenant import (
    DOUBLE,
    ONLY,
    SETTINGS,
    Double,
    Settings,
    Tenant,
    check_domain,
    check_issuer,
)
from mockidp.model.user import USERS, User, find_by_email, find_user
from mockidp.seed.accounts import add_user, role_id
from mockidp.seed.reader import Path
from mockidp.store import Kind

Entry = Mapping[str, Any]
D = TypeVar("D", bound=Document)

# What an export holds beside what is emulated, by its key there; for the Management API to answer.
EXPORT: Kind[object] = Kind("export", object)
DATABASE = "Username-Password-Authentication"


class Unbuildable(UsageError):
    """What no tenant can be; `path` is where the document says it."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


def build(tenant: Tenant, document: Mapping[str, Any]) -> None:
    """Put the canonical seed document (`load_seed`) into the store of an empty tenant.

    Raises `Unbuildable` for what contradicts itself, which the loader did not see.
    """
    _double(tenant, document.get("mockidp") or {})
    with _at("tenant"):
        _settings(tenant, document)
    _protection(tenant, document)
    if not document.get("connections"):
        _connection(tenant, {"name": DATABASE, "strategy": "auth0"})
    for section, keep in _KINDS:
        for position, entry in enumerate(document.get(section) or ()):
            with _at(section, position):
                keep(tenant, _present(entry))
    for key, value in document.items():
        if key not in _BUILT:
            tenant.store.put(EXPORT, key, value)


@contextmanager
def _at(*path: str | int) -> Iterator[None]:
    """Say of a mistake inside the block which part of the document it is in."""
    try:
        yield
    except UsageError as error:
        raise Unbuildable(path, str(error)) from None


def client_document(tenant: Tenant, entry: Entry) -> dict[str, Any]:
    """Return a client's document with what `POST /api/v2/clients` adds (management-api §3.2)."""
    client_id = entry.get("client_id") or derive(f"client:{entry['name']}", 32)
    methods = entry.get("client_authentication_methods")
    method = entry.get("token_endpoint_auth_method")
    if method is None and not methods and entry.get("app_type") in ("spa", "native"):
        method = "none"
    document: dict[str, Any] = {"name": entry.get("name") or client_id, "client_id": client_id}
    if method != "none" and not methods:
        document["client_secret"] = derive(f"client_secret:{client_id}", 64, BASE64URL)
    document |= {
        "is_first_party": True,
        "is_token_endpoint_ip_header_trusted": False,
        "oidc_conformant": False,
        "jwt_configuration": {"secret_encoded": False, "lifetime_in_seconds": 36000},
        "signing_keys": [{"cert": tenant.keys.current().certificate_pem()}],
        "sso_disabled": False,
        # The API's default is false; a seed that says nothing wants Lock and auth0-js to log in.
        "cross_origin_authentication": True,
        # documentation, "Application grant types": without client_credentials for public clients
        "grant_types": [g for g in DEFAULT_GRANT_TYPES if method != "none" or g != "client_credentials"],
        "custom_login_page_on": True,
    }
    policy = _present(entry.get("refresh_token") or {})
    merged = {
        "refresh_token": {**_refresh_token(entry.get("app_type"), policy), **policy},
        "jwt_configuration": document["jwt_configuration"] | (entry.get("jwt_configuration") or {}),
    }
    if method is not None:
        document["token_endpoint_auth_method"] = method
    return document | dict(entry) | merged


def connection_document(tenant: Tenant, entry: Entry) -> dict[str, Any]:
    """Return a connection's document with what `POST /api/v2/connections` adds (management-api §3.3).

    `enabled_clients` may name clients; without it, the connection is enabled for all.
    """
    document: dict[str, Any] = {
        "id": derive(f"connection:{entry['name']}", 16),
        "options": {},
        "strategy": entry["strategy"],
        "name": entry["name"],
        "is_domain_connection": False,
        "realms": [entry["name"]],
        "authentication": {"active": True},
        "connected_accounts": {"active": False},
    }
    document["id"] = f"con_{document['id']}"
    document |= entry
    if entry["strategy"] == "auth0":
        document["options"] = {**_DATABASE_OPTIONS, **(entry.get("options") or {})}
    if "enabled_clients" in document:
        document["enabled_clients"] = [_client_id(tenant, name) for name in document["enabled_clients"]]
    return document


def resource_server_document(tenant: Tenant, entry: Entry) -> dict[str, Any]:
    """Return an API's document with what `POST /api/v2/resource-servers` adds (management-api §3.4)."""
    identifier = entry["identifier"]
    document: dict[str, Any] = {
        "id": derive(f"resource_server:{identifier}", 24, HEX),
        "name": identifier,
        "identifier": identifier,
        "signing_alg": tenant.keys.alg,
        "allow_offline_access": False,
        "token_lifetime": 86400,
        "token_lifetime_for_web": 7200,
        "skip_consent_for_verifiable_first_party_clients": False,
        "subject_type_authorization": {
            "user": {"policy": "allow_all"},
            "client": {"policy": "require_client_grant"},
        },
    }
    if entry.get("signing_alg") == "HS256":
        document["signing_secret"] = derive(f"signing_secret:{identifier}", 32)
    return document | dict(entry)


_DATABASE_OPTIONS: dict[str, Any] = {
    "mfa": {"active": True, "return_enroll_settings": True},
    "passwordPolicy": "good",
    "strategy_version": 2,
    "authentication_methods": {
        "password": {"enabled": True, "api_behavior": "required"},
        "passkey": {"enabled": False},
    },
    "passkey_options": {
        "challenge_ui": "both",
        "progressive_enrollment_enabled": True,
        "local_enrollment_enabled": True,
    },
    "brute_force_protection": True,
}


def _refresh_token(app_type: object, given: Entry) -> dict[str, Any]:
    """Return the policy's defaults; a token that expires is finite (recorded)."""
    expiration = "expiring" if given.get("rotation_type") == "rotating" else "non-expiring"
    expires = given.get("expiration_type", expiration) == "expiring"
    long = app_type == "non_interactive"
    return {
        "rotation_type": "non-rotating",
        "expiration_type": expiration,
        "leeway": 0,
        "token_lifetime": 31557600 if long else 2592000,
        "infinite_token_lifetime": not expires,
        "infinite_idle_token_lifetime": not expires,
        "idle_token_lifetime": 2592000 if long else 1296000,
    }


def _double(tenant: Tenant, section: Entry) -> None:
    """Set what only a test double has; names that the tenant was given win over the seed's."""
    if section.get("clock") is not None:
        tenant.clock.freeze(section["clock"])
    otp = section.get("otp")
    linking = section.get("legacy_account_linking")
    double = Double(
        otp=None if otp is None else str(otp), legacy_account_linking=True if linking is None else linking
    )
    tenant.store.put(DOUBLE, ONLY, double)
    signing = _present(section.get("signing") or {})
    with _at("mockidp", "signing"):
        tenant.keys.configure(alg=signing.get("alg", "RS256"), published=signing.get("keys", 2))
    with _at("mockidp", "domain"):
        check_domain(section.get("domain"))
    with _at("mockidp", "issuer"):
        check_issuer(section.get("issuer"))
    if tenant.names.pinned_issuer is None:
        tenant.names = msgspec.structs.replace(
            tenant.names, domain=section.get("domain"), issuer=section.get("issuer")
        )


def _settings(tenant: Tenant, document: Mapping[str, Any]) -> None:
    settings = _present(document.get("tenant") or {})
    for member in ("session_lifetime", "idle_session_lifetime"):
        minutes = settings.get(f"{member}_in_minutes")  # newer exports have it instead of hours
        if minutes is not None:
            settings.setdefault(member, minutes / 60)
    tenant.store.put(SETTINGS, ONLY, _of(Settings, settings))
    domains = {entry["domain"] for entry in document.get("customDomains") or () if "domain" in entry}
    tenant.names = msgspec.structs.replace(tenant.names, hosts=tenant.names.hosts | domains)


def _protection(tenant: Tenant, document: Mapping[str, Any]) -> None:
    settings = (document.get("attackProtection") or {}).get("bruteForceProtection")
    if settings:
        tenant.store.put(PROTECTION, ONLY, msgspec.convert(_present(settings), Protection))


def _client(tenant: Tenant, entry: Entry) -> None:
    put_client(tenant, _of(Client, client_document(tenant, entry)))


def _connection(tenant: Tenant, entry: Entry) -> None:
    put_connection(tenant, _of(Connection, connection_document(tenant, entry)))


def _resource_server(tenant: Tenant, entry: Entry) -> None:
    if entry.get("is_system") and entry["identifier"].endswith("/" + SYSTEM):
        return  # every tenant has its own
    server = _of(ResourceServer, resource_server_document(tenant, entry))
    tenant.store.put(RESOURCE_SERVERS, server.identifier, server)


def _client_grant(tenant: Tenant, entry: Entry) -> None:
    """Keep a client grant; `https://HOST/api/v2/` that is no seeded API means the Management API."""
    if "client_id" not in entry:
        return  # `default_for`: what third-party clients get, which is not emulated
    client_id = _client_id(tenant, entry["client_id"])
    audience = entry["audience"]
    server = tenant.store.find(RESOURCE_SERVERS, audience)
    if server is None and audience.startswith("https://") and audience.count("/") == 5:
        audience = SYSTEM if audience.endswith("/" + SYSTEM) else audience
    name = f"client_grant:{client_id}:{audience}:{entry.get('subject_type', 'client')}"
    document = {"id": "cgr_" + derive(name, 16), "scope": [], **entry}
    if server and entry.get("allow_all_scopes"):
        document["scope"] = list(server.scope_values)
    grant = _of(ClientGrant, document | {"client_id": client_id, "audience": audience})
    tenant.store.put(CLIENT_GRANTS, grant.id, grant)


def _role(tenant: Tenant, entry: Entry) -> None:
    document = {"id": "rol_" + derive(f"role:{entry['name']}", 16), "name": entry["name"], "description": ""}
    permissions = tuple(
        Permission(p["permission_name"], p["resource_server_identifier"])
        for p in entry.get("permissions") or ()
    )
    role = _of(Role, {**document, **{k: v for k, v in entry.items() if k != "permissions"}})
    put_role(tenant, msgspec.structs.replace(role, permissions=permissions))


def _organization(tenant: Tenant, entry: Entry) -> None:
    """Keep an organization and its connections; members follow when there are users."""
    name = entry["name"]
    document = {"id": "org_" + derive(f"organization:{name}", 16), "name": name, "display_name": name}
    document |= {key: value for key, value in entry.items() if key not in ("members", "connections")}
    organization = _of(Organization, document)
    tenant.store.put(ORGANIZATIONS, organization.id, organization)
    for enabled in entry.get("connections") or ():
        connection = find_connection(tenant, enabled.get("name") or enabled.get("connection_id"))
        if connection is None:
            raise UsageError(f"unknown connection '{enabled.get('name')}' of organization '{name}'")
        own = EnabledConnection(
            organization.id,
            connection.name,
            assign_membership_on_login=enabled.get("assign_membership_on_login") is True,
            show_as_button=enabled.get("show_as_button") is not False,
        )
        enable_connection(tenant, own)


def _members(tenant: Tenant, entry: Entry) -> None:
    """Add the members: by e-mail or user_id, or `{user_id or email, roles}`."""
    organization = find_organization(tenant, entry.get("id") or entry["name"])
    assert organization is not None  # built before its members
    for member in entry.get("members") or ():
        given = member if isinstance(member, dict) else {"user_id": member}
        user = _user(tenant, str(given.get("user_id") or given.get("email")))
        roles = given.get("roles") or ()
        ids = [role_id(tenant, role, f"a member of organization '{organization.name}'") for role in roles]
        add_member(tenant, organization.id, user.user_id, tuple(ids))


def _session(tenant: Tenant, entry: Entry) -> None:
    """Keep an open session; times that are left out are those of one that began now."""
    user = _user(tenant, entry.get("user") or entry["user_id"])
    clients = [*([entry["client"]] if "client" in entry else ()), *(entry.get("clients") or ())]
    names = [str(client["client_id"]) if isinstance(client, dict) else client for client in clients]
    settings = tenant.settings
    began = _epoch(entry, "authenticated_at", _epoch(entry, "created_at", tenant.now()))
    seen = _epoch(entry, "last_interacted_at", _epoch(entry, "updated_at", began))
    organization = find_organization(tenant, entry["organization"]) if "organization" in entry else None
    number = len(tenant.store.all(SESSIONS)) + 1
    session = Session(
        id=entry.get("id") or derive(f"session:{number}:{user.user_id}", 32),
        user_id=user.user_id,
        authenticated_at=began,
        last_interacted_at=seen,
        expires_at=_epoch(entry, "expires_at", began + int(settings.session_lifetime * 3600)),
        idle_expires_at=_epoch(entry, "idle_expires_at", seen + int(settings.idle_session_lifetime * 3600)),
        connections=(entry.get("connection") or user.main.connection,),
        clients=tuple(_client_id(tenant, name) for name in names),
        org_id=organization.id if organization else None,
    )
    tenant.store.put(SESSIONS, session.id, session)


def _epoch(entry: Entry, key: str, default: int) -> int:
    return int(parse_time(entry[key])) if key in entry else default


# In this order each finds what it names.
_KINDS: tuple[tuple[str, Callable[[Tenant, Entry], object]], ...] = (
    ("clients", _client),
    ("connections", _connection),
    ("resourceServers", _resource_server),
    ("clientGrants", _client_grant),
    ("roles", _role),
    ("organizations", _organization),
    ("users", add_user),
    ("organizations", _members),
    ("sessions", _session),
)
_BUILT = frozenset({"tenant", "mockidp", *(section for section, _ in _KINDS)})


def _user(tenant: Tenant, text: str) -> User:
    """Return the user with this id, e-mail, username or phone number."""
    found = find_user(tenant, text) or next(iter(find_by_email(tenant, text)), None)
    if found is None:
        found = next((u for u in tenant.store.all(USERS) if text in (u.username, u.phone_number)), None)
    if found is None:
        raise UsageError(f"unknown user '{text}'")
    return found


def _client_id(tenant: Tenant, name: str) -> str:
    """Return the id of a client given by name or id; an id of a client that the seed leaves out stays."""
    client = find_client(tenant, name)
    return client.client_id if client else name


def _present(entry: Entry) -> dict[str, Any]:
    """Return a copy without what is null: an export writes that for what is not set."""
    return {key: value for key, value in entry.items() if value is not None}


def _of(kind: type[D], document: Mapping[str, Any]) -> D:
    try:
        return kind.of(document)
    except ApiError as error:
        name = document.get("name") or document.get("identifier") or ""
        raise UsageError(f"{kind.__name__.lower()} '{name}': {error.message}") from None
