"""`/_mockidp/*`: the control API, for tests in any language. Not part of what is emulated.

It answers only loopback Hosts and same-origin or non-browser callers, so that no web page can steer it. One
table, `OPERATIONS`, is the routes, the index page and `openapi.json`.
"""

from __future__ import annotations

from html import escape
from http import HTTPStatus
from urllib.parse import urlsplit

import msgspec
from werkzeug.wrappers import Request, Response

from mockidp import json
from mockidp.errors import ApiError, Refusal, UsageError
from mockidp.harness.openapi import describe
from mockidp.harness.operations import OPERATIONS, PREFIX, Idp, Operation
from mockidp.http.routing import Answer, Call, Endpoint, Route
from mockidp.model.tenant import is_loopback

_INDEX = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>mockidp control API</title>
<h1>mockidp control API</h1>
<p>JSON, described by <a href="{prefix}/openapi.json">openapi.json</a>. There is no dashboard yet.</p>
<dl>
{rows}</dl>
</html>
"""


def control_routes(idp: Idp) -> tuple[Route, ...]:
    """Return the routes of the control API over one mock."""
    return (
        *(
            Route(
                each.method,
                each.path,
                _endpoint(idp, each),
                level="behaviour" if each.run else "not emulated",
            )
            for each in OPERATIONS
        ),
        Route("GET", f"{PREFIX}/openapi.json", _guarded(lambda call: _answer(describe(OPERATIONS)))),
        Route("GET", PREFIX, _guarded(lambda call: _index())),
    )


def _endpoint(idp: Idp, operation: Operation) -> Endpoint:
    def endpoint(call: Call) -> Answer:
        if operation.run is None:
            raise ApiError(501, f"{operation.method} {operation.path} is not built yet", "not_emulated")
        answer = operation.run(idp, _read(call.request, operation))
        return _answer(answer, operation.status)

    return _guarded(endpoint)


def _guarded(endpoint: Endpoint) -> Endpoint:
    """Wrap an endpoint: it hears callers on this machine only, and refuses in the control API's form."""

    def guarded(call: Call) -> Answer:
        try:
            _check_caller(call.request)
            return endpoint(call)
        except UsageError as error:
            return _refusal(400, "usage_error", str(error))
        except ApiError as error:
            code = error.error_code or HTTPStatus(error.status).phrase.lower().replace(" ", "_")
            return _refusal(error.status, code, error.message)
        except Refusal as error:
            return _refusal(error.status, "refused", str(error))

    return guarded


def _check_caller(request: Request) -> None:
    """Refuse foreign pages: another Host (DNS rebinding), another origin, another site."""
    if not is_loopback(_host_name(request.host)):
        raise ApiError(
            403, f"the control API answers on loopback names such as localhost only, not on '{request.host}'"
        )
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site")
    own = f"{request.scheme}://{request.host}"
    if origin not in (None, own) or site not in (None, "same-origin", "none"):
        raise ApiError(
            403,
            f"the control API answers pages of its own origin only, and no other site's ({origin or site}); "
            "call it from the test, not from a page",
        )
    is_browser = origin is not None or site is not None
    if is_browser and request.mimetype != "application/json" and request.get_data():
        raise ApiError(415, "a browser has to send the body as application/json", "unsupported_media_type")


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _read(request: Request, operation: Operation) -> object:
    """Return what the operation takes, from the query of a GET or the JSON body of a POST."""
    try:
        if operation.method == "GET":
            return msgspec.convert(request.args.to_dict(), operation.takes, strict=False)
        body = json.decode(request.get_data() or b"{}")
        return msgspec.convert(body, operation.takes)
    except msgspec.ValidationError as error:
        raise ApiError(400, f"{error}; {operation.usage()}", "invalid_body") from None
    except ValueError as error:
        raise ApiError(400, f"the body is no JSON: {error}", "invalid_body") from None


def _answer(value: object, status: int = 200) -> Response:
    return Response(json.encode(value), status, content_type="application/json; charset=utf-8")


def _refusal(status: int, error: str, message: str) -> Response:
    return _answer({"error": error, "message": message}, status)


def _index() -> Response:
    rows = "".join(
        f"<dt><code>{each.method} {escape(each.path)}</code></dt><dd>{escape(each.summary)}</dd>\n"
        for each in OPERATIONS
    )
    response = Response(_INDEX.format(prefix=PREFIX, rows=rows), content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
    return response
