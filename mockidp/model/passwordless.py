"""Passwordless logins: a code that was sent to an address proves that the address is the user's.

Documentation, "Passwordless Connections Best Practices": only the newest code of an address is good, once,
for three minutes; after three wrong ones another has to be asked for. The first login makes the account.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from mockidp.json import Json
from mockidp.model.client import Client
from mockidp.model.connection import Connection
from mockidp.model.messages import tenant_name
from mockidp.model.outbox import Message, send
from mockidp.model.pruning import prune
from mockidp.model.signup import derived_id, is_email
from mockidp.model.tenant import Tenant
from mockidp.model.user import (
    Identity,
    User,
    create_user,
    find_by_identity,
    find_by_login,
    mark_verified,
)
from mockidp.store import Kind

GRANT_TYPE = "http://auth0.com/oauth/grant-type/passwordless/otp"
LIFETIME = 180  # seconds; `options.totp.time_step`
LENGTH = 6  # digits; `options.totp.length`
MOST_FAILURES = 3
PHONE = re.compile(r"\+[0-9]{1,15}")
# What a template may say of a message, in Liquid or, as older ones do, as a macro.
_VARIABLE = re.compile(r"\{\{-?\s*([A-Za-z_][\w.]*)\s*-?\}\}|@@([A-Za-z_][\w.]*)@@")


class OneTimeCode(msgspec.Struct, frozen=True, kw_only=True):
    """The code that is good for an address of a connection; `failures` counts the wrong ones given for it."""

    connection: str
    address: str
    code: str
    expires_at: int
    failures: int = 0

    @property
    def key(self) -> str:
        """Under which it is kept: an address has one code, whatever client asked for it."""
        return _key(self.connection, self.address)


Reason = Literal["wrong", "expired", "attempts"]


class WrongCode(Exception):
    """A code that is not good (any more); its text is what the tenant says, and SDKs compare."""

    def __init__(self, connection: Connection, reason: Reason) -> None:
        what = "phone number" if connection.strategy == "sms" else "email"
        texts = {
            "wrong": f"Wrong {what} or verification code.",
            "expired": "The verification code has expired. Please try to login again.",
            "attempts": "You've reached the maximum number of attempts. Please try to login again.",
        }
        super().__init__(texts[reason])


# unverified: that a code is not bound to the client that asked for it
CODES: Kind[OneTimeCode] = Kind("one_time_code", OneTimeCode)


def address_member(connection: Connection) -> Literal["email", "phone_number"]:
    """Return the attribute of users, and the parameter of requests, that is the connection's address."""
    return "phone_number" if connection.strategy == "sms" else "email"


def address_of(connection: Connection, text: str) -> str | None:
    """Return the address that a text is, in the form in which users have it; None when it is none."""
    text = text.strip()
    if connection.strategy == "sms":
        return text if PHONE.fullmatch(text) else None
    return text.lower() if is_email(text) else None


def send_code(
    tenant: Tenant,
    connection: Connection,
    address: str,
    client: Client,
    *,
    link: Callable[[str], str] | None = None,
    language: str | None = None,
) -> Message | None:
    """Send a new code to an address, and return the message; the codes before it are worth nothing now.

    `link` makes the URL that logs in of the code, for a message with a link. None: a blocked user is sent
    nothing.
    """
    found = account_of(tenant, connection, address)
    if found and found[0].blocked:
        return None
    totp = connection.options.get("totp")
    settings = totp if isinstance(totp, Mapping) else {}
    code = OneTimeCode(
        connection=connection.name,
        address=address,
        code=tenant.one_time_code("passwordless", _number(settings, "length", LENGTH)),
        expires_at=tenant.now() + _number(settings, "time_step", LIFETIME),
    )
    tenant.store.put(CODES, code.key, code)
    now = tenant.now()
    prune(tenant, "passwordless", CODES, lambda kept: kept.key, lambda kept: now >= kept.expires_at)
    url = link(code.code) if link else None
    values: dict[str, str] = {
        "code": code.code,
        "password": code.code,
        "link": url or "",
        "send": "link" if url else "code",
        "application.name": client.name,
        "client.name": client.name,
        "tenant": tenant_name(tenant),
        "friendly_name": tenant_name(tenant),
        "request_language": language or "",
        address_member(connection): address,
        f"user.{address_member(connection)}": address,
    }
    subject, body = _texts(connection, values)
    kind = f"passwordless_{connection.strategy}"
    user_id = found[0].user_id if found else None
    return send(tenant, kind, address, subject, body, code=code.code, url=url, user_id=user_id)


def check_code(tenant: Tenant, connection: Connection, address: str, code: str) -> None:
    """Raise `WrongCode` unless this is the code that is good for an address; it stays good."""
    with tenant.store.transaction():
        reason = _refusal(tenant, _key(connection.name, address), code)
    if reason:
        raise WrongCode(connection, reason)


def redeem_code(tenant: Tenant, connection: Connection, address: str, code: str) -> tuple[User, Identity]:
    """Use a code up and return whose address it proves: the account that has it, else a new one.

    Of several callers exactly one gets in. Raises `WrongCode`.
    """
    key = _key(connection.name, address)
    with tenant.store.transaction():
        reason = _refusal(tenant, key, code)
        if reason is None:
            tenant.store.take(CODES, key)
            return _proved(tenant, connection, address)
    raise WrongCode(connection, reason)


def account_of(tenant: Tenant, connection: Connection, address: str) -> tuple[User, Identity] | None:
    """Return the account and the identity that an address logs in with, or None."""
    found = find_by_login(tenant, connection.name, address)
    if found:
        return found
    # A linked identity may have come without its attributes; its id tells.
    key = f"{connection.strategy}|{derived_id(connection, address)}"
    user = find_by_identity(tenant, key)
    identity = user.identity(key) if user else None
    return (user, identity) if user and identity and identity.connection == connection.name else None


def may_log_in(tenant: Tenant, connection: Connection, address: str) -> bool:
    """Whether the address has an account, or may have one."""
    return not connection.flag("disable_signup") or account_of(tenant, connection, address) is not None


def _refusal(tenant: Tenant, key: str, code: str) -> Reason | None:
    """Return what is wrong with a code, and count a wrong one."""
    kept = tenant.store.find(CODES, key)
    if kept is None:
        return "wrong"
    if kept.failures >= MOST_FAILURES:
        return "attempts"
    if tenant.now() >= kept.expires_at:
        return "expired"
    if hmac.compare_digest(kept.code.encode(), code.strip().encode()):
        return None
    tenant.store.put(CODES, key, msgspec.structs.replace(kept, failures=kept.failures + 1))
    return "wrong"


def _proved(tenant: Tenant, connection: Connection, address: str) -> tuple[User, Identity]:
    """Return the account of an address, made if there is none, and note that the address is the user's."""
    member = "phone_verified" if connection.strategy == "sms" else "email_verified"
    found = account_of(tenant, connection, address)
    if found is None:
        attributes: dict[str, Json] = {address_member(connection): address, member: True}
        user = create_user(tenant, connection, attributes, bare_id=derived_id(connection, address))
        return user, user.main
    user, identity = found
    if user.profile_of(identity).get(member) is not True:
        user = mark_verified(tenant, user, identity, member)
    # Marked, a linked identity is another value.
    return user, next(i for i in user.identities if i.key == identity.key)


def _key(connection: str, address: str) -> str:
    return f"{connection}\n{address}"


def _number(settings: Mapping[str, Json], name: str, default: int) -> int:
    value = settings.get(name)
    return value if isinstance(value, int) and value > 0 else default


def _texts(connection: Connection, values: Mapping[str, str]) -> tuple[str, str]:
    """Return subject and body: those of the connection, where they are plain enough."""
    options = connection.options
    if connection.strategy == "sms":
        body = _filled(options.get("template"), values)
        return "", body or f"Your verification code is: {values['code']}"
    given = options.get("email")
    email = given if isinstance(given, Mapping) else {}
    subject = _filled(email.get("subject"), values) or f"Welcome to {values['application.name']}"
    body = _filled(email.get("body"), values)
    if body is None and values["link"]:
        body = f"Follow this link to log in to {values['application.name']}:\n\n{values['link']}\n"
    return subject, body or f"Your verification code is:\n\n{values['code']}\n"


def _filled(template: Json, values: Mapping[str, str]) -> str | None:
    """Return a template with its variables filled; None for one with Liquid's tags, which are a language.

    A variable that is not known is empty, as in Liquid; a macro stays as it is.
    """
    if not isinstance(template, str) or not template or "{%" in template:
        return None
    return _VARIABLE.sub(
        lambda match: values.get(match[1], "") if match[1] else values.get(match[2], match[0]), template
    )
