"""What tests of the dashboard share: its pages as a browser reads them, and its forms."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import requests

from mockidp.server import MockIdp

ALICE = "alice@example.com"
CALLBACK = "http://localhost:3000/callback"
AUTHORIZE = {"response_type": "code", "client_id": "web", "scope": "openid email", "redirect_uri": CALLBACK}
HOME = "/_mockidp/dashboard"
PAGES = ["/_mockidp/", *(f"{HOME}/{name}" for name in ("users", "clients", "requests", "outbox", "rules"))]


class Page(HTMLParser):
    """A page as a browser reads it: its tags with attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def get(idp: MockIdp, path: str, status: int = 200, **headers: str) -> Page:
    response = requests.get(f"{idp.url}{path}", headers=headers, timeout=5)
    assert response.status_code == status, response.text
    return Page(response.text)


def act(idp: MockIdp, action: str, headers: dict[str, str] | None = None, **form: str) -> requests.Response:
    """Send a form as the dashboard's own page does."""
    own = {"Origin": idp.url, "Sec-Fetch-Site": "same-origin"} if headers is None else headers
    url = f"{idp.url}{HOME}/{action}"
    return requests.post(url, data=form, headers=own, allow_redirects=False, timeout=5)


def log_in(idp: MockIdp) -> dict[str, Any]:
    callback = idp.browser().login(f"/authorize?{urlencode(AUTHORIZE)}", ALICE)
    form = {"grant_type": "authorization_code", "code": callback.split("code=")[1], "redirect_uri": CALLBACK}
    tokens: dict[str, Any] = requests.post(
        f"{idp.url}/oauth/token", data=form, auth=("web", "web-secret"), timeout=5
    ).json()
    return tokens


def google(idp: MockIdp) -> str:
    users = [user for user in idp.users if user.user_id.startswith("google-oauth2|")]
    linked = idp.users[ALICE].identities[-1]
    return str(users[0].user_id if users else f"{linked.provider}|{linked.user_id}")
