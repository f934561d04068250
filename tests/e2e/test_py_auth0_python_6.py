"""auth0-python 6 over https: ManagementClient with its own tokens, also async, GetToken, TokenVerifier."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from auth0.authentication import Database, GetToken, Passwordless, RevokeToken, Users
from auth0.authentication.exceptions import Auth0Error
from auth0.authentication.token_verifier import AsymmetricSignatureVerifier, TokenVerifier
from auth0.management import AsyncManagementClient, ManagementClient
from auth0.management.core.api_error import ApiError
from auth0.management.errors import (
    BadRequestError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    TooManyRequestsError,
)
from python_clients import API, CALLBACK, DATABASE, DEMO, answer, client_with_a_key, key_pair, point_at

from mockidp import MockIdp

ONCE = {"max_retries": 0}  # else the SDK waits and asks again after 409 and 5xx


@pytest.fixture
def idp_seed() -> list[object]:
    """The demo tenant, and a client with a key."""
    return [DEMO, client_with_a_key()]


@pytest.fixture(autouse=True)
def pointed(idp: MockIdp, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK finds the mock's authority in the environment."""
    point_at(idp, monkeypatch)


@pytest.fixture
def sdk(idp: MockIdp) -> Iterator[ManagementClient]:
    """The client as the README makes it; a connection pool of our own, for the SDK never closes its."""
    with httpx.Client() as pool:
        yield ManagementClient(
            domain=idp.domain, client_id="m2m", client_secret="m2m-secret", httpx_client=pool
        )


def test_fetches_one_token_by_itself(idp: MockIdp, sdk: ManagementClient) -> None:
    """The first call gets a token for `https://{domain}/api/v2/`, the next ones use it."""
    emails = [user.email for user in sdk.users.list(per_page=2)]
    assert emails == [user.email for user in idp.users]
    audience = f"https://{idp.domain}/api/v2/"
    idp.requests.assert_called("POST /oauth/token", times=1, form={"audience": audience})


def test_creates_changes_and_deletes(sdk: ManagementClient) -> None:
    """The life of a user, metadata merged."""
    created = sdk.users.create(
        connection=DATABASE,
        email="dora@example.com",
        password="Dora-Passw0rd!",
        user_metadata={"plan": "pro"},
    )
    changed = sdk.users.update(created.user_id, user_metadata={"language": "en"}, blocked=True)
    assert changed.user_metadata == {"plan": "pro", "language": "en"}
    assert sdk.users.get(created.user_id).blocked is True
    sdk.users.delete(created.user_id)
    with pytest.raises(NotFoundError) as caught:
        sdk.users.get(created.user_id)
    assert caught.value.status_code == 404
    assert caught.value.body["errorCode"] == "inexistent_user"


def test_links_and_unlinks(idp: MockIdp, sdk: ManagementClient) -> None:
    """Both answers parse, and an e-mail finds the account that is left."""
    alice = idp.users["alice@example.com"].user_id
    linked = sdk.users.identities.link(alice, provider="facebook", user_id="1022")
    assert [(one.provider, one.is_social) for one in linked] == [("auth0", False), ("facebook", True)]
    assert linked[1].profile_data.name == "Alice F"
    assert sdk.users.list_users_by_email(email="alice@facebook.example") == []
    left = sdk.users.identities.delete(alice, "facebook", "1022")
    assert [one.provider for one in left] == ["auth0"]
    [again] = sdk.users.list_users_by_email(email="alice@facebook.example")
    assert again.user_id == "facebook|1022"


def test_a_user_links_with_the_own_token(idp: MockIdp) -> None:
    """A token of the user herself and the ID token of the other account."""
    alice = idp.users["alice@example.com"]
    audience = f"https://{idp.domain}/api/v2/"
    claims = {"iss": f"https://{idp.domain}/"}
    own = idp.token(
        alice, client="spa", audience=audience, scope="update:current_user_identities", claims=claims
    )
    other = idp.id_token("alice@gmail.com", client="spa", claims=claims)
    with httpx.Client() as pool:
        sdk = ManagementClient(domain=idp.domain, token=own, httpx_client=pool)
        linked = sdk.users.identities.link(alice.user_id, link_with=other)
        assert [one.provider for one in linked] == ["auth0", "google-oauth2"]
        with pytest.raises(ForbiddenError, match="does not match subject"):
            sdk.users.identities.delete("facebook|1022", "facebook", "1022")


def test_refusals_are_its_errors(idp: MockIdp, sdk: ManagementClient) -> None:
    """Status, code and text arrive in the exception of that status."""
    alice = idp.users["alice@example.com"].user_id
    with pytest.raises(BadRequestError, match=r"Main identity and the new one are the same\."):
        sdk.users.identities.link(alice, provider="auth0", user_id=alice.removeprefix("auth0|"))
    with pytest.raises(ConflictError) as caught:
        sdk.users.create(
            connection=DATABASE, email="bob@example.com", password="Bob-Passw0rd!", request_options=ONCE
        )
    assert caught.value.body == {
        "statusCode": 409,
        "error": "Conflict",
        "message": "The user already exists.",
        "errorCode": "auth0_idp_error",
    }


def test_rate_limit(idp: MockIdp, sdk: ManagementClient) -> None:
    """A 429 is the SDK's own exception, with the tenant's headers."""
    idp.fail("GET /api/v2/users/{id}", status=429, times=1)
    bob = idp.users["bob@example.com"].user_id
    with pytest.raises(TooManyRequestsError) as caught:
        sdk.users.get(bob, request_options=ONCE)
    assert caught.value.headers["x-ratelimit-remaining"] == "0"
    assert sdk.users.get(bob).email == "bob@example.com"


def test_a_frozen_clock_makes_nobody_wait(
    idp: MockIdp, sdk: ManagementClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK repeats what conflicts; it would wait a minute for a rate limit that ends in its future."""
    waits: list[float] = []
    monkeypatch.setattr("auth0.management.core.http_client.time.sleep", waits.append)
    idp.clock.freeze("2090-01-01T00:00:00Z")
    with pytest.raises(ConflictError):
        sdk.users.create(connection=DATABASE, email="bob@example.com", password="Bob-Passw0rd!")
    assert len(waits) == 2
    assert sum(waits) < 4


def test_what_is_not_emulated_says_so(sdk: ManagementClient) -> None:
    """501 with an explanation, never a made-up answer."""
    with pytest.raises(ApiError) as caught:
        sdk.attack_protection.brute_force_protection.get(request_options=ONCE)
    assert caught.value.status_code == 501
    assert caught.value.body["errorCode"] == "not_emulated"


def test_async_client(idp: MockIdp) -> None:
    """The async client: token, pages, link and unlink."""

    async def use() -> list[str]:
        async with httpx.AsyncClient() as pool:
            sdk = AsyncManagementClient(
                domain=idp.domain, client_id="m2m", client_secret="m2m-secret", httpx_client=pool
            )
            alice = idp.users["alice@example.com"].user_id
            await sdk.users.identities.link(alice, provider="facebook", user_id="1022")
            emails = [user.email async for user in await sdk.users.list(per_page=2)]
            await sdk.users.identities.delete(alice, "facebook", "1022")
            return emails

    assert asyncio.run(use()) == [
        "alice@example.com",
        "bob@example.com",
        "carol@example.com",
        "alice@gmail.com",
    ]
    assert len(idp.users["alice@example.com"].identities) == 1


def test_authentication_api(idp: MockIdp) -> None:
    """Sign up, log in, verify the ID token, refresh, revoke: the default protocol, https."""
    Database(idp.domain, "web").signup("dora@example.com", "Dora-Passw0rd!", DATABASE)
    get_token = GetToken(idp.domain, "web", client_secret="web-secret")
    tokens = get_token.login(
        "dora@example.com", "Dora-Passw0rd!", scope="openid profile email offline_access", realm=DATABASE
    )
    verifier = TokenVerifier(
        signature_verifier=AsymmetricSignatureVerifier(f"https://{idp.domain}/.well-known/jwks.json"),
        issuer=f"https://{idp.domain}/",
        audience="web",
    )
    verifier.verify(tokens["id_token"])
    profile = Users(idp.domain).userinfo(tokens["access_token"])
    assert profile["email"] == "dora@example.com"
    assert get_token.refresh_token(tokens["refresh_token"])["access_token"]
    RevokeToken(idp.domain, "web", client_secret="web-secret").revoke_refresh_token(tokens["refresh_token"])


def test_code_with_nonce(idp: MockIdp) -> None:
    """A login by code: the verifier checks the nonce and the organization."""
    acme = idp.organization("acme")
    callback = idp.browser().login(
        f"https://{idp.domain}/authorize?response_type=code&client_id=web&scope=openid&nonce=n1&max_age=600"
        f"&redirect_uri={CALLBACK}&organization={acme.id}",
        "alice@example.com",
    )
    get_token = GetToken(idp.domain, "web", client_secret="web-secret")
    tokens = get_token.authorization_code(answer(callback)["code"], CALLBACK)
    keys = AsymmetricSignatureVerifier(f"https://{idp.domain}/.well-known/jwks.json")
    verifier = TokenVerifier(signature_verifier=keys, issuer=f"https://{idp.domain}/", audience="web")
    verifier.verify(tokens["id_token"], nonce="n1", max_age=600, organization=acme.id)


PASSWORDLESS = {
    "connections": [{"name": "email", "strategy": "email"}, {"name": "sms", "strategy": "sms"}],
    "clients": [
        {
            "name": "Web",
            "grant_types": [
                "authorization_code",
                "refresh_token",
                "http://auth0.com/oauth/grant-type/passwordless/otp",
            ],
        }
    ],
}


@pytest.mark.mockidp(seed=[DEMO, client_with_a_key(), PASSWORDLESS])
def test_passwordless(idp: MockIdp) -> None:
    """`Passwordless.email` and `.sms`, a login with the code, and a verified ID token."""
    sdk = Passwordless(idp.domain, "web", client_secret="web-secret")
    get_token = GetToken(idp.domain, "web", client_secret="web-secret")
    verifier = TokenVerifier(
        signature_verifier=AsymmetricSignatureVerifier(f"https://{idp.domain}/.well-known/jwks.json"),
        issuer=f"https://{idp.domain}/",
        audience="web",
    )
    assert sdk.email("dora@example.com", send="code")["email"] == "dora@example.com"
    tokens = get_token.passwordless_login(
        "dora@example.com", idp.outbox.last.code, "email", scope="openid email offline_access", audience=API
    )
    assert verifier.verify(tokens["id_token"])["email_verified"] is True
    assert get_token.refresh_token(tokens["refresh_token"])["access_token"]
    assert sdk.sms("+15550100")["phone_number"] == "+15550100"
    with pytest.raises(Auth0Error, match=r"Wrong phone number or verification code\.") as caught:
        get_token.passwordless_login("+15550100", "wrong", "sms", scope="openid", audience=API)
    assert (caught.value.status_code, caught.value.error_code) == (403, "invalid_grant")
    tokens = get_token.passwordless_login(
        "+15550100", idp.outbox.last.code, "sms", scope="openid", audience=API
    )
    assert verifier.verify(tokens["id_token"])["sub"] == idp.users["+15550100"].user_id


@pytest.mark.mockidp(seed=[DEMO, client_with_a_key(), PASSWORDLESS])
def test_passwordless_by_link(idp: MockIdp) -> None:
    """The default of `Passwordless.email`: the link leads to the callback with a code."""
    params = {"redirect_uri": CALLBACK, "response_type": "code", "scope": "openid email", "state": "s1"}
    Passwordless(idp.domain, "web", client_secret="web-secret").email("dora@example.com", auth_params=params)
    callback = idp.browser().get(idp.outbox.last.url).location
    assert answer(callback)["state"] == "s1"
    get_token = GetToken(idp.domain, "web", client_secret="web-secret")
    assert get_token.authorization_code(answer(callback)["code"], CALLBACK)["id_token"]


@pytest.mark.mockidp(seed=[DEMO, client_with_a_key(), PASSWORDLESS])
def test_passwordless_refusals(idp: MockIdp) -> None:
    """The codes of /passwordless/start arrive in the exception."""
    with pytest.raises(Auth0Error) as caught:
        Passwordless(idp.domain, "web", client_secret="web-secret").email("no address")
    assert (caught.value.status_code, caught.value.error_code) == (400, "bad.email")
    with pytest.raises(Auth0Error) as caught:
        Passwordless(idp.domain, "web", client_secret="wrong").sms("+15550100")
    assert (caught.value.status_code, caught.value.error_code) == (401, "access_denied")


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")  # the SDK's own
def test_private_key_jwt(idp: MockIdp) -> None:
    """GetToken signs an assertion for `https://{domain}/`."""
    private = key_pair()[0]
    get_token = GetToken(idp.domain, "keyed", client_assertion_signing_key=private)
    assert get_token.client_credentials(API)["scope"] == "read:x"
