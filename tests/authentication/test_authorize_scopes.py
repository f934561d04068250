"""Audiences, scopes and permissions: who may do what where, and how the token says it."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from authentication_world import API, ISSUER, World, answer, claims_of, error

USERINFO = ISSUER + "userinfo"
HS256_SECRET = "an-api-secret-that-is-longer-than-32-bytes"


def header_of(token: str) -> dict[str, Any]:
    encoded = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))


def test_without_an_audience_the_token_is_opaque(world: World) -> None:
    """A JWE of five parts, the second empty, which says who can read it (§7.3)."""
    token = world.tokens()["access_token"]
    parts = token.split(".")
    assert (len(parts), parts[1]) == (5, "")
    assert header_of(token) == {"alg": "dir", "enc": "A256GCM", "iss": ISSUER}
    assert world.userinfo(token).status_code == 200


def test_the_userinfo_audience_is_no_api(world: World) -> None:
    """`https://DOMAIN/userinfo` is as good as none, under any of the tenant's names."""
    for audience in (USERINFO, "https://127.0.0.1:4100/userinfo"):
        token = world.tokens(audience=audience)["access_token"]
        assert token.count(".") == 4


def test_an_api_gets_a_jwt(world: World) -> None:
    """Claims, header and lifetime are those of the API; no `gty` in a code flow (§7.2)."""
    tokens = world.tokens(audience=API, scope="read:x")
    claims = world.verified(tokens["access_token"], API)
    now = world.tenant.now()
    assert claims == {
        "iss": ISSUER,
        "sub": world.user("alice@example.com").user_id,
        "aud": API,
        "iat": now,
        "exp": now + 1000,
        "scope": "read:x",
        "azp": "web",
    }
    assert header_of(tokens["access_token"])["typ"] == "JWT"
    assert tokens["expires_in"] == 1000
    assert "id_token" not in tokens


def test_with_openid_an_apis_token_is_good_for_userinfo_too(world: World) -> None:
    """`aud` is then both (§7.2), and the token works there."""
    token = world.tokens(audience=API, scope="openid email read:x")["access_token"]
    assert world.verified(token, API)["aud"] == [API, USERINFO]
    assert world.userinfo(token).json["email"] == "alice@example.com"


def test_the_default_audience_is_the_tenants(make_world: Any) -> None:
    """Left out, the audience is the tenant's default; given, it is the one given."""
    world = make_world({"tenant": {"default_audience": API}})
    assert claims_of(world.tokens(scope="read:x")["access_token"])["aud"] == API
    assert world.tokens(audience=USERINFO)["access_token"].count(".") == 4


@pytest.mark.parametrize(
    "audience", ["https://nowhere", API + "/", API.upper(), "https://evil.example/userinfo"]
)
def test_an_unknown_audience_is_not_found(world: World, audience: str) -> None:
    """The text names it (reported from many tenants)."""
    response = world.authorize(audience=audience)
    assert error(response) == ("access_denied", f"Service not found: {audience}")


@pytest.mark.parametrize(
    ("audience", "requested", "granted"),
    [
        (
            None,
            "openid profile email address phone offline_access",
            "openid profile email address phone offline_access",
        ),
        (None, "openid read:x nonsense", "openid"),
        (None, "openid openid email", "openid email"),
        (None, "email openid", "email openid"),
        (API, "openid read:x write:x delete:x", "openid read:x write:x"),
        (API, "openid  offline_access\tread:x", "openid offline_access read:x"),
        ("https://online.example.com", "openid offline_access read:x", "openid read:x"),
        ("https://plain-rbac.example.com", "openid read:x write:x", "openid read:x"),
        ("https://rbac.example.com", "openid write:x", "openid"),
        (ISSUER + "api/v2/", "openid read:users read:current_user", "openid read:current_user"),
    ],
)
def test_scopes_are_filtered_silently(
    world: World, audience: str | None, requested: str, granted: str
) -> None:
    """The answer says what is left, in the order asked (§2.8)."""
    assert world.tokens(audience=audience, scope=requested)["scope"] == granted


@pytest.mark.parametrize("scope", [None, "", "nonsense"])
def test_without_a_scope_that_counts_there_is_none(world: World, scope: str | None) -> None:
    """No `scope` member, no ID token, and /userinfo does not speak to it."""
    tokens = world.tokens(scope=scope)
    assert set(tokens) == {"access_token", "expires_in", "token_type"}
    assert world.userinfo(tokens["access_token"]).status_code == 401


@pytest.mark.parametrize(
    ("client_id", "audience", "expected"),
    [
        ("web", None, True),
        ("web", API, True),
        ("web", "https://online.example.com", False),
        ("other", None, False),
    ],
)
def test_a_refresh_token_needs_scope_api_and_grant(
    world: World, client_id: str, audience: str | None, expected: bool
) -> None:
    """offline_access, an API that allows it, and a client with the grant (§4.1)."""
    tokens = world.tokens(client_id=client_id, audience=audience, scope="openid offline_access")
    assert ("refresh_token" in tokens) == expected
    assert ("offline_access" in tokens["scope"]) == expected
    assert "refresh_token" not in world.tokens(client_id=client_id, audience=audience, scope="openid")


def test_permissions_are_in_tokens_of_an_authz_dialect(world: World) -> None:
    """All of the user's, whatever was asked; none for somebody without a role."""
    for user, expected in (("alice@example.com", ["read:x"]), ("bob@example.com", [])):
        claims = claims_of(world.tokens(user, audience="https://rbac.example.com")["access_token"])
        assert claims["permissions"] == expected


def test_the_plain_dialect_has_no_permissions(world: World) -> None:
    """RBAC filters the scope all the same."""
    bob = world.tokens("bob@example.com", audience="https://plain-rbac.example.com", scope="openid read:x")
    assert bob["scope"] == "openid"
    assert "permissions" not in claims_of(bob["access_token"])


def test_permissions_are_told_only_where_policies_are_enforced(make_world: Any) -> None:
    """A dialect by itself switches nothing on."""
    loose = {"identifier": "https://rbac.example.com", "enforce_policies": False}
    tokens = make_world({"resourceServers": [loose]}).tokens(
        "bob@example.com", audience="https://rbac.example.com", scope="openid read:x"
    )
    assert tokens["scope"] == "openid read:x"
    assert "permissions" not in claims_of(tokens["access_token"])


@pytest.mark.parametrize("name", ["rfc", "rfc-authz"])
def test_the_rfc9068_dialects(world: World, name: str) -> None:
    """`at+jwt`, `jti` and `client_id`, neither `azp` nor `gty`; permissions with `_authz` (§7.2)."""
    audience = f"https://{name}.example.com"
    token = world.tokens(audience=audience, scope="read:x")["access_token"]
    claims = world.verified(token, audience)
    assert header_of(token)["typ"] == "at+jwt"
    assert claims["client_id"] == "web"
    assert claims["jti"] != claims_of(world.tokens(audience=audience)["access_token"])["jti"]
    assert not {"azp", "gty"} & set(claims)
    assert claims.get("permissions") == (["read:x"] if name == "rfc-authz" else None)


def test_an_hs256_api_checks_with_its_own_secret(world: World) -> None:
    """No `kid`, and `aud` stays one: /userinfo could not check such a token."""
    audience = "https://hs256.example.com"
    token = world.tokens(audience=audience, scope="openid read:x")["access_token"]
    assert header_of(token) == {"alg": "HS256", "typ": "JWT"}
    claims = jwt.decode(
        token, HS256_SECRET, ["HS256"], audience=audience, options={"verify_iat": False, "verify_exp": False}
    )
    assert claims["aud"] == audience
    assert world.userinfo(token).status_code == 401


def test_a_ps256_api_and_client(world: World) -> None:
    """The published key checks both tokens, by the algorithm in their headers."""
    audience = "https://ps256.example.com"
    tokens = world.tokens(client_id="ps", audience=audience, scope="openid read:x")
    for token, aud in ((tokens["access_token"], audience), (tokens["id_token"], "ps")):
        assert header_of(token)["alg"] == "PS256"
        assert world.verified(token, aud)["sub"] == world.user("alice@example.com").user_id
    assert world.userinfo(tokens["access_token"]).status_code == 200


@pytest.mark.parametrize(("client_id", "lifetime"), [("hs", 36000), ("short", 60)])
def test_an_hs256_client_checks_with_its_client_secret(
    world: World, client_id: str, lifetime: int, recwarn: pytest.WarningsRecorder
) -> None:
    """No `kid`, the client's lifetime; a short secret is the author's choice and no warning."""
    token = world.tokens(client_id=client_id)["id_token"]
    assert header_of(token) == {"alg": "HS256", "typ": "JWT"}
    claims = claims_of(token)
    assert claims["exp"] - claims["iat"] == lifetime
    assert not recwarn.list
    if client_id == "hs":
        secret = "hs-secret-that-is-longer-than-32-bytes"
        jwt.decode(
            token, secret, ["HS256"], audience="hs", options={"verify_iat": False, "verify_exp": False}
        )


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("openid", set()),
        ("openid profile", {"nickname", "name", "picture", "updated_at"}),
        ("openid email", {"email", "email_verified"}),
        ("openid profile email", {"nickname", "name", "picture", "updated_at", "email", "email_verified"}),
    ],
)
def test_scopes_show_claims(world: World, scope: str, expected: set[str]) -> None:
    """In the ID token and at /userinfo alike (§8.4)."""
    tokens = world.tokens(scope=scope)
    shown = set(claims_of(tokens["id_token"])) - {"iss", "sub", "aud", "iat", "exp", "sid"}
    assert shown == expected
    assert set(world.userinfo(tokens["access_token"]).json) == expected | {"sub"}


def test_the_id_token_is_ordered_as_recorded(world: World) -> None:
    """Profile first, then the protocol's claims; dates as ISO text (§7.1)."""
    claims = world.verified(world.tokens()["id_token"], "web")
    profile = ["nickname", "name", "picture", "updated_at", "email", "email_verified"]
    assert list(claims) == [*profile, "iss", "sub", "aud", "iat", "exp", "sid"]
    assert claims["updated_at"].endswith("Z")
    assert claims["exp"] - claims["iat"] == 36000


def test_one_browser_gets_the_tokens_of_both_flows(world: World) -> None:
    """Front-channel and back-channel tokens of one login have the same scope."""
    got = answer(world.log_in(response_type="code token", audience=API, scope="openid read:x"))
    assert claims_of(got["access_token"])["scope"] == world.redeem(got["code"]).json["scope"]
