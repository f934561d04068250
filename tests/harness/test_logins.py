"""idp.login_as: interactive authorizations answered by a user, without pages."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from mockidp.errors import UsageError
from mockidp.harness.script import Logins
from mockidp.json import Json
from mockidp.model.client import find_client, put_client
from mockidp.model.session import AuthorizationRequest, find_transaction, start_transaction
from mockidp.model.tenant import Tenant
from mockidp.model.user import USERS, User, delete_user
from mockidp.server import MockIdp

CALLBACK = "http://localhost:3000/callback"
ALICE, BOB = "alice@example.com", "bob@example.com"
GOOGLE, FACEBOOK = "google-oauth2|103547991597142817347", "facebook|1022"
MFA = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"


IDENTITY: dict[str, Json] = {"connection": "db", "user_id": "1", "provider": "auth0", "isSocial": False}


class App:
    """A browser that asks for authorization and stops at the first redirect."""

    def __init__(self, idp: MockIdp) -> None:
        self.idp = idp
        self.browser = requests.Session()

    def authorize(self, **params: str) -> requests.Response:
        asked = {
            "client_id": "web",
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "scope": "openid email",
        }
        return self.browser.get(
            f"{self.idp.url}/authorize", params=asked | params, allow_redirects=False, timeout=5
        )

    def claims(self, **params: str) -> dict[str, object]:
        """Return the claims of the ID token that the authorization leads to."""
        params |= {"response_type": "id_token", "nonce": "n"}
        self.authorize(**params)
        return dict(self.idp.requests[-1].tokens["response.id_token"].claims)


def answer_of(response: requests.Response) -> dict[str, str]:
    """Return what the client's callback gets."""
    location = response.headers["Location"]
    assert location.startswith(CALLBACK), location
    return dict(parse_qsl(urlsplit(location).query or urlsplit(location).fragment))


def test_the_login_page_is_answered(idp: MockIdp) -> None:
    """One redirect from /authorize to the callback, as the user."""
    idp.login_as(ALICE)
    answer = answer_of(App(idp).authorize(state="s1"))
    assert set(answer) == {"code", "state"}
    assert answer["state"] == "s1"
    assert idp.requests[-1].user_id == idp.users[ALICE].user_id


@pytest.mark.parametrize("who", [ALICE, "user_id", "object"])
def test_a_user_is_named_in_any_way(idp: MockIdp, who: str) -> None:
    """E-mail, user_id and object mean the same."""
    alice = idp.users[ALICE]
    idp.login_as(alice if who == "object" else alice.user_id if who == "user_id" else who)
    assert App(idp).claims()["sub"] == alice.user_id


def test_the_browser_gets_every_cookie(idp: MockIdp) -> None:
    """Device and session: the second authorization needs no person any more."""
    idp.login_as(ALICE)
    app = App(idp)
    app.authorize()
    assert set(app.browser.cookies.keys()) == {"did", "auth0"}
    idp.login_as(None)
    assert "code" in answer_of(app.authorize(prompt="none"))


def test_a_login_counts(idp: MockIdp) -> None:
    """last_login and logins_count change as after a real login."""
    idp.login_as(ALICE)
    App(idp).authorize()
    assert idp.users[ALICE].logins_count == 1


def test_it_holds_until_changed_or_cleared(idp: MockIdp) -> None:
    """All following authorizations; None shows the page again."""
    idp.login_as(ALICE)
    assert App(idp).claims()["email"] == ALICE
    assert App(idp).claims()["email"] == ALICE
    idp.login_as(BOB)
    assert App(idp).claims()["email"] == BOB
    idp.login_as(None)
    assert App(idp).authorize().headers["Location"].startswith("/u/login?state=")


def test_a_reset_clears_it(idp: MockIdp) -> None:
    """A test does not inherit the person of the one before."""
    idp.login_as(ALICE)
    idp.reset()
    assert App(idp).authorize().headers["Location"].startswith("/u/login?state=")


def test_an_unknown_user_is_a_usage_error_at_once(idp: MockIdp) -> None:
    """The message names the nearest user."""
    with pytest.raises(UsageError, match=r"no user 'alcie@example\.com'; did you mean 'alice@example\.com'"):
        idp.login_as("alcie@example.com")


def test_an_empty_tenant_says_so() -> None:
    """There is no nearest user."""
    with pytest.raises(UsageError, match="no user 'x'; the tenant has none"):
        Logins(Tenant()).login_as("x")


def test_the_database_user_is_meant_by_a_shared_email(idp: MockIdp) -> None:
    """Accounts ready to be linked often share an e-mail."""
    idp.add_user(email=ALICE, connection="google-oauth2", user_id="google-oauth2|7")
    idp.login_as(ALICE)
    assert str(App(idp).claims()["sub"]).startswith("auth0|")


def test_an_ambiguous_email_is_a_usage_error(idp: MockIdp) -> None:
    """Two social accounts: their ids are named."""
    for number in (1, 2):
        idp.add_user(email="eve@example.com", connection="facebook", user_id=f"facebook|{number}")
    with pytest.raises(UsageError, match=r"name one by its user_id: 'facebook\|1', 'facebook\|2'"):
        idp.login_as("eve@example.com")


def test_the_upstream_is_answered(idp: MockIdp) -> None:
    """An authorization with a social connection leads to no upstream page."""
    idp.login_as(GOOGLE)
    assert App(idp).claims(connection="google-oauth2")["sub"] == GOOGLE


def test_of_linked_identities_the_requested_connection_is_used(idp: MockIdp) -> None:
    """The account is the primary's, the session is of the connection asked for."""
    alice = idp.link(ALICE, FACEBOOK)
    idp.login_as(ALICE)
    app = App(idp)
    assert app.claims(connection="facebook")["sub"] == alice.user_id
    assert answer_of(app.authorize(prompt="none", connection="facebook"))["code"]


def test_of_accounts_with_one_e_mail_the_requested_connections_is_used(idp: MockIdp) -> None:
    """As before they are linked; by a rule and by the pages, too. Without a connection it is the database."""
    google = idp.add_user(email=ALICE, connection="google-oauth2")
    idp.login_as(ALICE)
    assert App(idp).claims(connection="google-oauth2")["sub"] == google.user_id
    assert App(idp).claims()["sub"] == idp.users[ALICE].user_id
    idp.login_as(None)
    idp.on("GET /authorize").login(ALICE)
    assert App(idp).claims(connection="google-oauth2")["sub"] == google.user_id
    idp.rules.clear()
    asked = f"/authorize?client_id=web&response_type=code&redirect_uri={CALLBACK}&scope=openid"
    idp.browser().login(f"{asked}&connection=google-oauth2", ALICE)
    token = idp.token(ALICE, client="web")
    idp.browser().login(f"{asked}&connection=google-oauth2&access_token={token}", ALICE)
    assert [identity.provider for identity in idp.users[ALICE].identities] == ["auth0", "google-oauth2"]


def test_a_user_linked_meanwhile_logs_in_to_the_primary(idp: MockIdp) -> None:
    """login_as names a person, who keeps his identity when his account is absorbed."""
    idp.login_as(FACEBOOK)
    alice = idp.link(ALICE, FACEBOOK)
    assert App(idp).claims()["sub"] == alice.user_id


def test_a_user_deleted_meanwhile_leaves_the_page(idp: MockIdp) -> None:
    """Nobody is there to answer."""
    idp.login_as(BOB)
    delete_user(idp.state, idp.users[BOB].user_id)
    assert App(idp).authorize().headers["Location"].startswith("/u/login?state=")


def test_signup_mfa_and_consent_are_answered(idp: MockIdp) -> None:
    """Every step on the way; the consent is kept."""
    idp.login_as(ALICE)
    app = App(idp)
    answer = app.authorize(screen_hint="signup", acr_values=MFA, prompt="consent", scope="openid email")
    assert "code" in answer_of(answer)
    assert app.claims(acr_values=MFA)["amr"] == ["mfa"]
    assert len(idp.outbox) == 0


def test_consent_of_a_third_party_is_kept(idp: MockIdp) -> None:
    """The next silent authorization finds it."""
    client = find_client(idp.state, "web")
    assert client is not None
    put_client(idp.state, client.changed(is_first_party=False))
    idp.login_as(ALICE)
    app = App(idp)
    assert "code" in answer_of(app.authorize())
    assert "code" in answer_of(app.authorize(prompt="none"))


def test_silent_authorizations_are_not_answered(idp: MockIdp) -> None:
    """prompt=none is no interactive authorization: without a session it is refused."""
    idp.login_as(ALICE)
    assert answer_of(App(idp).authorize(prompt="none"))["error"] == "login_required"


def test_a_blocked_user_is_refused(idp: MockIdp) -> None:
    """As after the real page."""
    alice = idp.users[ALICE]
    user = idp.state.store.get(USERS, alice.user_id)
    idp.state.store.put(USERS, alice.user_id, user.changed(blocked=True))
    idp.login_as(ALICE)
    assert answer_of(App(idp).authorize())["error_description"] == "user is blocked"


def test_a_linking_request_is_answered_by_the_account_to_link(idp: MockIdp) -> None:
    """The primary is who the token says, the secondary who logs in."""
    alice = idp.users[ALICE]
    token = idp.token(alice, client="web")
    idp.login_as(FACEBOOK)
    claims = App(idp).claims(access_token=token, connection="facebook")
    assert claims["sub"] == alice.user_id
    assert [identity["provider"] for identity in idp.users[ALICE].identities] == ["auth0", "facebook"]


def test_unlinking_is_answered_by_the_primary(idp: MockIdp) -> None:
    """The requested connection is what goes, not what he logs in with."""
    alice = idp.link(ALICE, FACEBOOK)
    hint = idp.id_token(alice, client="web")
    idp.login_as(alice)
    answer = App(idp).authorize(
        scope="openid unlink_account", requested_connection="facebook", id_token_hint=hint
    )
    assert "code" in answer_of(answer)
    assert [identity["provider"] for identity in idp.users[ALICE].identities] == ["auth0"]


def test_form_post_comes_back_as_a_page(idp: MockIdp) -> None:
    """The last answer is the client's, whatever its form, with the cookies of the steps before."""
    idp.login_as(ALICE)
    app = App(idp)
    answer = app.authorize(response_mode="form_post")
    assert answer.status_code == 200
    assert f'action="{CALLBACK}"' in answer.text
    assert set(app.browser.cookies.keys()) == {"did", "auth0"}


def test_a_post_to_authorize_is_answered(idp: MockIdp) -> None:
    """The parameters may come as a form (OpenID Connect Core §3.1.2.1)."""
    idp.login_as(ALICE)
    form = {"client_id": "web", "response_type": "code", "redirect_uri": CALLBACK}
    answer = requests.post(f"{idp.url}/authorize", data=form, allow_redirects=False, timeout=5)
    assert "code" in answer_of(answer)


def test_a_refused_request_is_left_alone(idp: MockIdp) -> None:
    """An error page stays one."""
    idp.login_as(ALICE)
    assert App(idp).authorize(redirect_uri="http://evil.example/").status_code == 403


def test_only_the_first_request_is_recorded(idp: MockIdp) -> None:
    """What the layer asks inside is not what the client sent."""
    idp.login_as(ALICE)
    App(idp).authorize()
    assert [exchange.path for exchange in idp.requests] == ["/authorize"]


USER = User.of({"user_id": "auth0|1", "identities": [IDENTITY]})


class FakeApplication:
    """Answers each request by the next of some redirects; keeps what it was asked."""

    def __init__(self, *locations: str, cookies: tuple[str, ...] = ()) -> None:
        self.tenant = Tenant()
        self.tenant.store.put(USERS, "auth0|1", USER)
        self.transaction = start_transaction(self.tenant, AuthorizationRequest(client_id="web"), "device")
        self.locations = [text.replace("STATE", self.transaction.id) for text in locations]
        self.cookies = list(cookies)
        self.asked: list[Request] = []

    def __call__(self, request: Request) -> Response:
        self.asked.append(request)
        response = Response(status=302, headers={"Location": self.locations.pop(0)})
        if self.cookies:
            response.headers.add("Set-Cookie", self.cookies.pop(0))
        return response

    def answer(self, path: str = "/authorize", **options: object) -> Response:
        logins = Logins(self.tenant)
        logins.login_as("auth0|1")
        builder = EnvironBuilder(path=path, **options)  # type: ignore[arg-type]
        return logins.layer(self)(Request(builder.get_environ()))


def test_the_way_on_is_what_a_browser_would_send() -> None:
    """GET, resume, no body, and the cookies sent, replaced or deleted by those set."""
    application = FakeApplication(
        "/u/login?state=STATE", "http://app/?code=1", cookies=("b=2; Path=/", "d=4; Path=/")
    )
    answer = application.answer(
        method="POST", data={"client_id": "web"}, headers={"Cookie": "a=1; b=1", "Origin": "http://app"}
    )
    resumed = application.asked[1]
    assert (resumed.method, resumed.path) == ("GET", "/authorize/resume")
    assert resumed.args.to_dict() == {"state": application.transaction.id}
    assert dict(resumed.cookies) == {"a": "1", "b": "2"}
    assert resumed.get_data() == b""
    assert "Origin" not in resumed.headers
    assert answer.headers.getlist("Set-Cookie") == ["d=4; Path=/", "b=2; Path=/"]


def test_a_deleted_cookie_is_not_sent_on() -> None:
    """Max-Age=0 takes it away; the last answer's word counts."""
    application = FakeApplication(
        "/u/login?state=STATE", "http://app/", cookies=("a=; Max-Age=0; Path=/", "a=5; Path=/")
    )
    answer = application.answer(headers={"Cookie": "a=1"})
    assert dict(application.asked[1].cookies) == {}
    assert answer.headers.getlist("Set-Cookie") == ["a=5; Path=/"]


def test_a_step_that_comes_again_is_shown() -> None:
    """Something is missing that the layer cannot give: no endless loop."""
    application = FakeApplication("/u/login?state=STATE", "/u/login?state=STATE")
    answer = application.answer()
    assert len(application.asked) == 2
    assert answer.headers["Location"] == f"/u/login?state={application.transaction.id}"


@pytest.mark.parametrize(
    "location",
    ["http://localhost:3000/u/login?state=theirs", "/u/login", "/u/reset-password?state=STATE", "/u/other"],
)
def test_other_redirects_are_left_alone(location: str) -> None:
    """An application's own /u/login, or a page that is no step of a login."""
    application = FakeApplication(location)
    expected = application.locations[0]
    assert application.answer().headers["Location"] == expected
    assert len(application.asked) == 1


def test_other_endpoints_are_left_alone() -> None:
    """Only /authorize and /authorize/resume begin a login."""
    application = FakeApplication("/u/login?state=STATE")
    application.answer("/v2/logout")
    found = find_transaction(application.tenant, application.transaction.id)
    assert found is not None
    assert found.user_id is None
