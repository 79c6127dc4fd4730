"""An exchange rate that arrives, or is restated, after a trade reaches its lots by the tick that brings the figures."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from queue import Empty
from typing import Any

import pytest
from celery import current_app as app

from analytics import tasks
from analytics.models import Snapshot
from assets.models import Asset, PriceClock
from assets.queries import RateMissing
from assets.services.history import move_price_versions
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import CashTransaction
from core.testing import count_queries
from portfolios.models import Disposal, Entitlement, Investment, Lot, Portfolio, Trade
from portfolios.services.actions import apply_action
from portfolios.services.rates import follow_rates
from portfolios.services.rebuild import rebuild
from portfolios.services.transfers import transfer_securities
from portfolios.tests.factories import at, buy, derived_rows, exact, make_portfolio, sell
from users.models import User

pytestmark = pytest.mark.django_db
FIRST, BOUGHT, LATER = date(2024, 1, 2), date(2024, 1, 10), date(2024, 2, 1)


@pytest.fixture
def euro(db: None) -> Asset:
    return make_rate("EURUSD", {FIRST: "1.10", date(2024, 1, 15): "1.12"})


@pytest.fixture
def sap(euro: Asset) -> Asset:
    asset = make_asset("SAP", currency="EUR")
    make_bars(asset, {FIRST: 100, BOUGHT: 100, date(2024, 1, 16): 120})
    return asset


@pytest.fixture
def held(alice: User, sap: Asset) -> Portfolio:
    """10 SAP for 1,000 EUR bought and 4 of them sold for 480 EUR, both before a rate of their own day."""
    portfolio = make_portfolio(alice, cash="tracked")
    buy(portfolio, sap, 10, 100, BOUGHT)
    sell(portfolio, sap, 4, 120, date(2024, 1, 16))
    return portfolio


def messages() -> Iterator[tuple[Any, ...]]:
    with app.connection_for_read() as connection:
        queue = connection.SimpleQueue("celery")
        while True:
            try:
                message = queue.get(block=False)
            except Empty:
                return
            message.ack()
            yield message.payload[0]


def tick() -> None:
    """What beat and a worker do: find what is stale, and recompute it."""
    app.control.purge()
    tasks.refresh_stale()
    for arguments in messages():
        tasks.recompute(*arguments)


def state(portfolio: Portfolio) -> tuple[int, dict[str, Any]]:
    portfolio.refresh_from_db()
    return portfolio.version, derived_rows(portfolio)


@pytest.mark.parametrize(
    ("rates", "cost", "proceeds"),
    [
        pytest.param({BOUGHT: "1.20"}, "1200", "537.6", id="the day's own arrives"),
        pytest.param({date(2024, 1, 5): "1.15"}, "1150", "537.6", id="one of a day before arrives"),
        pytest.param({FIRST: "1.05"}, "1050", "537.6", id="the one it was booked at is restated"),
        pytest.param({date(2024, 1, 15): "1.30"}, "1100", "624", id="that of the sale is restated"),
        pytest.param({FIRST: "1.05", date(2024, 1, 16): "1.25"}, "1050", "600", id="both"),
    ],
)
def test_a_changed_rate_reaches_lots_gains_cash_and_figures(
    held: Portfolio, euro: Asset, rates: dict[date, str], cost: str, proceeds: str
) -> None:
    tick()
    assert Snapshot.objects.get().invested == Decimal(660)

    make_bars(euro, rates)
    tick()

    assert Lot.objects.get().cost_base == Decimal(cost) * Decimal("0.6")
    sold = Disposal.objects.get()
    assert (sold.proceeds_base, sold.cost_base) == exact(proceeds, Decimal(cost) * Decimal("0.4"))
    bought, brought = CashTransaction.objects.order_by("booked_on").values_list("amount", flat=True)
    assert (bought, brought) == exact(f"-{cost}", proceeds)
    assert Snapshot.objects.latest("as_of").invested == Decimal(cost) * Decimal("0.6")
    after = derived_rows(held)
    rebuild(held)
    assert derived_rows(held) == after


def test_cash_rows_that_stay_right_stay(held: Portfolio, euro: Asset) -> None:
    tick()
    bought = CashTransaction.objects.get(booked_on=BOUGHT)
    make_bars(euro, {date(2024, 1, 16): "1.25"})
    tick()
    assert CashTransaction.objects.get(booked_on=BOUGHT).pk == bought.pk


def test_a_restated_rate_over_a_pivot_counts_too(alice: User, euro: Asset) -> None:
    yen = make_rate("USDJPY", {FIRST: 140})
    toyota = make_asset("TM", currency="JPY")
    portfolio = make_portfolio(alice, base_currency="EUR")
    buy(portfolio, toyota, 10, 3080, BOUGHT)
    tick()
    assert Lot.objects.get().cost_base == Decimal("200.00")  # 30,800 / 140 / 1.10

    make_bars(yen, {FIRST: 154})
    tick()
    assert Lot.objects.get().cost_base == Decimal("181.82")
    make_bars(euro, {FIRST: "1.00"})
    tick()
    assert Lot.objects.get().cost_base == Decimal("200.00")


def test_a_dividend_follows_the_rates_of_its_ex_date_and_its_pay_date(held: Portfolio, sap: Asset, euro: Asset) -> None:
    ex_date, pay_date = date(2024, 3, 1), date(2024, 3, 15)
    terms: dict[str, Any] = {"cash": Decimal(2), "pay_date": pay_date}
    apply_action(asset=sap, kind="cash_dividend", ex_date=ex_date, actor=None, **terms)
    tick()
    assert Entitlement.objects.get().income_base == Decimal("13.44")

    make_bars(euro, {ex_date: "1.20", pay_date: "1.30"})
    tick()

    assert (Entitlement.objects.get().income, Entitlement.objects.get().income_base) == exact(12, "14.4")
    assert CashTransaction.objects.get(origin="action").amount == Decimal("15.60")
    assert Investment.objects.get().income_base == Decimal("14.4")


# --- what is left alone -------------------------------------------------------------------------------------------


def test_without_a_change_nothing_is_rebuilt(held: Portfolio, euro: Asset) -> None:
    tick()
    before = state(held)
    make_bars(euro, {FIRST: "1.10", date(2024, 1, 15): "1.12"})
    tick()
    assert state(held) == before


def test_what_a_change_does_not_concern_is_not_rebuilt(alice: User, held: Portfolio, sap: Asset, euro: Asset) -> None:
    apple = make_asset("AAPL")
    home = make_portfolio(alice, "Dollars")
    buy(home, apple, 1, 100, BOUGHT)
    given = make_portfolio(alice, "At the broker's rate")
    buy(given, sap, 1, 100, BOUGHT, exchange_rate=Decimal("1.11"))
    pound = make_rate("GBPUSD", {FIRST: "1.25"})
    tick()
    before = [state(each) for each in (held, home, given)]

    make_bars(euro, {LATER: "1.40"})  # after the last conversion
    make_bars(pound, {FIRST: "1.30"})  # of another currency
    tick()
    assert [state(each) for each in (held, home, given)] == before
    make_bars(euro, {FIRST: "1.30"})
    tick()
    assert [state(each) for each in (home, given)] == before[1:]
    assert state(held) != before[0]
    assert set(Portfolio.objects.values_list("rates_version", flat=True)) == {PriceClock.read()}


def test_a_pair_that_becomes_another_is_a_change_of_the_rate(held: Portfolio, euro: Asset) -> None:
    make_rate("EURGBP", {FIRST: "0.80"})
    make_rate("GBPUSD", {FIRST: "1.50"})
    tick()
    Asset.objects.filter(pk=euro.pk).update(symbol="XEUUSD")
    Asset.objects.filter(symbol="EURGBP").update(symbol="EURUSD")
    move_price_versions(Asset.objects.filter(pk=euro.pk))
    tick()
    assert Lot.objects.get().cost_base == Decimal("480.00")


def test_it_takes_one_query_when_nothing_changed_and_a_fixed_number_otherwise(
    alice: User, sap: Asset, euro: Asset
) -> None:
    def many(count: int) -> list[int]:
        for _ in range(count):
            portfolio = make_portfolio(alice, f"P{Portfolio.objects.count()}")
            buy(portfolio, sap, 10, 100, BOUGHT)
        return list(Portfolio.objects.values_list("pk", flat=True))

    def spent(ids: list[int]) -> int:
        return count_queries(lambda: follow_rates(ids))[0]

    few = many(1)
    follow_rates(few)
    assert spent(few) == 1
    make_bars(euro, {LATER: "1.30"})
    found = spent(few)
    make_bars(euro, {FIRST: "1.01"})
    each = spent(few) - found + 1  # nobody is left to be marked as having seen it
    more = many(4)
    follow_rates(more)
    make_bars(euro, {LATER: "1.31"})
    assert spent(more) == found
    make_bars(euro, {FIRST: "1.02"})
    assert spent(more) == found - 1 + 5 * each


# --- what cannot follow -------------------------------------------------------------------------------------------


def test_books_that_the_rate_would_break_stay_and_the_log_says_why(
    alice: User, sap: Asset, caplog: pytest.LogCaptureFixture
) -> None:
    pound = make_rate("GBPUSD", {FIRST: "1.25"})
    source, target = make_portfolio(alice, "Source"), make_portfolio(alice, "Target")
    buy(source, sap, 10, 88, BOUGHT, currency="GBP")
    transfer_securities(source=source, target=target, asset=sap, quantity=Decimal(4), traded_at=at(LATER), actor=alice)
    tick()
    before = state(source), state(target)

    make_bars(pound, {FIRST: "1.50"})
    with caplog.at_level(logging.ERROR, logger="portfolios.services.rates"):
        tick()

    assert f"portfolio {source.pk} cannot follow the exchange rates: The transfer of 4" in caplog.text
    assert (state(source), state(target)) == before
    assert Snapshot.objects.filter(portfolio=source, price_version=PriceClock.read()).exists()


def test_a_rate_that_is_missing_at_booking_is_an_error_that_names_it(alice: User, sap: Asset) -> None:
    with pytest.raises(RateMissing, match="no exchange rate from JPY to USD") as refused:
        buy(make_portfolio(alice), make_asset("TM", currency="JPY"), 1, 100, BOUGHT)
    assert refused.value.field == "exchange_rate"
    assert not Trade.objects.exists()
