"""`GET /v2/logout`, `/logout`, and `GET`/`POST /oidc/logout` (OpenID Connect RP-Initiated Logout)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, urlencode, urlsplit

from werkzeug.wrappers import Response

from mockidp.errors import PageError
from mockidp.http.browser_session import clear_session, session_of
from mockidp.http.pages import page
from mockidp.http.params import Params, browser_params
from mockidp.http.redirect import found
from mockidp.http.routing import Call, Route
from mockidp.model.client import CLIENTS, Client, url_matches
from mockidp.model.session import Session, close_session
from mockidp.tokens.jws import InvalidToken
from mockidp.tokens.verifier import Verified, verify_id_token

_CONTROL = re.compile(r"[\x00-\x20\x7f\\]")


def logout(call: Call) -> Response:
    """End the browser's session and go to `returnTo`, which must be an allowed logout URL.

    `federated` would end the upstream session first; the simulated upstreams have none.
    """
    params = browser_params(call.request)
    client = _client(call, params.get("client_id"))
    allowed = client.allowed_logout_urls if client else call.tenant.settings.allowed_logout_urls
    return_to = params.get("returnTo") or (allowed[0] if client and allowed else None)
    if return_to is not None and not _is_allowed(return_to, allowed):
        raise PageError(
            "invalid_request",
            f'The "returnTo" querystring parameter "{return_to}" is not defined as a valid URL in '
            '"Allowed Logout URLs"',
        )
    # unverified: the body without a URL
    response = found(return_to) if return_to else Response("OK", content_type="text/plain; charset=utf-8")
    return _end(call, response)


def oidc_logout(call: Call) -> Response:
    """End the browser's session; ask first unless the hints name it.

    The redirect URI must be registered exactly, query included (unlike `/v2/logout`).
    """
    params = browser_params(call.request)
    hint = _id_token(call, params)
    client = _client(call, params.get("client_id") or (hint.audiences[0] if hint else None))
    _check_hints(params, client, hint)
    target = params.get("post_logout_redirect_uri")
    if target is not None:
        allowed = client.allowed_logout_urls if client else call.tenant.settings.allowed_logout_urls
        if not any(url_matches(pattern, target) for pattern in allowed):
            # unverified: the text
            raise PageError(
                "invalid_request",
                f'The "post_logout_redirect_uri" parameter "{target}" is not defined as a valid URL in '
                '"Allowed Logout URLs"',
            )
    session = session_of(call)
    confirmed = call.request.method == "POST" and params.get("action") == "accept"
    if session is not None and not (confirmed or _is_named(session, params, hint)):
        return _ask(call, params, client, target)
    return _end(call, _after_logout(params, target))


def _client(call: Call, client_id: str | None) -> Client | None:
    if client_id is None:
        return None
    client = call.tenant.store.find(CLIENTS, client_id)
    if client is None:
        raise PageError("invalid_request", f"Unknown client: {client_id}")
    return client


def _is_allowed(url: str, allowed: Iterable[str]) -> bool:
    """Whether a `returnTo` is allowed: query and fragment do not count, nor the case of scheme and host."""
    bare = _bare(url)
    return bare is not None and any(url_matches(_bare(pattern) or pattern, bare) for pattern in allowed)


def _bare(url: str) -> str | None:
    """Return what counts of a URL; None for what is none, or what readers of URLs disagree about."""
    if _CONTROL.search(url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path}"


def _id_token(call: Call, params: Params) -> Verified | None:
    hint = params.get("id_token_hint")
    if not hint:
        return None
    try:
        return verify_id_token(call.tenant, hint, expired_ok=True)
    except InvalidToken:
        # unverified: the text
        raise PageError("invalid_request", "The id_token_hint is not valid") from None


def _check_hints(params: Params, client: Client | None, hint: Verified | None) -> None:
    # unverified: both texts
    if hint and client and client.client_id not in hint.audiences:
        raise PageError("invalid_request", "client_id does not match the audience of id_token_hint")
    if hint and "logout_hint" in params and params["logout_hint"] != hint.claims.get("sid"):
        raise PageError("invalid_request", "logout_hint does not match the session of id_token_hint")


def _is_named(session: Session, params: Params, hint: Verified | None) -> bool:
    """Whether the hints are about this session (documentation, "Logout consent prompt")."""
    sid = hint.claims.get("sid") if hint else params.get("logout_hint")
    if hint and sid is None:
        return hint.subject == session.user_id  # unverified: how a token without `sid` counts
    return sid == session.id


def _ask(call: Call, params: Params, client: Client | None, target: str | None) -> Response:
    if params.get("action") == "deny":
        return _message(call, "You are still logged in", "You can close this page.")
    query = {k: v for k, v in params.items() if k in ("post_logout_redirect_uri", "state")}
    if client is not None:
        query = {"client_id": client.client_id, **query}
    return page(
        "logout.html",
        form_targets=[target] if target else [],
        lang="en",
        tenant_name=call.tenant.settings.friendly_name or "mockidp",
        action=f"/oidc/logout?{urlencode(query, quote_via=quote)}",
        state=params.get("state", ""),
    )


def _after_logout(params: Params, target: str | None) -> Response:
    if target is None:
        # unverified: what is shown without a redirect URI
        return Response("OK", content_type="text/plain; charset=utf-8")
    if not params.get("state"):
        return found(target)
    state = urlencode({"state": params["state"]}, quote_via=quote)
    return found(f"{target}{'&' if '?' in target else '?'}{state}")


def _message(call: Call, title: str, message: str) -> Response:
    name = call.tenant.settings.friendly_name or "mockidp"
    return page("message.html", lang="en", tenant_name=name, title=title, message=message, link=None)


def _end(call: Call, response: Response) -> Response:
    session = session_of(call)
    if session is not None:
        close_session(call.tenant, session.id)
    clear_session(call, response)
    return response


ROUTES = (
    Route("GET", "/v2/logout", logout),
    Route("GET", "/logout", logout),
    Route("GET", "/oidc/logout", oidc_logout),
    Route("POST", "/oidc/logout", oidc_logout),
)
