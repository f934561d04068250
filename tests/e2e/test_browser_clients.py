"""spa-js, auth0-react and oidc-client-ts in Chromium, driven as their documentation says."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from browser_world import ALICE, BOB, Visit

pytestmark = pytest.mark.slow

SPA = """
    window.client = window.client || await auth0.createAuth0Client({
        domain, clientId: 'spa', ...options, authorizationParams: {redirect_uri: here, ...options.params},
    });
"""
REACT = """
    const {Auth0Provider, useAuth0} = reactAuth0;
    const e = React.createElement;
    function App() {
        const {user, error, isLoading, loginWithRedirect, logout} = useAuth0();
        if (isLoading) return e('p', null, 'Loading');
        if (error) return e('p', {id: 'error'}, error.message);
        if (!user) return e('button', {id: 'in', onClick: () => loginWithRedirect()}, 'Log in');
        const leave = () => logout({logoutParams: {returnTo: here}});
        const button = e('button', {id: 'out', onClick: leave}, 'Log out');
        return e('div', null, e('p', {id: 'user'}, user.email), button);
    }
    const provider = {domain, clientId: 'spa', authorizationParams: {redirect_uri: here}};
    ReactDOM.createRoot(document.getElementById('root')).render(e(Auth0Provider, provider, e(App)));
"""
OIDC = """
    window.manager = window.manager || new oidc.UserManager({
        authority: `https://${domain}/`, client_id: 'spa',
        redirect_uri: here, post_logout_redirect_uri: here,
        silent_redirect_uri: here.replace('oidc-client', 'oidc-silent'), scope: 'openid profile email',
        ...options,
    });
"""


def spa(visit: Visit, script: str, **options: Any) -> Any:
    """Run a function body with `client`, an Auth0Client made with these options."""
    return visit.run(SPA + script, options=options)


def spa_login(visit: Visit, **options: Any) -> dict[str, Any]:
    """Log in by redirect, and return the user as spa-js has it."""
    visit.open("spa-js")
    visit.leave(SPA + "client.loginWithRedirect();", options=options)
    visit.log_in()
    visit.back("spa-js")
    user: dict[str, Any] = spa(
        visit, "await client.handleRedirectCallback(); return client.getUser();", **options
    )
    return user


def test_spa_js_logs_in_by_redirect(visit: Visit) -> None:
    """`loginWithRedirect` and `handleRedirectCallback`: code, PKCE, and an ID token that it accepts."""
    user = spa_login(visit)
    assert (user["email"], user["name"]) == (ALICE["email"], "Alice")


def test_spa_js_logs_in_in_a_popup(visit: Visit) -> None:
    """`loginWithPopup`: the popup answers by web_message after a login page."""
    visit.open("spa-js")
    with visit.page.expect_popup() as opened:
        spa(visit, "window.done = client.loginWithPopup();")
    visit.log_in(BOB, opened.value)
    assert spa(visit, "await window.done; return (await client.getUser()).email;") == BOB["email"]
    visit.idp.requests.assert_called("GET /authorize", query={"response_mode": "web_message", "prompt": None})


def test_spa_js_gets_tokens_silently(visit: Visit) -> None:
    """`getTokenSilently` in a hidden frame, with the session's cookie."""
    spa_login(visit)
    assert spa(visit, "return client.getTokenSilently({cacheMode: 'off'});")
    visit.idp.requests.assert_called(
        "GET /authorize", query={"response_mode": "web_message", "prompt": "none"}
    )


def test_spa_js_without_a_session_is_told_to_log_in(visit: Visit) -> None:
    """`login_required` comes by web_message, not by a time-out."""
    visit.open("spa-js")
    error = spa(visit, "try { await client.getTokenSilently(); } catch (error) { return error.error; }")
    assert error == "login_required"


@pytest.mark.parametrize("cache", ["memory", "localstorage"])
def test_spa_js_rotates_refresh_tokens(visit: Visit, cache: str) -> None:
    """Each exchange takes the last refresh token (memory cache: in a worker), and old ones are dead."""
    options = {"useRefreshTokens": True, "cacheLocation": cache}
    spa_login(visit, **options)
    for _ in range(2):
        assert spa(visit, "return client.getTokenSilently({cacheMode: 'off'});", **options)
    sent = [each.form for each in visit.idp.requests.matching("POST /oauth/token")]
    assert [form["grant_type"] for form in sent] == ["authorization_code", "refresh_token", "refresh_token"]
    first, second = (form["refresh_token"] for form in sent[1:])
    assert first != second
    again = {"grant_type": "refresh_token", "client_id": "spa", "refresh_token": first}
    refused = requests.post(f"{visit.idp.url}/oauth/token", data=again, timeout=5)
    assert (refused.status_code, refused.json()["error"]) == (403, "invalid_grant")


def test_spa_js_logs_out(visit: Visit) -> None:
    """`logout` comes back to the page, and the tenant's session is over."""
    spa_login(visit)
    visit.leave("client.logout({logoutParams: {returnTo: here}});")
    error = spa(visit, "try { await client.getTokenSilently(); } catch (error) { return error.error; }")
    assert error == "login_required"


def test_auth0_react_logs_in_and_out(visit: Visit) -> None:
    """`Auth0Provider` and `useAuth0`, from the button to the user and back."""
    visit.open("react")
    visit.run(REACT)
    visit.page.click("#in")
    visit.log_in()
    visit.back("react")
    visit.run(REACT)
    assert visit.page.inner_text("#user") == ALICE["email"]
    with visit.page.expect_navigation():
        visit.page.click("#out")
    visit.run(REACT)
    assert visit.page.inner_text("#in") == "Log in"


def oidc(visit: Visit, script: str, **options: Any) -> Any:
    """Run a function body with `manager`, a UserManager made with these options."""
    return visit.run(OIDC + script, options=options)


def oidc_login(visit: Visit, **options: Any) -> dict[str, Any]:
    """Log in by redirect, and return the profile as oidc-client-ts has it."""
    visit.open("oidc-client")
    visit.leave(OIDC + "manager.signinRedirect();", options=options)
    visit.log_in()
    visit.back("oidc-client")
    profile: dict[str, Any] = oidc(
        visit, "return (await manager.signinRedirectCallback()).profile;", **options
    )
    return profile


def test_oidc_client_logs_in_by_redirect(visit: Visit) -> None:
    """`signinRedirect` by discovery, code and PKCE."""
    assert oidc_login(visit, loadUserInfo=True)["email"] == ALICE["email"]


def test_oidc_client_renews_silently(visit: Visit) -> None:
    """`signinSilent` in a frame, whose page is redirected to."""
    oidc_login(visit)
    assert oidc(visit, "return (await manager.signinSilent()).profile.email;") == ALICE["email"]


def test_oidc_client_renews_by_refresh_token(visit: Visit) -> None:
    """With `offline_access`, `signinSilent` exchanges the refresh token."""
    oidc_login(visit, scope="openid email offline_access")
    assert oidc(visit, "return (await manager.signinSilent()).profile.email;") == ALICE["email"]
    visit.idp.requests.assert_called("POST /oauth/token", times=1, form={"grant_type": "refresh_token"})


def test_oidc_client_logs_out(visit: Visit) -> None:
    """`signoutRedirect` ends the session at the end_session_endpoint, without a question."""
    oidc_login(visit)
    visit.leave(OIDC + "manager.signoutRedirect();", options={})
    error = oidc(visit, "try { await manager.signinSilent(); } catch (error) { return error.error; }")
    assert error == "login_required"
