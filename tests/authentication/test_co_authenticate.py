"""`POST /co/authenticate` and `login_ticket` at `/authorize` (reference §6.6)."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from classic_world import ALICE, APP, BOB, CALLBACK, DATABASE, SEED, Browser, answer, claims

from mockidp import MockIdp

REALM = "http://auth0.com/oauth/grant-type/password-realm"
OTP = "http://auth0.com/oauth/grant-type/passwordless/otp"
GOOD = {"client_id": "page", "credential_type": REALM, "realm": DATABASE, **ALICE}
PLAIN = {"client_id": "page", "credential_type": "password", **ALICE}
INVALID_TICKET = {
    "error": "access_denied",
    "error_description": "Unknown or invalid login ticket.",
    "state": "S",
}


@pytest.fixture(scope="session")
def idp_seed() -> Any:
    return [SEED, {"connections": [{"name": "email", "strategy": "email"}]}]


@pytest.fixture
def browser(idp: MockIdp) -> Browser:
    return Browser(idp)


def all_and_only(names: str) -> dict[str, str]:
    text = f"Invalid request body. All and only of {names} are required."
    return {"error": "invalid_request", "error_description": text}


def error(code: str, description: str) -> dict[str, str]:
    return {"error": code, "error_description": description}


WITH_REALM = all_and_only("client_id, credential_type, username, password, realm")
REFUSED: dict[str, tuple[dict[str, Any], int, dict[str, str]]] = {
    "no client": ({"client_id": None}, 400, WITH_REALM),
    "no credential type": ({"credential_type": None}, 400, WITH_REALM),
    "no realm": ({"realm": None}, 400, WITH_REALM),
    "no password": ({"password": None}, 400, WITH_REALM),
    "empty password": ({"password": ""}, 400, WITH_REALM),
    "one too many": ({"scope": "openid"}, 400, WITH_REALM),
    "a realm without need": (
        {"credential_type": "password"},
        400,
        all_and_only("client_id, credential_type, username, password"),
    ),
    "a code that is a password": (
        {"credential_type": OTP},
        400,
        all_and_only("client_id, credential_type, username, otp, realm"),
    ),
    "unknown credential type": (
        {"credential_type": "x"},
        400,
        error("unsupported_credential_type", "Unknown credential type parameter."),
    ),
    "unknown realm": (
        {"realm": "non-existent-connection"},
        400,
        error("invalid_request", "Unknown realm non-existent-connection."),
    ),
    "another client's realm": ({"realm": "staff"}, 400, error("invalid_request", "Unknown realm staff.")),
    "no database": ({"realm": "corp"}, 400, error("invalid_request", "Unknown realm corp.")),
    "unknown client": ({"client_id": "x"}, 401, error("unauthorized_client", "Unknown client: x")),
    "switched off": (
        {"client_id": "closed"},
        401,
        error("unauthorized_client", "Cross origin login not allowed."),
    ),
    "wrong password": ({"password": "x"}, 403, error("access_denied", "Wrong email or password.")),
    "unknown user": ({"username": "x"}, 403, error("access_denied", "Wrong email or password.")),
    "blocked": (
        {"username": "mallory@example.com", "password": "pw"},
        403,
        error("blocked_user", "Blocked user"),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(browser: Browser, case: str) -> None:
    """Each has the documented status, error and text, readable for the page."""
    changes, status, body = REFUSED[case]
    sent = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    response = browser.post("/co/authenticate", json=sent)
    assert (response.status_code, response.json) == (status, body)
    assert response.headers["Access-Control-Allow-Origin"] == APP


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"{", b'{"client_id": {}}'])
def test_a_body_of_another_form_is_bad(browser: Browser, body: bytes) -> None:
    """It is refused as everywhere, and never a fault of ours."""
    response = browser.post("/co/authenticate", data=body, content_type="application/json")
    assert response.status_code == 400
    assert response.json["error"] in ("invalid_body", "invalid_request")


@pytest.mark.parametrize("body", [GOOD, PLAIN], ids=["realm", "default directory"])
def test_a_good_password_gives_a_ticket(browser: Browser, body: dict[str, str]) -> None:
    """Ticket, verifier and id have the lengths of a real answer."""
    response = browser.post("/co/authenticate", json=body)
    assert response.status_code == 200
    assert {name: len(value) for name, value in response.json.items()} == {
        "login_ticket": 32,
        "co_verifier": 32,
        "co_id": 12,
    }


BY_CODE = {"client_id": "page", "credential_type": OTP, "username": "new@example.com", "realm": "email"}


def code_for_new(browser: Browser, idp: MockIdp) -> str:
    """Return a code that was just mailed, as auth0.js asks for it."""
    asked = {"client_id": "page", "connection": "email", "email": "new@example.com", "send": "code"}
    assert browser.post("/passwordless/start", json=asked).status_code == 200
    return str(idp.outbox.last.code)


def test_a_code_by_mail_gives_a_ticket(browser: Browser, idp: MockIdp) -> None:
    """Once; it logs in at /authorize, whose answer is the new account's."""
    code = code_for_new(browser, idp)
    given = browser.post("/co/authenticate", json={**BY_CODE, "otp": code})
    assert given.status_code == 200
    tokens = answer(
        browser.authorize(
            login_ticket=given.json["login_ticket"], response_type="id_token", nonce="n", realm="email"
        )
    )
    assert claims(tokens["id_token"])["email"] == "new@example.com"
    again = browser.post("/co/authenticate", json={**BY_CODE, "otp": code})
    assert (again.status_code, again.json) == (
        403,
        error("access_denied", "Wrong email or verification code."),
    )


def test_a_wrong_code_by_mail_is_refused(browser: Browser, idp: MockIdp) -> None:
    """In its own words; the third wrong one is the last."""
    code = code_for_new(browser, idp)
    for _ in range(3):
        refused = browser.post("/co/authenticate", json={**BY_CODE, "otp": "000000"})
        assert refused.json == error("access_denied", "Wrong email or verification code.")
    refused = browser.post("/co/authenticate", json={**BY_CODE, "otp": code})
    assert refused.json["error_description"].startswith("You've reached the maximum number of attempts.")


@pytest.mark.parametrize(
    ("changes", "realm"),
    [
        ({"otp": "1", "realm": DATABASE, "credential_type": OTP}, DATABASE),
        ({"password": "x", "realm": "email", "credential_type": REALM}, "email"),
    ],
)
def test_a_realm_takes_its_own_credentials(browser: Browser, changes: dict[str, str], realm: str) -> None:
    """A database no codes, and a passwordless connection no passwords."""
    refused = browser.post("/co/authenticate", json={**BY_CODE, **changes})
    assert (refused.status_code, refused.json) == (400, error("invalid_request", f"Unknown realm {realm}."))


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://other.example.com", f"{APP}:444"]
)
def test_a_foreign_origin_is_refused_in_plain_text(browser: Browser, origin: str) -> None:
    """Another client's page is foreign as well."""
    response = browser.post("/co/authenticate", origin=origin, json=GOOD)
    assert (response.status_code, response.text) == (403, f"Origin {origin} is not allowed.")
    assert response.content_type == "text/plain; charset=utf-8"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("origin", [APP, "https://a.preview.example.com", "https://localhost:4100"])
def test_the_clients_origins_may_log_in(browser: Browser, origin: str) -> None:
    """Callbacks imply their origin; the tenant's own pages may too."""
    assert browser.post("/co/authenticate", origin=origin, json=GOOD).status_code == 200


def test_preflight_allows_credentials_for_a_registered_origin_only(browser: Browser) -> None:
    """Never a wildcard, and nothing for strangers."""
    allowed = browser.preflight("/co/authenticate", APP)
    assert allowed.headers["Access-Control-Allow-Origin"] == APP
    assert allowed.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in allowed.headers["Vary"]
    foreign = browser.preflight("/co/authenticate", "https://evil.example")
    assert "Access-Control-Allow-Origin" not in foreign.headers


def test_a_ticket_logs_in_at_authorize(browser: Browser, idp: MockIdp) -> None:
    """The code comes at once, the login is counted, and a session stays."""
    assert len(answer(browser.authorize(login_ticket=browser.ticket(), realm=DATABASE))["code"]) == 43
    assert idp.users["alice@example.com"]["logins_count"] == 1
    assert "code" in answer(browser.authorize(prompt="none"))


def test_a_ticket_answers_by_web_message(browser: Browser) -> None:
    """`response_mode=web_message` with `prompt=none`, as auth0.js asks in popup mode."""
    response = browser.authorize(
        login_ticket=browser.ticket(),
        response_type="token id_token",
        response_mode="web_message",
        prompt="none",
        nonce="n",
    )
    message = json.loads(re.findall(r"authorizationResponse = (\{.*\});", response.text)[0])
    assert {"access_token", "id_token", "state"} <= set(message["response"])


def test_a_ticket_wins_over_the_session(browser: Browser) -> None:
    """Who logs in now is who gets the code, whoever was logged in before."""
    browser.authorize(login_ticket=browser.ticket(user=BOB))
    answer(browser.authorize(login_ticket=browser.ticket(user=ALICE)))
    silent = answer(browser.authorize(prompt="none", response_type="id_token", nonce="n"))
    assert claims(silent["id_token"])["email"] == ALICE["username"]


def test_a_ticket_links_its_user(browser: Browser, idp: MockIdp) -> None:
    """`access_token` beside it: the ticket's user becomes an identity of the token's account."""
    token = idp.token(ALICE["username"], client="page")
    given = answer(
        browser.authorize(
            login_ticket=browser.ticket(user=BOB), access_token=token, response_type="id_token", nonce="n"
        )
    )
    alice = idp.users[ALICE["username"]]
    assert claims(given["id_token"])["sub"] == alice.user_id
    assert len(alice.identities) == 2


def test_a_ticket_is_good_once(browser: Browser) -> None:
    """A second use is refused, and the refusal goes to the client."""
    ticket = browser.ticket()
    answer(browser.authorize(login_ticket=ticket))
    assert answer(browser.authorize(login_ticket=ticket)) == INVALID_TICKET


def test_of_many_at_once_one_gets_in(idp: MockIdp) -> None:
    """The ticket is taken atomically."""
    ticket = Browser(idp).ticket()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: answer(Browser(idp).authorize(login_ticket=ticket)), range(16)))
    assert sum("code" in given for given in answers) == 1


def test_a_ticket_expires(browser: Browser, idp: MockIdp) -> None:
    """After a minute it is no good."""
    ticket = browser.ticket()
    idp.clock.advance(seconds=60)
    assert answer(browser.authorize(login_ticket=ticket)) == INVALID_TICKET


def test_a_ticket_is_for_its_client(browser: Browser) -> None:
    """Another client can neither use it nor use it up."""
    ticket = browser.ticket()
    other = browser.authorize(
        login_ticket=ticket, client_id="other", redirect_uri="https://other.example.com/callback"
    )
    assert "error=access_denied" in other.location
    assert "code" in answer(browser.authorize(login_ticket=ticket))


def test_a_refused_request_does_not_use_the_ticket_up(browser: Browser) -> None:
    """It is looked at when all else is in order."""
    ticket = browser.ticket()
    assert browser.authorize(login_ticket=ticket, redirect_uri="https://evil.example").status_code == 403
    assert (
        answer(browser.authorize(login_ticket=ticket, audience="https://unknown"))["error"] == "access_denied"
    )
    assert "code" in answer(browser.authorize(login_ticket=ticket))


@pytest.mark.parametrize("what", ["deleted", "blocked"])
def test_a_ticket_does_not_outlive_its_user(browser: Browser, idp: MockIdp, what: str) -> None:
    """Deleted: nobody is logged in. Blocked meanwhile: told so."""
    ticket = browser.ticket()
    user = idp.users[ALICE["username"]]
    headers = {"Authorization": f"Bearer {idp.management_token()}"}
    path = f"/api/v2/users/{user.user_id}"
    client = browser._client
    if what == "deleted":
        client.delete(path, headers=headers)
        page = browser.authorize(login_ticket=ticket)
        assert page.location.startswith("/u/login?state=")
    else:
        client.patch(path, headers=headers, json={"blocked": True})
        assert answer(browser.authorize(login_ticket=ticket))["error_description"] == "user is blocked"


def test_callbacks_stay_checked(browser: Browser) -> None:
    """A ticket opens no other redirect URI."""
    response = browser.authorize(login_ticket=browser.ticket(), redirect_uri=f"{CALLBACK}/../x")
    assert response.status_code == 403
