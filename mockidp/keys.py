"""Signing keys: a shipped pool of RSA-2048 keys, current and next, rotation, and the JWKS (RFC 7517).

The keys are fixed, so that the same seed signs the same bytes everywhere, and loaded without validation
(0.01 ms against 35 ms). They are public: tokens signed with them prove nothing outside a test.
"""

from __future__ import annotations

import base64
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mockidp import gil, json
from mockidp.errors import UsageError
from mockidp.json import Json
from mockidp.store import Kind, Store

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
    from cryptography.hazmat.primitives.hashes import HashAlgorithm


class SigningKey(msgspec.Struct, frozen=True):
    """One RSA key as JWK members (base64url numbers) with its certificate (`x5c`: base64 DER)."""

    kid: str
    n: str
    e: str
    d: str
    p: str
    q: str
    dp: str
    dq: str
    qi: str
    x5c: str
    x5t: str

    def private_key(self) -> RSAPrivateKey:
        """Return the loaded key."""
        return _private_key(self)

    def sign(self, alg: str, data: bytes) -> bytes:
        """Return the signature of `data` by RS256, RS512 or PS256 (RFC 7518 §3.3, §3.5)."""
        key, method = self.private_key(), _method(alg)
        with gil.released():
            return key.sign(data, *method)

    def verifies(self, alg: str, data: bytes, signature: bytes) -> bool:
        """Whether this key made the signature."""
        from cryptography.exceptions import InvalidSignature

        try:
            _public_key(self).verify(signature, data, *_method(alg))
        except InvalidSignature:
            return False
        return True

    def jwk(self, alg: str) -> dict[str, Json]:
        """Return the public JWK in the member order of a current tenant."""
        return {
            "kty": "RSA",
            "use": "sig",
            "n": self.n,
            "e": self.e,
            "kid": self.kid,
            "x5t": self.x5t,
            "x5c": [self.x5c],
            "alg": alg,
        }

    def certificate_pem(self) -> str:
        """Return the self-signed certificate as PEM."""
        lines = [self.x5c[i : i + 64] for i in range(0, len(self.x5c), 64)]
        return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])

    def certificate_der(self) -> bytes:
        """Return the self-signed certificate as DER."""
        return base64.b64decode(self.x5c)

    def public_pem(self) -> str:
        """Return the bare public key as PEM (SubjectPublicKeyInfo)."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return _public_key(self).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


class Rotation(msgspec.Struct, frozen=True):
    """Which keys of the pool the tenant has: `current` and how many are published from there.

    `previous` counts the keys before the current one that are still published.
    """

    current: int = 0
    published: int = 2
    previous: int = 0
    alg: str = "RS256"


ROTATION: Kind[Rotation] = Kind("key_rotation", Rotation)
_ONLY = "tenant"


class KeyRing:
    """The tenant's signing keys; what it remembers is one row of the store.

    A tenant that has a name begins elsewhere in the pool: no signature of one tenant is good at another.
    """

    def __init__(self, store: Store, tenant: str = "") -> None:
        self._store = store
        self._first = 2 + 2 * (sum(tenant.encode()) % 2) if tenant else 0  # two keys are published

    @property
    def _rotation(self) -> Rotation:
        return self._store.find(ROTATION, _ONLY) or Rotation(current=self._first)

    @property
    def alg(self) -> str:
        """The tenant's signing algorithm: RS256 unless the seed says PS256."""
        return self._rotation.alg

    def configure(self, *, alg: str = "RS256", published: int = 2) -> None:
        """Choose the algorithm and how many keys the JWKS shows."""
        if alg not in ("RS256", "PS256"):
            raise UsageError(f"mockidp.signing.alg is RS256 or PS256, not '{alg}'")
        if not 1 <= published <= len(_pool()):
            raise UsageError(f"mockidp.signing.keys is 1 to {len(_pool())}, not {published}")
        self._store.put(ROTATION, _ONLY, Rotation(current=self._first, alg=alg, published=published))

    def current(self) -> SigningKey:
        """Return the key that signs."""
        return _pool()[self._rotation.current]

    def published(self) -> list[SigningKey]:
        """Return current, next and (after a rotation) previous keys."""
        return list(_published(self._rotation))

    def find(self, kid: str | None) -> SigningKey | None:
        """Return the published key with this `kid`."""
        return next((key for key in _published(self._rotation) if key.kid == kid), None)

    def rotate(self) -> SigningKey:
        """Make the next key current; the current one stays published as previous."""

        def turn(before: Rotation | None) -> Rotation:
            before = before or Rotation(current=self._first)
            return msgspec.structs.replace(
                before, current=(before.current + 1) % len(_pool()), previous=min(before.previous + 1, 1)
            )

        self._store.update(ROTATION, _ONLY, turn)
        return self.current()

    def jwks(self) -> bytes:
        """Return the JSON Web Key Set."""
        return _jwks(self._rotation)


@cache
def _pool() -> tuple[SigningKey, ...]:
    data = Path(__file__).with_name("data").joinpath("signing_keys.json").read_bytes()
    return msgspec.json.decode(data, type=tuple[SigningKey, ...])


@lru_cache(maxsize=64)
def _published(rotation: Rotation) -> tuple[SigningKey, ...]:
    pool = _pool()
    indexes = [rotation.current + i for i in range(rotation.published)]
    indexes += [rotation.current - 1 - i for i in range(rotation.previous)]
    return tuple(pool[i % len(pool)] for i in dict.fromkeys(indexes))


@lru_cache(maxsize=64)
def _jwks(rotation: Rotation) -> bytes:
    return json.encode({"keys": [key.jwk(rotation.alg) for key in _published(rotation)]})


@cache
def _private_key(key: SigningKey) -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers, RSAPublicNumbers

    def number(text: str) -> int:
        return int.from_bytes(base64.urlsafe_b64decode(text + "=="), "big")

    public = RSAPublicNumbers(number(key.e), number(key.n))
    numbers = RSAPrivateNumbers(
        number(key.p), number(key.q), number(key.d), number(key.dp), number(key.dq), number(key.qi), public
    )
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


@cache
def _public_key(key: SigningKey) -> RSAPublicKey:
    return _private_key(key).public_key()


@cache
def _method(alg: str) -> tuple[AsymmetricPadding, HashAlgorithm]:
    """Return padding and hash of a JWS algorithm."""
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.hashes import SHA256, SHA512

    digest = SHA512() if alg.endswith("512") else SHA256()
    if alg.startswith("RS"):
        return padding.PKCS1v15(), digest
    return padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH), digest
