"""Who is measured, as a table: how each is installed, started and asked.

All do the same work where they can: an RS256 JWT of a 2048 bit key as access token by client credentials, and
a login of one user by the authorization code flow. What is None, a peer cannot do; `lacks` says why.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.walks import Login, simulator_page

HERE = Path(__file__).parent
ROOM = HERE / ".peers"  # what is installed, and what the servers write
NPM = ROOM / "npm"


@dataclass(frozen=True)
class Token:
    """A client credentials request."""

    path: str
    form: Mapping[str, str]


@dataclass(frozen=True)
class Server:
    """One product. `page` logs in through its pages; `direct` as its users do in tests, without any.

    `limited`: a process refuses after some thousand requests, so each group of measures has a fresh one, that
    is asked for a shorter time.
    """

    name: str
    registry: str
    command: Callable[[int], list[str]]
    jwks: str
    discovery: str
    token: Token | None = None
    page: Login | None = None
    direct: Login | None = None
    tls: bool = False
    limited: bool = False
    python: tuple[int, int] = (3, 11)
    environ: Callable[[int], dict[str, str]] = lambda port: {}
    lacks: Mapping[str, str] = field(default_factory=dict)


def node(*arguments: str) -> list[str]:
    """Return the command that runs a file of what npm installed."""
    return ["node", str(NPM / arguments[0]), *arguments[1:]]


def python_of(name: str) -> str:
    """Return the interpreter of a PyPI peer's own environment."""
    return str(ROOM / name / "bin" / "python")


# -- mockidp ---------------------------------------------------------------------------------------------

_ALICE = {"username": "alice@example.com", "password": "alice-password"}
_WEB = Login(
    authorize="/authorize",
    token="/oauth/token",
    userinfo="/userinfo",
    client_id="web",
    client_secret="web-secret",
    typed=_ALICE,
)
# With an audience the access token is a JWT too: two signatures for a login in place of one.
_WEB_API = replace(_WEB, more={"audience": "https://api.example.com"}, signatures=2)
LOGIN_AS = {"user": "alice@example.com"}
M2M = {
    "grant_type": "client_credentials",
    "client_id": "m2m",
    "client_secret": "m2m-secret",
    "audience": "https://api.example.com",
}
MANAGEMENT = {**M2M, "audience": "http://127.0.0.1:{port}/api/v2/"}
ALICE_LINK = "/api/v2/users-by-email?email=alice%40example.com"


def serve(*options: str) -> Callable[[int], list[str]]:
    """Return mockidp's own command, as users type it."""
    return lambda port: [sys.executable, "-m", "mockidp", "serve", "--port", str(port), "--json", *options]


MOCKIDP = Server(
    name="mockidp",
    registry="this project",
    command=serve(),
    jwks="/.well-known/jwks.json",
    discovery="/.well-known/openid-configuration",
    token=Token("/oauth/token", M2M),
    page=_WEB,
    direct=_WEB,
)


def mockidp_like(peer: Server) -> Server:
    """Return mockidp doing the peer's work: over TLS, and with as many signatures in a login, as the peer."""
    both = {
        "page": _WEB_API if peer.page and peer.page.signatures > 1 else _WEB,
        "direct": _WEB_API if peer.direct and peer.direct.signatures > 1 else _WEB,
    }
    return replace(MOCKIDP, tls=peer.tls, page=both["page"], direct=both["direct"])


# -- peers -----------------------------------------------------------------------------------------------

_SIMULATOR = "node_modules/@simulacrum/auth0-simulator"
_NO_GRANT = "no client credentials grant"
_NO_PAGE = "no login page"
_ALWAYS_PAGE = "no documented login without a page"

PEERS: tuple[Server, ...] = (
    Server(
        name="oauth2-mock-server",
        registry="npm",
        command=lambda port: node(
            "node_modules/oauth2-mock-server/dist/oauth2-mock-server.mjs", "-a", "127.0.0.1", "-p", str(port)
        ),
        jwks="/jwks",
        discovery="/.well-known/openid-configuration",
        token=Token("/token", {"grant_type": "client_credentials", "scope": "read:x"}),
        direct=Login(
            authorize="/authorize", token="/token", userinfo="/userinfo", client_id="web", signatures=2
        ),
        lacks={"page": _NO_PAGE},
    ),
    Server(
        name="oidc-provider",
        registry="npm",
        command=lambda port: node("oidc-provider.mjs", str(port)),
        jwks="/jwks",
        discovery="/.well-known/openid-configuration",
        token=Token(
            "/token",
            {
                "grant_type": "client_credentials",
                "client_id": "web",
                "client_secret": "web-secret",
                "resource": "https://api.example.com",
                "scope": "read:x",
            },
        ),
        page=Login(
            authorize="/auth",
            token="/token",
            userinfo="/me",
            client_id="web",
            client_secret="web-secret",
            typed={"login": "alice", "password": "alice-password"},
        ),
        lacks={"direct": _ALWAYS_PAGE},
    ),
    Server(
        name="@hellocoop/mockin",
        registry="npm",
        command=lambda port: node("node_modules/@hellocoop/mockin/src/server.js"),
        environ=lambda port: {"PORT": str(port), "IP": "127.0.0.1"},
        jwks="/jwks",
        discovery="/.well-known/openid-configuration",
        direct=Login(
            authorize="/authorize",
            token="/oauth/token",
            userinfo="/oauth/userinfo",
            client_id="web",
            client_secret="web-secret",
            more={"nonce": "n"},
            signatures=2,
        ),
        lacks={"token": _NO_GRANT, "page": _NO_PAGE},
    ),
    Server(
        name="@mongodb-js/oidc-mock-provider",
        registry="npm",
        command=lambda port: node(
            "node_modules/@mongodb-js/oidc-mock-provider/bin/oidc-mock-provider.js",
            *("--host", "127.0.0.1", "--port", str(port), "--no-log-requests"),
        ),
        jwks="/jwks",
        discovery="/.well-known/openid-configuration",
        direct=Login(
            authorize="/authorize", token="/token", userinfo="", client_id="web", pkce=True, signatures=2
        ),
        lacks={"token": _NO_GRANT, "page": _NO_PAGE},
    ),
    Server(
        name="@simulacrum/auth0-simulator",
        registry="npm",
        command=lambda port: node("auth0-simulator.cjs", str(port)),
        environ=lambda port: {"HOME": str(ROOM / "home")},
        jwks="/.well-known/jwks.json",
        discovery="/.well-known/openid-configuration",
        token=Token("/oauth/token", {**M2M}),
        page=Login(
            authorize="/authorize",
            token="/oauth/token",
            userinfo="/userinfo",
            client_id="web",
            client_secret="web-secret",
            typed=_ALICE,
            more={"nonce": "n"},
            signatures=2,
            submit=simulator_page,
        ),
        tls=True,
        lacks={"direct": _ALWAYS_PAGE},
    ),
    Server(
        name="emulate",
        registry="npm",
        command=lambda port: node(
            "node_modules/emulate/dist/index.js", "start", "--service", "okta", "--port", str(port)
        ),
        jwks="/oauth2/default/v1/keys",
        discovery="/oauth2/default/.well-known/openid-configuration",
        page=Login(
            authorize="/oauth2/default/v1/authorize",
            token="/oauth2/default/v1/token",
            userinfo="/oauth2/default/v1/userinfo",
            client_id="okta-test-client",
            client_secret="okta-test-secret",
        ),
        limited=True,
        lacks={"token": "an opaque token, nothing is signed", "direct": _ALWAYS_PAGE},
    ),
    Server(
        name="oidc-provider-mock",
        registry="PyPI",
        command=lambda port: [
            *(python_of("oidc-provider-mock"), "-m", "oidc_provider_mock"),
            *("--port", str(port), "--user", "alice@example.com"),
        ],
        jwks="/jwks",
        discovery="/.well-known/openid-configuration",
        page=Login(
            authorize="/oauth2/authorize",
            token="/oauth2/token",
            userinfo="/userinfo",
            client_id="web",
            client_secret="web-secret",
            typed={"sub": "alice@example.com"},
        ),
        direct=Login(
            authorize="/oauth2/authorize",
            token="/oauth2/token",
            userinfo="/userinfo",
            client_id="web",
            client_secret="web-secret",
            posted={"sub": "alice@example.com"},
        ),
        lacks={"token": _NO_GRANT},
    ),
    Server(
        name="nanoidp",
        registry="PyPI",
        command=lambda port: [
            *(python_of("nanoidp"), "-m", "nanoidp", "--config", str(ROOM / "nanoidp-config")),
            *("--host", "127.0.0.1", "--port", str(port)),
        ],
        jwks="/.well-known/jwks.json",
        discovery="/.well-known/openid-configuration",
        token=Token(
            "/token",
            {"grant_type": "client_credentials", "client_id": "web", "client_secret": "web-secret"},
        ),
        page=Login(
            authorize="/authorize",
            token="/token",
            userinfo="/userinfo",
            client_id="web",
            client_secret="web-secret",
            typed={"username": "alice"},
            signatures=3,
        ),
        direct=Login(
            authorize="/authorize",
            token="/token",
            userinfo="/userinfo",
            client_id="web",
            client_secret="web-secret",
            more={"login_hint": "persona-auto-login:alice"},
            signatures=3,
        ),
    ),
    Server(
        name="keycloak-mockup",
        registry="PyPI",
        command=lambda port: [
            *(python_of("keycloak-mockup"), "-m", "keycloak_mockup"),
            *("--config", str(HERE / "pypi" / "keycloak-mockup.yaml")),
            *("--host", "127.0.0.1", "--port", str(port)),
        ],
        python=(3, 13),
        jwks="/realms/demo/protocol/openid-connect/certs",
        discovery="/realms/demo/.well-known/openid-configuration",
        token=Token(
            "/realms/demo/protocol/openid-connect/token",
            {"grant_type": "client_credentials", "client_id": "web", "client_secret": "web-secret"},
        ),
        page=Login(
            authorize="/realms/demo/protocol/openid-connect/auth",
            token="/realms/demo/protocol/openid-connect/token",
            userinfo="/realms/demo/protocol/openid-connect/userinfo",
            client_id="web",
            client_secret="web-secret",
            typed={"username": "alice", "password": "alice-password"},
            signatures=2,
        ),
        lacks={"direct": _ALWAYS_PAGE},
    ),
)
