"""`POST /co/authenticate`: cross-origin authentication, how auth0.js and Lock log in from a client's page.

It gives a login ticket; the page goes on to `/authorize?login_ticket=…`. The answers: reference §6.6. What a
real tenant does about browsers without third-party cookies (`co_verifier`, its own cookies) is not emulated.
"""

from __future__ import annotations

from mockidp.errors import OAuthError, PlainError
from mockidp.http.params import Params, body_params
from mockidp.http.routing import Call, Route
from mockidp.json import Json
from mockidp.model.brute_force import check_credentials
from mockidp.model.client import CLIENTS, Client
from mockidp.model.connection import Connection, find_connection
from mockidp.model.login_ticket import issue_login_ticket
from mockidp.model.passwordless import GRANT_TYPE as OTP
from mockidp.model.passwordless import WrongCode, address_of, redeem_code
from mockidp.model.tenant import Tenant
from mockidp.model.user import Identity, User

DEFAULT = "password"
REALM = "http://auth0.com/oauth/grant-type/password-realm"
MEMBERS = {
    DEFAULT: ("client_id", "credential_type", "username", "password"),
    REALM: ("client_id", "credential_type", "username", "password", "realm"),
    OTP: ("client_id", "credential_type", "username", "otp", "realm"),
}


def authenticate(call: Call) -> Json:
    """Check a password, or a code that was sent, for a page of the client; give a ticket for `/authorize`."""
    body = body_params(call.request)
    client = _client(call, body)
    connection = _connection(call.tenant, client, body)
    by_code = body.get("credential_type") == OTP
    user, identity = _by_code(call, connection, body) if by_code else _by_password(call, connection, body)
    if user.blocked:
        raise OAuthError("blocked_user", "Blocked user", 403)
    return {
        "login_ticket": issue_login_ticket(call.tenant, client, identity).id,
        "co_verifier": call.tenant.ids.handle("co_verifier"),
        "co_id": call.tenant.ids.draw("co_id", 12),
    }


def _by_password(call: Call, connection: Connection, body: Params) -> tuple[User, Identity]:
    username, password = body["username"], body["password"]
    found = check_credentials(call.tenant, call.issuer, connection, username, password, call.ip)
    if found is None:
        raise OAuthError("access_denied", "Wrong email or password.", 403)
    return found


def _by_code(call: Call, connection: Connection, body: Params) -> tuple[User, Identity]:
    address = address_of(connection, body["username"]) or body["username"]
    try:
        return redeem_code(call.tenant, connection, address, body["otp"])
    except WrongCode as wrong:
        raise OAuthError("access_denied", str(wrong), 403) from None


def _client(call: Call, body: Params) -> Client:
    """Return the client, if the page is one of its own and the body is what it has to be."""
    if not body.get("client_id"):
        raise _invalid_body(body)
    client = call.tenant.store.find(CLIENTS, body["client_id"])
    if client is None:
        # unverified: how an unknown client is refused
        raise OAuthError("unauthorized_client", f"Unknown client: {body['client_id']}", 401)
    origin = call.request.headers.get("Origin")
    if origin is not None and origin != call.origin.rstrip("/") and not client.allows_web_origin(origin):
        raise PlainError(403, f"Origin {origin} is not allowed.")
    if body.get("credential_type", DEFAULT) not in MEMBERS:
        raise OAuthError("unsupported_credential_type", "Unknown credential type parameter.")
    if {name for name, value in body.items() if value} != set(MEMBERS[body.get("credential_type", DEFAULT)]):
        raise _invalid_body(body)
    if client.document.get("cross_origin_authentication") is not True:
        raise OAuthError("unauthorized_client", "Cross origin login not allowed.", 401)
    return client


def _invalid_body(body: Params) -> OAuthError:
    names = ", ".join(MEMBERS.get(body.get("credential_type", ""), MEMBERS[REALM]))
    return OAuthError("invalid_request", f"Invalid request body. All and only of {names} are required.")


def _connection(tenant: Tenant, client: Client, body: Params) -> Connection:
    """Return the connection that `realm` names, or the tenant's default directory."""
    realm = body.get("realm") or tenant.settings.default_directory
    if realm is None:
        # unverified: the text is the password grant's
        raise OAuthError("server_error", "Authorization server not configured with default connection.", 500)
    connection = find_connection(tenant, realm)
    if connection is None or not connection.enabled_for(client) or not _takes(connection, body):
        raise OAuthError("invalid_request", f"Unknown realm {realm}.")
    return connection


def _takes(connection: Connection, body: Params) -> bool:
    """Whether the connection takes this type of credentials."""
    by_code = body.get("credential_type") == OTP
    return connection.is_passwordless if by_code else connection.is_database


ROUTES = (Route("POST", "/co/authenticate", authenticate, cors="client"),)
