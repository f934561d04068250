"""Python's own time frozen by freezegun: the server is a thread of this process, and its clock follows."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import freezegun
import jwt
import pytest
import requests
from freezegun import freeze_time
from leaks import threads

from mockidp import MockIdp

# It looks into every module for times; this one would be imported by that, its models with a frozen datetime.
freezegun.configure(extend_ignore_list=["auth0"])
ALICE, CALLBACK = "alice@example.com", "http://localhost:3000/callback"
Y2030 = 1893456000
URL = f"/authorize?response_type=code&client_id=web&redirect_uri={CALLBACK}&scope=openid"


def date_of(idp: MockIdp) -> str:
    return requests.get(f"{idp.url}/.well-known/jwks.json", timeout=10).headers["Date"]


def status_of(idp: MockIdp, token: str) -> int:
    bearer = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{idp.url}/userinfo", headers=bearer, timeout=10).status_code


def test_the_tenant_follows(idp: MockIdp) -> None:
    """What it issues, dates and refuses; a login through the pages goes on."""
    with freeze_time("2030-01-01") as moment:
        callback = idp.browser().login(URL, ALICE)
        form = {"grant_type": "authorization_code", "code": callback.partition("code=")[2]}
        form |= {"redirect_uri": CALLBACK, "client_id": "web", "client_secret": "web-secret"}
        tokens = requests.post(f"{idp.url}/oauth/token", data=form, timeout=10).json()
        claims = jwt.decode(tokens["id_token"], options={"verify_signature": False})
        assert (claims["iat"], idp.users[ALICE].last_login) == (Y2030, "2030-01-01T00:00:00.000Z")
        assert idp.requests[-1].started_at == Y2030
        assert date_of(idp) == "Tue, 01 Jan 2030 00:00:00 GMT"
        moment.tick(timedelta(days=1, seconds=-1))
        assert status_of(idp, tokens["access_token"]) == 200
        moment.tick(1)
        assert status_of(idp, tokens["access_token"]) == 401


def test_the_tenants_own_clock_goes_before(idp: MockIdp) -> None:
    """Frozen it does not follow; one that travelled runs on with Python's time."""
    idp.clock.freeze(Y2030)
    with freeze_time("2040-01-01") as moment:
        assert date_of(idp) == "Tue, 01 Jan 2030 00:00:00 GMT"
        idp.clock.travel(Y2030)
        moment.tick(3600)
        assert date_of(idp) == "Tue, 01 Jan 2030 01:00:00 GMT"
        idp.clock.unfreeze()
        assert date_of(idp) == "Sun, 01 Jan 2040 01:00:00 GMT"


def test_waiting_for_mail_ends(idp: MockIdp) -> None:
    """Though no clock of Python's moves."""
    with freeze_time("2030-01-01"), pytest.raises(AssertionError, match=r"no message within 0\.05 s"):
        idp.outbox.wait_for(timeout=0.05)


def test_a_server_starts_and_stops_in_frozen_time() -> None:
    """By https, too: certificates are good at any time."""
    with freeze_time("2030-01-01"), MockIdp() as idp:
        port = urlsplit(idp.url).port or 0
        answer = requests.get(f"{idp.https_url}/userinfo", verify=idp.ca_path, timeout=10)
        assert answer.headers["Date"] == "Tue, 01 Jan 2030 00:00:00 GMT"
    assert threads(port) == []
