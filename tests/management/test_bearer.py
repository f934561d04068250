"""The Management API's guard, over the wire: tokens, scopes, and whose user it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import Client as Browser

from mockidp.app import all_routes
from mockidp.http.routing import Route
from mockidp.management.operations import find_operation

if TYPE_CHECKING:
    from conftest import Api

    from mockidp.json import Json

ADA = "auth0|ada"
BOB = "auth0|bob"
BOTH = ("read:current_user", "update:current_user_metadata")
MANAGEMENT = [route for route in all_routes() if route.template.startswith("/api/v2/")]


@pytest.mark.parametrize("route", MANAGEMENT, ids=lambda route: f"{route.method} {route.template}")
def test_routes_need_the_scopes_of_the_real_operation(route: Route) -> None:
    """Any one of them is enough, and the 403 lists them in this order."""
    assert route.scopes == find_operation(route.method, route.template).scopes


@pytest.mark.parametrize("route", MANAGEMENT, ids=lambda route: f"{route.method} {route.template}")
def test_every_route_is_guarded(api: Api, route: Route) -> None:
    """Without a token nothing is done, whatever the request."""
    path = re.sub(r"{\w+}", "auth0%7C1", route.template)
    response = Browser(api.application).open(path, method=route.method)
    expected = api.refusal(401, "Missing authentication")
    assert (response.status_code, response.json) == expected
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("GET", "users", "read:users,read:user_idp_tokens"),
        ("POST", "users", "create:users"),
        (
            "PATCH",
            "users/auth0%7C1",
            "update:users,update:users_app_metadata,update:current_user_metadata",
        ),
        ("POST", "users/auth0%7C1/identities", "update:users,update:current_user_identities"),
    ],
)
def test_another_scope_is_not_enough(api: Api, method: str, path: str, scopes: str) -> None:
    """The refusal names what would do, with commas and no spaces."""
    expected = api.refusal(403, f"Insufficient scope, expected any of: {scopes}", "insufficient_scope")
    assert api.answer(method, path, {}, token=api.token("read:clients", "openid")) == expected
    assert api.answer(method, path, {}, token=api.token()) == expected


def unauthorized(message: str) -> tuple[int, dict[str, Json]]:
    """Return what a token that is not good is answered."""
    attributes: Json = {"error": message}
    body = {"statusCode": 401, "error": "Unauthorized", "message": message, "attributes": attributes}
    return 401, body


def test_refuses_tokens_that_are_not_good(api: Api) -> None:
    """Expired, forged, of another issuer, for another API, or no JWT of ours."""
    good = api.token("read:users")
    payload = {"sub": "m2m@clients", "scope": "read:users", "aud": "http://localhost/api/v2/"}
    expired = "Expired token received for JSON Web Token validation"
    forged = "Invalid signature received for JSON Web Token validation"
    cases = [
        (api.token("read:users", expires_in=-1), expired),
        (good[:-6] + "AAAAAA", forged),
        (api.signed(payload, "HS256", "secret-of-at-least-thirty-two-bytes"), forged),
        (api.signed({**payload, "iss": "https://evil.example/"}), "Invalid token"),
        ("a.b.c", "Invalid token"),
        (api.signed({**payload, "aud": "https://api.example.com"}), "Bad audience: http://localhost/api/v2/"),
        (api.signed({**payload, "aud": None}), "Bad audience: http://localhost/api/v2/"),
    ]
    for token, message in cases:
        assert api.answer("GET", "users", token=token) == unauthorized(message)


@pytest.mark.parametrize(
    "header", ["Bearer opaque", "Bearer", "Basic YTpi", "token a.b.c", "Bearer a.b.c.d.e"]
)
def test_refuses_another_form_of_header(api: Api, header: str) -> None:
    """What is no `Bearer x.y.z` is a 400."""
    response = Browser(api.application).get("/api/v2/users", headers={"Authorization": header})
    expected = api.refusal(400, "Bad HTTP authentication header format", "Bearer")
    assert (response.status_code, response.json) == expected


# -- a user's own token --------------------------------------------------------------------------------


@pytest.fixture
def own(api: Api) -> Api:
    """Two users."""
    for user_id in (ADA, BOB):
        bare = user_id.removeprefix("auth0|")
        api.create(user_id=bare, email=f"{bare}@example.com", app_metadata={"role": "user"})
    return api


def test_a_user_reads_the_own_profile(own: Api) -> None:
    """read:current_user shows the own user, app_metadata included."""
    token = own.token(*BOTH, user_id=ADA)
    assert own.answer("GET", f"users/{ADA}", token=token) == (200, own.read(ADA))


@pytest.mark.parametrize(
    ("method", "scope"),
    [("GET", "read:current_user"), ("PATCH", BOTH[1]), ("DELETE", "delete:current_user")],
)
def test_a_user_does_not_act_on_others(own: Api, method: str, scope: str) -> None:
    """Neither does a client with a scope for users, which is no user."""
    message = "User to be acted on does not match subject in bearer token."
    expected = own.refusal(403, message, "unowned_resource")
    body = {"user_metadata": {"a": 1}}
    for token in (own.token(scope, user_id=ADA), own.token(scope)):
        assert own.answer(method, f"users/{BOB}", body, token=token) == expected
    missing = own.answer(method, "users/auth0%7Cnobody", body, token=own.token(scope, user_id=ADA))
    assert missing == expected  # nobody learns which ids exist


def test_a_user_deletes_the_own_account(own: Api) -> None:
    """delete:current_user is enough for oneself."""
    token = own.token("delete:current_user", user_id=ADA)
    assert own.call("DELETE", f"users/{ADA}", token=token).status_code == 204
    assert list(own.users()) == [BOB]


def test_a_user_cannot_list_users(own: Api) -> None:
    """The lists are for read:users."""
    for path in ("users", "users-by-email?email=bob@example.com"):
        assert own.answer("GET", path, token=own.token(*BOTH, user_id=ADA))[0] == 403


ALL = {"user_metadata": {"a": 1}, "app_metadata": {"a": 1}, "blocked": True}


@pytest.mark.parametrize(
    ("scopes", "user_id", "allowed"),
    [
        (("update:users",), None, ["user_metadata", "app_metadata", "blocked"]),
        (("update:users_app_metadata",), None, ["app_metadata"]),
        (("update:current_user_metadata",), ADA, ["user_metadata"]),
        (
            ("update:users_app_metadata", "update:current_user_metadata"),
            ADA,
            ["user_metadata", "app_metadata"],
        ),
        (("update:users_app_metadata", "update:current_user_metadata"), BOB, ["app_metadata"]),
    ],
)
def test_scopes_reach_some_members_only(
    own: Api, scopes: tuple[str, ...], user_id: str | None, allowed: list[str]
) -> None:
    """Own tokens reach user_metadata, update:users_app_metadata app_metadata, update:users all."""
    token = own.token(*scopes, user_id=user_id)
    for member, value in ALL.items():
        answer = own.patch(ADA, {member: value}, token=token)
        message = f"You cannot update the following fields: {member}"
        refused = own.refusal(403, message, "insufficient_scope")
        assert answer[0] == 200 if member in allowed else answer == refused
    refused_members = [member for member in ALL if member not in allowed]
    status, body = own.patch(ADA, ALL, token=token)
    assert status == (403 if refused_members else 200)
    assert not refused_members or body["message"].endswith(f": {', '.join(refused_members)}")
