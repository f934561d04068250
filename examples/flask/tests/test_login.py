"""Logging in and out: through the tenant's pages, and without them."""

import pytest
from flask.testing import FlaskClient
from steps import away, log_in, pass_by

from mockidp import MockIdp


def test_alice_logs_in_through_the_pages(idp: MockIdp, shop: FlaskClient) -> None:
    """The browser fills in the tenant's login page with the seed's password."""
    assert log_in(idp, shop, "alice@example.com").location == "/account"
    assert "alice@example.com" in shop.get("/profile").text
    idp.requests.assert_called("POST /oauth/token", times=1, form={"grant_type": "authorization_code"})


def test_alice_logs_in_without_pages(idp: MockIdp, shop: FlaskClient) -> None:
    """`login_as` answers for her: the tenant redirects at once."""
    idp.login_as("alice@example.com")
    assert pass_by(idp, shop).location == "/account"
    assert "alice@example.com" in shop.get("/profile").text


def test_somebody_denies(idp: MockIdp, shop: FlaskClient) -> None:
    """The shop says why, and nobody is logged in."""
    idp.on("GET /authorize").deny(description="not today")
    answer = pass_by(idp, shop)
    assert answer.status_code == 403
    assert "not today" in answer.text
    assert shop.get("/profile").location == "/login"


def test_a_blocked_user_stays_outside(idp: MockIdp, shop: FlaskClient) -> None:
    """Bob is blocked in tenant.yaml: his password is right, and the tenant refuses."""
    answer = log_in(idp, shop, "bob@example.com")
    assert answer.status_code == 403
    assert "user is blocked" in answer.text


@pytest.mark.parametrize("status", [429, 500, 503])
def test_the_tenant_has_a_bad_moment(idp: MockIdp, shop: FlaskClient, status: int) -> None:
    """When the token endpoint fails, the shop says 503; the next attempt goes well."""
    idp.login_as("alice@example.com")
    idp.fail("POST /oauth/token", status=status, times=1)
    answer = pass_by(idp, shop)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert pass_by(idp, shop).location == "/account"


def test_logging_out_ends_both_sessions(idp: MockIdp, shop: FlaskClient) -> None:
    """The shop's and the tenant's: the next login shows the login page again."""
    browser = idp.browser()
    shop.get(browser.login(away(shop), "alice@example.com"))
    assert browser.get(away(shop)).location, "she is still logged in at the tenant: no page"
    assert browser.get(str(shop.get("/logout").location)).location == "http://localhost/login"
    assert shop.get("/profile").location == "/login"
    assert browser.get(away(shop)).forms, "the login page"
