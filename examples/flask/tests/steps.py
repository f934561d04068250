"""What a person does at the shop, and what the tests ask of its API."""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from mockidp import MockIdp

AUDIENCE = "https://api.shop.example"


def away(shop: FlaskClient) -> str:
    """Begin to log in: return where the shop sends the browser."""
    return str(shop.get("/login").location)


def log_in(idp: MockIdp, shop: FlaskClient, user: str) -> TestResponse:
    """Log in through the tenant's pages; return what the shop answers in the end."""
    return shop.get(idp.browser().login(away(shop), user))


def pass_by(idp: MockIdp, shop: FlaskClient) -> TestResponse:
    """Log in where no page is shown: by `idp.login_as`, or by a rule."""
    return shop.get(str(idp.browser().get(away(shop)).location))


def token(idp: MockIdp, **wanted: Any) -> str:
    """Return a token of Alice's for the shop's API, right but for what is wanted."""
    right = {"audience": AUDIENCE, "scope": "read:orders"}
    return idp.token("alice@example.com", client="Shop", **{**right, **wanted})


def orders(shop: FlaskClient, access_token: str) -> TestResponse:
    return shop.get("/api/orders", headers={"Authorization": f"Bearer {access_token}"})
