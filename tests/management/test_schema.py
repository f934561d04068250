"""Refusals of malformed requests, in the words of the real service."""

from __future__ import annotations

import pytest

from mockidp.errors import ApiError
from mockidp.management.operations import Operation, Schema, find_operation
from mockidp.management.schema import Problem, check_body, check_query, find_problems, validation_error

CREATE = find_operation("POST", "/api/v2/users")
UPDATE = find_operation("PATCH", "/api/v2/users/{id}")
LINK = find_operation("POST", "/api/v2/users/{id}/identities")
LIST = find_operation("GET", "/api/v2/users")
CONNECTION = "Username-Password-Authentication"


def body_refusal(body: object, operation: Operation) -> str:
    """Return the message with which the body is refused."""
    with pytest.raises(ApiError) as error:
        check_body(body, operation)
    assert (error.value.status, error.value.error_code) == (400, "invalid_body")
    return error.value.message


def query_refusal(args: dict[str, str], operation: Operation) -> str:
    """Return the message with which the query parameters are refused."""
    with pytest.raises(ApiError) as error:
        check_query(args, operation)
    assert (error.value.status, error.value.error_code) == (400, "invalid_query_string")
    return error.value.message


def details(value: object, schema: Schema) -> list[str]:
    """Return what is wrong, without places."""
    return [problem.detail for problem in find_problems(value, schema)]


REFUSED_USERS: list[tuple[object, str]] = [
    (
        {"email": "a@example.com"},
        "Payload validation error: 'Missing required property: connection'.",
    ),
    (None, "Payload validation error: 'Missing required property: connection'."),
    ([], "Payload validation error: 'Expected type object but found type array'."),
    ("text", "Payload validation error: 'Expected type object but found type string'."),
    (7, "Payload validation error: 'Expected type object but found type integer'."),
    (
        {"connection": CONNECTION, "first": 1, "second": 2},
        "Payload validation error: 'Additional properties not allowed: second,first'.",
    ),
    (
        {"connection": CONNECTION, "email": "none"},
        "Payload validation error: 'Object didn't pass validation for format email: none' "
        "on property email (The user's email).",
    ),
    (
        {"connection": CONNECTION, "name": 5},
        "Payload validation error: 'Expected type string but found type integer' "
        "on property name (The user's full name).",
    ),
    (
        {"connection": CONNECTION, "blocked": "true"},
        "Payload validation error: 'Expected type boolean but found type string' on property blocked "
        "(Whether this user was blocked by an administrator (true) or not (false)).",
    ),
    (
        {"connection": CONNECTION, "app_metadata": []},
        "Payload validation error: 'Expected type object but found type array' on property app_metadata.",
    ),
    (
        {"connection": CONNECTION, "name": "x" * 301},
        "Payload validation error: 'String is too long (301 chars), maximum 300' "
        "on property name (The user's full name).",
    ),
    (
        {"connection": CONNECTION, "user_id": "a b"},
        "Payload validation error: 'String does not match pattern ^\\S*$: a b' "
        "on property user_id (The external user's id provided by the identity provider).",
    ),
]


@pytest.mark.parametrize(("body", "message"), REFUSED_USERS)
def test_refuses_a_malformed_user(body: object, message: str) -> None:
    """One thing wrong, one sentence."""
    assert message == body_refusal(body, CREATE)


def test_several_problems_come_as_a_real_tenant_lists_them() -> None:
    """All of them, joined by (also), from the last property of the body to the first: a real message."""
    names = ["phone_number", "given_name", "family_name", "name", "nickname", "picture", "username"]
    assert body_refusal({"connection": CONNECTION, **dict.fromkeys(names, "")}, CREATE) == (
        "Payload validation error: 'String is too short (0 chars), minimum 1' on property username (The "
        "user's username. Only valid if the connection requires a username). (also) Payload validation "
        "error: 'Object didn't pass validation for format strict-uri: ' on property picture (A URI "
        "pointing to the user's picture). (also) Payload validation error: 'String is too short (0 "
        "chars), minimum 1' on property nickname (The user's nickname). (also) Payload validation error: "
        "'String is too short (0 chars), minimum 1' on property name (The user's full name). (also) "
        "Payload validation error: 'String is too short (0 chars), minimum 1' on property family_name "
        "(The user's family name(s)). (also) Payload validation error: 'String is too short (0 chars), "
        "minimum 1' on property given_name (The user's given name(s)). (also) Payload validation error: "
        "'String does not match pattern ^\\+[0-9]{1,15}$: ' on property phone_number (The user's phone "
        "number (following the E.164 recommendation))."
    )


def test_a_patch_refuses_read_only_properties_with_advice() -> None:
    """The text that users of auth0-java reported."""
    body = {"email": "a@example.com", "user_id": "auth0|1", "created_at": "2024-01-01T00:00:00.000Z"}
    assert body_refusal(body, UPDATE) == (
        "Payload validation error: 'Additional properties not allowed: created_at,user_id (consider "
        'storing them in app_metadata or user_metadata. See "Users Metadata" in '
        "https://auth0.com/docs/api/v2/changes for more details)'."
    )


def test_a_patch_needs_something_to_change() -> None:
    """An empty PATCH meets none of the alternatives; each is told."""
    message = body_refusal({}, UPDATE)
    assert message.startswith(
        "Payload validation error: 'None of the valid schemas were met'. Inner errors: [ Payload "
        "validation error: 'Missing required property: blocked'. (also) Payload validation error: "
        "'Missing required property: email_verified'. (also) "
    )
    assert message.endswith("'Missing required property: picture'. ].")


@pytest.mark.parametrize(
    "body",
    [
        {"connection": CONNECTION},
        {
            "connection": CONNECTION,
            "email": "jane+tag@mail.example.com",
            "password": "x",
            "email_verified": False,
        },
        {
            "connection": CONNECTION,
            "user_metadata": {"anything": [1, None, {}]},
            "picture": "https://x.example/a.png",
        },
        {"connection": "sms", "phone_number": "+15551234"},
        {"connection": CONNECTION, "user_id": "", "name": "é" * 300},
    ],
)
def test_accepts_well_formed_users(body: object) -> None:
    """Nothing is raised."""
    check_body(body, CREATE)


@pytest.mark.parametrize(
    "body",
    [{"blocked": False}, {"name": None}, {"email": None, "connection": CONNECTION}, {"app_metadata": {}}],
)
def test_accepts_well_formed_patches(body: object) -> None:
    """Null unsets what may be unset."""
    check_body(body, UPDATE)


def test_a_nullable_property_names_both_types() -> None:
    """z-schema joins the types with a comma."""
    assert body_refusal({"name": True}, UPDATE) == (
        "Payload validation error: 'Expected type string,null but found type boolean' on property name "
        "(Name of this user)."
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Payload validation error: 'Too few properties defined (0), minimum 1'."),
        (
            {"provider": "myspace", "user_id": "1"},
            "Payload validation error: 'Invalid value \"myspace\"' on property provider "
            "(Identity provider of the secondary user account being linked).",
        ),
        (
            {"provider": "auth0", "user_id": "1", "connection_id": "con_1"},
            "Payload validation error: 'String does not match pattern ^con_[A-Za-z0-9]{16}$: con_1' on "
            "property connection_id (connection_id of the secondary user account being linked when more "
            "than one `auth0` database provider exists).",
        ),
        (
            {"provider": "auth0", "user_id": 1.5},
            "Payload validation error: 'Expected type string,integer but found type number' on property "
            "user_id (user_id of the secondary user account being linked).",
        ),
        (
            {"provider": "auth0", "user_id": "1", "connection": CONNECTION},
            "Payload validation error: 'Additional properties not allowed: connection'.",
        ),
    ],
)
def test_refuses_a_malformed_link(body: object, message: str) -> None:
    """Linking has an enum, a pattern, a minimum and a choice of types."""
    assert message == body_refusal(body, LINK)


@pytest.mark.parametrize(
    "body", [{"link_with": "a.b.c"}, {"provider": "auth0", "user_id": 5}, {"provider": "sms", "user_id": "5"}]
)
def test_accepts_well_formed_links(body: object) -> None:
    """Both ways to name the secondary account pass."""
    check_body(body, LINK)


def test_elements_of_arrays_are_named_by_index() -> None:
    """The path has the form of real answers, such as `groups[0].email`; later elements come first."""
    clients = find_operation("PATCH", "/api/v2/connections/{id}/clients")
    assert body_refusal([{"client_id": "a", "status": "x"}, {"client_id": "b"}], clients) == (
        "Payload validation error: 'Missing required property: status' on property [1]. (also) Payload "
        "validation error: 'Expected type boolean but found type string' on property [0].status."
    )


def test_nested_properties_are_named_by_path() -> None:
    """Dots and brackets as in `rule.match.items[0]`."""
    inner = Schema(type="object", properties={"b": Schema(type="array", items=Schema(type="string"))})
    schema = Schema(type="object", properties={"a": inner})
    assert [
        (problem.detail, problem.path) for problem in find_problems({"a": {"b": ["x", None]}}, schema)
    ] == [("Expected type string but found type null", "a.b[1]")]


def test_equal_sentences_are_said_once() -> None:
    """z-schema-errors drops repetitions."""
    problem = Problem("x", "p")
    assert validation_error("Path", [problem, problem]).message == "Path validation error: 'x' on property p."
    assert validation_error("Path", [problem]).error_code == "invalid_uri"


@pytest.mark.parametrize(
    ("value", "schema", "expected"),
    [
        (5, Schema(type="number"), []),
        (5.0, Schema(type="integer"), []),
        (5.5, Schema(type="integer"), ["Expected type integer but found type number"]),
        (True, Schema(type="integer"), ["Expected type integer but found type boolean"]),
        (None, Schema(type="string|null"), []),
        ({}, Schema(), []),
        (11, Schema(type="integer", maximum=10), ["Value 11 is greater than maximum 10"]),
        (-1, Schema(type="integer", minimum=0), ["Value -1 is less than minimum 0"]),
        (True, Schema(maximum=0), []),
        ("ab", Schema(pattern="^a"), []),
        ("ba", Schema(pattern="^a"), ["String does not match pattern ^a: ba"]),
        ("a\n", Schema(pattern="^a$"), ["String does not match pattern ^a$: a\n"]),
        (None, Schema(type="string|null", enum=("a",)), []),
        (
            {"b": 1},
            Schema(required=("a", "c")),
            ["Missing required property: c", "Missing required property: a"],
        ),
    ],
)
def test_single_checks(value: object, schema: Schema, expected: list[str]) -> None:
    """JSON Schema's rules, JavaScript's types."""
    assert expected == details(value, schema)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("a@example.com", True),
        ("a+b@mail.example.co.uk", True),
        ("user@münchen.example", True),
        ("a@localhost", False),
        ("example.com", False),
        ("a@b@example.com", False),
        ("a b@example.com", False),
        ("a@example.", False),
        ("", False),
    ],
)
def test_email_format(text: str, valid: bool) -> None:
    """Loose, but not blind."""
    assert valid is (details(text, Schema(format="email")) == [])


def test_an_operation_without_a_known_body_takes_anything() -> None:
    """Where nothing is known, nothing is refused."""
    check_body({"any": "thing"}, find_operation("POST", "/api/v2/blacklists/tokens"))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"foo": "1"}, "Query validation error: 'Additional properties not allowed: foo'."),
        ({"a": "1", "q": "x", "b": "2"}, "Query validation error: 'Additional properties not allowed: b,a'."),
        (
            {"per_page": "1000"},
            "Query validation error: 'Value 1000 is greater than maximum 100' on property per_page "
            "(Number of results per page).",
        ),
        (
            {"page": "one"},
            "Query validation error: 'Expected type integer but found type string' on property page "
            "(Page index of the results to return. First page is 0).",
        ),
        (
            {"include_fields": "1"},
            "Query validation error: 'Expected type boolean but found type string' on property "
            "include_fields (Whether specified fields are to be included (true) or excluded (false)).",
        ),
        (
            {"search_engine": "v9"},
            "Query validation error: 'Invalid value \"v9\"' on property search_engine "
            "(The version of the search engine).",
        ),
    ],
)
def test_refuses_malformed_queries(args: dict[str, str], message: str) -> None:
    """Query parameters are checked like a body, after reading numbers and booleans."""
    assert message == query_refusal(args, LIST)


def test_users_by_email_needs_an_email() -> None:
    """Missing and malformed, the latter with the text that a client kept."""
    operation = find_operation("GET", "/api/v2/users-by-email")
    assert query_refusal({}, operation) == "Query validation error: 'Missing required property: email'."
    assert query_refusal({"email": "nobody"}, operation) == (
        "Query validation error: 'Object didn't pass validation for format email: nobody' "
        "on property email (Email address to search for (case-sensitive))."
    )


@pytest.mark.parametrize(
    ("args", "method", "path"),
    [
        (
            {"page": "0", "per_page": "100", "include_totals": "true", "q": "", "search_engine": "v3"},
            "GET",
            "users",
        ),
        ({"strategy": "auth0", "from": "x", "take": "5"}, "GET", "connections"),
        ({"whatever": "1"}, "GET", "prompts/mfa-push"),
        ({}, "GET", "roles"),
    ],
)
def test_accepts_well_formed_queries(args: dict[str, str], method: str, path: str) -> None:
    """Arrays may come as one value; operations that were only recorded take any parameter."""
    check_query(args, find_operation(method, f"/api/v2/{path}"))
