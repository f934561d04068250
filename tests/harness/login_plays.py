"""What applications and people do in the shipped scenarios of logins, tokens and logouts."""

from __future__ import annotations

import html
import re
from urllib.parse import urlencode

import requests
from rules_world import ALICE, API, BOB, CALLBACK, MFA, TIMEOUT, App, answer_at, answer_of, claims_of

DATABASE = "Username-Password-Authentication"
REALM = "http://auth0.com/oauth/grant-type/password-realm"
OTP = "http://auth0.com/oauth/grant-type/passwordless/otp"
HOME = "http://localhost:3000"
WEB = {"client_id": "web", "client_secret": "web-secret"}


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


def wrong_password(app: App) -> None:
    """The page says so, and takes the right one."""
    browser = app.idp.browser()
    browser.get(app.authorize_url())
    assert browser.fill(username=BOB, password="wrong", press="default").alert == "Wrong email or password"
    assert "code" in answer_at(browser.fill(username=BOB, password="bob-password", press="default").location)


def password_grant(app: App) -> None:
    """With a realm and without one."""
    form = {"username": BOB, "password": "bob-password"}
    assert app.token(grant_type="password", **form).ok
    assert app.token(grant_type=REALM, realm=DATABASE, **form).ok


def embedded_login(app: App) -> None:
    """What auth0.js does, of version 9 and of version 7."""
    bob = {"username": BOB, "password": "bob-password"}
    proof = {"client_id": "web", "credential_type": REALM, "realm": DATABASE}
    ticket = app.post("/co/authenticate", proof | bob, Origin=HOME).json()["login_ticket"]
    assert "code" in app.answer(login_ticket=ticket, realm=DATABASE)

    asked = {"client_id": "web", "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid"}
    asked |= {"tenant": "localhost", "connection": DATABASE}
    form = app.post("/usernamepassword/login", asked | bob, Origin=HOME).text
    fields = {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form)}
    url = f"{app.idp.url}/login/callback"
    assert "code" in answer_of(requests.post(url, data=fields, timeout=TIMEOUT, allow_redirects=False))


def social_login(app: App) -> None:
    """Refused without a page, then an account made at the page."""
    assert app.answer(connection="google-oauth2")["error"] == "access_denied"
    browser = app.idp.browser()
    browser.get(app.authorize_url(connection="google-oauth2"))
    assert "code" in answer_at(browser.fill(email="erin@gmail.com", press="create").location)


def mfa_and_consent(app: App) -> None:
    """A second factor missed and passed, a consent refused and given."""
    assert "error" in app.answer(acr_values=MFA, prompt="login")
    assert "code" in app.answer(acr_values=MFA, prompt="login")
    for expected in ("error", "code"):
        answer = app.authorize(
            client_id="native", audience=API, prompt="login", scope="openid read:x", code_challenge="x" * 43
        )
        assert expected in answer_of(answer)


def second_factor(app: App) -> None:
    """The page says that the code is wrong, and takes the right one."""
    browser = app.idp.browser()
    browser.get(app.authorize_url(acr_values=MFA))
    browser.fill(username=ALICE, password="alice-password", press="default")
    assert browser.fill(code="000000").status == 400
    assert "code" in answer_at(browser.fill(code="135790").location)


def passwordless(app: App) -> None:
    """She looks into her mail after the first try."""
    start = WEB | {"connection": "email", "send": "code", "email": "dora@example.com"}
    assert app.post("/passwordless/start", start).ok
    for otp, status in (("111111", 403), (str(app.idp.outbox.last.code), 200)):
        answer = app.token(grant_type=OTP, username="dora@example.com", realm="email", otp=otp)
        assert answer.status_code == status, answer.text


def passwordless_link(app: App) -> None:
    """She opens the link."""
    start = WEB | {"connection": "email", "send": "link", "email": "dora@example.com"}
    asked = {"redirect_uri": CALLBACK, "response_type": "code", "scope": "openid"}
    assert app.post("/passwordless/start", start | {"authParams": asked}).ok
    assert "code" in answer_at(app.idp.browser().get(str(app.idp.outbox.last.url)).location)


def passwordless_sms(app: App) -> None:
    """He gives his number, and the code."""
    browser = app.idp.browser()
    browser.get(app.authorize_url(connection="sms"))
    browser.fill(username="+15550100")
    assert "code" in answer_at(browser.fill(code="246810").location)


def organization(app: App) -> None:
    """A member's tokens are the organization's; nobody else gets any."""
    tokens = app.log_in(organization="acme")
    assert claims_of(tokens["id_token"])["org_id"] == app.idp.organization("acme").id
    assert app.answer(organization="acme", prompt="login")["error"] == "access_denied"
    assert app.answer()["error_description"] == "parameter organization is required for this client"


def silent_authentication(app: App) -> None:
    """The application asks without a page as long as it can."""
    assert "code" in app.answer()
    assert "code" in app.answer(prompt="none")
    assert app.answer(prompt="none")["error"] == "login_required"
    assert "code" in app.answer()


def client_credentials(app: App) -> None:
    """The token is good for a day; the other API is refused."""
    expires_at = claims_of(app.machine().json()["access_token"])["exp"]
    app.idp.clock.advance(days=1)
    assert app.idp.clock.now() == expires_at
    assert app.machine().ok
    form = {"grant_type": "client_credentials", "audience": "https://billing.example.com"}
    refused = app.token(client_id="m2m", client_secret="m2m-secret", **form).json()
    assert refused["error_description"].startswith("Client is not authorized to access")


def revocation(app: App) -> None:
    """The token is no use any more."""
    native = {"client_id": "native", "client_secret": ""}
    asked = {"client_id": "native", "scope": "openid offline_access", "code_challenge": "x" * 43}
    code = app.answer(**asked)["code"]
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": "x" * 43}
    token = app.token(**native, **form, redirect_uri=CALLBACK).json()["refresh_token"]
    assert app.post("/oauth/revoke", {"client_id": "native", "token": token}).ok
    refused = app.token(**native, grant_type="refresh_token", refresh_token=token)
    assert refused.json()["error"] == "invalid_grant"


def logout(app: App) -> None:
    """The browser comes back to the application, without a session."""
    assert "code" in app.answer()
    query = urlencode({"client_id": "web", "returnTo": HOME})
    left = app.browser.get(f"{app.idp.url}/v2/logout?{query}", timeout=TIMEOUT, allow_redirects=False)
    assert left.headers["Location"] == HOME
    assert app.answer(prompt="none")["error"] == "login_required"


def oidc_logout(app: App) -> None:
    """With a hint at once, without one after a question; each time the next login asks who it is."""
    browser = app.idp.browser()
    assert "code" in answer_at(browser.get(app.authorize_url()).location)
    back = {"client_id": "web", "post_logout_redirect_uri": HOME}
    hint = {"id_token_hint": app.idp.id_token(ALICE, client="Web"), "state": "s"}
    assert browser.get(f"/oidc/logout?{urlencode(back | hint)}").location == f"{HOME}?state=s"
    assert "code" in answer_at(browser.get(app.authorize_url()).location)
    browser.get(f"/oidc/logout?{urlencode(back)}")
    assert browser.fill(press="accept").location == HOME


PLAYS = (
    login,
    login_as,
    two_people,
    wrong_password,
    password_grant,
    embedded_login,
    social_login,
    mfa_and_consent,
    second_factor,
    passwordless,
    passwordless_link,
    passwordless_sms,
    organization,
    silent_authentication,
    client_credentials,
    revocation,
    logout,
    oidc_logout,
)
