"""A seed's users: accounts, identities, passwords."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from mockidp.errors import UsageError
from mockidp.model.tenant import Tenant
from mockidp.model.user import USERS, check_password, find_by_identity, find_by_login, get_user
from mockidp.seed.build import build
from mockidp.seed.load import load_seed
from mockidp.server import MockIdp

DB = "Username-Password-Authentication"


def world(**document: Any) -> Tenant:
    """Return a tenant built from a seed; databases are there unless the seed has connections."""
    document.setdefault("connections", [{"name": DB, "strategy": "auth0"}, *SOCIAL])
    tenant = Tenant()
    build(tenant, load_seed([document], {}).document)
    return tenant


SOCIAL = [
    {"name": "google-oauth2", "strategy": "google-oauth2"},
    {"name": "facebook", "strategy": "facebook"},
    {"name": "acme", "strategy": "samlp"},
]
LINKED = {"connection": DB, "identities": [{"provider": "facebook", "user_id": "1"}]}


def test_a_user_logs_in_with_the_password_of_the_seed() -> None:
    """The password is no part of the user object."""
    tenant = world(users=[{"email": "A@Example.com", "password": "secret", "user_metadata": {"plan": "pro"}}])
    found = check_password(tenant, DB, "a@example.com", "secret")
    assert found
    document = found[0].document
    assert document["email"] == "a@example.com"
    assert document["user_metadata"] == {"plan": "pro"}
    assert not {"password", "connection", "roles"} & set(document)


@pytest.mark.parametrize(
    ("entry", "user_id"),
    [
        ({"user_id": "google-oauth2|1035", "connection": "google-oauth2"}, "google-oauth2|1035"),
        ({"user_id": "google-oauth2|1035"}, "google-oauth2|1035"),
        ({"user_id": "1035", "connection": "google-oauth2"}, "google-oauth2|1035"),
        ({"user_id": "samlp|acme|jane", "connection": "acme"}, "samlp|acme|jane"),
        ({"user_id": "samlp|acme|jane"}, "samlp|acme|jane"),
        ({"user_id": "jane", "connection": "acme"}, "samlp|acme|jane"),
        ({"user_id": "acme|jane", "connection": "acme"}, "samlp|acme|jane"),
        ({"user_id": "auth0|x"}, "auth0|x"),
    ],
)
def test_a_user_id_may_be_given_with_or_without_its_provider(entry: dict[str, str], user_id: str) -> None:
    """The connection follows from the user_id where it is left out."""
    tenant = world(users=[{**entry, "email": "a@example.com"}])
    assert [user.user_id for user in tenant.store.all(USERS)] == [user_id]


def test_identities_after_the_main_one_are_linked() -> None:
    """A real user object, as `GET /api/v2/users` gives it, is a seed."""
    tenant = world(
        users=[
            {
                "user_id": "auth0|a",
                "email": "a@example.com",
                "identities": [
                    {"provider": "auth0", "connection": DB, "user_id": "a", "isSocial": False},
                    {
                        "provider": "facebook",
                        "connection": "facebook",
                        "user_id": "1022",
                        "isSocial": True,
                        "profileData": {"email": "a@facebook.example"},
                        "access_token": "fb",
                    },
                ],
            }
        ]
    )
    user = get_user(tenant, "auth0|a")
    assert [identity.key for identity in user.identities] == ["auth0|a", "facebook|1022"]
    assert user.identities[1].access_token == "fb"
    assert find_by_identity(tenant, "facebook|1022") == user
    assert find_by_login(tenant, "facebook", "a@facebook.example") == (user, user.identities[1])


def test_identities_may_be_the_linked_ones_only() -> None:
    """Beside a `connection`, what belongs to another one is linked."""
    user = world(users=[{**LINKED, "email": "a@example.com"}]).store.all(USERS)[0]
    assert [identity.provider for identity in user.identities] == ["auth0", "facebook"]
    assert user.identities[1].isSocial


def test_a_user_may_have_a_profile_page() -> None:
    """`profile` is an attribute like any other, and a claim."""
    user = {"email": "a@example.com", "profile": "https://example.com/a"}
    with MockIdp({"users": [user], "clients": [{"name": "Web"}]}) as idp:
        headers = {"Authorization": f"Bearer {idp.token('a@example.com')}"}
        me = requests.get(f"{idp.url}/userinfo", headers=headers, timeout=10).json()
    assert me["profile"] == "https://example.com/a"


def test_times_come_from_the_clock_unless_given() -> None:
    """A frozen clock is set before anything is created."""
    tenant = world(
        users=[
            {"email": "new@example.com"},
            {"email": "old@example.com", "created_at": "2020-02-02T00:00:00.000Z", "logins_count": 3},
        ],
        mockidp={"clock": "2030-01-01T00:00:00Z"},
    )
    new, old = tenant.store.all(USERS)
    assert new.document["created_at"] == "2030-01-01T00:00:00.000Z"
    assert (old.document["created_at"], old.document["logins_count"]) == ("2020-02-02T00:00:00.000Z", 3)


@pytest.mark.parametrize(
    ("users", "message"),
    [
        ([{"email": "a@example.com"}, {"user_id": "auth0|x", "email": "a@example.com"}], "already exists"),
        ([{"user_id": "github|1"}], "unknown provider 'github' in user 'github|1'"),
        ([{"user_id": "auth0|1", "connection": "facebook"}], "begins with 'facebook|'"),
        (
            [
                {"user_id": "facebook|1"},
                {**LINKED, "email": "a@example.com"},
            ],
            "facebook|1",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(users: list[dict[str, Any]], message: str) -> None:
    """With the user and the reason, in one line."""
    with pytest.raises(UsageError) as caught:
        world(users=users)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
