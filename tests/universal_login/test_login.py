"""/u/login: what it offers, whom it lets in, and that it always goes back to the dispatcher."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mockidp.errors import LOST_TRANSACTION, PageError
from mockidp.model.linking import link
from mockidp.model.organization import ORGANIZATIONS, EnabledConnection, Organization, enable_connection
from mockidp.model.session import TRANSACTIONS, authenticate, change_transaction
from mockidp.model.user import get_user, put_user, rewrite

if TYPE_CHECKING:
    from conftest import World

CALLBACK = "http://localhost:3000/callback"
DB = "Username-Password-Authentication"
GOOD = "Correct-Horse-9"


def login(world: World, path: str = "/u/login", **request: object) -> object:
    return world.page(world.get(path, world.begin(**request)))


# -- the page ------------------------------------------------------------------------------------------


def test_the_page_has_the_form_that_testers_know(world: World) -> None:
    """Field names, the handle and the button's value are those of the real page."""
    transaction = world.begin()
    response = world.get("/u/login", transaction)
    page = world.page(response)
    assert (response.status_code, response.mimetype) == (200, "text/html")
    assert page.all("html", lang="en")
    assert page.all("input", id="username", name="username")
    assert page.all("input", id="password", name="password", type="password")
    assert page.all("button", name="action", value="default")
    assert set(page.values("state")) == {transaction.id}
    assert {form["action"] for form in page.all("form")} == {f"/u/login?state={transaction.id}"}
    assert page.error is None


def test_other_locales_get_the_english_page(world: World) -> None:
    """`ui_locales` is accepted; pages are in English only."""
    page = login(world, ui_locales="sv de")
    assert page.all("html", lang="en")
    assert "Log in to mockidp to continue to Web" in page.text()


def test_the_page_calls_the_tenant_by_its_friendly_name(world: World) -> None:
    """Settings → friendly name."""
    world.settings(friendly_name="Acme & Söhne")
    assert "Log in to Acme & Söhne to continue to Web" in login(world).text()


def test_the_login_hint_is_filled_in(world: World) -> None:
    """`login_hint` is what the username field begins with."""
    assert login(world, login_hint="alice@example.com").values("username") == ["alice@example.com"]


def test_the_policy_lets_the_form_lead_to_the_client(world: World) -> None:
    """Chromium checks redirects after a form: the way may go on through the application's own."""
    policy = world.get("/u/login", world.begin()).headers["Content-Security-Policy"]
    assert "form-action 'self' http: https:;" in policy


def test_a_hostile_name_stays_text(world: World) -> None:
    """Nothing that the request or the tenant says becomes markup."""
    hostile = '"><script>alert(1)</script>'
    world.client("web", name=hostile, callbacks=[CALLBACK])
    transaction = world.begin(login_hint=hostile)
    for response in (
        world.get("/u/login", transaction),
        world.post("/u/login", transaction, username=hostile, password=hostile),
        world.post("/u/login", transaction, seeded_user=hostile),
    ):
        page = world.page(response)
        assert page.all("script") == []
        assert hostile in page.text()


# -- what is offered -----------------------------------------------------------------------------------


def test_every_connection_of_the_client_is_offered(world: World) -> None:
    """The database's form, a button per upstream, and nothing of passwordless or foreign connections."""
    world.connection("acme", "samlp", display_name="Acme Corp")
    world.connection("sms", "sms")
    world.connection("github", "github", enabled_clients=["other"])
    world.connection("quiet", "oidc", show_as_button=False)
    page = login(world)
    assert page.values("connection") == ["google-oauth2", "acme"]
    assert "Continue with Google" in page.text()
    assert "Continue with Acme Corp" in page.text()
    assert page.all("input", id="username")


def test_a_requested_connection_is_the_only_one(world: World) -> None:
    """`connection=` restricts the page: to a database's form or to one button."""
    database = login(world, connection=DB)
    assert (database.values("connection"), len(database.all("input", id="password"))) == ([], 1)
    social = login(world, connection="google-oauth2")
    assert (social.values("connection"), social.all("input", id="password")) == (["google-oauth2"], [])


def test_a_request_to_unlink_offers_all_connections(world: World) -> None:
    """There `connection` is the one to unlink, and the primary account may be of another."""
    page = login(world, connection="google-oauth2", link="unlink", link_to=world.alice.user_id)
    assert page.all("input", id="password")


def test_the_default_directory_has_the_form(world: World) -> None:
    """Of several databases, the tenant's default directory wins, else the first."""
    world.connection("staff", "auth0", options={"requires_username": True})
    assert "Email address" in login(world).text("label", **{"for": "username"})
    world.settings(default_directory="staff")
    assert login(world).text("label", **{"for": "username"}) == "Username or email address"
    world.settings(default_directory="gone")
    assert login(world).text("label", **{"for": "username"}) == "Email address"


def test_an_organization_offers_its_own_connections(world: World) -> None:
    """Only enabled connections; those without a button only when asked for."""
    world.connection("github", "github")
    document = {"id": "org_1", "name": "acme", "display_name": "Acme Corp"}
    world.tenant.store.put(ORGANIZATIONS, "org_1", Organization.of(document))
    enable_connection(world.tenant, EnabledConnection("org_1", "google-oauth2"))
    enable_connection(world.tenant, EnabledConnection("org_1", "github", show_as_button=False))
    page = login(world, org_id="org_1")
    assert page.values("connection") == ["google-oauth2"]
    assert page.all("input", id="password") == []
    assert "Organization: Acme Corp" in page.text()
    assert login(world, org_id="org_1", connection="github").values("connection") == ["github"]


@pytest.mark.parametrize(
    ("option", "link"), [("disable_signup", "Sign up"), ("disable_self_service_change_password", "Forgot")]
)
def test_a_connection_can_hide_links(world: World, option: str, link: str) -> None:
    """No sign-up, or no forgotten password, where the connection says so."""
    assert link in login(world).text()
    world.connection(DB, "auth0", options={option: True})
    assert link not in login(world).text()


def test_a_login_for_linking_says_to_what(world: World) -> None:
    """The account's e-mail address, or its id when it is gone."""
    page = login(world, link="link", link_to=world.alice.user_id)
    assert "link to alice@example.com" in page.text()
    assert "link to auth0|gone" in login(world, link="link", link_to="auth0|gone").text()


def test_seeded_users_of_the_offered_connections_have_buttons(world: World) -> None:
    """Users of other connections are not among them."""
    assert login(world).values("seeded_user") == [world.alice.user_id, world.gina.user_id]
    assert login(world, connection=DB).values("seeded_user") == [world.alice.user_id]


def test_the_list_of_seeded_users_is_bounded(world: World) -> None:
    """A tenant with many users has a page that still loads."""
    for number in range(60):
        world.user(DB, email=f"user{number}@example.com")
    assert len(login(world).values("seeded_user")) == 50


# -- logging in ----------------------------------------------------------------------------------------


def test_the_right_password_logs_in(world: World) -> None:
    """Back to the dispatcher, with user, identity and connection noted, and the login counted."""
    transaction = world.begin()
    form = {"state": transaction.id, "username": " Alice@Example.com ", "password": GOOD, "action": "default"}
    response = world.browser.post("/u/login", data=form, environ_base={"REMOTE_ADDR": "127.0.0.9"})
    assert world.resumes(response, transaction)
    now = world.now(transaction)
    assert (now.user_id, now.identity, now.connection) == (world.alice.user_id, world.alice.user_id, DB)
    assert (now.fresh, now.authenticated_at) == (True, world.tenant.now())
    document = get_user(world.tenant, world.alice.user_id).document
    assert (document["logins_count"], document["last_ip"]) == (1, "127.0.0.9")
    assert document["last_login"] == "2030-01-01T00:00:00.000Z"


def test_the_client_gets_a_code(world: World) -> None:
    """The whole way: /authorize, page, password, callback."""
    query = {"client_id": "web", "redirect_uri": CALLBACK, "response_type": "code", "state": "xyz"}
    location = world.browser.get("/authorize", query_string=query).headers["Location"]
    assert location.startswith("/u/login?state=")
    response = world.browser.post(location, data={"username": "alice@example.com", "password": GOOD})
    answer = world.finish(response)
    assert answer["state"] == "xyz"
    assert len(answer["code"]) == 43


@pytest.mark.parametrize(
    ("username", "password"),
    [("alice@example.com", "wrong"), ("nobody@example.com", GOOD), ("", ""), ("gina@gmail.com", "")],
)
def test_wrong_credentials_get_the_page_again(world: World, username: str, password: str) -> None:
    """Status 400, the same words whether the user exists or not, and the name is kept."""
    transaction = world.begin()
    response = world.post("/u/login", transaction, username=username, password=password)
    page = world.page(response)
    assert response.status_code == 400
    assert page.text("span", id="error-element-password") == "Wrong email or password"
    assert page.values("username") == [username]
    assert page.values("password") == []
    assert world.now(transaction).user_id is None


def test_a_connection_with_usernames_says_username(world: World) -> None:
    """Log in by username, and the words of a refusal follow the connection."""
    world.connection(DB, "auth0", options={"requires_username": True})
    bob = world.user(DB, username="bob", email="bob@example.com", password=GOOD)
    transaction = world.begin()
    wrong = world.page(world.post("/u/login", transaction, username="bob", password="wrong"))
    assert wrong.error == "Wrong username or password"
    assert world.resumes(world.post("/u/login", transaction, username="Bob", password=GOOD), transaction)
    assert world.now(transaction).user_id == bob.user_id


def test_a_blocked_user_is_refused_by_the_dispatcher(world: World) -> None:
    """The page does not tell; the client gets the error, and no login is counted."""
    put_user(world.tenant, rewrite(world.alice, {"blocked": True}))
    response = world.post("/u/login", world.begin(), username="alice@example.com", password=GOOD)
    answer = world.finish(response)
    assert (answer["error"], answer["error_description"]) == ("unauthorized", "user is blocked")
    assert "logins_count" not in get_user(world.tenant, world.alice.user_id).document


def test_a_linked_database_identity_logs_in_as_its_primary(world: World) -> None:
    """The password of a secondary identity opens the account that it is linked to."""
    link(world.tenant, world.gina.user_id, world.alice.user_id)
    transaction = world.begin()
    world.post("/u/login", transaction, username="alice@example.com", password=GOOD)
    now = world.now(transaction)
    assert (now.user_id, now.identity) == (world.gina.user_id, world.alice.user_id)


def test_a_chosen_connection_leads_to_its_upstream(world: World) -> None:
    """The social button's form."""
    transaction = world.begin()
    response = world.post("/u/login", transaction, connection="google-oauth2")
    assert response.status_code == 302
    assert response.headers["Location"] == f"/u/upstream?connection=google-oauth2&state={transaction.id}"


def test_a_named_database_takes_the_password(world: World) -> None:
    """A client without JavaScript or page can name the database in the form."""
    world.connection("staff", "auth0")
    sam = world.user("staff", email="sam@example.com", password=GOOD)
    transaction = world.begin()
    form = {"connection": "staff", "username": "sam@example.com", "password": GOOD}
    assert world.resumes(world.post("/u/login", transaction, **form), transaction)
    assert world.now(transaction).user_id == sam.user_id


@pytest.mark.parametrize("name", ["nowhere", "github", "sms"])
def test_a_connection_that_is_not_offered_is_refused(world: World, name: str) -> None:
    """Unknown, of other clients, or not emulated."""
    world.connection("github", "github", enabled_clients=["other"])
    world.connection("sms", "sms")
    response = world.post("/u/login", world.begin(), connection=name)
    assert response.status_code == 400
    assert world.page(response).text("span", id="error-element-password") == "Invalid connection"


def test_a_password_is_worth_nothing_where_only_a_social_login_was_asked_for(world: World) -> None:
    """`connection=google-oauth2` cannot be answered by the database."""
    transaction = world.begin(connection="google-oauth2")
    form = {"username": "alice@example.com", "password": GOOD}
    assert world.post("/u/login", transaction, **form).status_code == 400
    assert world.post("/u/login", transaction, connection=DB, **form).status_code == 400
    assert world.now(transaction).user_id is None


def test_a_seeded_user_logs_in_without_a_password(world: World) -> None:
    """By the identity of a connection that is offered."""
    transaction = world.begin()
    assert world.resumes(world.post("/u/login", transaction, seeded_user=world.gina.user_id), transaction)
    now = world.now(transaction)
    assert (now.user_id, now.connection) == (world.gina.user_id, "google-oauth2")


@pytest.mark.parametrize("who", ["gina", "nobody"])
def test_only_offered_users_log_in_without_a_password(world: World, who: str) -> None:
    """A user of another connection than the requested one, or none at all."""
    user_id = world.gina.user_id if who == "gina" else "auth0|nobody"
    transaction = world.begin(connection=DB)
    response = world.post("/u/login", transaction, seeded_user=user_id)
    assert response.status_code == 400
    assert user_id in world.page(response).error
    assert world.now(transaction).user_id is None


# -- the transaction -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("state", ["", "unknown"])
def test_a_lost_transaction_is_the_known_page(world: World, method: str, state: str) -> None:
    """No state, or one that never was."""
    response = world.browser.open("/u/login", method=method, query_string={"state": state})
    assert response.status_code == 400
    assert LOST_TRANSACTION in world.page(response).text()


def test_a_transaction_grows_old(world: World) -> None:
    """A page that was open for too long does not log in."""
    transaction = world.begin()
    world.tenant.clock.advance(hours=2)
    response = world.post("/u/login", transaction, username="alice@example.com", password=GOOD)
    assert response.status_code == 400
    assert LOST_TRANSACTION in world.page(response).text()


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://localhost"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "none"}]
)
def test_another_browser_cannot_answer(world: World, headers: dict[str, str]) -> None:
    """A browser without the transaction's device cookie is sent away."""
    transaction = world.begin()
    form = {"state": transaction.id, "username": "alice@example.com", "password": GOOD}
    assert world.browser.post("/u/login", data=form, headers=headers).status_code == 400
    assert world.now(transaction).user_id is None


def test_a_transaction_of_a_deleted_client_is_lost(world: World) -> None:
    """There is nobody left to log in for."""
    assert world.get("/u/login", world.begin(client_id="gone")).status_code == 400


def test_a_finished_transaction_is_not_brought_back(world: World) -> None:
    """A second click that was under way when the first one finished."""
    transaction = world.begin()
    world.tenant.store.take(TRANSACTIONS, transaction.id)
    with pytest.raises(PageError):
        authenticate(world.tenant, transaction, world.alice.user_id, world.alice.user_id, DB)
    assert world.tenant.store.find(TRANSACTIONS, transaction.id) is None


def test_another_login_in_the_same_transaction_begins_anew(world: World) -> None:
    """The second factor and the consent of one user are not those of the next."""
    transaction = world.begin_as(world.gina)
    before = {"mfa_passed": True, "mfa_code": "1", "consented": True, "linked": True, "error": "x"}
    change_transaction(world.tenant, transaction, **before)
    world.post("/u/login", transaction, username="alice@example.com", password=GOOD)
    now = world.now(transaction)
    assert (now.user_id, now.mfa_passed, now.mfa_code, now.consented) == (
        world.alice.user_id,
        False,
        None,
        False,
    )
    assert (now.linked, now.error) == (False, None)
