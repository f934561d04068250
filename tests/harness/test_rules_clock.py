"""What rules do to the tenant's clock: advance, travel, freeze, rate; by Python, YAML and the control API."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from rules_world import TIMEOUT, App

from mockidp.clock import Course
from mockidp.server import MockIdp

JWKS, KEYS = "GET /.well-known/jwks.json", "/.well-known/jwks.json"
START, Y2031 = 1893456000, 1924992000
NEW_YEAR = datetime(2031, 1, 1, tzinfo=UTC)


@pytest.fixture
def app(idp: MockIdp) -> App:
    idp.clock.freeze(START)
    return App(idp)


WORDS: list[tuple[dict[str, Any], tuple[int, float]]] = [
    # what a rule says at 2030-01-01, frozen; where the clock is then, and how fast it goes
    ({"advance": "1h"}, (START + 3600, 0)),
    ({"advance": timedelta(hours=1)}, (START + 3600, 0)),
    ({"travel": "2031-01-01T00:00:00Z"}, (Y2031, 1)),
    ({"travel": Y2031}, (Y2031, 1)),
    ({"travel": NEW_YEAR}, (Y2031, 1)),
    ({"freeze": "2031-01-01T00:00:00Z"}, (Y2031, 0)),
    ({"freeze": NEW_YEAR}, (Y2031, 0)),
    ({"freeze": "now"}, (START, 0)),
    ({"rate": 60}, (START, 60)),
    ({"rate": 0}, (START, 0)),
    ({"travel": Y2031, "rate": 60, "advance": "1h"}, (Y2031 + 3600, 60)),
    ({"travel": Y2031, "rate": 0}, (Y2031, 0)),
    ({"freeze": Y2031, "advance": 60}, (Y2031 + 60, 0)),
]


def stands(course: Course) -> tuple[float, float]:
    return round(course.base, 2), course.rate


@pytest.mark.parametrize(("then", "expected"), WORDS)
def test_a_rule_moves_the_clock(
    idp: MockIdp, app: App, then: dict[str, Any], expected: tuple[int, float]
) -> None:
    """Before the endpoint is asked, and each word is a method."""
    rule = idp.on(JWKS, times=1)
    for word, value in then.items():
        getattr(rule, word)(value)
    assert app.get(KEYS).status_code == 200
    assert stands(idp.clock.state()) == expected


def test_freeze_stops_it_where_it_is(idp: MockIdp, app: App) -> None:
    """Without an argument."""
    idp.on(JWKS).freeze()
    idp.clock.travel(Y2031)
    app.get(KEYS)
    assert idp.clock.frozen
    assert idp.clock.now() >= Y2031


def test_durations_may_be_timedeltas(idp: MockIdp, app: App) -> None:
    """Wherever a duration is asked for."""
    idp.on(JWKS).delay(timedelta(milliseconds=1)).trickle(timedelta(milliseconds=1))
    idp.on("POST /oauth/token").rate_limit(per=timedelta(minutes=1))
    assert app.get(KEYS).ok
    assert app.machine().headers["Retry-After"] == "60"


SCRIPT = """
script:
  - {on: GET /.well-known/jwks.json, then: {freeze: 2031-01-01T00:00:00Z}, times: 1}
  - {on: after 2 requests, then: {travel: 2032-01-01, rate: 3600}}
"""


def test_a_scenario_moves_the_clock(idp: MockIdp, app: App, tmp_path: Path) -> None:
    """In YAML times need no quotes; `after` moves it, too."""
    path = tmp_path / "time.scenario.yaml"
    path.write_text(SCRIPT)
    idp.load_scenario(path)
    app.get(KEYS)
    assert stands(idp.clock.state()) == (Y2031, 0)
    app.get(KEYS)
    assert stands(idp.clock.state()) == (Y2031 + 365 * 86400, 3600)


def test_the_control_api_makes_such_rules(idp: MockIdp, app: App) -> None:
    """The same words."""
    body = {"on": JWKS, "then": {"travel": "2031-01-01T00:00:00Z", "rate": 60}}
    assert requests.post(f"{idp.url}/_mockidp/rules", json=body, timeout=TIMEOUT).status_code == 201
    app.get(KEYS)
    assert stands(idp.clock.state()) == (Y2031, 60)


def test_where_the_clock_cannot_go_it_stays(idp: MockIdp, app: App) -> None:
    """The request is answered, and the test told of the rule's mistake."""
    idp.clock.freeze("8999-12-31")
    idp.on(JWKS, times=1).advance("2d")
    assert app.get(KEYS).status_code == 200
    with pytest.raises(AssertionError, match="goes from 1970 to 9000"):
        idp.verify()
    idp.reset()


@pytest.mark.parametrize("limit", [None, 1])
def test_a_rate_limit_survives_a_clock_that_is_set_back(idp: MockIdp, app: App, limit: int | None) -> None:
    """Its window begins anew: nobody waits until the year that was left."""

    def statuses() -> Iterable[int]:
        return [app.machine().status_code for _ in range(2)]

    idp.on("POST /oauth/token").rate_limit(limit, "1m")
    expected = [200, 429] if limit else [429, 429]
    assert statuses() == expected
    idp.clock.freeze(START - 86400)
    assert statuses() == expected
    assert app.machine().headers["Retry-After"] == "60"
    idp.clock.advance(60)
    assert app.machine().status_code == 200
