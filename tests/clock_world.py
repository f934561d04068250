"""A tenant where all that has a lifetime can be had, and its clients, for tests of the clock."""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from mockidp import MockIdp

CALLBACK, API, DATABASE = "http://localhost:3000/callback", "https://api.example.com", "Users"
PEOPLE = ("alice@example.com", "bob@example.com")
OTP = "http://auth0.com/oauth/grant-type/passwordless/otp"
START = 1893456000  # 2030-01-01
MINUTE, HOUR, DAY = 60, 3600, 86400


@cache
def key_pair() -> tuple[str, str]:
    """Return a private and a public key as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return private, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def client(name: str, **members: Any) -> dict[str, Any]:
    grants = ["authorization_code", "refresh_token", "password", "client_credentials", OTP]
    usual = {"client_secret": "secret", "app_type": "regular_web", "callbacks": [CALLBACK]}
    return {"name": name, "client_id": name, "grant_types": grants, **usual, **members}


def seed() -> dict[str, Any]:
    """Lifetimes: sessions three hours and an idle one, refresh tokens two and one."""
    endless = {"infinite_token_lifetime": True, "idle_token_lifetime": HOUR}
    idle = {"rotation_type": "non-rotating", "expiration_type": "expiring", **endless}
    absolute = {**idle, "infinite_token_lifetime": False, "token_lifetime": 2 * HOUR}
    rotating = {"rotation_type": "rotating", "expiration_type": "expiring", "leeway": MINUTE}
    credentials = {"credentials": [{"name": "key", "credential_type": "public_key", "pem": key_pair()[1]}]}
    return {
        "tenant": {"default_directory": DATABASE, "session_lifetime": 3, "idle_session_lifetime": 1},
        "databases": [{"name": DATABASE}],
        "connections": [
            {"name": "facebook", "strategy": "facebook"},
            {"name": "email", "strategy": "email"},
        ],
        "clients": [
            client("web"),
            client("page", app_type="spa", cross_origin_authentication=True),
            client("idle", refresh_token=idle),
            client("absolute", refresh_token=absolute),
            client("rotating", refresh_token=rotating),
            client("keys", client_authentication_methods={"private_key_jwt": credentials}),
        ],
        "resourceServers": [{"identifier": API, "name": "API", "allow_offline_access": True}],
        "clientGrants": [
            {"client_id": "web", "audience": "https://tenant/api/v2/", "scope": ["read:users"]},
            {"client_id": "keys", "audience": API, "scope": []},
        ],
        "organizations": [{"name": "acme", "id": "org_acme", "connections": [{"name": DATABASE}]}],
        "users": [
            *({"email": email, "password": "password", "connection": DATABASE} for email in PEOPLE),
            {"user_id": "facebook|1", "connection": "facebook", "email": "alice@facebook.example"},
        ],
    }


class World:
    """A tenant frozen at 2030, the machine's own time, which passes by hand, and one of two people."""

    def __init__(self, idp: MockIdp, machine: Any) -> None:
        self.idp = idp
        self.machine = machine
        self.person = PEOPLE[0]
        idp.clock.freeze(START)

    def get(self, path: str, token: str = "", **query: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.get(self.idp.url + path, query, headers=headers, timeout=10, allow_redirects=False)

    def post(self, path: str, body: object = None, **form: str) -> requests.Response:
        return requests.post(self.idp.url + path, data=form, json=body, timeout=10, allow_redirects=False)

    def token(self, client_id: str, **form: str) -> requests.Response:
        return self.post("/oauth/token", client_id=client_id, client_secret="secret", **form)

    def redeem(self, code: str) -> requests.Response:
        return self.token("web", grant_type="authorization_code", code=code, redirect_uri=CALLBACK)

    def password(self, client_id: str = "web", **form: str) -> dict[str, Any]:
        """Return the token set of a password grant."""
        asked = {"scope": "openid offline_access", "username": self.person, "password": "password", **form}
        answer = self.token(client_id, grant_type="password", **asked)
        assert answer.ok, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    def refresh(self, client_id: str, token: str) -> requests.Response:
        return self.token(client_id, grant_type="refresh_token", refresh_token=token)

    def asked(self, **more: str) -> dict[str, str]:
        asked = {"client_id": "web", "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid"}
        return {**asked, **more}

    def authorize_url(self, **more: str) -> str:
        return f"{self.idp.url}/authorize?{urlencode(self.asked(**more))}"

    def log_in(self, **more: str) -> tuple[Any, dict[str, str]]:
        """Return a browser in which the person logged in, and what the callback got."""
        browser = self.idp.browser()
        return browser, answer(browser.login(self.authorize_url(**more), self.person))


def answer(url: str | None) -> dict[str, str]:
    assert url is not None
    assert url.startswith(CALLBACK), url
    return dict(parse_qsl(urlsplit(url).query))
