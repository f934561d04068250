"""/api/v2/users-by-email: the users whose account has this e-mail address.

Source: https://auth0.com/docs/api/management/v2/users-by-email/get-users-by-email
"""

from __future__ import annotations

from mockidp.http.routing import Call, Route
from mockidp.json import Json
from mockidp.management.operations import find_operation
from mockidp.management.query import USER_FIELDS, field_selector
from mockidp.management.schema import check_query
from mockidp.management.users import shown
from mockidp.model.user import find_by_email

PATH = "/api/v2/users-by-email"


def find(call: Call) -> Json:
    """Answer the users with exactly this root e-mail, which databases keep in lower case.

    unverified: the addresses of linked identities do not count.
    """
    args = call.request.args
    check_query(args, find_operation("GET", PATH))
    choose = field_selector(args, USER_FIELDS)
    users = find_by_email(call.tenant, args["email"])
    return [choose(shown(user.document, call.caller)) for user in users if user.email == args["email"]]


ROUTES = (Route("GET", PATH, find, ("read:users",)),)
