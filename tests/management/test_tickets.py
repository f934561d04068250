"""/api/v2/tickets: links that verify an address or change a password, made for the caller to send."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest
from werkzeug.test import Client as Browser
from werkzeug.test import TestResponse

from mockidp.model.client import Client, put_client
from mockidp.model.organization import ORGANIZATIONS, Organization, add_member
from mockidp.model.tenant import ONLY, SETTINGS, Settings
from mockidp.model.user import check_password, get_user
from mockidp.model.user_update import update_user

if TYPE_CHECKING:
    from conftest import Api

VERIFY, CHANGE = "tickets/email-verification", "tickets/password-change"
DATABASE, DATABASE_ID = "Username-Password-Authentication", "con_0000000000000000"
ADA, NEW = "ada@example.com", "Battery-Staple-7"
DONE = "https://app.example.com/done"
UNSUPPORTED = "The user's main connection does not support this operation."
NOT_HIS = "The user exists, but does not contain the given identity."


def answer(api: Api, path: str, **body: Any) -> tuple[int, Any]:
    return api.answer("POST", path, body, token=api.token("create:user_tickets"))


def make(api: Api, path: str, **body: Any) -> str:
    """Make a ticket and return its URL."""
    status, made = answer(api, path, **body)
    assert status == 201, made
    assert list(made) == ["ticket"]
    return str(made["ticket"])


def use(api: Api, url: str, **form: str) -> TestResponse:
    """Follow the link; with a form, submit it."""
    parts = urlsplit(url)
    browser = Browser(api.application)
    path = f"{parts.path}?{parts.query}"
    return browser.post(path, data=form) if form else browser.get(path)


def change(api: Api, url: str) -> TestResponse:
    return use(api, url, **{"password-reset": NEW, "re-enter-password": NEW})


def refused(api: Api, message: str) -> Any:
    return api.refusal(400, message, "invalid_body")


@pytest.fixture
def ada(api: Api) -> str:
    """A user's id, whose creation sent a mail that nobody is interested in."""
    return str(api.create(verify_email=False)["user_id"])


# -- both ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "page"), [(VERIFY, "u/email-verification"), (CHANGE, "u/reset-password")], ids=["email", "pw"]
)
def test_the_url_is_the_recorded_one(api: Api, ada: str, path: str, page: str) -> None:
    """A page of the tenant, a ticket of 32 characters, a lone `#`; nothing is mailed."""
    url = make(api, path, user_id=ada)
    assert re.fullmatch(rf"http://localhost/{page}\?ticket=[A-Za-z0-9]{{32}}#", url)
    assert api.outbox() == []


@pytest.mark.parametrize("path", [VERIFY, CHANGE])
@pytest.mark.parametrize(
    ("ttl", "days", "good"), [(None, 4.9, True), (None, 5, False), (0, 4.9, True), (86400, 1, False)]
)
def test_how_long_it_is_good(api: Api, ada: str, path: str, ttl: int | None, days: float, good: bool) -> None:
    """`ttl_sec` by the tenant's clock; left out or 0, five days."""
    url = make(api, path, user_id=ada, **({} if ttl is None else {"ttl_sec": ttl}))
    api.tenant.clock.advance(days=days)
    assert use(api, url).status_code == (200 if good else 400)


@pytest.mark.parametrize("path", [VERIFY, CHANGE])
def test_back_to_the_application(api: Api, ada: str, path: str) -> None:
    """With `client_id` a button leads to its login route, which is told the issuer and the organization."""
    put_client(
        api.tenant,
        Client.of(
            {"client_id": "shop", "name": "Shop", "initiate_login_uri": "https://shop.example.com/in?x=1"}
        ),
    )
    api.tenant.store.put(ORGANIZATIONS, "org_acme", Organization.of({"id": "org_acme", "name": "acme"}))
    add_member(api.tenant, "org_acme", ada)
    url = make(api, path, user_id=ada, client_id="shop", organization_id="org_acme")
    page = (use(api, url) if path == VERIFY else change(api, url)).text
    assert ">Back to Shop</a>" in page
    assert (
        'href="https://shop.example.com/in?x=1&amp;iss=http%3A%2F%2Flocalhost%2F'
        '&amp;organization_id=org_acme&amp;organization_name=acme"'
    ) in page


@pytest.mark.parametrize("path", [VERIFY, CHANGE])
def test_back_to_the_tenants_login_route(api: Api, ada: str, path: str) -> None:
    """Where no client is named, or it has none; without any there is no button."""
    url = make(api, path, user_id=ada)
    page = (use(api, url) if path == VERIFY else change(api, url)).text
    assert "Back to" not in page
    settings = {"friendly_name": "Acme", "default_redirection_uri": "https://acme.example.com/in"}
    api.tenant.store.put(SETTINGS, ONLY, Settings.of(settings))
    url = make(api, path, user_id=ada, client_id="web")
    page = (use(api, url) if path == VERIFY else change(api, url)).text
    assert 'href="https://acme.example.com/in?iss=http%3A%2F%2Flocalhost%2F">Back to WEB</a>' in page


@pytest.mark.parametrize("path", [VERIFY, CHANGE])
@pytest.mark.parametrize(("given", "told"), [({}, True), ({"includeEmailInRedirect": False}, False)])
def test_the_result_url_is_told(api: Api, ada: str, path: str, given: Any, told: bool) -> None:
    """Success, and the address unless told otherwise."""
    url = make(api, path, user_id=ada, result_url=DONE, **given)
    response = use(api, url) if path == VERIFY else change(api, url)
    assert response.status_code == 302
    assert response.location.startswith(f"{DONE}?")
    assert "success=true" in response.location
    assert ("email=ada%40example.com" in response.location) == told


@pytest.mark.parametrize("path", [VERIFY, CHANGE])
def test_what_does_not_exist_is_refused(api: Api, ada: str, path: str) -> None:
    """User, client, organization, membership, address, identity: each in its own words."""
    api.tenant.store.put(ORGANIZATIONS, "org_acme", Organization.of({"id": "org_acme", "name": "acme"}))
    unknown = api.refusal(404, "The user does not exist.", "inexistent_user")
    assert answer(api, path, user_id="auth0|nobody") == unknown
    assert answer(api, path, user_id=ada, client_id="no") == refused(api, "The client does not exist")
    nowhere = refused(api, "The organization does not exist")
    assert answer(api, path, user_id=ada, organization_id="org_no") == nowhere
    outside = f"The user with id {ada} is not a member of organization with id org_acme."
    assert answer(api, path, user_id=ada, organization_id="org_acme") == refused(api, outside)
    sms = api.create(connection="sms", phone_number="+15551234567")["user_id"]
    assert answer(api, path, user_id=sms) == refused(api, UNSUPPORTED)
    identity = {"user_id": "nobody", "provider": "auth0"}
    assert answer(api, path, user_id=ada, identity=identity) == refused(api, NOT_HIS)
    identity = {"user_id": ada, "provider": "auth0", "connection_id": "con_9999999999999999"}
    gone = refused(api, "Identity connection does not exist.")
    assert answer(api, path, user_id=ada, identity=identity) == gone
    identity["connection_id"] = "con_0000000000000001"
    assert answer(api, path, user_id=ada, identity=identity) == refused(api, NOT_HIS)
    nobody = update_user(api.tenant, ada, {"email": None}).user_id
    no_address = refused(api, "The user does not have an email address.")
    assert answer(api, path, user_id=nobody) == no_address


@pytest.mark.parametrize("path", [VERIFY, CHANGE])
@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"user_id": "ada"}, "Object didn't pass validation for format user-id: ada"),
        ({"result_url": "/done"}, "Object didn't pass validation for format strict-uri: /done"),
        ({"ttl_sec": -1}, "Value -1 is less than minimum 0"),
        ({"new_password": NEW}, "Additional properties not allowed: new_password"),
        ({"identity": {"provider": "auth0"}}, "Missing required property: user_id"),
    ],
)
def test_a_malformed_body_is_refused(api: Api, ada: str, path: str, body: Any, detail: str) -> None:
    """By the schema, in the validator's words."""
    status, answered = answer(api, path, **{"user_id": ada, **body})
    assert (status, answered["errorCode"]) == (400, "invalid_body")
    assert f"Payload validation error: '{detail}'" in answered["message"]


@pytest.mark.parametrize("path", [VERIFY, CHANGE])
def test_the_scope(api: Api, ada: str, path: str) -> None:
    """`create:user_tickets`, and no other."""
    token = api.token("update:users", "create:users")
    message = "Insufficient scope, expected any of: create:user_tickets"
    expected = api.refusal(403, message, "insufficient_scope")
    assert api.answer("POST", path, {"user_id": ada}, token=token) == expected


# -- email-verification ----------------------------------------------------------------------------------


def test_the_link_verifies_once(api: Api, ada: str) -> None:
    """The page says so; the second use is told that the ticket was used."""
    url = make(api, VERIFY, user_id=ada)
    assert "Your email address was successfully verified." in use(api, url).text
    assert api.read(ada)["email_verified"] is True
    assert "This ticket was already used." in use(api, url).text


@pytest.mark.parametrize("member", ["client_id", "organization_id"])
def test_a_result_url_stands_alone(api: Api, ada: str, member: str) -> None:
    """It cannot be given beside a client or an organization (documented)."""
    status, body = answer(api, VERIFY, user_id=ada, result_url=DONE, **{member: "web"})
    assert (status, body["errorCode"]) == (400, "invalid_body")


@pytest.mark.parametrize("named", ["1022", "facebook|1022"])
def test_any_identity_can_be_verified_that_is_named(api: Api, ada: str, named: str) -> None:
    """A social one, linked or the account's own; its id comes bare or whole."""
    api.add("facebook|1022", "facebook", email="ada@facebook.example", email_verified=False)
    identity = {"user_id": named, "provider": "facebook", "connection_id": "con_0000000000000004"}
    assert answer(api, VERIFY, user_id="facebook|1022") == refused(api, UNSUPPORTED)
    use(api, make(api, VERIFY, user_id="facebook|1022", identity=identity))
    assert api.read("facebook|1022")["email_verified"] is True
    api.add("google-oauth2|1", "google-oauth2", email="ada@gmail.example", email_verified=False)
    linked = {"provider": "google-oauth2", "user_id": "1"}
    api.call("POST", f"users/{quote(ada)}/identities", linked)
    use(api, make(api, VERIFY, user_id=ada, identity=linked))
    assert api.read(ada)["email_verified"] is False
    assert api.read(ada)["identities"][1]["profileData"]["email_verified"] is True


# -- password-change -------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["user_id", "email"])
def test_the_link_changes_the_password(api: Api, ada: str, by: str) -> None:
    """For a user by id, or by e-mail and connection; the address is not verified by that."""
    body = {"user_id": ada} if by == "user_id" else {"email": "Ada@Example.com", "connection_id": DATABASE_ID}
    url = make(api, CHANGE, **body)
    assert "Enter a new password for" in use(api, url).text
    assert "Your password has been changed successfully." in change(api, url).text
    assert check_password(api.tenant, DATABASE, ADA, NEW)
    assert api.read(ada)["email_verified"] is False
    assert "This link has already been used." in change(api, url).text


def test_it_may_verify_the_address(api: Api, ada: str) -> None:
    """`mark_email_as_verified`."""
    change(api, make(api, CHANGE, user_id=ada, mark_email_as_verified=True))
    assert get_user(api.tenant, ada).email_verified is True


def test_several_links_may_be_open(api: Api, ada: str) -> None:
    """Each is good once; a mail's link is the one that replaces the others."""
    first, second = make(api, CHANGE, user_id=ada), make(api, CHANGE, user_id=ada)
    assert [use(api, url).status_code for url in (first, second)] == [200, 200]
    form = {"email": ADA, "connection": DATABASE}
    Browser(api.application).post("/dbconnections/change_password", json=form)
    assert [use(api, url).status_code for url in (first, second)] == [400, 400]


def test_a_linked_database_identity_can_be_named(api: Api, ada: str) -> None:
    """`identity`: whose password it is, of the user's several."""
    other = api.create(connection="other-database", username="countess", email="c@example.com", password=NEW)[
        "user_id"
    ]
    linked = {"provider": "auth0", "user_id": other}
    api.call("POST", f"users/{quote(ada)}/identities", linked)
    url = make(api, CHANGE, user_id=ada, identity=linked)
    passwords = {"password-reset": "Tape-Recorder-5", "re-enter-password": "Tape-Recorder-5"}
    assert use(api, url, **passwords).status_code == 200
    assert check_password(api.tenant, "other-database", "countess", "Tape-Recorder-5")
    assert check_password(api.tenant, DATABASE, ADA, "Correct-Horse-1")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": ADA},
        {"connection_id": DATABASE_ID},
        {"user_id": "auth0|1", "email": ADA, "connection_id": DATABASE_ID},
        {"email": ADA, "connection_id": DATABASE_ID, "identity": {"user_id": "1", "provider": "auth0"}},
    ],
)
def test_one_way_to_name_the_user(api: Api, body: Any) -> None:
    """By id, or by connection and e-mail; neither half nor both."""
    expected = refused(api, "Either user_id, or connection_id and email, must be specified")
    assert answer(api, CHANGE, **body) == expected


def test_who_is_named_by_address_has_to_exist(api: Api, ada: str) -> None:
    """Connection and user, and the connection is a database."""
    gone = refused(api, "The connection with id con_9999999999999999 does not exist.")
    assert answer(api, CHANGE, email=ADA, connection_id="con_9999999999999999") == gone
    social = {"email": ADA, "connection_id": "con_0000000000000004"}
    assert answer(api, CHANGE, **social) == refused(api, UNSUPPORTED)
    unknown = api.refusal(404, "The user does not exist.", "inexistent_user")
    assert answer(api, CHANGE, email="no@example.com", connection_id=DATABASE_ID) == unknown


def test_only_database_identities_have_passwords(api: Api, ada: str) -> None:
    """The schema knows no other provider here; a result URL goes with a client, not with an organization."""
    identity = {"user_id": "1022", "provider": "facebook"}
    status, body = answer(api, CHANGE, user_id=ada, identity=identity)
    assert status == 400
    assert 'Invalid value "facebook"' in body["message"]
    assert make(api, CHANGE, user_id=ada, result_url=DONE, client_id="web")
    status, _ = answer(api, CHANGE, user_id=ada, result_url=DONE, organization_id="org_acme")
    assert status == 400
