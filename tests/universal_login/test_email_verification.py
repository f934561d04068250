"""/u/email-verification: the mailed link, good once, for the address that it was mailed to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import Client as Browser

from mockidp.model.linking import link
from mockidp.model.messages import send_verification_email
from mockidp.model.tickets import Destination
from mockidp.model.user import delete_user, get_user
from mockidp.model.user_update import update_user

if TYPE_CHECKING:
    from conftest import World

ISSUER = "http://localhost/"
NEVER_WAS = "User account does not exist or the verification code is invalid."


def mailed(world: World, result_url: str | None = None, **destination: str) -> str:
    """Mail a link to alice and return it as path and query."""
    user = get_user(world.tenant, world.alice.user_id)
    where = Destination(result_url=result_url, **destination)
    message = send_verification_email(world.tenant, ISSUER, user, user.main, where)
    return message.url.removeprefix("http://localhost").removesuffix("#")


def test_the_link_verifies_the_address(world: World) -> None:
    """The flag is set, in the account and its identity's profile, and the welcome is out."""
    response = world.browser.get(mailed(world))
    page = world.page(response)
    assert response.status_code == 200
    assert page.text("h1") == "Email Verified"
    assert "Your email address was successfully verified." in page.text()
    user = get_user(world.tenant, world.alice.user_id)
    assert (user.email_verified, user.profile["email_verified"]) == (True, True)
    assert [(mail.kind, mail.to) for mail in world.mails] == [
        ("verify_email", "alice@example.com"),
        ("welcome_email", "alice@example.com"),
    ]


@pytest.mark.parametrize("by", ["page", "api"])
def test_the_way_back_is_the_clients(world: World, by: str) -> None:
    """Who signed up at a client is led back to that client's login route."""
    world.client("web", name="Web", callbacks=[], initiate_login_uri="https://app.example.com/in")
    form = {"email": "new@example.com", "password": "Correct-Horse-9"}
    if by == "page":
        world.post("/u/signup", world.begin(), **form)
    else:
        body = {**form, "client_id": "web", "connection": world.database.name}
        world.browser.post("/dbconnections/signup", json=body)
    page = world.page(world.browser.get(world.mails[-1].url.removeprefix("http://localhost")))
    assert page.text("a") == "Back to Web"
    assert page.all("a")[0]["href"] == "https://app.example.com/in?iss=http%3A%2F%2Flocalhost%2F"


def test_a_used_link_says_so(world: World) -> None:
    """The second use is an error, and there is no second welcome."""
    path = mailed(world)
    world.browser.get(path)
    response = world.browser.get(path)
    assert response.status_code == 400
    assert "This ticket was already used." in world.page(response).text()
    assert [mail.kind for mail in world.mails].count("welcome_email") == 1


def test_an_old_link_says_so(world: World) -> None:
    """Five days."""
    path = mailed(world)
    world.tenant.clock.advance(days=5)
    response = world.browser.get(path)
    assert response.status_code == 400
    assert "This ticket was expired." in world.page(response).text()
    assert not get_user(world.tenant, world.alice.user_id).email_verified


@pytest.mark.parametrize("query", ["", "?ticket=", "?ticket=unknown"])
def test_a_link_that_never_was(world: World, query: str) -> None:
    """No ticket, or one that nobody issued."""
    response = world.browser.get(f"/u/email-verification{query}")
    assert response.status_code == 400
    assert NEVER_WAS in world.page(response).text()


def test_a_ticket_of_another_kind_verifies_nothing(world: World) -> None:
    """A password ticket is not for this URL, and stays good for its own."""
    world.browser.post(
        "/dbconnections/change_password",
        json={"email": "alice@example.com", "connection": world.database.name},
    )
    ticket = world.query(world.mails[0].url.removesuffix("#"))["ticket"]
    assert world.browser.get(f"/u/email-verification?ticket={ticket}").status_code == 400
    assert world.browser.get(f"/u/reset-password?ticket={ticket}").status_code == 200


def test_looking_at_the_link_does_not_use_it_up(world: World) -> None:
    """HEAD is safe: link checkers of mail programs send it."""
    path = mailed(world)
    assert world.browser.head(path).status_code == 200
    assert not get_user(world.tenant, world.alice.user_id).email_verified
    assert world.browser.get(path).status_code == 200


def test_one_of_many_uses_wins(world: World) -> None:
    """Under a race one succeeds, the others are told that the ticket was used."""
    path = mailed(world)
    application = world.browser.application
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: Browser(application).get(path).status_code, range(16)))
    assert sorted(statuses) == [200, *[400] * 15]


def test_the_link_proves_the_address_it_was_sent_to(world: World) -> None:
    """When the account has another address by then, that one is not verified."""
    path = mailed(world)
    update_user(world.tenant, world.alice.user_id, {"email": "other@example.com"})
    response = world.browser.get(path)
    assert response.status_code == 400
    assert NEVER_WAS in world.page(response).text()
    assert not get_user(world.tenant, world.alice.user_id).email_verified


def test_an_account_that_is_gone(world: World) -> None:
    """The same words as for a ticket that never was, also when the address has a new account."""
    path = mailed(world)
    delete_user(world.tenant, world.alice.user_id)
    again = world.user(world.database.name, email="alice@example.com")
    assert NEVER_WAS in world.page(world.browser.get(path)).text()
    assert not get_user(world.tenant, again.user_id).email_verified


def test_a_second_link_finds_the_address_verified(world: World) -> None:
    """Both links were good; only the first one changes anything."""
    first, second = mailed(world), mailed(world)
    world.browser.get(first)
    assert "This account is already verified." in world.page(world.browser.get(second)).text()


def test_an_identity_that_was_linked_meanwhile_is_verified(world: World) -> None:
    """The address belongs to the linked identity: its profile says so, the primary's is untouched."""
    path = mailed(world)
    link(world.tenant, world.gina.user_id, world.alice.user_id)
    assert world.browser.get(path).status_code == 200
    user = get_user(world.tenant, world.gina.user_id)
    assert user.email_verified is False
    assert user.identities[1].profileData["email_verified"] is True


def test_the_result_url_is_told(world: World) -> None:
    """Parameters in the order observed; a fragment stays at the end."""
    path = mailed(world, "http://localhost:3000/done?x=1#/welcome")
    response = world.browser.get(path)
    assert response.status_code == 302
    assert response.headers["Location"] == (
        "http://localhost:3000/done?x=1&supportSignUp=true&supportForgotPassword=true"
        "&email=alice%40example.com"
        "&message=Your%20email%20was%20verified.%20You%20can%20continue%20using%20the%20application."
        "&success=true&code=success#/welcome"
    )
    again = world.browser.get(path).headers["Location"]
    assert again == (
        "http://localhost:3000/done?x=1&message=This%20URL%20can%20be%20used%20only%20once&success=false#/welcome"
    )


def test_the_result_url_is_told_what_failed(world: World) -> None:
    """Expired, and verified already."""
    first, second = mailed(world), mailed(world, "http://localhost:3000/done")
    world.browser.get(first)
    third = mailed(world, "http://localhost:3000/done")
    location = world.browser.get(second).headers["Location"]
    assert world.query(location) == {"message": "This account is already verified.", "success": "false"}
    world.tenant.clock.advance(days=5)
    location = world.browser.get(third).headers["Location"]
    assert world.query(location) == {"message": "Access expired.", "success": "false"}
