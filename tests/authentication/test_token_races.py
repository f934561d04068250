"""Two requests at the same moment, made one after the other at the worst place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from authentication_world import World, answer, error

from mockidp.authentication import authorize, oauth_token
from mockidp.model.session import SESSIONS, close_session


def once_during(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, happens: Callable[[], Any]) -> None:
    """Let something happen just before a function of the module is called for the first time."""
    real = getattr(module, name)
    waiting = [happens]

    def called(*args: Any, **options: Any) -> Any:
        if waiting:
            waiting.pop()()
        return real(*args, **options)

    monkeypatch.setattr(module, name, called)


def test_a_code_used_again_while_its_tokens_are_made(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first use is answered, but nothing that it gave is good."""
    code = world.code(scope="openid offline_access")
    statuses: list[int] = []
    once_during(
        monkeypatch,
        oauth_token,
        "issue_access_token",
        lambda: statuses.append(world.redeem(code).status_code),
    )
    tokens = world.redeem(code).json
    assert statuses == [403]
    assert world.userinfo(tokens["access_token"]).status_code == 401
    assert world.refresh(tokens["refresh_token"]).status_code == 403


def test_a_refresh_token_used_again_while_its_successor_is_made(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The family is revoked; the successor is not born into it."""
    token = world.tokens(client_id="spa", scope="openid offline_access")["refresh_token"]
    once_during(monkeypatch, oauth_token, "issue_access_token", lambda: world.refresh(token, "spa"))
    response = world.refresh(token, "spa")
    assert (response.status_code, error(response)) == (
        403,
        ("invalid_grant", "Unknown or invalid refresh token."),
    )


def test_a_family_revoked_while_a_successor_is_made(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """`/oauth/revoke` wins too."""
    token = world.tokens(client_id="spa", scope="openid offline_access")["refresh_token"]
    sent = {"client_id": "spa", "token": token}
    once_during(
        monkeypatch, oauth_token, "issue_access_token", lambda: world.post("/oauth/revoke", data=sent)
    )
    assert world.refresh(token, "spa").status_code == 403


def test_logging_out_while_a_silent_authentication_is_answered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A closed session is not written back by a request that had read it before."""
    world.log_in()
    session = world.tenant.store.all(SESSIONS)[0]
    once_during(monkeypatch, authorize, "touch_session", lambda: close_session(world.tenant, session.id))
    assert "code" in answer(world.authorize(prompt="none"))
    assert world.tenant.store.all(SESSIONS) == []
    assert error(world.authorize(prompt="none"))[0] == "login_required"


def test_a_transaction_finished_by_another_request(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one gets no code of its own."""
    page = world.log_in(client_id="third")
    resume = page.location.replace("/u/consent", "/authorize/resume")
    first: list[Any] = []
    real = authorize.needs_consent
    monkeypatch.setattr(authorize, "needs_consent", lambda *_: False)
    once_during(monkeypatch, authorize, "_issue", lambda: first.append(world.get(resume)))
    second = world.get(resume)
    assert real is not authorize.needs_consent
    assert "code" in answer(first[0])
    assert second.status_code == 400
