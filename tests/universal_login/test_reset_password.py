"""/u/reset-password: asking for the mail, the form behind its link, and what a new password does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import Client as Browser

from mockidp.model.linking import link
from mockidp.model.session import SESSIONS, open_session
from mockidp.model.tickets import CHANGE_PASSWORD, Destination, issue_ticket
from mockidp.model.user import delete_user, get_user

if TYPE_CHECKING:
    from conftest import World
    from werkzeug.test import TestResponse

DB = "Username-Password-Authentication"
GOOD = "Correct-Horse-9"
NEW = "Battery-Staple-7"
REQUEST = f"/u/reset-password/request/{DB}"
PATH = "/u/reset-password"


def ticket(world: World) -> str:
    """Have the link mailed to alice and return its ticket."""
    world.post(REQUEST, world.begin(), email="alice@example.com")
    return world.query(world.mails[-1].url.removesuffix("#"))["ticket"]


def change(world: World, id: str, password: str = NEW, again: str | None = None) -> TestResponse:
    form = {
        "ticket": id,
        "password-reset": password,
        "re-enter-password": password if again is None else again,
    }
    return world.browser.post(PATH, data=form)


def logs_in(world: World, password: str) -> bool:
    transaction = world.begin()
    form = {"username": "alice@example.com", "password": password}
    return world.resumes(world.post("/u/login", transaction, **form), transaction)


# -- asking for the mail -------------------------------------------------------------------------------


def test_the_login_page_leads_to_the_request(world: World) -> None:
    """The link on the login page, and the form behind it with the hint filled in."""
    transaction = world.begin(login_hint="alice@example.com")
    href = f"{REQUEST}?state={transaction.id}"
    assert world.page(world.get("/u/login", transaction)).all("a", href=href)
    page = world.page(world.browser.get(href))
    assert page.values("email") == ["alice@example.com"]
    assert page.all("form", action=href)


def test_a_connection_with_a_strange_name_can_be_asked_for(world: World) -> None:
    """Its name is encoded in the path, and the page's form leads back to the same."""
    world.connection("a/b ü", "auth0")
    world.settings(default_directory="a/b ü")
    transaction = world.begin()
    (href,) = (
        a["href"] for a in world.page(world.get("/u/login", transaction)).all("a") if "request" in a["href"]
    )
    (form,) = world.page(world.browser.get(href)).all("form")
    assert form["action"] == href


def test_the_link_is_mailed(world: World) -> None:
    """To the address of the account, with a URL that works."""
    response = world.post(REQUEST, world.begin(), email=" Alice@example.com ")
    page = world.page(response)
    assert response.status_code == 200
    assert page.text("h1") == "Check Your Email"
    assert "check the email address Alice@example.com for instructions" in page.text()
    (mail,) = world.mails
    assert (mail.kind, mail.to, mail.user_id) == ("reset_email", "alice@example.com", world.alice.user_id)
    assert mail.url.startswith("http://localhost/u/reset-password?ticket=")
    assert mail.url in mail.body
    assert world.browser.get(mail.url.removeprefix("http://localhost").removesuffix("#")).status_code == 200


def test_the_answer_does_not_tell_who_exists(world: World) -> None:
    """An unknown address gets the same page and no mail."""
    transaction = world.begin()
    known = world.post(REQUEST, transaction, email="alice@example.com").get_data(as_text=True)
    unknown = world.post(REQUEST, transaction, email="nobody@example.com").get_data(as_text=True)
    assert unknown.replace("nobody@", "alice@") == known
    assert len(world.mails) == 1


@pytest.mark.parametrize(
    ("email", "words"), [("", "Please enter an email address"), ("nonsense", "Email is not valid.")]
)
def test_a_malformed_address_is_refused(world: World, email: str, words: str) -> None:
    """Status 400 and the page's words."""
    response = world.post(REQUEST, world.begin(), email=email)
    assert response.status_code == 400
    assert world.page(response).text("span", id="error-element-email") == words


@pytest.mark.parametrize("name", ["nowhere", "google-oauth2"])
def test_only_a_database_of_this_login_has_passwords(world: World, name: str) -> None:
    """Unknown or upstream: the error page."""
    assert world.get(f"{PATH}/request/{name}", world.begin()).status_code == 400


# -- the form behind the link --------------------------------------------------------------------------


def test_the_form_names_account_and_policy(world: World) -> None:
    """Two fields, the rules, and the ticket in the form."""
    id = ticket(world)
    page = world.page(world.browser.get(f"{PATH}?ticket={id}"))
    assert page.all("input", id="password-reset", type="password")
    assert page.all("input", id="re-enter-password", type="password")
    assert page.values("ticket") == [id]
    assert "alice@example.com" in page.text()
    assert "At least 8 characters in length" in page.text("ul", id="password-policy")


def test_the_new_password_replaces_the_old(world: World) -> None:
    """It logs in, the old one does not; the address is proven, the date kept, every session over."""
    session = open_session(world.tenant, world.alice.user_id, DB)
    response = change(world, ticket(world))
    page = world.page(response)
    assert (response.status_code, page.text("h1")) == (200, "Password Changed!")
    assert "Your password has been changed successfully." in page.text()
    assert logs_in(world, NEW)
    assert not logs_in(world, GOOD)
    document = get_user(world.tenant, world.alice.user_id).document
    assert document["last_password_reset"] == "2030-01-01T00:00:00.000Z"
    assert document["email_verified"] is True
    assert world.tenant.store.find(SESSIONS, session.id) is None


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [
        ("", "", "Password is required"),
        (NEW, "", "New password confirmation is missing"),
        (NEW, "other", "Passwords don't match"),
        ("weak", "weak", "The password is too weak"),
    ],
)
def test_a_refused_password_keeps_the_link_good(world: World, password: str, again: str, words: str) -> None:
    """Status 400, the words, and the next try with the same ticket works."""
    id = ticket(world)
    response = change(world, id, password, again)
    assert response.status_code == 400
    assert world.page(response).text("span", id="error-element-password") == words
    assert logs_in(world, GOOD)
    assert change(world, id).status_code == 200


def test_a_used_link_says_so(world: World) -> None:
    """Neither the form nor another change."""
    id = ticket(world)
    change(world, id)
    for response in (world.browser.get(f"{PATH}?ticket={id}"), change(world, id, GOOD)):
        assert response.status_code == 400
        assert world.page(response).text("h1") == "Invalid Link"
        assert "This link has already been used." in world.page(response).text()
    assert logs_in(world, NEW)


def test_an_old_link_says_so(world: World) -> None:
    """Five days."""
    id = ticket(world)
    world.tenant.clock.advance(days=5)
    for response in (world.browser.get(f"{PATH}?ticket={id}"), change(world, id)):
        assert response.status_code == 400
        assert world.page(response).text("h1") == "Link Expired"
    assert logs_in(world, GOOD)


@pytest.mark.parametrize("query", ["", "?ticket=", "?ticket=unknown"])
def test_a_link_that_never_was(world: World, query: str) -> None:
    """No ticket, or one that nobody issued."""
    for method in ("GET", "POST"):
        response = world.browser.open(PATH + query, method=method)
        assert response.status_code == 400
        assert world.page(response).text("h1") == "Invalid Link"


def test_only_the_newest_link_is_good(world: World) -> None:
    """Asking again makes the first mail worthless (documented)."""
    first, second = ticket(world), ticket(world)
    assert change(world, first).status_code == 400
    assert change(world, second).status_code == 200


def test_one_of_many_changes_wins(world: World) -> None:
    """Under a race one password is set, and it is the one that was answered with 200."""
    id = ticket(world)
    application = world.browser.application

    def attempt(number: int) -> tuple[int, str]:
        password = f"{NEW}{number}"
        form = {"ticket": id, "password-reset": password, "re-enter-password": password}
        return Browser(application).post(PATH, data=form).status_code, password

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(attempt, range(12)))
    assert [status for status, _ in answers] == [200, *[400] * 11]
    assert logs_in(world, answers[0][1])


def test_an_account_that_is_gone_has_no_link(world: World) -> None:
    """As if the ticket never was."""
    id = ticket(world)
    delete_user(world.tenant, world.alice.user_id)
    assert world.page(world.browser.get(f"{PATH}?ticket={id}")).text("h1") == "Invalid Link"
    assert world.page(change(world, id)).text("h1") == "Invalid Link"


def test_a_linked_identity_gets_the_new_password(world: World) -> None:
    """The account was linked after the mail: the password is the secondary identity's."""
    id = ticket(world)
    link(world.tenant, world.gina.user_id, world.alice.user_id)
    assert change(world, id).status_code == 200
    assert logs_in(world, NEW)


def test_the_way_back_is_the_clients(world: World) -> None:
    """Who forgot the password at a client's login page is led back to that client's login route."""
    world.client("web", name="Web", callbacks=[], initiate_login_uri="https://app.example.com/in")
    back = world.page(change(world, ticket(world))).all("a", **{"class": "button"})
    assert back == [{"class": "button", "href": "https://app.example.com/in?iss=http%3A%2F%2Flocalhost%2F"}]


def test_a_tickets_result_url_is_told(world: World) -> None:
    """As the Management API makes tickets: success, and the second use."""
    url = "http://localhost:3000/done"
    there = Destination(result_url=url, include_email=False)
    identity = world.alice.main
    made = issue_ticket(world.tenant, CHANGE_PASSWORD, identity, "alice@example.com", destination=there)
    form = world.browser.get(f"{PATH}?ticket={made.id}")
    assert "form-action 'self' http: https:;" in form.headers["Content-Security-Policy"]
    location = change(world, made.id).headers["Location"]
    assert location.startswith(url)
    message = "You can now login to the application with the new password."
    assert world.query(location) == {"success": "true", "message": message}
    assert get_user(world.tenant, world.alice.user_id).email_verified is False
    again = change(world, made.id).headers["Location"]
    assert world.query(again) == {"success": "false", "message": "This URL can be used only once"}
