"""/api/v2/users: create, search, read, change and delete users.

Source: https://auth0.com/docs/api/management/v2/users and recorded answers of real tenants.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from werkzeug.wrappers import Response

from mockidp.errors import ApiError, DbConnectionError, inexistent_connection
from mockidp.http.bearer import require_own_user
from mockidp.http.params import management_body
from mockidp.http.responses import json_response
from mockidp.http.routing import Call, Route
from mockidp.json import Json, JsonObject, text_member
from mockidp.management.operations import Operation, Schema, find_operation
from mockidp.management.query import (
    USER_FIELDS,
    envelope,
    field_selector,
    paging,
    select_fields,
    sort_users,
)
from mockidp.management.schema import (
    FORMATS,
    Problem,
    check_body,
    check_query,
    find_problems,
    validation_error,
)
from mockidp.management.search import QueryError, compile_query
from mockidp.model.connection import CONNECTIONS, Connection
from mockidp.model.messages import send_verification_email
from mockidp.model.organization import MEMBERSHIPS
from mockidp.model.tenant import Tenant
from mockidp.model.tickets import Destination
from mockidp.model.user import USERS, User, create_user, delete_user, get_user
from mockidp.model.user_update import check_new_password, takes_usernames, update_user
from mockidp.tokens.verifier import Verified

USERS_PATH = "/api/v2/users"
USER_PATH = "/api/v2/users/{id}"
TOTALS = "start,limit,length,users,total"  # recorded key order
MOST_RECORDS = 1000
# What an upstream gave for an identity; only `read:user_idp_tokens` shows it.
IDP_TOKENS = ("access_token", "access_token_secret", "refresh_token", "expires_in")
_ONE_EMAIL = re.compile(
    r'\s*email:\s*"?([^\s"\\*?:()~^]+)"?\s*'
)  # the most usual query; others look at every user
_BESIDE = ("connection", "user_id", "password", "verify_email")  # members of POST that are no attributes


def create(call: Call) -> Response:
    """Create a user in a database or passwordless connection."""
    body = request_body(call, find_operation("POST", USERS_PATH))
    connection = _connection_for(call.tenant, body)
    _check_creation(connection, body)
    user = _create(call.tenant, connection, body)
    unverified = user.document.get("email_verified") is not True
    if connection.is_database and body.get("verify_email", unverified):
        send_verification_email(call.tenant, call.issuer, user, user.main)
    return json_response(shown(user.document, call.caller), 201)


def search(call: Call) -> Json:
    """Answer the users that `q` finds, or all of them, in pages."""
    args = call.request.args
    check_query(args, find_operation("GET", USERS_PATH))
    _check_search_engine(args)
    wanted = paging(args)
    if wanted.start + wanted.limit > MOST_RECORDS:  # unverified: for a page that begins before and ends after
        raise ApiError(
            400,
            f"You can only page through the first {MOST_RECORDS} records. See "
            "https://auth0.com/docs/users/search/v3/view-search-results-by-page#limitation",
            "invalid_paging",
        )
    choose = field_selector(args, USER_FIELDS)
    # `connection` "only applies when using search_engine=v1", which no tenant has any more: it does nothing.
    found = _matching(call.tenant, args.get("q", ""))
    found = sort_users(found, args["sort"]) if args.get("sort") else found
    page = slice(wanted.start, wanted.start + wanted.limit)
    found[page] = [choose(shown(document, call.caller)) for document in found[page]]
    return envelope(found, wanted, "users", TOTALS)


def read(call: Call) -> Json:
    """Answer one user; `read:current_user` reads the token's own."""
    user_id = user_id_of(call, "ID of the user to retrieve")
    require_own_user(call, user_id, unless=("read:users", "read:user_idp_tokens"))
    args = call.request.args
    check_query(args, find_operation("GET", USER_PATH))
    # unverified: a user's own token sees app_metadata too ("to which this user has read-only access").
    return select_fields(shown(get_user(call.tenant, user_id).document, call.caller), args, USER_FIELDS)


def update(call: Call) -> Json:
    """Change one user, or one linked identity of it."""
    user_id = user_id_of(call, "ID of the user to update")
    require_own_user(call, user_id, unless=("update:users", "update:users_app_metadata"))
    body = request_body(call, find_operation("PATCH", USER_PATH))
    _check_writable(call, user_id, body)
    try:
        user = update_user(call.tenant, user_id, body)
    except DbConnectionError as error:
        raise password_refused(error) from None
    if body.get("verify_email") is True:
        name = body.get("connection", user.main.connection)
        identity = next(identity for identity in user.identities if identity.connection == name)
        destination = Destination(client_id=text_member(body, "client_id"))
        send_verification_email(call.tenant, call.issuer, user, identity, destination)
    return shown(user.document, call.caller)


def delete(call: Call) -> Response:
    """Delete a user with all linked identities; one that does not exist is gone already."""
    user_id = user_id_of(call, "ID of the user to delete")
    require_own_user(call, user_id, unless=("delete:users",))
    delete_user(call.tenant, user_id)
    return no_content()


ROUTES = (
    Route("POST", USERS_PATH, create, ("create:users",)),
    Route("GET", USERS_PATH, search, ("read:users", "read:user_idp_tokens")),
    Route("GET", USER_PATH, read, ("read:users", "read:current_user", "read:user_idp_tokens")),
    Route(
        "PATCH",
        USER_PATH,
        update,
        ("update:users", "update:users_app_metadata", "update:current_user_metadata"),
    ),
    Route("DELETE", USER_PATH, delete, ("delete:users", "delete:current_user")),
)


# -- for the neighbours: /users-by-email, /users/{id}/identities -----------------------------------------


def user_id_of(call: Call, description: str) -> str:
    """Return the path's user id; raise the 400 `invalid_uri` when it is not of the form `provider|id`.

    `description` is that of the path parameter, which the text quotes.
    """
    user_id = call.path["id"]
    if not FORMATS["user-id"].fullmatch(user_id):
        detail = f"Object didn't pass validation for format user-id: {user_id}"
        raise validation_error("Path", [Problem(detail, "id", description)])
    return user_id


def request_body(call: Call, operation: Operation) -> dict[str, Json]:
    """Return the request's JSON object, checked as the operation says."""
    body = management_body(call.request)
    check_body(body, operation)
    return body if isinstance(body, dict) else {}  # no body counts as an empty one


def shown(document: JsonObject, caller: Verified) -> dict[str, Json]:
    """Return a user object as the caller may see it."""
    identities = document.get("identities")
    visible = visible_identities(identities if isinstance(identities, list) else [], caller)
    return {**document, "identities": visible}


def visible_identities(identities: list[Json], caller: Verified) -> list[Json]:
    """Return identities with their upstream's tokens only for `read:user_idp_tokens`."""
    if "read:user_idp_tokens" in caller.scopes:
        return identities
    return [
        {name: value for name, value in identity.items() if name not in IDP_TOKENS}
        for identity in identities
        if isinstance(identity, dict)
    ]


def no_content() -> Response:
    """Return 204, without a content type as there is no content."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


def password_refused(error: DbConnectionError) -> ApiError:
    """A connection's refusal of a password, as the Management API tells it. unverified: the errorCode."""
    return ApiError(400, f"{error.name}: {error.message}", "invalid_body")


# -- create --------------------------------------------------------------------------------------------


def _connection_for(tenant: Tenant, body: JsonObject) -> Connection:
    """Return the connection that the body names; not by id. unverified: the errorCodes of the other two."""
    connection = tenant.store.find(CONNECTIONS, str(body["connection"]))
    if connection is None:
        raise inexistent_connection()
    if connection.is_upstream:
        raise ApiError(
            400,
            "Connection does not support user creation through the API. It must either be a database or "
            "passwordless connection.",
            "operation_not_supported",
        )
    if connection.enabled_clients == ():
        # unverified: a real tenant also refuses when the connection is not enabled for the calling client.
        raise ApiError(400, "connection is disabled", "operation_not_supported")
    return connection


def _check_creation(connection: Connection, body: JsonObject) -> None:
    if "username" in body and not takes_usernames(connection):
        message = "Cannot set username for connection without requires_username."
        raise ApiError(400, message, "operation_not_supported")
    schema = Schema(type="object", required=_required(connection))
    problems = [*find_problems(dict(body), schema)]
    if "password" in body and not connection.is_database:  # unverified: this text
        problems.append(Problem("Additional properties not allowed: password"))
    if problems:
        raise validation_error("Payload", problems)


def _required(connection: Connection) -> tuple[str, ...]:
    """Return what a user of the connection must have. unverified: all but the database's e-mail."""
    if connection.is_passwordless:
        return ("phone_number",) if connection.strategy == "sms" else ("email",)
    if "attributes" in connection.options:  # flexible identifiers: any one of them will do
        return ("password",)
    names = ("email", "username") if connection.flag("requires_username") else ("email",)
    return (*names, "password")


def _create(tenant: Tenant, connection: Connection, body: JsonObject) -> User:
    password = body.get("password")
    attributes = {name: value for name, value in body.items() if name not in _BESIDE}
    bare_id = str(body.get("user_id") or "")
    if isinstance(password, str):
        try:
            check_new_password(connection, password, attributes)
        except DbConnectionError as error:
            raise password_refused(error) from None
    return create_user(
        tenant,
        connection,
        attributes,
        bare_id=bare_id or None,
        password=password if isinstance(password, str) else None,
    )


# -- search --------------------------------------------------------------------------------------------


def _check_search_engine(args: Mapping[str, str]) -> None:
    """Refuse the old engines. unverified: the errorCode."""
    old = {"v1": "search_engine=v1.", "v2": "search_engine=v2. Use search_engine=v3 instead."}
    engine = args.get("search_engine", "v3")
    if engine in old:
        raise ApiError(400, f"You are not allowed to use {old[engine]}", "invalid_query_string")


def _matching(tenant: Tenant, q: str) -> list[dict[str, Json]]:
    if not q:
        return [user.document for user in tenant.store.all(USERS)]
    try:
        matches = compile_query(q)
    except QueryError as error:  # unverified: the text
        raise validation_error("Query", [Problem(str(error), "q")]) from None
    one = _ONE_EMAIL.fullmatch(q)
    users = tenant.store.all(USERS, {"email": one[1].casefold()} if one else None)
    if "organization_id" not in q:
        return [user.document for user in users if matches(user.document)]
    return [user.document for user in users if matches(_with_organizations(tenant, user))]


def _with_organizations(tenant: Tenant, user: User) -> dict[str, Json]:
    members = tenant.store.all(MEMBERSHIPS, {"user": user.user_id})
    return {**user.document, "organization_id": [member.org_id for member in members]}


# -- change --------------------------------------------------------------------------------------------


def _check_writable(call: Call, user_id: str, body: JsonObject) -> None:
    """Refuse the members that the token's scopes do not reach.

    `update:users_app_metadata` can "update only the user.app_metadata attribute" (documentation), and
    `update:current_user_metadata` only the own user_metadata. The text is from a report of a real tenant;
    unverified: how it joins several.
    """
    scopes = call.caller.scopes
    if "update:users" in scopes:
        return
    allowed = {"app_metadata"} if "update:users_app_metadata" in scopes else set()
    if "update:current_user_metadata" in scopes and call.caller.subject == user_id:
        allowed.add("user_metadata")
    refused = ", ".join(name for name in body if name not in allowed)
    if refused:
        raise ApiError(403, f"You cannot update the following fields: {refused}", "insufficient_scope")
