"""The control API's operations for tokens without a login, and for the keys that sign them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from mockidp.json import Json
from mockidp.model.tenant import Tenant


class Issuing(Protocol):
    """A mock, as far as these operations go."""

    @property
    def state(self) -> Tenant: ...
    def rotate_keys(self) -> object: ...
    def token(
        self,
        user: str | None = None,
        *,
        client: str | None = None,
        audience: str | None = None,
        scope: str | list[str] | None = None,
        claims: Mapping[str, Json] | None = None,
        expires_in: int | None = None,
        organization: str | None = None,
    ) -> str: ...
    def id_token(
        self,
        user: str,
        *,
        client: str | None = None,
        nonce: str | None = None,
        scope: str | list[str] | None = None,
        claims: Mapping[str, Json] | None = None,
        expires_in: int | None = None,
        organization: str | None = None,
    ) -> str: ...
    def management_token(self, scope: str | list[str] | None = None) -> str: ...


class TokenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`user`: left out, the client's own token. `client`: id or name. `claims`: more of them."""

    user: str | None = None
    client: str | None = None
    audience: str | None = None
    scope: str | list[str] | None = None
    claims: dict[str, Json] = {}
    expires_in: int | None = None
    nonce: str | None = None
    organization: str | None = None


class Tokens(msgspec.Struct, frozen=True):
    """The ID token is there when there is a user and `openid` or a nonce was asked for."""

    access_token: str
    token_type: str
    id_token: str | msgspec.UnsetType = msgspec.UNSET


class ManagementTokenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`scope`: left out, all of them."""

    scope: str | list[str] | None = None


class ManagementToken(msgspec.Struct, frozen=True):
    """A token for the Management API."""

    access_token: str
    token_type: str


class Keys(msgspec.Struct, frozen=True):
    """The `kid` that signs now, and all that the JWKS has."""

    kid: str
    published: list[str]


def issue_tokens(idp: Issuing, given: TokenRequest) -> Tokens:
    """Return an access token, and an ID token where there would be one."""
    access_token = idp.token(
        given.user,
        client=given.client,
        audience=given.audience,
        scope=given.scope,
        claims=given.claims,
        expires_in=given.expires_in,
        organization=given.organization,
    )
    scope = given.scope.split() if isinstance(given.scope, str) else given.scope or []
    if given.user is None or not ("openid" in scope or given.nonce):
        return Tokens(access_token, "Bearer")
    id_token = idp.id_token(
        given.user,
        client=given.client,
        nonce=given.nonce,
        scope=scope if "openid" in scope else None,
        organization=given.organization,
    )
    return Tokens(access_token, "Bearer", id_token)


def rotate_keys(idp: Issuing, given: object) -> Keys:
    """Sign with the next key from now on."""
    idp.rotate_keys()
    keys = idp.state.keys
    return Keys(kid=keys.current().kid, published=[key.kid for key in keys.published()])


def issue_management_token(idp: Issuing, given: ManagementTokenRequest) -> ManagementToken:
    """Return a token for the Management API."""
    return ManagementToken(idp.management_token(given.scope), "Bearer")
