"""/api/v2/organizations/{id}/invitations: inviting somebody, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from mockidp.model.client import Client, put_client
from mockidp.model.organization import (
    ORGANIZATIONS,
    EnabledConnection,
    Organization,
    enable_connection,
)
from mockidp.model.role import Role, put_role
from mockidp.model.tenant import ONLY, SETTINGS, Settings

if TYPE_CHECKING:
    from conftest import Api

PATH = "organizations/org_acme/invitations"
DATABASE_ID, FACEBOOK_ID, EMAIL_ID = "con_0000000000000000", "con_0000000000000004", "con_0000000000000006"
LOGIN = "https://app.example.com/login"
SCOPES = [f"{verb}:organization_invitations" for verb in ("read", "create", "delete")]
BODY: dict[str, Any] = {
    "inviter": {"name": "Grace"},
    "invitee": {"email": "ada@example.com"},
    "client_id": "web",
}
NO_ROUTE = (
    "A default login route is required to generate the invitation url. For more information, see "
    "https://auth0.com/docs/universal-login/configure-default-login-routes"
)


class Invitations:
    """An organization, a client with a login route, and calls with the scopes that invitations need."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.tenant = api.tenant
        self.token = api.token(*SCOPES)
        for name in ("acme", "other"):
            organization = {"id": f"org_{name}", "name": name, "display_name": name.title()}
            self.tenant.store.put(ORGANIZATIONS, f"org_{name}", Organization.of(organization))
        enable_connection(self.tenant, EnabledConnection("org_acme", "Username-Password-Authentication"))
        self.client("web", initiate_login_uri=LOGIN)
        self.client("closed", initiate_login_uri=LOGIN, organization_usage="deny")
        put_role(self.tenant, Role.of({"id": "rol_0000000000000001", "name": "reader"}))

    def client(self, client_id: str, **members: str) -> None:
        put_client(self.tenant, Client.of({"client_id": client_id, "name": client_id.title(), **members}))

    def answer(self, method: str, path: str = PATH, body: object = None) -> tuple[int, Any]:
        return self.api.answer(method, path, body, token=self.token)

    def create(self, **members: object) -> dict[str, Any]:
        status, invitation = self.answer("POST", PATH, {**BODY, **members})
        assert status == 201, invitation
        return dict(invitation)


@pytest.fixture
def invitations(api: Api) -> Invitations:
    return Invitations(api)


def test_an_invitation_is_the_recorded_one(invitations: Invitations) -> None:
    """Members in the recorded order; a week; the URL is the application's own."""
    created = invitations.create()
    ticket, id = created["ticket_id"], created["id"]
    assert list(created.items()) == [
        ("id", id),
        ("client_id", "web"),
        ("inviter", {"name": "Grace"}),
        ("invitee", {"email": "ada@example.com"}),
        (
            "invitation_url",
            f"{LOGIN}?invitation={ticket}&organization=org_acme&organization_name=acme",
        ),
        ("ticket_id", ticket),
        ("created_at", "2030-01-01T00:00:00.000Z"),
        ("expires_at", "2030-01-08T00:00:00.000Z"),
        ("organization_id", "org_acme"),
    ]
    assert (id[:5], len(id), len(ticket)) == ("uinv_", 21, 32)


def test_the_invited_gets_a_mail(invitations: Invitations) -> None:
    """It says who invites to what, and carries the URL."""
    created = invitations.create()
    [mail] = invitations.api.outbox()
    assert (mail.kind, mail.to, mail.url) == ("user_invitation", "ada@example.com", created["invitation_url"])
    assert "Grace has invited you to join Acme on Web." in mail.body
    assert created["invitation_url"] in mail.body


def test_no_mail_when_told_so(invitations: Invitations) -> None:
    """`send_invitation_email: false`: the URL is for the caller to send."""
    invitations.create(send_invitation_email=False)
    assert invitations.api.outbox() == []
    invitations.create(send_invitation_email=True)
    assert len(invitations.api.outbox()) == 1


def test_optional_members_are_kept(invitations: Invitations) -> None:
    """Connection, roles and metadata."""
    given = {
        "connection_id": DATABASE_ID,
        "roles": ["rol_0000000000000001"],
        "app_metadata": {"plan": "pro"},
        "user_metadata": {"language": "en"},
    }
    created = invitations.create(**given)
    assert {name: created[name] for name in given} == given
    assert invitations.answer("GET", f"{PATH}/{created['id']}") == (200, created)


@pytest.mark.parametrize(("ttl", "expires"), [(0, "08T00:00"), (60, "01T00:01"), (2592000, "31T00:00")])
def test_how_long_it_is_open(invitations: Invitations, ttl: int, expires: str) -> None:
    """`ttl_sec`, 0 standing for a week, thirty days at most."""
    assert invitations.create(ttl_sec=ttl)["expires_at"] == f"2030-01-{expires}:00.000Z"


def test_the_tenants_login_route_will_do(invitations: Invitations) -> None:
    """For a client without one; its own query and fragment stay."""
    route = "https://tenant.example.com/in?theme=dark#top"
    invitations.tenant.store.put(SETTINGS, ONLY, Settings.of({"default_redirection_uri": route}))
    parts = urlsplit(invitations.create(client_id="spa")["invitation_url"])
    assert dict(parse_qsl(parts.query))["theme"] == "dark"
    assert dict(parse_qsl(parts.query))["organization_name"] == "acme"
    assert (parts.netloc, parts.path, parts.fragment) == ("tenant.example.com", "/in", "top")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"client_id": "nobody"}, "The specified client_id does not exist."),
        ({"client_id": "closed"}, "The specified client_id does not allow organizations."),
        ({"client_id": "spa"}, NO_ROUTE),
        ({"connection_id": "con_9999999999999999"}, "The specified connection does not exist."),
        ({"connection_id": EMAIL_ID}, "Passwordless connections are not supported."),
        (
            {"connection_id": FACEBOOK_ID},
            f"The specified connection ({FACEBOOK_ID}) is not enabled for the organization",
        ),
        (
            {"roles": ["rol_0000000000000002", "rol_0000000000000001", "rol_0000000000000003"]},
            "One or more of the specified roles do not exist: rol_0000000000000002, rol_0000000000000003",
        ),
    ],
)
def test_what_does_not_fit_is_refused(invitations: Invitations, members: Any, message: str) -> None:
    """In the documented words; nothing is kept or sent."""
    refused = invitations.api.refusal(400, message, "invalid_body")
    assert invitations.answer("POST", PATH, {**BODY, **members}) == refused
    assert invitations.answer("GET") == (200, [])
    assert invitations.api.outbox() == []


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "Missing required property: client_id"),
        ({**BODY, "inviter": {}}, "Missing required property: name"),
        ({**BODY, "invitee": {"email": "ada"}}, "Object didn't pass validation for format email: ada"),
        ({**BODY, "ttl_sec": 2592001}, "Value 2592001 is greater than maximum 2592000"),
        ({**BODY, "nonsense": 1}, "Additional properties not allowed: nonsense"),
        ({**BODY, "roles": [1]}, "Expected type string but found type integer"),
    ],
)
def test_a_malformed_body_is_refused(invitations: Invitations, body: Any, detail: str) -> None:
    """By the schema, in the validator's words."""
    status, refused = invitations.answer("POST", PATH, body)
    assert (status, refused["errorCode"]) == (400, "invalid_body")
    assert f"Payload validation error: '{detail}'" in refused["message"]


def test_listing(invitations: Invitations) -> None:
    """The newest first, bare or in an envelope without a total; pages, fields, sorting; expired ones too."""
    ids = []
    for _ in range(3):
        ids.append(invitations.create(ttl_sec=1)["id"])
        invitations.tenant.clock.advance(hours=1)

    def listed(query: str = "") -> list[str]:
        return [invitation["id"] for invitation in invitations.answer("GET", f"{PATH}{query}")[1]]

    assert listed() == ids[::-1]
    assert listed("?sort=created_at:1") == ids
    assert listed("?page=1&per_page=2") == ids[:1]
    status, body = invitations.answer("GET", f"{PATH}?include_totals=true&per_page=1&fields=id")
    assert (status, body) == (200, {"invitations": [{"id": ids[2]}], "start": 0, "limit": 1})
    assert list(body) == ["invitations", "start", "limit"]
    one = invitations.answer("GET", f"{PATH}/{ids[0]}?fields=id,client_id")
    assert one == (200, {"id": ids[0], "client_id": "web"})
    assert invitations.answer("GET", "organizations/org_other/invitations") == (200, [])
    status, body = invitations.answer("GET", f"{PATH}?sort=name:1")
    assert (status, body["errorCode"]) == (400, "invalid_query_string")


def test_an_invitation_can_be_taken_back(invitations: Invitations) -> None:
    """204, also when it is gone already; then it is unknown, in the recorded words."""
    id = invitations.create()["id"]
    for _ in range(2):
        response = invitations.api.call("DELETE", f"{PATH}/{id}", token=invitations.token)
        assert (response.status_code, response.data) == (204, b"")
    gone = invitations.api.refusal(404, "The invitation does not exist.", "inexistent_invitation")
    assert invitations.answer("GET", f"{PATH}/{id}") == gone


def test_an_invitation_belongs_to_its_organization(invitations: Invitations) -> None:
    """Another organization neither shows nor deletes it; an unknown one has none."""
    id = invitations.create()["id"]
    other = f"organizations/org_other/invitations/{id}"
    assert invitations.answer("GET", other)[0] == 404
    invitations.api.call("DELETE", other, token=invitations.token)
    assert invitations.answer("GET", f"{PATH}/{id}")[0] == 200
    unknown = invitations.api.refusal(404, "No organization found by that id.")
    for method, path in (("GET", ""), ("POST", ""), ("GET", f"/{id}"), ("DELETE", f"/{id}")):
        assert invitations.answer(method, f"organizations/org_nowhere/invitations{path}", BODY) == unknown


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "", "create"),
        ("GET", "", "read"),
        ("GET", "/uinv_1", "read"),
        ("DELETE", "/uinv_1", "delete"),
    ],
)
def test_each_operation_has_its_scope(invitations: Invitations, method: str, path: str, scope: str) -> None:
    """And no other will do."""
    message = f"Insufficient scope, expected any of: {scope}:organization_invitations"
    token = invitations.api.token("read:users", *(other for other in SCOPES if not other.startswith(scope)))
    refused = invitations.api.refusal(403, message, "insufficient_scope")
    assert invitations.api.answer(method, f"{PATH}{path}", BODY, token=token) == refused
