"""What an authorization is given as: codes, refresh tokens, consents, tickets."""

from __future__ import annotations

import msgspec

from mockidp.model.client import Client
from mockidp.model.tenant import Tenant
from mockidp.store import Kind

CODE_LIFETIME = 600  # seconds (reference §7.2)


class Authorization(msgspec.Struct, frozen=True, kw_only=True):
    """Who lets which client do what at which API: ready to be signed.

    `user_id` is None for a client by itself; `audience` None for the userinfo endpoint only; `id` names the
    authorization, so that all that came from one code can be revoked.
    """

    id: str
    client_id: str
    user_id: str | None = None
    scope: tuple[str, ...] = ()
    audience: str | None = None
    session_id: str | None = None
    auth_time: int | None = None
    nonce: str | None = None
    org_id: str | None = None
    mfa: bool = False
    gty: str | None = None


class AuthorizationCode(msgspec.Struct, frozen=True, kw_only=True):
    """An authorization code; `expires_at` is epoch seconds."""

    code: str
    authorization: Authorization
    expires_at: int
    redirect_uri: str
    redirect_uri_sent: bool = True
    code_challenge: str | None = None
    code_challenge_method: str | None = None


class RefreshToken(msgspec.Struct, frozen=True, kw_only=True):
    """A refresh token; times are epoch seconds, None for never.

    `family` is shared by all that came from one another by rotation. `used_at` is when a rotating token was
    exchanged; it is kept to notice its reuse.
    """

    token: str
    family: str
    authorization: Authorization
    created_at: int
    expires_at: int | None
    idle_expires_at: int | None
    rotating: bool = False
    used_at: int | None = None
    successors: int = 0
    predecessor: str | None = None


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """A user's consent to a client at an audience (`/api/v2/grants`)."""

    id: str
    user_id: str
    client_id: str
    audience: str
    scope: tuple[str, ...]


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A one-shot URL's secret: what it is for (`verify_email`, `change_password`) and whom."""

    id: str
    kind: str
    user_id: str
    connection: str
    expires_at: int
    result_url: str | None = None
    new_password: str | None = None


CODES: Kind[AuthorizationCode] = Kind("authorization_code", AuthorizationCode)
USED_CODES: Kind[str] = Kind("used_code", str)
REFRESH_TOKENS: Kind[RefreshToken] = Kind(
    "refresh_token",
    RefreshToken,
    {
        "family": lambda token: (token.family,),
        "authorization": lambda token: (token.authorization.id,),
        "user": lambda token: (token.authorization.user_id or "",),
    },
)
REVOKED: Kind[bool] = Kind("revoked_authorization", bool)
CONSENTS: Kind[Consent] = Kind("consent", Consent, {"user": lambda consent: (consent.user_id,)})
TICKETS: Kind[Ticket] = Kind("ticket", Ticket)
LOGIN_TICKET_LIFETIME = 432000  # seconds: 5 days (management-api §3.8)


def issue_code(
    tenant: Tenant,
    authorization: Authorization,
    redirect_uri: str,
    *,
    redirect_uri_sent: bool,
    code_challenge: str | None,
    code_challenge_method: str | None,
) -> str:
    """Keep an authorization under a new code and return that."""
    code = tenant.ids.code()
    kept = AuthorizationCode(
        code=code,
        authorization=authorization,
        expires_at=tenant.now() + CODE_LIFETIME,
        redirect_uri=redirect_uri,
        redirect_uri_sent=redirect_uri_sent,
        code_challenge=code_challenge,
        code_challenge_method=code_challenge_method,
    )
    tenant.store.put(CODES, code, kept)
    return code


def take_code(tenant: Tenant, code: str) -> AuthorizationCode | None:
    """Consume a code: of several callers exactly one gets it.

    A second use of a code revokes what the first one gave (RFC 6749 §4.1.2).
    """
    with tenant.store.transaction():
        taken = tenant.store.take(CODES, code)
        if taken is not None:
            tenant.store.put(USED_CODES, code, taken.authorization.id)
            return taken if tenant.now() < taken.expires_at else None
        used = tenant.store.find(USED_CODES, code)
        if used:
            revoke_authorization(tenant, used)
        return None


def revoke_authorization(tenant: Tenant, authorization_id: str) -> None:
    """Revoke an authorization's refresh tokens and mark its access tokens as revoked."""
    tenant.store.put(REVOKED, authorization_id, True)
    for token in tenant.store.all(REFRESH_TOKENS, {"authorization": authorization_id}):
        tenant.store.take(REFRESH_TOKENS, token.token)


def is_revoked(tenant: Tenant, authorization_id: str) -> bool:
    """Whether the authorization was revoked."""
    return tenant.store.find(REVOKED, authorization_id) is not None


def issue_refresh_token(
    tenant: Tenant, client: Client, authorization: Authorization, predecessor: RefreshToken | None = None
) -> RefreshToken:
    """Keep an authorization under a new refresh token; rotation keeps the family and its end."""
    policy = client.refresh_token
    now = tenant.now()
    expires_at = idle = None
    if policy.expires or policy.rotates:
        expires_at = None if policy.infinite_token_lifetime else now + policy.token_lifetime
        idle = None if policy.infinite_idle_token_lifetime else now + policy.idle_token_lifetime
    token = RefreshToken(
        token=tenant.ids.refresh_token(),
        family=predecessor.family if predecessor else tenant.ids.handle("family"),
        authorization=authorization,
        created_at=now,
        # Rotation does not extend the absolute lifetime.
        expires_at=predecessor.expires_at if predecessor and predecessor.rotating else expires_at,
        idle_expires_at=idle,
        rotating=policy.rotates,
        predecessor=predecessor.token if predecessor else None,
    )
    tenant.store.put(REFRESH_TOKENS, token.token, token)
    return token


def revoke_family(tenant: Tenant, family: str) -> None:
    """Revoke every refresh token that came from the same one."""
    for token in tenant.store.all(REFRESH_TOKENS, {"family": family}):
        tenant.store.take(REFRESH_TOKENS, token.token)


def find_consent(tenant: Tenant, user_id: str, client_id: str, audience: str) -> Consent | None:
    """Return the user's consent to the client at an audience (`""` for none)."""
    return tenant.store.find(CONSENTS, _consent_id(user_id, client_id, audience))


def give_consent(
    tenant: Tenant, user_id: str, client_id: str, audience: str, scope: tuple[str, ...]
) -> Consent:
    """Keep the user's consent, added to what he consented to before."""
    id = _consent_id(user_id, client_id, audience)

    def add(before: Consent | None) -> Consent:
        merged = tuple(dict.fromkeys((*(before.scope if before else ()), *scope)))
        return Consent(id=id, user_id=user_id, client_id=client_id, audience=audience, scope=merged)

    return tenant.store.update(CONSENTS, id, add)


def issue_ticket(
    tenant: Tenant,
    kind: str,
    user_id: str,
    connection: str,
    *,
    lifetime: int = LOGIN_TICKET_LIFETIME,
    result_url: str | None = None,
    new_password: str | None = None,
) -> Ticket:
    """Keep a one-shot ticket; `lifetime` is in seconds."""
    ticket = Ticket(
        id=tenant.ids.handle("ticket"),
        kind=kind,
        user_id=user_id,
        connection=connection,
        expires_at=tenant.now() + lifetime,
        result_url=result_url,
        new_password=new_password,
    )
    tenant.store.put(TICKETS, ticket.id, ticket)
    return ticket


def find_ticket(tenant: Tenant, id: str, kind: str) -> Ticket | None:
    """Return the ticket unless it is unknown, used, of another kind, or expired."""
    ticket = tenant.store.find(TICKETS, id)
    return ticket if ticket and ticket.kind == kind and tenant.now() < ticket.expires_at else None


def _consent_id(user_id: str, client_id: str, audience: str) -> str:
    return f"{user_id}\n{client_id}\n{audience}"
