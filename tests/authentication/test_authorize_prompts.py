"""/authorize: prompt, max_age and the hints: when a page is shown, and which."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from authentication_world import CALLBACK, DATABASE, World, answer, claims_of, error

MFA = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"


def page_of(location: str) -> str:
    return urlsplit(location).path


def test_without_a_session_the_login_page_comes(world: World) -> None:
    """302 to a path of our own, with a handle (§2.3)."""
    response = world.authorize()
    assert response.status_code == 302
    assert page_of(response.location) == "/u/login"
    assert response.text == f"Found. Redirecting to {response.location}"


def test_with_a_session_no_page_comes(world: World) -> None:
    """Single sign-on, for another client too."""
    world.log_in()
    assert "code" in answer(world.authorize(client_id="spa"))


@pytest.mark.parametrize("prompt", ["login", "select_account", "login consent", "login nonsense"])
def test_a_prompt_asks_again(world: World, prompt: str) -> None:
    """The session does not answer for the user."""
    world.log_in()
    assert page_of(world.authorize(prompt=prompt).location) == "/u/login"


@pytest.mark.parametrize("prompt", ["", "nonsense"])
def test_an_unknown_prompt_is_ignored(world: World, prompt: str) -> None:
    """It neither shows a page nor hides one."""
    assert page_of(world.authorize(prompt=prompt).location) == "/u/login"
    world.log_in()
    assert "code" in answer(world.authorize(prompt=prompt))


def test_silent_authentication_uses_the_session(world: World) -> None:
    """`prompt=none` answers at once, with what the session's user may have."""
    world.log_in()
    got = answer(world.authorize(prompt="none", response_type="token id_token", nonce="N"))
    assert claims_of(got["id_token"])["sub"] == world.user("alice@example.com").user_id


@pytest.mark.parametrize(
    ("params", "code", "description"),
    [
        ({}, "login_required", "Login required"),
        ({"screen_hint": "signup"}, "login_required", "Login required"),
        ({"connection": "google-oauth2"}, "login_required", "Login required"),
        ({"prompt": "none consent"}, "invalid_request", None),
        ({"prompt": "none select_account"}, "invalid_request", None),
    ],
)
def test_silent_authentication_without_a_session_fails(
    world: World, params: dict[str, str], code: str, description: str | None
) -> None:
    """Never a page."""
    got = error(world.authorize(**{"prompt": "none", **params}))
    assert got[0] == code
    assert description in (None, got[1])


def test_silent_authentication_shows_neither_consent_nor_second_factor(world: World) -> None:
    """Each page has its own error, with the texts that SDKs match."""
    world.log_in()
    silent = {"prompt": "none"}
    assert error(world.authorize(**silent, client_id="third")) == ("consent_required", "Consent required")
    assert error(world.authorize(**silent, acr_values=MFA)) == (
        "interaction_required",
        "Multifactor authentication required",
    )


def test_a_second_factor_is_asked_for_and_told(world: World) -> None:
    """`acr_values` leads to the challenge; then the ID token says so, a refreshed one does not (§7.1)."""
    challenge = world.log_in(acr_values=f"urn:x {MFA}", scope="openid offline_access")
    assert page_of(challenge.location) == "/u/mfa-email-challenge"
    code = answer(world.change(challenge, mfa_passed=True))["code"]
    tokens = world.redeem(code).json
    claims = claims_of(tokens["id_token"])
    assert (claims["acr"], claims["amr"]) == (MFA, ["mfa"])
    assert "amr" not in claims_of(world.refresh(tokens["refresh_token"]).json["id_token"])


@pytest.mark.parametrize(
    ("age", "max_age", "again"),
    [(0, "0", True), (99, "100", False), (100, "100", True), (5000, "5001", False), (5000, "0", True)],
)
def test_max_age_asks_again_when_the_login_is_too_old(
    world: World, age: int, max_age: str, again: bool
) -> None:
    """Seconds since the user last logged in, not since the last visit."""
    world.log_in()
    world.clock.advance(age)
    response = world.authorize(max_age=max_age)
    assert response.location.startswith("/u/login" if again else CALLBACK)
    silent = answer(world.authorize(max_age=max_age, prompt="none"))
    assert ("code" in silent) != again


def test_auth_time_is_when_the_user_logged_in(world: World) -> None:
    """Only with max_age; single sign-on does not renew it, however long a page was open in between."""
    page = world.authorize(max_age="0", acr_values=MFA)
    logged_in_at = world.tenant.now()
    challenge = world.answer_login(page, "alice@example.com")
    world.clock.advance(300)
    code = answer(world.change(challenge, mfa_passed=True))["code"]
    assert claims_of(world.redeem(code).json["id_token"])["auth_time"] == logged_in_at
    world.clock.advance(300)
    code = answer(world.authorize(max_age="10000"))["code"]
    assert claims_of(world.redeem(code).json["id_token"])["auth_time"] == logged_in_at
    code = answer(world.authorize())["code"]
    assert "auth_time" not in claims_of(world.redeem(code).json["id_token"])


def test_a_new_login_renews_auth_time(world: World) -> None:
    """In the same session, which keeps its id."""
    first = world.redeem(answer(world.log_in(max_age="10"))["code"]).json
    world.clock.advance(3600)
    second = world.redeem(answer(world.log_in(max_age="10"))["code"]).json
    one, two = claims_of(first["id_token"]), claims_of(second["id_token"])
    assert two["auth_time"] - one["auth_time"] == 3600
    assert one["sid"] == two["sid"]


@pytest.mark.parametrize(
    ("params", "path", "query"),
    [
        ({"screen_hint": "signup"}, "/u/signup", {}),
        ({"screen_hint": "login"}, "/u/login", {}),
        ({"screen_hint": "nonsense"}, "/u/login", {}),
        ({"connection": DATABASE}, "/u/login", {}),
        ({"connection": DATABASE, "screen_hint": "signup"}, "/u/signup", {}),
        ({"connection": "google-oauth2"}, "/u/upstream", {"connection": "google-oauth2"}),
        (
            {"connection": "google-oauth2", "screen_hint": "signup"},
            "/u/upstream",
            {"connection": "google-oauth2"},
        ),
        ({"connection": ""}, "/u/login", {}),
    ],
)
def test_the_parameters_choose_the_page(
    world: World, params: dict[str, str], path: str, query: dict[str, str]
) -> None:
    """Sign-up, login, or straight to the upstream of a connection (§2.1)."""
    parts = urlsplit(world.authorize(**params).location)
    assert parts.path == path
    got = dict(parse_qsl(parts.query))
    assert got.pop("state")
    assert got == query


def test_the_login_hint_is_on_the_page(world: World) -> None:
    """The page is filled in with it."""
    page = world.authorize(login_hint="someone@example.com")
    assert 'value="someone@example.com"' in world.get(page.location).text


def test_a_session_does_for_its_own_connection_only(world: World) -> None:
    """Asked for another connection, the user logs in there, and the session then holds both."""
    world.log_in()
    assert "code" in answer(world.authorize(connection=DATABASE))
    assert page_of(world.authorize(connection="google-oauth2").location) == "/u/upstream"


def test_the_session_of_a_linked_user_does_for_both_connections(world: World) -> None:
    """Until the identity is unlinked."""
    world.idp.link("alice@example.com", "google-oauth2|1001")
    world.log_in()
    world.log_in(by="google-oauth2|1001", connection="google-oauth2")
    assert "code" in answer(world.authorize(connection="google-oauth2", prompt="none"))
    world.idp.unlink("alice@example.com", "google-oauth2", "1001")
    assert error(world.authorize(connection="google-oauth2", prompt="none"))[0] == "login_required"


def test_an_id_token_hint_must_be_of_the_sessions_user(world: World) -> None:
    """Somebody else's hint needs a login (OIDC Core §3.1.2.1); nonsense is no hint; an old one still is."""
    alice, bob = world.tokens()["id_token"], world.tokens("bob@example.com")["id_token"]
    world.log_in()
    world.clock.advance(hours=48)
    assert "code" in answer(world.authorize(prompt="none", id_token_hint=alice))
    assert error(world.authorize(prompt="none", id_token_hint=bob))[0] == "login_required"
    assert "code" in answer(world.authorize(prompt="none", id_token_hint=bob + "x"))
