"""What the tests of passwordless logins share: connections, clients, and the messages that were sent."""

from __future__ import annotations

from typing import Any

from authentication_world import CALLBACK, WEB, World
from werkzeug.test import TestResponse

from mockidp.model.outbox import MESSAGES, Message

GRANT = "http://auth0.com/oauth/grant-type/passwordless/otp"
ANN, NEW = "ann@example.com", "new@example.com"
PHONE = "+15550100"
CHANGES: dict[str, Any] = {
    "connections": [
        {"name": "email", "strategy": "email"},
        {"name": "sms", "strategy": "sms"},
        {"name": "closed", "strategy": "email", "options": {"disable_signup": True}},
        {"name": "other-email", "strategy": "email", "enabled_clients": ["other"]},
    ],
    "clients": [
        {"client_id": "web", "name": "Web", "grant_types": ["authorization_code", "refresh_token", GRANT]},
        {"client_id": "native", "name": "Native", "grant_types": ["authorization_code", GRANT]},
    ],
    "users": [
        {"email": ANN, "connection": "email"},
        {"phone_number": PHONE, "connection": "sms"},
        {"email": "old@example.com", "connection": "closed"},
        {"email": "blocked@example.com", "connection": "email", "blocked": True},
    ],
}


def start(world: World, **members: Any) -> TestResponse:
    """Ask for a code by mail as client `web`; a member that is None is left out."""
    usual = {**WEB, "connection": "email", "email": ANN, "send": "code"}
    sent = {name: value for name, value in {**usual, **members}.items() if value is not None}
    return world.post("/passwordless/start", json=sent)


def messages(world: World) -> list[Message]:
    return world.tenant.store.all(MESSAGES)


def code_for(world: World, **members: Any) -> str:
    """Return a code that was just sent."""
    response = start(world, **members)
    assert response.status_code == 200, response.text
    return str(messages(world)[-1].code)


def link_for(world: World, **members: Any) -> str:
    """Return the link that was just mailed, as a path."""
    params = {"redirect_uri": CALLBACK, "scope": "openid email", "state": "S"}
    response = start(world, **{"send": "link", "authParams": params, **members})
    assert response.status_code == 200, response.text
    return str(messages(world)[-1].url).removeprefix(world.origin.rstrip("/"))


def log_in(world: World, otp: str, /, **form: str | None) -> TestResponse:
    """Exchange a code for tokens, as client `web`."""
    usual = {"grant_type": GRANT, **WEB, "username": ANN, "otp": otp, "realm": "email"}
    return world.token(**{**usual, **form})
