"""Pages of other origins in Chromium try to steer or read a running mock, by all the ways that a page has."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from test_screenshots import ARGUMENTS

from mockidp import MockIdp
from mockidp.model.user import USERS

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

pytestmark = pytest.mark.slow

ALICE, BOB = "alice@example.com", "bob@example.com"
EVIL = ("evil.example", "evil.localhost", "localhost")  # the last is the mock's own site, on another port
REBOUND = "rebound.example"
NAMES = ", ".join(f"MAP {name} 127.0.0.1" for name in (*EVIL, REBOUND))
RESOLVER = f"--host-resolver-rules={NAMES}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
# Chromium itself keeps pages from elsewhere off this machine; other browsers do not.
LET_IN = "--disable-features=LocalNetworkAccessChecks"
DECOY = "<!doctype html><html><head><title>Kittens</title></head><body><h1>Kittens</h1></body></html>"


class Watched(MockIdp):
    """A mock that notes how requests to the control API and the dashboard were answered."""

    def forget(self) -> None:
        self.statuses: list[int] = []
        self.came = threading.Event()

    def app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def started(status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
            if environ["PATH_INFO"].startswith("/_mockidp"):
                self.statuses.append(int(status[:3]))
                self.came.set()
            return start_response(status, headers, exc_info)

        return super().app(environ, started)

    def has_refused(self) -> bool:
        """Whether requests came, and all of them were refused."""
        return self.came.wait(10) and set(self.statuses) == {403}


class Attacker(BaseHTTPRequestHandler):
    """A page of kittens, whatever is asked for; `/to/<status>/<url>` redirects."""

    def do_GET(self) -> None:
        body, found = DECOY.encode(), re.match(r"/to/(\d+)/(.+)", self.path)
        self.send_response(int(found[1]) if found else 200)
        if found:
            self.send_header("Location", found[2])
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", "*"))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.do_GET()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def evil_port() -> Iterator[int]:
    """The attacker's server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Attacker)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def server() -> Iterator[Watched]:
    """A mock on a free port."""
    with Watched() as idp:
        yield idp


@pytest.fixture
def idp(server: Watched) -> Iterator[Watched]:
    """A mock in a state that a reset, a login or a link by somebody else would change."""
    server.reset()
    server.clock.freeze("2030-01-01T12:00:00Z")
    server.add_user(email="dora@example.com", connection="facebook")
    server.login_as(ALICE)
    server.rules.put({"on": "GET /userinfo", "then": {"status": 503}})
    server.forget()
    yield server
    server.raise_problems()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for which the attacker's names mean this machine; without one, not in CI."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        assert os.environ.get("CI") != "true", "CI needs chromium"
        pytest.skip("no chromium here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, RESOLVER, LET_IN])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def context(chromium: Browser) -> BrowserContext:
    """What all pages share: nothing here has cookies."""
    return chromium.new_context()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A new page."""
    with context.new_page() as page:
        page.set_default_timeout(10_000)
        yield page


@pytest.fixture(params=EVIL)
def evil(request: pytest.FixtureRequest, page: Page, evil_port: int) -> str:
    """Let the browser be at a page of the attacker, and return its URL."""
    url = f"http://{request.param}:{evil_port}/"
    page.goto(url)
    return url


def world(idp: MockIdp) -> dict[str, object]:
    """Return what a caller of the control API could have changed."""
    tenant = idp.state
    return {
        "users": [user.document for user in tenant.store.all(USERS)],
        "clock": tenant.clock.state(),
        "keys": [key.kid for key in tenant.keys.published()],
        "rules": [use.rule for use in idp.rules.uses],
        "who": idp.rules.logins.identity,
    }


# -- scripts -----------------------------------------------------------------------------------------------

BOB_JSON = "JSON.stringify({user: 'bob@example.com'})"
# What a script of the page reads, with `api` the URL of the control API.
SCRIPTS = {
    "fetch": "(await fetch(api + 'state')).text()",
    "fetch with cookies": "(await fetch(api + 'state', {credentials: 'include'})).text()",
    "fetch, no-cors": "(await fetch(api + 'state', {mode: 'no-cors'})).text()",
    "fetch of the dashboard": "(await fetch(api, {mode: 'no-cors'})).text()",
    "fetch through a redirect": "(await fetch('/to/302/' + api + 'state')).text()",
    "POST": "(await fetch(api + 'reset', {method: 'POST'})).text()",
    "POST, no-cors": "(await fetch(api + 'reset', {method: 'POST', mode: 'no-cors'})).text()",
    "POST of JSON as text": f"""(await fetch(api + 'login-as', {{
        method: 'POST', mode: 'no-cors', headers: {{'Content-Type': 'text/plain'}}, body: {BOB_JSON}
    }})).text()""",
    "POST through a redirect": f"""(await fetch('/to/307/' + api + 'login-as', {{
        method: 'POST', mode: 'no-cors', body: {BOB_JSON}
    }})).text()""",
    "POST of a form": """(await fetch(api + 'dashboard/login-as', {
        method: 'POST', mode: 'no-cors', body: new URLSearchParams({user: 'bob@example.com'})
    })).text()""",
    "sendBeacon": f"navigator.sendBeacon(api + 'login-as', {BOB_JSON}) ? '' : 'not sent'",
    "XMLHttpRequest": """new Promise((done, failed) => {
        const request = new XMLHttpRequest();
        request.open('POST', api + 'reset');
        request.onload = () => done(request.responseText);
        request.onerror = failed;
        request.send();
    })""",
    "EventSource": """new Promise((done, failed) => {
        const source = new EventSource(api + 'requests/stream?after=0');
        source.onopen = () => done('open');
        source.onerror = failed;
    })""",
    "WebSocket": """new Promise((done, failed) => {
        const socket = new WebSocket(api.replace('http', 'ws') + 'requests/stream');
        socket.onopen = () => done('open');
        socket.onerror = failed;
    })""",
    "import": "JSON.stringify(await import(api + 'static/dashboard.js'))",
    "Worker": """new Promise((done, failed) => {
        const code = new Blob([`importScripts('${api}static/dashboard.js'); postMessage('it ran')`]);
        const worker = new Worker(URL.createObjectURL(code));
        worker.onmessage = event => done(event.data);
        worker.onerror = event => { event.preventDefault(); failed(); };
    })""",
}
RUN = "async api => {{ try {{ return await (async () => {})() }} catch {{ return '' }} }}"


@pytest.mark.parametrize("how", SCRIPTS)
def test_a_script_of_another_origin_reads_and_changes_nothing(
    idp: Watched, page: Page, evil: str, how: str
) -> None:
    """The mock refuses every way that a script has to ask."""
    before = world(idp)
    assert page.evaluate(RUN.format(SCRIPTS[how]), f"{idp.url}/_mockidp/") == ""
    assert idp.has_refused()
    assert world(idp) == before


def test_a_script_of_its_own_origin_may(idp: Watched, page: Page) -> None:
    """The same requests, from the dashboard's own page."""
    api = f"{idp.url}/_mockidp/"
    page.goto(api)
    assert ALICE in page.evaluate(RUN.format(SCRIPTS["fetch"]), api)
    assert page.evaluate(RUN.format(SCRIPTS["EventSource"]), api) == "open"
    assert page.evaluate(RUN.format(SCRIPTS["POST"]), api) == '{"status":"ok"}'
    assert "dora@example.com" not in idp.users


# -- elements ----------------------------------------------------------------------------------------------

ELEMENTS = {
    "img": {"src": "state"},
    "script": {"src": "static/dashboard.js"},
    "script of data": {"src": "state"},
    "script as module": {"src": "static/dashboard.js", "type": "module"},
    "link": {"href": "static/dashboard.css", "rel": "stylesheet"},
    "video": {"src": "state"},
    "object": {"data": ""},
}
APPEND = """([tag, attributes]) => new Promise(done => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.onload = () => done('loaded');
    element.onerror = () => done('refused');
    document.body.append(element);
})"""


def absolute(idp: MockIdp, attributes: dict[str, str]) -> dict[str, str]:
    """Return an element's attributes with the control API's URL in front of what it loads."""
    api = f"{idp.url}/_mockidp/"
    return {
        name: api + text if name in ("src", "href", "data") else text for name, text in attributes.items()
    }


@pytest.mark.parametrize("element", ELEMENTS)
def test_an_element_of_another_origin_loads_nothing(
    idp: Watched, page: Page, evil: str, element: str
) -> None:
    """Neither data nor the dashboard's own files."""
    attributes = absolute(idp, ELEMENTS[element])
    assert page.evaluate(APPEND, [element.partition(" ")[0], attributes]) == "refused"
    assert idp.has_refused()


@pytest.mark.parametrize("tag", ["iframe", "embed"])
def test_another_origin_cannot_frame_the_dashboard(idp: Watched, page: Page, evil: str, tag: str) -> None:
    """The frame stays without it: nobody is made to press its buttons unseen."""
    page.evaluate(APPEND, [tag, absolute(idp, {"src": ""})])
    assert idp.has_refused()
    assert page.frames[1:] != []
    assert [frame for frame in page.frames if frame.get_by_role("button", name="Reset").count()] == []


def test_not_even_its_own_origin_can_frame_it(idp: Watched, page: Page) -> None:
    """A page of the tenant, too, is no place for it."""
    own = f"{idp.url}/own.html"
    page.route(own, lambda route: route.fulfill(body=DECOY, content_type="text/html"))
    page.goto(own)
    page.evaluate(APPEND, ["iframe", absolute(idp, {"src": ""})])
    assert idp.statuses == [200]
    assert page.frames[1].get_by_role("button", name="Reset").count() == 0


# -- forms -------------------------------------------------------------------------------------------------

URLENCODED, TEXT, PARTS = "application/x-www-form-urlencoded", "text/plain", "multipart/form-data"
# Method, encoding, where it goes to, its only field.
FORMS = {
    "the dashboard's reset": ("post", URLENCODED, "dashboard/reset", ("back", "")),
    "the dashboard's login-as": ("post", URLENCODED, "dashboard/login-as", ("user", BOB)),
    "the dashboard's clock, in parts": ("post", PARTS, "dashboard/clock", ("advance", "1h")),
    "reset": ("post", URLENCODED, "reset", ("", "")),
    "text that is JSON": ("post", TEXT, "login-as", (f'{{"user": "{BOB}", "x": "', '"}')),
    "GET": ("get", URLENCODED, "state", ("x", "y")),
}
FORM = """([method, enctype, action, [name, value]]) => {
    const form = Object.assign(document.createElement('form'), {method, enctype, action});
    form.append(Object.assign(document.createElement('input'), {name, value}));
    document.body.append(form);
    form.submit();
}"""


@pytest.mark.parametrize("way", ["", "/to/307/"], ids=["straight", "redirected"])
@pytest.mark.parametrize("form", FORMS)
def test_a_form_of_another_origin_does_nothing(
    idp: Watched, page: Page, evil: str, form: str, way: str
) -> None:
    """Whatever its encoding is, and where it was redirected from."""
    before = world(idp)
    method, enctype, path, field = FORMS[form]
    page.evaluate(FORM, [method, enctype, f"{way}{idp.url}/_mockidp/{path}", field])
    assert idp.has_refused()
    assert world(idp) == before


def test_a_form_in_a_sandbox_does_nothing(idp: Watched, page: Page, evil: str) -> None:
    """Its origin is `null`."""
    before = world(idp)
    action = f"{idp.url}/_mockidp/dashboard/reset"
    form = f"<form method=post action={action}></form><script>document.forms[0].submit()</script>"
    page.evaluate(APPEND, ["iframe", {"sandbox": "allow-scripts allow-forms", "srcdoc": form}])
    assert idp.has_refused()
    assert world(idp) == before


# -- links -------------------------------------------------------------------------------------------------

LINK = """href => document.body.append(
    Object.assign(document.createElement('a'), {href, textContent: 'More kittens'})
)"""


def test_a_link_leads_to_the_dashboard(idp: Watched, page: Page, evil: str) -> None:
    """As from an issue or a chat: the person sees it, and its buttons work."""
    page.evaluate(LINK, f"{idp.url}/_mockidp/dashboard/users?q=dora")
    page.get_by_role("link", name="More kittens").click()
    expect(page.get_by_role("link", name="dora@example.com")).to_be_visible()
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_role("status").first).to_have_text("Everything is as in the seed.")
    assert set(idp.statuses) == {200, 303}


@pytest.mark.parametrize("path", ["state", "openapi.json", "requests/stream", "static/dashboard.js"])
def test_a_link_leads_to_pages_only(idp: Watched, page: Page, evil: str, path: str) -> None:
    """Not to JSON, and not to the stream, which would never end."""
    page.evaluate(LINK, f"{idp.url}/_mockidp/{path}")
    page.get_by_role("link", name="More kittens").click()
    page.wait_for_url(f"**/_mockidp/{path}")
    assert idp.has_refused()


def test_who_opens_the_dashboard_gets_no_hold_of_it(idp: Watched, page: Page, evil: str) -> None:
    """The window is closed, as far as its opener can see."""
    with page.context.expect_page() as opened:
        page.evaluate("url => { window.theirs = window.open(url) }", f"{idp.url}/_mockidp/")
    expect(opened.value.get_by_role("button", name="Reset")).to_be_visible()
    assert opened.value.evaluate("window.opener") is None
    page.wait_for_function("window.theirs.closed")
    opened.value.close()


# -- DNS rebinding -----------------------------------------------------------------------------------------

REBOUND_PATHS = ["_mockidp/", "_mockidp/state", "_mockidp/openapi.json", "authorize?client_id=web", "u/login"]


@pytest.mark.parametrize("path", REBOUND_PATHS)
def test_a_name_that_was_bound_to_this_machine_opens_nothing(idp: Watched, page: Page, path: str) -> None:
    """The control API, the dashboard and the tenant all refuse a Host that is none of theirs."""
    port = idp.url.rpartition(":")[2]
    response = page.goto(f"http://{REBOUND}:{port}/{path}")
    assert response is not None
    assert response.status == 421
    assert REBOUND in response.text()


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "Forwarded"])
def test_a_page_whose_name_was_rebound_stays_outside(idp: Watched, page: Page, header: str) -> None:
    """First the attacker's own server answered, on this very port: now the mock is the page's own origin."""
    before = world(idp)
    home = f"http://{REBOUND}:{idp.url.rpartition(':')[2]}/"
    page.route(home, lambda route: route.fulfill(body=DECOY, content_type="text/html"))
    page.goto(home)
    assert page.evaluate("document.title") == "Kittens"
    ask = f"""async ([path, method]) => {{
        const headers = {{'{header}': '{"host=" if header == "Forwarded" else ""}localhost'}};
        const answer = await fetch(path, {{method, headers}});
        return [answer.status, await answer.text()];
    }}"""
    for path, method in [("state", "GET"), ("reset", "POST"), ("", "GET"), ("dashboard/reset", "POST")]:
        status, text = page.evaluate(ask, [f"/_mockidp/{path}", method])
        assert status == 421
        assert ALICE not in text
    assert page.evaluate(RUN.format(SCRIPTS["EventSource"]), f"{home}_mockidp/") == ""
    assert page.evaluate(RUN.format(SCRIPTS["WebSocket"]), f"{home}_mockidp/") == ""
    assert set(idp.statuses) == {421}
    assert world(idp) == before
