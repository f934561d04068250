"""`POST /dbconnections/signup` and `/dbconnections/change_password` (reference §6.1, §6.2).

Both are public: no client authenticates, and any page may call them.
"""

from __future__ import annotations

from werkzeug.wrappers import Request, Response

from mockidp.errors import OAuthError, SentenceError
from mockidp.http.params import body_params, json_object
from mockidp.http.routing import Call, Route
from mockidp.json import Json, JsonObject
from mockidp.model.client import CLIENTS
from mockidp.model.connection import Connection, find_connection
from mockidp.model.messages import request_password_reset
from mockidp.model.password_policy import check_password_policy
from mockidp.model.signup import ATTRIBUTES, sign_up
from mockidp.model.tenant import Tenant
from mockidp.model.tickets import Destination
from mockidp.model.user import User

SENT = "We've just sent you an email to reset your password."  # recorded


def signup(call: Call) -> Json:
    """Create a database user and answer what was created; no session begins."""
    body = _body(call.request)
    connection = _connection_of(call.tenant, body)
    user = sign_up(
        call.tenant, call.issuer, connection, body, _text(body, "password"), _text(body, "client_id")
    )
    return _created(user, body)


def change_password(call: Call) -> Response:
    """Mail the link for a new password; an unknown address gets the same answer and no mail (recorded)."""
    body = _body(call.request)
    email = _text(body, "email")
    if not email:
        raise SentenceError("email is required")  # unverified: the text
    connection = _connection_of(call.tenant, body)
    password = _text(body, "password")
    if password is not None:
        check_password_policy(connection, password, {"email": email})
    destination = Destination(client_id=_text(body, "client_id"))
    request_password_reset(call.tenant, call.issuer, connection, email, destination, new_password=password)
    return Response(SENT, content_type="text/html; charset=utf-8")


def _body(request: Request) -> JsonObject:
    """Return the members of a JSON body, or a form's parameters."""
    data = request.get_data(cache=True, parse_form_data=False)
    if request.mimetype == "application/json" or data[:1] == b"{":
        return json_object(request)
    return dict[str, Json](body_params(request))


def _text(body: JsonObject, name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise SentenceError(f"{name} must be a string")  # unverified: the text
    return value or None


def _connection_of(tenant: Tenant, body: JsonObject) -> Connection:
    """Return the database that the body names, if its client may use it; without a client, any may."""
    name = _text(body, "connection")
    if name is None:
        raise SentenceError("connection parameter is mandatory")  # unverified: the text
    connection = find_connection(tenant, name)
    if connection is None or not connection.is_database:
        raise SentenceError("connection not found", 404)  # Auth0.Android issue 303; unverified: the status
    client_id = _text(body, "client_id")
    if client_id is not None:
        client = tenant.store.find(CLIENTS, client_id)
        # unverified: both refusals, in this place
        if client is None:
            raise OAuthError("unauthorized_client", f"Unknown client: {client_id}", 403)
        if not connection.enabled_for(client):
            raise OAuthError("invalid_request", "the connection was disabled")
    return connection


def _created(user: User, body: JsonObject) -> dict[str, Json]:
    """Return the recorded answer: `_id`, `email_verified`, `email`, and what else was sent."""
    shown: dict[str, Json] = {"_id": user.main.user_id, "email_verified": False, "email": user.email}
    sent = [name for name in (*ATTRIBUTES, "user_metadata") if body.get(name) not in (None, "")]
    return {**shown, **{name: user.document[name] for name in sent if name in user.document}}


ROUTES = (
    Route("POST", "/dbconnections/signup", signup, cors="any"),
    Route("POST", "/dbconnections/change_password", change_password, cors="any"),
)
