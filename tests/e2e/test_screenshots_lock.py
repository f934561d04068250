"""Lock 14 before the tenant, wide and narrow: nothing cut off, everything there.

With MOCKIDP_SCREENSHOTS=1 the pictures go to docs/images.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from browser_world import Visit, World

pytestmark = pytest.mark.slow

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SIZES = {"wide": (1280, 800), "phone": (360, 740)}
LOCK = """
    const auth = {redirectUrl: here, responseType: 'token id_token'};
    window.lock = new Auth0Lock('spa', domain, {
        auth, closable: false, autofocus: false, theme: {logo}, languageDictionary: {title: 'Photo Prints'},
    });
    const shown = new Promise(resolve => lock.on('show', resolve));
    lock.show();
    await shown;
"""
# Lock's own is on the CDN.
LOGO = "data:image/svg+xml," + quote(
    '<svg xmlns="http://www.w3.org/2000/svg" width="58" height="58" viewBox="0 0 58 58">'
    '<circle cx="29" cy="29" r="28" fill="#3b5b7a"/><circle cx="29" cy="29" r="12" fill="#fff"/></svg>'
)
STILL = "document.getAnimations().every(animation => animation.playState === 'finished')"


@pytest.fixture(params=SIZES)
def visit(request: pytest.FixtureRequest, browser_world: World) -> Iterator[Visit]:
    """A browser window of this size; no script may fail."""
    from browser_world import Visit

    width, height = SIZES[request.param]
    browser_world.idp.reset()
    context = browser_world.browser.new_context(
        viewport={"width": width, "height": height}, device_scale_factor=2 if width < 600 else 1, locale="en"
    )
    visit = Visit(browser_world, context)
    yield visit
    context.close()
    assert visit.errors == []
    browser_world.idp.raise_problems()


def test_lock_is_whole(visit: Visit, tmp_path: Path) -> None:
    """Tabs, the social button, both fields and the button that submits are in the window."""
    visit.open("lock-14")
    visit.run(LOCK, logo=LOGO)
    page = visit.page
    page.wait_for_selector("[data-provider=google-oauth2]")
    page.wait_for_function(STILL)
    width, height = (page.evaluate(name) for name in ("innerWidth", "innerHeight"))
    for part in ("ul.auth0-lock-tabs", "[name=email]", "[name=password]", ".auth0-lock-submit"):
        box = page.locator(f".auth0-lock {part}").bounding_box()
        assert box is not None, part
        assert 0 <= box["x"] <= box["x"] + box["width"] <= width, part
        assert 0 <= box["y"] <= box["y"] + box["height"] <= height, part
    directory = IMAGES if os.environ.get("MOCKIDP_SCREENSHOTS") == "1" else tmp_path
    directory.mkdir(exist_ok=True)
    page.screenshot(path=directory / f"lock{'-phone' if width < 600 else ''}.png")
