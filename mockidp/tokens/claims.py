"""What tokens say: the claims of ID and access tokens as the tenant makes them."""

from __future__ import annotations

import base64
import hashlib

from mockidp.json import Json
from mockidp.model.client import Client
from mockidp.model.credentials import Authorization
from mockidp.model.organization import find_organization
from mockidp.model.resource_server import ResourceServer
from mockidp.model.role import permissions_of
from mockidp.model.session import MFA_ACR
from mockidp.model.tenant import Tenant
from mockidp.model.user import User

# scope → root attributes that it shows, in the recorded order (reference §7.1, §8.4)
SCOPE_CLAIMS = {
    "profile": (
        *("nickname", "name", "given_name", "family_name", "middle_name", "preferred_username", "profile"),
        *("picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"),
    ),
    "email": ("email", "email_verified"),
    "phone": ("phone_number", "phone_number_verified"),
    "address": ("address",),
}


def profile_claims(user: User, scope: tuple[str, ...]) -> dict[str, Json]:
    """Return the profile claims that the scopes show; absent attributes are omitted."""
    document = dict(user.document)
    if "phone_verified" in document:
        document["phone_number_verified"] = document["phone_verified"]
    names = (claim for group, claims in SCOPE_CLAIMS.items() if group in scope for claim in claims)
    return {name: document[name] for name in names if name in document}


def id_token_claims(
    tenant: Tenant, issuer: str, client: Client, user: User, authorization: Authorization
) -> dict[str, Json]:
    """Return an ID token's claims (OpenID Connect Core §2; order as recorded)."""
    now = tenant.now()
    claims: dict[str, Json] = profile_claims(user, authorization.scope)
    claims |= {
        "iss": issuer,
        "sub": user.user_id,
        "aud": client.client_id,
        "iat": now,
        "exp": now + client.jwt_configuration.lifetime_in_seconds,
    }
    optional: dict[str, Json] = {
        "sid": authorization.session_id,
        "nonce": authorization.nonce,
        "auth_time": authorization.auth_time,
        **organization_claims(tenant, authorization),
    }
    claims |= {name: value for name, value in optional.items() if value is not None}
    if authorization.mfa:
        claims |= {"acr": MFA_ACR, "amr": ["mfa"]}
    return claims


def access_token_claims(
    tenant: Tenant,
    issuer: str,
    authorization: Authorization,
    audience: str,
    server: ResourceServer | None,
    lifetime: int,
) -> dict[str, Json]:
    """Return an access token's claims in the API's dialect (reference §7.2; order as recorded).

    `lifetime` is in seconds.
    """
    now = tenant.now()
    dialect = server.token_dialect if server else "access_token"
    rfc9068 = dialect.startswith("rfc9068")
    claims: dict[str, Json] = {
        "iss": issuer,
        "sub": authorization.user_id or f"{authorization.client_id}@clients",
        "aud": _audience(issuer, authorization, audience, server),
        "iat": now,
        "exp": now + lifetime,
    }
    if rfc9068:
        claims |= {"jti": tenant.ids.draw("jti", 22), "client_id": authorization.client_id}
    else:
        claims["azp"] = authorization.client_id
    if authorization.scope:
        claims["scope"] = " ".join(authorization.scope)
    if authorization.gty and not rfc9068:
        claims["gty"] = authorization.gty
    claims |= organization_claims(tenant, authorization)
    if server and server.enforce_policies and dialect.endswith("_authz"):
        claims["permissions"] = list(_permissions(tenant, authorization, server))
    return claims


def organization_claims(tenant: Tenant, authorization: Authorization) -> dict[str, Json]:
    """Return `org_id`, and `org_name` where the tenant lets clients use names."""
    if authorization.org_id is None:
        return {}
    claims: dict[str, Json] = {"org_id": authorization.org_id}
    organization = find_organization(tenant, authorization.org_id)
    if organization and tenant.settings.allow_organization_name_in_authentication_api:
        claims["org_name"] = organization.name.lower()
    return claims


def half_hash(value: str) -> str:
    """Return `at_hash` or `c_hash`: the left half of SHA-256, base64url (OpenID Connect Core §3.3.2.11)."""
    digest = hashlib.sha256(value.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()


def _audience(
    issuer: str, authorization: Authorization, audience: str, server: ResourceServer | None
) -> Json:
    """With `openid`, a token that an RS256 API gets is good for `/userinfo` too."""
    symmetric = server is not None and server.signing_alg == "HS256"
    if server is None or symmetric or "openid" not in authorization.scope:
        return audience
    return [audience, issuer + "userinfo"]


def _permissions(tenant: Tenant, authorization: Authorization, server: ResourceServer) -> tuple[str, ...]:
    if authorization.user_id is None:
        return authorization.scope
    return permissions_of(tenant, authorization.user_id, server.identifier, authorization.org_id)
