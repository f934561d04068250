"""/u/mfa-email-challenge: one mail, one code, and another one when asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import Client as Browser

from mockidp.model.session import MFA_ACR
from mockidp.model.tenant import DOUBLE, ONLY, Double

if TYPE_CHECKING:
    from conftest import World

PATH = "/u/mfa-email-challenge"


def test_the_code_is_mailed_once(world: World) -> None:
    """Reloading the page sends no second mail; the page shows where it went, but not quite."""
    transaction = world.begin_as(world.alice)
    page = world.page(world.get(PATH, transaction))
    world.get(PATH, transaction)
    (mail,) = world.mails
    assert (mail.kind, mail.to, mail.user_id) == ("mfa_oob_code", "alice@example.com", world.alice.user_id)
    assert len(mail.code) == 6
    assert mail.code.isdigit()
    assert mail.code in mail.body
    assert "al****@ex****" in page.text()
    assert "alice@example.com" not in page.text()


def test_looking_at_the_page_with_head_mails_nothing(world: World) -> None:
    """HEAD is safe (RFC 9110 §9.2.1)."""
    transaction = world.begin_as(world.alice)
    world.browser.head(PATH, query_string={"state": transaction.id})
    assert world.mails == []


def test_many_requests_at_once_send_one_mail(world: World) -> None:
    """A race on the page."""
    transaction = world.begin_as(world.alice)
    application = world.browser.application
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: Browser(application).get(f"{PATH}?state={transaction.id}"), range(16)))
    assert len(world.mails) == 1


@pytest.mark.parametrize("typed", ["{}", " {} "])
def test_the_right_code_passes(world: World, typed: str) -> None:
    """Blanks around it do not matter."""
    transaction = world.begin_as(world.alice)
    world.get(PATH, transaction)
    code = typed.format(world.mails[0].code)
    assert world.resumes(world.post(PATH, transaction, code=code, action="default"), transaction)
    assert world.now(transaction).mfa_passed


def test_the_client_gets_its_code_after_the_challenge(world: World) -> None:
    """The dispatcher sends here when a second factor was asked for, and goes on from here."""
    transaction = world.begin_as(world.alice, acr_values=(MFA_ACR,))
    location = world.browser.get(f"/authorize/resume?state={transaction.id}").headers["Location"]
    assert location == f"{PATH}?state={transaction.id}"
    world.browser.get(location)
    assert "code" in world.finish(world.post(PATH, transaction, code=world.mails[0].code))


@pytest.mark.parametrize("code", ["", "000000", "abc"])
def test_a_wrong_code_does_not_pass(world: World, code: str) -> None:
    """Status 400 with the known words; also before any code was mailed."""
    transaction = world.begin_as(world.alice)
    for _ in range(2):
        response = world.post(PATH, transaction, code=code)
        assert response.status_code == 400
        words = "The code you entered is invalid"
        assert world.page(response).text("span", id="error-element-code") == words
        assert not world.now(transaction).mfa_passed
        world.get(PATH, transaction)


def test_a_resent_code_replaces_the_first(world: World) -> None:
    """The page again, with status 200; the old code is worth nothing."""
    transaction = world.begin_as(world.alice)
    world.get(PATH, transaction)
    assert world.post(PATH, transaction, action="resend").status_code == 200
    first, second = (mail.code for mail in world.mails)
    assert first != second
    assert world.post(PATH, transaction, code=first).status_code == 400
    assert world.resumes(world.post(PATH, transaction, code=second), transaction)


def test_the_seeds_code_is_every_code(world: World) -> None:
    """`mockidp: {otp: …}`."""
    world.tenant.store.put(DOUBLE, ONLY, Double(otp="123456"))
    transaction = world.begin_as(world.alice)
    world.get(PATH, transaction)
    assert world.resumes(world.post(PATH, transaction, code="123456"), transaction)


def test_a_code_belongs_to_its_transaction(world: World) -> None:
    """Another login's code does not pass."""
    first, second = world.begin_as(world.alice), world.begin_as(world.alice)
    world.get(PATH, first)
    world.get(PATH, second)
    assert world.post(PATH, second, code=world.mails[0].code).status_code == 400


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_there_is_no_challenge_before_the_login(world: World, method: str) -> None:
    """Without a user it goes back, and no mail is sent."""
    transaction = world.begin()
    response = world.browser.open(PATH, method=method, query_string={"state": transaction.id, "code": "1"})
    assert world.resumes(response, transaction)
    assert world.mails == []


def test_a_user_without_an_address_cannot_pass(world: World) -> None:
    """There is nowhere to send the code: the client is told."""
    user = world.user("google-oauth2", bare_id="7", name="No Mail")
    transaction = world.begin_as(user, acr_values=(MFA_ACR,))
    answer = world.finish(world.get(PATH, transaction))
    assert (answer["error"], answer["error_description"]) == (
        "access_denied",
        "Multifactor authentication required",
    )
    assert world.mails == []
