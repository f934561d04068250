"""Logins, while an event loop runs: `idp` is an ordinary fixture, its server a thread."""

import asyncio

import httpx2
import pytest
from conftest import browser

from mockidp import MockIdp

PEOPLE = ["alice@example.com", "bob@example.com"]


async def log_in(idp: MockIdp, shop: httpx2.AsyncClient, user: str, **query: str) -> httpx2.Response:
    """Log in through the tenant's pages; return what the shop answers to the callback."""
    away = (await shop.get("/login", params=query)).headers["Location"]
    return await shop.get(idp.browser().login(away, user))


@pytest.mark.parametrize("user", PEOPLE)
async def test_a_customer_logs_in(idp: MockIdp, shop: httpx2.AsyncClient, user: str) -> None:
    """Each customer sees their own profile."""
    assert (await log_in(idp, shop, user)).headers["Location"] == "/me"
    assert (await shop.get("/me")).json()["email"] == user


async def test_carol_logs_in_with_google(idp: MockIdp, shop: httpx2.AsyncClient) -> None:
    """The tenant's simulated Google offers the people that tenant.yaml has there."""
    await log_in(idp, shop, "carol@gmail.com", connection="google-oauth2")
    assert (await shop.get("/me")).json()["sub"] == "google-oauth2|1021"


async def test_all_at_once(idp: MockIdp) -> None:
    """Browsers of their own, in threads: the shop does not mix them up."""

    async def seen_by(user: str) -> str:
        async with browser() as shop:
            away = (await shop.get("/login")).headers["Location"]
            await shop.get(await asyncio.to_thread(idp.browser().login, away, user))
            return str((await shop.get("/me")).json()["email"])

    people = PEOPLE * 4
    assert await asyncio.gather(*map(seen_by, people)) == people


async def test_somebody_denies(idp: MockIdp, shop: httpx2.AsyncClient) -> None:
    """The shop says why, and nobody is logged in."""
    idp.on("GET /authorize").deny(description="not today")
    away = (await shop.get("/login")).headers["Location"]
    answer = await shop.get(str(idp.browser().get(away).location))
    assert (answer.status_code, answer.json()["description"]) == (403, "not today")
    assert (await shop.get("/me")).status_code == 401


@pytest.mark.mockidp(scenario="outage.scenario.yaml")
async def test_an_outage(idp: MockIdp, shop: httpx2.AsyncClient) -> None:
    """The file says who logs in, what fails, and what has to have happened when the test ends."""
    statuses = []
    for _ in range(2):
        away = (await shop.get("/login")).headers["Location"]
        statuses.append((await shop.get(str(idp.browser().get(away).location))).status_code)
    assert statuses == [503, 303]


async def test_a_forgotten_password(idp: MockIdp, shop: httpx2.AsyncClient) -> None:
    """The mail is in the outbox, with its link. To wait must not stop the loop in which the shop runs."""
    assert (await shop.post("/password", params={"email": "bob@example.com"})).status_code == 202
    mail = await asyncio.to_thread(idp.outbox.wait_for, to="bob@example.com", kind="reset_email")
    assert mail.url is not None
    assert mail.url.startswith("https://acme.eu.auth0.com/")
