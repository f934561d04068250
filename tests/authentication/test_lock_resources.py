"""What auth0.js and Lock load beside logins: settings, SSO data, country, captcha, popups (§6.3, §6.10)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from classic_world import ALICE, APP, CALLBACK, DATABASE, SEED, Browser, Form, argument, claims

from mockidp import MockIdp

EVIL = "https://evil.example"


@pytest.fixture(scope="session")
def idp_seed() -> Any:
    return SEED


@pytest.fixture
def browser(idp: MockIdp) -> Browser:
    return Browser(idp)


# -- Lock's settings -------------------------------------------------------------------------------------


def test_a_clients_settings(browser: Browser) -> None:
    """A script that calls `Auth0.setClient`; the connections are the client's, by strategy."""
    response = browser.get("/client/page.js?t1700000000000")
    assert response.content_type == "application/x-javascript; charset=utf-8"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert argument(response, "Auth0.setClient") == {
        "id": "page",
        "tenant": "localhost",
        "subscription": "free",
        "authorize": "https://localhost:4100/authorize",
        "callback": CALLBACK,
        "hasAllowedOrigins": True,
        "strategies": [
            {
                "name": "auth0",
                "connections": [
                    {"name": DATABASE, "showSignup": False, "showForgot": True, "passwordPolicy": "fair"}
                ],
            },
            {
                "name": "google-oauth2",
                "connections": [{"name": "google-oauth2", "scope": ["email", "profile"]}],
            },
            {
                "name": "samlp",
                "connections": [
                    {
                        "name": "corp",
                        "domain": "corp.example",
                        "domain_aliases": ["corp.example", "corp.test"],
                    }
                ],
            },
        ],
    }


@pytest.mark.parametrize("path", ["/client/nobody.js", "/client/page", "/client/page.json", "/client/.js"])
def test_unknown_settings(browser: Browser, path: str) -> None:
    """404, as for any unknown address."""
    assert browser.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/info-v1.js", "/tenants/v1/localhost.js"])
def test_the_tenants_settings(browser: Browser, path: str) -> None:
    """A script that calls `Auth0.setTenant`: all connections by kind, and each client's."""
    settings = argument(browser.get(path), "Auth0.setTenant")
    assert settings["connections"] == {
        "database": [
            {
                "name": DATABASE,
                "strategy": "auth0",
                "validation": {"passwordPolicy": "fair"},
                "allowSignup": False,
                "allowForgot": True,
                "requiresUsername": False,
            },
            {
                "name": "staff",
                "strategy": "auth0",
                "validation": settings["connections"]["database"][1]["validation"],
                "allowSignup": True,
                "allowForgot": True,
                "requiresUsername": False,
            },
        ],
        "social": [{"name": "google-oauth2", "strategy": "google-oauth2"}],
        "enterprise": [{"name": "corp", "strategy": "samlp", "domains": ["corp.example", "corp.test"]}],
        "passwordless": [],
    }
    assert settings["clientsConnections"]["page"] == [DATABASE, "google-oauth2", "corp"]
    assert settings["clientsConnections"]["other"] == [DATABASE, "staff", "google-oauth2"]
    assert settings["defaultDirectory"] == DATABASE


def test_another_tenants_settings(browser: Browser) -> None:
    """There is one tenant here."""
    assert browser.get("/tenants/v1/acme.js").status_code == 404


@pytest.mark.mockidp(
    seed=[
        SEED,
        {
            "clients": [
                {"client_id": "page", "name": "Page", "callbacks": ["https://x/</script>\u2028\u2029"]}
            ]
        },
    ]
)
def test_a_script_holds_no_markup_and_no_line_separators(browser: Browser) -> None:
    """What a tenant's administrator wrote can't end a script element or a line."""
    text = browser.get("/client/page.js").text
    assert not re.search("[<\u2028\u2029]", text)
    assert (
        argument(browser.get("/client/page.js"), "Auth0.setClient")["callback"]
        == "https://x/</script>\u2028\u2029"
    )


# -- single sign-on data ---------------------------------------------------------------------------------


def logged_in(browser: Browser) -> Browser:
    browser.authorize(login_ticket=browser.ticket())
    return browser


@pytest.mark.parametrize("path", ["/user/ssodata", "/user/ssodata/"])
def test_nobody_is_logged_in(browser: Browser, path: str) -> None:
    """Lock 10 asks with a trailing slash."""
    response = browser.get(path, ldaps="1", client_id="page")
    assert (response.status_code, response.json) == (200, {"sso": False})


def test_somebody_is_logged_in(browser: Browser, idp: MockIdp) -> None:
    """Who, where and how he logged in last."""
    assert logged_in(browser).get("/user/ssodata").json == {
        "sso": True,
        "sessionClients": ["page"],
        "lastUsedClientID": "page",
        "lastUsedUsername": ALICE["username"],
        "lastUsedUserID": idp.users[ALICE["username"]].user_id,
        "lastUsedConnection": {"name": DATABASE, "strategy": "auth0"},
    }


def test_after_the_session_nobody_is(browser: Browser, idp: MockIdp) -> None:
    """Expired, or the user was deleted."""
    logged_in(browser)
    idp.clock.advance(days=30)
    assert browser.get("/user/ssodata").json == {"sso": False}


def test_only_a_clients_page_may_read_it(browser: Browser) -> None:
    """CORS with credentials for registered origins; nothing for others."""
    own = browser.get("/user/ssodata", origin=APP)
    assert own.headers["Access-Control-Allow-Origin"] == APP
    assert own.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Access-Control-Allow-Origin" not in browser.get("/user/ssodata", origin=EVIL).headers


def test_a_clients_page_may_load_it_as_a_script(browser: Browser) -> None:
    """JSONP, for pages of a client alone: a script knows no CORS."""
    logged_in(browser)
    url = "/user/ssodata?cbx=__auth0jp0"
    send = browser._client.get
    own = send(url, base_url="https://localhost:4100", headers={"Referer": f"{APP}/page?x"})
    assert own.content_type == "text/javascript; charset=utf-8"
    assert argument(own, "__auth0jp0")["lastUsedUsername"] == ALICE["username"]
    assert argument(own, "__auth0jp0")["status"] == 200
    for referer in ({}, {"Referer": f"{EVIL}/"}, {"Referer": "javascript:x"}, {"Referer": "https://["}):
        refused = send(url, base_url="https://localhost:4100", headers=referer)
        assert refused.status_code == 403
        assert ALICE["username"] not in refused.text


# -- JSONP, country, captcha -----------------------------------------------------------------------------


def test_the_country(browser: Browser) -> None:
    """For everybody: CORS without credentials, or a script."""
    response = browser.get("/user/geoloc/country", origin=EVIL)
    assert response.json == {"country_code": "US"}
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Access-Control-Allow-Credentials"] == "false"
    script = browser.get("/user/geoloc/country", callback="a.b$_1")
    assert (
        script.text == """/**/ typeof a.b$_1 === 'function' && a.b$_1({"country_code":"US","status":200});"""
    )
    assert script.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "name", ["alert(1)", "a;b", "a b", "1a", "a.", ".a", "a..b", "<x>", "é", "a\n", "a" * 129, "a[0]"]
)
def test_a_callback_is_a_name(browser: Browser, name: str) -> None:
    """Anything else is refused, and not reflected."""
    response = browser.get("/user/geoloc/country", callback=name)
    assert (response.status_code, response.json) == (
        400,
        {"error": "invalid_request", "error_description": "Invalid callback"},
    )


@pytest.mark.parametrize(
    "path",
    [
        "/usernamepassword/challenge",
        "/dbconnections/signup/challenge",
        "/dbconnections/change_password/challenge",
        "/passwordless/challenge",
    ],
)
def test_no_captcha_is_wanted(browser: Browser, path: str) -> None:
    """Before each form that may have one."""
    response = browser.post(path, json={"state": "x"})
    assert (response.status_code, response.json) == (200, {"required": False})
    assert response.headers["Access-Control-Allow-Origin"] == "*"


# -- the profile -----------------------------------------------------------------------------------------


def test_the_profile_behind_an_id_token(browser: Browser, idp: MockIdp) -> None:
    """By JSON, form, query or script; the legacy profile, with the identities and without their tokens."""
    user = idp.users[ALICE["username"]]
    token = idp.id_token(user, client="page")
    profile = browser.post("/tokeninfo", json={"id_token": token}).json
    assert profile["identities"] == [
        {"user_id": user.user_id[6:], "provider": "auth0", "connection": DATABASE, "isSocial": False}
    ]
    assert (profile["user_id"], profile["sub"], profile["clientID"]) == (user.user_id, user.user_id, "page")
    assert profile["email"] == ALICE["username"]
    assert "logins_count" not in profile
    assert browser.post("/tokeninfo", data={"id_token": token}).json == profile
    assert browser.get("/tokeninfo", id_token=token).json == profile
    script = browser.get("/tokeninfo", id_token=token, cbx="f")
    assert argument(script, "f") == {"user": profile, "status": 200}


@pytest.mark.parametrize("kind", ["nothing", "nonsense", "access token", "opaque", "expired", "deleted"])
def test_no_profile_without_an_id_token(browser: Browser, idp: MockIdp, kind: str) -> None:
    """401 in plain text; in a script, its status is inside."""
    alice = ALICE["username"]
    tokens = {
        "nothing": "",
        "nonsense": "a.b.c",
        "access token": idp.token(alice, client="page", audience="https://api.example.com"),
        "opaque": idp.token(alice, client="page"),
        "expired": idp.id_token(alice, client="page", expires_in=-1),
        "deleted": idp.id_token(alice, client="page"),
    }
    if kind == "deleted":
        path = f"/api/v2/users/{idp.users[alice].user_id}"
        browser._client.delete(path, headers={"Authorization": f"Bearer {idp.management_token()}"})
    response = browser.post("/tokeninfo", json={"id_token": tokens[kind]})
    assert (response.status_code, response.text) == (401, "Unauthorized")
    script = browser.get("/tokeninfo", id_token=tokens[kind], cbx="f")
    assert argument(script, "f") == {"error": "Unauthorized", "status": 401}


# -- popups ----------------------------------------------------------------------------------------------


def variables(text: str) -> tuple[Any, Any]:
    """Return what the popup's script has: the origins that it answers, and the result."""
    found = re.findall(r"var (?:origins|result) = (.*);", text)
    assert len(found) == 2, text
    return json.loads(found[0]), json.loads(found[1])


def test_the_relay_page(browser: Browser) -> None:
    """A page for frames, with one script and nothing else."""
    response = browser.get("/relay.html")
    assert response.status_code == 200
    assert "doPost" in response.text
    assert "X-Frame-Options" not in response.headers
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_owp_answers_by_the_popups_page(browser: Browser) -> None:
    """`owp`: the answer is for the client's pages, not at the redirect URI; old clients get both tokens."""
    response = browser.authorize(login_ticket=browser.ticket(), owp="true", response_type="token")
    origins, result = variables(response.text)
    assert response.status_code == 200
    assert origins == [APP]
    assert {"access_token", "id_token", "state", "token_type"} <= set(result)
    assert result["expires_in"] == 7200
    assert claims(result["id_token"])["email"] == ALICE["username"]
    assert response.headers["X-Frame-Options"] == "deny"


def test_owp_answers_errors_too(browser: Browser) -> None:
    """And what is in them ends no script."""
    evil = "</script><script>\u2028"
    response = browser.authorize(owp="true", prompt="none", response_type="token", state=evil)
    assert variables(response.text)[1] == {
        "error": "login_required",
        "error_description": "Login required",
        "state": evil,
    }
    assert response.text.count("</script>") == 1


def test_owp_does_not_open_other_redirect_uris(browser: Browser) -> None:
    """All checks stay."""
    assert browser.authorize(owp="true", redirect_uri=EVIL).status_code == 403


def test_a_popup_asks_its_opener_for_the_password(browser: Browser) -> None:
    """Lock 9 and 10 in popup mode open this page."""
    response = browser.get("/sso_dbconnection_popup/page")
    assert variables(response.text) == ([APP], None)
    assert browser.get("/sso_dbconnection_popup/nobody").status_code == 400


def test_a_popup_logs_in(browser: Browser) -> None:
    """The password comes from the popup itself, the tokens go to its opener."""
    body = {**ALICE, "connection": DATABASE, "scope": "openid email", "state": "S", "client_id": "other"}
    response = browser.post("/sso_dbconnection_popup/page", origin="https://localhost:4100", data=body)
    origins, result = variables(response.text)
    assert (origins, result["state"]) == ([APP], "S")
    assert claims(result["id_token"])["aud"] == "page"


def test_a_popup_says_what_is_wrong(browser: Browser) -> None:
    """Where auth0.js 6 (`err.details`) and 8 (`err.code`) look."""
    body = {**ALICE, "password": "x", "connection": DATABASE}
    response = browser.post("/sso_dbconnection_popup/page", origin="https://localhost:4100", data=body)
    error = variables(response.text)[1]["err"]
    assert (error["status"], error["code"]) == (401, "invalid_user_password")
    assert error["details"]["description"] == "Wrong email or password."


@pytest.mark.parametrize("origin", [None, APP, EVIL, "null"])
def test_nobody_else_posts_to_the_popup(browser: Browser, origin: str | None) -> None:
    """A foreign form would log its visitor in as somebody else."""
    body = {**ALICE, "connection": DATABASE}
    response = browser.post("/sso_dbconnection_popup/page", origin=origin, data=body)
    assert response.status_code == 403
    assert not Form(response.text).fields
