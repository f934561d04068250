"""Mails in Chromium: a test opens a message's page, clicks its only link, and is where the user would be."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Page, expect, sync_playwright
from test_screenshots import ARGUMENTS

from mockidp import MockIdp

pytestmark = pytest.mark.slow

BOB, PASSWORD = "bob@example.com", "bob-password"


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def page(request: pytest.FixtureRequest, idp: MockIdp) -> Iterator[Page]:
    """A page on a phone; what it says in the console fails the test. Without Chromium: skipped, not in CI."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        assert os.environ.get("CI") != "true", "CI needs chromium"
        pytest.skip("no chromium here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        context = browser.new_context(
            base_url=idp.url, java_script_enabled=request.param, viewport={"width": 320, "height": 640}
        )
        context.set_default_timeout(10_000)
        said: list[str] = []
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        yield page
        browser.close()
    assert said == []
    idp.raise_problems()


def open_mail(idp: MockIdp, page: Page, kind: str) -> None:
    """Do what a test in any language does: ask for the message, open its page, click its link."""
    [mail] = requests.get(f"{idp.url}/_mockidp/outbox", params={"kind": kind}, timeout=5).json()
    page.goto(f"/_mockidp/outbox/{mail['id']}")
    page.get_by_role("link").click()


def test_a_forgotten_password(idp: MockIdp, page: Page) -> None:
    """The link opens the form, in the same tab; its answer leads back to the application."""
    form = {"client_id": "web", "email": BOB, "connection": "Username-Password-Authentication"}
    requests.post(f"{idp.url}/dbconnections/change_password", json=form, timeout=5)
    open_mail(idp, page, "reset_email")
    page.get_by_label("New password", exact=True).fill("A-new-passw0rd")
    page.get_by_label("Re-enter new password").fill("A-new-passw0rd")
    page.get_by_role("button").click()
    expect(page.get_by_role("heading")).to_have_text("Password Changed!")
    expect(page.get_by_role("link", name="Back to Web")).to_be_visible()


def test_a_blocked_account(idp: MockIdp, page: Page, request: pytest.FixtureRequest) -> None:
    """Where scripts run, following the link is enough; without, there is a button."""
    form = {"grant_type": "password", "username": BOB, "password": "wrong"}
    for _ in range(10):
        requests.post(f"{idp.url}/oauth/token", data=form, auth=("web", "web-secret"), timeout=5)
    open_mail(idp, page, "blocked_account")
    if "no scripts" in request.node.name:
        expect(page.get_by_role("heading")).to_have_text("Unblock My Account")
        page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading")).to_have_text("Account Unblocked")
    right = {**form, "password": PASSWORD}
    answer = requests.post(f"{idp.url}/oauth/token", data=right, auth=("web", "web-secret"), timeout=5)
    assert answer.status_code == 200
