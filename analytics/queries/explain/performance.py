"""A period's performance: time- and money-weighted return, both ends, and the lines that lead from one to the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, cast

import numpy as np

from analytics.engine import total_return
from analytics.engine.recording import RecordedArray
from analytics.explaining import given, recorded_call
from analytics.performance import daily_series
from analytics.queries.explain.recorded import RecordedReading, recorded_balances, recorded_books, recorded_row
from analytics.queries.explain.register import Explained, NoFigure, Question, Result, register
from analytics.queries.facts import inputs
from analytics.queries.performance import ONE_DAY, Whole, last_day
from portfolios.book.money_weighted import NoMoneyWeightedReturn, annualised, over, xirr
from portfolios.book.performance import LINES, beyond_a_year, period_start
from portfolios.models import Portfolio
from portfolios.queries.borders import Border, border_of
from portfolios.queries.movements import CashMove, Due
from portfolios.queries.performance import Performance, PeriodEmpty, PeriodReading, first_day, performance

TAKES = ("as_of", "start", "period")
NOTHING = "nothing was booked until then"


@dataclass(frozen=True, slots=True)
class _Span:
    start: date
    end: date
    inception: date


def _span(question: Question) -> _Span:
    """The period that is asked for: since inception, unless ``start`` or ``period`` says otherwise."""
    portfolio = question.portfolio
    first, end = first_day(portfolio), question.as_of or last_day(portfolio)
    if first is None or end is None or end < first:
        raise NoFigure(NOTHING)
    inception = first - ONE_DAY
    start = question.start or inception
    if question.start is None and question.period:
        start = period_start(question.period, end, inception, _previous(portfolio, end, inception))
    if start >= end:
        raise PeriodEmpty(
            "The period from {start} to {end} is empty: its end must be later than its start.",
            field="start",
            start=start,
            end=end,
        )
    if question.period and start < inception:
        raise NoFigure("the portfolio is younger")
    return _Span(start, end, inception)


def _previous(portfolio: Portfolio, end: date, inception: date) -> date:
    days = daily_series(inputs([portfolio.pk], as_of=end), end).grid.days
    previous: date = days[-2].item() if len(days) > 1 else inception
    return previous


# --- exact amounts ------------------------------------------------------------------------------------------------


class _Recorded(RecordedReading, PeriodReading):
    """What is read for a period, every amount recorded."""

    def borders(self, portfolio: Portfolio, start: date, end: date) -> tuple[Border, Border]:
        return _border(portfolio, start), _border(portfolio, end)

    def bases(self, bases: dict[int, Decimal]) -> dict[int, Decimal]:
        return {
            trade: given(cost, f"cost of the lots of transfer {trade}", {"kind": "trade", "trade": trade})
            for trade, cost in bases.items()
        }

    def dues(self, dues: list[Due]) -> list[Due]:
        return [self._due(due) for due in dues]

    def _due(self, due: Due) -> Due:
        source = {"kind": "dividend", "action": due.action_id, "day": due.ex_date.isoformat()}
        names = {"gross": "gross", "withheld": "tax withheld", "income_base": "gross, in the base currency"}
        told = {
            column: given(getattr(due, column), f"payment of action {due.action_id}: {name}", source)
            for column, name in names.items()
        }
        return due._replace(**cast("dict[str, Any]", told))

    def cash(self, moves: list[CashMove]) -> list[CashMove]:
        return [replace(move, change=replace(move.change, amount=_amount(move))) for move in moves]

    def opening(self, balances: dict[int, Decimal], day: date) -> dict[int, Decimal]:
        return recorded_balances(balances, day)


def _border(portfolio: Portfolio, day: date) -> Border:
    books = recorded_books(portfolio, day)
    return border_of(day, books.holdings, books.totals)


def _amount(move: CashMove) -> Decimal:
    return recorded_row(move.change.amount, move.row_id, move.account_id, move.change.day)


def _exact(question: Question) -> tuple[_Span, Performance]:
    span = _span(question)
    return span, performance(question.portfolio, span.start, span.end, reading=_Recorded())


Read = Callable[[Performance], Decimal]


def _line(key: str, label: str, read: Read) -> Explained:
    def compute(question: Question) -> Result:
        span, found = _exact(question)
        return Result(read(found), span.end, span.start, span.end)

    return Explained(key, label, "money", "books", "reconciliation", compute, TAKES)


def _of_line(name: str) -> Read:
    return lambda found: found.reconciliation.rounded(found.currency).lines[name]


register(
    _line("start_value", "Value at the start", lambda found: found.reconciliation.rounded(found.currency).start_value),
    _line("end_value", "Value at the end", lambda found: found.reconciliation.rounded(found.currency).end_value),
    _line("change_in_value", "Change in value", lambda found: found.reconciliation.rounded(found.currency).change),
    *(_line(f"reconciliation_{name}", label, _of_line(name)) for name, label in LINES.items()),
)


# --- rates of return ----------------------------------------------------------------------------------------------


def _growth(question: Question) -> tuple[_Span, Any, int]:
    """The time-weighted return of the period, from the daily values and flows."""
    span = _span(question)
    series = daily_series(inputs([question.portfolio.pk], as_of=span.end), span.end)
    whole = Whole.of(series, span.inception)
    shown = whole.time_weighted(span.start, span.end)
    if shown.value is None:
        raise NoFigure(shown.problem)
    days = np.datetime_as_string(whole.days).tolist()

    def column(values: Any, name: str, each: str) -> Any:
        source = {"kind": "daily", "days": days, "each_value": each}
        return RecordedArray.given(values, name, source)

    recorded = replace(
        whole,
        values=column(whole.values, "V: value at the close", "total_value"),
        paid_in=column(whole.paid_in, "in: paid in from outside", ""),
        paid_out=column(whole.paid_out, "out: taken out", ""),
    )
    returns = recorded.returns(span.start, recorded.after(span.end))
    return span, total_return(returns), len(returns)


def _time_weighted(question: Question) -> Result:
    span, growth, days = _growth(question)
    return Result(growth, span.end, span.start, span.end, days)


def _time_weighted_a_year(question: Question) -> Result:
    span, growth, days = _growth(question)
    return Result(_a_year(span, "annualised", annualised, growth), span.end, span.start, span.end, days)


def _a_year(span: _Span, operation: str, function: Callable[..., float], rate: Any) -> Any:
    if not beyond_a_year(span.start, span.end):
        raise NoFigure("a return is brought to a year only beyond a year")
    return recorded_call(operation, function, rate, (span.end - span.start).days)


def _rate(question: Question) -> tuple[_Span, Any]:
    """The money-weighted return a year, from the exact payments."""
    span, found = _exact(question)
    days, amounts = zip(*found.payments, strict=True)
    try:
        rate = recorded_call(
            "internal_rate", lambda paid, on: xirr(zip(on, paid, strict=True)).rate, list(amounts), list(days)
        )
    except NoMoneyWeightedReturn as error:
        raise NoFigure(error.message) from error
    return span, rate


def _money_weighted(question: Question) -> Result:
    span, rate = _rate(question)
    try:
        value = recorded_call("over_days", over, rate, (span.end - span.start).days)
    except OverflowError as error:
        raise NoFigure("it exceeds what a number can hold") from error
    return Result(value, span.end, span.start, span.end)


def _money_weighted_a_year(question: Question) -> Result:
    span, rate = _rate(question)
    if not beyond_a_year(span.start, span.end):
        raise NoFigure("a return is brought to a year only beyond a year")
    return Result(rate, span.end, span.start, span.end)


def _return(key: str, label: str, unit: str, heading: str, compute: Callable[[Question], Result]) -> Explained:
    return Explained(key, label, unit, "ex-post", heading, compute, TAKES)


TWR, MWR = "time-weighted-return", "money-weighted-return"
register(
    _return("time_weighted_return", "Time-weighted return", "fraction", TWR, _time_weighted),
    _return(
        "time_weighted_return_a_year", "Time-weighted return, a year", "fraction a year", TWR, _time_weighted_a_year
    ),
    _return("money_weighted_return", "Money-weighted return", "fraction", MWR, _money_weighted),
    _return(
        "money_weighted_return_a_year", "Money-weighted return, a year", "fraction a year", MWR, _money_weighted_a_year
    ),
)
