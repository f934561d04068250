"""requests-oauthlib's implicit flow, and PyJWT's PyJWKClient on every kind of token."""

from __future__ import annotations

import jwt
import pytest
from oauthlib.oauth2 import MobileApplicationClient
from requests_oauthlib import OAuth2Session

from mockidp import MockIdp

CALLBACK = "http://localhost:3000/callback"


@pytest.fixture
def session(idp: MockIdp, monkeypatch: pytest.MonkeyPatch) -> OAuth2Session:
    """A session of the SPA client."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    client = MobileApplicationClient(client_id="spa")
    return OAuth2Session(client=client, redirect_uri=CALLBACK, scope=["openid", "profile"])


def test_implicit_flow(idp: MockIdp, session: OAuth2Session) -> None:
    """The token comes in the fragment and opens the userinfo endpoint."""
    url, _ = session.authorization_url(f"{idp.url}/authorize")
    callback = idp.browser().login(url, "alice@example.com")
    token = session.token_from_fragment(callback)
    assert token["token_type"] == "Bearer"
    assert int(token["expires_in"]) == 7200
    assert session.get(f"{idp.url}/userinfo").json()["nickname"] == "alice"
    session.close()


def test_pyjwkclient_verifies_every_token(idp: MockIdp) -> None:
    """ID tokens, access tokens for an API and for the Management API, also after a key rotation."""
    keys = jwt.PyJWKClient(f"{idp.url}/.well-known/jwks.json", cache_keys=False, cache_jwk_set=False)
    audience = "https://api.example.com"

    def verify(token: str, audience: str) -> dict[str, object]:
        key = keys.get_signing_key_from_jwt(token).key
        claims: dict[str, object] = jwt.decode(
            token, key, algorithms=["RS256"], audience=audience, issuer=idp.issuer
        )
        return claims

    alice = idp.users["alice@example.com"]
    before = idp.token(alice, client="web", audience=audience, scope="read:x")
    assert verify(before, audience)["sub"] == alice.user_id
    assert verify(idp.id_token(alice, client="web", nonce="n"), "web")["nonce"] == "n"
    management = idp.management_token(scope="read:users")
    assert verify(management, f"{idp.issuer}api/v2/")["scope"] == "read:users"

    idp.rotate_keys()
    after = idp.token(alice, client="web", audience=audience)
    assert jwt.get_unverified_header(after)["kid"] != jwt.get_unverified_header(before)["kid"]
    assert verify(after, audience)
    assert verify(before, audience)
