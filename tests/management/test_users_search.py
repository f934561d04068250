"""The lists of users: GET /api/v2/users with paging, sort and q, and /api/v2/users-by-email."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from counting import lines

from mockidp.model.organization import MEMBERSHIPS, Membership
from mockidp.seed.accounts import add_user

if TYPE_CHECKING:
    from conftest import Api

ADA = "ada@example.com"


# -- list and search -----------------------------------------------------------------------------------


def five_users(api: Api) -> list[str]:
    """Create five users, a second apart, and return their ids."""
    ids = []
    for number in range(5):
        user = api.create(
            email=f"user{number}@example.com", user_id=f"u{number}", user_metadata={"n": number % 2}
        )
        ids.append(user["user_id"])
        api.tenant.clock.advance(1)
    return ids


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("?per_page=2", [0, 1]),
        ("?per_page=2&page=2", [4]),
        ("?per_page=2&page=3", []),
        ("?per_page=0", []),
        ("?sort=created_at:-1", [4, 3, 2, 1, 0]),
        ("?sort=email:-1&per_page=1", [4]),
        ("?q=email:%22user3@example.com%22", [3]),
        ("?q=email:%22USER3@example.com%22&search_engine=v3", [3]),
        ("?q=user_metadata.n:1", [1, 3]),
        ("?q=user_id:(%22auth0|u0%22%20OR%20%22auth0|u4%22)&sort=user_id:-1", [4, 0]),
        ("?q=identities.connection:%22google-oauth2%22", []),
        ("?q=", [0, 1, 2, 3, 4]),
        ("?connection=google-oauth2", [0, 1, 2, 3, 4]),
        ("?primary_order=true", [0, 1, 2, 3, 4]),
    ],
)
def test_lists_and_searches(api: Api, query: str, expected: list[int]) -> None:
    """Paging, sort and q, without totals a bare array; `connection` is for the old engine only."""
    ids = five_users(api)
    status, users = api.answer("GET", f"users{query}")
    assert (200, [ids[number] for number in expected]) == (status, [user["user_id"] for user in users])


def test_totals_come_in_the_recorded_envelope(api: Api) -> None:
    """With include_totals the array is in an object, of this key order."""
    five_users(api)
    response = api.call("GET", "users?include_totals=true&per_page=2&page=1&fields=email")
    found = [{"email": "user2@example.com"}, {"email": "user3@example.com"}]
    assert {"start": 2, "limit": 2, "length": 2, "users": found, "total": 5} == response.json
    assert list(json.loads(response.text)) == ["start", "limit", "length", "users", "total"]


@pytest.mark.parametrize("sign", ["", '"'])
def test_an_e_mail_is_found_by_its_index_as_by_looking_at_everybody(api: Api, sign: str) -> None:
    """In any case of its letters; users-by-email wants it as it is written."""
    five_users(api)
    add_user(api.tenant, {"email": "Ada@example.com", "connection": "google-oauth2"})
    api.create(email=ADA)
    for email in (ADA, "ADA@example.com", "nobody@example.com", "user1@example.com"):
        clause = quote(f"email:{sign}{email}{sign}")
        assert api.answer("GET", f"users?q={clause}") == api.answer("GET", f"users?q=({clause})")
    _, users = api.answer("GET", f"users?q=email:{ADA}")
    assert [user["email"] for user in users] == ["Ada@example.com", ADA]
    _, users = api.answer("GET", "users-by-email?email=Ada%40example.com")
    assert [user["email"] for user in users] == ["Ada@example.com"]
    assert api.answer("GET", "users-by-email?email=ADA%40example.com") == (200, [])


def test_a_search_by_e_mail_costs_the_same_with_many_users(api: Api) -> None:
    """Other queries look at everybody."""

    def cost() -> int:
        return lines(lambda: api.answer("GET", "users?q=email:%22user3@example.com%22"))

    five_users(api)
    cost()  # opens what is imported later
    before = cost()
    for number in range(5, 50):
        api.create(email=f"user{number}@example.com")
    assert cost() == before


def test_search_finds_members_of_an_organization(api: Api) -> None:
    """`organization_id` is searched though no user object shows it."""
    ids = five_users(api)
    api.tenant.store.put(MEMBERSHIPS, f"org_1/{ids[1]}", Membership(org_id="org_1", user_id=ids[1]))
    _, users = api.answer("GET", "users?q=organization_id:org_1")
    assert [ids[1]] == [user["user_id"] for user in users]


@pytest.mark.parametrize(
    ("query", "message", "error_code"),
    [
        (
            "page=10&per_page=100",
            "You can only page through the first 1000 records. See "
            "https://auth0.com/docs/users/search/v3/view-search-results-by-page#limitation",
            "invalid_paging",
        ),
        ("search_engine=v1", "You are not allowed to use search_engine=v1.", "invalid_query_string"),
        (
            "search_engine=v2&q=x",
            "You are not allowed to use search_engine=v2. Use search_engine=v3 instead.",
            "invalid_query_string",
        ),
        (
            "per_page=101",
            "Query validation error: 'Value 101 is greater than maximum 100' on property per_page (Number of "
            "results per page).",
            "invalid_query_string",
        ),
    ],
)
def test_refuses_a_search(api: Api, query: str, message: str, error_code: str) -> None:
    """Limits and engines that are gone."""
    assert api.refusal(400, message, error_code) == api.answer("GET", f"users?{query}")


def test_refuses_a_query_that_is_none(api: Api) -> None:
    """A q that is not Lucene is the caller's mistake, not ours."""
    status, body = api.answer("GET", "users?q=email:(")
    assert (status, body["errorCode"]) == (400, "invalid_query_string")


def test_the_thousandth_record_can_be_reached(api: Api) -> None:
    """The limit is on records, not on pages."""
    assert api.answer("GET", "users?page=9&per_page=100") == (200, [])


# -- by e-mail -----------------------------------------------------------------------------------------


def test_finds_users_by_email(api: Api) -> None:
    """Every account with exactly this address, of whatever connection."""
    database = api.create()["user_id"]
    social = api.add("google-oauth2|1", "google-oauth2", email=ADA)["user_id"]
    api.add("google-oauth2|2", "google-oauth2", email="ADA@example.com")
    _, users = api.answer("GET", "users-by-email?email=ada%40example.com")
    assert [database, social] == [user["user_id"] for user in users]
    assert api.answer("GET", f"users-by-email?email={ADA}&fields=email") == (200, [{"email": ADA}] * 2)
    assert api.answer("GET", "users-by-email?email=nobody@example.com") == (200, [])


def test_by_email_needs_one(api: Api) -> None:
    """Without an address there is nothing to look for."""
    message = "Query validation error: 'Missing required property: email'."
    assert api.refusal(400, message, "invalid_query_string") == api.answer("GET", "users-by-email")
