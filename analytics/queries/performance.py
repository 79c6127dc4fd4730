"""A portfolio's performance: exact values and lines at the ends of a period, rates of return over what lies between.

Values at the ends, flows, the lines of the reconciliation, what each asset earned and what the same flows would be
worth in the benchmark are exact decimals. The time-weighted return is chained from the daily series in binary floating
point, as are the daily series themselves and the periods of the table: ratios and charts, no money.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from math import isfinite

import numpy as np
from django.db.models import Max
from django.db.models.functions import Coalesce
from numpy.typing import NDArray

from analytics.engine import time_weighted_returns, total_return
from analytics.performance import Series, daily_series
from analytics.queries.facts import inputs
from analytics.valuation import FloatArray
from assets.bonds import total_return_closes
from assets.models import Asset, HistoricValue
from assets.queries import RateMissing, RateTable, bond_terms, rates
from banking.models import CashTransaction
from banking.models.transaction import counted_now
from core.money import divide, multiply
from portfolios.book.money_weighted import NoMoneyWeightedReturn, annualised, over, xirr
from portfolios.book.performance import PERIODS, beyond_a_year, period_start, same_flows
from portfolios.models import CashSetting, Portfolio
from portfolios.queries import valuation_days
from portfolios.queries.accounts import day_counted
from portfolios.queries.movements import Flow
from portfolios.queries.performance import Performance, first_day, performance

ONE_DAY = timedelta(days=1)
BEFORE_INCEPTION = "the portfolio is younger"


@dataclass(frozen=True, slots=True)
class Rate:
    """A return over a period as a fraction; ``annual`` only beyond a year. None where ``problem`` says why.

    ``several``: other rates explain the same payments.
    """

    value: float | None = None
    annual: float | None = None
    several: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PeriodReturns:
    """One row of the table of periods."""

    key: str
    label: str
    start: date
    end: date
    time_weighted: Rate
    money_weighted: Rate


@dataclass(frozen=True, slots=True)
class Comparison:
    """The benchmark over the same period with the same flows; ``problem`` says why it has no figures.

    ``value`` is what the value at the start and all later flows would be worth in it, exactly; ``growth`` its return.
    """

    symbol: str
    value: Decimal | None = None
    growth: Decimal | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Daily:
    """Days of a period for a chart, each (T,): end-of-day values, net flows, compounded returns since the start."""

    days: NDArray[np.datetime64]
    values: FloatArray
    flows: FloatArray
    returns: FloatArray


@dataclass(frozen=True, slots=True)
class Report:
    """Everything about one period, and the returns of all usual periods that end with it."""

    exact: Performance
    time_weighted: Rate
    money_weighted: Rate
    periods: tuple[PeriodReturns, ...]
    daily: Daily
    benchmark: Comparison | None


def last_day(portfolio: Portfolio) -> date | None:
    """The day that the newest value is of: the last price of what is held, or the last fact; at most 3 queries.

    Cash of days to come, such as a dividend that is due, is no fact yet.
    """
    priced = valuation_days([portfolio.pk])[portfolio.pk]
    if portfolio.cash != CashSetting.TRACKED:
        return priced
    rows = CashTransaction.objects.standing().filter(counted_now(), account__portfolio_link__portfolio=portfolio)
    return max(filter(None, (priced, rows.aggregate(last=Max(day_counted()))["last"])), default=None)


def report(portfolio: Portfolio, *, start: date | None = None, end: date | None = None) -> Report | None:
    """From the close of ``start`` (the day before the first fact) to that of ``end`` (the newest value).

    None where nothing was booked until then. A fixed number of queries. Raises what ``performance`` raises.
    """
    first, end = first_day(portfolio), end or last_day(portfolio)
    if first is None or end is None or end < first:
        return None
    inception = first - ONE_DAY
    exact = performance(portfolio, start or inception, end)
    whole = Whole.of(daily_series(inputs([portfolio.pk], as_of=end), end), inception)
    return Report(
        exact,
        whole.time_weighted(exact.start.day, end),
        money_weighted(exact.payments),
        tuple(_periods(whole, inception, end)),
        whole.daily(exact.start.day),
        comparison(portfolio, exact),
    )


def money_weighted(payments: Sequence[tuple[date, Decimal]]) -> Rate:
    """The money-weighted return of an investor's payments, the first at the start and the last at the end."""
    start, end = payments[0][0], payments[-1][0]
    try:
        found = xirr(payments)
    except NoMoneyWeightedReturn as error:
        return Rate(problem=error.message)
    value = _number(lambda: over(found.rate, (end - start).days))
    annual = found.rate if beyond_a_year(start, end) else None
    return Rate(value, annual, found.several, "" if value is not None else "it exceeds what a number can hold")


def _number(figure: Callable[[], float]) -> float | None:
    try:
        value = figure()
    except OverflowError:
        return None
    return value if isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Whole:
    """The daily series since inception, and the rates of return of any period within it."""

    days: NDArray[np.datetime64]
    values: FloatArray
    paid_in: FloatArray
    paid_out: FloatArray
    inception: date
    problem: str

    @classmethod
    def of(cls, series: Series, inception: date) -> Whole:
        values, paid_in, paid_out = series.values[0], series.paid_in[0], series.paid_out[0]
        empty = not (values.any() or paid_in.any() or paid_out.any())
        return cls(series.grid.days, values, paid_in, paid_out, inception, series.problems[0] if empty else "")

    def after(self, day: date) -> int:
        """The place of the first day after ``day``."""
        return int(np.searchsorted(self.days, np.datetime64(day), side="right"))

    def value(self, day: date) -> float:
        return float(self.opening(day)[0])

    def opening(self, day: date) -> FloatArray:
        """The value at the close of ``day`` (1,); 0 before the first one."""
        place = self.after(day)
        return self.values[place - 1 : place] if place else np.zeros(1)

    def returns(self, start: date, stop: int) -> FloatArray:
        """The daily time-weighted returns after ``start`` to the day before place ``stop``; NaN once undefined."""
        opening, place = self.opening(start), self.after(start)
        # The opening value is what comes in (or, as a debt, is owed) before the period's first day.
        values = np.concatenate([opening, self.values[place:stop]])
        paid_in = np.concatenate([np.maximum(opening, 0.0), self.paid_in[place:stop]])
        paid_out = np.concatenate([np.zeros(1), self.paid_out[place:stop]])
        returns: FloatArray = time_weighted_returns(values, paid_in, paid_out).returns[1:]
        return returns

    def time_weighted(self, start: date, end: date) -> Rate:
        if self.problem:
            return Rate(problem=self.problem)
        returns = self.returns(start, self.after(end))
        undefined = np.isnan(returns)
        if undefined.any():
            day = self.days[self.after(start) + int(undefined.argmax())]
            return Rate(problem=f"the return is undefined from {day}, when nothing was invested that could earn it")
        growth = float(total_return(returns))
        days = (end - start).days
        return Rate(growth, annualised(growth, days) if beyond_a_year(start, end) and growth > -1 else None)

    def money_weighted(self, start: date, end: date) -> Rate:
        if self.problem:
            return Rate(problem=self.problem)
        place, stop = self.after(start), self.after(end)
        net = self.paid_out[place:stop] - self.paid_in[place:stop]
        moved = np.flatnonzero(net)
        days = self.days[place:stop][moved].tolist()
        payments = [(day, Decimal(repr(amount))) for day, amount in zip(days, net[moved].tolist(), strict=True)]
        opening, closing = Decimal(repr(-self.value(start))), Decimal(repr(self.value(end)))
        return money_weighted([(start, opening), *payments, (end, closing)])

    def daily(self, start: date) -> Daily:
        place = self.after(start)
        returns = self.returns(start, len(self.days))
        flows = self.paid_in[place:] - self.paid_out[place:]
        growth: FloatArray = np.multiply.accumulate(1.0 + returns) - 1.0  # NaN from a day without a return on
        return Daily(self.days[place:], self.values[place:], flows, growth)


def _periods(whole: Whole, inception: date, end: date) -> Iterable[PeriodReturns]:
    place = whole.after(end)
    previous = whole.days[place - 2].item() if place > 1 else inception
    for key, label in PERIODS.items():
        start = period_start(key, end, inception, previous)
        if start < inception:
            rate = Rate(problem=BEFORE_INCEPTION)
            yield PeriodReturns(key, label, start, end, rate, rate)
        else:
            rates_of_period = whole.time_weighted(start, end), whole.money_weighted(start, end)
            yield PeriodReturns(key, label, start, end, *rates_of_period)


# --- the benchmark ------------------------------------------------------------------------------------------------


def comparison(portfolio: Portfolio, exact: Performance) -> Comparison | None:
    """What the same flows would be worth in the benchmark; None without one; at most 2 queries, 3 for a bond."""
    if portfolio.benchmark is None:
        return None
    asset = portfolio.benchmark
    levels = _Levels.of(asset, portfolio.base_currency, exact.end.day)
    try:
        return _compared(asset.symbol, levels, exact)
    except RateMissing as error:
        return Comparison(asset.symbol, problem=error.message)


def _compared(symbol: str, levels: _Levels, exact: Performance) -> Comparison:
    start, end = exact.start.day, exact.end.day
    # Without a close at the start it begins with the first day's, like the portfolio.
    opening = levels.on(start) or levels.on(start + ONE_DAY)
    if opening is None:
        return Comparison(symbol, problem="its history begins later")
    flows = [(paid_in, paid_out, *levels.around(day, opening)) for day, paid_in, paid_out in _gross(exact.flows)]
    growth = divide(levels.on(end) or opening, opening)
    return Comparison(symbol, same_flows(exact.start.value, flows, growth), growth - 1)


def _gross(flows: Iterable[Flow]) -> Iterable[tuple[date, Decimal, Decimal]]:
    """(day, paid in, paid out) of each day with a flow."""
    for day, group in groupby(flows, key=lambda flow: flow.day):
        amounts = [flow.amount for flow in group]
        paid_in = sum((amount for amount in amounts if amount > 0), Decimal(0))
        yield day, paid_in, paid_in - sum(amounts, Decimal(0))


@dataclass(frozen=True, slots=True)
class _Levels:
    """An asset's adjusted closes in the base currency, last known on any day; a bond's with interest and coupons."""

    days: Sequence[date]
    closes: Sequence[Decimal]
    currency: str
    base: str
    table: RateTable

    @classmethod
    def of(cls, asset: Asset, base: str, end: date) -> _Levels:
        bars = HistoricValue.objects.filter(asset=asset, day__lte=end).order_by("day")
        rows = list(bars.values_list("day", "close", Coalesce("adjusted_close", "close")))
        terms, closes = bond_terms([asset]).get(asset.pk), [row[2] for row in rows]
        closes = closes if terms is None else total_return_closes(terms, rows)
        return cls([row[0] for row in rows], closes, asset.currency, base, rates([asset.currency], base))

    def on(self, day: date) -> Decimal | None:
        """None before its history begins. Raises RateMissing."""
        place = bisect_right(self.days, day)
        if not place:
            return None
        return multiply(self.closes[place - 1], self.table.rate(self.currency, self.base, day).value)

    def around(self, day: date, opening: Decimal) -> tuple[Decimal, Decimal]:
        """Its growth since the start to the close before ``day``, and to that of ``day``."""
        before, after = self.on(day - ONE_DAY) or opening, self.on(day) or opening
        return divide(before, opening), divide(after, opening)
