"""Make `mockidp/data/operations.json`: the Management API's operations, trimmed from the reference data.

Run `python tools/make_operations.py <management-operations.json>` from the repository's root when the
reference data change; the result is committed.

The reference data have names and types. Lengths, formats and the descriptions that end the wire's error texts
are added below by hand, for the operations whose refusals tests are likely to look at. They come from Auth0's
API documentation (https://auth0.com/docs/api/management/v2), its SDKs and real answers; the wire has the
descriptions without their final period.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from mockidp.management import query
from mockidp.management.operations import Operation, Schema

TARGET = Path("mockidp/data/operations.json")

PARAMETERS: dict[str, dict[str, Any]] = {
    "page": {"description": query.PAGE, "minimum": 0},
    "per_page": {"description": query.PER_PAGE, "minimum": 0},
    "include_totals": {"description": query.INCLUDE_TOTALS},
    "fields": {"description": query.FIELDS},
    "include_fields": {
        "description": "Whether specified fields are to be included (true) or excluded (false)"
    },
    "from": {"description": query.FROM},
    "take": {"description": query.PER_PAGE, "minimum": 1},
}

PROVIDERS = """
ad adfs amazon apple dropbox bitbucket auth0-oidc auth0 baidu bitly box custom daccount dwolla email
evernote-sandbox evernote exact facebook fitbit github google-apps google-oauth2 instagram ip line linkedin
oauth1 oauth2 office365 oidc okta paypal paypal-sandbox pingfederate planningcenter salesforce-community
salesforce-sandbox salesforce samlp sharepoint shopify shop sms soundcloud thirtysevensignals twitter untappd
vkontakte waad weibo windowslive wordpress yahoo yandex
"""

PHONE = {
    "description": "The user's phone number (following the E.164 recommendation)",
    "pattern": "^\\+[0-9]{1,15}$",
}
BLOCKED = {"description": "Whether this user was blocked by an administrator (true) or not (false)"}
PHONE_VERIFIED = {"description": "Whether this phone number has been verified (true) or not (false)"}
USERNAME = {
    "description": "The user's username. Only valid if the connection requires a username",
    "min_length": 1,
    "max_length": 128,
}
VERIFY_EMAIL = (
    "will receive a verification email after creation (true) or no email (false). Overrides behavior of "
    "`email_verified` parameter"
)

CREATE_USER = {
    "email": {"description": "The user's email", "format": "email"},
    "phone_number": PHONE,
    "blocked": BLOCKED,
    "email_verified": {
        "description": "Whether this email address is verified (true) or unverified (false). User will "
        "receive a verification email after creation if `email_verified` is false or not specified"
    },
    "phone_verified": PHONE_VERIFIED,
    "given_name": {"description": "The user's given name(s)", "min_length": 1, "max_length": 150},
    "family_name": {"description": "The user's family name(s)", "min_length": 1, "max_length": 150},
    "name": {"description": "The user's full name", "min_length": 1, "max_length": 300},
    "nickname": {"description": "The user's nickname", "min_length": 1, "max_length": 300},
    "picture": {"description": "A URI pointing to the user's picture", "format": "strict-uri"},
    "user_id": {
        "description": "The external user's id provided by the identity provider",
        "max_length": 255,
        "pattern": "^\\S*$",
    },
    "connection": {"description": "Name of the connection this user should be created in", "min_length": 1},
    "password": {
        "description": "Initial password for this user. Only valid for auth0 connection strategy",
        "min_length": 1,
    },
    "verify_email": {"description": f"Whether the user {VERIFY_EMAIL}"},
    "username": USERNAME,
}

# unverified: that the lengths and formats of POST hold for PATCH too.
UPDATE_USER = {
    "blocked": BLOCKED,
    "email_verified": {
        "description": "Whether this email address is verified (true) or unverified (false). If set to false "
        "the user will not receive a verification email unless `verify_email` is set to true"
    },
    "email": {"description": "Email address of this user", "format": "email"},
    "phone_number": PHONE,
    "phone_verified": PHONE_VERIFIED,
    "user_metadata": {"description": "User metadata to which this user has read/write access"},
    "app_metadata": {"description": "User metadata to which this user has read-only access"},
    "given_name": {
        "description": "Given name/first name/forename of this user",
        "min_length": 1,
        "max_length": 150,
    },
    "family_name": {
        "description": "Family name/last name/surname of this user",
        "min_length": 1,
        "max_length": 150,
    },
    "name": {"description": "Name of this user", "min_length": 1, "max_length": 300},
    "nickname": {
        "description": "Preferred nickname or alias of this user",
        "min_length": 1,
        "max_length": 300,
    },
    "picture": {"description": "URL to picture, photo, or avatar of this user", "format": "strict-uri"},
    "verify_email": {"description": f"Whether this user {VERIFY_EMAIL}"},
    "verify_phone_number": {
        "description": "Whether this user will receive a text after changing the phone number (true) or no "
        "text (false). Only valid when changing phone number for SMS connections"
    },
    "password": {
        "description": "New password for this user. Only valid for database connections",
        "min_length": 1,
    },
    "connection": {
        "description": "Name of the connection to target for this user update",
        "min_length": 1,
    },
    "client_id": {
        "description": "Auth0 client ID. Only valid when updating email address",
        "format": "client-id",
    },
    "username": USERNAME,
}

LINK_IDENTITY = {
    "provider": {
        "description": "Identity provider of the secondary user account being linked",
        "enum": PROVIDERS.split(),
    },
    "connection_id": {
        "description": "connection_id of the secondary user account being linked when more than one `auth0` "
        "database provider exists",
        "pattern": "^con_[A-Za-z0-9]{16}$",
    },
    "user_id": {"description": "user_id of the secondary user account being linked", "min_length": 1},
    "link_with": {
        "description": "JWT for the secondary account being linked. If sending this parameter, `provider`, "
        "`user_id`, and `connection_id` must not be sent",
        "min_length": 1,
    },
}

CLIENT_ID = {"description": "ID of the client (application)", "format": "client-id"}
CONNECTION_ID = {"pattern": "^con_[A-Za-z0-9]{16}$"}
TTL = "Number of seconds for which the {} is valid before expiration. If unspecified or set to 0, this value"


def identity(what: str, example: str, providers: list[str]) -> dict[str, Any]:
    """Return the schema of a body's `identity`, which says which of a user's identities is meant."""
    return {
        "required": ["user_id", "provider"],
        "additional": False,
        "properties": {
            "user_id": {"type": "string", "description": f"user_id of the identity{what}", "min_length": 1},
            "provider": {
                "type": "string",
                "description": f"Identity provider name of the identity (e.g. `{example}`)",
                "enum": providers,
            },
            "connection_id": {
                "type": "string",
                "description": "connection_id of the identity",
                **CONNECTION_ID,
            },
        },
    }


TICKET = {
    "user_id": {"description": "user_id of for whom the ticket should be created", "format": "user-id"},
    "client_id": CLIENT_ID,
    "ttl_sec": {"description": f"{TTL.format('ticket')} defaults to 432000 seconds (5 days)", "minimum": 0},
    "result_url": {
        "description": "URL the user will be redirected to in the classic Universal Login experience once "
        "the ticket is used",
        "format": "strict-uri",
    },
}
VERIFIED_IDENTITY = identity(" to be verified", "google-oauth2", PROVIDERS.split())

# unverified: the formats of tickets' and invitations' members; they are those of the same members elsewhere.
INVITATION = {
    "inviter": {
        "required": ["name"],
        "additional": False,
        "properties": {
            "name": {
                "type": "string",
                "description": "The inviter's name",
                "min_length": 1,
                "max_length": 300,
            }
        },
    },
    "invitee": {
        "required": ["email"],
        "additional": False,
        "properties": {"email": {"type": "string", "description": "The invitee's email", "format": "email"}},
    },
    "client_id": {
        "description": "Auth0 client ID. Used to resolve the application's login initiation endpoint",
        "format": "client-id",
    },
    "connection_id": {
        "description": "The id of the connection to force invitee to authenticate with",
        **CONNECTION_ID,
    },
    "ttl_sec": {
        "description": f"{TTL.format('invitation')} defaults to 604800 seconds (7 days). Max value: 2592000 "
        "seconds (30 days)",
        "minimum": 0,
        "maximum": 2592000,
    },
    "roles": {
        "description": "List of roles IDs to associated with the user",
        "items": {"type": "string", "min_length": 1},
    },
    "send_invitation_email": {
        "description": "Whether the user will receive an invitation email (true) or no email (false), true "
        "by default"
    },
}

BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/api/v2/users"): CREATE_USER,
    ("PATCH", "/api/v2/users/{id}"): UPDATE_USER,
    ("POST", "/api/v2/users/{id}/identities"): LINK_IDENTITY,
    ("POST", "/api/v2/connections"): {
        "name": {"max_length": 128, "pattern": "^[a-zA-Z0-9](-[a-zA-Z0-9]|[a-zA-Z0-9])*$"}
    },
    ("POST", "/api/v2/emails/provider"): {"settings": {"description": "Specific provider setting"}},
    ("POST", "/api/v2/organizations/{id}/invitations"): INVITATION,
    ("POST", "/api/v2/tickets/email-verification"): {**TICKET, "identity": VERIFIED_IDENTITY},
    ("POST", "/api/v2/tickets/password-change"): {
        **TICKET,
        "connection_id": CONNECTION_ID,
        "email": {
            "description": "Email address of the user for whom the tickets should be created",
            "format": "email",
        },
        "identity": identity("", "auth0", ["auth0"]),
    },
    ("POST", "/api/v2/jobs/verification-email"): {
        "user_id": {
            "description": "user_id of the user to send the verification email to",
            "format": "user-id",
        },
        "identity": VERIFIED_IDENTITY,
        "client_id": {
            "description": "client_id of the client (application). If no value provided, the global "
            "Client ID will be used",
            "format": "client-id",
        },
    },
}

QUERIES: dict[tuple[str, str], dict[str, Any]] = {
    ("GET", "/api/v2/users"): {
        "per_page": {"description": "Number of results per page", "minimum": 0, "maximum": 100},
        "sort": {"description": query.SORT},
        "connection": {
            "description": "Connection filter. Only applies when using search_engine=v1. To filter by "
            'connection with search_engine=v2|v3, use q=identities.connection:"connection_name"'
        },
        "search_engine": {"description": "The version of the search engine", "enum": ["v1", "v2", "v3"]},
    },
    ("GET", "/api/v2/users-by-email"): {
        "email": {"description": "Email address to search for (case-sensitive)", "format": "email"}
    },
    ("GET", "/api/v2/roles/{id}/users"): {"per_page": {"maximum": 100}},
}

# What PATCH needs at least one of, in the order of a real 400 as far as that was quoted (node-auth0 #478).
PATCHABLE = (
    *("blocked", "email_verified", "email", "verify_email", "phone_number", "phone_verified"),
    *("verify_phone_number", "password", "user_metadata", "app_metadata", "username", "client_id"),
    *("given_name", "family_name", "name", "nickname", "picture"),
)

WHOLE_BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PATCH", "/api/v2/users/{id}"): {
        "additional": False,  # the description says true; real tenants refuse (auth0-java #58, #549)
        "hint": " (consider storing them in app_metadata or user_metadata. "
        'See "Users Metadata" in https://auth0.com/docs/api/v2/changes for more details)',
        "any_of": [{"required": [name]} for name in PATCHABLE],
    },
    ("POST", "/api/v2/users/{id}/identities"): {"min_properties": 1},
}


def schema_type(name: str) -> str:
    """Return `string|null` for the reference data's `enum|null`: they do not say which values."""
    return "|".join("string" if part == "enum" else part for part in name.split("|"))


def body_schema(request: dict[str, Any], added: dict[str, Any]) -> dict[str, Any]:
    """Return a body of the reference data as `Schema` members; `added` is by property name."""
    if "alternatives" in request:
        distinct = {json.dumps(schema): schema for schema in alternatives(request)}
        return {"any_of": list(distinct.values())} if len(distinct) > 1 else next(iter(distinct.values()))
    if request.get("type") == "array":
        return {"type": "array", "items": body_schema(request["items"], {})}
    if not request["properties"] and request["additional_properties"] is None:
        return {}  # no object schema at all: nothing is known
    properties = {name: {"type": schema_type(kind)} for name, kind in request["properties"].items()}
    return {
        "type": "object",
        "required": request["required"],
        "additional": request["additional_properties"] is not False,
        "properties": {name: {**schema, **added.get(name, {})} for name, schema in properties.items()},
    }


def alternatives(request: dict[str, Any]) -> list[dict[str, Any]]:
    """Flatten nested alternatives."""
    if "alternatives" not in request:
        return [body_schema(request, {})]
    return [schema for part in request["alternatives"] for schema in alternatives(part)]


def query_schema(row: dict[str, Any], added: dict[str, Any]) -> dict[str, Any]:
    """Return the query parameters as one object; it is open where Auth0's description does not list them."""
    properties = {
        parameter["name"]: {
            "type": schema_type(parameter["type"]),
            **PARAMETERS.get(parameter["name"], {}),
            **added.get(parameter["name"], {}),
        }
        for parameter in row["query_params"]
    }
    required = [parameter["name"] for parameter in row["query_params"] if parameter["required"]]
    return {
        "type": "object",
        "required": required,
        "additional": not row["in_oas"],
        "properties": properties,
    }


def success_status(row: dict[str, Any]) -> int:
    """Return the declared status, or the one that real tenants answered instead."""
    if not row["recorded_status_differs"]:
        return int(row["success_status"])
    return int(max(row["recorded"], key=lambda status: row["recorded"][status]["n"]))


def operation(row: dict[str, Any]) -> Operation:
    """Return one row of the reference data as the product reads it."""
    route = row["method"], row["path"]
    request = row["request"] and body_schema(row["request"], BODIES.get(route, {}))
    if request is not None:
        request = msgspec.convert({**request, **WHOLE_BODIES.get(route, {})}, Schema)
    return Operation(
        method=row["method"],
        path=row["path"],
        scopes=tuple(row["scopes"]),
        status=success_status(row),
        query=msgspec.convert(query_schema(row, QUERIES.get(route, {})), Schema),
        request=request,
    )


def main(source: str) -> None:
    """Write the table, one operation per line."""
    rows = json.loads(Path(source).read_text())["operations"]
    lines = [msgspec.json.encode(operation(row)).decode() for row in rows]
    TARGET.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main(sys.argv[1])
