"""What can go wrong, in the words the tenant uses on the wire.

Endpoints raise; `app.py` alone turns what they raise into a response. Each class is one error body family
of the real service; the texts that more than one endpoint gives are named constructors, so that a message is
written once.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from mockidp.json import Json


class UsageError(Exception):
    """A test author's or operator's mistake: one line that says where, what, and how to fix it."""


class AlreadyThere(UsageError):
    """What shall be created is there."""


class Unreachable(UsageError):
    """No mockidp answers where one was said to be."""


class InternalError(Exception):
    """mockidp itself failed while it answered a request; the message has the traceback."""


class Refusal(Exception):
    """The emulated tenant refuses a request.

    `status` is the HTTP status and `headers` are extra response headers. Subclasses give the body.
    """

    status: int
    headers: Mapping[str, str]

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}

    def body(self) -> Json:
        """Return the JSON body; of a `PlainError`, the text."""
        return str(self)


class OAuthError(Refusal):
    """`{"error", "error_description"}` (RFC 6749 §5.2): `/oauth/*`, `/mfa/*`, redirects of `/authorize`."""

    def __init__(
        self,
        error: str,
        description: str,
        status: int = 400,
        *,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Json] | None = None,
    ) -> None:
        super().__init__(status, f"{error}: {description}", headers)
        self.error = error
        self.description = description
        self.extra = dict(extra or {})

    def body(self) -> Json:
        return {"error": self.error, "error_description": self.description, **self.extra}


class TooManyAttempts(OAuthError):
    """Brute-force protection keeps a login name out (documentation, "auth0.js", errors)."""

    def __init__(self) -> None:
        super().__init__(
            "too_many_attempts",
            "Your account has been blocked after multiple consecutive login attempts. We've sent you a "
            "notification via your preferred contact method with instructions on how to unblock it.",
            429,
        )


class PageError(Refusal):
    """A browser endpoint's HTML error page, shown where redirecting would be unsafe."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(status, f"{error}: {description}")
        self.error = error
        self.description = description

    def body(self) -> Json:
        return {"error": self.error, "error_description": self.description}


class ApiError(Refusal):
    """A Management API error: `{"statusCode", "error", "message", "errorCode"}` in this key order."""

    def __init__(
        self,
        status: int,
        message: str,
        error_code: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        attributes: Mapping[str, Json] | None = None,
    ) -> None:
        super().__init__(status, message, headers)
        self.message = message
        self.error_code = error_code
        self.attributes = attributes

    def body(self) -> Json:
        body: dict[str, Json] = {
            "statusCode": self.status,
            "error": HTTPStatus(self.status).phrase,
            "message": self.message,
        }
        if self.attributes is not None:
            body["attributes"] = dict(self.attributes)
        if self.error_code is not None:
            body["errorCode"] = self.error_code
        return body


class DbConnectionError(Refusal):
    """A database connection's error: `{"name", "code", "description", "statusCode"}`.

    A password's also has `message`, and `policy` when it is too weak.
    """

    def __init__(
        self,
        code: str,
        description: Json,
        *,
        name: str = "BadRequestError",
        message: str | None = None,
        policy: str | None = None,
    ) -> None:
        super().__init__(400, f"{code}: {description}")
        self.name = name
        self.code = code
        self.description = description
        self.message = message
        self.policy = policy

    def body(self) -> Json:
        body: dict[str, Json] = {
            "name": self.name,
            "message": self.message,
            "code": self.code,
            "description": self.description,
            "policy": self.policy,
            "statusCode": self.status,
        }
        return {member: value for member, value in body.items() if value is not None}


class SentenceError(Refusal):
    """`{"error": "<sentence>"}`, with which `/dbconnections/*` answers missing parameters."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(status, sentence)

    def body(self) -> Json:
        return {"error": str(self)}


class PlainError(Refusal):
    """A refusal whose body is plain text, such as `Unauthorized` of `/userinfo`."""


# -- OAuth ---------------------------------------------------------------------------------------------


def missing_parameter(name: str) -> OAuthError:
    """A required parameter is absent (recorded wording of the token endpoint)."""
    return OAuthError("invalid_request", f"Missing required parameter: {name}")


def repeated_parameter(name: str) -> OAuthError:
    """A parameter came more than once (RFC 6749 §3.1). unverified: the wording."""
    return OAuthError("invalid_request", f"Parameter '{name}' must not be repeated")


def wrong_type(name: str) -> OAuthError:
    """A JSON body holds something else than a string. unverified: the wording."""
    return OAuthError("invalid_request", f"Parameter '{name}' must be a string")


def client_unauthorized() -> OAuthError:
    """Unknown client, or wrong or missing client credentials (reported from real tenants)."""
    return OAuthError("access_denied", "Unauthorized", 401)


def grant_not_allowed(grant_type: str, status: int = 403) -> OAuthError:
    """The client's `grant_types` lack this one."""
    return OAuthError("unauthorized_client", f"Grant type '{grant_type}' not allowed for the client.", status)


def invalid_authorization_code() -> OAuthError:
    """Unknown, expired or used code, or one of another client."""
    return OAuthError("invalid_grant", "Invalid authorization code", 403)


def invalid_refresh_token() -> OAuthError:
    """Unknown, revoked, expired or reused refresh token; SDKs match this text with its final dot."""
    return OAuthError("invalid_grant", "Unknown or invalid refresh token.", 403)


def wrong_password() -> OAuthError:
    """Wrong e-mail or wrong password: the same text for both (recorded)."""
    return OAuthError("invalid_grant", "Wrong email or password.", 403)


def user_blocked(status: int = 403) -> OAuthError:
    """The user is blocked; SDKs match this text."""
    return OAuthError("unauthorized", "user is blocked", status)


def service_not_found(audience: str) -> OAuthError:
    """`/authorize` or a user grant names an audience that no resource server has."""
    return OAuthError("access_denied", f"Service not found: {audience}", 403)


LOST_TRANSACTION = (
    "You may have pressed the back button, refreshed during login, opened too many login dialogs, "
    "or there is some issue with cookies, since we couldn't find your session. Try logging in again "
    "from the application and if the problem persists please contact the administrator."
)


def lost_transaction() -> PageError:
    """The login transaction is unknown, finished, expired, or another browser's."""
    return PageError("invalid_request", LOST_TRANSACTION)


# -- Management API ------------------------------------------------------------------------------------


def inexistent_user() -> ApiError:
    """No user has this id (recorded)."""
    return ApiError(404, "The user does not exist.", "inexistent_user")


def user_exists() -> ApiError:
    """The e-mail or username is taken in this connection (recorded by many)."""
    return ApiError(409, "The user already exists.", "auth0_idp_error")


def inexistent_connection() -> ApiError:
    """`POST /users` names an unknown connection; this text ends in a period (recorded)."""
    return ApiError(400, "The connection does not exist.", "inexistent_connection")


def not_found() -> ApiError:
    """No such route."""
    return ApiError(404, "Not Found")


def not_emulated(method: str, path: str) -> ApiError:
    """A real operation that mockidp does not have: never a made-up answer."""
    return ApiError(
        501, f"{method} {path} is a real operation that mockidp does not emulate yet", "not_emulated"
    )


def link_same_identity() -> ApiError:
    """The secondary is the primary itself. The errorCode is unverified."""
    return ApiError(400, "Main identity and the new one are the same.", "invalid_body")


def link_conflict() -> ApiError:
    """The identity is part of a linked account already. The errorCode is unverified."""
    return ApiError(409, "Specified identity already exists.", "identity_conflict")


def link_inexistent() -> ApiError:
    """The secondary account does not exist. The errorCode is unverified."""
    return ApiError(400, "Linking to an inexistent identity is not allowed.", "invalid_body")


def link_not_configured() -> ApiError:
    """No connection of the tenant belongs to this provider. The errorCode is unverified."""
    return ApiError(400, "The provider/connection is not configured.", "invalid_body")


def unlink_main_identity() -> ApiError:
    """The first identity is the account itself. The errorCode is unverified."""
    return ApiError(400, "Main identity cannot be removed.", "invalid_body")
