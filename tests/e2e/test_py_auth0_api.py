"""auth0-api-python: an API verifies access tokens, by discovery and keys of the tenant."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import pytest
from python_clients import API, CALLBACK, answer, needs, point_at

from mockidp import MockIdp

if TYPE_CHECKING:
    from auth0_api_python import ApiClient

# The SDK verifies signatures with a module that Authlib is about to leave to joserfc.
DEPRECATED = "ignore:authlib.jose module is deprecated:DeprecationWarning"
pytestmark = [pytest.mark.slow, needs("auth0_api_python"), pytest.mark.filterwarnings(DEPRECATED)]


@pytest.fixture(autouse=True)
def pointed(idp: MockIdp, monkeypatch: pytest.MonkeyPatch) -> None:
    """httpx finds the mock's authority in the environment."""
    point_at(idp, monkeypatch)


@pytest.fixture
def api(idp: MockIdp, pointed: None) -> ApiClient:
    """The client as the README makes it."""
    from auth0_api_python import ApiClient, ApiClientOptions

    return ApiClient(ApiClientOptions(domain=idp.domain, audience=API))


def do(work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """Run a coroutine of the SDK."""
    return asyncio.run(work)


def log_in(idp: MockIdp, audience: str) -> str:
    """Return the access token that an application gets."""
    callback = idp.browser().login(
        f"https://{idp.domain}/authorize?response_type=token&client_id=spa&audience={audience}"
        f"&scope=openid%20read:x&redirect_uri={CALLBACK}",
        "alice@example.com",
    )
    return answer(callback)["access_token"]


def test_token_of_a_login(idp: MockIdp, api: ApiClient) -> None:
    """A user's token, with scope, for the API and userinfo."""
    claims = do(api.verify_access_token(log_in(idp, API)))
    assert claims["sub"] == idp.users["alice@example.com"].user_id
    assert claims["scope"] == "openid read:x"
    assert API in claims["aud"]
    idp.requests.assert_called("GET /.well-known/openid-configuration", times=1)
    idp.requests.assert_called("GET /.well-known/jwks.json", times=1)


def test_minted_token_in_a_request(idp: MockIdp, api: ApiClient) -> None:
    """A token made in Python, checked as a request's header, claims required."""
    claims = {"iss": f"https://{idp.domain}/", "https://example.com/plan": "pro"}
    token = idp.token("alice@example.com", client="Web", audience=API, scope="read:x", claims=claims)
    verified = do(api.verify_request(headers={"authorization": f"Bearer {token}"}))
    assert verified["https://example.com/plan"] == "pro"
    required = ["https://example.com/plan"]
    assert do(api.verify_access_token(token, required_claims=required)) == verified


def test_what_must_be_refused(idp: MockIdp, api: ApiClient) -> None:
    """Expired, for another audience, of another issuer, opaque."""
    from auth0_api_python.errors import VerifyAccessTokenError

    own = {"iss": f"https://{idp.domain}/"}
    tokens = {
        "expired": idp.token("alice@example.com", client="Web", audience=API, claims=own, expires_in=-60),
        "Audience mismatch": idp.id_token("alice@example.com", client="Web", claims=own),
        "issuer": idp.token("alice@example.com", client="Web", audience=API),
        "parse": log_in(idp, ""),
    }
    for message, token in tokens.items():
        with pytest.raises(VerifyAccessTokenError, match=message) as caught:
            do(api.verify_access_token(token))
        assert caught.value.get_status_code() == 401


def test_several_domains(idp: MockIdp, pointed: None) -> None:
    """With a list of domains, each token's issuer says where to look; no other is asked."""
    from auth0_api_python import ApiClient, ApiClientOptions
    from auth0_api_python.errors import VerifyAccessTokenError

    port = idp.domain.rpartition(":")[2]
    domains = [idp.domain, f"127.0.0.1:{port}"]
    api = ApiClient(ApiClientOptions(domains=domains, audience=API))
    for domain in domains:
        token = idp.token("bob@example.com", client="Web", audience=API, claims={"iss": f"https://{domain}/"})
        assert do(api.verify_access_token(token))["iss"] == f"https://{domain}/"
    other = idp.token("bob@example.com", client="Web", audience=API, claims={"iss": "https://evil.example/"})
    with pytest.raises(VerifyAccessTokenError, match="not in the list"):
        do(api.verify_access_token(other))
