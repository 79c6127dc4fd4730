"""The statement of a period: values at both ends and every line between them, what was held at last, and returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from analytics.performance import daily_series
from analytics.queries.facts import inputs
from analytics.queries.performance import Comparison, Daily, Rate, Whole, comparison, money_weighted
from assets.queries import RateTable
from banking.models import Section
from core.errors import DomainError
from core.money import total
from portfolios.book.performance import Reconciliation
from portfolios.book.value import converted
from portfolios.models import Portfolio
from portfolios.queries.facts import conversion_of
from portfolios.queries.holdings import Holding
from portfolios.queries.movements import TRANSFERS, CashMove, TradeRow
from portfolios.queries.performance import Performance, PeriodReading, first_day, performance
from portfolios.queries.reading import RowT
from portfolios.queries.transactions import Found, Wanted, transactions

ONE_DAY = timedelta(days=1)
SOMETIMES = ("unrealised_in", "unrealised_out")  # lines that are only there when securities were transferred


class NothingBooked(DomainError):
    """Nothing was booked in the portfolio until that day."""


class PeriodTurned(DomainError):
    """A period ends on the day on which it begins, or after it."""


@dataclass(frozen=True, slots=True)
class TradeCosts:
    """Fees and taxes of the trades of a period, in the base currency: a part of costs and proceeds, and so of gains."""

    fees: Decimal
    taxes: Decimal


@dataclass(frozen=True, slots=True)
class Statement:
    """The days from ``start`` to ``end``, both included.

    ``opened`` is the day at whose close it begins: the day before ``start``, or before the first fact of a younger
    portfolio. ``lines`` are in whole minor units of the base currency and explain the change of value to the last one.
    ``benchmark_money_weighted`` is what the same payments would have earned in the benchmark.
    """

    portfolio: Portfolio
    start: date
    end: date
    exact: Performance
    lines: Reconciliation
    costs: TradeCosts
    time_weighted: Rate
    money_weighted: Rate
    benchmark: Comparison | None
    benchmark_money_weighted: Rate
    daily: Daily
    found: Found

    @property
    def opened(self) -> date:
        return self.exact.start.day

    @property
    def shown(self) -> Mapping[str, Decimal]:
        """The lines without those that are nothing and mean nothing here."""
        return {key: amount for key, amount in self.lines.lines.items() if amount or key not in SOMETIMES}

    @property
    def holdings(self) -> list[Holding]:
        """What is held at the end, by symbol."""
        return [holding for holding in self.exact.end.holdings.values() if holding.quantity]


def statement(portfolio: Portfolio, start: date, end: date, *, first: date | None = None) -> Statement:
    """A fixed number of queries. Raises PeriodTurned, NothingBooked, ValueUnknown and RateMissing.

    ``first``: the portfolio's first day, where it was read.
    """
    if end < start:
        raise PeriodTurned("The period ends on {end}, before it begins on {start}.", end=end, start=start, field="end")
    first = first or first_day(portfolio)
    if first is None:
        raise NothingBooked("Nothing is booked in this portfolio yet.")
    if end < first:
        raise NothingBooked(
            "The portfolio begins on {first}: nothing was booked until {end}.", first=first, end=end, field="end"
        )
    inception = first - ONE_DAY
    kept = _Kept()
    exact = performance(
        portfolio, max(start - ONE_DAY, inception) if start > date.min else inception, end, reading=kept
    )
    whole = Whole.of(daily_series(inputs([portfolio.pk], as_of=end), end), inception)
    found = comparison(portfolio, exact)
    return Statement(
        portfolio,
        start,
        end,
        exact,
        _lines(exact, kept),
        _trade_costs(kept, portfolio.base_currency),
        whole.time_weighted(exact.start.day, end),
        money_weighted(exact.payments),
        found,
        _same_flows(exact, found),
        whole.daily(exact.start.day),
        transactions(portfolio, Wanted(start=start, end=end)),
    )


@dataclass
class _Kept(PeriodReading):
    """Hands on what is read, and keeps what the lines are divided by."""

    rows: list[TradeRow] = field(default_factory=list)
    moves: list[CashMove] = field(default_factory=list)
    table: RateTable | None = None

    def trades(self, rows: list[RowT]) -> list[RowT]:
        self.rows = rows  # type: ignore[assignment]  # a period is read in this one form
        return rows

    def cash(self, moves: list[CashMove]) -> list[CashMove]:
        self.moves = moves
        return moves

    def rates(self, table: RateTable) -> RateTable:
        self.table = table
        return table


def _lines(exact: Performance, kept: _Kept) -> Reconciliation:
    """The reconciliation with its flows divided into those in and out, and its costs into expenses and taxes."""
    lines = exact.reconciliation.lines
    spent = total(move.base for move in kept.moves if move.section == Section.EXPENSE)
    divided = {
        "deposits": total(flow.amount for flow in exact.flows if flow.amount > 0),
        "withdrawals": total(flow.amount for flow in exact.flows if flow.amount < 0),
        "realised_gains": lines["realised_gains"],
        "unrealised_gains": lines["unrealised_gains"],
        "unrealised_in": lines["unrealised_in"],
        "unrealised_out": lines["unrealised_out"],
        "income": lines["income"],
        "expenses": spent,
        "taxes": lines["costs"] - spent,
        "currency_effect": lines["currency_effect"],
    }
    whole = Reconciliation(exact.start.value, exact.end.value, divided)
    return whole.rounded(exact.currency)


def _trade_costs(kept: _Kept, base: str) -> TradeCosts:
    fees, taxes = [Decimal(0)], [Decimal(0)]
    for row in kept.rows:
        if kept.table is not None and (row.fee or row.tax) and row.kind not in TRANSFERS:
            rate = conversion_of(row, base, kept.table).to_base
            fees.append(converted(row.fee, rate, base))
            taxes.append(converted(row.tax, rate, base))
    return TradeCosts(total(fees), total(taxes))


def _same_flows(exact: Performance, found: Comparison | None) -> Rate:
    """The money-weighted return of the same payments in the benchmark."""
    if found is None or found.value is None:
        return Rate(problem=found.problem if found else "there is no benchmark")
    payments = [*exact.payments[:-1], (exact.end.day, found.value)]
    return money_weighted(payments)
