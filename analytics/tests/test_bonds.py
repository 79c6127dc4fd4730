"""Bonds against QuantLib, and by their laws: schedules, accrued interest, yield, duration, convexity."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813  the name that its own documentation uses
from hypothesis import given
from hypothesis import strategies as st

from analytics.engine import InsufficientData, UndefinedMetric, bond_figures, bond_price, bond_yield
from assets.bonds import BadTerms, BondTerms, DayCount, accrued, cash_flows, periods, years_to_payments

ISSUES = [
    (date(2020, 2, 15), date(2030, 2, 15)),
    (date(2019, 8, 31), date(2029, 8, 31)),  # the ends of months
    (date(2021, 3, 20), date(2026, 11, 5)),  # a short first period
    (date(2020, 1, 31), date(2025, 1, 31)),
]
DAYS = [0, 1, 30, 59, 200, 366, 731, 1500]
COUNTERS: dict[DayCount, Any] = {
    DayCount.THIRTY_360: lambda _: ql.Thirty360(ql.Thirty360.BondBasis),
    DayCount.THIRTY_E_360: lambda _: ql.Thirty360(ql.Thirty360.EurobondBasis),
    DayCount.ACTUAL_360: lambda _: ql.Actual360(),
    DayCount.ACTUAL_365: lambda _: ql.Actual365Fixed(),
    DayCount.ACTUAL_ACTUAL: lambda schedule: ql.ActualActual(ql.ActualActual.ISMA, schedule),
}


def quantlib(terms: BondTerms) -> tuple[Any, Any]:
    """The same bond and its day counter."""
    schedule = ql.Schedule(
        _day(terms.issued),
        _day(terms.matures),
        ql.Period(12 // terms.frequency, ql.Months),
        ql.NullCalendar(),
        ql.Unadjusted,
        ql.Unadjusted,
        ql.DateGeneration.Backward,
        terms.matures != terms.matures.replace(day=28) and (terms.matures + timedelta(1)).day == 1,
    )
    counter = COUNTERS[terms.day_count](schedule)
    return ql.FixedRateBond(0, 100.0, schedule, [float(terms.coupon)], counter), counter


def _day(day: date) -> Any:
    return ql.Date(day.day, day.month, day.year)


def times_of(terms: BondTerms, day: date) -> tuple[list[float], list[float]]:
    return [*map(float, years_to_payments(terms, day))], [float(flow.amount) for flow in cash_flows(terms, day)]


@pytest.mark.parametrize("frequency", [1, 2, 4])
@pytest.mark.parametrize("day_count", [*DayCount])
@pytest.mark.parametrize(("issued", "matures"), ISSUES)
def test_accrued_interest_and_coupons_are_quantlibs(
    issued: date, matures: date, day_count: DayCount, frequency: int
) -> None:
    terms = BondTerms(issued, matures, Decimal("0.0475"), frequency, day_count)
    bond, _ = quantlib(terms)

    for days in DAYS:
        day = issued + timedelta(days)
        ours, theirs = float(accrued(terms, day)), bond.accruedAmount(_day(day))
        assert ours == pytest.approx(theirs, abs=1e-9), day
    flows = [(flow.date(), flow.amount()) for flow in bond.cashflows()]
    theirs = [amount for _, amount in flows[:-2]] + [flows[-2][1] + flows[-1][1]]
    assert [float(flow.amount) for flow in cash_flows(terms, issued)] == pytest.approx(theirs, abs=1e-9)
    assert [_day(flow.day) for flow in cash_flows(terms, issued)] == [day for day, _ in flows[:-1]]


@pytest.mark.parametrize("frequency", [1, 2, 4])
@pytest.mark.parametrize("day_count", [*DayCount])
@pytest.mark.parametrize(("issued", "matures"), ISSUES)
def test_yield_duration_and_convexity_are_quantlibs(
    issued: date, matures: date, day_count: DayCount, frequency: int
) -> None:
    terms = BondTerms(issued, matures, Decimal("0.0475"), frequency, day_count)
    bond, counter = quantlib(terms)
    day = issued + timedelta(400)
    ql.Settings.instance().evaluationDate = _day(day)
    compounding = {1: ql.Annual, 2: ql.Semiannual, 4: ql.Quarterly}[frequency]
    clean = 97.25

    ours = bond_figures(clean + float(accrued(terms, day)), *times_of(terms, day), frequency=frequency)

    price = ql.BondPrice(clean, ql.BondPrice.Clean)
    rate = bond.bondYield(price, counter, ql.Compounded, compounding, _day(day), 1e-14, 200)
    quoted = ql.InterestRate(rate, counter, ql.Compounded, compounding)
    assert ours.yield_to_maturity == pytest.approx(rate, abs=1e-9)
    for kind, figure in (
        (ql.Duration.Macaulay, ours.macaulay_duration),
        (ql.Duration.Modified, ours.modified_duration),
    ):
        assert figure == pytest.approx(ql.BondFunctions.duration(bond, quoted, kind, _day(day)), rel=1e-8)
    assert ours.convexity == pytest.approx(ql.BondFunctions.convexity(bond, quoted, _day(day)), rel=1e-8)


def test_a_treasury_bond_by_hand() -> None:
    """4 % semi-annual, 91 of the 181 days of a period run: 100 · 0.04 / 2 · 91/181."""
    terms = BondTerms(date(2020, 2, 15), date(2030, 2, 15), Decimal("0.04"), 2, DayCount.ACTUAL_ACTUAL)
    assert float(accrued(terms, date(2023, 5, 17))) == pytest.approx(2 * 91 / 181, abs=1e-15)
    assert accrued(terms, date(2023, 8, 15)) == 0


def test_outside_of_its_life_nothing_accrues() -> None:
    terms = BondTerms(date(2020, 2, 15), date(2030, 2, 15), Decimal("0.04"), 2, DayCount.THIRTY_360)
    assert [accrued(terms, day) for day in (date(2020, 2, 14), date(2020, 2, 15), date(2030, 2, 15))] == [0, 0, 0]
    assert cash_flows(terms, date(2030, 2, 15)) == []


def test_without_coupons() -> None:
    terms = BondTerms(date(2020, 1, 1), date(2025, 1, 1), Decimal(0), 0, DayCount.ACTUAL_365)
    assert accrued(terms, date(2022, 1, 1)) == 0
    [years], _ = times_of(terms, date(2022, 1, 1))
    assert years == pytest.approx(1096 / 365)
    assert bond_yield(90.0, [years], [100.0]) == pytest.approx((100 / 90) ** (1 / years) - 1)
    assert bond_figures(90.0, [years], [100.0]).macaulay_duration == pytest.approx(years)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"matures": date(2020, 1, 1)}, "matures"),
        ({"frequency": 3}, "frequency"),
        ({"coupon": Decimal("1.5")}, "coupon"),
        ({"coupon": Decimal(0)}, "coupon"),
        ({"frequency": 0}, "coupon"),
        ({"redemption": Decimal(0)}, "redemption"),
    ],
)
def test_terms_that_no_bond_has(values: dict[str, Any], field: str) -> None:
    terms: dict[str, Any] = {
        "issued": date(2020, 1, 1),
        "matures": date(2025, 1, 1),
        "coupon": Decimal("0.05"),
        "frequency": 1,
    }
    with pytest.raises(BadTerms) as refused:
        BondTerms(**(terms | {"day_count": DayCount.THIRTY_360} | values))
    assert refused.value.field == field


rates = st.floats(-0.05, 0.3)
lives = st.integers(60, 40 * 365)


@given(
    life=lives,
    coupon=st.integers(1, 1500),
    frequency=st.sampled_from([1, 2, 4, 12]),
    count=st.sampled_from([*DayCount]),
)
def test_accrued_interest_grows_to_the_coupon(life: int, coupon: int, frequency: int, count: DayCount) -> None:
    matures = date(2020, 3, 10) + timedelta(life)
    terms = BondTerms(date(2020, 3, 10), matures, Decimal(coupon) / 10000, frequency, count)
    for period in periods(terms)[:3]:
        days = [period.start + timedelta(step) for step in range((period.end - period.start).days)]
        interest = [accrued(terms, day) for day in days]
        assert interest == sorted(interest)
        assert interest[0] == 0


@given(rate=rates, years=st.lists(st.floats(0.01, 40), min_size=1, max_size=40), frequency=st.sampled_from([1, 2, 4]))
def test_the_yield_gives_the_price_back(rate: float, years: list[float], frequency: int) -> None:
    amounts = [5.0] * (len(years) - 1) + [105.0]
    price = bond_price(rate, years, amounts, frequency=frequency)
    found = bond_yield(price, years, amounts, frequency=frequency)
    assert bond_price(found, years, amounts, frequency=frequency) == pytest.approx(price, rel=1e-9)


def test_duration_and_convexity_foretell_a_small_move() -> None:
    years, amounts = np.arange(1, 11) / 2, [2.0] * 9 + [102.0]
    figures = bond_figures(98.0, years, amounts, frequency=2)
    step = 1e-4
    moved = bond_price(figures.yield_to_maturity + step, years, amounts, frequency=2)
    foretold = 98.0 * (1 - figures.modified_duration * step + figures.convexity * step**2 / 2)
    assert moved == pytest.approx(foretold, abs=1e-8)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: bond_yield(0.0, [1.0], [100.0]), ValueError),
        (lambda: bond_yield(float("nan"), [1.0], [100.0]), ValueError),
        (lambda: bond_yield(90.0, [float("nan")], [100.0]), ValueError),
        (lambda: bond_yield(90.0, [-1.0], [100.0]), ValueError),
        (lambda: bond_yield(90.0, [1.0, 2.0], [100.0]), ValueError),
        (lambda: bond_yield(1e9, [1.0], [100.0]), UndefinedMetric),
        (lambda: bond_price(-1.0, [1.0], [100.0]), ValueError),
        (lambda: bond_price(0.1, [], []), InsufficientData),
    ],
)
def test_bad_input_has_a_name(call: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        call()
