"""What the real Authentication API has besides: known, and answered 501, never made up."""

from __future__ import annotations

from mockidp.http.routing import route_not_emulated

OPERATIONS: dict[str, tuple[str, ...]] = {
    "device flow": ("POST /oauth/device/code", "GET /activate"),
    "pushed authorization requests": ("POST /oauth/par",),
    "one-time codes for database connections": ("POST /otp/challenge",),
    "multi-factor authentication": (
        "POST /mfa/challenge",
        "POST /mfa/associate",
        "GET /mfa/authenticators",
        "DELETE /mfa/authenticators/{id}",
    ),
    "passkeys": ("POST /passkey/register", "POST /passkey/challenge"),
    "client-initiated backchannel authentication": ("POST /bc-authorize",),
    "dynamic client registration": ("POST /oidc/register",),
    "global token revocation": ("POST /oauth/global-token-revocation/connection/{name}",),
    "the way back from an Action's redirect": ("GET /continue", "POST /continue"),
    "legacy tokens": (
        "POST /oauth/ro",
        "POST /oauth/access_token",
        "POST /delegation",
        "POST /users/{user_id}/impersonate",
    ),
    "what auth0.js 7 asks of connections": (
        "GET /public/api/{client_id}/connections",
        "POST /public/api/users/validate_userpassword",
    ),
    "SAML and WS-Federation": (
        "GET /samlp/{client_id}",
        "POST /samlp/{client_id}",
        "GET /samlp/{client_id}/logout",
        "POST /samlp/{client_id}/logout",
        "GET /samlp/metadata",
        "GET /samlp/metadata/{client_id}",
        "GET /wsfed/{client_id}",
        "GET /wsfed/FederationMetadata/2007-06/FederationMetadata.xml",
    ),
}
# Grant types of a real token endpoint that mockidp does not redeem.
GRANT_TYPES = frozenset(
    {
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:auth0:params:oauth:grant-type:token-exchange:federated-connection-access-token",
        "urn:okta:params:oauth:grant-type:webauthn",
        "urn:openid:params:grant-type:ciba",
        "http://auth0.com/oauth/grant-type/mfa-otp",
        "http://auth0.com/oauth/grant-type/mfa-oob",
        "http://auth0.com/oauth/grant-type/mfa-recovery-code",
    }
)

ROUTES = tuple(
    route_not_emulated(*operation.split(" ", 1)) for names in OPERATIONS.values() for operation in names
)
