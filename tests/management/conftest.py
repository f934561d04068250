"""A tenant behind its WSGI application, and a caller of its Management API with tokens that it signed."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from werkzeug.test import Client as Browser
from werkzeug.test import TestResponse

from mockidp.app import Application
from mockidp.json import Json
from mockidp.model.client import CLIENTS, Client, put_client
from mockidp.model.connection import Connection, find_connection, put_connection
from mockidp.model.credentials import Authorization
from mockidp.model.outbox import MESSAGES, Message
from mockidp.model.tenant import Tenant
from mockidp.model.user import (
    USERS,
    User,
    create_user,
    find_by_identity,
    get_user,
    put_user,
    with_identities,
)
from mockidp.tokens.issuer import issue_access_token, issue_id_token, sign_claims

ISSUER = "http://localhost/"
DATABASE = "Username-Password-Authentication"
CONNECTIONS: dict[str, dict[str, Json]] = {
    DATABASE: {"strategy": "auth0", "options": {"passwordPolicy": "good"}},
    "other-database": {"strategy": "auth0", "options": {"requires_username": True}},
    "disabled-database": {"strategy": "auth0", "enabled_clients": []},
    "google-oauth2": {"strategy": "google-oauth2"},
    "facebook": {"strategy": "facebook", "options": {"set_user_root_attributes": "on_first_login"}},
    "acme": {"strategy": "samlp"},
    "email": {"strategy": "email"},
    "sms": {"strategy": "sms"},
}
EVERY_SCOPE = ("create:users", "read:users", "update:users", "delete:users")


class Api:
    """Calls the API as a client or a user would. `answer` decodes, `call` does not."""

    def __init__(self) -> None:
        self.tenant = Tenant()
        self.tenant.clock.freeze("2030-01-01T00:00:00Z")
        self.application = Application(self.tenant)
        for number, (name, members) in enumerate(CONNECTIONS.items()):
            document = {"id": f"con_{number:016}", "name": name, **members}
            put_connection(self.tenant, Connection.of(document))
        for client_id in ("m2m", "web", "spa"):
            put_client(self.tenant, Client.of({"client_id": client_id, "name": client_id.upper()}))

    def token(self, *scopes: str, user_id: str | None = None, client_id: str = "m2m", **options: Any) -> str:
        """Return an access token for the Management API; with `user_id` a user's own."""
        authorization = Authorization(
            id=f"authorization-{client_id}",
            client_id=client_id,
            user_id=user_id,
            scope=scopes,
            audience=f"{ISSUER}api/v2/",
            gty=None if user_id else "client-credentials",
        )
        return issue_access_token(self.tenant, ISSUER, authorization, **options)[0]

    def id_token(self, user_id: str, client_id: str = "m2m", **claims: Json) -> str:
        """Return an ID token about the account of this user id, issued to the client."""
        client = self.tenant.store.find(CLIENTS, client_id)
        user = find_by_identity(self.tenant, user_id)
        assert client is not None
        assert user is not None
        authorization = Authorization(id="a", client_id=client_id, user_id=user_id, scope=("openid",))
        return issue_id_token(self.tenant, ISSUER, client, user, authorization, extra=claims)

    def signed(self, claims: dict[str, Json], alg: str = "RS256", secret: str | None = None) -> str:
        """Return a JWT of these claims, valid for an hour unless they say otherwise."""
        times: dict[str, Json] = {"iss": ISSUER, "exp": self.tenant.now() + 3600}
        present = {name: value for name, value in {**times, **claims}.items() if value is not None}
        return sign_claims(self.tenant, present, alg, secret)

    def call(
        self, method: str, path: str, body: object = None, *, token: str | None = None, **options: Any
    ) -> TestResponse:
        """Send a request with a token, or with one that has every scope that users need."""
        headers = {"Authorization": f"Bearer {self.token(*EVERY_SCOPE) if token is None else token}"}
        sent = {} if body is None else {"json": body}
        return Browser(self.application).open(
            f"/api/v2/{path}", method=method, headers=headers, **sent, **options
        )

    def answer(self, method: str, path: str, body: object = None, **options: Any) -> tuple[int, Any]:
        """Send a request and return the status and the decoded body."""
        response = self.call(method, path, body, **options)
        return response.status_code, response.json

    def create(self, **members: Json) -> dict[str, Any]:
        """Create a user through the API, by default in the database, and return it."""
        defaults: dict[str, Json] = {"connection": DATABASE}
        if members.get("connection", DATABASE) == DATABASE:
            defaults |= {"email": "ada@example.com", "password": "Correct-Horse-1"}
        status, user = self.answer("POST", "users", {**defaults, **members})
        assert status == 201, user
        return dict(user)

    def add(self, user_id: str, connection: str, **attributes: Json) -> dict[str, Any]:
        """Put a user of any connection into the tenant, as a login would, and return it."""
        found = find_connection(self.tenant, connection)
        assert found is not None
        bare_id = user_id.partition("|")[2]
        return dict(create_user(self.tenant, found, attributes, bare_id=bare_id).document)

    def give_idp_token(self, user_id: str) -> None:
        """Let the account's own identity have an access token of its upstream."""
        user = get_user(self.tenant, user_id)
        main = msgspec.structs.replace(user.main, access_token="upstream-token", expires_in=3600)
        put_user(self.tenant, with_identities(self.tenant, user, (main, *user.identities[1:])))

    def read(self, user_id: str) -> dict[str, Any]:
        """Return the user as the API shows it."""
        status, user = self.answer("GET", f"users/{quote(user_id, safe='')}")
        assert status == 200, user
        return dict(user)

    def patch(self, user_id: str, body: object, **options: Any) -> tuple[int, Any]:
        """Change the user and return status and body."""
        return self.answer("PATCH", f"users/{quote(user_id, safe='')}", body, **options)

    @staticmethod
    def refusal(status: int, message: str, error_code: str | None = None) -> tuple[int, dict[str, Json]]:
        """Return what `answer` returns for an error body."""
        body: dict[str, Json] = {
            "statusCode": status,
            "error": HTTPStatus(status).phrase,
            "message": message,
        }
        return status, body if error_code is None else {**body, "errorCode": error_code}

    def users(self) -> dict[str, User]:
        """Return all accounts by id."""
        return {user.user_id: user for user in self.tenant.store.all(USERS)}

    def outbox(self) -> list[Message]:
        """Return the messages that were sent."""
        return self.tenant.store.all(MESSAGES)


@pytest.fixture
def api() -> Iterator[Api]:
    """A tenant with connections of every sort; no request of the test may have met a bug of ours."""
    api = Api()
    yield api
    assert [problem.traceback for problem in api.application.problems] == []
