"""The shop before a fresh tenant. app.py has the real tenant's domain in it, and stays as it is."""

import os
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from mockidp import MockIdp

os.environ |= {"AUTH0_CLIENT_SECRET": "shop-secret", "SESSION_SECRET": "a session key"}
from app import app


@pytest.fixture(autouse=True)
def acme(idp: MockIdp) -> Iterator[None]:
    """During a test, https://acme.eu.auth0.com is the mock, in this process."""
    with idp.impersonate("acme.eu.auth0.com"):
        yield


@pytest.fixture
async def shop() -> AsyncIterator[httpx2.AsyncClient]:
    """A browser at http://localhost:8000, where the shop is."""
    async with browser() as client:
        yield client


def browser() -> httpx2.AsyncClient:
    """Return a new browser at the shop, without a cookie."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost:8000")
