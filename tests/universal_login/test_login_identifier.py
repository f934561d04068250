"""/u/login/identifier: an address to which a code is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mockidp.model.connection import CONNECTIONS

if TYPE_CHECKING:
    from conftest import World

PATH = "/u/login/identifier"
ANN, PHONE = "ann@example.com", "+15550100"


def first_page(world: World, **request: object) -> str:
    """Return where the dispatcher sends a new login, without its state."""
    transaction = world.begin(**request)
    location = world.browser.get(f"/authorize/resume?state={transaction.id}").headers["Location"]
    return str(location).partition("?")[0]


def without_database(world: World) -> None:
    world.tenant.store.take(CONNECTIONS, world.database.name)


# -- which page a login begins with --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["email", "sms"])
def test_a_passwordless_connection_is_asked_for(world: World, name: str) -> None:
    """Beside a database, by `connection` (documentation, "Passwordless with Universal Login")."""
    world.connection("email", "email")
    world.connection("sms", "sms")
    assert first_page(world) == "/u/login"
    assert first_page(world, screen_hint="signup") == "/u/signup"
    assert first_page(world, connection=name) == PATH
    assert first_page(world, connection=name, screen_hint="signup") == PATH


def test_without_a_database_the_first_one_is_offered(world: World) -> None:
    """The one that was created first, with the social connections' buttons below."""
    world.connection("sms", "sms")
    world.connection("email", "email")
    without_database(world)
    assert first_page(world) == PATH
    page = world.page(world.get(PATH, world.begin()))
    assert page.text("label", **{"for": "username"}) == "Phone number"
    assert page.values("connection") == ["google-oauth2"]
    assert page.all("input", id="password") == []


def test_a_social_connection_is_asked_for_as_ever(world: World) -> None:
    """`connection=google-oauth2` leads to the upstream, whatever else there is."""
    world.connection("email", "email")
    without_database(world)
    assert first_page(world, connection="google-oauth2") == "/u/upstream"


def test_a_request_to_unlink_does_not_ask_for_a_code(world: World) -> None:
    """There `connection` is the one to unlink."""
    world.connection("email", "email")
    request = {"connection": "email", "link": "unlink", "link_to": world.alice.user_id}
    assert first_page(world, **request) == "/u/login"


def test_the_page_offers_the_connections_users(world: World) -> None:
    """Those who log in by it, and a hint fills the field."""
    world.connection("email", "email")
    ann = world.user("email", email=ANN)
    page = world.page(world.get(PATH, world.begin(connection="email", login_hint=ANN)))
    assert page.values("seeded_user") == [ann.user_id]
    assert page.values("username") == [ANN]
    assert page.all("input", id="username", autocomplete="email")


def test_where_no_address_is_wanted_it_is_the_login_page(world: World) -> None:
    """And its form goes there."""
    transaction = world.begin()
    page = world.page(world.get(PATH, transaction))
    assert page.all("input", id="password")
    assert {form["action"] for form in page.all("form")} == {f"/u/login?state={transaction.id}"}


# -- what it does --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("strategy", "address"), [("email", ANN), ("sms", PHONE)])
def test_a_code_is_sent(world: World, strategy: str, address: str) -> None:
    """Then the dispatcher goes on to the page for the code."""
    world.connection(strategy, strategy)
    transaction = world.begin(connection=strategy)
    response = world.post(PATH, transaction, username=f" {address} ", action="default")
    assert world.resumes(response, transaction)
    (message,) = world.mails
    assert (message.kind, message.to, message.url) == (f"passwordless_{strategy}", address, None)
    location = world.browser.get(response.headers["Location"]).headers["Location"]
    assert location == f"/u/login/passwordless-{strategy}-challenge?state={transaction.id}"


@pytest.mark.parametrize(
    ("strategy", "given", "words"),
    [
        ("email", "", "Please enter an email address"),
        ("email", " ", "Please enter an email address"),
        ("email", "ann", "Email is not valid."),
        ("sms", "", "Please enter a phone number"),
        ("sms", "555 0100", "Enter a valid phone number"),
        ("sms", ANN, "Enter a valid phone number"),
    ],
)
def test_what_is_no_address_comes_back(world: World, strategy: str, given: str, words: str) -> None:
    """Status 400, the words at the field, what was typed still in it; nothing is sent."""
    world.connection(strategy, strategy)
    response = world.post(PATH, world.begin(connection=strategy), username=given)
    assert response.status_code == 400
    page = world.page(response)
    assert page.text("span", id="error-element-username") == words
    assert page.values("username") == [given]
    assert world.mails == []


def test_where_sign_up_is_disabled_only_known_addresses_get_a_code(world: World) -> None:
    """`disable_signup` of the connection."""
    world.connection("email", "email", options={"disable_signup": True})
    world.user("email", email=ANN)
    transaction = world.begin(connection="email")
    response = world.post(PATH, transaction, username="new@example.com")
    assert response.status_code == 400
    assert world.page(response).error == "Sign up is disabled"
    assert world.mails == []
    assert world.resumes(world.post(PATH, transaction, username=ANN), transaction)


def test_a_blocked_user_is_sent_nothing(world: World) -> None:
    """The page does not tell (documentation, "Passwordless Connections Best Practices")."""
    world.connection("email", "email")
    world.user("email", email=ANN, blocked=True)
    transaction = world.begin(connection="email")
    assert world.resumes(world.post(PATH, transaction, username=ANN), transaction)
    assert world.mails == []


def test_a_seeded_user_needs_no_code(world: World) -> None:
    """The list below the form, as on the login page."""
    world.connection("email", "email")
    ann = world.user("email", email=ANN)
    transaction = world.begin(connection="email")
    assert world.resumes(world.post(PATH, transaction, seeded_user=ann.user_id), transaction)
    assert world.now(transaction).user_id == ann.user_id


def test_a_social_button_leads_to_its_upstream(world: World) -> None:
    """From here, too."""
    world.connection("email", "email")
    without_database(world)
    transaction = world.begin()
    response = world.post(PATH, transaction, connection="google-oauth2")
    assert response.headers["Location"] == f"/u/upstream?connection=google-oauth2&state={transaction.id}"


def test_a_passwordless_connection_takes_no_password(world: World) -> None:
    """Not by its name at the login page either."""
    world.connection("email", "email")
    world.user("email", email=ANN)
    transaction = world.begin(connection="email")
    response = world.post("/u/login", transaction, connection="email", username=ANN, password="x")
    assert (response.status_code, world.page(response).error) == (400, "Invalid connection")


def test_whoever_goes_back_becomes_somebody_else(world: World) -> None:
    """Another address in the same login replaces who was logged in."""
    world.connection("email", "email")
    transaction = world.begin_as(world.alice, connection="email")
    response = world.post(PATH, transaction, username=ANN)
    location = world.browser.get(response.headers["Location"]).headers["Location"]
    assert location.startswith("/u/login/passwordless-email-challenge")


def test_a_session_does_not_do(world: World) -> None:
    """`connection=email` asks for a code in any case, but not silently (documentation, as above)."""
    world.connection("email", "email")
    ann = world.user("email", email=ANN)
    transaction = world.begin(connection="email")
    world.finish(world.post(PATH, transaction, seeded_user=ann.user_id))
    asked = "/authorize?client_id=web&response_type=code&redirect_uri=http://localhost:3000/callback"
    assert "code=" in world.browser.get(asked).headers["Location"]
    assert world.browser.get(f"{asked}&connection=email").headers["Location"].startswith(PATH)
    silent = world.browser.get(f"{asked}&connection=email&prompt=none").headers["Location"]
    assert "code=" in silent
