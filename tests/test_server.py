"""`MockIdp`, the object of the tests: where it is, who is in it, what it does."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
import requests
from counting import lines
from leaks import threads
from werkzeug.test import Client

from mockidp import MockIdp, UsageError
from mockidp.errors import InternalError
from mockidp.http.routing import Call, Route

API = "https://api.example.com"
DB = "Username-Password-Authentication"
ALICE, GOOGLE, FACEBOOK = "alice@example.com", "google-oauth2|103547991597142817347", "facebook|1022"
CALLBACK = "http://localhost:3000/callback"


@pytest.fixture(scope="module")
def shared() -> Iterator[MockIdp]:
    """One running server for the module; `mock` is it, reset."""
    with MockIdp() as idp:
        yield idp


@pytest.fixture
def mock(shared: MockIdp) -> MockIdp:
    """The running server as its seed has it."""
    shared.reset()
    return shared


def claims_of(idp: MockIdp, token: str, audience: str) -> dict[str, Any]:
    """Verify a token as an application does: by the JWKS, issuer and audience."""
    key = jwt.PyJWKClient(f"{idp.url}/.well-known/jwks.json").get_signing_key_from_jwt(token)
    return jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=idp.issuer)


def management(idp: MockIdp, path: str, token: str | None = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {token or idp.management_token()}"}
    return requests.get(f"{idp.url}/api/v2/{path}", headers=headers, timeout=30)


# -- start and stop --------------------------------------------------------------------------------------


def test_it_serves_while_the_block_lasts() -> None:
    """A context manager: up inside, gone outside, no thread left."""
    with MockIdp() as idp:
        port = urlsplit(idp.url).port
        assert port
        assert f"mockidp-host:{port}" in [thread.name for thread in threading.enumerate()]
        assert requests.get(f"{idp.url}/.well-known/jwks.json", timeout=30).ok
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{idp.url}/.well-known/jwks.json", timeout=30)
    assert threads(port) == []


def test_start_and_stop_may_be_repeated() -> None:
    """For a framework's set-up and tear-down hooks."""
    idp = MockIdp()
    idp.stop()
    assert idp.start() is idp
    assert idp.start().url == idp.url
    idp.stop()
    idp.stop()
    assert idp.start().users[ALICE]
    idp.stop()


def test_the_urls_say_where_it_is(mock: MockIdp) -> None:
    """As the command line's `--json` has them."""
    port = mock.url.rpartition(":")[2]
    assert mock.url == f"http://127.0.0.1:{port}"
    assert mock.https_url == f"https://localhost:{port}"
    assert mock.domain == f"localhost:{port}"
    discovery = requests.get(f"{mock.url}/.well-known/openid-configuration", timeout=30).json()
    assert discovery["issuer"] == mock.issuer == f"{mock.url}/"


def test_a_port_in_use_is_one_clear_line(mock: MockIdp) -> None:
    """With the port and a way out."""
    port = int(mock.url.rpartition(":")[2])
    with pytest.raises(UsageError, match=f"port {port} on 127.0.0.1 is in use"):
        MockIdp(port=port).start()


def test_https_is_trusted_by_the_ca_and_made_at_first_use() -> None:
    """The CA's file is where `env` says; it goes when the server stops."""
    with MockIdp() as idp:
        path = Path(idp.ca_path)
        assert idp.env["ISSUER_BASE_URL"] == idp.env["AUTH0_ISSUER_BASE_URL"] == idp.issuer.rstrip("/")
        assert idp.env["AUTH0_DOMAIN"] == idp.domain
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"):
            assert idp.env[name] == idp.ca_path
        ssl.create_default_context(cafile=idp.ca_path)
        url = f"{idp.https_url}/.well-known/openid-configuration"
        assert requests.get(url, verify=idp.ca_path, timeout=30).json()["issuer"] == f"{idp.https_url}/"
    assert not path.exists()


def test_plain_http_loads_neither_certificates_nor_templates() -> None:
    """Who never asks for https does not pay for it."""
    code = (
        "import sys; from mockidp import MockIdp\n"
        "with MockIdp(): print(sorted({'trustme', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_pinned_domain_is_the_issuer() -> None:
    """Whatever URL the request used."""
    with MockIdp(domain="acme.eu.auth0.com") as idp:
        discovery = requests.get(f"{idp.url}/.well-known/openid-configuration", timeout=30).json()
        assert discovery["issuer"] == idp.issuer == "https://acme.eu.auth0.com/"
        assert idp.domain == "acme.eu.auth0.com"
        assert claims_of(idp, idp.token(ALICE, audience=API), API)["sub"] == idp.users[ALICE].user_id


def test_hosts_are_accepted_by_name_only() -> None:
    """`allow_hosts` adds names; anything else may be DNS rebinding."""
    with MockIdp(allow_hosts=["mockidp"]) as idp:
        statuses = {
            host: requests.get(
                f"{idp.url}/.well-known/jwks.json", headers={"Host": host}, timeout=5
            ).status_code
            for host in ("mockidp:4100", "localhost", "evil.example")
        }
    assert statuses == {"mockidp:4100": 200, "localhost": 200, "evil.example": 421}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"host": "0.0.0.0"}, "--allow-remote"),
        ({"domain": "https://acme.example"}, "no domain"),
        ({"issuer": "acme.example"}, "no URL"),
        ({"clock": "tomorrow"}, "no time"),
        ({"seed": "nowhere.yaml"}, "nowhere.yaml: no such file"),
        ({"seed": {"clients": [{"name": "x", "calbacks": []}]}}, "did you mean 'callbacks'"),
        ({"seed": {"clients": [{"name": object()}]}}, "object"),
        ({"seed": 5}, "5 is no seed; a path, a mapping or a list of these is one"),
        ({"seed": ["demo.yaml", 5]}, "5 is no seed"),
    ],
)
def test_a_mistake_is_a_usage_error(options: dict[str, Any], message: str) -> None:
    """When the mock is made, before anything listens."""
    with pytest.raises(UsageError, match=message):
        MockIdp(**options)


def test_a_seed_is_found_beside_the_calling_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths are relative to the file that names them, else to the working directory."""
    (tmp_path / "here").mkdir()
    for folder, email in ((tmp_path / "here", "file@example.com"), (tmp_path, "cwd@example.com")):
        (folder / "world.yaml").write_text(f"users: [{{email: {email}}}]")
    (tmp_path / "other.yaml").write_text("users: [{email: other@example.com}]")
    (tmp_path / "here" / "app.py").write_text(
        "from mockidp import MockIdp\n"
        "emails = [user.email for name in ('world.yaml', 'other.yaml') for user in MockIdp(name).users]"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "here")
    import app

    assert app.emails == ["file@example.com", "other@example.com"]


def test_the_application_runs_without_a_server() -> None:
    """For WSGI transports and test clients."""
    answer = Client(MockIdp().app).get("/.well-known/openid-configuration")
    assert answer.get_json()["issuer"] == "http://localhost/"


# -- logins, requests, time ------------------------------------------------------------------------------


AUTHORIZE = f"/authorize?response_type=code&client_id=web&scope=openid&redirect_uri={CALLBACK}"


def test_login_as_answers_without_a_page(mock: MockIdp) -> None:
    """Until it is told to show pages again."""
    mock.login_as("Alice Example")
    first = requests.get(mock.url + AUTHORIZE, allow_redirects=False, timeout=30)
    assert first.headers["Location"].startswith(f"{CALLBACK}?code=")
    mock.login_as(None)
    second = requests.get(mock.url + AUTHORIZE, allow_redirects=False, timeout=30)
    assert "/u/login" in second.headers["Location"]


def test_a_browser_walks_the_pages(mock: MockIdp) -> None:
    """And stops at the callback."""
    assert mock.browser().login(AUTHORIZE, ALICE).startswith(f"{CALLBACK}?code=")
    mock.requests.assert_called("GET /authorize", times=1)
    assert any(request.method == "POST" for request in mock.requests)


def test_the_outbox_shows_what_was_sent(mock: MockIdp) -> None:
    """Oldest first, empty after a reset."""
    body = {"client_id": "web", "connection": DB, "email": ALICE}
    answer = requests.post(f"{mock.url}/dbconnections/change_password", json=body, timeout=30)
    assert answer.ok, answer.text
    message = mock.outbox[-1]
    assert (message.to, message.kind) == (ALICE, "reset_email")
    mock.reset()
    assert len(mock.outbox) == 0


def test_the_clock_freezes_and_advances(mock: MockIdp) -> None:
    """Tokens follow it; a reset brings the seed's time back."""
    mock.clock.freeze("2030-01-01T00:00:00Z")
    mock.clock.advance(hours=1)
    token = mock.token(ALICE, audience=API)
    assert jwt.decode(token, options={"verify_signature": False})["iat"] == 1893459600
    mock.reset()
    assert not mock.clock.frozen


def test_a_clock_that_is_given_holds_from_the_beginning() -> None:
    """Also for what the seed creates."""
    idp = MockIdp(clock="2030-01-01T00:00:00Z")
    idp.clock.advance(days=1)
    idp.reset()
    assert idp.clock.now() == 1893456000
    assert idp.users[ALICE].created_at == "2030-01-01T00:00:00.000Z"


def test_a_reset_forgets_everything() -> None:
    """Requests, logins, changes."""
    idp = MockIdp({"users": [{"email": f"u{i}@example.com"} for i in range(3)]})
    idp.login_as("u1@example.com")
    Client(idp.app).get("/.well-known/jwks.json")
    idp.add_user(email="more@example.com")
    idp.reset()
    assert (len(idp.users), len(idp.requests)) == (3, 0)


def test_the_cost_of_a_reset_does_not_depend_on_the_number_of_users() -> None:
    """A test pays for it each time."""

    def cost(users: int) -> int:
        idp = MockIdp({"users": [{"email": f"u{i}@example.com"} for i in range(users)]})
        idp.reset()
        return lines(idp.reset)

    assert cost(1000) == cost(10)


def test_a_snapshot_brings_back_where_it_was_taken(mock: MockIdp) -> None:
    """For a test that tries several continuations."""
    mock.link(ALICE, GOOGLE)
    back = mock.snapshot()
    mock.link(ALICE, FACEBOOK)
    back()
    assert [identity.provider for identity in mock.users[ALICE].identities] == ["auth0", "google-oauth2"]


def test_the_same_seed_and_requests_give_the_same_bytes() -> None:
    """Ids, codes and tokens are deterministic."""

    def play() -> list[str]:
        idp = MockIdp(clock="2030-01-01T00:00:00Z")
        idp.login_as(ALICE)
        location = Client(idp.app).get(AUTHORIZE).headers["Location"]
        return [location, idp.token(ALICE, audience=API), idp.id_token(ALICE), idp.token(ALICE)]

    assert play() == play()


# -- problems, other seeds, control ----------------------------------------------------------------------


def test_an_internal_error_is_raised_in_the_test(mock: MockIdp) -> None:
    """Once, with the request and the traceback."""

    def broken(call: Call) -> None:
        raise ZeroDivisionError("our bug")

    mock._world.application.router.add(Route("GET", "/broken", broken))
    assert requests.get(f"{mock.url}/broken", timeout=30).status_code == 500
    with pytest.raises(
        InternalError, match=r"GET /broken\n(.|\n)*in broken\n(.|\n)*ZeroDivisionError: our bug"
    ):
        mock.raise_problems()
    mock.raise_problems()


def test_what_fails_before_the_endpoints_is_raised_too(
    mock: MockIdp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug in what watches the application is answered and kept as any other."""

    def broken(given: object) -> None:
        raise ZeroDivisionError("our bug")

    mock.on("GET /userinfo").respond(503)
    monkeypatch.setattr("mockidp.harness.rules.asked", lambda *given: broken(given))
    answer = requests.get(f"{mock.url}/userinfo", timeout=30)
    assert (answer.status_code, answer.json()["message"]) == (500, "Internal Server Error")
    with pytest.raises(InternalError, match=r"GET /userinfo\n(.|\n)*ZeroDivisionError: our bug"):
        mock.raise_problems()


def test_another_seed_is_served_inside_a_block(mock: MockIdp) -> None:
    """Under the same URL, from its beginning every time, and the first world is untouched."""
    mock.link(ALICE, GOOGLE)
    seed = {"users": [{"email": "only@example.com"}]}
    for _ in range(2):
        with mock.serving(seed) as idp:
            assert idp is mock
            assert [user.email for user in idp.users] == ["only@example.com"]
            answer = requests.get(f"{mock.url}/_mockidp/state", timeout=30).json()
            assert [user["email"] for user in answer["users"]] == ["only@example.com"]
            assert claims_of(idp, idp.management_token(), f"{idp.issuer}api/v2/")
            idp.add_user(email="more@example.com")
    assert len(mock.users[ALICE].identities) == 2


def test_a_seed_file_that_changed_is_read_again(mock: MockIdp, tmp_path: Path) -> None:
    """Worlds are kept by their seeds' content."""
    file = tmp_path / "seed.json"
    for emails in (["a@example.com"], ["b@example.com", "c@example.com"]):
        file.write_text(json.dumps({"users": [{"email": email} for email in emails]}))
        with mock.serving(file) as idp:
            assert [user.email for user in idp.users] == emails


def test_the_control_api_steers_the_same_object(mock: MockIdp) -> None:
    """Every door leads into one room."""
    control = f"{mock.url}/_mockidp"
    body = {"email": "erin@example.com", "password": "x"}
    assert requests.post(f"{control}/users", json=body, timeout=30).status_code == 201
    assert "erin@example.com" in mock.users
    requests.post(f"{control}/reset", timeout=30)
    assert "erin@example.com" not in mock.users
