"""/api/v2/jobs: the verification mail as a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest
from werkzeug.test import Client as Browser

from mockidp.model.client import Client, put_client
from mockidp.model.connection import CONNECTIONS
from mockidp.model.user_update import update_user

if TYPE_CHECKING:
    from conftest import Api

PATH = "jobs/verification-email"


@pytest.fixture
def ada(api: Api) -> str:
    """A user's id; nothing was mailed yet."""
    return str(api.create(verify_email=False)["user_id"])


def follow(api: Api, url: str) -> str:
    parts = urlsplit(url)
    return Browser(api.application).get(f"{parts.path}?{parts.query}").text


def test_the_mail_is_sent_and_the_job_done(api: Api, ada: str) -> None:
    """The answers are the recorded ones; the link in the mail verifies."""
    status, job = api.answer("POST", PATH, {"user_id": ada})
    assert (status, list(job)) == (201, ["type", "status", "created_at", "id"])
    assert (job["type"], job["status"]) == ("verification_email", "pending")
    assert job["created_at"] == "2030-01-01T00:00:00.000Z"
    assert job["id"].startswith("job_")
    assert api.answer("GET", f"jobs/{job['id']}") == (200, {**job, "status": "completed"})
    [mail] = api.outbox()
    assert (mail.kind, mail.to, mail.user_id) == ("verify_email", "ada@example.com", ada)
    follow(api, mail.url or "")
    assert api.read(ada)["email_verified"] is True


def test_a_verified_address_gets_a_mail_too(api: Api) -> None:
    """As recorded."""
    user = api.create(email_verified=True)
    assert api.answer("POST", PATH, {"user_id": user["user_id"]})[0] == 201
    assert [mail.kind for mail in api.outbox()] == ["verify_email"]


def test_the_page_leads_back_to_the_client(api: Api, ada: str) -> None:
    """When one is named that has a login route."""
    route = {"client_id": "shop", "name": "Shop", "initiate_login_uri": "https://shop.example.com/in"}
    put_client(api.tenant, Client.of(route))
    api.answer("POST", PATH, {"user_id": ada, "client_id": "shop"})
    assert ">Back to Shop</a>" in follow(api, api.outbox()[0].url or "")


def test_a_linked_identity_is_verified_when_named(api: Api, ada: str) -> None:
    """The mail goes to its own address."""
    api.add("facebook|1022", "facebook", email="ada@facebook.example")
    identity = {"provider": "facebook", "user_id": "1022"}
    api.call("POST", f"users/{quote(ada)}/identities", identity)
    api.answer("POST", PATH, {"user_id": ada, "identity": identity})
    [mail] = api.outbox()
    assert (mail.to, mail.user_id) == ("ada@facebook.example", ada)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"client_id": "nobody"}, "The client does not exist"),
        ({"organization_id": "org_nowhere"}, "The organization does not exist"),
        (
            {"identity": {"provider": "auth0", "user_id": "nobody"}},
            "The user exists, but does not contain the given identity.",
        ),
    ],
)
def test_what_does_not_exist_is_refused(api: Api, ada: str, body: Any, message: str) -> None:
    """In the description's words; nothing is sent."""
    assert api.answer("POST", PATH, {"user_id": ada, **body}) == api.refusal(400, message, "invalid_body")
    assert api.outbox() == []


def test_connections_that_will_not_do(api: Api, ada: str) -> None:
    """No database, disabled, deleted; and a user without an address."""
    api.add("facebook|1022", "facebook", email="ada@facebook.example")

    def asked(user_id: str, **body: Any) -> tuple[int, Any]:
        return api.answer("POST", PATH, {"user_id": user_id, **body})

    no_database = api.refusal(400, "Connection must be a database connection.", "invalid_body")
    assert asked("facebook|1022") == no_database
    disabled = api.add("auth0|2", "disabled-database", email="d@example.com")["user_id"]
    assert asked(disabled) == api.refusal(400, "Connection must be enabled.", "invalid_body")
    api.tenant.store.take(CONNECTIONS, "facebook")
    identity = {"provider": "facebook", "user_id": "1022"}
    gone = api.refusal(400, "connection does not exist.", "invalid_body")
    assert asked("facebook|1022", identity=identity) == gone
    update_user(api.tenant, ada, {"email": None})
    assert asked(ada) == api.refusal(400, "User does not have an email address.", "invalid_body")


def test_refusals(api: Api, ada: str) -> None:
    """Unknown user or job, a malformed body, missing scopes."""
    assert api.answer("POST", PATH, {"user_id": "auth0|nobody"})[0] == 404
    assert api.answer("GET", "jobs/job_nothing") == api.refusal(404, "Job not found.")
    status, body = api.answer("POST", PATH, {"user_id": ada, "client_id": "#<Random:0x1>"})
    assert status == 400
    assert body["message"] == (
        "Payload validation error: 'Object didn't pass validation for format client-id: #<Random:0x1>' on "
        "property client_id (client_id of the client (application). If no value provided, the global Client "
        "ID will be used)."
    )
    token = api.token("delete:users")
    assert api.answer("POST", PATH, {"user_id": ada}, token=token)[0] == 403
    assert api.answer("GET", "jobs/job_nothing", token=token)[0] == 403
    assert api.answer("GET", "jobs/job_nothing", token=api.token("create:users"))[0] == 404


def test_other_jobs_are_not_made_up(api: Api) -> None:
    """What is not emulated says so."""
    assert api.answer("POST", "jobs/users-exports", {"connection_id": "con_0000000000000000"})[0] == 501
