"""A message as a mail client shows it: paragraphs of text, links and codes, and no markup of its own.

Most bodies are plain text; that of a connection's own template is HTML, of which text and links are read.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import msgspec

from mockidp.model.outbox import Message

# What a link says that stands by itself; one within a sentence shows its URL.
LABELS = {
    "verify_email": "Verify your email",
    "reset_email": "Reset your password",
    "blocked_account": "Unblock your account",
    "user_invitation": "Accept the invitation",
    "passwordless_email": "Log in",
}
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_INLINE = frozenset({"a", "abbr", "b", "code", "em", "i", "small", "span", "strong", "sub", "sup", "u"})
_UNSEEN = frozenset({"head", "script", "style", "template", "title"})


class Piece(msgspec.Struct, frozen=True):
    """A piece of a paragraph: text, or a link when it has a `url`, or the message's code."""

    text: str
    url: str | None = None
    is_code: bool = False


def mail_of(message: Message) -> dict[str, Any]:
    """Return what the templates show of a message: its members, its own page, and its paragraphs."""
    return {
        **msgspec.structs.asdict(message),
        "page": f"/_mockidp/outbox/{quote(message.id, safe='')}",
        "paragraphs": paragraphs_of(message),
    }


def paragraphs_of(message: Message) -> list[list[Piece]]:
    """Return the paragraphs of a message's body."""
    if _TAG.search(message.body):
        reader = _Reader(message)
        reader.feed(message.body)
        reader.close()
        return [paragraph for paragraph in reader.paragraphs if paragraph]
    texts = re.split(r"\n\s*\n", message.body.strip())
    paragraphs = [_pieces(message, text) for text in texts]
    for paragraph in paragraphs:
        if len(paragraph) == 1 and paragraph[0].url:
            paragraph[0] = msgspec.structs.replace(
                paragraph[0], text=LABELS.get(message.kind, "Open the link")
            )
    return paragraphs


def _pieces(message: Message, text: str) -> list[Piece]:
    """Return a text as pieces: the message's link and code apart."""
    known = [re.escape(each) for each in (message.url, message.code) if each]
    parts = re.split(f"({'|'.join(known)})", text) if known else [text]
    return [
        Piece(part, url=part if part == message.url else None, is_code=part == message.code)
        for part in parts
        if part
    ]


class _Reader(HTMLParser):
    """Reads text and links of HTML."""

    def __init__(self, message: Message) -> None:
        super().__init__()
        self.paragraphs: list[list[Piece]] = [[]]
        self._message = message
        self._unseen = 0
        self._url: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in _UNSEEN
        if tag == "a":
            self._url = dict(attrs).get("href")
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        self._unseen = max(0, self._unseen - (tag in _UNSEEN))
        if tag == "a":
            self._url = None
        self._break(tag)

    def handle_data(self, data: str) -> None:
        text, paragraph = re.sub(r"\s+", " ", data), self.paragraphs[-1]
        if self._unseen or not (paragraph or text.strip()):
            return
        if not self._url:
            paragraph += _pieces(self._message, text)
        elif paragraph and paragraph[-1].url == self._url:
            paragraph[-1] = Piece(paragraph[-1].text + text, self._url)
        else:
            paragraph.append(Piece(text, self._url))

    def _break(self, tag: str) -> None:
        if tag not in _INLINE and self.paragraphs[-1]:
            self.paragraphs.append([])
