"""`/usernamepassword/login`: the password login of the classic page and of Lock 9 and 10 (reference §6.7).

The answer is a form; the page posts it to `/login/callback`, where the authorization request goes on. What is
in it, the browser may change: `wresult` is signed, and the request in `wctx` is checked anew.
"""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup
from werkzeug.wrappers import Request, Response

from mockidp import json
from mockidp.errors import OAuthError, Refusal, TooManyAttempts
from mockidp.http.params import json_object
from mockidp.http.routing import Call, Route
from mockidp.http.scripts import callback_of, jsonp
from mockidp.json import Json
from mockidp.model.brute_force import check_credentials
from mockidp.model.client import CLIENTS, Client
from mockidp.model.connection import Connection, find_connection
from mockidp.model.login_ticket import LoginTicket, issue_login_ticket
from mockidp.model.tenant import split_host
from mockidp.model.user import User
from mockidp.tokens.issuer import sign_claims
from mockidp.tokens.verifier import WRESULT_ISSUER

# What `wctx` carries to `/login/callback`, in the order of a real one; the rest of the body has no effect.
CARRIED = (
    *("client_id", "response_type", "response_mode", "scope", "protocol", "redirect_uri", "state", "nonce"),
    *("audience", "realm", "access_token", "sso", "owp", "code_challenge", "code_challenge_method"),
    *("organization", "invitation", "acr_values", "max_age", "prompt", "device", "auth0Client"),
)
FORM = Markup(
    """<form method="post" name="hiddenform" action="{action}">
    <input type="hidden" name="wa" value="wsignin1.0">
    <input type="hidden" name="wresult" value="{wresult}">
    <input type="hidden" name="wctx" value="{wctx}">
    <noscript>
        <p>
            Script is disabled. Click Submit to continue.
        </p>
        <input type="submit" value="Submit">
    </noscript>
</form>"""
)


class LoginRefused(Refusal):
    """`{"name", "code", "description", "statusCode"}`; a wrong password is 401, and 400 inside (reported)."""

    def __init__(self, status: int, code: str, description: str, name: str = "ValidationError") -> None:
        super().__init__(status, f"{code}: {description}")
        self.code, self.description, self.name = code, description, name

    def body(self) -> dict[str, Json]:
        inside = 400 if self.status == 401 else self.status
        return {"name": self.name, "code": self.code, "description": self.description, "statusCode": inside}


def login(call: Call) -> Response:
    """Check a password and answer with the form that goes on."""
    return Response(_form(call, _texts_of(call.request)), content_type="text/html; charset=utf-8")


def login_by_script(call: Call) -> Response:
    """The same for auth0.js 6 and 7 in browsers without CORS: `{status, form}` or `{status, error}`."""
    callback = callback_of(call)
    if callback is None:
        raise OAuthError("invalid_request", "Missing required parameter: callback")  # unverified: the refusal
    try:
        return jsonp(callback, {"form": _form(call, call.request.args.to_dict())})
    except LoginRefused as refused:
        return jsonp(callback, {"error": refused.body()}, refused.status)


def check_login(call: Call, body: Mapping[str, str]) -> tuple[LoginTicket, User]:
    """Check a login (`client_id`, `connection`, `username`, `password`); return its ticket, and the user."""
    client = call.tenant.store.find(CLIENTS, body.get("client_id", ""))
    if client is None:
        # unverified: how an unknown client is refused
        raise LoginRefused(400, "invalid_client", f"Unknown client: {body.get('client_id', '')}")
    connection = _connection(call, client, body.get("connection"))
    username = body.get("username") or body.get("email", "")
    password = body.get("password", "")
    try:
        found = check_credentials(call.tenant, call.issuer, connection, username, password, call.ip)
    except TooManyAttempts as error:
        # unverified: the name
        raise LoginRefused(error.status, error.error, error.description, "AnomalyDetected") from None
    if found is None:
        raise LoginRefused(401, "invalid_user_password", "Wrong email or password.")
    user, identity = found
    if user.blocked:
        raise LoginRefused(401, "unauthorized", "user is blocked", name="UnauthorizedError")
    return issue_login_ticket(call.tenant, client, identity), user


def _connection(call: Call, client: Client, name: str | None) -> Connection:
    name = name or call.tenant.settings.default_directory
    connection = find_connection(call.tenant, name) if name else None
    if connection is None or not connection.is_database or not connection.enabled_for(client):
        # unverified: the text
        raise LoginRefused(400, "invalid_connection", f"the connection was not found: {name or ''}")
    return connection


def _form(call: Call, body: Mapping[str, str]) -> str:
    ticket, user = check_login(call, body)
    context = {name: body[name] for name in CARRIED if name in body}
    tenant = split_host(call.request.host)[0].partition(".")[0]
    wctx = {
        "strategy": "auth0",
        "tenant": tenant,
        "connection": ticket.connection,
        "sid": ticket.id,
        "protocol": "oauth2",
        **context,
    }
    wresult = _wresult(call, ticket, user, tenant)
    action = f"{call.origin}login/callback"
    return str(FORM.format(action=action, wresult=wresult, wctx=json.encode(wctx).decode()))


def _wresult(call: Call, ticket: LoginTicket, user: User, tenant: str) -> str:
    """Return the proof of the login, as decoded from a real one; `sid` is the login ticket."""
    identity = user.identity(ticket.identity)
    assert identity is not None  # he logged in with it
    claims: dict[str, Json] = {"user_id": identity.user_id, "email": user.email}
    claims |= {"email_verified": user.email_verified, "sid": ticket.id, "iat": call.tenant.now()}
    claims |= {"exp": ticket.expires_at, "aud": f"urn:auth0:{tenant}:{ticket.connection}"}
    return sign_claims(call.tenant, {**claims, "iss": WRESULT_ISSUER}, call.tenant.keys.alg)


def _texts_of(request: Request) -> dict[str, str]:
    """Return the texts of a JSON body or form; objects, such as Lock's `popupOptions`, are none of ours."""
    data = request.get_data(cache=True, parse_form_data=False)
    if request.mimetype != "application/json" and data[:1] != b"{":
        return request.form.to_dict()
    given = {name: value for name, value in json_object(request).items() if value is not None}
    return {
        name: value if isinstance(value, str) else json.encode(value).decode()
        for name, value in given.items()
        if isinstance(value, str | bool | int | float)
    }


ROUTES = (
    Route("POST", "/usernamepassword/login", login, cors="client"),
    Route("GET", "/usernamepassword/login", login_by_script),
)
