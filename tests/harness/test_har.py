"""idp.requests.har(): an HTTP Archive that browsers' network panels import."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests
from dashboard_world import get
from journal_world import ALICE, CALLBACK, Journey

from mockidp import __version__
from mockidp.errors import UsageError
from mockidp.server import MockIdp

SCHEMA = json.loads((Path(__file__).parent / "har_schema.json").read_text())
JWKS = "/.well-known/jwks.json"


@pytest.fixture(autouse=True)
def frozen(idp: MockIdp) -> None:
    idp.clock.freeze("2030-01-01T00:00:00Z")


def entries(idp: MockIdp, secrets: bool = True) -> list[dict[str, Any]]:
    """Return the entries of an archive, which is valid."""
    archive = idp.requests.har(secrets=secrets)
    jsonschema.validate(archive, SCHEMA)
    found: list[dict[str, Any]] = archive["log"]["entries"]
    return found


def named(pairs: list[dict[str, str]]) -> dict[str, str]:
    return {pair["name"]: pair["value"] for pair in pairs}


@pytest.mark.parametrize("secrets", [False, True])
def test_an_archive_of_everything_is_valid(idp: MockIdp, secrets: bool) -> None:
    """HAR 1.2, with and without secrets; one entry for each request."""
    Journey(idp).everything()
    assert len(entries(idp, secrets)) == len(idp.requests) > 30


def test_an_empty_archive_is_valid(idp: MockIdp) -> None:
    """Nothing came."""
    assert entries(idp) == []
    assert idp.requests.har()["log"]["creator"] == {"name": "mockidp", "version": __version__}


def test_a_request_is_told_whole(idp: MockIdp) -> None:
    """An absolute URL, parameters, fields, cookies, headers, the tenant's time."""
    form = {"grant_type": "password", "username": ALICE, "password": "p w"}
    requests.post(f"{idp.url}/oauth/token?a=1&a=%7C", data=form, cookies={"did": "x%3Ay"}, timeout=5)
    [entry] = entries(idp)
    request = entry["request"]
    assert (request["method"], request["url"]) == ("POST", f"{idp.url}/oauth/token?a=1&a=%7C")
    assert request["queryString"] == [{"name": "a", "value": "1"}, {"name": "a", "value": "|"}]
    assert request["cookies"] == [{"name": "did", "value": "x%3Ay"}]
    assert named(request["headers"])["Host"] == idp.url.removeprefix("http://")
    body = "grant_type=password&username=alice%40example.com&password=p+w"
    assert request["postData"]["mimeType"] == "application/x-www-form-urlencoded"
    assert request["postData"]["text"] == body
    assert named(request["postData"]["params"]) == form
    assert request["bodySize"] == len(body)
    assert entry["startedDateTime"] == "2030-01-01T00:00:00.000Z"


def test_an_answer_is_told_whole(idp: MockIdp) -> None:
    """Status, content, where it leads absolutely, cookies with their attributes."""
    answer = requests.get(f"{idp.url}{JWKS}", timeout=5)
    asked = {"client_id": "web", "response_type": "code", "redirect_uri": CALLBACK}
    requests.get(f"{idp.url}/authorize", params=asked, allow_redirects=False, timeout=5)
    first, second = (entry["response"] for entry in entries(idp))
    assert (first["status"], first["statusText"], first["redirectURL"]) == (200, "OK", "")
    assert json.loads(first["content"]["text"]) == answer.json()
    assert first["content"]["size"] == first["bodySize"] == len(answer.content)
    assert named(first["headers"])["X-Auth0-RequestId"] == answer.headers["X-Auth0-RequestId"]
    assert (second["status"], second["statusText"]) == (302, "Found")
    assert second["redirectURL"].startswith(f"{idp.url}/u/login?state=")
    [cookie] = second["cookies"]
    assert (cookie["name"], cookie["path"], cookie["httpOnly"]) == ("did", "/", True)
    assert cookie["expires"] == "2031-01-01T06:00:00.000Z"


def test_firefox_finds_its_page_and_timings(idp: MockIdp) -> None:
    """Its importer looks every entry's page up, and adds up all of the timings that there are."""
    requests.get(f"{idp.url}{JWKS}", timeout=5)
    archive = idp.requests.har()["log"]
    assert [entry["pageref"] for entry in archive["entries"]] == [page["id"] for page in archive["pages"]]
    [entry] = archive["entries"]
    assert set(entry["timings"]) == {"blocked", "dns", "connect", "ssl", "send", "wait", "receive"}
    assert entry["timings"]["wait"] == entry["time"] == round(idp.requests[0].duration * 1000, 3)


def test_what_we_know_beside_is_in_members_of_our_own(idp: MockIdp) -> None:
    """Number, client, user and rule."""
    idp.fail("GET /userinfo", status=503)
    token = idp.token(ALICE, client="web")
    requests.get(f"{idp.url}/userinfo", headers={"Authorization": f"Bearer {token}"}, timeout=5)
    [entry] = entries(idp)
    own = {name: value for name, value in entry.items() if name.startswith("_")}
    assert own == {
        "_number": 1,
        "_clientId": "web",
        "_userId": idp.users[ALICE].user_id,
        "_rule": {"number": 1, "text": "GET /userinfo"},
    }


def test_a_dropped_connection_has_no_status(idp: MockIdp) -> None:
    """Status 0 and what happened, as Chrome's own archives."""
    idp.on("GET /userinfo").drop()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{idp.url}/userinfo", timeout=5)
    [entry] = entries(idp)
    assert (entry["response"]["status"], entry["response"]["_error"]) == (0, "the connection was dropped")


def test_a_binary_body_is_base64(idp: MockIdp) -> None:
    """The certificate, which is no secret."""
    answer = requests.get(f"{idp.url}/cer", timeout=5)
    for secrets in (False, True):
        [entry] = entries(idp, secrets)
        content = entry["response"]["content"]
        assert content["encoding"] == "base64"
        assert base64.b64decode(content["text"]) == answer.content


def test_a_multipart_form_has_its_fields(idp: MockIdp) -> None:
    """The body itself is kept only with its secrets."""
    files = {"password": (None, "the-pw"), "users": ("users.json", BytesIO(b"[]"))}
    requests.post(f"{idp.url}/api/v2/jobs/users-imports", files=files, timeout=5)
    [entry] = entries(idp)
    assert "the-pw" in entry["request"]["postData"]["text"]
    [entry] = entries(idp, secrets=False)
    assert named(entry["request"]["postData"]["params"]) == {"password": "<redacted 6 chars>"}
    assert entry["request"]["postData"]["text"].startswith("<redacted")


def test_a_redacted_url_is_a_url(idp: MockIdp) -> None:
    """What stands for a secret is percent-encoded in it."""
    requests.get(f"{idp.url}/authorize?access_token=x", timeout=5)
    [entry] = entries(idp, secrets=False)
    assert entry["request"]["url"] == f"{idp.url}/authorize?access_token=%3Credacted%201%20chars%3E"


def test_it_is_saved(idp: MockIdp, tmp_path: Path) -> None:
    """In directories that are made; secrets only when asked for."""
    requests.get(f"{idp.url}/userinfo?access_token=the-token", timeout=5)
    path = tmp_path / "artifacts" / "run.har"
    idp.requests.save(path)
    assert json.loads(path.read_text()) == idp.requests.har()
    assert "the-token" not in path.read_text()
    idp.requests.save(str(path), secrets=True)
    assert "the-token" in path.read_text()


def test_a_file_that_cannot_be_written_is_a_usage_error(idp: MockIdp, tmp_path: Path) -> None:
    """One line with the path and the reason."""
    with pytest.raises(UsageError, match=rf"cannot write '{tmp_path}': is a directory"):
        idp.requests.save(tmp_path)


def test_the_control_api_has_it(idp: MockIdp) -> None:
    """Redacted unless `secrets=true`, all of it, of an operation, or after a number."""
    requests.get(f"{idp.url}/userinfo?access_token=the-token", timeout=5)
    requests.get(f"{idp.url}{JWKS}", timeout=5)
    url = f"{idp.url}/_mockidp/requests.har"
    assert requests.get(url, timeout=5).json() == idp.requests.har()
    assert requests.get(url, params={"secrets": "true"}, timeout=5).json() == idp.requests.har(secrets=True)
    for query in ({"on": f"GET {JWKS}"}, {"after": "1"}):
        [entry] = requests.get(url, params=query, timeout=5).json()["log"]["entries"]
        assert entry["_number"] == 2
    refused = requests.get(url, params={"secrets": "perhaps"}, timeout=5)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_body")


def test_the_dashboard_links_to_it(idp: MockIdp) -> None:
    """A click saves the file."""
    page = get(idp, "/_mockidp/dashboard/requests")
    [link] = [link for link in page.all("a") if link.get("download")]
    assert link == {"href": "/_mockidp/requests.har", "download": "mockidp.har"}
