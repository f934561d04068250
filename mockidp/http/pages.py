"""The HTML pages a person sees (/u/*, error pages, form_post): rendered and sealed against injection.

A page is one response: the stylesheet and the icon are in it, and the Content-Security-Policy allows
these alone (by hash). https://auth0.com/docs/authenticate/login/auth0-universal-login
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from werkzeug.wrappers import Response

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

_HERE = Path(__file__).parent
_UNSAFE_SCHEMES = frozenset({"about", "blob", "data", "file", "filesystem", "javascript", "vbscript"})
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_NONCE = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_BLANK_OR_CONTROL = re.compile(r"[\x00-\x20\x7f]")


def page(
    template: str,
    *,
    status: int = 200,
    nonce: str | None = None,
    form_targets: Iterable[str] = (),
    frameable: bool = False,
    **context: object,
) -> Response:
    """Render http/templates/`template` with `context`: all of it is escaped, a missing name is an error.

    nonce: for a page with a script (form_post, web_message); also given to the template. Base64 or base64url.
    form_targets: where the way may lead after a form; only a custom scheme (`com.acme.app:`) counts.
    frameable: may another site show the page in a frame (web_message)?
    """
    if nonce is not None:
        if not _NONCE.fullmatch(nonce):
            raise ValueError(f"not a CSP nonce: {nonce!r}")
        context["nonce"] = nonce
    response = Response(
        render(template, context),
        status,
        content_type="text/html; charset=utf-8",
        headers={
            "Cache-Control": "no-store",
            "Content-Security-Policy": _policy(nonce, form_targets, frameable),
            "Referrer-Policy": "strict-origin",
            "X-Content-Type-Options": "nosniff",
        },
    )
    if not frameable:
        response.headers["X-Frame-Options"] = "deny"
    return response


def render(template: str, context: Mapping[str, object]) -> str:
    """Return http/templates/`template` filled with `context`, escaped."""
    return _environment().get_template(template).render(context)


def error_page(error: str, description: str, *, status: int = 400, tracking: str = "") -> Response:
    """Answer with Auth0's "Oops!, something went wrong", for errors that can't go back to the application."""
    return page(
        "error.html", status=status, lang="en", error=error, description=description, tracking=tracking
    )


def _policy(nonce: str | None, form_targets: Iterable[str], frameable: bool) -> str:
    schemes = dict.fromkeys(scheme for target in form_targets if (scheme := _custom_scheme(target)))
    directives = [
        "default-src 'none'",
        f"style-src 'self' 'sha256-{_style_hash()}'",
        "img-src 'self' data:",
        # Chromium checks every redirect after a form, the application's own behind its callback too.
        " ".join(["form-action 'self' http: https:", *schemes]),
        "base-uri 'none'",
    ]
    if nonce is not None:
        directives.append(f"script-src 'nonce-{nonce}'")
    if not frameable:
        directives.append("frame-ancestors 'none'")
    return "; ".join(directives)


def _custom_scheme(target: str) -> str | None:
    """Return `scheme:` when the target is a native app's, built from checked parts only."""
    scheme, colon, _ = target.partition(":")
    scheme = scheme.lower()
    custom = colon and _SCHEME.fullmatch(scheme) and scheme not in _UNSAFE_SCHEMES | {"http", "https"}
    return f"{scheme}:" if custom else None


def _url(value: object) -> str:
    """Jinja filter: a URL fit for href and action, `about:invalid` where it would run a script."""
    text = str(value)
    scheme, colon, _ = _BLANK_OR_CONTROL.sub("", text).partition(":")
    return "about:invalid" if colon and scheme.lower() in _UNSAFE_SCHEMES else text


@cache
def _style_hash() -> str:
    return b64encode(sha256(_stylesheet().encode()).digest()).decode()


@cache
def _stylesheet() -> str:
    return (_HERE / "static" / "pages.css").read_text(encoding="utf-8")


@lru_cache(maxsize=1000)
def _glyph(strategy: str, label: str) -> Markup:
    """Return the sign beside a connection or a user."""
    from markupsafe import Markup

    return Markup(render("glyph.html", {"strategy": strategy, "label": label}))


@lru_cache(maxsize=1000)
def _person(
    field: str,
    verb: str,
    user_id: str,
    name: str | None,
    email: str | None,
    picture: str = "",
    connection: str = "",
) -> Markup:
    """Return the button to go on as a user, who is on every login page."""
    from markupsafe import Markup

    context = {"name": name, "email": email, "picture": picture, "connection": connection}
    return Markup(render("person.html", {"field": field, "verb": verb, "user_id": user_id, **context}))


@cache
def _environment() -> jinja2.Environment:
    import jinja2  # costs 45 ms, and most tests never see a page
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    mark = (_HERE / "static" / "mark.svg").read_text(encoding="utf-8")
    environment.filters["url"] = _url
    environment.filters["sum_of_bytes"] = lambda text: sum(str(text).encode())  # picks a stable colour
    environment.globals.update(
        stylesheet=Markup(_stylesheet()),
        mark=Markup(mark),
        icon=f"data:image/svg+xml,{quote(mark)}",
        glyph=_glyph,
        person=_person,
    )
    return environment
