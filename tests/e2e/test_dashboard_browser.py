"""The dashboard in Chromium, wide and narrow, light and dark, with and without JavaScript.

With MOCKIDP_SCREENSHOTS=1 the picture of the overview goes to docs/images.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from test_screenshots import ARGUMENTS, IMAGES, SIZES, WATCH

from mockidp import MockIdp

pytestmark = pytest.mark.slow

ALICE = "alice@example.com"
CALLBACK = "http://localhost:3000/callback"
HOME = "/_mockidp/dashboard"
HOSTILE = ["<img src=x onerror=alert(1)>", "A" * 300, "\u202etfel ot thgir", "مستخدم", "{{ 7*7 }}"]
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Text that is cut off inside a button or a badge, or lies over its neighbour.
CLIPPED = """() => [...document.querySelectorAll('button, .badge')]
    .filter(each => each.checkVisibility() && each.scrollWidth > each.clientWidth + 2)
    .map(each => each.innerText)"""
USUAL = {
    "domain": "localhost:4100",
    "issuer": "http://127.0.0.1:4100/",
    "ca": "/home/you/.local/state/mockidp/ca.pem",
}
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser; without one the tests are skipped, but not in CI."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        assert os.environ.get("CI") != "true", "CI needs chromium"
        pytest.skip("no chromium here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def browse(chromium: Browser) -> Iterator[Open]:
    """Open a page in a context of its own; what it says in the console fails the test."""
    contexts: list[BrowserContext] = []
    said: list[str] = []

    def opened(size: str = "wide", *, dark: bool = False, scripts: bool = True) -> Page:
        width, height = SIZES[size]
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            has_touch=size == "phone",
        )
        contexts.append(context)
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.add_init_script(WATCH)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


@pytest.fixture(autouse=True)
def noon(idp: MockIdp) -> Iterator[None]:
    """A time that stays; no request may have met a bug."""
    idp.clock.freeze("2030-01-01T12:00:00Z")
    yield
    idp.raise_problems()


def log_in(idp: MockIdp) -> None:
    query = {"response_type": "code", "client_id": "web", "redirect_uri": CALLBACK, "scope": "openid email"}
    callback = idp.browser().login(f"/authorize?{urlencode(query)}", ALICE)
    form = {"grant_type": "authorization_code", "code": callback.split("code=")[1], "redirect_uri": CALLBACK}
    tokens = requests.post(f"{idp.url}/oauth/token", data=form, auth=("web", "web-secret"), timeout=5).json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    requests.get(f"{idp.url}/userinfo", headers=bearer, timeout=5)


def forget_password(idp: MockIdp) -> None:
    form = {"client_id": "web", "email": ALICE, "connection": "Username-Password-Authentication"}
    requests.post(f"{idp.url}/dbconnections/change_password", json=form, timeout=5)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_fits_its_window(idp: MockIdp, browse: Open, size: str, dark: bool) -> None:
    """Nothing is blocked or cut off, whatever people are called."""
    for number, name in enumerate(HOSTILE):
        idp.add_user(email=f"{'long' * 20}{number}@example.com", name=name, connection="facebook")
    forget_password(idp)
    log_in(idp)
    requests.get(f"{idp.url}/{'long' * 80}?{'query' * 80}", timeout=5)
    idp.link(ALICE, "alice@gmail.com")
    idp.login_as(ALICE)
    page = browse(size, dark=dark)
    user = f"users/{quote(idp.users[ALICE].user_id)}"
    for path in (
        "",
        *(f"dashboard/{name}" for name in ("users", user, "clients", "requests", "outbox", "rules")),
    ):
        page.goto(f"{idp.url}/_mockidp/{path}")
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        assert page.evaluate(OVERFLOW) == 0, path
        assert page.evaluate(CLIPPED) == [], path
        assert page.evaluate("window.violations") == []


def test_the_overview_has_its_picture(idp: MockIdp, browse: Open, tmp_path: Path) -> None:
    """A login, a mail, and who answers, as the documentation shows it."""
    forget_password(idp)
    log_in(idp)
    idp.login_as(ALICE)
    page = browse()
    page.goto(f"{idp.url}/_mockidp/")
    expect(page.locator("#live")).to_have_attribute("data-state", "open")
    assert page.inner_text("#issuer") == idp.issuer
    for name, text in USUAL.items():  # the same picture on every run
        page.evaluate("([id, text]) => { document.getElementById(id).textContent = text }", [name, text])
    directory = IMAGES if os.environ.get("MOCKIDP_SCREENSHOTS") == "1" else tmp_path
    page.screenshot(path=directory / "dashboard.png")


def test_requests_appear_by_themselves(idp: MockIdp, browse: Open) -> None:
    """At the top, announced; what is open stays open; a pause holds them back; a reset takes them away."""
    log_in(idp)
    page = browse()
    page.goto(f"{idp.url}{HOME}/requests")
    live = page.locator("#live")
    expect(live).to_have_attribute("data-state", "open")
    page.locator("#request-1 > details > summary").click()
    requests.get(f"{idp.url}/.well-known/jwks.json", timeout=5)
    expect(page.locator("[data-live] > li").first).to_contain_text("/.well-known/jwks.json")
    expect(page.locator("#announce")).to_have_text("New request: GET /.well-known/jwks.json, 200")
    expect(page.locator("#request-1 > details")).to_have_attribute("open", "")
    live.click()
    expect(live).to_have_attribute("aria-pressed", "false")
    forget_password(idp)
    live.click()
    expect(page.locator("[data-live] > li").first).to_contain_text("/dbconnections/change_password")
    idp.reset()
    expect(page.locator("#no-requests")).to_be_visible()


def test_messages_appear_by_themselves(idp: MockIdp, browse: Open) -> None:
    """And their link opens the tenant's page."""
    page = browse()
    page.goto(f"{idp.url}/_mockidp/")
    expect(page.locator("#live")).to_have_attribute("data-state", "open")
    forget_password(idp)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open the link").click()
    expect(opened.value.get_by_role("heading", level=1)).to_have_text("Change your password")


def test_the_overview_follows_the_mock(idp: MockIdp, browse: Open) -> None:
    """Who came, who was linked, who answers, and the time, as they are after the next request."""
    page = browse()
    page.goto(f"{idp.url}/_mockidp/")
    expect(page.locator("#live")).to_have_attribute("data-state", "open")
    idp.link(ALICE, "alice@gmail.com")
    idp.login_as(ALICE)
    idp.clock.advance(hours=1)
    requests.get(f"{idp.url}/.well-known/jwks.json", timeout=5)
    expect(page.locator("#user-count")).to_have_text("4")
    expect(page.locator("[data-live=user] > li").first).to_contain_text("google-oauth2")
    expect(page.locator("#strip")).to_contain_text(f"Logging in as {ALICE}")
    expect(page.locator("#now")).to_have_text("2030-01-01 13:00:00 UTC")


def test_a_link_to_a_request_opens_it(idp: MockIdp, browse: Open) -> None:
    """From the overview to its tokens, which are closed until they are asked for."""
    log_in(idp)
    page = browse()
    page.goto(f"{idp.url}/_mockidp/")
    page.get_by_role("link", name="POST /oauth/token").click()
    token = page.locator(".token", has_text="response id_token")
    expect(token.locator("summary")).to_be_visible()
    expect(token.locator("pre").first).to_be_hidden()
    token.locator("summary").click()
    expect(token.locator("pre").first).to_contain_text(f'"email": "{ALICE}"')


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_the_whole_way_by_forms(idp: MockIdp, browse: Open, scripts: bool) -> None:
    """Search, log in as, link, unlink, move the clock, reset: with JavaScript or without."""
    page = browse(scripts=scripts)
    page.goto(f"{idp.url}/_mockidp/")
    page.get_by_role("link", name="Users", exact=True).click()
    page.get_by_label("Search users").fill("alice example")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Alice Example").click()
    page.get_by_role("button", name="Log in as this user").click()
    expect(page.get_by_role("region", name="State of the mock")).to_contain_text(f"Logging in as {ALICE}")
    page.get_by_label("E-mail or user id").fill("alice@gmail.com")
    page.get_by_role("button", name="Link", exact=True).click()
    expect(page.get_by_role("status").first).to_have_text("The accounts are linked.")
    page.get_by_role("button", name=re.compile(r"Unlink google-oauth2\|")).click()
    expect(page.get_by_role("status").first).to_have_text("The identity is an account of its own again.")
    page.locator("#clock > summary").click()
    page.get_by_role("button", name="+1 hour").click()
    expect(page.locator("#now")).to_have_text("2030-01-01 13:00:00 UTC")
    page.get_by_role("button", name="Show login pages").click()
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_role("status").first).to_have_text("Everything is as in the seed.")
    assert len(idp.users) == 5


def test_the_keyboard_reaches_everything(idp: MockIdp, browse: Open) -> None:
    """The first stop skips to the content; a user is logged in as without a mouse."""
    page = browse()
    page.goto(f"{idp.url}{HOME}/users?q=alice+example")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    for _ in range(4):  # search, its button, the name, the button
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Log in as Alice Example")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**done=login-as")


def test_settings_are_copied(idp: MockIdp, browse: Open) -> None:
    """The button is there with JavaScript, and puts the lines on the clipboard."""
    page = browse()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{idp.url}{HOME}/clients")
    page.get_by_role("button", name="Copy these settings").first.click()
    expect(page.get_by_role("button", name="Copied these settings")).to_be_visible()
    assert "AUTH0_CLIENT_ID=web" in page.evaluate("navigator.clipboard.readText()").splitlines()
