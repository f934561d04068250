"""User search: which of three users each query finds, and which queries are refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockidp.json import Json
from mockidp.management.search import QueryError, compile_query, leaf_values

JANE: dict[str, Json] = {
    "user_id": "auth0|jane1",
    "email": "jane.doe@example.com",
    "email_verified": True,
    "name": "Jane Smith",
    "nickname": "JD",
    "given_name": "Jane",
    "family_name": "Smith",
    "username": "janes",
    "created_at": "2024-01-15T10:00:00.000Z",
    "updated_at": "2024-12-31T23:59:59.999Z",
    "last_login": "2024-12-31T18:30:00.500Z",
    "last_ip": "192.0.2.7",
    "logins_count": 100,
    "identities": [
        {"connection": "Username-Password-Authentication", "user_id": "jane1", "provider": "auth0"},
        {
            "connection": "google-oauth2",
            "user_id": "1234567",
            "provider": "google-oauth2",
            "isSocial": True,
            "profileData": {"email": "jane@gmail.com"},
        },
    ],
    "user_metadata": {
        "color": "blue",
        "size": 13,
        "approved": False,
        "nothing": None,
        "none": [],
        "hollow": {"inner": {}, "list": [[], None]},
        "tags": ["a", "B"],
        "preferences": {"fontSize": 13},
        "addresses": [{"city": "Paris"}, {"city": "Seattle"}],
        "https://example.com/plan": "gold",
        "url": "https://example.com:8080/x",
    },
    "app_metadata": {"plan": "gold", "level": 2.5, "since": "2023-05-01", "roles": ["admin", "editor"]},
    "organization_id": ["org_A", "org_B"],
}
JOHN: dict[str, Json] = {
    "user_id": "google-oauth2|987",
    "email": "john+test@Corp.example.org",
    "email_verified": False,
    "name": "john",
    "blocked": True,
    "created_at": "2025-01-01T00:00:00.000Z",
    "updated_at": "2025-01-01T00:00:00.000Z",
    "logins_count": 200,
    "identities": [{"connection": "google-oauth2", "user_id": "987", "provider": "google-oauth2"}],
    "user_metadata": {"color": "Blue", "size": 20},
    "app_metadata": {"plan": "silver", "level": 7},
}
SAM: dict[str, Json] = {
    "user_id": "sms|5",
    "phone_number": "+15551234",
    "phone_verified": True,
    "name": "Sam (the man)",
    "blocked": False,
    "created_at": "2023-06-30T12:00:00.000Z",
    "identities": [{"connection": "sms", "user_id": "5", "provider": "sms"}],
    "user_metadata": {},
}
USERS = {"jane": JANE, "john": JOHN, "sam": SAM}

EXACT = [
    ('email:"jane.doe@example.com"', "jane"),
    ("email:jane.doe@example.com", "jane"),
    ('email:"JANE.DOE@EXAMPLE.COM"', "jane"),
    ("email:john+test@corp.example.org", "john"),
    ('name:"jane smith"', "jane"),
    ("name:jane", ""),
    (r"name:jane\ smith", "jane"),
    (r"name:Sam\ \(the\ man\)", "sam"),
    ('name: "jane smith"', "jane"),
    ("given_name:JANE", "jane"),
    ("family_name:smith", "jane"),
    ("nickname:jd", "jane"),
    ("username:janes", "jane"),
    ("username:JANES", ""),
    ('user_id:"auth0|jane1"', "jane"),
    ("user_id:auth0|jane1", "jane"),
    ("user_id:auth0", ""),
    ("user_id:AUTH0|jane1", ""),
    (r'name:"jane\ smith"', "jane"),
    ("last_ip:192.0.2.7", "jane"),
    ('phone_number:"+15551234"', "sam"),
    (r"phone_number:\+15551234", "sam"),
    ("email_verified:true", "jane"),
    ("email_verified:false", "john"),
    ("blocked:true", "john"),
    ("blocked:false", "sam"),
    ("logins_count:100", "jane"),
    ('logins_count:"100"', "jane"),
    ("logins_count:100.0", "jane"),
    ("logins_count:1", ""),
    ("logins_count:true", ""),
    ("email.domain:example.com", "jane"),
    ('email.domain:"corp.example.org"', "john"),
    ("no_such_field:x", ""),
]
NESTED = [
    ("identities.connection:google-oauth2", "jane john"),
    ('identities.connection:"Username-Password-Authentication"', "jane"),
    ("identities.user_id:987", "john"),
    ("identities.isSocial:true", "jane"),
    ("identities.profileData.email:jane@gmail.com", "jane"),
    ("organization_id:org_B", "jane"),
    ("user_metadata.color:blue", "jane"),
    ("user_metadata.color:Blue", "john"),
    ('user_metadata.size:"13"', "jane"),
    ("user_metadata.size:13", "jane"),
    ("user_metadata.approved:false", "jane"),
    ("user_metadata.tags:a", "jane"),
    ("user_metadata.tags:b", ""),
    ("user_metadata.preferences.fontSize:13", "jane"),
    ('user_metadata.addresses.city:"Seattle"', "jane"),
    (r'user_metadata.https\://example.com/plan:"gold"', "jane"),
    ('user_metadata.url:"https://example.com:8080/x"', "jane"),
    ("user_metadata.preferences:13", ""),
    ("user_metadata.nothing:null", ""),
    ("app_metadata.plan:gold", "jane"),
    ("app_metadata.plan:GOLD", ""),
    ("app_metadata.roles:editor", "jane"),
]
EXISTS = [
    ("_exists_:email", "jane john"),
    ("_exists_:user_metadata.color", "jane john"),
    ("_exists_:user_metadata.preferences", "jane"),
    ("_exists_:user_metadata.preferences.fontSize", "jane"),
    ("_exists_:user_metadata.approved", "jane"),
    ("_exists_:user_metadata.nothing", ""),
    ("_exists_:user_metadata.none", ""),
    ("_exists_:user_metadata.hollow", ""),
    ("_exists_:user_metadata", "jane john"),
    ("NOT _exists_:last_login", "john sam"),
    ("_exists_:(username OR phone_number)", "jane sam"),
    ("email:*", "jane john"),
    ("user_metadata.color:*", "jane john"),
    ("*", "jane john sam"),
    ("*:*", "jane john sam"),
    ("", "jane john sam"),
    ("   ", "jane john sam"),
]
WILDCARDS = [
    ("name:j*", "jane john"),
    ("name:jo*", "john"),
    ("email:JANE*", "jane"),
    ("email:*example.com", "jane"),
    ("email:*EXAMPLE*", "jane john"),
    ("name:*mit*", "jane"),
    ("email:j*n*@*.org", "john"),
    ("name:jo?n", "john"),
    ("name:jo?", ""),
    ("user_id:auth0*", "jane"),
    ("user_id:AUTH0*", ""),
    (r"name:j\*", ""),
    ("app_metadata.plan:g*", "jane"),
    ("user_metadata.color:b*", ""),
    ("user_metadata.color:bl?e", ""),
    ("logins_count:1*", ""),
    ('name:"j*"', ""),
]
RANGES = [
    ("logins_count:[100 TO 200]", "jane john"),
    ("logins_count:[100 TO 200}", "jane"),
    ("logins_count:{100 TO 200]", "john"),
    ("logins_count:{100 TO 200}", ""),
    ("logins_count:{100 TO *]", "john"),
    ("logins_count:[* TO 100]", "jane"),
    ("logins_count:[* TO *]", "jane john"),
    ("logins_count:[-5 TO 99.5]", ""),
    ("logins_count:[2 TO 1000]", "jane john"),
    ("app_metadata.level:[2.5 TO 6]", "jane"),
    ("last_login:[* TO 2024-12-31]", "jane"),
    ("last_login:[* TO 2024-12-31}", ""),
    ("last_login:{2024-12-31 TO *]", ""),
    ("last_login:[2024-12-31 TO *]", "jane"),
    ("updated_at:[* TO 2024-12-31]", "jane"),
    ("updated_at:{2024-12-31 TO *]", "john"),
    ("created_at:[2024-01 TO 2024-12]", "jane"),
    ("created_at:[2024 TO 2024]", "jane"),
    ("created_at:[2024-01-15T10:00:00.000Z TO *]", "jane john"),
    ("created_at:{2024-01-15T10:00:00.000Z TO *]", "john"),
    ("created_at:[* TO 2024-01-15T10:00:00Z]", "jane sam"),
    ("created_at:[* TO 2024-01-15T10:00:00Z}", "sam"),
    ('created_at:["2024-01-15T12:00:00+02:00" TO *]', "jane john"),
    ("created_at:{2024-01-15T12:00:00+02:00 TO *]", "john"),
    ("last_login:[2024-12-31T18:30:00.500123+00:00 TO *]", "jane"),
    ("last_login:{2024-12-31T18:30:00.500999Z TO *]", ""),
    ("created_at:2024-01-15", "jane"),
    ('created_at:"2024-01-15"', "jane"),
    ("app_metadata.since:[2023-01-01 TO 2023-12-31]", "jane"),
    ("app_metadata.since:[2023-05-02 TO *]", ""),
    ("family_name:[sa TO sz]", "jane"),
    ("username:[A TO Z]", ""),
    ("app_metadata.plan:[5 TO 6]", ""),
    ("email_verified:[0 TO 1]", ""),
    ("user_metadata.size:[1 TO 100]", ""),
]
LOGIC = [
    ("name:john AND blocked:true", "john"),
    ("name:john && blocked:false", ""),
    ("name:john OR blocked:false", "john sam"),
    ("name:john || blocked:false", "john sam"),
    ("name:john name:sam*", "john sam"),
    ("NOT blocked:true", "jane sam"),
    ("-blocked:true", "jane sam"),
    ("!blocked:true", "jane sam"),
    ("_exists_:email NOT name:john", "jane"),
    ("_exists_:email -name:john", "jane"),
    ("_exists_:email AND NOT name:john", "jane"),
    ("_exists_:email AND -name:john", "jane"),
    ("name:john OR NOT _exists_:email", "john sam"),
    ("+_exists_:email name:nobody", "jane john"),
    ("+_exists_:email -blocked:true", "jane"),
    ("name:sam* OR name:john AND blocked:false", "sam"),
    ("(name:sam* OR name:john) AND blocked:true", "john"),
    ("NOT (name:john OR name:sam*)", "jane"),
    ('user_id:("auth0|jane1" OR "sms|5")', "jane sam"),
    ('user_id:("auth0|jane1" "sms|5")', "jane sam"),
    ("app_metadata.roles:(admin AND editor)", "jane"),
    ("app_metadata.roles:(admin AND owner)", ""),
    ("name:(john AND blocked:true)", "john"),
    ("app_metadata.level:([0 TO 3] OR [7 TO 8])", "jane john"),
    ("name:(NOT john)", "jane sam"),
    ("identities.user_id:987 AND identities.connection:google-oauth2", "john"),
    ("name:john and blocked:false", "john sam"),
    ("ANDROID OR name:john", "john"),
    ('email:"user123@*.com" OR (user_id:"sms|5" AND name:sam*)', "sam"),
]
FIELD_LESS = [
    ("john", "john"),
    ("JOHN", "john"),
    ('"jane smith"', "jane"),
    ("janes", "jane"),
    ("JANES", ""),
    ("blue", ""),
    ("gold", ""),
    ("jane*", "jane"),
    ("auth0|jane1", "jane"),
    ("true", ""),
    ("google-oauth2", ""),
    ("[ja TO jb]", "jane"),
]


@pytest.mark.parametrize(
    ("q", "found"),
    EXACT + NESTED + EXISTS + WILDCARDS + RANGES + LOGIC + FIELD_LESS,
    ids=lambda value: value or "-",
)
def test_finds_exactly_these_users(q: str, found: str) -> None:
    """A query finds the users that Auth0's documentation says, and no others."""
    predicate = compile_query(q)
    assert found.split() == [name for name, user in USERS.items() if predicate(user)]


@pytest.mark.parametrize(
    "q",
    [
        "name:*sa",
        "name:*ri*",
        "name:?ab",
        r"name:*\*a",
        "name:",
        "name:)",
        "(name:john",
        "name:john)",
        "()",
        "name:()",
        "AND",
        "name:john AND",
        "OR name:john",
        "name:john OR OR name:sam",
        "NOT",
        "NOT NOT name:john",
        'name:"john',
        "logins_count:[1 TO",
        "logins_count:[1 2]",
        "logins_count:1]",
        "logins_count:-5",
        "a:b:c",
        "user_metadata.url:https://example.com",
        "last_login:2024-01-01T10:00:00Z",
        "last_login:yesterday",
        "last_login:[yesterday TO *]",
        "created_at:[2024-99-01T10:00:00+02:00 TO *]",
        "name:jhon~",
        "name:jhon~2",
        "name:john^4",
        "name:john\\",
        "(" * 60 + "name:john" + ")" * 60,
        "(" * 5000,
    ],
)
def test_refuses_what_is_no_query(q: str) -> None:
    """A query that Lucene could not read, or that user search forbids, is a QueryError and nothing else."""
    with pytest.raises(QueryError):
        compile_query(q)


def test_says_where_the_query_went_wrong() -> None:
    """The message names the position, so that a test's author finds the mistake."""
    with pytest.raises(QueryError, match=r"unexpected '\)' at position 9 "):
        compile_query("name:john)")


def test_a_missing_suffix_literal_is_named() -> None:
    """The three-character rule is told apart from a syntax error."""
    with pytest.raises(QueryError, match="at least 3 other characters: \\*sa"):
        compile_query("name:*sa")


def test_deep_but_reasonable_nesting_is_read() -> None:
    """Parentheses within the limit change nothing."""
    assert compile_query("(" * 40 + "name:john" + ")" * 40)(JOHN)


def test_groups_side_by_side_are_not_nested() -> None:
    """The depth limit counts open parentheses only."""
    assert compile_query("(name:sam) OR " * 60 + "(name:john)")(JOHN)


@settings(max_examples=300, deadline=None, database=None)
@given(st.text(alphabet='ab1: "\\()[]{}*?~^+-!&|./ANDORTO_é\n', max_size=40))
def test_any_text_is_a_query_or_a_query_error(q: str) -> None:
    """No text makes the search crash, neither when it is compiled nor when it is used."""
    try:
        predicate = compile_query(q)
    except QueryError:
        return
    assert {predicate(user) for user in USERS.values()} <= {True, False}


def test_a_query_is_compiled_once_and_reused() -> None:
    """A compiled query holds no state between documents."""
    predicate = compile_query("blocked:true OR name:sam*")
    assert [predicate(user) for user in (JANE, JOHN, SAM, JANE)] == [False, True, True, False]


def test_matching_leaves_the_document_alone() -> None:
    """Searching is read-only."""
    before = repr(JANE)
    compile_query("user_metadata.addresses.city:Paris AND _exists_:user_metadata")(JANE)
    assert before == repr(JANE)


def test_leaf_values_see_through_lists_and_skip_null() -> None:
    """A path yields its scalars in document order."""
    assert list(leaf_values(JANE, ("user_metadata", "addresses", "city"))) == ["Paris", "Seattle"]
    assert list(leaf_values(JANE, ("user_metadata", "nothing"))) == []
