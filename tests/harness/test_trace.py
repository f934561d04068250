"""trace(): the journal of a test for people."""

from __future__ import annotations

import re

import msgspec
import pytest
import requests
from journal_world import ALICE, API, Journey, recorder_of, request_to
from werkzeug.wrappers import Response

from mockidp.harness.exchange import Exchange, Leftover, MatchedRule
from mockidp.harness.trace import trace
from mockidp.server import MockIdp


@pytest.fixture(autouse=True)
def frozen(idp: MockIdp) -> None:
    idp.clock.freeze("2030-01-01T00:00:00Z")


def lines(idp: MockIdp) -> list[str]:
    """Return the trace's lines with the same duration everywhere."""
    return re.sub(r"\(\d+\.\d ms\)", "(2.1 ms)", trace(idp.requests)).splitlines()


def changed(exchange: Exchange, **members: object) -> Exchange:
    return msgspec.structs.replace(exchange, **members)


def test_a_login_reads_from_top_to_bottom(idp: MockIdp) -> None:
    """Who asked what, with which parameters, how it ended, and where it led; no secrets."""
    journey = Journey(idp)
    journey.log_in(state="xyz")
    journey.token(grant_type="refresh_token", refresh_token="the-token", client_secret="web-secret")
    user = idp.users[ALICE].user_id
    state = idp.requests[1].query["state"]
    assert lines(idp)[:3] == [
        "  1. GET /authorize → 302 (2.1 ms) client web",
        "      query: client_id=web, response_type=code, redirect_uri=http://localhost:3000/callback, "
        "scope=openid email, state=xyz",
        f"      → /u/login?state={state}",
    ]
    assert lines(idp)[5:9] == [
        f"  3. POST /u/login → 302 (2.1 ms) client web, user {user}",
        f"      query: state={state}",
        f"      form: state={state}, username={ALICE}, password=<redacted 14 chars>, action=default",
        f"      → /authorize/resume?state={state}",
    ]
    assert lines(idp)[9:] == [
        f"  4. GET /authorize/resume → 302 (2.1 ms) client web, user {user}",
        f"      query: state={state}",
        "      → http://localhost:3000/callback?code=<redacted 43 chars>&state=xyz",
        "  5. POST /oauth/token → 403 (2.1 ms) client web",
        "      form: client_id=web, grant_type=refresh_token, refresh_token=<redacted 9 chars>, "
        "client_secret=<redacted 10 chars>",
        "      invalid_grant: Unknown or invalid refresh token.",
    ]


def test_tokens_are_read(idp: MockIdp) -> None:
    """The claims in one line, times as people read them, those of an opaque token too."""
    token = idp.token(ALICE, client="web", scope="openid")
    requests.get(f"{idp.url}/userinfo", headers={"Authorization": f"Bearer {token}"}, timeout=5)
    form = {"grant_type": "client_credentials", "client_id": "m2m", "client_secret": "m2m-secret"}
    requests.post(f"{idp.url}/oauth/token", data=form | {"audience": API}, timeout=5)
    user = idp.users[ALICE].user_id
    opaque = lines(idp)[1]
    assert opaque.startswith(
        f"      request.authorization: iss={idp.issuer}, sub={user}, aud={idp.issuer}userinfo"
    )
    assert "iat=2030-01-01T00:00:00Z, exp=2030-01-02T00:00:00Z, azp=web, scope=openid" in opaque
    assert f"      response.access_token: iss={idp.issuer}, sub=m2m@clients, aud={API}" in lines(idp)[-1]
    assert token not in trace(idp.requests)


def test_a_token_by_another_algorithm_says_so() -> None:
    """What a forged token claims, whatever its types."""
    forged = "eyJhbGciOiJub25lIn0.eyJleHAiOiAxZTMwMCwgInN1YiI6IFsxXX0."
    recorder = recorder_of(request_to("/userinfo", headers={"Authorization": f"Bearer {forged}"}))
    assert trace(recorder).splitlines()[1] == "      request.authorization: none, exp=1e+300, sub=[1]"


def test_rules_and_leftovers_are_named(idp: MockIdp) -> None:
    """Which rule answered, and from which test a request is left over."""
    idp.fail("GET /userinfo", status=503)
    idp.fail("POST /oauth/token", where={"code": "the-code"}, error="invalid_grant")
    requests.get(f"{idp.url}/userinfo", timeout=5)
    requests.post(f"{idp.url}/oauth/token", data={"code": "the-code"}, timeout=5)
    assert lines(idp)[2] == "      rule 1: GET /userinfo"
    assert lines(idp)[-1] == "      rule 2: POST /oauth/token with code '<redacted 8 chars>'"
    late = changed(idp.requests[0], rule=None, leftover=Leftover("tests/test_a.py::test_a", "it began there"))
    assert trace([late]).splitlines()[-1] == "      left over from tests/test_a.py::test_a: it began there"


def test_json_bodies_and_dropped_connections() -> None:
    """Members with their types; no status where there was no answer."""
    body = {"password": "pw", "user_metadata": {"plan": "pro"}, "blocked": True, "tags": ["a"]}
    recorder = recorder_of(
        request_to("/api/v2/users", method="POST", json=body),
        request_to("/api/v2/users", method="POST", json=[1, 2]),
        response=Response(status=0),
    )
    text = trace([changed(each, duration=0.0021) for each in recorder])
    assert text.splitlines() == [
        "  1. POST /api/v2/users → dropped (2.1 ms)",
        "      json: password=<redacted 2 chars>, user_metadata={plan: 'pro'}, blocked=true, tags=['a']",
        "  2. POST /api/v2/users → dropped (2.1 ms)",
        "      json: [1, 2]",
    ]


def test_a_long_journal_shows_its_end() -> None:
    """The last ones are nearest to the failure."""
    recorder = recorder_of(*(request_to(f"/{i}") for i in range(60)))
    text = trace(recorder).splitlines()
    assert (text[0], len(text)) == ("… 10 requests before these", 51)
    assert text[1].startswith(" 11. GET /10 → 200")
    assert trace(recorder, limit=1).splitlines()[0] == "… 59 requests before these"


def test_long_values_are_cut() -> None:
    """A body of 60,000 characters, or of thousands of members, would hide the rest."""
    body = {f"name{i}": i for i in range(2000)}
    recorder = recorder_of(
        request_to("/x", method="POST", data={"picture": "x" * 60_000, "after": "it"}),
        request_to("/x", method="POST", json=body),
    )
    lines = trace(recorder).splitlines()
    assert lines[1] == f"      form: picture={'x' * 199}…, after=it"
    assert len(lines[3]) == 2000 + 6


def test_an_empty_journal() -> None:
    """Perhaps the application asks another server."""
    assert trace([]) == "No request came."


def test_a_rule_is_known_by_its_place(idp: MockIdp) -> None:
    """The number counts all rules from 1, and is in the exchange and its JSON."""
    idp.on("GET /nothing")
    idp.on("GET /userinfo").rate_limit(1, per="1m")
    for _ in range(2):
        requests.get(f"{idp.url}/userinfo", timeout=5)
    assert [each.rule for each in idp.requests] == [None, MatchedRule(2, "GET /userinfo")]
    assert idp.requests[1].view().rule == MatchedRule(2, "GET /userinfo")
