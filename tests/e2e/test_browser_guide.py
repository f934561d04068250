"""docs/sdks-browser.md in Chromium: it shows the scripts of pages/, and the tenant that they use."""

from __future__ import annotations

import json
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
schemes = pytest.mark.parametrize("scheme", ["https", "http"])


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
    base = domain if domain.startswith("http://") else f"https://{domain}"
    settings = {"AUTH0_DOMAIN": domain, "ISSUER": f"{base}/", "CALLBACK": f"{app}/guide/{name}"}
    visit.page.add_init_script(f"Object.assign(window, {json.dumps(settings)})")
    visit.open(f"guide/{name}")


def open_by(scheme: str, visit: Visit, world: World, name: str) -> None:
    """Open a page of the guide on this scheme, with the tenant on the same."""
    if scheme == "http":
        open_page(visit, name, world.plain, f"http://{visit.idp.domain}")
    else:
        open_page(visit, name, world.app, visit.idp.domain)


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
@schemes
@pytest.mark.parametrize("page", ["spa-js", "react", "oidc-client", "auth0-js-10"])
def test_a_page_logs_in(visit: Visit, browser_world: World, page: str, scheme: str) -> None:
    """The SDK takes a tenant on https by its domain, and one on http by its URL."""
    open_by(scheme, visit, browser_world, page)
    visit.log_in(ALICE)
    assert shown(visit) == ALICE["email"]


@pytest.mark.slow
@schemes
def test_a_page_has_its_own_form(visit: Visit, browser_world: World, scheme: str) -> None:
    """`webAuth.login` with cross-origin authentication."""
    open_by(scheme, visit, browser_world, "auth0-js-9")
    assert shown(visit) == ALICE["email"]


@pytest.mark.slow
@schemes
def test_frames_need_one_scheme(visit: Visit, browser_world: World, scheme: str) -> None:
    """With the tenant on the other scheme the login works, but the session is not seen in a frame."""
    domain = visit.idp.domain
    if scheme == "http":
        open_page(visit, "spa-js", browser_world.plain, domain)
    else:
        open_page(visit, "spa-js", browser_world.app, f"http://{domain}")
    with visit.page.expect_event("pageerror"):
        visit.log_in(ALICE)
    visit.idp.requests.assert_called("POST /oauth/token", times=1)
    assert visit.errors == ["Login required"]
    visit.errors.clear()


@pytest.mark.slow
@schemes
@pytest.mark.parametrize("version", [9, 10, 14])
def test_lock_logs_in_and_links(visit: Visit, browser_world: World, version: int, scheme: str) -> None:
    """Lock shows itself, and once more to add Bob's account to Alice's; the tenant is on https."""
    alice = visit.idp.users[ALICE["email"]].user_id
    app = {"http": browser_world.plain, "https": browser_world.app}[scheme]
    open_page(visit, f"lock-{version}", app, visit.idp.domain)
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
