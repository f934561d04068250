"""Which pages may read what (§9), and the headers that every answer has (§1.4)."""

from __future__ import annotations

import re

import pytest
from authentication_world import CALLBACK, WEB, World

from mockidp.app import UNCACHED

OPEN = ["/userinfo", "/.well-known/openid-configuration", "/.well-known/jwks.json"]
FOR_CLIENTS = ["/oauth/token", "/oauth/revoke"]
EXPOSED = "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"


def preflight(world: World, path: str, origin: str, method: str = "POST") -> dict[str, str]:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type,auth0-client",
    }
    response = world.open("OPTIONS", path, headers=headers)
    assert response.status_code == 204
    assert response.data == b""
    return dict(response.headers)


@pytest.mark.parametrize("path", OPEN)
@pytest.mark.parametrize("origin", [None, "https://spa.test", "https://evil.example", "null"])
def test_some_endpoints_are_open_to_every_page(world: World, path: str, origin: str | None) -> None:
    """`*` without credentials, even without an Origin (recorded)."""
    response = world.get(path, headers={"Origin": origin} if origin else {})
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Access-Control-Allow-Credentials"] == "false"
    assert response.headers["Access-Control-Expose-Headers"] == EXPOSED


@pytest.mark.parametrize("path", ["/unlink", "/login/unlink"])
def test_unlinking_is_called_from_pages_too(world: World, path: str) -> None:
    """The documentation's samples do so by XHR (§3.3)."""
    answer = preflight(world, path, "https://anywhere.example")
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Access-Control-Allow-Methods"] == "POST"
    assert "Content-Type" in answer["Access-Control-Allow-Headers"]
    refused = world.post(path, json={}, headers={"Origin": "https://anywhere.example"})
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (400, "*")


@pytest.mark.parametrize("path", FOR_CLIENTS)
@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://spa.test", True),
        ("https://app.example.com", True),
        ("http://localhost:3000", True),
        ("https://pr-7.preview.example.com", True),
        ("https://evil.example", False),
        ("https://spa.test.evil.example", False),
        ("http://spa.test", False),
        ("https://spa.test:8443", False),
        ("http://localhost:3001", False),
        ("https://preview.example.com", False),
        ("null", False),
        ("*", False),
        ("https://*.preview.example.com.evil.example", False),
    ],
)
def test_others_are_for_the_clients_origins(world: World, path: str, origin: str, allowed: bool) -> None:
    """Web origins, and those of callbacks; an answer, a refusal and a preflight alike."""
    plain = world.post(path, data={}, headers={"Origin": origin}).headers
    asked = preflight(world, path, origin)
    for headers in (plain, asked):
        assert headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
        assert "Origin" in headers["Vary"]
    assert ("Access-Control-Allow-Methods" in asked) == allowed
    assert plain.get("Access-Control-Allow-Credentials") == ("true" if allowed else None)


def test_the_preflight_allows_what_sdks_send(world: World) -> None:
    """§9."""
    allowed = preflight(world, "/oauth/token", "https://spa.test")["Access-Control-Allow-Headers"]
    for name in ("Auth0-Client", "Authorization", "Content-Type", "DPoP", "X-Request-Language"):
        assert name in allowed


def test_without_an_origin_the_token_endpoint_allows_nobody(world: World) -> None:
    """Only `Vary` (recorded)."""
    headers = world.redeem(world.code()).headers
    assert "Access-Control-Allow-Origin" not in headers
    assert "Origin" in headers["Vary"]


@pytest.mark.parametrize("path", ["/authorize", "/authorize/resume", "/v2/logout", "/oidc/logout"])
def test_no_page_reads_what_is_for_browsers(world: World, path: str) -> None:
    """Those are navigated to."""
    headers = world.get(path, headers={"Origin": "https://spa.test"}).headers
    assert "Access-Control-Allow-Origin" not in headers


EVERY = ["/authorize?client_id=web", "/userinfo", "/oauth/token", "/nowhere", "/v2/logout", "/pem", *OPEN]


@pytest.mark.parametrize("path", EVERY)
def test_every_answer_has_the_tenants_headers(world: World, path: str) -> None:
    """Rate limits, request id, nosniff, a date by the tenant's clock."""
    headers = world.get(path).headers
    assert headers["X-RateLimit-Limit"] == "100"
    assert headers["X-RateLimit-Remaining"] == "99"
    assert headers["X-RateLimit-Reset"] == "0"  # the clock of these tests is frozen
    assert re.fullmatch(r"[0-9a-f]{20}", headers["X-Auth0-RequestId"])
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Date"] == "Tue, 01 Jan 2030 00:00:00 GMT"
    assert "Strict-Transport-Security" not in headers


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        *((path, UNCACHED) for path in ("/userinfo", "/oauth/token", "/nowhere", "/pem", *OPEN)),
        ("/authorize", "no-store"),
        ("/api/v2/users", "no-cache"),
    ],
)
def test_no_answer_is_cached(world: World, path: str, expected: str) -> None:
    """In the words of each part of the service (recorded); pages have their own."""
    assert world.get(path).headers["Cache-Control"] == expected


def test_a_rate_limit_never_ends_in_a_clients_future(world: World) -> None:
    """By the tenant's clock while it is the real one; SDKs wait until then after a 409 or 501."""
    world.tenant.clock.unfreeze()
    assert int(world.get("/pem").headers["X-RateLimit-Reset"]) - world.tenant.now() in (0, 1)
    world.tenant.clock.advance(days=1)
    assert world.get("/pem").headers["X-RateLimit-Reset"] == "0"


def test_request_ids_differ(world: World) -> None:
    """Each answer has its own."""
    assert len({world.get("/pem").headers["X-Auth0-RequestId"] for _ in range(5)}) == 5


def test_many_requests_are_not_limited(world: World) -> None:
    """No limit bites unless a rule says so; brute-force protection is about passwords."""
    wrong = {"grant_type": "authorization_code", "code": "no", "redirect_uri": CALLBACK, **WEB}
    assert {world.token(**wrong).status_code for _ in range(120)} == {403}


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/oauth/token", "POST"),
        ("PUT", "/oauth/token", "POST"),
        ("OPTIONS", "/oauth/token", "POST"),
        ("DELETE", "/authorize", "GET, POST"),
        ("GET", "/unlink", "POST"),
        ("POST", "/v2/logout", "GET"),
    ],
)
def test_another_method_is_not_allowed(world: World, method: str, path: str, allow: str) -> None:
    """405, and which ones are (§1.3)."""
    response = world.open(method, path)
    assert (response.status_code, response.headers["Allow"]) == (405, allow)
    assert response.json["error"] == "method_not_allowed"


def test_a_head_request_has_the_headers_of_a_get(world: World) -> None:
    """And no body (RFC 9110 §9.3.2)."""
    head = world.open("HEAD", "/.well-known/jwks.json")
    assert (head.status_code, head.data) == (200, b"")
    assert head.mimetype == "application/json"
