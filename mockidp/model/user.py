"""Users and their identities: profiles, passwords, and what hangs on an account."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import quote

import msgspec

from mockidp.clock import iso
from mockidp.errors import inexistent_user, user_exists
from mockidp.json import Json, JsonObject
from mockidp.model.connection import Connection
from mockidp.model.credentials import CONSENTS, orphan_refresh_tokens
from mockidp.model.document import Document
from mockidp.model.failed_logins import forget_failed_logins
from mockidp.model.organization import MEMBERSHIPS
from mockidp.model.role import USER_PERMISSIONS, USER_ROLES
from mockidp.model.session import SESSIONS
from mockidp.model.tenant import Tenant
from mockidp.store import Kind

# Root attributes that belong to an identity, and so travel in `profileData` when it is linked.
PROFILE = (
    "email",
    "email_verified",
    "name",
    "given_name",
    "family_name",
    "nickname",
    "picture",
    "username",
    "phone_number",
    "phone_verified",
)
# Root attributes that belong to the account and never travel.
ACCOUNT = frozenset(
    {"user_id", "identities", "created_at", "updated_at", "user_metadata", "app_metadata", "blocked"}
    | {"last_login", "last_ip", "logins_count", "last_password_reset", "multifactor", "blocked_for"}
    | {"multifactor_last_modified"}
)
_LAST = ("user_id", "user_metadata", "username", "app_metadata")  # recorded key order: the rest is sorted


class Identity(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of `identities`, with the member names of the wire."""

    connection: str
    user_id: str | int
    provider: str
    isSocial: bool
    profileData: dict[str, Json] | None = None
    access_token: str | None = None
    access_token_secret: str | None = None
    refresh_token: str | None = None
    expires_in: int | None = None

    @property
    def key(self) -> str:
        """`provider|user_id`: what the account of this identity alone is called."""
        return f"{self.provider}|{self.user_id}"


class User(Document, frozen=True, kw_only=True):
    """A user as the Management API has it.

    `profile` holds the attributes that were explicitly given to the main identity (not computed ones such as
    the default picture): what becomes its `profileData`.
    """

    beside: ClassVar[tuple[str, ...]] = ("profile",)
    user_id: str
    identities: tuple[Identity, ...]
    profile: dict[str, Json] = {}
    email: str | None = None
    email_verified: bool = False
    username: str | None = None
    phone_number: str | None = None
    name: str | None = None
    blocked: bool = False

    @property
    def main(self) -> Identity:
        """The first identity: the account's own."""
        return self.identities[0]

    def identity(self, key: str) -> Identity | None:
        """Return the identity called `provider|user_id`, or None."""
        return next((identity for identity in self.identities if identity.key == key), None)

    def profile_of(self, identity: Identity) -> dict[str, Json]:
        """Return the attributes of one of the user's identities."""
        return self.profile if identity == self.main else identity.profileData or {}


def login_names(user: User, identity: Identity) -> set[str]:
    """Return the index texts under which one identity is found: connection and e-mail, username or phone."""
    profile = user.profile_of(identity)
    names = (profile.get(member) for member in ("email", "username", "phone_number"))
    return {_login_text(identity.connection, name) for name in names if isinstance(name, str)}


def _login_text(connection: str, name: str) -> str:
    return f"{connection}\n{name.strip().lower()}"


USERS: Kind[User] = Kind(
    "user",
    User,
    {
        "email": lambda user: (user.email.casefold(),) if user.email else (),
        "identity": lambda user: [identity.key for identity in user.identities],
        "login": lambda user: {name for i in user.identities for name in login_names(user, i)},
    },
)
PASSWORDS: Kind[str] = Kind("password", str)


def find_user(tenant: Tenant, user_id: str) -> User | None:
    """Return the account with this `user_id`."""
    return tenant.store.find(USERS, user_id)


def get_user(tenant: Tenant, user_id: str) -> User:
    """Return the account with this `user_id`; raise 404 `inexistent_user`."""
    user = find_user(tenant, user_id)
    if user is None:
        raise inexistent_user()
    return user


def find_by_email(tenant: Tenant, email: str) -> list[User]:
    """Return the accounts with this root e-mail: as it is written, or else in any case."""
    found = tenant.store.all(USERS, {"email": email.casefold()})
    return [user for user in found if user.email == email] or found


def find_by_identity(tenant: Tenant, key: str) -> User | None:
    """Return the account that has the identity `provider|user_id`, as its own or a linked one."""
    return next(iter(tenant.store.all(USERS, {"identity": key})), None)


def find_by_login(tenant: Tenant, connection: str, name: str) -> tuple[User, Identity] | None:
    """Return the account and identity that log in to a connection with this e-mail, username or phone."""
    wanted = _login_text(connection, name)
    for user in tenant.store.all(USERS, {"login": wanted}):
        for identity in user.identities:
            if wanted in login_names(user, identity):
                return user, identity
    return None


def create_user(
    tenant: Tenant,
    connection: Connection,
    attributes: JsonObject,
    *,
    bare_id: str | None = None,
    password: str | None = None,
) -> User:
    """Create an account in a connection and return it; raise 409 when it exists.

    `attributes` are root members of the user object; the tenant adds what it computes (name, nickname,
    picture, dates, identities). `bare_id` is the provider's own id; left out, it is drawn.
    """
    now = iso(tenant.clock.now())
    attributes = {key: value for key, value in attributes.items() if value is not None}
    for member in ("email", "username"):
        if isinstance(text := attributes.get(member), str) and not connection.is_upstream:
            attributes[member] = text.lower()
    bare = connection.identity_id(bare_id or tenant.ids.user())
    identity = Identity(
        connection=connection.name,
        user_id=bare,
        provider=connection.strategy,
        isSocial=connection.is_social,
    )
    if "email" in attributes:
        attributes.setdefault("email_verified", False)
    profile = {key: value for key, value in attributes.items() if key not in ACCOUNT}
    document: dict[str, Json] = {
        "created_at": now,
        "updated_at": now,
        **computed_attributes(attributes),
        **attributes,
        "user_id": identity.key,
        "identities": [msgspec.to_builtins(identity)],
    }
    user = msgspec.structs.replace(User.of(_ordered(document)), profile=profile)
    with tenant.store.transaction():
        if find_by_identity(tenant, identity.key) or _taken(tenant, user):
            raise user_exists()
        put_user(tenant, user)
        if password is not None:
            set_password(tenant, identity, password)
    return user


def put_user(tenant: Tenant, user: User) -> None:
    """Keep the user under its id."""
    tenant.store.put(USERS, user.user_id, user)


def rewrite(user: User, members: Mapping[str, Json], profile: JsonObject | None = None) -> User:
    """Return a copy with root members replaced (`None` removes one) and, if given, another profile."""
    merged = {key: value for key, value in {**user.document, **members}.items() if value is not None}
    rewritten = user.rewritten(_ordered(merged))
    return rewritten if profile is None else msgspec.structs.replace(rewritten, profile=dict(profile))


def with_identities(tenant: Tenant, user: User, identities: tuple[Identity, ...]) -> User:
    """Return a copy with other identities, updated now."""
    listed: list[Json] = [msgspec.to_builtins(identity) for identity in identities]
    return rewrite(user, {"identities": listed, "updated_at": iso(tenant.clock.now())})


def mark_verified(tenant: Tenant, user: User, identity: Identity, member: str = "email_verified") -> User:
    """Note that an address of one of the account's identities is the user's own; return the account.

    `member` says which address: `email_verified` or `phone_verified`.
    """
    verified: dict[str, Json] = {member: True}
    profile = {**user.profile_of(identity), **verified}
    if identity == user.main:
        changed = rewrite(user, {**verified, "updated_at": iso(tenant.clock.now())}, profile)
    else:
        linked = msgspec.structs.replace(identity, profileData=profile)
        changed = with_identities(
            tenant, user, tuple(linked if i == identity else i for i in user.identities)
        )
    put_user(tenant, changed)
    return changed


def set_password(tenant: Tenant, identity: Identity, password: str) -> None:
    """Set the password of one database identity; its blocks end (documentation, "Brute-force protection")."""
    tenant.store.put(PASSWORDS, identity.key, password)
    forget_failed_logins(tenant, "identity", identity.key)


def check_password(tenant: Tenant, connection: str, name: str, password: str) -> tuple[User, Identity] | None:
    """Return the account and identity when name and password are right, else None."""
    found = find_by_login(tenant, connection, name)
    known = tenant.store.find(PASSWORDS, found[1].key) if found else None
    if found is None or known is None:
        return None
    return found if hmac.compare_digest(known.encode(), password.encode()) else None


def record_login(tenant: Tenant, user_id: str, ip: str) -> User:
    """Count a login and return the account as it is then."""

    def count(user: User | None) -> User:
        if user is None:
            raise inexistent_user()
        before = user.document.get("logins_count")
        logins = (before if isinstance(before, int) else 0) + 1
        login: dict[str, Json] = {
            "last_login": iso(tenant.clock.now()),
            "last_ip": ip,
            "logins_count": logins,
        }
        return rewrite(user, {**login, "updated_at": iso(tenant.clock.now())})

    return tenant.store.update(USERS, user_id, count)


def delete_user(tenant: Tenant, user_id: str) -> None:
    """Delete the account with its linked identities and all that hangs on it; nothing when there is none."""
    with tenant.store.transaction():
        user = tenant.store.take(USERS, user_id)
        if user is None:
            return
        for identity in user.identities:
            tenant.store.take(PASSWORDS, identity.key)
            forget_failed_logins(tenant, "identity", identity.key)
        drop_dependents(tenant, user_id)


def drop_dependents(tenant: Tenant, user_id: str) -> None:
    """End the sessions, refresh tokens, consents, memberships, roles and permissions of an account."""
    store = tenant.store
    for session in store.all(SESSIONS, {"user": user_id}):
        store.take(SESSIONS, session.id)
    orphan_refresh_tokens(tenant, user_id)
    for consent in store.all(CONSENTS, {"user": user_id}):
        store.take(CONSENTS, consent.id)
    for member in store.all(MEMBERSHIPS, {"user": user_id}):
        store.take(MEMBERSHIPS, f"{member.org_id}/{user_id}")
    store.take(USER_ROLES, user_id)
    store.take(USER_PERMISSIONS, user_id)


def picture_url(email: str, name: str) -> str:
    """Return the default picture: Gravatar with a fallback of the first two letters (recorded form)."""
    digest = hashlib.md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest()
    letters = "".join(c for c in name.lower() if c.isalnum())[:2] or "au"
    fallback = quote(f"https://cdn.auth0.com/avatars/{letters}.png", safe="")
    return f"https://s.gravatar.com/avatar/{digest}?s=480&r=pg&d={fallback}"


def computed_attributes(attributes: JsonObject) -> dict[str, Json]:
    """Return the normalised profile's defaults (reference §8.3)."""
    contact = next((str(attributes[k]) for k in ("email", "username", "phone_number") if k in attributes), "")
    name = str(attributes.get("name") or contact)
    nickname = str(attributes.get("nickname") or (contact or name).split("@")[0])
    return {"name": name, "nickname": nickname, "picture": picture_url(contact or name, nickname or name)}


def _ordered(document: JsonObject) -> dict[str, Json]:
    first = sorted(key for key in document if key not in _LAST)
    return {key: document[key] for key in (*first, *_LAST) if key in document}


def _taken(tenant: Tenant, user: User) -> bool:
    """Whether another identity of the same connection logs in with one of the user's names."""
    if user.main.provider not in ("auth0", "email", "sms"):
        return False  # upstream identities are told apart by their provider's id alone
    return any(tenant.store.all(USERS, {"login": name}) for name in login_names(user, user.main))
