"""What tests of rules ask for: a client by HTTP, and requests that come often."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
import requests

from mockidp.server import MockIdp

ALICE, BOB = "alice@example.com", "bob@example.com"
FACEBOOK = "facebook|1022"
CALLBACK = "http://localhost:3000/callback"
API = "https://api.example.com"
MFA = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
TIMEOUT = 10


class App:
    """An application: it asks for authorization, redeems codes, and calls with tokens."""

    def __init__(self, idp: MockIdp) -> None:
        self.idp = idp
        self.browser = requests.Session()

    def get(self, path: str, **headers: str) -> requests.Response:
        return requests.get(self.idp.url + path, headers=headers, timeout=TIMEOUT, allow_redirects=False)

    def post(self, path: str, body: object, **headers: str) -> requests.Response:
        return requests.post(self.idp.url + path, json=body, headers=headers, timeout=TIMEOUT)

    def manage(self, method: str, path: str, body: object = None) -> requests.Response:
        """Call the Management API."""
        headers = {"Authorization": f"Bearer {self.idp.management_token()}"}
        url = f"{self.idp.url}/api/v2/{path}"
        return requests.request(method, url, json=body, headers=headers, timeout=TIMEOUT)

    def authorize_url(self, **params: str) -> str:
        asked = {"client_id": "web", "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid"}
        return f"{self.idp.url}/authorize?{urlencode(asked | params)}"

    def authorize(self, **params: str) -> requests.Response:
        return self.browser.get(self.authorize_url(**params), allow_redirects=False, timeout=TIMEOUT)

    def answer(self, **params: str) -> dict[str, str]:
        """Return what the callback of an authorization gets."""
        return answer_of(self.authorize(**params))

    def token(self, **form: str) -> requests.Response:
        sent = {"client_id": "web", "client_secret": "web-secret"} | form
        return requests.post(f"{self.idp.url}/oauth/token", data=sent, timeout=TIMEOUT)

    def machine(self, **headers: str) -> requests.Response:
        """Ask for a machine's token."""
        form = {"grant_type": "client_credentials", "audience": API}
        sent = form | {"client_id": "m2m", "client_secret": "m2m-secret"}
        return requests.post(f"{self.idp.url}/oauth/token", data=sent, headers=headers, timeout=TIMEOUT)

    def log_in(self, **params: str) -> dict[str, str]:
        """Return the token set of a login."""
        code = self.answer(**params)["code"]
        answer = self.token(grant_type="authorization_code", code=code, redirect_uri=CALLBACK)
        tokens: dict[str, str] = answer.json()
        return tokens


def answer_of(response: requests.Response) -> dict[str, str]:
    return answer_at(response.headers["Location"])


def answer_at(location: str | None) -> dict[str, str]:
    """Return what the callback gets at this URL."""
    assert location is not None, "no redirect"
    assert location.startswith(CALLBACK), location
    parts = urlsplit(location)
    return dict(parse_qsl(parts.query or parts.fragment))


def claims_of(token: str) -> dict[str, object]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def header_of(token: str) -> dict[str, object]:
    return dict(jwt.get_unverified_header(token))
