"""/u/signup: the page, its refusals in words, and the account that comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mockidp.model.user import find_by_login, get_user

if TYPE_CHECKING:
    from conftest import World

DB = "Username-Password-Authentication"
GOOD = "Correct-Horse-9"
NEW = {"email": "New@Example.com", "password": GOOD, "action": "default"}


def test_the_page_has_the_form_and_the_policy(world: World) -> None:
    """Fields, the rules for a password, the way back to the login page, and the other connections."""
    transaction = world.begin()
    page = world.page(world.get("/u/signup", transaction))
    assert page.all("input", id="email")
    assert page.all("input", id="password")
    assert page.all("input", id="username") == []
    assert page.text("ul", id="password-policy") == (
        "At least 8 characters in length Contain at least 3 of the following 4 types of characters: "
        "lower case letters (a-z) upper case letters (A-Z) numbers (i.e. 0-9) "
        "special characters (e.g. !@#$%^&*)"
    )
    assert page.all("a", href=f"/u/login?state={transaction.id}")
    assert page.values("connection") == ["google-oauth2"]
    assert {form["action"] for form in page.all("form")} == {f"/u/signup?state={transaction.id}"}


def test_signing_up_logs_in_and_verifies(world: World) -> None:
    """The account exists, its owner is logged in, and the mail with the link is out."""
    transaction = world.begin()
    response = world.post("/u/signup", transaction, **NEW)
    assert world.resumes(response, transaction)
    user, identity = find_by_login(world.tenant, DB, "new@example.com")
    assert (user.email, user.email_verified, user.document["logins_count"]) == ("new@example.com", False, 1)
    now = world.now(transaction)
    assert (now.user_id, now.identity, now.connection) == (user.user_id, identity.key, DB)
    (mail,) = world.mails
    assert (mail.kind, mail.to, mail.user_id) == ("verify_email", "new@example.com", user.user_id)
    assert mail.url.startswith("http://localhost/u/email-verification?ticket=")
    assert mail.url in mail.body


def test_the_client_gets_a_code_after_signing_up(world: World) -> None:
    """`screen_hint=signup` opens the page, and the way ends at the callback."""
    callback = "http://localhost:3000/callback"
    query = {"client_id": "web", "redirect_uri": callback, "response_type": "code", "screen_hint": "signup"}
    location = world.browser.get("/authorize", query_string=query).headers["Location"]
    assert location.startswith("/u/signup?state=")
    assert "code" in world.finish(world.browser.post(location, data=NEW))


def test_the_new_password_logs_in(world: World) -> None:
    """What was signed up with works on the login page."""
    world.post("/u/signup", world.begin(), **NEW)
    transaction = world.begin()
    response = world.post("/u/login", transaction, username="new@example.com", password=GOOD)
    assert world.resumes(response, transaction)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"email": ""}, "Please enter an email address"),
        ({"email": "not an address"}, "Email is not valid."),
        ({"password": ""}, "Password is required"),
        ({"password": "weak"}, "The password is too weak"),
        ({"email": "alice@example.com"}, "Something went wrong, please try again later"),
    ],
)
def test_a_refusal_is_said_in_words(world: World, form: dict[str, str], words: str) -> None:
    """Status 400, the page's own wording, the address kept, and nothing created or sent."""
    transaction = world.begin()
    response = world.post("/u/signup", transaction, **{**NEW, **form})
    page = world.page(response)
    assert response.status_code == 400
    assert page.text("span", id="error-element-password") == words
    assert page.values("email") == [{**NEW, **form}["email"]]
    assert world.now(transaction).user_id is None
    assert world.mails == []


def test_a_tenant_may_tell_that_the_user_exists(world: World) -> None:
    """The tenant's flag `enable_public_signup_user_exists_error`."""
    world.settings(flags={"enable_public_signup_user_exists_error": True})
    page = world.page(world.post("/u/signup", world.begin(), **{**NEW, "email": "alice@example.com"}))
    assert page.error == "The user already exists."


def test_usernames_where_the_connection_has_them(world: World) -> None:
    """The field is there, needed, checked and kept."""
    world.connection(DB, "auth0", options={"requires_username": True})
    transaction = world.begin()
    assert world.page(world.get("/u/signup", transaction)).all("input", id="username")
    assert world.page(world.post("/u/signup", transaction, **NEW)).error == "Username is required"
    bad = world.page(world.post("/u/signup", transaction, **NEW, username="no spaces"))
    assert bad.error.startswith("Username can only contain alphanumeric characters or: ")
    assert bad.values("username") == ["no spaces"]
    assert world.resumes(world.post("/u/signup", transaction, **NEW, username="Newbie"), transaction)
    assert get_user(world.tenant, world.now(transaction).user_id).username == "newbie"


def test_without_public_signup_there_is_the_login_page(world: World) -> None:
    """Neither the link nor the page; a form that is posted anyway creates nothing."""
    world.connection(DB, "auth0", options={"disable_signup": True})
    transaction = world.begin(screen_hint="signup")
    page = world.page(world.get("/u/signup", transaction))
    assert page.all("form", action=f"/u/login?state={transaction.id}")
    assert page.all("input", id="email") == []
    response = world.post("/u/signup", transaction, **NEW)
    assert response.status_code == 400
    assert find_by_login(world.tenant, DB, "new@example.com") is None


def test_the_other_connections_work_from_here(world: World) -> None:
    """A social button on the sign-up page."""
    transaction = world.begin()
    response = world.post("/u/signup", transaction, connection="google-oauth2")
    assert response.headers["Location"] == f"/u/upstream?connection=google-oauth2&state={transaction.id}"
