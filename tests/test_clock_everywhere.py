"""What lives and what is dated goes by the tenant's clock, however that is moved; by HTTP, as clients see it.

That what is over is forgotten (pruning) is in authentication/test_growth.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
import requests
from clock_lives import (
    LIVES,
    SHARED,
    Good,
    classic_login,
    client_assertion,
    id_token,
    management_token,
    max_age,
    minted_token,
    opaque_access_token,
    rate_limit,
)
from clock_world import API, DATABASE, DAY, HOUR, PEOPLE, World, answer, seed

from mockidp import MockIdp
from mockidp.clock import parse_time


@pytest.fixture
def idp_seed() -> dict[str, Any]:
    return seed()


@pytest.fixture
def world(idp: MockIdp, monkeypatch: pytest.MonkeyPatch) -> World:
    machine = SimpleNamespace(now=1_800_000_000.0)
    monkeypatch.setattr("mockidp.clock.time.time", lambda: machine.now)
    return World(idp, machine)


def advance(world: World, seconds: int) -> None:
    world.idp.clock.advance(seconds)


def travel(world: World, seconds: int) -> None:
    world.idp.clock.travel(world.idp.clock.now() + seconds)


def run(world: World, seconds: int) -> None:
    """Let the machine's time pass, of which a second is a minute and some."""
    world.idp.clock.rate(64)
    world.machine.now += seconds / 64


@pytest.mark.parametrize("move", [advance, travel, run])
@pytest.mark.parametrize(("make", "lifetime"), LIVES, ids=lambda value: getattr(value, "__name__", ""))
def test_it_lives_by_the_tenants_clock(
    world: World, make: Callable[[World], Good], lifetime: int, move: Callable[[World, int], None]
) -> None:
    """Good until the last second, and then no more; two people try, as some things are good only once."""
    began = world.idp.clock.now()
    first = second = make(world)
    if make not in SHARED:
        world.idp.clock.freeze(began)
        world.person = PEOPLE[1]
        second = make(world)
    move(world, lifetime - 1)
    assert first()
    move(world, 1)
    assert not second()


def test_an_assertion_may_be_made_by_a_clock_that_is_ahead(world: World) -> None:
    """By ten seconds, and no more (documentation, "Authenticate with Private Key JWT")."""
    now = world.idp.clock.now()
    for claim in ("iat", "nbf"):
        assert client_assertion(world, **{claim: now + 10})()
        early = client_assertion(world, **{claim: now + 11})
        assert not early()
        with world.idp.clock.advance(1):
            assert early()


# -- what is dated: each returns the moment that it shows ------------------------------------------------

Shown = Callable[[World], float]


def claims_of(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def user(world: World) -> dict[str, Any]:
    name = f"new-{world.idp.clock.now():.0f}@example.com"
    path = "/dbconnections/signup"
    body = {"client_id": "web", "email": name, "password": "A-new-passw0rd", "connection": DATABASE}
    assert world.post(path, body).ok
    world.person = name
    token = world.idp.management_token()
    found: dict[str, Any] = world.get("/api/v2/users-by-email", token, email=name).json()[0]
    return found


def cookie(world: World) -> float:
    sent = world.get("/authorize", **world.asked()).headers["Set-Cookie"]
    age = int(re.findall(r"Max-Age=(\d+)", sent)[0])
    return parsedate_to_datetime(re.findall(r"Expires=([^;]+)", sent)[0]).timestamp() - age


def limit_that_ends(world: World) -> float:
    world.idp.on("GET /userinfo").rate_limit(per="1m")
    return int(world.get("/userinfo").headers["X-RateLimit-Reset"]) - 60


def last_login(world: World) -> str:
    token = world.idp.management_token()
    world.password()
    found: str = world.get("/api/v2/users-by-email", token, email=world.person).json()[0]["last_login"]
    return found


DATED: dict[str, Callable[[World], float | str]] = {
    "Date": lambda world: parsedate_to_datetime(world.get("/userinfo").headers["Date"]).timestamp(),
    "ID token: iat": lambda world: claims_of(world.password()["id_token"])["iat"],
    "ID token: exp": lambda world: claims_of(world.password()["id_token"])["exp"] - 10 * HOUR,
    "ID token: auth_time": lambda world: claims_of(
        world.redeem(world.log_in(max_age="60")[1]["code"]).json()["id_token"]
    )["auth_time"],
    "access token: iat": lambda world: claims_of(world.password(audience=API)["access_token"])["iat"],
    "access token: exp": lambda world: claims_of(world.password(audience=API)["access_token"])["exp"] - DAY,
    "minted token: iat": lambda world: claims_of(world.idp.id_token(PEOPLE[0], client="web"))["iat"],
    "cookie: Expires": cookie,
    "rate limit: X-RateLimit-Reset": limit_that_ends,
    "user: created_at": lambda world: user(world)["created_at"],
    "user: updated_at": lambda world: user(world)["updated_at"],
    "user: last_login": last_login,
    "outbox: sent_at": lambda world: (user(world), world.idp.outbox.last)[1].sent_at,
    "request: started_at": lambda world: (
        world.get("/userinfo"),
        world.get("/_mockidp/requests").json()[-1]["started_at"],
    )[1],
    "state: sessions": lambda world: (
        world.log_in(),
        world.get("/_mockidp/state").json()["sessions"][-1]["authenticated_at"],
    )[1],
}


@pytest.mark.parametrize("moment", ["2001-02-03T04:05:06Z", "2089-10-11T12:13:14Z"])
@pytest.mark.parametrize("name", DATED)
def test_it_is_dated_by_the_tenants_clock(world: World, name: str, moment: str) -> None:
    """In the past as in the future."""
    world.idp.clock.travel(moment)
    shown = DATED[name](world)
    assert (parse_time(shown) if isinstance(shown, str) else shown) == parse_time(moment)


# -- a clock that is set back ----------------------------------------------------------------------------

# What says when it was made: in the future of the new time. All else is good still.
REFUSED = (opaque_access_token, management_token, id_token, minted_token, client_assertion, classic_login)
BACK = [make for make, _ in LIVES if make not in (rate_limit, max_age)]


@pytest.mark.parametrize("make", BACK, ids=lambda make: make.__name__)
def test_a_clock_may_be_set_back(world: World, make: Callable[[World], Good]) -> None:
    """A token from the future is refused; nothing fails inside (the fixture would raise it)."""
    good = make(world)
    world.idp.clock.travel("2029-01-01T00:00:00Z")
    assert good() is (make not in REFUSED)


def test_a_login_from_the_future_has_no_age(world: World) -> None:
    """Whatever `max_age` asks for, the session does not do; without it, it does."""
    browser, _ = world.log_in()
    world.idp.clock.travel("2029-01-01T00:00:00Z")
    assert "code" in answer(browser.get(world.authorize_url(prompt="none")).location)
    for age in ("0", "300"):
        refused = answer(browser.get(world.authorize_url(prompt="none", max_age=age)).location)
        assert refused["error"] == "login_required"


@pytest.mark.parametrize("moment", ["1970-01-01T00:00:00Z", "2000-01-01T00:00:00Z", "9000-01-01T00:00:00Z"])
def test_a_whole_login_at_any_time(world: World, moment: str) -> None:
    """From one end of the clock to the other, by https as well: certificates live by the real time."""
    world.idp.clock.freeze(moment)
    browser, got = world.log_in()
    tokens = world.redeem(got["code"]).json()
    assert world.get("/userinfo", tokens["access_token"]).ok
    url = f"{world.idp.https_url}/userinfo"
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert requests.get(url, headers=bearer, verify=world.idp.ca_path, timeout=10).ok
    assert "code" in answer(browser.get(world.authorize_url(prompt="none")).location)
