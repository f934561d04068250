"""/api/v2/organizations/{id}/invitations: ask somebody by mail to join an organization.

Source: https://auth0.com/docs/api/management/v2/organizations/post-invitations, "Send organization membership
invitations" (texts and error codes) and recorded answers.
"""

from __future__ import annotations

from werkzeug.wrappers import Response

from mockidp.clock import iso
from mockidp.errors import ApiError
from mockidp.http.redirect import with_query
from mockidp.http.responses import json_response
from mockidp.http.routing import Call, Route
from mockidp.json import Json, text_member
from mockidp.management.operations import find_operation
from mockidp.management.query import envelope, field_selector, paging, select_fields
from mockidp.management.schema import Problem, check_query, validation_error
from mockidp.management.users import no_content, request_body
from mockidp.model.client import CLIENTS, Client, login_route
from mockidp.model.connection import find_connection
from mockidp.model.messages import send_invitation
from mockidp.model.organization import (
    INVITATIONS,
    ORGANIZATIONS,
    Invitation,
    Organization,
    enabled_connections,
)
from mockidp.model.role import ROLES
from mockidp.model.tenant import Tenant

PATH = "/api/v2/organizations/{id}/invitations"
ONE_PATH = "/api/v2/organizations/{id}/invitations/{invitation_id}"
LIFETIME = 604800  # seconds: 7 days
LOGIN_ROUTE = (
    "A default login route is required to generate the invitation url. For more information, see "
    "https://auth0.com/docs/universal-login/configure-default-login-routes"
)
OPTIONAL = ("connection_id", "app_metadata", "user_metadata", "roles")
SORTS = {"created_at:1": False, "created_at:-1": True}  # unverified: by what else one can sort


def create(call: Call) -> Response:
    """Invite somebody, and mail the link unless told not to."""
    tenant, organization = call.tenant, _organization(call)
    body = request_body(call, find_operation("POST", PATH))
    client = _client(tenant, body)
    _check_connection(tenant, organization, body)
    _check_roles(tenant, body)
    invitation = Invitation.of(_document(tenant, organization, client, body))
    tenant.store.put(INVITATIONS, invitation.id, invitation)
    if body.get("send_invitation_email") is not False:
        send_invitation(tenant, organization, client, invitation)
    return json_response(invitation.document, 201)


def find(call: Call) -> Json:
    """Answer the invitations that were not accepted, the newest first; expired ones too."""
    organization, args = _organization(call), call.request.args
    check_query(args, find_operation("GET", PATH))
    sort = args.get("sort", "created_at:-1")
    if sort not in SORTS:
        raise validation_error("Query", [Problem(f"Invalid value {sort}", "sort")])  # unverified: the text
    choose = field_selector(args, None)
    found: list[Json] = [
        choose(invitation.document)
        for invitation in call.tenant.store.all(INVITATIONS, {"organization": organization.id})
    ]
    return envelope(
        found[::-1] if SORTS[sort] else found, paging(args), "invitations", "invitations,start,limit"
    )


def read(call: Call) -> Json:
    """Answer one invitation."""
    organization, args = _organization(call), call.request.args
    check_query(args, find_operation("GET", ONE_PATH))
    invitation = _find(call, organization)
    if invitation is None:
        raise ApiError(404, "The invitation does not exist.", "inexistent_invitation")  # recorded
    return select_fields(invitation.document, args, None)


def delete(call: Call) -> Response:
    """Take an invitation back; one that does not exist is gone already."""
    invitation = _find(call, _organization(call))
    if invitation is not None:
        call.tenant.store.take(INVITATIONS, invitation.id)
    return no_content()


ROUTES = (
    Route("POST", PATH, create, ("create:organization_invitations",)),
    Route("GET", PATH, find, ("read:organization_invitations",)),
    Route("GET", ONE_PATH, read, ("read:organization_invitations",)),
    Route("DELETE", ONE_PATH, delete, ("delete:organization_invitations",)),
)


def _organization(call: Call) -> Organization:
    organization = call.tenant.store.find(ORGANIZATIONS, call.path["id"])
    if organization is None:
        raise ApiError(404, "No organization found by that id.")
    return organization


def _find(call: Call, organization: Organization) -> Invitation | None:
    found = call.tenant.store.find(INVITATIONS, call.path["invitation_id"])
    return found if found and found.organization_id == organization.id else None


def _refuse(message: str) -> ApiError:
    return ApiError(400, message, "invalid_body")


def _client(tenant: Tenant, body: dict[str, Json]) -> Client:
    client = tenant.store.find(CLIENTS, str(body["client_id"]))
    if client is None:
        raise _refuse("The specified client_id does not exist.")
    if client.organization_usage == "deny":
        raise _refuse("The specified client_id does not allow organizations.")
    return client


def _check_connection(tenant: Tenant, organization: Organization, body: dict[str, Json]) -> None:
    id = text_member(body, "connection_id")
    if id is None:
        return
    connection = find_connection(tenant, id)
    if connection is None:
        raise _refuse("The specified connection does not exist.")
    if connection.is_passwordless:
        raise _refuse("Passwordless connections are not supported.")
    if connection.name not in {
        enabled.connection for enabled in enabled_connections(tenant, organization.id)
    }:
        raise _refuse(f"The specified connection ({id}) is not enabled for the organization")


def _check_roles(tenant: Tenant, body: dict[str, Json]) -> None:
    roles = body.get("roles")
    unknown = (
        [str(role) for role in roles if tenant.store.find(ROLES, str(role)) is None]
        if isinstance(roles, list)
        else []
    )
    if unknown:
        raise _refuse(f"One or more of the specified roles do not exist: {', '.join(unknown)}")


def _document(
    tenant: Tenant, organization: Organization, client: Client, body: dict[str, Json]
) -> dict[str, Json]:
    """Return the invitation in the recorded member order. unverified: where optional members stand."""
    route = login_route(tenant, client)
    if route is None:
        raise _refuse(LOGIN_ROUTE)
    now, lifetime = tenant.clock.now(), body.get("ttl_sec")
    ticket = tenant.ids.handle("invitation_ticket")
    query = {"invitation": ticket, "organization": organization.id, "organization_name": organization.name}
    return {
        "id": f"uinv_{tenant.ids.draw('invitation', 16)}",
        "client_id": client.client_id,
        "inviter": body["inviter"],
        "invitee": body["invitee"],
        "invitation_url": with_query(route, query),
        "ticket_id": ticket,
        "created_at": iso(now),
        "expires_at": iso(now + (lifetime if isinstance(lifetime, int) and lifetime else LIFETIME)),
        **{name: body[name] for name in OPTIONAL if name in body},
        "organization_id": organization.id,
    }
