"""A small world and a person in it, for the tests of the pages."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from werkzeug.test import Client as Browser
from werkzeug.test import TestResponse

from mockidp.app import Application
from mockidp.model.client import Client, put_client
from mockidp.model.connection import Connection, find_connection, put_connection
from mockidp.model.outbox import MESSAGES, Message
from mockidp.model.resource_server import RESOURCE_SERVERS, ResourceServer
from mockidp.model.session import (
    AuthorizationRequest,
    LoginTransaction,
    find_transaction,
    save_transaction,
    start_transaction,
)
from mockidp.model.tenant import ONLY, SETTINGS, Settings, Tenant
from mockidp.model.user import User, create_user

CALLBACK = "http://localhost:3000/callback"
DB = "Username-Password-Authentication"
GOOD = "Correct-Horse-9"
VOID = frozenset({"meta", "link", "input", "br", "img", "hr"})


class Page(HTMLParser):
    """A rendered page: its text, and the elements with the text inside them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self._open: list[tuple[str, dict[str, str], list[str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = (tag, {name: value or "" for name, value in attrs}, list[str]())
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        for _, _, texts in self._open:
            texts.append(data)

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        return [
            attributes
            for name, attributes, _ in self.elements
            if name == tag and wanted.items() <= attributes.items()
        ]

    def text(self, tag: str = "main", **wanted: str) -> str | None:
        """The text of the first such element."""
        found = (
            texts
            for name, attributes, texts in self.elements
            if name == tag and wanted.items() <= attributes.items()
        )
        texts = next(found, None)
        return None if texts is None else " ".join("".join(texts).split())

    @property
    def error(self) -> str | None:
        return next(
            (self.text("span", id=a["id"]) for a in self.all("span", **{"class": "ulp-input-error-message"})),
            None,
        )

    def values(self, name: str) -> list[str]:
        """The values of buttons and fields with this name."""
        return [a["value"] for t in ("button", "input") for a in self.all(t, name=name) if "value" in a]


class World:
    """A tenant, its application, and a client without a browser's manners."""

    def __init__(self) -> None:
        self.tenant = Tenant()
        self.tenant.clock.freeze("2030-01-01T00:00:00Z")
        self.browser = Browser(Application(self.tenant))
        self.web = self.client("web", name="Web", callbacks=[CALLBACK])
        self.database = self.connection(DB, "auth0")
        self.google = self.connection("google-oauth2", "google-oauth2")
        self.alice = self.user(DB, email="alice@example.com", password=GOOD)
        self.gina = self.user(
            "google-oauth2", bare_id="103547991597142817347", email="gina@gmail.com", name="Gina G"
        )

    def client(self, client_id: str, **members: Any) -> Client:
        client = Client.of({"client_id": client_id, "name": client_id, **members})
        put_client(self.tenant, client)
        return client

    def connection(self, name: str, strategy: str, **members: Any) -> Connection:
        connection = Connection.of({"id": f"con_{name}", "name": name, "strategy": strategy, **members})
        put_connection(self.tenant, connection)
        return connection

    def user(
        self, connection: str, bare_id: str | None = None, password: str | None = None, **attributes: Any
    ) -> User:
        found = find_connection(self.tenant, connection)
        assert found
        return create_user(self.tenant, found, attributes, bare_id=bare_id, password=password)

    def settings(self, **members: Any) -> None:
        self.tenant.store.put(SETTINGS, ONLY, Settings.of(members))

    def api(self, identifier: str, **members: Any) -> None:
        self.tenant.store.put(
            RESOURCE_SERVERS, identifier, ResourceServer.of({"identifier": identifier, **members})
        )

    def begin(self, **request: Any) -> LoginTransaction:
        """Begin a login transaction as /authorize does."""
        members = {
            "client_id": "web",
            "redirect_uri": CALLBACK,
            "response_types": frozenset({"code"}),
            **request,
        }
        return start_transaction(self.tenant, AuthorizationRequest(**members), "device-1")

    def begin_as(self, user: User, **request: Any) -> LoginTransaction:
        """Begin a login transaction in which somebody has logged in."""
        identity = user.main
        begun = msgspec.structs.replace(
            self.begin(**request),
            user_id=user.user_id,
            identity=identity.key,
            connection=identity.connection,
            fresh=True,
        )
        save_transaction(self.tenant, begun)
        return begun

    def now(self, transaction: LoginTransaction) -> LoginTransaction:
        """The transaction as it is now."""
        found = find_transaction(self.tenant, transaction.id)
        assert found
        return found

    def get(self, path: str, transaction: LoginTransaction, **query: str) -> TestResponse:
        return self.browser.get(path, query_string={**query, "state": transaction.id})

    def post(self, path: str, transaction: LoginTransaction, **form: str) -> TestResponse:
        return self.browser.post(path, data={"state": transaction.id, **form})

    @property
    def mails(self) -> list[Message]:
        return self.tenant.store.all(MESSAGES)

    @staticmethod
    def page(response: TestResponse) -> Page:
        return Page(response.get_data(as_text=True))

    @staticmethod
    def query(url: str) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))

    @staticmethod
    def resumes(response: TestResponse, transaction: LoginTransaction) -> bool:
        """Whether the answer goes back to the dispatcher."""
        location = f"/authorize/resume?state={transaction.id}"
        return (response.status_code, response.headers.get("Location")) == (302, location)

    def finish(self, response: TestResponse) -> dict[str, str]:
        """Follow redirects inside the tenant; return the parameters that the client gets."""
        for _ in range(6):
            assert response.status_code == 302, response.get_data(as_text=True)
            location = response.headers["Location"]
            if location.startswith(CALLBACK):
                return self.query(location)
            response = self.browser.get(location)
        raise AssertionError("the login never ends")


@pytest.fixture
def world() -> Iterator[World]:
    """A new world; what goes wrong inside the tenant fails the test."""
    world = World()
    yield world
    problems = world.browser.application.problems
    assert not problems, problems[0].traceback
