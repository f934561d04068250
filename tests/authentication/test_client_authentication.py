"""How a client proves itself at the token endpoint: post, basic, private_key_jwt, none (§1.5)."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from authentication_world import API, ISSUER, World, error
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

UNAUTHORIZED = (401, ("access_denied", "Unauthorized"))
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
GRANT = {"grant_type": "client_credentials", "audience": API}
ODD_SECRET = "p+q%20r&s=t:ü/ -_"


@cache
def key_pair(kind: str) -> tuple[str, str]:
    """Return a private and a public key as PEM; made once, RSA costs."""
    key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return private, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def machine(name: str, **members: Any) -> dict[str, Any]:
    return {"client_id": name, "name": name, "app_type": "non_interactive", **members}


@pytest.fixture
def machines(make_world: Any) -> World:
    """A tenant with clients of every method, all of them granted the API."""
    keys = [
        {"name": kind, "credential_type": "public_key", "pem": key_pair(kind)[1]} for kind in ("ec", "rsa")
    ]
    only_rs256 = [{"name": "rsa", "credential_type": "public_key", "pem": key_pair("rsa")[1], "alg": "RS256"}]
    clients = [
        machine("odd:id", client_secret=ODD_SECRET),
        machine("odd", client_secret=ODD_SECRET),
        machine("basic", client_secret="x", token_endpoint_auth_method="client_secret_basic"),
        machine(
            "keys",
            client_secret="x",
            client_authentication_methods={"private_key_jwt": {"credentials": keys}},
        ),
        machine("rs256", client_authentication_methods={"private_key_jwt": {"credentials": only_rs256}}),
        machine("none", token_endpoint_auth_method="none"),
    ]
    for client in clients:
        client["grant_types"] = ["client_credentials"]
    grants = [{"client_id": c["client_id"], "audience": API, "scope": ["read:x"]} for c in clients]
    return make_world({"clients": clients, "clientGrants": grants})


def basic(client_id: str, secret: str) -> dict[str, str]:
    encoded = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {encoded}"}


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({"client_id": "m2m", "client_secret": "m2m-secret"}, {}),
        ({}, basic("m2m", "m2m-secret")),
        ({"client_id": "m2m"}, basic("m2m", "m2m-secret")),
        ({}, basic("m2m", "m2m%2Dsecret")),
        ({}, basic("%6D2m", "m2m-secret")),
        ({}, {"Authorization": basic("m2m", "m2m-secret")["Authorization"].replace("Basic ", "bAsIc  ")}),
        ({}, basic("odd", quote(ODD_SECRET, safe=""))),
        ({}, basic("odd", quote(ODD_SECRET, safe="").replace("%20", "+"))),
        ({}, basic("odd", ODD_SECRET)),
        ({}, basic("odd%3Aid", quote(ODD_SECRET, safe=""))),
        ({"client_id": "odd", "client_secret": ODD_SECRET}, {}),
        ({"client_id": "basic", "client_secret": "x"}, {}),
        ({"client_id": "m2m", "client_secret": "m2m-secret"}, {"Authorization": "Bearer something"}),
        ({"client_id": "m2m", "client_secret": "m2m-secret"}, {"Authorization": "nonsense"}),
    ],
)
def test_the_right_secret_is_let_in(machines: World, form: dict[str, str], headers: dict[str, str]) -> None:
    """In the body or in a Basic header, form-encoded or not; other headers do not count."""
    response = machines.post("/oauth/token", data={**GRANT, **form}, headers=headers)
    assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({"client_id": "nobody", "client_secret": "x"}, {}),
        ({"client_id": "m2m", "client_secret": "wrong"}, {}),
        ({"client_id": "m2m", "client_secret": "m2m-secret "}, {}),
        ({"client_id": "m2m", "client_secret": "M2M-SECRET"}, {}),
        ({"client_id": "m2m", "client_secret": "ü\x00"}, {}),
        ({"client_id": "m2m", "client_secret": ""}, {}),
        ({"client_id": "m2m"}, {}),
        ({"client_id": "M2M", "client_secret": "m2m-secret"}, {}),
        ({}, basic("m2m", "wrong")),
        ({}, basic("m2m", "")),
        ({"client_id": "web"}, basic("m2m", "m2m-secret")),
        ({"client_secret": "m2m-secret"}, basic("m2m", "wrong")),
        ({"client_id": "m2m", "client_secret": "m2m-secret"}, {"Authorization": "Basic %%%"}),
        ({"client_id": "m2m", "client_secret": "m2m-secret"}, {"Authorization": "Basic é"}),
        ({"client_id": "m2m", "client_secret": "m2m-secret"}, {"Authorization": "Basic /w=="}),
        ({}, {"Authorization": "Basic " + base64.b64encode(b"m2m").decode()}),
        ({"client_id": "keys", "client_secret": "x"}, {}),
        ({"client_id": "keys"}, {}),
        ({"client_id": "none", "client_secret": "anything"}, {}),
    ],
)
def test_anything_else_is_not(machines: World, form: dict[str, str], headers: dict[str, str]) -> None:
    """401 with the same words for an unknown client and a wrong secret (§4.2)."""
    response = machines.post("/oauth/token", data={**GRANT, **form}, headers=headers)
    assert (response.status_code, error(response)) == UNAUTHORIZED


@pytest.mark.parametrize("headers", [{}, basic("", ""), basic("", "x")])
def test_a_client_must_be_named(machines: World, headers: dict[str, str]) -> None:
    """Without any id there is another answer (§4.2)."""
    response = machines.post("/oauth/token", data=GRANT, headers=headers)
    assert (response.status_code, error(response)) == (401, ("invalid_client", "Missing client_id"))


@pytest.mark.parametrize("secret", [None, ""])
def test_a_public_client_only_names_itself(world: World, secret: str | None) -> None:
    """An SPA has nothing to prove."""
    code = world.code(client_id="spa")
    assert world.redeem(code, client_id="spa", client_secret=secret).status_code == 200


def assertion(client_id: str = "keys", kind: str = "rsa", alg: str = "RS256", **claims: Any) -> str:
    """Return what an SDK sends: a short-lived token that the client signed."""
    now = 1893456000  # the frozen clock's 2030-01-01
    usual = {"iss": client_id, "sub": client_id, "aud": ISSUER, "jti": "1", "iat": now, "exp": now + 180}
    content = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    return jwt.encode(content, key_pair(kind)[0], algorithm=alg)


def by_assertion(world: World, text: str, **form: str) -> Any:
    sent = {**GRANT, "client_assertion": text, "client_assertion_type": JWT_BEARER, **form}
    return world.post("/oauth/token", data=sent)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (lambda: assertion(), {}),
        (lambda: assertion(), {"client_id": "keys"}),
        (lambda: assertion(alg="RS384"), {}),
        (lambda: assertion(alg="PS256"), {}),
        (lambda: assertion(kind="ec", alg="ES256"), {}),
        (lambda: assertion("rs256"), {}),
        (lambda: assertion(aud=ISSUER + "oauth/token"), {}),
        (lambda: assertion(aud=["https://elsewhere/", ISSUER]), {}),
        (lambda: assertion(aud="https://127.0.0.1/"), {}),
        (lambda: assertion(iat=None), {}),
        (lambda: assertion(iat=1893456010, nbf=1893456010), {}),
    ],
)
def test_a_signed_assertion_is_let_in(machines: World, text: Any, form: dict[str, str]) -> None:
    """RSA and EC keys, at the tenant under any of its names (RFC 7523 §3)."""
    response = by_assertion(machines, text(), **form)
    assert response.status_code == 200, response.text


def unsigned(**claims: Any) -> str:
    return jwt.encode(
        {"iss": "keys", "sub": "keys", "aud": ISSUER, "exp": 2e9, **claims}, None, algorithm="none"
    )


BAD_ASSERTIONS: dict[str, Any] = {
    "nonsense": lambda: "nonsense",
    "three dots": lambda: "a.b.c",
    "not ASCII": lambda: "ü.ü.ü",
    "too deep": lambda: "e30." + base64.urlsafe_b64encode(b"[" * 100_000).decode() + ".x",
    "expired": lambda: assertion(exp=1893456000),
    "no expiry": lambda: assertion(exp=None),
    "expiry is text": lambda: assertion(exp="soon"),
    "expiry is an object": lambda: assertion(exp={}),
    "not yet valid": lambda: assertion(nbf=1893456011),
    "issued later": lambda: assertion(iat=1893456011),
    "audience elsewhere": lambda: assertion(aud="https://elsewhere/"),
    "no audience": lambda: assertion(aud=None),
    "audience is an object": lambda: assertion(aud={}),
    "issuer is another": lambda: assertion(iss="web"),
    "no issuer": lambda: assertion(iss=None),
    "subject is another": lambda: assertion(sub="m2m"),
    "subject is unknown": lambda: assertion("nobody"),
    "subject is a number": lambda: assertion(sub=1),
    "no subject": lambda: assertion(sub=None),
    "another's key": lambda: assertion("rs256", kind="ec", alg="ES256"),
    "another algorithm than registered": lambda: assertion("rs256", alg="PS256"),
    "unsigned": unsigned,
    "signed with the public key as a secret": lambda: hs256_with(key_pair("rsa")[1]),
    "changed": lambda: assertion()[:-20] + "A" * 20,
    "of a client with a secret": lambda: assertion("m2m"),
}


def hs256_with(secret: str) -> str:
    """Return an assertion of the classic key confusion; PyJWT itself refuses to make one."""
    import hashlib
    import hmac

    def encode(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    payload = jwt.encode({"iss": "keys", "sub": "keys", "aud": ISSUER, "exp": 2e9}, "x" * 32).split(".")[1]
    content = encode(b'{"alg":"HS256","typ":"JWT"}') + "." + payload
    return content + "." + encode(hmac.digest(secret.encode(), content.encode(), hashlib.sha256))


@pytest.mark.parametrize("name", BAD_ASSERTIONS)
def test_a_bad_assertion_is_refused(machines: World, name: str) -> None:
    """401 invalid_client, whatever is wrong with it (§4.2)."""
    response = by_assertion(machines, BAD_ASSERTIONS[name]())
    assert (response.status_code, error(response)) == (401, ("invalid_client", "Invalid client assertion"))


def test_an_assertion_is_for_the_client_that_is_named(machines: World) -> None:
    """Another `client_id` beside it is refused."""
    assert by_assertion(machines, assertion(), client_id="m2m").status_code == 401


def test_the_type_of_an_assertion_is_checked(machines: World) -> None:
    """There is one."""
    response = by_assertion(machines, assertion(), client_assertion_type="urn:saml")
    assert error(response)[0] == "invalid_request"


def test_assertions_live_by_the_tenants_clock(machines: World) -> None:
    """Not by the machine's."""
    text = assertion()
    machines.clock.advance(179)
    assert by_assertion(machines, text).status_code == 200
    machines.clock.advance(1)
    assert by_assertion(machines, text).status_code == 401
