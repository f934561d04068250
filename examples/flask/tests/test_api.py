"""The API checks its access tokens by the tenant's keys."""

from typing import Any

import jwt
import pytest
from flask.testing import FlaskClient
from steps import orders, token

from mockidp import MockIdp


def test_a_good_token(idp: MockIdp, shop: FlaskClient) -> None:
    """Alice gets her own orders."""
    answer = orders(shop, token(idp))
    assert answer.json == {"orders": [], "of": idp.users["alice@example.com"].user_id}


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        pytest.param({"expires_in": -60}, 401, id="expired"),
        pytest.param({"audience": "https://billing.shop.example"}, 401, id="wrong-audience"),
        pytest.param({"claims": {"iss": "https://evil.example/"}}, 401, id="wrong-issuer"),
        pytest.param({"audience": None}, 401, id="opaque"),
        pytest.param({"scope": "openid"}, 403, id="without-scope"),
    ],
)
def test_a_bad_token(idp: MockIdp, shop: FlaskClient, wanted: dict[str, Any], status: int) -> None:
    """Each is wrong in one way, and signed with the right key."""
    assert orders(shop, token(idp, **wanted)).status_code == status


def test_the_keys_cannot_be_had(idp: MockIdp, shop: FlaskClient) -> None:
    """That is not the token's fault: 503, and the next request is answered."""
    idp.fail("GET /.well-known/jwks.json", status=500, times=1)
    assert [orders(shop, token(idp)).status_code for _ in range(2)] == [503, 200]


def test_the_keys_rotate(idp: MockIdp, shop: FlaskClient) -> None:
    """The tenant announces its next key: the API has it before the first token that it signs."""
    before = token(idp)
    assert orders(shop, before).status_code == 200
    idp.rotate_keys()
    after = token(idp)
    assert jwt.get_unverified_header(after)["kid"] != jwt.get_unverified_header(before)["kid"]
    assert [orders(shop, each).status_code for each in (after, before)] == [200, 200]
    idp.requests.assert_called("GET /.well-known/jwks.json", times=1)
