"""Whole stories of other programs' own test suites, told to the services: values, lines and rates to the cent.

Where a story follows another convention, its ``difference`` in the file says which and the figures are ours.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from assets.models import Asset
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import Account, CashTransaction, Section
from banking.services.transactions import book_cash
from core.money import divide, quantise
from portfolios.book.fold import fold
from portfolios.book.money_weighted import xirr
from portfolios.book.types import PickUncovered, Rules, ShortSale
from portfolios.models import CashSetting, Portfolio, TradeKind
from portfolios.queries import holdings
from portfolios.queries.performance import performance
from portfolios.services.portfolios import attach_account
from portfolios.services.terms import NewLot
from portfolios.services.trades import book_trades
from portfolios.tests.books import bought, moved_in, picking, sold
from portfolios.tests.factories import exact, make_portfolio, new_trade
from users.models import User

STORIES = json.loads((Path(__file__).parent / "golden" / "scenarios.json").read_text())["stories"]
THEIRS = 1e-8  # the suite's own tolerance of a rate: it is found by steps that end there


def dated(closes: dict[str, str]) -> dict[date, str]:
    return {date.fromisoformat(day): close for day, close in closes.items()}


def told(story: dict[str, Any], owner: User) -> Portfolio:
    """The story in the books of a new portfolio."""
    for pair, closes in story.get("rates", {}).items():
        make_rate(pair, dated(closes))
    assets = {symbol: _listed(symbol, **terms) for symbol, terms in story.get("assets", {}).items()}
    cash = CashSetting.TRACKED if story["accounts"] else CashSetting.UNTRACKED
    portfolio = make_portfolio(owner, base_currency=story["base"], cash=cash)
    accounts = {code: _account(portfolio, code) for code in story["accounts"]}
    for code, day, amount, section in story.get("cash", []):
        terms: dict[str, Any] = {"section": Section(section), "booked_on": date.fromisoformat(day), "actor": None}
        book_cash(account=accounts[code], amount=Decimal(amount), **terms)
    trades = [
        new_trade(
            TradeKind(kind), assets[symbol], quantity, price, day, currency=currency, fee=Decimal(fee), tax=Decimal(tax)
        )
        for kind, symbol, day, quantity, price, currency, fee, tax in story.get("trades", [])
    ]
    for symbol, lots in story.get("lots", {}).items():
        brought = tuple(NewLot(date.fromisoformat(day), *exact(quantity, cost)) for day, quantity, cost in lots)
        quantity = sum((lot.quantity for lot in brought), Decimal(0))
        price = divide(sum((lot.cost for lot in brought), Decimal(0)), quantity)
        trades.append(new_trade(TradeKind.TRANSFER_IN, assets[symbol], quantity, price, lots[-1][0], lots=brought))
    book_trades(portfolio=portfolio, trades=trades, actor=None)
    return portfolio


def _listed(symbol: str, currency: str, closes: dict[str, str]) -> Asset:
    asset = make_asset(symbol, currency=currency)
    make_bars(asset, dated(closes))
    return asset


def _account(portfolio: Portfolio, currency: str) -> Account:
    if currency == portfolio.base_currency:
        return portfolio.portfolio_accounts.get().account
    account = Account.objects.create(owner=portfolio.owner, name=currency, kind="brokerage", currency=currency)
    attach_account(portfolio=portfolio, account=account, actor=None)
    return account


def balances(portfolio: Portfolio) -> dict[str, Decimal]:
    links = portfolio.portfolio_accounts.values_list("account_id", "account__currency")
    sums = CashTransaction.objects.balances()
    return {currency: sums[pk] for pk, currency in links}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story["id"])
def test_story(story: dict[str, Any], alice: User) -> None:
    portfolio, expected = told(story, alice), story["expected"]
    found = performance(portfolio, *map(date.fromisoformat, story["period"]))

    in_cents = found.reconciliation.rounded(story["base"])
    assert {key: in_cents.lines[key] for key in expected["lines"]} == numbers(expected["lines"])
    values = {"start_value": found.start.value, "end_value": found.end.value}
    assert {key: value for key, value in values.items() if key in expected} == numbers(
        {key: expected[key] for key in values if key in expected}
    )
    if "irr" in expected:
        rate, days = xirr(found.payments).rate, (found.end.day - found.start.day).days
        assert rate == pytest.approx(float(expected["irr"]), abs=THEIRS)
        assert rate == pytest.approx(float(found.end.value / found.start.value) ** (365 / days) - 1, abs=1e-12)
    if "balances" in expected:
        assert balances(portfolio) == numbers(expected["balances"])
    if "holding" in expected:
        [held] = holdings([portfolio])[portfolio.pk]
        assert {key: getattr(held, key) for key in expected["holding"]} == numbers(expected["holding"])


def numbers(texts: dict[str, str]) -> dict[str, Decimal]:
    return {key: Decimal(text) for key, text in texts.items()}


def test_percentages_and_the_rate_without_tax(alice: User) -> None:
    [story] = [story for story in STORIES if "without_tax" in story]
    expected, portfolio = story["expected"], told(story, alice)
    found = performance(portfolio, *map(date.fromisoformat, story["period"]))
    [held] = holdings([portfolio])[portfolio.pk]

    gains = found.reconciliation.lines["unrealised_gains"]
    delta = gains + found.reconciliation.lines["costs"]
    assert quantise(delta, "EUR") == Decimal(expected["delta"])
    assert float(divide(delta, held.cost)) == pytest.approx(float(expected["delta_percent"]), abs=1e-15)
    assert float(held.unrealised_return or 0) == pytest.approx(float(expected["gain_percent"]), abs=1e-15)
    payments = [(date.fromisoformat(day), Decimal(amount)) for day, amount in story["without_tax"]["payments"]]
    assert xirr(payments).rate == pytest.approx(float(story["without_tax"]["irr"]), abs=THEIRS)
    growth = divide(payments[1][1], -payments[0][1]) - 1
    assert float(growth) == pytest.approx(float(story["without_tax"]["growth"]), abs=1e-15)


# --- single bookings, without a database --------------------------------------------------------------------------


def test_a_lot_named_by_its_cost_is_a_lot_picked() -> None:
    """beancount booking_full_test.py:2249: 2 of the lot at 101, though that at 100 is as old."""
    transfer = moved_in("2015-10-01", ("2015-10-01", 5, 500), ("2015-10-01", 5, 505))
    book = fold([transfer, picking(sold("2015-10-02", 2, 1), (transfer.key, 1, 2))], "specific")

    assert [(lot.quantity, lot.cost) for lot in book.lots] == [exact(5, 500), exact(3, 303)]


def test_a_lot_that_is_not_there_is_refused_and_nothing_changes() -> None:
    """beancount booking_full_test.py:2370 (STRICT, mixed): no lot at 102.

    There the account is 5 long at 100 and 5 short at 101 at once; the books never are, so the short is left out.
    """
    transfer = moved_in("2015-10-01", ("2015-10-01", 5, 500))
    with pytest.raises(PickUncovered, match="is not open"):
        fold([transfer, picking(sold("2015-10-02", 2, 1), (transfer.key, 1, 2))], "specific")

    assert fold([transfer], "specific").position.quantity == 5


def test_a_sale_out_of_nothing_is_refused() -> None:
    """beancount booking_full_test.py:2047 fills in how many units a reduction of nothing has: none.

    A quantity is required here, so the same is a sale of 1 at 115 from nothing.
    """
    with pytest.raises(ShortSale, match="1 sold on 2016-05-02, but 0 held"):
        fold([sold("2016-05-02", 1, 115)], "specific")


def test_a_short_by_the_average_costs_minus_its_proceeds() -> None:
    """Portfolio Performance TradeTest.testShortMovingAverageCostDoesNotDivideByZero: 3 sold at 20, bought back at 5.

    Its moving average enters a short at 0; the books enter it at minus its net proceeds, by every method.
    """
    short = sold("2024-01-01", 3, 60)
    rules = Rules("average", allow_short=True)

    assert fold([short], rules).position.cost == -60
    closed = fold([short, bought("2024-12-31", 3, 15)], rules).position
    assert (closed.quantity, closed.cost, closed.realised_gain) == exact(0, 0, 45)
