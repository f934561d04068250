"""What the real endpoint answers with a status or an error: its own body family, text and default status.

The statuses are those of reference §1.3 and §4.2 and of the Management API's §4.2–4.7; where a rule gives
neither text nor body, these are it.
"""

from __future__ import annotations

from http import HTTPStatus

from mockidp import errors
from mockidp.errors import ApiError, DbConnectionError, OAuthError, PageError, PlainError, Refusal
from mockidp.harness.exchange import Exchange
from mockidp.model.passwordless import GRANT_TYPE as PASSWORDLESS
from mockidp.rules.rule import Then

LIMIT = "Global limit has been reached"
# error → status and text of the OAuth family
_OAUTH: dict[str, tuple[int, str]] = {
    "invalid_request": (400, "Missing required parameter: grant_type"),
    "invalid_scope": (400, "Scope must be an array or a string"),
    "unsupported_grant_type": (400, "Unsupported grant type"),
    "invalid_client": (401, "Missing client_id"),
    "invalid_token": (401, "The access token expired"),
    "password_leaked": (
        401,
        "This login has been blocked because your password has been leaked in another website. "
        "We've sent you an email with instructions on how to unblock it.",
    ),
    "access_denied": (403, "Unauthorized"),
    "unauthorized": (403, "user is blocked"),
    "unauthorized_client": (403, "Grant type not allowed for the client."),
    "invalid_grant": (403, "Invalid authorization code"),
    "insufficient_scope": (403, "The access token has not the scope that is needed"),  # unverified: the text
    "mfa_required": (403, "Multifactor authentication required"),
    "authorization_pending": (403, "User has yet to authorize device code."),
    "expired_token": (403, "The code is expired or was not found"),  # unverified: the text
    "endpoint_disabled": (404, "Endpoint disabled"),  # unverified: the text
    "method_not_allowed": (405, "Method Not Allowed"),  # unverified: the text
    "slow_down": (429, "You are polling faster than the specified interval of 5 seconds."),
    "too_many_attempts": (429, errors.TooManyAttempts().description),
    "too_many_requests": (429, LIMIT),
    "server_error": (500, "Internal Server Error"),  # unverified: the text
    "temporarily_unavailable": (503, "Service Unavailable"),  # unverified: the text
}
_OAUTH_BY_STATUS = {
    400: "invalid_request",
    401: "access_denied",
    403: "access_denied",
    404: "endpoint_disabled",
    405: "method_not_allowed",
    429: "too_many_requests",
    500: "server_error",
    503: "temporarily_unavailable",
}


def _wrong_code() -> OAuthError:
    return OAuthError("invalid_grant", "Wrong email or verification code.", 403)


_REDEEM = {  # what a grant that is not good is told
    "authorization_code": errors.invalid_authorization_code,
    "refresh_token": errors.invalid_refresh_token,
    "password": errors.wrong_password,
    "http://auth0.com/oauth/grant-type/password-realm": errors.wrong_password,
    PASSWORDLESS: _wrong_code,
}
# errorCode → status and message of the Management API
_API: dict[str, tuple[int, str]] = {
    "invalid_body": (400, "Payload validation error"),
    "invalid_uri": (400, "Path validation error"),
    "invalid_query_string": (400, "Query validation error"),
    "operation_not_supported": (400, "Operation not supported"),
    "inexistent_connection": (400, "The connection does not exist."),
    "insufficient_scope": (403, "Insufficient scope"),
    "unowned_resource": (403, "User to be acted on does not match subject in bearer token."),
    "inexistent_user": (404, "The user does not exist."),
    "auth0_idp_error": (409, "The user already exists."),
    "identity_conflict": (409, "Specified identity already exists."),
    "too_many_requests": (429, LIMIT),
}
_DATABASE = {"invalid_signup": "Invalid sign up", "user_exists": "The user already exists."}
_PAGES = ("authorize", "login", "u", "logout", "v2", "oidc", "samlp")
_PLAIN = ("userinfo",)


def refusal_of(asked: Exchange, then: Then, scopes: tuple[str, ...] = ()) -> Refusal:
    """Return how the endpoint refuses with the rule's `error` or `status`; `scopes` are its route's."""
    family = asked.segments[0]
    if asked.path.startswith("/api/v2/"):
        refusal = _api_error(asked, then, scopes)
    elif family in _PLAIN:
        refusal = _userinfo_error(then)
    elif family == "dbconnections":
        refusal = _database_error(asked, then)
    elif family in _PAGES:
        error, status, text = _page_words(then)
        refusal = PageError(error, text, status)
    else:
        refusal = _oauth_error(asked, then)
    if then.status is not None:
        refusal.status = then.status
    return refusal


def text_of(error: str) -> str:
    """Return what is said of an OAuth error, where the rule does not say it."""
    return _OAUTH.get(error, (400, error))[1]


def _oauth_error(asked: Exchange, then: Then) -> Refusal:
    grant = asked.form.get("grant_type", "")
    error = then.error
    if error is None:
        status = then.status or 500
        if status == 401:
            return errors.client_unauthorized()
        is_grant = status == 403 and asked.path == "/oauth/token" and grant in _REDEEM
        error = "invalid_grant" if is_grant else _oauth_by_status(status)
    if error == "invalid_grant" and grant in _REDEEM and then.description is None:
        return _REDEEM[grant]()
    status, text = _OAUTH.get(error, (400, error))
    if error == "access_denied" and then.status is None and then.description is None:
        status = 401  # what a client with a wrong secret is told
    return OAuthError(error, text if then.description is None else then.description, status)


def _oauth_by_status(status: int) -> str:
    return _OAUTH_BY_STATUS.get(status) or ("server_error" if status >= 500 else "invalid_request")


def _page_words(then: Then) -> tuple[str, int, str]:
    error = then.error or _oauth_by_status(then.status or 400)
    status, text = _OAUTH.get(error, (400, error))
    # A page that an error leads to is a 400, unless the service itself is in trouble.
    return error, status if status >= 429 else 400, text if then.description is None else then.description


def _userinfo_error(then: Then) -> Refusal:
    error, status = then.error, then.status
    if status not in (None, 400, 401, 403) and error is None:
        error = _oauth_by_status(status or 500)
    if error in _OAUTH and _OAUTH[error][0] >= 429:
        own, text = _OAUTH[error]
        return OAuthError(error, then.description or text, own)
    if error is None:
        error = {400: "invalid_request", 403: "insufficient_scope"}.get(status or 401, "invalid_token")
    own, text = _OAUTH.get(error, (401, error))
    text = then.description or text
    challenge = f'Bearer realm="Users", error="{error}", error_description="{text}"'
    own = status or own
    return PlainError(own, HTTPStatus(own).phrase, {"WWW-Authenticate": challenge})


def _database_error(asked: Exchange, then: Then) -> Refusal:
    status = then.status or 400
    if then.error in _OAUTH or (then.error is None and status != 400):
        return _oauth_error(asked, then)
    code = then.error or ("invalid_signup" if asked.path.endswith("/signup") else "invalid_request")
    return DbConnectionError(
        code, _DATABASE.get(code, code) if then.description is None else then.description
    )


def _api_error(asked: Exchange, then: Then, scopes: tuple[str, ...]) -> Refusal:
    code = then.error
    if code is None:
        return _api_by_status(asked, then.status or 500, scopes)
    status, text = _API.get(code, (400, code))
    if code == "insufficient_scope" and scopes:
        text = f"{text}, expected any of: {','.join(scopes)}"
    if then.status is not None:
        status = then.status
    return ApiError(status, text if then.description is None else then.description, code)


def _api_by_status(asked: Exchange, status: int, scopes: tuple[str, ...]) -> Refusal:
    if status == 401:
        text = "Invalid token"
        header = {"WWW-Authenticate": "Bearer"}
        return ApiError(401, text, attributes={"error": text}, headers=header)
    kind = asked.segments[2] if len(asked.segments) > 2 else ""
    code = {400: "invalid_body", 403: "insufficient_scope", 429: "too_many_requests"}.get(status)
    if kind == "users" and status in (404, 409):
        code = "inexistent_user" if status == 404 else "auth0_idp_error"
        if status == 409 and asked.segments[-1] == "identities":
            code = "identity_conflict"
    if code is None:
        return ApiError(status, HTTPStatus(status).phrase)
    text = _API[code][1]
    if code == "insufficient_scope" and scopes:
        text = f"{text}, expected any of: {','.join(scopes)}"
    return ApiError(status, text, code)
