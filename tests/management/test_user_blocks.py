"""/api/v2/user-blocks: where somebody is blocked, and the end of it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from werkzeug.test import Client as Browser

from mockidp.model.brute_force import PROTECTION, Protection
from mockidp.model.tenant import ONLY

if TYPE_CHECKING:
    from conftest import Api

DATABASE = "Username-Password-Authentication"
ADA, PASSWORD = "ada@example.com", "Correct-Horse-1"
HERE = {"identifier": ADA, "ip": "127.0.0.1", "connection": DATABASE}


def log_in(
    api: Api, password: str, name: str = ADA, connection: str = DATABASE, ip: str = "127.0.0.1"
) -> int:
    body = {"client_id": "web", "connection": connection, "username": name, "password": password}
    browser = Browser(api.application)
    environ = {"REMOTE_ADDR": ip}
    return browser.post("/usernamepassword/login", json=body, environ_overrides=environ).status_code


def block(api: Api, **options: str) -> None:
    assert {log_in(api, "wrong", **options) for _ in range(10)} == {401}
    assert log_in(api, PASSWORD, **options) == 429


def of_user(user_id: str) -> str:
    return f"user-blocks/{quote(user_id, safe='')}"


def test_nobody_is_blocked_at_first(api: Api) -> None:
    """Nine failures are no block; the answer is the recorded one."""
    user_id = api.create()["user_id"]
    for _ in range(9):
        log_in(api, "wrong")
    assert api.answer("GET", of_user(user_id)) == (200, {"blocked_for": []})
    assert api.answer("GET", f"user-blocks?identifier={ADA}") == (200, {"blocked_for": []})


def test_a_block_is_listed_by_user_and_by_name(api: Api) -> None:
    """One entry for each address; the name is compared as logins compare it."""
    user_id = api.create()["user_id"]
    block(api)
    block(api, ip="203.0.113.7")
    expected = {"blocked_for": [HERE, {**HERE, "ip": "203.0.113.7"}]}
    assert api.answer("GET", of_user(user_id)) == (200, expected)
    assert api.answer("GET", "user-blocks?identifier=ADA@example.com") == (200, expected)
    assert api.answer("GET", "user-blocks?identifier=nobody@example.com") == (200, {"blocked_for": []})


@pytest.mark.parametrize("by", ["user", "identifier"])
def test_unblocking_ends_it_everywhere(api: Api, by: str) -> None:
    """204 without content; a second time too."""
    user_id = api.create()["user_id"]
    block(api)
    block(api, ip="203.0.113.7")
    path = of_user(user_id) if by == "user" else f"user-blocks?identifier={ADA}"
    for _ in range(2):
        response = api.call("DELETE", path)
        assert (response.status_code, response.data) == (204, b"")
    assert log_in(api, PASSWORD) == 200
    assert log_in(api, PASSWORD, ip="203.0.113.7") == 200
    assert api.answer("GET", of_user(user_id)) == (200, {"blocked_for": []})


def test_other_people_stay_blocked(api: Api) -> None:
    """Also when the name to unblock is empty, or nobody's."""
    api.create()
    other = api.create(email="grace@example.com")["user_id"]
    block(api)
    for path in (of_user(other), "user-blocks?identifier=grace@example.com", "user-blocks?identifier="):
        assert api.call("DELETE", path).status_code == 204
    assert log_in(api, PASSWORD) == 429


def test_names_of_linked_identities_are_the_users(api: Api) -> None:
    """A username of another database, linked."""
    ada = api.create()["user_id"]
    user = api.create(
        connection="other-database", username="countess", email="c@example.com", password=PASSWORD
    )
    block(api, name="countess", connection="other-database")
    linked = {"provider": "auth0", "user_id": user["user_id"]}
    assert api.call("POST", f"users/{quote(ada)}/identities", linked).status_code == 201
    found = {"identifier": "countess", "ip": "127.0.0.1", "connection": "other-database"}
    assert api.answer("GET", of_user(ada)) == (200, {"blocked_for": [found]})
    api.call("DELETE", of_user(ada))
    assert log_in(api, PASSWORD, name="countess", connection="other-database") == 200


@pytest.mark.parametrize(
    "protection",
    [
        Protection(enabled=False),
        Protection(shields=("user_notification",)),
        Protection(allowlist=("127.0.0.1",)),
    ],
    ids=["disabled", "not blocking", "trusted"],
)
def test_blocks_that_let_in_can_be_left_out(api: Api, protection: Protection) -> None:
    """`consider_brute_force_enablement`: what is counted and what keeps out are two things (reported)."""
    user_id = api.create()["user_id"]
    block(api)
    api.tenant.store.put(PROTECTION, ONLY, protection)
    for path in (f"{of_user(user_id)}?", f"user-blocks?identifier={ADA}&"):
        enforced = api.answer("GET", f"{path}consider_brute_force_enablement=true")
        assert enforced == (200, {"blocked_for": []})
        counted = api.answer("GET", f"{path}consider_brute_force_enablement=false")
        assert counted == (200, {"blocked_for": [HERE]})
    assert log_in(api, PASSWORD) == 200


def test_a_raised_limit_ends_blocks(api: Api) -> None:
    """Until the failures make the new one (documented)."""
    user_id = api.create()["user_id"]
    block(api)
    api.tenant.store.put(PROTECTION, ONLY, Protection(max_attempts=11))
    assert api.answer("GET", of_user(user_id)) == (200, {"blocked_for": []})
    assert [log_in(api, "wrong"), log_in(api, PASSWORD)] == [401, 429]


def test_a_lockout_has_no_address(api: Api) -> None:
    """`ip` is left out where all addresses count as one (documented)."""
    user_id = api.create()["user_id"]
    api.tenant.store.put(PROTECTION, ONLY, Protection(mode="count_per_identifier"))
    block(api)
    found = {"identifier": ADA, "connection": DATABASE}
    assert api.answer("GET", of_user(user_id)) == (200, {"blocked_for": [found]})


def test_refusals(api: Api) -> None:
    """Unknown users, ids without a provider, missing names, missing scopes."""
    unknown = api.refusal(404, "The user does not exist.", "inexistent_user")
    for method in ("GET", "DELETE"):
        assert api.answer(method, of_user("auth0|nobody")) == unknown
        status, body = api.answer(method, "user-blocks/nobody")
        assert (status, body["errorCode"]) == (400, "invalid_uri")
        status, body = api.answer(method, "user-blocks")
        assert (status, body["errorCode"]) == (400, "invalid_query_string")
        assert "Missing required property: identifier" in body["message"]
    for method, scope in (("GET", "read:users"), ("DELETE", "update:users")):
        message = f"Insufficient scope, expected any of: {scope}"
        refused = api.refusal(403, message, "insufficient_scope")
        token = api.token("create:users")
        assert api.answer(method, of_user("auth0|nobody"), token=token) == refused
        assert api.answer(method, f"user-blocks?identifier={ADA}", token=token) == refused
