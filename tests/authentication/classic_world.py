"""What the tests of cross-origin and classic logins share: a tenant, and a browser at a client's page."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from werkzeug.test import Client as TestClient
from werkzeug.test import TestResponse

from mockidp import MockIdp

ISSUER = "https://localhost:4100/"
APP = "https://app.example.com"
CALLBACK = f"{APP}/callback"
DATABASE = "Username-Password-Authentication"
ALICE = {"username": "alice@example.com", "password": "alice-password"}
BOB = {"username": "bob@example.com", "password": "bob-password"}
SEED: dict[str, Any] = {
    "tenant": {"default_directory": DATABASE},
    "databases": [
        {
            "name": DATABASE,
            "options": {"passwordPolicy": "fair", "requires_username": False, "disable_signup": True},
        },
        {"name": "staff", "enabled_clients": ["other"]},
    ],
    "connections": [
        {"name": "google-oauth2", "strategy": "google-oauth2", "options": {"scope": ["email", "profile"]}},
        {
            "name": "corp",
            "strategy": "samlp",
            "options": {"domain_aliases": ["corp.example", "corp.test"]},
            "enabled_clients": ["page"],
        },
    ],
    "clients": [
        {
            "name": "Page </script><b>\u2028",
            "client_id": "page",
            "app_type": "spa",
            "callbacks": [CALLBACK],
            "allowed_origins": ["https://*.preview.example.com"],
        },
        {
            "name": "Other",
            "client_id": "other",
            "app_type": "spa",
            "callbacks": ["https://other.example.com/callback"],
        },
        {
            "name": "Closed",
            "client_id": "closed",
            "app_type": "spa",
            "callbacks": [f"{APP}/closed"],
            "cross_origin_authentication": False,
        },
    ],
    "resourceServers": [{"identifier": "https://api.example.com", "name": "API"}],
    "users": [
        {"email": "alice@example.com", "password": "alice-password", "connection": DATABASE},
        {"email": "bob@example.com", "password": "bob-password", "connection": DATABASE},
        {"email": "mallory@example.com", "password": "pw", "connection": DATABASE, "blocked": True},
        {"email": "sam@example.com", "password": "sam-password", "connection": "staff"},
    ],
    "mockidp": {"clock": "2030-01-01T00:00:00Z"},
}


class Browser:
    """One browser; `origin` is that of the page that calls."""

    def __init__(self, idp: MockIdp) -> None:
        self._client = TestClient(idp.app)

    def get(self, path: str, origin: str | None = None, **query: str) -> TestResponse:
        url = f"{path}?{urlencode(query)}" if query else path
        return self._client.get(url, base_url=ISSUER, headers=_headers(origin))

    def post(self, path: str, origin: str | None = APP, **options: Any) -> TestResponse:
        return self._client.post(path, base_url=ISSUER, headers=_headers(origin), **options)

    def preflight(self, path: str, origin: str, method: str = "POST") -> TestResponse:
        asked = {
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "auth0-client,content-type",
        }
        return self._client.options(path, base_url=ISSUER, headers={"Origin": origin, **asked})

    def authorize(self, **changes: str) -> TestResponse:
        usual = {
            "client_id": "page",
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid email",
            "state": "S",
        }
        return self.get("/authorize", **{**usual, **changes})

    def ticket(self, client_id: str = "page", user: dict[str, str] = ALICE) -> str:
        """Return a login ticket of /co/authenticate."""
        realm = "http://auth0.com/oauth/grant-type/password-realm"
        body = {"client_id": client_id, "credential_type": realm, "realm": DATABASE, **user}
        response = self.post("/co/authenticate", origin=None, json=body)
        assert response.status_code == 200, response.text
        return str(response.json["login_ticket"])


class Form(HTMLParser):
    """The first form of a page: its attributes and fields."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.attributes: dict[str, str] = {}
        self.fields: dict[str, str] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.attributes = found
        elif tag == "input" and "name" in found:
            self.fields[found["name"]] = found["value"]


def _headers(origin: str | None) -> dict[str, str]:
    return {} if origin is None else {"Origin": origin}


def answer(response: TestResponse) -> dict[str, str]:
    """Return the parameters of a redirect to the client."""
    assert response.status_code == 302, response.text
    assert response.location.startswith(CALLBACK), response.location
    parts = urlsplit(response.location)
    return dict(parse_qsl(parts.fragment or parts.query))


def claims(token: str) -> dict[str, Any]:
    """Return a JWT's claims without a look at its signature."""
    return dict(jwt.decode(token, options={"verify_signature": False}))


def argument(response: TestResponse, function: str) -> Any:
    """Return what a script calls a function with."""
    call = re.fullmatch(
        rf"(?:/\*\*/ typeof {function} === 'function' && )?{function}\((.*)\);", response.text
    )
    assert call, response.text
    return json.loads(call[1])
