"""A Flask app with Authlib, unchanged: it logs in, links a second account by the legacy door, unlinks it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests
from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, session, url_for
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from mockidp import MockIdp

DEMO = Path(__file__).parents[2] / "fixtures" / "demo.yaml"


def make_app(issuer: str) -> Flask:
    """The app of Auth0's Flask quickstart, with the account linking of the legacy documentation."""
    app = Flask("shop")
    app.secret_key = "shop"
    oauth = OAuth(app)
    oauth.register(
        "auth0",
        client_id="web",
        client_secret="web-secret",
        client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
        server_metadata_url=f"{issuer}.well-known/openid-configuration",
    )

    @app.get("/login")
    def login() -> Response:
        return oauth.auth0.authorize_redirect(url_for("callback", _external=True))

    @app.get("/callback")
    def callback() -> Response:
        token = oauth.auth0.authorize_access_token()
        session["user"] = token["userinfo"]
        session["access_token"] = token["access_token"]
        return redirect("/me")

    @app.get("/me")
    def me() -> dict[str, object]:
        return dict(session["user"])

    @app.get("/link/<connection>")
    def link(connection: str) -> Response:
        where = url_for("callback", _external=True)
        token = session["access_token"]
        return oauth.auth0.authorize_redirect(where, connection=connection, access_token=token)

    @app.get("/unlink/<user_id>")
    def unlink(user_id: str) -> str:
        body = {"access_token": session["access_token"], "user_id": user_id}
        answer = requests.post(f"{issuer}unlink", json=body, timeout=5)
        answer.raise_for_status()
        return answer.text

    return app


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, MockIdp]]:
    """The app's URL and the tenant that it uses."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    server = make_server("127.0.0.1", 0, lambda environ, start: app(environ, start), threaded=True)
    url = f"http://localhost:{server.server_port}"
    with MockIdp(seed=[DEMO, {"clients": [{"name": "Web", "callbacks": [f"{url}/callback"]}]}]) as idp:
        app = make_app(idp.issuer)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield url, idp
        server.shutdown()
        server.server_close()
        thread.join()


def test_login_link_and_unlink(shop: tuple[str, MockIdp]) -> None:
    """The seeds' scenario: save the access token, add a second account by the legacy link, remove it."""
    url, idp = shop
    with requests.Session() as browser:
        idp.login_as("alice@example.com")
        me = browser.get(f"{url}/login", timeout=5).json()
        alice = me["sub"]
        assert me["email"] == "alice@example.com"
        assert alice.startswith("auth0|")

        idp.login_as("facebook|1022")
        linked = browser.get(f"{url}/link/facebook", timeout=5).json()
        assert linked["sub"] == alice
        providers = [identity["provider"] for identity in idp.users["alice@example.com"].identities]
        assert providers == ["auth0", "facebook"]

        # Either identity is Alice now.
        with requests.Session() as other:
            assert other.get(f"{url}/login?{urlencode({'again': 1})}", timeout=5).json()["sub"] == alice

        assert browser.get(f"{url}/unlink/facebook|1022", timeout=5).text == "OK"
        assert len(idp.users["alice@example.com"].identities) == 1
    idp.requests.assert_called("POST /unlink", times=1)


def test_login_through_the_real_pages(shop: tuple[str, MockIdp]) -> None:
    """The same app, with the person typing e-mail and password into the login page."""
    url, idp = shop
    browser = idp.browser()
    page = browser.get(f"{url}/login")
    assert page.url.startswith(f"{idp.url}/u/login")
    browser.fill(username="bob@example.com", password="wrong", press="default")
    done = browser.fill(username="bob@example.com", password="bob-password", press="default")
    assert done.url == f"{url}/me"
    assert '"email":"bob@example.com"' in done.text.replace('": "', '":"')
