"""The issuer is the URL that the client used, under every name of the tenant, and no other's."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from mockidp import MockIdp

DEMO = Path(__file__).parents[1] / "fixtures" / "demo.yaml"
CUSTOM = {"customDomains": [{"domain": "login.acme.example"}]}
PIN = {"mockidp": {"domain": "pinned.example"}}
DISCOVERY, BY_EMAIL = "/.well-known/openid-configuration", "/api/v2/users-by-email"
ALICE, BOB = "alice@example.com", "bob@example.com"
PORT = "PORT"  # in tables: the port that the server got
ALLOWED = {"allow_hosts": ["mock", "acme.eu.auth0.com", "Upper.example"]}
TRUSTING = {**ALLOWED, "trust_proxy": True}


class Tenant:
    """A running tenant, asked under one of its names."""

    def __init__(self, idp: MockIdp, headers: dict[str, str], scheme: str = "http") -> None:
        self.idp = idp
        self.port = idp.url.rpartition(":")[2]
        self.base = idp.url if scheme == "http" else idp.https_url
        self.headers = {name: value.replace(PORT, self.port) for name, value in headers.items()}

    def ask(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Send a request under the name."""
        headers = {**self.headers, **arguments.pop("headers", {})}
        url = self.base + path
        return requests.request(
            method, url, headers=headers, verify=self.idp.ca_path, timeout=10, **arguments
        )

    def issuer(self) -> Any:
        """Return what discovery says, or the status of the refusal."""
        answer = self.ask("GET", DISCOVERY)
        if not answer.ok:
            return answer.status_code
        found = answer.json()
        assert found["jwks_uri"] == f"{found['issuer']}.well-known/jwks.json"
        assert self.claims(self.tokens()["id_token"])["iss"] == found["issuer"]
        return found["issuer"]

    @property
    def management(self) -> str:
        """The audience of the Management API as this name has it."""
        return f"{self.ask('GET', DISCOVERY).json()['issuer']}api/v2/"

    def tokens(self, user: str = "bob", **more: str) -> dict[str, str]:
        """Log in by password, or without a user as a machine."""
        if user:
            form = {
                "username": f"{user}@example.com",
                "password": f"{user}-password",
                "scope": "openid email",
            }
            form |= {"grant_type": "password", "client_id": "web", "client_secret": "web-secret"}
        else:
            form = {"grant_type": "client_credentials", "client_id": "m2m", "client_secret": "m2m-secret"}
        answer: dict[str, str] = self.ask("POST", "/oauth/token", data=form | more).json()
        return answer

    @staticmethod
    def claims(token: str) -> dict[str, Any]:
        return jwt.decode(token, options={"verify_signature": False})


def bearer(tokens: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


# -- which issuer ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "host", "expected"),
    [
        ({}, "127.0.0.1:PORT", "http://127.0.0.1:PORT/"),
        ({}, "localhost:PORT", "http://localhost:PORT/"),
        ({}, "[::1]:PORT", "http://[::1]:PORT/"),
        ({}, "acme.localhost:PORT", "http://acme.localhost:PORT/"),
        ({}, "localhost:5000", "http://localhost:5000/"),  # a container's port, mapped
        ({}, "localhost", "http://localhost/"),
        ({}, "localhost:80", "http://localhost/"),
        ({}, "evil.example", 421),
        ({}, "localhost.evil.example", 421),
        ({}, "10.0.0.1:PORT", 421),
        ({}, "mock:4100", 421),
        (ALLOWED, "mock:4100", "http://mock:4100/"),
        (ALLOWED, "upper.example", "http://upper.example/"),
        (ALLOWED, "acme.eu.auth0.com", "http://acme.eu.auth0.com/"),
        (ALLOWED, "x.acme.eu.auth0.com", 421),
        ({"seed": [DEMO, CUSTOM]}, "login.acme.example", "http://login.acme.example/"),
        ({"seed": [DEMO, CUSTOM]}, "localhost:PORT", "http://localhost:PORT/"),
        ({"seed": [DEMO, PIN]}, "localhost:PORT", "https://pinned.example/"),
        ({"domain": "acme.example"}, "localhost:PORT", "https://acme.example/"),
        ({"domain": "acme.example"}, "acme.example", "https://acme.example/"),
        ({"domain": "acme.example:8443"}, "acme.example:8443", "https://acme.example:8443/"),
        ({"domain": "acme.example"}, "other.example", 421),
        ({"domain": "acme.example", "seed": [DEMO, PIN]}, "localhost", "https://acme.example/"),
    ],
)
def test_the_issuer_follows_the_host(options: dict[str, Any], host: str, expected: object) -> None:
    """Unless a domain pins it; any other Host is refused."""
    with MockIdp(**options) as idp:
        tenant = Tenant(idp, {"Host": host})
        wanted = expected.replace(PORT, tenant.port) if isinstance(expected, str) else expected
        assert tenant.issuer() == wanted
        idp.raise_problems()


def test_a_pinned_issuer_and_the_host_share_the_endpoints() -> None:
    """What a browser visits is the issuer's; what a server calls is where it asked."""
    with MockIdp(issuer="http://localhost:4100", allow_hosts=["mock"]) as idp:
        found = Tenant(idp, {"Host": "mock:4100"}).ask("GET", DISCOVERY).json()
    assert found["issuer"] == "http://localhost:4100/"
    assert found["authorization_endpoint"] == "http://localhost:4100/authorize"
    assert found["token_endpoint"] == "http://mock:4100/oauth/token"
    assert found["jwks_uri"] == "http://mock:4100/.well-known/jwks.json"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "http://127.0.0.1:PORT/"),
        ({"X-Forwarded-Proto": "https"}, "https://127.0.0.1:PORT/"),
        ({"X-Forwarded-Proto": "HTTPS, http"}, "http://127.0.0.1:PORT/"),  # the nearest proxy's counts
        ({"X-Forwarded-Proto": "ftp"}, "http://127.0.0.1:PORT/"),
        ({"X-Forwarded-Host": "acme.eu.auth0.com"}, "http://acme.eu.auth0.com/"),
        ({"X-Forwarded-Host": "evil.example, mock"}, "http://mock/"),
        ({"X-Forwarded-Host": "mock, evil.example"}, 421),
        ({"X-Forwarded-Host": "evil.example"}, 421),
        ({"X-Forwarded-Host": "localhost/x"}, 421),
        ({"X-Forwarded-Host": "localhost", "Host": "evil.example"}, 421),  # a rebound page may say so
        ({"X-Forwarded-Port": "8443"}, "http://127.0.0.1:8443/"),
        ({"X-Forwarded-Port": "none"}, "http://127.0.0.1:PORT/"),
        ({"X-Forwarded-Port": "8443", "Host": "[::1]"}, "http://[::1]:8443/"),
        ({"X-Forwarded-Proto": "https", "X-Forwarded-Port": "443", "Host": "mock:4100"}, "https://mock/"),
        (
            {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "localhost:1", "X-Forwarded-Port": "2"},
            "https://localhost:2/",
        ),
        ({"Forwarded": "proto=https;host=acme.eu.auth0.com"}, "https://acme.eu.auth0.com/"),
        ({"Forwarded": 'for="[::1]:9";Host="mock:8443";PROTO=https'}, "https://mock:8443/"),
        ({"Forwarded": "host=evil.example;proto=https, host=mock"}, "http://mock/"),
        ({"Forwarded": 'for="a, b;host=evil.example"; host=mock'}, "http://mock/"),
        ({"Forwarded": 'host="mo\\ck"'}, "http://mock/"),
        ({"Forwarded": "host=evil.example"}, 421),
        ({"Forwarded": "for=1.2.3.4", "X-Forwarded-Host": "mock"}, "http://mock/"),
        (
            {"Forwarded": "host=mock", "X-Forwarded-Host": "evil.example", "X-Forwarded-Port": "1"},
            "http://mock/",
        ),
    ],
)
def test_a_trusted_proxy_tells_the_url(headers: dict[str, str], expected: object) -> None:
    """Its client's scheme, host and port, if that host is the tenant's, and the proxy's own too."""
    with MockIdp(**TRUSTING) as idp:
        tenant = Tenant(idp, headers)
        wanted = expected.replace(PORT, tenant.port) if isinstance(expected, str) else expected
        assert tenant.issuer() == wanted
        idp.raise_problems()


def test_an_untrusted_proxy_tells_nothing() -> None:
    """Without `trust_proxy` the headers are anybody's."""
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "mock", "X-Forwarded-Port": "1"}
    with MockIdp(**ALLOWED) as idp:
        tenant = Tenant(idp, {**headers, "Forwarded": "proto=https;host=mock"})
        assert tenant.issuer() == f"{idp.url}/"


@pytest.mark.parametrize(
    ("options", "environ", "expected"),
    [
        (["--trust-proxy"], {}, "https://localhost:8443/"),
        ([], {"MOCKIDP_TRUST_PROXY": "1"}, "https://localhost:8443/"),
        ([], {"MOCKIDP_TRUST_PROXY": "0"}, None),
        ([], {}, None),
    ],
)
def test_the_command_line_trusts_a_proxy_when_told(
    options: list[str], environ: dict[str, str], expected: str | None, tmp_path: Path
) -> None:
    """By option or variable."""
    program = (
        "import os, urllib.request as u; url = os.environ['MOCKIDP_URL'] + os.environ['DISCOVERY'];"
        "headers = {'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'localhost:8443'};"
        "print(u.urlopen(u.Request(url, headers=headers)).read().decode())"
    )
    command = [sys.executable, "-m", "mockidp", "exec", *options, "--", sys.executable, "-c", program]
    seen = issuer_seen_by(command, MOCKIDP_STATE_DIR=str(tmp_path), DISCOVERY=DISCOVERY, **environ)
    assert seen == expected if expected else seen.startswith("http://127.0.0.1:")


def test_the_control_api_is_not_for_a_proxy_s_clients() -> None:
    """It answers this machine: the name that the client used counts."""
    with MockIdp(**TRUSTING) as idp:
        url = f"{idp.url}/_mockidp/health"
        assert requests.get(url, timeout=10).status_code == 200
        assert requests.get(url, headers={"X-Forwarded-Host": "mock"}, timeout=10).status_code == 403


# -- one tenant under all of its names -------------------------------------------------------------------

NAMES: dict[str, tuple[str, dict[str, str]]] = {
    "http": ("http", {}),
    "https": ("https", {}),
    "mapped port": ("http", {"Host": "localhost:5000"}),
    "container": ("http", {"Host": "mock:4100"}),
    "custom domain": ("https", {"Host": "login.acme.example"}),
    "impersonated": ("https", {"Host": "impersonated.example"}),
    "proxy": ("http", {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "localhost:8443"}),
}


@pytest.fixture(scope="module")
def shared() -> Iterator[MockIdp]:
    """A tenant with many names."""
    with MockIdp([DEMO, CUSTOM], **TRUSTING) as idp, idp.impersonate("impersonated.example"):
        yield idp


@pytest.mark.parametrize(("first", "second"), list(permutations(NAMES, 2)))
def test_a_token_of_one_name_is_good_under_another(shared: MockIdp, first: str, second: str) -> None:
    """At userinfo, at the Management API, and as the proof of an account to be linked."""
    shared.reset()
    (scheme, headers), (other_scheme, other_headers) = NAMES[first], NAMES[second]
    here, there = Tenant(shared, headers, scheme), Tenant(shared, other_headers, other_scheme)
    assert here.issuer() != there.issuer()

    bob = here.tokens()
    assert there.ask("GET", "/userinfo", headers=bearer(bob)).json()["email"] == BOB

    machine = here.tokens("", audience=here.management)
    [alice] = there.ask("GET", BY_EMAIL, params={"email": ALICE}, headers=bearer(machine)).json()

    scope = "openid update:current_user_identities"
    own = here.tokens("alice", audience=here.management, scope=scope)
    path = f"/api/v2/users/{alice['user_id']}/identities"
    linked = there.ask("POST", path, json={"link_with": bob["id_token"]}, headers=bearer(own))
    assert len(linked.json()) == 2, linked.text
    shared.raise_problems()


def test_a_token_of_a_stranger_is_refused() -> None:
    """Two tenants of one seed share their keys, but not their names."""
    with MockIdp() as one, MockIdp() as other:
        here = Tenant(one, {})
        machine = here.tokens("", audience=here.management)
        statuses = [
            tenant.ask("GET", BY_EMAIL, params={"email": BOB}, headers=bearer(machine)).status_code
            for tenant in (here, Tenant(other, {}))
        ]
    assert statuses == [200, 401]


# -- other languages -------------------------------------------------------------------------------------

NODE = """
const [url, lookup] = process.argv.slice(1);
const options = lookup ? {lookup: (name, options, done) => done(null, [{address: lookup, family: 4}])} : {};
require(url.split(":")[0]).get(url, options, answer => answer.pipe(process.stdout))
  .on("error", error => { console.error(error.message); process.exit(1); });
"""


def issuer_seen_by(command: list[str], **environ: str) -> str:
    """Run a client that prints the discovery document."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(
        command, env={**kept, **environ}, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["issuer"])


def needs(program: str) -> pytest.MarkDecorator:
    """Skip a test where the program is missing, but not in CI: there it runs, and fails."""
    missing = shutil.which(program) is None and os.environ.get("CI") != "true"
    return pytest.mark.skipif(missing, reason=f"{program} is not on this machine")


@needs("curl")
@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "acme.eu.auth0.com"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_curl_sees_the_name_that_it_used(shared: MockIdp, scheme: str, name: str) -> None:
    """Of a real domain by `--resolve`, with a certificate of that name."""
    port = shared.url.rpartition(":")[2]
    origin = f"{scheme}://{name}:{port}"
    command = ["curl", "-sS", "--resolve", f"{name}:{port}:127.0.0.1", origin + DISCOVERY]
    assert issuer_seen_by(command, CURL_CA_BUNDLE=shared.ca_path) == f"{origin}/"


@needs("curl")
def test_curl_reaches_port_443_elsewhere(shared: MockIdp) -> None:
    """By `--connect-to`, as by a port that is forwarded: the issuer has no port."""
    to = f"acme.eu.auth0.com:443:127.0.0.1:{shared.url.rpartition(':')[2]}"
    command = ["curl", "-sS", "--connect-to", to, f"https://acme.eu.auth0.com{DISCOVERY}"]
    assert issuer_seen_by(command, CURL_CA_BUNDLE=shared.ca_path) == "https://acme.eu.auth0.com/"


@needs("node")
@pytest.mark.parametrize(("name", "lookup"), [("localhost", ""), ("acme.eu.auth0.com", "127.0.0.1")])
def test_node_trusts_the_authority(shared: MockIdp, name: str, lookup: str) -> None:
    """By `NODE_EXTRA_CA_CERTS`, under any name that resolves here."""
    origin = f"https://{name}:{shared.url.rpartition(':')[2]}"
    seen = issuer_seen_by(
        ["node", "-e", NODE, origin + DISCOVERY, lookup], NODE_EXTRA_CA_CERTS=shared.ca_path
    )
    assert seen == f"{origin}/"


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_ipv6(scheme: str) -> None:
    """The address in brackets is a name like any other."""
    with MockIdp(host="::1") as idp:
        origin = idp.url.replace("http", scheme)
        answer = requests.get(origin + DISCOVERY, verify=idp.ca_path, timeout=10)
        assert answer.json()["issuer"] == f"{origin}/"
        assert origin.startswith(f"{scheme}://[::1]:")
        with idp.impersonate("acme.eu.auth0.com"):
            answer = requests.get(f"https://acme.eu.auth0.com{DISCOVERY}", timeout=10)
        assert answer.json()["issuer"] == "https://acme.eu.auth0.com/"


def test_the_https_url_may_be_the_one_of_tokens_made_in_python() -> None:
    """An API that knows the tenant by its domain then takes them; plain http is answered as before."""
    with MockIdp(https=True) as idp:
        assert idp.issuer == f"https://{idp.domain}/"
        assert idp.env["ISSUER_BASE_URL"] == f"https://{idp.env['AUTH0_DOMAIN']}"
        token = idp.id_token(ALICE)
        keys = requests.get(f"{idp.issuer}.well-known/jwks.json", verify=idp.ca_path, timeout=10).json()
        key = jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(token)["kid"]]
        assert jwt.decode(token, key, audience="web", issuer=idp.issuer)["email"] == ALICE
        plain = requests.get(f"{idp.url}{DISCOVERY}", timeout=10).json()
        assert plain["issuer"] == f"{idp.url}/"
        assert idp.tenant("other").issuer.startswith("https://localhost:")
