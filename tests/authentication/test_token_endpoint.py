"""POST /oauth/token: what every grant shares, and authorization_code (§4.1–4.3)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from authentication_world import API, CALLBACK, LOCAL, WEB, World, claims_of, error

from mockidp.app import UNCACHED
from mockidp.model.session import change_transaction, find_transaction
from mockidp.model.user import delete_user, put_user, rewrite

INVALID_CODE = ("invalid_grant", "Invalid authorization code")
UNAUTHORIZED = ("access_denied", "Unauthorized")


def test_a_token_set_has_the_recorded_members_in_order(world: World) -> None:
    """And the recorded headers, no charset among them (§1.4, §4.1)."""
    response = world.redeem(world.code(scope="openid offline_access"))
    assert response.status_code == 200
    expected = ["access_token", "refresh_token", "id_token", "scope", "expires_in", "token_type"]
    assert list(response.json) == expected
    assert response.json["token_type"] == "Bearer"
    assert response.json["expires_in"] == 86400
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Pragma"] == "no-cache"


@pytest.mark.parametrize("encoding", ["data", "json"])
def test_form_and_json_are_the_same(world: World, encoding: str) -> None:
    """SDKs use both (§1.1)."""
    sent = {"grant_type": "authorization_code", "code": world.code(), "redirect_uri": CALLBACK, **WEB}
    assert world.post("/oauth/token", **{encoding: sent}).status_code == 200


def test_json_with_the_content_type_of_a_form(world: World) -> None:
    """`curl -d '{…}'` sends that."""
    body = '{"grant_type": "password", "username": "alice@example.com", "password": "alice-password",'
    body += ' "client_id": "web", "client_secret": "web-secret", "scope": null}'
    content_type = "application/x-www-form-urlencoded"
    assert world.post("/oauth/token", data=body, content_type=content_type).status_code == 200


@pytest.mark.parametrize("scope", ["openid email", ["openid", "email"]])
def test_a_scope_is_a_text_or_an_array(world: World, scope: Any) -> None:
    """In JSON (§1.2)."""
    form = {"username": "alice@example.com", "password": "alice-password", "scope": scope}
    response = world.post("/oauth/token", json={"grant_type": "password", **WEB, **form})
    assert response.json["scope"].startswith("openid profile email")


@pytest.mark.parametrize("scope", [5, True, {"openid": 1}, ["openid", 5]])
def test_a_scope_is_nothing_else(world: World, scope: Any) -> None:
    """With the status in the body, unlike other errors (SDK source: go-auth0)."""
    response = world.post("/oauth/token", json={"grant_type": "password", **WEB, "scope": scope})
    assert (response.status_code, response.json["statusCode"]) == (400, 400)
    assert error(response) == ("invalid_scope", "Scope must be an array or a string")


def test_a_grant_whose_parameters_are_objects_is_known(world: World) -> None:
    """auth0-spa-js sends a passkey's answer so: that it is not emulated is what one is told."""
    grant_type = "urn:okta:params:oauth:grant-type:webauthn"
    sent = {"grant_type": grant_type, **WEB, "auth_session": "x", "authn_response": {"id": "y"}}
    response = world.post("/oauth/token", json=sent)
    assert (response.status_code, response.json["errorCode"]) == (501, "not_emulated")


def test_unknown_parameters_are_ignored(world: World) -> None:
    """passport-auth0 sends `type=web_server`; `audience` with a code means nothing."""
    response = world.redeem(world.code(), type="web_server", audience="https://nowhere", foo="bar")
    assert response.json["access_token"].count(".") == 4


@pytest.mark.parametrize(
    ("form", "status", "expected"),
    [
        ({}, 400, ("invalid_request", "Missing required parameter: grant_type")),
        ({"grant_type": ""}, 400, ("invalid_request", "Missing required parameter: grant_type")),
        ({"grant_type": "password"}, 401, ("invalid_client", "Missing client_id")),
        ({"grant_type": "x", **WEB}, 400, ("unsupported_grant_type", "Unsupported grant type: x")),
        (
            {"grant_type": "authorization_code", **WEB},
            400,
            ("invalid_request", "Missing required parameter: code"),
        ),
        ({"grant_type": "authorization_code", **WEB, "code": "x"}, 403, INVALID_CODE),
        (
            {"grant_type": "refresh_token", **WEB},
            400,
            ("invalid_request", "Missing required parameter: refresh_token"),
        ),
        (
            {"grant_type": "password", "client_id": "spa"},
            403,
            ("unauthorized_client", "Grant type 'password' not allowed for the client."),
        ),
        (
            {"grant_type": "client_credentials", "client_id": "spa"},
            403,
            ("unauthorized_client", "Grant type 'client_credentials' not allowed for the client."),
        ),
        (
            {"grant_type": "refresh_token", "client_id": "other", "client_secret": "other-secret"},
            403,
            ("unauthorized_client", "Grant type 'refresh_token' not allowed for the client."),
        ),
        (
            {
                "grant_type": "http://auth0.com/oauth/grant-type/password-realm",
                "client_id": "spa",
            },
            403,
            (
                "unauthorized_client",
                "Grant type 'http://auth0.com/oauth/grant-type/password-realm' not allowed for the client.",
            ),
        ),
    ],
)
def test_errors_that_all_grants_share(
    world: World, form: dict[str, str], status: int, expected: tuple[str, str]
) -> None:
    """Status, code and text (§4.2)."""
    response = world.post("/oauth/token", data=form)
    assert (response.status_code, error(response)) == (status, expected)
    assert response.headers["Content-Type"] == "application/json"  # recorded, as is the next
    assert response.headers["Cache-Control"] == UNCACHED


def test_the_client_is_authenticated_before_anything_else_is_said(world: World) -> None:
    """A stranger learns nothing about codes or grants."""
    code = world.code()
    assert error(world.redeem(code, client_secret="wrong")) == UNAUTHORIZED
    assert error(world.redeem("x", client_secret="wrong")) == UNAUTHORIZED
    assert world.redeem(code).status_code == 200


def test_a_code_is_good_once(world: World) -> None:
    """The second use is refused (RFC 6749 §4.1.2)."""
    code = world.code()
    assert world.redeem(code).status_code == 200
    response = world.redeem(code)
    assert (response.status_code, error(response)) == (403, INVALID_CODE)


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (600, 403)])
def test_a_code_is_good_for_ten_minutes(world: World, seconds: int, status: int) -> None:
    """§7.2."""
    code = world.code()
    world.clock.advance(seconds)
    assert world.redeem(code).status_code == status


def test_a_code_is_for_its_client_alone(world: World) -> None:
    """Another client is refused, and does not use the code up (code injection between clients)."""
    code = world.code()
    stolen = world.redeem(code, client_id="other", client_secret="other-secret")
    assert (stolen.status_code, error(stolen)) == (403, INVALID_CODE)
    assert world.redeem(code).status_code == 200


@pytest.mark.parametrize(
    "change",
    [str.upper, str.lower, lambda c: c + " ", lambda c: c[:-1], lambda c: c + "\x00", lambda c: "ü" * 43],
)
def test_a_code_is_compared_exactly(world: World, change: Callable[[str], str]) -> None:
    """Near misses are unknown codes."""
    code = world.code()
    assert error(world.redeem(change(code))) == INVALID_CODE
    assert world.redeem(code).status_code == 200


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (LOCAL, "http://localhost:3000"),
        (CALLBACK + "/", "https://app.example.com"),
        ("nonsense", "nonsense"),
        ("http://[", "http://["),
        (None, "null"),
    ],
)
def test_the_redirect_uri_must_be_the_one_of_the_request(world: World, sent: str | None, said: str) -> None:
    """The text names origins only (reported thrice)."""
    response = world.redeem(world.code(), redirect_uri=sent)
    assert response.status_code == 403
    assert error(response) == (
        "unauthorized_client",
        f"The redirect URI is wrong. You sent {said}, and we expected https://app.example.com",
    )


def test_a_wrong_redirect_uri_uses_the_code_up(world: World) -> None:
    """As a wrong verifier does."""
    code = world.code()
    world.redeem(code, redirect_uri=LOCAL)
    assert error(world.redeem(code)) == INVALID_CODE


@pytest.mark.parametrize("change", ["delete", "block"])
def test_the_user_must_still_be_there(world: World, change: str) -> None:
    """Deleted or blocked between login and exchange."""
    code = world.code()
    user = world.user("alice@example.com")
    if change == "delete":
        delete_user(world.tenant, user.user_id)
    else:
        put_user(world.tenant, rewrite(user, {"blocked": True}))
    assert error(world.redeem(code)) == INVALID_CODE


def test_the_second_use_of_a_code_revokes_what_the_first_gave(world: World) -> None:
    """Access token and refresh token (RFC 6749 §4.1.2); other logins of the user stay."""
    code = world.code(scope="openid offline_access")
    tokens = world.redeem(code).json
    other = world.tokens(scope="openid offline_access")
    assert world.userinfo(tokens["access_token"]).status_code == 200
    world.redeem(code)
    assert world.userinfo(tokens["access_token"]).status_code == 401
    assert world.refresh(tokens["refresh_token"]).status_code == 403
    assert world.userinfo(other["access_token"]).status_code == 200
    assert world.refresh(other["refresh_token"]).status_code == 200


def test_the_second_use_revokes_what_was_refreshed_meanwhile(world: World) -> None:
    """All that came from the code, however long the chain."""
    code = world.code(client_id="spa", scope="openid offline_access")
    first = world.redeem(code, client_id="spa", client_secret=None).json
    second = world.refresh(first["refresh_token"], "spa").json
    world.redeem(code, client_id="spa", client_secret=None)
    assert world.userinfo(second["access_token"]).status_code == 401
    assert world.refresh(second["refresh_token"], "spa").status_code == 403


def in_parallel(count: int, call: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(call) for _ in range(count)]]


def test_of_parallel_redemptions_exactly_one_wins(world: World) -> None:
    """32 threads, one code; afterwards nothing of it is good, as it was used more than once."""
    code = world.code(scope="openid offline_access")
    responses = in_parallel(32, lambda: world.another_browser().redeem(code))
    assert sorted(response.status_code for response in responses) == [200] + [403] * 31
    won = next(response.json for response in responses if response.status_code == 200)
    assert world.refresh(won["refresh_token"]).status_code == 403
    assert world.userinfo(won["access_token"]).status_code == 401


def test_parallel_logins_get_codes_of_their_own(world: World) -> None:
    """Many browsers at once."""
    codes = in_parallel(16, world.code)
    assert len(set(codes)) == 16
    assert all(world.redeem(code).status_code == 200 for code in codes)


def test_a_browser_that_resumes_twice_gets_one_code(world: World) -> None:
    """Of parallel clicks one goes on; the others find the transaction gone."""
    page = world.authorize(acr_values="http://schemas.openid.net/pape/policies/2007/06/multi-factor")
    challenge = world.answer_login(page, "alice@example.com")
    resume = challenge.location.replace("/u/mfa-email-challenge", "/authorize/resume")
    transaction = find_transaction(world.tenant, resume.partition("state=")[2])
    assert transaction is not None
    change_transaction(world.tenant, transaction, mfa_passed=True)
    cookie = world.browser.get_cookie("did", domain="localhost")
    assert cookie is not None
    responses = in_parallel(16, lambda: world.get_with_cookie(resume, f"did={cookie.value}"))
    assert sorted(response.status_code for response in responses) == [302] + [400] * 15


def test_tokens_of_an_api_name_the_session_nowhere(world: World) -> None:
    """`sid` and the internal handle of the authorization are not in a JWT for others."""
    claims = claims_of(world.tokens(audience=API)["access_token"])
    assert not {"sid", "authorization", "nonce"} & set(claims)
