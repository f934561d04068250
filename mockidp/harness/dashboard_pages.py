"""How the dashboard's pages are made: the frame around each, its policy, and the two files they load."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from werkzeug.wrappers import Response

from mockidp import __version__
from mockidp.clock import is_real, iso
from mockidp.errors import not_found
from mockidp.http import pages
from mockidp.http.routing import Call
from mockidp.model.tenant import Tenant

STATIC = "/_mockidp/static"
FILES = {"dashboard.css": "text/css; charset=utf-8", "dashboard.js": "text/javascript; charset=utf-8"}
_FOLDER = Path(pages.__file__).parent / "static"
_POLICY = "; ".join(
    [
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",  # a page that opens the dashboard gets no hold of its window
    "Referrer-Policy": "same-origin",  # `no-referrer` would make the Origin of our own forms `null`
    "X-Frame-Options": "deny",
}
DONE = {
    "login-as": "That user answers the login pages from now on.",
    "login-pages": "The login pages are shown again.",
    "link": "The accounts are linked.",
    "unlink": "The identity is an account of its own again.",
    "clock": "The clock is set.",
    "reset": "Everything is as in the seed.",
}


def dashboard_page(template: str, status: int = 200, **context: object) -> Response:
    """Render a page of the dashboard; a missing name is an error, and every value is escaped."""
    html = pages.render(f"dashboard/{template}", context)
    return Response(html, status, content_type="text/html; charset=utf-8", headers=_HEADERS)


def frame(call: Call, tenant: Tenant) -> dict[str, object]:
    """Return what the frame of every page shows."""
    now = tenant.clock.now()
    return {
        "version": __version__,
        "tenant_name": tenant.settings.friendly_name or "",
        "issuer": call.issuer,
        "epoch": now,
        "now": f"{iso(now)[:19].replace('T', ' ')} UTC",
        "now_iso": f"{iso(now)[:19]}Z",
        "rate": tenant.clock.state().rate,
        "is_real": is_real(tenant.clock),
        "done": DONE.get(call.request.args.get("done", "")),
        "here": _target(call),
        "css": f"{STATIC}/dashboard.css?{_digest('dashboard.css')}",
        "js": f"{STATIC}/dashboard.js?{_digest('dashboard.js')}",
    }


def _target(call: Call) -> str:
    """Return the page's own path and query; of a form's answer, the page that the form was on."""
    if call.request.method == "POST":
        return call.request.form.get("back", "")
    path, query = quote(call.request.path), call.request.query_string.decode("latin-1")
    return f"{path}?{query}" if query else path


def static_file(call: Call) -> Response:
    """Return the stylesheet or the script; their URLs change with them."""
    name = call.path["name"]
    if name not in FILES:
        raise not_found()
    response = Response(_content(name), content_type=FILES[name])
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


@cache
def _content(name: str) -> bytes:
    text = (_FOLDER / name).read_text(encoding="utf-8")
    if name == "dashboard.css":  # the colours are those of the login pages
        colours, _, _ = (_FOLDER / "pages.css").read_text(encoding="utf-8").partition("/* ── the page ── */")
        text = colours + text
    return text.encode()


@cache
def _digest(name: str) -> str:
    return sha256(_content(name)).hexdigest()[:12]
