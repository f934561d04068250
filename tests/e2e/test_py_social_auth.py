"""social-auth-core's auth0 backend in a Django project: login, a second account of the person, refusal."""

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
    return [DEMO, {"clients": [{"name": "Web", "callbacks": [f"{SITE}/social/complete/auth0/"]}]}]


@pytest.fixture(scope="module")
def tables() -> Iterator[None]:
    """The project's database."""
    from django_project import database

    with database():
        yield


@pytest.fixture
def browser(idp: MockIdp, monkeypatch: pytest.MonkeyPatch, tables: None) -> Iterator[Client]:
    """A browser at the project, which has the three settings of the backend's documentation."""
    from django.test import Client, override_settings
    from django_project import nothing_kept

    point_at(idp, monkeypatch)
    settings = {
        "AUTHENTICATION_BACKENDS": ["social_core.backends.auth0.Auth0OAuth2"],
        "SOCIAL_AUTH_AUTH0_DOMAIN": idp.domain,
        "SOCIAL_AUTH_AUTH0_KEY": "web",
        "SOCIAL_AUTH_AUTH0_SECRET": "web-secret",
    }
    with override_settings(**settings), nothing_kept():
        yield Client(headers={"host": "shop.example.com"})


def log_in(idp: MockIdp, browser: Client, user: str) -> str:
    """Walk from the project to the tenant and back; return where the project leads then."""
    callback = idp.browser().login(browser.post("/social/login/auth0/").url, user)
    return str(browser.get(callback.removeprefix(SITE)).url)


def test_login(idp: MockIdp, browser: Client) -> None:
    """The Django user comes from the verified ID token; userinfo is not asked."""
    assert log_in(idp, browser, "alice@example.com") == "/me"
    alice = idp.users["alice@example.com"]
    assert browser.get("/me").json() == {"email": alice.email, "accounts": [["auth0", alice.user_id]]}
    idp.requests.assert_not_called("GET /userinfo")


def test_two_accounts_of_the_tenant(idp: MockIdp, browser: Client) -> None:
    """A Django user who logs in with a second account has both; linked in the tenant they are one."""
    log_in(idp, browser, "alice@example.com")
    log_in(idp, browser, "alice@gmail.com")
    accounts = browser.get("/me").json()["accounts"]
    assert accounts == [
        ["auth0", idp.users[email].user_id] for email in ("alice@example.com", "alice@gmail.com")
    ]

    idp.link("bob@example.com", "facebook|1022")
    browser.cookies.clear()
    log_in(idp, browser, "facebook|1022")
    bob = browser.get("/me").json()
    assert bob == {"email": "bob@example.com", "accounts": [["auth0", idp.users["bob@example.com"].user_id]]}


def test_keys_are_rotated(idp: MockIdp, browser: Client) -> None:
    """The backend keeps keys for a day, and fetches them again for one that it does not know."""
    log_in(idp, browser, "alice@example.com")
    idp.rotate_keys()
    browser.cookies.clear()
    assert log_in(idp, browser, "alice@example.com") == "/me"


def test_a_refusal(idp: MockIdp, browser: Client) -> None:
    """What the tenant refuses is the exception that social-auth documents."""
    from social_core.exceptions import AuthProviderError

    idp.add_user(email="gwen@example.com", password="gwen-password", blocked=True)
    callback = idp.browser().login(browser.post("/social/login/auth0/").url, "gwen@example.com")
    assert answer(callback)["error"] == "unauthorized"
    with pytest.raises(AuthProviderError) as caught:
        browser.get(callback.removeprefix(SITE))
    assert caught.value.provider_code == "unauthorized"
