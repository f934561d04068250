"""/api/v2/users and /api/v2/users-by-email, over the wire."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Api

    from mockidp.json import Json

ADA = "ada@example.com"
DATABASE = "Username-Password-Authentication"
NOW = "2030-01-01T00:00:00.000Z"
PICTURE = (
    "https://s.gravatar.com/avatar/3e3417d7ef77d5932a6734b916515ed5?s=480&r=pg"
    "&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2Fad.png"
)
MISSING = "auth0%7Cnobody"
EMAIL = "The user's email"


def keys(text: str) -> list[str]:
    """Return the keys of a JSON object in their order on the wire."""
    return list(json.loads(text))


# -- create --------------------------------------------------------------------------------------------


def test_a_created_database_user_is_what_a_real_tenant_answers(api: Api) -> None:
    """Defaults, computed members and their order, for the smallest body."""
    body = {"connection": DATABASE, "email": "Ada@Example.com", "password": "Correct-Horse-1"}
    response = api.call("POST", "users", body)
    assert response.status_code == 201
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    user = response.json
    bare = user["identities"][0]["user_id"]
    assert len(bare) == 24
    assert {
        "created_at": NOW,
        "email": ADA,
        "email_verified": False,
        "identities": [
            {"connection": DATABASE, "user_id": bare, "provider": "auth0", "isSocial": False},
        ],
        "name": ADA,
        "nickname": "ada",
        "picture": PICTURE,
        "updated_at": NOW,
        "user_id": f"auth0|{bare}",
    } == user
    order = "created_at email email_verified identities name nickname picture updated_at user_id"
    assert order.split() == keys(response.text)


def test_a_created_user_keeps_what_was_given(api: Api) -> None:
    """Everything but password and verify_email comes back, in the recorded order."""
    given: dict[str, Json] = {
        "email": ADA,
        "user_id": "ada-1",
        "username": "Ada",
        "blocked": True,
        "email_verified": True,
        "given_name": "Ada",
        "family_name": "Lovelace",
        "name": "Ada Lovelace",
        "nickname": "countess",
        "picture": "https://example.com/ada.png",
        "user_metadata": {"plan": "pro", "nothing": None},
        "app_metadata": {"roles": ["admin"]},
    }
    body = {**given, "connection": "other-database", "password": "x", "verify_email": False}
    response = api.call("POST", "users", body)
    expected = {**given, "user_id": "auth0|ada-1", "username": "ada"}
    assert (201, expected) == (response.status_code, {name: response.json[name] for name in expected})
    order = (
        "blocked created_at email email_verified family_name given_name identities name nickname picture "
        "updated_at user_id user_metadata username app_metadata"
    )
    assert order.split() == keys(response.text)
    assert api.read("auth0|ada-1") == response.json


@pytest.mark.parametrize(
    ("members", "user_id"),
    [
        ({"connection": "email", "email": "Bob@example.com"}, "email|"),
        ({"connection": "sms", "phone_number": "+15550100"}, "sms|"),
    ],
)
def test_passwordless_users_need_no_password(api: Api, members: dict[str, Json], user_id: str) -> None:
    """A passwordless connection takes users by address or number."""
    user = api.create(**members)
    assert user["user_id"].startswith(user_id)
    assert not user["identities"][0]["isSocial"]


PAYLOAD = "Payload validation error: "
CREATE_REFUSALS: list[tuple[dict[str, object], str, str]] = [
    ({"email": ADA}, f"{PAYLOAD}'Missing required property: connection'.", "invalid_body"),
    (
        {"connection": DATABASE, "password": "Correct-Horse-1"},
        f"{PAYLOAD}'Missing required property: email'.",
        "invalid_body",
    ),
    (
        {"connection": DATABASE, "email": ADA},
        f"{PAYLOAD}'Missing required property: password'.",
        "invalid_body",
    ),
    (
        {"connection": DATABASE, "email": "ada", "password": "Correct-Horse-1"},
        f"{PAYLOAD}'Object didn't pass validation for format email: ada' on property email ({EMAIL}).",
        "invalid_body",
    ),
    (
        {"connection": DATABASE, "email": ADA, "password": "Correct-Horse-1", "shoe": 38},
        f"{PAYLOAD}'Additional properties not allowed: shoe'.",
        "invalid_body",
    ),
    (
        {"connection": "nowhere", "email": ADA, "password": "x"},
        "The connection does not exist.",
        "inexistent_connection",
    ),
    (
        {"connection": "google-oauth2", "email": ADA},
        "Connection does not support user creation through the API. It must either be a database or "
        "passwordless connection.",
        "operation_not_supported",
    ),
    (
        {"connection": "disabled-database", "email": ADA, "password": "Correct-Horse-1"},
        "connection is disabled",
        "operation_not_supported",
    ),
    (
        {"connection": DATABASE, "email": ADA, "password": "Correct-Horse-1", "username": "ada"},
        "Cannot set username for connection without requires_username.",
        "operation_not_supported",
    ),
    (
        {"connection": "other-database", "email": ADA, "password": "x"},
        f"{PAYLOAD}'Missing required property: username'.",
        "invalid_body",
    ),
    ({"connection": "sms"}, f"{PAYLOAD}'Missing required property: phone_number'.", "invalid_body"),
    (
        {"connection": "email", "email": ADA, "password": "x"},
        f"{PAYLOAD}'Additional properties not allowed: password'.",
        "invalid_body",
    ),
    (
        {"connection": DATABASE, "email": ADA, "password": "weak"},
        "PasswordStrengthError: Password is too weak",
        "invalid_body",
    ),
]


@pytest.mark.parametrize(("body", "message", "error_code"), CREATE_REFUSALS, ids=lambda v: str(v)[:60])
def test_refuses_to_create(api: Api, body: dict[str, object], message: str, error_code: str) -> None:
    """What the connection or the schema does not allow is a 400, and no user comes of it."""
    assert api.refusal(400, message, error_code) == api.answer("POST", "users", body)
    assert api.users() == {}
    assert api.outbox() == []


@pytest.mark.parametrize("email", [ADA, "ADA@example.COM"])
def test_refuses_a_second_user_with_the_same_email(api: Api, email: str) -> None:
    """In one connection an address is taken once, whatever the case of its letters."""
    api.create()
    body = {"connection": DATABASE, "email": email, "password": "Correct-Horse-1"}
    expected = api.refusal(409, "The user already exists.", "auth0_idp_error")
    assert expected == api.answer("POST", "users", body)
    assert len(api.users()) == 1


def test_connections_have_users_of_their_own(api: Api) -> None:
    """The same address in another connection is another user."""
    api.create()
    api.create(connection="email", email=ADA)
    assert len(api.users()) == 2


def test_refuses_a_body_that_is_no_json(api: Api) -> None:
    """Malformed JSON is a 400 of the API's own form."""
    token = api.token("create:users")
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    status, body = api.answer("POST", "users", token=token, data=b"{", content_type="application/json")
    assert headers
    assert (status, body["errorCode"]) == (400, "invalid_body")


@pytest.mark.parametrize(
    ("members", "mails"),
    [
        ({}, 1),
        ({"email_verified": False}, 1),
        ({"email_verified": True}, 0),
        ({"verify_email": False}, 0),
        ({"email_verified": True, "verify_email": True}, 1),
        ({"connection": "email", "email": ADA}, 0),
    ],
)
def test_an_unproven_address_gets_a_mail(api: Api, members: dict[str, Json], mails: int) -> None:
    """A new database user is asked to verify the address, unless verify_email says otherwise."""
    user = api.create(**members)
    sent = [(message.kind, message.to, message.user_id) for message in api.outbox()]
    assert [("verify_email", ADA, user["user_id"])] * mails == sent


# -- read ----------------------------------------------------------------------------------------------


def test_ids_are_read_escaped_and_plain(api: Api) -> None:
    """`|` may come as such or as %7C, and an id may hold an escaped slash and percent sign."""
    api.add("google-oauth2|a/b%2Fc", "google-oauth2", email=ADA)
    for path in ("users/google-oauth2%7Ca%2Fb%252Fc", "users/google-oauth2|a%2fb%252Fc"):
        status, user = api.answer("GET", path)
        assert (status, user["user_id"]) == (200, "google-oauth2|a/b%2Fc")


@pytest.mark.parametrize(
    "raw", ["/api/v2/users/auth0%7Ca%2Fb?x=1", "http://localhost/api/v2/users/auth0%7Ca%2Fb", None]
)
def test_ids_are_read_from_any_server(api: Api, raw: str | None) -> None:
    """The raw target in its origin and absolute form, and a server that only tells the decoded path."""
    user_id = "auth0|a/b" if raw else "auth0|a%2Fb"
    api.create(user_id=user_id.removeprefix("auth0|"))
    environ = {"RAW_URI": raw, "REQUEST_URI": raw, "PATH_INFO": f"/api/v2/users/{user_id}"}
    status, user = api.answer("GET", "users/x", environ_overrides=environ)
    assert (status, user["user_id"]) == (200, user_id)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", 9),
        ("?fields=email", ["email"]),
        ("?fields=user_id,email&include_fields=true", ["email", "user_id"]),
        (
            "?fields=identities,picture,created_at,updated_at&include_fields=false",
            ["email", "email_verified", "name", "nickname", "user_id"],
        ),
    ],
)
def test_fields_choose_what_is_shown(api: Api, query: str, expected: int | list[str]) -> None:
    """`fields` are kept, or left out with include_fields=false."""
    user_id = api.create()["user_id"]
    _, user = api.answer("GET", f"users/{user_id}{query}")
    assert expected == (len(user) if isinstance(expected, int) else list(user))


@pytest.mark.parametrize(
    ("method", "purpose"), [("GET", "retrieve"), ("PATCH", "update"), ("DELETE", "delete")]
)
def test_refuses_an_id_without_a_provider(api: Api, method: str, purpose: str) -> None:
    """A user id has a pipe."""
    message = (
        "Path validation error: 'Object didn't pass validation for format user-id: 3241312' on property id "
        f"(ID of the user to {purpose})."
    )
    assert api.refusal(400, message, "invalid_uri") == api.answer(method, "users/3241312", {"blocked": True})


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("PATCH", {"blocked": True})])
def test_a_missing_user_is_not_found(api: Api, method: str, body: object) -> None:
    """Reading and changing nobody is a 404."""
    expected = api.refusal(404, "The user does not exist.", "inexistent_user")
    assert expected == api.answer(method, f"users/{MISSING}", body)


def test_refuses_unknown_fields_and_parameters(api: Api) -> None:
    """The query is validated as strictly as the body."""
    user_id = api.create()["user_id"]
    for path in (
        f"users/{user_id}?fields=shoe",
        f"users/{user_id}?shoe=38",
        "users?shoe=38",
        "users?fields=a",
    ):
        status, body = api.answer("GET", path)
        assert (status, body["errorCode"]) == (400, "invalid_query_string")
        assert body["message"].startswith("Query validation error: '")


# -- delete --------------------------------------------------------------------------------------------


def test_deleting_answers_204_every_time(api: Api) -> None:
    """A user that is gone already is no error; the identities of a linked account go with it."""
    user_id = api.create()["user_id"]
    for path in (user_id, user_id, "auth0|nobody"):
        response = api.call("DELETE", f"users/{path}")
        assert (response.status_code, response.data) == (204, b"")
        assert "Content-Type" not in response.headers
    assert api.users() == {}
    api.create()  # the address is free again


# -- races --------------------------------------------------------------------------------


def test_of_many_creations_one_succeeds(api: Api) -> None:
    """An address is given once, also when all ask at the same time."""
    token = api.token("create:users")
    body = {"connection": DATABASE, "email": ADA, "password": "Correct-Horse-1"}
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: api.answer("POST", "users", body, token=token)[0], range(32)))
    assert [201, *[409] * 31] == sorted(statuses)
    assert len(api.users()) == 1
