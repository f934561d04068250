"""The Management API operations that are known but not built, and the paths that nobody knows."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import Client as Browser

from mockidp.app import all_routes
from mockidp.management.not_emulated import routes_not_emulated
from mockidp.management.operations import operations

if TYPE_CHECKING:
    from conftest import Api

OURS = {(route.method, route.template) for route in all_routes()}
REST = [operation for operation in operations() if (operation.method, operation.path) not in OURS]


def test_every_other_operation_answers_501(api: Api) -> None:
    """Without a token, and with a body that says so: never a made-up answer."""
    browser = Browser(api.application)
    assert len(REST) > 100
    for operation in REST:
        path = operation.path.replace("{", "").replace("}", "%7C1")
        response = browser.open(path, method=operation.method)
        what = f"{operation.method} {operation.path}"
        assert (response.status_code, response.json) == (
            501,
            {
                "statusCode": 501,
                "error": "Not Implemented",
                "message": f"{what} is a real operation that mockidp does not emulate yet",
                "errorCode": "not_emulated",
            },
        )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "nothing"),
        ("GET", "users/auth0%7C1/shoes"),
        ("PUT", "users/auth0%7C1"),
        ("DELETE", "users"),
        ("GET", ""),
        ("POST", "stats/daily"),
    ],
)
def test_unknown_paths_and_methods_are_not_found(api: Api, method: str, path: str) -> None:
    """As the real service has it."""
    assert api.answer(method, path) == api.refusal(404, "Not Found")


def test_a_preflight_of_a_known_operation_is_answered(api: Api) -> None:
    """A browser asks for permission first; the 501 comes with the request itself."""
    headers = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "GET"}
    response = Browser(api.application).options("/api/v2/stats/daily", headers=headers)
    assert response.status_code < 300


def test_coverage_lists_each_operation_once() -> None:
    """What is emulated and what is not make up the whole table."""
    rest = routes_not_emulated(all_routes())
    assert {(route.method, route.template) for route in rest} == {(o.method, o.path) for o in REST}
    assert {route.level for route in rest} == {"not emulated"}
    assert len(rest) == len(REST)


def test_starting_does_not_read_the_table() -> None:
    """Start-up time: the operations are read when the first is needed."""
    code = (
        "from mockidp.app import Application\n"
        "from mockidp.management.not_emulated import _router\n"
        "from mockidp.management.operations import operations\n"
        "from mockidp.model.tenant import Tenant\n"
        "Application(Tenant())\n"
        "assert operations.cache_info().currsize == _router.cache_info().currsize == 0\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
