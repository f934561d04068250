"""From an invitation's mail to a membership: what the invited does, page by page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from authentication_world import DATABASE, World, answer, claims_of, error, state_of
from werkzeug.test import TestResponse

from mockidp.model.connection import find_connection
from mockidp.model.organization import find_membership
from mockidp.model.outbox import MESSAGES
from mockidp.model.role import ROLES

MakeWorld = Callable[..., World]
LOGIN = "https://app.example.com/login"
BOB, NEW = "bob@example.com", "new@example.com"
GOOD = "Correct-Horse-9"


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """The client has a login route; Globex has a social connection besides."""
    return make_world({"clients": [{"client_id": "web", "initiate_login_uri": LOGIN}]})


def manage(world: World, method: str, path: str, body: Any = None) -> TestResponse:
    headers = {"Authorization": f"Bearer {world.idp.management_token()}"}
    sent = {} if body is None else {"json": body}
    return world.another_browser().open(method, f"/api/v2/organizations/{path}", headers=headers, **sent)


def invite(world: World, email: str, org: str = "initech", **members: Any) -> dict[str, str]:
    """Invite somebody; return the parameters that the mailed link has."""
    body = {"inviter": {"name": "Grace"}, "invitee": {"email": email}, "client_id": "web", **members}
    response = manage(world, "POST", f"org_{org}/invitations", body)
    assert response.status_code == 201, response.text
    mail = world.tenant.store.all(MESSAGES)[-1]
    assert (mail.kind, mail.to, mail.url) == ("user_invitation", email, response.json["invitation_url"])
    parts = urlsplit(mail.url)
    assert parts._replace(query="").geturl() == LOGIN
    return dict(parse_qsl(parts.query))


def follow(world: World, link: dict[str, str], **params: str) -> TestResponse:
    """Do what the application does with the link's parameters; return its first redirect."""
    return world.authorize(invitation=link["invitation"], organization=link["organization"], **params)


def finish(world: World, page: TestResponse, path: str, **form: str) -> TestResponse:
    """Submit a page and go on to the client."""
    resumed = world.post(path, data={"state": state_of(page), **form})
    assert resumed.status_code == 302, resumed.text
    return world.get(resumed.location)


def kinds(world: World) -> list[str]:
    return [message.kind for message in world.tenant.store.all(MESSAGES)]


def is_member(world: World, email: str, org: str = "initech") -> bool:
    return find_membership(world.tenant, f"org_{org}", world.user(email).user_id) is not None


def test_somebody_new_signs_up(world: World) -> None:
    """The page says who invites and knows the address; the new account is a verified member."""
    link = invite(world, NEW)
    page = follow(world, link, screen_hint="signup")
    shown = world.get(page.location).text
    assert "You&#39;ve Been Invited!" in shown
    assert "<bdi>Grace</bdi>'s invitation to join <strong><bdi>initech</bdi></strong>" in shown
    assert f'value="{NEW}"' in shown
    code = answer(finish(world, page, "/u/signup", email=NEW, password=GOOD))["code"]
    assert claims_of(world.redeem(code).json["id_token"])["org_id"] == "org_initech"
    user = world.user(NEW)
    assert (user.email_verified, user.profile["email_verified"]) == (True, True)
    assert is_member(world, NEW)
    assert kinds(world) == ["user_invitation"]


def test_somebody_known_logs_in(world: World) -> None:
    """By the login page, with the password; the address is verified from then on."""
    link = invite(world, BOB)
    page = follow(world, link)
    shown = world.get(page.location).text
    assert "Log in to accept <bdi>Grace</bdi>'s invitation" in shown
    assert f'value="{BOB}"' in shown
    assert world.user(BOB).email_verified is False
    assert "code" in answer(finish(world, page, "/u/login", username=BOB, password="bob-password"))
    assert is_member(world, BOB)
    assert world.user(BOB).email_verified is True


def test_an_accepted_invitation_is_gone(world: World) -> None:
    """The link is good once, and the Management API does not know it any more."""
    link = invite(world, BOB)
    finish(world, follow(world, link), "/u/login", username=BOB, password="bob-password")
    again = follow(world.another_browser(), link)
    assert error(again) == ("invalid_request", "invitation not found or already used")
    assert manage(world, "GET", "org_initech/invitations").json == []


def test_another_address_cannot_use_it(world: World) -> None:
    """Signing up with another one is possible, joining is not; that address has to be verified, too."""
    page = follow(world, invite(world, NEW))
    response = finish(world, page, "/u/signup", email="other@example.com", password=GOOD)
    assert error(response)[0] == "access_denied"
    assert not is_member(world, "other@example.com")
    assert world.user("other@example.com").email_verified is False
    assert kinds(world) == ["user_invitation", "verify_email"]


def test_the_time_is_the_tenants(world: World) -> None:
    """A week, or what was asked for."""
    link, short = invite(world, BOB), invite(world, BOB, ttl_sec=60)
    world.clock.advance(minutes=1)
    assert error(follow(world, short))[1] == "invitation not found or already used"
    world.clock.advance(days=6)
    assert follow(world, link).location.startswith("/u/login")
    world.clock.advance(days=1)
    assert error(follow(world, link))[1] == "invitation not found or already used"


def test_one_that_was_taken_back_opens_nothing(world: World) -> None:
    """Deleted by the Management API, even when the login page is open already."""
    link = invite(world, BOB)
    page = follow(world, link)
    [invitation] = manage(world, "GET", "org_initech/invitations").json
    manage(world, "DELETE", f"org_initech/invitations/{invitation['id']}")
    response = finish(world, page, "/u/login", username=BOB, password="bob-password")
    assert error(response) == ("invalid_request", "invitation not found or already used")
    assert not is_member(world, BOB)


def test_roles_are_those_of_the_member(world: World) -> None:
    """They count in this organization."""
    role = world.tenant.store.all(ROLES)[0]
    link = invite(world, BOB, roles=[role.id])
    rbac = {"audience": "https://rbac.example.com", "scope": "openid read:x"}
    page = follow(world, link, **rbac)
    code = answer(finish(world, page, "/u/login", username=BOB, password="bob-password"))["code"]
    assert claims_of(world.redeem(code).json["access_token"])["permissions"] == ["read:x"]


def test_a_connection_can_be_forced(world: World) -> None:
    """`connection_id`: the login goes there, without a choice."""
    google = find_connection(world.tenant, "google-oauth2")
    database = find_connection(world.tenant, DATABASE)
    assert google is not None
    assert database is not None
    link = invite(world, "gail@example.com", "globex", connection_id=google.id)
    page = follow(world, link)
    assert page.location.startswith("/u/upstream?connection=google-oauth2")
    assert "code" in answer(world.answer_login(page, "gail@example.com"))
    link = invite(world, BOB, "globex", connection_id=database.id)
    shown = world.another_browser().get(follow(world, link).location).text
    assert "Continue with" not in shown


def test_the_session_of_the_invited_joins_at_once(world: World) -> None:
    """Somebody else's does not: who was invited has to log in, in the same browser."""
    world.log_in(BOB)
    assert "code" in answer(follow(world, invite(world, BOB)))
    assert is_member(world, BOB)
    page = follow(world, invite(world, NEW))
    assert page.location.startswith("/u/login")
    assert error(follow(world, invite(world, NEW), prompt="none"))[0] == "login_required"


def test_an_inviters_name_is_text(world: World) -> None:
    """Whatever it is, on the login page and in the mail."""
    link = invite(world, BOB, inviter={"name": "<b>Eve</b>"})
    shown = world.get(follow(world, link).location).text
    assert "&lt;b&gt;Eve&lt;/b&gt;" in shown
    assert "<b>Eve" not in shown
