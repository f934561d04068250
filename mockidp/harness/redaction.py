"""Redaction: what is printed or exported shows that a secret or a token was there, and not which.

A secret is known by its name (a parameter, a member, a header), a token also by its look. What stands in its
place is the same for the same secret, and says what helps to read on: whose token it is, or how long it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from urllib.parse import quote, unquote, unquote_plus

from mockidp import json
from mockidp.clock import iso
from mockidp.tokens.jws import InvalidToken, read_jws

# Names without `_` and `-` in lower case: those of RFC 6749, 7009, 7521, 7636 and OpenID Connect, of the
# tenant's own endpoints and pages, and of SAML.
_SECRETS = frozenset(
    {
        *("code", "codeverifier", "codechallenge", "coverifier", "devicecode", "usercode", "authreqid"),
        *("assertion", "clientassertion", "linkwith", "idtokenhint", "wresult", "samlresponse", "credential"),
        *("otp", "oobcode", "bindingcode", "recoverycode", "verificationcode"),
        *("ticket", "ticketid", "loginticket", "invitation"),
        *("passwordreset", "reenterpassword", "confirmnewpassword", "privatekey", "csrf"),
    }
)
_ENDINGS = ("password", "secret", "token")
_WIDTH = 80  # characters of a subject or audience

# -- where secrets are in a text --
_NAME = r"[\w-]+"
_WORD = re.compile(r"[a-z]+(_[a-z]+)*")  # `"code": "invalid_signup"` is an error, not a code
_TOKEN = re.compile(r"\beyJ[\w-]+(?:\.[\w-]*){2,4}")
_BEARER = re.compile(r"\b(Bearer|Basic|DPoP) +(?=\S*[\d=+/A-Z])([\w.~+/=-]{8,})")
_OPENING = re.compile(rf"""(?:(\\?["'])({_NAME})\1\s*:\s*|\b({_NAME})[= ])(\\?["'])""")
_NUMBER = re.compile(rf"\b({_NAME}) (\d{{4,}})\b")
_PLAIN = re.compile(rf"""\b({_NAME})=([^\s&#"'<>;]+)""")
_INPUT = re.compile(r"<input\b[^>]*>", re.IGNORECASE)
_INPUT_NAME, _INPUT_VALUE = re.compile(r'\bname="([^"]*)"'), re.compile(r'\bvalue="([^"]*)"')
_PAIR = re.compile(r"([^=&#]+)=([^&#]*)")
_MASK = re.compile(r"<(redacted \d+ chars|JWT[^<>]*)>")


def is_secret(name: str) -> bool:
    """Whether a parameter, form field or member of this name holds a secret."""
    return _is_secret(name.lower().replace("_", "").replace("-", ""))


@lru_cache(maxsize=1000)
def _is_secret(name: str) -> bool:
    return name in _SECRETS or name.endswith(_ENDINGS)


def redact(name: str, value: object) -> object:
    """Return a value without what is secret: all of it when its name says so, else what is in it.

    Of mappings and lists every value is looked at; what is neither of these nor a text stays as it is.
    """
    if isinstance(value, str):
        return redact_value(name, value)
    if isinstance(value, Mapping):
        return {key: redact(str(key), member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [redact(name, item) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool) and is_secret(name):
        return mask(str(value))
    return value


def redact_value(name: str, value: str) -> str:
    """Return the value of a parameter, member or header without what is secret.

    Of credentials the scheme stays, of cookies the name.
    """
    if is_mask(value):
        return value
    if (header := _HEADERS.get(name.lower())) is not None:
        return header(value)
    if is_secret(name):
        is_word = name.lower() == "code" and len(value) < 40 and _WORD.fullmatch(value)
        return value if is_word else mask(value)
    is_url = value.startswith("/") or "://" in value
    return redact_url(value) if is_url and not re.search(r"\s", value) else redact_text(value)


def mask(secret: str) -> str:
    """Return what stands for a secret: whose token it is, where it says so, or its length."""
    if not secret or is_mask(secret):
        return secret
    try:
        claims = read_jws(secret).claims
    except InvalidToken:
        return f"<redacted {len(secret)} chars>"
    named = (("of", _text(claims.get("sub"))), ("for", _text(claims.get("aud"))))
    parts = [f"{word} {text}" for word, text in named if text]
    if isinstance(exp := claims.get("exp"), int | float):
        parts.append(f"until {moment(exp)}")
    return " ".join(["<JWT", *parts]) + ">"


def is_mask(text: str) -> bool:
    """Whether this is what stands for a secret."""
    return _MASK.fullmatch(text) is not None


def _text(claim: object) -> str:
    texts = claim if isinstance(claim, list) else [claim]
    return ", ".join(text for text in texts if isinstance(text, str))[:_WIDTH]


def moment(epoch: float) -> str:
    """Return a claim's time in ISO 8601, or as it is: a forged token says what it likes."""
    try:
        return f"{iso(epoch)[:19]}Z"
    except (ValueError, OverflowError, OSError):
        return str(epoch)


def redact_text(text: str) -> str:
    """Return a text (a page, a message, a traceback) without the tokens and the named secrets in it."""
    text = _redact_quoted(_INPUT.sub(_redact_input, text))
    text = _NUMBER.sub(lambda m: f"{m[1]} {_redact_named(m[1], m[2])}", text)
    text = _PLAIN.sub(lambda m: f"{m[1]}={_redact_named(m[1], m[2])}", text)
    text = _BEARER.sub(lambda m: f"{m[1]} {mask(m[2])}", text)
    return _TOKEN.sub(lambda m: mask(m[0]), text)


def _redact_quoted(text: str) -> str:
    """Return a text without the secrets among `"name": "value"` and `name='value'`, also in values."""
    parts, at = [], 0
    while opening := _OPENING.search(text, at):
        name, quotation = opening[2] or opening[3], opening[4]
        parts.append(text[at : opening.end()])
        at = opening.end()
        if is_secret(name) or name.lower() in _HEADERS:
            closing = re.compile(rf"(?<!\\){re.escape(quotation)}").search(text, at)
            end = closing.start() if closing else len(text)
            parts.append(redact_value(name, text[at:end]))
            at = end
    return "".join([*parts, text[at:]])


def _redact_named(name: str, value: str) -> str:
    """Return the value of `name=value`, which may be a percent-encoded URL."""
    if is_secret(name):
        return redact_value(name, value)
    plain = unquote_plus(value)
    redacted = redact_text(plain) if plain != value else plain
    return value if redacted == plain else quote(redacted, safe="")


def _redact_input(match: re.Match[str]) -> str:
    tag = match[0]
    name = _INPUT_NAME.search(tag)
    if name is None or not is_secret(name[1]):
        return tag
    return _INPUT_VALUE.sub(lambda m: f'value="{_escaped(mask(m[1]))}"', tag)


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace(">", "&gt;")


def redact_url(url: str) -> str:
    """Return a URL, its query and fragment without what is secret; all else stays byte for byte."""
    at = min((at for at in (url.find("?"), url.find("#")) if at >= 0), default=len(url))
    return redact_text(url[:at]) + url[at : at + 1] + redact_pairs(url[at + 1 :])


def redact_pairs(text: str) -> str:
    """Return an encoded form or query without what is secret; all else stays byte for byte."""
    return _PAIR.sub(_redact_pair, text)


def _redact_pair(match: re.Match[str]) -> str:
    name, value = unquote_plus(match[1]), unquote_plus(match[2])
    redacted = redact_value(name, value)
    if redacted == value:
        return match[0]
    return f"{match[1]}={redacted if is_mask(redacted) else quote(redacted, safe='')}"


def _redact_credentials(header: str) -> str:
    scheme, blank, credentials = header.partition(" ")
    return f"{scheme}{blank}{mask(credentials)}" if blank else mask(header)


def _redact_cookies(header: str) -> str:
    return "; ".join(_redact_cookie(cookie) for cookie in header.split("; "))


def _redact_set_cookie(header: str) -> str:
    cookie, semicolon, attributes = header.partition(";")
    return f"{_redact_cookie(cookie)}{semicolon}{attributes}"


def _redact_cookie(cookie: str) -> str:
    name, equals, value = cookie.partition("=")
    return f"{name}={mask(unquote(value))}" if equals else mask(cookie)


_HEADERS: dict[str, Callable[[str], str]] = {
    "authorization": _redact_credentials,
    "proxy-authorization": _redact_credentials,
    "cookie": _redact_cookies,
    "set-cookie": _redact_set_cookie,
}


def redact_body(mime_type: str, text: str) -> str:
    """Return a body without what is secret; a multipart form is left out, it has its fields."""
    kinds: dict[str, Callable[[str], str]] = {
        "application/x-www-form-urlencoded": redact_pairs,
        "application/json": _redact_json,
    }
    kind = mime_type.partition(";")[0].strip().lower()
    if kind.startswith("multipart/"):
        return mask(text)
    return kinds.get(kind, _redact_json if kind.endswith("+json") else redact_text)(text)


def _redact_json(text: str) -> str:
    try:
        value = json.decode(text)
    except ValueError:  # no JSON, or cut off
        return redact_text(text)
    redacted = redact("", value)
    return text if redacted == value else json.encode(redacted).decode()
