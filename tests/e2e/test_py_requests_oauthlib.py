"""requests-oauthlib over https: the web, implicit, backend and legacy application clients."""

from __future__ import annotations

import pytest
from oauthlib.oauth2 import (
    BackendApplicationClient,
    InvalidGrantError,
    LegacyApplicationClient,
    MobileApplicationClient,
    OAuth2Error,
)
from python_clients import API, CALLBACK, point_at
from requests_oauthlib import OAuth2Session

from mockidp import MockIdp

SCOPE = ["openid", "profile", "email"]


@pytest.fixture(autouse=True)
def pointed(idp: MockIdp, monkeypatch: pytest.MonkeyPatch) -> None:
    """requests finds the mock's authority in the environment."""
    point_at(idp, monkeypatch)


def test_web_application(idp: MockIdp) -> None:
    """Code with PKCE, a protected request, and a refresh that the session does by itself."""
    base = f"https://{idp.domain}"
    kept: list[dict[str, object]] = []
    with OAuth2Session(
        "web",
        scope=[*SCOPE, "offline_access"],
        redirect_uri=CALLBACK,
        pkce="S256",
        auto_refresh_url=f"{base}/oauth/token",
        auto_refresh_kwargs={"client_id": "web", "client_secret": "web-secret"},
        token_updater=kept.append,
    ) as session:
        url, state = session.authorization_url(f"{base}/authorize", prompt="login")
        callback = idp.browser().login(url, "alice@example.com")
        assert f"state={state}" in callback
        # oauthlib wants the callback itself over https
        token = session.fetch_token(
            f"{base}/oauth/token",
            authorization_response=callback.replace("http://", "https://"),
            client_secret="web-secret",
        )
        assert token["id_token"]
        session.token = {**token, "expires_at": 1}
        assert session.get(f"{base}/userinfo").json()["email"] == "alice@example.com"
    assert [new["access_token"] != token["access_token"] for new in kept] == [True]
    idp.requests.assert_called("POST /oauth/token", times=1, form={"grant_type": "refresh_token"}, status=200)


def test_the_state_is_compared(idp: MockIdp) -> None:
    """An error that comes back is an exception of its own, after the state was right."""
    with OAuth2Session("web", scope=SCOPE, redirect_uri=CALLBACK) as session:
        url, _ = session.authorization_url(f"https://{idp.domain}/authorize", prompt="none")
        callback = idp.browser().get(url).location.replace("http://", "https://")
        with pytest.raises(OAuth2Error) as caught:
            session.fetch_token(f"https://{idp.domain}/oauth/token", authorization_response=callback)
    assert (caught.value.error, caught.value.description) == ("login_required", "Login required")


def test_implicit(idp: MockIdp) -> None:
    """The token is read from the fragment and opens the userinfo endpoint."""
    client = MobileApplicationClient(client_id="spa")
    with OAuth2Session(client=client, scope=SCOPE, redirect_uri=CALLBACK) as session:
        url, _ = session.authorization_url(f"https://{idp.domain}/authorize")
        callback = idp.browser().login(url, "alice@example.com")
        token = session.token_from_fragment(callback.replace("http://", "https://"))
        assert sorted(token.scopes) == sorted(SCOPE)
        assert not token.scope_changed
        assert session.get(f"https://{idp.domain}/userinfo").json()["nickname"] == "alice"


def test_backend_application(idp: MockIdp) -> None:
    """A machine's token, with credentials in the header or in the body."""
    url = f"https://{idp.domain}/oauth/token"
    for in_body in (True, False):
        with OAuth2Session(client=BackendApplicationClient(client_id="m2m")) as session:
            token = session.fetch_token(
                url,
                client_id="m2m",
                client_secret="m2m-secret",
                audience=API,
                include_client_id=in_body,
            )
        assert (token["token_type"], token["scope"]) == ("Bearer", ["read:x", "write:x"])
    basic, body = idp.requests.matching("POST /oauth/token")[::-1]
    assert ("Authorization" in basic.headers, "Authorization" in body.headers) == (True, False)


def test_legacy_application(idp: MockIdp) -> None:
    """The password grant, and its refusal."""
    url = f"https://{idp.domain}/oauth/token"
    alice = {"username": "alice@example.com", "client_id": "web", "client_secret": "web-secret"}
    with OAuth2Session(client=LegacyApplicationClient(client_id="web"), scope=["openid"]) as session:
        with pytest.raises(InvalidGrantError, match=r"Wrong email or password\."):
            session.fetch_token(url, password="wrong", **alice)
        assert session.fetch_token(url, password="alice-password", **alice)["access_token"]
