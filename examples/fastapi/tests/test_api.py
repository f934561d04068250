"""The API checks its access tokens by the tenant's keys."""

from typing import Any

import httpx2
import jwt
import pytest

from mockidp import MockIdp

AUDIENCE = "https://api.acme.example"


def token(idp: MockIdp, **wanted: Any) -> str:
    """Return a token of Alice's for the shop's API, right but for what is wanted."""
    right = {"audience": AUDIENCE, "scope": "read:orders"}
    return idp.token("alice@example.com", client="Shop", **{**right, **wanted})


async def orders(shop: httpx2.AsyncClient, access_token: str) -> httpx2.Response:
    return await shop.get("/api/orders", headers={"Authorization": f"Bearer {access_token}"})


async def test_a_good_token(idp: MockIdp, shop: httpx2.AsyncClient) -> None:
    """Alice gets her own orders: the issuer is the impersonated domain's."""
    answer = await orders(shop, token(idp))
    assert answer.json() == {"orders": [], "of": idp.users["alice@example.com"].user_id}


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        pytest.param({"expires_in": -60}, 401, id="expired"),
        pytest.param({"audience": "https://billing.acme.example"}, 401, id="wrong-audience"),
        pytest.param({"claims": {"iss": "https://evil.example/"}}, 401, id="wrong-issuer"),
        pytest.param({"scope": "openid"}, 403, id="without-scope"),
    ],
)
async def test_a_bad_token(
    idp: MockIdp, shop: httpx2.AsyncClient, wanted: dict[str, Any], status: int
) -> None:
    """Each is wrong in one way, and signed with the right key."""
    assert (await orders(shop, token(idp, **wanted))).status_code == status


@pytest.mark.parametrize("fault", ["bad_signature", "alg_none", "hs256", "unknown_kid"])
async def test_a_forged_token(idp: MockIdp, shop: httpx2.AsyncClient, fault: str) -> None:
    """The robot is given a token that is forged, by the real endpoint, without a socket."""
    idp.on("POST /oauth/token").tamper(fault)
    assert (await orders(shop, robots_token(idp))).status_code == 401


async def test_a_robots_token(idp: MockIdp, shop: httpx2.AsyncClient) -> None:
    """The same token, not forged."""
    assert (await orders(shop, robots_token(idp))).json()["of"] == "robot@clients"


def robots_token(idp: MockIdp) -> str:
    """Return what the token endpoint gives a machine; `idp.app` is called in this thread."""
    form = {"grant_type": "client_credentials", "client_id": "robot", "client_secret": "robot-secret"}
    transport = httpx2.WSGITransport(app=idp.app)
    with httpx2.Client(transport=transport, base_url="https://acme.eu.auth0.com") as tenant:
        return str(tenant.post("/oauth/token", data={**form, "audience": AUDIENCE}).json()["access_token"])


async def test_the_keys_rotate(idp: MockIdp, shop: httpx2.AsyncClient) -> None:
    """The tenant announces its next key: the API has it before the first token that it signs."""
    before = token(idp)
    assert (await orders(shop, before)).status_code == 200
    idp.rotate_keys()
    after = token(idp)
    assert jwt.get_unverified_header(after)["kid"] != jwt.get_unverified_header(before)["kid"]
    assert [(await orders(shop, each)).status_code for each in (after, before)] == [200, 200]
