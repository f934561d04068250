"""The dashboard on the wire: what its pages show."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from dashboard_world import ALICE, CALLBACK, HOME, PAGES, Page, get, google, log_in

from mockidp.harness.dashboard import Dashboard
from mockidp.server import MockIdp

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}"


@pytest.fixture(autouse=True)
def noon(idp: MockIdp) -> Iterator[None]:
    """A time that the pages can be asked for; no request may have met a bug."""
    idp.clock.freeze("2030-01-01T12:00:00Z")
    yield
    idp.raise_problems()


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
    assert HOSTILE in unescape(get(idp, path).text)


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
        assert line in text, line
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
    """A link that can be clicked, at a glance and in the message; and the message as a page."""
    form = {"client_id": "web", "email": ALICE, "connection": "Username-Password-Authentication"}
    requests.post(f"{idp.url}/dbconnections/change_password", json=form, timeout=5)
    for path in (f"{HOME}/outbox", "/_mockidp/"):
        page = get(idp, path)
        links = [link for link in page.all("a") if link["href"] == idp.outbox.last.url]
        assert [link["rel"] for link in links] == ["noopener", "noopener"]
        assert f"/_mockidp/outbox/{idp.outbox.last.id}" in [link["href"] for link in page.all("a")]
        assert ALICE in page.text


def test_rules_have_a_page_when_there_are_any(idp: MockIdp) -> None:
    """What each is, and how often it answered."""
    assert f"{HOME}/rules" not in [link["href"] for link in get(idp, "/_mockidp/").all("a")]
    idp.rules.put({"on": "GET /userinfo", "then": {"error": "temporarily_unavailable"}, "times": 2})
    requests.get(f"{idp.url}/userinfo", timeout=5)
    shown = get(idp, f"{HOME}/rules").text
    requests.get(f"{idp.url}/userinfo", timeout=5)  # as often as it was to answer
    assert "answered 1 of 2" in shown
    assert f"{HOME}/rules" in [link["href"] for link in get(idp, "/_mockidp/").all("a")]


# -- the documents ---------------------------------------------------------------------------------------


def test_every_route_is_explained(idp: MockIdp) -> None:
    """docs/dashboard.md or docs/control-api.md has each."""
    docs = Path(__file__).parents[2] / "docs"
    text = (docs / "dashboard.md").read_text() + (docs / "control-api.md").read_text()
    routes = [f"{route.method} {route.template}" for route in Dashboard(idp).routes()]
    assert [route for route in routes if f"`{route}`" not in text] == []
