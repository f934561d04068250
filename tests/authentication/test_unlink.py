"""POST /unlink and /login/unlink (§3.3)."""

from __future__ import annotations

from typing import Any

import pytest
from authentication_world import API, World, error

ALICE = "alice@example.com"
GOOGLE = "google-oauth2|1001"
FACEBOOK = "facebook|2002"
PATHS = ["/unlink", "/login/unlink"]


@pytest.fixture
def linked(world: World) -> World:
    """Alice, with a Google and a Facebook identity."""
    for identity in (GOOGLE, FACEBOOK):
        world.idp.link(ALICE, identity)
    return world


def keys(world: World) -> list[str]:
    return [identity.key for identity in world.user(ALICE).identities]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("encoding", ["json", "data"])
@pytest.mark.parametrize(
    "extra", [{}, {"clientID": "web"}, {"clientID": "DEFAULT"}, {"client_id": "x", "foo": "1"}]
)
def test_an_identity_is_unlinked(linked: World, path: str, encoding: str, extra: dict[str, str]) -> None:
    """JSON or form, with any `clientID` or none; the answer is plain text, as the iOS SDK complains."""
    body = {"access_token": linked.tokens()["access_token"], "user_id": GOOGLE, **extra}
    response = linked.post(path, **{encoding: body})
    assert (response.status_code, response.text) == (200, "OK")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert keys(linked) == [linked.user(ALICE).user_id, FACEBOOK]


def test_a_form_string_with_the_content_type_of_json_is_no_json(linked: World) -> None:
    """One old sample sent that; it is told so, and nothing happens."""
    body = f"access_token={linked.tokens()['access_token']}&user_id={GOOGLE}"
    response = linked.post("/unlink", data=body, content_type="application/json")
    assert (response.status_code, error(response)[0]) == (400, "invalid_body")
    assert len(keys(linked)) == 3


def test_json_with_the_content_type_of_a_form(linked: World) -> None:
    """The other way round works."""
    body = f'{{"access_token": "{linked.tokens()["access_token"]}", "user_id": "{GOOGLE}"}}'
    content_type = "application/x-www-form-urlencoded"
    assert linked.post("/unlink", data=body, content_type=content_type).status_code == 200


def test_the_identity_is_an_account_of_its_own_again(linked: World) -> None:
    """At once, with its profile and without metadata (§3.4)."""
    linked.post("/unlink", json={"access_token": linked.tokens()["access_token"], "user_id": GOOGLE})
    gail = linked.user("gail@example.com")
    assert gail.user_id == GOOGLE
    assert "user_metadata" not in gail.document
    assert "profileData" not in gail.document["identities"][0]
    userinfo = linked.userinfo(linked.tokens("gail@example.com", connection="google-oauth2")["access_token"])
    assert userinfo.json["sub"] == GOOGLE


@pytest.mark.parametrize(
    "get",
    [
        lambda w: w.tokens()["access_token"],
        lambda w: w.tokens(audience=API, scope="read:x")["access_token"],
        lambda w: w.tokens(scope="openid offline_access")["refresh_token"],
        lambda w: w.tokens(client_id="spa")["access_token"],
        lambda w: w.idp.token(ALICE),
    ],
    ids=["opaque", "api", "refresh", "another client's", "minted"],
)
def test_any_good_token_of_the_user_will_do(linked: World, get: Any) -> None:
    """The legacy endpoints asked for no scope."""
    assert linked.post("/unlink", json={"access_token": get(linked), "user_id": GOOGLE}).status_code == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("change", "status", "expected"),
    [
        ({"access_token": None}, 400, ("invalid_request", "missing access_token parameter")),
        ({"access_token": ""}, 400, ("invalid_request", "missing access_token parameter")),
        ({"user_id": None}, 400, ("invalid_request", "missing user_id parameter")),
        ({"user_id": ""}, 400, ("invalid_request", "missing user_id parameter")),
        ({"access_token": "nonsense"}, 401, ("invalid_request", "invalid access_token: invalid_token")),
        ({"user_id": "github|1"}, 400, ("invalid_request", "the identity is not linked to this user")),
        ({"user_id": "1001"}, 400, ("invalid_request", "the identity is not linked to this user")),
        ({"user_id": "google-oauth2|"}, 400, ("invalid_request", "the identity is not linked to this user")),
        ({"user_id": "\x00"}, 400, ("invalid_request", "the identity is not linked to this user")),
        ({"user_id": "MAIN"}, 400, ("invalid_request", "Main identity cannot be removed.")),
        ({"access_token": {"a": 1}}, 400, ("invalid_request", "Parameter 'access_token' must be a string")),
        ({"user_id": ["x"]}, 400, ("invalid_request", "Parameter 'user_id' must be a string")),
    ],
)
def test_refusals(
    linked: World, path: str, change: dict[str, Any], status: int, expected: tuple[str, str]
) -> None:
    """OAuth's body, whatever is wrong; nothing changes."""
    good = {"access_token": linked.tokens()["access_token"], "user_id": GOOGLE}
    body = {name: value for name, value in {**good, **change}.items() if value is not None}
    if body.get("user_id") == "MAIN":
        body["user_id"] = linked.user(ALICE).user_id
    response = linked.post(path, json=body)
    assert (response.status_code, error(response)) == (status, expected)
    assert len(keys(linked)) == 3


def test_a_token_of_somebody_else_does_not_unlink(linked: World) -> None:
    """Bob cannot take Alice's identities apart."""
    token = linked.tokens("bob@example.com")["access_token"]
    response = linked.post("/unlink", json={"access_token": token, "user_id": GOOGLE})
    assert error(response) == ("invalid_request", "the identity is not linked to this user")
    assert len(keys(linked)) == 3


def test_an_identity_is_unlinked_once(linked: World) -> None:
    """The second time it is not linked any more."""
    body = {"access_token": linked.tokens()["access_token"], "user_id": GOOGLE}
    assert [linked.post("/unlink", json=body).status_code for _ in range(2)] == [200, 400]


def test_the_token_of_an_absorbed_account_is_the_primarys(world: World) -> None:
    """Gail's token from before the link names Alice's account afterwards."""
    token = world.tokens("gail@example.com")["access_token"]
    world.idp.link(ALICE, GOOGLE)
    assert world.post("/unlink", json={"access_token": token, "user_id": GOOGLE}).status_code == 200
    assert keys(world) == [world.user(ALICE).user_id]


@pytest.mark.parametrize("path", PATHS)
def test_a_tenant_without_legacy_linking_has_no_such_endpoint(make_world: Any, path: str) -> None:
    """`legacy_account_linking: false`."""
    world = make_world({"mockidp": {"legacy_account_linking": False}})
    body = {"access_token": world.tokens()["access_token"], "user_id": GOOGLE}
    assert world.post(path, json=body).status_code == 404


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_it_is_posted_to(linked: World, path: str, method: str) -> None:
    """A link in a page does not unlink."""
    query = {"access_token": linked.tokens()["access_token"], "user_id": GOOGLE}
    assert linked.open(method, path, query_string=query).status_code == 405
    assert len(keys(linked)) == 3


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("in_body", [(), ("access_token",), ("user_id",)])
def test_the_query_has_what_the_body_has_not(linked: World, path: str, in_body: tuple[str, ...]) -> None:
    """The API's reference calls them query parameters; the body goes before the query."""
    sent = {"access_token": linked.tokens()["access_token"], "user_id": GOOGLE}
    body = {name: sent[name] for name in in_body}
    query = {**sent, **dict.fromkeys(in_body, "nonsense")}
    response = linked.post(path, query_string=query, json=body or None)
    assert (response.status_code, response.text) == (200, "OK")
    assert keys(linked) == [linked.user(ALICE).user_id, FACEBOOK]


@pytest.mark.parametrize("path", PATHS)
def test_a_repeated_query_parameter_is_refused(linked: World, path: str) -> None:
    """As anywhere."""
    response = linked.post(f"{path}?user_id={GOOGLE}&user_id={FACEBOOK}")
    assert error(response) == ("invalid_request", "Parameter 'user_id' must not be repeated")


@pytest.mark.parametrize("path", PATHS)
def test_the_content_type_of_the_documentation_works(linked: World, path: str) -> None:
    """Its sample quotes it: `Content-Type: 'application/json'`."""
    body = f'{{"access_token": "{linked.tokens()["access_token"]}", "user_id": "{GOOGLE}"}}'
    assert linked.post(path, data=body, content_type="'application/json'").status_code == 200
