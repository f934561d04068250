"""A tenant, a browser with cookies, and the few steps that most tests of the Authentication API take."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from werkzeug.test import Client as TestClient
from werkzeug.test import TestResponse

from mockidp.model.session import authenticate, change_transaction, find_transaction
from mockidp.model.user import USERS, User, find_by_identity
from mockidp.server import MockIdp

ISSUER = "http://localhost:4100/"
CALLBACK = "https://app.example.com/callback"  # verifiable: first-party clients are not asked for consent
LOCAL = "http://localhost:3000/callback"
DATABASE = "Username-Password-Authentication"
API = "https://api.example.com"
WEB = {"client_id": "web", "client_secret": "web-secret"}


class World:
    """One tenant and one browser."""

    def __init__(self, idp: MockIdp, origin: str = ISSUER) -> None:
        self.idp = idp
        self.tenant = idp.state
        self.clock = idp.clock
        self.origin = origin
        self.browser = TestClient(idp.app)

    def another_browser(self) -> World:
        """Return the same tenant in a browser without cookies."""
        return World(self.idp, self.origin)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.open("GET", path, **options)

    def post(self, path: str, **options: Any) -> TestResponse:
        return self.open("POST", path, **options)

    def open(self, method: str, path: str, **options: Any) -> TestResponse:
        """Send a request; `base_url` says under which name."""
        return self.browser.open(path, method=method, **{"base_url": self.origin, **options})

    def get_with_cookie(self, path: str, cookie: str) -> TestResponse:
        """Request a page with exactly this Cookie header."""
        bare = TestClient(self.idp.app, use_cookies=False)
        return bare.get(path, base_url=self.origin, headers={"Cookie": cookie})

    def user(self, email: str) -> User:
        """Return the account with this e-mail as it is now."""
        return self.tenant.store.all(USERS, {"email": email})[0]

    def authorize(self, **params: str | None) -> TestResponse:
        """Go to /authorize for a code; a parameter that is None is left out."""
        usual = {
            "client_id": "web",
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid profile email",
            "state": "S",
        }
        sent = {name: value for name, value in {**usual, **params}.items() if value is not None}
        return self.get(f"/authorize?{urlencode(sent)}")

    def answer_login(self, page: TestResponse, user: str, by: str | None = None) -> TestResponse:
        """Log in where a login page would be shown: what the pages do, without the pages.

        `user` is an e-mail, `by` the identity (`provider|id`) used; left out, the account's own.
        """
        state = state_of(page)
        transaction = find_transaction(self.tenant, state)
        assert transaction is not None, page.location
        account = find_by_identity(self.tenant, by) if by else self.user(user)
        assert account is not None
        identity = account.identity(by) if by else account.main
        assert identity is not None
        authenticate(self.tenant, transaction, account.user_id, identity.key, identity.connection)
        return self.get(f"/authorize/resume?{urlencode({'state': state})}")

    def log_in(
        self, user: str = "alice@example.com", by: str | None = None, **params: str | None
    ) -> TestResponse:
        """Go to /authorize, log in, and return the last answer."""
        page = self.authorize(**params)
        assert page.status_code == 302, page.text
        assert page.location.startswith("/u/"), page.location
        return self.answer_login(page, user, by)

    def change(self, page: TestResponse, **members: object) -> TestResponse:
        """Set members of the transaction of a step, as its page would, and go on."""
        state = state_of(page)
        transaction = find_transaction(self.tenant, state)
        assert transaction is not None
        change_transaction(self.tenant, transaction, **members)
        return self.get(f"/authorize/resume?{urlencode({'state': state})}")

    def code(self, user: str = "alice@example.com", **params: str | None) -> str:
        """Return the code of a login, by a browser of its own."""
        return answer(self.another_browser().log_in(user, **params))["code"]

    def redeem(self, code: str, **form: str | None) -> TestResponse:
        """Exchange a code as client `web`, unless told otherwise."""
        sent = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, **WEB, **form}
        return self.token(**sent)

    def token(self, **form: str | None) -> TestResponse:
        """POST a form to /oauth/token; a parameter that is None is left out."""
        sent = {name: value for name, value in form.items() if value is not None}
        return self.post("/oauth/token", data=sent)

    def tokens(self, user: str = "alice@example.com", **params: str | None) -> dict[str, Any]:
        """Return the token set of a login with the code flow, by a browser of its own."""
        client = {k: v for k, v in params.items() if k in ("client_id", "redirect_uri")}
        if client.get("client_id", "web") != "web":
            client["client_secret"] = SECRETS.get(str(client["client_id"]))
        response = self.redeem(self.code(user, **params), **client)
        assert response.status_code == 200, response.text
        return dict(response.json)

    def refresh(self, token: str, client_id: str = "web", **form: str) -> TestResponse:
        """Exchange a refresh token."""
        return self.token(
            grant_type="refresh_token",
            refresh_token=token,
            client_id=client_id,
            client_secret=SECRETS.get(client_id),
            **form,
        )

    def userinfo(self, token: str) -> TestResponse:
        """Ask /userinfo with a bearer token."""
        return self.get("/userinfo", headers={"Authorization": f"Bearer {token}"})

    def verified(self, token: str, audience: str) -> dict[str, Any]:
        """Return a JWT's claims after checking its signature with the published keys, as a client does."""
        kid = jwt.get_unverified_header(token)["kid"]
        keys = self.get("/.well-known/jwks.json").json["keys"]
        key = next(key for key in keys if key["kid"] == kid)
        options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}  # the clock is the tenant's
        return dict(
            jwt.decode(
                token, jwt.PyJWK(key).key, algorithms=["RS256", "PS256"], audience=audience, options=options
            )
        )


SECRETS = {
    "web": "web-secret",
    "other": "other-secret",
    "third": "third-secret",
    "hs": "hs-secret-that-is-longer-than-32-bytes",
    "short": "short",
    "ps": "ps-secret",
    "m2m": "m2m-secret",
    "expiring": "expiring-secret",
    "members": "members-secret",
    "nobody": "nobody-secret",
}


def state_of(page: TestResponse) -> str:
    """Return the handle of the transaction that a redirect to a step carries."""
    return dict(parse_qsl(urlsplit(page.location).query))["state"]


def answer(response: TestResponse) -> dict[str, Any]:
    """Return the parameters that the client gets, in whatever response mode."""
    if response.status_code == 302:
        parts = urlsplit(response.location)
        return dict(parse_qsl(parts.fragment or parts.query, keep_blank_values=True, strict_parsing=True))
    if "authorizationResponse" in response.text:
        text = re.search(r"authorizationResponse = (\{.*\});", response.text)
        assert text, response.text
        return dict(json.loads(text[1])["response"])
    fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', response.text)
    assert fields, response.text
    return {unescape(name): unescape(value) for name, value in fields}


def claims_of(token: str) -> dict[str, Any]:
    """Return a JWT's claims without a look at its signature."""
    return dict(jwt.decode(token, options={"verify_signature": False}))


def error(response: TestResponse) -> tuple[str, str]:
    """Return error and description, of a JSON body or of a redirect."""
    body: Mapping[str, Any] = response.json if response.is_json else answer(response)
    return body["error"], body["error_description"]
