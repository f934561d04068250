"""Nobody mutates what the store holds: snapshots share the values, so it would leak into every test."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import requests

from mockidp import MockIdp
from mockidp.store import Kind, MemoryStore

CALLBACK = "http://localhost:3000/callback"


class WatchedStore(MemoryStore):
    """Remembers what every value was when it was put, and tells which one is another now."""

    def __init__(self) -> None:
        super().__init__()
        self.put_as: list[tuple[str, object, bytes]] = []

    def _set(self, kind: Kind[Any], key: str, value: Any) -> None:
        if value is not None:
            self.put_as.append((f"{kind.name} {key}", value, msgspec.json.encode(value)))
        super()._set(kind, key, value)

    def mutated(self) -> list[str]:
        return [name for name, value, before in self.put_as if msgspec.json.encode(value) != before]


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> WatchedStore:
    """The store of the next tenant."""
    store = WatchedStore()
    monkeypatch.setattr("mockidp.model.tenant.MemoryStore", lambda: store)
    return store


def test_a_days_work_mutates_no_value(watched: WatchedStore) -> None:
    """Seeding, login, linking, metadata, refresh and unlinking replace values and never change one."""
    with MockIdp() as idp:
        query = f"response_type=code&client_id=web&scope=openid%20offline_access&redirect_uri={CALLBACK}"
        callback = idp.browser().login(f"{idp.url}/authorize?{query}", "alice@example.com")
        form = {
            "grant_type": "authorization_code",
            "code": callback.split("code=")[1],
            "redirect_uri": CALLBACK,
        }
        web = ("web", "web-secret")
        tokens = requests.post(f"{idp.url}/oauth/token", data=form, auth=web, timeout=5).json()
        link = f"{idp.url}/authorize?{query}&connection=facebook&access_token={tokens['access_token']}"
        idp.browser().login(link, "facebook|1022")
        refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        assert requests.post(f"{idp.url}/oauth/token", data=refresh, auth=web, timeout=5).ok
        headers = {"Authorization": f"Bearer {idp.management_token()}"}
        alice = f"{idp.url}/api/v2/users/{idp.users['alice@example.com'].user_id}"
        change = {"user_metadata": {"plan": None, "deep": {"a": [1]}}, "name": "Alice A"}
        assert requests.patch(alice, json=change, headers=headers, timeout=5).ok
        body = {"access_token": tokens["access_token"], "user_id": "facebook|1022"}
        assert requests.post(f"{idp.url}/unlink", json=body, timeout=5).text == "OK"
        idp.reset()
    assert len(watched.put_as) > 50
    assert watched.mutated() == []
