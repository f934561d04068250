"""Node's server-side clients, as their documentation has them: a script each in node/, over https."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from mockidp import MockIdp
from mockidp.harness.browser import Browser

ROOT = Path(__file__).parents[2]
NODE = Path(__file__).parent / "node"
GUIDE = ROOT / "docs" / "sdks-node.md"
ALICE, BOB, FACEBOOK = "alice@example.com", "bob@example.com", "facebook|1022"
API = "https://api.example.com"
RUNS_AT_MOST = 120  # seconds, before a script is stopped


class Script:
    """A script while it runs, and the browser of who uses it.

    It says JSON, one line each, and hears at which callbacks the browser arrives.
    """

    def __init__(self, process: subprocess.Popen[str], errors: Path, browser: Browser, url: str) -> None:
        self._process = process
        self._errors = errors
        self.browser = browser
        self.url = url

    def hear(self) -> Any:
        """Return the next thing that it says."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._errors.read_text() or f"it ended with {self._process.wait()}"
        return json.loads(line)

    def result(self) -> Any:
        """Return what it reports, after the logins that it asks for."""
        assert self._process.stdin is not None
        while "visit" in (heard := self.hear()):
            callback = self.browser.login(heard["visit"], heard["user"])
            self._process.stdin.write(f"{json.dumps(callback)}\n")
            self._process.stdin.flush()
        return heard

    def get(self, path: str) -> Any:
        """Open a page of the application, and return the JSON at the end of all redirects."""
        return self._json(self.browser.get(self.url + path))

    def log_in(self, path: str, user: str) -> Any:
        """Open a page that leads to the tenant, log in, and return the JSON that the application shows."""
        callback = self.browser.login(self.url + path, user)
        return self._json(self.browser.submit() if self.browser.posted else self.browser.get(callback))

    def submit(self) -> Any:
        """Submit the form of the page that is shown, and return the JSON at the end of all redirects."""
        return self._json(self.browser.submit())

    def _json(self, page: Any) -> Any:
        assert page.status == 200, page.text + self._errors.read_text()
        return json.loads(page.text)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A free port of this machine, for the application."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def url(listener: socket.socket) -> str:
    """The application's base URL."""
    return f"http://localhost:{listener.getsockname()[1]}"


@pytest.fixture(scope="module")
def robot_key() -> RSAPrivateKey:
    """The key of a client that has no secret."""
    return generate_private_key(65537, 2048)


@pytest.fixture
def idp(url: str, robot_key: RSAPrivateKey) -> Iterator[MockIdp]:
    """The demo tenant with the application's URLs, and a client that authenticates with a key."""
    callbacks = [f"{url}/callback", f"{url}/auth/callback", f"{url}/auth/callback/auth0"]
    pem = robot_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    credential = {"credential_type": "public_key", "alg": "RS256", "pem": pem}
    robot = {
        "name": "Robot",
        "client_id": "robot",
        "app_type": "non_interactive",
        "grant_types": ["client_credentials"],
        "client_authentication_methods": {"private_key_jwt": {"credentials": [credential]}},
    }
    more = {
        "clients": [{"name": "Web", "callbacks": callbacks, "allowed_logout_urls": [url]}, robot],
        "clientGrants": [{"client_id": "Robot", "audience": API, "scope": ["read:x"]}],
    }
    with MockIdp(seed=[ROOT / "fixtures" / "demo.yaml", more]) as idp:
        yield idp
        idp.raise_problems()


@pytest.fixture
def run(
    node_modules: Path, idp: MockIdp, listener: socket.socket, url: str, tmp_path: Path
) -> Iterator[Callable[..., Script]]:
    """Start a script: its name, arguments, and environment variables."""
    with ExitStack() as stack:

        def start(*command: str, **environ: str) -> Script:
            more = {**idp.env, "BASE_URL": url, "LISTEN_FD": str(listener.fileno()), **environ}
            errors = tmp_path / "stderr"
            process = stack.enter_context(running(command, more, errors, listener.fileno()))
            return Script(process, errors, idp.browser(), url)

        yield start


@pytest.fixture
def serve(run: Callable[..., Script]) -> Callable[..., Script]:
    """Start a script that serves an application, and wait until it does."""

    def start(*command: str, **environ: str) -> Script:
        script = run(*command, **environ)
        assert script.hear() == "ready"
        return script

    return start


@contextmanager
def running(
    command: tuple[str, ...], environ: dict[str, str], errors: Path, fd: int
) -> Iterator[subprocess.Popen[str]]:
    """Run a script; it ends when its stdin does."""
    env = {**os.environ, **environ}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "encoding": "utf-8", "pass_fds": [fd]}
    with (
        errors.open("w") as stderr,
        subprocess.Popen(["node", *command], cwd=NODE, env=env, stderr=stderr, **pipes) as process,
    ):
        watchdog = threading.Timer(RUNS_AT_MOST, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            process.communicate()
            watchdog.cancel()
            watchdog.join()


def providers(idp: MockIdp, user: str = ALICE) -> list[str]:
    return [identity.provider for identity in idp.users[user].identities]


# -- auth0 -----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("package", ["auth0", "auth0-6", "auth0-5"])
def test_auth0_management(run: Callable[..., Script], idp: MockIdp, package: str) -> None:
    """Versions 7, 6 and 5: users, linking, the pager, and errors that they know."""
    assert run("auth0-management.mjs", package).result() == {
        "linked": ["auth0", "facebook"],
        "left": ["auth0"],
        "user_metadata": {"plan": "pro"},
        "paged": [2, 2, 2, 0],
        "emails": [ALICE, BOB, "carol@example.com", "dora@example.com"],
        "refused": [True, 404, "inexistent_user"],
    }
    idp.requests.assert_called("POST /oauth/token", times=1)


@pytest.mark.slow
@pytest.mark.parametrize("package", ["auth0-4", "auth0/legacy"])
def test_auth0_4(run: Callable[..., Script], idp: MockIdp, package: str) -> None:
    """Version 4: grants with verified ID tokens, userinfo, sign-up, and the old ManagementClient."""
    assert run("auth0-4.mjs", package).result() == {
        "bob": BOB,
        "linked": ["auth0", "facebook"],
        "left": ["auth0"],
        "alice": True,
        "refreshed": True,
        "gone": [True, 403, "invalid_grant"],
        "scope": "read:x",
        "signedUp": "dora@example.com",
        "mailed": "We've just sent you an email to reset your password.",
        "page": [0, 2, 2, 6],
        "found": [ALICE],
        "missing": [404, "inexistent_user"],
    }
    assert [message.kind for message in idp.outbox] == ["verify_email", "reset_email"]


@pytest.mark.slow
def test_auth0_auth_js(run: Callable[..., Script], idp: MockIdp) -> None:
    """Every grant, the profile, sign-up, and linking and unlinking by the scopes of /authorize."""
    alice = idp.users[ALICE].user_id
    assert run("auth0-auth-js.mjs").result() == {
        "sub": alice,
        "profile": [alice, ALICE],
        "linked": [alice, ["auth0", "facebook"]],
        "unlinked": alice,
        "refreshed": True,
        "gone": ["token_by_refresh_token_error", "invalid_grant"],
        "machine": "read:x write:x",
        "password": idp.users[BOB].user_id,
        "signedUp": True,
        "again": ["signup_error", "invalid_signup"],
        "mailed": "We've just sent you an email to reset your password.",
        "logout": "/oidc/logout",
    }
    assert providers(idp) == ["auth0"]


@pytest.mark.slow
def test_auth0_server_js(serve: Callable[..., Script], idp: MockIdp) -> None:
    """startLinkUser and startUnlinkUser of the logged-in user, and the session's end."""
    alice = idp.users[ALICE].user_id
    app = serve("auth0-server-js.mjs")
    assert app.log_in("/login", ALICE)["user"]["email"] == ALICE
    assert app.log_in("/link/facebook", FACEBOOK)["user"]["sub"] == alice
    assert providers(idp) == ["auth0", "facebook"]
    assert app.log_in("/unlink/facebook", ALICE)["user"]["sub"] == alice
    assert providers(idp) == ["auth0"]
    app.browser.get(f"{app.url}/logout")  # no id_token_hint: the tenant asks
    assert app.submit() == {"user": None}
    assert "/u/login" in app.browser.get(f"{app.url}/login").url


# -- Express, Next.js, Auth.js ---------------------------------------------------------------------------


@pytest.mark.slow
def test_passport_auth0(serve: Callable[..., Script], idp: MockIdp) -> None:
    """The documentation's app: it saves the access token, adds an account by it, removes it by /unlink."""
    app = serve("passport-auth0.mjs")
    alice = app.log_in("/login", ALICE)
    assert (alice["provider"], alice["emails"]) == ("auth0", [{"value": ALICE}])

    linked = app.log_in("/link/facebook", FACEBOOK)
    assert linked["id"] == alice["id"]
    assert providers(idp) == ["auth0", "facebook"]
    idp.requests.assert_called("GET /userinfo", times=2)

    app.browser.get(f"{app.url}/accounts")
    assert app.submit() == {"status": 200, "text": "OK"}
    assert providers(idp) == ["auth0"]


@pytest.mark.slow
def test_passport_auth0_is_told_what_went_wrong(serve: Callable[..., Script], idp: MockIdp) -> None:
    """An account that cannot be linked comes back as an error of the callback, and nothing changed."""
    app = serve("passport-auth0.mjs")
    app.log_in("/login", ALICE)
    idp.link(BOB, FACEBOOK)
    callback = app.browser.login(f"{app.url}/link/facebook", BOB)
    assert app.browser.get(callback).status == 401
    assert providers(idp) == ["auth0"]


@pytest.mark.slow
@pytest.mark.parametrize("flow", ["id_token", "code"])
def test_express_openid_connect(serve: Callable[..., Script], idp: MockIdp, url: str, flow: str) -> None:
    """Its default is an ID token by form_post; by code it has an API's token too, and refreshes it."""
    app = serve("express-openid-connect.mjs", flow)
    assert app.get("/") == {"authenticated": False}
    assert app.log_in("/login", ALICE) == {"authenticated": True}
    assert bool(app.browser.posted) is (flow == "id_token")
    profile = app.get("/profile")
    assert profile["email"] == ALICE
    if flow == "code":
        assert profile["info"]["email"] == ALICE
        assert (profile["token_type"], profile["refreshed"]) == ("Bearer", True)

    assert app.get("/logout") == {"authenticated": False}
    returned = {"post_logout_redirect_uri": url} if flow == "id_token" else {"returnTo": url}
    by = "/oidc/logout" if flow == "id_token" else "/v2/logout"
    idp.requests.assert_called(f"GET {by}", times=1, query=returned)
    assert "/u/login" in app.browser.get(f"{app.url}/login").url


@pytest.mark.slow
def test_nextjs_auth0(serve: Callable[..., Script], idp: MockIdp) -> None:
    """The middleware's login, callback, profile and logout; the session on a page."""
    app = serve("nextjs-auth0.mjs")
    assert app.get("/") == {"user": None}
    assert app.log_in("/auth/login?returnTo=/", ALICE)["user"]["email"] == ALICE
    assert app.get("/auth/profile")["sub"] == idp.users[ALICE].user_id
    assert app.get("/auth/logout") == {"user": None}


@pytest.mark.slow
def test_auth_core(serve: Callable[..., Script], idp: MockIdp) -> None:
    """The sign-in page's button, and whoever the test says is logged in."""
    app = serve("auth-core.mjs")
    idp.login_as(ALICE)
    app.browser.get(f"{app.url}/auth/signin")
    assert app.submit()["user"]["email"] == ALICE
    assert app.get("/auth/session")["user"]["name"] == "Alice Example"


# -- any provider's clients ------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("version", ["", "-5"])
def test_openid_client(
    run: Callable[..., Script], idp: MockIdp, url: str, robot_key: RSAPrivateKey, version: str
) -> None:
    """Code with PKCE, refresh, revocation, userinfo, and machines by secret and by key; in 5 also hybrid."""
    jwk = {**RSAAlgorithm.to_jwk(robot_key, as_dict=True), "key_ops": ["sign"]}
    result = run(f"openid-client{version}.mjs", PRIVATE_JWK=json.dumps(jwk)).result()
    alice = idp.users[ALICE].user_id
    logout = result.pop("logout")
    assert result == {
        "issuer": f"{idp.https_url}/",
        "sub": alice,
        "email": ALICE,
        "refreshed": alice,
        "gone": [403, "invalid_grant"],
        "basic": "read:x write:x",
        "assertion": "read:x",
        **({"hybrid": alice} if version else {"post": "read:x write:x"}),
    }
    answer = requests.get(logout, verify=idp.ca_path, allow_redirects=False, timeout=10)
    assert answer.headers["Location"] == url


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_api(serve: Callable[..., Script], idp: MockIdp, scheme: str) -> None:
    """express-oauth2-jwt-bearer and jwks-rsa take this tenant's tokens for the API, and no others."""
    here = {"http": idp.url, "https": idp.https_url}[scheme]
    app = serve("api.mjs", ISSUER_BASE_URL=here)

    def ask(path: str, token: str) -> requests.Response:
        return requests.get(app.url + path, headers={"Authorization": f"Bearer {token}"}, timeout=10)

    form = {"grant_type": "client_credentials", "audience": API, "client_id": "m2m"}
    form["client_secret"] = "m2m-secret"
    granted = requests.post(f"{here}/oauth/token", data=form, verify=idp.ca_path, timeout=10).json()
    assert ask("/x", granted["access_token"]).json() == {"sub": "m2m@clients"}
    idp.rotate_keys()
    newer = requests.post(f"{here}/oauth/token", data=form, verify=idp.ca_path, timeout=10).json()
    answers = [ask("/verified", token["access_token"]).json() for token in (granted, newer)]
    assert [answer["verified"] for answer in answers] == [True, True]
    assert answers[0]["kid"] != answers[1]["kid"]
    assert requests.get(f"{app.url}/x", timeout=10).status_code == 401


@pytest.mark.slow
def test_an_api_with_tokens_of_the_test(serve: Callable[..., Script], idp: MockIdp) -> None:
    """`idp.env` tells the API the issuer that `idp.token` has; scope, audience and time are checked."""
    app = serve("api.mjs")

    def status(audience: str | None = API, scope: str = "read:x", expires_in: int = 60) -> int:
        token = idp.token(ALICE, audience=audience, scope=scope, expires_in=expires_in)
        return requests.get(
            f"{app.url}/x", headers={"Authorization": f"Bearer {token}"}, timeout=10
        ).status_code

    assert status() == 200
    assert status(scope="write:x") == 403
    assert status(expires_in=-60) == 401
    assert status(audience=None) == 401


# -- the guide -------------------------------------------------------------------------------------------


def test_the_guide_shows_what_is_tested() -> None:
    """Each block of the guide is a marked region of a script, and none is left out."""
    marked: dict[str, str] = {}
    for path in sorted(NODE.glob("*.mjs")):
        for name, code in re.findall(
            r"^ *// docs: (.+)\n((?:.*\n)*?) *// end\n", path.read_text(), re.MULTILINE
        ):
            marked[name] = textwrap.dedent(code)
    shown = re.findall(r"^~~~js\n(.*?)^~~~$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(marked) >= 12
    assert sorted(shown) == sorted(marked.values())
