"""Tokens that a test asks for, verified as an application does."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
import requests

from mockidp import MockIdp, UsageError

API = "https://api.example.com"
ALICE, GOOGLE, FACEBOOK = "alice@example.com", "google-oauth2|103547991597142817347", "facebook|1022"


def claims_of(idp: MockIdp, token: str, audience: str) -> dict[str, Any]:
    """Verify a token as an application does: by the JWKS, issuer and audience."""
    key = jwt.PyJWKClient(f"{idp.url}/.well-known/jwks.json").get_signing_key_from_jwt(token)
    return jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=idp.issuer)


def management(idp: MockIdp, path: str, token: str | None = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {token or idp.management_token()}"}
    return requests.get(f"{idp.url}/api/v2/{path}", headers=headers, timeout=30)


def test_a_users_access_token(idp: MockIdp) -> None:
    """Signed, for an API, with the scope, claims and lifetime that were asked for."""
    token = idp.token(
        ALICE,
        client="SPA",
        audience=API,
        scope=["openid", "read:x"],
        claims={"https://x/y": [1]},
        expires_in=5,
    )
    claims = claims_of(idp, token, API)
    assert claims["sub"] == idp.users[ALICE].user_id
    assert (claims["azp"], claims["scope"], claims["https://x/y"]) == ("spa", "openid read:x", [1])
    assert claims["exp"] - claims["iat"] == 5


def test_a_clients_own_token_has_what_it_was_granted(idp: MockIdp) -> None:
    """Without a user; the client that has a grant is taken."""
    claims = claims_of(idp, idp.token(client="M2M", audience=API), API)
    assert (claims["sub"], claims["scope"]) == ("m2m@clients", "read:x write:x")
    assert claims_of(idp, idp.token(audience="API"), API)["sub"] == "web@clients"


def test_a_token_without_an_audience_is_good_for_userinfo(idp: MockIdp) -> None:
    """Opaque, as real ones are."""
    headers = {"Authorization": f"Bearer {idp.token(ALICE)}"}
    assert requests.get(f"{idp.url}/userinfo", headers=headers, timeout=30).json()["email"] == ALICE


def test_an_expired_token_is_made_by_a_negative_lifetime(idp: MockIdp) -> None:
    """It verifies but for its time."""
    with pytest.raises(jwt.ExpiredSignatureError):
        claims_of(idp, idp.token(ALICE, audience=API, expires_in=-1), API)


def test_an_id_token(idp: MockIdp) -> None:
    """For a client, with its nonce."""
    claims = claims_of(idp, idp.id_token(ALICE, client="SPA", nonce="n", expires_in=60), "spa")
    assert (claims["nonce"], claims["email"], claims["exp"] - claims["iat"]) == ("n", ALICE, 60)
    assert claims_of(idp, idp.id_token(ALICE, claims={"role": "x"}), "web")["role"] == "x"


def test_a_token_of_an_organization(idp: MockIdp) -> None:
    """`org_id`, by the organization's name."""
    token = idp.token(ALICE, audience=API, organization="acme")
    assert claims_of(idp, token, API)["org_id"] == idp.organization("acme").id


def test_a_management_token_may_do_everything_or_what_was_asked(idp: MockIdp) -> None:
    """Also in a tenant without clients."""
    assert management(idp, "users").ok
    narrow = management(idp, "users", idp.management_token(scope="read:clients"))
    assert narrow.status_code == 403
    with MockIdp({"users": [{"email": "a@example.com"}]}) as bare:
        assert len(management(bare, "users").json()) == 1
        with pytest.raises(UsageError, match="no client"):
            bare.token("a@example.com")


def test_rotated_keys_sign_and_the_old_ones_verify(idp: MockIdp) -> None:
    """A key that signed before the rotation stays published."""
    old = idp.token(ALICE, audience=API)
    idp.rotate_keys()
    new = idp.token(ALICE, audience=API)
    assert jwt.get_unverified_header(old)["kid"] != jwt.get_unverified_header(new)["kid"]
    for token in (old, new):
        claims_of(idp, token, API)
