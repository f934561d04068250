"""/authorize: what is refused with a page, what goes back to the client, and what is ignored."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from authentication_world import CALLBACK, LOCAL, World, answer, error

GOOD = {"client_id": "web", "redirect_uri": CALLBACK, "response_type": "code", "state": "S"}
MISMATCH = "The provided redirect_uri is not in the list of allowed callback URLs."


def is_page(text: str) -> bool:
    return "Oops!, something went wrong" in text


@pytest.mark.parametrize(
    ("params", "status", "text"),
    [
        ({"client_id": "nobody-at-all"}, 400, "Unknown client: nobody-at-all"),
        ({"client_id": "web "}, 400, "Unknown client"),
        ({"client_id": None}, 400, "Missing required parameter: client_id"),
        ({"client_id": None, "response_type": None}, 400, "Missing required parameter: response_type"),
        ({"redirect_uri": "https://evil.example/callback"}, 403, MISMATCH),
        ({"client_id": "m2m", "redirect_uri": None}, 400, "Missing required parameter: redirect_uri"),
    ],
)
def test_before_the_client_is_known_there_is_a_page(
    world: World, params: dict[str, str | None], status: int, text: str
) -> None:
    """§2.9: nothing is sent to a URL that is not the client's."""
    response = world.authorize(**params)
    assert response.status_code == status
    assert "Location" not in response.headers
    assert is_page(response.text)
    assert text in response.text


TRICKS = [
    f"{CALLBACK}?x=1",
    f"{CALLBACK}?redirect_state=R&x=1",
    f"{CALLBACK}&redirect_state=R",
    f"{CALLBACK}?x=1&redirect_state=R",
    f"{CALLBACK}?redirect_state=R#x",
    f"{CALLBACK}#redirect_state=R",
    f"{CALLBACK}#?redirect_state=R",
    f"{CALLBACK}?redirect_state=",
    f"{CALLBACK}?redirect_state=R\n",
    f"{CALLBACK}?redirect_state=R\r\nX-Evil: 1",
    CALLBACK + "/",
    CALLBACK + "#",
    CALLBACK + "?x=1#",
    "https://evil.example?" + CALLBACK,
    CALLBACK + "%2e",
    CALLBACK + "/..",
    CALLBACK + "\x00",
    CALLBACK + "\r\nX-Evil: 1",
    CALLBACK + " ",
    " " + CALLBACK,
    CALLBACK.upper(),
    "https://app.example.com:443/callback",
    "https://user@app.example.com/callback",
    "https://app.example.com@evil.example/callback",
    "https://evil.example/?https://app.example.com/callback",
    "https://app.example.com\\@evil.example/callback",
    "https://app.example.com./callback",
    "http://app.example.com/callback",
    "//app.example.com/callback",
    "https:app.example.com/callback",
    "/callback",
    "https://аpp.example.com/callback",
    "https://preview.example.com/cb",
    "https://a.b.preview.example.com/cb",
    "https://evil.example/.preview.example.com/cb",
    "https://evil.example#.preview.example.com/cb",
    "https://evil@x.preview.example.com/cb",
    "https://x.preview.example.com/cb/",
    "https://x.preview.example.com:8443/cb",
    "https://.preview.example.com/cb",
    "https://*.preview.example.com.evil.example/cb",
    "https://x\n.preview.example.com/cb",
    "javascript:alert(1)",
    "http://localhost:3000/callback%2e",
    "http://localhost:3000/callback%00",
    "https://" + "x" * 5000,
    "http://[::1",
]


@pytest.mark.parametrize("uri", TRICKS, ids=range(len(TRICKS)))
def test_a_redirect_uri_is_compared_exactly(world: World, uri: str) -> None:
    """No parser's opinion of a URL opens a redirect elsewhere."""
    response = world.authorize(redirect_uri=uri)
    assert response.status_code == 403
    assert "Location" not in response.headers


@pytest.mark.parametrize(
    "uri", [f"{CALLBACK}?redirect_state=R", "https://app.example.com/cb?tab=1&redirect_state=R"]
)
def test_the_query_of_a_redirect_uri_is_the_clients_own(world: World, uri: str) -> None:
    """It comes back as it was sent, and the token endpoint wants the same (social-auth-core does this)."""
    response = world.log_in(redirect_uri=uri)
    assert response.location.startswith(f"{uri}&code=")
    bare = uri.partition("?")[0]
    assert world.redeem(answer(response)["code"], redirect_uri=bare).status_code == 403
    assert world.redeem(world.code(redirect_uri=uri), redirect_uri=uri).status_code == 200


@pytest.mark.parametrize("name", ["feature-1", "X9", "*"])
def test_a_wildcard_stands_for_one_subdomain(world: World, name: str) -> None:
    """`https://*.preview…` takes any one label, and itself."""
    uri = f"https://{name}.preview.example.com/cb"
    assert world.authorize(redirect_uri=uri, prompt="none").location.startswith(f"{uri}?error=login_required")


def test_without_a_redirect_uri_the_first_registered_is_taken(world: World) -> None:
    """And the token endpoint then needs none, or that one."""
    code = world.code(redirect_uri=None)
    assert world.redeem(code, redirect_uri=None).status_code == 200
    code = world.code(redirect_uri=None)
    assert world.redeem(code, redirect_uri=CALLBACK).status_code == 200
    code = world.code(redirect_uri=None)
    assert world.redeem(code, redirect_uri=LOCAL).status_code == 403


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"response_type": None}, ("invalid_request", "Missing required parameter: response_type")),
        ({"response_type": ""}, ("invalid_request", "Missing required parameter: response_type")),
        ({"audience": "https://x"}, ("access_denied", "Service not found: https://x")),
        ({"prompt": "none"}, ("login_required", "Login required")),
        ({"prompt": "none login"}, ("invalid_request", None)),
        ({"max_age": "soon"}, ("invalid_request", None)),
        ({"max_age": "-1"}, ("invalid_request", None)),
        ({"max_age": "1.5"}, ("invalid_request", None)),
        ({"max_age": "٣"}, ("invalid_request", None)),
        ({"max_age": "9" * 5000}, ("invalid_request", None)),
        ({"connection": "nowhere"}, ("invalid_request", "the connection was not found")),
        ({"connection": "github"}, ("invalid_request", "the connection was disabled")),
        ({"request": "eyJ"}, ("request_not_supported", None)),
        ({"request_uri": "urn:x"}, ("request_uri_not_supported", None)),
    ],
)
def test_once_the_client_is_known_errors_go_to_it(
    world: World, params: dict[str, str | None], expected: tuple[str, str | None]
) -> None:
    """§2.10: by redirect, in the query for a code, with the state."""
    response = world.authorize(**params)
    assert response.status_code == 302
    assert response.location.startswith(CALLBACK + "?error=")
    code, description = error(response)
    assert code == expected[0]
    assert description == (expected[1] or description) != ""
    assert answer(response)["state"] == "S"


def test_errors_of_token_flows_come_in_the_fragment(world: World) -> None:
    """§2.10: fragment as soon as a token was asked for."""
    response = world.authorize(response_type="token", audience="https://x")
    assert response.location.startswith(CALLBACK + "#error=access_denied&")


def test_a_blocked_user_is_sent_back(world: World) -> None:
    """`unauthorized`, with the text that SDKs match."""
    assert error(world.log_in("mallory@example.com")) == ("unauthorized", "user is blocked")


def test_a_refused_login_leaves_no_session(world: World) -> None:
    """The next silent authentication finds nobody."""
    world.log_in("mallory@example.com")
    assert error(world.authorize(prompt="none"))[0] == "login_required"


@pytest.mark.parametrize(
    "extra",
    [
        {"auth0Client": "eyJuYW1lIjoieCJ9"},
        {"ext-theme": "dark", "device": "x", "_csrf": "x", "_intstate": "x"},
        {
            "ui_locales": "de",
            "display": "popup",
            "claims": "{}",
            "claims_locales": "de",
            "registration": "{}",
        },
        {"connection_scope": "a,b", "access_type": "offline", "realm": "x"},
        {"dpop_jkt": "x", "session_transfer_token": "x", "resource": "https://x"},
        {"acr_values": "urn:x", "id_token_hint": "nonsense", "login_hint": "x@y.z", "foo": "bar"},
    ],
    ids=lambda extra: next(iter(extra)),
)
def test_unknown_parameters_are_ignored(world: World, extra: dict[str, str]) -> None:
    """Whatever SDKs add, the login goes on."""
    assert "code" in answer(world.log_in(**extra))


@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "scope", "state", "nonce"])
def test_a_repeated_parameter_is_refused_with_a_page(world: World, name: str) -> None:
    """RFC 6749 §3.1; which of two to believe is not ours to choose."""
    query = urlencode([*GOOD.items(), ("scope", "openid"), ("nonce", "n"), (name, "again")])
    response = world.get(f"/authorize?{query}")
    assert response.status_code == 400
    assert is_page(response.text)
    assert f"Parameter &#39;{name}&#39; must not be repeated" in response.text


@pytest.mark.parametrize(
    "options",
    [
        {"query_string": GOOD, "method": "GET"},
        {"data": GOOD, "method": "POST"},
        {"query_string": {"client_id": "web"}, "data": GOOD, "method": "POST"},
        {"json": GOOD, "method": "POST"},
        {"json": GOOD, "method": "GET"},
        {"data": json.dumps(GOOD), "content_type": "'application/json'", "method": "GET"},
        {"query_string": GOOD, "content_type": "application/json", "method": "GET"},
        {"query_string": GOOD, "content_type": "application/json", "method": "POST", "data": "{}"},
    ],
    ids=["query", "form", "both", "json", "seed 003", "seed 003 as printed", "no body", "empty body"],
)
def test_parameters_come_in_the_query_a_form_or_json(world: World, options: dict[str, Any]) -> None:
    """Early documentation has a JSON body on the GET, its content type in quotation marks."""
    response = world.open(options.pop("method"), "/authorize", **options)
    assert response.status_code == 302, response.text
    assert response.location.startswith("/u/login?state=")
    assert answer(world.answer_login(response, "alice@example.com"))["state"] == "S"


def test_the_query_wins_over_the_body(world: World) -> None:
    """A form cannot change what the URL says."""
    response = world.post("/authorize", query_string={**GOOD, "prompt": "none"}, data={"state": "other"})
    assert answer(response)["state"] == "S"


@pytest.mark.parametrize("body", ["{", "[]", '{"client_id": ["web"]}', '{"client_id":' + "[" * 100_000])
def test_a_broken_json_body_gets_a_page(world: World, body: str) -> None:
    """A browser is shown a page, never JSON."""
    response = world.open("GET", "/authorize", data=body, content_type="application/json")
    assert response.status_code == 400
    assert is_page(response.text)


def test_the_tenants_own_error_page_is_gone_to(make_world: Any) -> None:
    """`error_page.url` gets what is known of the request (documentation, "Custom error pages")."""
    world = make_world({"tenant": {"error_page": {"url": "https://tenant.example.com/oops?a=b"}}})
    response = world.authorize(client_id="nobody-at-all", connection="x")
    parts = urlsplit(response.location)
    assert response.status_code == 302
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "https://tenant.example.com/oops"
    got = dict(parse_qsl(parts.query))
    assert got.pop("tracking")
    assert got == {
        "a": "b",
        "client_id": "nobody-at-all",
        "connection": "x",
        "error": "invalid_request",
        "error_description": "Unknown client: nobody-at-all",
    }


@pytest.mark.parametrize("state", [None, "", "nonsense", "\x00", "x" * 5000])
def test_an_unknown_transaction_is_lost(world: World, state: str | None) -> None:
    """The page says what may have happened, in the known words."""
    query = urlencode({"state": state} if state is not None else {})
    response = world.get(f"/authorize/resume?{query}")
    assert response.status_code == 400
    assert "You may have pressed the back button" in response.text


def test_a_finished_transaction_is_lost(world: World) -> None:
    """Back and reload give no second code."""
    page = world.authorize()
    world.answer_login(page, "alice@example.com")
    again = world.get(page.location.replace("/u/login", "/authorize/resume"))
    assert "You may have pressed the back button" in again.text


def test_a_transaction_grows_too_old(world: World) -> None:
    """A login page left open for hours is of no use."""
    page = world.authorize()
    world.clock.advance(hours=1, seconds=1)
    assert world.get(page.location.replace("/u/login", "/authorize/resume")).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "none"}, {"Origin": "https://evil.example"}],
)
def test_a_transaction_belongs_to_the_browser_that_began_it(world: World, headers: dict[str, str]) -> None:
    """A link into somebody else's login does not log its visitor in as him."""
    page = world.authorize()
    resume = page.location.replace("/u/login", "/authorize/resume")
    victim = world.another_browser()
    assert "couldn" in victim.get(resume, headers=headers).text
    victim.authorize()  # has a device cookie of its own from now on
    assert "couldn" in victim.get(resume).text
    assert world.get(resume).location.startswith("/u/login")


def test_resuming_without_a_login_shows_the_login_page_again(world: World) -> None:
    """`prompt=login` is not passed by going straight to the dispatcher."""
    world.log_in()
    page = world.authorize(prompt="login")
    again = world.get(page.location.replace("/u/login", "/authorize/resume"))
    assert again.location == page.location
