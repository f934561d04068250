"""grant_type=refresh_token (§4.6): rotation, leeway, reuse, families, lifetimes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from authentication_world import API, WEB, World, claims_of, error

from mockidp.model.client import Client, find_client, put_client
from mockidp.model.role import USER_ROLES
from mockidp.model.user import delete_user, put_user, rewrite

INVALID = ("invalid_grant", "Unknown or invalid refresh token.")
GONE = ("invalid_grant", "The refresh_token was generated for a user who doesn't exist anymore.")
OFFLINE = "openid profile offline_access"
DAY = 86400


def first(world: World, client_id: str = "web", user: str = "alice@example.com", **params: str) -> str:
    """Return the refresh token of a login."""
    tokens = world.tokens(user, client_id=client_id, **{"scope": OFFLINE, **params})
    assert tokens["refresh_token"].startswith("v1.M")
    assert len(tokens["refresh_token"]) == 64
    return str(tokens["refresh_token"])


def refused(world: World, token: str, client_id: str = "web") -> bool:
    response = world.refresh(token, client_id)
    assert response.status_code in (200, 403)
    assert response.status_code == 200 or error(response) == INVALID
    return response.status_code == 403


def test_without_rotation_the_token_stays(world: World) -> None:
    """It is good again and again, and not in the answer."""
    token = first(world)
    for _ in range(3):
        response = world.refresh(token)
        assert list(response.json) == ["access_token", "id_token", "scope", "expires_in", "token_type"]
        assert response.json["scope"] == OFFLINE
    world.clock.advance(days=3650)
    assert not refused(world, token)


def test_nobody_logged_in_when_tokens_are_refreshed(world: World) -> None:
    """No nonce and no auth_time; the same user and session; `gty` says how the token came (§7)."""
    login = world.tokens(scope=OFFLINE, nonce="N", max_age="100", audience=API)
    refreshed = world.refresh(login["refresh_token"]).json
    old, new = claims_of(login["id_token"]), world.verified(refreshed["id_token"], "web")
    assert {"nonce", "auth_time"} <= set(old)
    assert not {"nonce", "auth_time"} & set(new)
    assert (new["sub"], new["sid"]) == (old["sub"], old["sid"])
    access = claims_of(refreshed["access_token"])
    assert access["gty"] == "refresh_token"
    assert access["aud"] == claims_of(login["access_token"])["aud"]


@pytest.mark.parametrize(
    ("requested", "granted"),
    [
        (None, "openid profile offline_access read:x"),
        ("openid read:x", "openid read:x"),
        ("read:x", "read:x"),
        ("openid write:x email nonsense", "openid"),
        ("nonsense", None),
    ],
)
def test_scopes_can_only_shrink(world: World, requested: str | None, granted: str | None) -> None:
    """What was not granted is dropped; the next exchange may have all again."""
    token = first(world, audience=API, scope=f"{OFFLINE} read:x")
    scope = {"scope": requested} if requested else {}
    response = world.refresh(token, **scope)
    assert response.status_code == 200
    assert response.json.get("scope") == granted
    assert ("id_token" in response.json) == ("openid" in (granted or ""))
    assert world.refresh(token).json["scope"] == "openid profile offline_access read:x"


def test_a_successor_keeps_what_was_not_asked_for(world: World) -> None:
    """Asking for less does not shrink the family."""
    token = world.refresh(first(world, "spa"), "spa", scope="openid").json["refresh_token"]
    assert world.refresh(token, "spa").json["scope"] == OFFLINE


def test_a_role_that_was_taken_away_takes_its_scope(make_world: Any) -> None:
    """The user's permissions count at each exchange, not those of the login."""
    rbac = "https://rbac.example.com"
    world = make_world({"resourceServers": [{"identifier": rbac, "allow_offline_access": True}]})
    token = first(world, audience=rbac, scope="openid offline_access read:x")
    assert world.refresh(token).json["scope"] == "openid offline_access read:x"
    world.tenant.store.put(USER_ROLES, world.user("alice@example.com").user_id, ())
    assert world.refresh(token).json["scope"] == "openid offline_access"


@pytest.mark.parametrize("token", ["nonsense", "v1.M" + "x" * 60, "\x00", "ü", "x" * 10_000])
def test_an_unknown_token_is_refused(world: World, token: str) -> None:
    """The text ends in a dot: SDKs match it."""
    response = world.refresh(token)
    assert (response.status_code, error(response)) == (403, INVALID)


def test_a_token_is_for_its_client_alone(world: World) -> None:
    """Another client is refused, and does no harm to the family."""
    token = first(world, "spa")
    assert refused(world, token, "lax")
    assert not refused(world, token, "spa")


def test_rotation_gives_a_successor(world: World) -> None:
    """Each exchange one, and the chain goes on."""
    token = first(world, "spa")
    seen = {token}
    for _ in range(4):
        response = world.refresh(token, "spa")
        expected = ["access_token", "refresh_token", "id_token", "scope", "expires_in", "token_type"]
        assert list(response.json) == expected
        token = response.json["refresh_token"]
        seen.add(token)
    assert len(seen) == 5


@pytest.mark.parametrize("age", [1, 2, 3])
def test_using_an_old_token_revokes_the_family(world: World, age: int) -> None:
    """The newest too, at once and for good; another login of the user stays."""
    chain = [first(world, "spa")]
    other = first(world, "spa")
    for _ in range(3):
        chain.append(world.refresh(chain[-1], "spa").json["refresh_token"])
    assert refused(world, chain[-1 - age], "spa")
    assert all(refused(world, token, "spa") for token in reversed(chain))
    assert not refused(world, other, "spa")


@pytest.mark.parametrize(("seconds", "status"), [(0, 200), (59, 200), (60, 403)])
def test_the_leeway_forgives_a_lost_answer(world: World, seconds: int, status: int) -> None:
    """Within it the predecessor gives another successor; both are good."""
    token = first(world, "lax")
    one = world.refresh(token, "lax").json["refresh_token"]
    world.clock.advance(seconds)
    response = world.refresh(token, "lax")
    assert response.status_code == status
    if status == 200:
        two = response.json["refresh_token"]
        assert one != two
        assert not refused(world, one, "lax")
        assert not refused(world, two, "lax")
    else:
        assert refused(world, one, "lax")


def test_the_leeway_is_for_the_immediate_predecessor_alone(world: World) -> None:
    """Once a successor was used, the old token means theft."""
    token = first(world, "lax")
    one = world.refresh(token, "lax").json["refresh_token"]
    two = world.refresh(one, "lax").json["refresh_token"]
    assert refused(world, token, "lax")
    assert refused(world, two, "lax")


def test_the_leeway_counts_from_the_first_use(world: World) -> None:
    """A second use does not prolong it."""
    token = first(world, "lax")
    for status in (200, 200, 403):
        assert world.refresh(token, "lax").status_code == status
        world.clock.advance(30)


def test_rotation_does_not_extend_the_lifetime(world: World) -> None:
    """30 days after the login the family ends, however often it was used."""
    token = first(world, "spa")
    for _ in range(5):
        world.clock.advance(5 * DAY)
        token = world.refresh(token, "spa").json["refresh_token"]
    world.clock.advance(5 * DAY - 1)
    token = world.refresh(token, "spa").json["refresh_token"]
    world.clock.advance(1)
    assert refused(world, token, "spa")


@pytest.mark.parametrize("client_id", ["spa", "expiring"])
@pytest.mark.parametrize(("seconds", "over"), [(15 * DAY - 1, False), (15 * DAY, True)])
def test_an_idle_token_ends(world: World, client_id: str, seconds: int, over: bool) -> None:
    """15 days without use."""
    token = first(world, client_id)
    world.clock.advance(seconds)
    assert refused(world, token, client_id) == over


def test_use_restarts_the_idle_time_of_a_token_that_does_not_rotate(world: World) -> None:
    """But not the absolute lifetime."""
    token = first(world, "expiring")
    for _ in range(2):
        world.clock.advance(14 * DAY)
        assert not refused(world, token, "expiring")
    world.clock.advance(2 * DAY - 1)
    assert not refused(world, token, "expiring")
    world.clock.advance(1)
    assert refused(world, token, "expiring")


@pytest.mark.parametrize(
    ("policy", "days", "over"),
    [
        ({"token_lifetime": DAY, "idle_token_lifetime": DAY}, 1, True),
        ({"infinite_token_lifetime": True}, 14, False),
        ({"infinite_token_lifetime": True, "infinite_idle_token_lifetime": True}, 5000, False),
        ({"infinite_idle_token_lifetime": True}, 29, False),
        ({"infinite_idle_token_lifetime": True}, 30, True),
    ],
)
def test_the_clients_policy_counts(make_world: Any, policy: dict[str, Any], days: int, over: bool) -> None:
    """Lifetimes in seconds, or none."""
    rotating = {"rotation_type": "rotating", "expiration_type": "expiring", **policy}
    world = make_world({"clients": [{"client_id": "spa", "name": "Spa", "refresh_token": rotating}]})
    token = first(world, "spa")
    world.clock.advance(days=days)
    assert refused(world, token, "spa") == over


def test_switching_rotation_on_replaces_older_tokens(make_world: Any) -> None:
    """The exchanged token gets a rotating successor; others of the same kind are deleted (§4.6)."""
    world = make_world()
    token, sibling = first(world), first(world)
    elsewhere, bobs = first(world, audience=API), first(world, user="bob@example.com")
    document = {**_client(world, "web").document, "refresh_token": {"rotation_type": "rotating"}}
    put_client(world.tenant, Client.of(document))
    successor = world.refresh(token).json["refresh_token"]
    assert refused(world, sibling)
    assert not refused(world, successor)
    assert not refused(world, elsewhere)
    assert not refused(world, bobs)


def _client(world: World, client_id: str) -> Client:
    found = find_client(world.tenant, client_id)
    assert found is not None
    return found


def test_a_deleted_user_is_gone(world: World) -> None:
    """SDKs match this text."""
    token = first(world)
    delete_user(world.tenant, world.user("alice@example.com").user_id)
    response = world.refresh(token)
    assert (response.status_code, error(response)) == (403, GONE)


def test_a_linked_user_is_gone_and_stays_so(world: World) -> None:
    """The secondary's tokens are dead, after unlinking too: that is a new account."""
    token = first(world, user="bob@example.com")
    bob = world.user("bob@example.com").main
    world.idp.link("alice@example.com", "bob@example.com")
    assert error(world.refresh(token)) == GONE
    world.idp.unlink("alice@example.com", bob.provider, str(bob.user_id))
    assert error(world.refresh(token)) == GONE
    assert not refused(world, first(world, user="bob@example.com"))


def test_a_blocked_user_gets_nothing(world: World) -> None:
    """Until he is unblocked."""
    token = first(world)
    user = world.user("alice@example.com")
    put_user(world.tenant, rewrite(user, {"blocked": True}))
    assert refused(world, token)
    put_user(world.tenant, user)
    assert not refused(world, token)


@pytest.mark.parametrize(("client_id", "winners"), [("spa", 1), ("lax", 16), ("web", 16)])
def test_parallel_exchanges(world: World, client_id: str, winners: int) -> None:
    """Rotating without leeway: at most one gets tokens, and none that last; else all do."""
    token = first(world, client_id)
    with ThreadPoolExecutor(16) as pool:
        calls = [pool.submit(world.another_browser().refresh, token, client_id) for _ in range(16)]
        responses = [call.result() for call in calls]
    good = [response.json for response in responses if response.status_code == 200]
    if client_id == "spa":
        assert len(good) <= winners
        assert all(refused(world, tokens["refresh_token"], "spa") for tokens in good)
    else:
        assert len(good) == winners
        assert not refused(world, good[0].get("refresh_token", token), client_id)


def test_json_works_too(world: World) -> None:
    """As for every grant."""
    body = {"grant_type": "refresh_token", "refresh_token": first(world), **WEB}
    assert world.post("/oauth/token", json=body).status_code == 200
