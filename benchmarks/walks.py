"""Logins as a browser walks them: redirects, cookies and forms, each request timed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from benchmarks.http1 import Answer, Client

CALLBACK = "http://localhost:3000/callback"
VERIFIER = "a-verifier-of-the-forty-three-characters-that-PKCE-asks-for"
LONGEST = 15  # requests, before a walk counts as lost


class Lost(Exception):
    """A login did not get through; the message says where it ended."""


@dataclass(frozen=True)
class Page:
    """A page that somebody sees: its URL, and its first form that has what is typed."""

    target: str
    action: str
    fields: dict[str, str]


@dataclass(frozen=True)
class Login:
    """How somebody logs in at one product: its endpoints, the client, and what is typed into the forms.

    `posted` is sent to the authorization endpoint in place of GET; `more` goes beside the usual parameters;
    `signatures` is how many JWTs a login gets; `submit` says what a page's script would send.
    """

    authorize: str
    token: str
    userinfo: str
    client_id: str
    client_secret: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    posted: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, str] = field(default_factory=dict)
    pkce: bool = False
    signatures: int = 1
    submit: Callable[[Page, Login], tuple[str, dict[str, str]]] | None = None

    @property
    def target(self) -> str:
        """The authorization request."""
        usual = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "scope": "openid email",
            "state": "s",
        }
        if self.pkce:
            digest = hashlib.sha256(VERIFIER.encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            usual |= {"code_challenge": challenge, "code_challenge_method": "S256"}
        return f"{self.authorize}?{urlencode({**usual, **self.more})}"


@dataclass(frozen=True)
class Walked:
    """A finished login: its requests, the seconds they took together, and the tokens."""

    requests: int
    seconds: float
    tokens: dict[str, object]


class _Forms(HTMLParser):
    """The forms of a page: action and fields, a submit button's own value included."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((values.get("action", ""), {}))
        elif tag in ("input", "button") and self.found and values.get("name"):
            self.found[-1][1].setdefault(values["name"], values.get("value", ""))


class _Walk:
    """A browser with cookies of its own on a connection that is kept."""

    def __init__(self, client: Client, login: Login) -> None:
        self.client, self.login = client, login
        self.cookies: dict[str, str] = {}
        self.requests, self.seconds = 0, 0.0

    def send(self, target: str, form: Mapping[str, str] | None, headers: dict[str, str]) -> Answer:
        if self.requests >= LONGEST:
            raise Lost(f"no end after {LONGEST} requests: {target}")
        if form is None:
            answer = self.client.get(target, headers)
        else:
            answer = self.client.post(target, dict(form), headers)
        self.requests += 1
        self.seconds += answer.seconds
        return answer

    def browse(self, target: str, form: Mapping[str, str] | None = None) -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.send(target, form, {"Cookie": cookies} if cookies else {})
        for line in answer.headers.get("set-cookie", ()):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def code(self) -> str:
        """Walk until the application's callback, and return its code."""
        target = self.login.target
        answer = self.browse(target, self.login.posted or None)
        while True:
            if 300 <= answer.status < 400:
                target = urljoin(target, answer.header("location"))
                if target.startswith(CALLBACK):
                    return _code(target)
                target = _local(target)
                answer = self.browse(target)
            elif answer.status == 200:
                action, form = self._submitted(target, answer)
                target = _local(urljoin(target, action))
                answer = self.browse(target, form)
            else:
                raise Lost(f"{answer.status} at {target}: {answer.text[:300]}")

    def _submitted(self, target: str, answer: Answer) -> tuple[str, dict[str, str]]:
        page = _page(target, answer.text, self.login.typed)
        if self.login.submit is not None:
            return self.login.submit(page, self.login)
        typed = {name: value for name, value in self.login.typed.items() if name in page.fields}
        return page.action or target, {**page.fields, **typed}

    def tokens(self, code: str) -> dict[str, object]:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        form["client_id"] = self.login.client_id
        if self.login.client_secret:
            form["client_secret"] = self.login.client_secret
        if self.login.pkce:
            form["code_verifier"] = VERIFIER
        answer = self.send(self.login.token, form, {})
        if answer.status != 200:
            raise Lost(f"{answer.status} at {self.login.token}: {answer.text[:300]}")
        parsed = json.loads(answer.body)
        return dict(parsed)

    def userinfo(self, access_token: object) -> None:
        answer = self.send(self.login.userinfo, None, {"Authorization": f"Bearer {access_token}"})
        if answer.status != 200 or "sub" not in answer.text:
            raise Lost(f"{answer.status} at {self.login.userinfo}: {answer.text[:300]}")


def walk_pages(client: Client, login: Login) -> Walked:
    """Log in by the pages: authorize, page, post, …, callback; then token and userinfo. Raises `Lost`."""
    walk = _Walk(client, login)
    tokens = walk.tokens(walk.code())
    walk.userinfo(tokens["access_token"])
    return Walked(walk.requests, walk.seconds, tokens)


def walk_direct(client: Client, login: Login) -> Walked:
    """Log in without a page: authorize, callback; then token. Raises `Lost` when more requests are needed."""
    walk = _Walk(client, login)
    tokens = walk.tokens(walk.code())
    if walk.requests != 2:
        raise Lost(f"{walk.requests} requests: it went by a page")
    return Walked(walk.requests, walk.seconds, tokens)


def simulator_page(page: Page, login: Login) -> tuple[str, dict[str, str]]:
    """Return what auth0.js sends from the simulator's page; the forms after that one as they are."""
    if not page.target.startswith("/login?"):
        return page.action, page.fields
    query = dict(parse_qsl(urlsplit(page.target).query))
    named = {
        "client_id": query["client"],
        "tenant": "localhost",
        "connection": "Username-Password-Authentication",
    }
    kept: dict[str, str] = {
        name: query[name] for name in ("redirect_uri", "scope", "state", "nonce", "audience") if name in query
    }
    return "/usernamepassword/login", {**kept, **named, "response_type": "code", **login.typed}


def signed(tokens: Mapping[str, object]) -> int:
    """Return how many of the tokens are RS256 JWTs."""
    return sum(header(token).get("alg") == "RS256" for token in tokens.values() if isinstance(token, str))


def header(token: str) -> dict[str, object]:
    """Return a JWT's header; nothing when it is none."""
    first = token.split(".")[0] if token.count(".") == 2 else ""
    try:
        parsed = json.loads(decoded(first))
    except (ValueError, binascii.Error):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def decoded(text: str) -> bytes:
    """Return what base64url without padding holds."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text: str) -> int:
    """Return a number of a JWK."""
    return int.from_bytes(decoded(text), "big")


def _page(target: str, html: str, typed: Mapping[str, str]) -> Page:
    """Return the page with its first form that has a field to type into, or else its first form."""
    forms = _Forms()
    forms.feed(html)
    if not forms.found:
        raise Lost(f"no form at {target}: {html[:300]}")
    fitting = (form for form in forms.found if set(typed) & set(form[1]))
    action, fields = next(fitting, forms.found[0])
    return Page(target, action, fields)


def _local(url: str) -> str:
    """Return path and query: every request goes to the server that is measured."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _code(url: str) -> str:
    found = dict(parse_qsl(urlsplit(url).query))
    if "code" not in found:
        raise Lost(f"the callback has no code: {url}")
    return found["code"]
