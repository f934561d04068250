"""`grant_type=authorization_code` (RFC 6749 §4.1.3) with PKCE (RFC 7636 §4.6)."""

from __future__ import annotations

import base64
import hashlib
import hmac

from mockidp.authentication.grants.grant import Grant, Redeemed
from mockidp.errors import OAuthError, invalid_authorization_code
from mockidp.http.params import Params, required
from mockidp.http.routing import Call
from mockidp.model.client import Client, origin_of
from mockidp.model.credentials import CODES, AuthorizationCode, take_code
from mockidp.model.user import find_user


def redeem(call: Call, client: Client, params: Params) -> Redeemed:
    """Exchange a code, once: of parallel requests exactly one gets the tokens.

    A code of another client stays as it is. A wrong verifier or redirect URI uses the code up, so that
    neither can be guessed.
    """
    code = required(params, "code")
    kept = call.tenant.store.find(CODES, code)
    if kept is not None and kept.authorization.client_id != client.client_id:
        raise invalid_authorization_code()
    _check_present(kept, params)
    taken = take_code(call.tenant, code)
    if taken is None:
        raise invalid_authorization_code()
    _check_verifier(taken, params.get("code_verifier"))
    _check_redirect_uri(taken, params.get("redirect_uri"))
    authorization = taken.authorization
    user = find_user(call.tenant, authorization.user_id or "")
    if user is None or user.blocked:
        raise invalid_authorization_code()
    return Redeemed(
        authorization,
        new_refresh_token="offline_access" in authorization.scope,
    )


def _check_present(kept: AuthorizationCode | None, params: Params) -> None:
    """Refuse a request without verifier before it uses the code up: the client can mend that."""
    if kept is not None and kept.code_challenge and not params.get("code_verifier"):
        # unverified: the status
        raise OAuthError("invalid_request", "Parameter 'code_verifier' is required")


def _check_verifier(kept: AuthorizationCode, verifier: str | None) -> None:
    if kept.code_challenge is None:
        if verifier:  # a downgrade: the challenge was stripped from the request (RFC 9700 §2.1.1)
            raise OAuthError("invalid_grant", "Failed to verify code verifier", 403)
        return
    derived = verifier or ""
    if kept.code_challenge_method == "S256":
        digest = hashlib.sha256(derived.encode()).digest()
        derived = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    if not hmac.compare_digest(derived.encode(), kept.code_challenge.encode()):
        raise OAuthError("invalid_grant", "Failed to verify code verifier", 403)


def _check_redirect_uri(kept: AuthorizationCode, sent: str | None) -> None:
    if sent == kept.redirect_uri or (sent is None and not kept.redirect_uri_sent):
        return
    # unverified: the status; reports show that only origins are printed
    expected = _origin(kept.redirect_uri)
    raise OAuthError(
        "unauthorized_client",
        f"The redirect URI is wrong. You sent {_origin(sent or 'null')}, and we expected {expected}",
        403,
    )


def _origin(url: str) -> str:
    """Return the origin, or the text itself where it has none."""
    return url if origin_of(url).endswith(":") else origin_of(url) or url


GRANT = Grant("authorization_code", redeem)
