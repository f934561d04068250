"""The shop before a fresh tenant: nothing in app.py knows of mockidp."""

import pytest
from app import create_app
from flask.testing import FlaskClient
from steps import AUDIENCE

from mockidp import MockIdp


@pytest.fixture(scope="session")
def idp_options() -> dict[str, bool]:
    """The shop knows its tenant by AUTH0_DOMAIN: the issuer of tokens is https://AUTH0_DOMAIN/."""
    return {"https": True}


@pytest.fixture
def shop(idp: MockIdp, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A browser at http://localhost/, where the shop is."""
    client = {"AUTH0_CLIENT_ID": "shop", "AUTH0_CLIENT_SECRET": "shop-secret", "AUTH0_AUDIENCE": AUDIENCE}
    for name, value in {**idp.env, **client, "SECRET_KEY": "a session key"}.items():
        monkeypatch.setenv(name, value)
    return create_app().test_client()
