"""Tampered tokens: each is wrong in one way, and only while the rule answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from rules_world import ALICE, API, App, claims_of, header_of

from mockidp.model.client import find_client, put_client
from mockidp.server import MockIdp
from mockidp.tokens.jws import mac

CLAIMS: list[tuple[Any, dict[str, object]]] = [
    ("wrong_iss", {"iss": "https://wrong.example/"}),
    ("wrong_sub", {"sub": "wrong"}),
    ("wrong_aud", {"aud": "wrong"}),
    ("wrong_azp", {"azp": "wrong"}),
    ("wrong_nonce", {"nonce": "wrong"}),
    ({"iss": "https://evil.example/", "nonce": "x"}, {"iss": "https://evil.example/", "nonce": "x"}),
    ({"sub": None}, {"sub": None}),
]
REFUSED = [
    ("expired", jwt.ExpiredSignatureError),
    ("not_yet_valid", jwt.ImmatureSignatureError),
    ("bad_signature", jwt.InvalidSignatureError),
    ("alg_none", jwt.InvalidAlgorithmError),
    ("hs256", jwt.InvalidAlgorithmError),
]


@pytest.fixture(scope="module")
def server() -> Iterator[MockIdp]:
    with MockIdp() as idp:
        yield idp


@pytest.fixture
def idp(server: MockIdp) -> Iterator[MockIdp]:
    server.reset()
    server.login_as(ALICE)
    yield server
    server.raise_problems()


@pytest.fixture
def app(idp: MockIdp) -> App:
    return App(idp)


@pytest.mark.parametrize(("how", "claims"), CLAIMS)
def test_claims_of_an_id_token(idp: MockIdp, app: App, how: Any, claims: dict[str, object]) -> None:
    """False values, or none at all; the signature is right."""
    rule = idp.on("POST /oauth/token", times=1)
    rule.tamper(how) if isinstance(how, str) else rule.tamper(**how)
    token = app.log_in(nonce="n", prompt="login")["id_token"]
    key = jwt.PyJWKClient(f"{idp.url}/.well-known/jwks.json").get_signing_key_from_jwt(token)
    loose: Any = {"verify_aud": False, "verify_iss": False, "verify_sub": False}
    found = jwt.decode(token, key.key, ["RS256"], options=loose)
    assert {name: found.get(name) for name in claims} == claims
    assert claims_of(app.log_in(prompt="login")["id_token"])["iss"] == f"{idp.url}/"


@pytest.mark.parametrize(("how", "error"), REFUSED)
def test_a_careful_client_refuses(idp: MockIdp, app: App, how: str, error: type[Exception]) -> None:
    """A verifying client finds what is wrong, in access and ID tokens alike."""
    idp.on("POST /oauth/token").tamper(how)
    tokens = app.log_in(scope="openid", audience=API)
    key = idp.state.keys.current().private_key().public_key()
    for name in ("id_token", "access_token"):
        with pytest.raises(error):
            jwt.decode(tokens[name], key, ["RS256"], options={"verify_aud": False})


def test_an_unknown_key(idp: MockIdp, app: App) -> None:
    """The JWKS has no such kid."""
    idp.on("POST /oauth/token").tamper("unknown_kid")
    token = app.machine().json()["access_token"]
    with pytest.raises(jwt.PyJWKClientError):
        jwt.PyJWKClient(f"{idp.url}/.well-known/jwks.json").get_signing_key_from_jwt(token)


def test_the_algorithms_of_the_old_attacks(idp: MockIdp, app: App) -> None:
    """No signature; or the public key taken for a secret, which verifies for who lets it."""
    idp.on("POST /oauth/token", times=1).tamper("alg_none")
    token = app.machine().json()["access_token"]
    assert (header_of(token)["alg"], token.split(".")[2]) == ("none", "")
    idp.on("POST /oauth/token", times=1).tamper("hs256")
    token = app.machine().json()["access_token"]
    assert header_of(token)["alg"] == "HS256"


def test_one_of_two_tokens(idp: MockIdp, app: App) -> None:
    """The rule may name the token that is meant."""
    idp.rules.put({"on": "POST /oauth/token", "then": {"tamper": {"access_token": {"aud": "else"}}}})
    tokens = app.log_in(audience=API)
    assert claims_of(tokens["access_token"])["aud"] == "else"
    assert claims_of(tokens["id_token"])["aud"] == "web"


def test_a_wrong_at_hash(idp: MockIdp, app: App) -> None:
    """From /authorize, where a token and its hash come together."""
    right = app.answer(response_type="token id_token", nonce="n", prompt="login")
    idp.on("GET /authorize").tamper("wrong_at_hash")
    wrong = app.answer(response_type="token id_token", nonce="n", prompt="login")
    assert claims_of(right["id_token"])["at_hash"] != claims_of(wrong["id_token"])["at_hash"]


def test_a_browser_that_walks_the_pages(idp: MockIdp) -> None:
    """The rule for the authorization is remembered until its tokens are signed."""
    idp.reset()
    idp.on("GET /authorize", times=1).tamper("wrong_nonce")
    query = "client_id=web&response_type=id_token&scope=openid&nonce=n&redirect_uri=http://localhost:3000/callback"
    nonces = []
    for _ in range(2):
        callback = idp.browser().login(f"{idp.url}/authorize?{query}", ALICE)
        nonces.append(claims_of(callback.partition("id_token=")[2].partition("&")[0])["nonce"])
    assert nonces == ["wrong", "n"]


def test_a_symmetric_client(idp: MockIdp, app: App) -> None:
    """HS256 tokens are broken as well."""
    client = find_client(idp.state, "web")
    assert client is not None
    put_client(idp.state, type(client).of({**client.document, "jwt_configuration": {"alg": "HS256"}}))
    idp.on("POST /oauth/token").tamper("bad_signature")
    content, _, signature = app.log_in()["id_token"].rpartition(".")
    assert signature != mac(content, "web-secret")
    idp.reset()


def test_tokens_made_by_the_test_are_right(idp: MockIdp) -> None:
    """A rule concerns the request that it means."""
    idp.on("POST /oauth/token").tamper("expired")
    payload = idp.token(ALICE, audience=API, client="Web").split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(payload + "=="))["exp"] > idp.clock.now()
