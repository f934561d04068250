"""The shipped scenarios: each is met by an application that does what its title says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import jwt
import pytest
import requests
from rules_world import ALICE, API, CALLBACK, MFA, TIMEOUT, App, answer_of, header_of

from mockidp.rules import words
from mockidp.seed.load import check_files
from mockidp.server import MockIdp

FIXTURES = Path(__file__).parents[2] / "fixtures"
SCENARIOS = sorted(FIXTURES.glob("*.scenario.yaml"))


def login(app: App) -> None:
    """Three people at the page."""
    assert "code" in app.answer(prompt="login")
    assert app.answer(prompt="login")["error_description"] == "Bob pressed the wrong button"
    assert "code" in app.answer(prompt="login")


def login_as(app: App) -> None:
    """One person."""
    assert "code" in app.answer()


def two_people(app: App) -> None:
    """Two clients, two people."""
    assert "code" in app.answer()
    assert "code" in app.answer(client_id="spa", prompt="login", code_challenge="x" * 43)


def linking(app: App) -> None:
    """The application asks with Alice's token for her Facebook account."""
    token = app.idp.token(ALICE, client="Web")
    assert "code" in app.answer(connection="facebook", access_token=token)


def mfa_and_consent(app: App) -> None:
    """A second factor missed and passed, a consent refused and given."""
    assert "error" in app.answer(acr_values=MFA, prompt="login")
    assert "code" in app.answer(acr_values=MFA, prompt="login")
    for expected in ("error", "code"):
        answer = app.authorize(
            client_id="native", audience=API, prompt="login", scope="openid read:x", code_challenge="x" * 43
        )
        assert expected in answer_of(answer)


def refresh_token_revoked(app: App) -> None:
    """The application falls back to a login."""
    tokens = app.log_in(scope="openid offline_access")
    refused = app.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refused.json()["error"] == "invalid_grant"
    assert "access_token" in app.log_in(prompt="login")


def rate_limit(app: App) -> None:
    """Two requests a minute; then it goes on."""
    assert [app.machine().status_code for _ in range(3)] == [200, 200, 429]
    assert app.get("/api/v2/users").json()["errorCode"] == "too_many_requests"
    app.idp.clock.advance(minutes=1)
    assert app.machine().status_code == 200
    assert app.get("/api/v2/users").status_code == 401


def outage(app: App) -> None:
    """Each request goes wrong in its own way."""
    bearer = f"Bearer {app.idp.token(ALICE)}"
    seen: list[object] = []
    for _ in range(6):
        try:
            answer = app.get("/userinfo", Authorization=bearer)
            seen.append(answer.status_code if not answer.ok else "sub" in answer.json())
        except requests.exceptions.JSONDecodeError:
            seen.append("malformed")
        except requests.exceptions.RequestException:
            seen.append("dropped")
    assert seen == [503, "dropped", "dropped", "malformed", 504, True]


def key_rotation(app: App) -> None:
    """The second token's key is not in the key set until it is fresh again."""

    def is_known() -> bool:
        keys = app.get("/.well-known/jwks.json").json()["keys"]
        return header_of(token)["kid"] in [key["kid"] for key in keys]

    token = app.machine().json()["access_token"]
    assert is_known()
    token = app.machine().json()["access_token"]
    assert not is_known()
    app.idp.clock.advance(minutes=5)
    assert is_known()


def tampered_tokens(app: App) -> None:
    """A careful client accepts none, and the next one is right."""
    url = f"{app.idp.url}/.well-known/jwks.json"
    seen = []
    for _ in range(9):
        token = app.machine().json()["access_token"]
        try:
            key = jwt.PyJWKClient(url).get_signing_key_from_jwt(token)
            jwt.decode(token, key.key, ["RS256"], audience=API, issuer=f"{app.idp.url}/")
            seen.append("right")
        except jwt.PyJWTError as error:
            seen.append(type(error).__name__.removesuffix("Error"))
    assert seen == [
        *("ExpiredSignature", "ImmatureSignature", "InvalidSignature", "PyJWKClient", "InvalidAlgorithm"),
        *("InvalidAlgorithm", "InvalidIssuer", "InvalidAudience", "right"),
    ]


def session_expires(app: App) -> None:
    """The second request finds no session, and Alice logs in again."""
    assert "code" in app.answer()
    assert "code" in app.answer()


def time(app: App) -> None:
    """The application asks with the token of two days ago."""
    bearer = f"Bearer {app.log_in()['access_token']}"
    assert not app.idp.clock.frozen
    assert app.get("/userinfo", Authorization=bearer).status_code == 401


def password_reset(app: App) -> None:
    """Both get the same answer."""
    for who in ("bob@example.com", "nobody@example.com"):
        body = {"client_id": "web", "email": who, "connection": "Username-Password-Authentication"}
        sent = requests.post(f"{app.idp.url}/dbconnections/change_password", json=body, timeout=TIMEOUT)
        assert sent.ok


def passwordless(app: App) -> None:
    """She looks into her mail after the first try."""
    start = {"client_id": "web", "client_secret": "web-secret", "connection": "email", "send": "code"}
    start |= {"email": "dora@example.com"}
    assert requests.post(f"{app.idp.url}/passwordless/start", json=start, timeout=TIMEOUT).ok
    grant = "http://auth0.com/oauth/grant-type/passwordless/otp"
    for otp, status in (("111111", 403), (str(app.idp.outbox.last.code), 200)):
        answer = app.token(grant_type=grant, username="dora@example.com", realm="email", otp=otp)
        assert answer.status_code == status, answer.text


def blocked_account(app: App) -> None:
    """The right password comes too late."""
    form = {"grant_type": "password", "username": ALICE, "password": "wrong"}
    assert {app.token(**form).status_code for _ in range(10)} == {403}
    assert app.token(**form | {"password": "alice-password"}).json()["error"] == "too_many_attempts"


PLAYS: dict[str, Callable[[App], None]] = {
    play.__name__.replace("_", "-"): play
    for play in (
        login,
        login_as,
        two_people,
        linking,
        mfa_and_consent,
        refresh_token_revoked,
        rate_limit,
        outage,
        key_rotation,
        tampered_tokens,
        session_expires,
        time,
        password_reset,
        passwordless,
        blocked_account,
    )
}


@pytest.fixture(scope="module")
def server() -> Iterator[MockIdp]:
    with MockIdp() as idp:
        yield idp


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.name)
def test_an_example_is_met(server: MockIdp, path: Path) -> None:
    """An application that does what the title says meets it; one that does nothing does not."""
    server.reset()
    server.load_scenario(path)
    with pytest.raises(AssertionError):
        server.verify()
    PLAYS[path.name.removesuffix(".scenario.yaml")](App(server))
    server.verify()
    server.raise_problems()


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.name)
def test_check_has_nothing_to_say(path: Path) -> None:
    """Each file is right by itself."""
    assert check_files([path], {}) == []


def test_every_word_has_an_example() -> None:
    """Nothing can be said that no shipped file says."""
    text = "\n".join(path.read_text() for path in SCENARIOS)
    tables = (words.SCENARIO, words.RULE, words.WHERE, words.THEN, words.EXPECT)
    assert [word for table in tables for word in table if f"{word}:" not in text] == []


def test_every_word_is_explained() -> None:
    """docs/scenarios.md has each word, and each way to tamper."""
    text = (FIXTURES.parent / "docs" / "scenarios.md").read_text()
    tables = (words.SCENARIO, words.RULE, words.WHERE, words.THEN, words.EXPECT, words.MESSAGE)
    names = [*(word for table in tables for word in table), *words.CHOICES["tamper"]]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_the_callback_of_the_examples() -> None:
    """The demo tenant's clients know it."""
    assert CALLBACK in (FIXTURES / "demo.yaml").read_text()
