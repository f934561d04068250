"""What tests of the journal share: requests of every kind that carry secrets, and those secrets."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from mockidp.harness.recorder import Recorder
from mockidp.model.tenant import Tenant
from mockidp.server import MockIdp

ALICE, BOB = "alice@example.com", "bob@example.com"
API = "https://api.example.com"
CALLBACK = "http://localhost:3000/callback"
MULTI_FACTOR = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
VERIFIER = "a-code-verifier-that-is-long-enough-for-the-standard-43"
SECRETS = {"alice-password", "bob-password", "A-new-passw0rd", "web-secret", VERIFIER}


def request_to(path: str, **options: object) -> Request:
    builder = EnvironBuilder(path=path, **options)  # type: ignore[arg-type]
    request = Request(builder.get_environ())
    builder.close()
    return request


def recorder_of(*requested: Request, limit: int = 1000, response: Response | None = None) -> Recorder:
    """Return a recorder that saw these requests answered by a handler that always says the same."""
    recorder = Recorder(Tenant(), limit)
    handler = recorder.layer(lambda request: response or Response("ok"))
    for request in requested:
        handler(request)
    return recorder


class Journey:
    """An application that does all that has secrets, and notes them."""

    def __init__(self, idp: MockIdp) -> None:
        self.idp = idp
        self.browser = idp.browser()
        self.secrets = set(SECRETS)

    def authorize(self, **params: str) -> str:
        asked = {
            "client_id": "web",
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "scope": "openid email",
        }
        return f"{self.idp.url}/authorize?{urlencode(asked | params)}"

    def log_in(self, user: str = ALICE, **params: str) -> dict[str, str]:
        """Return what the callback got."""
        parts = urlsplit(self.browser.login(self.authorize(**params), user))
        answer = dict(self.browser.posted or parse_qsl(parts.query) + parse_qsl(parts.fragment))
        return self.note(answer)

    def note(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Note what is secret in an answer."""
        names = ("code", "access_token", "id_token", "refresh_token", "client_secret")
        for secret in (answer[name] for name in names if name in answer):
            self.secrets |= {secret, secret.rpartition(".")[2]}
        return answer

    def call(self, path: str, token: str = "", method: str = "POST", **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.request(
            method, self.idp.url + path, headers=headers, timeout=10, allow_redirects=False, **options
        )

    def token(self, **form: str) -> dict[str, Any]:
        return self.note(self.call("/oauth/token", data={"client_id": "web"} | form).json())

    def everything(self) -> None:
        """Log in by every mode, use and refuse tokens, manage users, change passwords."""
        code = self.log_in(scope="openid offline_access", code_challenge=VERIFIER)["code"]
        redeemed = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        tokens = self.token(client_secret="web-secret", code_verifier=VERIFIER, **redeemed)
        self.secrets |= set(self.browser.cookies.values())
        self.log_in(response_type="id_token token", nonce="n", audience=API)
        self.log_in(response_type="code", response_mode="form_post")
        self.log_in(response_type="code id_token", nonce="n")
        self.browser.get(self.authorize(response_mode="web_message", prompt="none"))
        self.note_posted()
        self.use(tokens)
        self.token(client_secret="web-secret", **redeemed)  # refused
        self.passwords()
        self.manage()
        self.idp.browser().login(self.authorize(acr_values=MULTI_FACTOR), BOB)
        self.secrets.add(str(self.idp.outbox.last.code))

    def note_posted(self) -> None:
        location = self.idp.requests[-1].response_text
        code = location.partition('"code":"')[2].partition('"')[0]
        if code:
            self.secrets.add(code)

    def use(self, tokens: dict[str, Any]) -> None:
        """Present tokens in headers, forms, JSON and queries."""
        self.call("/userinfo", tokens["access_token"], "GET")
        self.call("/userinfo", tokens["id_token"], "GET")  # refused
        refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        self.note(
            self.call("/oauth/token", json=refresh | {"client_id": "web"}, auth=("web", "web-secret")).json()
        )
        self.note(self.call("/oauth/token", data=refresh, auth=("web", "web-secret")).json())
        self.call("/oauth/revoke", data={"token": tokens["refresh_token"], "client_id": "web"})
        self.call("/unlink", json={"access_token": tokens["access_token"], "user_id": "facebook|1"})
        self.call(
            f"/authorize?{urlencode({'client_id': 'web', 'access_token': tokens['access_token']})}",
            method="GET",
        )
        self.call(f"/v2/logout?{urlencode({'id_token_hint': tokens['id_token']})}", method="GET")
        assertion = {"client_assertion": tokens["id_token"], "grant_type": "client_credentials"}
        self.call("/oauth/token", data=assertion)

    def passwords(self) -> None:
        """Send passwords, by JSON too, and change one by a ticket."""
        form = {"grant_type": "password", "username": BOB, "password": "bob-password"}
        self.token(client_secret="web-secret", scope="openid", **form)
        database = {"client_id": "web", "email": BOB, "connection": "Username-Password-Authentication"}
        self.call("/dbconnections/change_password", json=database)
        mail = self.idp.outbox.last
        assert mail.url is not None
        self.secrets.add(mail.url.partition("ticket=")[2].partition("#")[0])
        browser = self.idp.browser()
        browser.get(mail.url)
        browser.fill(**{"password-reset": "A-new-passw0rd", "re-enter-password": "A-new-passw0rd"})
        self.call(
            "/dbconnections/signup",
            json=database | {"email": "eve@example.com", "password": "A-new-passw0rd"},
        )
        self.call(
            "/co/authenticate", json={"client_id": "web", "username": ALICE, "password": "alice-password"}
        )

    def manage(self) -> None:
        """Create a user with a password, link with a token."""
        token = self.idp.management_token()
        self.secrets.add(token)
        user = {"email": "new@example.com", "connection": "Username-Password-Authentication"}
        self.call("/api/v2/users", token, json=user | {"password": "A-new-passw0rd"})
        alice = self.idp.users[ALICE].user_id
        linked = self.idp.id_token(BOB, client="web")
        self.secrets.add(linked)
        self.call(f"/api/v2/users/{alice}/identities", token, json={"link_with": linked})
