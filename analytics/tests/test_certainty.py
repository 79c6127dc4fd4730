"""Amounts from floating point are the decimal ones wherever they claim to be certain."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from analytics.certainty import minor_amounts, sums
from portfolios.book.value import market_value

quantities = st.decimals(Decimal(-999999), Decimal(999999), places=4)
prices = st.decimals(Decimal("0.0001"), Decimal(99999), places=6)


@given(quantities, prices, st.sampled_from(["USD", "JPY", "KWD"]))
@example(Decimal("0.5"), Decimal("0.01"), "USD")
@example(Decimal("-1.5"), Decimal(1), "JPY")
@example(Decimal("1.005"), Decimal(1), "USD")
@example(Decimal(999999), Decimal("99999.005"), "USD")
def test_what_is_certain_is_the_decimal_amount(quantity: Decimal, price: Decimal, currency: str) -> None:
    digits = {"USD": 2, "JPY": 0, "KWD": 3}[currency]
    exact = market_value(quantity, price, Decimal(1), currency)

    [amount], [certain] = minor_amounts(np.array([float(quantity)]), np.array([float(price)]), np.array([10.0**digits]))

    assert not certain or Decimal(int(amount)).scaleb(-digits) == exact


def test_halves_absurd_amounts_and_missing_prices_are_in_doubt() -> None:
    quantity = np.array([1.0, 1.0, 1e9, 1.0, 3.0])
    price = np.array([0.005, 1.015, 1e9, np.nan, 33.33])

    amounts, certain = minor_amounts(quantity, price, np.full(5, 100.0))

    assert certain.tolist() == [False, False, False, False, True]
    assert amounts.tolist() == [0, 0, 0, 0, 9999]


def test_most_amounts_are_certain() -> None:
    random = np.random.default_rng(1)
    quantity, price = random.integers(1, 10_000_000, 10_000) / 1e4, random.integers(1, 10_000_000, 10_000) / 1e2

    _, certain = minor_amounts(quantity, price, np.full(10_000, 100.0))

    assert certain.mean() > 0.99


def test_sums_by_row() -> None:
    rows, amounts = np.array([0, 2, 0, 2], np.int64), np.array([1, 2, 3, -5], np.int64)

    assert sums(rows, amounts, 3).tolist() == [4, 0, -3]
