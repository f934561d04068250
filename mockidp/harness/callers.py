"""Who may call `/_mockidp/*`: programs on this machine, and pages of its own origin, so that no other can.

Any page may have a link to the dashboard: following it shows the dashboard to the person, not to the page.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from werkzeug.wrappers import Request, Response

from mockidp.errors import AlreadyThere, ApiError, Refusal, UsageError
from mockidp.http.responses import json_response
from mockidp.http.routing import Answer, Call, Endpoint
from mockidp.model.tenant import is_loopback, split_host


def check_caller(request: Request) -> None:
    """Refuse foreign pages: another Host (DNS rebinding), another origin, another site."""
    _check_host(request)
    origin, site = _senders(request)
    own = f"{request.scheme}://{request.host}"
    if origin not in (None, own) or site not in (None, "same-origin", "none"):
        raise ApiError(
            403,
            f"the control API answers pages of its own origin only, and no other site's ({origin or site}); "
            "call it from the test, not from a page",
        )


def check_visitor(request: Request) -> None:
    """Refuse as `check_caller`, but not somebody who follows a link: the page that has it learns nothing."""
    if _is_visit(request):
        _check_host(request)
    else:
        check_caller(request)


def guarded(endpoint: Endpoint, check: Callable[[Request], None] = check_caller) -> Endpoint:
    """Wrap an endpoint: it hears callers on this machine only, and refuses in the control API's form."""

    def guarded(call: Call) -> Answer:
        try:
            check(call.request)
            return endpoint(call)
        except UsageError as error:
            return _refusal(409 if isinstance(error, AlreadyThere) else 400, "usage_error", str(error))
        except ApiError as error:
            code = error.error_code or HTTPStatus(error.status).phrase.lower().replace(" ", "_")
            return _refusal(error.status, code, error.message)
        except Refusal as error:
            return _refusal(error.status, "refused", str(error))

    return guarded


def check_body(request: Request) -> None:
    """Refuse a browser's body that is no JSON: a page could send it without a preflight."""
    is_browser = _senders(request) != (None, None)
    if is_browser and request.mimetype != "application/json" and request.get_data():
        raise ApiError(415, "a browser has to send the body as application/json", "unsupported_media_type")


def _check_host(request: Request) -> None:
    if not is_loopback(split_host(request.host)[0]):
        raise ApiError(
            403, f"the control API answers on loopback names such as localhost only, not on '{request.host}'"
        )


def _is_visit(request: Request) -> bool:
    """Whether a browser shows the answer in a window of its own, and no form was sent (Fetch Metadata).

    A frame's `Sec-Fetch-Dest` is `iframe`, `frame`, `object` or `embed`; scripts can't write these headers.
    """
    told = (request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest"))
    return request.method == "GET" and "Origin" not in request.headers and told == ("navigate", "document")


def _senders(request: Request) -> tuple[str | None, str | None]:
    """Return what a browser says of where a request comes from: origin and site."""
    return request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")


def _refusal(status: int, error: str, message: str) -> Response:
    return json_response({"error": error, "message": message}, status)
