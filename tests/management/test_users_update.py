"""PATCH /api/v2/users/{id}: what merges, what replaces, what is refused, and what else happens."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from mockidp.model.session import SESSIONS, open_session
from mockidp.model.user import check_password

if TYPE_CHECKING:
    from conftest import Api

ADA = "ada@example.com"
DATABASE = "Username-Password-Authentication"
STRONG = "Battery-Staple-2"
NOW = "2030-01-01T00:01:00.000Z"

# -- metadata ------------------------------------------------------------------------------------------

BEFORE = {"plan": "pro", "address": {"city": "London", "zip": "W1"}}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"age": 36}, {**BEFORE, "age": 36}),
        ({"plan": "free"}, {**BEFORE, "plan": "free"}),
        ({"address": {"city": "Paris"}}, {"plan": "pro", "address": {"city": "Paris"}}),
        ({"plan": None}, {"address": BEFORE["address"]}),
        ({"address": {"city": None}}, {"plan": "pro", "address": {"city": None}}),
        ({"nothing": None}, BEFORE),
        ({"plan": None, "address": None}, {}),
    ],
)
@pytest.mark.parametrize("member", ["user_metadata", "app_metadata"])
def test_metadata_merges_at_the_first_level(
    api: Api, member: str, changes: dict[str, object], expected: dict[str, object]
) -> None:
    """Keys are added, replaced whole, and removed by null."""
    user_id = api.create(**{member: BEFORE})["user_id"]
    status, user = api.patch(user_id, {member: changes})
    assert (status, user[member]) == (200, expected)
    assert api.read(user_id)[member] == expected


def test_an_empty_object_clears_metadata(api: Api) -> None:
    """As recorded: user_metadata stays as an empty object, app_metadata goes."""
    user_id = api.create(user_metadata=BEFORE, app_metadata=BEFORE)["user_id"]
    _, user = api.patch(user_id, {"user_metadata": {}, "app_metadata": {}})
    assert user["user_metadata"] == {}
    assert "app_metadata" not in user
    _, user = api.patch(user_id, {"app_metadata": {"a": 1}})
    assert user["app_metadata"] == {"a": 1}


# -- root attributes -----------------------------------------------------------------------------------


def test_the_answer_is_the_whole_user_updated_now(api: Api) -> None:
    """What was not named stays; updated_at moves."""
    before = api.create(given_name="Ada", app_metadata={"a": 1})
    api.tenant.clock.advance(60)
    status, user = api.patch(before["user_id"], {"family_name": "Lovelace", "blocked": False})
    expected = {**before, "family_name": "Lovelace", "blocked": False, "updated_at": NOW}
    assert (status, user) == (200, expected)


def test_null_unsets_and_what_is_computed_comes_back(api: Api) -> None:
    """Without the given ones, name, nickname and picture are the computed ones."""
    plain = api.create()
    api.call("DELETE", f"users/{plain['user_id']}")
    given = {
        "name": "A",
        "nickname": "a",
        "given_name": "g",
        "family_name": "f",
        "picture": "https://e.xample/",
    }
    user_id = api.create(**given)["user_id"]
    _, user = api.patch(user_id, dict.fromkeys(given))
    same = ("name", "nickname", "picture", "email")
    assert [user[member] for member in same] == [plain[member] for member in same]
    assert not {"given_name", "family_name"} & set(user)


def test_a_new_address_is_unverified_and_computed_members_follow(api: Api) -> None:
    """The address is kept in lower case, and is the one to log in with from now on."""
    user_id = api.create(email_verified=True, nickname="ada")["user_id"]
    _, user = api.patch(user_id, {"email": "Grace@Example.com"})
    shown = {member: user[member] for member in ("email", "email_verified", "name", "nickname")}
    expected = {"email": "grace@example.com", "email_verified": False, "name": "grace@example.com"}
    assert shown == {**expected, "nickname": "ada"}
    assert [u["user_id"] for u in api.answer("GET", "users-by-email?email=grace@example.com")[1]] == [user_id]
    assert api.answer("GET", f"users-by-email?email={ADA}") == (200, [])
    api.create()  # the old address is free


def test_an_address_can_come_with_its_verification(api: Api) -> None:
    """email and email_verified may change together."""
    user_id = api.create()["user_id"]
    _, user = api.patch(user_id, {"email": "grace@example.com", "email_verified": True})
    assert (user["email"], user["email_verified"]) == ("grace@example.com", True)


@pytest.mark.parametrize(
    "changes", [{"email": "BOB@example.com"}, {"email": "bob@example.com", "blocked": True}]
)
def test_refuses_a_taken_address(api: Api, changes: dict[str, object]) -> None:
    """PATCH answers 400 where POST answers 409, and changes nothing."""
    api.create(email="bob@example.com")
    before = api.create()
    expected = api.refusal(400, "The specified new email already exists", "auth0_idp_error")
    assert api.patch(before["user_id"], changes) == expected
    assert api.read(before["user_id"]) == before


def test_an_address_may_stay_or_be_taken_elsewhere(api: Api) -> None:
    """The own address is no conflict, nor is one of another connection."""
    api.create(connection="email", email="bob@example.com")
    user_id = api.create(email_verified=True)["user_id"]
    assert api.patch(user_id, {"email": ADA})[1]["email_verified"] is True
    assert api.patch(user_id, {"email": "bob@example.com"})[0] == 200


def test_usernames_are_taken_once_too(api: Api) -> None:
    """A username of the same connection is refused as an address is."""
    other = {"connection": "other-database", "password": "x", "email": "a@example.com"}
    api.create(**other, username="ada")
    user_id = api.create(**{**other, "email": "b@example.com"}, username="bob")["user_id"]
    expected = api.refusal(400, "The specified new username already exists", "auth0_idp_error")
    assert api.patch(user_id, {"username": "ADA"}) == expected
    assert api.patch(user_id, {"username": "Grace"})[1]["username"] == "grace"


# -- passwords, mails, sessions ------------------------------------------------------------------------


def test_a_new_password_is_noted_and_replaces_the_old(api: Api) -> None:
    """The answer has last_password_reset and never the password."""
    user_id = api.create()["user_id"]
    api.tenant.clock.advance(60)
    status, user = api.patch(user_id, {"password": STRONG, "connection": DATABASE})
    assert (status, user["last_password_reset"]) == (200, NOW)
    assert "password" not in user
    assert check_password(api.tenant, DATABASE, ADA, STRONG)
    assert not check_password(api.tenant, DATABASE, ADA, "Correct-Horse-1")


def test_refuses_a_weak_password(api: Api) -> None:
    """The connection's policy is for new passwords too; the old one stays."""
    user_id = api.create()["user_id"]
    expected = api.refusal(400, "PasswordStrengthError: Password is too weak", "invalid_body")
    assert api.patch(user_id, {"password": "weak"}) == expected
    assert "last_password_reset" not in api.read(user_id)
    assert check_password(api.tenant, DATABASE, ADA, "Correct-Horse-1")


@pytest.mark.parametrize(
    ("changes", "to"),
    [
        ({"email": "grace@example.com", "verify_email": True}, ["grace@example.com"]),
        ({"email": "grace@example.com"}, []),
        ({"email_verified": False}, []),
        ({"email_verified": False, "verify_email": True}, [ADA]),
        ({"verify_email": True}, [ADA]),
        ({"verify_email": False}, []),
    ],
)
def test_verify_email_sends_a_mail(api: Api, changes: dict[str, object], to: list[str]) -> None:
    """A change sends a verification mail when it is asked for."""
    user_id = api.create(verify_email=False)["user_id"]
    assert api.patch(user_id, changes)[0] == 200
    assert [(message.kind, message.to) for message in api.outbox()] == [("verify_email", t) for t in to]


@pytest.mark.parametrize(
    ("changes", "logged_out"),
    [
        ({"blocked": True}, True),
        ({"blocked": False}, False),
        ({"password": "Battery-Staple-2"}, True),
        ({"email": "other@example.com"}, True),
        ({"email": ADA}, False),
        ({"email_verified": True}, False),
        ({"user_metadata": {"a": 1}}, False),
    ],
)
def test_some_changes_log_out(api: Api, changes: dict[str, object], logged_out: bool) -> None:
    """Blocking, a new password and a new address end the user's sessions."""
    user_id = api.create()["user_id"]
    open_session(api.tenant, user_id, DATABASE)
    status, _ = api.patch(user_id, changes)
    assert (200, 0 if logged_out else 1) == (status, len(api.tenant.store.all(SESSIONS)))


def test_parallel_changes_lose_nothing(api: Api) -> None:
    """Each of many simultaneous requests leaves its key."""
    user_id = api.create()["user_id"]
    token = api.token("update:users")

    def change(number: int) -> int:
        status, _ = api.patch(user_id, {"app_metadata": {f"key{number}": number}}, token=token)
        return status

    with ThreadPoolExecutor(16) as pool:
        assert {200} == set(pool.map(change, range(64)))
    assert {f"key{number}": number for number in range(64)} == api.read(user_id)["app_metadata"]


# -- linked identities ---------------------------------------------------------------------------------


def linked(api: Api) -> str:
    """Return the id of a Google account with a linked database identity."""
    primary = api.add("google-oauth2|1", "google-oauth2", email="ada@gmail.com", name="Ada")["user_id"]
    secondary = api.create()["user_id"]
    body = {"provider": "auth0", "user_id": secondary}
    assert api.answer("POST", f"users/{primary}/identities", body)[0] == 201
    return primary


def test_connection_names_the_linked_identity(api: Api) -> None:
    """Its address, verification and password change; the account's own stay."""
    user_id = linked(api)
    changes = {"connection": DATABASE, "email": "grace@example.com"}
    _, user = api.patch(user_id, changes)
    assert user["email"] == "ada@gmail.com"
    assert user["identities"][1]["profileData"] == {"email": "grace@example.com", "email_verified": False}
    assert api.patch(user_id, {"connection": DATABASE, "email_verified": True})[0] == 200
    assert api.read(user_id)["identities"][1]["profileData"]["email_verified"] is True
    assert api.patch(user_id, {"connection": DATABASE, "password": STRONG})[0] == 200
    assert check_password(api.tenant, DATABASE, "grace@example.com", STRONG)


def test_a_mail_goes_to_the_linked_identity(api: Api) -> None:
    """verify_email is about the identity of the connection."""
    user_id = linked(api)
    before = len(api.outbox())
    api.patch(user_id, {"connection": DATABASE, "verify_email": True})
    assert [message.to for message in api.outbox()[before:]] == [ADA]


def test_a_linked_address_is_taken(api: Api) -> None:
    """Addresses of linked identities count when they are looked for."""
    linked(api)
    other = api.create(email="bob@example.com")["user_id"]
    expected = api.refusal(400, "The specified new email already exists", "auth0_idp_error")
    assert api.patch(other, {"email": ADA}) == expected


# -- what is refused -----------------------------------------------------------------------------------

SUPPORTED = "operation_not_supported"
UPDATE_REFUSALS = [
    *(
        ({one: value, other: second}, f"Cannot update {one} and {other} simultaneously.", SUPPORTED)
        for one, value, other, second in (
            ("password", STRONG, "email", "b@example.com"),
            ("password", STRONG, "email_verified", True),
            ("username", "bob", "email", "b@example.com"),
            ("username", "bob", "email_verified", True),
            ("username", "bob", "password", STRONG),
        )
    ),
    ({"connection": "nowhere", "email": ADA}, "Connection does not exist.", "inexistent_connection"),
    (
        {"connection": "sms", "phone_number": "+15550100"},
        "Connection is not supported for this operation.",
        SUPPORTED,
    ),
    (
        {"username": "bob"},
        "Cannot set username for connection without requires_username.",
        SUPPORTED,
    ),
    (
        {"email": "ada"},
        "Payload validation error: 'Object didn't pass validation for format email: ada' on property email "
        "(Email address of this user).",
        "invalid_body",
    ),
    (
        {"email": ADA, "shoe": 38},
        "Payload validation error: 'Additional properties not allowed: shoe (consider storing them in "
        'app_metadata or user_metadata. See "Users Metadata" in https://auth0.com/docs/api/v2/changes for '
        "more details)'.",
        "invalid_body",
    ),
]


@pytest.mark.parametrize(("changes", "message", "error_code"), UPDATE_REFUSALS, ids=lambda v: str(v)[:60])
def test_refuses_to_change(api: Api, changes: dict[str, object], message: str, error_code: str) -> None:
    """What cannot be changed, or not together, is a 400 and nothing changes."""
    before = api.create()
    assert api.patch(before["user_id"], changes) == api.refusal(400, message, error_code)
    assert api.read(before["user_id"]) == before


SYNCED = (
    "The following user attributes cannot be updated: given_name, name. The connection (google-oauth2) must "
    "either be a database connection (using the Auth0 store), a passwordless connection (email or sms) or "
    "has disabled 'Sync user profile attributes at each login'. For more information, see "
    "https://auth0.com/docs/dashboard/guides/connections/configure-connection-sync"
)


@pytest.mark.parametrize(
    ("connection", "changes", "message"),
    [
        ("google-oauth2", {"name": "A", "given_name": "B"}, SYNCED),
        ("google-oauth2", {"email": "b@example.com"}, "Cannot update email for non-database user."),
        ("google-oauth2", {"password": STRONG}, "Connection is not supported for this operation."),
        ("facebook", {"email": "b@example.com"}, "Cannot update email for non-database user."),
        ("acme", {"email_verified": True}, "Email verification is not supported for enterprise users."),
        ("sms", {"email_verified": True}, "Connection is not supported for this operation."),
        ("email", {"phone_number": "+15550100"}, "Connection is not supported for this operation."),
        (
            "disabled-database",
            {"password": STRONG},
            "Cannot change email or password for users in a disabled connection.",
        ),
    ],
)
def test_connections_refuse(api: Api, connection: str, changes: dict[str, object], message: str) -> None:
    """What may be changed depends upon where the identity comes from."""
    before = api.add(f"{connection}|1", connection, email=ADA)
    assert api.patch(before["user_id"], changes) == api.refusal(400, message, SUPPORTED)
    assert api.read(before["user_id"]) == before


@pytest.mark.parametrize(
    ("connection", "changes"),
    [
        ("facebook", {"name": "B"}),
        ("facebook", {"email_verified": True}),
        ("google-oauth2", {"email_verified": True}),
        ("google-oauth2", {"blocked": True, "user_metadata": {"a": 1}}),
        ("email", {"email": "b@example.com"}),
        ("email", {"email_verified": True, "name": "B"}),
        ("sms", {"phone_number": "+15550199", "phone_verified": True}),
    ],
)
def test_connections_allow(api: Api, connection: str, changes: dict[str, object]) -> None:
    """And so does what is allowed."""
    user_id = api.add(f"{connection}|1", connection, email=ADA)["user_id"]
    status, user = api.patch(user_id, changes)
    assert (status, {member: user[member] for member in changes}) == (200, changes)


def test_refuses_root_attributes_of_a_linked_identity(api: Api) -> None:
    """Names and pictures are the account's, that is its own identity's."""
    user_id = linked(api)
    message = (
        "The following user attributes cannot be updated: nickname. The specified connection belongs to a "
        "secondary identity."
    )
    changes = {"connection": DATABASE, "nickname": "a"}
    assert api.patch(user_id, changes) == api.refusal(400, message, SUPPORTED)


def test_a_change_of_nothing_is_refused(api: Api) -> None:
    """Some property has to be named beside the connection."""
    user_id = api.create()["user_id"]
    for body in ({}, {"connection": DATABASE}):
        status, answer = api.patch(user_id, body)
        assert (status, answer["errorCode"]) == (400, "invalid_body")
        assert answer["message"].startswith("Payload validation error: 'None of the valid schemas were met'.")
