"""/.well-known/*, /pem, /cer, /rawpem, key rotation, and the names that the tenant answers to."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from authentication_world import API, ISSUER, World, claims_of
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

DISCOVERY = "/.well-known/openid-configuration"


def test_the_discovery_document(world: World) -> None:
    """Members in a tenant's order, and only what works here (§5.2)."""
    response = world.get(DISCOVERY)
    body = response.json
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert body["issuer"] == ISSUER
    order = ["issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"]
    assert [name for name in body if name in order] == order
    types = ["code", "token", "id_token", "code token", "code id_token", "token id_token"]
    assert body["response_types_supported"] == [*types, "code token id_token"]
    assert body["response_modes_supported"] == ["query", "fragment", "form_post"]
    assert body["code_challenge_methods_supported"] == ["S256", "plain"]
    assert body["id_token_signing_alg_values_supported"] == ["HS256", "RS256", "PS256"]
    assert body["end_session_endpoint"] == ISSUER + "oidc/logout"
    assert {"openid", "offline_access"} <= set(body["scopes_supported"])
    assert {"implicit", "refresh_token", "password"} <= set(body["grant_types_supported"])


def test_every_endpoint_of_the_document_is_there(world: World) -> None:
    """No 404 among them."""
    body = world.get(DISCOVERY).json
    urls = [url for name, url in body.items() if name.endswith(("_endpoint", "_uri"))]
    assert len(urls) >= 6
    for url in urls:
        assert url.startswith(ISSUER), url
        assert world.get("/" + url.removeprefix(ISSUER)).status_code != 404, url


def test_the_alias_is_the_same(world: World) -> None:
    """RFC 8414's place for it."""
    assert world.get("/.well-known/oauth-authorization-server").data == world.get(DISCOVERY).data


@pytest.mark.parametrize(
    "url", ["http://localhost:4100/", "http://127.0.0.1:80/", "https://localhost:4100/", "http://[::1]:4100/"]
)
def test_the_issuer_follows_the_url(world: World, url: str) -> None:
    """Scheme and Host as used, a slash at the end; discovery and tokens agree."""
    world.origin = url
    expected = url.replace(":80/", "/")
    assert world.get(DISCOVERY).json["issuer"] == expected
    tokens = world.tokens(audience=API, scope="openid read:x")
    for token in (tokens["access_token"], tokens["id_token"]):
        assert claims_of(token)["iss"] == expected
    assert claims_of(tokens["access_token"])["aud"] == [API, expected + "userinfo"]


@pytest.mark.parametrize(
    ("seed", "issuer", "token_endpoint"),
    [
        (
            {"domain": "acme.eu.auth0.com"},
            "https://acme.eu.auth0.com/",
            "https://acme.eu.auth0.com/oauth/token",
        ),
        ({"issuer": "http://idp.test:99/"}, "http://idp.test:99/", ISSUER + "oauth/token"),
        ({"issuer": "http://idp.test:99"}, "http://idp.test:99/", ISSUER + "oauth/token"),
    ],
    ids=["domain", "issuer", "issuer without slash"],
)
def test_the_issuer_can_be_pinned(
    make_world: Any, seed: dict[str, str], issuer: str, token_endpoint: str
) -> None:
    """What a browser visits follows it; with an issuer, what servers call follows the Host that asked."""
    world = make_world({"mockidp": seed})
    body = world.get(DISCOVERY).json
    assert body["issuer"] == issuer
    assert body["authorization_endpoint"] == issuer + "authorize"
    assert body["token_endpoint"] == token_endpoint
    assert body["jwks_uri"].startswith(token_endpoint.removesuffix("oauth/token"))
    tokens = world.tokens()
    assert claims_of(tokens["id_token"])["iss"] == issuer
    assert world.userinfo(tokens["access_token"]).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "evil.example:4100",
        "127.0.0.1.evil.example",
        "169.254.169.254",
        "0.0.0.0",
        "localhost@evil.example",
        "evil.example@localhost",
        "localhost:4100@evil.example",
        "localhost/",
        "localhost#",
        "localhost:99999",
        "localhost:x",
        "",
    ],
)
@pytest.mark.parametrize("path", [DISCOVERY, "/authorize", "/oauth/token", "/userinfo", "/nowhere"])
def test_another_host_is_refused(world: World, host: str, path: str) -> None:
    """Else a page could reach the mock by DNS rebinding, and choose the issuer."""
    response = world.get(path, headers={"Host": host}, base_url=None)
    assert response.status_code in (400, 421)
    assert "issuer" not in response.text
    assert "evil.example/" not in response.text


def test_hosts_can_be_allowed(make_world: Any) -> None:
    """By option, for containers; custom domains by the seed."""
    world = make_world({"customDomains": [{"domain": "login.acme.test"}]}, allow_hosts=["mockidp"])
    for url in ("http://mockidp:4100/", "http://login.acme.test/"):
        assert world.get(DISCOVERY, base_url=url).json["issuer"] == url
    assert world.get(DISCOVERY, base_url="http://other.acme.test/").status_code == 421


def test_the_keys_are_published(world: World) -> None:
    """Current and next, members in order; the certificate is of the key, `x5t` its digest (§5.3)."""
    keys = world.get("/.well-known/jwks.json").json["keys"]
    assert len(keys) == 2
    assert len({key["kid"] for key in keys}) == 2
    for key in keys:
        assert list(key) == ["kty", "use", "n", "e", "kid", "x5t", "x5c", "alg"]
        assert (key["kty"], key["use"], key["alg"]) == ("RSA", "sig", "RS256")
        der = base64.b64decode(key["x5c"][0])
        digest = base64.urlsafe_b64encode(hashlib.sha1(der, usedforsecurity=False).digest())
        assert key["x5t"] == digest.rstrip(b"=").decode()
        numbers = x509.load_der_x509_certificate(der).public_key().public_numbers()  # type: ignore[union-attr]
        assert int.from_bytes(base64.urlsafe_b64decode(key["n"] + "=="), "big") == numbers.n
        assert "d" not in key


def test_the_certificate_is_downloaded_in_three_forms(world: World) -> None:
    """/pem and /cer hold one certificate, /rawpem its public key (§5.4)."""
    pem, cer, raw = (world.get(path) for path in ("/pem", "/cer", "/rawpem"))
    assert pem.headers["Content-Disposition"] == "attachment; filename=tenant.pem"
    assert cer.headers["Content-Disposition"] == "attachment; filename=tenant.cer"
    assert "Content-Disposition" not in raw.headers
    certificate = x509.load_pem_x509_certificate(pem.data)
    assert x509.load_der_x509_certificate(cer.data) == certificate
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert load_pem_public_key(raw.data).public_bytes(*form) == certificate.public_key().public_bytes(*form)
    key = world.get("/.well-known/jwks.json").json["keys"][0]
    assert base64.b64decode(key["x5c"][0]) == cer.data


def test_rotation_signs_with_the_next_key(world: World) -> None:
    """Old tokens stay good as long as their key is published: for one rotation."""
    before = world.tokens(audience=API, scope="openid")["access_token"]
    old = world.get("/.well-known/jwks.json").json["keys"]
    world.idp.rotate_keys()
    new = world.get("/.well-known/jwks.json").json["keys"]
    after = world.tokens(audience=API, scope="openid")["access_token"]
    assert [key["kid"] for key in new[:1]] == [old[1]["kid"]]
    assert old[0]["kid"] in {key["kid"] for key in new}
    for token in (before, after):
        assert world.verified(token, API)
        assert world.userinfo(token).status_code == 200
    world.idp.rotate_keys()
    assert old[0]["kid"] not in {k["kid"] for k in world.get("/.well-known/jwks.json").json["keys"]}
    assert world.userinfo(before).status_code == 401
    assert world.userinfo(after).status_code == 200


def test_opaque_tokens_outlive_rotation(world: World) -> None:
    """They are not signed."""
    token = world.tokens()["access_token"]
    for _ in range(3):
        world.idp.rotate_keys()
    assert world.userinfo(token).status_code == 200


def test_a_tenant_may_sign_with_ps256(make_world: Any) -> None:
    """The seed's `signing`."""
    world = make_world({"mockidp": {"signing": {"alg": "PS256", "keys": 1}}})
    keys = world.get("/.well-known/jwks.json").json["keys"]
    assert [key["alg"] for key in keys] == ["PS256"]
    assert world.verified(world.tokens()["id_token"], "web")
