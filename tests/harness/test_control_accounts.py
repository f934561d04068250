"""/_mockidp for suites in other languages: accounts, logins, tokens, mail, rules, problems."""

from __future__ import annotations

from threading import Timer
from typing import Any
from urllib.parse import quote

import pytest
import requests

from mockidp.http.routing import Route
from mockidp.server import MockIdp

ALICE, GOOGLE = "alice@example.com", "alice@gmail.com"
CALLBACK = "http://localhost:3000/callback"
AUTHORIZE = f"/authorize?response_type=code&client_id=web&scope=openid&redirect_uri={CALLBACK}"


def ask(idp: MockIdp, what: str, body: object = None, status: int = 200) -> Any:
    """Call an operation, written `GET health`, and return its answer."""
    method, name = what.split(" ", 1)
    response = requests.request(method, f"{idp.url}/_mockidp/{name}", json=body, timeout=10)
    assert response.status_code == status, response.text
    return response.json()


def test_accounts_are_linked_and_unlinked(idp: MockIdp) -> None:
    """By e-mail, id or identity; the answer is the account that stays."""
    google = idp.users[GOOGLE].user_id
    linked = ask(idp, "POST link", {"primary": ALICE, "secondary": GOOGLE})
    assert linked["user_id"] == idp.users[ALICE].user_id
    assert [identity["provider"] for identity in linked["identities"]] == ["auth0", "google-oauth2"]
    provider, _, user_id = google.partition("|")
    left = ask(idp, "POST unlink", {"user": ALICE, "provider": provider, "user_id": user_id})
    assert [identity["provider"] for identity in left["identities"]] == ["auth0"]
    assert google in idp.users


def test_an_id_may_be_a_number(idp: MockIdp) -> None:
    """As in older documents of the Management API."""
    idp.link(ALICE, "facebook|1022")
    left = ask(idp, "POST unlink", {"user": ALICE, "provider": "facebook", "user_id": 1022})
    assert len(left["identities"]) == 1


@pytest.mark.parametrize(
    ("what", "body", "status", "message"),
    [
        ("link", {"primary": ALICE, "secondary": ALICE}, 400, "Main identity and the new one are the same."),
        ("link", {"primary": ALICE, "secondary": "facebook|1022"}, 409, "Specified identity already exists."),
        ("link", {"primary": ALICE, "secondary": "nobody"}, 400, "no user 'nobody'; there is 'alice@"),
        ("link", {"primary": ALICE}, 400, "missing required field `secondary`"),
        (
            "unlink",
            {"user": ALICE, "provider": "x", "user_id": "1"},
            400,
            "has no identity 'x|1', but 'auth0|",
        ),
    ],
)
def test_what_cannot_be_linked(
    idp: MockIdp, what: str, body: dict[str, str], status: int, message: str
) -> None:
    """As the tenant refuses it, or with the nearest names."""
    idp.link("bob@example.com", "facebook|1022")
    assert message in ask(idp, f"POST {what}", body, status)["message"]


@pytest.mark.parametrize("name", [ALICE, "Alice Example", "ID", "facebook|1022"])
def test_a_user_is_shown(idp: MockIdp, name: str) -> None:
    """By e-mail, name, id or linked identity, as the Management API has it."""
    idp.link(ALICE, "facebook|1022")
    user_id = idp.users[ALICE].user_id
    shown = ask(idp, f"GET users/{quote(user_id if name == 'ID' else name)}")
    assert shown["user_id"] == user_id
    assert shown["user_metadata"] == {"plan": "pro", "language": "en"}


def test_nobody_is_404(idp: MockIdp) -> None:
    """With the nearest names; that is how a test sees that an account is gone."""
    refusal = ask(idp, "GET users/alcie@example.com", status=404)
    assert refusal["error"] == "inexistent_user"
    assert "did you mean 'alice@example.com'" in refusal["message"]
    assert "takes user" in ask(idp, f"GET users/{ALICE}?x=1", status=400)["message"]


def test_a_login_without_a_browser(idp: MockIdp) -> None:
    """The pages are walked; the callback is the suite's to open; each time it is a new browser."""
    done = ask(idp, "POST logins", {"url": AUTHORIZE, "user": ALICE})
    assert done["url"].startswith(f"{CALLBACK}?code=")
    assert done["posted"] == {}
    posted = ask(
        idp, "POST logins", {"url": f"{AUTHORIZE}&response_mode=form_post", "user": "bob@example.com"}
    )
    assert posted["url"] == CALLBACK
    assert set(posted["posted"]) == {"code"}
    assert [exchange.path for exchange in idp.requests].count("/u/login") == 4


def test_a_login_that_cannot_be(idp: MockIdp) -> None:
    """400 with the page's own words."""
    for url in ("https://shop.example/login", "/authorize?client_id=nobody"):
        assert ask(idp, "POST logins", {"url": url, "user": ALICE}, 400)["message"]


def test_a_token_for_the_management_api(idp: MockIdp) -> None:
    """With all scopes, or those that are named."""
    url = f"{idp.url}/api/v2/users/{idp.users[ALICE].user_id}"
    statuses = []
    for scope in (None, "read:users", ["read:clients"]):
        bearer = ask(idp, "POST management-token", {"scope": scope})
        headers = {"Authorization": f"{bearer['token_type']} {bearer['access_token']}"}
        statuses.append(requests.get(url, headers=headers, timeout=5).status_code)
    assert statuses == [200, 200, 403]


# -- mail --------------------------------------------------------------------------------------------------


def forget_password(idp: MockIdp, email: str = ALICE) -> None:
    form = {"client_id": "web", "email": email, "connection": "Username-Password-Authentication"}
    requests.post(f"{idp.url}/dbconnections/change_password", json=form, timeout=5)


def test_a_message_is_waited_for(idp: MockIdp) -> None:
    """It is answered as soon as it is there."""
    timer = Timer(0.05, forget_password, (idp,))
    timer.start()
    messages = ask(idp, f"GET outbox?to={ALICE}&kind=reset_email&wait=10s")
    timer.join()
    assert [message["to"] for message in messages] == [ALICE]
    assert ask(idp, "GET outbox?wait=10") == messages


def test_a_message_that_does_not_come_is_404(idp: MockIdp) -> None:
    """With what is there instead."""
    forget_password(idp, "bob@example.com")
    refusal = ask(idp, f"GET outbox?to={ALICE}&wait=20ms", status=404)
    assert refusal == {
        "error": "no_message",
        "message": f"no message to {ALICE} within 0.02 s; in the outbox: reset_email to bob@example.com",
    }


@pytest.mark.parametrize("wait", ["soon", "61s", "1h", "-1"])
def test_a_wait_has_bounds(idp: MockIdp, wait: str) -> None:
    """A duration, and a minute at most: nobody waits for a test that long."""
    assert f"'{wait}'" in ask(idp, f"GET outbox?wait={wait}", status=400)["message"]


# -- rules and problems ------------------------------------------------------------------------------------


def test_rules_are_forgotten_and_the_login_stays(idp: MockIdp) -> None:
    """The tenant answers again, nothing is expected any more; who logs in is another matter."""
    ask(idp, "POST login-as", {"user": ALICE})
    ask(idp, "POST scenario", {"script": [], "expect": {"requests": [{"on": "GET /userinfo", "times": 7}]}})
    ask(idp, "POST login-as", {"user": ALICE})
    ask(idp, "POST rules", {"on": "GET /.well-known/jwks.json", "then": {"status": 503}, "times": 2}, 201)
    assert requests.get(f"{idp.url}/.well-known/jwks.json", timeout=5).status_code == 503
    assert ask(idp, "POST verify")["met"] is False
    assert ask(idp, "DELETE rules") == {"status": "ok"}
    assert requests.get(f"{idp.url}/.well-known/jwks.json", timeout=5).status_code == 200
    assert ask(idp, "GET rules") == []
    assert ask(idp, "POST verify") == {"met": True, "difference": ""}
    away = requests.get(idp.url + AUTHORIZE, allow_redirects=False, timeout=5)
    assert away.headers["Location"].startswith(f"{CALLBACK}?code=")


def test_a_problem_inside_mockidp_fails_the_suite(idp: MockIdp) -> None:
    """It is told until the next reset, and verifying fails."""

    def broken(call: object) -> None:
        raise ZeroDivisionError("our bug")

    idp.rules.application.router.add(Route("GET", "/broken", broken))
    assert ask(idp, "GET problems") == []
    requests.get(f"{idp.url}/broken", timeout=5)
    [problem] = ask(idp, "GET problems")
    assert problem["where"] == "GET /broken"
    assert problem["traceback"].endswith("ZeroDivisionError: our bug\n")
    assert [each.where for each in idp.problems] == ["GET /broken"]
    verdict = ask(idp, "POST verify")
    assert verdict["met"] is False
    assert verdict["difference"].startswith("mockidp failed while it answered GET /broken\nTraceback")
    idp.reset()
    assert ask(idp, "POST verify")["met"] is True
