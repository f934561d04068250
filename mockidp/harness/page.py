"""A page as the browser holds it: status, text, forms, links, and what it says went wrong."""

from __future__ import annotations

from collections.abc import Collection
from email.message import Message
from html.parser import HTMLParser
from urllib.parse import urljoin

import msgspec

from mockidp.errors import UsageError

_REDIRECTS = (301, 302, 303, 307, 308)


class Button(msgspec.Struct, frozen=True):
    """A button that submits: its `name` and `value` go with the form, `text` is what a person reads."""

    name: str
    value: str
    text: str = ""


class Form(msgspec.Struct, frozen=True):
    """A form: where it leads, its fields with the values that they have, its buttons.

    `unchecked` names boxes that send nothing until they are given a value.
    """

    action: str
    method: str
    fields: dict[str, str]
    buttons: tuple[Button, ...] = ()
    unchecked: tuple[str, ...] = ()

    def button(self, press: str) -> Button | None:
        """Return the button with this value, or else the first whose text has it."""
        exact = next((button for button in self.buttons if button.value == press), None)
        text = press.lower()
        return exact or next((button for button in self.buttons if text in button.text.lower()), None)

    def values(self, name: str) -> list[str]:
        """Return the values of all buttons of this name."""
        return [button.value for button in self.buttons if button.name == name]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What a server answered; of a page that is no HTML the text alone. `alert` is the error it shows."""

    status: int
    url: str
    headers: Message
    text: str
    forms: tuple[Form, ...] = ()
    links: tuple[str, ...] = ()
    alert: str = ""
    heading: str = ""
    title: str = ""

    @property
    def location(self) -> str | None:
        """Where it redirects to (absolute), when the browser did not follow."""
        location = self.headers.get("Location") if self.status in _REDIRECTS else None
        return urljoin(self.url, location) if location else None

    def form_with(self, fields: Collection[str], press: str | None) -> tuple[Form, Button | None]:
        """Return the first form with these fields and button; raise `UsageError` that names what is there."""
        for form in self.forms:
            button = form.button(press) if press is not None else next(iter(form.buttons), None)
            if set(fields) <= {*form.fields, *form.unchecked} and (button or press is None):
                return form, button
        wanted = [f"the fields {', '.join(fields)}"] if fields else []
        wanted += [f"a button '{press}'"] if press is not None else []
        there = "; ".join(_described(form) for form in self.forms) or "none"
        raise UsageError(f"{self.url} has no form with {' and '.join(wanted) or 'anything'}; forms: {there}")

    def says(self) -> str:
        """Return in one line what the page tells the person: its error, heading, title, or its text."""
        text = " ".join(self.text.split())[:200]
        return self.alert or self.heading or self.title or text or "(an empty page)"


def read_page(status: int, url: str, headers: Message, body: bytes) -> Page:
    """Return the page of a response."""
    text = body.decode(headers.get_content_charset("utf-8"), "replace")
    if headers.get_content_type() != "text/html":
        return Page(status=status, url=url, headers=headers, text=text)
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return Page(
        status=status,
        url=url,
        headers=headers,
        text=text,
        forms=tuple(
            Form(
                action=urljoin(url, form.action),
                method=form.method,
                fields=form.fields,
                buttons=tuple(Button(name, value, _line(words)) for name, value, words in form.buttons),
                unchecked=tuple(form.unchecked),
            )
            for form in reader.forms
        ),
        links=tuple(urljoin(url, link) for link in reader.links),
        alert=_line(reader.alert),
        heading=_line(reader.heading),
        title=_line(reader.title),
    )


def _line(words: list[str]) -> str:
    return " ".join("".join(words).split())


def _described(form: Form) -> str:
    buttons = ", ".join(f"'{button.value or button.text}'" for button in form.buttons)
    return f"fields {', '.join(form.fields) or 'none'} and buttons {buttons or 'none'}"


class _OpenForm:
    """A form while it is read."""

    def __init__(self, action: str, method: str) -> None:
        self.action, self.method = action, method
        self.fields: dict[str, str] = {}
        self.buttons: list[tuple[str, str, list[str]]] = []
        self.unchecked: list[str] = []


class _Reader(HTMLParser):
    """Collects forms, links, the alert and the first heading."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[_OpenForm] = []
        self.links: list[str] = []
        self.alert: list[str] = []
        self.heading: list[str] = []
        self.title: list[str] = []
        self._form: _OpenForm | None = None
        self._texts: list[tuple[str, list[str]]] = []  # open elements whose text is wanted
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if given.get("role") == "alert":
            self._texts.append((tag, self.alert))
        elif tag == "h1" and not self.heading:
            self._texts.append((tag, self.heading))
        elif tag == "title" and not self.title:  # an svg may have one, too
            self._texts.append((tag, self.title))
        elif self._texts and tag == self._texts[-1][0]:
            self._texts.append((tag, []))  # so that its end does not end the outer one
        elif tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "form":
            self._form = _OpenForm(given.get("action", ""), given.get("method", "get").upper())
            self.forms.append(self._form)
        elif self._form is not None:
            self._control(self._form, tag, given)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif self._texts and self._texts[-1][0] == tag:
            self._texts.pop()

    def handle_data(self, data: str) -> None:
        for _, words in self._texts:
            words.append(data)

    def _control(self, form: _OpenForm, tag: str, given: dict[str, str]) -> None:
        kind = given.get("type", "submit" if tag == "button" else "text")
        if tag in ("button", "input") and kind in ("submit", "image"):
            words = [given.get("value", "")] if tag == "input" else []
            form.buttons.append((given.get("name", ""), given.get("value", ""), words))
            if tag == "button":
                self._texts.append((tag, words))
        elif tag == "input" and "name" in given:
            self._input(form, kind, given)
        elif tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and self._select:
            if "selected" in given or self._select not in form.fields:
                form.fields[self._select] = given.get("value", "")
        elif tag == "textarea" and "name" in given:
            form.fields[given["name"]] = ""

    def _input(self, form: _OpenForm, kind: str, given: dict[str, str]) -> None:
        if kind not in ("checkbox", "radio"):
            form.fields[given["name"]] = given.get("value", "")
        elif "checked" in given:
            form.fields[given["name"]] = given.get("value", "on")
        else:
            form.unchecked.append(given["name"])
