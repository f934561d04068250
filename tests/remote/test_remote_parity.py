"""What holds for `MockIdp` holds for `RemoteIdp`: the same tests for both."""

from __future__ import annotations

import inspect
import ssl
from datetime import timedelta
from urllib.request import urlopen

import jwt
import pytest
import requests
from remote_world import ALICE, CALLBACK, LINKING, answer, authorize

from mockidp import MockIdp, RemoteIdp, UsageError
from mockidp.errors import ApiError
from mockidp.harness.lookup import UnknownName

Idp = MockIdp | RemoteIdp
API = "https://api.example.com"
DATABASE = "Username-Password-Authentication"


def get(mock: Idp, path: str, token: str | None = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.get(mock.url + path, headers=headers, timeout=10, allow_redirects=False)


def claims(token: str) -> dict[str, object]:
    decoded: dict[str, object] = jwt.decode(token, options={"verify_signature": False})
    return decoded


def forget_password(mock: Idp) -> None:
    form = {"client_id": "web", "email": "bob@example.com", "connection": DATABASE}
    assert requests.post(f"{mock.url}/dbconnections/change_password", json=form, timeout=10).ok


def test_they_have_the_same_members(remote: RemoteIdp) -> None:
    """Every public method takes the same arguments."""
    assert {name for name in dir(MockIdp) if not name.startswith("_")} <= set(dir(remote))
    for name, member in inspect.getmembers(MockIdp, inspect.isfunction):
        if not name.startswith("_") and name != "app":
            theirs = inspect.signature(getattr(RemoteIdp, name)).parameters
            assert list(inspect.signature(member).parameters) == list(theirs), name


def test_users_are_live(mock: Idp) -> None:
    """Iterated, looked up by any key, added; an unknown one names the nearest."""
    assert [user.email for user in mock.users][:1] == [ALICE]
    alice = mock.users[ALICE]
    assert alice.user_id in mock.users
    dora = mock.add_user(
        email="dora@example.com", password="dora-password", connection=DATABASE, user_metadata={"plan": "pro"}
    )
    assert mock.users["dora@example.com"] == dora
    assert dora.user_metadata.plan == "pro"
    assert dora.identities[0].provider == "auth0"
    with pytest.raises(UnknownName, match=r"no user 'alice@exampl\.com'; did you mean 'alice@example\.com'"):
        mock.users["alice@exampl.com"]
    with pytest.raises(UsageError, match="unknown key 'emial'"):
        mock.add_user(emial="x@example.com")


def test_clients_and_organizations(mock: Idp) -> None:
    """By id and by name, as objects with members."""
    assert mock.client("Web") == mock.client("web")
    assert mock.client("web").callbacks[0] == CALLBACK
    assert mock.organization("acme").display_name
    with pytest.raises(UnknownName, match="did you mean 'Web'"):
        mock.client("Wep")


def test_tokens_are_good(mock: Idp) -> None:
    """Access tokens, opaque and signed, ID tokens with what was asked for, the Management API's."""
    alice, web = mock.users[ALICE], mock.client("Web")
    assert get(mock, "/userinfo", mock.token(alice)).json()["email"] == ALICE
    token = mock.token(
        alice, client=web, audience=API, scope=["read:x"], claims={"plan": "pro"}, expires_in=60
    )
    said = claims(token)
    assert (said["iss"], said["sub"], said["plan"]) == (mock.issuer, alice.user_id, "pro")
    acme = mock.organization("acme")
    told = claims(
        mock.id_token(alice, client=web, nonce="n", organization=acme, claims={"x": 1}, expires_in=9)
    )
    assert (told["nonce"], told["org_id"], told["x"], told["aud"]) == ("n", acme.id, 1, "web")
    assert get(mock, "/api/v2/users", mock.management_token()).status_code == 200
    assert get(mock, "/api/v2/users", mock.management_token(scope="read:clients")).status_code == 403
    with pytest.raises(UsageError, match="no user 'nobody'"):
        mock.token("nobody")
    with pytest.raises(UsageError, match=r"no resource server 'https://api\.example\.co'"):
        mock.token(alice, audience="https://api.example.co")


def test_a_login_without_pages(mock: Idp) -> None:
    """`login_as` answers them, until it is given None."""
    mock.login_as(ALICE)
    assert "code" in answer(get(mock, authorize()).headers["Location"])
    mock.login_as(None)
    assert get(mock, authorize()).headers["Location"].startswith("/u/login")


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_the_browser_logs_in(mock: Idp, tls: bool) -> None:
    """It knows the password, and trusts the authority."""
    base = mock.https_url if tls else mock.url
    assert "code" in answer(mock.browser().login(base + authorize(), ALICE))


def test_the_browser_knows_what_changed(mock: Idp) -> None:
    """Users who were added, passwords that were changed, other connections, mailed codes."""
    mock.add_user(email="dora@example.com", password="dora-password")
    browser = mock.browser()
    forget_password(mock)
    browser.get(mock.outbox.wait_for(to="bob@example.com", kind="reset_email").url or "")
    browser.fill(**{"password-reset": "A-new-passw0rd", "re-enter-password": "A-new-passw0rd"})
    for who, more in (
        ("dora@example.com", {}),
        ("bob@example.com", {}),
        ("alice@gmail.com", {"connection": "google-oauth2"}),
        (ALICE, {"acr_values": "http://schemas.openid.net/pape/policies/2007/06/multi-factor"}),
    ):
        assert "code" in answer(mock.browser().login(authorize(**more), who)), who


def test_the_outbox(mock: Idp) -> None:
    """Messages with their members; empty after `clear`."""
    assert not mock.outbox
    forget_password(mock)
    assert mock.outbox.last == mock.outbox.wait_for(to="bob@example.com")
    assert [message.kind for message in mock.outbox] == ["reset_email"]
    mock.outbox.clear()
    assert len(mock.outbox) == 0
    with pytest.raises(AssertionError, match=r"no verify_email within 0 s; in the outbox: empty"):
        mock.outbox.wait_for(kind="verify_email", timeout=0)


def test_requests_are_as_they_were_sent(mock: Idp) -> None:
    """Repeated parameters, bodies that are no text, cookies, and what the tenant makes of it."""
    mock.browser().login(mock.https_url + authorize(), ALICE)
    requests.post(f"{mock.url}/x%2Fy?a=1&a=2", data=b"\xff\x00", timeout=10)
    first, last = mock.requests[0], mock.requests[-1]
    assert (first.number, first.method, first.route, first.client_id) == (1, "GET", "/authorize", "web")
    assert (last.query_pairs, last.body, last.status) == ([("a", "1"), ("a", "2")], b"\xff\x00", 404)
    assert (last.target, last.segments) == ("/x%2Fy?a=1&a=2", ["x/y"])
    assert last.response_json == {"statusCode": 404, "error": "Not Found", "message": "Not Found"}
    done = mock.requests.matching("GET /authorize/resume")[0]
    assert done.user_id == mock.users[ALICE].user_id
    assert len(done.response_headers.getlist("Set-Cookie")) > 1
    assert (first.scheme, first.headers["Host"]) == ("https", mock.https_url.removeprefix("https://"))
    mock.requests.clear()
    assert len(mock.requests) == 0


def test_requests_are_asserted(mock: Idp) -> None:
    """By operation, parameters and times; a failure lists what came."""
    token = mock.token(ALICE)
    get(mock, "/userinfo", token)
    sent = {"Authorization": f"Bearer {token}"}
    mock.requests.assert_called("GET /userinfo", times=1, status=200, headers=sent)
    mock.requests.assert_not_called("POST /oauth/token")
    assert mock.requests[0].tokens["request.authorization"].claims["sub"] == mock.users[ALICE].user_id
    with pytest.raises(AssertionError, match=r"(?s)GET /userinfo.*twice.*GET /userinfo → 200"):
        mock.requests.assert_called("GET /userinfo", times=2)


def test_the_clock(mock: Idp) -> None:
    """Frozen, moved, left running faster; a block ends with the time as it was."""
    with mock.clock.freeze("2030-01-01T00:00:00Z"):
        mock.clock.advance(timedelta(minutes=1), hours=1)
        assert (mock.clock.now(), mock.clock.frozen) == (1893456000 + 3660, True)
        assert claims(mock.token(ALICE, audience=API))["iat"] == 1893456000 + 3660
    assert not mock.clock.frozen
    assert mock.clock.now() < 1893456000
    mock.clock.travel("2031-01-01T00:00:00Z")
    assert mock.clock.now() >= 1924992000
    mock.clock.unfreeze()
    with pytest.raises(UsageError, match="'tomorrow' is no time"):
        mock.clock.freeze("tomorrow")


def test_the_keys_rotate(mock: Idp) -> None:
    """The next token has another `kid`."""
    before = jwt.get_unverified_header(mock.token(ALICE, audience=API))["kid"]
    mock.rotate_keys()
    assert jwt.get_unverified_header(mock.token(ALICE, audience=API))["kid"] != before


def test_rules_answer_and_count(mock: Idp) -> None:
    """Each method changes the one rule; what it did is seen as it happens; `verify` says what was not."""
    rule = (
        mock.on("GET /userinfo", where={"user": mock.users[ALICE]}, times=2).respond(503).delay(timedelta(0))
    )
    other = mock.fail("POST /oauth/token", error="invalid_grant", times=1)
    assert (rule.times, rule.calls) == (0, 0)
    assert get(mock, "/userinfo", mock.token(ALICE)).status_code == 503
    assert (rule.times, rule.calls, other.times) == (1, 1, 0)
    assert [(use.rule.times, use.times) for use in mock.rules.uses] == [(2, 1), (1, 0)]
    with pytest.raises(AssertionError, match=r"(?s)GET /userinfo .*: expected twice, came once\n.*never"):
        mock.verify()
    assert requests.post(f"{mock.url}/oauth/token", timeout=10).json()["error"] == "invalid_grant"
    assert get(mock, "/userinfo", mock.token(ALICE)).status_code == 503
    mock.verify()
    mock.reset()
    assert mock.rules.uses == ()
    with pytest.raises(UsageError, match="unknown key 'statsu' in 'then'"):
        mock.rules.put({"on": "GET /userinfo", "then": {"statsu": 1}})


def test_scenarios_are_played(mock: Idp) -> None:
    """By file, with its own seed; relative to this file too; parameters fill it."""
    mock.load_scenario(LINKING)
    with pytest.raises(AssertionError, match=r"(?s)'Alice links her Facebook account' was not met"):
        mock.verify()
    mock.load_scenario({"script": [{"on": "GET /authorize", "then": {"login": "##who##"}}]}, who=ALICE)
    assert "code" in answer(get(mock, authorize()).headers["Location"])
    mock.verify()
    with pytest.raises(UsageError, match=r"nowhere\.yaml: no such file"):
        mock.load_scenario("nowhere.yaml")


def test_worlds_are_served_for_a_while(mock: Idp) -> None:
    """A seed, a scenario and a clock hold inside the block, resets included."""
    seed = {"users": [{"email": "erin@example.com"}]}
    scenario = {"script": [{"on": "GET /userinfo", "then": {"status": 503}}]}
    with mock.serving(seed, "2030-01-01", scenario):
        for _ in range(2):
            assert [user.email for user in mock.users] == ["erin@example.com"]
            assert mock.users["erin@example.com"].created_at == "2030-01-01T00:00:00.000Z"
            assert get(mock, "/userinfo").status_code == 503
            mock.add_user(email="more@example.com")
            mock.reset()
    assert len(mock.users) == 5
    assert not mock.clock.frozen
    with mock.serving(None, "2030-01-01", otherwise=seed):
        assert mock.clock.frozen
        assert len(mock.users) == 1
        mock.load_scenario(LINKING)
        assert mock.clock.frozen
        assert len(mock.users) == 5


def test_snapshots_are_restored(mock: Idp) -> None:
    """Any of them, and the latest."""
    first = mock.snapshot()
    mock.add_user(email="dora@example.com")
    second = mock.snapshot()
    mock.add_user(email="erin@example.com")
    mock.restore()
    assert len(mock.users) == 6
    first()
    assert len(mock.users) == 5
    mock.restore(second)
    assert len(mock.users) == 6
    with mock.serving({}), pytest.raises(UsageError, match="another seed's tenant"):
        mock.restore(first)


def test_accounts_are_linked(mock: Idp) -> None:
    """And unlinked; the tenant's refusals and mistakes are told."""
    linked = mock.link(ALICE, "facebook|1022")
    assert [identity.provider for identity in linked.identities] == ["auth0", "facebook"]
    mock.login_as("facebook|1022")
    with pytest.raises(ApiError, match=r"Main identity and the new one are the same\.") as refused:
        mock.link(ALICE, ALICE)
    assert (refused.value.status, refused.value.error_code) == (400, "invalid_body")
    assert len(mock.unlink(linked, "facebook", 1022).identities) == 1
    with pytest.raises(UsageError, match=r"has no identity 'facebook\|1022', but 'auth0\|"):
        mock.unlink(ALICE, "facebook", "1022")


def test_applications_are_pointed_there(mock: Idp) -> None:
    """By environment variables; the authority's file verifies the certificate."""
    env = mock.env
    assert env["AUTH0_DOMAIN"] == mock.domain == mock.https_url.removeprefix("https://")
    assert (env["MOCKIDP_URL"], env["ISSUER_BASE_URL"] + "/") == (mock.url, mock.issuer)
    context = ssl.create_default_context(cafile=env["SSL_CERT_FILE"])
    with urlopen(f"https://{mock.domain}/.well-known/jwks.json", context=context, timeout=10) as keys:
        assert keys.status == 200
