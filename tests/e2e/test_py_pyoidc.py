"""pyoidc (oic): discovery, code flow with the consumer's own checks, userinfo."""

from __future__ import annotations

from typing import Any

import pytest
from python_clients import CALLBACK, needs, point_at

from mockidp import MockIdp

pytestmark = [pytest.mark.slow, needs("oic")]


@pytest.fixture
def client(idp: MockIdp, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The client of the documentation's relying party, with the provider's configuration."""
    from oic.oic import Client
    from oic.oic.message import RegistrationResponse
    from oic.utils.authn.client import CLIENT_AUTHN_METHOD

    point_at(idp, monkeypatch)
    client = Client(client_authn_method=CLIENT_AUTHN_METHOD)
    # not as "localhost", to whose keys pyoidc goes without a look at the certificate
    client.provider_config(idp.url.replace("http://", "https://") + "/")
    client.store_registration_info(RegistrationResponse(client_id="web", client_secret="web-secret"))
    return client


def test_code_flow(idp: MockIdp, client: Any) -> None:
    """The ID token is verified: signature, issuer, audience, nonce."""
    from oic.oic.message import AuthorizationResponse

    args = {
        "client_id": "web",
        "response_type": "code",
        "scope": ["openid", "email"],
        "redirect_uri": CALLBACK,
        "state": "s1",
        "nonce": "n1",
    }
    request = client.construct_AuthorizationRequest(request_args=args)
    callback = idp.browser().login(request.request(client.authorization_endpoint), "alice@example.com")
    query = callback.partition("?")[2]
    response = client.parse_response(AuthorizationResponse, info=query, sformat="urlencoded")
    tokens = client.do_access_token_request(
        state=response["state"],
        request_args={"code": response["code"], "redirect_uri": CALLBACK},
        authn_method="client_secret_basic",
    )
    assert tokens["id_token"]["nonce"] == "n1"
    userinfo = client.do_user_info_request(state="s1")
    assert userinfo["email"] == "alice@example.com"
    assert userinfo["sub"] == tokens["id_token"]["sub"]


def test_an_error_of_the_token_endpoint(client: Any) -> None:
    """A refusal is pyoidc's exception, which has the tenant's words."""
    from oic.oauth2.exception import HttpError
    from oic.oic.message import AuthorizationResponse

    client.grant["s2"] = client.grant_class(resp=AuthorizationResponse(code="wrong", state="s2"))
    request = {"code": "wrong", "redirect_uri": CALLBACK}
    with pytest.raises(HttpError, match=r'"error":"invalid_grant".* \[403\]'):
        client.do_access_token_request(state="s2", request_args=request, authn_method="client_secret_post")
