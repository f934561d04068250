"""Tokens that are not ours, or were changed: refused wherever one is asked for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import string
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from authentication_world import API, ISSUER, World, claims_of
from cryptography.hazmat.primitives.asymmetric import rsa

Forge = Callable[[World, str], str]


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def part(value: Any) -> str:
    return encode(json.dumps(value).encode())


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def hs256(token: str, secret: str) -> str:
    content = part({"alg": "HS256", "typ": "JWT", "kid": kid_of(token)}) + "." + token.split(".")[1]
    return content + "." + encode(hmac.digest(secret.encode(), content.encode(), hashlib.sha256))


def spare_bits(token: str) -> str:
    """Change the last character in bits that a lenient base64 decoder drops (16 and 256 bytes leave four)."""
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


def foreign_key(world: World, token: str) -> str:
    key = rsa.generate_private_key(65537, 2048)
    return jwt.encode(claims_of(token), key, algorithm="RS256", headers={"kid": kid_of(token)})


def resigned(**changes: Any) -> Forge:
    """Sign changed claims with the tenant's own key: only the claims are wrong."""

    def forge(world: World, token: str) -> str:
        claims = {k: v for k, v in {**claims_of(token), **changes}.items() if v is not None}
        key = world.tenant.keys.current()
        return jwt.encode(claims, key.private_key(), algorithm="RS256", headers={"kid": key.kid})

    return forge


def with_header(**header: Any) -> Forge:
    def forge(world: World, token: str) -> str:
        _, payload, signature = token.split(".")
        return ".".join((part({**jwt.get_unverified_header(token), **header}), payload, signature))

    return forge


def changed_payload(world: World, token: str) -> str:
    head, _, signature = token.split(".")
    return ".".join((head, part({**claims_of(token), "sub": "auth0|other"}), signature))


JWT_FORGERIES: dict[str, Forge] = {
    "alg none": lambda w, t: jwt.encode(claims_of(t), None, algorithm="none"),
    "alg none, signature kept": with_header(alg="none"),
    "alg nOnE": with_header(alg="nOnE"),
    "alg missing": with_header(alg=None),
    "alg is a list": with_header(alg=["RS256"]),
    "public key as HMAC secret": lambda w, t: hs256(t, w.get("/rawpem").text),
    "certificate as HMAC secret": lambda w, t: hs256(t, w.get("/pem").text),
    "empty HMAC secret": lambda w, t: hs256(t, ""),
    "client secret": lambda w, t: hs256(t, "web-secret"),
    "an HS256 API's secret": lambda w, t: hs256(t, "an-api-secret-that-is-longer-than-32-bytes"),
    "foreign key, same kid": foreign_key,
    "another alg in the header": with_header(alg="PS256"),
    "unknown kid": with_header(kid="unknown"),
    "kid is a number": with_header(kid=1),
    "no kid": with_header(kid=None),
    "the next key's kid": lambda w, t: with_header(kid=w.tenant.keys.published()[1].kid)(w, t),
    "embedded key": with_header(jwk={"kty": "oct", "k": "x"}, jku="https://evil.example/jwks"),
    "payload changed": changed_payload,
    "last character changed": lambda w, t: t[:-1] + chr(ord(t[-1]) ^ 1),
    "spare bits of the signature": lambda w, t: spare_bits(t),
    "cut off": lambda w, t: t[:-1],
    "no signature": lambda w, t: t.rpartition(".")[0] + ".",
    "padded": lambda w, t: t + "==",
    "doubled": lambda w, t: t + t,
    "another issuer": resigned(iss="https://elsewhere.example/"),
    "issuer without its slash": resigned(iss=ISSUER.rstrip("/")),
    "no issuer": resigned(iss=None),
    "expired": resigned(exp=1893456000),
    "no expiry": resigned(exp=None),
    "expiry is text": resigned(exp="2040"),
    "not yet valid": resigned(nbf=1893456001),
    "another audience": resigned(aud="https://elsewhere.example"),
    "the client as audience": resigned(aud="web"),
    "no audience": resigned(aud=None),
    "nobody": resigned(sub=None),
    "a client": resigned(sub="web@clients"),
}


@pytest.mark.parametrize("name", JWT_FORGERIES)
def test_a_forged_jwt_is_refused_everywhere(world: World, name: str) -> None:
    """/userinfo, unlinking, and linking at /authorize."""
    good = world.tokens(audience=API, scope="openid")["access_token"]
    assert world.userinfo(good).status_code == 200
    world.idp.link("alice@example.com", "google-oauth2|1001")
    forged = JWT_FORGERIES[name](world, good)
    assert forged != good
    assert_refused(world, forged)


def assert_refused(world: World, token: str) -> None:
    response = world.userinfo(token)
    assert (response.status_code, response.text) == (401, "Unauthorized")
    body = {"access_token": token, "user_id": "google-oauth2|1001"}
    assert world.post("/unlink", json=body).status_code == 401
    assert len(world.user("alice@example.com").identities) == 2
    linking = world.authorize(access_token=token, connection="facebook")
    assert "invalid%20main%20user%20access_token" in linking.location


def test_a_secret_of_an_rs256_api_signs_nothing(make_world: Any) -> None:
    """Whoever knows it cannot make tokens: the algorithm is the API's, not the token's choice."""
    secret = "a-secret-that-is-longer-than-32-bytes-but-unused"
    world = make_world({"resourceServers": [{"identifier": API, "signing_secret": secret}]})
    good = world.tokens(audience=API, scope="read:x")["access_token"]
    world.idp.link("alice@example.com", "google-oauth2|1001")
    assert_refused(world, hs256(good, secret))


def segments(change: Callable[[list[str]], list[str]]) -> Forge:
    return lambda world, token: ".".join(change(token.split(".")))


def flip(index: int, at: int) -> Forge:
    """Change one character of one part: the last ones too, whose spare bits decoders like to drop."""

    def change(parts: list[str]) -> list[str]:
        text = parts[index]
        position = at % len(text)
        other = "A" if text[position] != "A" else "B"
        parts[index] = text[:position] + other + text[position + 1 :]
        return parts

    return segments(change)


OPAQUE_FORGERIES: dict[str, Forge] = {
    "spare bits of the tag": lambda w, t: spare_bits(t),
    **{f"part {index}, character {at}": flip(index, at) for index in (0, 2, 3, 4) for at in (0, 7, -1)},
    "key wrapped": segments(lambda p: [p[0], "AAAA", *p[2:]]),
    "no iv": segments(lambda p: [*p[:2], "", *p[3:]]),
    "no content": segments(lambda p: [*p[:3], "", p[4]]),
    "no tag": segments(lambda p: [*p[:4], ""]),
    "not base64": segments(lambda p: [*p[:3], "!!!!", p[4]]),
    "junk in base64": segments(lambda p: [*p[:3], p[3] + "!", p[4]]),
    "not ASCII": segments(lambda p: [*p[:3], "ü", p[4]]),
    "a header of its own": segments(lambda p: [part({"alg": "none"}), *p[1:]]),
    "four dots": lambda w, t: "....",
}


@pytest.mark.parametrize("name", OPAQUE_FORGERIES)
def test_a_changed_opaque_token_is_refused_everywhere(world: World, name: str) -> None:
    """Any change of any character."""
    good = world.tokens()["access_token"]
    world.idp.link("alice@example.com", "google-oauth2|1001")
    assert_refused(world, OPAQUE_FORGERIES[name](world, good))


@pytest.mark.parametrize("name", ["id_token", "refresh_token"])
def test_other_tokens_are_no_access_tokens(world: World, name: str) -> None:
    """An ID token is for the client; a refresh token is for the token endpoint."""
    token = world.tokens(scope="openid offline_access")[name]
    assert world.userinfo(token).status_code == 401


def test_an_access_token_is_no_id_token_hint(world: World) -> None:
    """Linking by hint asks for the client's own ID token."""
    token = world.tokens(audience=API, scope="openid")["access_token"]
    response = world.authorize(
        scope="openid link_account", requested_connection="facebook", id_token_hint=token
    )
    assert "error=access_denied" in response.location


def test_only_the_changed_copy_is_bad(world: World) -> None:
    """The token itself still works after all attempts on it."""
    token = world.tokens()["access_token"]
    for forge in OPAQUE_FORGERIES.values():
        world.userinfo(forge(world, token))
    assert world.userinfo(token).status_code == 200
