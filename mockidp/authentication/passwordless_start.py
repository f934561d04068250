"""`POST /passwordless/start`: send a code or a link that logs in (reference §6.4).

Documentation, "Get code or link"; the refusals are its table "Errors > POST /passwordless/start".
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode

from werkzeug.wrappers import Request

from mockidp.errors import OAuthError
from mockidp.http.client_auth import authenticate_client
from mockidp.http.params import body_params, json_object
from mockidp.http.routing import Call, Route
from mockidp.json import Json, JsonObject
from mockidp.model.client import Client
from mockidp.model.connection import Connection, find_connection
from mockidp.model.passwordless import account_of, address_member, address_of, may_log_in, send_code
from mockidp.model.signup import derived_id
from mockidp.model.tenant import Tenant

# What SDKs send: auth0.js also a solved captcha, apps of their own which kind of link.
PROPERTIES = frozenset(
    {"client_id", "client_secret", "client_assertion", "client_assertion_type", "connection", "email"}
    | {"phone_number", "send", "authParams", "captcha"}
)
SENDS = ("link", "code", "link_ios", "link_android")
_MEMBER = re.compile(r"authParams\[([^\]]+)\]")  # of a form; unverified: that a form can carry them
_TYPES: dict[type, str] = {str: "string", bool: "boolean", int: "number", float: "number", list: "array"}


def start(call: Call) -> Json:
    """Send a code, or a mail with a link, to an address; a blocked user is sent nothing (documented)."""
    body = _body(call.request)
    client = _client(call, body)
    connection = _connection(call.tenant, client, body)
    address = _address(connection, body)
    send = body.get("send", "link")
    if send not in SENDS:
        raise _bad("request", f"send must be one of {', '.join(SENDS)}")  # unverified: error and text
    params = _auth_params(connection, body)
    if not may_log_in(call.tenant, connection, address):
        raise _bad("connection", "Public signup is disabled")  # unverified: the text
    headers = call.request.headers
    language = headers.get("X-Request-Language") or headers.get("Accept-Language")

    def link(code: str) -> str:
        return verify_url(call.issuer, client, connection, address, code, params)

    by_link = send != "code" and connection.strategy == "email"  # an SMS has a code, whatever is asked for
    send_code(call.tenant, connection, address, client, link=link if by_link else None, language=language)
    return _answer(call.tenant, connection, address, language)


def verify_url(
    issuer: str, client: Client, connection: Connection, address: str, code: str, params: JsonObject
) -> str:
    """Return the URL that logs in: an authorization request, and the code as its proof.

    `params` are the request's parameters. unverified: that it is one for a code when they do not say.
    """
    query = {
        "response_type": "code",
        **{name: value for name, value in params.items() if isinstance(value, str)},
        "client_id": client.client_id,
        "connection": connection.name,
        address_member(connection): address,
        "verification_code": code,
    }
    return f"{issuer}passwordless/verify_redirect?{urlencode(query, quote_via=quote)}"


def _body(request: Request) -> dict[str, Json]:
    """Return what was sent, JSON or a form, without what is null."""
    data = request.get_data(cache=True, parse_form_data=False)
    body: dict[str, Json]
    if request.mimetype == "application/json" or data[:1] == b"{":
        body = {name: value for name, value in json_object(request).items() if value is not None}
    else:
        body = {**body_params(request)}
        members = [(match[1], name) for name in body if (match := _MEMBER.fullmatch(name))]
        if members:
            body["authParams"] = {member: body.pop(name) for member, name in members}
    unknown = [name for name in body if name not in PROPERTIES]
    if unknown:
        raise _bad("request", f"the following properties are not allowed: {', '.join(unknown)}")
    return body


def _client(call: Call, body: JsonObject) -> Client:
    """Return the client; one with credentials has to prove that it is (documented)."""
    if "client_id" not in body and "Authorization" not in call.request.headers:
        raise _bad("client_id", "Missing required property: client_id")
    return authenticate_client(call, {name: text for name, text in body.items() if isinstance(text, str)})


def _connection(tenant: Tenant, client: Client, body: JsonObject) -> Connection:
    name = body.get("connection")
    if not isinstance(name, str) or not name:
        raise _bad("connection", "Missing required property: connection")
    connection = find_connection(tenant, name)
    if connection is None:
        raise _bad("connection", "Connection does not exist")
    if not connection.enabled_for(client):
        raise _bad("connection", "Connection is disabled")
    if not connection.is_passwordless:
        raise _bad("connection", "Invalid connection strategy. It must either be a passwordless connection")
    return connection


def _address(connection: Connection, body: JsonObject) -> str:
    member = address_member(connection)
    given = body.get(member)
    if not isinstance(given, str) or not given:
        raise _bad(member, f"Missing required property: {member}")
    address = address_of(connection, given)
    if address is not None:
        return address
    if member == "phone_number":
        raise _bad(member, r"String does not match pattern: ^\+[0-9]{1,15}$")
    raise _bad(member, "Object didn't pass validation for format email")  # unverified: the text


def _auth_params(connection: Connection, body: JsonObject) -> dict[str, Json]:
    """Return the parameters for the link: the connection's own, and over them those that were sent."""
    given = body.get("authParams", {})
    if not isinstance(given, dict):
        kind = _TYPES[type(given)]
        raise _bad("authParams", f"error in authParams - invalid type: {kind} (expected object)")
    own = connection.options.get("authParams")
    return {**(own if isinstance(own, dict) else {}), **given}


def _answer(tenant: Tenant, connection: Connection, address: str, language: str | None) -> dict[str, Json]:
    """Return the recorded answer; `_id` is the part of the eventual user id behind the strategy."""
    found = account_of(tenant, connection, address)
    profile = found[0].profile_of(found[1]) if found else {}
    answer: dict[str, Json] = {"_id": found[1].user_id if found else derived_id(connection, address)}
    if connection.strategy == "email":
        return answer | {"email": address, "email_verified": profile.get("email_verified") is True}
    verified = profile.get("phone_verified") is True
    return answer | {"phone_number": address, "request_language": language, "phone_verified": verified}


def _bad(what: str, description: str) -> OAuthError:
    return OAuthError(f"bad.{what}", description)


ROUTES = (Route("POST", "/passwordless/start", start, cors="any"),)
