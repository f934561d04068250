"""Several seeds become one world: later wins by identity, field by field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mockidp.errors import UsageError
from mockidp.seed.load import load_seed

Seed = dict[str, Any]
DATABASE = {"databases": [{"name": "DB"}]}


def merged(*seeds: Seed) -> dict[str, Any]:
    return load_seed(seeds, {}).document


def test_every_emulated_section_is_there() -> None:
    """An almost empty seed still gives all canonical keys."""
    assert merged({"tenant": {}}) == {
        "tenant": {},
        "mockidp": {},
        "clients": [],
        "connections": [],
        "resourceServers": [],
        "clientGrants": [],
        "roles": [],
        "organizations": [],
        "users": [],
        "sessions": [],
    }


def test_no_seed_at_all_is_an_empty_world() -> None:
    """Without sources there is nothing wrong."""
    assert merged()["users"] == []


def test_a_single_source_needs_no_list(tmp_path: Path) -> None:
    """A path or a mapping alone is understood."""
    file = tmp_path / "seed.yaml"
    file.write_text("clients: [{name: Web}]\n")
    for source in (str(file), file, {"clients": [{"name": "Web"}]}):
        assert load_seed(source).document["clients"] == [{"name": "Web"}]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("section", "first", "second", "result"),
    [
        (
            "clients",
            [{"name": "Web", "client_id": "web", "callbacks": ["a"]}, {"name": "SPA"}],
            [{"client_id": "web", "name": "Site", "callbacks": ["b"]}, {"name": "SPA", "client_id": "spa"}],
            [{"name": "Site", "client_id": "web", "callbacks": ["b"]}, {"name": "SPA", "client_id": "spa"}],
        ),
        (
            "connections",
            [{"name": "g", "strategy": "google-oauth2", "options": {"scope": ["email"], "profile": True}}],
            [{"name": "g", "options": {"scope": []}}, {"name": "f", "strategy": "facebook"}],
            [
                {"name": "g", "strategy": "google-oauth2", "options": {"scope": []}},
                {"name": "f", "strategy": "facebook"},
            ],
        ),
        (
            "resourceServers",
            [{"identifier": "i", "scopes": [{"value": "a"}], "token_lifetime": 60}],
            [{"identifier": "i", "scopes": [{"value": "b"}]}],
            [{"identifier": "i", "scopes": [{"value": "b"}], "token_lifetime": 60}],
        ),
        (
            "roles",
            [{"name": "r", "description": "old"}],
            [{"name": "r", "description": None}],
            [{"name": "r", "description": None}],
        ),
        (
            "organizations",
            [{"name": "o", "metadata": {"a": "1"}}],
            [{"name": "o", "metadata": {"b": "2"}}, {"name": "p"}],
            [{"name": "o", "metadata": {"b": "2"}}, {"name": "p"}],
        ),
        (
            "users",
            [{"user_id": "auth0|1", "email": "a@x.de", "user_metadata": {"a": 1}}],
            [{"user_id": "auth0|1", "user_metadata": {"b": 2}}, {"user_id": "auth0|2"}],
            [{"user_id": "auth0|1", "email": "a@x.de", "user_metadata": {"b": 2}}, {"user_id": "auth0|2"}],
        ),
        (
            "emailTemplates",
            [{"template": "verify_email", "from": "a"}, {"template": "welcome_email"}],
            [{"template": "verify_email", "from": "b"}],
            [{"template": "verify_email", "from": "b"}, {"template": "welcome_email"}],
        ),
        (
            "rulesConfigs",
            [{"key": "A", "value": "1"}],
            [{"key": "B", "value": "2"}, {"value": "anonymous"}],
            [{"key": "A", "value": "1"}, {"key": "B", "value": "2"}, {"value": "anonymous"}],
        ),
    ],
)
def test_later_wins_by_identity(section: str, first: Any, second: Any, result: Any) -> None:
    """Entities merge field by field at their first level; lists are replaced; new ones follow."""
    assert merged({section: first}, {section: second})[section] == result


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        ({"email": "a@x.de", "connection": "DB"}, {"email": "A@X.de", "connection": "DB"}, True),
        ({"email": "a@x.de", "connection": "DB"}, {"email": "a@x.de", "connection": "sms"}, False),
        ({"email": "a@x.de", "connection": "DB"}, {"email": "a@x.de"}, True),
        ({"username": "al", "connection": "DB"}, {"username": "al"}, True),
        ({"phone_number": "+49", "connection": "sms"}, {"phone_number": "+49"}, True),
        (
            {"user_id": "auth0|1", "email": "a@x.de", "connection": "DB"},
            {"email": "a@x.de", "connection": "DB"},
            True,
        ),
        (
            {"email": "a@x.de", "connection": "DB"},
            {"user_id": "auth0|1", "email": "a@x.de", "connection": "DB"},
            True,
        ),
        ({"user_id": "auth0|1", "email": "a@x.de"}, {"user_id": "auth0|2", "email": "a@x.de"}, False),
        ({"user_id": "auth0|1", "email": "a@x.de"}, {"email": "a@x.de"}, True),
        (
            {"user_id": "auth0|1", "email": "a@x.de", "identities": [{"connection": "DB"}]},
            {"email": "a@x.de", "connection": "DB"},
            True,
        ),
        ({"email": "a@x.de"}, {"email": "b@x.de"}, False),
        ({"email": "a@x.de"}, {"email": "a@x.de", "connection": "DB"}, True),
        ({"email": "a@x.de"}, {"email": "a@x.de", "connection": "sms"}, False),
        ({"user_id": "auth0|1", "email": "a@x.de"}, {"email": "a@x.de", "connection": "DB"}, True),
        ({"user_id": "sms|1", "email": "a@x.de"}, {"email": "a@x.de", "connection": "DB"}, False),
    ],
)
def test_a_user_is_known_by_id_or_by_connection_and_login(first: Seed, second: Seed, found: bool) -> None:
    """user_id, or connection and e-mail, or the e-mail, username or phone number alone.

    Who names no connection is of the first database.
    """
    world = {"databases": [{"name": "DB"}], "connections": [{"name": "sms", "strategy": "sms"}]}
    users = merged(world | {"users": [first]}, {"users": [second | {"blocked": True}]})["users"]
    assert (1 if found else 2, True) == (len(users), users[-1]["blocked"])


def test_databases_are_connections_and_can_be_overridden_as_such() -> None:
    """The databases section ends among the connections, strategy auth0."""
    document = merged(
        {"connections": [{"name": "sms", "strategy": "sms"}], "databases": [{"name": "DB", "options": {}}]},
        {"connections": [{"name": "DB", "display_name": "Users"}]},
    )
    assert document["connections"] == [
        {"strategy": "auth0", "name": "DB", "options": {}, "display_name": "Users"},
        {"name": "sms", "strategy": "sms"},
    ]
    assert "databases" not in document


def test_client_grants_are_known_by_client_audience_and_subject() -> None:
    """A client counts as the same by name or id, and the Management API under every host."""
    base = {"clients": [{"name": "M2M", "client_id": "m2m"}], "resourceServers": [{"identifier": "i"}]}
    grants = [
        {"client_id": "M2M", "audience": "i", "scope": []},
        {"client_id": "M2M", "audience": "i", "scope": [], "subject_type": "user"},
        {"client_id": "m2m", "audience": "https://one.example/api/v2/", "scope": ["read:users"]},
    ]
    changes = [
        {"client_id": "m2m", "audience": "i", "allow_any_organization": True},
        {"client_id": "M2M", "audience": "https://two.example/api/v2/", "scope": ["read:clients"]},
    ]
    found = merged(base | {"clientGrants": grants}, {"clientGrants": changes})["clientGrants"]
    assert [(grant["scope"], grant.get("allow_any_organization")) for grant in found] == [
        ([], True),
        ([], None),
        (["read:clients"], None),
    ]


def test_tenant_and_mockidp_merge_deeply() -> None:
    """What a later seed does not say stays, within flags and signing too."""
    document = merged(
        {
            "tenant": {"flags": {"a": True, "b": True}, "allowed_logout_urls": ["x"]},
            "mockidp": {"otp": 123456},
        },
        {"tenant": {"flags": {"b": False}, "allowed_logout_urls": []}, "mockidp": {"signing": {"keys": 3}}},
        {"mockidp": {"signing": {"alg": "PS256"}, "clock": "2030-01-01"}},
    )
    assert document["tenant"] == {"flags": {"a": True, "b": False}, "allowed_logout_urls": []}
    assert document["mockidp"] == {
        "otp": "123456",
        "signing": {"keys": 3, "alg": "PS256"},
        "clock": "2030-01-01",
    }


def test_sessions_add_up() -> None:
    """Sessions have no natural key: without an id each is one of its own."""
    base = DATABASE | {"users": [{"email": "a@x.de", "connection": "DB"}]}
    sessions = [{"user": "a@x.de"}, {"id": "s1", "user": "A@x.de"}]
    changed = [{"user": "a@x.de"}, {"id": "s1", "user": "a@x.de", "connection": "DB"}]
    found = merged(base | {"sessions": sessions}, {"sessions": changed})["sessions"]
    assert [session.get("id") for session in found] == [None, "s1", None]
    assert found[1]["connection"] == "DB"


def test_empty_sections_change_nothing(tmp_path: Path) -> None:
    """`clients:` with nothing below it is no mistake."""
    (tmp_path / "a.yaml").write_text("clients: [{name: Web}]\n")
    (tmp_path / "b.yaml").write_text("clients:\nroles:\ntenant:\n")
    document = load_seed([tmp_path / "a.yaml", tmp_path / "b.yaml"]).document
    assert (document["clients"], document["roles"], document["tenant"]) == ([{"name": "Web"}], [], {})


def test_references_may_point_into_any_source() -> None:
    """A later seed may use what an earlier one defines, and the other way round."""
    first = {"roles": [{"name": "admin"}], "organizations": [{"name": "o", "members": ["a@x.de"]}]}
    second = DATABASE | {"users": [{"email": "a@x.de", "connection": "DB", "roles": ["admin"]}]}
    assert len(merged(first, second)["users"]) == 1


def test_a_reference_is_judged_after_the_merge_and_placed_in_its_own_source(tmp_path: Path) -> None:
    """What a later seed replaces is not judged; what stays is reported where it is written."""
    base, change = tmp_path / "base.yaml", tmp_path / "change.yaml"
    base.write_text("databases:\n  - name: DB\n    enabled_clients: [Newt]\nclients: [{name: New}]\n")
    change.write_text("databases:\n  - {name: DB, enabled_clients: [New]}\n")
    assert load_seed([base, change]).document["connections"][0]["enabled_clients"] == ["New"]
    for sources, place in (
        ([base], f"{base}:3:23"),
        ([{"connections": [{"name": "DB"}]}, base], f"{base}:3:23"),
    ):
        with pytest.raises(UsageError) as caught:
            load_seed(sources)
        assert str(caught.value) == f"{place}: unknown client 'Newt' in connection 'DB'; did you mean 'New'?"
    change.write_text(
        "tenant: {default_directory: Nix}\ndatabases:\n  - {name: DB, enabled_clients: [New]}\n"
    )
    with pytest.raises(UsageError) as caught:
        load_seed([base, change])
    assert str(caught.value) == f"{change}:1:29: unknown connection 'Nix' in the tenant; known: 'DB'"


def test_a_tenant_without_connections_has_the_default_database() -> None:
    """A seed of users alone is enough: a new tenant has Username-Password-Authentication."""
    user = {"email": "a@x.de", "password": "p", "connection": "Username-Password-Authentication"}
    assert merged({"users": [user]})["users"] == [user]


def test_system_apis_need_no_seed() -> None:
    """The Management API and its like are part of every tenant, under any host."""
    permissions = [
        {"permission_name": "read:users", "resource_server_identifier": f"https://any.example/{api}/"}
        for api in ("api/v2", "me", "my-org")
    ]
    grants = [{"client_id": "M", "audience": "https://any.example/api/v2/", "scope": ["read:users"]}]
    document = merged(
        {
            "tenant": {"default_audience": "https://any.example/api/v2/"},
            "clients": [{"name": "M"}],
            "clientGrants": [*grants, {"default_for": "third_party_clients", "audience": "https://x/me/"}],
            "roles": [{"name": "r", "permissions": permissions}],
        }
    )
    assert len(document["clientGrants"]) == 2


def test_the_sources_are_not_changed() -> None:
    """Loading twice gives the same, and a caller's mapping stays as it was."""
    first: Seed = {"clients": [{"name": "Web", "callbacks": ["a"]}], "tenant": {"flags": {"a": True}}}
    second: Seed = {"clients": [{"name": "Web", "callbacks": ["b"]}], "tenant": {"flags": {"b": True}}}
    assert merged(first, second) == merged(first, second)
    assert first == {"clients": [{"name": "Web", "callbacks": ["a"]}], "tenant": {"flags": {"a": True}}}
