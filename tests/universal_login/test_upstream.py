"""/u/upstream and /login/callback: the simulated provider, and what the tenant makes of its answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import Client as Browser

from mockidp.model.linking import link
from mockidp.model.user import USERS, find_by_identity, get_user, put_user, rewrite
from mockidp.seed.accounts import add_user

if TYPE_CHECKING:
    from conftest import World
    from werkzeug.test import TestResponse

    from mockidp.model.session import LoginTransaction

GINA = "google-oauth2|103547991597142817347"


def answer(
    world: World, transaction: LoginTransaction, connection: str = "google-oauth2", **form: str
) -> TestResponse:
    """Submit the upstream's form."""
    return world.browser.post(
        "/u/upstream", query_string={"connection": connection}, data={"state": transaction.id, **form}
    )


def log_in(world: World, connection: str = "google-oauth2", **form: str) -> LoginTransaction:
    """Log in by an upstream and return the transaction."""
    transaction = world.begin()
    callback = world.browser.get(answer(world, transaction, connection, **form).headers["Location"])
    assert world.resumes(callback, transaction), callback.get_data(as_text=True)
    return world.now(transaction)


# -- the simulated provider ----------------------------------------------------------------------------


def test_the_page_offers_known_identities_a_new_one_and_refusal(world: World) -> None:
    """Linked identities are known to the upstream, too; other connections' are not."""
    world.user("google-oauth2", bare_id="42", email="second@gmail.com")
    link(world.tenant, world.alice.user_id, "google-oauth2|42")
    transaction = world.begin()
    response = world.get("/u/upstream", transaction, connection="google-oauth2")
    page = world.page(response)
    assert response.status_code == 200
    assert page.values("user") == ["google-oauth2|42", GINA]
    assert page.values("action") == ["create", "deny"]
    assert [page.all("input", id=name)[0]["id"] for name in ("email", "name", "id")] == [
        "email",
        "name",
        "id",
    ]
    assert "Who logs in at Google?" in page.text()
    expected = f"/u/upstream?connection=google-oauth2&state={transaction.id}"
    assert {form["action"] for form in page.all("form")} == {expected}


def test_the_list_of_identities_is_bounded(world: World) -> None:
    """Many users make no endless page."""
    for number in range(60):
        world.user("google-oauth2", bare_id=str(number))
    page = world.page(world.get("/u/upstream", world.begin(), connection="google-oauth2"))
    assert len(page.values("user")) == 50


@pytest.mark.parametrize("name", ["", "nowhere", "Username-Password-Authentication", "github", "sms"])
def test_only_an_upstream_of_this_login_has_a_page(world: World, name: str) -> None:
    """Unknown, a database, another client's, passwordless."""
    world.connection("github", "github", enabled_clients=["other"])
    world.connection("sms", "sms")
    transaction = world.begin()
    assert world.get("/u/upstream", transaction, connection=name).status_code == 400
    assert answer(world, transaction, name, email="x@example.com").status_code == 400


def test_the_upstream_goes_to_the_callback_with_a_code(world: World) -> None:
    """As a real one does: the code, and the state that it was given."""
    transaction = world.begin()
    response = answer(world, transaction, user=GINA)
    assert response.status_code == 302
    location = response.headers["Location"]
    assert location.startswith("/login/callback?code=")
    assert world.query(location)["state"] == transaction.id


@pytest.mark.parametrize("who", [GINA, "103547991597142817347", "Gina@gmail.com"])
def test_a_known_identity_is_named_by_id_or_address(world: World, who: str) -> None:
    """Headless clients know one or the other."""
    now = log_in(world, user=who)
    assert (now.user_id, now.identity, now.connection) == (GINA, GINA, "google-oauth2")


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"user": "nobody"}, "Google knows no identity nobody"),
        ({"user": "alice@example.com"}, "Google knows no identity alice@example.com"),
        ({"action": "create"}, "Give an email address or a provider's user id"),
        ({"action": "create", "email": "not an address"}, "Email is not valid."),
        ({"action": "create", "id": "x" * 129}, "A user id has at most 128 printable characters, a name 300"),
        ({"action": "create", "id": "a\x00b"}, "A user id has at most 128 printable characters, a name 300"),
    ],
)
def test_a_wrong_form_comes_back_with_words(world: World, form: dict[str, str], words: str) -> None:
    """Status 400, and still at the upstream."""
    response = answer(world, world.begin(), **form)
    assert response.status_code == 400
    assert world.page(response).text("span", id="error-element-identity") == words


# -- the callback --------------------------------------------------------------------------------------


def test_a_new_identity_becomes_an_account(world: World) -> None:
    """What the form said is its profile; the tenant adds what it computes."""
    form = {"email": "New@gmail.com", "name": "New One", "email_verified": "true", "action": "create"}
    now = log_in(world, **form)
    document = get_user(world.tenant, now.user_id).document
    provider, _, bare = now.user_id.partition("|")
    assert (provider, len(bare), bare.isdigit()) == ("google-oauth2", 21, True)
    assert (document["email"], document["email_verified"]) == ("New@gmail.com", True)
    assert (document["name"], document["nickname"], document["logins_count"]) == ("New One", "New", 1)
    assert document["identities"] == [
        {"connection": "google-oauth2", "user_id": bare, "provider": "google-oauth2", "isSocial": True}
    ]


def test_an_unticked_box_leaves_the_address_unverified(world: World) -> None:
    """A checkbox that is off sends nothing."""
    now = log_in(world, email="new@gmail.com", action="create")
    assert get_user(world.tenant, now.user_id).email_verified is False


def test_an_id_left_out_is_the_seeds_id(world: World) -> None:
    """The same address has the same id on every run, whether seeded or signed up by the form."""
    now = log_in(world, email="Zoe@gmail.com", action="create")
    other = type(world)()
    seeded = add_user(other.tenant, {"email": "zoe@gmail.com", "connection": "google-oauth2"})
    assert now.user_id == seeded.user_id


def test_a_given_id_is_kept(world: World) -> None:
    """With the connection's name in front where the strategy has that."""
    assert log_in(world, id="42", action="create").user_id == "google-oauth2|42"
    world.connection("acme", "samlp")
    first = log_in(world, "acme", id="jane", email="jane@acme.test", action="create")
    again = log_in(world, "acme", id="jane", action="create")
    assert first.user_id == again.user_id == "samlp|acme|jane"


def test_the_same_address_is_the_same_identity(world: World) -> None:
    """An upstream has one account for an address, seeded with whatever id."""
    assert log_in(world, email="GINA@gmail.com", action="create").user_id == GINA
    assert len(world.tenant.store.all(USERS)) == 2


def test_root_attributes_follow_the_upstream(world: World) -> None:
    """Each login brings the profile that the upstream has now; metadata stay."""
    put_user(world.tenant, rewrite(get_user(world.tenant, GINA), {"user_metadata": {"plan": "pro"}}))
    log_in(world, id=GINA.partition("|")[2], name="Gina Married", email="gm@gmail.com", action="create")
    document = get_user(world.tenant, GINA).document
    assert (document["name"], document["email"]) == ("Gina Married", "gm@gmail.com")
    assert document["user_metadata"] == {"plan": "pro"}


def test_a_connection_may_sync_on_first_login_only(world: World) -> None:
    """`set_user_root_attributes: on_first_login` keeps the name that the account has; the address follows."""
    world.connection("google-oauth2", "google-oauth2", options={"set_user_root_attributes": "on_first_login"})
    log_in(world, id=GINA.partition("|")[2], name="Other", email="gm@gmail.com", action="create")
    document = get_user(world.tenant, GINA).document
    assert (document["name"], document["email"]) == ("Gina G", "gm@gmail.com")


def test_a_connection_may_make_no_accounts(world: World) -> None:
    """`set_user_root_attributes: never_on_login` lets existing users in, and no others."""
    world.connection("google-oauth2", "google-oauth2", options={"set_user_root_attributes": "never_on_login"})
    assert log_in(world, user=GINA).user_id == GINA
    transaction = world.begin()
    response = answer(world, transaction, email="new@gmail.com", action="create")
    assert world.finish(response)["error"] == "access_denied"
    assert len(world.tenant.store.all(USERS)) == 2


def test_a_linked_identity_logs_in_as_its_primary(world: World) -> None:
    """Its own profile is renewed; the root attributes are the primary's."""
    link(world.tenant, world.alice.user_id, GINA)
    now = log_in(world, id=GINA.partition("|")[2], name="Gina Married", action="create")
    assert (now.user_id, now.identity) == (world.alice.user_id, GINA)
    document = get_user(world.tenant, world.alice.user_id).document
    assert (document["name"], document["email"]) == ("alice@example.com", "alice@example.com")
    profile = document["identities"][1]["profileData"]
    assert (profile["name"], profile["email"]) == ("Gina Married", "gina@gmail.com")


def test_a_refusal_reaches_the_client(world: World) -> None:
    """Deny: the upstream's error passes through the tenant."""
    transaction = world.begin(state="xyz")
    response = answer(world, transaction, action="deny")
    assert world.query(response.headers["Location"])["error"] == "access_denied"
    assert world.finish(response) == {
        "error": "access_denied",
        "error_description": "The resource owner or authorization server denied the request",
        "state": "xyz",
    }


def test_an_upstreams_error_is_cleaned_and_cut(world: World) -> None:
    """Whatever stands in the URL, the client gets characters that an error may have (RFC 6749 §4.1.2.1)."""
    transaction = world.begin()
    world.get("/login/callback", transaction, error='a"b\nc', error_description="é\\" + "x" * 1000)
    now = world.now(transaction)
    assert (now.error, now.error_description) == ("abc", "x" * 500)


def test_a_code_is_good_once(world: World) -> None:
    """The second use is an error page and changes nothing."""
    transaction = world.begin()
    location = answer(world, transaction, user=GINA).headers["Location"]
    assert world.browser.get(location).status_code == 302
    again = world.browser.get(location)
    assert again.status_code == 400
    assert "Oops!" in world.page(again).text()


def test_one_of_many_uses_of_a_code_wins(world: World) -> None:
    """Under a race, exactly one callback logs in."""
    location = answer(world, world.begin(), user=GINA).headers["Location"]
    application = world.browser.application
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: Browser(application).get(location).status_code, range(16)))
    assert sorted(statuses) == [302, *[400] * 15]


def test_a_code_belongs_to_its_transaction(world: World) -> None:
    """Somebody else's code does not log this browser in (RFC 9700 §4.5)."""
    code = world.query(answer(world, world.begin(), user=GINA).headers["Location"])["code"]
    victim = world.begin()
    assert world.get("/login/callback", victim, code=code).status_code == 400
    assert world.now(victim).user_id is None


def test_a_code_grows_old(world: World) -> None:
    """Ten minutes."""
    location = answer(world, world.begin(), user=GINA).headers["Location"]
    world.tenant.clock.advance(minutes=10)
    assert world.browser.get(location).status_code == 400


def test_two_first_logins_at_once_make_one_account(world: World) -> None:
    """The same new identity in two browsers."""
    locations = [
        answer(world, world.begin(), email="new@gmail.com", action="create").headers["Location"]
        for _ in range(8)
    ]
    application = world.browser.application
    with ThreadPoolExecutor(8) as pool:
        statuses = set(pool.map(lambda url: Browser(application).get(url).status_code, locations))
    assert statuses == {302}
    assert len(world.tenant.store.all(USERS)) == 3


def test_a_linking_login_by_upstream_links(world: World) -> None:
    """The legacy flow through the pages: the new identity ends up in the primary account."""
    transaction = world.begin(link="link", link_to=world.alice.user_id, connection="google-oauth2")
    response = answer(world, transaction, user=GINA)
    assert "code" in world.finish(response)
    assert find_by_identity(world.tenant, GINA).user_id == world.alice.user_id
