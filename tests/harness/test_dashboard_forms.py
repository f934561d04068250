"""The dashboard's forms: what they do, and who may send them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests
from dashboard_world import ALICE, AUTHORIZE, HOME, PAGES, Page, act, get, google, log_in

from mockidp.server import MockIdp


@pytest.fixture(autouse=True)
def noon(idp: MockIdp) -> Iterator[None]:
    """A time that the pages can be asked for; no request may have met a bug."""
    idp.clock.freeze("2030-01-01T12:00:00Z")
    yield
    idp.raise_problems()


def test_log_in_as_leads_back(idp: MockIdp) -> None:
    """303 to the page of the form, which says what was done; then authorizations answer at once."""
    response = act(idp, "login-as", user=idp.users[ALICE].user_id, back=f"{HOME}/users?q=a&page=1&done=reset")
    assert response.status_code == 303
    assert response.headers["Location"] == f"{HOME}/users?q=a&page=1&done=login-as"
    page = get(idp, response.headers["Location"])
    assert "Logging in as alice@example.com" in page.text
    assert "That user answers the login pages" in page.text
    url = f"{idp.url}/authorize?{urlencode(AUTHORIZE)}"
    assert "code=" in requests.get(url, allow_redirects=False, timeout=5).headers["Location"]
    act(idp, "login-as", back="/_mockidp/")
    assert "Login pages are shown" in get(idp, "/_mockidp/").text


def test_accounts_are_linked_and_unlinked(idp: MockIdp) -> None:
    """By e-mail or id; the same few lines as through every other door."""
    alice = idp.users[ALICE].user_id
    key = google(idp)
    assert act(idp, "link", user=alice, secondary=" alice@gmail.com ").status_code == 303
    assert [identity.provider for identity in idp.users[alice].identities] == ["auth0", "google-oauth2"]
    assert "Unlink" in get(idp, f"{HOME}/users/{quote(alice)}").text
    response = act(idp, "unlink", user=alice, provider="google-oauth2", user_id=key.partition("|")[2])
    assert response.status_code == 303
    assert len(idp.users[alice].identities) == 1
    assert key in idp.users


CLOCK = [
    ({"advance": "1h30m"}, "2030-01-01T13:30:00Z", True),
    ({"freeze": "2031-02-03T00:00:00Z"}, "2031-02-03T00:00:00Z", True),
    ({"freeze": "now"}, "2030-01-01T12:00:00Z", True),
    ({"travel": "2031-02-03T00:00:00Z"}, None, False),
    ({"rate": "60"}, None, False),
    ({"rate": "0"}, "2030-01-01T12:00:00Z", True),
    ({"unfreeze": "yes"}, None, False),
]


@pytest.mark.parametrize(("form", "now", "frozen"), CLOCK)
def test_the_clock_is_set(idp: MockIdp, form: dict[str, str], now: str | None, frozen: bool) -> None:
    """Advanced, frozen, let go."""
    assert act(idp, "clock", **form).status_code == 303
    assert idp.clock.frozen is frozen
    page = get(idp, "/_mockidp/")
    assert now is None or now in [field.get("value") for field in page.all("input")]


def test_the_clock_says_how_it_goes(idp: MockIdp) -> None:
    """Stopped, at its own pace, and the way back from wherever it is."""
    assert "Frozen" in get(idp, "/_mockidp/").text
    act(idp, "clock", travel="2031-02-03T00:00:00Z")
    act(idp, "clock", rate="60")
    page = get(idp, "/_mockidp/").text
    assert "Running × 60" in page
    assert "2031-02-03" in page
    assert "Back to the real time" in page
    act(idp, "clock", unfreeze="yes")
    assert "Back to the real time" not in get(idp, "/_mockidp/").text


def test_reset_brings_the_seed_back(idp: MockIdp) -> None:
    """Users, requests, who answers."""
    idp.add_user(email="dora@example.com", connection="facebook")
    idp.login_as(ALICE)
    log_in(idp)
    assert act(idp, "reset").headers["Location"] == "/_mockidp/?done=reset"
    assert "dora@example.com" not in idp.users
    assert "Login pages are shown" in get(idp, "/_mockidp/").text
    assert "Nothing came yet" in get(idp, "/_mockidp/").text


WRONG = [
    ("login-as", {"user": "alcie@example.com"}, 400, "did you mean 'alice@example.com'"),
    ("link", {"user": ALICE}, 400, "the form has no 'secondary'"),
    ("link", {"user": ALICE, "secondary": ALICE}, 400, "same"),
    ("unlink", {"user": ALICE, "provider": "facebook", "user_id": "1"}, 400, "has no identity 'facebook|1'"),
    ("clock", {"advance": "soon"}, 400, "'soon' is no duration"),
    ("clock", {"freeze": "tomorrow"}, 400, "'tomorrow' is no time"),
    ("clock", {"travel": "tomorrow"}, 400, "'tomorrow' is no time"),
    ("clock", {"rate": "fast"}, 400, "'fast' is no rate"),
    ("clock", {}, 400, "the form has no 'freeze'"),
]


@pytest.mark.parametrize(("action", "form", "status", "expected"), WRONG)
def test_what_is_wrong_is_said_on_a_page(
    idp: MockIdp, action: str, form: dict[str, str], status: int, expected: str
) -> None:
    """With the way back."""
    response = act(idp, action, back=f"{HOME}/users?q=a", **form)
    page = Page(response.text)
    assert response.status_code == status
    assert expected in page.text
    assert f"{HOME}/users?q=a" in [link["href"] for link in page.all("a")]


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example/_mockidp/dashboard/users",
        "//evil.example/_mockidp/",
        "/\\evil.example",
        "javascript:alert(1)",
        "/u/login",
        "/_mockidp/state",
        "//[",
        "/_mockidp/dashboardx",
    ],
)
def test_the_way_back_stays_in_the_dashboard(idp: MockIdp, back: str) -> None:
    """A redirect leads nowhere else."""
    assert act(idp, "login-as", back=back).headers["Location"] == "/_mockidp/?done=login-pages"


CALLERS = [
    ({}, 303),
    ({"Origin": "OWN", "Sec-Fetch-Site": "same-origin"}, 303),
    ({"Origin": "null"}, 403),
    ({"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"}, 403),
    ({"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Host": "idp.example"}, 403),
    ({"Host": "evil.example"}, 421),
]


@pytest.fixture(scope="module")
def idp_options() -> dict[str, Any]:
    """A name that is accepted, but not by what steers the mock."""
    return {"allow_hosts": ["idp.example"]}


@pytest.mark.parametrize(("headers", "status"), CALLERS)
@pytest.mark.parametrize("action", ["login-as", "link", "unlink", "clock", "reset"])
def test_a_form_is_heard_from_our_own_pages_only(
    idp: MockIdp, action: str, headers: dict[str, str], status: int
) -> None:
    """Another site's form does nothing, nor one by another name."""
    forms = {
        "login-as": {"user": ALICE},
        "link": {"user": ALICE, "secondary": "alice@gmail.com"},
        "unlink": {"user": ALICE, "provider": "facebook", "user_id": "1022"},
        "clock": {"advance": "1h"},
        "reset": {},
    }
    idp.link(ALICE, "facebook|1022")
    sent = {name: value.replace("OWN", idp.url) for name, value in headers.items()}
    before = idp.state.now(), [user.user_id for user in idp.users]
    assert act(idp, action, sent, **forms[action]).status_code == status
    if status != 303:
        assert (idp.state.now(), [user.user_id for user in idp.users]) == before
        assert idp.rules.logins.identity is None


@pytest.mark.parametrize("path", [*PAGES, "/_mockidp/requests/stream", "/_mockidp/static/dashboard.js"])
def test_a_page_is_shown_to_our_own_origin_only(idp: MockIdp, path: str) -> None:
    """Another site can't read it, embed it, or link to it."""
    get(idp, path, 403, **{"Sec-Fetch-Site": "cross-site"})
    get(idp, path, 403, Host="idp.example")
