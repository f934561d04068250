"""auth0-python 6: what sends mails or makes links, and the blocks that one of them ends."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from auth0.authentication import GetToken
from auth0.authentication.exceptions import Auth0Error, RateLimitError
from auth0.management import (
    ManagementClient,
    OrganizationInvitationInvitee,
    OrganizationInvitationInviter,
)
from auth0.management.errors import NotFoundError
from python_clients import DATABASE, point_at

from mockidp import MockIdp

BOB, CAROL = "bob@example.com", "carol@example.com"


@pytest.fixture
def sdk(idp: MockIdp, monkeypatch: pytest.MonkeyPatch) -> Iterator[ManagementClient]:
    """The client as the README makes it; a connection pool of our own, for the SDK never closes its."""
    point_at(idp, monkeypatch)
    with httpx.Client() as pool:
        yield ManagementClient(
            domain=idp.domain, client_id="m2m", client_secret="m2m-secret", httpx_client=pool
        )


def test_blocks_are_listed_and_ended(idp: MockIdp, sdk: ManagementClient) -> None:
    """By user and by name, in the SDK's own types; a refused login is its rate limit error."""
    get_token = GetToken(idp.domain, "web", client_secret="web-secret")
    for _ in range(10):
        with pytest.raises(Auth0Error, match=r"Wrong email or password\."):
            get_token.login(BOB, "wrong", realm=DATABASE)
    with pytest.raises(RateLimitError) as caught:
        get_token.login(BOB, "bob-password", realm=DATABASE)
    assert caught.value.status_code == 429
    user_id = idp.users[BOB].user_id
    by_name = sdk.user_blocks.list_by_identifier(identifier=BOB, consider_brute_force_enablement=True)
    for found in (sdk.user_blocks.list(user_id), by_name):
        [block] = found.blocked_for
        assert (block.identifier, block.ip, block.connection) == (BOB, "127.0.0.1", DATABASE)
    sdk.user_blocks.delete(user_id)
    assert sdk.user_blocks.list(user_id).blocked_for == []
    sdk.user_blocks.delete_by_identifier(identifier=BOB)
    assert get_token.login(BOB, "bob-password", realm=DATABASE)["access_token"]


def test_invites_to_an_organization(idp: MockIdp, sdk: ManagementClient) -> None:
    """Made, listed by its pager, read and deleted; the URL is the mail's."""
    acme = idp.organization("acme").id
    invited = sdk.organizations.invitations.create(
        acme,
        inviter=OrganizationInvitationInviter(name="Alice"),
        invitee=OrganizationInvitationInvitee(email="dora@example.com"),
        client_id="web",
        ttl_sec=86400,
    )
    assert invited.invitation_url == idp.outbox.last.url
    assert (invited.expires_at - invited.created_at).days == 1
    assert [each.id for each in sdk.organizations.invitations.list(acme)] == [invited.id]
    assert sdk.organizations.invitations.get(acme, invited.id).ticket_id == invited.ticket_id
    sdk.organizations.invitations.delete(acme, invited.id)
    with pytest.raises(NotFoundError):
        sdk.organizations.invitations.get(acme, invited.id)


def test_makes_tickets_and_a_verification_job(idp: MockIdp, sdk: ManagementClient) -> None:
    """Links that work, and a mail."""
    carol = idp.users[CAROL].user_id
    job = sdk.jobs.verification_email.create(user_id=carol, client_id="web")
    assert (job.type, job.status) == ("verification_email", "pending")
    assert sdk.jobs.get(job.id).status == "completed"
    assert (idp.outbox.last.kind, idp.outbox.last.to) == ("verify_email", CAROL)
    browser = idp.browser()
    ticket = sdk.tickets.verify_email(user_id=carol, ttl_sec=60, result_url="https://app.example.com/").ticket
    assert "/u/email-verification?ticket=" in ticket
    assert browser.get(idp.outbox.last.url or "").heading == "Email Verified"
    ticket = sdk.tickets.change_password(user_id=carol, client_id="web", mark_email_as_verified=True).ticket
    assert browser.get(ticket).heading == "Change your password"
