"""A second tenant beside the first, and snapshots of one."""

from __future__ import annotations

from collections.abc import Iterator

import jwt
import pytest
import requests

from mockidp import MockIdp, UsageError

ALICE = "alice@example.com"
CALLBACK = "http://localhost:3000/callback"
AUTHORIZE = f"/authorize?client_id=web&response_type=code&redirect_uri={CALLBACK}&scope=openid"
SEED = {"users": [{"email": "carol@example.com", "connection": "db"}], "databases": [{"name": "db"}]}


@pytest.fixture
def idp() -> Iterator[MockIdp]:
    with MockIdp() as running:
        yield running


def test_another_tenant_is_another_issuer_with_other_keys(idp: MockIdp) -> None:
    """Neither its issuer nor its keys are those of the first one, whose objects it begins with."""
    other = idp.tenant("other")
    assert other.issuer != idp.issuer
    assert [user.user_id for user in other.users] == [user.user_id for user in idp.users]
    keys = [
        {key["kid"] for key in requests.get(f"{each.url}/.well-known/jwks.json", timeout=5).json()["keys"]}
        for each in (idp, other)
    ]
    assert not keys[0] & keys[1]


def test_keys_stay_apart_when_they_rotate(idp: MockIdp) -> None:
    """Rotation begins where the tenant began."""
    other = idp.tenant("other")
    header = jwt.get_unverified_header
    before = header(other.id_token(ALICE))["kid"]
    other.rotate_keys()
    after = header(other.id_token(ALICE))["kid"]
    idp.rotate_keys()
    assert len({before, after, header(idp.id_token(ALICE))["kid"]}) == 3


@pytest.mark.parametrize("audience", [None, "https://api.example.com"])
def test_a_token_of_one_is_refused_by_the_other(idp: MockIdp, audience: str | None) -> None:
    """Opaque or signed: a token opens only its own tenant."""
    other = idp.tenant("other")
    token = idp.token(ALICE, audience=audience)
    headers = {"Authorization": f"Bearer {token}"}
    assert requests.get(f"{idp.url}/userinfo", headers=headers, timeout=5).status_code == 200
    assert requests.get(f"{other.url}/userinfo", headers=headers, timeout=5).status_code == 401


def test_a_code_of_one_is_unknown_to_the_other(idp: MockIdp) -> None:
    """Though both begin from the same seed, they draw different codes."""
    other = idp.tenant("other")
    codes = []
    for each in (idp, other):
        each.login_as(ALICE)
        answer = requests.get(each.url + AUTHORIZE, allow_redirects=False, timeout=5)
        codes.append(answer.headers["Location"].partition("code=")[2])
    grant = {
        "grant_type": "authorization_code",
        "client_id": "web",
        "client_secret": "web-secret",
        "redirect_uri": CALLBACK,
    }
    crossed = requests.post(f"{other.url}/oauth/token", data={**grant, "code": codes[0]}, timeout=5)
    assert (crossed.status_code, crossed.json()["error"]) == (403, "invalid_grant")
    own = requests.post(f"{other.url}/oauth/token", data={**grant, "code": codes[1]}, timeout=5)
    assert own.status_code == 200


def test_one_browser_is_logged_in_to_both(idp: MockIdp) -> None:
    """A browser sends the cookies of a host to all of its ports: sessions of two tenants do not collide."""
    other = idp.tenant("other")
    session = requests.Session()
    for each in (idp, other):
        each.login_as(ALICE)
        session.get(each.url + AUTHORIZE, allow_redirects=False, timeout=5)
        each.login_as(None)
    for each in (idp, other):
        silent = session.get(f"{each.url}{AUTHORIZE}&prompt=none", allow_redirects=False, timeout=5)
        assert "code=" in silent.headers["Location"]


def test_another_seed_for_the_other(idp: MockIdp) -> None:
    """Its seed is its own; asked again in the same test it is as it was left."""
    other = idp.tenant("other", SEED)
    other.add_user(email="dave@example.com", connection="db", password="x")
    assert idp.tenant("other") is other
    assert {user.email for user in idp.tenant("other").users} == {"carol@example.com", "dave@example.com"}


def test_a_reset_resets_the_other(idp: MockIdp) -> None:
    """Its users, requests and rules go; its URL stays; without a seed it is again what the first one is."""
    other = idp.tenant("other", SEED)
    url = other.url
    requests.get(f"{url}/.well-known/jwks.json", timeout=5)
    other.fail("GET /userinfo", times=1)
    idp.reset()
    assert idp.tenant("other").url == url
    assert len(other.requests) == 0
    assert {user.email for user in other.users} == {user.email for user in idp.users}
    idp.verify()


def test_what_the_other_misses_fails_the_first(idp: MockIdp) -> None:
    """An unmet rule of the second tenant is told where the test looks: at the first."""
    idp.tenant("other").fail("GET /userinfo", times=1)
    with pytest.raises(AssertionError, match="GET /userinfo"):
        idp.verify()


def test_the_other_stops_with_the_first() -> None:
    """Both ports are closed, and both are open again after another start."""
    idp = MockIdp()
    other = idp.tenant("other")
    with idp:
        assert requests.get(f"{other.url}/.well-known/jwks.json", timeout=5).ok
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{other.url}/.well-known/jwks.json", timeout=5)
    with idp:
        assert requests.get(f"{other.url}/.well-known/jwks.json", timeout=5).ok


def test_one_certificate_authority_is_for_both(idp: MockIdp) -> None:
    """A client that trusts one trusts the other."""
    other = idp.tenant("other")
    assert other.ca_path == idp.ca_path
    assert requests.get(f"{other.https_url}/.well-known/jwks.json", verify=idp.ca_path, timeout=5).ok


def test_a_name_goes_into_a_cookie() -> None:
    """So it is made of letters, digits, hyphens and underscores."""
    with pytest.raises(UsageError, match="'a b' is no name of a tenant"):
        MockIdp().tenant("a b")


def test_a_snapshot_is_restored(idp: MockIdp) -> None:
    """Users and the clock are as they were, as often as one likes."""
    snapshot = idp.snapshot()
    for _ in range(2):
        idp.clock.freeze("2031-01-01T00:00:00Z")
        idp.add_user(email="dave@example.com", password="x")
        idp.restore(snapshot)
        assert "dave@example.com" not in [user.email for user in idp.users]
        assert not idp.clock.frozen


def test_the_latest_snapshot_is_restored(idp: MockIdp) -> None:
    """Without an argument it is the one made last."""
    idp.snapshot()
    idp.add_user(email="dave@example.com", password="x")
    idp.snapshot()
    idp.add_user(email="erin@example.com", password="x")
    idp.restore()
    emails = {user.email for user in idp.users}
    assert ("dave@example.com" in emails, "erin@example.com" in emails) == (True, False)


def test_a_snapshot_that_cannot_be_restored(idp: MockIdp) -> None:
    """There is none yet, or it is of a world that is not served any more."""
    with pytest.raises(UsageError, match=r"call idp\.snapshot"):
        idp.restore()
    snapshot = idp.snapshot()
    with idp.serving(SEED), pytest.raises(UsageError, match="another seed's tenant"):
        idp.restore(snapshot)
