"""A seed becomes a tenant: ids, defaults, references."""

from __future__ import annotations

import re
from typing import Any

import pytest
from counting import lines

from mockidp.model.client import find_client
from mockidp.model.connection import find_connection
from mockidp.model.organization import enabled_connections, find_membership, find_organization
from mockidp.model.resource_server import (
    CLIENT_GRANTS,
    RESOURCE_SERVERS,
    SYSTEM,
    find_client_grant,
    find_resource_server,
)
from mockidp.model.role import ROLES, permissions_of, roles_of
from mockidp.model.session import SESSIONS, find_session
from mockidp.model.tenant import Names, Tenant
from mockidp.model.user import USERS, check_password, get_user
from mockidp.seed.build import EXPORT, build
from mockidp.seed.load import load_seed

DB = "Username-Password-Authentication"
API = "https://api.example.com"


def world(names: Names | None = None, **document: Any) -> Tenant:
    """Return a tenant built from a seed; databases are there unless the seed has connections."""
    document.setdefault("connections", [{"name": DB, "strategy": "auth0"}, *SOCIAL])
    tenant = Tenant(names)
    build(tenant, load_seed([document], {}).document)
    return tenant


SOCIAL = [
    {"name": "google-oauth2", "strategy": "google-oauth2"},
    {"name": "facebook", "strategy": "facebook"},
    {"name": "acme", "strategy": "samlp"},
]


# -- ids -------------------------------------------------------------------------------------------------


def test_ids_have_the_formats_of_the_real_service() -> None:
    """management-api §3.0."""
    tenant = world(
        clients=[{"name": "Web"}],
        resourceServers=[{"identifier": API}],
        clientGrants=[{"client_id": "Web", "audience": API}],
        roles=[{"name": "admin"}],
        organizations=[{"name": "acme"}],
        users=[{"email": "a@example.com", "connection": DB}],
    )
    client = find_client(tenant, "Web")
    assert client
    connection = find_connection(tenant, DB)
    assert connection
    organization = find_organization(tenant, "acme")
    assert organization
    formats = {
        r"[A-Za-z0-9]{32}": client.client_id,
        r"[A-Za-z0-9_-]{64}": client.client_secret,
        r"con_[A-Za-z0-9]{16}": connection.id,
        r"rol_[A-Za-z0-9]{16}": tenant.store.all(ROLES)[0].id,
        r"org_[A-Za-z0-9]{16}": organization.id,
        r"cgr_[A-Za-z0-9]{16}": tenant.store.all(CLIENT_GRANTS)[0].id,
        r"[0-9a-f]{24}": tenant.store.get(RESOURCE_SERVERS, API).document["id"],
        r"auth0\|[0-9a-f]{24}": tenant.store.all(USERS)[0].user_id,
    }
    for pattern, id in formats.items():
        assert re.fullmatch(pattern, str(id)), f"{id} is not {pattern}"


def test_ids_that_are_left_out_are_the_same_on_every_run() -> None:
    """They depend on names alone, not on what else the seed holds."""
    one = world(clients=[{"name": "Web"}], users=[{"email": "a@example.com"}])
    other = world(
        clients=[{"name": "First"}, {"name": "Web"}],
        users=[{"email": "first@example.com"}, {"email": "A@example.com"}],
    )
    client, again = find_client(one, "Web"), find_client(other, "Web")
    assert client
    assert again
    assert (client.client_id, client.client_secret) == (again.client_id, again.client_secret)
    assert one.store.all(USERS)[0].user_id == other.store.all(USERS)[1].user_id


def test_given_ids_are_kept() -> None:
    """A real tenant's export keeps its ids where it has them."""
    tenant = world(
        clients=[{"name": "Web", "client_id": "web", "client_secret": "s"}],
        organizations=[{"name": "acme", "id": "org_given"}],
        users=[{"user_id": "auth0|given", "email": "a@example.com"}],
    )
    client = find_client(tenant, "Web")
    assert client
    assert (client.client_id, client.client_secret) == ("web", "s")
    assert find_organization(tenant, "acme") == find_organization(tenant, "org_given")
    assert get_user(tenant, "auth0|given").main.user_id == "given"


# -- clients, connections, APIs --------------------------------------------------------------------------


def test_a_client_has_the_management_apis_defaults() -> None:
    """management-api §3.2, minimal body."""
    tenant = world(clients=[{"name": "Web", "client_id": "web"}])
    client = find_client(tenant, "web")
    assert client
    document = dict(client.document)
    signing_keys = document.pop("signing_keys")
    assert isinstance(signing_keys, list)
    assert len(str(document.pop("client_secret"))) == 64
    assert document == {
        "name": "Web",
        "client_id": "web",
        "is_first_party": True,
        "is_token_endpoint_ip_header_trusted": False,
        "oidc_conformant": False,
        "jwt_configuration": {"secret_encoded": False, "lifetime_in_seconds": 36000},
        "sso_disabled": False,
        "cross_origin_authentication": True,
        "grant_types": ["authorization_code", "implicit", "refresh_token", "client_credentials"],
        "custom_login_page_on": True,
        "refresh_token": {
            "rotation_type": "non-rotating",
            "expiration_type": "non-expiring",
            "leeway": 0,
            "token_lifetime": 2592000,
            "infinite_token_lifetime": True,
            "infinite_idle_token_lifetime": True,
            "idle_token_lifetime": 1296000,
        },
    }


@pytest.mark.parametrize("app_type", ["spa", "native"])
def test_browser_and_native_apps_are_public(app_type: str) -> None:
    """No secret, no client credentials, and the method says so."""
    client = find_client(world(clients=[{"name": "App", "app_type": app_type}]), "App")
    assert client
    assert client.is_public
    assert client.client_secret is None
    assert client.document["token_endpoint_auth_method"] == "none"
    assert "client_credentials" not in client.grant_types


def test_a_native_app_with_a_secret_of_its_own_is_confidential() -> None:
    """What the seed says wins over what the type suggests."""
    entry = {"name": "App", "app_type": "native", "token_endpoint_auth_method": "client_secret_post"}
    client = find_client(world(clients=[entry]), "App")
    assert client
    assert not client.is_public
    assert client.client_secret


def test_a_rotating_refresh_token_expires() -> None:
    """Defaults follow the policy: what expires has finite lifetimes."""
    client = find_client(
        world(clients=[{"name": "SPA", "refresh_token": {"rotation_type": "rotating", "leeway": 5}}]), "SPA"
    )
    assert client
    policy = client.refresh_token
    assert (policy.rotates, policy.expires, policy.leeway) == (True, True, 5)
    assert not policy.infinite_token_lifetime


def test_enabled_clients_may_be_names() -> None:
    """Names become ids; without the key the connection is for all clients."""
    tenant = world(
        clients=[{"name": "Web", "client_id": "web"}, {"name": "SPA", "client_id": "spa"}],
        connections=[
            {"name": DB, "strategy": "auth0", "enabled_clients": ["Web"]},
            {"name": "google-oauth2", "strategy": "google-oauth2"},
        ],
    )
    web, spa = find_client(tenant, "web"), find_client(tenant, "spa")
    database, google = find_connection(tenant, DB), find_connection(tenant, "google-oauth2")
    assert web
    assert spa
    assert database
    assert google
    assert database.document["enabled_clients"] == ["web"]
    assert (database.enabled_for(web), database.enabled_for(spa)) == (True, False)
    assert google.enabled_for(web)
    assert google.enabled_for(spa)


def test_a_database_keeps_its_options_beside_the_defaults() -> None:
    """management-api §3.3."""
    entry = {"name": DB, "options": {"disable_signup": True, "passwordPolicy": "none"}}
    connection = find_connection(world(databases=[entry], connections=[]), DB)
    assert connection
    assert connection.flag("disable_signup")
    assert connection.options["passwordPolicy"] == "none"
    assert connection.options["strategy_version"] == 2
    assert connection.document["realms"] == [DB]


def test_a_seed_without_connections_has_a_database() -> None:
    """As a new tenant does."""
    tenant = world(connections=[], users=[{"email": "a@example.com", "password": "p"}])
    assert check_password(tenant, DB, "a@example.com", "p")


def test_an_api_has_the_management_apis_defaults() -> None:
    """management-api §3.4."""
    tenant = world(
        resourceServers=[{"identifier": API}, {"identifier": "urn:symmetric", "signing_alg": "HS256"}]
    )
    server = tenant.store.get(RESOURCE_SERVERS, API)
    assert (server.name, server.signing_alg, server.signing_secret) == (API, "RS256", None)
    assert (server.token_lifetime, server.token_lifetime_for_web) == (86400, 7200)
    assert tenant.store.get(RESOURCE_SERVERS, "urn:symmetric").signing_secret


def test_an_api_is_signed_as_the_tenant_signs() -> None:
    """The tenant's algorithm is the default of its APIs."""
    tenant = world(resourceServers=[{"identifier": API}], mockidp={"signing": {"alg": "PS256"}})
    assert tenant.store.get(RESOURCE_SERVERS, API).signing_alg == "PS256"


# -- client grants, roles, organizations -----------------------------------------------------------------


def test_a_foreign_management_audience_is_the_tenants_own() -> None:
    """A real export names the API by the real tenant's host."""
    audience = "https://acme.eu.auth0.com/api/v2/"
    tenant = world(
        clients=[{"name": "M2M"}],
        clientGrants=[{"client_id": "M2M", "audience": audience, "scope": ["read:users"]}],
    )
    client = find_client(tenant, "M2M")
    server = find_resource_server(tenant, "http://localhost/api/v2/")
    assert client
    assert server
    grant = find_client_grant(tenant, client, server)
    assert grant
    assert (grant.audience, grant.scope, grant.client_id) == (SYSTEM, ("read:users",), client.client_id)


def test_a_seeded_api_with_a_management_like_identifier_is_itself() -> None:
    """Only an audience that is no seeded API is taken for the Management API."""
    audience = "https://api.acme.com/api/v2/"
    tenant = world(
        clients=[{"name": "M2M"}],
        resourceServers=[{"identifier": audience}],
        clientGrants=[{"client_id": "M2M", "audience": audience}],
    )
    assert tenant.store.all(CLIENT_GRANTS)[0].audience == audience


def test_roles_give_permissions() -> None:
    """A user's role by name; its permissions are kept apart from its document."""
    permission = {"permission_name": "read:x", "resource_server_identifier": API}
    tenant = world(
        resourceServers=[{"identifier": API, "scopes": [{"value": "read:x"}]}],
        roles=[{"name": "admin", "permissions": [permission]}],
        users=[{"user_id": "auth0|a", "email": "a@example.com", "roles": ["admin"]}],
    )
    assert permissions_of(tenant, "auth0|a", API) == ("read:x",)
    assert "permissions" not in roles_of(tenant, "auth0|a")[0].document


def test_members_are_named_in_any_way() -> None:
    """By e-mail, by user_id, with roles, and from the user's side."""
    tenant = world(
        roles=[{"name": "admin"}],
        organizations=[
            {
                "name": "acme",
                "members": ["A@example.com", {"user_id": "auth0|b", "roles": ["admin"]}],
                "connections": [{"name": DB, "assign_membership_on_login": True}],
            }
        ],
        users=[
            {"user_id": "auth0|a", "email": "a@example.com"},
            {"user_id": "auth0|b", "email": "b@example.com"},
            {"user_id": "auth0|c", "email": "c@example.com", "organizations": ["acme"]},
        ],
    )
    organization = find_organization(tenant, "acme")
    assert organization
    for user_id in ("auth0|a", "auth0|b", "auth0|c"):
        assert find_membership(tenant, organization.id, user_id), user_id
    assert [role.name for role in roles_of(tenant, "auth0|b", organization.id)] == ["admin"]
    enabled = enabled_connections(tenant, organization.id)[0]
    assert (enabled.connection, enabled.assign_membership_on_login) == (DB, True)
    assert "members" not in organization.document


# -- the rest --------------------------------------------------------------------------------------------


def test_open_sessions_are_kept() -> None:
    """With the tenant's lifetimes, or the times given; in short, or as the Management API tells them."""
    tenant = world(
        clients=[{"name": "Web", "client_id": "web"}, {"name": "SPA", "client_id": "spa"}],
        users=[{"user_id": "auth0|a", "email": "a@example.com"}],
        tenant={"session_lifetime": 2, "idle_session_lifetime": 1},
        sessions=[
            {"id": "open", "user": "a@example.com", "client": "Web"},
            {"user": "auth0|a", "created_at": "2029-12-31T00:00:00Z"},
            {"id": "told", "user_id": "auth0|a", "clients": [{"client_id": "web"}, "SPA"]},
        ],
        mockidp={"clock": "2030-01-01T00:00:00Z"},
    )
    session = find_session(tenant, "open")
    assert session
    assert (session.user_id, session.clients, session.connections) == ("auth0|a", ("web",), (DB,))
    assert session.expires_at - session.authenticated_at == 7200
    old = tenant.store.all(SESSIONS)[1]
    assert find_session(tenant, old.id) is None
    told = find_session(tenant, "told")
    assert told
    assert (told.user_id, told.clients) == ("auth0|a", ("web", "spa"))


def test_the_mockidp_section_sets_the_double() -> None:
    """otp as text, linking, keys, names."""
    tenant = world(
        mockidp={
            "otp": 123456,
            "legacy_account_linking": False,
            "domain": "acme.eu.auth0.com",
            "signing": {"keys": 1},
        }
    )
    assert tenant.one_time_code("email") == "123456"
    assert not tenant.double.legacy_account_linking
    assert tenant.issuer == "https://acme.eu.auth0.com/"
    assert len(tenant.keys.published()) == 1


def test_names_that_were_given_win_over_the_seeds() -> None:
    """`--domain` beats `mockidp.domain`."""
    tenant = world(Names(domain="given.example"), mockidp={"issuer": "https://seed.example/"})
    assert tenant.issuer == "https://given.example/"


def test_custom_domains_are_names_of_the_tenant() -> None:
    """A request to one of them is accepted; anything else foreign is not."""
    tenant = world(customDomains=[{"domain": "login.acme.com"}])
    assert tenant.names.accepts_host("login.acme.com")
    assert not tenant.names.accepts_host("evil.example")


def test_what_is_not_emulated_is_kept() -> None:
    """For the Management API to answer."""
    rules = [{"name": "r", "script": "function (u, c, cb) {}"}]
    assert world(rules=rules).store.find(EXPORT, "rules") == rules


def test_a_user_costs_the_same_in_a_large_seed() -> None:
    """No user is compared with all others."""

    def cost(users: int) -> int:
        document = {"users": [{"email": f"u{i}@example.com", "password": "p"} for i in range(users)]}
        return lines(lambda: build(Tenant(), load_seed([document], {}).document))

    cost(1)  # opens what is imported later
    base = cost(0)
    assert cost(400) - base < 2.1 * (cost(200) - base)
