"""Authlib over https: code with PKCE, implicit, hybrid, private_key_jwt, client_secret_basic, revocation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken, HybridIDToken, IDToken, ImplicitIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from joserfc import jwt
from joserfc.jwk import KeySet
from python_clients import API, CALLBACK, DEMO, answer, client_with_a_key, key_pair, point_at

from mockidp import MockIdp

Metadata = dict[str, Any]
SCOPE = "openid profile email offline_access"
HYBRID = ["code id_token", "code token", "code id_token token"]


@pytest.fixture
def idp_seed() -> list[object]:
    """The demo tenant, and a client with a key."""
    return [DEMO, client_with_a_key()]


@pytest.fixture(autouse=True)
def pointed(idp: MockIdp, monkeypatch: pytest.MonkeyPatch) -> None:
    """requests finds the mock's authority in the environment."""
    point_at(idp, monkeypatch)


@pytest.fixture
def session() -> Iterator[OAuth2Session]:
    """The session of a web application: it authenticates by client_secret_basic."""
    with OAuth2Session("web", "web-secret", scope=SCOPE, redirect_uri=CALLBACK) as session:
        yield session


@pytest.fixture
def metadata(idp: MockIdp, session: OAuth2Session) -> Metadata:
    """The discovery document, which Authlib finds right."""
    url = get_well_known_url(f"https://{idp.domain}/", external=True)
    document = session.get(url, withhold_token=True).json()
    OpenIDProviderMetadata(document).validate()
    assert document["issuer"] == f"https://{idp.domain}/"
    return dict(document)


def verified(metadata: Metadata, id_token: str, claims_class: type[IDToken], **params: Any) -> IDToken:
    """Return the claims of an ID token that Authlib has checked, hashes and nonce included."""
    with OAuth2Session() as session:
        keys = KeySet.import_key_set(session.get(metadata["jwks_uri"], withhold_token=True).json())
    token = jwt.decode(id_token, keys, algorithms=metadata["id_token_signing_alg_values_supported"])
    options = {"iss": {"values": [metadata["issuer"]]}, "aud": {"values": ["web", "spa"]}}
    claims = claims_class(token.claims, token.header, options, params)
    claims.validate(leeway=0)
    return claims


def test_code_with_pkce(idp: MockIdp, metadata: Metadata) -> None:
    """A public client: the code, its verifier, an ID token, userinfo, a refresh."""
    nonce, verifier = generate_token(), generate_token(48)
    with OAuth2Session("spa", scope=SCOPE, redirect_uri=CALLBACK, code_challenge_method="S256") as session:
        url, state = session.create_authorization_url(
            metadata["authorization_endpoint"], nonce=nonce, code_verifier=verifier
        )
        assert "code_challenge_method=S256" in url
        token = session.fetch_token(
            metadata["token_endpoint"],
            authorization_response=idp.browser().login(url, "alice@example.com"),
            code_verifier=verifier,
            state=state,
        )
        claims = verified(
            metadata,
            token["id_token"],
            CodeIDToken,
            nonce=nonce,
            client_id="spa",
            access_token=token["access_token"],
        )
        assert session.get(metadata["userinfo_endpoint"]).json()["sub"] == claims["sub"]
        refreshed = session.refresh_token(metadata["token_endpoint"])
        assert refreshed["refresh_token"] != token["refresh_token"]


def test_a_wrong_verifier_is_refused(idp: MockIdp, metadata: Metadata) -> None:
    """The tenant compares the verifier with the challenge."""
    with OAuth2Session("spa", scope="openid", redirect_uri=CALLBACK, code_challenge_method="S256") as session:
        url, _ = session.create_authorization_url(
            metadata["authorization_endpoint"], code_verifier=generate_token(48)
        )
        callback = idp.browser().login(url, "alice@example.com")
        with pytest.raises(OAuthError, match="Failed to verify code verifier") as caught:
            session.fetch_token(
                metadata["token_endpoint"],
                authorization_response=callback,
                code_verifier=generate_token(48),
            )
        assert caught.value.error == "invalid_grant"


def test_implicit(idp: MockIdp, session: OAuth2Session, metadata: Metadata) -> None:
    """`id_token token` in the fragment: nonce and at_hash are right."""
    url, state = session.create_authorization_url(
        metadata["authorization_endpoint"], response_type="id_token token", nonce="n1", scope="openid email"
    )
    callback = idp.browser().login(url, "alice@example.com")
    token = session.fetch_token(authorization_response=callback, state=state)
    claims = verified(
        metadata,
        token["id_token"],
        ImplicitIDToken,
        nonce="n1",
        client_id="web",
        access_token=token["access_token"],
    )
    assert claims["email"] == "alice@example.com"
    assert session.get(metadata["userinfo_endpoint"]).json()["email"] == "alice@example.com"


@pytest.mark.parametrize("response_type", HYBRID)
def test_hybrid(idp: MockIdp, session: OAuth2Session, metadata: Metadata, response_type: str) -> None:
    """Every hybrid response: c_hash and at_hash are right, and the code brings tokens."""
    url, state = session.create_authorization_url(
        metadata["authorization_endpoint"], response_type=response_type, nonce="n1"
    )
    given = answer(idp.browser().login(url, "alice@example.com"))
    assert given["state"] == state
    assert ("access_token" in given) == ("token" in response_type.split())
    if "id_token" in given:
        hashed = {name: given[name] for name in ("code", "access_token") if name in given}
        verified(metadata, given["id_token"], HybridIDToken, nonce="n1", client_id="web", **hashed)
    token = session.fetch_token(metadata["token_endpoint"], code=given["code"])
    claims = verified(metadata, token["id_token"], CodeIDToken, nonce="n1", client_id="web")
    assert claims["name"] == "Alice Example"


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_client_credentials(metadata: Metadata, method: str) -> None:
    """A machine, by header or by form."""
    with OAuth2Session("m2m", "m2m-secret", token_endpoint_auth_method=method) as session:
        token = session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials", audience=API)
    assert token["scope"] == "read:x write:x"


def test_private_key_jwt(metadata: Metadata) -> None:
    """A client that proves itself by a signed assertion."""
    private = key_pair()[0]
    endpoint = metadata["token_endpoint"]
    with OAuth2Session("keyed", private, token_endpoint_auth_method="private_key_jwt") as session:
        session.register_client_auth_method(PrivateKeyJWT(endpoint))
        token = session.fetch_token(endpoint, grant_type="client_credentials", audience=API)
        assert token["scope"] == "read:x"


def test_a_wrong_secret_is_refused(metadata: Metadata) -> None:
    """The tenant's words arrive in the exception."""
    with OAuth2Session("m2m", "wrong") as session, pytest.raises(OAuthError) as caught:
        session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials", audience=API)
    assert (caught.value.error, caught.value.description) == ("access_denied", "Unauthorized")


def test_revocation(idp: MockIdp, session: OAuth2Session, metadata: Metadata) -> None:
    """A revoked refresh token is worth nothing."""
    url, _ = session.create_authorization_url(metadata["authorization_endpoint"])
    callback = idp.browser().login(url, "alice@example.com")
    token = session.fetch_token(metadata["token_endpoint"], authorization_response=callback)
    revoked = session.revoke_token(
        metadata["revocation_endpoint"], token["refresh_token"], token_type_hint="refresh_token"
    )
    assert revoked.status_code == 200
    with pytest.raises(OAuthError, match=r"Unknown or invalid refresh token\."):
        session.refresh_token(metadata["token_endpoint"])
