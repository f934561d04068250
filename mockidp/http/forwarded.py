"""`Forwarded` (RFC 7239) and `X-Forwarded-Proto`, `-Host`, `-Port`: the URL that a proxy's client used.

Anybody can send these headers: they are read only where the one who started the server trusts its proxy
(`--trust-proxy`). Of several values the last counts, the nearest proxy's; `Forwarded` wins over the others.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

PROXY_HOST = "mockidp.proxy_host"  # in the environ: the Host that the proxy itself used
_PAIR = re.compile(r'(\w+)=("(?:\\.|[^"\\])*"|[^\s;,"]*)|(,)')


def read_forwarded(environ: WSGIEnvironment) -> None:
    """Let scheme and Host be those of the proxy's client."""
    said = _last_element(environ.get("HTTP_FORWARDED", ""))
    scheme = (said.get("proto") or _last(environ, "PROTO")).lower()
    host = said.get("host") or _last(environ, "HOST")
    port = "" if "host" in said else _last(environ, "PORT")
    if scheme in ("http", "https"):
        environ["wsgi.url_scheme"] = scheme
    if "HTTP_HOST" in environ:  # else only HTTP/1.0
        environ[PROXY_HOST] = environ["HTTP_HOST"]
        environ["HTTP_HOST"] = _with_port(host or environ["HTTP_HOST"], port)


def _last(environ: WSGIEnvironment, name: str) -> str:
    return str(environ.get(f"HTTP_X_FORWARDED_{name}", "")).rpartition(",")[2].strip()


def _last_element(header: str) -> dict[str, str]:
    """Return the parameters that the last proxy wrote, by their lower-case names."""
    element: dict[str, str] = {}
    for name, value, comma in _PAIR.findall(header):
        if comma:
            element = {}
        else:
            element[name.lower()] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value[:1] == '"' else value
    return element


def _with_port(host: str, port: str) -> str:
    if not port.isdecimal():
        return host
    name = host if host.endswith("]") or ":" not in host else host.rpartition(":")[0]
    return f"{name}:{port}"
