"""/u/brute-force-protection-unblock: the mailed link that lets an IP address try again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import Client as Browser

from mockidp.model.brute_force import check_credentials
from mockidp.model.user import delete_user

if TYPE_CHECKING:
    from conftest import World
    from werkzeug.test import TestResponse

ALICE, GOOD = "alice@example.com", "Correct-Horse-9"
PATH = "/u/brute-force-protection-unblock"
BLOCKED = "Your account has been blocked after multiple consecutive login attempts."


def log_in(world: World, password: str) -> TestResponse:
    return world.post("/u/login", world.begin(), username=ALICE, password=password)


def blocked(world: World) -> str:
    """Block alice here, and return the ticket that was mailed to her."""
    for _ in range(10):
        assert world.page(log_in(world, "wrong")).error == "Wrong email or password"
    assert world.page(log_in(world, GOOD)).error == BLOCKED
    mail = world.mails[-1]
    assert (mail.kind, mail.to) == ("blocked_account", ALICE)
    return world.query(mail.url.removesuffix("#"))["ticket"]


def unblock(world: World, ticket: str) -> TestResponse:
    return world.browser.post(PATH, data={"ticket": ticket, "action": "default"})


def test_the_link_unblocks(world: World) -> None:
    """The page of the link is a form, and its answer says that it is done."""
    ticket = blocked(world)
    shown = world.browser.get(f"{PATH}?ticket={ticket}")
    page = world.page(shown)
    assert (shown.status_code, page.text("h1")) == (200, "Unblock My Account")
    assert page.all("form") == [{"method": "post", "action": PATH}]
    assert page.values("ticket") == [ticket]
    done = unblock(world, ticket)
    assert done.status_code == 200
    assert world.page(done).text("h1") == "Account Unblocked"
    assert "Your account has been unblocked." in world.page(done).text()
    assert log_in(world, GOOD).status_code == 302


def test_the_form_sends_itself(world: World) -> None:
    """Where scripts run, following the link is enough; the policy allows this one script."""
    shown = world.browser.get(f"{PATH}?ticket={blocked(world)}")
    [script] = world.page(shown).all("script")
    assert f"script-src 'nonce-{script['nonce']}'" in shown.headers["Content-Security-Policy"]


def test_a_scanner_of_mails_does_not_unblock(world: World) -> None:
    """Looking at the link changes nothing."""
    ticket = blocked(world)
    world.browser.get(f"{PATH}?ticket={ticket}")
    world.browser.head(f"{PATH}?ticket={ticket}")
    assert world.page(log_in(world, GOOD)).error == BLOCKED


def test_it_begins_the_count_anew(world: World) -> None:
    """Nine failures later there is no block yet, and a second block has a mail and a link of its own."""
    first = blocked(world)
    unblock(world, first)
    second = blocked(world)
    assert second != first
    assert world.page(unblock(world, first)).text("h1") == "Authentication Error"
    assert world.page(log_in(world, GOOD)).error == BLOCKED
    unblock(world, second)
    assert log_in(world, GOOD).status_code == 302


def test_only_this_address_is_unblocked(world: World) -> None:
    """Each mail is about one IP address."""
    ticket = blocked(world)
    away = (world.tenant, "http://localhost/", world.database, ALICE, "wrong", "203.0.113.7")
    for _ in range(10):
        check_credentials(*away)
    unblock(world, ticket)
    assert log_in(world, GOOD).status_code == 302
    form = {"state": world.begin().id, "username": ALICE, "password": GOOD}
    elsewhere = world.browser.post("/u/login", data=form, environ_overrides={"REMOTE_ADDR": "203.0.113.7"})
    assert world.page(elsewhere).error == BLOCKED


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("used", "This link can only be used once."),
        ("old", "This link has expired."),
        ("unknown", "Something went wrong, please try again later."),
        ("none", "Something went wrong, please try again later."),
    ],
)
def test_a_link_that_is_not_valid_says_why(world: World, what: str, text: str) -> None:
    """Used, older than the block, never made, no ticket at all: with and without the form."""
    ticket = blocked(world)
    if what == "used":
        unblock(world, ticket)
    elif what == "old":
        world.tenant.clock.advance(days=30)
    else:
        ticket = "never-was" if what == "unknown" else ""
    for response in (world.browser.get(f"{PATH}?ticket={ticket}"), unblock(world, ticket)):
        assert response.status_code == 400
        assert world.page(response).text("h1") == "Authentication Error"
        assert text in world.page(response).text()


def test_a_ticket_of_another_kind_unblocks_nothing(world: World) -> None:
    """A password ticket is for its own page."""
    blocked(world)
    form = {"email": ALICE, "connection": world.database.name}
    world.browser.post("/dbconnections/change_password", json=form)
    ticket = world.query(world.mails[-1].url.removesuffix("#"))["ticket"]
    assert unblock(world, ticket).status_code == 400
    assert world.page(log_in(world, GOOD)).error == BLOCKED


def test_an_account_that_is_gone(world: World) -> None:
    """There is nothing left to unblock, and nothing breaks."""
    ticket = blocked(world)
    delete_user(world.tenant, world.alice.user_id)
    assert unblock(world, ticket).status_code == 200


def test_one_of_many_uses_wins(world: World) -> None:
    """Under a race one is told that it is done."""
    ticket = blocked(world)
    application = world.browser.application
    with ThreadPoolExecutor(8) as pool:
        posts = pool.map(
            lambda _: Browser(application).post(PATH, data={"ticket": ticket}).status_code, range(12)
        )
        statuses = sorted(posts)
    assert statuses == [200, *[400] * 11]


def test_a_reset_password_unblocks(world: World) -> None:
    """The documented other way out for the user."""
    blocked(world)
    form = {"email": ALICE, "connection": world.database.name}
    world.browser.post("/dbconnections/change_password", json=form)
    ticket = world.query(world.mails[-1].url.removesuffix("#"))["ticket"]
    passwords = {"password-reset": "Battery-Staple-7", "re-enter-password": "Battery-Staple-7"}
    assert world.browser.post("/u/reset-password", data={"ticket": ticket, **passwords}).status_code == 200
    assert log_in(world, "Battery-Staple-7").status_code == 302
