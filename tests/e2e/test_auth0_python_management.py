"""auth0-python's Management API client against the application: it must parse what it gets."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from auth0.management import ManagementClient
from auth0.management.core.api_error import ApiError
from auth0.management.errors import (
    BadRequestError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    UnauthorizedError,
)

from mockidp.app import Application
from mockidp.model.client import CLIENTS, Client, put_client
from mockidp.model.connection import Connection, put_connection
from mockidp.model.credentials import Authorization
from mockidp.model.tenant import Tenant
from mockidp.model.user import USERS
from mockidp.tokens.issuer import issue_access_token, issue_id_token

ISSUER = "https://localhost/"
DATABASE = "Username-Password-Authentication"
EVERY_SCOPE = ("create:users", "read:users", "update:users", "delete:users")
ONCE = {"max_retries": 0}


@pytest.fixture
def tenant() -> Tenant:
    """A tenant with a database, Google, and two clients."""
    tenant = Tenant()
    for number, (name, strategy) in enumerate({DATABASE: "auth0", "google-oauth2": "google-oauth2"}.items()):
        document = {"id": f"con_{number:016}", "name": name, "strategy": strategy}
        put_connection(tenant, Connection.of(document))
    put_client(tenant, Client.of({"client_id": "spa", "name": "SPA"}))
    return tenant


@pytest.fixture
def http(tenant: Tenant) -> Iterator[httpx.Client]:
    """The client's way to the application: no port, no certificate."""
    with httpx.Client(transport=httpx.WSGITransport(app=Application(tenant))) as client:
        yield client


def management(
    tenant: Tenant, http: httpx.Client, *scope: str, user_id: str | None = None
) -> ManagementClient:
    """Return the SDK's client with a token of these scopes."""
    audience = f"{ISSUER}api/v2/"
    authorization = Authorization(id="a", client_id="spa", user_id=user_id, scope=scope, audience=audience)
    token = issue_access_token(tenant, ISSUER, authorization)[0]
    return ManagementClient(domain="localhost", token=token, httpx_client=http)


@pytest.fixture
def sdk(tenant: Tenant, http: httpx.Client) -> ManagementClient:
    """A client that may do everything with users."""
    return management(tenant, http, *EVERY_SCOPE)


def create(sdk: ManagementClient, name: str) -> str:
    """Create a database user through the SDK and return the id."""
    user = sdk.users.create(
        connection=DATABASE, email=f"{name}@example.com", password="Correct-Horse-1", name=name.title()
    )
    assert user.user_id is not None
    return str(user.user_id)


def test_creates_reads_updates_and_deletes(sdk: ManagementClient) -> None:
    """The life of a user."""
    user_id = create(sdk, "ada")
    user = sdk.users.get(user_id)
    assert (user.email, user.name, user.email_verified) == ("ada@example.com", "Ada", False)
    assert [(one.provider, one.connection) for one in user.identities or []] == [("auth0", DATABASE)]
    changed = sdk.users.update(user_id, app_metadata={"plan": "pro"}, blocked=True, email_verified=True)
    assert (changed.app_metadata, changed.blocked, changed.email_verified) == ({"plan": "pro"}, True, True)
    assert sdk.users.update(user_id, app_metadata={"age": 36}).app_metadata == {"plan": "pro", "age": 36}
    sdk.users.delete(user_id)
    sdk.users.delete(user_id)
    with pytest.raises(NotFoundError, match="The user does not exist"):
        sdk.users.get(user_id)


def test_lists_all_pages_and_searches(sdk: ManagementClient) -> None:
    """The pager ends, and q reaches the search."""
    ids = [create(sdk, f"user{number}") for number in range(7)]
    assert [user.user_id for user in sdk.users.list(per_page=3)] == ids
    found = sdk.users.list(q='email:"user3@example.com"', fields="user_id,email", include_fields=True)
    assert [user.email for user in found] == ["user3@example.com"]
    assert [u.user_id for u in sdk.users.list_users_by_email(email="user4@example.com")] == [ids[4]]


def test_links_and_unlinks(sdk: ManagementClient) -> None:
    """Both answers parse, and the account is what they say."""
    primary, secondary = create(sdk, "ada"), create(sdk, "grace")
    bare = secondary.removeprefix("auth0|")
    linked = sdk.users.identities.link(primary, provider="auth0", user_id=bare)
    assert [one.user_id for one in linked] == [primary.removeprefix("auth0|"), bare]
    assert linked[1].profile_data is not None
    assert linked[1].profile_data.email == "grace@example.com"
    assert len(sdk.users.get(primary).identities or []) == 2
    with pytest.raises(ConflictError, match="Specified identity already exists"):
        sdk.users.identities.link(primary, provider="auth0", user_id=bare, request_options=ONCE)
    left = sdk.users.identities.delete(primary, "auth0", bare)
    assert len(left) == 1
    assert sdk.users.get(secondary).email == "grace@example.com"


def test_a_user_links_with_an_id_token(tenant: Tenant, http: httpx.Client, sdk: ManagementClient) -> None:
    """The own access token and the other account's ID token."""
    primary, secondary = create(sdk, "ada"), create(sdk, "grace")
    client = tenant.store.get(CLIENTS, "spa")
    authorization = Authorization(id="b", client_id="spa", user_id=secondary, scope=("openid",))
    user = tenant.store.get(USERS, secondary)
    id_token = issue_id_token(tenant, ISSUER, client, user, authorization)
    own = management(tenant, http, "update:current_user_identities", "read:current_user", user_id=primary)
    assert len(own.users.identities.link(primary, link_with=id_token)) == 2
    assert own.users.get(primary).email == "ada@example.com"
    with pytest.raises(ForbiddenError, match="does not match subject"):
        own.users.identities.delete("auth0|other", "auth0", "x")


def test_refusals_are_the_errors_that_the_sdk_knows(
    tenant: Tenant, http: httpx.Client, sdk: ManagementClient
) -> None:
    """Status and body are kept in the exception."""
    create(sdk, "ada")
    with pytest.raises(ConflictError, match="auth0_idp_error"):
        sdk.users.create(
            connection=DATABASE, email="ada@example.com", password="x-Y-1-zzzz", request_options=ONCE
        )
    with pytest.raises(BadRequestError, match="Missing required property: email"):
        sdk.users.create(connection=DATABASE, password="Correct-Horse-1")
    with pytest.raises(BadRequestError, match="invalid_paging"):
        next(iter(sdk.users.list(page=20, per_page=50)), None)
    with pytest.raises(ForbiddenError, match="insufficient_scope"):
        management(tenant, http, "read:clients").users.get("auth0|1")
    with pytest.raises(UnauthorizedError, match="Invalid token"):
        ManagementClient(domain="localhost", token="a.b.c", httpx_client=http).users.get("auth0|1")
    with pytest.raises(ApiError, match="not_emulated") as error:
        sdk.stats.get_active_users_count(request_options=ONCE)
    assert error.value.status_code == 501
