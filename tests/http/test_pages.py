"""http/pages.py and its templates: what the browser gets, read with an HTML parser as a browser would."""

from __future__ import annotations

import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from itertools import count
from pathlib import Path

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_samples import ADA, BASE, CONTEXTS, HOSTILE, Document

from mockidp.http.pages import error_page, page

STATIC = Path(__file__).parents[2] / "mockidp" / "http" / "static"


def render(template: str, **changes: object) -> Document:
    return Document(page(template, **(CONTEXTS[template] | changes)).get_data(as_text=True))  # type: ignore[arg-type]


def policy(**options: object) -> dict[str, list[str]]:
    header = page("logout.html", **BASE, **options).headers["Content-Security-Policy"]  # type: ignore[arg-type]
    return {name: sources for name, *sources in (directive.split() for directive in header.split(";"))}


def poisoned(value: object, serial: Iterator[int]) -> object:
    match value:
        case str():
            return f"{HOSTILE}{next(serial)}"
        case dict():
            return {key: poisoned(item, serial) for key, item in value.items()}
        case list() | tuple():
            return [poisoned(item, serial) for item in value]
    return value


each_template = pytest.mark.parametrize("template", CONTEXTS)


def test_every_template_is_in_the_table() -> None:
    """A new page can't escape these tests."""
    shared = {"base.html", "macros.html", "glyph.html", "person.html"}
    shared |= {"web_message.html", "relay.html", "popup.html"}  # only scripts
    shared.add("dashboard")  # tests/harness/test_dashboard.py
    assert {path.name for path in (STATIC.parent / "templates").iterdir()} - shared == set(CONTEXTS)


@each_template
def test_page_has_landmarks(template: str) -> None:
    """One main, one h1, a title and the language: what a screen reader announces first."""
    document = render(template)
    counted = [len(document.all(tag)) for tag in ("html", "title", "main", "h1")]
    assert counted == [1, 1, 1, 1]
    assert document.raw["title"].strip()
    assert document.all("html", lang="en")
    assert document.all("meta", name="viewport")


@each_template
def test_every_input_has_a_label_and_ids_are_sound(template: str) -> None:
    """Each visible input has a label; ids are unique; what describes a field is on the page."""
    document = render(template)
    labels = {label["for"] for label in document.all("label")}
    visible = [i for i in document.all("input") if i.get("type") != "hidden" and "hidden" not in i]
    assert [i for i in visible if i["id"] not in labels] == []
    assert [i for i in visible if "autocomplete" not in i and i["type"] != "checkbox"] == []
    ids = [attributes["id"] for _, attributes in document.elements if "id" in attributes]
    assert sorted(set(ids)) == sorted(ids)
    named = " ".join(
        attributes.get("aria-describedby", "") + " " + attributes.get("aria-labelledby", "")
        for _, attributes in document.elements
    )
    assert set(named.split()) <= set(ids)


@each_template
def test_forms_work_without_scripts(template: str) -> None:
    """Every form posts, carries its hidden handle, and has a real submit button with a name."""
    for attributes, inside in render(template).forms():
        assert attributes["method"] == "post"
        assert attributes["action"]
        hidden = [a["name"] for tag, a in inside if tag == "input" and a.get("type") == "hidden"]
        buttons = [a for tag, a in inside if tag == "button"]
        assert buttons
        assert all(button["type"] == "submit" for button in buttons)
        if template != "form_post.html":
            assert hidden == ["ticket" if "ticket" in CONTEXTS[template] else "state"]
            assert all({"name", "value"} <= set(button) for button in buttons)


@each_template
def test_untrusted_strings_stay_text(template: str) -> None:
    """A page whose every string is an injection has the very elements and attributes of the harmless page."""
    serial = count()
    context: dict[str, object] = {
        key: value if key == "nonce" else poisoned(value, serial) for key, value in CONTEXTS[template].items()
    }
    hostile = render(template, **context)
    assert hostile.shape == render(template).shape
    assert "49" not in hostile.text.replace("{{ 7 * 7 }}", "")


@each_template
def test_page_needs_nothing_from_elsewhere(template: str) -> None:
    """No outside asset, no inline handler, no style attribute; a script only with a nonce."""
    for tag, attributes in render(template).elements:
        loaded = attributes.get("src", "") + (attributes["href"] if tag == "link" else "")
        assert loaded == "" or loaded.startswith("data:image/svg+xml,")
        assert [name for name in attributes if name == "style" or name.startswith("on")] == []
        assert tag != "script" or attributes == {"nonce": "bm9uY2U="}


@pytest.mark.parametrize(
    ("template", "missing"), [(template, key) for template, context in CONTEXTS.items() for key in context]
)
def test_a_missing_string_is_an_error(template: str, missing: str) -> None:
    """A caller that forgets a piece of context hears of it, instead of showing a hole."""
    context = {key: value for key, value in CONTEXTS[template].items() if key != missing}
    with pytest.raises(jinja2.UndefinedError, match=missing):
        page(template, **context)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", " JavaScript:alert(1)", "java\nscript:alert(1)", "data:text/html,x"]
)
def test_scripts_in_urls_are_disarmed(url: str) -> None:
    """A URL that would run a script becomes about:invalid, wherever it is put."""
    login = render("login.html", action=url, signup_url=url, forgot_url=url)
    urls = [a.get("action") or a.get("href") for tag, a in login.elements if tag in ("a", "form")]
    assert set(urls) == {"about:invalid"}
    assert render("message.html", link={"href": url, "text": "Back"}).all("a")[0]["href"] == "about:invalid"
    assert render("form_post.html", action=url).all("form")[0]["action"] == "about:invalid"


def test_harmless_urls_are_kept() -> None:
    """Relative, absolute and custom-scheme URLs reach the page as they are."""
    for url in ("/u/login?state=a&b=javascript:c", "https://app.example/?a=1&b=2", "com.acme.app://cb"):
        assert render("message.html", link={"href": url, "text": "Back"}).all("a")[0]["href"] == url


def test_headers() -> None:
    """A page is UTF-8 HTML that is not stored, sniffed, framed or named in a Referer."""
    headers = dict(page("logout.html", **BASE, status=403).headers)  # type: ignore[arg-type]
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "strict-origin"
    assert headers["X-Frame-Options"] == "deny"
    assert page("logout.html", **BASE, status=403).status_code == 403  # type: ignore[arg-type]


def test_policy_allows_the_inlined_stylesheet_and_nothing_else() -> None:
    """The policy names the hash of exactly what is in <style>, and no script."""
    style = render("logout.html").raw["style"]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert policy() == {
        "default-src": ["'none'"],
        "style-src": ["'self'", f"'sha256-{digest}'"],
        "img-src": ["'self'", "data:"],
        "form-action": ["'self'", "http:", "https:"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }


def test_nonce_is_in_the_policy_and_on_the_script() -> None:
    """The page's one script runs because its nonce is the header's."""
    response = page("form_post.html", **CONTEXTS["form_post.html"])  # type: ignore[arg-type]
    assert "script-src 'nonce-bm9uY2U='" in response.headers["Content-Security-Policy"]
    assert Document(response.get_data(as_text=True)).all("script", nonce="bm9uY2U=")


@pytest.mark.parametrize("nonce", ["", "a b", "a'; script-src *", "a\r\nX: y", "é", "a\n"])
def test_a_nonce_that_could_break_the_header_is_refused(nonce: str) -> None:
    """A nonce is made by our own code, so a bad one is a bug and raises."""
    with pytest.raises(ValueError, match="nonce"):
        policy(nonce=nonce)


def test_frameable_page_may_be_framed() -> None:
    """web_message pages live in an application's hidden frame."""
    response = page("logout.html", **BASE, frameable=True)  # type: ignore[arg-type]
    assert "X-Frame-Options" not in response.headers
    assert "frame-ancestors" not in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("https://app.example.com/callback?a=b;c,d#e", []),
        ("com.acme.app:", ["com.acme.app:"]),
        ("Com.Acme.App://callback/x", ["com.acme.app:"]),
        ("", []),
        ("*", []),
        ("https://a.example;script-src", []),
        ("a b:", []),
        ("x;script-src:", []),
        ("'unsafe-inline'", []),
        ("javascript:alert(1)", []),
        ("data:text/html,x", []),
        ("//a.example", []),
    ],
)
def test_form_targets(target: str, expected: list[str]) -> None:
    """A native app's scheme joins form-action; what is no such thing is left out."""
    assert policy(form_targets=[target])["form-action"] == ["'self'", "http:", "https:", *expected]


@given(st.lists(st.text() | st.from_regex(r"https?://[ -~]*|[a-z.]+:[ -~]*", fullmatch=True)))
def test_no_form_target_can_change_another_directive(targets: list[str]) -> None:
    """Whatever a redirect_uri is, the directives stay, and form-action holds well-formed sources only."""
    changed = policy(form_targets=targets)
    _, *sources = changed.pop("form-action")
    expected = policy()
    del expected["form-action"]
    assert changed == expected
    assert [s for s in sources if not re.fullmatch(r"[a-z][a-z0-9+.-]*:", s)] == []


def test_error_page() -> None:
    """Errors that must not redirect: heading, `error: description` in one piece, tracking id."""
    response = error_page("invalid_request", "Unknown client: <x>", status=403, tracking="t0")
    assert response.status_code == 403
    assert "<code>invalid_request: Unknown client: &lt;x&gt;</code>" in response.get_data(as_text=True)
    document = Document(response.get_data(as_text=True))
    assert "Oops!, something went wrong" in document.text
    assert "Tracking id t0" in document.text
    plain = error_page("a", "b")
    assert plain.status_code == 400
    assert "Tracking" not in plain.get_data(as_text=True)


def test_login_page_has_what_testers_look_for() -> None:
    """Element ids, names and values that browser tests written against the real login page use."""
    document = render("login.html")
    (username,) = document.all(
        "input", id="username", name="username", autocomplete="username", inputmode="email"
    )
    (password,) = document.all(
        "input", id="password", name="password", type="password", autocomplete="current-password"
    )
    assert document.all(
        "button", type="submit", name="action", value="default", **{"data-action-button-primary": "true"}
    )
    assert username["value"] == "ada@example.com"
    assert "value" not in password
    assert [b["value"] for b in document.all("button", name="connection")] == ["google-oauth2", "hub"]
    assert [b["value"] for b in document.all("button", name="seeded_user")] == ["auth0|1", "auth0|2"]
    assert "Continue with Google" in document.text


def test_login_error_is_announced_and_tied_to_the_fields() -> None:
    """The refusal is an alert that both fields point at; without a refusal there is no trace of one."""
    document = render("login.html")
    assert document.all("span", id="error-element-password")
    assert document.all("div", role="alert")
    described = document.all(
        "input", **{"aria-describedby": "error-element-password", "aria-invalid": "true"}
    )
    assert [field["id"] for field in described] == ["username", "password"]
    quiet = render("login.html", error=None)
    assert [a for _, a in quiet.elements if a.get("role") == "alert" or "aria-invalid" in a] == []


def test_login_shows_only_what_there_is() -> None:
    """Without a database connection there is no password field, and an error is still shown."""
    document = render("login.html", database=None, socials=[], seeded_users=[], organization=None)
    assert list(document.forms()) == []
    assert "Wrong email or password" in document.text


def test_login_may_ask_for_an_address_alone() -> None:
    """Where a code is sent: one field, its refusal tied to it, and the buttons of other connections below."""
    asked = {"label": "Phone number", "autocomplete": "tel"}
    document = render("login.html", database=None, passwordless=asked)
    (field,) = document.all("input", id="username", name="username", autocomplete="tel", inputmode="tel")
    assert field["aria-describedby"] == "error-element-username"
    assert document.all("span", id="error-element-username")
    assert not document.all("input", id="password")
    assert [b["value"] for b in document.all("button", name="connection")] == ["google-oauth2", "hub"]
    assert "Phone number" in document.text


def test_login_for_linking_says_so() -> None:
    """A second login that adds an identity is titled differently and names the account."""
    document = render("login.html", linking="Ada Lovelace")
    assert document.raw["title"] == "Link another account | Shop"
    assert "link to Ada Lovelace" in document.text
    assert render("login.html", linking=HOSTILE).shape == document.shape


def test_signup_without_usernames_has_no_username_field() -> None:
    """Most connections identify by email alone."""
    assert not render("signup.html", username=None).all("input", id="username")
    assert render("signup.html", username="").all("input", id="username")


@pytest.mark.parametrize("template", ["consent.html", "logout.html"])
def test_decisions_are_accept_and_deny(template: str) -> None:
    """The values that the endpoints read."""
    assert [b["value"] for b in render(template).all("button", name="action")] == ["accept", "deny"]


def test_upstream_offers_known_new_and_deny() -> None:
    """A button per identity, a form for a new one, and refusal; outside pictures are not loaded."""
    document = render("upstream.html")
    assert [b["value"] for b in document.all("button", name="user")] == ["auth0|1", "auth0|2"]
    assert [b["value"] for b in document.all("button", name="action")] == ["create", "deny"]
    names = [i["name"] for i in document.all("input") if i.get("type") != "hidden"]
    assert names == ["email", "name", "id", "email_verified"]
    assert "checked" in document.all("input", name="email_verified")[0]
    assert document.all("img") == []
    pictured = render("upstream.html", identities=[ADA | {"picture": "data:image/png;base64,AAAA"}])
    assert pictured.all("img", src="data:image/png;base64,AAAA", alt="")


@pytest.mark.parametrize("template", ["mfa_email_challenge.html", "passwordless_challenge.html"])
def test_challenge_can_be_resent_without_a_code(template: str) -> None:
    """The resend button skips the browser's check of the required code."""
    document = render(template)
    assert document.all("input", id="code", inputmode="numeric", autocomplete="one-time-code")
    assert "formnovalidate" in document.all("button", value="resend")[0]


def test_importing_pages_does_not_import_jinja() -> None:
    """Jinja costs 45 ms, which a test without a browser must not pay."""
    program = "import sys, mockidp.http.pages; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=STATIC.parents[2], check=False).returncode == 0
