"""/u/login/passwordless-email-challenge and …-sms-challenge: the code that was sent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import Client as Browser

from mockidp.model.connection import CONNECTIONS
from mockidp.model.linking import link
from mockidp.model.session import LoginTransaction
from mockidp.model.user import USERS

if TYPE_CHECKING:
    from conftest import World

ADDRESSES = {"email": "ann@example.com", "sms": "+15550100"}
WORDS = {
    "email": "We've sent an email with your code to ann@example.com",
    "sms": "We've sent a text message to +15550100",
}
EMAIL = "/u/login/passwordless-email-challenge"
each_strategy = pytest.mark.parametrize("strategy", ["email", "sms"])


def path(strategy: str) -> str:
    return f"/u/login/passwordless-{strategy}-challenge"


def begun(world: World, strategy: str = "email", **request: object) -> LoginTransaction:
    """Begin a login, and have a code sent."""
    if world.tenant.store.find(CONNECTIONS, strategy) is None:
        world.connection(strategy, strategy)
    transaction = world.begin(connection=strategy, **request)
    world.post("/u/login/identifier", transaction, username=ADDRESSES[strategy])
    return transaction


@each_strategy
def test_the_page_says_where_the_code_is(world: World, strategy: str) -> None:
    """Looking at it sends no other one; a link leads back to the address."""
    transaction = begun(world, strategy)
    response = world.get(path(strategy), transaction)
    assert response.status_code == 200
    page = world.page(response)
    assert page.text("h1") == "Verify Your Identity"
    assert WORDS[strategy] in page.text()
    assert page.all("a", href=f"/u/login/identifier?state={transaction.id}")
    assert page.all("input", id="code", autocomplete="one-time-code")
    assert len(world.mails) == 1


@each_strategy
def test_the_code_logs_in(world: World, strategy: str) -> None:
    """With an account of its own, made then, whose address is verified; blanks do not matter."""
    transaction = begun(world, strategy)
    code = world.mails[0].code
    response = world.post(path(strategy), transaction, code=f" {code[:3]} {code[3:]} ")
    assert world.resumes(response, transaction)
    now = world.now(transaction)
    assert now.user_id.startswith(f"{strategy}|")
    assert (now.identity, now.connection) == (now.user_id, strategy)
    assert "code" in world.finish(response)
    user = world.tenant.store.all(USERS)[-1]
    assert user.document["email_verified" if strategy == "email" else "phone_verified"] is True
    assert user.document["logins_count"] == 1


@pytest.mark.parametrize("code", ["", "000000", "abc", "\x00", "é"])
def test_a_wrong_code_comes_back(world: World, code: str) -> None:
    """Status 400 with the known words."""
    transaction = begun(world)
    response = world.post(EMAIL, transaction, code=code)
    assert response.status_code == 400
    assert world.page(response).text("span", id="error-element-code") == "Code is invalid"
    assert world.now(transaction).user_id is None


@pytest.mark.parametrize("what", ["expired", "three wrong ones", "a newer one"])
def test_a_code_that_is_over_comes_back(world: World, what: str) -> None:
    """The same words; another one can be asked for."""
    transaction = begun(world)
    if what == "expired":
        world.tenant.clock.advance(minutes=3)
    elif what == "a newer one":
        world.post(EMAIL, transaction, action="resend")
    else:
        for _ in range(3):
            world.post(EMAIL, transaction, code="000000")
    response = world.post(EMAIL, transaction, code=world.mails[0].code)
    assert (response.status_code, world.page(response).error) == (400, "Code is invalid")
    assert world.post(EMAIL, transaction, action="resend").status_code == 200
    assert world.resumes(world.post(EMAIL, transaction, code=world.mails[-1].code), transaction)


def test_of_many_at_once_one_uses_the_code(world: World) -> None:
    """A race on the form: one login, one account."""
    transaction = begun(world)
    form = {"state": transaction.id, "code": world.mails[0].code}
    application = world.browser.application
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: Browser(application).post(EMAIL, data=form), range(16)))
    user = world.tenant.store.all(USERS)[-1]
    assert (user.email, user.document["logins_count"]) == ("ann@example.com", 1)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_there_is_no_challenge_before_a_code_was_sent(world: World, method: str) -> None:
    """Nor after the login: it goes back to the dispatcher."""
    world.connection("email", "email")
    transaction = world.begin(connection="email")
    response = world.browser.open(EMAIL, method=method, query_string={"state": transaction.id})
    assert world.resumes(response, transaction)
    done = begun(world)
    world.post(EMAIL, done, code=world.mails[-1].code)
    assert world.resumes(world.get(EMAIL, done), done)


def test_a_connection_that_is_gone(world: World) -> None:
    """The login begins anew at what is left."""
    transaction = begun(world)
    world.tenant.store.take(CONNECTIONS, "email")
    assert world.resumes(world.get(EMAIL, transaction), transaction)
    location = world.browser.get(f"/authorize/resume?state={transaction.id}").headers["Location"]
    assert location.startswith("/u/login?")


def test_a_linked_address_logs_in_as_the_primary(world: World) -> None:
    """And the transaction knows by which identity."""
    world.connection("email", "email")
    ann = world.user("email", email="ann@example.com")
    link(world.tenant, world.alice.user_id, ann.user_id)
    transaction = begun(world)
    world.post(EMAIL, transaction, code=world.mails[-1].code)
    now = world.now(transaction)
    assert (now.user_id, now.identity) == (world.alice.user_id, ann.user_id)


def test_a_code_links_its_address(world: World) -> None:
    """A linking request with `connection=email`: the page of the address says what for."""
    transaction = begun(world, link="link", link_to=world.alice.user_id)
    page = world.page(world.get("/u/login/identifier", transaction))
    assert page.text("h1") == "Link another account"
    response = world.post(EMAIL, transaction, code=world.mails[-1].code)
    assert "code" in world.finish(response)
    alice = world.tenant.store.get(USERS, world.alice.user_id)
    assert [identity.provider for identity in alice.identities] == ["auth0", "email"]


def test_the_connections_text_is_sent(world: World) -> None:
    """With the client's name."""
    world.connection("sms", "sms", options={"template": "{{ code }} for @@application.name@@"})
    begun(world, "sms")
    assert world.mails[0].body == f"{world.mails[0].code} for Web"
