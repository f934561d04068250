"""The pages as Chromium shows them, wide and narrow: nothing blocked, nothing cut off.

With MOCKIDP_SCREENSHOTS=1 the pictures go to docs/images.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from mockidp import MockIdp
from mockidp.seed.sources import demo_seed

IMAGES = Path(__file__).parents[2] / "docs" / "images"
CALLBACK = "http://localhost:3000/callback"
SIZES = {"wide": (1280, 800), "phone": (360, 740)}
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)
PARTNER = {
    "name": "Photo Prints",
    "client_id": "partner",
    "callbacks": [CALLBACK],
    "is_first_party": False,
    "app_type": "regular_web",
}
WATCH = """
window.violations = [];
document.addEventListener('securitypolicyviolation', event =>
    violations.push(event.violatedDirective + ' ' + event.blockedURI));
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser; without one the tests are skipped, but not in CI."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        assert not os.environ.get("CI"), "CI needs chromium"
        pytest.skip("no chromium here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def idp_seed() -> list[object]:
    """The demo tenant, and a third party's client."""
    database = {"name": "Username-Password-Authentication", "enabled_clients": ["web", "partner"]}
    return [demo_seed(), {"clients": [PARTNER], "databases": [database]}]


@pytest.fixture(params=SIZES)
def page(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    """A page of this size; what it says in the console fails the test."""
    width, height = SIZES[request.param]
    context = chromium.new_context(
        viewport={"width": width, "height": height}, device_scale_factor=2 if width < 600 else 1, locale="en"
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    said: list[str] = []
    page.add_init_script(WATCH)
    page.on("console", lambda message: None if is_own_status(message) else said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda failed: said.append(f"{failed.url}: {failed.failure}"))
    yield page
    context.close()
    assert said == []


def is_own_status(message: ConsoleMessage) -> bool:
    """Whether Chromium tells of a page that is an error page: of its status, 403 say."""
    about_page = message.page is not None and message.location["url"] == message.page.url
    return about_page and "the server responded with a status of" in message.text


def authorize_url(idp: MockIdp, **more: str) -> str:
    query = {"response_type": "code", "client_id": "web", "redirect_uri": CALLBACK, "scope": "openid email"}
    return f"{idp.url}/authorize?{urlencode({**query, **more})}"


def show_login(page: Page, idp: MockIdp) -> None:
    page.goto(authorize_url(idp))


def show_consent(page: Page, idp: MockIdp) -> None:
    page.goto(
        authorize_url(idp, client_id="partner", audience="https://api.example.com", scope="openid read:x")
    )
    page.fill("[name=username]", "alice@example.com")
    page.fill("[name=password]", "alice-password")
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/u/consent?**")


def show_upstream(page: Page, idp: MockIdp) -> None:
    page.goto(authorize_url(idp, connection="google-oauth2"))


def show_error(page: Page, idp: MockIdp) -> None:
    page.goto(authorize_url(idp, redirect_uri="http://localhost:3000/unknown"))


@pytest.mark.parametrize(
    ("name", "show", "heading"),
    [
        ("login", show_login, "Welcome"),
        ("consent", show_consent, "Authorize app"),
        ("upstream", show_upstream, "Google"),
        ("error", show_error, "Oops!, something went wrong"),
    ],
)
def test_a_page_is_whole(
    page: Page,
    idp: MockIdp,
    tmp_path: Path,
    name: str,
    show: Callable[[Page, MockIdp], None],
    heading: str,
) -> None:
    """It fits its window, its policy stops nothing, and it shows what it is."""
    show(page, idp)
    assert heading in page.inner_text("h1")
    assert page.evaluate("window.violations") == []
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow == 0
    directory = IMAGES if os.environ.get("MOCKIDP_SCREENSHOTS") == "1" else tmp_path
    directory.mkdir(exist_ok=True)
    narrow = page.evaluate("innerWidth") < 600
    page.screenshot(path=directory / f"{name}{'-phone' if narrow else ''}.png")
