"""Legacy linking: /authorize?access_token=<primary user's token> (§3.1; the five seed documents)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from authentication_world import API, CALLBACK, DATABASE, WEB, World, answer, claims_of, error

from mockidp.authentication import authorize
from mockidp.model.session import authenticate, find_transaction
from mockidp.model.user import delete_user, put_user, rewrite

ALICE = "alice@example.com"
GOOGLE = "google-oauth2|1001"
BAD = ("access_denied", "invalid main user access_token/refresh_token")


def keys(world: World, email: str = ALICE) -> list[str]:
    return [identity.key for identity in world.user(email).identities]


def alice_id(world: World) -> str:
    return world.user(ALICE).user_id


def link(world: World, token: str, by: str = GOOGLE, **params: str | None) -> Any:
    """Go to /authorize with the token and log in with the other identity."""
    usual = {"access_token": token, "connection": "google-oauth2"}
    return world.log_in(by=by, **{**usual, **params})


def test_the_first_answer_is_a_redirect_to_the_connection(world: World) -> None:
    """302, "Redirect to connection for linking accounts" (seeds 000, 001)."""
    token = world.tokens()["access_token"]
    response = world.authorize(access_token=token, connection="google-oauth2")
    assert response.status_code == 302
    assert response.location.startswith("/u/upstream?connection=google-oauth2&state=")
    assert keys(world) == [alice_id(world)]


def test_without_a_connection_the_login_page_comes(world: World) -> None:
    """With the first database connection (seed 003), a session notwithstanding."""
    world.log_in()
    token = world.tokens()["access_token"]
    page = world.authorize(access_token=token, connection=None)
    assert page.location.startswith("/u/login?state=")
    world.answer_login(page, "bob@example.com")
    assert len(keys(world)) == 2


@pytest.mark.parametrize("response_type", ["code", "token", "id_token", "code token id_token"])
def test_the_answer_is_the_primarys(world: World, response_type: str) -> None:
    """Code and tokens name the account that the token was of; the identity is its second (§3.1, §3.4)."""
    token = world.tokens()["access_token"]
    got = answer(link(world, token, response_type=response_type, nonce="N"))
    assert got["state"] == "S"
    alice = alice_id(world)
    if "code" in got:
        assert claims_of(world.redeem(got["code"]).json["id_token"])["sub"] == alice
    if "access_token" in got:
        assert world.userinfo(got["access_token"]).json["sub"] == alice
    if "id_token" in got:
        claims = world.verified(got["id_token"], "web")
        assert (claims["sub"], claims["email"]) == (alice, ALICE)
    assert keys(world) == [alice, GOOGLE]


def test_the_documents_example_links(world: World) -> None:
    """The manual URL of seed 004, with the token of the code flow, and the JSON body of seed 003."""
    tokens = world.redeem(world.code(scope="openid")).json
    sent = {
        "response_type": "code",
        "client_id": "web",
        "connection": "",
        "redirect_uri": CALLBACK,
        "access_token": tokens["access_token"],
    }
    page = world.open("GET", "/authorize", json=sent)
    assert "code=" in world.answer_login(page, "", by="facebook|2002").location
    url = f"/authorize?response_type=code&scope=openid&client_id=web&redirect_uri={CALLBACK}"
    page = world.get(f"{url}&access_token={tokens['access_token']}")
    assert "code=" in world.answer_login(page, "", by=GOOGLE).location
    assert keys(world) == [alice_id(world), "facebook|2002", GOOGLE]


def test_the_profile_of_the_secondary_is_kept_beside(world: World) -> None:
    """The primary's attributes stay; the secondary's are in `profileData`, and its account is gone (§3.4)."""
    before = dict(world.user(ALICE).document)
    link(world, world.tokens()["access_token"])
    after = world.user(ALICE).document
    for name in ("email", "name", "nickname", "picture", "user_id", "created_at"):
        assert after[name] == before[name], name
    assert after["identities"][0] == before["identities"][0]
    assert after["identities"][1] == {
        "connection": "google-oauth2",
        "user_id": "1001",
        "provider": "google-oauth2",
        "isSocial": True,
        "profileData": {"email": "gail@example.com", "email_verified": False},
    }
    with pytest.raises(IndexError):
        world.user("gail@example.com")


def test_afterwards_either_identity_logs_in_as_the_primary(world: World) -> None:
    """`sub` is the same whichever was used."""
    link(world, world.tokens()["access_token"])
    fresh = world.another_browser()
    code = answer(fresh.log_in(by=GOOGLE, connection="google-oauth2"))["code"]
    assert claims_of(world.redeem(code).json["id_token"])["sub"] == alice_id(world)


def test_the_session_goes_on_as_the_primarys(world: World) -> None:
    """The browser is still logged in, for both connections."""
    world.log_in()
    link(world, world.tokens()["access_token"])
    for connection in (None, DATABASE, "google-oauth2"):
        code = answer(world.authorize(prompt="none", connection=connection))["code"]
        assert claims_of(world.redeem(code).json["id_token"])["sub"] == alice_id(world)


@pytest.mark.parametrize(
    "get",
    [
        lambda w: w.tokens()["access_token"],
        lambda w: w.tokens(audience=API, scope="read:x")["access_token"],
        lambda w: w.tokens(audience="https://hs256.example.com")["access_token"],
        lambda w: w.tokens(client_id="spa")["access_token"],
        lambda w: w.tokens(scope="openid offline_access")["refresh_token"],
        lambda w: w.tokens(client_id="spa", scope="openid offline_access")["refresh_token"],
        lambda w: answer(w.another_browser().log_in(response_type="token"))["access_token"],
        lambda w: w.idp.token(ALICE),
        lambda w: w.token(grant_type="password", username=ALICE, password="alice-password", **WEB).json[
            "access_token"
        ],
    ],
    ids=[
        "opaque",
        "api",
        "hs256",
        "another client's",
        "refresh",
        "rotating",
        "implicit",
        "minted",
        "password",
    ],
)
def test_any_good_token_of_the_user_will_do(world: World, get: Any) -> None:
    """An access token for whatever audience, or a refresh token, as the error's wording says."""
    assert "code" in answer(link(world, get(world)))
    assert GOOGLE in keys(world)


def expired(world: World) -> str:
    token = world.tokens()["access_token"]
    world.clock.advance(86400)
    return str(token)


def revoked(world: World) -> str:
    code = world.code()
    token = world.redeem(code).json["access_token"]
    world.redeem(code)
    return str(token)


def used(world: World) -> str:
    token = world.tokens(client_id="spa", scope="openid offline_access")["refresh_token"]
    world.refresh(token, "spa")
    return str(token)


def old_refresh_token(world: World) -> str:
    token = world.tokens(client_id="spa", scope="openid offline_access")["refresh_token"]
    world.clock.advance(days=16)
    return str(token)


def of_a_deleted_user(world: World, kind: str = "access_token") -> str:
    token = world.tokens("bob@example.com", scope="openid offline_access")[kind]
    delete_user(world.tenant, world.user("bob@example.com").user_id)
    return str(token)


def of_an_unlinked_account(world: World) -> str:
    token = world.tokens("gail@example.com", scope="openid offline_access")["refresh_token"]
    world.idp.link("bob@example.com", GOOGLE)
    world.idp.unlink("bob@example.com", "google-oauth2", "1001")
    return str(token)


def of_a_blocked_user(world: World) -> str:
    token = world.tokens("bob@example.com")["access_token"]
    put_user(world.tenant, rewrite(world.user("bob@example.com"), {"blocked": True}))
    return str(token)


def of_a_machine(world: World) -> str:
    m2m = {"grant_type": "client_credentials", "client_id": "m2m", "client_secret": "m2m-secret"}
    return str(world.token(**m2m, audience=API).json["access_token"])


BAD_TOKENS: dict[str, Any] = {
    "nonsense": lambda w: "nonsense",
    "an ID token": lambda w: w.tokens()["id_token"],
    "expired": expired,
    "revoked": revoked,
    "used refresh token": used,
    "old refresh token": old_refresh_token,
    "deleted user": of_a_deleted_user,
    "deleted user's refresh token": lambda w: of_a_deleted_user(w, "refresh_token"),
    "blocked user": of_a_blocked_user,
    "machine": of_a_machine,
    "code": lambda w: w.code(),
    "refresh token of an account that was linked and unlinked": of_an_unlinked_account,
    "control characters": lambda w: "a\r\nb\x00",
    "long": lambda w: "x" * 50_000,
}


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_a_bad_token_goes_back_to_the_client(world: World, name: str) -> None:
    """With the wording observed in 2015; nobody is asked to log in."""
    token = BAD_TOKENS[name](world)
    response = world.authorize(access_token=token, connection="google-oauth2")
    assert error(response) == BAD
    assert answer(response)["state"] == "S"


def test_another_tenants_token_is_bad(world: World, make_world: Any) -> None:
    """Issued under a name that is not ours."""
    other = make_world({"mockidp": {"domain": "other.eu.auth0.com"}})
    for params in ({}, {"audience": API}):
        token = other.tokens(**params)["access_token"]
        assert error(world.authorize(access_token=token)) == BAD


@pytest.mark.parametrize("token", ["", None])
def test_an_empty_token_is_none(world: World, token: str | None) -> None:
    """A plain login (RFC 6749 §3.1: sent without a value is omitted)."""
    world.log_in(access_token=token, by=GOOGLE, connection="google-oauth2")
    assert keys(world) == [alice_id(world)]


def test_a_bad_token_of_a_token_flow_comes_in_the_fragment(world: World) -> None:
    """As every error of such a flow."""
    response = world.authorize(access_token="nonsense", response_type="token")
    assert response.location.startswith(CALLBACK + "#error=access_denied&")


def test_linking_the_same_identity_is_refused(world: World) -> None:
    """The user logs in as himself."""
    token = world.tokens()["access_token"]
    response = world.log_in(access_token=token, connection=DATABASE)
    assert error(response) == ("access_denied", "Main identity and the new one are the same.")
    assert keys(world) == [alice_id(world)]


def test_linking_twice_is_refused(world: World) -> None:
    """The identity is there already."""
    token = world.tokens()["access_token"]
    link(world, token)
    assert error(link(world, token)) == ("access_denied", "Specified identity already exists.")
    assert keys(world) == [alice_id(world), GOOGLE]


def test_an_identity_of_another_account_stays_there(world: World) -> None:
    """Who logs in with somebody's linked identity cannot take it along."""
    world.idp.link("bob@example.com", GOOGLE)
    response = link(world, world.tokens()["access_token"])
    assert error(response) == ("access_denied", "Specified identity already exists.")
    assert keys(world, "bob@example.com")[1:] == [GOOGLE]
    assert keys(world) == [alice_id(world)]


def test_a_refused_link_logs_nobody_in(world: World) -> None:
    """There is no session of either account."""
    world.idp.link("bob@example.com", GOOGLE)
    link(world, world.tokens()["access_token"])
    assert error(world.authorize(prompt="none"))[0] == "login_required"


def test_linking_cannot_be_silent(world: World) -> None:
    """The second identity must be shown by a login."""
    world.log_in()
    token = world.tokens()["access_token"]
    response = world.authorize(access_token=token, connection="google-oauth2", prompt="none")
    assert error(response) == ("login_required", "Login required")


def test_a_blocked_secondary_is_not_linked(world: World) -> None:
    """He could not log in either."""
    response = world.log_in("mallory@example.com", access_token=world.tokens()["access_token"])
    assert error(response) == ("unauthorized", "user is blocked")
    assert keys(world) == [alice_id(world)]


def test_a_primary_deleted_meanwhile_is_not_linked(world: World) -> None:
    """The secondary stays as it is."""
    page = world.authorize(access_token=world.tokens()["access_token"], connection="google-oauth2")
    delete_user(world.tenant, alice_id(world))
    response = world.answer_login(page, "gail@example.com")
    assert error(response) == ("access_denied", "The user does not exist.")
    assert keys(world, "gail@example.com") == [GOOGLE]


def test_a_tenant_without_legacy_linking_logs_in(make_world: Any) -> None:
    """`legacy_account_linking: false`: the parameter is one of those that are ignored."""
    world = make_world({"mockidp": {"legacy_account_linking": False}})
    code = answer(link(world, "nonsense"))["code"]
    assert claims_of(world.redeem(code).json["id_token"])["sub"] == GOOGLE
    assert keys(world) == [alice_id(world)]


def test_a_double_click_links_once_and_answers_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two requests want to link at the same moment: one gets the code, none an error about the identity."""
    page = world.authorize(access_token=world.tokens()["access_token"], connection="google-oauth2")
    state = page.location.rpartition("state=")[2]
    transaction = find_transaction(world.tenant, state)
    assert transaction is not None
    authenticate(world.tenant, transaction, GOOGLE, GOOGLE, "google-oauth2")
    cookie = world.browser.get_cookie("did", domain="localhost")
    assert cookie is not None
    real, both = authorize.next_step, threading.Barrier(2)

    def next_step(tenant: Any, transaction: Any) -> authorize.Step:
        step = real(tenant, transaction)
        if step is authorize.Step.LINK:
            both.wait(timeout=10)
        return step

    monkeypatch.setattr(authorize, "next_step", next_step)
    with ThreadPoolExecutor(2) as pool:
        path = f"/authorize/resume?state={state}"
        clicks = [pool.submit(world.get_with_cookie, path, f"did={cookie.value}") for _ in range(2)]
        responses = [click.result() for click in clicks]
    assert sorted(response.status_code for response in responses) == [302, 400]
    assert "code=" in next(r.location for r in responses if r.status_code == 302)
    assert keys(world) == [alice_id(world), GOOGLE]
