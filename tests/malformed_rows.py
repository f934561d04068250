"""Bad requests and what each gets: method, path, options of the test client, status, and a part of the body.

The part is a `dict` (members of the JSON; for redirects, the parameters that come back) or text in the body.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

CALLBACK = "http://localhost:3000/callback"
GOOD = {"client_id": "web", "redirect_uri": CALLBACK, "response_type": "code", "state": "s"}
SECRET = {"client_id": "web", "client_secret": "web-secret"}
PASSWORD = {"grant_type": "password", "username": "alice@example.com", "password": "alice-password"}
REALM = "http://auth0.com/oauth/grant-type/password-realm"
OOPS = "Oops!"
MISMATCH = "Callback URL mismatch"
UNAUTHORIZED = {"error": "access_denied", "error_description": "Unauthorized"}
BAD_CODE = {"error": "invalid_grant", "error_description": "Invalid authorization code"}
BAD_REFRESH = {"error": "invalid_grant", "error_description": "Unknown or invalid refresh token."}
BAD_BODY = {"error": "invalid_body", "error_description": "Bad Request"}

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
JSON = "application/json"
FORM = {"content_type": "application/x-www-form-urlencoded"}

Row = tuple[str, str, dict[str, Any], int, Any]


def missing(name: str) -> dict[str, str]:
    return {"error": "invalid_request", "error_description": f"Missing required parameter: {name}"}


def repeated(name: str) -> dict[str, str]:
    return {"error": "invalid_request", "error_description": f"Parameter '{name}' must not be repeated"}


def authorize(**changes: str | None) -> str:
    query = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return f"/authorize?{urlencode(query)}"


EVIL_CALLBACKS = [
    "http://evil.example/callback",
    CALLBACK + "/",
    CALLBACK + "?x=1",
    CALLBACK + "#fragment",
    CALLBACK.upper(),
    "http://localhost:3000/callback%2e",
    "http://localhost:3000/../callback",
    "http://user@localhost:3000/callback",
    "http://localhost:3000@evil.example/callback",
    "http://localhost:3001/callback",
    "https://localhost:3000/callback",
    "//localhost:3000/callback",
    "/callback",
    "javascript:alert(1)",
    "data:text/html,x",
    "http://localhost:3000/callback\r\nX-Evil: 1",
    "http://localhost:3000/callback\x00",
    "http://localhost:3000\\@evil.example/callback",
    "http://[::1",
    "",
]


def pages() -> list[Row]:
    """/authorize before the client and its redirect URI are known to belong together: a page."""
    rows: list[Row] = [("GET", authorize(redirect_uri=url), {}, 403, MISMATCH) for url in EVIL_CALLBACKS]
    unknown = ["nobody", "web ", "WEB", "web\x00", "<script>alert(1)</script>", "x" * 5000, "wéb"]
    rows += [("GET", authorize(client_id=id), {}, 400, "Unknown client") for id in unknown]
    rows += [
        ("GET", "/authorize", {}, 400, "Missing required parameter: response_type"),
        ("GET", "/authorize?response_type=code", {}, 400, "Missing required parameter: client_id"),
        ("GET", authorize(client_id=""), {}, 400, "Missing required parameter: client_id"),
        ("GET", authorize() + "&client_id=web", {}, 400, "must not be repeated"),
        ("GET", authorize() + "&state=again", {}, 400, "must not be repeated"),
        ("GET", "/authorize/resume", {}, 400, OOPS),
        ("GET", "/authorize/resume?state=nonsense", {}, 400, OOPS),
        ("GET", "/u/login", {}, 400, OOPS),
        ("GET", "/u/login?state=nonsense", {}, 400, OOPS),
        ("POST", "/u/login", {"data": {"state": "x", "username": "a", "password": "b"}}, 400, OOPS),
        ("GET", "/u/signup?state=x", {}, 400, OOPS),
        ("POST", "/u/signup?state=x", {"data": {"email": "a@b.c", "password": "x"}}, 400, OOPS),
        ("GET", "/u/consent?state=x", {}, 400, OOPS),
        ("POST", "/u/consent", {"data": {"state": "x", "action": "accept"}}, 400, OOPS),
        ("GET", "/u/upstream?state=x&connection=facebook", {}, 400, OOPS),
        ("POST", "/u/upstream", {"data": {"state": "x", "user": "facebook|1022"}}, 400, OOPS),
        ("GET", "/login/callback", {}, 400, OOPS),
        ("GET", "/login/callback?code=x&state=y", {}, 400, OOPS),
        ("GET", "/u/mfa-email-challenge?state=x", {}, 400, OOPS),
        ("POST", "/u/mfa-email-challenge", {"data": {"state": "x", "code": "1"}}, 400, OOPS),
        ("GET", "/v2/logout?returnTo=http://evil.example", {}, 400, "Allowed Logout URLs"),
        ("GET", "/v2/logout?client_id=web&returnTo=javascript:alert(1)", {}, 400, "Allowed Logout URLs"),
        (
            "GET",
            "/v2/logout?client_id=web&returnTo=http://localhost:3000@evil.example",
            {},
            400,
            "Logout URLs",
        ),
        ("GET", "/v2/logout?client_id=nobody", {}, 400, "Unknown client"),
        ("GET", "/logout?returnTo=http://[", {}, 400, "Allowed Logout URLs"),
        ("GET", "/oidc/logout?id_token_hint=nonsense", {}, 400, "id_token_hint"),
        ("GET", "/oidc/logout?client_id=nobody", {}, 400, "Unknown client"),
        ("GET", "/oidc/logout?client_id=web&post_logout_redirect_uri=http://evil.example", {}, 400, OOPS),
        ("POST", "/oidc/logout", {"data": {"post_logout_redirect_uri": "x"}}, 400, OOPS),
    ]
    return rows


# /authorize once the redirect URI is known: the error goes to the client, with its state.
BAD = "invalid_request"
REDIRECTS: list[Row] = [
    ("GET", authorize(response_type=None), {}, 302, missing("response_type")),
    ("GET", authorize(response_type=""), {}, 302, missing("response_type")),
    ("GET", authorize(response_type="password"), {}, 302, {"error": "unsupported_response_type"}),
    ("GET", authorize(response_type="code none"), {}, 302, {"error": "unsupported_response_type"}),
    ("GET", authorize(response_mode="carrier_pigeon"), {}, 302, {"error": BAD}),
    ("GET", authorize(response_type="token", response_mode="query"), {}, 302, {"error": BAD}),
    ("GET", authorize(response_type="id_token"), {}, 302, missing("nonce")),
    ("GET", authorize(response_type="token id_token"), {}, 302, missing("nonce")),
    ("GET", authorize(response_type="code id_token", nonce=""), {}, 302, missing("nonce")),
    ("GET", authorize(code_challenge="short"), {}, 302, {"error": BAD}),
    ("GET", authorize(code_challenge="x" * 129), {}, 302, {"error": BAD}),
    ("GET", authorize(code_challenge="é" * 43), {}, 302, {"error": BAD}),
    ("GET", authorize(code_challenge="x" * 43, code_challenge_method="S512"), {}, 302, {"error": BAD}),
    ("GET", authorize(code_challenge_method="S256"), {}, 302, missing("code_challenge")),
    ("GET", authorize(prompt="none login"), {}, 302, {"error": BAD}),
    ("GET", authorize(prompt="none"), {}, 302, {"error": "login_required"}),
    ("GET", authorize(max_age="soon"), {}, 302, {"error": BAD}),
    ("GET", authorize(max_age="-1"), {}, 302, {"error": BAD}),
    ("GET", authorize(max_age="1e3"), {}, 302, {"error": BAD}),
    ("GET", authorize(max_age="²"), {}, 302, {"error": BAD}),
    ("GET", authorize(audience="https://unknown"), {}, 302, {"error": "access_denied"}),
    ("GET", authorize(audience="http://evil.example/api/v2/"), {}, 302, {"error": "access_denied"}),
    ("GET", authorize(connection="gogle"), {}, 302, {"error": BAD}),
    ("GET", authorize(connection="../etc"), {}, 302, {"error": BAD}),
    ("GET", authorize(organization="acme"), {}, 302, {"error": BAD}),
    ("GET", authorize(organization="org_unknown"), {}, 302, {"error": BAD}),
    ("GET", authorize(invitation="unknown"), {}, 302, {"error": BAD}),
    ("GET", authorize(request="eyJ"), {}, 302, {"error": "request_not_supported"}),
    ("GET", authorize(request_uri="urn:x"), {}, 302, {"error": "request_uri_not_supported"}),
    ("GET", authorize(access_token="nonsense"), {}, 302, {"error": "access_denied"}),
    ("GET", authorize(access_token="a.b.c"), {}, 302, {"error": "access_denied"}),
    ("GET", authorize(access_token="a..b.c.d"), {}, 302, {"error": "access_denied"}),
    ("GET", authorize(access_token="é..é.é.é"), {}, 302, {"error": "access_denied"}),
    ("GET", authorize(scope="openid link_account"), {}, 302, missing("requested_connection")),
    (
        "GET",
        authorize(scope="openid link_account", requested_connection="facebook"),
        {},
        302,
        missing("id_token_hint"),
    ),
    (
        "GET",
        authorize(scope="unlink_account", requested_connection="facebook", id_token_hint="x"),
        {},
        302,
        {"error": "access_denied"},
    ),
    ("POST", "/authorize", {"data": {**GOOD, "response_type": "none"}}, 302, {"state": "s"}),
]


def token(status: int, expected: Any, **params: Any) -> Row:
    return ("POST", "/oauth/token", {"data": params}, status, expected)


CODE = {**SECRET, "grant_type": "authorization_code"}
REFRESH = {**SECRET, "grant_type": "refresh_token"}
M2M = {"client_id": "m2m", "client_secret": "m2m-secret", "grant_type": "client_credentials"}
BASIC = {"Authorization": "Basic !!!"}
TOKEN: list[Row] = [
    token(400, missing("grant_type")),
    token(400, missing("grant_type"), **SECRET),
    token(400, missing("grant_type"), **SECRET, grant_type=""),
    token(401, {"error": "invalid_client"}, grant_type="authorization_code"),
    token(401, UNAUTHORIZED, grant_type="authorization_code", client_id="nobody"),
    token(401, UNAUTHORIZED, grant_type="authorization_code", client_id="web"),
    token(401, UNAUTHORIZED, grant_type="authorization_code", client_id="web", client_secret="wrong"),
    token(401, UNAUTHORIZED, grant_type="authorization_code", client_id="web", client_secret="é"),
    token(401, UNAUTHORIZED, grant_type="authorization_code", client_id="web", client_secret=""),
    token(401, UNAUTHORIZED, grant_type="password", client_id="spa", client_secret="guess"),
    token(401, {"error": "invalid_client"}, **CODE, client_assertion="x", client_assertion_type=ASSERTION),
    token(400, {"error": "invalid_request"}, **CODE, client_assertion="x"),
    token(400, {"error": "unsupported_grant_type"}, **SECRET, grant_type="telepathy"),
    token(400, {"error": "unsupported_grant_type"}, **SECRET, grant_type="<script>"),
    token(400, missing("code"), **CODE),
    token(403, BAD_CODE, **CODE, code="nonsense", redirect_uri=CALLBACK),
    token(403, BAD_CODE, **CODE, code="x" * 10000),
    token(403, BAD_CODE, **CODE, code="é\x00"),
    token(400, missing("refresh_token"), **REFRESH),
    token(403, BAD_REFRESH, **REFRESH, refresh_token="nonsense"),
    token(400, missing("username"), **SECRET, grant_type="password"),
    token(400, missing("password"), **SECRET, grant_type="password", username="alice@example.com"),
    token(403, {"error_description": "Wrong email or password."}, **SECRET, **{**PASSWORD, "password": "x"}),
    token(403, {"error_description": "Wrong email or password."}, **SECRET, **{**PASSWORD, "username": "x"}),
    token(400, {"error": "invalid_request"}, **SECRET, **PASSWORD, audience="https://unknown"),
    token(400, missing("realm"), **SECRET, **{**PASSWORD, "grant_type": REALM}),
    token(400, {"error": "invalid_request"}, **SECRET, **{**PASSWORD, "grant_type": REALM}, realm="nope"),
    token(403, {"error": "access_denied"}, **M2M),
    token(403, {"error": "access_denied"}, **M2M, audience="https://unknown"),
    token(403, {"error": "access_denied"}, **M2M, audience="https://api.example.com", scope="fly"),
    token(403, {"error": "unauthorized_client"}, client_id="spa", grant_type="client_credentials"),
    ("POST", "/oauth/token", {"data": PASSWORD, "headers": BASIC}, 401, UNAUTHORIZED),
    (
        "POST",
        "/oauth/token",
        {"data": PASSWORD, "headers": {"Authorization": "Basic"}},
        401,
        {"error": "invalid_client"},
    ),
    (
        "POST",
        "/oauth/token",
        {"data": PASSWORD, "headers": {"Authorization": "Basic /w=="}},
        401,
        UNAUTHORIZED,
    ),
    ("POST", "/oauth/token", {"data": "{", "content_type": JSON}, 400, BAD_BODY),
    ("POST", "/oauth/token", {"data": "", "content_type": JSON}, 400, BAD_BODY),
    ("POST", "/oauth/token", {"data": "[]", "content_type": JSON}, 400, BAD_BODY),
    ("POST", "/oauth/token", {"data": "null", "content_type": JSON}, 400, BAD_BODY),
    ("POST", "/oauth/token", {"data": b"\xff\xfe", "content_type": JSON}, 400, BAD_BODY),
    ("POST", "/oauth/token", {"data": "[" * 50000, "content_type": JSON}, 400, BAD_BODY),
    ("POST", "/oauth/token", {"data": '"\\ud800"', "content_type": JSON}, 400, BAD_BODY),
    ("POST", "/oauth/token", {"json": {"grant_type": ["password"]}}, 400, {"error": "invalid_request"}),
    ("POST", "/oauth/token", {"json": {"grant_type": {"a": 1}}}, 400, {"error": "invalid_request"}),
    ("POST", "/oauth/token", {"json": {"grant_type": 7}}, 401, {"error": "invalid_client"}),
    ("POST", "/oauth/token", {"json": {"grant_type": None}}, 400, missing("grant_type")),
    ("POST", "/oauth/token", {"data": "grant_type=a&grant_type=b"} | FORM, 400, repeated("grant_type")),
    (
        "POST",
        "/oauth/token",
        {"data": "%ff=%ff&grant_type=password"} | FORM,
        401,
        {"error": "invalid_client"},
    ),
    (
        "POST",
        "/oauth/token",
        {"data": "x", "content_type": "multipart/form-data"},
        400,
        missing("grant_type"),
    ),
    ("POST", "/oauth/token", {"data": "x" * 2_000_000} | FORM, 413, "Too Large"),
    ("GET", "/oauth/token", {}, 405, {"error": "method_not_allowed"}),
    ("DELETE", "/oauth/token", {}, 405, {"error": "method_not_allowed"}),
    ("POST", "/oauth/revoke", {"data": {}}, 400, missing("token")),
    ("POST", "/oauth/revoke", {"data": {"token": "x"}}, 401, {"error": "invalid_client"}),
    (
        "POST",
        "/oauth/revoke",
        {"json": {"token": "x", "client_id": "web"}},
        401,
        {"error": "invalid_client"},
    ),
    ("GET", "/oauth/revoke", {}, 405, {"error": "method_not_allowed"}),
]


def bearer(token: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {token}"}}


def other_rows() -> list[Row]:
    """userinfo, unlink, database connections, unknown paths."""
    rows: list[Row] = []
    for path in ("/unlink", "/login/unlink"):
        rows += [
            ("POST", path, {"json": {}}, 400, "missing access_token parameter"),
            ("POST", path, {"json": {"access_token": "x"}}, 400, "missing user_id parameter"),
            (
                "POST",
                path,
                {"json": {"access_token": "x", "user_id": "facebook|1"}},
                401,
                "invalid access_token",
            ),
            ("POST", path, {"json": {"access_token": {}, "user_id": "facebook|1"}}, 400, "must be a string"),
            ("POST", path, {"data": "{", "content_type": JSON}, 400, BAD_BODY),
            ("GET", path, {}, 405, {"error": "method_not_allowed"}),
        ]
    bad_tokens = ["x", "a.b.c", "a.b.c.d.e", "é", "..", "eyJhbGciOiJub25lIn0.e30.", "x" * 20000]
    rows += [
        ("GET", "/userinfo", bearer(t.encode().decode("latin-1")), 401, "Unauthorized") for t in bad_tokens
    ]
    rows += [
        ("GET", "/userinfo", {}, 401, "Unauthorized"),
        ("GET", "/userinfo", {"headers": {"Authorization": "Basic x"}}, 401, "Unauthorized"),
        ("GET", "/userinfo?access_token=x", {}, 401, "Unauthorized"),
        ("POST", "/userinfo", {"data": {"access_token": "x"}}, 401, "Unauthorized"),
        ("PUT", "/userinfo", {}, 405, {"error": "method_not_allowed"}),
        ("GET", "/nowhere", {}, 404, {"message": "Not Found"}),
        ("GET", "/", {}, 404, {"message": "Not Found"}),
        ("GET", "//evil.example", {}, 404, {"message": "Not Found"}),
        ("GET", "/.well-known/nothing", {}, 404, {"message": "Not Found"}),
        ("GET", "/authorize/%00", {}, 404, {"message": "Not Found"}),
        ("GET", "/%ff", {}, 404, {"message": "Not Found"}),
        ("GET", "/u/../oauth/token", {}, 404, {"message": "Not Found"}),
        ("POST", "/.well-known/jwks.json", {}, 405, {"error": "method_not_allowed"}),
        ("POST", "/dbconnections/signup", {"json": {}}, 400, "error"),
        ("POST", "/dbconnections/signup", {"data": "{", "content_type": JSON}, 400, "error"),
        ("POST", "/dbconnections/signup", {"json": {"connection": "nope", "email": "a@b.c"}}, 404, "error"),
        ("POST", "/dbconnections/change_password", {"json": {}}, 400, "error"),
        ("POST", "/dbconnections/change_password", {"json": []}, 400, "error"),
        ("GET", "/dbconnections/signup", {}, 405, {"error": "method_not_allowed"}),
    ]
    return rows


def management_rows() -> list[Row]:
    """The Management API without a good token, and unknown or not emulated operations."""
    no_auth = {"statusCode": 401, "error": "Unauthorized", "message": "Missing authentication"}
    bad_header = {"statusCode": 400, "errorCode": "Bearer"}
    rows: list[Row] = []
    for method, path in (
        ("GET", "/api/v2/users"),
        ("POST", "/api/v2/users"),
        ("GET", "/api/v2/users/auth0%7C1"),
        ("PATCH", "/api/v2/users/auth0%7C1"),
        ("DELETE", "/api/v2/users/auth0%7C1"),
        ("GET", "/api/v2/users-by-email?email=a@b.c"),
        ("POST", "/api/v2/users/auth0%7C1/identities"),
        ("DELETE", "/api/v2/users/auth0%7C1/identities/facebook/1"),
    ):
        rows += [
            (method, path, {}, 401, no_auth),
            (method, path, bearer("opaque"), 400, bad_header),
            (method, path, bearer("a.b.c"), 401, {"statusCode": 401, "message": "Invalid token"}),
        ]
    rows += [
        ("GET", "/api/v2/users", {"headers": {"Authorization": "Bearer"}}, 400, bad_header),
        ("GET", "/api/v2/users", {"headers": {"Authorization": "Basic YTpi"}}, 400, bad_header),
        ("GET", "/api/v2/nothing", {}, 404, {"statusCode": 404, "message": "Not Found"}),
        ("PUT", "/api/v2/users", {}, 404, {"statusCode": 404, "message": "Not Found"}),
        ("GET", "/api/v2/", {}, 404, {"statusCode": 404, "message": "Not Found"}),
        ("GET", "/api/v2/actions/actions", {}, 501, {"errorCode": "not_emulated"}),
    ]
    return rows


ROWS = [*pages(), *REDIRECTS, *TOKEN, *other_rows(), *management_rows()]
