"""Requests that no SDK sends: never a 500, never a header of their own making, never a page of theirs."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from authentication_world import CALLBACK, WEB, World
from werkzeug.test import EnvironBuilder, run_wsgi_app

TEXTS = {
    "NUL": "\x00",
    "CRLF": "a\r\nSet-Cookie: evil=1\r\n\r\n<b>",
    "markup": "\"'><script>alert(1)</script>",
    "not ASCII": "ü€\U0001f511\u2028\u202e",
    "long": "x" * 60_000,
    "percent": "%00%0d%0a%ff%252e",
    "braces": "{{7*7}}${7*7}#{7*7}",
    "blank": " ",
    "JSON": '{"a": [1]}',
    "path": "../../../../etc/passwd",
    "dot": ".",
    "pipe": "auth0|x|y",
    "separators": "a&b=c;d#e?f",
}
AUTHORIZE = [
    *("client_id", "redirect_uri", "response_type", "response_mode", "scope", "audience", "state", "nonce"),
    *("code_challenge", "code_challenge_method", "connection", "prompt", "max_age", "login_hint"),
    *("screen_hint", "ui_locales", "acr_values", "organization", "invitation", "access_token"),
    *("id_token_hint", "requested_connection", "connection_scope"),
]
TOKEN = [
    *("grant_type", "client_id", "client_secret", "code", "redirect_uri", "code_verifier", "refresh_token"),
    *("username", "password", "realm", "scope", "audience", "client_assertion", "client_assertion_type"),
]
GRANTS = [
    "authorization_code",
    "refresh_token",
    "password",
    "http://auth0.com/oauth/grant-type/password-realm",
    "client_credentials",
]


def check(response: Any) -> None:
    """The answer is one of ours, and says nothing in the name of another."""
    assert response.status_code < 500, response.text
    assert "evil" not in str(response.headers.getlist("Set-Cookie"))
    assert response.mimetype != "text/html" or "<script>alert" not in response.text
    location = response.headers.get("Location", "/")
    assert location.startswith((CALLBACK, "/u/", "https://app.example.com/out")) or location == "/"
    assert "\n" not in location


@pytest.mark.parametrize("name", AUTHORIZE)
@pytest.mark.parametrize("text", TEXTS)
def test_no_value_breaks_authorize(world: World, name: str, text: str) -> None:
    """Each parameter with each text, by itself and beside a login that succeeds."""
    if name == "requested_connection":
        world.authorize(scope="openid link_account", id_token_hint="x", requested_connection=TEXTS[text])
    page = world.authorize(**{name: TEXTS[text]})
    check(page)
    if page.headers.get("Location", "").startswith("/u/"):
        check(world.get(page.location))
        check(world.answer_login(page, "alice@example.com"))


@pytest.mark.parametrize("name", TOKEN)
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("encoding", ["data", "json"])
def test_no_value_breaks_the_token_endpoint(world: World, name: str, text: str, encoding: str) -> None:
    """Each parameter of each grant with each text."""
    usual = {"code": "x", "refresh_token": "x", "username": "x", "password": "x", "realm": "x"}
    for grant in GRANTS:
        sent = {"grant_type": grant, **WEB, **usual, name: TEXTS[text]}
        check(world.post("/oauth/token", **{encoding: sent}))


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(
    "path",
    [
        "/v2/logout?client_id={}",
        "/v2/logout?returnTo={}",
        "/v2/logout?client_id=web&returnTo={}",
        "/oidc/logout?id_token_hint={}",
        "/oidc/logout?client_id=web&post_logout_redirect_uri={}",
        "/oidc/logout?logout_hint={}&state={}",
        "/authorize/resume?state={}",
        "/userinfo?access_token={}",
        "/pem?cert={}",
        "/.well-known/{}",
    ],
)
def test_no_value_breaks_the_others(world: World, path: str, text: str) -> None:
    """What browsers go to."""
    check(world.get(path.format(*[quote(TEXTS[text], safe="")] * 2)))


JSON_BODIES = {
    "number": '{"grant_type": 1}',
    "big number": '{"grant_type": 1e999}',
    "huge integer": '{"grant_type": ' + "9" * 5000 + "}",
    "true": '{"grant_type": true}',
    "null": '{"grant_type": null}',
    "list": '{"grant_type": ["password"]}',
    "object": '{"grant_type": {}}',
    "lone surrogate": '{"grant_type": "\\ud800"}',
    "surrogate pair": '{"grant_type": "\\ud83d\\ude00"}',
    "duplicate": '{"grant_type": "x", "grant_type": "y"}',
    "array": "[1]",
    "text": '"x"',
    "nothing": "",
    "half": "{",
    "trailing": '{"grant_type": "x"} x',
    "deep": '{"a":' + "[" * 200_000,
    "deep objects": '{"a":' * 100_000,
    "not UTF-8": b'{"grant_type": "\xff"}',
    "UTF-16": '{"grant_type": "x"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"grant_type": "x"}',
}


@pytest.mark.parametrize("name", JSON_BODIES)
@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/unlink"])
def test_no_json_breaks_an_endpoint(world: World, name: str, path: str) -> None:
    """In OAuth's body: no object is 400, an object without what is needed too."""
    response = world.post(path, data=JSON_BODIES[name], content_type="application/json")
    named = ("number", "true", "surrogate pair", "duplicate")
    assert response.status_code == (401 if path == "/oauth/token" and name in named else 400)
    assert set(response.json) == {"error", "error_description"}


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/unlink", "/authorize", "/oidc/logout"])
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"\xff\xfe=%ff&&==&a"),
        ("application/x-www-form-urlencoded; charset=utf-16", b"grant_type=x"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\nx"),
        ("text/plain", b"grant_type=x"),
        ("nonsense", b"\x00" * 100),
        ("application/json; charset=nonsense", b"{}"),
        ("", b"x"),
    ],
)
def test_no_form_breaks_an_endpoint(world: World, path: str, content_type: str, body: bytes) -> None:
    """Whatever it calls itself."""
    assert 400 <= world.post(path, data=body, content_type=content_type).status_code < 500 or (
        path == "/oidc/logout"
    )


@pytest.mark.parametrize("size", [1_000_000, 2_000_000])
@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
def test_a_large_body_is_bounded(world: World, content_type: str, size: int) -> None:
    """413 beyond a megabyte (forms: half of one)."""
    response = world.post("/oauth/token", data=b"a=" + b"x" * size, content_type=content_type)
    assert response.status_code in (400, 413)
    assert response.status_code == 413 or size == 1_000_000


RAW = {
    "raw bytes in the query": {"QUERY_STRING": "client_id=\xff\xfe&state=\xe9"},
    "raw bytes in the path": {"PATH_INFO": "/\xff"},
    "raw cookie": {"HTTP_COOKIE": "auth0=\xff; did=\xe9\x01; =; ;;"},
    "raw authorization": {"HTTP_AUTHORIZATION": "Basic \xe9"},
    "raw origin": {"HTTP_ORIGIN": "https://\xff"},
    "raw content type": {"CONTENT_TYPE": "\xff/\xfe; charset=\xff"},
    "content length is text": {"CONTENT_LENGTH": "x"},
    "negative content length": {"CONTENT_LENGTH": "-1"},
    "content length of more digits than int() reads": {"CONTENT_LENGTH": "9" * 5000},
    "odd method": {"REQUEST_METHOD": "BREW"},
    "preflight for an odd method": {
        "REQUEST_METHOD": "OPTIONS",
        "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "\xff",
    },
}


@pytest.mark.parametrize("name", RAW)
@pytest.mark.parametrize(
    "path", ["/authorize", "/oauth/token", "/userinfo", "/v2/logout", "/authorize/resume"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_bytes_break_an_endpoint(world: World, name: str, path: str, method: str) -> None:
    """As a WSGI server hands them over: bytes as Latin-1 text."""
    environ = EnvironBuilder(path=path, method=method, base_url=world.origin).get_environ()
    if "PATH_INFO" in RAW[name]:
        for key in ("REQUEST_URI", "RAW_URI"):
            environ.pop(key, None)
    environ |= RAW[name]
    _, status, headers = run_wsgi_app(world.idp.app, environ)
    assert int(status.split()[0]) < 500
    assert headers["X-Auth0-RequestId"]
