"""Consent: whom the tenant asks before a client gets what it wants (§2.8)."""

from __future__ import annotations

from typing import Any

import pytest
from authentication_world import API, CALLBACK, LOCAL, World, answer, error

from mockidp.model.credentials import give_consent

ASKS = "https://asks.example.com"


def consents(world: World, page: Any) -> Any:
    """Accept on the consent page, by its own form."""
    url = page.location
    assert url.startswith("/u/consent?state="), url
    resume = world.post(url, data={"action": "accept"}, headers={"Sec-Fetch-Site": "same-origin"})
    return world.get(resume.location)


@pytest.mark.parametrize(
    ("client_id", "redirect_uri", "audience", "asked"),
    [
        ("web", CALLBACK, None, False),
        ("web", LOCAL, None, False),
        ("web", CALLBACK, API, False),
        ("web", LOCAL, API, True),
        ("web", CALLBACK, ASKS, True),
        ("web", LOCAL, ASKS, True),
        ("native", "com.example:/cb", API, True),
        ("third", CALLBACK, None, True),
        ("third", CALLBACK, API, True),
    ],
)
def test_who_is_asked(
    world: World, client_id: str, redirect_uri: str, audience: str | None, asked: bool
) -> None:
    """Third parties always; a first party for an API that does not let it skip, or not on this machine."""
    response = world.log_in(client_id=client_id, redirect_uri=redirect_uri, audience=audience)
    assert response.location.startswith("/u/consent?state=" if asked else f"{redirect_uri}?code=")


@pytest.mark.parametrize(
    "uri",
    ["http://127.0.0.1:3000/cb", "http://[::1]:3000/cb", "http://app.localhost/cb", "https://localhost/cb"],
)
def test_no_client_on_this_machine_is_verifiable(make_world: Any, uri: str) -> None:
    """Whatever it calls itself."""
    world = make_world({"clients": [{"client_id": "web", "name": "Web", "callbacks": [uri]}]})
    assert world.log_in(redirect_uri=uri, audience=API).location.startswith("/u/consent")


def test_consent_is_asked_once(world: World) -> None:
    """It is kept for user, client, audience and scopes."""
    got = consents(world, world.log_in(client_id="third", scope="openid email"))
    assert "code" in answer(got)
    assert "code" in answer(world.authorize(client_id="third", scope="openid email"))
    assert "code" in answer(world.authorize(client_id="third", scope="openid", prompt="none"))


@pytest.mark.parametrize(
    ("user", "params"),
    [
        ("alice@example.com", {"scope": "openid profile"}),
        ("alice@example.com", {"audience": API}),
        ("bob@example.com", {}),
    ],
    ids=["more scopes", "another audience", "another user"],
)
def test_consent_is_for_what_was_asked(world: World, user: str, params: dict[str, str]) -> None:
    """More of it is asked again."""
    alice = world.user("alice@example.com").user_id
    give_consent(world.tenant, alice, "third", "", ("openid", "email"))
    asked = {"client_id": "third", "scope": "openid email", **params}
    assert world.log_in(user, **asked).location.startswith("/u/consent")


def test_prompt_consent_asks_again(world: World) -> None:
    """Whatever was consented to, for a first party too, and once per request."""
    page = world.log_in(prompt="consent")
    assert "code" in answer(consents(world, page))
    again = world.authorize(prompt="consent")
    assert again.location.startswith("/u/consent")


def test_a_denial_goes_to_the_client(world: World) -> None:
    """`access_denied`; nothing is kept."""
    page = world.log_in(client_id="third")
    resume = world.post(page.location, data={"action": "deny"})
    assert error(world.get(resume.location)) == ("access_denied", "User did not authorize the request")
    assert error(world.authorize(client_id="third", prompt="none"))[0] in (
        "consent_required",
        "login_required",
    )


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_another_site_cannot_consent(world: World, site: str) -> None:
    """A page elsewhere posts the form with the user's cookies: nothing happens."""
    page = world.log_in(client_id="third")
    forged = world.post(page.location, data={"action": "accept"}, headers={"Sec-Fetch-Site": site})
    assert forged.status_code == 400
    assert world.get(page.location).status_code == 200
    assert "code" in answer(consents(world, page))


def test_scopes_that_are_not_granted_need_no_consent(world: World) -> None:
    """Only what the client would get is asked about."""
    alice = world.user("alice@example.com").user_id
    give_consent(world.tenant, alice, "third", API, ("openid", "read:x"))
    response = world.log_in(client_id="third", audience=API, scope="openid read:x nonsense")
    assert "code" in answer(response)


def test_consent_cannot_be_skipped_by_going_on(world: World) -> None:
    """The dispatcher shows the page again."""
    page = world.log_in(client_id="third")
    again = world.get(page.location.replace("/u/consent", "/authorize/resume"))
    assert again.location == page.location
