"""auth0.js and Lock in Chromium without passwords: codes by mail and SMS, and a mailed link."""

from __future__ import annotations

from typing import Any

import pytest
from browser_world import Visit

from mockidp.model.connection import Connection, put_connection

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
        window.lock = new Auth0LockPasswordless('spa', domain, {
            allowedConnections: [connection], passwordlessMethod: 'code', closable: false,
            auth: {redirectUrl: here, responseType: 'token id_token', params: {scope: 'openid profile'}},
        });
        lock.on('authenticated', resolve);
        lock.on('authorization_error', error => resolve({error}));
    });
"""
NEW, PHONE = "new@example.com", "+15550100"
auth0_js = pytest.mark.parametrize("page", ["auth0-js-9", "auth0-js-10"])


@pytest.fixture(autouse=True)
def connections(visit: Visit) -> None:
    """The tenant of the guide, and passwordless connections."""
    for strategy in ("email", "sms"):
        document = {"id": f"con_{strategy}", "name": strategy, "strategy": strategy}
        put_connection(visit.idp.state, Connection.of(document))


def web_auth(visit: Visit, script: str, **values: Any) -> Any:
    """Run a function body with `webAuth`; `answer(callback => …)` gives `{error, result}`."""
    return visit.run(WEB_AUTH + script, **values)


def start(visit: Visit, **options: str) -> Any:
    """Have a code or a link sent, and return the error or None."""
    script = "return answer(done => webAuth.passwordlessStart(options, done));"
    return web_auth(visit, script, options=options)["error"]


def parsed(visit: Visit, page: str) -> dict[str, Any]:
    """Return the claims that `parseHash` finds in the URL that the browser is sent back to."""
    visit.back(page)
    result: dict[str, Any] = web_auth(visit, "return answer(done => webAuth.parseHash(done));")
    assert result["error"] is None
    return dict(result["result"]["idTokenPayload"])


@auth0_js
def test_auth0_js_logs_in_with_a_code_by_mail(visit: Visit, page: str) -> None:
    """`passwordlessStart`, and `passwordlessLogin` by /co/authenticate."""
    visit.open(page)
    assert start(visit, connection="email", send="code", email=NEW) is None
    visit.leave(
        WEB_AUTH + "webAuth.passwordlessLogin({connection: 'email', email, verificationCode}, () => {});",
        email=NEW,
        verificationCode=visit.idp.outbox.last.code,
    )
    claims = parsed(visit, page)
    assert (claims["email"], claims["email_verified"]) == (NEW, True)
    check = "return answer(done => webAuth.checkSession({}, done));"
    assert web_auth(visit, check)["result"]["idTokenPayload"]["email"] == NEW


@auth0_js
def test_auth0_js_sees_a_wrong_code(visit: Visit, page: str) -> None:
    """Its code and text, by SMS."""
    visit.open(page)
    assert start(visit, connection="sms", send="code", phoneNumber=PHONE) is None
    login = """
        const login = {connection: 'sms', phoneNumber, verificationCode: '000000'};
        return answer(done => webAuth.passwordlessLogin(login, done));
    """
    error = web_auth(visit, login, phoneNumber=PHONE)["error"]
    assert (error["code"], error["description"]) == (
        "access_denied",
        "Wrong phone number or verification code.",
    )


@auth0_js
def test_auth0_js_verifies_a_code(visit: Visit, page: str) -> None:
    """`passwordlessVerify`, as hosted pages do: /passwordless/verify, then /passwordless/verify_redirect."""
    visit.open(page)
    assert start(visit, connection="sms", send="code", phoneNumber=PHONE) is None
    options = {"connection": "sms", "phoneNumber": PHONE, "verificationCode": "000000"}
    script = "return answer(done => webAuth.passwordlessVerify(options, done));"
    assert web_auth(visit, script, options=options)["error"]["code"] == "invalid_user_password"
    options["verificationCode"] = str(visit.idp.outbox.last.code)
    visit.leave(WEB_AUTH + "webAuth.passwordlessVerify(options, () => {});", options=options)
    assert parsed(visit, page)["name"] == PHONE


@auth0_js
def test_auth0_js_logs_in_by_a_link(visit: Visit, page: str) -> None:
    """The link leads back to the page, which knows the state and the nonce that it asked with."""
    visit.open(page)
    assert start(visit, connection="email", send="link", email=NEW) is None
    visit.page.goto(str(visit.idp.outbox.last.url))
    assert parsed(visit, page)["email"] == NEW


@auth0_js
def test_auth0_js_sees_a_refusal(visit: Visit, page: str) -> None:
    """Any page can read it."""
    visit.open(page)
    error = start(visit, connection="email", send="code", email="nobody")
    assert error["code"] == "bad.email"


@pytest.mark.parametrize("connection", ["email", "sms"])
def test_lock_logs_in_with_a_code(visit: Visit, connection: str) -> None:
    """Auth0LockPasswordless: the address, then the code from the message."""
    visit.open("lock-14")
    visit.run(LOCK + "lock.show();", connection=connection)
    address = {"email": NEW, "sms": "5550100"}[connection]
    visit.page.fill(f".auth0-lock input[name={'email' if connection == 'email' else 'phoneNumber'}]", address)
    visit.page.click(".auth0-lock-submit")
    visit.page.wait_for_selector(".auth0-lock input[name=vcode]")
    visit.page.fill(".auth0-lock input[name=vcode]", str(visit.idp.outbox.last.code))
    visit.page.click(".auth0-lock-submit")
    visit.back("lock-14")
    visit.run(LOCK, connection=connection)
    claims = visit.run("return window.answer;")["idTokenPayload"]
    assert claims["sub"] == next(user.user_id for user in visit.idp.users if user.logins_count)
    assert claims["sub"].startswith(f"{connection}|")
