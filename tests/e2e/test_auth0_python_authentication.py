"""auth0-python's authentication classes over plain http: token, userinfo, sign-up, password change."""

from __future__ import annotations

import pytest
from auth0.authentication import Database, GetToken, RevokeToken, Users
from auth0.authentication.exceptions import Auth0Error
from auth0.authentication.token_verifier import AsymmetricSignatureVerifier, TokenVerifier

from mockidp import MockIdp

DATABASE = "Username-Password-Authentication"


def get_token(idp: MockIdp, client: str = "web", secret: str | None = "web-secret") -> GetToken:
    return GetToken(idp.domain, client, client_secret=secret, protocol="http")


def test_password_login_and_userinfo(idp: MockIdp) -> None:
    """Resource owner password: a verified ID token and the profile."""
    tokens = get_token(idp).login("alice@example.com", "alice-password", scope="openid", realm=DATABASE)
    here = f"http://{idp.domain}/"  # the issuer follows the name that the SDK was given
    keys = AsymmetricSignatureVerifier(f"{here}.well-known/jwks.json")
    verifier = TokenVerifier(keys, issuer=here, audience="web")
    verifier.verify(tokens["id_token"])
    profile = Users(idp.domain, protocol="http").userinfo(tokens["access_token"])
    assert profile["email"] == "alice@example.com"


def test_wrong_password_is_an_auth0_error(idp: MockIdp) -> None:
    """The SDK's exception holds the tenant's code and text."""
    with pytest.raises(Auth0Error) as caught:
        get_token(idp).login("alice@example.com", "wrong", realm=DATABASE)
    assert caught.value.status_code == 403
    assert caught.value.error_code == "invalid_grant"
    assert caught.value.message == "Wrong email or password."


def test_client_credentials(idp: MockIdp) -> None:
    """A machine gets what its client grant says."""
    token = get_token(idp, "m2m", "m2m-secret").client_credentials("https://api.example.com")
    assert token["token_type"] == "Bearer"
    assert token["expires_in"] == 86400


def test_code_exchange_refresh_and_revoke(idp: MockIdp) -> None:
    """A code, a refresh token, and the end of that."""
    callback = idp.browser().login(
        f"{idp.url}/authorize?response_type=code&client_id=web&scope=openid%20offline_access"
        "&redirect_uri=http://localhost:3000/callback",
        "alice@example.com",
    )
    sdk = get_token(idp)
    tokens = sdk.authorization_code(callback.split("code=")[1], "http://localhost:3000/callback")
    assert sdk.refresh_token(tokens["refresh_token"])["access_token"]
    revoke = RevokeToken(idp.domain, "web", client_secret="web-secret", protocol="http")
    revoke.revoke_refresh_token(tokens["refresh_token"])
    with pytest.raises(Auth0Error, match=r"Unknown or invalid refresh token\."):
        sdk.refresh_token(tokens["refresh_token"])


def test_signup_then_login(idp: MockIdp) -> None:
    """A new user can log in at once, and a verification mail waits."""
    database = Database(idp.domain, "web", protocol="http")
    created = database.signup("dora@example.com", "Dora-Passw0rd!", DATABASE)
    assert created["email"] == "dora@example.com"
    assert created["email_verified"] is False
    tokens = get_token(idp).login("dora@example.com", "Dora-Passw0rd!", realm=DATABASE)
    assert tokens["access_token"]
    assert [message.kind for message in idp.outbox if message.to == "dora@example.com"] == ["verify_email"]


def test_change_password_answers_in_text(idp: MockIdp) -> None:
    """The SDK returns the tenant's sentence; the mail's link is in the outbox."""
    answer = Database(idp.domain, "web", protocol="http").change_password("alice@example.com", DATABASE)
    assert answer == "We've just sent you an email to reset your password."
    assert idp.outbox[-1].kind == "reset_email"
    assert idp.outbox[-1].url.startswith(f"http://{idp.domain}/")
