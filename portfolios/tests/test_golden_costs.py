"""Costs and gains as other programs' own test suites state them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from assets.tests.factories import make_asset, make_rate
from banking.models import Account, CashTransaction
from core.money import quantise
from portfolios.book.fold import fold
from portfolios.book.types import Rules
from portfolios.models import Investment
from portfolios.tests.books import acted, bought, moved_in, picking, sold
from portfolios.tests.factories import buy, exact, make_portfolio
from users.models import User

GOLDEN = json.loads((Path(__file__).parent / "golden" / "costs.json").read_text())
SHORT = Rules("fifo", allow_short=True)


@pytest.mark.parametrize("case", GOLDEN["average"], ids=lambda case: case["id"])
def test_average_cost(case: dict[str, Any]) -> None:
    make: dict[str, Callable[..., Any]] = {"buy": bought, "sell": sold}
    rates = case.get("rates", {})
    entries = []
    for kind, day, units, amount in case["trades"]:
        base = Decimal(amount) * Decimal(rates.get(day, 1))  # not rounded when it is booked, as it is there
        entries.append(make[kind](day, units, amount, base=base))
    splits = [case["split"]] if "split" in case else []
    actions = [acted("reverse_split", day, ratio=ratio, per=per) for day, ratio, per in splits]
    position = fold(entries, "average", actions).position

    found = {
        "quantity": position.quantity,
        "cost": quantise(position.cost, "EUR"),
        "cost_base": quantise(position.cost_base, "EUR"),
        "gain": quantise(position.realised_gain, "EUR"),
    }
    if "price" in case:
        found["unrealised"] = quantise(position.quantity * Decimal(case["price"]) - position.cost, "EUR")
    expected = {name: Decimal(case[name]) for name in found if name in case}
    assert {name: found[name] for name in expected} == expected


def test_strict_booking_names_the_lot() -> None:
    """beancount a3cb3fd9f946 booking_full_test.py:1830, strict read as specific: 5 of the lot of 2016-04-15 at 115."""
    transfer = moved_in("2016-05-01", ("2016-04-15", 10, 1150))
    book = fold([transfer, picking(sold("2016-05-02", 5, 1), (transfer.key, 5))], "specific")

    assert [(made.opened_on, made.quantity, made.cost) for made in book.disposals] == [
        (date(2016, 4, 15), *exact(5, 575))
    ]
    assert (book.position.quantity, book.position.cost) == exact(5, 575)


def test_a_purchase_that_crosses_zero_opens_a_lot_at_its_own_price() -> None:
    """beancount booking_full_test.py:2717: one short at 110, two bought at 112 (skipped there)."""
    book = fold([sold("2015-10-02", 1, 110), bought("2015-10-22", 2, 224, key=7)], SHORT)

    assert [(lot.opened_by, lot.quantity, lot.cost) for lot in book.lots if lot.quantity] == [(7, *exact(1, 112))]


def test_what_was_sold_before_it_was_bought_ends_at_nothing() -> None:
    """Portfolio Performance SharesHeldCalculationTest.testSharesHeldIfSecurityIsTemporarilyNegative."""
    position = fold([sold("2018-01-01", 10, 100), bought("2018-02-01", 10, 100)], SHORT).position

    assert (position.quantity, position.cost, position.realised_gain) == exact(0, 0, 0)


def test_a_purchase_in_another_currency_than_the_listing(alice: User) -> None:
    """Wealthfolio holdings_calculator_tests.rs test_buy_activity_updates_holdings_and_cash."""
    make_rate("CADUSD", {date(2023, 1, 1): "0.75"})
    portfolio = make_portfolio(alice, base_currency="CAD", cash="tracked")
    buy(portfolio, make_asset("AAPL"), 10, 150, "2023-01-01", currency="CAD", fee=Decimal(5))

    held = Investment.objects.get()
    assert (held.quantity, held.cost, held.cost_base, held.average_cost) == exact(10, "1128.75", 1505, "112.875")
    assert CashTransaction.objects.get().amount == -1505


@pytest.mark.parametrize(
    ("base", "quantity", "price", "fee", "rate", "left"),
    [
        pytest.param("EUR", 4, 145, "7.03", "0.93", "9454.06", id="wf-fx-buy-account-cash, in cents"),
        pytest.param("CAD", 10, 150, "0", "1.35", "7975", id="wf-svc-cross-currency-buy"),
    ],
)
def test_the_brokers_rate_moves_the_accounts_cash(
    alice: User, base: str, quantity: int, price: int, fee: str, rate: str, left: str
) -> None:
    """Wealthfolio; it keeps 9454.0621, the books round cash to the minor unit."""
    portfolio = make_portfolio(alice, base_currency=base, cash="tracked")
    terms = {"fee": Decimal(fee), "exchange_rate": Decimal(rate)}
    buy(portfolio, make_asset("AAPL"), quantity, price, "2024-01-15", **terms)

    account = Account.objects.get()
    assert Decimal(10000) + CashTransaction.objects.balances()[account.pk] == Decimal(left)
    assert Investment.objects.get().cost == quantity * price + Decimal(fee)
