"""GET /v2/logout, /logout and GET|POST /oidc/logout (§5.6, §5.7)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from authentication_world import World, answer, claims_of, error

OUT = "https://app.example.com/out"
TENANT_OUT = "https://tenant.example.com/bye"


def is_logged_in(world: World) -> bool:
    return "code" in answer(world.authorize(prompt="none"))


def logout(world: World, path: str = "/v2/logout", **query: str | None) -> Any:
    sent = {name: value for name, value in query.items() if value is not None}
    return world.get(f"{path}?{urlencode(sent)}")


def hint_of(world: World, response: Any) -> str:
    return str(world.redeem(answer(response)["code"]).json["id_token"])


@pytest.mark.parametrize("path", ["/v2/logout", "/logout"])
@pytest.mark.parametrize(
    ("query", "location"),
    [
        ({}, None),
        ({"returnTo": TENANT_OUT}, TENANT_OUT),
        ({"client_id": "web"}, OUT),
        ({"client_id": "web", "returnTo": ""}, OUT),
        ({"client_id": "web", "returnTo": OUT}, OUT),
        ({"client_id": "web", "returnTo": OUT, "federated": ""}, OUT),
        ({"client_id": "web", "returnTo": OUT + "?a=b&c=d#e"}, OUT + "?a=b&c=d#e"),
        ({"client_id": "web", "returnTo": "HTTPS://App.Example.com/out"}, "HTTPS://App.Example.com/out"),
        (
            {"client_id": "web", "returnTo": "https://pr-1.preview.example.com"},
            "https://pr-1.preview.example.com",
        ),
        ({"client_id": "spa"}, None),
    ],
)
def test_logout_ends_the_session(
    world: World, path: str, query: dict[str, str], location: str | None
) -> None:
    """And goes to an allowed URL, the client's first, or nowhere: query and fragment do not count."""
    world.log_in()
    response = logout(world, path, **query)
    assert response.headers.get("Location") == location
    assert response.status_code == (302 if location else 200)
    assert location or response.text == "OK"
    assert not is_logged_in(world)


def test_the_cookies_are_taken_away(world: World) -> None:
    """Both names of the session's; the device keeps its own."""
    world.log_in()
    cookies = logout(world).headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {"auth0", "auth0_compat"}
    assert all("Max-Age=0" in cookie and "Path=/" in cookie for cookie in cookies)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/out",
        "https://app.example.com/",
        "https://app.example.com/out/",
        "https://app.example.com/OUT",
        "https://app.example.com/out/..",
        "http://app.example.com/out",
        "https://app.example.com:8443/out",
        "https://app.example.com@evil.example/out",
        "https://evil.example\\@app.example.com/out",
        "https://user@app.example.com/out",
        "https://app.example.com/out\r\nX-Evil: 1",
        "https://app.example.com/out\x00",
        " https://app.example.com/out",
        "https://app.exa\tmple.com/out",
        "https://a.b.preview.example.com",
        "https://preview.example.com",
        "https://evil.example?.preview.example.com",
        "//app.example.com/out",
        "javascript:alert(1)",
        "http://[",
        TENANT_OUT,
    ],
)
@pytest.mark.parametrize("path", ["/v2/logout", "/logout"])
def test_another_url_is_not_gone_to(world: World, path: str, url: str) -> None:
    """An error page; the session goes on, as nothing was done."""
    world.log_in()
    response = logout(world, path, client_id="web", returnTo=url)
    assert response.status_code == 400
    assert "Location" not in response.headers
    assert "is not defined as a valid URL in &#34;Allowed Logout URLs&#34;" in response.text
    assert is_logged_in(world)


@pytest.mark.parametrize("path", ["/v2/logout", "/oidc/logout"])
def test_an_unknown_client_gets_a_page(world: World, path: str) -> None:
    """Nothing is allowed to it."""
    response = logout(world, path, client_id="<script>")
    assert response.status_code == 400
    assert "Unknown client: &lt;script&gt;" in response.text


@pytest.mark.parametrize("path", ["/v2/logout", "/oidc/logout"])
def test_a_repeated_parameter_gets_a_page(world: World, path: str) -> None:
    """A browser is never shown JSON."""
    response = world.get(f"{path}?client_id=web&client_id=web")
    assert response.status_code == 400
    assert response.mimetype == "text/html"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_client_logs_its_user_out_by_the_id_token(world: World, method: str) -> None:
    """With state, and without a question; an expired token will do."""
    hint = hint_of(world, world.log_in())
    world.clock.advance(hours=20)
    params = {"id_token_hint": hint, "post_logout_redirect_uri": OUT, "state": "a b&c"}
    where = "query_string" if method == "GET" else "data"
    response = world.open(method, "/oidc/logout", **{where: params})
    assert response.location == OUT + "?state=a%20b%26c"
    assert not is_logged_in(world)


def test_the_session_can_be_named(world: World) -> None:
    """`logout_hint` is the `sid` (§5.7)."""
    sid = claims_of(hint_of(world, world.log_in()))["sid"]
    response = logout(world, "/oidc/logout", logout_hint=sid, client_id="web", post_logout_redirect_uri=OUT)
    assert response.location == OUT
    assert not is_logged_in(world)


@pytest.mark.parametrize("query", [{}, {"client_id": "web"}, {"logout_hint": "another"}])
def test_without_a_hint_the_user_is_asked(world: World, query: dict[str, str]) -> None:
    """A page, and nothing is done until the user says so."""
    world.log_in()
    asked = logout(world, "/oidc/logout", **query)
    assert asked.status_code == 200
    assert "Log out?" in asked.text
    assert is_logged_in(world)


def test_a_hint_of_another_session_asks_too(world: World) -> None:
    """An ID token logs out the browser that it was issued to (documentation, "Logout consent prompt")."""
    hint = hint_of(world, world.another_browser().log_in("bob@example.com"))
    world.log_in()
    query = {"id_token_hint": hint, "post_logout_redirect_uri": OUT, "state": "S"}
    asked = logout(world, "/oidc/logout", **query)
    assert "Log out?" in asked.text
    assert is_logged_in(world)
    target = asked.text.partition('action="')[2].partition('"')[0].replace("&amp;", "&")
    assert world.post(target, data={"action": "accept"}).location == OUT + "?state=S"
    assert not is_logged_in(world)


@pytest.mark.parametrize(("user", "asked"), [("alice@example.com", False), ("bob@example.com", True)])
def test_an_id_token_without_a_session_stands_for_its_user(world: World, user: str, asked: bool) -> None:
    """Such as the password grant gives."""
    world.log_in()
    hint = world.idp.id_token(user, client="web")
    assert "sid" not in claims_of(hint)
    response = logout(world, "/oidc/logout", id_token_hint=hint)
    assert ("Log out?" in response.text) == asked
    assert is_logged_in(world) == asked


@pytest.mark.parametrize(("action", "logged_in"), [("accept", False), ("deny", True)])
def test_the_user_decides(world: World, action: str, logged_in: bool) -> None:
    """The form of that page keeps where to go."""
    world.log_in()
    query = {"client_id": "web", "post_logout_redirect_uri": OUT, "state": "S"}
    asked = logout(world, "/oidc/logout", **query)
    target = asked.text.partition('action="')[2].partition('"')[0].replace("&amp;", "&")
    response = world.post(target, data={"action": action, "state": "S"})
    assert response.headers.get("Location") == (None if logged_in else OUT + "?state=S")
    assert is_logged_in(world) == logged_in


def test_without_a_session_nobody_is_asked(world: World) -> None:
    """Straight on."""
    response = logout(world, "/oidc/logout", client_id="web", post_logout_redirect_uri=OUT)
    assert response.location == OUT


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "spa"},
        {"logout_hint": "another"},
        {"post_logout_redirect_uri": OUT + "?a=b"},
        {"post_logout_redirect_uri": "https://evil.example"},
        {"post_logout_redirect_uri": TENANT_OUT},
        {"id_token_hint": "nonsense"},
        {"id_token_hint": ""},
    ],
)
def test_hints_must_agree(world: World, change: dict[str, str]) -> None:
    """Client with audience, session with sid; the URL exactly, query included. Else a page, or a question."""
    hint = hint_of(world, world.log_in())
    query = {"id_token_hint": hint, "client_id": "web", "post_logout_redirect_uri": OUT, **change}
    response = logout(world, "/oidc/logout", **query)
    assert "Location" not in response.headers
    assert is_logged_in(world)


def test_logout_ends_the_session_for_every_client(world: World) -> None:
    """And refresh tokens stay (§2.7)."""
    refresh_token = world.redeem(answer(world.log_in(scope="openid offline_access"))["code"]).json[
        "refresh_token"
    ]
    assert "code" in answer(world.authorize(client_id="spa", prompt="none"))
    logout(world)
    assert error(world.authorize(client_id="spa", prompt="none"))[0] == "login_required"
    assert world.refresh(refresh_token).status_code == 200


def test_the_native_scheme_is_kept(make_world: Any) -> None:
    """`com.example.App://` comes back as registered."""
    native = {"client_id": "native", "name": "Native", "allowed_logout_urls": ["com.example.App://Out/x"]}
    world = make_world({"clients": [native]})
    response = logout(world, client_id="native", returnTo="com.example.App://Out/x")
    assert response.location == "com.example.App://Out/x"
