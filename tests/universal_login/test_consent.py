"""/u/consent: what is asked, and what comes of either answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mockidp.model.credentials import find_consent

if TYPE_CHECKING:
    from conftest import World

API = "https://api.example.com"
CALLBACK = "http://localhost:3000/callback"
SCOPE = ("openid", "profile", "email", "offline_access", "read:x", "write:x", "unknown")


def with_api(world: World) -> None:
    world.api(
        API,
        name="Orders",
        allow_offline_access=True,
        scopes=[{"value": "read:x", "description": "Read your orders"}, {"value": "write:x"}],
    )


def test_the_page_says_who_wants_what(world: World) -> None:
    """Client, user, API, and every scope that the client would get, in words where there are some."""
    with_api(world)
    transaction = world.begin_as(world.alice, scope=SCOPE, audience=API)
    page = world.page(world.get("/u/consent", transaction))
    text = page.text()
    assert "Web is requesting access to your mockidp account." in text
    assert "Logged in as alice@example.com" in text
    assert "In Orders, it would be able to:" in text
    assert page.text("ul") == (
        "Access your profile profile Access your email address email "
        "Keep this access while you are away offline_access Read your orders read:x write:x"
    )
    assert page.values("action") == ["accept", "deny"]
    assert set(page.values("state")) == {transaction.id}


def test_without_an_api_it_is_about_the_profile(world: World) -> None:
    """No audience: the OpenID Connect scopes alone."""
    page = world.page(world.get("/u/consent", world.begin_as(world.alice, scope=("openid", "profile"))))
    assert "It would be able to: Access your profile profile" in page.text()


def test_accepting_is_kept(world: World) -> None:
    """The consent holds the scopes that were asked, for this client at this audience."""
    with_api(world)
    transaction = world.begin_as(world.alice, scope=SCOPE, audience=API)
    assert world.resumes(world.post("/u/consent", transaction, action="accept"), transaction)
    assert world.now(transaction).consented
    consent = find_consent(world.tenant, world.alice.user_id, "web", API)
    assert consent.scope == ("openid", "profile", "email", "offline_access", "read:x", "write:x")


def test_an_accepted_client_gets_its_code_and_asks_no_more(world: World) -> None:
    """The whole way of a third-party client, twice."""
    world.client("web", name="Web", callbacks=[CALLBACK], is_first_party=False)
    transaction = world.begin_as(world.alice, scope=("openid", "profile"))
    page = world.browser.get(f"/authorize/resume?state={transaction.id}").headers["Location"]
    assert page == f"/u/consent?state={transaction.id}"
    assert "code" in world.finish(world.post("/u/consent", transaction, action="accept"))
    again = world.begin_as(world.alice, scope=("openid", "profile"))
    assert "code" in world.finish(world.browser.get(f"/authorize/resume?state={again.id}"))


def test_declining_reaches_the_client(world: World) -> None:
    """`access_denied`, and nothing is kept."""
    transaction = world.begin_as(world.alice, scope=("openid",), prompt=frozenset({"consent"}), state="xyz")
    response = world.post("/u/consent", transaction, action="deny")
    assert world.resumes(response, transaction)
    assert world.finish(response) == {
        "error": "access_denied",
        "error_description": "User did not authorize the request",
        "state": "xyz",
    }
    assert find_consent(world.tenant, world.alice.user_id, "web", "") is None


def test_only_a_clear_yes_is_one(world: World) -> None:
    """A form without the button's value refuses."""
    transaction = world.begin_as(world.alice, prompt=frozenset({"consent"}))
    assert world.finish(world.post("/u/consent", transaction))["error"] == "access_denied"


def test_nobody_consents_before_the_login(world: World) -> None:
    """Without a user both methods go back, and nothing is noted."""
    transaction = world.begin()
    assert world.resumes(world.get("/u/consent", transaction), transaction)
    assert world.resumes(world.post("/u/consent", transaction, action="accept"), transaction)
    assert not world.now(transaction).consented
