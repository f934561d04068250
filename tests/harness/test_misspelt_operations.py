"""A misspelt path would never come: rules, scenarios and assertions say so at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mockidp import MockIdp, UsageError


@pytest.mark.parametrize(
    "use",
    [
        lambda idp, operation: idp.fail(operation),
        lambda idp, operation: idp.on(operation).respond(500),
        lambda idp, operation: idp.requests.assert_called(operation),
        lambda idp, operation: idp.requests.assert_not_called(operation),
        lambda idp, operation: idp.requests.matching(operation),
        lambda idp, operation: idp.load_scenario({"script": [{"on": operation, "then": {"status": 500}}]}),
    ],
    ids=["fail", "on", "assert_called", "assert_not_called", "matching", "scenario"],
)
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("POST /oauth/tokn", "POST /oauth/token"),
        ("GET /authorise", "GET /authorize"),
        ("* /.well-known/jwks", "* /.well-known/jwks.json"),
    ],
)
def test_a_slip_of_the_pen_is_told(
    idp: MockIdp, use: Callable[[MockIdp, str], object], written: str, meant: str
) -> None:
    """With what was meant."""
    with pytest.raises(UsageError) as refusal:
        use(idp, written)
    assert str(refusal.value) == f"there is no '{written}'; did you mean '{meant}'?"


@pytest.mark.parametrize(
    "operation",
    [
        "GET /u/*",  # many
        "GET /api/v2/clients",  # known, though not emulated
        "POST /oauth/device/code",
        "GET /.well-known/{document}",
        "GET /my/own/page",  # like none
        "DELETE /api/v2/users/{id}",
    ],
)
def test_what_may_come_is_no_mistake(idp: MockIdp, operation: str) -> None:
    """Operations that are there, patterns, and paths that are like none of ours."""
    idp.on(operation).respond(200)
    idp.requests.assert_not_called(operation)
