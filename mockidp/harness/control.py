"""`/_mockidp/*`: the control API, for tests in any language. Not part of what is emulated.

It answers only loopback Hosts and same-origin or non-browser callers, so that no web page can steer it. One
table, `OPERATIONS`, is the routes, `openapi.json`, and the list on the dashboard.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from werkzeug.wrappers import Response

from mockidp import json
from mockidp.errors import ApiError
from mockidp.harness.callers import check_body, guarded
from mockidp.harness.dashboard import Dashboard, Mock
from mockidp.harness.openapi import describe
from mockidp.harness.operations import OPERATIONS, PREFIX, Idp, Operation
from mockidp.http.responses import json_response
from mockidp.http.routing import Answer, Call, Endpoint, Route


def control_routes(idp: Mock) -> tuple[Route, ...]:
    """Return the routes of the control API over one mock, and of the dashboard."""
    return (
        *(Route(each.method, each.path, _endpoint(idp, each)) for each in OPERATIONS),
        Route("GET", f"{PREFIX}/openapi.json", guarded(lambda call: json_response(describe(OPERATIONS)))),
        Route("GET", f"{PREFIX}/ca.pem", guarded(lambda call: _authority(idp))),
        *Dashboard(idp).routes(),
    )


def _authority(idp: Mock) -> Response:
    """Return the certificate authority's PEM: its file is on the server's disk, which may be another's."""
    return Response(Path(idp.ca_path).read_bytes(), content_type="application/x-pem-file")


def _endpoint(idp: Idp, operation: Operation) -> Endpoint:
    def endpoint(call: Call) -> Answer:
        check_body(call.request)
        answer = operation.run(idp, _read(call, operation))
        return json_response(answer, operation.status)

    return guarded(endpoint)


def _read(call: Call, operation: Operation) -> object:
    """Return what the operation takes, from the JSON body of a POST, or else from the path and the query."""
    try:
        if operation.method == "POST":
            call.request.max_content_length = None  # a world may be larger than any request to the tenant
            return msgspec.convert(json.decode(call.request.get_data() or b"{}"), operation.takes)
        return msgspec.convert({**call.request.args.to_dict(), **call.path}, operation.takes, strict=False)
    except msgspec.ValidationError as error:
        raise ApiError(400, f"{error}; {operation.usage()}", "invalid_body") from None
    except ValueError as error:
        raise ApiError(400, f"the body is no JSON: {error}", "invalid_body") from None
