"""`RemoteIdp` and its server: found or not, what only the server can do, and how it is left."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
from remote_world import ALICE, CALLBACK, served

from mockidp import MockIdp, RemoteIdp, UsageError, __version__
from mockidp.errors import InternalError, Unreachable
from mockidp.http.routing import Answer, Call, Route
from mockidp.model.session import SESSIONS
from mockidp.model.user import USERS
from mockidp.seed.load import inline_scenario

HEALTH = {"status": "ok", "version": __version__, "domain": None, "hosts": []}


@contextmanager
def stub(body: Mapping[str, Any], status: int = 200) -> Iterator[str]:
    """Answer everything with this JSON, `{url}` in it being the server's own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).replace("{url}", url).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield url
    server.shutdown()
    thread.join()
    server.server_close()


def test_nobody_answers() -> None:
    """One line that says what to do."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(Unreachable, match=rf"^no mockidp answers at {url}: start one there"):
            RemoteIdp(url)


@pytest.mark.parametrize(
    "url", ["localhost:4100", "http://localhost", "ftp://localhost:1", "http://[", "https://localhost:1"]
)
def test_a_wrong_url_is_told(url: str) -> None:
    """Also https: the control API is spoken in plain HTTP."""
    with pytest.raises(Unreachable, match=r"is no URL of a mockidp; write http://127\.0\.0\.1:4100$"):
        RemoteIdp(url)


def test_another_machine_is_told() -> None:
    """The control API would refuse its name."""
    with pytest.raises(Unreachable, match=r"^http://mockidp:4100 is another machine: .* publish its port"):
        RemoteIdp("http://mockidp:4100")


def test_another_server_is_told() -> None:
    """What has no control API, and what answers something else."""
    with (
        stub({"detail": "Not Found"}, 404) as url,
        pytest.raises(Unreachable, match=rf"^GET {url}/_mockidp/health was answered 404: that is no mockidp"),
    ):
        RemoteIdp(url)
    with (
        stub({"status": "up"}) as url,
        pytest.raises(Unreachable, match=r"another mockidp version: .*version"),
    ):
        RemoteIdp(url)


def test_another_version_is_warned_of() -> None:
    """It may work."""
    with stub({**HEALTH, "version": "9.9", "issuer": "{url}/"}) as url:
        with pytest.warns(
            UserWarning, match=rf"{url} is mockidp 9\.9, this is {__version__}: use one"
        ) as warned:
            RemoteIdp(url).stop()
        assert warned[0].filename == __file__


def test_a_port_that_is_published_under_another_number_is_warned_of() -> None:
    """Nobody would answer at the issuer of its tokens; a pinned one is the server's business."""
    moved = r"calls itself http://127\.0\.0\.1:1/: publish its port under the same number"
    with stub({**HEALTH, "issuer": "http://127.0.0.1:1/"}) as url, pytest.warns(UserWarning, match=moved):
        RemoteIdp(url).stop()
    with stub({**HEALTH, "issuer": "https://acme.eu.auth0.com/"}) as url:
        RemoteIdp(url).stop()


def test_what_is_not_there_says_so(remote: RemoteIdp) -> None:
    """The application, other tenants, and whatever would change or show the state itself."""
    with pytest.raises(UsageError, match=r"^idp\.app is not here: the server at .* is another process"):
        remote.app  # noqa: B018
    with pytest.raises(UsageError, match=r"^tenant 'b2b' is not there: the external server at"):
        remote.tenant("b2b")
    for change in (
        lambda: remote.state.store.take(USERS, "auth0|1"),
        lambda: remote.state.keys.rotate(),
        lambda: remote.state.store.transaction(),
    ):
        with pytest.raises(UsageError, match=r"to be looked at only|does not show the kind"):
            change()
    with pytest.raises(UsageError, match="does not show the kind 'session'"):
        remote.state.store.all(SESSIONS)


def test_the_world_of_a_handle_lasts_until_it_is_left(url: str, tmp_path: Path) -> None:
    """A seed is read here: its files, placeholders and mistakes; then the server's own is back."""
    (tmp_path / "world.yaml").write_text("users: [{email: ##WHO##}]")
    environ = {"WHO": "erin@example.com"}
    with RemoteIdp(url, tmp_path / "world.yaml", clock="2030-01-01", environ=environ) as idp:
        assert [user.email for user in idp.users] == ["erin@example.com"]
        assert idp.clock.now() == 1893456000
    with RemoteIdp(url) as idp:
        assert ALICE in idp.users
        assert not idp.clock.frozen
    with pytest.raises(UsageError, match=r"world\.yaml:1:17: .*WHO"):
        RemoteIdp(url, tmp_path / "world.yaml", environ={})
    with RemoteIdp(url, {}) as idp:
        assert len(idp.users) == 0
    large = {"users": [{"email": "erin@example.com", "user_metadata": {"text": "x" * 2**20}}]}
    with RemoteIdp(url, large) as idp:
        assert len(idp.users) == 1


def test_the_servers_own_scenario_is_played(tmp_path: Path) -> None:
    """Without another one, a reset begins it; a clock that a test asks for wins over `--frozen-time`."""
    (tmp_path / "own.scenario.yaml").write_text("script: [{on: GET /userinfo, then: {status: 503}}]")
    with served(tmp_path, "--scenario", "own.scenario.yaml", "--frozen-time", "2029-01-01") as url:
        with RemoteIdp(url) as idp, idp.serving(None):
            assert requests.get(f"{url}/userinfo", timeout=10).status_code == 503
            idp.verify()
            idp.reset()
            with pytest.raises(AssertionError, match="GET /userinfo: expected at least once, came never"):
                idp.verify()
        with RemoteIdp(url, {"users": []}, clock="2030-01-01") as idp:
            assert idp.clock.now() == 1893456000
            idp.clock.advance("1h")
            idp.reset()
            assert idp.clock.now() == 1893456000


def test_a_real_domain_leads_to_the_server_that_has_it(tmp_path: Path) -> None:
    """In this process, trusting the server's authority; the issuer is pinned to it."""
    domain = "acme.eu.auth0.com"
    with served(tmp_path, "--domain", domain) as url, RemoteIdp(url) as idp:
        with idp.impersonate(domain):
            metadata = requests.get(f"https://{domain}/.well-known/openid-configuration", timeout=10).json()
            assert metadata["issuer"] == idp.issuer == f"https://{domain}/"
            query = f"response_type=code&client_id=web&redirect_uri={CALLBACK}&scope=openid"
            assert "code=" in idp.browser().login(f"https://{domain}/authorize?{query}", ALICE)
        assert idp.domain == domain
        other = idp.impersonate("other.auth0.com")
        with pytest.raises(
            UsageError, match=r"does not go by 'other\.auth0\.com': start it with --domain other"
        ):
            other.__enter__()


def test_scenarios_travel_with_what_they_include(tmp_path: Path) -> None:
    """Steps, expectations and seeds in order, without a file's name left."""
    (tmp_path / "world.yaml").write_text("users: [{email: erin@example.com}]")
    (tmp_path / "inner.scenario.yaml").write_text(
        "seed: world.yaml\nscript: [{on: GET /a, then: {status: ##status##}}]\n"
        "expect: {users: {erin@example.com: {email_verified: false}}, outbox: []}\n"
    )
    outer = tmp_path / "outer.scenario.yaml"
    outer.write_text(
        "scenario: Both\ninclude: {file: inner.scenario.yaml, parameters: {status: 503}}\n"
        "clients: [{name: Web}]\nscript: [{on: GET /b}]\nexpect: {requests: [{on: GET /c}]}\n"
    )
    assert inline_scenario(outer) == {
        "scenario": "Both",
        "seed": [{"users": [{"email": "erin@example.com"}]}, {"clients": [{"name": "Web"}]}],
        "ordered": False,
        "script": [{"on": "GET /a", "then": {"status": 503}}, {"on": "GET /b"}],
        "expect": {
            "requests": [{"on": "GET /c"}],
            "users": {"erin@example.com": {"email_verified": False}},
            "outbox": [],
        },
    }
    outer.write_text(f"ordered: true\n{outer.read_text()}")
    with pytest.raises(
        UsageError, match=r"outer\.scenario\.yaml: 'ordered' differs from that of an included"
    ):
        inline_scenario(outer)


def test_what_failed_over_there_is_told_here() -> None:
    """With the traceback, until the next reset."""

    def broken(call: Call) -> Answer:
        raise ZeroDivisionError("our bug")

    with MockIdp() as server, RemoteIdp(server.url) as idp:
        server._world.application.router.add(Route("GET", "/broken", broken))
        assert requests.get(f"{idp.url}/broken", timeout=10).status_code == 500
        assert [problem.where for problem in idp.problems] == ["GET /broken"]
        with pytest.raises(InternalError, match=r"(?s)failed while it answered.*GET /broken\n.*our bug"):
            idp.raise_problems()
        idp.reset()
        idp.raise_problems()
