"""The dashboard on the wire: what its pages show, what its forms do, and who may send them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests

from mockidp.harness.control import control_routes
from mockidp.server import MockIdp

ALICE = "alice@example.com"
CALLBACK = "http://localhost:3000/callback"
AUTHORIZE = {"response_type": "code", "client_id": "web", "scope": "openid email", "redirect_uri": CALLBACK}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}"
HOME = "/_mockidp/dashboard"
PAGES = ["/_mockidp/", *(f"{HOME}/{name}" for name in ("users", "clients", "requests", "outbox", "rules"))]


@pytest.fixture(autouse=True)
def frozen(idp: MockIdp) -> Iterator[None]:
    """A time that the pages can be asked for; no request may have met a bug."""
    idp.clock.freeze("2030-01-01T12:00:00Z")
    yield
    idp.raise_problems()


class Page(HTMLParser):
    """A page as a browser reads it: its tags with attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def get(idp: MockIdp, path: str, status: int = 200, **headers: str) -> Page:
    response = requests.get(f"{idp.url}{path}", headers=headers, timeout=5)
    assert response.status_code == status, response.text
    return Page(response.text)


def act(idp: MockIdp, action: str, headers: dict[str, str] | None = None, **form: str) -> requests.Response:
    """Send a form as the dashboard's own page does."""
    own = {"Origin": idp.url, "Sec-Fetch-Site": "same-origin"} if headers is None else headers
    url = f"{idp.url}{HOME}/{action}"
    return requests.post(url, data=form, headers=own, allow_redirects=False, timeout=5)


def log_in(idp: MockIdp) -> dict[str, Any]:
    callback = idp.browser().login(f"/authorize?{urlencode(AUTHORIZE)}", ALICE)
    form = {"grant_type": "authorization_code", "code": callback.split("code=")[1], "redirect_uri": CALLBACK}
    tokens: dict[str, Any] = requests.post(
        f"{idp.url}/oauth/token", data=form, auth=("web", "web-secret"), timeout=5
    ).json()
    return tokens


# -- every page ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*PAGES, f"{HOME}/users/{quote('facebook|1022')}", f"{HOME}/users/nobody"])
def test_a_page_is_sealed_and_has_landmarks(idp: MockIdp, path: str) -> None:
    """No inline script or style, nothing from elsewhere; one main and one h1; every field has its label."""
    response = requests.get(f"{idp.url}{path}", timeout=5)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    page = Page(response.text)
    assert [len(page.all(tag)) for tag in ("main", "h1", "title")] == [1, 1, 1]
    assert page.all("html")[0]["lang"] == "en"
    assert [script["src"] for script in page.all("script")] == [page.all("script")[0]["src"]]
    assert page.all("style") == []
    attributes = [name for _, found in page.tags for name in found]
    assert [name for name in attributes if name == "style" or name.startswith("on")] == []
    fields = {each["id"] for each in page.all("input") if each.get("type") != "hidden"}
    assert fields <= {label["for"] for label in page.all("label")}
    ids = [found["id"] for _, found in page.tags if "id" in found]
    assert len(ids) == len(set(ids))


def test_the_overview_is_a_glance_at_everything(idp: MockIdp) -> None:
    """Users, the last requests and messages, how to connect, the time, the control API."""
    log_in(idp)
    text = get(idp, "/_mockidp/").text
    for shown in (ALICE, "POST /oauth/token", "2030-01-01 12:00:00 UTC", "Frozen", idp.issuer):
        assert shown in text
    assert "POST /_mockidp/tokens" in text


def test_the_files_are_kept_by_the_browser_until_they_change(idp: MockIdp) -> None:
    """Their URLs carry a digest; the colours are those of the login pages."""
    page = get(idp, "/_mockidp/")
    for path in (page.all("script")[0]["src"], page.all("link")[1]["href"]):
        response = requests.get(f"{idp.url}{path}", timeout=5)
        assert response.status_code == 200
        assert "immutable" in response.headers["Cache-Control"]
    assert "--accent:" in response.text
    assert ".row" in response.text
    get(idp, "/_mockidp/static/pages.css", 404)
    get(idp, "/_mockidp/static/..%2Fpages.py", 404)


# -- users -----------------------------------------------------------------------------------------------


def titles(page: Page) -> list[str]:
    return [str(link["title"]) for link in page.all("a") if link.get("class") == "title"]


def test_users_are_found_and_paged_by_the_server(idp: MockIdp) -> None:
    """Every word has to occur, whatever the case; the pages lead to one another with the search."""
    for number in range(60):
        idp.add_user(email=f"u{number}@example.org", name=f"User {number}", connection="facebook")
    first = get(idp, f"{HOME}/users?q=USER+example.org")
    assert "1–25 of 60 users" in first.text
    assert titles(first)[0] == "User 0"
    following = next(link["href"] for link in first.all("a") if link.get("rel") == "next")
    assert titles(get(idp, f"{HOME}/users{str(following).partition('users')[2]}"))[0] == "User 25"
    assert titles(get(idp, f"{HOME}/users?q=user+example.org&page=99"))[0] == "User 50"
    assert titles(get(idp, f"{HOME}/users?q=u59@")) == ["User 59"]
    assert "Nobody matches “ zzz ”" in get(idp, f"{HOME}/users?q=zzz").text
    get(idp, f"{HOME}/users?page=x")


def test_a_linked_identity_finds_its_account(idp: MockIdp) -> None:
    """By the secondary's id or e-mail, in the search and as a URL."""
    idp.link(ALICE, "alice@gmail.com")
    assert titles(get(idp, f"{HOME}/users?q=alice@gmail.com")) == ["Alice Example"]
    assert "Alice Example" in get(idp, f"{HOME}/users/{quote(google(idp))}").text


def google(idp: MockIdp) -> str:
    users = [user for user in idp.users if user.user_id.startswith("google-oauth2|")]
    linked = idp.users[ALICE].identities[-1]
    return str(users[0].user_id if users else f"{linked.provider}|{linked.user_id}")


def test_a_user_is_shown_whole(idp: MockIdp) -> None:
    """Identities, the password, the document."""
    text = get(idp, f"{HOME}/users/{quote(idp.users[ALICE].user_id)}").text
    for shown in ("alice-password", "Username-Password-Authentication", '"email_verified"'):
        assert shown in text


def test_nobody_is_a_page_too(idp: MockIdp) -> None:
    """404 in words."""
    assert "The user does not exist." in get(idp, f"{HOME}/users/nobody", 404).text


def test_every_value_is_escaped(idp: MockIdp) -> None:
    """Names, e-mails, ids, requests and their bodies, messages, search: text and nothing else."""
    hostile = idp.add_user(
        email="h@example.com", name=HOSTILE, connection="facebook", user_metadata={"note": HOSTILE}
    )
    requests.post(f"{idp.url}/oauth/token?{quote(HOSTILE)}", data={HOSTILE: HOSTILE}, timeout=5)
    requests.get(f"{idp.url}/{quote(HOSTILE, safe='')}", headers={"X-Hostile": HOSTILE}, timeout=5)
    path = f"{HOME}/users/{quote(hostile.user_id, safe='')}"
    for page in (*PAGES, path, f"{HOME}/users?q={quote(HOSTILE)}", f"{HOME}/requests?q={quote(HOSTILE)}"):
        read = get(idp, page)
        assert len(read.all("script")) == 1
        assert read.all("img") == []
        assert "49" not in read.text.replace(str(idp.url), "") or "{{ 7*7 }}" in read.text
    assert HOSTILE in unescape(get(idp, path).text)


# -- actions ---------------------------------------------------------------------------------------------


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
    ({"unfreeze": "yes"}, None, False),
]


@pytest.mark.parametrize(("form", "now", "frozen"), CLOCK)
def test_the_clock_is_set(idp: MockIdp, form: dict[str, str], now: str | None, frozen: bool) -> None:
    """Advanced, frozen, let go."""
    assert act(idp, "clock", **form).status_code == 303
    assert idp.clock.frozen is frozen
    page = get(idp, "/_mockidp/")
    assert now is None or now in [field.get("value") for field in page.all("input")]


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
    before = idp.tenant.now(), [user.user_id for user in idp.users]
    assert act(idp, action, sent, **forms[action]).status_code == status
    if status != 303:
        assert (idp.tenant.now(), [user.user_id for user in idp.users]) == before
        assert idp.rules.logins.identity is None


@pytest.mark.parametrize("path", [*PAGES, "/_mockidp/requests/stream", "/_mockidp/static/dashboard.js"])
def test_a_page_is_shown_to_our_own_origin_only(idp: MockIdp, path: str) -> None:
    """Another site can't read it, embed it, or link to it."""
    get(idp, path, 403, **{"Sec-Fetch-Site": "cross-site"})
    get(idp, path, 403, Host="idp.example")


# -- clients ---------------------------------------------------------------------------------------------


def test_clients_have_settings_to_copy(idp: MockIdp) -> None:
    """The variables of the SDKs, as lines of an .env file, with this tenant's and this client's values."""
    response = requests.get(f"{idp.url}{HOME}/clients", timeout=5)
    text = unescape(response.text)
    port = idp.url.rpartition(":")[2]
    for line in (
        f"AUTH0_DOMAIN=localhost:{port}",
        "AUTH0_CLIENT_ID=web",
        "AUTH0_CLIENT_SECRET=web-secret",
        "APP_BASE_URL=http://localhost:3000",
        f"ISSUER_BASE_URL={idp.url}",
        "VITE_AUTH0_CLIENT_ID=spa",
        f"OIDC_REDIRECT_URI={CALLBACK}",
        "--data-urlencode client_secret=m2m-secret",
        f"NODE_EXTRA_CA_CERTS={idp.ca_path}",
    ):
        assert re.search(rf"(^|>|\s){re.escape(line)}$", text, re.MULTILINE) or line in text, line
    assert "OIDC_CLIENT_SECRET=''" not in text


# -- requests, messages, rules ---------------------------------------------------------------------------


def test_requests_show_decoded_tokens_collapsed(idp: MockIdp) -> None:
    """Newest first; what was sent is inside, and nothing is open."""
    log_in(idp)
    page = get(idp, f"{HOME}/requests")
    assert page.text.index("POST /oauth/token") < page.text.index("GET /authorize")
    assert '"nickname"' not in page.text
    assert f'"email": "{ALICE}"' in page.text
    assert "response id_token RS256" in page.text
    assert "response access_token opaque" in page.text
    assert "issued 2030-01-01 12:00:00 UTC · expires 2030-01-01 22:00:00 UTC" in page.text
    assert [details for details in page.all("details") if "open" in details] == []


def test_requests_are_searched(idp: MockIdp) -> None:
    """By method, path and status."""
    requests.get(f"{idp.url}/userinfo", timeout=5)
    requests.get(f"{idp.url}/.well-known/jwks.json", timeout=5)
    page = get(idp, f"{HOME}/requests?q=get+401")
    assert "/userinfo" in page.text
    assert "jwks.json" not in page.text
    assert "Nothing matches" in get(idp, f"{HOME}/requests?q=put").text


def test_a_forged_token_is_only_shown(idp: MockIdp) -> None:
    """Times that are none, claims of any type."""
    header, claims = ("eyJhbGciOiJub25lIn0", "eyJleHAiOiAxZTMwMCwgInN1YiI6IFsxXSwgImlhdCI6ICJ4In0")
    requests.get(f"{idp.url}/userinfo", headers={"Authorization": f"Bearer {header}.{claims}."}, timeout=5)
    assert "request authorization none [1]" in get(idp, f"{HOME}/requests").text


def test_the_outbox_has_links_and_codes(idp: MockIdp) -> None:
    """A link that can be clicked."""
    form = {"client_id": "web", "email": ALICE, "connection": "Username-Password-Authentication"}
    requests.post(f"{idp.url}/dbconnections/change_password", json=form, timeout=5)
    for path in (f"{HOME}/outbox", "/_mockidp/"):
        page = get(idp, path)
        links = [link for link in page.all("a") if link["href"] == idp.outbox.last.url]
        assert [link["rel"] for link in links] == ["noopener"]
        assert ALICE in page.text


def test_rules_have_a_page_when_there_are_any(idp: MockIdp) -> None:
    """What each is, and how often it answered."""
    assert f"{HOME}/rules" not in [link["href"] for link in get(idp, "/_mockidp/").all("a")]
    idp.rules.put({"on": "GET /userinfo", "error": "temporarily_unavailable", "times": 2})
    requests.get(f"{idp.url}/userinfo", timeout=5)
    assert f"{HOME}/rules" in [link["href"] for link in get(idp, "/_mockidp/").all("a")]
    assert "answered 1 of 2" in get(idp, f"{HOME}/rules").text


# -- the stream ------------------------------------------------------------------------------------------


def events(idp: MockIdp, query: str = "", **headers: str) -> Iterator[dict[str, str]]:
    """Yield the events of the stream, each as its fields; the first is there once we are connected."""
    url = f"{idp.url}/_mockidp/requests/stream{query}"
    with requests.get(url, headers=headers, stream=True, timeout=5) as response:
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        fields: dict[str, str] = {}
        for line in response.iter_lines(chunk_size=1, decode_unicode=True):
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                yield fields
                fields = {}


def test_requests_are_streamed_as_they_come(idp: MockIdp) -> None:
    """From now on, decoded as `GET requests` has them, each with its number."""
    requests.get(f"{idp.url}/userinfo", timeout=5)
    stream = events(idp)
    assert "retry" in next(stream)
    requests.get(f"{idp.url}/.well-known/jwks.json", timeout=5)
    event = next(stream)
    assert event["id"] == "2"
    assert json.loads(event["data"]) == requests.get(f"{idp.url}/_mockidp/requests?after=1", timeout=5).json()[0]
    idp.reset()
    assert next(stream)["event"] == "reset"
    requests.get(f"{idp.url}/userinfo", timeout=5)
    assert next(stream)["id"] == "1"


@pytest.mark.parametrize(("query", "headers"), [("?after=1", {}), ("", {"Last-Event-ID": "1"})])
def test_a_stream_goes_on_where_it_was(idp: MockIdp, query: str, headers: dict[str, str]) -> None:
    """A browser that lost its connection says what it had."""
    for _ in range(3):
        requests.get(f"{idp.url}/userinfo", timeout=5)
    stream = events(idp, query, **headers)
    next(stream)
    assert [next(stream)["id"], next(stream)["id"]] == ["2", "3"]


def test_a_stream_from_before_a_reset_begins_anew(idp: MockIdp) -> None:
    """What has a lower number than the client knows is new."""
    requests.get(f"{idp.url}/userinfo", timeout=5)
    stream = events(idp, "?after=50")
    next(stream)
    assert next(stream)["event"] == "reset"
    assert next(stream)["id"] == "1"


def test_after_is_a_number(idp: MockIdp) -> None:
    """400 in words."""
    page = get(idp, "/_mockidp/requests/stream?after=x", 400)
    assert "after is the number of a request, not 'x'" in page.text


def test_an_open_stream_does_not_hold_up_the_end() -> None:
    """The server stops while somebody listens."""
    with MockIdp() as idp:
        stream = events(idp)
        next(stream)
        idp.stop()
        with pytest.raises(requests.RequestException):
            next(stream)


# -- the documents ---------------------------------------------------------------------------------------


def test_every_route_is_explained(idp: MockIdp) -> None:
    """docs/dashboard.md or docs/control-api.md has each."""
    docs = Path(__file__).parents[2] / "docs"
    text = (docs / "dashboard.md").read_text() + (docs / "control-api.md").read_text()
    routes = [f"{route.method} {route.template}" for route in control_routes(idp)]
    assert [route for route in routes if f"`{route}`" not in text] == []
