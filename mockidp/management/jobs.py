"""/api/v2/jobs: a verification mail as a job, which is done as soon as it is asked for.

Source: https://auth0.com/docs/api/management/v2/jobs/post-verification-email and recorded answers; the texts
of refusals are the API description's labels. unverified: their errorCode `invalid_body`.
"""

from __future__ import annotations

import msgspec
from werkzeug.wrappers import Response

from mockidp.clock import iso
from mockidp.errors import ApiError
from mockidp.http.responses import json_response
from mockidp.http.routing import Call, Route
from mockidp.json import Json
from mockidp.management.operations import find_operation
from mockidp.management.tickets import destination_of, main_database_identity, named_identity, refuse
from mockidp.management.users import request_body
from mockidp.model.connection import CONNECTIONS
from mockidp.model.messages import send_verification_email
from mockidp.model.tenant import Tenant
from mockidp.model.user import Identity, get_user
from mockidp.store import Kind

VERIFICATION_PATH = "/api/v2/jobs/verification-email"
JOB_PATH = "/api/v2/jobs/{id}"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job as the API has it, in the recorded member order; `created_at` is ISO 8601."""

    type: str
    status: str
    created_at: str
    id: str


JOBS: Kind[Job] = Kind("job", Job)


def send_verification(call: Call) -> Response:
    """Mail a user the link that verifies an address; one that is verified too (recorded)."""
    tenant, body = call.tenant, request_body(call, find_operation("POST", VERIFICATION_PATH))
    user = get_user(tenant, str(body["user_id"]))  # unverified: how an unknown user is refused
    identity = named_identity(tenant, user, body)
    identity = identity or main_database_identity(tenant, user, "Connection must be a database connection.")
    _check_connection(tenant, identity)
    destination = destination_of(tenant, user, body)
    if send_verification_email(tenant, call.issuer, user, identity, destination) is None:
        raise refuse("User does not have an email address.")
    job = Job(
        type="verification_email",
        status="completed",
        created_at=iso(tenant.clock.now()),
        id=f"job_{tenant.ids.draw('job', 16)}",
    )
    tenant.store.put(JOBS, job.id, job)
    return json_response({**msgspec.to_builtins(job), "status": "pending"}, 201)  # recorded


def read(call: Call) -> Json:
    """Answer how far a job is."""
    job = call.tenant.store.find(JOBS, call.path["id"])
    if job is None:
        raise ApiError(404, "Job not found.")  # unverified: the text, a label of the API description
    shown: dict[str, Json] = msgspec.to_builtins(job)
    return shown


def _check_connection(tenant: Tenant, identity: Identity) -> None:
    connection = tenant.store.find(CONNECTIONS, identity.connection)
    if connection is None:
        raise refuse("connection does not exist.")
    if connection.enabled_clients == ():
        raise refuse("Connection must be enabled.")


ROUTES = (
    Route("POST", VERIFICATION_PATH, send_verification, ("update:users",)),
    Route("GET", JOB_PATH, read, ("create:users", "read:users")),
)
