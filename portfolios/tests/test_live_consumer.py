"""The socket of live totals: after bookings and new closes, and when a portfolio may not be seen any more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator

from assets import live
from assets.models import Asset
from assets.quotes import LastPrice
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import Section
from banking.services.transactions import book_cash
from core.testing import PATIENCE, make_user
from portfolios import consumers
from portfolios.models import Portfolio
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
DAY = date(2024, 1, 3)
Message = dict[str, Any]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "RELOAD_EVERY", 0.1)
    monkeypatch.setattr(consumers, "TOTAL_EVERY", 0.01)


@pytest.fixture
def alice() -> User:
    return make_user("alice")


@pytest.fixture
def aapl(alice: User) -> Asset:
    asset = make_asset("AAPL")
    make_bars(asset, {DAY: 100})
    return asset


@pytest.fixture
def euros(alice: User, aapl: Asset) -> Portfolio:
    make_rate("EURUSD", {DAY: "1.25"})
    portfolio = make_portfolio(alice, base_currency="EUR", cash="tracked")
    buy(portfolio, aapl, 10, 100, DAY)
    return portfolio


async def ask(link: ApplicationCommunicator, *portfolios: Portfolio) -> None:
    text = json.dumps({"portfolios": [portfolio.pk for portfolio in portfolios]})
    await link.send_input({"type": "websocket.receive", "text": text})


@asynccontextmanager
async def following(user: User, portfolio: Portfolio) -> AsyncIterator[ApplicationCommunicator]:
    scope = {"type": "websocket", "path": "/ws/quotes/", "query_string": b"", "headers": [], "user": user}
    link = ApplicationCommunicator(consumers.LiveConsumer.as_asgi(), scope)
    await link.send_input({"type": "websocket.connect"})
    assert (await link.receive_output(PATIENCE))["type"] == "websocket.accept"
    await ask(link, portfolio)
    try:
        yield link
    finally:
        await link.send_input({"type": "websocket.disconnect", "code": 1000})
        await link.wait(PATIENCE)


async def told(link: ApplicationCommunicator, wanted: Callable[[Message], bool]) -> Message:
    """The first message that is wanted, after a while."""
    async with asyncio.timeout(PATIENCE):
        while True:
            message: Message = json.loads((await link.receive_output(PATIENCE))["text"])
            if wanted(message):
                return message


async def total(link: ApplicationCommunicator, value: str) -> Message:
    return await told(link, lambda message: message.get("total_value") == value)


def tick(asset: Asset, price: str) -> None:
    """As if the price had arrived from the streaming process."""
    last = LastPrice(asset.pk, Decimal(price), DAY, "finnhub", quoted_at=datetime.now(UTC))
    moves = [list(live.move_of(asset.symbol, replace(last, previous_close=Decimal(100))))]
    live.hub()._hand_out({"type": "quotes", "quotes": moves})


def test_a_total_follows_ticks_of_assets_and_of_exchange_rates(alice: User, euros: Portfolio, aapl: Asset) -> None:
    pair = Asset.objects.get(symbol="EURUSD")

    async def run() -> None:
        async with following(alice, euros) as link:
            first = await told(link, lambda message: "portfolio" in message)
            assert (first["market_value"], first["total_value"]) == ("800", "0")  # bought on credit
            tick(aapl, "110")
            assert (await total(link, "80"))["day_change"] == "80"
            tick(pair, "1.10")
            moved = await total(link, "200")
            assert (moved["market_value"], moved["holdings"]["AAPL"]["value"]) == ("1000", "1000")

    asyncio.run(run())


def test_bookings_closes_and_rates_reach_a_total_that_is_followed(alice: User, euros: Portfolio, aapl: Asset) -> None:
    account = euros.portfolio_accounts.get().account

    async def run() -> None:
        async with following(alice, euros) as link:
            await total(link, "0")
            deposit = {"amount": Decimal(500), "booked_on": DAY, "section": Section.TRANSFER, "actor": alice}
            await asyncio.to_thread(lambda: book_cash(account=account, **deposit))  # type: ignore[arg-type]
            await total(link, "500")
            await asyncio.to_thread(lambda: buy(euros, aapl, 10, 50, DAY))
            await total(link, "900")  # 400 were paid for what is worth 800
            await asyncio.to_thread(lambda: make_bars(aapl, {date(2024, 1, 4): 110}))
            await total(link, "1060")
            rate = Asset.objects.filter(symbol="EURUSD")
            await asyncio.to_thread(lambda: make_bars(rate.get(), {date(2024, 1, 4): "1.10"}))
            await total(link, "1300")

    asyncio.run(run())


def test_asked_again_for_the_same_the_books_are_not_read_again(
    alice: User, euros: Portfolio, aapl: Asset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "RELOAD_EVERY", 60)
    dollars = make_portfolio(alice, "Dollars")

    async def run() -> None:
        async with following(alice, euros) as link:
            await total(link, "0")
            await asyncio.to_thread(lambda: buy(euros, aapl, 10, 50, DAY))
            await ask(link, euros)
            await total(link, "0")  # what is known is said again
            await ask(link, euros, dollars)
            await total(link, "400")
            await ask(link, dollars)
            await told(link, lambda message: message.get("portfolio") == dollars.pk)
            await ask(link, euros)
            await total(link, "400")

    asyncio.run(run())


def test_a_portfolio_that_may_not_be_seen_any_more_is_not_followed(alice: User, euros: Portfolio, aapl: Asset) -> None:
    bob = make_user("bob")

    async def run() -> None:
        async with following(alice, euros) as link:
            await total(link, "0")
            take = Portfolio.objects.filter(pk=euros.pk)
            await asyncio.to_thread(lambda: take.update(owner=bob))
            complaint = await told(link, lambda message: "error" in message)
            assert complaint["error"] == {
                "code": "unknown_portfolio",
                "detail": f"You have no portfolio {euros.pk}.",
            }
            async with asyncio.timeout(PATIENCE):
                while live.hub()._watching:
                    await asyncio.sleep(0.01)
            tick(aapl, "120")
            assert await link.receive_nothing(0.5)

    asyncio.run(run())
