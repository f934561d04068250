"""auth0.js and Lock in Chromium, in the versions that people still have, as their documentation says."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from browser_world import ALICE, BOB, DATABASE, GOOGLE, Visit

pytestmark = pytest.mark.slow

WEB_AUTH = """
    window.webAuth = window.webAuth || new auth0.WebAuth({
        domain, clientID: 'spa', redirectUri: here,
        responseType: 'token id_token', scope: 'openid profile email',
    });
    const answer = call => new Promise(resolve => call((error, result) => resolve({error, result})));
"""
LOCK = """
    window.answer = new Promise(resolve => {
        window.lock = new Auth0Lock('spa', domain, {
            closable: false, ...options,
            auth: {
                redirectUrl: here, responseType, params: {scope: 'openid profile email', ...params}, ...auth,
            },
        });
        lock.on('authenticated', resolve);
        lock.on('authorization_error', error => resolve({error}));
    });
"""
auth0_js = pytest.mark.parametrize("page", ["auth0-js-9", "auth0-js-10"])
lock_10_and_14 = pytest.mark.parametrize("page", ["lock-10", "lock-14"])


def web_auth(visit: Visit, script: str, **values: Any) -> Any:
    """Run a function body with `webAuth`; `answer(callback => …)` gives `{error, result}`."""
    return visit.run(WEB_AUTH + script, **values)


def parsed(visit: Visit, page: str) -> dict[str, Any]:
    """Return what `parseHash` makes of the URL that the browser is sent back to."""
    visit.back(page)
    result: dict[str, Any] = web_auth(visit, "return answer(done => webAuth.parseHash(done));")
    assert result["error"] is None
    return dict(result["result"])


@auth0_js
def test_auth0_js_authorizes(visit: Visit, page: str) -> None:
    """`authorize` and `parseHash`: the implicit flow, checked with the JWKS."""
    visit.open(page)
    visit.leave(WEB_AUTH + "webAuth.authorize();")
    visit.log_in()
    result = parsed(visit, page)
    assert result["idTokenPayload"]["email"] == ALICE["email"]
    assert result["accessToken"]


@auth0_js
def test_auth0_js_checks_the_session(visit: Visit, page: str) -> None:
    """`checkSession`: first `login_required`, after a login the tokens."""
    visit.open(page)
    check = "return answer(done => webAuth.checkSession({}, done));"
    assert web_auth(visit, check)["error"]["code"] == "login_required"
    visit.leave(WEB_AUTH + "webAuth.authorize();")
    visit.log_in()
    parsed(visit, page)
    assert web_auth(visit, check)["result"]["idTokenPayload"]["email"] == ALICE["email"]


@auth0_js
def test_auth0_js_logs_in_cross_origin(visit: Visit, page: str) -> None:
    """`login`: /co/authenticate, then /authorize with the ticket; the session stays."""
    visit.open(page)
    visit.leave(
        WEB_AUTH + "webAuth.login({realm, username, password}, () => {});", realm=DATABASE, **credentials(BOB)
    )
    assert parsed(visit, page)["idTokenPayload"]["email"] == BOB["email"]
    check = "return answer(done => webAuth.checkSession({}, done));"
    assert web_auth(visit, check)["result"]["idTokenPayload"]["email"] == BOB["email"]


def credentials(user: dict[str, str]) -> dict[str, str]:
    return {"username": user["email"], "password": user["password"]}


@auth0_js
def test_auth0_js_sees_a_wrong_password(visit: Visit, page: str) -> None:
    """The page can read the refusal: CORS with credentials."""
    visit.open(page)
    script = "return answer(done => webAuth.login({realm, username: 'x@example.com', password: 'x'}, done));"
    error = web_auth(visit, script, realm=DATABASE)["error"]
    assert (error["code"], error["description"]) == ("access_denied", "Wrong email or password.")


@auth0_js
def test_auth0_js_logs_in_cross_origin_without_leaving(visit: Visit, page: str) -> None:
    """`popup.loginWithCredentials`: the ticket's answer comes by web_message."""
    visit.open(page)
    script = "return answer(done => webAuth.popup.loginWithCredentials({realm, username, password}, done));"
    result = web_auth(visit, script, realm=DATABASE, **credentials(ALICE))
    assert result["result"]["idTokenPayload"]["email"] == ALICE["email"]


@auth0_js
def test_auth0_js_logs_in_in_a_popup(visit: Visit, page: str) -> None:
    """`popup.authorize` with `owp`: the relay page answers."""
    visit.open(page)
    with visit.page.expect_popup() as opened:
        web_auth(visit, "window.done = answer(done => webAuth.popup.authorize({owp: true}, done));")
    visit.log_in(page=opened.value)
    result = web_auth(visit, "return window.done;")["result"]
    assert result["tokenType"] == "Bearer"
    assert result["accessToken"]
    assert result["idToken"]


@auth0_js
def test_auth0_js_asks_who_is_logged_in(visit: Visit, page: str) -> None:
    """`getSSOData` and `getUserCountry`."""
    visit.open(page)
    assert web_auth(visit, "return answer(done => webAuth.client.getSSOData(done));")["result"] == {
        "sso": False
    }
    country = web_auth(visit, "return answer(done => webAuth.client.getUserCountry(done));")["result"]
    assert country == {"countryCode": "US"}


@auth0_js
def test_auth0_js_logs_out(visit: Visit, page: str) -> None:
    """`logout` comes back to the page."""
    visit.open(page)
    visit.leave(WEB_AUTH + "webAuth.logout({clientID: 'spa', returnTo: here + '?bye'});")
    assert visit.page.url.endswith(f"/{page}?bye")


def show_lock(visit: Visit, page: str, **values: Any) -> None:
    """Open a page and show Lock 10 or 14, with more `auth`, `params` and `options`."""
    visit.open(page)
    make_lock(visit, page, **values)
    visit.run("lock.show();")


def make_lock(visit: Visit, page: str, **values: Any) -> None:
    response_type = "token id_token" if page == "lock-14" else "token"
    visit.run(LOCK, **{"auth": {}, "params": {}, "options": {}, "responseType": response_type, **values})


def submit_lock(visit: Visit, user: dict[str, str]) -> None:
    """Fill in Lock 10 or 14."""
    visit.page.fill(".auth0-lock input[name=email]", user["email"])
    visit.page.fill(".auth0-lock input[name=password]", user["password"])
    visit.page.click(".auth0-lock-submit")


def lock_result(visit: Visit, page: str) -> dict[str, Any]:
    """Return what Lock says on the page that the browser is sent back to."""
    visit.back(page)
    make_lock(visit, page)
    return dict(visit.run("return window.answer;"))


@lock_10_and_14
def test_lock_logs_in(visit: Visit, page: str) -> None:
    """The widget in redirect mode; Lock 10 by /usernamepassword/login, Lock 14 by /co/authenticate."""
    show_lock(visit, page)
    submit_lock(visit, ALICE)
    result = lock_result(visit, page)
    assert result["accessToken"]
    assert result["idTokenPayload"]["sub"] == visit.idp.users[ALICE["email"]].user_id
    door = "/co/authenticate" if page == "lock-14" else "/usernamepassword/login"
    visit.idp.requests.assert_called(f"POST {door}", times=1)


@lock_10_and_14
def test_lock_says_that_the_password_is_wrong(visit: Visit, page: str) -> None:
    """The widget knows the error's code, and has a text of its own for it."""
    show_lock(visit, page)
    submit_lock(visit, {**ALICE, "password": "wrong"})
    message = visit.page.wait_for_selector(".auth0-global-message-error")
    assert message is not None
    assert message.inner_text().strip().upper() == "WRONG EMAIL OR PASSWORD."


@lock_10_and_14
def test_lock_links_another_account(visit: Visit, page: str) -> None:
    """`auth.params.access_token`: who logs in becomes an identity of the account whose token it is."""
    token = visit.idp.token(ALICE["email"], client="spa")
    show_lock(visit, page, params={"access_token": token})
    submit_lock(visit, BOB)
    alice = visit.idp.users[ALICE["email"]].user_id
    assert lock_result(visit, page)["idTokenPayload"]["sub"] == alice
    assert len(visit.idp.users[alice].identities) == 2


@lock_10_and_14
def test_lock_logs_in_by_a_social_connection(visit: Visit, page: str) -> None:
    """The button that Lock makes of the client's settings."""
    show_lock(visit, page)
    visit.page.click("[data-provider=google-oauth2]")
    visit.page.click(f"button[value='{GOOGLE}']")
    assert lock_result(visit, page)["idTokenPayload"]["sub"] == GOOGLE


@lock_10_and_14
def test_lock_signs_up(visit: Visit, page: str) -> None:
    """The widget's other tab: /dbconnections/signup, and then a login."""
    show_lock(visit, page, options={"initialScreen": "signUp"})
    submit_lock(visit, {"email": "new@example.com", "password": "Long-enough-2030"})
    new = lock_result(visit, page)["idTokenPayload"]["sub"]
    assert visit.idp.users["new@example.com"].user_id == new


@lock_10_and_14
def test_lock_takes_the_tenants_settings(visit: Visit, page: str) -> None:
    """`useTenantInfo`: /info-v1.js in place of the client's settings."""
    show_lock(visit, page, options={"__useTenantInfo": True})
    visit.page.wait_for_selector("[data-provider=google-oauth2]")
    visit.idp.requests.assert_called("GET /info-v1.js")


def test_lock_10_logs_in_in_a_popup(visit: Visit) -> None:
    """Popup mode: the page at /sso_dbconnection_popup logs in and hands the tokens over."""
    show_lock(visit, "lock-10", auth={"redirect": False})
    with visit.page.expect_popup():
        submit_lock(visit, ALICE)
    result = visit.run("return window.answer;")
    claims = jwt.decode(result["idToken"], options={"verify_signature": False})
    assert claims["sub"] == visit.idp.users[ALICE["email"]].user_id
    assert result["accessToken"]


def test_lock_14_logs_in_without_leaving(visit: Visit) -> None:
    """Popup mode of current Locks: /co/authenticate and web_message."""
    # With autofocus Lock 14.3.0 looks for an input field in its confirmation, fails and unmounts itself.
    show_lock(visit, "lock-14", auth={"redirect": False}, options={"autofocus": False})
    submit_lock(visit, ALICE)
    assert visit.run("return window.answer;")["idTokenPayload"]["email"] == ALICE["email"]
    visit.page.wait_for_selector(".auth0-lock-confirmation")


def show_lock_9(visit: Visit, **options: Any) -> None:
    """Show Lock 9 as the documentation of its time does."""
    visit.open("lock-9")
    script = "window.lock = new Auth0Lock('spa', domain); lock.show({callbackURL: here, ...options});"
    visit.run(script, options=options)


def submit_lock_9(visit: Visit, user: dict[str, str]) -> None:
    visit.page.fill("#a0-signin_easy_email", user["email"])
    visit.page.fill("#a0-signin_easy_password", user["password"])
    visit.page.click("#a0-lock button[type=submit]")


def lock_9_result(visit: Visit) -> dict[str, Any]:
    visit.back("lock-9")
    script = "const lock = new Auth0Lock('spa', domain); return lock.parseHash(window.location.hash);"
    return dict(visit.run(script))


def test_lock_9_logs_in(visit: Visit) -> None:
    """/user/ssodata, the hidden form, and a hash with access token and ID token."""
    show_lock_9(visit, responseType="token")
    submit_lock_9(visit, ALICE)
    result = lock_9_result(visit)
    assert result["profile"]["sub"] == visit.idp.users[ALICE["email"]].user_id
    assert result["access_token"]


def test_lock_9_gets_a_code(visit: Visit) -> None:
    """Lock 9 for applications with a server."""
    show_lock_9(visit, responseType="code", authParams={"state": "mine"})
    submit_lock_9(visit, ALICE)
    answer = visit.back("lock-9")
    assert answer["state"] == "mine"
    assert answer["code"]


def test_lock_9_remembers_the_last_login(visit: Visit) -> None:
    """With a session, Lock 9 offers it."""
    show_lock_9(visit, responseType="token")
    submit_lock_9(visit, ALICE)
    visit.back("lock-9")
    show_lock_9(visit, responseType="token")
    assert visit.page.wait_for_selector(".a0-last-time")


def test_lock_9_says_that_the_password_is_wrong(visit: Visit) -> None:
    """The widget's own text."""
    show_lock_9(visit, responseType="token")
    submit_lock_9(visit, {**ALICE, "password": "wrong"})
    message = visit.page.wait_for_selector(".a0-error.a0-active, .a0-error:not(.a0-hide)")
    assert message is not None
    assert message.inner_text() == "Wrong email or password."


def test_lock_9_gives_the_tokens_to_a_callback(visit: Visit) -> None:
    """Popup mode: the access token that the legacy documentation links with, and the linking."""
    visit.open("lock-9")
    script = """
        const lock = new Auth0Lock('spa', domain);
        window.answer = new Promise(resolve => lock.show((error, profile, id_token, access_token) =>
            resolve({error: error && error.message, profile, id_token, access_token})));
    """
    visit.run(script)
    with visit.page.expect_popup():
        submit_lock_9(visit, ALICE)
    result = visit.run("return window.answer;")
    assert result["error"] is None
    assert result["profile"]["identities"][0]["provider"] == "auth0"
    token = {"access_token": result["access_token"]}
    show_lock_9(visit, responseType="token", rememberLastLogin=False, authParams=token)
    submit_lock_9(visit, BOB)
    assert lock_9_result(visit)["profile"]["sub"] == result["profile"]["user_id"]
    assert len(visit.idp.users[ALICE["email"]].identities) == 2


def test_lock_9_links_another_account(visit: Visit) -> None:
    """`authParams.access_token`, as the legacy documentation has it."""
    token = visit.idp.token(ALICE["email"], client="spa")
    show_lock_9(visit, responseType="token", authParams={"access_token": token})
    submit_lock_9(visit, BOB)
    alice = visit.idp.users[ALICE["email"]].user_id
    assert lock_9_result(visit)["profile"]["sub"] == alice
    assert len(visit.idp.users[alice].identities) == 2


def test_lock_9_links_a_social_account(visit: Visit) -> None:
    """The same through /authorize, by one of the widget's buttons."""
    token = visit.idp.token(ALICE["email"], client="spa")
    show_lock_9(visit, responseType="token", authParams={"access_token": token})
    visit.page.click("[data-strategy=google-oauth2]")
    visit.page.click(f"button[value='{GOOGLE}']")
    alice = visit.idp.users[ALICE["email"]].user_id
    assert lock_9_result(visit)["profile"]["sub"] == alice
    assert [identity["provider"] for identity in visit.idp.users[alice].identities] == [
        "auth0",
        "google-oauth2",
    ]
