"""What failed inside mockidp itself, as `serve` and `exec` tell it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import StringIO
from types import SimpleNamespace

import pytest
import requests

from mockidp.cli import NOT_MET, main
from mockidp.http.routing import Route
from mockidp.server import MockIdp
from mockidp.wsgi import report_problems


@pytest.fixture
def broken() -> Iterator[MockIdp]:
    """A mock with a bug."""

    def endpoint(call: object) -> None:
        raise ZeroDivisionError("our bug")

    with MockIdp() as idp:
        idp.rules.application.router.add(Route("GET", "/broken", endpoint))
        yield idp


def test_serve_tells_each_failure_once(broken: MockIdp) -> None:
    """And they stay for the control API to tell."""
    told: list[object] = []
    errors = StringIO()
    for _ in range(2):
        requests.get(f"{broken.url}/broken", timeout=5)
        report_problems(broken, told, errors)
        report_problems(broken, told, errors)
    text = errors.getvalue()
    assert text.count("mockidp failed while it answered GET /broken\nTraceback") == 2
    assert text.count("ZeroDivisionError: our bug") == 2
    assert len(broken.problems) == 2


def test_a_failure_fails_exec(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 3, also when the command itself was content."""
    problem = SimpleNamespace(where="GET /broken", traceback="Traceback: our bug")
    monkeypatch.setattr(MockIdp, "problems", (problem,))
    assert main(["exec", "--", sys.executable, "-c", "pass"]) == NOT_MET
    assert capsys.readouterr().err == "mockidp failed while it answered GET /broken\nTraceback: our bug\n"
