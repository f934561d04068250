"""Sessions: how long they live, whose they are, and the cookies that carry them."""

from __future__ import annotations

from typing import Any

import pytest
from authentication_world import CALLBACK, World, answer, claims_of, error

from mockidp.model.user import delete_user, put_user, rewrite

HOURS = 3600


SILENT = f"/authorize?client_id=web&response_type=code&prompt=none&redirect_uri={CALLBACK}"


def is_live(world: World) -> bool:
    return "code" in answer(world.authorize(prompt="none"))


def cookie_of(world: World) -> str:
    """Return the session cookie's value, as the browser has it."""
    cookie = world.browser.get_cookie("auth0", domain="localhost")
    assert cookie is not None
    return str(cookie.value)


def cookies_of(response: Any) -> dict[str, str]:
    """Return each Set-Cookie header by its name."""
    return {text.partition("=")[0]: text for text in response.headers.getlist("Set-Cookie")}


@pytest.mark.parametrize(("seconds", "live"), [(72 * HOURS - 1, True), (72 * HOURS, False)])
def test_an_idle_session_ends(world: World, seconds: int, live: bool) -> None:
    """72 hours after its last use."""
    world.log_in()
    world.clock.advance(seconds)
    assert is_live(world) == live


@pytest.mark.parametrize(("seconds", "live"), [(168 * HOURS - 1, True), (168 * HOURS, False)])
def test_every_session_ends(world: World, seconds: int, live: bool) -> None:
    """168 hours after the login, however much it is used: each use only restarts the idle time."""
    world.log_in()
    for _ in range(3):
        world.clock.advance(50 * HOURS)
        assert is_live(world)
    world.clock.advance(seconds - 150 * HOURS)
    assert is_live(world) == live


def test_the_tenant_sets_the_lifetimes(make_world: Any) -> None:
    """Hours, fractions of one too."""
    world = make_world({"tenant": {"session_lifetime": 1, "idle_session_lifetime": 0.5}})
    world.log_in()
    world.clock.advance(29 * 60)
    assert is_live(world)
    world.clock.advance(30 * 60)
    assert not is_live(world)


def test_sid_names_the_session(world: World) -> None:
    """The same over its life, another in another browser (§7.1)."""
    first = claims_of(world.redeem(answer(world.log_in())["code"]).json["id_token"])["sid"]
    again = claims_of(world.redeem(answer(world.authorize())["code"]).json["id_token"])["sid"]
    other = claims_of(world.tokens()["id_token"])["sid"]
    assert first == again != other


def test_another_users_login_replaces_the_session(world: World) -> None:
    """A new session with a new id: no fixation."""
    alice = claims_of(world.redeem(answer(world.log_in())["code"]).json["id_token"])
    bob = world.redeem(answer(world.log_in("bob@example.com", prompt="login"))["code"]).json
    assert claims_of(bob["id_token"])["sid"] != alice["sid"]
    code = answer(world.authorize(prompt="none"))["code"]
    assert claims_of(world.redeem(code).json["id_token"])["sub"] == world.user("bob@example.com").user_id


def test_plain_http_cookies(world: World) -> None:
    """A browser would drop `Secure` cookies there, so they are Lax without it (§2.7)."""
    device = cookies_of(world.authorize())
    assert set(device) == {"did"}
    session = cookies_of(world.log_in())
    assert set(session) == {"auth0"}
    for text in (device["did"], session["auth0"]):
        assert "; HttpOnly; Path=/; SameSite=Lax" in text
        assert "Secure" not in text
    assert session["auth0"].startswith("auth0=s%3A")
    assert f"Max-Age={168 * HOURS}" in session["auth0"]
    assert "Max-Age=31557600" in device["did"]
    assert "Expires=Tue, 08 Jan 2030 00:00:00 GMT" in session["auth0"]


def test_https_cookies(make_world: Any) -> None:
    """`Secure; SameSite=None`, and a copy without SameSite for old browsers."""
    world = make_world()
    world.origin = "https://localhost:4100/"
    response = world.log_in()
    session = cookies_of(response)
    assert set(session) == {"auth0", "auth0_compat"}
    assert "; Secure; HttpOnly; Path=/; SameSite=None" in session["auth0"]
    assert "; Secure; HttpOnly; Path=/" in session["auth0_compat"]
    assert "SameSite" not in session["auth0_compat"]
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_the_compatibility_cookie_alone_will_do(make_world: Any) -> None:
    """For browsers that drop SameSite=None."""
    world = make_world()
    world.origin = "https://localhost:4100/"
    world.log_in()
    world.browser.delete_cookie("auth0", domain="localhost")
    assert is_live(world)


@pytest.mark.parametrize(
    "forge",
    [
        lambda cookie: cookie[:-1] + ("0" if cookie[-1] != "0" else "1"),
        lambda cookie: cookie.rpartition(".")[0],
        lambda cookie: cookie.rpartition(".")[0] + ".",
        lambda cookie: "s%3A" + "x" * 32 + "." + cookie.rpartition(".")[2],
        lambda cookie: cookie.replace("s%3A", "s%3Ax"),
        lambda cookie: "",
        lambda cookie: "%FF%FE",
        lambda cookie: "\xff",
        lambda cookie: "ü.ü",
    ],
)
def test_a_forged_session_cookie_is_nobodys(world: World, forge: Any) -> None:
    """Only what we signed counts, and rubbish from other applications on localhost breaks nothing."""
    world.log_in()
    cookie = cookie_of(world)
    good = world.get_with_cookie(SILENT, f"auth0={cookie}")
    assert "code" in answer(good)
    forged = world.get_with_cookie(SILENT, f"x=\xff; auth0={forge(cookie)}")
    assert error(forged)[0] == "login_required"


def test_a_session_that_ends_while_a_page_is_open_needs_a_login(world: World) -> None:
    """Who logs out in another tab is not logged in again by a click on the consent page."""
    world.log_in()
    consent = world.authorize(client_id="third")
    world.get("/v2/logout")
    after = world.change(consent, consented=True)
    assert after.location.startswith("/u/login")
    assert not is_live(world)


@pytest.mark.parametrize("change", ["delete", "block"])
def test_a_session_is_no_way_around_its_users_end(world: World, change: str) -> None:
    """Deleted: nobody is logged in; blocked: the client is told."""
    world.log_in()
    user = world.user("alice@example.com")
    if change == "delete":
        delete_user(world.tenant, user.user_id)
        assert error(world.authorize(prompt="none"))[0] == "login_required"
    else:
        put_user(world.tenant, rewrite(user, {"blocked": True}))
        assert error(world.authorize(prompt="none")) == ("unauthorized", "user is blocked")
