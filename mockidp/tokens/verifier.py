"""Verification of tokens that come back: access tokens, ID tokens, client assertions.

The algorithm is never the token's choice: RSA algorithms go with the tenant's published keys, HS256 only with
the secret of the API or client that the token names (RFC 8725 §3.1).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from mockidp import json
from mockidp.json import Json, JsonObject
from mockidp.keys import SigningKey
from mockidp.model.client import CLIENTS, Client
from mockidp.model.credentials import is_revoked
from mockidp.model.resource_server import RESOURCE_SERVERS
from mockidp.model.tenant import Tenant
from mockidp.tokens.issuer import OPAQUE_KEY
from mockidp.tokens.jws import InvalidToken, Jws, is_canonical, is_signed_by, raw, read_jws

if TYPE_CHECKING:
    from jwt.types import Options

ASYMMETRIC = ("RS256", "PS256", "RS512")
WRESULT_ISSUER = "urn:auth0"  # of what the classic login page posts, in place of a URL
# seconds that a client's clock may be ahead (documentation, "Authenticate with Private Key JWT")
CLIENT_SKEW = 10
ASSERTION_ALGS = ("RS256", "RS384", "PS256", "PS384", "ES256", "ES384")


class Verified(msgspec.Struct, frozen=True):
    """A token that is ours and valid now, with its claims."""

    claims: JsonObject
    alg: str = "dir"

    @property
    def subject(self) -> str:
        """`sub`: a user id, or `<client_id>@clients`."""
        return str(self.claims.get("sub", ""))

    @property
    def client_id(self) -> str:
        """The client that it was issued to."""
        return str(self.claims.get("azp") or self.claims.get("client_id") or "")

    @property
    def scopes(self) -> tuple[str, ...]:
        """The granted scopes."""
        return _words(str(self.claims.get("scope", "")))

    @property
    def audiences(self) -> tuple[str, ...]:
        """`aud` as a tuple."""
        aud = self.claims.get("aud")
        return tuple(str(item) for item in aud) if isinstance(aud, list) else (str(aud),) if aud else ()

    @property
    def user_id(self) -> str | None:
        """The user, or None when a client got the token for itself."""
        return None if not self.subject or self.subject.endswith("@clients") else self.subject


# A client sends the same token with every request. What it says is read once; whether it is good, each time.
_read = lru_cache(maxsize=128)(read_jws)


@lru_cache(maxsize=128)
def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def verify_access_token(tenant: Tenant, token: str) -> Verified:
    """Return the access token's content; raise `InvalidToken`."""
    verified = _open(tenant, token) if token.count(".") == 4 else _verify(tenant, token)
    handle = verified.claims.get("authorization")
    if isinstance(handle, str) and is_revoked(tenant, handle):
        raise InvalidToken("revoked")
    return verified


def verify_id_token(tenant: Tenant, token: str, *, expired_ok: bool = False) -> Verified:
    """Return an ID token's content; raise `InvalidToken`. A hint may be expired (`expired_ok`)."""
    return _verify(tenant, token, expired_ok=expired_ok)


def verify_wresult(tenant: Tenant, token: str) -> Verified:
    """Return the proof of a password login that the classic page posts; raise `InvalidToken`."""
    verified = _verify_signature(tenant, token)
    if verified.alg not in ASYMMETRIC or verified.claims.get("iss") != WRESULT_ISSUER:
        raise InvalidToken("issuer")
    _check_times(tenant, verified.claims, expired_ok=False)
    return verified


def verify_assertion(tenant: Tenant, client: Client, assertion: str) -> bool:
    """Whether a client assertion proves the client (RFC 7523 §3)."""
    methods = client.client_authentication_methods.get("private_key_jwt")
    credentials = methods.get("credentials") if isinstance(methods, dict) else None
    given = [c for c in credentials if isinstance(c, dict)] if isinstance(credentials, list) else []
    return any(_assertion_is_good(tenant, client, assertion, credential) for credential in given)


def unverified_client(token: str) -> str | None:
    """Return the client id that an unverified assertion claims to be of (`sub`), to look its keys up."""
    try:
        subject = read_jws(token).claims.get("sub")
    except InvalidToken:
        return None
    return subject if isinstance(subject, str) else None


def _assertion_is_good(tenant: Tenant, client: Client, assertion: str, credential: JsonObject) -> bool:
    import jwt

    pem, alg = credential.get("pem"), credential.get("alg")
    algs = [alg] if isinstance(alg, str) and alg in ASSERTION_ALGS else ASSERTION_ALGS
    try:
        claims = jwt.decode(assertion, str(pem), algorithms=algs, options=_SIGNATURE_ONLY)
        _check_times(tenant, claims, expired_ok=False, skew=CLIENT_SKEW)
    except (InvalidToken, jwt.PyJWTError, ValueError, TypeError):  # TypeError: a key of another kind
        return False
    audiences = claims["aud"] if isinstance(claims.get("aud"), list) else [claims.get("aud")]
    issuers = [str(aud).removesuffix("oauth/token").rstrip("/") + "/" for aud in audiences]
    own = any(tenant.names.accepts_issuer(issuer) for issuer in issuers)
    return own and claims.get("iss") == claims.get("sub") == client.client_id


def _verify(tenant: Tenant, token: str, *, expired_ok: bool = False) -> Verified:
    verified = _verify_signature(tenant, token)
    _check_times(tenant, verified.claims, expired_ok)
    if not tenant.names.accepts_issuer(str(verified.claims.get("iss"))):
        raise InvalidToken("issuer")
    return verified


def _verify_signature(tenant: Tenant, token: str) -> Verified:
    jws = _read(token)
    alg = jws.header.get("alg")
    key = _key_for(tenant, jws)
    if key is None or not is_signed_by(jws, str(alg), key):
        raise InvalidToken("signature")
    return Verified(claims=jws.claims, alg=str(alg))


_SIGNATURE_ONLY: Options = {
    "verify_aud": False,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_sub": False,
    "verify_jti": False,
    "verify_iss": False,
}


def _key_for(tenant: Tenant, jws: Jws) -> SigningKey | str | None:
    """Return the key that a token of this algorithm must be signed with, or None."""
    alg, aud = jws.header.get("alg"), jws.claims.get("aud")
    if alg in ASYMMETRIC:
        return tenant.keys.find(str(jws.header.get("kid")))
    if alg != "HS256":
        return None
    if not isinstance(aud, str):
        return None
    server = tenant.store.find(RESOURCE_SERVERS, aud)
    if server:
        return server.signing_secret if server.signing_alg == "HS256" else None
    client = tenant.store.find(CLIENTS, aud)
    return client.client_secret if client and client.jwt_configuration.alg == "HS256" else None


def _check_times(tenant: Tenant, claims: JsonObject, expired_ok: bool, skew: int = 0) -> None:
    """Refuse what is over, and what has not begun: a token from before the clock was set back."""
    now = tenant.clock.now()
    exp = claims.get("exp")
    if not isinstance(exp, int | float):
        raise InvalidToken("malformed")
    if now >= exp and not expired_ok:
        raise InvalidToken("expired")
    # unverified: that the service looks at the `iat` of its own tokens; it does at that of an assertion
    begins = (claims.get(name) for name in ("nbf", "iat"))
    if any(isinstance(moment, int | float) and now + skew < moment for moment in begins):
        raise InvalidToken("not yet valid")


def _open(tenant: Tenant, token: str) -> Verified:
    claims = open_opaque(token)
    _check_times(tenant, claims, expired_ok=False)
    if not tenant.names.accepts_issuer(str(claims.get("iss"))):
        raise InvalidToken("issuer")
    return Verified(claims=claims)


def open_opaque(token: str) -> dict[str, Json]:
    """Return what is in an opaque access token, the JWE that `issuer.py` made, be it good still or not.

    Raise `InvalidToken` when it is none of ours.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        header, wrapped_key, iv, sealed, tag = token.split(".")
        if wrapped_key or not all(is_canonical(part) for part in (iv, sealed, tag)):
            raise InvalidToken("malformed")
        plain = AESGCM(OPAQUE_KEY).decrypt(raw(iv), raw(sealed) + raw(tag), header.encode())
        claims = json.decode(plain)
    except (InvalidTag, ValueError):
        raise InvalidToken("malformed") from None
    assert isinstance(claims, dict)  # we made it
    return claims
