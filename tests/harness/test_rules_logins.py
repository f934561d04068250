"""Rules for the person at the login page: who it is, what is refused, second factor, consent."""

from __future__ import annotations

import pytest
import requests
from rules_world import ALICE, API, BOB, FACEBOOK, MFA, TIMEOUT, App, answer_of, claims_of

from mockidp.model.client import find_client, put_client
from mockidp.server import MockIdp


@pytest.fixture
def app(idp: MockIdp) -> App:
    return App(idp)


def third_party(idp: MockIdp) -> None:
    """Make the client one that has to ask for consent."""
    client = find_client(idp.state, "web")
    assert client is not None
    document = {**client.document, "is_first_party": False}
    put_client(idp.state, type(client).of(document))


def who(app: App, **params: str) -> object:
    """Return who logs in."""
    answer = app.answer(response_type="id_token", nonce="n", prompt="login", **params)
    return claims_of(answer["id_token"])["sub"]


def test_the_people_at_the_login_page_in_order(idp: MockIdp, app: App) -> None:
    """Each answers once, the last for good."""
    idp.on("GET /authorize").login(ALICE)
    idp.on("GET /authorize").login(idp.users[BOB])
    names = [idp.users[str(who(app))].email for _ in range(3)]
    assert names == [ALICE, BOB, BOB]


def test_a_login_by_connection(idp: MockIdp, app: App) -> None:
    """The rule for a connection answers its requests alone; login_as answers the others."""
    idp.on("GET /authorize", {"connection": "facebook"}).login(FACEBOOK)
    idp.login_as(ALICE)
    assert who(app) == idp.users[ALICE].user_id
    assert who(app, connection="facebook") == FACEBOOK


def test_times_end_and_the_page_is_shown(idp: MockIdp, app: App) -> None:
    """As without the rule."""
    idp.on("GET /authorize", times=1).login(ALICE)
    assert "code" in app.answer(prompt="login")
    assert app.authorize(prompt="login").headers["Location"].startswith("/u/login?state=")


def test_nobody_of_that_name(idp: MockIdp, app: App) -> None:
    """The page is shown, and the test hears of the mistake."""
    idp.on("GET /authorize").login("alcie@example.com")
    assert app.authorize().headers["Location"].startswith("/u/login")
    with pytest.raises(
        AssertionError, match=r"no user 'alcie@example\.com'; did you mean 'alice@example\.com'"
    ):
        idp.verify()
    idp.reset()  # else the fixture would say it again


def test_the_person_refuses(idp: MockIdp, app: App) -> None:
    """The callback gets the error, with a text or the usual one."""
    idp.on("GET /authorize", times=1).deny()
    idp.on("GET /authorize").deny("unauthorized", "too young")
    first, second = app.answer(state="s"), app.answer()
    assert (first["error"], first["state"]) == ("access_denied", "s")
    assert second == {"error": "unauthorized", "error_description": "too young"}


def test_an_error_reaches_also_who_is_logged_in(idp: MockIdp, app: App) -> None:
    """In the response mode of the request, silently or not."""
    idp.login_as(ALICE)
    app.authorize()
    idp.fail("GET /authorize", error="login_required", description="x")
    answer = app.authorize(prompt="none", response_type="id_token", nonce="n", state="s")
    assert "#error=login_required" in answer.headers["Location"]
    assert answer_of(answer)["state"] == "s"
    posted = {"client_id": "web", "response_type": "code", "redirect_uri": "http://localhost:3000/callback"}
    idp.fail("POST /authorize", error="temporarily_unavailable")
    answer = requests.post(f"{idp.url}/authorize", data=posted, timeout=TIMEOUT, allow_redirects=False)
    assert answer_of(answer)["error"] == "temporarily_unavailable"


def test_a_request_that_is_wrong_by_itself_stays_so(idp: MockIdp, app: App) -> None:
    """No redirect to a URI that is not the client's."""
    idp.fail("GET /authorize", error="server_error")
    answer = app.authorize(redirect_uri="https://evil.example/")
    assert (answer.status_code, "Location" in answer.headers) == (403, False)


@pytest.mark.parametrize(("how", "expected"), [("pass", "code"), ("fail", "error")])
def test_the_second_factor(idp: MockIdp, app: App, how: str, expected: str) -> None:
    """It goes well, or the application gets access_denied."""
    idp.on("GET /authorize").login(ALICE).mfa(how)
    assert expected in app.answer(acr_values=MFA)


@pytest.mark.parametrize(("how", "expected"), [("accept", "code"), ("deny", "error")])
def test_consent(idp: MockIdp, app: App, how: str, expected: str) -> None:
    """A third-party client gets what the person says."""
    third_party(idp)
    idp.on("GET /authorize").login(ALICE).consent(how)
    assert expected in app.answer(audience=API, scope="openid read:x")


@pytest.mark.parametrize("words", [{"mfa": "fail"}, {"consent": "deny"}])
@pytest.mark.parametrize("login", [{}, {"login": ALICE}])
def test_a_failure_comes_without_being_asked_for(
    idp: MockIdp, app: App, words: dict[str, str], login: dict[str, str]
) -> None:
    """Neither a second factor nor a consent is needed here, and no page is shown."""
    idp.load_scenario({"script": [{"on": "GET /authorize", "then": login | words}]})
    assert app.answer(state="s")["error"] == "access_denied"


def test_who_is_blocked_is_told_so_first(idp: MockIdp, app: App) -> None:
    """Before a second factor fails."""
    app.manage("PATCH", f"users/{idp.users[ALICE].user_id}", {"blocked": True})
    idp.on("GET /authorize").login(ALICE).mfa("fail")
    assert app.answer()["error_description"] == "user is blocked"


def test_later_pages_are_answered_while_a_browser_walks(idp: MockIdp) -> None:
    """The login page is real; the second factor after it goes as the rule says."""
    idp.on("GET /authorize").mfa("pass")
    callback = "http://localhost:3000/callback"
    url = f"{idp.url}/authorize?client_id=web&response_type=code&redirect_uri={callback}&acr_values={MFA}"
    final = idp.browser().login(url, ALICE)
    assert "code=" in final
