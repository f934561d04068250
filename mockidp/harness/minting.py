"""Tokens for tests, without a login: made by the same functions as those of the endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from mockidp.errors import UsageError
from mockidp.harness.lookup import UnknownName, nearest
from mockidp.harness.objects import Ref, resolve_client, resolve_organization, resolve_user
from mockidp.json import Json
from mockidp.model.client import CLIENTS, Client
from mockidp.model.credentials import Authorization
from mockidp.model.resource_server import (
    CLIENT_GRANTS,
    RESOURCE_SERVERS,
    SYSTEM,
    ResourceServer,
    find_client_grant,
    find_resource_server,
    is_userinfo,
)
from mockidp.model.tenant import Tenant
from mockidp.tokens.claims import access_token_claims
from mockidp.tokens.issuer import USERINFO_LIFETIME, issue_access_token, issue_id_token, sign_claims

Scope = str | Iterable[str] | None
USER_SCOPE = ("openid", "profile", "email")
NO_CLIENT = "mockidp"  # the Management token's client in a tenant without clients


class Wanted(msgspec.Struct, frozen=True):
    """What a token shall be: the client that it is for, scopes, further claims, lifetime in seconds."""

    client: Ref | None = None
    scope: Scope = None
    claims: Mapping[str, Json] | None = None
    expires_in: int | None = None
    organization: Ref | None = None


def mint_access_token(tenant: Tenant, user: Ref | None, audience: str | None, wanted: Wanted) -> str:
    """Return an access token of a user, or of the client itself without one.

    The scope is not checked against anything; left out it is `openid profile email`, or what the client was
    granted at the audience. Without an audience (and a default one) it is for the userinfo endpoint, but
    signed: a test can read it, where a login gives an opaque one.
    """
    audience = audience or tenant.settings.default_audience or f"{tenant.issuer}userinfo"
    for_userinfo = is_userinfo(tenant, audience)
    server = None if for_userinfo else _server(tenant, audience)
    if server and server.identifier != SYSTEM:
        audience = server.identifier
    client = _client(tenant, wanted, server, "client_credentials" if user is None else "authorization_code")
    scope = scopes_of(wanted.scope)
    if scope is None:
        scope = USER_SCOPE if user is not None else _granted(tenant, client, server)
    authorization = _authorization(tenant, user, client, scope, wanted, audience=audience)
    if for_userinfo:
        lifetime = USERINFO_LIFETIME if wanted.expires_in is None else wanted.expires_in
        claims = access_token_claims(tenant, tenant.issuer, authorization, audience, None, lifetime)
        return sign_claims(tenant, claims | dict(wanted.claims or {}), tenant.keys.alg)
    token, _ = issue_access_token(
        tenant, tenant.issuer, authorization, expires_in=wanted.expires_in, extra=wanted.claims
    )
    return token


def mint_id_token(tenant: Tenant, user: Ref, nonce: str | None, wanted: Wanted) -> str:
    """Return an ID token of a user for a client; the scope left out is `openid profile email`."""
    client = _client(tenant, wanted, None, "authorization_code")
    account = resolve_user(tenant, user)
    scope = scopes_of(wanted.scope) or USER_SCOPE
    authorization = _authorization(tenant, account, client, scope, wanted, nonce=nonce)
    extra: dict[str, Json] = {} if wanted.expires_in is None else {"exp": tenant.now() + wanted.expires_in}
    extra |= wanted.claims or {}
    return issue_id_token(tenant, tenant.issuer, client, account, authorization, extra=extra)


def mint_management_token(tenant: Tenant, scope: Scope, everything: Iterable[str]) -> str:
    """Return a machine's token for the Management API, with `everything` unless told which scopes."""
    grants = tenant.store.all(CLIENT_GRANTS, {"audience": SYSTEM})
    clients = [
        client.client_id for client in tenant.store.all(CLIENTS) if client.app_type == "non_interactive"
    ]
    scopes = scopes_of(scope)
    authorization = Authorization(
        id=tenant.ids.handle("authorization"),
        client_id=next(iter([*(grant.client_id for grant in grants), *clients]), NO_CLIENT),
        scope=tuple(dict.fromkeys(everything)) if scopes is None else scopes,
        audience=tenant.issuer + SYSTEM,
        gty="client-credentials",
    )
    return issue_access_token(tenant, tenant.issuer, authorization)[0]


def _authorization(
    tenant: Tenant,
    user: Ref | None,
    client: Client,
    scope: tuple[str, ...],
    wanted: Wanted,
    *,
    audience: str | None = None,
    nonce: str | None = None,
) -> Authorization:
    organization = wanted.organization
    return Authorization(
        id=tenant.ids.handle("authorization"),
        client_id=client.client_id,
        user_id=None if user is None else resolve_user(tenant, user).user_id,
        scope=scope,
        audience=audience,
        nonce=nonce,
        org_id=None if organization is None else resolve_organization(tenant, organization).id,
        gty="client-credentials" if user is None else None,
    )


def scopes_of(scope: Scope) -> tuple[str, ...] | None:
    """Return the scopes one by one; None when nothing was said."""
    if scope is None:
        return None
    return tuple(scope.split()) if isinstance(scope, str) else tuple(scope)


def _server(tenant: Tenant, audience: str) -> ResourceServer:
    """Return the API by its identifier or its name; raise `UnknownName`."""
    servers = tenant.store.all(RESOURCE_SERVERS)
    found = find_resource_server(tenant, audience) or next((s for s in servers if s.name == audience), None)
    if found is None:
        known = [server.identifier for server in servers]
        raise UnknownName(f"no resource server '{audience}'{nearest(audience, known)}")
    return found


def _granted(tenant: Tenant, client: Client, server: ResourceServer | None) -> tuple[str, ...]:
    grant = find_client_grant(tenant, client, server) if server else None
    return grant.scope if grant else ()


def _client(tenant: Tenant, wanted: Wanted, server: ResourceServer | None, grant_type: str) -> Client:
    """Return the client that was named, or the one that would most likely get such a token."""
    if wanted.client is not None:
        return resolve_client(tenant, wanted.client)
    clients = tenant.store.all(CLIENTS)
    if not clients:
        raise UsageError("the tenant has no client to issue a token to; seed one under 'clients'")
    if grant_type == "client_credentials" and server:
        clients = [c for c in clients if find_client_grant(tenant, c, server)] or clients
    return next((client for client in clients if client.allows_grant(grant_type)), clients[0])
