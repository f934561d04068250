"""`/_mockidp/*`: the control API, for tests in any language. Not part of what is emulated.

It answers only loopback Hosts and same-origin or non-browser callers, so that no web page can steer it. One
table, `OPERATIONS`, is the routes, `openapi.json`, and the list on the dashboard.
"""

from __future__ import annotations

import msgspec
from werkzeug.wrappers import Request

from mockidp import json
from mockidp.errors import ApiError
from mockidp.harness.callers import as_json, check_body, guarded
from mockidp.harness.dashboard import Dashboard, Mock
from mockidp.harness.openapi import describe
from mockidp.harness.operations import OPERATIONS, PREFIX, Idp, Operation
from mockidp.http.routing import Answer, Call, Endpoint, Route


def control_routes(idp: Mock) -> tuple[Route, ...]:
    """Return the routes of the control API over one mock, and of the dashboard."""
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
        Route("GET", f"{PREFIX}/openapi.json", guarded(lambda call: as_json(describe(OPERATIONS)))),
        *Dashboard(idp).routes(),
    )


def _endpoint(idp: Idp, operation: Operation) -> Endpoint:
    def endpoint(call: Call) -> Answer:
        check_body(call.request)
        if operation.run is None:
            raise ApiError(501, f"{operation.method} {operation.path} is not built yet", "not_emulated")
        answer = operation.run(idp, _read(call.request, operation))
        return as_json(answer, operation.status)

    return guarded(endpoint)


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
