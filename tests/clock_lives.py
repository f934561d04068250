"""What lives so long and no longer: each is made, and returns whether it is still good."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import urljoin

import jwt
import requests
from clock_world import API, CALLBACK, DATABASE, DAY, HOUR, MINUTE, OTP, World, answer, key_pair

from mockidp.clock import iso
from mockidp.model.organization import INVITATIONS, Invitation

MFA = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
REALM = "http://auth0.com/oauth/grant-type/password-realm"

Good = Callable[[], bool]


def opaque_access_token(world: World) -> Good:
    token = world.password()["access_token"]
    return lambda: world.get("/userinfo", token).ok


def management_token(world: World) -> Good:
    audience = f"{world.idp.issuer}api/v2/"
    token = world.token("web", grant_type="client_credentials", audience=audience).json()["access_token"]
    return lambda: world.get("/api/v2/users", token).ok


def id_token(world: World) -> Good:
    token = world.password()["id_token"]
    return lambda: world.get("/tokeninfo", id_token=token).ok


def minted_token(world: World) -> Good:
    token = world.idp.token(world.person, client="web", scope="openid", expires_in=90)
    return lambda: world.get("/userinfo", token).ok


def client_assertion(world: World, **claims: Any) -> Good:
    now = world.idp.clock.now()
    content = {"iss": "keys", "sub": "keys", "aud": world.idp.issuer, "iat": now, "exp": now + 90, **claims}
    form = {
        "grant_type": "client_credentials",
        "audience": API,
        "client_assertion": jwt.encode(content, key_pair()[0], "ES256"),
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    return lambda: world.post("/oauth/token", **form).ok


def authorization_code(world: World) -> Good:
    code = world.log_in()[1]["code"]
    return lambda: world.redeem(code).ok


def idle_refresh_token(world: World) -> Good:
    token = world.password("idle")["refresh_token"]
    world.idp.clock.advance(50 * MINUTE)
    assert world.refresh("idle", token).ok  # its hour begins anew
    return lambda: world.refresh("idle", token).ok


def absolute_refresh_token(world: World) -> Good:
    token = world.password("absolute")["refresh_token"]
    for _ in range(3):
        world.idp.clock.advance(30 * MINUTE)
        assert world.refresh("absolute", token).ok
    return lambda: world.refresh("absolute", token).ok


def leeway_of_rotation(world: World) -> Good:
    token = world.password("rotating")["refresh_token"]
    assert world.refresh("rotating", token).ok
    return lambda: world.refresh("rotating", token).ok


def idle_session(world: World) -> Good:
    browser, _ = world.log_in()
    return lambda: "code" in answer(browser.get(world.authorize_url(prompt="none")).location)


def absolute_session(world: World) -> Good:
    browser, _ = world.log_in()
    for _ in range(3):
        world.idp.clock.advance(50 * MINUTE)
        assert "code" in answer(browser.get(world.authorize_url(prompt="none")).location)
    return lambda: "code" in answer(browser.get(world.authorize_url(prompt="none")).location)


def max_age(world: World) -> Good:
    browser, _ = world.log_in()
    url = world.authorize_url(prompt="none", max_age="300")
    return lambda: "code" in answer(browser.get(url).location)


def login_page(world: World) -> Good:
    browser, person = world.idp.browser(), world.person
    browser.get(world.authorize_url())
    filled = {"username": person, "password": "password"}
    return lambda: browser.fill(filled, press="default").location is not None


def mailed_code(world: World) -> Good:
    browser = world.idp.browser()
    browser.get(world.authorize_url(acr_values=MFA))
    browser.fill(username=world.person, password="password", press="default")
    code = world.idp.outbox.last.code
    return lambda: browser.fill(code=code).location is not None


def upstream_code(world: World) -> Good:
    browser = world.idp.browser()
    form = browser.get(world.authorize_url(connection="facebook")).forms[0]
    sent = {**form.fields, "user": "facebook|1"}
    cookies = dict(browser.cookies)
    back = requests.post(form.action, sent, cookies=cookies, timeout=10, allow_redirects=False)
    url = urljoin(form.action, back.headers["Location"])
    return lambda: requests.get(url, cookies=cookies, timeout=10, allow_redirects=False).status_code == 302


def login_ticket(world: World) -> Good:
    body = {"client_id": "page", "credential_type": REALM, "realm": DATABASE}
    body |= {"username": world.person, "password": "password"}
    ticket = world.post("/co/authenticate", body).json()["login_ticket"]
    url = world.authorize_url(client_id="page", login_ticket=ticket)
    return lambda: "code" in answer(world.idp.browser().get(url).location)


def classic_login(world: World) -> Good:
    body = {"client_id": "page", "redirect_uri": CALLBACK, "response_type": "code", "tenant": "mock"}
    body |= {"connection": DATABASE, "username": world.person, "password": "password", "scope": "openid"}
    form = world.post("/usernamepassword/login", body).text
    fields = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form)}
    return lambda: world.post("/login/callback", **fields).status_code == 302


def verification_link(world: World) -> Good:
    email = f"new-{world.person}"
    world.post(
        "/dbconnections/signup",
        {"client_id": "web", "email": email, "password": "A-new-passw0rd", "connection": DATABASE},
    )
    url = world.idp.outbox.wait_for(to=email, kind="verify_email").url
    return lambda: world.idp.browser().get(url).status == 200


def reset_link(world: World) -> Good:
    world.post(
        "/dbconnections/change_password",
        {"client_id": "web", "email": world.person, "connection": DATABASE},
    )
    url = world.idp.outbox.wait_for(to=world.person, kind="reset_email").url
    return lambda: world.idp.browser().get(url).status == 200


def invitation(world: World) -> Good:
    open_until = iso(world.idp.clock.now() + DAY)
    members = {"organization_id": "org_acme", "client_id": "web", "expires_at": open_until}
    ticket = f"ticket-{world.person}"
    kept = Invitation.of({**members, "id": ticket, "ticket_id": ticket, "invitee": {"email": world.person}})
    world.idp.state.store.put(INVITATIONS, kept.id, kept)
    url = world.authorize_url(organization="org_acme", invitation=ticket)
    return lambda: world.idp.browser().get(url).location is None


def passwordless_code(world: World) -> Good:
    body = {"client_id": "web", "client_secret": "secret", "connection": "email", "send": "code"}
    assert world.post("/passwordless/start", {**body, "email": world.person}).ok
    form = {"username": world.person, "realm": "email", "otp": world.idp.outbox.last.code or ""}
    return lambda: world.token("web", grant_type=OTP, **form).ok


def blocked_after_failures(world: World) -> Good:
    def status(password: str) -> int:
        form = {"grant_type": "password", "username": person, "password": password}
        return world.token("web", **form).status_code

    person = world.person
    assert {status("wrong") for _ in range(11)} == {403, 429}
    return lambda: status("password") == 429


def rate_limit(world: World) -> Good:
    world.idp.on("GET /.well-known/jwks.json").rate_limit(per="90s")
    assert world.get("/.well-known/jwks.json").status_code == 429
    return lambda: world.get("/.well-known/jwks.json").status_code == 429


def stale_key_set(world: World) -> Good:
    world.idp.on("POST /oauth/token").rotate_keys(stale="90s")
    kid = jwt.get_unverified_header(world.password()["id_token"])["kid"]
    return lambda: kid not in world.get("/.well-known/jwks.json").text


# each with the seconds that it is good for from then on
LIVES: list[tuple[Callable[[World], Good], int]] = [
    (opaque_access_token, DAY),
    (management_token, DAY),
    (id_token, 10 * HOUR),
    (minted_token, 90),
    (client_assertion, 90),
    (authorization_code, 10 * MINUTE),
    (idle_refresh_token, HOUR),
    (absolute_refresh_token, 30 * MINUTE),
    (leeway_of_rotation, MINUTE),
    (idle_session, HOUR),
    (absolute_session, 30 * MINUTE),
    (max_age, 5 * MINUTE),
    (login_page, HOUR + 1),
    (mailed_code, HOUR + 1),
    (upstream_code, 10 * MINUTE),
    (login_ticket, MINUTE),
    (classic_login, MINUTE),
    (verification_link, 5 * DAY),
    (reset_link, 5 * DAY),
    (invitation, DAY),
    (passwordless_code, 3 * MINUTE),
    (blocked_after_failures, 30 * DAY),
    (rate_limit, 90),
    (stale_key_set, 90),
]
SHARED = (rate_limit, stale_key_set)  # the tenant has one of it
