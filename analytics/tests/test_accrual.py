"""The interest of bonds on arrays of days: equal to the exact rules for every day count; returns without a jump."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.accrual import accrued_on, total_return_closes
from assets.bonds import BondTerms, DayCount, accrued
from assets.bonds import total_return_closes as exact_closes
from assets.tests.factories import TREASURY

ISSUED = st.dates(date(2000, 1, 1), date(2020, 12, 31))


@st.composite
def bonds(draw: st.DrawFn) -> BondTerms:
    issued, frequency = draw(ISSUED), draw(st.sampled_from([0, 1, 2, 4, 12]))
    matures = issued + timedelta(days=draw(st.integers(1, 4000)))
    coupon = Decimal(draw(st.integers(1, 1200))) / 10_000 if frequency else Decimal(0)
    return BondTerms(issued, matures, coupon, frequency, draw(st.sampled_from(DayCount)))


def days_of(start: date, end: date) -> Any:
    return np.arange(np.datetime64(start), np.datetime64(end))


@given(terms=bonds())
def test_each_day_is_that_of_the_exact_rules(terms: BondTerms) -> None:
    days = days_of(terms.issued - timedelta(days=40), terms.matures + timedelta(days=40))
    days = days[:: max(len(days) // 60, 1)]
    exact = [float(accrued(terms, day)) for day in days.tolist()]
    np.testing.assert_allclose(accrued_on(terms, days), exact, rtol=1e-13, atol=1e-13)


@given(terms=bonds(), seed=st.integers(0, 2**32 - 1), count=st.integers(1, 80))
def test_closes_with_interest_are_those_of_the_exact_rules(terms: BondTerms, seed: int, count: int) -> None:
    chance = np.random.default_rng(seed)
    steps = np.cumsum(chance.integers(1, 40, count)) + int(chance.integers(-60, 60))
    days = (np.datetime64(terms.issued) + steps).astype("M8[D]")
    closes: Any = np.round(chance.uniform(70, 130, count), 4)
    adjusted: Any = np.round(closes * np.cumprod(chance.uniform(0.9, 1.1, count)), 4)
    columns = zip(days.tolist(), closes.tolist(), adjusted.tolist(), strict=True)
    bars = [(day, Decimal(str(close)), Decimal(str(other))) for day, close, other in columns]
    exact = [float(value) for value in exact_closes(terms, bars)]
    np.testing.assert_allclose(total_return_closes(terms, days, closes, adjusted), exact, rtol=1e-11)


@pytest.mark.parametrize("booked", [True, False])
def test_no_coupon_day_shows_in_the_returns(booked: bool) -> None:
    """At a constant clean price every day earns a day's interest, whether coupons were booked or not."""
    days = days_of(date(2024, 3, 1), date(2026, 3, 1))
    closes = np.full(len(days), 100.0)
    before = np.array(
        [[day < coupon for coupon in np.array(["2024-08-15", "2025-02-15", "2025-08-15"], "M8[D]")] for day in days]
    )
    adjusted = closes * np.where(before, 0.98, 1.0).prod(axis=1) if booked else closes
    levels = total_return_closes(TREASURY, days, closes, adjusted)
    returns = levels[1:] / levels[:-1] - 1
    assert returns.min() > 0.00010
    assert returns.max() < 0.00012
    assert levels[-1] == 100 + accrued_on(TREASURY, days)[-1]


def test_a_split_is_taken_from_the_adjusted_closes() -> None:
    days = np.array(["2024-03-01", "2024-03-04"], "M8[D]")
    levels = total_return_closes(TREASURY, days, np.array([100.0, 50.0]), np.array([50.0, 50.0]))
    interest = accrued_on(TREASURY, days)
    assert levels.tolist() == [(100 + interest[0]) / 2, 50 + interest[1]]


def test_one_bar_and_none() -> None:
    nothing = np.empty(0)
    assert total_return_closes(TREASURY, nothing.astype("M8[D]"), nothing, nothing).size == 0
    one = total_return_closes(TREASURY, np.array(["2024-05-15"], "M8[D]"), np.array([99.0]), np.array([99.0]))
    assert one.tolist() == [pytest.approx(99 + 2 * 90 / 182)]
    assert exact_closes(TREASURY, []) == []
