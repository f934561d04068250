"""`/.well-known/*`: discovery (OpenID Connect Discovery §4, RFC 8414) and keys; only what works is shown."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from mockidp import json
from mockidp.authentication.response_mode import MODES
from mockidp.http.routing import Call, Route
from mockidp.model.client import IMPLICIT
from mockidp.tokens.verifier import ASSERTION_ALGS


def openid_configuration(call: Call) -> msgspec.Raw:
    """Return the discovery document, in a tenant's member order.

    What a browser visits follows the issuer; what a server calls follows the host that asked, so that a
    container and a browser can agree on one issuer.
    """
    issuer, origin = call.issuer, call.origin
    if call.tenant.names.issuer is None:
        origin = issuer
    return _metadata(issuer, origin)


@lru_cache(maxsize=64)
def _metadata(issuer: str, origin: str) -> msgspec.Raw:
    from mockidp.authentication.oauth_token import GRANTS

    document = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}authorize",
        "token_endpoint": f"{origin}oauth/token",
        "userinfo_endpoint": f"{origin}userinfo",
        "jwks_uri": f"{origin}.well-known/jwks.json",
        "revocation_endpoint": f"{origin}oauth/revoke",
        "scopes_supported": ["openid", "profile", "offline_access", "email", "phone", "address"],
        "response_types_supported": [
            *("code", "token", "id_token", "code token", "code id_token", "token id_token"),
            "code token id_token",
        ],
        "code_challenge_methods_supported": ["S256", "plain"],
        "response_modes_supported": [mode for mode in MODES if mode != "web_message"],
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": [
            *("client_secret_basic", "client_secret_post", "private_key_jwt", "none"),
        ],
        "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGS),
        "claims_supported": [
            *("aud", "auth_time", "email", "email_verified", "exp", "family_name"),
            *("given_name", "iat", "iss", "name", "nickname", "phone_number", "picture", "sub"),
        ],
        "grant_types_supported": [IMPLICIT, *GRANTS],
        "request_uri_parameter_supported": False,
        "request_parameter_supported": False,
        "id_token_signing_alg_values_supported": ["HS256", "RS256", "PS256"],
        "end_session_endpoint": f"{issuer}oidc/logout",
    }
    return msgspec.Raw(json.encode(document))


def jwks(call: Call) -> msgspec.Raw:
    """Return the signing keys: current, next, and after a rotation the previous one."""
    return msgspec.Raw(call.tenant.keys.jwks())


ROUTES = (
    Route("GET", "/.well-known/openid-configuration", openid_configuration, cors="any"),
    Route("GET", "/.well-known/oauth-authorization-server", openid_configuration, cors="any"),
    Route("GET", "/.well-known/jwks.json", jwks, cors="any"),
)
