"""Why a portfolio's value changed between two days: exact, line by line and asset by asset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Min

from assets.queries import RateTable
from banking.models import CashTransaction, Origin, Section
from core.errors import DomainError
from core.money import EXACT, multiply, quantise, total
from portfolios.book.performance import LINES, BalanceChange, Reconciliation, effect_of_rates
from portfolios.models import CashSetting, Portfolio, PortfolioAccount
from portfolios.queries.holdings import Holding, holdings
from portfolios.queries.movements import (
    CashMove,
    Flow,
    Movement,
    accounts_of,
    cash_moves,
    movements_of,
    rate_on,
    rates_of,
    trade_rows,
)
from portfolios.queries.totals import Totals, totals

ZERO = Decimal(0)


class ValueUnknown(DomainError):
    """What was held that day has no price or no exchange rate, so there is no value."""


class PeriodEmpty(DomainError):
    """A period ends after it starts."""


@dataclass(frozen=True, slots=True)
class Border:
    """A portfolio at the close of ``day``: its holdings, closed ones too, and its totals."""

    day: date
    holdings: Mapping[int, Holding]
    totals: Totals

    @property
    def value(self) -> Decimal:
        return self.totals.total_value

    def value_of(self, asset_id: int) -> Decimal:
        """What is held of an asset, in the base currency; 0 when nothing is."""
        held = self.holdings.get(asset_id)
        return held.value or ZERO if held and held.quantity else ZERO


@dataclass(frozen=True, slots=True)
class HoldingPerformance:
    """What one asset earned between two days, in the base currency.

    ``paid`` is what was paid for it less what it brought (transfers at market value); the gain is what the value
    grew by beyond that, and the income. ``flows`` are the holder's payments, for a rate of return.
    """

    asset_id: int
    symbol: str
    name: str
    start_value: Decimal
    end_value: Decimal
    paid: Decimal
    realised_gain: Decimal
    unrealised_change: Decimal
    income: Decimal
    flows: tuple[Flow, ...]

    @property
    def gain(self) -> Decimal:
        return total([self.end_value, -self.start_value, -self.paid, self.income])


@dataclass(frozen=True, slots=True)
class Performance:
    """A portfolio's value at the close of two days, what crossed its border in between, and why it changed."""

    portfolio_id: int
    currency: str
    start: Border
    end: Border
    flows: tuple[Flow, ...]
    reconciliation: Reconciliation
    holdings: tuple[HoldingPerformance, ...]

    @property
    def payments(self) -> list[tuple[date, Decimal]]:
        """The investor's payments, for the money-weighted return: negative when paid in, the value received at last."""
        opening = [(self.start.day, -self.start.value)]
        return [*opening, *((flow.day, -flow.amount) for flow in self.flows), (self.end.day, self.end.value)]


def first_day(portfolio: Portfolio) -> date | None:
    """The day of the portfolio's first fact: a trade, or cash of its accounts where that is tracked; 2 queries."""
    traded: date | None = portfolio.trades.standing().aggregate(first=Min("day"))["first"]
    if portfolio.cash != CashSetting.TRACKED:
        return traded
    accounts = PortfolioAccount.objects.filter(portfolio=portfolio).values("account")
    rows = CashTransaction.objects.standing().filter(account__in=accounts)
    return min(filter(None, (traded, rows.aggregate(first=Min("booked_on"))["first"])), default=None)


def performance(portfolio: Portfolio, start: date, end: date) -> Performance:
    """From the close of ``start`` to the close of ``end``; a fixed number of queries.

    Raises PeriodEmpty, and ValueUnknown or RateMissing where an amount is not known.
    """
    if start >= end:
        raise PeriodEmpty(f"The period from {start} to {end} is empty: its end must be later than its start.")
    borders = border(portfolio, start), border(portfolio, end)
    tracked = portfolio.cash == CashSetting.TRACKED
    accounts = accounts_of(portfolio) if tracked else {}
    rows = trade_rows(portfolio, start, end)
    table = rates_of(portfolio, rows, accounts)
    movements = movements_of(portfolio, rows, table)
    cash = cash_moves(accounts, start, end, portfolio.base_currency, table)
    currency = _currency_effect(portfolio, accounts, cash, movements, (start, end), table)
    return Performance(
        portfolio.pk,
        portfolio.base_currency,
        *borders,
        flows=tuple(_flows(movements, cash, tracked=tracked)),
        reconciliation=_reconciled(borders, movements, cash, currency, tracked=tracked),
        holdings=tuple(_by_asset(borders, movements, cash)),
    )


def border(portfolio: Portfolio, day: date) -> Border:
    """The portfolio at the close of ``day``. Raises ValueUnknown."""
    held = holdings([portfolio], day, include_closed=True)[portfolio.pk]
    sums = totals(portfolio, held, day)
    if not sums.complete:
        unknown = ", ".join(holding.symbol for holding in held if holding.value is None) or "an account"
        raise ValueUnknown(f"On {day} there is no price or exchange rate for {unknown}, so there is no value.")
    return Border(day, {holding.asset_id: holding for holding in held}, sums)


def _flows(movements: Iterable[Movement], cash: Iterable[CashMove], *, tracked: bool) -> list[Flow]:
    """What crossed the border: deposits, withdrawals and transfers, and every trade's cash where none is tracked."""
    crossed = [Flow(move.day, move.amount) for move in movements if move.transfer or not tracked]
    crossed += [Flow(move.change.day, move.base) for move in cash if move.external]
    return sorted(crossed, key=lambda flow: flow.day)


def _reconciled(
    borders: tuple[Border, Border],
    movements: Sequence[Movement],
    cash: Sequence[CashMove],
    currency_effect: Decimal,
    *,
    tracked: bool,
) -> Reconciliation:
    start, end = borders
    moved = [move for move in movements if move.transfer]
    lines = dict.fromkeys(LINES, ZERO) | {
        "net_flows": total(flow.amount for flow in _flows(movements, cash, tracked=tracked)),
        "realised_gains": end.totals.realised_gain - start.totals.realised_gain,
        "unrealised_gains": end.totals.unrealised_gain - start.totals.unrealised_gain,
        "unrealised_in": total(move.basis - move.amount for move in moved if move.amount > 0),
        "unrealised_out": total(move.basis - move.amount for move in moved if move.amount <= 0),
        "income": total(move.base for move in cash if move.section == Section.INCOME),
        "costs": total(move.base for move in cash if move.section == Section.EXPENSE),
        "currency_effect": currency_effect,
    }
    return Reconciliation(start.value, end.value, lines)


def _currency_effect(
    portfolio: Portfolio,
    accounts: Mapping[int, str],
    cash: Sequence[CashMove],
    movements: Sequence[Movement],
    period: tuple[date, date],
    table: RateTable,
) -> Decimal:
    """Σ over days of foreign balances × change of rate, and conversions booked at another rate than the day's.

    A foreign balance is shown in whole minor units of the base currency: what that rounds off is in it, too.
    """
    if not accounts:
        return ZERO
    base = portfolio.base_currency
    opening = CashTransaction.objects.filter(account__in=accounts).balances(period[0])
    effect = ZERO
    for account, currency in accounts.items():
        if currency != base:
            moves = [move.change for move in cash if move.account_id == account]
            effect += _of_account(opening.get(account, ZERO), moves, currency, base, period, table)
    booked = total(move.base for move in cash if move.origin != Origin.ENTRY and move.section == Section.TRANSFER)
    return total([effect, booked, *(move.amount for move in movements if not move.transfer)])


def _of_account(
    opening: Decimal,
    moves: Sequence[BalanceChange],
    currency: str,
    base: str,
    period: tuple[date, date],
    table: RateTable,
) -> Decimal:
    if not opening and not moves:
        return ZERO
    # A balance that was nothing has no effect, whether its currency had a rate then or not.
    first = rate_on(currency, base, period[0], table) if opening else moves[0].rate
    last = rate_on(currency, base, period[1], table)
    closing = total([opening, *(move.amount for move in moves)])
    effect = effect_of_rates(opening, first, moves, last)
    return total([effect, _rounding(closing, last, base), -_rounding(opening, first, base)])


def _rounding(balance: Decimal, rate: Decimal, base: str) -> Decimal:
    exact = multiply(balance, rate)
    return EXACT.subtract(quantise(exact, base), exact)


def _by_asset(
    borders: tuple[Border, Border], movements: Iterable[Movement], cash: Iterable[CashMove]
) -> list[HoldingPerformance]:
    """Every asset that was held in the period or earned something in it, by symbol."""
    start, end = borders
    flows: dict[int, list[Flow]] = defaultdict(list)
    for move in movements:
        flows[move.asset_id].append(Flow(move.day, move.amount))
    income: dict[int, list[Flow]] = defaultdict(list)
    for row in cash:
        if row.section == Section.INCOME and row.asset_id is not None:
            income[row.asset_id].append(Flow(row.change.day, row.base))
    found = [
        _of_asset(start, end, holding, flows[asset_id], income[asset_id]) for asset_id, holding in end.holdings.items()
    ]
    return [row for row in found if row.flows or row.start_value or row.end_value]


def _of_asset(
    start: Border, end: Border, holding: Holding, flows: Sequence[Flow], income: Sequence[Flow]
) -> HoldingPerformance:
    before = start.holdings.get(holding.asset_id)
    payments = [Flow(flow.day, -flow.amount) for flow in flows]
    return HoldingPerformance(
        asset_id=holding.asset_id,
        symbol=holding.symbol,
        name=holding.name,
        start_value=start.value_of(holding.asset_id),
        end_value=end.value_of(holding.asset_id),
        paid=total(flow.amount for flow in flows),
        realised_gain=holding.realised_gain - (before.realised_gain if before else ZERO),
        unrealised_change=(holding.unrealised_gain or ZERO) - ((before and before.unrealised_gain) or ZERO),
        income=total(flow.amount for flow in income),
        flows=tuple(sorted([*payments, *income], key=lambda flow: flow.day)),
    )
