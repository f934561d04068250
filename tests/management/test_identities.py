"""/api/v2/users/{id}/identities, over the wire: the account-linking endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mockidp.model.session import SESSIONS, open_session
from mockidp.model.user import get_user, put_user, with_identities

if TYPE_CHECKING:
    from conftest import Api

ADA = "ada@example.com"
DATABASE = "Username-Password-Authentication"
OWN = "update:current_user_identities"
PRIMARY = "auth0|primary"
SECONDARY = "auth0|secondary"


@pytest.fixture
def two(api: Api) -> Api:
    """Two database users: one created with name and e-mail, one with e-mail only."""
    api.create(user_id="primary", email="u1@x.com", name="u1", email_verified=True, app_metadata={"a": 1})
    api.create(user_id="secondary", email="u2@x.com", app_metadata={"b": 2}, verify_email=False)
    return api


def link(api: Api, body: object, primary: str = PRIMARY, **options: Any) -> tuple[int, Any]:
    """Ask to link and return status and body."""
    return api.answer("POST", f"users/{primary}/identities", body, **options)


def unlink(api: Api, provider: str, bare_id: str, primary: str = PRIMARY, **options: Any) -> tuple[int, Any]:
    """Ask to unlink and return status and body."""
    return api.answer("DELETE", f"users/{primary}/identities/{provider}/{bare_id}", **options)


MAIN = {
    "profileData": {"email": "u1@x.com", "name": "u1", "email_verified": True},
    "connection": DATABASE,
    "user_id": "primary",
    "provider": "auth0",
    "isSocial": False,
}
LINKED = {
    "profileData": {"email": "u2@x.com", "email_verified": False},
    "connection": DATABASE,
    "user_id": "secondary",
    "provider": "auth0",
    "isSocial": False,
}

# -- link ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user_id", ["secondary", "auth0|secondary"])
def test_links_by_bare_and_by_prefixed_id(two: Api, user_id: str) -> None:
    """The answer is the recorded one: both identities, each with profileData and a bare id."""
    assert link(two, {"provider": "auth0", "user_id": user_id}) == (201, [MAIN, LINKED])


def test_a_linked_account_keeps_the_primary_only(two: Api) -> None:
    """The primary's root, the secondary's profile beside it; no metadata merges and the secondary is gone."""
    before = two.read(PRIMARY)
    two.tenant.clock.advance(1)
    link(two, {"provider": "auth0", "user_id": "secondary"})
    after = two.read(PRIMARY)
    main = {name: MAIN[name] for name in ("connection", "user_id", "provider", "isSocial")}
    expected = {**before, "identities": [main, LINKED], "updated_at": "2030-01-01T00:00:01.000Z"}
    assert after == expected
    gone = two.refusal(404, "The user does not exist.", "inexistent_user")
    assert two.answer("GET", f"users/{SECONDARY}") == gone
    assert two.answer("GET", "users-by-email?email=u2@x.com") == (200, [])


def test_the_absorbed_account_is_found_by_its_identity(two: Api) -> None:
    """Search sees linked identities, and only the primary is in the list."""
    link(two, {"provider": "auth0", "user_id": "secondary"})
    for query in ("", "?q=identities.user_id:secondary"):
        assert [user["user_id"] for user in two.answer("GET", f"users{query}")[1]] == [PRIMARY]


def test_the_absorbed_account_is_logged_out(two: Api) -> None:
    """Its sessions end; the primary's stay."""
    open_session(two.tenant, SECONDARY, DATABASE)
    kept = open_session(two.tenant, PRIMARY, DATABASE)
    link(two, {"provider": "auth0", "user_id": "secondary"})
    assert [session.id for session in two.tenant.store.all(SESSIONS)] == [kept.id]


@pytest.mark.parametrize(
    ("user_id", "connection", "body"),
    [
        ("facebook|1022", "facebook", {"provider": "facebook", "user_id": 1022}),
        ("samlp|jane", "acme", {"provider": "samlp", "user_id": "acme|jane"}),
        ("samlp|jane", "acme", {"provider": "samlp", "user_id": "samlp|acme|jane"}),
        ("google-oauth2|a/b", "google-oauth2", {"provider": "google-oauth2", "user_id": "a/b"}),
        ("auth0|x", "other-database", {"provider": "auth0", "user_id": "x"}),
        ("auth0|x", "other-database", {"provider": "auth0", "user_id": "x", "connection_id": f"con_{1:016}"}),
    ],
)
def test_links_identities_of_any_provider(
    two: Api, user_id: str, connection: str, body: dict[str, object]
) -> None:
    """Numbers, ids with further pipes or slashes, and databases told apart by their connection."""
    two.add(user_id, connection, name="Jane")
    status, identities = link(two, body)
    assert (status, [identity["connection"] for identity in identities]) == (201, [DATABASE, connection])
    assert identities[1]["profileData"] == {"name": "Jane"}
    assert identities[1]["isSocial"] is (connection in ("facebook", "google-oauth2"))


def test_a_secondary_brings_its_linked_identities(two: Api) -> None:
    """Chains are flattened, in order."""
    two.add("facebook|1", "facebook", name="F")
    link(two, {"provider": "facebook", "user_id": "1"}, primary=SECONDARY)
    _, identities = link(two, {"provider": "auth0", "user_id": "secondary"})
    assert [identity["user_id"] for identity in identities] == ["primary", "secondary", "1"]
    assert list(two.users()) == [PRIMARY]


def test_deleting_the_primary_deletes_its_identities(two: Api) -> None:
    """And deleting the absorbed account does nothing."""
    link(two, {"provider": "auth0", "user_id": "secondary"})
    assert two.call("DELETE", f"users/{SECONDARY}").status_code == 204
    assert len(two.read(PRIMARY)["identities"]) == 2
    assert two.call("DELETE", f"users/{PRIMARY}").status_code == 204
    assert two.users() == {}


def test_upstream_tokens_need_their_scope(two: Api) -> None:
    """An identity's access token is for read:user_idp_tokens only, whatever the endpoint."""
    two.add("google-oauth2|1", "google-oauth2", email=ADA)
    two.give_idp_token("google-oauth2|1")
    body = {"provider": "google-oauth2", "user_id": "1"}
    assert "access_token" not in link(two, body)[1][1]
    assert unlink(two, "google-oauth2", "1")[0] == 200
    both = two.token("update:users", "read:user_idp_tokens")
    two.give_idp_token("google-oauth2|1")
    assert link(two, body, token=both)[1][1]["access_token"] == "upstream-token"
    for path in (f"users/{PRIMARY}", "users?q=user_id:%22auth0|primary%22"):
        _, plain = two.answer("GET", path)
        _, shown = two.answer("GET", path, token=both)
        assert "upstream-token" not in str(plain)
        assert "upstream-token" in str(shown)


INEXISTENT = "Linking to an inexistent identity is not allowed."
NOT_CONFIGURED = "The provider/connection is not configured."
LINK_REFUSALS: list[tuple[dict[str, object], str]] = [
    ({"provider": "auth0", "user_id": "primary"}, "Main identity and the new one are the same."),
    ({"provider": "auth0", "user_id": "nobody"}, INEXISTENT),
    ({"provider": "github", "user_id": "1"}, NOT_CONFIGURED),
    ({"provider": "auth0", "user_id": "secondary", "connection_id": "con_" + "x" * 16}, NOT_CONFIGURED),
    ({"provider": "auth0", "user_id": "secondary", "connection_id": f"con_{3:016}"}, NOT_CONFIGURED),
    ({"provider": "auth0", "user_id": "secondary", "connection_id": f"con_{1:016}"}, INEXISTENT),
    ({}, "Payload validation error: 'Too few properties defined (0), minimum 1'."),
    ({"provider": "auth0"}, "Payload validation error: 'Missing required property: user_id'."),
    ({"user_id": "secondary"}, "Payload validation error: 'Missing required property: provider'."),
    (
        {"provider": "auth0", "user_id": "secondary", "link_with": "a.b.c"},
        "Payload validation error: 'Additional properties not allowed: provider,user_id'.",
    ),
    (
        {"provider": "myspace", "user_id": "1"},
        "Payload validation error: 'Invalid value \"myspace\"' on property provider (Identity provider of "
        "the secondary user account being linked).",
    ),
    ({"link_with": "garbage"}, "Invalid token (link_with)."),
    ({"link_with": "a.b.c"}, "Invalid token (link_with)."),
]


@pytest.mark.parametrize(("body", "message"), LINK_REFUSALS, ids=lambda v: str(v)[:60])
def test_refuses_to_link(two: Api, body: dict[str, object], message: str) -> None:
    """Each refusal has its text, and nothing changes."""
    before = two.users()
    assert link(two, body) == two.refusal(400, message, "invalid_body")
    assert two.users() == before


def test_refuses_an_identity_that_is_linked_already(two: Api) -> None:
    """To the same account or to another one: it is a conflict."""
    two.create(user_id="third", email="u3@x.com")
    body = {"provider": "auth0", "user_id": "secondary"}
    link(two, body)
    conflict = two.refusal(409, "Specified identity already exists.", "identity_conflict")
    assert link(two, body) == conflict
    assert link(two, body, primary="auth0|third") == conflict


def test_refuses_a_primary_without_a_provider(two: Api) -> None:
    """A user id has a pipe."""
    status, body = link(two, {"provider": "auth0", "user_id": "secondary"}, primary="3241312")
    assert (status, body["errorCode"]) == (400, "invalid_uri")
    status, body = unlink(two, "auth0", "secondary", primary="3241312")
    assert body["message"].endswith("on property id (ID of the primary user account).")


def test_a_missing_primary_is_not_found(two: Api) -> None:
    """Nothing can be linked to nobody, nor unlinked from."""
    missing = two.refusal(404, "The user does not exist.", "inexistent_user")
    assert link(two, {"provider": "auth0", "user_id": "secondary"}, primary="auth0|nobody") == missing
    assert unlink(two, "auth0", "secondary", primary="auth0|nobody") == missing


# -- link_with -----------------------------------------------------------------------------------------


def test_a_user_links_by_the_id_token_of_the_other_account(two: Api) -> None:
    """The own access token and the other account's ID token, both issued to the same client."""
    token = two.token(OWN, user_id=PRIMARY, client_id="spa")
    body = {"link_with": two.id_token(SECONDARY, "spa")}
    assert link(two, body, token=token) == (201, [MAIN, LINKED])


def test_a_client_may_link_by_an_id_token_too(two: Api) -> None:
    """When that was issued to the very same client, also among several audiences."""
    body = {"link_with": two.id_token(SECONDARY, "m2m", aud=["other", "m2m"])}
    assert link(two, body)[0] == 201


def token_problems(api: Api) -> list[tuple[str, str]]:
    """Return unacceptable link_with tokens, each with the refusal that it gets."""
    invalid = "Invalid token (link_with)."
    claims = {"sub": SECONDARY, "aud": "m2m"}
    good = api.signed(claims)
    return [
        (good[:-6] + "AAAAAA", invalid),
        (api.signed({**claims, "exp": api.tenant.now()}), invalid),
        (api.signed(claims, "HS256", "secret-of-at-least-thirty-two-bytes"), "must have an alg of RS256."),
        (api.signed(claims, "PS256"), "must have an alg of RS256."),
        (
            api.signed({**claims, "iss": "https://evil.example/"}),
            "must have the same issuer as the calling user.",
        ),
        (api.signed({**claims, "aud": "web"}), "contains an invalid aud claim"),
        (api.signed({**claims, "aud": None}), "contains an invalid aud claim"),
        (api.signed({**claims, "sub": None}), "must contains sub claim."),
        (api.signed({**claims, "sub": "secondary"}), "contains an invalid sub claim."),
        (api.signed({**claims, "sub": "|secondary"}), "contains an invalid sub claim."),
        (api.signed({**claims, "sub": "auth0|nobody"}), "Provided secondary account not found."),
        (api.signed({**claims, "sub": PRIMARY}), "Main identity and the new one are the same."),
        (api.token("openid", user_id=SECONDARY), "contains an invalid aud claim"),
    ]


@pytest.mark.parametrize("number", range(13))
def test_refuses_an_id_token(two: Api, number: int) -> None:
    """Signature, times, algorithm, issuer, audience and subject are checked, and nothing changes."""
    token, text = token_problems(two)[number]
    message = f"JWT (link_with) {text}" if text[0].islower() else text
    before = two.users()
    assert link(two, {"link_with": token}) == two.refusal(400, message, "invalid_body")
    assert two.users() == before


def test_a_users_id_token_must_be_for_the_same_client(two: Api) -> None:
    """The audience has to be whom the access token was issued to."""
    token = two.token(OWN, user_id=PRIMARY, client_id="spa")
    message = "JWT (link_with) must have an aud claim that matches that of the calling token's azp."
    expected = two.refusal(400, message, "invalid_body")
    assert link(two, {"link_with": two.id_token(SECONDARY, "web")}, token=token) == expected


# -- who may -------------------------------------------------------------------------------------------


def test_a_user_acts_on_the_own_account_only(two: Api) -> None:
    """Neither linking to nor unlinking from somebody else."""
    token = two.token(OWN, user_id=SECONDARY, client_id="spa")
    message = "User to be acted on does not match subject in bearer token."
    expected = two.refusal(403, message, "unowned_resource")
    assert link(two, {"link_with": two.id_token(SECONDARY, "spa")}, token=token) == expected
    assert unlink(two, "auth0", "secondary", token=token) == expected


def test_a_user_cannot_link_by_name(two: Api) -> None:
    """The secondary account has to be proven by its ID token."""
    token = two.token(OWN, user_id=PRIMARY)
    message = "Insufficient scope, expected any of: update:users"
    expected = two.refusal(403, message, "insufficient_scope")
    assert link(two, {"provider": "auth0", "user_id": "secondary"}, token=token) == expected


def test_a_user_unlinks_an_own_identity(two: Api) -> None:
    """The token that links can unlink."""
    link(two, {"provider": "auth0", "user_id": "secondary"})
    token = two.token(OWN, user_id=PRIMARY)
    assert unlink(two, "auth0", "secondary", token=token) == (200, [MAIN])


# -- unlink --------------------------------------------------------------------------------------------


def test_an_unlinked_identity_is_a_user_again(two: Api) -> None:
    """With its profile, its password and its old id; without metadata."""
    before = two.read(SECONDARY)
    link(two, {"provider": "auth0", "user_id": "secondary"})
    assert unlink(two, "auth0", "secondary") == (200, [MAIN])
    del before["app_metadata"]
    assert two.read(SECONDARY) == before
    assert "profileData" not in str(two.read(PRIMARY))


@pytest.mark.parametrize(
    ("provider", "bare_id"),
    [("auth0", "auth0%7Csecondary"), ("facebook", "secondary"), ("auth0", "nobody"), ("nowhere", "1")],
)
def test_unlinking_what_is_not_linked_changes_nothing(two: Api, provider: str, bare_id: str) -> None:
    """Recorded: a prefixed id is no match, and the answer is 200 with all identities."""
    link(two, {"provider": "auth0", "user_id": "secondary"})
    before = two.users()
    assert unlink(two, provider, bare_id) == (200, [MAIN, LINKED])
    assert two.users() == before


def test_refuses_to_unlink_the_main_identity(two: Api) -> None:
    """The account is its first identity."""
    link(two, {"provider": "auth0", "user_id": "secondary"})
    expected = two.refusal(400, "Main identity cannot be removed.", "invalid_body")
    assert unlink(two, "auth0", "primary") == expected


@pytest.mark.parametrize("bare_id", ["a%2Fb", "a%2fb"])
def test_unlinks_an_id_with_a_slash(two: Api, bare_id: str) -> None:
    """An escaped slash belongs to the id."""
    two.add("google-oauth2|a/b", "google-oauth2", name="G")
    link(two, {"provider": "google-oauth2", "user_id": "a/b"})
    assert unlink(two, "google-oauth2", bare_id) == (200, [MAIN])
    assert two.read("google-oauth2|a/b")["name"] == "G"


def test_unlinks_an_id_with_pipes(two: Api) -> None:
    """Enterprise ids hold the connection's name."""
    two.add("samlp|jane", "acme", name="Jane")
    link(two, {"provider": "samlp", "user_id": "acme|jane"})
    assert unlink(two, "samlp", "acme%7Cjane") == (200, [MAIN])
    assert two.read("samlp|acme|jane")["name"] == "Jane"


def test_an_unlinked_identity_keeps_its_form(two: Api) -> None:
    """A numeric id stays a number, and the upstream's tokens stay with their identity."""
    two.add("facebook|1022", "facebook", name="F")
    user = get_user(two.tenant, "facebook|1022")
    main = msgspec.structs.replace(user.main, user_id=1022, access_token="t")
    put_user(two.tenant, with_identities(two.tenant, user, (main,)))
    link(two, {"provider": "facebook", "user_id": 1022})
    assert unlink(two, "facebook", "1022") == (200, [MAIN])
    identity = get_user(two.tenant, "facebook|1022").main
    assert (identity.user_id, identity.access_token, identity.profileData) == (1022, "t", None)
