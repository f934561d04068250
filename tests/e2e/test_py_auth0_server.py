"""auth0-server-python: login, session, link and unlink by /authorize, refresh, organizations, logout."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import pytest
from python_clients import API, CALLBACK, DEMO, client_with_a_key, key_pair, needs, point_at

from mockidp import MockIdp

if TYPE_CHECKING:
    from auth0_server_python.auth_server.server_client import ServerClient

# The SDK still writes its models as pydantic 1 did.
PYDANTIC_1 = r"ignore:(Support for class-based|The `(dict|parse_obj)` method is):DeprecationWarning"
HTTPX_1 = "ignore:The httpx module is deprecated:DeprecationWarning"  # Authlib's, which the SDK is built on
WARNINGS = pytest.mark.filterwarnings(PYDANTIC_1, HTTPX_1)
pytestmark = [pytest.mark.slow, needs("auth0_server_python"), WARNINGS]
SECRET = "a secret of the application, long enough for its cookies"


@pytest.fixture
def idp_seed() -> list[object]:
    """The demo tenant, and a client with a key."""
    return [DEMO, client_with_a_key()]


@pytest.fixture(autouse=True)
def pointed(idp: MockIdp, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK finds the mock's authority in the environment."""
    point_at(idp, monkeypatch)


def make_client(idp: MockIdp, **options: Any) -> ServerClient:
    """Return the client of a web application, with stores as the documentation describes them."""
    from auth0_server_python.auth_server.server_client import ServerClient
    from auth0_server_python.auth_types import TransactionData
    from auth0_server_python.store.abstract import StateStore, TransactionStore

    class Kept:
        """What both stores are: encrypted text in memory, where a framework has cookies."""

        def __init__(self) -> None:
            super().__init__({"secret": SECRET})
            self.kept: dict[str, str] = {}

        async def set(self, identifier, state, remove_if_expires=False, options=None) -> None:
            document = state if isinstance(state, dict) else state.model_dump()
            self.kept[identifier] = self.encrypt(identifier, document)

        async def get(self, identifier, options=None):
            kept = self.kept.get(identifier)
            return None if kept is None else self.loaded(self.decrypt(identifier, kept))

        async def delete(self, identifier, options=None) -> None:
            self.kept.pop(identifier, None)

    class Sessions(Kept, StateStore):
        loaded = dict

    class Transactions(Kept, TransactionStore):
        loaded = staticmethod(TransactionData.model_validate)

    defaults = {
        "client_id": "web",
        "client_secret": "web-secret",
        "authorization_params": {"scope": "openid profile email"},
    }
    return ServerClient(
        domain=idp.domain,
        secret=SECRET,
        redirect_uri=CALLBACK,
        state_store=Sessions(),
        transaction_store=Transactions(),
        **{**defaults, **options},
    )


def use(idp: MockIdp, steps: Callable[[ServerClient], Coroutine[Any, Any, None]], **options: Any) -> None:
    """Run a test's steps with a client of these options."""

    async def run() -> None:
        sdk = make_client(idp, **options)
        try:
            await steps(sdk)
        finally:
            await sdk._oauth.aclose()  # the SDK itself never closes its connections

    asyncio.run(run())


async def log_in(idp: MockIdp, sdk: ServerClient, user: str, browser: Any = None) -> dict[str, Any]:
    """Log a user in through the pages, and return the SDK's result."""
    url = await sdk.start_interactive_login()
    return await sdk.complete_interactive_login((browser or idp.browser()).login(url, user))


def providers(idp: MockIdp) -> list[str]:
    """Return the providers of Alice's identities."""
    return [identity.provider for identity in idp.users["alice@example.com"].identities]


def test_login_session_and_logout(idp: MockIdp) -> None:
    """A login fills the session; a logout ends it here and at the tenant."""
    from auth0_server_python.auth_types import LogoutOptions

    browser = idp.browser()

    async def steps(sdk: ServerClient) -> None:
        assert await sdk.get_user() is None
        await log_in(idp, sdk, "alice@example.com", browser)
        user = await sdk.get_user()
        assert (user["email"], user["sub"]) == ("alice@example.com", idp.users["alice@example.com"].user_id)
        session = await sdk.get_session()
        assert session["token_sets"][0]["scope"] == "openid profile email"
        assert await sdk.get_access_token() == session["token_sets"][0]["access_token"]

        leaving = await sdk.logout(LogoutOptions(return_to="http://localhost:3000"))
        assert browser.get(leaving).location == "http://localhost:3000"
        assert await sdk.get_user() is None
        again = await sdk.start_interactive_login()
        assert browser.get(again).url.startswith(f"{idp.https_url}/u/login")

    use(idp, steps)


def test_link_and_unlink(idp: MockIdp) -> None:
    """`start_link_user` adds the connection's identity to the user, `start_unlink_user` removes it."""
    browser = idp.browser()

    async def steps(sdk: ServerClient) -> None:
        await log_in(idp, sdk, "alice@example.com", browser)
        alice = (await sdk.get_user())["sub"]
        options = {
            "connection": "google-oauth2",
            "connectionScope": "email",
            "authorization_params": {"redirect_uri": CALLBACK},
            "app_state": {"returnTo": "/profile"},
        }
        url = await sdk.start_link_user(options)
        result = await sdk.complete_link_user(browser.login(url, "alice@gmail.com"))
        assert result == {"app_state": {"returnTo": "/profile"}}
        assert providers(idp) == ["auth0", "google-oauth2"]
        assert (await sdk.get_user())["sub"] == alice

        url = await sdk.start_unlink_user(options)
        callback = browser.login(url, "alice@example.com")
        assert await sdk.complete_unlink_user(callback) == {"app_state": {"returnTo": "/profile"}}
        assert providers(idp) == ["auth0"]
        assert (await sdk.get_user())["sub"] == alice
        assert "alice@gmail.com" in [user.email for user in idp.users]

    use(idp, steps)


def test_link_without_a_redirect_uri(idp: MockIdp) -> None:
    """The SDK leaves it out unless told, and sends its own to the token endpoint: both are the first."""

    async def steps(sdk: ServerClient) -> None:
        browser = idp.browser()
        await log_in(idp, sdk, "alice@example.com", browser)
        url = await sdk.start_link_user({"connection": "facebook"})
        assert "redirect_uri" not in url
        await sdk.complete_link_user(browser.login(url, "facebook|1022"))
        assert providers(idp) == ["auth0", "facebook"]

    use(idp, steps)


def test_link_refused(idp: MockIdp) -> None:
    """An identity that belongs to somebody already is an ApiError, and nothing changes."""
    from auth0_server_python.error import ApiError

    idp.link("bob@example.com", "facebook|1022")

    async def steps(sdk: ServerClient) -> None:
        browser = idp.browser()
        await log_in(idp, sdk, "alice@example.com", browser)
        url = await sdk.start_link_user({"connection": "facebook"})
        with pytest.raises(ApiError) as caught:
            await sdk.complete_link_user(browser.login(url, "facebook|1022"))
        assert caught.value.code == "access_denied"

    use(idp, steps)
    assert providers(idp) == ["auth0"]


def test_refresh(idp: MockIdp) -> None:
    """The token for an API is kept; when it has expired, the refresh token brings another."""
    params = {"audience": API, "scope": "openid profile email offline_access read:x"}

    async def steps(sdk: ServerClient) -> None:
        await log_in(idp, sdk, "alice@example.com")
        session = await sdk.get_session()
        kept = await sdk.get_access_token()
        assert kept == session["token_sets"][0]["access_token"]
        fresh = await sdk.get_token_by_refresh_token({"refresh_token": session["refresh_token"]})
        assert fresh["scope"] == "openid profile email offline_access read:x"
        assert fresh["access_token"] != kept
        assert fresh["id_token"]

    use(idp, steps, authorization_params=params)


def test_organization(idp: MockIdp) -> None:
    """The SDK checks that the ID token is of the organization that it asked for."""
    acme = idp.organization("acme")

    async def steps(sdk: ServerClient) -> None:
        await log_in(idp, sdk, "alice@example.com")
        assert (await sdk.get_user())["org_id"] == acme.id

    use(idp, steps, organization=acme.id)


def test_private_key_jwt(idp: MockIdp) -> None:
    """The client proves itself by a key instead of a secret."""

    async def steps(sdk: ServerClient) -> None:
        await log_in(idp, sdk, "alice@example.com")
        assert (await sdk.get_user())["name"] == "Alice Example"

    use(idp, steps, client_id="keyed", client_secret=None, client_assertion_signing_key=key_pair()[0])
    [exchange] = idp.requests.matching("POST /oauth/token")
    assert "client_secret" not in exchange.form
    assert "client_assertion" in exchange.form


PASSWORDLESS = {
    "connections": [{"name": "email", "strategy": "email"}, {"name": "sms", "strategy": "sms"}],
    "clients": [
        {
            "name": "Web",
            "grant_types": ["authorization_code", "http://auth0.com/oauth/grant-type/passwordless/otp"],
        }
    ],
}


@pytest.mark.mockidp(seed=[DEMO, PASSWORDLESS])
def test_passwordless(idp: MockIdp) -> None:
    """A code by mail and one by SMS make a session, and so does a link; a wrong code is the SDK's error."""
    from auth0_server_python.auth_types import (
        StartPasswordlessEmailOptions,
        StartPasswordlessSmsOptions,
        VerifyPasswordlessOtpOptions,
    )
    from auth0_server_python.error import PasswordlessVerifyError

    async def sub(sdk: ServerClient) -> str:
        return str((await sdk.get_user())["sub"])

    async def steps(sdk: ServerClient) -> None:
        passwordless = sdk.passwordless
        started = await passwordless.start(StartPasswordlessEmailOptions(email="dora@example.com"))
        code = {"connection": "email", "email": "dora@example.com"}
        with pytest.raises(PasswordlessVerifyError, match="Wrong email or verification code"):
            await passwordless.verify(VerifyPasswordlessOtpOptions(**code, verification_code="wrong"))
        code["verification_code"] = idp.outbox.last.code
        await passwordless.verify(VerifyPasswordlessOtpOptions(**code))
        assert await sub(sdk) == f"email|{started.id}"
        await passwordless.start(StartPasswordlessSmsOptions(phone_number="+15550100"))
        code = {"connection": "sms", "phone_number": "+15550100", "verification_code": idp.outbox.last.code}
        await passwordless.verify(VerifyPasswordlessOtpOptions(**code))
        assert await sub(sdk) == idp.users["+15550100"].user_id
        await passwordless.start(StartPasswordlessEmailOptions(email="dora@example.com", send="link"), {})
        await sdk.complete_interactive_login(idp.browser().get(idp.outbox.last.url).location)
        assert await sub(sdk) == f"email|{started.id}"

    use(idp, steps)


def test_denied(idp: MockIdp) -> None:
    """An error at the callback is the SDK's ApiError."""
    from auth0_server_python.error import ApiError

    idp.add_user(email="gwen@example.com", password="gwen-password", blocked=True)

    async def steps(sdk: ServerClient) -> None:
        with pytest.raises(ApiError, match="user is blocked") as caught:
            await log_in(idp, sdk, "gwen@example.com")
        assert caught.value.code == "unauthorized"

    use(idp, steps)
