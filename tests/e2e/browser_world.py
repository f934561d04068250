"""Chromium, a mock tenant over https, and an application's pages beside it, for tests with browser clients.

Both servers speak https with certificates of one CA: Lock builds `https://` URLs only, and pages on http
would be another site for the cookies. The pages are on http too, for SDKs that take a tenant there.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import re
import ssl
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from mockidp import MockIdp
from mockidp.http.tls import CertificateAuthority

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run", "--disable-quic"),
    # Lock asks the CDN for a dictionary and Gravatar for pictures, and does without.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",
)
# The page of each client: what its documentation tells to load by <script>.
SCRIPTS = {
    "spa-js": ("@auth0/auth0-spa-js/dist/auth0-spa-js.production.js",),
    "react": (
        "react/umd/react.production.min.js",
        "react-dom/umd/react-dom.production.min.js",
        "@auth0/auth0-react/dist/auth0-react.min.js",
    ),
    "oidc-client": ("oidc-client-ts/dist/browser/oidc-client-ts.min.js",),
    "oidc-silent": ("oidc-client-ts/dist/browser/oidc-client-ts.min.js",),
    "auth0-js-9": ("auth0-js-9/dist/auth0.min.js",),
    "auth0-js-10": ("auth0-js-10/dist/auth0.min.js",),
    "lock-9": ("locks/lock-9.js",),
    "lock-10": ("locks/lock-10.js",),
    "lock-14": ("locks/lock-14.js",),
}
HTML = """<!doctype html>
<html><head><meta charset="utf-8"><title>{name}</title>{scripts}</head>
<body><div id="root"></div><script>{inline}</script></body></html>"""
INLINE = {"oidc-silent": "new oidc.UserManager({}).signinSilentCallback();"}
GUIDE = Path(__file__).parents[2] / "docs" / "sdks-browser.md"
APP = "http://localhost:3000"  # the application of the guide
# The guide's pages: the same scripts, then the one of pages/, as a module.
PAGES = Path(__file__).parent / "pages"
for _path in sorted(PAGES.glob("*.js")):
    SCRIPTS[f"guide/{_path.stem}"] = SCRIPTS[_path.stem]
    INLINE[f"guide/{_path.stem}"] = f"import('/npm/pages/{_path.name}');"
DATABASE = "Username-Password-Authentication"
ALICE = {"email": "alice@example.com", "password": "alice-password"}
BOB = {"email": "bob@example.com", "password": "bob-password"}
GOOGLE = "google-oauth2|1001"


class Apps:
    """The application's pages: `https://localhost:PORT/<client>`, and the packages under `/npm/`.

    Without a certificate authority they are on http.
    """

    def __init__(self, packages: Mapping[str, Path], ca: CertificateAuthority | None) -> None:
        pages = {
            f"/{name}": HTML.format(
                name=name,
                scripts="".join(f'<script src="/npm/{script}"></script>' for script in scripts),
                inline=INLINE.get(name, ""),
            ).encode()
            for name, scripts in SCRIPTS.items()
        }

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                body, kind = pages.get(path), "text/html; charset=utf-8"
                if body is None and path.startswith("/npm/"):
                    top, _, rest = path.removeprefix("/npm/").partition("/")
                    root = packages.get(top)
                    file = root / rest if root else packages[""] / top / rest
                    body = file.read_bytes() if file.is_file() else None
                    kind = "text/javascript; charset=utf-8"
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if ca is not None:
            # The handshake in the connection's thread: one that stalls must not stop the others.
            self._server.socket = ca.server_context().wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        port: int = self._server.server_address[1]
        self.url = f"{'http' if ca is None else 'https'}://localhost:{port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def seed(apps: list[str]) -> dict[str, Any]:
    """Return the tenant of docs/sdks-browser.md, with these applications' pages in place of its one."""
    [text] = re.findall(r"^```yaml\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    made: dict[str, Any] = yaml.safe_load(text)
    pages = [f"{app}/{name}" for app in apps for name in SCRIPTS]
    for client in made["clients"]:
        assert {APP} == {*client["web_origins"], *client["allowed_origins"], *client["allowed_logout_urls"]}
        client |= {"callbacks": pages, "allowed_logout_urls": pages}
        client |= {"web_origins": apps, "allowed_origins": apps}
    return made


def fingerprint(port: int) -> str:
    """Return the hash of a server's public key, as Chromium's option wants it."""
    certificate = x509.load_pem_x509_certificate(ssl.get_server_certificate(("localhost", port)).encode())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


@contextmanager
def started(modules: Path, state: Path, chromium: str) -> Iterator[World]:
    """Serve tenant and pages, and run Chromium, which trusts these servers."""
    ca = CertificateAuthority(state)
    packages = {"": modules, "locks": bundles(modules), "pages": PAGES}
    with (
        closing(Apps(packages, ca)) as apps,
        closing(Apps(packages, None)) as plain,
        MockIdp(seed([apps.url, plain.url]), state_dir=state) as idp,
        sync_playwright() as playwright,
    ):
        keys = ",".join(fingerprint(urlsplit(url).port or 0) for url in (apps.url, idp.https_url))
        trusted = f"--ignore-certificate-errors-spki-list={keys}"
        browser = playwright.chromium.launch(executable_path=chromium, args=[*ARGUMENTS, trusted])
        yield World(idp, apps.url, plain.url, browser)
        browser.close()


def bundles(modules: Path) -> Path:
    """Return the directory with Lock's bundles, made once for the installed packages."""
    script = modules.parent / "bundle.mjs"
    done = modules / f".locks-{hashlib.sha256(script.read_bytes()).hexdigest()[:16]}"
    with script.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            made = modules / ".locks-unfinished"
            subprocess.run(["node", script, made], check=True, timeout=120)
            made.rename(done)
    return done


@dataclass(frozen=True)
class World:
    """What runs for the tests of one module."""

    idp: MockIdp
    app: str
    plain: str
    browser: Browser


class Visit:
    """One browser at the application's pages; `errors` are the scripts' uncaught ones."""

    def __init__(self, world: World, context: BrowserContext) -> None:
        self.idp = world.idp
        self.app = world.app
        context.set_default_timeout(10_000)  # milliseconds
        self.page = context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, name: str) -> str:
        """Go to a client's page and return its URL."""
        url = f"{self.app}/{name}"
        self.page.goto(url)
        return url

    def run(self, script: str, **values: Any) -> Any:
        """Run a function body in the page, with `domain`, `here` and the values as variables."""
        given = {
            "domain": self.idp.domain,
            "here": self.page.url.partition("#")[0].partition("?")[0],
            **values,
        }
        body = f"async ({{ {', '.join(given)} }}) => {{ {script} }}"
        return self.page.evaluate(body, given)

    def leave(self, script: str, **values: Any) -> None:
        """Run a function body that navigates away, and wait until that is done."""
        before = self.page.url
        self.run(f"setTimeout(async () => {{ {script} }}, 0);", **values)
        self.page.wait_for_url(lambda url: url != before)

    def log_in(self, user: Mapping[str, str] = ALICE, page: Page | None = None) -> None:
        """Fill in the login page that is shown."""
        form = page or self.page
        form.fill("#username", user["email"])
        form.fill("#password", user["password"])
        form.click("button[data-action-button-primary=true]")

    def back(self, name: str) -> dict[str, str]:
        """Wait until the client's page got an answer in its URL, and return that."""
        self.page.wait_for_url(lambda url: url.startswith(f"{self.app}/{name}") and bool(answer_in(url)))
        return answer_in(self.page.url)


def answer_in(url: str) -> dict[str, str]:
    """Return the parameters in a URL's fragment, or else in its query."""
    parts = urlsplit(url)
    return dict(parse_qsl(parts.fragment or parts.query))
