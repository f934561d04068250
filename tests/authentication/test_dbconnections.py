"""/dbconnections/signup and /dbconnections/change_password, over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import Client as Browser
from werkzeug.test import TestResponse

from mockidp.app import Application
from mockidp.model.client import Client, put_client
from mockidp.model.connection import Connection, put_connection
from mockidp.model.outbox import MESSAGES, Message
from mockidp.model.tenant import ONLY, SETTINGS, Settings, Tenant
from mockidp.model.user import USERS, check_password, get_user

DB = "Username-Password-Authentication"
GOOD = "Correct-Horse-9"
SIGNUP = "/dbconnections/signup"
CHANGE = "/dbconnections/change_password"
SENT = "We've just sent you an email to reset your password."


class Api:
    """Posts to a tenant with one database and one client."""

    def __init__(self) -> None:
        self.tenant = Tenant()
        self.tenant.clock.freeze("2030-01-01T00:00:00Z")
        self.application = Application(self.tenant)
        self.browser = Browser(self.application)
        put_client(self.tenant, Client.of({"client_id": "web", "name": "Web"}))
        self.database()

    def database(self, name: str = DB, strategy: str = "auth0", **members: Any) -> None:
        document = {"id": f"con_{name}", "name": name, "strategy": strategy, **members}
        put_connection(self.tenant, Connection.of(document))

    def sign_up(self, **body: Any) -> TestResponse:
        sent = {"client_id": "web", "email": "new@example.com", "password": GOOD, "connection": DB, **body}
        return self.browser.post(
            SIGNUP, json={key: value for key, value in sent.items() if value is not None}
        )

    def change(self, **body: Any) -> TestResponse:
        sent = {"client_id": "web", "email": "new@example.com", "connection": DB, **body}
        return self.browser.post(
            CHANGE, json={key: value for key, value in sent.items() if value is not None}
        )

    @property
    def mails(self) -> list[Message]:
        return self.tenant.store.all(MESSAGES)

    def follow_mail(self) -> TestResponse:
        url = self.mails[-1].url
        assert url
        return self.browser.get(url.removeprefix("http://localhost").removesuffix("#"))

    def knows(self, password: str, name: str = "new@example.com") -> bool:
        return check_password(self.tenant, DB, name, password) is not None


@pytest.fixture
def api() -> Iterator[Api]:
    """A new tenant; what goes wrong inside it fails the test."""
    api = Api()
    yield api
    assert not api.application.problems, api.application.problems[0].traceback


# -- sign-up -------------------------------------------------------------------------------------------


def test_signing_up_answers_the_recorded_body(api: Api) -> None:
    """`_id`, `email_verified`, `email` in this order, and the account has that id."""
    response = api.sign_up(email="New@Example.com")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    body = response.json
    assert list(body) == ["_id", "email_verified", "email"]
    assert (body["email_verified"], body["email"]) == (False, "new@example.com")
    assert len(body["_id"]) == 24
    user = get_user(api.tenant, f"auth0|{body['_id']}")
    assert (user.email, user.email_verified, user.main.connection) == ("new@example.com", False, DB)
    assert api.knows(GOOD)


def test_what_was_sent_is_answered_and_kept(api: Api) -> None:
    """Root attributes and user metadata; other members are ignored."""
    sent = {
        "given_name": "New",
        "family_name": "One",
        "name": "New One",
        "nickname": "newy",
        "picture": "https://example.com/p.png",
        "user_metadata": {"plan": "pro", "colour": "blå"},
    }
    body = api.sign_up(**sent, app_metadata={"admin": True}, blocked=True, state="x").json
    assert {key: body[key] for key in sent} == sent
    document = get_user(api.tenant, f"auth0|{body['_id']}").document
    assert {key: document[key] for key in sent} == sent
    assert "app_metadata" not in document
    assert "blocked" not in document


def test_a_form_is_as_good_as_json(api: Api) -> None:
    """`application/x-www-form-urlencoded`, and no client at all."""
    form = {"email": "new@example.com", "password": GOOD, "connection": DB}
    assert api.browser.post(SIGNUP, data=form).json["email"] == "new@example.com"


def test_the_address_is_to_be_verified(api: Api) -> None:
    """The mail's link works; no session begins, no other cookie is set."""
    response = api.sign_up()
    assert "Set-Cookie" not in response.headers
    (mail,) = api.mails
    assert (mail.kind, mail.to) == ("verify_email", "new@example.com")
    assert api.follow_mail().status_code == 200
    assert get_user(api.tenant, f"auth0|{response.json['_id']}").email_verified


def test_any_page_may_call(api: Api) -> None:
    """CORS for everyone, without credentials, also on errors and without an Origin (recorded)."""
    for path in (SIGNUP, CHANGE):
        for headers in ({}, {"Origin": "https://anywhere.test"}):
            response = api.browser.post(path, json={}, headers=headers)
            assert response.status_code == 400
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert response.headers["Access-Control-Allow-Credentials"] == "false"
        preflight = {"Origin": "https://anywhere.test", "Access-Control-Request-Method": "POST"}
        assert api.browser.options(path, headers=preflight).status_code == 204


@pytest.mark.parametrize("email", ["new@example.com", "NEW@example.com"])
def test_an_existing_user_is_not_told(api: Api, email: str) -> None:
    """The recorded body, whatever the case of letters; account and password stay."""
    api.sign_up()
    response = api.sign_up(email=email, password="Other-Horse-9")
    assert response.status_code == 400
    assert response.json == {
        "name": "BadRequestError",
        "code": "invalid_signup",
        "description": "Invalid sign up",
        "statusCode": 400,
    }
    assert api.knows(GOOD)
    assert len(api.tenant.store.all(USERS)) == len(api.mails) == 1


def test_a_tenant_may_tell_that_the_user_exists(api: Api) -> None:
    """The flag `enable_public_signup_user_exists_error`."""
    flags = {"enable_public_signup_user_exists_error": True}
    api.tenant.store.put(SETTINGS, ONLY, Settings.of({"flags": flags}))
    api.database(options={"requires_username": True})
    api.sign_up(username="newbie")
    body = api.sign_up(username="another").json
    assert (body["code"], body["description"]) == ("user_exists", "The user already exists.")
    body = api.sign_up(email="other@example.com", username="newbie").json
    assert body["code"] == "username_exists"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"email": None}, "email is required"),
        ({"email": ""}, "email is required"),
        ({"email": "nonsense"}, "email is not valid"),
        ({"email": "a b@example.com"}, "email is not valid"),
        ({"email": f"{'x' * 65}@example.com"}, "email is not valid"),
        ({"email": 5}, "email must be a string of at most 254 characters"),
        ({"password": None}, "password is required"),
        ({"password": ["x"]}, "password must be a string"),
        ({"connection": None}, "connection parameter is mandatory"),
        ({"name": "x" * 301}, "name must be a string of at most 300 characters"),
        ({"phone_number": "123"}, "phone_number must begin with + and have at most 15 digits"),
        ({"user_metadata": "x"}, "user_metadata must be an object"),
        ({"user_metadata": {str(n): "" for n in range(11)}}, "user_metadata must have at most 10 properties"),
        ({"user_metadata": {"x" * 101: ""}}, "user_metadata property names must have at most 100 characters"),
        (
            {"user_metadata": {"x": "x" * 501}},
            "user_metadata property values must be strings of at most 500 characters",
        ),
        (
            {"user_metadata": {"x": {"y": "z"}}},
            "user_metadata property values must be strings of at most 500 characters",
        ),
        (
            {"user_metadata": {"x": 1}},
            "user_metadata property values must be strings of at most 500 characters",
        ),
    ],
)
def test_a_malformed_sign_up_gets_a_sentence(api: Api, body: dict[str, Any], sentence: str) -> None:
    """`{"error": …}` with 400; nothing is created, nothing sent."""
    response = api.sign_up(**body)
    assert (response.status_code, response.json) == (400, {"error": sentence})
    assert api.tenant.store.all(USERS) == api.mails == []


def test_metadata_may_be_as_large_as_documented(api: Api) -> None:
    """Ten properties, names of 100 and values of 500 characters."""
    metadata = {f"{n}".rjust(100, "n"): "v" * 500 for n in range(10)}
    assert api.sign_up(user_metadata=metadata).json["user_metadata"] == metadata


@pytest.mark.parametrize("data", ["{", "[]", '"text"', "{'email': 1}"])
def test_a_body_that_is_no_json_object(api: Api, data: str) -> None:
    """Refused as everywhere in the Authentication API."""
    response = api.browser.post(SIGNUP, data=data, content_type="application/json")
    assert (response.status_code, response.json["error"]) == (400, "invalid_body")


def test_sign_ups_can_be_closed(api: Api) -> None:
    """The text that SDK users report."""
    api.database(options={"disable_signup": True})
    response = api.sign_up()
    assert (response.status_code, response.json) == (400, {"error": "public signup is disabled"})
    assert api.tenant.store.all(USERS) == []


def test_usernames_where_the_connection_has_them(api: Api) -> None:
    """Needed, answered, lower-cased, unique; elsewhere left aside."""
    assert "username" not in api.sign_up(username="ignored").json
    api.database(options={"requires_username": True})
    missing = {"error": f"missing username for {DB} connection with requires_username enabled"}
    assert api.sign_up(email="other@example.com").json == missing
    assert api.sign_up(email="other@example.com", username="Newbie").json["username"] == "newbie"
    assert api.sign_up(email="third@example.com", username="NEWBIE").json["code"] == "invalid_signup"
    assert api.knows(GOOD, "newbie")


@pytest.mark.parametrize("username", ["x" * 16, "with blank", "a@example.com", "ünïcode"])
def test_a_malformed_username_is_refused(api: Api, username: str) -> None:
    """Characters, length, and no addresses."""
    api.database(options={"requires_username": True})
    response = api.sign_up(username=username)
    assert response.status_code == 400
    assert response.json["error"].startswith("Username can only contain alphanumeric characters or: ")


def test_the_length_of_usernames_is_the_connections(api: Api) -> None:
    """`options.validation.username`."""
    options = {"requires_username": True, "validation": {"username": {"min": 3, "max": 20}}}
    api.database(options=options)
    assert "between 3 and 20" in api.sign_up(username="ab").json["error"]
    assert api.sign_up(username="x" * 20).status_code == 200


@pytest.mark.parametrize("path", [SIGNUP, CHANGE])
@pytest.mark.parametrize("connection", ["nowhere", "google-oauth2"])
def test_only_databases_are_meant(api: Api, path: str, connection: str) -> None:
    """Unknown, or not a database."""
    api.database("google-oauth2", "google-oauth2")
    body = {"email": "new@example.com", "password": GOOD, "connection": connection}
    response = api.browser.post(path, json=body)
    assert (response.status_code, response.json) == (404, {"error": "connection not found"})


def test_the_client_must_exist_and_have_the_connection(api: Api) -> None:
    """A client is optional, but what is said must be right."""
    assert api.sign_up(client_id="nobody").json["error"] == "unauthorized_client"
    api.database(enabled_clients=[])
    refused = {"error": "invalid_request", "error_description": "the connection was disabled"}
    assert api.sign_up().json == refused
    assert api.change().json == refused
    assert api.sign_up(client_id=None).status_code == 200


def test_a_weak_password_gets_the_recorded_report(api: Api) -> None:
    """Policy `good` with eight lower case letters, literally."""
    response = api.sign_up(password="abcdefgh")
    assert response.status_code == 400
    assert list(response.json) == ["name", "message", "code", "description", "policy", "statusCode"]
    assert response.json == {
        "name": "PasswordStrengthError",
        "message": "Password is too weak",
        "code": "invalid_password",
        "description": {
            "rules": [
                {
                    "message": "At least %d characters in length",
                    "format": [8],
                    "code": "lengthAtLeast",
                    "verified": True,
                },
                {
                    "message": "Contain at least %d of the following %d types of characters:",
                    "code": "containsAtLeast",
                    "format": [3, 4],
                    "items": [
                        {"message": "lower case letters (a-z)", "code": "lowerCase", "verified": True},
                        {"message": "upper case letters (A-Z)", "code": "upperCase", "verified": False},
                        {"message": "numbers (i.e. 0-9)", "code": "numbers", "verified": False},
                        {
                            "message": "special characters (e.g. !@#$%^&*)",
                            "code": "specialCharacters",
                            "verified": False,
                        },
                    ],
                    "verified": False,
                },
            ],
            "verified": False,
        },
        "policy": "* At least 8 characters in length\n"
        "* Contain at least 3 of the following 4 types of characters:\n"
        " * lower case letters (a-z)\n * upper case letters (A-Z)\n * numbers (i.e. 0-9)\n"
        " * special characters (e.g. !@#$%^&*)",
        "statusCode": 400,
    }
    assert api.tenant.store.all(USERS) == api.mails == []


# -- change of password --------------------------------------------------------------------------------


@pytest.mark.parametrize("email", ["new@example.com", "NEW@example.com", "nobody@example.com"])
def test_the_answer_is_the_same_for_everyone(api: Api, email: str) -> None:
    """The recorded sentence as HTML; a mail only where there is somebody."""
    api.sign_up()
    response = api.change(email=email)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.get_data(as_text=True) == SENT
    mails = [mail for mail in api.mails if mail.kind == "reset_email"]
    assert [mail.to for mail in mails] == ([] if email.startswith("nobody") else ["new@example.com"])


def test_the_mailed_link_leads_to_the_form(api: Api) -> None:
    """The password is not changed before."""
    api.sign_up()
    api.change()
    assert api.follow_mail().status_code == 200
    assert api.knows(GOOD)


def test_a_form_is_as_good_as_json_here_too(api: Api) -> None:
    """`application/x-www-form-urlencoded` without a client."""
    api.sign_up()
    response = api.browser.post(CHANGE, data={"email": "new@example.com", "connection": DB})
    assert response.get_data(as_text=True) == SENT
    assert api.mails[-1].kind == "reset_email"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"email": None}, "email is required"),
        ({"connection": None}, "connection parameter is mandatory"),
        ({"email": 5}, "email must be a string"),
    ],
)
def test_a_change_needs_address_and_connection(api: Api, body: dict[str, Any], sentence: str) -> None:
    """`{"error": …}` with 400."""
    response = api.change(**body)
    assert (response.status_code, response.json) == (400, {"error": sentence})


def test_a_username_reaches_the_accounts_address(api: Api) -> None:
    """The mail goes to the address that the account has, never to what was typed."""
    api.database(options={"requires_username": True})
    api.sign_up(username="newbie")
    api.change(email="newbie")
    assert (api.mails[-1].kind, api.mails[-1].to) == ("reset_email", "new@example.com")


def test_a_password_asked_for_beforehand_is_set_by_the_link(api: Api) -> None:
    """auth0.js version 7: the new password takes effect when the mailed link is opened, once."""
    api.sign_up()
    response = api.change(password="Battery-Staple-7")
    assert response.get_data(as_text=True) == SENT
    assert api.knows(GOOD)
    url = api.mails[-1].url.removeprefix("http://localhost").removesuffix("#")
    assert api.browser.head(url).status_code == 200
    assert api.knows(GOOD)
    assert "Password Changed!" in api.follow_mail().get_data(as_text=True)
    assert api.knows("Battery-Staple-7")
    assert api.follow_mail().status_code == 400


def test_a_weak_password_asked_for_beforehand_is_refused(api: Api) -> None:
    """The policy holds at once, and no mail is sent."""
    api.sign_up()
    assert api.change(password="weak").json["name"] == "PasswordStrengthError"
    assert [mail.kind for mail in api.mails] == ["verify_email"]
