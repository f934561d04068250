"""auth0-python before scripted faults: it understands them as it does the real tenant's."""

from __future__ import annotations

import pytest
from auth0.authentication import GetToken
from auth0.authentication.exceptions import Auth0Error, RateLimitError, TokenValidationError
from auth0.authentication.token_verifier import (
    AsymmetricSignatureVerifier,
    TokenVerifier,
)

from mockidp import MockIdp

DATABASE = "Username-Password-Authentication"
FAULTS = [
    ("expired", "Expiration Time"),
    ("not_yet_valid", None),
    ("bad_signature", "Invalid token signature"),
    ("unknown_kid", "Unable to find|RSA Public Key|kid"),
    ("alg_none", "alg"),
    ("hs256", "alg"),
    ("wrong_iss", "Issuer"),
    ("wrong_aud", "Audience"),
    ("wrong_nonce", "Nonce"),
]


def get_token(idp: MockIdp) -> GetToken:
    return GetToken(idp.domain, "web", client_secret="web-secret", protocol="http")


def log_in(idp: MockIdp) -> str:
    tokens = get_token(idp).login("alice@example.com", "alice-password", scope="openid", realm=DATABASE)
    return str(tokens["id_token"])


def test_a_rate_limit_is_told_as_one(idp: MockIdp) -> None:
    """With the time at which it ends."""
    idp.on("POST /oauth/token").rate_limit(per="1m")
    with pytest.raises(RateLimitError) as caught:
        log_in(idp)
    assert caught.value.error_code == "too_many_requests"
    assert caught.value.reset_at >= idp.clock.now()
    idp.clock.advance(minutes=1)
    assert log_in(idp)


def test_an_error_has_code_and_text(idp: MockIdp) -> None:
    """Those of a real tenant, for that grant."""
    idp.fail("POST /oauth/token", error="invalid_grant", times=1)
    with pytest.raises(Auth0Error) as caught:
        log_in(idp)
    assert (caught.value.status_code, caught.value.message) == (403, "Wrong email or password.")


@pytest.mark.parametrize(("fault", "message"), FAULTS)
def test_the_verifier_finds_what_is_wrong(idp: MockIdp, fault: str, message: str | None) -> None:
    """In every tampered token but one from the future, whose `iat` and `nbf` the SDK does not look at."""
    idp.on("POST /oauth/token").tamper(fault)
    here = f"http://{idp.domain}/"
    keys = AsymmetricSignatureVerifier(f"{here}.well-known/jwks.json")
    verifier = TokenVerifier(keys, issuer=here, audience="web")
    token = log_in(idp)
    nonce = "n" if fault == "wrong_nonce" else None
    if message is None:
        verifier.verify(token, nonce)
        return
    with pytest.raises(TokenValidationError, match=f"(?i){message}"):
        verifier.verify(token, nonce)
