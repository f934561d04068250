"""Programs with auth0-python 4, run by test_py_auth0_python_4.py in an environment of their own.

Usage: python auth0_python_4.py FUNCTION [ARGUMENT …]
"""

from __future__ import annotations

import asyncio
import sys
import time

from auth0.authentication import Database, GetToken, RevokeToken, Users
from auth0.authentication.async_token_verifier import (
    AsyncAsymmetricSignatureVerifier,
    AsyncTokenVerifier,
)
from auth0.authentication.token_verifier import AsymmetricSignatureVerifier, TokenVerifier
from auth0.exceptions import Auth0Error, RateLimitError, TokenValidationError
from auth0.management import Auth0
from auth0.rest import RestClientOptions

DATABASE = "Username-Password-Authentication"


def management(domain: str) -> Auth0:
    """Return the client with a token that it got by itself, as the README does."""
    get_token = GetToken(domain, "m2m", client_secret="m2m-secret")
    token = get_token.client_credentials(f"https://{domain}/api/v2/")
    return Auth0(domain, token["access_token"])


def users(domain: str) -> None:
    """The life of a user."""
    auth0 = management(domain)
    body = {"connection": DATABASE, "email": "dora@example.com", "password": "Dora-Passw0rd!"}
    created = auth0.users.create(body)
    user_id = created["user_id"]
    assert auth0.users.update(user_id, {"user_metadata": {"plan": "pro"}})["user_metadata"] == {"plan": "pro"}
    assert auth0.users.get(user_id, fields=["email"]) == {"email": "dora@example.com"}
    page = auth0.users.list(page=0, per_page=2, q='email:"dora@example.com"')
    assert (page["total"], page["length"], page["users"][0]["user_id"]) == (1, 1, user_id)
    assert auth0.users_by_email.search_users_by_email("dora@example.com")[0]["user_id"] == user_id
    auth0.users.delete(user_id)
    assert auth0.users_by_email.search_users_by_email("dora@example.com") == []


def link(domain: str, primary: str) -> None:
    """Link Facebook to an account, and take it out again."""
    auth0 = management(domain)
    body = {"provider": "facebook", "user_id": "1022"}
    linked = auth0.users.link_user_account(primary, body)
    assert [one["provider"] for one in linked] == ["auth0", "facebook"]
    assert linked[1]["profileData"]["name"] == "Alice F"
    left = auth0.users.unlink_user_account(primary, "facebook", "1022")
    assert [one["provider"] for one in left] == ["auth0"]


def link_with(domain: str, primary: str, own_token: str, other_id_token: str) -> None:
    """A user links with the own token and the other account's ID token."""
    auth0 = Auth0(domain, own_token)
    linked = auth0.users.link_user_account(primary, {"link_with": other_id_token})
    assert [one["provider"] for one in linked] == ["auth0", "google-oauth2"]


def errors(domain: str) -> None:
    """The fields of Auth0Error, from each family of bodies."""
    auth0 = management(domain)
    assert failure(lambda: auth0.users.get("auth0|none")) == (
        404,
        "inexistent_user",
        "The user does not exist.",
    )
    body = {"connection": DATABASE, "email": "bob@example.com", "password": "Bob-Passw0rd!"}
    assert failure(lambda: auth0.users.create(body)) == (409, "auth0_idp_error", "The user already exists.")
    assert failure(lambda: auth0.branding.get())[:2] == (501, "not_emulated")
    get_token = GetToken(domain, "web", client_secret="web-secret")
    login = get_token.login
    assert failure(lambda: login("alice@example.com", "wrong", realm=DATABASE)) == (
        403,
        "invalid_grant",
        "Wrong email or password.",
    )
    wrong = GetToken(domain, "web", client_secret="wrong")
    assert failure(lambda: wrong.client_credentials("https://api.example.com")) == (
        401,
        "access_denied",
        "Unauthorized",
    )
    status, code, message = failure(lambda: Database(domain, "web").signup("e@example.com", "x", DATABASE))
    assert (status, code) == (400, "invalid_password")
    assert message == "Password is too weak"


def failure(call: object) -> tuple[int, str, str]:
    """Return status, code and text of the Auth0Error that a call raises."""
    try:
        call()
    except Auth0Error as error:
        return error.status_code, error.error_code, error.message
    raise AssertionError("no Auth0Error")


def rate_limit(domain: str, token: str) -> None:
    """A 429 is a RateLimitError that knows when to come back, unless the client may try again."""
    once = RestClientOptions(retries=0)
    try:
        Auth0(domain, token, rest_options=once).users.list()
    except RateLimitError as error:
        limited = error
    assert limited.error_code == "too_many_requests"
    assert 0 <= limited.reset_at - time.time() + 1 < 5
    assert Auth0(domain, token, rest_options=once).users.list()["total"] == 5


def authentication(domain: str) -> None:
    """Sign up, log in, verify, read the profile, refresh, revoke."""
    created = Database(domain, "web").signup("dora@example.com", "Dora-Passw0rd!", DATABASE)
    assert created["email_verified"] is False
    get_token = GetToken(domain, "web", client_secret="web-secret")
    tokens = get_token.login(
        "dora@example.com", "Dora-Passw0rd!", scope="openid email offline_access", realm=DATABASE
    )
    verify(domain, tokens["id_token"])
    assert Users(domain).userinfo(tokens["access_token"])["email"] == "dora@example.com"
    refreshed = get_token.refresh_token(tokens["refresh_token"])
    assert refreshed["expires_in"] == 86400
    RevokeToken(domain, "web", client_secret="web-secret").revoke_refresh_token(tokens["refresh_token"])
    assert failure(lambda: get_token.refresh_token(tokens["refresh_token"]))[1] == "invalid_grant"


def verify(domain: str, id_token: str, nonce: str | None = None) -> None:
    """Verify an ID token, and see what a wrong expectation does."""
    keys = AsymmetricSignatureVerifier(f"https://{domain}/.well-known/jwks.json")
    verifier = TokenVerifier(signature_verifier=keys, issuer=f"https://{domain}/", audience="web")
    assert verifier.verify(id_token, nonce=nonce)["sub"].startswith("auth0|")
    try:
        TokenVerifier(signature_verifier=keys, issuer=f"https://{domain}", audience="web").verify(id_token)
    except TokenValidationError as error:
        text = str(error)
    assert "Issuer (iss) claim mismatch" in text


def asynchronously(domain: str, token: str, id_token: str) -> None:
    """The async clients, over aiohttp."""

    async def use() -> None:
        async with Auth0(domain, token) as auth0:
            page = await auth0.users.list_async(per_page=50)
            assert page["users"][0]["email"] == "alice@example.com"
        keys = AsyncAsymmetricSignatureVerifier(f"https://{domain}/.well-known/jwks.json")
        verifier = AsyncTokenVerifier(signature_verifier=keys, issuer=f"https://{domain}/", audience="web")
        assert (await verifier.verify(id_token))["email"] == "alice@example.com"

    asyncio.run(use())


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
