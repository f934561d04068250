"""Same seed, same clock, same requests: the same bytes (architecture, principle 7)."""

from __future__ import annotations

from typing import Any

import pytest
from authentication_world import API, CALLBACK, WEB, World, answer

from mockidp.clock import Clock

Exchange = tuple[int, list[tuple[str, str]], bytes]
GOOGLE = "google-oauth2|1001"


def bytes_of(response: Any) -> Exchange:
    """Return all that went over the wire."""
    return response.status_code, list(response.headers), response.data


def whole_story(world: World) -> list[Exchange]:
    """Log in by the real pages, link, refresh, unlink, fail, rotate, log out; return every exchange."""
    seen: list[Any] = []

    def keep(response: Any) -> Any:
        seen.append(response)
        return response

    page = keep(world.authorize(scope="openid profile offline_access", audience=API))
    keep(world.get(page.location))
    form = {"username": "alice@example.com", "password": "alice-password"}
    resume = keep(world.post(page.location, data=form, headers={"Sec-Fetch-Site": "same-origin"}))
    back = keep(world.get(resume.location))
    tokens = keep(world.redeem(answer(back)["code"])).json
    keep(world.userinfo(tokens["access_token"]))
    keep(world.refresh(tokens["refresh_token"]))
    token = tokens["access_token"]
    page = keep(world.authorize(access_token=token, connection="google-oauth2", response_mode="form_post"))
    keep(world.answer_login(page, "gail@example.com"))
    keep(world.authorize(prompt="none", response_type="code token id_token", nonce="N"))
    keep(world.authorize(prompt="none", response_mode="web_message"))
    keep(world.post("/unlink", json={"access_token": token, "user_id": GOOGLE}))
    keep(world.token(grant_type="password", username="bob@example.com", password="bob-password", **WEB))
    keep(world.authorize(client_id="nobody-at-all"))
    keep(world.redeem("nonsense"))
    world.clock.advance(hours=1)
    world.idp.rotate_keys()
    keep(world.get("/.well-known/jwks.json"))
    keep(world.tokens_response())
    keep(world.get("/v2/logout?client_id=web"))
    return [bytes_of(response) for response in seen]


class Replayed(World):
    """A world whose last login is kept whole."""

    def tokens_response(self) -> Any:
        return self.redeem(answer(self.authorize(prompt="none"))["code"])


def test_the_whole_story_is_the_same_twice(make_world: Any) -> None:
    """Headers and bodies, cookies, codes, ids, signatures and dates, on fresh tenants."""
    first, second = (whole_story(Replayed(make_world().idp)) for _ in range(2))
    assert len(first) == len(second) == 18
    for number, (one, two) in enumerate(zip(first, second, strict=True)):
        assert one == two, f"exchange {number}"


def test_a_reset_tenant_tells_the_same_story(make_world: Any) -> None:
    """`reset()` goes back to the seed: counters, keys and clock too."""
    idp = make_world().idp
    first = whole_story(Replayed(idp))
    idp.reset()
    assert whole_story(Replayed(idp)) == first


def test_the_story_depends_on_the_clock(make_world: Any) -> None:
    """Else the comparison above would prove nothing."""
    first = whole_story(Replayed(make_world().idp))
    later = make_world()
    later.clock.advance(1)
    assert whole_story(Replayed(later.idp)) != first


def test_no_answer_reads_the_machines_clock(make_world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a frozen tenant, nobody asks what time it is outside."""
    world = make_world()
    assert world.clock.frozen

    def forbidden() -> float:
        raise AssertionError("somebody read the machine's clock")

    monkeypatch.setattr("mockidp.clock.time.time", forbidden)
    monkeypatch.setattr(Clock, "unfreeze", forbidden)
    tokens = world.redeem(world.code()).json
    assert world.userinfo(tokens["access_token"]).status_code == 200
    assert CALLBACK in world.authorize(prompt="none").location
