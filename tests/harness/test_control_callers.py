"""Who may call /_mockidp: programs on this machine and its own pages, whatever Host and headers they send."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
import requests

from mockidp.server import MockIdp

ALICE = "alice@example.com"
FORBIDDEN_HOST = "the control API answers on loopback names such as localhost only, not on 'idp.example'"
LINK = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
PAGES = [
    "",
    "dashboard/users",
    "dashboard/clients",
    "dashboard/requests",
    "dashboard/outbox",
    "dashboard/rules",
]


@pytest.fixture(scope="module")
def server() -> Iterator[MockIdp]:
    with MockIdp(allow_hosts=["idp.example"]) as idp:
        yield idp


@pytest.fixture
def idp(server: MockIdp) -> Iterator[MockIdp]:
    server.reset()
    yield server
    server.raise_problems()


def call(idp: MockIdp, what: str, **headers: str) -> requests.Response:
    """Call an operation, written `GET health`."""
    method, name = what.split(" ")
    sent = {name: value.replace("OWN", idp.url) for name, value in headers.items()}
    return requests.request(method, f"{idp.url}/_mockidp/{name}", headers=sent, timeout=5)


# -- what browsers say of where a request comes from -------------------------------------------------------

CALLERS = [
    ({}, 200),
    ({"Sec-Fetch-Site": "none"}, 200),
    ({"Sec-Fetch-Site": "same-origin"}, 200),
    ({"Sec-Fetch-Site": "same-site"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Origin": "OWN", "Sec-Fetch-Site": "same-origin"}, 200),
    ({"Origin": "null"}, 403),
    ({"Origin": "http://localhost:3000"}, 403),
    ({"Origin": "https://evil.example"}, 403),
    ({"Host": "localhost"}, 200),
    ({"Host": "[::1]:4100"}, 200),
    ({"Host": "idp.example"}, 403),
    ({"Host": "evil.example"}, 421),
]


@pytest.mark.parametrize("what", ["GET state", "POST reset", "GET openapi.json", "GET ", "POST rules"])
@pytest.mark.parametrize(("headers", "status"), CALLERS)
def test_only_callers_of_this_machine_are_heard(
    idp: MockIdp, what: str, headers: dict[str, str], status: int
) -> None:
    """Loopback Hosts, same-origin pages, and callers that are no browser."""
    response = call(idp, what, **headers)
    expected = 400 if status == 200 and what == "POST rules" else status  # heard, but there is no rule
    assert response.status_code == expected
    if status == 403:
        assert response.json()["message"].startswith("the control API answers")
        assert "Access-Control-Allow-Origin" not in response.headers


def test_a_foreign_host_is_named(idp: MockIdp) -> None:
    """The message says which Host, and what would do."""
    assert call(idp, "GET health", Host="idp.example").json()["message"] == FORBIDDEN_HOST


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_form_of_a_browser_is_refused(idp: MockIdp, kind: str) -> None:
    """A page can send these without a preflight; JSON it can't."""
    headers = {"Content-Type": kind, "Sec-Fetch-Site": "same-origin"}
    url = f"{idp.url}/_mockidp/login-as"
    response = requests.post(url, data=f'{{"user": "{ALICE}"}}', headers=headers, timeout=5)
    assert response.status_code == 415
    assert response.json()["message"] == "a browser has to send the body as application/json"


def test_a_preflight_allows_nothing(idp: MockIdp) -> None:
    """Another origin's page may not even ask."""
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    response = requests.options(f"{idp.url}/_mockidp/reset", headers=headers, timeout=5)
    assert "Access-Control-Allow-Origin" not in response.headers


# -- a link of another site --------------------------------------------------------------------------------


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
@pytest.mark.parametrize("page", PAGES)
def test_a_link_of_another_site_leads_to_the_dashboard(idp: MockIdp, page: str, site: str) -> None:
    """The person sees it, in a window that the page that had the link has no hold of."""
    response = call(idp, f"GET {page}", **LINK, **{"Sec-Fetch-Site": site})
    assert response.status_code == 200
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response.headers["X-Frame-Options"] == "deny"


NO_LINKS = [
    ("GET ", {"Sec-Fetch-Dest": "iframe"}),
    ("GET ", {"Sec-Fetch-Dest": "object"}),
    ("GET ", {"Sec-Fetch-Dest": "empty"}),
    ("GET ", {"Sec-Fetch-Mode": "no-cors"}),
    ("GET ", {"Sec-Fetch-Mode": "cors", "Origin": "https://evil.example"}),
    ("GET ", {"Origin": "https://evil.example"}),
    ("GET ", {"Host": "idp.example"}),
    ("HEAD ", {}),
    ("GET state", {}),
    ("GET openapi.json", {}),
    ("GET requests/stream", {}),
    ("GET static/dashboard.js", {}),
    ("POST reset", {}),
    ("POST reset", {"Origin": "https://evil.example"}),
    ("POST dashboard/reset", {}),
    ("POST dashboard/reset", {"Origin": "https://evil.example"}),
]


@pytest.mark.parametrize(("what", "headers"), NO_LINKS)
def test_nothing_else_of_another_site_is_heard(idp: MockIdp, what: str, headers: dict[str, str]) -> None:
    """No frame, no script's request, no JSON, no file, and no form's POST."""
    sent = {**LINK, "Sec-Fetch-Site": "cross-site", **headers}
    assert call(idp, what, **sent).status_code == 403


# -- Host headers that look like this machine --------------------------------------------------------------

HOSTS = {
    "localhost": 200,
    "LocalHost:4100": 200,
    "app.localhost": 200,  # this machine as well (RFC 6761 section 6.3)
    "127.0.0.1": 200,
    "127.9.9.9:80": 200,
    "[::1]": 200,
    "[::1]:4100": 200,
    "idp.example": 403,
    "localhost.": 421,
    "localhost.evil.com": 421,
    "127.0.0.1.evil.com": 421,
    "evil-localhost": 421,
    "evil.com": 421,
    "localhost@evil.com": 421,
    "evil.com@localhost": 421,
    "user:password@localhost": 421,
    "localhost, evil.com": 421,
    "evil.com/.localhost": 421,
    "evil.com?.localhost": 421,
    "evil.com#.localhost": 421,
    "evil.com\\.localhost": 421,
    "localhost:80:90": 421,
    "localhost:x": 421,
    "localhost:99999": 421,
    "0.0.0.0": 421,
    "127.1": 421,
    "2130706433": 421,
    "::1": 421,
    "": 421,
}


def status_of(idp: MockIdp, head: str) -> int:
    """Send a request exactly as it is written, and return the status."""
    port = int(idp.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(f"{head}\r\nConnection: close\r\n\r\n".encode())
        return int(connection.makefile("rb").readline().split()[1])


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_looks_like_this_machine_is_none(idp: MockIdp, host: str) -> None:
    """Only loopback names and addresses are; the tenant refuses the others too, unless it has that name."""
    expected = HOSTS[host]
    assert status_of(idp, f"GET /_mockidp/state HTTP/1.1\r\nHost: {host}") == expected
    assert status_of(idp, f"GET /_mockidp/ HTTP/1.1\r\nHost: {host}") == expected
    tenant = status_of(idp, f"GET /.well-known/jwks.json HTTP/1.1\r\nHost: {host}")
    assert tenant == (421 if expected == 421 else 200)


HEADS = {
    "GET /_mockidp/state HTTP/1.1\r\nHost: localhost\r\nHost: evil.com": 400,
    "GET /_mockidp/state HTTP/1.1": 400,
    "GET http://evil.com/_mockidp/state HTTP/1.1\r\nHost: localhost": 421,
    "GET http://localhost@evil.com/_mockidp/state HTTP/1.1\r\nHost: localhost": 421,
    "GET /%5Fmockidp/state HTTP/1.1\r\nHost: evil.com": 421,
    "GET /_mockidp/state HTTP/1.1\r\nHost: evil.com\r\nX-Forwarded-Host: localhost": 421,
    "GET /_mockidp/state HTTP/1.1\r\nHost: evil.com\r\nForwarded: host=localhost": 421,
    "GET /_mockidp/state HTTP/1.1\r\nHost: idp.example\r\nX-Forwarded-Host: localhost": 403,
    "GET /_mockidp/state HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Host: evil.com": 200,  # nobody is trusted
}


@pytest.mark.parametrize("head", HEADS)
def test_the_host_counts_that_the_client_connected_to(idp: MockIdp, head: str) -> None:
    """Twice, none, in the target, or told by headers that only a trusted proxy may send."""
    assert status_of(idp, head) == HEADS[head]


def test_behind_a_proxy_both_hosts_count() -> None:
    """A page that was rebound (DNS) can write any X-Forwarded-Host, but not its own Host."""
    with MockIdp(trust_proxy=True) as idp:
        head = "GET /_mockidp/state HTTP/1.1\r\nHost: {}\r\nX-Forwarded-Host: {}"
        assert status_of(idp, head.format("evil.com", "localhost")) == 421
        assert status_of(idp, head.format("localhost", "evil.com")) == 421
        assert status_of(idp, head.format("localhost", "localhost:8080")) == 200
