"""PyJWT over https: PyJWKClient finds the keys of every kind of token, old ones and new ones."""

from __future__ import annotations

import jwt
import pytest
from python_clients import API, CALLBACK, answer, point_at

from mockidp import MockIdp


@pytest.fixture(autouse=True)
def pointed(idp: MockIdp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's TLS finds the mock's authority in the environment."""
    point_at(idp, monkeypatch)


def verified(idp: MockIdp, keys: jwt.PyJWKClient, token: str, audience: str) -> dict[str, object]:
    """Return the claims of a token that PyJWT has checked, with all that must be there."""
    return dict(
        jwt.decode(
            token,
            keys.get_signing_key_from_jwt(token),
            algorithms=["RS256"],
            audience=audience,
            issuer=f"https://{idp.domain}/",
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
    )


def test_tokens_of_a_login(idp: MockIdp) -> None:
    """ID token and access token of one login."""
    keys = jwt.PyJWKClient(f"https://{idp.domain}/.well-known/jwks.json")
    callback = idp.browser().login(
        f"https://{idp.domain}/authorize?response_type=id_token%20token&client_id=spa&nonce=n1"
        f"&scope=openid%20email%20read:x&audience={API}&redirect_uri={CALLBACK}",
        "alice@example.com",
    )
    given = answer(callback)
    assert verified(idp, keys, given["id_token"], "spa")["nonce"] == "n1"
    claims = verified(idp, keys, given["access_token"], API)
    assert claims["aud"] == [API, f"https://{idp.domain}/userinfo"]


def test_the_next_key_is_known_already(idp: MockIdp) -> None:
    """As a real tenant's, the set has the key that comes next: no fetch, which PyJWT would put off."""
    keys = jwt.PyJWKClient(f"https://{idp.domain}/.well-known/jwks.json")
    own = {"iss": f"https://{idp.domain}/"}
    before = idp.token("alice@example.com", client="Web", audience=API, claims=own)
    idp.rotate_keys()
    after = idp.token("alice@example.com", client="Web", audience=API, claims=own)
    assert jwt.get_unverified_header(before)["kid"] != jwt.get_unverified_header(after)["kid"]
    assert verified(idp, keys, before, API)["sub"] == verified(idp, keys, after, API)["sub"]
    idp.requests.assert_called("GET /.well-known/jwks.json", times=1)


def test_the_key_after_that_is_fetched(idp: MockIdp) -> None:
    """A client that keeps no set has every key, and those of before."""
    keys = jwt.PyJWKClient(f"https://{idp.domain}/.well-known/jwks.json", cache_jwk_set=False)
    own = {"iss": f"https://{idp.domain}/"}
    for _ in range(3):
        before = idp.token("alice@example.com", client="Web", audience=API, claims=own)
        idp.rotate_keys()
        after = idp.token("alice@example.com", client="Web", audience=API, claims=own)
        assert verified(idp, keys, before, API)["sub"] == verified(idp, keys, after, API)["sub"]


def test_what_must_be_refused(idp: MockIdp) -> None:
    """Expired, for another API, of another issuer, of an unknown key."""
    keys = jwt.PyJWKClient(f"https://{idp.domain}/.well-known/jwks.json")
    claims = {"iss": f"https://{idp.domain}/"}
    expired = idp.token("alice@example.com", client="Web", audience=API, claims=claims, expires_in=-60)
    with pytest.raises(jwt.ExpiredSignatureError):
        verified(idp, keys, expired, API)
    good = idp.token("alice@example.com", client="Web", audience=API, claims=claims)
    with pytest.raises(jwt.InvalidAudienceError):
        verified(idp, keys, good, "https://other.example.com")
    with pytest.raises(jwt.InvalidIssuerError):
        verified(idp, keys, idp.token("alice@example.com", client="Web", audience=API), API)
    unknown = jwt.encode({}, "a secret that is long enough for HS256", headers={"kid": "unknown"})
    with pytest.raises(jwt.PyJWKClientError, match="Unable to find a signing key"):
        verified(idp, keys, unknown, API)
