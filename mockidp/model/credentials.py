"""What an authorization is given as: codes, refresh tokens, consents."""

from __future__ import annotations

import msgspec

from mockidp.errors import invalid_refresh_token
from mockidp.model.client import Client
from mockidp.model.pruning import prune
from mockidp.model.tenant import Tenant
from mockidp.store import Kind

CODE_LIFETIME = 600  # seconds (reference §7.2)
LONGEST_TOKEN = 2592000  # seconds that an access token may live (reference §7.2)


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
    exchanged; it is kept to notice its reuse. `orphaned` is set when its user was deleted.
    """

    token: str
    family: str
    authorization: Authorization
    created_at: int
    expires_at: int | None
    idle_expires_at: int | None
    rotating: bool = False
    used_at: int | None = None
    predecessor: str | None = None
    orphaned: bool = False

    def is_over(self, now: int) -> bool:
        """Whether one of its lifetimes ended."""
        return any(end is not None and now >= end for end in (self.expires_at, self.idle_expires_at))


class UsedCode(msgspec.Struct, frozen=True):
    """A code that was redeemed, and what for; remembered until `forget_at` (epoch seconds)."""

    code: str
    authorization_id: str
    forget_at: int


class Revoked(msgspec.Struct, frozen=True):
    """A revoked authorization; remembered until its last access token expired."""

    authorization_id: str
    forget_at: int


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """A user's consent to a client at an audience (`/api/v2/grants`)."""

    id: str
    user_id: str
    client_id: str
    audience: str
    scope: tuple[str, ...]


CODES: Kind[AuthorizationCode] = Kind("authorization_code", AuthorizationCode)
USED_CODES: Kind[UsedCode] = Kind("used_code", UsedCode)
REFRESH_TOKENS: Kind[RefreshToken] = Kind(
    "refresh_token",
    RefreshToken,
    {
        "family": lambda token: (token.family,),
        "authorization": lambda token: (token.authorization.id,),
        "user": lambda token: () if token.orphaned else (token.authorization.user_id or "",),
    },
)
REVOKED: Kind[Revoked] = Kind("revoked_authorization", Revoked)
CONSENTS: Kind[Consent] = Kind("consent", Consent, {"user": lambda consent: (consent.user_id,)})


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
    now = tenant.now()
    prune(tenant, "code", CODES, lambda kept: kept.code, lambda kept: now >= kept.expires_at)
    prune(tenant, "code", USED_CODES, lambda used: used.code, lambda used: now >= used.forget_at)
    # However many there are, none may come back.
    prune(
        tenant, "code", REVOKED, lambda gone: gone.authorization_id, lambda gone: now >= gone.forget_at, None
    )
    return code


def take_code(tenant: Tenant, code: str) -> AuthorizationCode | None:
    """Consume a code: of several callers exactly one gets it.

    A second use of a code revokes what the first one gave (RFC 6749 §4.1.2).
    """
    with tenant.store.transaction():
        taken = tenant.store.take(CODES, code)
        now = tenant.now()
        if taken is not None:
            used = UsedCode(code, taken.authorization.id, now + LONGEST_TOKEN)
            tenant.store.put(USED_CODES, code, used)
            return taken if now < taken.expires_at else None
        again = tenant.store.find(USED_CODES, code)
        if again:
            revoke_authorization(tenant, again.authorization_id)
        return None


def revoke_authorization(tenant: Tenant, authorization_id: str) -> None:
    """Revoke an authorization's refresh tokens and mark its access tokens as revoked."""
    revoked = Revoked(authorization_id, tenant.now() + LONGEST_TOKEN)
    with tenant.store.transaction():
        tenant.store.put(REVOKED, authorization_id, revoked)
        for token in tenant.store.all(REFRESH_TOKENS, {"authorization": authorization_id}):
            tenant.store.take(REFRESH_TOKENS, token.token)


def is_revoked(tenant: Tenant, authorization_id: str) -> bool:
    """Whether the authorization was revoked."""
    return tenant.store.find(REVOKED, authorization_id) is not None


def issue_refresh_token(
    tenant: Tenant, client: Client, authorization: Authorization, predecessor: RefreshToken | None = None
) -> RefreshToken:
    """Keep an authorization under a new refresh token; rotation keeps the family and its end.

    Raise `invalid_grant` when the predecessor was revoked meanwhile, by a second use of it.
    """
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
    with tenant.store.transaction():
        if predecessor and tenant.store.find(REFRESH_TOKENS, predecessor.token) is None:
            raise invalid_refresh_token()
        # Who used the code a second time meanwhile revoked this token before it was there.
        if not is_revoked(tenant, authorization.id):
            tenant.store.put(REFRESH_TOKENS, token.token, token)
        if predecessor and token.rotating and not predecessor.rotating:
            _drop_non_rotating(tenant, predecessor)
    # However many there are, a client may still hold each of them.
    prune(
        tenant, "refresh_token", REFRESH_TOKENS, lambda kept: kept.token, lambda kept: kept.is_over(now), None
    )
    return token


def revoke_family(tenant: Tenant, family: str) -> None:
    """Revoke every refresh token that came from the same one."""
    with tenant.store.transaction():
        for token in tenant.store.all(REFRESH_TOKENS, {"family": family}):
            tenant.store.take(REFRESH_TOKENS, token.token)


def orphan_refresh_tokens(tenant: Tenant, user_id: str) -> None:
    """Note in a user's refresh tokens that he was deleted: they are told so from then on.

    They stay so when an account of the same id comes back (by unlinking).
    """
    for token in tenant.store.all(REFRESH_TOKENS, {"user": user_id}):
        tenant.store.put(REFRESH_TOKENS, token.token, msgspec.structs.replace(token, orphaned=True))


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


def _drop_non_rotating(tenant: Tenant, first: RefreshToken) -> None:
    """Delete the other tokens from before the client's rotation was switched on (reference §4.6)."""
    own = first.authorization
    for token in tenant.store.all(REFRESH_TOKENS, {"user": own.user_id or ""}):
        other = token.authorization
        same = (other.client_id, other.audience) == (own.client_id, own.audience)
        if same and not token.rotating and token.token != first.token:
            tenant.store.take(REFRESH_TOKENS, token.token)


def _consent_id(user_id: str, client_id: str, audience: str) -> str:
    return f"{user_id}\n{client_id}\n{audience}"
