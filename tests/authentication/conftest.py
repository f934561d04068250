"""The world of these tests: one tenant, built anew for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from authentication_world import API, CALLBACK, DATABASE, LOCAL, SECRETS, World

from mockidp.server import MockIdp

ALL_GRANTS = ["authorization_code", "implicit", "refresh_token", "client_credentials", "password"]
USER_GRANTS = ["authorization_code", "implicit", "refresh_token"]
REALM = "http://auth0.com/oauth/grant-type/password-realm"
SCOPES = [{"value": "read:x", "description": "Read x"}, {"value": "write:x"}]


def client(name: str, **members: Any) -> dict[str, Any]:
    """Return a confidential client's seed entry."""
    usual = {
        "name": name.title(),
        "client_id": name,
        "client_secret": SECRETS.get(name),
        "app_type": "regular_web",
        "callbacks": [CALLBACK, LOCAL],
        "grant_types": USER_GRANTS,
    }
    return {key: value for key, value in {**usual, **members}.items() if value is not None}


def api(name: str, **members: Any) -> dict[str, Any]:
    """Return an API's seed entry; consent is skipped where it can be."""
    return {
        "identifier": f"https://{name}.example.com",
        "name": name,
        "scopes": SCOPES,
        "skip_consent_for_verifiable_first_party_clients": True,
        **members,
    }


ROTATING = {"rotation_type": "rotating", "expiration_type": "expiring"}
SEED: dict[str, Any] = {
    "tenant": {
        "friendly_name": "Test",
        "default_directory": DATABASE,
        "allowed_logout_urls": ["https://tenant.example.com/bye"],
    },
    "databases": [{"name": DATABASE}, {"name": "staff", "enabled_clients": ["other"]}],
    "connections": [
        {"name": "google-oauth2", "strategy": "google-oauth2"},
        {"name": "facebook", "strategy": "facebook"},
        {"name": "github", "strategy": "github", "enabled_clients": ["other"]},
    ],
    "clients": [
        client(
            "web",
            callbacks=[
                CALLBACK,
                LOCAL,
                "https://*.preview.example.com/cb",
                "https://app.example.com/cb?tab=1",
            ],
            allowed_logout_urls=["https://app.example.com/out", "https://*.preview.example.com"],
            grant_types=[*ALL_GRANTS, REALM],
        ),
        client(
            "spa", app_type="spa", refresh_token={**ROTATING, "leeway": 0}, web_origins=["https://spa.test"]
        ),
        client("lax", app_type="spa", refresh_token={**ROTATING, "leeway": 60}),
        client("expiring", refresh_token={"expiration_type": "expiring"}),
        client("native", app_type="native", callbacks=["com.example.App://Callback/x", "com.example:/cb"]),
        client("other", grant_types=["authorization_code", "client_credentials", "password"]),
        client("implicit", app_type="spa", grant_types=["implicit"]),
        client("third", is_first_party=False),
        client("hs", jwt_configuration={"alg": "HS256"}),
        client("short", jwt_configuration={"alg": "HS256", "lifetime_in_seconds": 60}),
        client("ps", jwt_configuration={"alg": "PS256"}),
        client("members", organization_usage="require"),
        client("nobody", organization_usage="deny"),
        client("m2m", app_type="non_interactive", grant_types=["client_credentials"], callbacks=[]),
    ],
    "resourceServers": [
        {**api("api"), "allow_offline_access": True, "token_lifetime": 1000, "token_lifetime_for_web": 500},
        api("online"),
        api("rbac", enforce_policies=True, token_dialect="access_token_authz"),
        api("plain-rbac", enforce_policies=True),
        api("rfc", token_dialect="rfc9068_profile"),
        api("rfc-authz", token_dialect="rfc9068_profile_authz", enforce_policies=True),
        api("hs256", signing_alg="HS256", signing_secret="an-api-secret-that-is-longer-than-32-bytes"),
        api("ps256", signing_alg="PS256"),
        api("asks", skip_consent_for_verifiable_first_party_clients=False),
    ],
    "clientGrants": [
        {"client_id": "m2m", "audience": API, "scope": ["read:x", "write:x"]},
        {"client_id": "m2m", "audience": "https://rbac.example.com", "scope": ["read:x"]},
        {"client_id": "m2m", "audience": "https://online.example.com", "scope": []},
        {"client_id": "web", "audience": API, "scope": ["read:x"]},
    ],
    "roles": [
        {
            "name": "reader",
            "permissions": [
                {"permission_name": "read:x", "resource_server_identifier": f"https://{name}.example.com"}
                for name in ("rbac", "plain-rbac", "rfc-authz")
            ],
        }
    ],
    "organizations": [
        {
            "name": "acme",
            "id": "org_acme",
            "members": ["alice@example.com"],
            "connections": [{"name": DATABASE}],
        },
        {
            "name": "globex",
            "id": "org_globex",
            "connections": [
                {"name": DATABASE, "assign_membership_on_login": True},
                {"name": "google-oauth2"},
            ],
        },
        {"name": "initech", "id": "org_initech", "connections": [{"name": DATABASE}]},
    ],
    "users": [
        {
            "email": "alice@example.com",
            "password": "alice-password",
            "connection": DATABASE,
            "roles": ["reader"],
        },
        {"email": "bob@example.com", "password": "bob-password", "connection": DATABASE},
        {"email": "mallory@example.com", "password": "pw", "connection": DATABASE, "blocked": True},
        {"email": "sam@example.com", "password": "sam-password", "connection": "staff"},
        {"user_id": "google-oauth2|1001", "connection": "google-oauth2", "email": "gail@example.com"},
        {"user_id": "facebook|2002", "connection": "facebook", "email": "fred@example.com"},
    ],
    "mockidp": {"clock": "2030-01-01T00:00:00Z"},
}

MakeWorld = Callable[..., World]


def build_world(changes: Mapping[str, Any], **options: Any) -> World:
    """Return a new world: the seed, and on top of it a second one."""
    return World(MockIdp(seed=[SEED, dict(changes)], **options))


@pytest.fixture
def make_world() -> Iterator[MakeWorld]:
    """Build worlds; a bug of ours in any of them fails the test."""
    made: list[World] = []

    def make(changes: Mapping[str, Any] | None = None, **options: Any) -> World:
        made.append(build_world(changes or {}, **options))
        return made[-1]

    yield make
    for world in made:
        world.idp.raise_problems()


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """The tenant of the seed, and a browser that has never been there."""
    return make_world()
