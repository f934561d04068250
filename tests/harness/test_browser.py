"""idp.browser(): a cookie-keeping user agent that walks the real pages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from email.message import Message
from urllib.parse import urlencode, urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from mockidp.errors import UsageError
from mockidp.harness.page import read_page
from mockidp.model.client import find_client, put_client
from mockidp.server import MockIdp

CALLBACK = "http://localhost:3000/callback"
ALICE, BOB = "alice@example.com", "bob@example.com"
GOOGLE, FACEBOOK = "google-oauth2|103547991597142817347", "facebook|1022"
CLOSED = "http://127.0.0.1:9/callback"  # the discard port: nothing listens


def authorize(**params: str) -> str:
    asked = {"client_id": "web", "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid email"}
    return f"/authorize?{urlencode(asked | params)}"


def set_callbacks(idp: MockIdp, *callbacks: str) -> None:
    client = find_client(idp.state, "web")
    assert client is not None
    put_client(idp.state, client.changed(callbacks=list(callbacks)))


class WebApp:
    """An application under test: /login leads to the tenant, /callback says who came, /echo what was sent."""

    def __init__(self, idp: MockIdp) -> None:
        self.idp = idp
        self.url = ""
        self.cookie = "app=1"

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> object:
        request = Request(environ)
        return self.answer(request)(environ, start_response)

    def answer(self, request: Request) -> Response:
        if request.path == "/login":
            target = self.idp.url + authorize(redirect_uri=f"{self.url}/callback")
            return self.redirect(target, cookie=self.cookie)
        if request.path == "/circle":
            return self.redirect("/circle")
        if request.path == "/keep":
            return self.redirect("/echo", status=307)
        if request.path == "/far":
            return self.redirect("https://example.com/")
        if request.path in ("/form", "/private"):
            policy = "no-referrer" if request.path == "/private" else "strict-origin"
            return Response(FORMS, headers={"Referrer-Policy": policy}, content_type="text/html")
        headers = {name: request.headers.get(name) for name in ("Cookie", "Origin", "Sec-Fetch-Site")}
        return Response(f"{request.method} {request.full_path} {headers} {request.form.to_dict()}")

    @staticmethod
    def redirect(target: str, status: int = 302, cookie: str = "") -> Response:
        response = Response(status=status, headers={"Location": target})
        if cookie:
            response.headers["Set-Cookie"] = cookie
        return response


FORMS = """<!doctype html><h1>Choose</h1>
<form action="/echo?old=1"><input name=q value=1><button>Search</button></form>
<form method=post action=/keep>
  <input name=text value="a&amp;b"><input type=checkbox name=box><input type=checkbox name=on checked>
  <input type=radio name=r value=1><input type=radio name=r value=2 checked>
  <select name=s><option value=x>X<option value=y selected>Y</select><textarea name=t></textarea>
  <input type=submit name=go value=Save><button name=go value=delete>Delete <b>it</b></button>
  <button type=button name=no value=no>Nothing</button>
</form>
<div role=alert><div>One</div> two</div>"""


@pytest.fixture
def app(idp: MockIdp) -> Iterator[WebApp]:
    app = WebApp(idp)
    http = make_server("127.0.0.1", 0, app)  # type: ignore[arg-type]
    app.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    set_callbacks(idp, f"{app.url}/callback")
    yield app
    http.shutdown()
    thread.join()
    http.server_close()


def test_form_post_is_given_back_and_not_sent(idp: MockIdp, app: WebApp) -> None:
    """The callback, the fields, and submit() on request."""
    browser = idp.browser()
    url = browser.login(
        authorize(response_mode="form_post", state="s1", redirect_uri=f"{app.url}/callback"), ALICE
    )
    assert url == f"{app.url}/callback"
    assert browser.posted["state"] == "s1"
    assert browser.page.url.startswith(idp.url)
    page = browser.submit()
    assert page.url == f"{app.url}/callback"
    assert browser.posted["code"] in page.text
    assert f"'Origin': '{idp.url}', 'Sec-Fetch-Site': 'same-site'" in page.text


def test_a_login_may_begin_at_the_application(idp: MockIdp, app: WebApp) -> None:
    """The client is learned on the way, and the application's cookie comes back with the callback."""
    browser = idp.browser()
    url = browser.login(f"{app.url}/login", ALICE)
    assert url.startswith(f"{app.url}/callback?code=")
    page = browser.get(url)
    assert page.status == 200
    assert "app=1" in page.text
    assert browser.cookies["app"] == "1"


def test_a_secure_cookie_reaches_an_application_on_this_machine(idp: MockIdp, app: WebApp) -> None:
    """By http too, as in Chrome and Firefox: the SDKs' session cookies are `Secure`."""
    app.cookie = "app=2; Secure; HttpOnly; Path=/"
    browser = idp.browser()
    assert "app=2" in browser.get(browser.login(f"{app.url}/login", ALICE)).text


def test_a_redirect_to_elsewhere_is_told(idp: MockIdp, app: WebApp) -> None:
    """Off this machine and no callback: the message has both."""
    with pytest.raises(UsageError, match=r"redirects to https://example\.com/, where the browser can't go"):
        idp.browser().login(f"{app.url}/far", ALICE)


def test_get_shows_a_page_with_its_forms(idp: MockIdp) -> None:
    """Status, URL after redirects, headers, text, forms and heading."""
    page = idp.browser().get(authorize())
    assert page.status == 200
    assert urlsplit(page.url).path == "/u/login"
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Welcome" in page.text
    assert page.heading == "Welcome"
    assert {"username", "password", "state"} <= set(page.forms[0].fields)


def test_the_pages_can_be_walked_by_hand(idp: MockIdp) -> None:
    """fill() and buttons by value or text; the end is the redirect that nobody answers."""
    set_callbacks(idp, CLOSED)
    browser = idp.browser()
    browser.get(authorize(redirect_uri=CLOSED))
    browser.fill(press="Continue with Google")
    page = browser.fill(press=GOOGLE)
    assert page.status == 302
    assert page.location is not None
    assert page.location.startswith(f"{CLOSED}?code=")


def test_deny_at_the_upstream(idp: MockIdp) -> None:
    """A button that means no."""
    set_callbacks(idp, CLOSED)
    browser = idp.browser()
    browser.get(authorize(redirect_uri=CLOSED, connection="facebook"))
    location = browser.fill(press="Deny").location
    assert location is not None
    assert "error=access_denied" in location


def test_a_json_answer_is_text(idp: MockIdp) -> None:
    """No forms, but the text."""
    page = idp.browser().get("/.well-known/openid-configuration")
    assert page.forms == ()
    assert page.text.startswith("{")


def test_forms_are_read_as_browsers_do(app: WebApp, idp: MockIdp) -> None:
    """Defaults of every control, entities, nested text; buttons that do not submit are none."""
    page = idp.browser().get(f"{app.url}/form")
    search, edit = page.forms
    assert (search.method, search.action) == ("GET", f"{app.url}/echo?old=1")
    assert edit.fields == {"text": "a&b", "on": "on", "r": "2", "s": "y", "t": ""}
    assert [button.text for button in edit.buttons] == ["Save", "Delete it"]
    assert page.alert == "One two"


def test_a_get_form_replaces_the_query(app: WebApp, idp: MockIdp) -> None:
    """As HTML says for method=get."""
    browser = idp.browser()
    browser.get(f"{app.url}/form")
    assert "GET /echo?q=a+b " in browser.fill(q="a b").text


def test_a_307_keeps_method_and_body(app: WebApp, idp: MockIdp) -> None:
    """Values, boxes, None to leave out, and the button that was pressed."""
    browser = idp.browser()
    browser.get(f"{app.url}/form")
    page = browser.fill({"text": "ä"}, box="yes", on=None, press="delete")
    assert page.text.startswith("POST /echo?")
    assert "{'text': 'ä', 'r': '2', 's': 'y', 't': '', 'box': 'yes', 'go': 'delete'}" in page.text
    assert "'Sec-Fetch-Site': 'same-origin'" in page.text
    assert f"'Origin': '{app.url}'" in page.text


def test_a_page_without_a_referrer_hides_its_origin(app: WebApp, idp: MockIdp) -> None:
    """Browsers send `Origin: null` from there."""
    browser = idp.browser()
    browser.get(f"{app.url}/private")
    assert "'Origin': 'null'" in browser.fill(press="Save").text


def test_a_form_that_is_not_there_is_told(app: WebApp, idp: MockIdp) -> None:
    """With what there is."""
    browser = idp.browser()
    with pytest.raises(UsageError, match="shows no page yet"):
        browser.fill(a="1")
    browser.get(f"{app.url}/form")
    with pytest.raises(
        UsageError, match=r"no form with the fields nme; forms: fields q and buttons 'Search'"
    ):
        browser.fill(nme="1")
    with pytest.raises(UsageError, match="no form with the fields q and a button 'Save'"):
        browser.fill(q="1", press="Save")


def test_circles_are_told(app: WebApp, idp: MockIdp) -> None:
    """A redirect loop ends."""
    with pytest.raises(UsageError, match="redirects in circles"):
        idp.browser().get(f"{app.url}/circle")


def test_the_browser_stays_on_this_machine(idp: MockIdp) -> None:
    """No test reaches the internet by accident, and nobody listening is told."""
    with pytest.raises(UsageError, match=r"stays on this machine: it does not go to https://example\.com/"):
        idp.browser().get("https://example.com/")
    with pytest.raises(UsageError, match="does not go to ftp"):
        idp.browser().get("ftp://localhost/")
    with pytest.raises(UsageError, match=f"nothing answers at {CLOSED}"):
        idp.browser().get(CLOSED)


def test_a_page_without_words_says_so() -> None:
    """The error of last resort."""
    assert read_page(200, "http://x/", Message(), b"").says() == "(an empty page)"
