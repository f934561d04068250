"""idp.requests: what came is kept, found again, and asserted with a readable failure."""

from __future__ import annotations

import base64
from io import BytesIO
from unittest.mock import ANY
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from journal_world import recorder_of, request_to
from werkzeug.wrappers import Request, Response

from mockidp.errors import UsageError
from mockidp.harness.recorder import Recorder
from mockidp.model.tenant import Tenant
from mockidp.server import MockIdp

API = "https://api.example.com"
M2M = {"grant_type": "client_credentials", "client_id": "m2m", "client_secret": "m2m-secret", "audience": API}
AUTHORIZE = "/authorize?" + urlencode(
    {"client_id": "web", "response_type": "code", "redirect_uri": "http://localhost:3000/callback"}
)


@pytest.fixture(autouse=True)
def frozen(idp: MockIdp) -> None:
    idp.clock.freeze("2030-01-01T00:00:00Z")


def test_an_exchange_tells_request_and_answer(idp: MockIdp) -> None:
    """Method, path, route, form, status, answer and the tenant's time are there."""
    answer = requests.post(f"{idp.url}/oauth/token", data=M2M, headers={"X-Trace": "7"}, timeout=5)
    exchange = idp.requests[-1]
    assert (exchange.method, exchange.path, exchange.route) == ("POST", "/oauth/token", "/oauth/token")
    assert exchange.form == M2M
    assert exchange.query == {}
    assert exchange.headers["x-trace"] == "7"
    assert exchange.status == 200
    assert exchange.response_json == answer.json()
    assert exchange.response_headers["X-Auth0-RequestId"] == answer.headers["X-Auth0-RequestId"]
    assert exchange.started_at == 1893456000


def test_an_exchange_decodes_tokens_and_names_the_client(idp: MockIdp) -> None:
    """The answer's JWT is decoded; a client by itself is no user."""
    requests.post(f"{idp.url}/oauth/token", data=M2M, timeout=5)
    exchange = idp.requests[-1]
    assert exchange.client_id == "m2m"
    assert exchange.user_id is None
    token = exchange.tokens["response.access_token"]
    assert token.header["alg"] == "RS256"
    assert token.claims["sub"] == "m2m@clients"


def test_an_opaque_access_token_is_opened(idp: MockIdp) -> None:
    """What /userinfo gets as a bearer token tells user and client."""
    alice = idp.users["alice@example.com"]
    token = idp.token(alice, client="web", scope="openid")
    requests.get(f"{idp.url}/userinfo", headers={"Authorization": f"Bearer {token}"}, timeout=5)
    exchange = idp.requests[-1]
    assert exchange.tokens["request.authorization"].claims["sub"] == alice.user_id
    assert (exchange.user_id, exchange.client_id) == (alice.user_id, "web")


@pytest.mark.parametrize("token", ["no-token", "a.b.c", "a.b.c.d.e", ""])
def test_what_is_no_token_is_left_out(idp: MockIdp, token: str) -> None:
    """A malformed token decodes to nothing and breaks nothing."""
    requests.get(f"{idp.url}/userinfo", headers={"Authorization": f"Bearer {token}"}, timeout=5)
    assert idp.requests[-1].tokens == {}


def test_the_steps_of_a_login_tell_the_user(idp: MockIdp) -> None:
    """Client and user are known even after the transaction ended and the code was redeemed."""
    alice = idp.users["alice@example.com"]
    callback = idp.browser().login(AUTHORIZE, alice)
    code = parse_qs(urlsplit(callback).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "client_id": "web"}
    form |= {"client_secret": "web-secret", "redirect_uri": "http://localhost:3000/callback"}
    requests.post(f"{idp.url}/oauth/token", data=form, timeout=5)
    seen = [(each.method, each.path, each.client_id, each.user_id) for each in idp.requests]
    assert seen == [
        ("GET", "/authorize", "web", None),
        ("GET", "/u/login", "web", None),
        ("POST", "/u/login", "web", alice.user_id),
        ("GET", "/authorize/resume", "web", alice.user_id),
        ("POST", "/oauth/token", "web", alice.user_id),
    ]


def test_a_client_is_known_by_basic_authentication(idp: MockIdp) -> None:
    """The user name of HTTP Basic is the client id, percent-decoded (RFC 6749 §2.3.1)."""
    credentials = base64.b64encode(b"my%20client:secret").decode()
    recorder = recorder_of(request_to("/oauth/token", headers={"Authorization": f"Basic {credentials}"}))
    assert recorder[0].client_id == "my client"
    broken = recorder_of(request_to("/oauth/token", headers={"Authorization": "Basic ???"}))
    assert broken[0].client_id is None


def test_a_json_body_counts_as_form_too() -> None:
    """SDKs send either; `form` finds both, scalars as text, and `json` has the values."""
    body = {"grant_type": "password", "ttl": 5, "flag": True, "list": [1], "nothing": None}
    recorder = recorder_of(request_to("/oauth/token", method="POST", json=body))
    assert recorder[0].form == {"grant_type": "password", "ttl": "5", "flag": "true"}
    assert recorder[0].json == body
    assert recorder.matching("POST /oauth/token", form={"ttl": 5, "flag": True})
    assert recorder.matching("POST /oauth/token", json={"list": [1], "nothing": None})


def test_a_multipart_form_is_read() -> None:
    """A job's import has its fields in a multipart body."""
    data = {"connection_id": "con_1", "users": (BytesIO(b"[]"), "users.json")}
    recorder = recorder_of(request_to("/api/v2/jobs/users-imports", method="POST", data=data))
    assert recorder[0].form == {"connection_id": "con_1"}


def test_the_handler_can_still_read_the_body() -> None:
    """Recording does not take the body from the application."""
    recorder = Recorder(Tenant())
    handler = recorder.layer(lambda request: Response(request.form["a"]))
    assert handler(request_to("/x", method="POST", data={"a": "1"})).get_data() == b"1"


def test_a_body_over_the_limit_is_refused_by_the_application_alone(idp: MockIdp) -> None:
    """The recorder does not raise for it, and keeps at most 64 KiB of any body."""
    answer = requests.post(f"{idp.url}/oauth/token", data={"a": "x" * (1024 * 1024)}, timeout=5)
    assert answer.status_code == 413
    assert idp.requests[-1].status == 413
    requests.post(f"{idp.url}/oauth/token", data={"a": "x" * 100_000}, timeout=5)
    assert len(idp.requests[-1].body) == 64 * 1024


def test_a_stream_is_not_read() -> None:
    """A generator's pieces are the client's."""
    pieces = iter([b"a", b"b"])
    recorder = recorder_of(request_to("/events"), response=Response(pieces))
    assert recorder[0].response_body == b""
    assert list(pieces) == [b"a", b"b"]


def test_a_dropped_connection_is_kept_without_a_status() -> None:
    """A handler that raises instead of answering leaves an exchange with status None."""
    recorder = Recorder(Tenant())

    def dropped(request: Request) -> Response:
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        recorder.layer(dropped)(request_to("/oauth/token"))
    assert recorder[0].status is None
    with pytest.raises(AssertionError, match=r"1\. GET /oauth/token → dropped"):
        recorder.assert_called("POST /oauth/token")


def test_only_the_last_exchanges_are_kept() -> None:
    """The ring is bounded, and numbers go on."""
    recorder = recorder_of(*(request_to(f"/{i}") for i in range(5)), limit=3)
    assert [exchange.path for exchange in recorder] == ["/2", "/3", "/4"]
    assert [exchange.number for exchange in recorder] == [3, 4, 5]


def test_it_reads_like_a_list() -> None:
    """Length, index, slice and iteration; clear begins again."""
    recorder = recorder_of(*(request_to(f"/{i}") for i in range(3)))
    assert len(recorder) == 3
    assert recorder[0].path == "/0"
    assert [exchange.path for exchange in recorder[1:]] == ["/1", "/2"]
    assert recorder[-1] in recorder
    assert recorder == recorder[:] != []
    recorder.clear()
    assert recorder == []
    assert not recorder


@pytest.mark.parametrize("path", ["/_mockidp", "/_mockidp/", "/_mockidp/requests", "/%5Fmockidp/health"])
def test_the_control_api_is_never_recorded(idp: MockIdp, path: str) -> None:
    """Looking does not change what is seen."""
    requests.get(idp.url + path, timeout=5)
    assert len(idp.requests) == 0


def test_a_path_that_only_begins_like_the_control_api_is_recorded() -> None:
    """`/_mockidpx` is nothing of ours."""
    assert len(recorder_of(request_to("/_mockidpx"))) == 1


def test_the_route_is_the_template_of_the_operation(idp: MockIdp) -> None:
    """A user's id with an encoded bar is one segment; an unknown path has no route."""
    requests.get(f"{idp.url}/api/v2/users/auth0%7C1", timeout=5)
    requests.get(f"{idp.url}/nowhere", timeout=5)
    assert [exchange.route for exchange in idp.requests] == ["/api/v2/users/{id}", None]


MATCHES = [
    ("POST /oauth/token", {}, True),
    ("post /oauth/token", {}, True),
    ("* /oauth/token", {}, True),
    ("POST /oauth/token/", {}, True),
    ("POST /{endpoint}/token", {}, True),
    ("GET /oauth/token", {}, False),
    ("POST /oauth", {}, False),
    ("POST /oauth/{a}/{b}", {}, False),
    ("POST /oauth/token", {"form": {"grant_type": "password"}}, True),
    ("POST /oauth/token", {"form": {"grant_type": ANY, "nothing": None}}, True),
    ("POST /oauth/token", {"form": {"grant_type": None}}, False),
    ("POST /oauth/token", {"form": {"grant_type": "implicit"}}, False),
    ("POST /oauth/token", {"form": {"twice": "2"}}, True),
    ("POST /oauth/token", {"form": {"twice": ["1", "2"]}}, True),
    ("POST /oauth/token", {"form": {"twice": ["2", "1"]}}, False),
    ("POST /oauth/token", {"form": {"number": 5}}, True),
    ("POST /oauth/token", {"query": {"q": ""}}, True),
    ("POST /oauth/token", {"query": {"q": "x"}}, False),
    ("POST /oauth/token", {"headers": {"x-trace": "7"}}, True),
    ("POST /oauth/token", {"headers": {"X-Trace": "8"}}, False),
    ("POST /oauth/token", {"status": 200}, True),
    ("POST /oauth/token", {"status": 403}, False),
    ("POST /oauth/token", {"json": {"a": 1}}, False),
]


@pytest.mark.parametrize(("operation", "criteria", "expected"), MATCHES)
def test_matching(operation: str, criteria: dict[str, object], expected: bool) -> None:
    """Operation and criteria choose exchanges; only what is named is compared."""
    data = {"grant_type": "password", "twice": ["1", "2"], "number": "5"}
    request = request_to("/oauth/token?q=", method="POST", data=data, headers={"X-Trace": "7"})
    found = recorder_of(request).matching(operation, **criteria)  # type: ignore[arg-type]
    assert len(found) == expected


def test_an_id_with_an_encoded_slash_is_one_segment() -> None:
    """`{id}` stands for any one segment, and a literal one may be written decoded or encoded."""
    request = request_to("/api/v2/users/x")
    request.environ["RAW_URI"] = "/api/v2/users/samlp%7Ca%2Fb"
    recorder = recorder_of(request)
    assert recorder.matching("GET /api/v2/users/{id}")
    assert recorder.matching("GET /api/v2/users/samlp%7Ca%2Fb")
    assert not recorder.matching("GET /api/v2/users/{id}/{more}")
    assert not recorder.matching("GET /api/v2/users/samlp|a")


@pytest.mark.parametrize("text", ["/oauth/token", "FETCH /x", "POST oauth/token", "POST", "", "POST /x?a=1"])
def test_what_is_no_operation_is_a_usage_error(text: str) -> None:
    """A wrong first argument says how to write it, instead of matching nothing."""
    with pytest.raises(UsageError, match=r"write (method and|the) path"):
        recorder_of().assert_not_called(text)


def test_assert_called_counts() -> None:
    """`times` is exact; without it once is enough."""
    recorder = recorder_of(request_to("/a"), request_to("/a"))
    recorder.assert_called("GET /a")
    recorder.assert_called("GET /a", times=2)
    recorder.assert_not_called("GET /b")
    for times in (0, 1, 3):
        with pytest.raises(AssertionError):
            recorder.assert_called("GET /a", times=times)
    with pytest.raises(AssertionError, match="expected GET /a never, but it came twice"):
        recorder.assert_not_called("GET /a")


def test_a_failure_says_what_came_instead() -> None:
    """Expected, found, every request in order, and at the nearest ones what was different."""
    refused = Response(
        '{"error":"invalid_grant","error_description":"Wrong"}', 403, mimetype="application/json"
    )
    recorder = recorder_of(
        request_to("/authorize?state=s"),
        request_to("/oauth/token", method="POST", data={"grant_type": "refresh_token", "audience": "c" * 90}),
        response=refused,
    )
    with pytest.raises(AssertionError) as failure:
        recorder.assert_called(
            "POST /oauth/token", times=1, form={"grant_type": "password", "scope": "openid"}, status=200
        )
    assert str(failure.value) == (
        "expected POST /oauth/token with form {grant_type: 'password', scope: 'openid'} and status 200 once, "
        "but it came never.\n"
        "2 requests came, in order:\n"
        "  1. GET /authorize query {state: 's'} → 403 invalid_grant: Wrong\n"
        f"  2. POST /oauth/token form {{grant_type: 'refresh_token', audience: '{'c' * 59}…'}} → 403 "
        "invalid_grant: Wrong\n"
        "       but form.grant_type is 'refresh_token', not 'password'; "
        "form.scope is absent, not 'openid'; status is 403, not 200"
    )


def test_a_failure_without_requests_says_so() -> None:
    """Nothing came: perhaps the application asks another server."""
    with pytest.raises(AssertionError, match=r"but it came never\.\nNo request came at all\."):
        recorder_of().assert_called("GET /userinfo")


def test_a_long_failure_shows_the_last_requests() -> None:
    """A list of hundreds would hide the reason."""
    recorder = recorder_of(*(request_to(f"/{i}") for i in range(40)))
    with pytest.raises(AssertionError) as failure:
        recorder.assert_called("GET /x")
    assert "  … 10 before these\n  11. GET /10 → 200" in str(failure.value)


def test_a_json_difference_names_the_member() -> None:
    """Nested objects are compared member by member."""
    body = {"user_metadata": {"plan": "free"}, "tags": ["a"]}
    recorder = recorder_of(request_to("/api/v2/users/1", method="PATCH", json=body))
    recorder.assert_called("PATCH /api/v2/users/{id}", json={"user_metadata": {"plan": "free"}})
    with pytest.raises(AssertionError, match=r"json\.user_metadata\.plan is 'free', not 'pro'"):
        recorder.assert_called("PATCH /api/v2/users/{id}", json={"user_metadata": {"plan": "pro"}})
    with pytest.raises(AssertionError, match=r"json\.name is absent, not 'x'"):
        recorder.assert_called("PATCH /api/v2/users/{id}", json={"name": "x"})


def test_an_exchange_knows_how_long_the_answer_took(idp: MockIdp) -> None:
    """In real seconds, whatever the tenant's clock does."""
    idp.on("GET /userinfo").delay(0.05)
    requests.get(f"{idp.url}/userinfo", timeout=5)
    requests.get(f"{idp.url}/.well-known/jwks.json", timeout=5)
    slow, quick = idp.requests
    assert slow.duration >= 0.05
    assert quick.duration > 0
    assert slow.view().duration == slow.duration


def test_a_body_without_a_length_is_not_waited_for() -> None:
    """As of a GET; a chunked one is read where the server tells its end."""
    chunked = request_to("/x", method="POST", headers={"Transfer-Encoding": "chunked"}, data="a=1")
    del chunked.environ["CONTENT_LENGTH"]
    chunked.environ["wsgi.input_terminated"] = True
    bodies = [each.body for each in recorder_of(request_to("/x"), chunked)]
    assert bodies == [b"", b"a=1"]


def test_the_url_is_absolute(idp: MockIdp) -> None:
    """As the client wrote it."""
    requests.get(f"{idp.url}/api/v2/users/auth0%7C1?a=%20", timeout=5)
    assert idp.requests[0].url == f"{idp.url}/api/v2/users/auth0%7C1?a=%20"
