"""/api/v2/tickets: links that verify an address or change a password, for the caller to send.

Source: https://auth0.com/docs/api/management/v2/tickets/post-password-change and recorded answers; the texts
of refusals are the API description's labels. unverified: their errorCode `invalid_body`.
"""

from __future__ import annotations

from werkzeug.wrappers import Response

from mockidp.errors import ApiError, inexistent_user
from mockidp.http.responses import json_response
from mockidp.http.routing import Call, Route
from mockidp.json import Json, text_member
from mockidp.management.operations import find_operation
from mockidp.management.users import request_body
from mockidp.model.client import CLIENTS
from mockidp.model.connection import CONNECTIONS, find_connection
from mockidp.model.organization import ORGANIZATIONS, find_membership
from mockidp.model.tenant import Tenant
from mockidp.model.tickets import (
    CHANGE_PASSWORD,
    LIFETIME,
    VERIFY_EMAIL,
    Destination,
    issue_ticket,
    ticket_url,
)
from mockidp.model.user import Identity, User, find_by_login, get_user

VERIFY_PATH = "/api/v2/tickets/email-verification"
PASSWORD_PATH = "/api/v2/tickets/password-change"
UNSUPPORTED = "The user's main connection does not support this operation."
NO_ADDRESS = "The user does not have an email address."


def verify_email(call: Call) -> Response:
    """Make a link that verifies the address of a user's identity; nothing is mailed."""
    body = request_body(call, find_operation("POST", VERIFY_PATH))
    _check_result_url(body, "client_id", "organization_id")
    user = get_user(call.tenant, str(body["user_id"]))
    identity = named_identity(call.tenant, user, body) or main_database_identity(
        call.tenant, user, UNSUPPORTED
    )
    return _answer(call, VERIFY_EMAIL, user, identity, body)


def change_password(call: Call) -> Response:
    """Make a link by which the password of a database user is changed; nothing is mailed."""
    body = request_body(call, find_operation("POST", PASSWORD_PATH))
    _check_result_url(body, "organization_id")
    user, identity = _whose_password(call.tenant, body)
    return _answer(call, CHANGE_PASSWORD, user, identity, body)


ROUTES = (
    Route("POST", VERIFY_PATH, verify_email, ("create:user_tickets",)),
    Route("POST", PASSWORD_PATH, change_password, ("create:user_tickets",)),
)


# -- for the neighbour /jobs/verification-email ----------------------------------------------------------


def refuse(message: str) -> ApiError:
    """Return the 400 with this text."""
    return ApiError(400, message, "invalid_body")


def named_identity(tenant: Tenant, user: User, body: dict[str, Json]) -> Identity | None:
    """Return the identity of the user that the body's `identity` names; None when it names none."""
    named = body.get("identity")
    if not isinstance(named, dict):
        return None
    connection_id = text_member(named, "connection_id")
    connection = find_connection(tenant, connection_id) if connection_id else None
    if connection_id and connection is None:
        raise refuse("Identity connection does not exist.")
    provider = text_member(named, "provider") or ""
    bare_id = (text_member(named, "user_id") or "").removeprefix(f"{provider}|")
    identity = user.identity(f"{provider}|{bare_id}")
    if identity is None or (connection and connection.name != identity.connection):
        raise refuse("The user exists, but does not contain the given identity.")
    return identity


def main_database_identity(tenant: Tenant, user: User, otherwise: str) -> Identity:
    """Return the user's own identity, which has to be a database's."""
    connection = tenant.store.find(CONNECTIONS, user.main.connection)
    if connection is None or not connection.is_database:
        raise refuse(otherwise)
    return user.main


def destination_of(tenant: Tenant, user: User, body: dict[str, Json]) -> Destination:
    """Return where the link leads in the end; refuse what does not exist."""
    client_id, org_id = text_member(body, "client_id"), text_member(body, "organization_id")
    if client_id and tenant.store.find(CLIENTS, client_id) is None:
        raise refuse("The client does not exist")
    if org_id and tenant.store.find(ORGANIZATIONS, org_id) is None:
        raise refuse("The organization does not exist")
    if org_id and find_membership(tenant, org_id, user.user_id) is None:
        raise refuse(f"The user with id {user.user_id} is not a member of organization with id {org_id}.")
    return Destination(
        result_url=text_member(body, "result_url"),
        # unverified: that it is so when left out; it is the default of the e-mail templates
        include_email=body.get("includeEmailInRedirect") is not False,
        client_id=client_id,
        org_id=org_id,
    )


# -- how -------------------------------------------------------------------------------------------------


def _check_result_url(body: dict[str, Json], *excluded: str) -> None:
    for name in excluded:
        if "result_url" in body and name in body:  # unverified: the text
            raise refuse(f"result_url cannot be specified when using {name}")


def _whose_password(tenant: Tenant, body: dict[str, Json]) -> tuple[User, Identity]:
    """Return the account and identity that `user_id`, or `connection_id` and `email`, mean."""
    if "user_id" in body and not {"connection_id", "email"} & set(body):
        user = get_user(tenant, str(body["user_id"]))
        return user, named_identity(tenant, user, body) or main_database_identity(tenant, user, UNSUPPORTED)
    if not {"connection_id", "email"} <= set(body) or {"user_id", "identity"} & set(body):
        # unverified: the text
        raise refuse("Either user_id, or connection_id and email, must be specified")
    connection = find_connection(tenant, str(body["connection_id"]))
    if connection is None:
        raise refuse(f"The connection with id {body['connection_id']} does not exist.")
    if not connection.is_database:
        raise refuse(UNSUPPORTED)
    found = find_by_login(tenant, connection.name, str(body["email"]))
    if found is None:
        raise inexistent_user()
    return found


def _answer(call: Call, kind: str, user: User, identity: Identity, body: dict[str, Json]) -> Response:
    email = text_member(user.profile_of(identity), "email")
    if not email:
        raise refuse(NO_ADDRESS)
    lifetime = body.get("ttl_sec")
    ticket = issue_ticket(
        call.tenant,
        kind,
        identity,
        email,
        lifetime=lifetime if isinstance(lifetime, int) and lifetime else LIFETIME,
        destination=destination_of(call.tenant, user, body),
        mark_email_as_verified=body.get("mark_email_as_verified") is True,
    )
    return json_response({"ticket": ticket_url(call.issuer, ticket)}, 201)
