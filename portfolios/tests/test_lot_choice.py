"""Which lots a sale takes to realise the least, and what other choices would."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import total
from portfolios.book.lot_choice import Gain, Sale, Taxation, by_method, least_gain, picks_of, pro_rata, realised
from portfolios.book.types import OpenLot, Pick

TODAY = date(2026, 6, 1)
SCALE = Decimal("0.0001")


def lot(key: int, opened: date | str, quantity: int | str, cost: int | str) -> OpenLot:
    opened = date.fromisoformat(opened) if isinstance(opened, str) else opened
    whole = (Decimal(quantity), Decimal(cost), Decimal(cost))
    return OpenLot(key, 0, opened, *whole, *whole)


def sale(quantity: int | str, proceeds: int | str) -> Sale:
    return Sale(Decimal(quantity), Decimal(proceeds), TODAY)


LOTS = [
    lot(1, "2020-01-01", 10, 500),  # a gain of 50 a unit at 100, long
    lot(2, "2025-12-01", 10, 1200),  # a loss of 20, short
    lot(3, "2026-01-01", 10, 900),  # a gain of 10, short
    lot(4, "2021-01-01", 10, 900),  # a gain of 10, long
]


@pytest.mark.parametrize(
    ("quantity", "picks"),
    [
        (5, [(2, 5)]),  # the loss first
        (15, [(2, 10), (4, 5)]),  # of two that cost the same the long-term one
        (25, [(2, 10), (4, 10), (3, 5)]),
        (40, [(2, 10), (4, 10), (3, 10), (1, 10)]),
    ],
)
def test_losses_first_then_the_highest_cost_then_the_long_term(quantity: int, picks: list[tuple[int, int]]) -> None:
    slices = least_gain(LOTS, sale(quantity, quantity * 100), Taxation())
    assert picks_of(slices) == tuple(Pick(key, 0, Decimal(units)) for key, units in picks)
    assert [left.quantity for left in LOTS] == [10] * 4  # only copies were cut


def test_the_least_tax_may_realise_more() -> None:
    lots = [lot(1, "2020-01-01", 10, 700), lot(2, "2026-01-01", 10, 800)]  # +30 long, +20 short
    rates = Taxation(short_rate=Decimal("0.4"), long_rate=Decimal("0.1"))
    by_gain = least_gain(lots, sale(10, 1000), rates)
    by_tax = least_gain(lots, sale(10, 1000), replace(rates, by_tax=True))
    assert [picks_of(found)[0].opened_by for found in (by_gain, by_tax)] == [2, 1]
    due = [rates.due(realised(found, sale(10, 1000), Taxation())) for found in (by_gain, by_tax)]
    assert due == [Decimal(80), Decimal(30)]


def test_it_realises_less_than_pro_rata() -> None:
    sold = sale(10, 1000)
    ours, spread = (
        realised(found, sold, Taxation())
        for found in (least_gain(LOTS, sold, Taxation()), pro_rata(LOTS, sold.quantity))
    )
    assert ours == Gain(short=Decimal(-200))
    assert spread == Gain(short=Decimal(-25), long=Decimal(150))  # a quarter of each lot
    assert ours.total < spread.total


def test_the_term_turns_after_the_last_day() -> None:
    turning = TODAY - timedelta(days=365)
    one = [lot(1, turning, 1, 50)], [lot(1, turning - timedelta(days=1), 1, 50)]
    found = [realised(least_gain(lots, sale(1, 60), Taxation()), sale(1, 60), Taxation()) for lots in one]
    assert found == [Gain(short=Decimal(10)), Gain(long=Decimal(10))]


def test_no_rates_no_tax() -> None:
    assert Taxation().due(Gain(Decimal(5), Decimal(5))) is None
    assert Taxation(short_rate=Decimal("0.3"), long_rate=Decimal(0)).due(Gain(Decimal(-5), Decimal(5))) == Decimal(
        "-1.5"
    )


@pytest.mark.parametrize(
    ("method", "gain"), [("fifo", 500), ("lifo", 100), ("hifo", -200), ("average", 125), ("specific", 500)]
)
def test_what_each_method_would_realise(method: str, gain: int) -> None:
    lots = sorted(LOTS, key=lambda one: one.opened_on)
    assert realised(by_method(lots, Decimal(10), method), sale(10, 1000), Taxation()).total == gain


places = count(1)
random_lots = st.lists(
    st.builds(
        lambda days, quantity, cost: lot(next(places), TODAY - timedelta(days=days), f"{quantity}", f"{cost:.2f}"),
        st.integers(0, 1000),
        st.integers(1, 1000),
        st.decimals(0, 100_000, places=2),
    ),
    min_size=1,
    max_size=8,
)


@given(random_lots, st.integers(1, 100), st.decimals(1, 500, places=2))
def test_it_never_realises_more_than_pro_rata_or_any_method(lots: list[OpenLot], percent: int, price: Decimal) -> None:
    lots.sort(key=lambda one: one.opened_on)
    held = total(one.quantity for one in lots)
    quantity = max((held * percent / 100).quantize(Decimal(1)), Decimal(1))
    sold = Sale(quantity, (quantity * price).quantize(Decimal("0.01")), TODAY)
    ours = realised(least_gain(lots, sold, Taxation()), sold, Taxation())
    others = [
        pro_rata(lots, quantity),
        *(by_method(lots, quantity, name) for name in ("fifo", "lifo", "hifo", "average")),
    ]
    for other in others:
        assert ours.total <= realised(other, sold, Taxation()).total + SCALE * len(lots)


@given(random_lots, st.integers(1, 100), st.decimals(1, 500, places=2), st.integers(0, 50), st.integers(0, 50))
def test_it_never_owes_more_tax_than_pro_rata(
    lots: list[OpenLot], percent: int, price: Decimal, short: int, long: int
) -> None:
    rates = Taxation(short_rate=Decimal(short) / 100, long_rate=Decimal(long) / 100, by_tax=True)
    held = total(one.quantity for one in lots)
    quantity = max((held * percent / 100).quantize(Decimal(1)), Decimal(1))
    sold = Sale(quantity, (quantity * price).quantize(Decimal("0.01")), TODAY)
    ours, spread = (
        rates.due(realised(found, sold, rates)) or Decimal(0)
        for found in (least_gain(lots, sold, rates), pro_rata(lots, quantity))
    )
    assert ours <= spread + SCALE * (len(lots) + 1)
