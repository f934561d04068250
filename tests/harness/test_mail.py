"""A message as a page: what a test in a browser opens, reads and clicks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests
from dashboard_world import ALICE, HOME, Page, get

from mockidp.harness.mail import paragraphs_of
from mockidp.model.outbox import Message, send
from mockidp.server import MockIdp

DATABASE = "Username-Password-Authentication"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}"


@pytest.fixture(autouse=True)
def sound(idp: MockIdp) -> Iterator[None]:
    """No request may have met a bug."""
    yield
    idp.raise_problems()


def page_of(message: Message) -> str:
    return f"/_mockidp/outbox/{quote(message.id, safe='')}"


def message(body: str, **members: Any) -> Message:
    given = {"kind": "verify_email", "to": ALICE, "subject": "S", "sent_at": "2030-01-01T00:00:00.000Z"}
    return Message(id="m1", body=body, **{**given, **members})


def forgotten(idp: MockIdp) -> Message:
    """Have a link mailed."""
    form = {"client_id": "web", "email": ALICE, "connection": DATABASE}
    requests.post(f"{idp.url}/dbconnections/change_password", json=form, timeout=5)
    return idp.outbox.last


def test_a_mail_is_a_page_with_one_link(idp: MockIdp) -> None:
    """Subject, recipient, text, and the link as the only one: easy to click whatever drives the browser."""
    mail = forgotten(idp)
    page = get(idp, page_of(mail))
    assert [link["href"] for link in page.all("a")] == [mail.url]
    assert "target" not in page.all("a")[0]
    for shown in (
        mail.subject,
        f"to {ALICE}",
        "Somebody asked to change your password",
        "Reset your password",
    ):
        assert shown in page.text
    assert "Enter a new password" in requests.get(mail.url or "", timeout=5).text


def test_the_page_is_sealed(idp: MockIdp) -> None:
    """No script at all, nothing from elsewhere, no frame."""
    response = requests.get(f"{idp.url}{page_of(forgotten(idp))}", timeout=5)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert response.headers["X-Frame-Options"] == "deny"


def test_the_outbox_names_the_pages(idp: MockIdp) -> None:
    """By the `id` of the JSON; its members are as ever."""
    mail = forgotten(idp)
    [listed] = requests.get(f"{idp.url}/_mockidp/outbox", params={"to": ALICE}, timeout=5).json()
    assert listed["id"] == mail.id
    assert {"kind", "to", "code", "url", "subject", "body"} <= set(listed)
    assert listed["body"].count(listed["url"]) == 1


def test_a_code_stands_out(idp: MockIdp) -> None:
    """In a place of its own, to be read by a test."""
    send(idp.state, "mfa_oob_code", ALICE, "Your code", "Your code is:\n\n123456\n", code="123456")
    page = get(idp, page_of(idp.outbox.last))
    assert [found.get("class") for found in page.all("strong")] == ["code"]
    assert "Your code is: 123456" in page.text
    assert page.all("a") == []


def test_an_unknown_message_is_a_page_in_words(idp: MockIdp) -> None:
    """404; a reset forgets messages."""
    path = page_of(forgotten(idp))
    idp.reset()
    assert "There is no such message" in get(idp, path, 404).text


def test_what_is_in_a_mail_is_text(idp: MockIdp) -> None:
    """On its page and in the dashboard's outbox: no markup, and no URL that would run a script."""
    send(idp.state, HOSTILE, HOSTILE, HOSTILE, f"{HOSTILE}\n\n{HOSTILE}1", code=HOSTILE, url=f"{HOSTILE}1")
    send(idp.state, "x", ALICE, "S", "Click javascript:alert(1) now", url="javascript:alert(1)")
    for path in (page_of(idp.outbox[0]), page_of(idp.outbox[1]), f"{HOME}/outbox"):
        page = get(idp, path)
        assert len(page.all("script")) == (1 if path.startswith(HOME) else 0)
        assert page.all("img") == []
        assert not any("javascript" in str(link["href"]) for link in page.all("a"))


def test_pages_of_other_sites_cannot_read_mails(idp: MockIdp) -> None:
    """A link may be followed, as to the rest of the dashboard; a script gets nothing."""
    path = f"{idp.url}{page_of(forgotten(idp))}"
    script = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
    assert requests.get(path, headers=script, timeout=5).status_code == 403


def test_a_link_in_a_sentence_stays_there() -> None:
    """It shows its URL; one that is a paragraph of its own says what it is for."""
    url = "http://idp.example/u?ticket=t#"
    inside, alone = paragraphs_of(message(f"Go to {url} or\nwait.\n\n{url}\n", url=url))
    assert [(piece.text, piece.url) for piece in inside] == [
        ("Go to ", None),
        (url, url),
        (" or\nwait.", None),
    ]
    assert [(piece.text, piece.url) for piece in alone] == [("Verify your email", url)]
    [[other]] = paragraphs_of(message(url, url=url, kind="mine"))
    assert other.text == "Open the link"


def test_html_of_a_connections_own_template_is_read() -> None:
    """Its text and its links; styles, scripts and what markup does are left out."""
    html = (
        "<html><head><title>T</title><style>p {color: red}</style></head><body><p>Dear <b>Ada</b>,</p>\n"
        "<p>your code is 123456.<br>Or <a class='x' href='https://idp.example/in?c=1'>log in <i>now</i></a>"
        "</p><script>alert(1)</script></body></html>"
    )
    found = paragraphs_of(message(html, code="123456", url="https://idp.example/in?c=1"))
    texts = ["".join(piece.text for piece in paragraph) for paragraph in found]
    assert texts == ["Dear Ada,", "your code is 123456.", "Or log in now"]
    assert [piece.text for paragraph in found for piece in paragraph if piece.is_code] == ["123456"]
    links = [(piece.text, piece.url) for paragraph in found for piece in paragraph if piece.url]
    assert links == [("log in now", "https://idp.example/in?c=1")]


def test_an_empty_body_has_no_paragraph(idp: MockIdp) -> None:
    """A message may be nothing but its subject, or nothing at all."""
    send(idp.state, "passwordless_sms", "+15551234567", "", "")
    assert "to +15551234567" in get(idp, page_of(idp.outbox.last)).text
    assert Page(requests.get(f"{idp.url}{HOME}/outbox", timeout=5).text).text
