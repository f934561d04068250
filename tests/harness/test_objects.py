"""The objects of the Python interface: users, clients, organizations, and how they are named."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from mockidp import MockIdp, UsageError
from mockidp.errors import ApiError

API = "https://api.example.com"
DB = "Username-Password-Authentication"
ALICE, GOOGLE, FACEBOOK = "alice@example.com", "google-oauth2|103547991597142817347", "facebook|1022"
CALLBACK = "http://localhost:3000/callback"


def management(idp: MockIdp, path: str, token: str | None = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {token or idp.management_token()}"}
    return requests.get(f"{idp.url}/api/v2/{path}", headers=headers, timeout=30)


def test_users_are_found_by_whatever_names_them(idp: MockIdp) -> None:
    """E-mail in any case, user_id, name, a linked identity, or the object itself."""
    alice = idp.users[ALICE]
    for who in ("ALICE@example.com", alice.user_id, "Alice Example", alice):
        assert idp.users[who] == alice, who
    idp.link(alice, GOOGLE)
    assert idp.users[GOOGLE].user_id == alice.user_id
    assert ALICE in idp.users
    assert idp.users.get("nobody@example.com") is None
    assert idp.users.get("nobody@example.com", alice) == alice


def test_a_name_that_several_have_is_no_answer(idp: MockIdp) -> None:
    """Their ids are named, as for an e-mail; an empty one is nobody's."""
    for number in (1, 2):
        idp.add_user(email=f"{number}@example.com", name="Twin", user_id=f"auth0|{number}")
    with pytest.raises(UsageError, match=r"2 users have the name 'Twin'; .*: 'auth0\|1', 'auth0\|2'"):
        idp.users.get("Twin")
    idp.add_user(user_id="facebook|5")
    assert (idp.users["facebook|5"].name, idp.users.get("")) == ("", None)


def test_objects_show_what_they_are(idp: MockIdp) -> None:
    """In failures of tests, and where somebody prints them."""
    idp.clock.freeze("2030-01-01")
    browser = idp.browser()
    assert [repr(idp), repr(idp.clock), repr(browser)] == [
        f"<MockIdp {idp.url}>",
        "<Clock 2030-01-01T00:00:00.000Z, frozen>",
        "<Browser without a page>",
    ]
    browser.get("/test")
    assert repr(browser) == f"<Browser at {idp.url}/test>"


def test_a_user_has_the_management_apis_attributes(idp: MockIdp) -> None:
    """The same document that `GET /api/v2/users/{id}` answers, as items and as attributes."""
    alice = idp.users[ALICE]
    assert alice == management(idp, f"users/{alice.user_id}").json()
    assert (alice.email, alice["email_verified"], alice.user_metadata.plan) == (ALICE, True, "pro")
    assert (alice.identities[0].provider, alice["identities"][0]["connection"]) == ("auth0", DB)
    assert (alice.blocked, alice.last_login, idp.users["bob@example.com"].app_metadata) == (False, None, {})
    with pytest.raises(AttributeError, match="no member 'emial'"):
        _ = alice.emial


def test_a_user_object_follows_the_user(idp: MockIdp) -> None:
    """What happened since is seen; an account that is gone shows its last state."""
    alice, google = idp.users[ALICE], idp.users[GOOGLE]
    idp.link(alice, google)
    assert [identity.provider for identity in alice.identities] == ["auth0", "google-oauth2"]
    assert google.email == "alice@gmail.com"


def test_changing_what_was_read_changes_nothing(idp: MockIdp) -> None:
    """A test may keep and edit what it got."""
    idp.users[ALICE].user_metadata["plan"] = "free"
    idp.users[ALICE].identities.clear()
    assert idp.users[ALICE].user_metadata.plan == "pro"
    assert len(idp.users[ALICE].identities) == 1
    with pytest.raises(AttributeError, match=r"user 'auth0\|.*' shows the tenant; the Management API"):
        idp.users[ALICE].email = "new@example.com"


def test_iterating_gives_all_users(idp: MockIdp) -> None:
    """In the seed's order."""
    assert [user.email for user in idp.users][:2] == [ALICE, "bob@example.com"]
    assert len(idp.users) == len(list(idp.users)) == 5


@pytest.mark.parametrize(
    ("look_up", "nearest"),
    [
        (lambda idp: idp.users["alise@example.com"], ALICE),
        (lambda idp: idp.client("Wep"), "Web"),
        (lambda idp: idp.organization("acne"), "acme"),
        (lambda idp: idp.add_user(email="x@example.com", connection="gogle-oauth2"), "google-oauth2"),
        (lambda idp: idp.add_user(email="x@example.com", roles=["admim"]), "admin"),
        (lambda idp: idp.add_user(emial="x@example.com"), "email"),
        (lambda idp: idp.token(ALICE, audience="https://api.exampel.com"), API),
        (lambda idp: idp.link(ALICE, "facebook|1023"), FACEBOOK),
        (lambda idp: idp.login_as("bop@example.com"), "bob@example.com"),
    ],
)
def test_an_unknown_name_gives_the_nearest(idp: MockIdp, look_up: Any, nearest: str) -> None:
    """A slip is told at once."""
    with pytest.raises(UsageError, match=f"did you mean '{nearest}'"):
        look_up(idp)


def test_an_unknown_user_is_a_key_error_too(idp: MockIdp) -> None:
    """As a mapping has it, with a readable message."""
    with pytest.raises(KeyError) as caught:
        idp.users["nobody"]
    assert str(caught.value).startswith("no user 'nobody'")


def test_an_email_of_several_users_means_the_database_user() -> None:
    """Else it must be said which."""
    seed = {
        "databases": [{"name": DB}],
        "connections": [{"name": n, "strategy": n} for n in ("facebook", "github")],
        "users": [
            {"user_id": "facebook|1", "email": "a@example.com"},
            {"user_id": "github|1", "email": "a@example.com"},
            {"user_id": "facebook|2", "email": "b@example.com"},
            {"user_id": "auth0|2", "email": "b@example.com"},
        ],
    }
    idp = MockIdp(seed)
    assert idp.users["b@example.com"].user_id == "auth0|2"
    with pytest.raises(UsageError, match=r"'facebook\|1', 'github\|1'"):
        idp.users["a@example.com"]


def test_clients_and_organizations_are_objects_as_well(idp: MockIdp) -> None:
    """By name or id."""
    web, acme = idp.client("Web"), idp.organization("acme")
    assert (web.client_id, web.client_secret, web.callbacks[0]) == ("web", "web-secret", CALLBACK)
    assert idp.client("spa").web_origins == ["http://localhost:3000"]
    assert idp.client(web) == idp.client("web") == web
    assert (acme.name, acme.display_name) == ("acme", "Acme")
    assert idp.organization(acme.id) == acme


def test_an_added_user_logs_in_and_is_gone_after_a_reset(idp: MockIdp) -> None:
    """With a seed's keys."""
    dave = idp.add_user(email="dave@example.com", password="dave-password", roles=["admin"])
    form = {
        "grant_type": "password",
        "client_id": "web",
        "client_secret": "web-secret",
        "username": "dave@example.com",
        "password": "dave-password",
        "scope": "openid",
    }
    answer = requests.post(f"{idp.url}/oauth/token", data=form, timeout=30)
    assert answer.ok, answer.text
    assert management(idp, f"users/{dave.user_id}").ok
    idp.reset()
    assert "dave@example.com" not in idp.users


@pytest.mark.parametrize("wrong", [{"roles": ["admn"]}, {"organizations": ["acm"]}])
def test_a_user_who_is_refused_is_not_there(idp: MockIdp, wrong: dict[str, Any]) -> None:
    """All or nothing: another attempt is none of one who exists."""
    with pytest.raises(UsageError, match=r"unknown (role|organization)"):
        idp.add_user(email="new@example.com", **wrong)
    assert "new@example.com" not in idp.users
    idp.add_user(email="new@example.com", roles=["admin"])


def test_linking_and_unlinking(idp: MockIdp) -> None:
    """The rules are the Management API's own."""
    alice = idp.link(ALICE, FACEBOOK)
    assert alice.identities[1].profileData.email == "alice@facebook.example"
    with pytest.raises(ApiError, match="Specified identity already exists"):
        idp.link("bob@example.com", FACEBOOK)
    with pytest.raises(UsageError, match=r"no identity 'github\|1', but 'auth0"):
        idp.unlink(alice, "github", "1")
    idp.unlink(alice, "facebook", FACEBOOK)
    assert len(alice.identities) == 1
    assert idp.users[FACEBOOK].email == "alice@facebook.example"
