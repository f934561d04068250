"""Paging, envelopes, `fields` and `sort` of the list endpoints."""

from __future__ import annotations

import json

import pytest

from mockidp.errors import ApiError
from mockidp.json import Json
from mockidp.management.query import (
    USER_FIELDS,
    Paging,
    envelope,
    field_selector,
    paging,
    select_fields,
    sort_users,
    with_totals,
)

NUMBERS: list[Json] = list(range(7))
ORDER = "start,limit,length,users,total"


def refusal(error: pytest.ExceptionInfo[ApiError]) -> str:
    """Return the message of a 400 `invalid_query_string`."""
    assert (error.value.status, error.value.error_code) == (400, "invalid_query_string")
    return error.value.message


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({}, Paging(0, 50)),
        ({"q": "x", "sort": "y"}, Paging(0, 50)),
        ({"page": "0", "per_page": "10"}, Paging(0, 10)),
        ({"page": "3", "per_page": "10"}, Paging(30, 10)),
        ({"page": "2"}, Paging(100, 50)),
        ({"per_page": "100"}, Paging(0, 100)),
        ({"per_page": "0"}, Paging(0, 0)),
        ({"include_totals": "true"}, Paging(0, 50, include_totals=True)),
        ({"include_totals": "false"}, Paging(0, 50)),
        ({"take": "5"}, Paging(0, 5, checkpoint=True)),
        ({"take": "5", "include_totals": "true", "page": "3"}, Paging(0, 5, checkpoint=True)),
    ],
)
def test_reads_paging(args: dict[str, str], expected: Paging) -> None:
    """Page and size give the first index; `from` and `take` win over them."""
    assert expected == paging(args)


def test_the_caller_sets_default_and_maximum() -> None:
    """Resources differ in their page sizes."""
    assert Paging(0, 25) == paging({}, default_per_page=25)
    assert Paging(0, 1000) == paging({"per_page": "1000"}, max_per_page=1000)


@pytest.mark.parametrize(
    ("args", "detail"),
    [
        ({"per_page": "1000"}, "'Value 1000 is greater than maximum 100' on property per_page"),
        ({"per_page": "-1"}, "'Value -1 is less than minimum 0' on property per_page"),
        ({"per_page": "ten"}, "'Expected type integer but found type string' on property per_page"),
        ({"per_page": ""}, "'Expected type integer but found type string' on property per_page"),
        ({"per_page": "1.5"}, "'Expected type integer but found type string' on property per_page"),
        ({"page": "-2"}, "'Value -2 is less than minimum 0' on property page"),
        ({"page": "9" * 5000}, "'Expected type integer but found type string' on property page"),
        (
            {"include_totals": "yes"},
            "'Expected type boolean but found type string' on property include_totals",
        ),
        ({"take": "0"}, "'Value 0 is less than minimum 1' on property take"),
        ({"take": "101"}, "'Value 101 is greater than maximum 100' on property take"),
        ({"from": "rol_123"}, "'Invalid value \"rol_123\"' on property from"),
        ({"from": "é"}, "'Invalid value \"é\"' on property from"),
    ],
)
def test_refuses_paging_out_of_range(args: dict[str, str], detail: str) -> None:
    """What is no such number is a 400 that names the parameter."""
    with pytest.raises(ApiError) as error:
        paging(args)
    assert refusal(error).startswith(f"Query validation error: {detail} (")


def test_the_text_of_a_real_refusal() -> None:
    """The whole message, as quoted in node-auth0 #648."""
    with pytest.raises(ApiError) as error:
        paging({"per_page": "1000"})
    assert refusal(error) == (
        "Query validation error: 'Value 1000 is greater than maximum 100' on property per_page "
        "(Number of results per page. Defaults to 50)."
    )


def test_without_totals_the_page_is_a_bare_array() -> None:
    """The default is no envelope."""
    assert envelope(NUMBERS, Paging(2, 2), "users", ORDER) == [2, 3]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (ORDER, '{"start": 6, "limit": 3, "length": 1, "users": [6], "total": 7}'),
        ("users,start,limit,total", '{"users": [6], "start": 6, "limit": 3, "total": 7}'),
        ("total,start,limit,users", '{"total": 7, "start": 6, "limit": 3, "users": [6]}'),
    ],
)
def test_totals_come_in_the_order_of_the_resource(order: str, expected: str) -> None:
    """The key order on the wire is the real service's."""
    assert expected == json.dumps(envelope(NUMBERS, Paging(6, 3, include_totals=True), "users", order))


def test_past_the_end_the_page_is_empty_in_the_same_envelope() -> None:
    """SDK pagers stop at an empty page."""
    expected = {"start": 100, "limit": 50, "length": 0, "users": [], "total": 7}
    assert expected == envelope(NUMBERS, Paging(100, 50, include_totals=True), "users", ORDER)


def test_with_totals_is_for_resources_that_always_answer_an_object() -> None:
    """The rest of the paging stays."""
    assert Paging(5, 5, include_totals=True) == with_totals(Paging(5, 5))


def test_checkpoints_lead_through_the_whole_list_once() -> None:
    """`next` is the `from` of the next request and is absent on the last page."""
    seen: list[Json] = []
    args = {"take": "3"}
    while True:
        body = envelope(NUMBERS, paging(args), "roles", "roles,start,limit,total")
        assert isinstance(body, dict)
        page = body["roles"]
        assert isinstance(page, list)
        seen += page
        if "next" not in body:
            break
        assert list(body) == ["roles", "next"]
        args = {"take": "3", "from": str(body["next"])}
    assert (seen, list(body)) == (NUMBERS, ["roles"])


def test_a_full_last_page_has_no_next() -> None:
    """The list's end is known, so no empty page follows."""
    assert envelope(NUMBERS, Paging(0, 7, checkpoint=True), "roles", "roles") == {"roles": NUMBERS}


USER: dict[str, Json] = {
    "user_id": "auth0|1",
    "email": "a@example.com",
    "identities": [{"user_id": "1"}],
    "name": "A",
}


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({}, ["user_id", "email", "identities", "name"]),
        ({"fields": ""}, ["user_id", "email", "identities", "name"]),
        ({"include_fields": "false"}, ["user_id", "email", "identities", "name"]),
        ({"fields": "name,user_id"}, ["user_id", "name"]),
        ({"fields": "name,user_id", "include_fields": "true"}, ["user_id", "name"]),
        ({"fields": "name,user_id", "include_fields": "false"}, ["email", "identities"]),
        ({"fields": "identities"}, ["identities"]),
        ({"fields": "picture"}, []),
    ],
)
def test_selects_fields(args: dict[str, str], expected: list[str]) -> None:
    """Only the named fields stay, or go, in the document's own order."""
    selected = select_fields(USER, args, USER_FIELDS)
    assert {name: USER[name] for name in expected} == selected
    assert expected == list(selected)


def test_an_unknown_field_is_refused_with_the_list_of_known_ones() -> None:
    """The whole message, as a real tenant gave it."""
    with pytest.raises(ApiError) as error:
        select_fields(USER, {"fields": "id,email,name"}, USER_FIELDS)
    assert refusal(error) == (
        "Query validation error: 'String 'id,email,name' does not match pattern. Must be a comma "
        "separated list of the following values: "
        "phone_number,email,email_verified,picture,username,user_id,name,nickname,created_at,identities,"
        "app_metadata,user_metadata,last_ip,last_login,logins_count,updated_at,blocked,family_name,"
        "given_name' "
        "on property fields (Comma-separated list of fields to include or exclude (based on value "
        "provided for include_fields) in the result. Leave empty to retrieve all fields)."
    )


def test_an_empty_list_of_users_does_not_hide_an_unknown_field() -> None:
    """The check does not wait for a document."""
    with pytest.raises(ApiError):
        field_selector({"fields": "nope"}, USER_FIELDS)


def test_without_a_list_anything_may_be_named() -> None:
    """Some resources do not restrict fields."""
    assert select_fields(USER, {"fields": "name,nope"}, None) == {"name": "A"}


PEOPLE: list[dict[str, Json]] = [
    {"id": 1, "name": "bob", "logins_count": 10, "identities": [{"connection": "b"}, {"connection": "z"}]},
    {"id": 2, "name": "Alice", "logins_count": 9, "identities": [{"connection": "c"}]},
    {"id": 3, "identities": []},
    {"id": 4, "name": "alice", "logins_count": 100, "identities": [{"connection": "a"}]},
]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("name:1", [2, 4, 1, 3]),
        ("name:-1", [1, 2, 4, 3]),
        ("logins_count:1", [2, 1, 4, 3]),
        ("logins_count:-1", [4, 1, 2, 3]),
        ("identities.connection:1", [4, 1, 2, 3]),
        ("identities.connection:-1", [1, 2, 4, 3]),
        ("no_such_field:1", [1, 2, 3, 4]),
    ],
)
def test_sorts_users(sort: str, expected: list[int]) -> None:
    """Text without case where search has none, numbers as numbers, equal ones stable, missing ones last."""
    assert expected == [person["id"] for person in sort_users(PEOPLE, sort)]


def test_numbers_and_text_in_one_field_still_sort() -> None:
    """Metadata-like disorder in a field must not crash."""
    assert [user["x"] for user in sort_users([{"x": "a"}, {"x": 1}], "x:1")] == [1, "a"]


@pytest.mark.parametrize(
    "sort", ["name", "name:", "name:2", "name:asc", ":1", "name:1,email:1", "name:1\n", ""]
)
def test_refuses_a_malformed_sort(sort: str) -> None:
    """`sort` is one field and 1 or -1."""
    with pytest.raises(ApiError) as error:
        sort_users(PEOPLE, sort)
    assert refusal(error).startswith("Query validation error: 'String does not match pattern ")


@pytest.mark.parametrize("sort", ["user_metadata.color:1", "app_metadata.plan:-1", "user_metadata:1"])
def test_does_not_sort_by_metadata(sort: str) -> None:
    """The documentation rules it out."""
    with pytest.raises(ApiError) as error:
        sort_users(PEOPLE, sort)
    assert "Sorting by app_metadata or user_metadata is not supported" in refusal(error)
