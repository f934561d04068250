"""The only place that signs: ID tokens, access tokens, and the token set that carries them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from mockidp import json
from mockidp.errors import UsageError
from mockidp.json import Json
from mockidp.keys import SigningKey
from mockidp.model.client import Client
from mockidp.model.credentials import Authorization
from mockidp.model.resource_server import ResourceServer, find_resource_server
from mockidp.model.tampering import WRONG, Tamper
from mockidp.model.tenant import Tenant
from mockidp.model.user import User
from mockidp.tokens.claims import access_token_claims, half_hash, id_token_claims
from mockidp.tokens.jws import b64, raw, write_jws, write_mac

USERINFO_LIFETIME = 86400  # seconds; in browser flows:
USERINFO_LIFETIME_FOR_WEB = 7200
TAMPERED_BY = 3600  # seconds that a tampered token is too old or too young
OPAQUE_KEY = hashlib.blake2b(b"mockidp opaque access tokens", digest_size=32).digest()


def issue_access_token(
    tenant: Tenant,
    issuer: str,
    authorization: Authorization,
    *,
    web: bool = False,
    expires_in: int | None = None,
    extra: Mapping[str, Json] | None = None,
) -> tuple[str, int]:
    """Return an access token and its lifetime in seconds.

    A JWT for an API; without an audience an opaque one (JWE), for the userinfo endpoint. `web` means a
    browser flow, with its own lifetime; `extra` are further claims.
    """
    server = find_resource_server(tenant, authorization.audience) if authorization.audience else None
    lifetime = expires_in if expires_in is not None else _lifetime(server, web)
    audience = authorization.audience or issuer + "userinfo"
    claims = access_token_claims(tenant, issuer, authorization, audience, server, lifetime)
    claims |= extra or {}
    if server is None:
        return _opaque(tenant, issuer, {**claims, "authorization": authorization.id}), lifetime
    typ = "at+jwt" if server.token_dialect.startswith("rfc9068") else "JWT"
    alg = server.signing_alg or tenant.keys.alg
    wrong = tenant.tampering.access_token
    return _sign(tenant, claims, alg, server.signing_secret, typ, wrong), lifetime


def issue_id_token(
    tenant: Tenant,
    issuer: str,
    client: Client,
    user: User,
    authorization: Authorization,
    *,
    access_token: str | None = None,
    code: str | None = None,
    extra: Mapping[str, Json] | None = None,
) -> str:
    """Return an ID token; with `at_hash` and `c_hash` of what is issued beside it at `/authorize`."""
    claims = id_token_claims(tenant, issuer, client, user, authorization)
    if access_token is not None:
        claims["at_hash"] = half_hash(access_token)
    if code is not None:
        claims["c_hash"] = half_hash(code)
    claims |= extra or {}
    alg = client.jwt_configuration.alg or tenant.keys.alg
    return _sign(tenant, claims, alg, client.client_secret, wrong=tenant.tampering.id_token)


def sign_claims(tenant: Tenant, claims: Mapping[str, Json], alg: str, secret: str | None = None) -> str:
    """Return a JWT of exactly these claims, signed as the tenant signs."""
    return _sign(tenant, claims, alg, secret)


def _lifetime(server: ResourceServer | None, web: bool) -> int:
    if server is None:
        return USERINFO_LIFETIME_FOR_WEB if web else USERINFO_LIFETIME
    return server.token_lifetime_for_web if web else server.token_lifetime


def _sign(
    tenant: Tenant,
    claims: Mapping[str, Json],
    alg: str,
    secret: str | None,
    typ: str = "JWT",
    wrong: Tamper | None = None,
) -> str:
    key, kid = tenant.keys.current(), None
    if alg == "HS256" and not secret:
        raise UsageError("HS256 needs a secret: set client_secret (or the API's signing_secret)")
    if wrong is not None:
        claims = _falsified(claims, wrong, tenant.now())
        alg, secret, kid = _confused(alg, secret, wrong, key)
    if alg in ("HS256", "none"):
        token = write_mac(claims, alg, typ, secret, kid)
    else:
        token = write_jws(claims, key, alg, typ, kid)
    return _broken(token) if wrong is not None and wrong.fault == "bad_signature" else token


# -- tampered tokens: the stated exception, for tests that script them (architecture §1.5) ---------------


def _falsified(claims: Mapping[str, Json], wrong: Tamper, now: int) -> dict[str, Json]:
    """Return the claims with what is wrong in them; a claim that is None is left out."""
    changed = {**claims, **wrong.claims}
    fault = wrong.fault or ""
    if fault in ("expired", "not_yet_valid"):
        shift = now - TAMPERED_BY - _number(claims["exp"])
        if fault == "not_yet_valid":
            shift = now + TAMPERED_BY - _number(claims["iat"])
            changed["nbf"] = now + TAMPERED_BY
        moved = [name for name in ("iat", "exp", "auth_time") if name in claims]
        changed |= {name: _number(claims[name]) + shift for name in moved}
    elif fault in WRONG:
        name = fault.removeprefix("wrong_")
        changed[name] = {"iss": "https://wrong.example/", "at_hash": half_hash("wrong")}.get(name, "wrong")
    return {name: value for name, value in changed.items() if value is not None}


def _confused(
    alg: str, secret: str | None, wrong: Tamper, key: SigningKey
) -> tuple[str, str | None, str | None]:
    """Return algorithm, secret and `kid`: none, the public key as the secret, one that nobody knows."""
    if wrong.fault == "alg_none":
        return "none", None, key.kid
    if wrong.fault == "hs256":
        return "HS256", key.public_pem(), key.kid
    return alg, secret, "unknown" if wrong.fault == "unknown_kid" else None


def _broken(token: str) -> str:
    """Return the token with a signature that is none: its first byte is another."""
    content, _, signature = token.rpartition(".")
    right = raw(signature)
    return f"{content}.{b64(bytes([right[0] ^ 0xFF]) + right[1:])}"


def _number(value: Json) -> int:
    assert isinstance(value, int)
    return value


def _opaque(tenant: Tenant, issuer: str, claims: Mapping[str, Json]) -> str:
    """Return a JWE (RFC 7516 §7.1) with a direct key: five parts, the second empty."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    header = b64(json.encode({"alg": "dir", "enc": "A256GCM", "iss": issuer}))
    iv = hashlib.blake2b(tenant.ids.draw("jwe", 22).encode(), digest_size=12).digest()
    sealed = AESGCM(OPAQUE_KEY).encrypt(iv, json.encode(claims), header.encode())
    return f"{header}..{b64(iv)}.{b64(sealed[:-16])}.{b64(sealed[-16:])}"
