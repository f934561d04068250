"""Creating an account by sign-up: one set of rules for `/dbconnections/signup` and the sign-up page.

Error bodies: reference §6.1. Where a text is not recorded, that is said at its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mockidp.errors import ApiError, DbConnectionError, SentenceError
from mockidp.ids import DIGITS, HEX, derive
from mockidp.json import Json, JsonObject
from mockidp.model.connection import Connection
from mockidp.model.messages import send_verification_email
from mockidp.model.password_policy import check_password_policy
from mockidp.model.tenant import Tenant
from mockidp.model.tickets import Destination
from mockidp.model.user import User, create_user, find_by_login

# Parameters that become root attributes and are answered when sent, with their longest values
# (Management API description; `email`: RFC 5321 §4.5.3.1).
ATTRIBUTES = {
    "email": 254,
    "username": 128,
    "phone_number": 16,
    "given_name": 150,
    "family_name": 150,
    "name": 300,
    "nickname": 300,
    "picture": 2048,
}
MAX_METADATA = 10  # properties of `user_metadata`; their names and values:
MAX_NAME = 100
MAX_VALUE = 500
_EMAIL = re.compile(r"[^\s@<>()\[\],;:\\\"]{1,64}@[^\s@<>()\[\],;:\\\"]+")
_PHONE = re.compile(r"\+[0-9]{1,15}")
_USERNAME = re.compile(r"[\w@^$.!`\-#+'~]+", re.ASCII)


def sign_up(
    tenant: Tenant,
    issuer: str,
    connection: Connection,
    details: JsonObject,
    password: str | None,
    client_id: str | None = None,
    *,
    proven_email: str | None = None,
) -> User:
    """Create an account in a database, mail it the link that verifies its address, and return it.

    `details` are root attributes and `user_metadata`; the link leads back to the client. `proven_email` is an
    address that needs none: an invitation was sent there and followed. Raises `SentenceError` for what is
    missing or malformed or when sign-ups are disabled, `DbConnectionError` for a refused password or an
    account that exists.
    """
    if connection.flag("disable_signup"):
        raise SentenceError("public signup is disabled")  # auth0.js issue 356
    attributes = _attributes(connection, details)
    if not password:
        raise SentenceError("password is required")  # unverified: the text
    check_password_policy(connection, password, attributes)
    # unverified: that no link is sent then; the documentation says that the address is marked as verified
    proven = proven_email is not None and str(attributes["email"]).lower() == proven_email.lower()
    if proven:
        attributes["email_verified"] = True
    try:
        user = create_user(tenant, connection, attributes, password=password)
    except ApiError:
        raise _exists(tenant, connection, attributes) from None
    if not proven:
        send_verification_email(tenant, issuer, user, user.main, Destination(client_id=client_id))
    return user


def is_email(text: str) -> bool:
    """Whether the text can be an e-mail address: local part of at most 64 characters, `@`, domain."""
    return len(text) <= ATTRIBUTES["email"] and _EMAIL.fullmatch(text) is not None


def derived_id(connection: Connection, login: str) -> str:
    """Return the id that an account gets when nothing says another: the same on every run."""
    name = f"user:{connection.name}:{login.lower()}"
    # Google's have 21 digits and never begin with 0; a database's have 24 hexadecimal ones.
    return "1" + derive(name, 20, DIGITS) if connection.is_social else derive(name, 24, HEX)


def _attributes(connection: Connection, details: JsonObject) -> dict[str, Json]:
    attributes: dict[str, Json] = {}
    for name, longest in ATTRIBUTES.items():
        value = details.get(name)
        if value is None or value == "":
            continue
        if not isinstance(value, str) or len(value) > longest:
            # unverified: this text and the ones below
            raise SentenceError(f"{name} must be a string of at most {longest} characters")
        attributes[name] = value.strip()
    _check_email(connection, attributes.get("email"))
    _check_username(connection, attributes)
    phone = attributes.get("phone_number")
    if isinstance(phone, str) and not _PHONE.fullmatch(phone):
        raise SentenceError("phone_number must begin with + and have at most 15 digits")
    metadata = details.get("user_metadata")
    if metadata is not None:
        attributes["user_metadata"] = _metadata(metadata)
    return attributes


def _check_email(connection: Connection, email: Json) -> None:
    if email is None:
        raise SentenceError("email is required")
    if not is_email(str(email)):
        raise SentenceError("email is not valid")


def _check_username(connection: Connection, attributes: dict[str, Json]) -> None:
    username = attributes.get("username")
    if not connection.flag("requires_username"):
        attributes.pop("username", None)  # unverified: what comes of a username where there are none
        return
    if username is None:
        raise SentenceError(
            f"missing username for {connection.name} connection with requires_username enabled"
        )
    shortest, longest = _username_lengths(connection)
    text = str(username)
    if not shortest <= len(text) <= longest or not _USERNAME.fullmatch(text) or is_email(text):
        # The wording is that of the sign-up page (documentation, "Prompt: signup").
        raise SentenceError(
            "Username can only contain alphanumeric characters or: '@^$.!`-#+'~_'. "
            f"Username should have between {shortest} and {longest} characters."
        )


def _username_lengths(connection: Connection) -> tuple[int, int]:
    validation = connection.options.get("validation")
    username = validation.get("username") if isinstance(validation, Mapping) else None
    limits = username if isinstance(username, Mapping) else {}
    shortest, longest = limits.get("min"), limits.get("max")
    return shortest if isinstance(shortest, int) else 1, longest if isinstance(longest, int) else 15


def _metadata(metadata: Json) -> dict[str, Json]:
    """Return checked `user_metadata`: flat, of few and short texts (documentation, "Signup")."""
    if not isinstance(metadata, dict):
        raise SentenceError("user_metadata must be an object")
    if len(metadata) > MAX_METADATA:
        raise SentenceError(f"user_metadata must have at most {MAX_METADATA} properties")
    for name, value in metadata.items():
        if len(name) > MAX_NAME:
            raise SentenceError(f"user_metadata property names must have at most {MAX_NAME} characters")
        if not isinstance(value, str) or len(value) > MAX_VALUE:
            raise SentenceError(
                f"user_metadata property values must be strings of at most {MAX_VALUE} characters"
            )
    return metadata


def _exists(tenant: Tenant, connection: Connection, attributes: JsonObject) -> DbConnectionError:
    """Return the refusal of an account that exists: it does not say so unless the tenant wants it to."""
    if tenant.settings.flags.get("enable_public_signup_user_exists_error") is not True:
        return DbConnectionError("invalid_signup", "Invalid sign up")
    if find_by_login(tenant, connection.name, str(attributes["email"])):
        return DbConnectionError("user_exists", "The user already exists.")
    return DbConnectionError("username_exists", "The username provided is in use already.")
