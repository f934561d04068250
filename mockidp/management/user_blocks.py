"""/api/v2/user-blocks: what brute-force protection blocks, and the end of it.

Source: https://auth0.com/docs/api/management/v2/user-blocks/get-user-blocks and recorded answers. That an
administrator blocked a user (`blocked: true`) is another matter.
"""

from __future__ import annotations

from collections.abc import Iterable

from werkzeug.wrappers import Response

from mockidp.http.routing import Call, Route
from mockidp.json import Json
from mockidp.management.operations import find_operation
from mockidp.management.schema import check_query
from mockidp.management.users import no_content, user_id_of
from mockidp.model.brute_force import blocks
from mockidp.model.failed_logins import FailedLogins, forget_failed_logins
from mockidp.model.user import get_user

PATH = "/api/v2/user-blocks"
USER_PATH = "/api/v2/user-blocks/{id}"


def find(call: Call) -> Json:
    """Answer where a login name (e-mail, username or phone number) is blocked."""
    check_query(call.request.args, find_operation("GET", PATH))
    name = call.request.args["identifier"]
    return _shown(blocks(call.tenant, name=name, enforced_only=_enforced_only(call)))


def unblock(call: Call) -> Response:
    """End the blocks of a login name, and begin to count its failures anew."""
    check_query(call.request.args, find_operation("DELETE", PATH))
    forget_failed_logins(call.tenant, "name", call.request.args["identifier"].strip().lower())
    return no_content()


def find_user_blocks(call: Call) -> Json:
    """Answer where a user's login names are blocked, those of linked identities too."""
    user_id = user_id_of(call, "user_id of the user blocks to retrieve")
    check_query(call.request.args, find_operation("GET", USER_PATH))
    identities = [identity.key for identity in get_user(call.tenant, user_id).identities]
    return _shown(blocks(call.tenant, identities=identities, enforced_only=_enforced_only(call)))


def unblock_user(call: Call) -> Response:
    """End the blocks of a user, and begin to count the failures anew."""
    user_id = user_id_of(call, "The user_id of the user to update")
    for identity in get_user(call.tenant, user_id).identities:
        forget_failed_logins(call.tenant, "identity", identity.key)
    return no_content()


def _enforced_only(call: Call) -> bool:
    return call.request.args.get("consider_brute_force_enablement") == "true"


def _shown(found: Iterable[FailedLogins]) -> Json:
    """Return the blocks; one of all addresses (account lockout) has no `ip` (documentation)."""
    listed: list[Json] = []
    for failed in found:
        ip: dict[str, Json] = {"ip": failed.ip} if failed.ip else {}
        listed.append({"identifier": failed.name, **ip, "connection": failed.connection})
    return {"blocked_for": listed}


ROUTES = (
    Route("GET", PATH, find, ("read:users",)),
    Route("DELETE", PATH, unblock, ("update:users",)),
    Route("GET", USER_PATH, find_user_blocks, ("read:users",)),
    Route("DELETE", USER_PATH, unblock_user, ("update:users",)),
)
