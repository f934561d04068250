"""`POST /passwordless/start`: who is sent what, and what is refused (reference §6.4)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from authentication_world import CALLBACK, WEB, World, error
from passwordless_world import ANN, CHANGES, NEW, PHONE, messages, start
from test_hostile_requests import TEXTS

SMS = {"connection": "sms", "email": None, "phone_number": PHONE}
DENIED = (401, {"error": "access_denied", "error_description": "Unauthorized"})


@pytest.fixture
def world(make_world: Any) -> World:
    """A tenant with passwordless connections."""
    made: World = make_world(CHANGES)
    return made


def test_a_code_is_mailed(world: World) -> None:
    """The answer is the recorded one; the message has the code, and no link."""
    response = start(world)
    ann = world.user(ANN)
    assert response.status_code == 200
    assert response.json == {"_id": ann.main.user_id, "email": ANN, "email_verified": False}
    (mail,) = messages(world)
    assert (mail.kind, mail.to, mail.url, mail.user_id) == ("passwordless_email", ANN, None, ann.user_id)
    assert len(mail.code) == 6
    assert mail.code.isdigit()
    assert mail.code in mail.body


def test_a_code_is_sent_by_sms(world: World) -> None:
    """The answer has the recorded members in their order; `send` does not matter."""
    response = start(world, **SMS, send=None)
    assert list(response.json) == ["_id", "phone_number", "request_language", "phone_verified"]
    assert (response.json["phone_number"], response.json["phone_verified"]) == (PHONE, False)
    (sms,) = messages(world)
    assert (sms.kind, sms.to, sms.subject, sms.url) == ("passwordless_sms", PHONE, "", None)
    assert sms.code in sms.body


@pytest.mark.parametrize(
    ("headers", "language"),
    [
        ({}, None),
        ({"Accept-Language": "fr-CA"}, "fr-CA"),
        ({"X-Request-Language": "nl", "Accept-Language": "fr-CA"}, "nl"),
    ],
)
def test_the_language_is_that_of_the_request(
    world: World, headers: dict[str, str], language: str | None
) -> None:
    """`X-Request-Language`, else `Accept-Language` (documented)."""
    body = {**WEB, "connection": "sms", "phone_number": PHONE}
    assert world.post("/passwordless/start", json=body, headers=headers).json["request_language"] == language


@pytest.mark.parametrize("send", ["link", "link_ios", "link_android", None])
def test_a_link_is_mailed(world: World, send: str | None) -> None:
    """It is the default; the link is an authorization request with the code in it."""
    start(world, send=send, authParams={"redirect_uri": CALLBACK, "scope": "openid", "state": "a b"})
    (mail,) = messages(world)
    assert mail.url in mail.body
    assert mail.url.startswith("http://localhost:4100/passwordless/verify_redirect?")
    assert dict(parse_qsl(urlsplit(mail.url).query)) == {
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "openid",
        "state": "a b",
        "client_id": "web",
        "connection": "email",
        "email": ANN,
        "verification_code": mail.code,
    }


def test_parameters_cannot_change_what_is_proved(world: World) -> None:
    """The link's address, code and client are those of the request, whatever `authParams` says."""
    params = {"email": NEW, "client_id": "other", "verification_code": "1", "connection": "sms"}
    start(world, send="link", authParams={**params, "scope": 5, "response_type": "token"})
    query = dict(parse_qsl(urlsplit(str(messages(world)[0].url)).query))
    assert (query["email"], query["client_id"], query["connection"]) == (ANN, "web", "email")
    assert query["verification_code"] == messages(world)[0].code
    assert query["response_type"] == "token"
    assert "scope" not in query


def test_the_connections_own_parameters_come_first(make_world: Any) -> None:
    """ "Authentication Parameters" of the connection, unless the request says otherwise (documented)."""
    own = {"authParams": {"scope": "openid", "audience": "https://api.example.com"}}
    world = make_world({"connections": [{"name": "email", "strategy": "email", "options": own}]})
    start(world, send="link", authParams={"scope": "openid email"})
    query = dict(parse_qsl(urlsplit(str(messages(world)[0].url)).query))
    assert (query["scope"], query["audience"]) == ("openid email", "https://api.example.com")


def test_a_form_will_do(world: World) -> None:
    """As at the other endpoints; `authParams` by their names in brackets."""
    form = {
        **WEB,
        "connection": "email",
        "email": NEW,
        "authParams[scope]": "openid",
        "authParams[state]": "x",
    }
    response = world.post("/passwordless/start", data=form)
    assert response.status_code == 200
    query = dict(parse_qsl(urlsplit(str(messages(world)[0].url)).query))
    assert (query["scope"], query["state"]) == ("openid", "x")


def test_an_address_is_one_whatever_its_case(world: World) -> None:
    """Blanks around it do not matter either."""
    assert start(world, email=" ANN@Example.com ").json["_id"] == world.user(ANN).main.user_id
    assert messages(world)[0].to == ANN


def test_nobody_has_an_account_before_the_code_comes_back(world: World) -> None:
    """The id in the answer is the one that the account will have."""
    before = len(world.idp.users)
    first, second = start(world, email=NEW).json, start(world, email=NEW).json
    assert first == second
    assert len(first["_id"]) == 24
    assert len(world.idp.users) == before


def test_a_blocked_user_is_sent_nothing(world: World) -> None:
    """The answer does not tell (documentation, "Passwordless Connections Best Practices")."""
    response = start(world, email="blocked@example.com")
    assert (response.status_code, response.json["email"]) == (200, "blocked@example.com")
    assert messages(world) == []


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no client": ({"client_id": None}, "bad.client_id", "Missing required property: client_id"),
    "no connection": ({"connection": None}, "bad.connection", "Missing required property: connection"),
    "a connection that is a number": (
        {"connection": 5},
        "bad.connection",
        "Missing required property: connection",
    ),
    "an unknown connection": ({"connection": "nowhere"}, "bad.connection", "Connection does not exist"),
    "another client's connection": (
        {"connection": "other-email"},
        "bad.connection",
        "Connection is disabled",
    ),
    "a connection of another kind": (
        {"connection": "google-oauth2"},
        "bad.connection",
        "Invalid connection strategy. It must either be a passwordless connection",
    ),
    "authParams that are a text": (
        {"authParams": "scope=openid"},
        "bad.authParams",
        "error in authParams - invalid type: string (expected object)",
    ),
    "authParams that are a list": (
        {"authParams": []},
        "bad.authParams",
        "error in authParams - invalid type: array (expected object)",
    ),
    "unknown properties": (
        {"phone": "1", "lang": "de"},
        "bad.request",
        "the following properties are not allowed: phone, lang",
    ),
    "a way of sending that there is not": (
        {"send": "fax"},
        "bad.request",
        "send must be one of link, code, link_ios, link_android",
    ),
    "no e-mail": ({"email": None}, "bad.email", "Missing required property: email"),
    "no e-mail but a number": ({"email": 5}, "bad.email", "Missing required property: email"),
    "a wrong e-mail": ({"email": "x"}, "bad.email", "Object didn't pass validation for format email"),
    "no phone number": (
        {**SMS, "phone_number": None},
        "bad.phone_number",
        "Missing required property: phone_number",
    ),
    "a wrong phone number": (
        {**SMS, "phone_number": "555 0100"},
        "bad.phone_number",
        r"String does not match pattern: ^\+[0-9]{1,15}$",
    ),
    "sign-up is disabled": (
        {"connection": "closed", "email": NEW},
        "bad.connection",
        "Public signup is disabled",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(world: World, case: str) -> None:
    """Status 400, error and text are the documented ones; nothing is sent."""
    changes, code, description = REFUSED[case]
    response = start(world, **changes)
    assert (response.status_code, error(response)) == (400, (code, description))
    assert messages(world) == []


def test_who_has_an_account_needs_no_sign_up(world: World) -> None:
    """`disable_signup` keeps others out only."""
    assert start(world, connection="closed", email="old@example.com").status_code == 200


@pytest.mark.parametrize(
    "changes", [{"client_secret": "wrong"}, {"client_secret": None}, {"client_id": "ghost"}]
)
def test_a_confidential_client_proves_that_it_is(world: World, changes: dict[str, Any]) -> None:
    """As at the token endpoint."""
    response = start(world, **changes)
    assert (response.status_code, response.json) == DENIED
    assert messages(world) == []


def test_a_public_client_only_says_who_it_is(world: World) -> None:
    """Browsers and native apps have no secret; any page may call."""
    response = start(world, client_id="native", client_secret=None)
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_the_client_may_be_in_the_header(world: World) -> None:
    """HTTP Basic, as at the token endpoint."""
    response = world.post(
        "/passwordless/start",
        json={"connection": "email", "email": ANN, "send": "code"},
        headers={"Authorization": "Basic d2ViOndlYi1zZWNyZXQ="},
    )
    assert response.status_code == 200


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"{", b'{"client_id": {}}', b"\xff", b""])
def test_a_body_of_another_form_is_bad(world: World, body: bytes) -> None:
    """It is refused, and never a fault of ours."""
    response = world.post("/passwordless/start", data=body, content_type="application/json")
    assert response.status_code in (400, 401)
    assert {"error", "error_description"} == set(response.json)


# -- what a message says -------------------------------------------------------------------------------


def sent_by(make_world: Any, connection: str, options: dict[str, Any], **members: Any) -> Any:
    """Return the message that a connection with these options sends."""
    world = make_world({"connections": [{"name": connection, "strategy": connection, "options": options}]})
    start(world, connection=connection, **members)
    return messages(world)[-1]


def test_the_connections_texts_are_used(make_world: Any) -> None:
    """Subject and body of a mail, with Liquid's variables and the older macros; unknown ones are empty."""
    body = "<a href='{{ link }}'>{{code}}</a> @@application.name@@ {{- nothing -}} @@other@@ {{ user.email }}"
    options = {"email": {"subject": "{{ application.name }}: @@code@@", "body": body}}
    mail = sent_by(make_world, "email", options, send="link")
    assert mail.subject == f"Web: {mail.code}"
    assert mail.body == f"<a href='{mail.url}'>{mail.code}</a> Web  @@other@@ {ANN}"


def test_the_connections_sms_template_is_used(make_world: Any) -> None:
    """`template`, with `@@password@@` as the documentation has it."""
    options = {"template": "Your code for @@application.name@@ is @@password@@, {{ phone_number }}"}
    sms = sent_by(make_world, "sms", options, email=None, phone_number=PHONE)
    assert sms.body == f"Your code for Web is {sms.code}, {PHONE}"


@pytest.mark.parametrize("template", ["{% if request_language %}x{% endif %}{{ code }}", "", None, 5])
def test_a_text_that_is_a_program_is_not_used(make_world: Any, template: Any) -> None:
    """Liquid's tags are not run: such a message has a plain text of its own, and its code."""
    sms = sent_by(make_world, "sms", {"template": template}, email=None, phone_number=PHONE)
    assert sms.body == f"Your verification code is: {sms.code}"
    options = {"email": {"subject": template, "body": template}}
    mail = sent_by(make_world, "email", options)
    assert (mail.subject, mail.body) == ("Welcome to Web", f"Your verification code is:\n\n{mail.code}\n")


def test_the_connection_says_how_long_codes_are(make_world: Any) -> None:
    """`totp.length`; the seed's own code is that in any case."""
    totp = {"totp": {"length": 8, "time_step": 60}}
    assert len(sent_by(make_world, "email", totp).code) == 8
    world = make_world({**CHANGES, "mockidp": {"otp": "123456"}})
    start(world)
    assert messages(world)[0].code == "123456"


@pytest.mark.parametrize("name", ["connection", "email", "phone_number", "send", "client_id", "authParams"])
@pytest.mark.parametrize("text", TEXTS)
def test_no_value_breaks_it(world: World, name: str, text: str) -> None:
    """Texts that no SDK sends, in the body and in the link that comes of it: never a fault of ours."""
    value = {"state": TEXTS[text], TEXTS[text]: "x"} if name == "authParams" else TEXTS[text]
    for connection in ("email", "sms"):
        changes = {"connection": connection, "phone_number": PHONE, "send": None, name: value}
        response = start(world, **changes)
        assert response.status_code in (200, 400, 401)
    for message in messages(world):
        assert (
            message.url is None
            or world.get(message.url.removeprefix("http://localhost:4100")).status_code < 500
        )
