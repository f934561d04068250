"""`idp.impersonate`: unchanged code that has a real tenant's domain talks to the mock."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

import jwt
import pytest
import requests
from impersonate_world import CLIENTS, DOMAIN, PATH, URL, Outside, issuer, patched

from mockidp import MockIdp, UsageError

ALICE, API = "alice@example.com", "https://api.example.com"


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch) -> Outside:
    """Watch what is asked of the real resolver."""
    resolver = Outside(socket.getaddrinfo)
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    return resolver


# -- clients -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["https://{}", "http://{}", "https://{}:8443", "http://{}:8080"])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_made_before_reaches_the_mock(
    idp: MockIdp, outside: Outside, client: Callable[[], Callable[[str], bytes]], origin: str
) -> None:
    """At any port, by either scheme; the issuer is the URL that it used, and the real resolver has rest."""
    get = client()
    with idp.impersonate(DOMAIN):
        found = json.loads(get(origin.format(DOMAIN) + PATH))
    assert found["issuer"] == origin.format(DOMAIN) + "/"
    assert DOMAIN not in outside.asked
    idp.raise_problems()


def test_code_that_verifies_tokens(idp: MockIdp) -> None:
    """An API with its tenant's domain accepts what the mock issues, by the keys that it fetches there."""
    with idp.impersonate(DOMAIN):
        token = idp.token(ALICE, client="Web", audience=API, scope="read:x")
        key = jwt.PyJWKClient(f"https://{DOMAIN}/.well-known/jwks.json").get_signing_key_from_jwt(token)
        claims = jwt.decode(token, key, ["RS256"], audience=API, issuer=f"https://{DOMAIN}/")
    assert claims["sub"] == idp.users[ALICE].user_id


def test_the_sdk(idp: MockIdp) -> None:
    """auth0-python knows nothing but the domain."""
    authentication = pytest.importorskip("auth0.authentication")
    with idp.impersonate(DOMAIN):
        client = authentication.GetToken(DOMAIN, "m2m", client_secret="m2m-secret")
        token = client.client_credentials(f"https://{DOMAIN}/api/v2/")["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        url = f"https://{DOMAIN}/api/v2/users-by-email?email={ALICE}"
        assert requests.get(url, headers=headers, timeout=10).json()[0]["email"] == ALICE


def test_a_browser_logs_in_there(idp: MockIdp) -> None:
    """The pages, too, are the domain's."""
    callback = "http://localhost:3000/callback"
    query = f"response_type=code&client_id=web&scope=openid&redirect_uri={callback}"
    with idp.impersonate(DOMAIN):
        browser = idp.browser()
        assert browser.login(f"https://{DOMAIN}/authorize?{query}", ALICE).startswith(f"{callback}?code=")
        assert browser.page.url.startswith(f"https://{DOMAIN}/")


# -- names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "url", "expected"),
    [
        ("Acme.EU.auth0.com", URL, f"https://{DOMAIN}/"),
        (DOMAIN, f"https://ACME.eu.auth0.com{PATH}", f"https://{DOMAIN}/"),
        ("acme.test:8443", f"https://acme.test:8443{PATH}", "https://acme.test:8443/"),
        ("acme.test:8443", f"https://acme.test{PATH}", "https://acme.test/"),
        ("acme", f"http://acme:4100{PATH}", "http://acme:4100/"),
        ("müller.example", f"https://müller.example{PATH}", "https://xn--mller-kva.example/"),
        ("xn--mller-kva.example", f"https://müller.example{PATH}", "https://xn--mller-kva.example/"),
    ],
)
def test_names(idp: MockIdp, domain: str, url: str, expected: str) -> None:
    """In any spelling, with or without a port."""
    with idp.impersonate(domain):
        assert issuer(url) == expected


def test_several_names(idp: MockIdp, outside: Outside) -> None:
    """In one block; a name that only resembles them is looked up as ever."""
    with idp.impersonate(DOMAIN, "login.acme.example"):
        assert issuer() == f"https://{DOMAIN}/"
        assert issuer(f"https://login.acme.example{PATH}") == "https://login.acme.example/"
        for stranger in (f"x.{DOMAIN}", "acme.example", f"{DOMAIN}.example"):
            with pytest.raises(socket.gaierror):
                socket.create_connection((stranger, 443), timeout=10)
            assert outside.asked.pop() == stranger
        assert idp.issuer == f"https://{DOMAIN}/"


@pytest.mark.parametrize(
    "domains",
    [
        *(
            (),
            ("",),
            ("https://acme.test",),
            ("acme.test/",),
            ("acme.test:port",),
            ("a b",),
            ("user@acme.test",),
        ),
        *(("localhost",), ("x.localhost:80",), ("127.0.0.1",), ("10.0.0.1:443",), ("::1",), ("[::1]",)),
        *(("*.auth0.com",), (DOMAIN, "localhost")),
    ],
)
def test_what_is_no_domain(idp: MockIdp, domains: tuple[str, ...]) -> None:
    """One line that says so, and nothing is patched."""
    with pytest.raises(UsageError, match="domain"), idp.impersonate(*domains):
        raise AssertionError("entered")
    assert patched() == ["getaddrinfo"]  # by `outside`


def test_a_server_must_run() -> None:
    """There is nothing to lead to."""
    with pytest.raises(UsageError, match="running server"), MockIdp().impersonate(DOMAIN):
        raise AssertionError("entered")


# -- the issuer ------------------------------------------------------------------------------------------


def test_the_object_has_the_domain_inside(idp: MockIdp) -> None:
    """Issuer, domain and environment; afterwards they are the server's own again."""
    before = (idp.issuer, idp.domain, idp.env)
    with idp.impersonate("acme.test:8443"):
        assert (idp.issuer, idp.domain) == ("https://acme.test:8443/", "acme.test:8443")
        assert idp.env["AUTH0_DOMAIN"] == "acme.test:8443"
        with idp.impersonate(DOMAIN):
            assert (idp.issuer, idp.domain) == (f"https://{DOMAIN}/", DOMAIN)
        assert idp.domain == "acme.test:8443"
    assert (idp.issuer, idp.domain, idp.env) == before


def test_a_pinned_issuer_stays() -> None:
    """Who pins one wants it under every name."""
    with MockIdp(domain="login.acme.example") as idp, idp.impersonate(DOMAIN):
        assert issuer() == idp.issuer == "https://login.acme.example/"
        assert idp.domain == "login.acme.example"


def test_tokens_are_good_while_the_name_is_the_tenant_s(idp: MockIdp) -> None:
    """Inside under its every name; afterwards the issuer is a stranger."""

    def status(origin: str, token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return requests.get(f"{origin}/api/v2/users", headers=headers, timeout=10).status_code

    before = idp.management_token()
    with idp.impersonate(DOMAIN):
        inside = idp.management_token()
        for token in (before, inside):
            assert status(f"https://{DOMAIN}", token) == status(idp.url, token) == 200
    assert (status(idp.url, before), status(idp.url, inside)) == (200, 401)


def test_another_seed_and_a_reset_keep_the_name(idp: MockIdp) -> None:
    """The name leads to whatever the server serves."""
    with idp.impersonate(DOMAIN):
        with idp.serving({"users": [{"email": "only@example.com"}]}):
            assert issuer() == idp.issuer == f"https://{DOMAIN}/"
        idp.reset()
        assert issuer() == idp.issuer == f"https://{DOMAIN}/"
    assert idp.issuer == f"{idp.url}/"
    with idp.serving({"users": [{"email": "only@example.com"}]}):
        assert idp.issuer == f"{idp.url}/"


# -- resolving and trusting ------------------------------------------------------------------------------


def test_trust_is_for_the_name_and_the_block_only(idp: MockIdp) -> None:
    """The same context refuses the same certificate for another name, and afterwards for this one."""
    context = ssl.create_default_context()

    def handshake(name: str) -> None:
        address = ("127.0.0.1", urlsplit(idp.url).port)
        with (
            socket.create_connection(address, timeout=10) as sock,
            context.wrap_socket(sock, server_hostname=name),
        ):
            pass

    with idp.impersonate(DOMAIN):
        handshake(DOMAIN)
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake("other.example")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(DOMAIN)


def test_inside_only_the_mock_is_trusted_for_the_name(idp: MockIdp) -> None:
    """A connection that found another way to somebody else ends at the certificate."""
    with MockIdp() as other:
        context = ssl.create_default_context(cafile=other.ca_path)
        address = ("127.0.0.1", urlsplit(other.url).port)
        with (
            idp.impersonate(DOMAIN),
            socket.create_connection(address, timeout=10) as sock,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            context.wrap_socket(sock, server_hostname=DOMAIN)


def test_verification_stays_as_the_client_wants_it(idp: MockIdp) -> None:
    """Who does not verify has no certificate to trust; who does gets one of that very name."""
    names = {}
    for make in (ssl.create_default_context, ssl._create_unverified_context):
        with (
            idp.impersonate(DOMAIN),
            socket.create_connection((DOMAIN, 443), timeout=10) as sock,
            make().wrap_socket(sock, server_hostname=DOMAIN) as tls,
        ):
            names[tls.context.verify_mode] = (tls.getpeercert() or {}).get("subjectAltName")
    assert names == {ssl.CERT_REQUIRED: (("DNS", DOMAIN),), ssl.CERT_NONE: None}


def test_a_lookup_looks_like_one(idp: MockIdp, outside: Outside) -> None:
    """Port names, types and families are the real function's business."""
    with idp.impersonate(DOMAIN):
        found = socket.getaddrinfo(host=DOMAIN, port="https", type=socket.SOCK_STREAM)
        [(family, kind, _, _, (address, port))] = found
        assert (family, kind, port) == (socket.AF_INET, socket.SOCK_STREAM, 443)
        assert socket.gethostbyname(DOMAIN) == address
        assert socket.gethostbyname_ex(DOMAIN)[2] == [address]
        assert socket.getaddrinfo(DOMAIN.encode(), 443)[0][4][0] == address
        assert socket.getaddrinfo(None, 443)
        with pytest.raises(socket.gaierror):
            socket.getaddrinfo(DOMAIN, 443, socket.AF_INET6)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((address, port), timeout=10)
