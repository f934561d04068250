"""What pages are shown in tests: a sample context for every template, and a reader of the HTML."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise

BASE: dict[str, object] = {"lang": "en", "tenant_name": "Acme", "action": "/u/login?state=s1", "state": "s1"}
SOCIALS = [
    {"name": "google-oauth2", "display_name": "Google", "strategy": "google-oauth2"},
    {"name": "hub", "display_name": "GitHub", "strategy": "github"},
]
ADA = {"user_id": "auth0|1", "name": "Ada", "email": "ada@example.com", "connection": "users"}
BOB = {"user_id": "auth0|2", "name": "Bob", "email": "bob@example.com", "connection": "users"}

CONTEXTS: dict[str, dict[str, object]] = {
    "login.html": BASE
    | {
        "client_name": "Shop",
        "username": "ada@example.com",
        "error": "Wrong email or password",
        "database": {"name": "users", "username_label": "Email address"},
        "passwordless": None,
        "socials": SOCIALS,
        "seeded_users": [ADA, BOB],
        "signup_url": "/u/signup?state=s1",
        "forgot_url": "/u/reset-password/request/users?state=s1",
        "organization": "Globex",
        "linking": None,
        "invitation": None,
    },
    "signup.html": BASE
    | {
        "client_name": "Shop",
        "email": "ada@example.com",
        "username": "ada",
        "error": "Weak",
        "policy": ["At least 8 characters in length"],
        "login_url": "/u/login?state=s1",
        "socials": SOCIALS,
        "invitation": None,
    },
    "consent.html": BASE
    | {
        "client_name": "Shop",
        "user_name": "Ada",
        "scopes": [{"value": "openid", "description": "Know who you are"}],
        "audience_name": "Orders",
    },
    "upstream.html": {
        "lang": "en",
        "connection_name": "google-oauth2",
        "display_name": "Google",
        "strategy": "google",
        "action": "/login/callback",
        "state": "s1",
        "identities": [ADA | {"picture": None}, BOB | {"picture": "https://cdn.example/bob.png"}],
        "error": "No such identity",
    },
    "error.html": {
        "lang": "en",
        "error": "invalid_request",
        "description": "Unknown client",
        "tracking": "t1",
    },
    "form_post.html": {
        "nonce": "bm9uY2U=",
        "action": "https://app.example/cb",
        "fields": [("code", "c1"), ("submit", "x")],
    },
    "logout.html": BASE,
    "message.html": {
        "lang": "en",
        "tenant_name": "Acme",
        "title": "Email verified",
        "message": "Thank you.",
        "link": {"href": "https://app.example/", "text": "Back"},
    },
    "reset_password.html": {
        "lang": "en",
        "tenant_name": "Acme",
        "action": "/u/reset-verify",
        "ticket": "t1",
        "email": "ada@example.com",
        "error": "Weak",
        "policy": ["At least 8 characters in length"],
    },
    "mail.html": {
        "lang": "en",
        "message": {
            "subject": "Verify your email",
            "kind": "verify_email",
            "to": "ada@example.com",
            "paragraphs": [
                [
                    {"text": "Your code is ", "url": None, "is_code": False},
                    {"text": "123456", "url": None, "is_code": True},
                ],
                [
                    {
                        "text": "Verify",
                        "url": "https://idp.example/u/email-verification?ticket=t#",
                        "is_code": False,
                    }
                ],
            ],
        },
    },
    "unblock.html": {
        "lang": "en",
        "tenant_name": "Acme",
        "action": "/u/brute-force-protection-unblock",
        "ticket": "t1",
        "nonce": "bm9uY2U=",
    },
    "forgot_password.html": BASE | {"email": "ada@example.com", "error": "No"},
    "passwordless_challenge.html": {
        "lang": "en",
        "client_name": "Shop",
        "action": "/u/login/passwordless-email-challenge?state=s1",
        "state": "s1",
        "by_mail": True,
        "address": "ada@example.com",
        "edit_url": "/u/login/identifier?state=s1",
        "error": "Code is invalid",
    },
    "mfa_email_challenge.html": BASE | {"email_masked": "a**@example.com", "error": "No"},
}
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}</style></title>"

Attributes = dict[str, str]


class Document(HTMLParser):
    """The elements of a page in document order, and its text without style and script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, Attributes]] = []
        self.raw: dict[str, str] = {}
        self._pieces: list[str] = []
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        if self._inside in ("style", "script", "title"):
            self.raw[self._inside] = self.raw.get(self._inside, "") + data
        else:
            self._pieces.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    @property
    def text(self) -> str:
        return " ".join("".join(self._pieces).split())

    @property
    def shape(self) -> list[tuple[str, list[str]]]:
        return [(tag, sorted(attributes)) for tag, attributes in self.elements]

    def all(self, tag: str, **wanted: str) -> list[Attributes]:
        return [a for t, a in self.elements if t == tag and wanted.items() <= a.items()]

    def forms(self) -> Iterator[tuple[Attributes, list[tuple[str, Attributes]]]]:
        starts = [i for i, (tag, _) in enumerate(self.elements) if tag == "form"]
        for start, end in pairwise([*starts, len(self.elements)]):
            yield self.elements[start][1], self.elements[start + 1 : end]
