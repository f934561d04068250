"""The command line, as real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cli_world import POSIX, ROOT, Cli, refused

import mockidp

API = "https://api.example.com"


# -- serve -----------------------------------------------------------------------------------------------


def test_json_is_one_line_when_connections_are_accepted(cli: Cli) -> None:
    """With everything that a script needs."""
    process, ready = cli.serve("serve", "--port", "0", "--json")
    port = ready["url"].rpartition(":")[2]
    assert ready == {
        "url": f"http://127.0.0.1:{port}",
        "https_url": f"https://localhost:{port}",
        "issuer": f"http://127.0.0.1:{port}/",
        "domain": f"localhost:{port}",
        "ca": str(cli.folder / "state" / "ca.pem"),
        "control": f"http://127.0.0.1:{port}/_mockidp",
    }
    assert requests.get(f"{ready['control']}/health", timeout=30).json()["status"] == "ok"
    https = requests.get(f"{ready['https_url']}/.well-known/jwks.json", verify=ready["ca"], timeout=30)
    assert https.ok
    process.terminate()
    assert process.communicate(timeout=30) == ("", "")


@POSIX
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(cli: Cli, number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C: status 0, nothing on stderr, also with a connection open."""
    process, ready = cli.serve("--port", "0", "--json")
    port = int(ready["url"].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)):
        process.send_signal(number)
        assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 0


@POSIX
def test_the_banner_fits_a_screen(cli: Cli) -> None:
    """URL, users and passwords, client ids, how to point an SDK here, the control page."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mockidp", "--port", "0"],
        cwd=cli.folder,
        env=cli.environ,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    cli.started.append(process)
    assert process.stdout
    lines = []
    while "Ctrl-C" not in (lines or [""])[-1]:
        lines.append(process.stdout.readline())
        assert lines[-1], lines
    text = "".join(lines)
    for wanted in ("http://127.0.0.1:", "alice@example.com", "alice-password", "client_id: spa", "/_mockidp"):
        assert wanted in text
    assert "AUTH0_DOMAIN=localhost:" in text
    assert len(lines) <= 24
    assert all(len(line) <= 100 for line in lines if "--state-dir" not in line)


def test_several_seeds_and_all_options(cli: Cli) -> None:
    """Later seeds win; the clock is frozen; names are pinned and allowed."""
    one = cli.write("one.yaml", "users: [{email: a@example.com, name: One}]")
    two = cli.write("two.json", '{"users": [{"email": "a@example.com", "name": "Two"}]}')
    options = ["--seed", one, two, "--frozen-time", "2030-01-01T00:00:00Z", "--allow-host", "mockidp"]
    _, ready = cli.serve("--port", "0", "--json", *options, "--issuer", "https://id.example.com")
    state = requests.get(f"{ready['control']}/state", timeout=30).json()
    assert [user["name"] for user in state["users"]] == ["Two"]
    clock = {"now": "2030-01-01T00:00:00.000Z", "epoch": 1893456000.0, "frozen": True, "rate": 0.0}
    assert {name: state["clock"][name] for name in clock} == clock
    discovery = f"{ready['url']}/.well-known/openid-configuration"
    answer = requests.get(discovery, headers={"Host": "mockidp:4100"}, timeout=30).json()
    assert answer["issuer"] == ready["issuer"] == "https://id.example.com/"


def test_every_option_has_an_environment_variable(cli: Cli) -> None:
    """For containers; the command line wins."""
    files = [cli.write(name, f"users: [{{email: {name}@example.com}}]") for name in ("a", "b", "c")]
    environ = {
        "MOCKIDP_SEED": os.pathsep.join(files[:2]),
        "MOCKIDP_PORT": "0",
        "MOCKIDP_JSON": "true",
        "MOCKIDP_DOMAIN": "acme.eu.auth0.com",
        "MOCKIDP_ALLOW_HOST": "one, two",
        "MOCKIDP_FROZEN_TIME": "",
    }
    _, ready = cli.serve(environ=environ)
    assert ready["domain"] == "acme.eu.auth0.com"
    state = requests.get(f"{ready['control']}/state", timeout=30).json()
    assert [user["email"] for user in state["users"]] == ["a@example.com", "b@example.com"]
    for host in ("one", "two"):
        answer = requests.get(f"{ready['url']}/.well-known/jwks.json", headers={"Host": host}, timeout=30)
        assert answer.ok
    _, ready = cli.serve("--seed", files[2], environ=environ)
    state = requests.get(f"{ready['control']}/state", timeout=30).json()
    assert [user["email"] for user in state["users"]] == ["c@example.com"]


def test_binding_for_others_is_allowed_and_warned_of(cli: Cli) -> None:
    """Only with --allow-remote."""
    assert "--allow-remote" in refused(cli("--port", "0", "--host", "0.0.0.0"))
    process, ready = cli.serve("--port", "0", "--json", "--host", "0.0.0.0", "--allow-remote")
    assert ready["url"].startswith("http://127.0.0.1:")
    process.terminate()
    assert "warning: other machines can connect to 0.0.0.0" in process.communicate(timeout=30)[1]


def test_a_port_in_use_is_one_clear_line(cli: Cli) -> None:
    """With the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} on 127.0.0.1 is in use" in refused(cli("--port", str(port)))


WRONG = "clients:\n  - {name: Web, calbacks: []}\n"


@pytest.mark.parametrize(
    ("arguments", "environ", "message"),
    [
        (["--sed", "x.yaml"], {}, "unknown option '--sed'; did you mean '--seed'?"),
        (["srve"], {}, "unknown command 'srve'; did you mean 'serve'?"),
        (["serve", "x"], {}, "unknown argument 'x'"),
        (["--port", "x"], {}, "'x'"),
        (["--port", "99999"], {}, "99999"),
        ([], {"MOCKIDP_PORT": "x"}, "MOCKIDP_PORT: 'x' is no number"),
        ([], {"MOCKIDP_ALLOW_REMOTE": "perhaps"}, "MOCKIDP_ALLOW_REMOTE: 'perhaps'"),
        (["--seed", "nowhere.yaml"], {}, "nowhere.yaml: no such file"),
        (["--seed", "wrong.yaml"], {}, "wrong.yaml:2:17: unknown key 'calbacks'"),
        (["--frozen-time", "tomorrow"], {}, "'tomorrow' is no time"),
        (["--issuer", "acme"], {}, "'acme' is no URL"),
        (["--issuer", "https://"], {}, "'https://' is no URL"),
        (["--domain", "https://acme.test"], {}, "'https://acme.test' is no domain"),
        (["--domain", "a b"], {}, "'a b' is no domain"),
        (["--allow-host", "http://mockidp:4100"], {}, "'http://mockidp:4100' is no domain"),
        (["--domain", "acme.test:x"], {}, "'acme.test:x' is no domain"),
        (["--scenario", "x.yaml"], {}, "x.yaml: no such file"),
        (["--state-dir", "wrong.yaml"], {}, "wrong.yaml is no directory"),
        (["exec"], {}, "exec needs a command"),
        (["exec", "--"], {}, "exec needs a command"),
        (["exec", "pytest"], {}, "exec needs a command: python -m mockidp exec [OPTION …] -- COMMAND …"),
        (["exec", "pytest", "--", "tests"], {}, "exec needs a command"),
        (["token"], {}, "token needs --client"),
        (["token", "--client", "Wep"], {}, "no client 'Wep'; did you mean 'Web'?"),
        (["token", "--client", "web", "--claim", "x"], {}, "NAME=VALUE"),
        (["check"], {}, "check needs the files"),
    ],
)
def test_a_mistake_is_one_clear_line(
    cli: Cli, arguments: list[str], environ: dict[str, str], message: str
) -> None:
    """On stderr, status 2, no traceback."""
    cli.write("wrong.yaml", WRONG)
    assert message in refused(cli(*arguments, environ=environ))


def test_a_damaged_authority_is_one_clear_line(cli: Cli) -> None:
    """With the file that is in the way."""
    (cli.folder / "state").mkdir()
    cli.write("state/ca-key.pem", "nonsense")
    assert "ca-key.pem" in refused(cli("ca"))
    assert "ca-key.pem" in refused(cli("--port", "0", "--json"))


def test_a_home_that_keeps_nothing_is_one_clear_line(cli: Cli) -> None:
    """With the way out."""
    environ = {"HOME": cli.write("home", ""), "XDG_STATE_HOME": "", "MOCKIDP_STATE_DIR": ""}
    for command in (["ca"], ["--port", "0", "--json"], ["exec", "--", "true"]):
        assert "name another --state-dir" in refused(cli(*command, environ=environ))


def test_help_is_quick_and_complete(cli: Cli) -> None:
    """It loads nothing that serving needs."""
    text = cli("--help").stdout
    for command in ("serve", "exec", "token", "check", "routes", "ca"):
        assert command in text
        assert "usage:" in cli(command, "--help").stdout
    code = (
        "import sys, mockidp.cli as c; c.main(['--help']); print({'werkzeug', 'msgspec'} & set(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=cli.environ)
    assert loaded.stdout.endswith("set()\n")
    assert cli("--version").stdout == f"mockidp {mockidp.__version__}\n"


# -- exec ------------------------------------------------------------------------------------------------

ASK = """
import json, os, ssl, sys, urllib.request
url = f"https://{os.environ['AUTH0_DOMAIN']}/.well-known/openid-configuration"
print(json.load(urllib.request.urlopen(url))["issuer"], sys.argv[1:])
sys.exit(7)
"""


def test_exec_runs_a_command_with_the_environment(cli: Cli) -> None:
    """An unchanged program trusts the CA, and its status is ours."""
    done = cli("exec", "--", sys.executable, "-c", ASK, "--json", "x")
    assert done.returncode == 7, done.stderr
    assert done.stdout.startswith("https://localhost:")
    assert done.stdout.endswith("['--json', 'x']\n")
    assert done.stderr == ""


def test_exec_takes_seeds(cli: Cli) -> None:
    """And passes the rest of the environment on."""
    seed = cli.write("seed.yaml", "users: [{email: a@example.com}]")
    ask = (
        "import json, os, urllib.request as u\n"
        "print(json.load(u.urlopen(os.environ['MOCKIDP_URL'] + '/_mockidp/state'))['users'][0]['email'])\n"
        "print(os.environ['OWN'])"
    )
    done = cli("exec", "--seed", seed, "--", sys.executable, "-c", ask, environ={"OWN": "kept"})
    assert (done.returncode, done.stdout) == (0, "a@example.com\nkept\n"), done.stderr


def test_a_command_that_cannot_run(cli: Cli) -> None:
    """One line, and the shell's statuses for it."""
    done = cli("exec", "--", "no-such-command")
    assert (done.returncode, done.stdout) == (127, "")
    assert done.stderr == "mockidp: cannot run 'no-such-command': no such file or directory\n"
    assert cli("exec", "--", str(cli.folder)).returncode == 126


@POSIX
def test_exec_passes_a_signal_on(cli: Cli) -> None:
    """The command decides how it ends; killed, the status is the shell's."""
    wait = "import signal\nprint('{}', flush=True)\nsignal.pause()"
    process, _ = cli.serve("exec", "--", sys.executable, "-c", wait)
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM


# -- token, routes, ca -----------------------------------------------------------------------------------


def test_a_printed_token_is_a_servers_token(cli: Cli) -> None:
    """The same seed has the same keys: a running server's JWKS verifies it."""
    _, ready = cli.serve("--port", "0", "--json")
    port = ready["url"].rpartition(":")[2]
    user = ["--user", "alice@example.com", "--scope", "openid read:x", "--expires-in", "60"]
    claims = ["--claim", "https://x/plan=pro", "--claim", 'https://x/roles=["a", 1]']
    done = cli("token", "--client", "Web", *user, "--audience", API, *claims, "--port", port)
    token = done.stdout.strip()
    key = jwt.PyJWKClient(f"{ready['url']}/.well-known/jwks.json").get_signing_key_from_jwt(token)
    content = jwt.decode(token, key, algorithms=["RS256"], audience=API, issuer=ready["issuer"])
    assert (content["azp"], content["scope"]) == ("web", "openid read:x")
    assert (content["https://x/plan"], content["https://x/roles"]) == ("pro", ["a", 1])
    assert content["exp"] - content["iat"] == 60
    me = requests.get(f"{ready['url']}/userinfo", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert me.json()["sub"] == content["sub"]


def test_a_token_without_an_api_is_signed_too(cli: Cli) -> None:
    """It can be read, has what was claimed, and is good for /userinfo."""
    _, ready = cli.serve("--port", "0", "--json")
    port = ready["url"].rpartition(":")[2]
    arguments = [
        "--client",
        "Web",
        "--user",
        "alice@example.com",
        "--claim",
        "plan=pro",
        "--expires-in",
        "60",
    ]
    token = cli("token", *arguments, "--port", port).stdout.strip()
    key = jwt.PyJWKClient(f"{ready['url']}/.well-known/jwks.json").get_signing_key_from_jwt(token)
    content = jwt.decode(token, key, algorithms=["RS256"], audience=f"{ready['issuer']}userinfo")
    assert (content["azp"], content["plan"], content["exp"] - content["iat"]) == ("web", "pro", 60)
    me = requests.get(f"{ready['url']}/userinfo", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert me.json()["email"] == "alice@example.com"


def test_a_token_is_for_the_tenants_default_audience(cli: Cli) -> None:
    """As one that an application asks for."""
    cli.write(
        "seed.yaml", f"tenant: {{default_audience: '{API}'}}\nresourceServers: [{{identifier: '{API}'}}]\n"
    )
    cli.write("client.yaml", "clients: [{name: M2M}]\n")
    token = cli("token", "--client", "M2M", "--seed", "seed.yaml", "client.yaml").stdout.strip()
    assert jwt.decode(token, options={"verify_signature": False})["aud"] == API


def test_routes_lead_to_the_source(cli: Cli) -> None:
    """URL → file:line → level."""
    rows = [line.split() for line in cli("routes").stdout.splitlines()]
    row = next(row for row in rows if row[:2] == ["POST", "/oauth/token"])
    file, line = row[2].split(":")
    assert file == "mockidp/authentication/oauth_token.py"
    source = (ROOT / file).read_text(encoding="utf-8").splitlines()
    assert source[int(line) - 1].startswith("def oauth_token(")
    assert row[3] == "behaviour"
    assert any(row[-2:] == ["not", "emulated"] for row in rows)
    listed = json.loads(cli("routes", "--json").stdout)
    assert len(listed) == len(rows) > 400
    assert set(listed[0]) == {"method", "url", "file", "line", "level"}


def test_routes_list_what_is_unverified(cli: Cli) -> None:
    """Greppable, with the place."""
    lines = cli("routes", "--unverified").stdout.splitlines()
    assert lines
    for line in lines:
        file, number, mark, *_ = line.split(":")
        assert "unverified:" in (ROOT / file).read_text(encoding="utf-8").splitlines()[int(number) - 1]
        assert mark == " unverified"


def test_ca_prints_the_path_of_the_same_authority(cli: Cli) -> None:
    """Made if needed, kept in the state directory."""
    first, second = cli("ca").stdout.strip(), cli("ca").stdout.strip()
    assert first == second == str(cli.folder / "state" / "ca.pem")
    assert Path(first).read_text().startswith("-----BEGIN CERTIFICATE-----")
    other = cli("ca", "--state-dir", "elsewhere")
    assert other.stdout == f"{cli.folder / 'elsewhere' / 'ca.pem'}\n"


@POSIX
def test_output_may_end_early(cli: Cli) -> None:
    """`… | head -1`: no traceback."""
    make: Callable[..., Any] = subprocess.Popen
    process = make(
        [sys.executable, "-m", "mockidp", "routes"],
        cwd=cli.folder,
        env=cli.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=30), errors) == (0, b"")
