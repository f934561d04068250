"""/authorize: every response type in every response mode, and what exactly comes back."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from itertools import permutations
from typing import Any
from urllib.parse import urlsplit

import pytest
from authentication_world import CALLBACK, WEB, World, answer, claims_of, error, state_of

TYPES = ["code", "token", "id_token", "code token", "code id_token", "token id_token", "code token id_token"]
IN_ANY_ORDER = [" ".join(order) for text in TYPES for order in permutations(text.split())]
MODES = {"query", "fragment", "form_post", "web_message"}
MEMBERS = {
    "code": {"code"},
    "token": {"access_token", "scope", "expires_in", "token_type"},
    "id_token": {"id_token"},
}


def half_hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).rstrip(b"=").decode()


def modes_of(response_type: str) -> list[str]:
    return sorted(MODES if response_type == "code" else MODES - {"query"})


@pytest.mark.parametrize("response_type", IN_ANY_ORDER)
def test_a_response_type_gives_its_members(world: World, response_type: str) -> None:
    """The answer has the members of each part of the type, the state, and nothing else."""
    got = answer(world.log_in(response_type=response_type, nonce="N"))
    expected = set().union(*(MEMBERS[part] for part in response_type.split()), {"state"})
    assert set(got) == expected
    assert got["state"] == "S"


@pytest.mark.parametrize("response_type", TYPES)
def test_without_a_mode_only_a_code_comes_in_the_query(world: World, response_type: str) -> None:
    """As soon as a token is in the answer, it is in the fragment."""
    parts = urlsplit(world.log_in(response_type=response_type, nonce="N").location)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == CALLBACK
    assert bool(parts.query) == (response_type == "code")
    assert bool(parts.fragment) == (response_type != "code")


@pytest.mark.parametrize(("response_type", "mode"), [(t, m) for t in TYPES for m in modes_of(t)])
def test_an_answer_comes_in_the_mode_that_was_asked_for(world: World, response_type: str, mode: str) -> None:
    """Query, fragment, form_post and web_message carry the same members."""
    response = world.log_in(response_type=response_type, nonce="N", response_mode=mode)
    got = answer(response)
    assert set(MEMBERS[response_type.split()[0]]) <= set(got)
    assert got["state"] == "S"
    if mode in ("query", "fragment"):
        assert response.status_code == 302
        assert (mode == "query") == bool(urlsplit(response.location).query)
    else:
        assert response.status_code == 200
        assert response.mimetype == "text/html"
        assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("response_type", [t for t in TYPES if t != "code"])
def test_tokens_never_come_in_a_query(world: World, response_type: str) -> None:
    """`response_mode=query` with a token is refused, in the fragment."""
    response = world.authorize(response_type=response_type, nonce="N", response_mode="query")
    assert error(response)[0] == "invalid_request"
    assert not urlsplit(response.location).query


@pytest.mark.parametrize("mode", ["", "jwt", "query.jwt", "QUERY", "query fragment"])
def test_an_unknown_response_mode_is_refused(world: World, mode: str) -> None:
    """Only an empty mode is as good as none."""
    response = world.authorize(response_mode=mode, prompt="none")
    assert error(response)[0] == ("invalid_request" if mode else "login_required")


@pytest.mark.parametrize("response_type", ["none", "code none", "password", "CODE", "code,token"])
def test_an_unknown_response_type_is_refused(world: World, response_type: str) -> None:
    """The error goes back to the client."""
    response = world.authorize(response_type=response_type)
    assert response.location.startswith(CALLBACK + "?")
    assert error(response)[0] == "unsupported_response_type"
    assert answer(response)["state"] == "S"


def test_the_hashes_bind_an_id_token_to_its_neighbours(world: World) -> None:
    """at_hash and c_hash are those of the access token and code beside it (OIDC Core §3.3.2.11)."""
    got = answer(world.log_in(response_type="code token id_token", nonce="N"))
    claims = world.verified(got["id_token"], "web")
    assert claims["at_hash"] == half_hash(got["access_token"])
    assert claims["c_hash"] == half_hash(got["code"])
    assert claims["nonce"] == "N"


@pytest.mark.parametrize(
    ("response_type", "expected"),
    [("id_token", set()), ("token id_token", {"at_hash"}), ("code id_token", {"c_hash"})],
)
def test_there_are_no_hashes_of_what_is_not_there(
    world: World, response_type: str, expected: set[str]
) -> None:
    """An ID token alone has neither hash."""
    claims = claims_of(answer(world.log_in(response_type=response_type, nonce="N"))["id_token"])
    assert {"at_hash", "c_hash"} & set(claims) == expected


def test_both_tokens_of_a_hybrid_flow_name_the_same_user_and_session(world: World) -> None:
    """The code's ID token and that of the front channel agree (OIDC Core §3.3.3.6)."""
    got = answer(world.log_in(response_type="code id_token", nonce="N"))
    front = claims_of(got["id_token"])
    back = claims_of(world.redeem(got["code"]).json["id_token"])
    for claim in ("iss", "sub", "aud", "nonce", "sid"):
        assert front[claim] == back[claim], claim


def test_tokens_of_the_browser_flow_live_shorter(world: World) -> None:
    """7200 seconds, or the API's lifetime for browsers; scope and type stand beside them."""
    opaque = answer(world.log_in(response_type="token"))
    assert (opaque["expires_in"], opaque["token_type"]) == ("7200", "Bearer")
    assert opaque["scope"] == "openid profile email"
    api = answer(
        world.another_browser().log_in(
            response_type="token", audience="https://api.example.com", scope="read:x"
        )
    )
    claims = claims_of(api["access_token"])
    assert api["expires_in"] == "500" == str(claims["exp"] - claims["iat"])
    assert "gty" not in claims


def test_a_refresh_token_never_comes_through_the_browser(world: World) -> None:
    """offline_access is dropped from what the browser gets, and kept for the code."""
    got = answer(world.log_in(response_type="code token", scope="openid offline_access read:x"))
    assert "refresh_token" not in got
    assert got["scope"] == "openid"
    assert "refresh_token" in world.redeem(got["code"]).json


def test_a_query_of_the_redirect_uri_is_kept(world: World) -> None:
    """The parameters are appended to those that are registered."""
    location = world.log_in(redirect_uri="https://app.example.com/cb?tab=1").location
    assert re.fullmatch(r"https://app\.example\.com/cb\?tab=1&code=[\w-]{43}&state=S", location)


def test_a_redirect_says_where_it_goes(world: World) -> None:
    """The body is `Found. Redirecting to …` (captured)."""
    response = world.log_in()
    assert response.text == f"Found. Redirecting to {response.location}".replace("&", "&amp;")


@pytest.mark.parametrize("uri", ["com.example.App://Callback/x", "com.example:/cb"])
def test_a_custom_scheme_is_kept_as_it_is_registered(world: World, uri: str) -> None:
    """Native apps get their own spelling back, capital letters too."""
    assert world.log_in(client_id="native", redirect_uri=uri).location.startswith(f"{uri}?code=")


def test_form_post_submits_itself_to_the_redirect_uri(world: World) -> None:
    """The page posts hidden fields."""
    response = world.log_in(response_mode="form_post", state='"><script>alert(1)</script>')
    assert f'<form method="post" action="{CALLBACK}">' in response.text
    assert "<script>alert" not in response.text
    assert answer(response)["state"] == '"><script>alert(1)</script>'


def test_web_message_posts_to_the_origin_of_the_redirect_uri_alone(world: World) -> None:
    """Whoever embeds the page, the message is for the client's own origin; numbers stay numbers."""
    response = world.log_in(response_mode="web_message", response_type="token", state="</script><b>")
    assert 'targetOrigin = "https://app.example.com";' in response.text
    assert '"type":"authorization_response"' in response.text
    assert answer(response)["state"] == "</script><b>"
    assert answer(response)["expires_in"] == 7200
    assert "</script><b>" not in response.text
    assert "X-Frame-Options" not in response.headers


def test_web_message_carries_errors_too(world: World) -> None:
    """Silent authentication in an iframe learns `login_required` from the message."""
    response = world.authorize(response_mode="web_message", prompt="none")
    assert response.status_code == 200
    assert answer(response) == {
        "error": "login_required",
        "error_description": "Login required",
        "state": "S",
    }


@pytest.mark.parametrize("mode", ["query", "fragment", "form_post", "web_message"])
def test_errors_come_in_the_mode_that_was_asked_for(world: World, mode: str) -> None:
    """An audience that does not exist, in each mode."""
    response = world.authorize(response_mode=mode, audience="https://nowhere")
    assert answer(response) == {
        "error": "access_denied",
        "error_description": "Service not found: https://nowhere",
        "state": "S",
    }


@pytest.mark.parametrize(
    ("client_id", "response_type", "grant"),
    [
        ("other", "token", "implicit"),
        ("other", "id_token", "implicit"),
        ("other", "code id_token", "implicit"),
        ("implicit", "code", "authorization_code"),
        ("implicit", "code token", "authorization_code"),
    ],
)
def test_a_flow_needs_its_grant_type(world: World, client_id: str, response_type: str, grant: str) -> None:
    """A client without the grant type is told so."""
    response = world.authorize(client_id=client_id, response_type=response_type, nonce="N")
    assert error(response) == ("unauthorized_client", f"Grant type '{grant}' not allowed for the client.")


@pytest.mark.parametrize("response_type", [t for t in TYPES if "id_token" in t])
@pytest.mark.parametrize("nonce", [None, ""])
def test_an_id_token_from_here_needs_a_nonce(world: World, response_type: str, nonce: str | None) -> None:
    """Without one the client could not tell a replay (OIDC Core §3.2.2.1, §3.3.2.11)."""
    response = world.authorize(response_type=response_type, nonce=nonce)
    assert error(response) == ("invalid_request", "Missing required parameter: nonce")
    assert urlsplit(response.location).fragment


@pytest.mark.parametrize("nonce", [None, "N", "ü \u2028 <script>", "x" * 3000])
def test_the_nonce_of_a_code_flow_comes_back_in_its_id_token(world: World, nonce: str | None) -> None:
    """It is optional there, and copied as it is."""
    claims = claims_of(world.redeem(world.code(nonce=nonce)).json["id_token"])
    assert claims.get("nonce") == nonce


STATES: list[str | None] = [
    None,
    "S",
    "a b+c&d=e#f%25",
    "ü€\U0001f511",
    "\r\nSet-Cookie: evil=1",
    "\x00",
    '"><script>',
    "x" * 8000,
    json.dumps({"a": 1}),
]


@pytest.mark.parametrize("state", STATES, ids=range(len(STATES)))
@pytest.mark.parametrize("mode", sorted(MODES))
def test_the_state_comes_back_verbatim(world: World, state: str | None, mode: str) -> None:
    """Whatever it holds, with an answer and with an error, and never as a header of its own."""
    good = world.log_in(state=state, response_mode=mode)
    bad = world.authorize(state=state, response_mode=mode, audience="https://nowhere")
    assert answer(good).get("state") == state
    assert answer(bad).get("state") == state
    for response in (good, bad):
        assert all("evil" not in str(cookie) for cookie in response.headers.getlist("Set-Cookie"))


def test_an_empty_state_is_none(world: World) -> None:
    """Sent without a value is omitted (RFC 6749 §3.1)."""
    assert set(answer(world.log_in(state=""))) == {"code"}


def test_the_code_is_opaque_and_never_the_same(world: World) -> None:
    """43 characters, and another one each time."""
    codes = {world.code(prompt="login") for _ in range(3)}
    assert len(codes) == 3
    assert all(re.fullmatch(r"[\w-]{43}", code) for code in codes)


def test_the_handle_of_a_transaction_is_not_the_clients_state(world: World) -> None:
    """The login page carries a handle of our own."""
    assert state_of(world.authorize(state="S")) != "S"


def test_an_error_of_the_token_endpoint_has_no_state(world: World) -> None:
    """State belongs to the front channel alone."""
    body: Any = world.token(grant_type="authorization_code", code="x", **WEB).json
    assert set(body) == {"error", "error_description"}
