"""The browser's cookies: device, single sign-on session, and the proof that a form is not forged.

Cookie names and attributes: documentation, "Authentication API cookies". Over plain http a browser would drop
`Secure` cookies, so there they are `SameSite=Lax` without it.
"""

from __future__ import annotations

import hmac
from urllib.parse import quote, unquote

from werkzeug.wrappers import Request, Response

from mockidp.errors import lost_transaction
from mockidp.http.routing import Call
from mockidp.model.session import LoginTransaction, Session, find_session, find_transaction

_KEY = b"mockidp cookies"
DEVICE = "did"
SESSION = "auth0"


def device_of(call: Call) -> str | None:
    """Return the browser's device id, or None when it has none yet."""
    return _read(call.request, DEVICE)


def session_of(call: Call) -> Session | None:
    """Return the browser's live session or None."""
    return find_session(call.tenant, _read(call.request, _session_name(call)))


def set_device(call: Call, response: Response, device: str) -> None:
    """Give the browser a device id, for a year."""
    _write(call, response, DEVICE, device, 31557600)


def set_session(call: Call, response: Response, session: Session) -> None:
    """Give the browser its session, for as long as that may live."""
    _write(call, response, _session_name(call), session.id, session.expires_at - call.tenant.now())


def clear_session(call: Call, response: Response) -> None:
    """Take the session cookies away."""
    own = _session_name(call)
    for name in (own, f"{own}_compat"):
        response.delete_cookie(name, path="/", httponly=True)


def transaction_of(call: Call) -> LoginTransaction:
    """Return the login transaction of this request's `state`; raise the lost-session page.

    Whoever comes from a browser must hold the device cookie of the browser that began the transaction, else a
    foreign page could log its visitor in as somebody else. A browser always says who it is by `Origin` or
    `Sec-Fetch-Site`; a client without these cannot be tricked, and needs no cookie.
    """
    state = call.request.values.get("state")
    transaction = find_transaction(call.tenant, state)
    if transaction is None:
        raise lost_transaction()
    headers = call.request.headers
    device = device_of(call)
    is_browser = "Origin" in headers or "Sec-Fetch-Site" in headers
    if device != transaction.browser and (device is not None or is_browser):
        raise lost_transaction()
    if call.request.method == "POST" and headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise lost_transaction()
    return transaction


def _session_name(call: Call) -> str:
    # A browser sends a host's cookies to all of its ports (RFC 6265 §8.5): tenants beside each other differ.
    tenant = call.tenant.names.tenant
    return f"{SESSION}_{tenant}" if tenant else SESSION


def _read(request: Request, name: str) -> str | None:
    signed = unquote(request.cookies.get(name) or request.cookies.get(f"{name}_compat") or "")
    value, _, signature = signed.removeprefix("s:").rpartition(".")
    good = hmac.compare_digest(_sign(value).encode(), signature.encode())
    return value if value and good else None


def _write(call: Call, response: Response, name: str, value: str, max_age: int) -> None:
    text = quote(f"s:{value}.{_sign(value)}", safe="")
    secure = call.request.is_secure
    response.set_cookie(
        name,
        text,
        max_age=max_age,
        path="/",
        httponly=True,
        secure=secure,
        samesite="None" if secure else "Lax",
        expires=call.tenant.now() + max_age,
    )
    if secure:
        response.set_cookie(f"{name}_compat", text, max_age=max_age, path="/", httponly=True, secure=True)


def _sign(value: str) -> str:
    return hmac.digest(_KEY, value.encode(), "sha256").hex()[:43]
