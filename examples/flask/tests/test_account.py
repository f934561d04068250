"""Alice adds her Google account, and removes it again."""

from flask.testing import FlaskClient
from steps import log_in

from mockidp import MockIdp

ALICE, GOOGLE = "alice@example.com", "google-oauth2|1021"


def providers(idp: MockIdp) -> list[str]:
    return [identity.provider for identity in idp.users[ALICE].identities]


def test_alice_adds_google(idp: MockIdp, shop: FlaskClient) -> None:
    """She logs in as alice@gmail.com on the way, and is still the same user."""
    log_in(idp, shop, ALICE)
    before = shop.get("/profile").text
    away = str(shop.post("/account/link/google-oauth2").location)
    shop.get(idp.browser().login(away, GOOGLE))
    assert GOOGLE in shop.get("/account").text
    assert providers(idp) == ["auth0", "google-oauth2"]
    assert idp.users[ALICE].user_id in before
    assert idp.users[ALICE].user_id in shop.get("/profile").text


def test_alice_removes_google(idp: MockIdp, shop: FlaskClient) -> None:
    """The test itself links what the shop has to unlink; what was Alice's is a user again."""
    idp.link(ALICE, GOOGLE)
    log_in(idp, shop, ALICE)
    assert shop.post(f"/account/unlink/{GOOGLE}").location == "/account"
    assert GOOGLE not in shop.get("/account").text
    assert providers(idp) == ["auth0"]
    assert idp.users[GOOGLE].email == "alice@gmail.com"
