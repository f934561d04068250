"""Organizations and invitations at /authorize: who may log in to which."""

from __future__ import annotations

from typing import Any

import pytest
from authentication_world import DATABASE, World, answer, claims_of, error

from mockidp.clock import iso
from mockidp.model.organization import INVITATIONS, Invitation, find_membership
from mockidp.model.role import ROLES

NO_ID = "authorization request parameter organization must be an organization id"
REQUIRED = "parameter organization is required for this client"
NOT_ALLOWED = "parameter organization is not allowed for this client"
BY_NAME = {"tenant": {"allow_organization_name_in_authentication_api": True}}


def invite(world: World, email: str, hours: float = 24, roles: tuple[str, ...] = ()) -> str:
    """Invite somebody to initech and return the ticket."""
    invitation = Invitation.of(
        {
            "id": f"uinv_{email}",
            "organization_id": "org_initech",
            "client_id": "web",
            "ticket_id": f"ticket-{email}",
            "expires_at": iso(world.clock.now() + hours * 3600),
            "invitee": {"email": email},
            "roles": list(roles),
        }
    )
    world.tenant.store.put(INVITATIONS, invitation.id, invitation)
    return invitation.ticket_id


def is_member(world: World, email: str, org_id: str) -> bool:
    return find_membership(world.tenant, org_id, world.user(email).user_id) is not None


@pytest.mark.parametrize(
    ("client_id", "organization", "expected"),
    [
        ("web", "acme", ("invalid_request", NO_ID)),
        ("web", "org_nowhere", ("invalid_request", "organization org_nowhere does not exist")),
        ("members", None, ("invalid_request", REQUIRED)),
        ("members", "", ("invalid_request", REQUIRED)),
        ("nobody", "org_acme", ("invalid_request", NOT_ALLOWED)),
        ("web", None, None),
        ("web", "org_acme", None),
        ("members", "org_acme", None),
        ("nobody", None, None),
    ],
)
def test_the_client_says_whether_an_organization_is_used(
    world: World, client_id: str, organization: str | None, expected: tuple[str, str] | None
) -> None:
    """`organization_usage` allow, require or deny."""
    response = world.authorize(client_id=client_id, organization=organization)
    if expected:
        assert error(response) == expected
    else:
        assert response.location.startswith("/u/login")


def test_a_member_gets_the_organizations_id_in_both_tokens(world: World) -> None:
    """And again when they are refreshed; the name only where the tenant allows names."""
    tokens = world.tokens(
        organization="org_acme", audience="https://api.example.com", scope="openid offline_access"
    )
    for token in (tokens["access_token"], tokens["id_token"]):
        assert claims_of(token)["org_id"] == "org_acme"
        assert "org_name" not in claims_of(token)
    refreshed = world.refresh(tokens["refresh_token"]).json
    assert claims_of(refreshed["access_token"])["org_id"] == "org_acme"
    assert "org_id" not in claims_of(world.tokens()["id_token"])


@pytest.mark.parametrize("given", ["acme", "org_acme"])
def test_a_tenant_may_allow_names(make_world: Any, given: str) -> None:
    """Then `organization` is name or id, and `org_name` is told."""
    claims = claims_of(make_world(BY_NAME).tokens(organization=given)["id_token"])
    assert (claims["org_id"], claims["org_name"]) == ("org_acme", "acme")


def test_who_is_no_member_is_refused(world: World) -> None:
    """With the text that real tenants give."""
    bob = world.user("bob@example.com").user_id
    response = world.log_in("bob@example.com", organization="org_acme")
    assert error(response) == ("access_denied", f"user {bob} is not part of the org_acme organization")
    assert not is_member(world, "bob@example.com", "org_acme")


def test_a_session_does_not_make_a_member(world: World) -> None:
    """Single sign-on into an organization asks for membership too."""
    world.log_in("bob@example.com")
    assert error(world.authorize(organization="org_acme"))[0] == "access_denied"
    assert error(world.authorize(organization="org_acme", prompt="none"))[0] == "access_denied"


@pytest.mark.parametrize(
    ("user", "connection", "joins"),
    [("bob@example.com", DATABASE, True), ("gail@example.com", "google-oauth2", False)],
)
def test_a_connection_may_assign_membership_on_login(
    world: World, user: str, connection: str, joins: bool
) -> None:
    """`assign_membership_on_login`, by this connection and no other."""
    response = world.log_in(user, connection=connection, organization="org_globex")
    assert ("code" in answer(response)) == joins
    assert is_member(world, user, "org_globex") == joins


def test_an_invitation_makes_a_member_once(world: World) -> None:
    """The ticket is used up by the one who was invited."""
    ticket = invite(world, "bob@example.com")
    params = {"organization": "org_initech", "invitation": ticket}
    page = world.authorize(**params)
    assert 'value="bob@example.com"' in world.get(page.location).text
    assert "code" in answer(world.answer_login(page, "bob@example.com"))
    assert is_member(world, "bob@example.com", "org_initech")
    again = world.another_browser().authorize(**params)
    assert error(again) == ("invalid_request", "invitation not found or already used")


def test_the_roles_of_an_invitation_give_permissions_in_the_organization(world: World) -> None:
    """And nowhere else."""
    role = world.tenant.store.all(ROLES)[0]
    ticket = invite(world, "bob@example.com", roles=(role.id,))
    rbac = {"audience": "https://rbac.example.com", "scope": "openid read:x"}
    inside = world.tokens("bob@example.com", organization="org_initech", invitation=ticket, **rbac)
    assert inside["scope"] == "openid read:x"
    assert claims_of(inside["access_token"])["permissions"] == ["read:x"]
    assert world.tokens("bob@example.com", **rbac)["scope"] == "openid"


def test_an_invitation_is_for_one_person(world: World) -> None:
    """Somebody else is refused, and the invitation stays open."""
    ticket = invite(world, "bob@example.com")
    params = {"organization": "org_initech", "invitation": ticket}
    assert error(world.log_in("gail@example.com", **params))[0] == "access_denied"
    assert not is_member(world, "gail@example.com", "org_initech")
    assert "code" in answer(world.another_browser().log_in("bob@example.com", **params))


@pytest.mark.parametrize(
    ("organization", "invitation", "hours"),
    [
        ("org_initech", "nonsense", 24),
        ("org_acme", "ticket-bob@example.com", 24),
        (None, "ticket-bob@example.com", 24),
        ("org_initech", "ticket-bob@example.com", 0),
    ],
    ids=["unknown", "another organization", "none", "expired"],
)
def test_an_invitation_must_be_open_and_of_the_organization(
    world: World, organization: str | None, invitation: str, hours: float
) -> None:
    """One text for all (reported)."""
    invite(world, "bob@example.com", hours=hours)
    response = world.authorize(organization=organization, invitation=invitation)
    assert error(response) == ("invalid_request", "invitation not found or already used")


def test_an_invitation_that_expires_at_the_login_page_is_not_taken(world: World) -> None:
    """It counts when the user has logged in."""
    ticket = invite(world, "bob@example.com", hours=0.5)
    page = world.authorize(organization="org_initech", invitation=ticket)
    world.clock.advance(minutes=31)
    response = world.answer_login(page, "bob@example.com")
    assert error(response) == ("invalid_request", "invitation not found or already used")
