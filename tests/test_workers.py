"""`serve --workers`: granian in a second process, as clients and the shell see it."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import quote

import pytest
import requests
from cli_world import POSIX, Cli, refused

from mockidp import RemoteIdp

JWKS = "/.well-known/jwks.json"
TIMEOUT = 30
SERVE = ("serve", "--workers", "1", "--port", "0")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo tenant under granian, which says nothing on stdout or stderr while these tests are served."""
    cli = Cli(tmp_path_factory.mktemp("workers"))
    process, ready = cli.serve(*SERVE, "--json", environ={"HTTP_PROXY": "http://proxy.invalid"})
    yield ready["url"]
    process.terminate()
    assert process.communicate(timeout=TIMEOUT) == ("", "")


@pytest.fixture
def remote(url: str) -> Iterator[RemoteIdp]:
    """That tenant, fresh, held by the control API."""
    with RemoteIdp(url) as idp:
        idp.reset()
        yield idp
        idp.raise_problems()


# -- starting and stopping -------------------------------------------------------------------------------


def test_it_is_ready_as_any_server_but_in_plain_http(cli: Cli) -> None:
    """One line with the port that was taken, no https and no authority; SIGTERM ends it with status 0."""
    process, ready = cli.serve(*SERVE, "--json")
    port = int(ready["url"].rpartition(":")[2])
    assert ready == {
        "url": f"http://127.0.0.1:{port}",
        "https_url": None,
        "issuer": f"http://127.0.0.1:{port}/",
        "domain": f"localhost:{port}",
        "ca": None,
        "control": f"http://127.0.0.1:{port}/_mockidp",
    }
    discovery = requests.get(f"http://localhost:{port}/.well-known/openid-configuration", timeout=TIMEOUT)
    assert discovery.json()["issuer"] == f"http://localhost:{port}/"
    assert discovery.headers["Server"] == "granian"
    process.terminate()
    assert process.communicate(timeout=TIMEOUT) == ("", "")
    assert process.returncode == 0
    assert not (cli.folder / "state").exists()


def test_the_banner_does_not_speak_of_https(cli: Cli) -> None:
    """No https URL and no authority to trust."""
    process = cli.start(*SERVE, "--host", "localhost")
    assert process.stdout
    shown = [process.stdout.readline()]
    while shown[-1] and "Ctrl-C" not in shown[-1]:
        shown.append(process.stdout.readline())
    text = "".join(shown)
    assert "http://localhost:" in text
    assert "plain HTTP only" in text
    assert "https" not in text


@POSIX
def test_ctrl_c_stops_it_cleanly(cli: Cli) -> None:
    """The terminal sends it to all processes: status 0, nothing on stderr, also with a dashboard open."""
    process, ready = cli.serve(*SERVE, "--json")
    with requests.get(f"{ready['control']}/requests/stream", stream=True, timeout=TIMEOUT):
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate(timeout=TIMEOUT) == ("", "")
    assert process.returncode == 0


@POSIX
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_the_worker_ends_with_the_command(cli: Cli, number: signal.Signals) -> None:
    """Nobody is left on the port, nor begins anew with another tenant."""
    process, ready = cli.serve(*SERVE, "--json")
    process.send_signal(number)
    process.communicate(timeout=TIMEOUT)  # until nobody has stdout open
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"{ready['url']}{JWKS}", timeout=TIMEOUT)


def test_a_port_in_use_is_one_line(cli: Cli, url: str) -> None:
    """Of another granian, too, which would share it."""
    port = url.rpartition(":")[2]
    expected = f"mockidp: port {port} on 127.0.0.1 is in use; choose another (0 takes a free one)"
    assert refused(cli("serve", "--workers", "1", "--port", port)) == expected
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert f"port {port} on 127.0.0.1 is in use" in refused(cli("--workers", "1", "--port", port))


def test_several_workers_are_refused(cli: Cli) -> None:
    """As long as a tenant is in the memory of one process; by option or variable."""
    line = refused(cli("serve", "--workers", "2"))
    assert line == (
        "mockidp: --workers 2: each worker would have a tenant of its own, without the users and codes of "
        "the others; use --workers 1"
    )
    assert line == refused(cli("serve", environ={"MOCKIDP_WORKERS": "2"}))


@pytest.mark.parametrize(
    ("value", "option", "variable"),
    [
        ("0", "--workers 0: write a number from 1", "--workers 0: write a number from 1"),
        ("two", "argument --workers: invalid int value: 'two'", "MOCKIDP_WORKERS: 'two' is no number"),
    ],
)
def test_a_number_is_wanted(cli: Cli, value: str, option: str, variable: str) -> None:
    """One line, as for other options."""
    assert refused(cli("serve", "--workers", value)) == f"mockidp: {option}"
    assert refused(cli("serve", environ={"MOCKIDP_WORKERS": value})) == f"mockidp: {variable}"


def test_the_extra_is_named_when_it_is_missing(cli: Cli) -> None:
    """A line to copy."""
    cli.write("granian.py", "raise ModuleNotFoundError('No module named granian')")
    line = refused(cli("serve", "--workers", "1", "--port", "0"))
    assert line == "mockidp: --workers needs granian: pip install 'mockidp[workers]'"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--host", "0.0.0.0"), "0.0.0.0: other machines could connect"),
        (("--seed", "missing.yaml"), "missing.yaml: no such file"),
        (("--port", "99999"), "cannot listen on 127.0.0.1 port 99999"),
    ],
)
def test_mistakes_are_told_as_without_it(cli: Cli, options: tuple[str, ...], line: str) -> None:
    """One line, before a worker is started."""
    assert line in refused(cli(*SERVE, *options))


def test_the_worker_has_all_options(cli: Cli) -> None:
    """Also a path that a variable could not carry."""
    seed = cli.write(f"a{os.pathsep}b.yaml", "users: [{email: dora@example.com, password: dora-password}]")
    given = ("--seed", seed, "--frozen-time", "2030-01-01T00:00:00Z", "--domain", "acme.eu.auth0.com")
    _, ready = cli.serve(*SERVE, "--json", *given)
    assert (ready["domain"], ready["issuer"]) == ("acme.eu.auth0.com", "https://acme.eu.auth0.com/")
    state = requests.get(f"{ready['control']}/state", timeout=TIMEOUT).json()
    assert [user["email"] for user in state["users"]] == ["dora@example.com"]
    assert state["issuer"] == "https://acme.eu.auth0.com/"
    assert state["clock"]["frozen"] is True


# -- what granian does to requests and answers -----------------------------------------------------------


def test_a_login_works(remote: RemoteIdp) -> None:
    """Pages, cookies, code and tokens; the issuer has the port of granian."""
    answer = remote.browser().login(
        "/authorize?response_type=code&client_id=web&scope=openid&redirect_uri=http://localhost:3000/callback",
        "alice@example.com",
    )
    assert "?code=" in answer
    assert remote.issuer == f"{remote.url}/"


def test_the_tenant_has_seen_nobody_when_it_is_ready(cli: Cli) -> None:
    """Finding out that the worker accepts connections is no request: ids are those of any server."""
    first = [
        requests.get(f"{cli.serve(*options, '--json')[1]['url']}{JWKS}", timeout=TIMEOUT)
        for options in (SERVE, ("serve", "--port", "0"))
    ]
    assert first[0].headers["X-Auth0-RequestId"] == first[1].headers["X-Auth0-RequestId"]
    assert first[0].json() == first[1].json()


@pytest.mark.parametrize(
    ("user_id", "status"),
    [("auth0|abc", 200), ("auth0|a%2Fb", 200), ("auth0|ä", 200), ("auth0|a/b", 404)],
    ids=["pipe", "percent", "letter", "slash"],
)
def test_ids_in_paths_but_for_a_slash(remote: RemoteIdp, user_id: str, status: int) -> None:
    """granian decodes the path: an encoded slash cannot be told from one that separates."""
    remote.add_user(email="dora@example.com", password="dora-password", user_id=user_id)
    answer = requests.get(
        f"{remote.url}/api/v2/users/{quote(user_id, safe='')}",
        headers={"Authorization": f"Bearer {remote.management_token()}"},
        timeout=TIMEOUT,
    )
    assert answer.status_code == status
    assert answer.json().get("user_id") == (user_id if status == 200 else None)


def test_a_body_in_chunks_is_read(remote: RemoteIdp) -> None:
    """A request without Content-Length."""
    pieces = (b"grant_type=client_credentials&client_id=m2m&", b"client_secret=wrong")
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = requests.post(f"{remote.url}/oauth/token", data=iter(pieces), headers=kind, timeout=TIMEOUT)
    assert (answer.status_code, answer.json()["error"]) == (401, "access_denied")


def test_head_has_a_length_and_no_body(remote: RemoteIdp) -> None:
    """As RFC 9110 §9.3.2 has it."""
    head, get = (
        requests.request(method, f"{remote.url}{JWKS}", timeout=TIMEOUT) for method in ("HEAD", "GET")
    )
    assert head.headers["Content-Length"] == get.headers["Content-Length"]
    assert head.content == b""


@pytest.mark.parametrize("when", ["before", "midway"])
def test_a_dropped_answer_breaks_off(remote: RemoteIdp, when: str) -> None:
    """The client fails, and the next request is answered."""
    remote.on(f"GET {JWKS}", times=1).drop(when)
    with pytest.raises((requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        requests.get(f"{remote.url}{JWKS}", timeout=TIMEOUT)
    assert requests.get(f"{remote.url}{JWKS}", timeout=TIMEOUT).ok


def test_open_dashboards_hold_up_nobody(remote: RemoteIdp) -> None:
    """Each has a thread of its own; what comes is streamed at once."""
    stream = f"{remote.url}/_mockidp/requests/stream"
    with ExitStack() as stack:
        opened = [
            stack.enter_context(requests.get(stream, stream=True, timeout=TIMEOUT)).iter_lines(chunk_size=1)
            for _ in range(8)
        ]
        assert {next(lines) for lines in opened} == {b"retry: 500"}
        assert requests.get(f"{remote.url}{JWKS}", timeout=TIMEOUT).ok
        for lines in opened:
            assert any(line.startswith(b"id: ") for line in lines)


def test_the_environment_makes_no_headers(remote: RemoteIdp) -> None:
    """granian shows applications the process's variables, and HTTP_PROXY would be a header `Proxy`."""
    requests.get(f"{remote.url}{JWKS}", timeout=TIMEOUT)
    assert "Proxy" not in remote.requests[-1].headers
