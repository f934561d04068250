"""idp.browser().login(): a person on the real login pages, as far as the client's callback."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from mockidp.errors import UsageError
from mockidp.harness.browser import Browser
from mockidp.model.connection import Connection, put_connection
from mockidp.model.user import PASSWORDS
from mockidp.server import MockIdp

CALLBACK = "http://localhost:3000/callback"
ALICE, BOB = "alice@example.com", "bob@example.com"
GOOGLE, FACEBOOK = "google-oauth2|103547991597142817347", "facebook|1022"
MFA = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"


def authorize(**params: str) -> str:
    asked = {"client_id": "web", "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid email"}
    return f"/authorize?{urlencode(asked | params)}"


def answer_of(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    assert url.startswith(CALLBACK), url
    return dict(parse_qsl(parts.query or parts.fragment))


def logged_in_as(idp: MockIdp) -> str | None:
    """Return the user that the last exchange was about."""
    return idp.requests[-1].user_id


def test_a_password_login_ends_at_the_callback(idp: MockIdp) -> None:
    """Over the login page, with the seed's password; the URL is not opened."""
    url = idp.browser().login(authorize(state="s1"), ALICE)
    assert set(answer_of(url)) == {"code", "state"}
    assert [f"{each.method} {each.route}" for each in idp.requests] == [
        "GET /authorize",
        "GET /u/login",
        "POST /u/login",
        "GET /authorize/resume",
    ]
    assert logged_in_as(idp) == idp.users[ALICE].user_id


@pytest.mark.parametrize("base", ["url", "https_url"])
def test_the_url_may_be_absolute_plain_or_tls(idp: MockIdp, base: str) -> None:
    """The certificate is checked against the mock's own authority."""
    assert "code" in answer_of(idp.browser().login(getattr(idp, base) + authorize(), ALICE))


def test_without_the_authority_tls_is_refused(idp: MockIdp) -> None:
    """The browser trusts nobody by default."""
    with pytest.raises(UsageError, match="CERTIFICATE_VERIFY_FAILED"):
        Browser(idp.state, idp.https_url).get("/")


def test_the_fragment_is_kept(idp: MockIdp) -> None:
    """An implicit answer is in the fragment."""
    url = idp.browser().login(authorize(response_type="id_token token", nonce="n"), ALICE)
    assert {"id_token", "access_token", "expires_in"} <= set(answer_of(url))


@pytest.mark.parametrize("who", [ALICE, "Alice Example", "user_id", "object"])
def test_a_user_is_named_in_any_way(idp: MockIdp, who: str) -> None:
    """E-mail, name, user_id and object mean the same."""
    alice = idp.users[ALICE]
    named = alice if who == "object" else alice.user_id if who == "user_id" else who
    idp.browser().login(authorize(), named)
    assert logged_in_as(idp) == alice.user_id


def test_a_changed_password_is_known(idp: MockIdp) -> None:
    """It is taken from the tenant, as it is now."""
    idp.state.store.put(PASSWORDS, idp.users[ALICE].user_id, "another one")
    assert "code" in answer_of(idp.browser().login(authorize(), ALICE))


@pytest.mark.parametrize("params", [{"connection": "google-oauth2"}, {}])
def test_a_social_user_presses_the_buttons(idp: MockIdp, params: dict[str, str]) -> None:
    """Straight to the upstream, or over the login page; there as the seeded identity."""
    assert "code" in answer_of(idp.browser().login(authorize(**params), GOOGLE))
    assert logged_in_as(idp) == GOOGLE
    assert "/u/upstream" in [exchange.path for exchange in idp.requests]


def test_an_identity_that_the_page_does_not_list(idp: MockIdp) -> None:
    """The upstream's page shows some only; the others give their id."""
    for number in range(60):
        idp.add_user(email=f"u{number}@example.com", connection="facebook", user_id=f"facebook|5{number:02}")
    idp.browser().login(authorize(connection="facebook"), "facebook|559")
    assert logged_in_as(idp) == "facebook|559"
    assert len(idp.users) == 65


def test_a_linked_identity_logs_in_to_the_primary(idp: MockIdp) -> None:
    """By the requested connection's identity, as the account it was linked to."""
    alice = idp.link(ALICE, FACEBOOK)
    idp.browser().login(authorize(connection="facebook"), ALICE)
    assert logged_in_as(idp) == alice.user_id


def test_linking_by_login(idp: MockIdp) -> None:
    """The account to link logs in over the pages."""
    token = idp.token(ALICE, client="web")
    url = idp.browser().login(authorize(access_token=token, connection="facebook"), FACEBOOK)
    assert "code" in answer_of(url)
    assert len(idp.users[ALICE].identities) == 2


def test_unlinking_by_login(idp: MockIdp) -> None:
    """The requested connection is what goes, not what he logs in with."""
    alice = idp.link(ALICE, FACEBOOK)
    hint = idp.id_token(alice, client="web")
    idp.browser().login(
        authorize(scope="openid unlink_account", requested_connection="facebook", id_token_hint=hint), ALICE
    )
    assert len(idp.users[ALICE].identities) == 1


def test_signup_page_mfa_and_consent(idp: MockIdp) -> None:
    """From the sign-up page to the login, the code from the outbox, consent accepted."""
    url = idp.browser().login(authorize(screen_hint="signup", acr_values=MFA, prompt="consent"), BOB)
    assert "code" in answer_of(url)
    assert {"/u/signup", "/u/mfa-email-challenge", "/u/consent"} <= {each.path for each in idp.requests}


def test_a_session_is_used(idp: MockIdp) -> None:
    """The second login of the same browser shows no page; its cookies can be cleared."""
    browser = idp.browser()
    browser.login(authorize(), ALICE)
    assert set(browser.cookies) >= {"did", "auth0"}
    idp.requests.clear()
    browser.login(authorize(), ALICE)
    assert [exchange.path for exchange in idp.requests] == ["/authorize"]
    browser.cookies.clear()
    assert len(browser.cookies) == 0


def test_browsers_share_nothing(idp: MockIdp) -> None:
    """Each is a person of his own."""
    idp.browser().login(authorize(), ALICE)
    assert answer_of(idp.browser().login(authorize(prompt="none"), ALICE))["error"] == "login_required"


def test_an_error_at_the_callback_is_returned(idp: MockIdp) -> None:
    """Also what the client gets when it is refused."""
    url = idp.browser().login(authorize(scope="openid", audience="https://none.example"), ALICE)
    assert "error" in answer_of(url)


def test_a_custom_scheme_is_a_callback(idp: MockIdp) -> None:
    """A native application's, which no browser opens."""
    url = idp.browser().login(
        authorize(client_id="native", redirect_uri="com.example.demo://callback"), ALICE
    )
    assert url.startswith("com.example.demo://callback?code=")


def test_wrong_credentials_are_told(idp: MockIdp) -> None:
    """The page's own words, and where."""
    browser = idp.browser()
    browser.get(authorize())
    page = browser.fill(username=ALICE, password="wrong")
    assert (page.status, page.alert) == (400, "Wrong email or password")


def test_an_unknown_user_is_told(idp: MockIdp) -> None:
    """Before any page is opened."""
    with pytest.raises(UsageError, match=r"no user 'nobody@example\.com'"):
        idp.browser().login(authorize(), "nobody@example.com")
    assert len(idp.requests) == 0


def test_a_login_that_gets_stuck_says_where_and_why(idp: MockIdp) -> None:
    """The page offers nothing that this user can do: its words are the message."""
    asked = authorize(connection="Username-Password-Authentication")
    with pytest.raises(UsageError, match=r"stuck at http://[^ ]+/u/login\?state=\w+ \(200\): Welcome"):
        idp.browser().login(asked, GOOGLE)


def test_a_refused_password_is_not_given_again(idp: MockIdp) -> None:
    """The page comes back with an error: that is the message. Here it is another database's page."""
    other = {"id": "con_2", "name": "other-db", "strategy": "auth0"}
    put_connection(idp.state, Connection.of(other))
    idp.add_user(email="eve@example.com", password="secret", connection="other-db")
    with pytest.raises(UsageError, match=r"stuck at .*/u/login.* \(400\): Wrong email or password"):
        idp.browser().login(authorize(), "eve@example.com")
    idp.browser().login(authorize(connection="other-db"), "eve@example.com")


def test_an_error_page_is_told(idp: MockIdp) -> None:
    """A wrong redirect URI is no way to the client."""
    with pytest.raises(UsageError, match=r"stuck at .*/authorize.* \(403\): .*Callback URL mismatch"):
        idp.browser().login(authorize(redirect_uri="http://localhost:3000/other"), ALICE)


def test_a_user_without_an_identity_at_the_upstream(idp: MockIdp) -> None:
    """He can't be anybody there."""
    with pytest.raises(UsageError, match=r"has no identity for http://.*/u/upstream.*, only 'auth0\|"):
        idp.browser().login(authorize(connection="facebook"), ALICE)
