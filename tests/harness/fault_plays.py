"""What applications do in the shipped scenarios in which something goes wrong."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode

import jwt
import requests
from rules_world import ALICE, API, CALLBACK, App, claims_of, header_of

from mockidp.clock import iso


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
    bodies = []
    for _ in range(6):
        try:
            answer = app.get("/userinfo", Authorization=bearer)
            seen.append(answer.status_code if not answer.ok else "sub" in answer.json())
            bodies.append((answer.headers.get("X-Cache"), answer.text[:3]))
        except requests.exceptions.JSONDecodeError:
            seen.append("malformed")
        except requests.exceptions.RequestException:
            seen.append("dropped")
    assert seen == [503, "dropped", "dropped", "malformed", 504, True]
    assert ("MISS", "<h1") in bodies


def key_rotation(app: App) -> None:
    """Each token's key is another one, which the key set knows at once, later, or never."""

    def key_of_next() -> object:
        return header_of(app.machine().json()["access_token"])["kid"]

    def known() -> list[object]:
        return [key["kid"] for key in app.get("/.well-known/jwks.json").json()["keys"]]

    before = header_of(app.idp.id_token(ALICE, client="Web"))["kid"]
    first = key_of_next()
    assert first in known()
    second = key_of_next()
    assert second not in known()
    app.idp.clock.advance(minutes=5)
    assert second in known()
    third = key_of_next()
    app.idp.clock.advance(days=1)
    assert third not in known()
    assert len({before, first, second, third}) == 4


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


def tampered_id_tokens(app: App) -> None:
    """A careful application finds one wrong claim in each, and none in the last one."""

    def wrong_claims() -> list[str]:
        tokens = app.log_in(nonce="mine")
        bearer = f"Bearer {tokens['access_token']}"
        half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
        right = {
            "sub": app.get("/userinfo", Authorization=bearer).json()["sub"],
            "aud": "web",
            "azp": "web",
            "nonce": "mine",
            "at_hash": urlsafe_b64encode(half).rstrip(b"=").decode(),
        }
        claims = claims_of(tokens["id_token"])
        return [name for name, value in right.items() if claims.get(name, value) != value]

    assert [wrong_claims() for _ in range(6)] == [["sub"], ["aud"], ["azp"], ["nonce"], ["at_hash"], []]


def implicit(app: App) -> None:
    """The nonce tells the two answers apart."""
    asked = {"client_id": "spa", "response_type": "id_token token", "nonce": "mine"}
    nonces = [claims_of(app.answer(**asked)["id_token"])["nonce"] for _ in range(2)]
    assert nonces[0] == "mine"
    assert nonces[1] != "mine"


def linking_refused(app: App) -> None:
    """The token of two days ago names nobody any more."""
    token = app.idp.token(ALICE, client="Web")
    answer = app.answer(connection="facebook", access_token=token)
    assert answer["error_description"] == "invalid main user access_token/refresh_token"


def session_expires(app: App) -> None:
    """The second request finds no session, and Alice logs in again."""
    assert "code" in app.answer()
    assert "code" in app.answer()


def time(app: App) -> None:
    """The application asks with the token of two days ago."""
    bearer = f"Bearer {app.log_in()['access_token']}"
    course = app.idp.clock.state()
    assert (iso(course.base), course.rate) == ("2030-01-01T08:00:00.000Z", 60)
    assert app.get("/userinfo", Authorization=bearer).status_code == 401


def expired_link(app: App) -> None:
    """The page says that the link is over."""
    body = {"client_id": "web", "email": "bob@example.com", "connection": "Username-Password-Authentication"}
    assert app.post("/dbconnections/change_password", body).ok
    assert app.idp.clock.frozen
    page = app.idp.browser().get(str(app.idp.outbox.last.url))
    assert (page.status, page.forms) == (400, ())


def refresh_token_rotation(app: App) -> None:
    """The first token is good once; its second use ends its successor, too."""
    verifier = "x" * 43
    asked = {"client_id": "spa", "scope": "openid offline_access", "code_challenge": verifier}

    def token_set(**form: str) -> dict[str, str]:
        answer = app.token(client_id="spa", client_secret="", **form)
        given: dict[str, str] = answer.json()
        return given

    def refresh(token: str) -> dict[str, str]:
        return token_set(grant_type="refresh_token", refresh_token=token)

    code = app.answer(**asked)["code"]
    form = {"code": code, "code_verifier": verifier, "redirect_uri": CALLBACK}
    first = token_set(grant_type="authorization_code", **form)
    second = refresh(first["refresh_token"])
    assert refresh(first["refresh_token"])["error"] == "invalid_grant"
    assert refresh(second["refresh_token"])["error"] == "invalid_grant"
    assert "code" in app.answer(**asked, prompt="login")


def blocked_account(app: App) -> None:
    """The right password comes too late, until she follows the link."""
    form = {"grant_type": "password", "username": ALICE, "password": "wrong"}
    assert {app.token(**form).status_code for _ in range(10)} == {403}
    right = form | {"password": "alice-password"}
    assert app.token(**right).json()["error"] == "too_many_attempts"
    browser = app.idp.browser()
    browser.get(str(app.idp.outbox.last.url))
    assert browser.submit().heading == "Account Unblocked"
    assert app.token(**right).ok


def blocked_user(app: App) -> None:
    """The block holds at the token endpoint and at the login."""
    tokens = app.log_in(scope="openid offline_access")
    bob = app.idp.users["bob@example.com"].user_id
    assert app.manage("PATCH", f"users/{bob}", {"blocked": True}).ok
    refused = app.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refused.json()["error"] == "invalid_grant"
    assert app.answer(prompt="login")["error_description"] == "user is blocked"


PLAYS = (
    refresh_token_revoked,
    rate_limit,
    outage,
    key_rotation,
    tampered_tokens,
    tampered_id_tokens,
    implicit,
    linking_refused,
    session_expires,
    time,
    expired_link,
    refresh_token_rotation,
    blocked_account,
    blocked_user,
)
