"""docs/sdks-browser.md in Chromium: it shows the scripts of pages/, and the tenant that they use."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from browser_world import Visit, World

GUIDE = Path(__file__).parents[2] / "docs" / "sdks-browser.md"
PAGES = Path(__file__).parent / "pages"
ALICE = {"email": "alice@example.com", "password": "alice-password"}
BOB = {"email": "bob@example.com", "password": "bob-password"}
FIELDS = {9: ("#a0-signin_easy_email", "#a0-signin_easy_password", "#a0-lock button[type=submit]")}
NEWER = (".auth0-lock input[name=email]", ".auth0-lock input[name=password]", ".auth0-lock-submit")


def regions() -> dict[str, str]:
    """Return the marked regions of the pages, by name."""
    found: dict[str, str] = {}
    for path in sorted(PAGES.glob("*.js")):
        for name, code in re.findall(
            r"^ *// docs: (.+)\n((?:.*\n)*?) *// end\n", path.read_text(), re.MULTILINE
        ):
            found[name] = textwrap.dedent(code)
    return found


def open_page(visit: Visit, name: str, app: str, domain: str) -> None:
    """Open a page of the guide with what its application's settings would be."""
    visit.app = app
    issuer = domain if domain.startswith("http") else f"https://{domain}"
    settings = {"AUTH0_DOMAIN": domain, "ISSUER": f"{issuer}/", "CALLBACK": f"{app}/guide/{name}"}
    visit.page.add_init_script(f"Object.assign(window, {settings})")
    visit.open(f"guide/{name}")


def shown(visit: Visit) -> str:
    """Return what the page shows at last."""
    visit.page.wait_for_selector("#root:not(:empty)")
    return visit.page.inner_text("#root")


def submit_lock(visit: Visit, version: int, user: dict[str, str]) -> None:
    """Fill in the Lock that is shown, and wait for the page that it comes back to."""
    email, password, button = FIELDS.get(version, NEWER)
    visit.page.fill(email, user["email"])
    visit.page.fill(password, user["password"])
    visit.page.click(button)
    visit.back(f"guide/lock-{version}")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("page", ["spa-js", "react", "oidc-client", "auth0-js-10"])
def test_a_page_logs_in(visit: Visit, browser_world: World, page: str, scheme: str) -> None:
    """The SDK takes a tenant on https by its domain, and one on http by its URL."""
    domain = visit.idp.domain
    if scheme == "http":
        open_page(visit, page, browser_world.plain, f"http://{domain}")
    else:
        open_page(visit, page, browser_world.app, domain)
    visit.log_in(ALICE)
    assert shown(visit) == ALICE["email"]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_page_has_its_own_form(visit: Visit, browser_world: World, scheme: str) -> None:
    """`webAuth.login` with cross-origin authentication."""
    domain = visit.idp.domain
    if scheme == "http":
        open_page(visit, "auth0-js-9", browser_world.plain, f"http://{domain}")
    else:
        open_page(visit, "auth0-js-9", browser_world.app, domain)
    assert shown(visit) == ALICE["email"]


@pytest.mark.slow
@pytest.mark.parametrize("version", [9, 10, 14])
def test_lock_logs_in_and_links(visit: Visit, browser_world: World, version: int) -> None:
    """Lock shows itself, and once more to add Bob's account to Alice's."""
    alice = visit.idp.users[ALICE["email"]].user_id
    open_page(visit, f"lock-{version}", browser_world.app, visit.idp.domain)
    submit_lock(visit, version, ALICE)
    assert shown(visit) == alice
    visit.page.evaluate("history.replaceState(null, '', location.pathname)")
    visit.run("addAccount();")
    submit_lock(visit, version, BOB)
    assert shown(visit) == alice
    assert len(visit.idp.users[alice].identities) == 2


def test_the_guide_shows_what_is_tested() -> None:
    """Each block of the guide is a marked region of a page, and none is left out."""
    shown = re.findall(r"^~~~js\n(.*?)^~~~$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(regions()) >= 8
    assert sorted(shown) == sorted(regions().values())
