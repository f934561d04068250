"""The head of a request: header names, framing, target, and which tunnels are granted (RFC 9110, 9112)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

BODY_LIMIT = 4 * 1024 * 1024  # bytes
BAD_REQUEST = "400 Bad Request"
TOO_LARGE = ("413 Payload Too Large", f"request body over {BODY_LIMIT} bytes")
_AUTHORITY = re.compile(r"(\[[^]/?#@]{1,255}]|[^]:/?#@[]{1,255}):[0-9]{1,5}")


class Refused(Exception):
    """The application never sees this request: status line and message."""


@lru_cache(maxsize=1024)
def environ_key(name: bytes) -> str | None:
    """Return the CGI name of a header; None for one with `_`, which would pass for another with `-`."""
    key = name.decode("ascii").upper().replace("-", "_")
    if b"_" in name:
        return None
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_" + key


def check_framing(environ: dict[str, Any], version: str) -> bool:
    """Return whether the body comes in chunks; raises Refused (RFC 9112 sections 2.3, 3.2, 6.1)."""
    chunked = "HTTP_TRANSFER_ENCODING" in environ
    if version == "1.1" and "HTTP_HOST" not in environ:
        raise Refused(BAD_REQUEST, "HTTP/1.1 without a Host header")
    if version != "1.1":
        environ["SERVER_PROTOCOL"] = "HTTP/1.0"
        environ.pop("HTTP_EXPECT", None)
        if version != "1.0" or chunked:  # RFC 9112 section 6.1: no chunks before 1.1
            raise Refused(BAD_REQUEST, f"not a request of HTTP/{version}")
    if chunked and environ.pop("HTTP_TRANSFER_ENCODING").lower() != "chunked":
        raise Refused("501 Not Implemented", "Transfer-Encoding other than chunked")
    if int(environ.get("CONTENT_LENGTH", "0")) > BODY_LIMIT:
        raise Refused(*TOO_LARGE)
    return chunked


def read_target(environ: dict[str, Any], target: str) -> None:
    """Put the target into the environ: origin, absolute or asterisk form; raises Refused (RFC 9112 §3.2)."""
    environ["RAW_URI"] = environ["REQUEST_URI"] = target
    path, _, environ["QUERY_STRING"] = target.partition("?")
    if path[:1] != "/" and (path, environ["REQUEST_METHOD"]) != ("*", "OPTIONS"):
        scheme, _, rest = path.partition("://")
        authority, _, path = rest.partition("/")
        if scheme.lower() not in ("http", "https") or not authority:
            raise Refused(BAD_REQUEST, "the request target is neither a path nor an http URL")
        environ["HTTP_HOST"] = authority.rpartition("@")[2]  # RFC 9112 section 3.2.2: instead of Host's
        path = "/" + path
    environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1") if "%" in path else path


def check_tunnel(scheme: str, authority: str, serves: Callable[[str], bool]) -> None:
    """Grant CONNECT to what is served here; raises Refused (RFC 9110 section 9.3.6).

    The reason is in the status line too: of a refused tunnel, that is all that most clients show.
    """
    if not _AUTHORITY.fullmatch(authority):
        raise Refused(BAD_REQUEST, "CONNECT takes HOST:PORT")
    if scheme == "https":
        message = "the proxy's own URL must begin with http://, not https://"
    elif serves(authority):
        return
    else:
        message = (
            f"'{authority}' is not served here; allow its name with --allow-host or --domain, "
            "or except it with NO_PROXY"
        )
    raise Refused(f"403 Forbidden: {message}", message)
