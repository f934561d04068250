"""`GET /login`: the classic login page's address."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from classic_world import CALLBACK, SEED, Browser

from mockidp import MockIdp


@pytest.fixture(scope="session")
def idp_seed() -> Any:
    return SEED


@pytest.fixture
def browser(idp: MockIdp) -> Browser:
    return Browser(idp)


def test_login_leads_to_the_login_page(browser: Browser) -> None:
    """The classic page's address with a transaction's state."""
    state = dict(parse_qsl(urlsplit(browser.authorize().location).query))["state"]
    response = browser.get("/login", state=state, client="page", protocol="oauth2")
    assert (response.status_code, response.location) == (302, f"/u/login?state={state}")


def test_login_begins_a_login(browser: Browser) -> None:
    """Without a transaction its parameters are an authorization request, checked as one."""
    query = {"client": "page", "protocol": "oauth2", "response_type": "code", "redirect_uri": CALLBACK}
    assert re.match(r"/u/login\?state=\w+$", browser.get("/login", **query).location)
    assert browser.get("/login", **{**query, "redirect_uri": "https://evil.example"}).status_code == 403
    assert browser.get("/login", **{**query, "client": "nobody"}).status_code == 400


@pytest.mark.parametrize("query", [{}, {"state": "x"}])
def test_login_with_nothing_is_the_lost_page(browser: Browser, query: dict[str, str]) -> None:
    """As for any stale address."""
    response = browser.get("/login", **query)
    assert response.status_code == 400
    assert "find your session" in response.text
