"""spa-js, auth0-react and oidc-client-ts in Chromium, driven as their documentation says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from browser_world import ALICE, BOB, Visit

from mockidp import MockIdp

pytestmark = pytest.mark.slow
SPA = """
    window.client = window.client || await auth0.createAuth0Client({
        domain, clientId: 'page', useRefreshTokens: false, cacheLocation: 'localstorage', ...options,
        authorizationParams: {redirect_uri: here, ...options.authorizationParams},
    });
"""


def spa(visit: Visit, script: str, **options: Any) -> Any:
    """Run a function body with `client`, an Auth0Client with these options."""
    return visit.run(SPA + script, options=options)


def spa_login(visit: Visit, **options: Any) -> dict[str, Any]:
    """Log in by redirect, and return the user as spa-js has it."""
    visit.open("spa-js")
    visit.leave(SPA + "await client.loginWithRedirect();", options=options)
    visit.log_in()
    visit.back("spa-js")
    user: dict[str, Any] = spa(visit, "await client.handleRedirectCallback(); return client.getUser();", **options)
    return user


def test_spa_js_logs_in_by_redirect(visit: Visit) -> None:
    """`loginWithRedirect` and `handleRedirectCallback`: the ID token passes the library's checks."""
    assert spa_login(visit)["email"] == ALICE["email"]


def test_spa_js_gets_a_token_silently(visit: Visit) -> None:
    """`getTokenSilently` in a hidden frame, by web_message, with the session's cookie."""
    spa_login(visit)
    token = spa(visit, "return client.getTokenSilently({cacheMode: 'off'});")
    assert token
    silent = visit.idp.requests.where("GET /authorize")[-1]
    assert silent.query["response_mode"] == "web_message"
