"""Requests that an earlier test left over are named, and do not count where they cannot belong."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from dashboard_world import get
from journal_world import ALICE, CALLBACK, MULTI_FACTOR, Journey, recorder_of, request_to
from werkzeug.wrappers import Request, Response

from mockidp.harness.leftovers import ADVICE, KEPT, Past, leftover_text
from mockidp.harness.recorder import Recorder
from mockidp.model.tenant import Tenant
from mockidp.rules.operation import Operation
from mockidp.rules.rule import Expectations, ExpectedRequest, Script
from mockidp.server import MockIdp

FIRST, SECOND = "tests/test_a.py::test_first", "tests/test_a.py::test_second"

# The tests leave over what they tell of.
pytestmark = pytest.mark.filterwarnings("ignore:.*left over:pytest.PytestWarning")


class Suite:
    """Tests one after the other, as the fixture runs them."""

    def __init__(self, idp: MockIdp) -> None:
        self.idp = idp
        self._restore = idp.state.snapshot()
        self.begin(FIRST)

    def begin(self, label: str | None) -> None:
        self.idp.requests.end()
        self._restore()
        self.idp.requests.begin(label)
        self.idp.rules.restart()


@pytest.fixture
def suite(idp: MockIdp) -> Suite:
    return Suite(idp)


def labels(idp: MockIdp) -> list[str | None]:
    return [each.leftover_of for each in idp.requests]


# -- what began earlier --------------------------------------------------------------------------------------


def test_a_request_that_ends_in_another_test_is_left_over(idp: MockIdp, suite: Suite) -> None:
    """It is in the other one's journal under its label, and does not count there."""
    slow = idp.on("GET /userinfo").respond(status=503).delay(60)
    with ThreadPoolExecutor() as pool:
        pending = pool.submit(requests.get, f"{idp.url}/userinfo", timeout=30)
        wait_until(lambda: slow.times == 1)
        suite.begin(SECOND)
        assert pending.result().status_code == 503
    [straggler] = idp.requests.leftovers()
    assert (straggler.number, straggler.leftover_of, straggler.counts) == (1, FIRST, False)
    assert idp.requests.matching("GET /userinfo") == []
    idp.requests.assert_not_called("GET /userinfo")
    with pytest.raises(AssertionError, match=rf"1\. GET /userinfo → 503 .*\(left over from {FIRST}\)$"):
        idp.requests.assert_called("GET /userinfo")
    expected = ExpectedRequest(text="GET /userinfo", operation=Operation.parse("GET /userinfo"))
    idp.rules.restart(Script(expect=Expectations(requests=(expected,))))
    with pytest.raises(AssertionError, match="GET /userinfo: expected at least once, came never"):
        idp.verify()
    idp.rules.restart()


def wait_until(is_true: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if is_true():
            return
        pause.wait(0.01)
    raise AssertionError("it never came")


def test_it_comes_to_the_world_that_is_served_by_then() -> None:
    """Tests of different seeds have tenants and recorders of their own, and one past."""
    past = Past()
    before, after = (Recorder(Tenant(), past=past) for _ in range(2))
    before.begin(FIRST)

    def handler(request: Request) -> Response:
        before.end()
        after.begin(SECOND)
        return Response("late")

    before.layer(handler)(request_to("/userinfo"))
    assert (list(before), [each.leftover_of for each in after]) == ([], [FIRST])


def test_what_is_long_gone_has_no_name() -> None:
    """Only the labels of the last worlds are kept."""
    recorder = Recorder(Tenant())
    recorder.begin(FIRST)

    def handler(request: Request) -> Response:
        for _ in range(KEPT + 1):
            recorder.end()
            recorder.begin(SECOND)
        return Response("late")

    recorder.layer(handler)(request_to("/userinfo"))
    assert recorder[0].leftover_of == "before a reset"


def test_a_reset_without_a_label(idp: MockIdp, suite: Suite) -> None:
    """As by the control API."""
    suite.begin(None)
    journey = Journey(idp)
    code = journey.log_in()["code"]
    suite.begin(None)
    redeem(journey, code)
    assert labels(idp) == ["before a reset"]


# -- what only an earlier world knew -------------------------------------------------------------------------


def redeem(journey: Journey, code: str) -> dict[str, str]:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    return journey.token(client_secret="web-secret", **form)


def present_state(journey: Journey) -> Callable[[], object]:
    page = journey.browser.get(journey.authorize())
    return lambda: journey.call(page.url.partition(journey.idp.url)[2], method="GET")


def present_code(journey: Journey) -> Callable[[], object]:
    code = journey.log_in()["code"]
    return lambda: redeem(journey, code)


def present_refresh_token(journey: Journey) -> Callable[[], object]:
    token = redeem(journey, journey.log_in(scope="openid offline_access")["code"])["refresh_token"]
    return lambda: journey.token(grant_type="refresh_token", refresh_token=token, client_secret="web-secret")


def present_session(journey: Journey) -> Callable[[], object]:
    journey.log_in()
    return lambda: journey.browser.get(journey.authorize(prompt="none"))


def present_session_to_the_login_page(journey: Journey) -> Callable[[], object]:
    journey.log_in()
    return lambda: journey.call(
        journey.authorize().partition(journey.idp.url)[2], method="GET", cookies=dict(journey.browser.cookies)
    )


def present_ticket(journey: Journey) -> Callable[[], object]:
    database = {"client_id": "web", "email": ALICE, "connection": "Username-Password-Authentication"}
    journey.call("/dbconnections/change_password", json=database)
    url = str(journey.idp.outbox.last.url)
    return lambda: journey.call(url.partition(journey.idp.url)[2].partition("#")[0], method="GET")


def present_opaque_token(journey: Journey) -> Callable[[], object]:
    journey.idp.add_user(email="eve@example.com", connection="facebook")
    token = redeem(journey, journey.log_in("eve@example.com")["code"])["access_token"]
    return lambda: journey.call("/userinfo", token, "GET")


PRESENTED = [
    (present_state, "login transaction"),
    (present_code, "authorization code"),
    (present_refresh_token, "refresh token"),
    (present_session, "session"),
    (present_session_to_the_login_page, "session"),
    (present_ticket, "ticket"),
    (present_opaque_token, "access token"),
]


@pytest.mark.parametrize(("present", "name"), PRESENTED)
def test_what_is_from_an_earlier_test_is_named(
    idp: MockIdp, suite: Suite, present: Callable[[Journey], Callable[[], object]], name: str
) -> None:
    """It is refused here, and the label says where it is from; it does count."""
    again = present(Journey(idp))
    suite.begin(SECOND)
    again()
    [leftover] = idp.requests.leftovers()
    assert leftover.leftover is not None
    assert (leftover.leftover_of, leftover.leftover.reason) == (FIRST, f"its {name} is from there")
    assert leftover.counts
    assert leftover is idp.requests[0]
    assert leftover.view().leftover_of == FIRST
    assert idp.requests.har()["log"]["entries"][0]["_leftoverOf"] == FIRST


def test_a_test_further_back_is_found(idp: MockIdp, suite: Suite) -> None:
    """And the nearest of those that it could be from."""
    journey = Journey(idp)
    code = journey.log_in()["code"]
    suite.begin(SECOND)
    requests.get(f"{idp.url}/userinfo", timeout=5)
    suite.begin("tests/test_a.py::test_third")
    redeem(journey, code)
    assert labels(idp) == [FIRST]


def test_what_both_handed_out_tells_nothing(idp: MockIdp, suite: Suite) -> None:
    """Ids are the same in every test: a code that this one has issued, too, is its own."""
    journey = Journey(idp)
    code = journey.log_in()["code"]
    journey.log_in()
    suite.begin(SECOND)
    assert Journey(idp).log_in()["code"] == code
    redeem(journey, code)
    assert "error" in redeem(journey, code)
    assert set(labels(idp)) == {None}


def test_a_snapshot_that_was_restored_is_no_other_test(idp: MockIdp, suite: Suite) -> None:
    """What was handed out before it went back is of this test."""
    Journey(idp).log_in()
    suite.begin(SECOND)
    journey = Journey(idp)
    snapshot = idp.snapshot()
    code = journey.log_in()["code"]
    idp.restore(snapshot)
    assert "error" in redeem(journey, code)
    assert set(labels(idp)) == {None}


@pytest.mark.parametrize("value", ["", "x", "x" * 32, "x" * 43, "v1.M" + "x" * 60])
def test_what_nobody_handed_out_is_just_wrong(idp: MockIdp, suite: Suite, value: str) -> None:
    """A refusal by itself says nothing."""
    Journey(idp).everything()
    suite.begin(SECOND)
    journey = Journey(idp)
    redeem(journey, value)
    journey.token(grant_type="refresh_token", refresh_token=value, client_secret="web-secret")
    journey.call(f"/u/login?state={value}&ticket={value}", value, "GET", cookies={"auth0": value})
    assert labels(idp) == [None] * 3


def test_a_login_of_its_own_is_no_leftover(idp: MockIdp, suite: Suite) -> None:
    """Redirects, cookies and refusals as they come in any test, after a test that had more of them."""
    for _ in range(2):
        Journey(idp).everything()
        suite.begin(SECOND)
    journey = Journey(idp)
    journey.log_in()
    journey.log_in(prompt="login")
    journey.log_in(acr_values=MULTI_FACTOR)
    requests.get(f"{idp.url}/userinfo", timeout=5)
    assert idp.requests.leftovers() == []


# -- in words ------------------------------------------------------------------------------------------------


def test_leftovers_in_words(idp: MockIdp, suite: Suite) -> None:
    """For a warning at the end of the test: what came, from where, how that is known, what to do."""
    journey = Journey(idp)
    code = journey.log_in()["code"]
    suite.begin(SECOND)
    redeem(journey, code)
    assert leftover_text(idp.requests.leftovers()).splitlines() == [
        "a request is left over from what went before:",
        "  1. POST /oauth/token form {client_id: 'web', client_secret: <redacted 10 chars>, "
        f"grant_type: 'authorization_code', code: <redacted 43 chars>, redirect_uri: '{CALLBACK}'}} → 403 "
        f"invalid_grant: Invalid authorization code (left over from {FIRST})",
        "       its authorization code is from there",
        ADVICE,
    ]
    redeem(journey, code)
    assert leftover_text(idp.requests.leftovers()).startswith(
        "2 requests are left over from what went before"
    )


def test_the_dashboard_marks_leftovers(idp: MockIdp, suite: Suite) -> None:
    """And says how long each request took, and which rule answered."""
    code = Journey(idp).log_in()["code"]
    suite.begin(SECOND)
    redeem(Journey(idp), code)
    idp.fail("GET /userinfo", status=503)
    requests.get(f"{idp.url}/userinfo", timeout=5)
    text = get(idp, "/_mockidp/dashboard/requests").text
    assert f"· Left over from {FIRST}: its authorization code is from there" in text
    assert text.count("Left over") == 2
    assert re.search(r"Took \d+\.\d ms · Rule 1: GET /userinfo", text)


def test_nothing_left_over_is_no_text() -> None:
    """And nothing is warned of."""
    assert leftover_text(recorder_of(request_to("/x")).leftovers()) == ""


def test_the_page_of_a_lost_login_names_no_test(idp: MockIdp, suite: Suite) -> None:
    """The tenant does not know that it is watched: the answer is that of any lost transaction."""
    page = Journey(idp).browser.get(Journey(idp).authorize())
    state = parse_qs(urlsplit(page.url).query)["state"][0]
    suite.begin(SECOND)
    answer = requests.get(f"{idp.url}/u/login", params={"state": state}, timeout=5)
    assert answer.status_code == 400
    assert "test_first" not in answer.text
