"""Brute-force protection: ten wrong passwords in a row block an IP address, at every place that takes one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from authentication_world import DATABASE, WEB, World, error, state_of
from werkzeug.test import Client as Browser
from werkzeug.test import TestResponse

from mockidp.model.linking import link
from mockidp.model.outbox import MESSAGES, Message
from mockidp.model.user import delete_user
from mockidp.model.user_update import update_user

ALICE = "alice@example.com"
PASSWORD = "alice-password"
TEXT = (
    "Your account has been blocked after multiple consecutive login attempts. We've sent you a notification "
    "via your preferred contact method with instructions on how to unblock it."
)
HOME, AWAY = "127.0.0.1", "203.0.113.7"
MakeWorld = Callable[..., World]


def protected(**settings: Any) -> dict[str, Any]:
    return {"attackProtection": {"bruteForceProtection": settings}}


def by_token(world: World, password: str, user: str = ALICE, ip: str = HOME, **form: str) -> TestResponse:
    sent = {"grant_type": "password", "username": user, "password": password, **WEB, **form}
    return world.post("/oauth/token", data=sent, environ_overrides={"REMOTE_ADDR": ip})


def by_page(world: World, password: str) -> TestResponse:
    state = state_of(world.another_browser().authorize())
    return world.post("/u/login", data={"state": state, "username": ALICE, "password": password})


def by_co_authenticate(world: World, password: str) -> TestResponse:
    body = {"client_id": "web", "credential_type": "password", "username": ALICE, "password": password}
    return world.post("/co/authenticate", json=body)


def by_classic_page(world: World, password: str) -> TestResponse:
    body = {"client_id": "web", "connection": DATABASE, "username": ALICE, "password": password}
    return world.post("/usernamepassword/login", json=body)


def fail(world: World, times: int, **options: Any) -> None:
    """Log in with a wrong password so many times, each of which is answered as a wrong password is."""
    for _ in range(times):
        assert error(by_token(world, "wrong", **options)) == ("invalid_grant", "Wrong email or password.")


def is_blocked(world: World, **options: Any) -> bool:
    return by_token(world, PASSWORD, **options).status_code == 429


def mails(world: World) -> list[Message]:
    return [message for message in world.tenant.store.all(MESSAGES) if message.kind == "blocked_account"]


def test_the_tenth_wrong_password_blocks(world: World) -> None:
    """It is answered as the nine before; from then on the right one is refused too, with the text of SDKs."""
    fail(world, 10)
    response = by_token(world, PASSWORD)
    assert (response.status_code, error(response)) == (429, ("too_many_attempts", TEXT))
    assert response.headers["X-RateLimit-Remaining"] == "99"


def test_the_user_is_told_once(world: World) -> None:
    """One mail with the address that was blocked and a link; what is refused later sends none."""
    fail(world, 9)
    assert mails(world) == []
    fail(world, 1)
    for _ in range(3):
        assert is_blocked(world)
    [mail] = mails(world)
    assert (mail.to, mail.user_id) == (ALICE, world.user(ALICE).user_id)
    assert mail.url is not None
    assert mail.url.startswith("http://localhost:4100/u/brute-force-protection-unblock?ticket=")
    assert HOME in mail.body
    assert mail.url in mail.body


def test_a_right_password_begins_the_count_anew(world: World) -> None:
    """Only failures in a row count."""
    fail(world, 9)
    assert by_token(world, PASSWORD).status_code == 200
    fail(world, 9)
    assert by_token(world, PASSWORD).status_code == 200


def test_other_people_and_other_addresses_are_not_blocked(world: World) -> None:
    """A block is about one login name at one IP address."""
    fail(world, 10)
    assert by_token(world, "bob-password", "bob@example.com").status_code == 200
    assert by_token(world, PASSWORD, ip=AWAY).status_code == 200
    assert is_blocked(world)


def test_a_name_in_capitals_is_the_same_name(world: World) -> None:
    """Names are compared as logins compare them."""
    for name in ("ALICE@example.com", " alice@EXAMPLE.com "):
        fail(world, 5, user=name)
    assert is_blocked(world)


def test_nobodys_name_is_never_blocked(world: World) -> None:
    """There is no account to protect."""
    fail(world, 12, user="nobody@example.com")


@pytest.mark.parametrize(
    ("log_in", "status", "body"),
    [
        (by_token, 429, {"error": "too_many_attempts", "error_description": TEXT}),
        (by_co_authenticate, 429, {"error": "too_many_attempts", "error_description": TEXT}),
        (
            by_classic_page,
            429,
            {"name": "AnomalyDetected", "code": "too_many_attempts", "description": TEXT, "statusCode": 429},
        ),
        (by_page, 400, None),
    ],
)
def test_every_place_that_takes_a_password_counts_and_refuses(
    world: World, log_in: Callable[[World, str], TestResponse], status: int, body: dict[str, Any] | None
) -> None:
    """They share one count, and each refuses in its own words."""
    for each in (by_token, by_page, by_co_authenticate, by_classic_page):
        for _ in range(3):
            each(world, "wrong")
    response = log_in(world, PASSWORD)
    assert response.status_code == status
    if body is None:
        assert "Your account has been blocked after multiple consecutive login attempts." in response.text
    else:
        assert response.json == body


def test_the_old_popup_is_told(world: World) -> None:
    """The relay page hands the refusal to the page that opened it."""
    fail(world, 10)
    form = {"username": ALICE, "password": PASSWORD, "connection": DATABASE}
    headers = {"Origin": world.origin.rstrip("/")}
    response = world.post("/sso_dbconnection_popup/web", data=form, headers=headers)
    assert "too_many_attempts" in response.text


def test_the_realm_is_protected_too(world: World) -> None:
    """`password-realm` is a password all the same."""
    realm = {"grant_type": "http://auth0.com/oauth/grant-type/password-realm", "realm": DATABASE}
    fail(world, 10, **realm)
    assert is_blocked(world, **realm)


def test_parallel_failures_are_counted_one_by_one(world: World) -> None:
    """Of many at once ten are told that the password is wrong, and one mail is sent."""
    form = {"grant_type": "password", "username": ALICE, "password": "wrong", **WEB}

    def attempt(_: int) -> int:
        return Browser(world.idp.app).post("/oauth/token", data=form, base_url=world.origin).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(attempt, range(24)))
    assert statuses == [403] * 10 + [429] * 14
    assert len(mails(world)) == 1


# -- how it ends ---------------------------------------------------------------------------------------------


def test_it_ends_after_thirty_days(world: World) -> None:
    """By the tenant's clock, from the last failure; the count begins anew."""
    fail(world, 10)
    world.clock.advance(days=29, hours=23)
    assert is_blocked(world)
    world.clock.advance(hours=1)
    fail(world, 9)
    assert by_token(world, PASSWORD).status_code == 200


def test_a_new_password_ends_it(world: World) -> None:
    """Set by the Management API or by the user: both end in the same lines."""
    fail(world, 10)
    update_user(world.tenant, world.user(ALICE).user_id, {"password": "Correct-Horse-9"})
    assert by_token(world, "Correct-Horse-9").status_code == 200


def test_blocked_by_an_administrator_is_another_matter(world: World) -> None:
    """`blocked: false` leaves the block as it is."""
    fail(world, 10)
    update_user(world.tenant, world.user(ALICE).user_id, {"blocked": False})
    assert is_blocked(world)


def test_a_reset_ends_it(world: World) -> None:
    """It is part of the tenant's state."""
    fail(world, 10)
    world.idp.reset()
    assert by_token(world, PASSWORD).status_code == 200


def test_a_new_account_of_the_same_name_begins_without_it(world: World) -> None:
    """What belonged to a deleted account is gone with it."""
    fail(world, 10)
    delete_user(world.tenant, world.user(ALICE).user_id)
    world.idp.add_user(email=ALICE, password=PASSWORD, connection=DATABASE)
    assert by_token(world, PASSWORD).status_code == 200


def test_a_linked_identity_keeps_its_block(world: World) -> None:
    """The identity's own name is blocked, whatever account it belongs to; the mail finds it there."""
    fail(world, 9)
    link(world.tenant, "google-oauth2|1001", world.user(ALICE).user_id)
    fail(world, 1)
    assert is_blocked(world)
    [mail] = mails(world)
    assert (mail.to, mail.user_id) == (ALICE, "google-oauth2|1001")


# -- settings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "seed",
    [
        {"databases": [{"name": DATABASE, "options": {"brute_force_protection": False}}]},
        protected(enabled=False),
        protected(shields=["user_notification"]),
        protected(allowlist=[HOME]),
        protected(allowlist=["10.0.0.0/8", "127.0.0.0/8", "::1"]),
    ],
    ids=["connection", "disabled", "no block", "trusted address", "trusted network"],
)
def test_it_can_be_switched_off(make_world: MakeWorld, seed: dict[str, Any]) -> None:
    """By the connection's option, or by the tenant's settings in words of an export."""
    world = make_world(seed)
    fail(world, 12)
    assert by_token(world, PASSWORD).status_code == 200


def test_the_limit_can_be_set(make_world: MakeWorld) -> None:
    """`max_attempts`."""
    world = make_world(protected(max_attempts=2))
    fail(world, 2)
    assert is_blocked(world)


def test_mails_can_be_switched_off(make_world: MakeWorld) -> None:
    """Without the shield `user_notification` it blocks in silence."""
    world = make_world(protected(shields=["block"], max_attempts=1))
    fail(world, 1)
    assert is_blocked(world)
    assert mails(world) == []


def test_a_lockout_is_for_all_addresses(make_world: MakeWorld) -> None:
    """`count_per_identifier`: failures add up wherever they come from."""
    world = make_world(protected(mode="count_per_identifier"))
    fail(world, 5)
    fail(world, 5, ip=AWAY)
    assert is_blocked(world)
    assert is_blocked(world, ip="198.51.100.9")


@pytest.mark.parametrize(
    ("trusted", "header", "blocked_at"),
    [(True, AWAY, AWAY), (False, AWAY, HOME), (True, "my place", HOME)],
)
def test_a_server_may_say_whose_address_it_is(
    make_world: MakeWorld, trusted: bool, header: str, blocked_at: str
) -> None:
    """`auth0-forwarded-for` counts where the client is trusted to send it, and holds an address."""
    world = make_world({"clients": [{"client_id": "web", "is_token_endpoint_ip_header_trusted": trusted}]})
    form = {"grant_type": "password", "username": ALICE, "password": "wrong", **WEB}
    for _ in range(10):
        world.post("/oauth/token", data=form, headers={"auth0-forwarded-for": header})
    assert [ip for ip in (HOME, AWAY) if is_blocked(world, ip=ip)] == [blocked_at]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_attempts": 0}, "'max_attempts' must be from 1 to 100, not 0"),
        ({"allowlist": ["10.0.0.0/64"]}, "'10.0.0.0/64' in 'allowlist' is no IP address or network"),
        ({"shields": ["blok"]}, "did you mean 'block'"),
        ({"max_atempts": 3}, "did you mean 'max_attempts'"),
    ],
)
def test_a_seeds_mistake_is_explained(make_world: MakeWorld, settings: dict[str, Any], message: str) -> None:
    """Before anything starts."""
    with pytest.raises(Exception, match=message):
        make_world(protected(**settings))
