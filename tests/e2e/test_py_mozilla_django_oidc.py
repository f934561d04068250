"""mozilla-django-oidc in a Django project: login with nonce and PKCE, refusal, logout at the tenant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from python_clients import DEMO, DJANGO, answer, point_at

from mockidp import MockIdp

if TYPE_CHECKING:
    from django.test import Client

pytestmark = DJANGO
SITE = "http://shop.example.com"


@pytest.fixture
def idp_seed() -> list[object]:
    """The demo tenant, whose Web is the Django project."""
    web = {"name": "Web", "callbacks": [f"{SITE}/oidc/callback/"], "allowed_logout_urls": [f"{SITE}/"]}
    return [DEMO, {"clients": [web]}]


@pytest.fixture(scope="module")
def tables() -> Iterator[None]:
    """The project's database."""
    from django_project import database

    with database():
        yield


@pytest.fixture
def browser(idp: MockIdp, monkeypatch: pytest.MonkeyPatch, tables: None) -> Iterator[Client]:
    """A browser at the project, which has the settings of mozilla-django-oidc's documentation."""
    from django.test import Client, override_settings
    from django_project import nothing_kept

    point_at(idp, monkeypatch)
    base = idp.https_url
    settings = {
        "AUTHENTICATION_BACKENDS": ["mozilla_django_oidc.auth.OIDCAuthenticationBackend"],
        "OIDC_RP_CLIENT_ID": "web",
        "OIDC_RP_CLIENT_SECRET": "web-secret",
        "OIDC_RP_SIGN_ALGO": "RS256",
        "OIDC_OP_AUTHORIZATION_ENDPOINT": f"{base}/authorize",
        "OIDC_OP_TOKEN_ENDPOINT": f"{base}/oauth/token",
        "OIDC_OP_USER_ENDPOINT": f"{base}/userinfo",
        "OIDC_OP_JWKS_ENDPOINT": f"{base}/.well-known/jwks.json",
        "OIDC_OP_LOGOUT_ENDPOINT": f"{base}/oidc/logout",
        "OIDC_OP_LOGOUT_URL_METHOD": "django_project.logout_url",
        "OIDC_STORE_ID_TOKEN": True,
        "OIDC_USE_PKCE": True,
    }
    with override_settings(**settings), nothing_kept():
        yield Client(headers={"host": "shop.example.com"})


def test_login_and_logout(idp: MockIdp, browser: Client) -> None:
    """The user is made from the claims; the logout ends both sessions."""
    tenant = idp.browser()
    away = browser.get("/oidc/authenticate/")
    assert {"nonce", "state", "code_challenge"} <= answer(away.url).keys()
    back = browser.get(tenant.login(away.url, "alice@example.com").removeprefix(SITE))
    assert back.url == "/me"
    assert browser.get("/me").json()["email"] == "alice@example.com"
    assert "code_verifier" in idp.requests.matching("POST /oauth/token")[0].form

    leaving = browser.post("/oidc/logout/")
    assert tenant.get(leaving.url).location == f"{SITE}/"
    assert browser.get("/me").json() == {}
    assert tenant.get(browser.get("/oidc/authenticate/").url).url.startswith(f"{idp.https_url}/u/login")


def test_the_second_login_finds_the_user(idp: MockIdp, browser: Client) -> None:
    """One user per e-mail, and single sign-on at the tenant."""
    from django.contrib.auth.models import User

    tenant = idp.browser()
    for _ in range(2):
        callback = tenant.login(browser.get("/oidc/authenticate/").url, "alice@example.com")
        browser.get(callback.removeprefix(SITE))
    assert [user.email for user in User.objects.all()] == ["alice@example.com"]
    assert len(idp.requests.matching("POST /u/login")) == 1


def test_a_refusal(idp: MockIdp, browser: Client) -> None:
    """An error of the tenant leads to the failure page."""
    idp.add_user(email="gwen@example.com", password="gwen-password", blocked=True)
    callback = idp.browser().login(browser.get("/oidc/authenticate/").url, "gwen@example.com")
    assert answer(callback)["error"] == "unauthorized"
    assert browser.get(callback.removeprefix(SITE)).url == "/failed"


def test_keys_are_rotated(idp: MockIdp, browser: Client) -> None:
    """The backend finds the key by its id in the new set."""
    idp.rotate_keys()
    callback = idp.browser().login(browser.get("/oidc/authenticate/").url, "bob@example.com")
    assert browser.get(callback.removeprefix(SITE)).url == "/me"
