"""Compact JWS (RFC 7515 §7.1): writing what we sign, and reading what comes.

PyJWT would do it too, but loads every algorithm there is at import, which is felt at each start.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from functools import lru_cache

import msgspec

from mockidp import json
from mockidp.json import JsonObject
from mockidp.keys import SigningKey

# base64url's letters to those of base64 (RFC 4648 §5), whose own two are none
_FROM_URL = bytes.maketrans(b"-_+/", b"+/!!")


class InvalidToken(Exception):
    """A token is not good.

    `reason` is `malformed`, `signature`, `expired`, `not yet valid`, `issuer` or `revoked`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Jws(msgspec.Struct, frozen=True):
    """What a token says, its signature not verified; `content` is what was signed."""

    header: JsonObject
    claims: JsonObject
    content: str
    signature: str


def read_jws(token: str) -> Jws:
    """Return a token's parts; raise `InvalidToken` ("malformed") when it is no JWS of claims."""
    parts = token.split(".")
    if len(parts) != 3:
        raise InvalidToken("malformed")
    try:
        header, claims = (json.decode(raw(part)) for part in parts[:2])
    except ValueError:
        raise InvalidToken("malformed") from None
    # `crit` names extensions that one must understand (RFC 7515 §4.1.11), and there are none.
    if not isinstance(header, dict) or not isinstance(claims, dict) or "crit" in header:
        raise InvalidToken("malformed")
    return Jws(header, claims, token.rpartition(".")[0], parts[2])


def write_jws(claims: object, key: SigningKey, alg: str, typ: str = "JWT", kid: str | None = None) -> str:
    """Return a JWS by an RSA key; its header names the key unless another `kid` is given."""
    content = b"%b.%b" % (_header(alg, typ, kid or key.kid), _encoded(json.encode(claims)))
    return f"{content.decode()}.{b64(key.sign(alg, content))}"


def write_mac(
    claims: object, alg: str, typ: str = "JWT", secret: str | None = None, kid: str | None = None
) -> str:
    """Return a JWS by a secret (HS256), or with an empty signature (`none`) without one."""
    content = b"%b.%b" % (_header(alg, typ, kid), _encoded(json.encode(claims)))
    return f"{content.decode()}.{mac(content.decode(), secret) if secret else ''}"


def is_signed_by(jws: Jws, alg: str, key: SigningKey | str) -> bool:
    """Whether the signature is right, to the last bit: base64 has several texts for the same bytes.

    `key` is a published key, or the secret of HS256.
    """
    if isinstance(key, str):
        return hmac.compare_digest(mac(jws.content, key).encode(), jws.signature.encode())
    try:
        signature = raw(jws.signature)
    except ValueError:
        return False
    return b64(signature) == jws.signature and key.verifies(alg, jws.content.encode(), signature)


def mac(content: str, secret: str) -> str:
    """Return the HS256 signature of `header.payload`."""
    return b64(hmac.digest(secret.encode(), content.encode(), "sha256"))


def is_canonical(text: str) -> bool:
    """Whether this is the one base64url text of its bytes; raise `ValueError` when it is none."""
    return b64(raw(text)) == text


def raw(text: str) -> bytes:
    """Return the bytes of base64url without padding; raise `ValueError` when it is none."""
    data = text.encode("ascii").translate(_FROM_URL)
    return binascii.a2b_base64(data + b"=" * (-len(data) % 4), strict_mode=True)


def b64(data: bytes) -> str:
    """Return bytes as base64url without padding (RFC 7515 §2)."""
    return _encoded(data).decode()


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


@lru_cache(maxsize=64)
def _header(alg: str, typ: str, kid: str | None) -> bytes:
    header = {"alg": alg, "typ": typ} if kid is None else {"alg": alg, "typ": typ, "kid": kid}
    return _encoded(json.encode(header))
