"""What a project that is checked with `mypy --strict` gets from `from mockidp import MockIdp`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

RIGHT = """
from collections.abc import Iterator, Mapping
from typing import Any, assert_type

import pytest
from mockidp import MockIdp, UsageError


@pytest.fixture
def idp_seed() -> Mapping[str, Any]:
    return {"users": [{"email": "alice@example.com"}]}


@pytest.fixture
def acme(idp: MockIdp) -> Iterator[MockIdp]:
    with idp.impersonate("acme.eu.auth0.com") as acme:
        assert_type(acme, MockIdp)
        yield acme


def test_it(idp: MockIdp) -> None:
    alice = idp.users["alice@example.com"]
    assert_type(alice.user_id, str)
    email: str = alice.email
    assert email in idp.users
    assert [user.user_id for user in idp.users] == [alice.user_id]
    assert_type(idp.token(alice, audience="https://api.example.com", claims={"plan": "pro"}), str)
    assert_type(idp.browser().login(f"{idp.url}/authorize", alice), str)
    assert_type(idp.browser().get("/").location, str | None)
    assert_type(idp.outbox.wait_for(to=email, kind="verify_email").code, str | None)
    assert_type(idp.outbox.last.to, str)
    rule = idp.on("GET /userinfo", where={"user": alice}).respond(503, {"error": "away"}).delay("5ms")
    assert_type(rule.times, int)
    assert_type(idp.fail("POST /oauth/token", status=429, times=1).calls, int)
    assert_type(idp.requests.matching("POST /oauth/token")[0].form, dict[str, str])
    assert_type(idp.env, dict[str, str])
    assert_type(idp.clock.now(), float)
    idp.requests.assert_called("POST /oauth/token", times=1, form={"code": None})
    with pytest.raises(UsageError), MockIdp(seed=["tenant.yaml", {"users": []}]) as other:
        assert_type(other, MockIdp)
"""
WRONG = {
    "idp.tokn('alice@example.com')": 'has no attribute "tokn"',
    "idp.token('alice@example.com', audiens='x')": 'Unexpected keyword argument "audiens"',
    "idp.outbox.wait_for(to=1)": 'Argument "to" to "wait_for"',
    "idp.on('GET /userinfo').respnd(503)": 'has no attribute "respnd"',
    "idp.outbox.last.code.strip()": 'has no attribute "strip"',
    "MockIdp(seeds='tenant.yaml')": 'Unexpected keyword argument "seeds"',
}


def check(source: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Check a file of a project that has mockidp installed."""
    (folder / "test_downstream.py").write_text(source)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "test_downstream.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def test_a_project_gets_the_types(tmp_path: Path) -> None:
    """py.typed is found, what is right passes, and each mistake is one error on its line."""
    mistakes = "".join(f"    {mistake}\n" for mistake in WRONG)
    done = check(f"{RIGHT}\n\ndef test_wrong(idp: MockIdp) -> None:\n{mistakes}", tmp_path)
    first = RIGHT.count("\n") + 4
    found = re.findall(r"^test_downstream\.py:(\d+): error: (.*)$", done.stdout, re.MULTILINE)
    assert [int(line) for line, _ in found] == [first + n for n in range(len(WRONG))], done.stdout
    for (_, text), expected in zip(found, WRONG.values(), strict=True):
        assert expected in text
