"""Holdings narrowed, ordered and added up."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from portfolios.queries.holding_list import ORDERS, narrowed, ordered, sums
from portfolios.queries.holdings import Holding
from portfolios.templatetags.listing import bar_width, held_for


def holding(symbol: str, **values: Any) -> Holding:
    figures: dict[str, Any] = {
        "portfolio_id": 1,
        "asset_id": 1,
        "symbol": symbol,
        "name": f"{symbol} Inc.",
        "sector": "Energy",
        "asset_type": "equity",
        "currency": "USD",
        "quote_currency": "USD",
        "price_factor": Decimal(1),
        "quantity": Decimal(1),
        "average_cost": Decimal(10),
        "cost": Decimal(10),
        "cost_base": Decimal(10),
        "price": Decimal(12),
        "price_day": date(2024, 1, 5),
        "price_source": "test",
        "price_basis": "raw",
        "rate": Decimal(1),
        "value": Decimal(12),
        "unrealised_gain": Decimal(2),
        "realised_gain": Decimal(0),
        "income": Decimal("0.24"),
        "opened_on": date(2024, 1, 2),
        "weight": Decimal("0.5"),
    }
    return Holding(**figures | values)


UNKNOWN = {"price": None, "value": None, "unrealised_gain": None, "weight": None}
ROWS = [
    holding("B", sector="", value=Decimal(30), currency="EUR"),
    holding("A", name="Zeta", asset_type="etf", value=Decimal(20)),
    holding("D", **UNKNOWN),
    holding("C", quantity=Decimal(0), value=Decimal(0), realised_gain=Decimal("-1.5"), opened_on=None),
]


def symbols(rows: list[Holding]) -> str:
    return "".join(row.symbol for row in rows)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, "BAD"),
        ({"state": "closed"}, "C"),
        ({"state": "all"}, "BADC"),
        ({"text": "zet"}, "A"),
        ({"text": "b"}, "B"),
        ({"sector": "Unclassified"}, "B"),
        ({"sector": "Energy"}, "AD"),
        ({"asset_type": "etf"}, "A"),
        ({"currency": "EUR"}, "B"),
        ({"currency": "EUR", "asset_type": "etf"}, ""),
    ],
)
def test_narrowed(wanted: dict[str, str], found: str) -> None:
    assert symbols(narrowed(ROWS, **wanted)) == found


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("symbol", "ABCD"),
        ("-symbol", "DCBA"),
        ("value", "CABD"),
        ("-value", "BACD"),  # what has no value comes last, whichever way
        ("-name", "ADCB"),
        ("realised", "CABD"),
        ("held", "ABDC"),
        ("-held", "ABDC"),  # equal ones keep the order of their symbols
    ],
)
def test_ordered(order: str, found: str) -> None:
    assert symbols(ordered(ROWS, order)) == found


@pytest.mark.parametrize("order", [*ORDERS, *(f"-{key}" for key in ORDERS)])
def test_every_order_keeps_every_holding(order: str) -> None:
    assert sorted(symbols(ordered(ROWS, order))) == ["A", "B", "C", "D"]


def test_sums() -> None:
    both = sums(ROWS[:2])
    assert (both.count, both.cost, both.value, both.unrealised_gain) == (2, 20, 50, 4)
    assert (both.income, both.weight, both.complete) == (Decimal("0.48"), 1, True)
    assert both.unrealised_return == Decimal("0.2")


def test_sums_say_when_a_value_is_missing() -> None:
    every = sums(ROWS)
    assert (every.complete, every.unrealised_return) == (False, None)
    assert (every.cost, every.value, every.realised_gain) == (40, 50, Decimal("-1.5"))
    assert sums([]).unrealised_return is None


@pytest.mark.parametrize(
    ("since", "until", "text"),
    [
        (date(2024, 1, 2), date(2024, 1, 2), "0 days"),
        (date(2024, 1, 2), date(2024, 1, 3), "1 day"),
        (date(2024, 1, 2), date(2024, 3, 1), "59 days"),
        (date(2020, 1, 2), date(2024, 3, 5), "4 years, 2 months"),
        (date(2024, 1, 2), date(2023, 1, 2), ""),
        (None, date(2024, 1, 2), ""),
        (date(2024, 1, 2), None, ""),
    ],
)
def test_how_long_something_is_held(since: date | None, until: date | None, text: str) -> None:
    assert held_for(since, until) == text


@pytest.mark.parametrize(
    ("share", "width"), [(None, "0.00"), (Decimal("-0.5"), "0.00"), (Decimal("0.123456"), "12.35"), (2.0, "100.00")]
)
def test_a_bar_stays_in_its_field(share: Decimal | float | None, width: str) -> None:
    assert bar_width(share) == width
