"""Why a portfolio's value changed between two days: exact, line by line and asset by asset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Min

from assets.queries import RateTable
from banking.models import CashTransaction, Origin, Section
from core.errors import DomainError
from core.money import multiply, quantise, subtract, total
from portfolios.book.performance import LINES, BalanceChange, Reconciliation, effect_of_rates
from portfolios.models import CashSetting, Portfolio
from portfolios.queries.accounts import CashAccount, cash_accounts, day_counted
from portfolios.queries.borders import Border, borders
from portfolios.queries.holdings import Holding
from portfolios.queries.movements import (
    CashMove,
    Due,
    Flow,
    Movement,
    cash_moves,
    dues_of,
    movements_of,
    rate_on,
    rates_of,
    trade_rows,
    transferred_bases,
)
from portfolios.queries.reading import Reading

ZERO = Decimal(0)


class PeriodEmpty(DomainError):
    """A period ends after it starts."""


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
    rows = CashTransaction.objects.standing().filter(account__portfolio_link__portfolio=portfolio)
    return min(filter(None, (traded, rows.aggregate(first=Min(day_counted()))["first"])), default=None)


class PeriodReading(Reading):
    """What is read for a period, too."""

    def borders(self, portfolio: Portfolio, start: date, end: date) -> tuple[Border, Border]:
        return borders(portfolio, start, end)

    def bases(self, bases: dict[int, Decimal]) -> dict[int, Decimal]:
        return bases

    def dues(self, dues: list[Due]) -> list[Due]:
        return dues

    def cash(self, moves: list[CashMove]) -> list[CashMove]:
        return moves

    def opening(self, balances: dict[int, Decimal], day: date) -> dict[int, Decimal]:
        return balances


def performance(portfolio: Portfolio, start: date, end: date, *, reading: PeriodReading | None = None) -> Performance:
    """From the close of ``start`` to the close of ``end``; a fixed number of queries.

    Raises PeriodEmpty, and ValueUnknown or RateMissing where an amount is not known.
    """
    if start >= end:
        raise PeriodEmpty(
            "The period from {start} to {end} is empty: its end must be later than its start.", start=start, end=end
        )
    reading = reading or PeriodReading()
    facts = _Facts.of(portfolio, *reading.borders(portfolio, start, end), reading)
    return Performance(
        portfolio.pk,
        portfolio.base_currency,
        facts.start,
        facts.end,
        flows=tuple(_flows(facts)),
        reconciliation=_reconciled(facts),
        holdings=tuple(_by_asset(facts)),
    )


@dataclass(frozen=True, slots=True)
class _Facts:
    """All that the lines follow from: both ends, and what happened in between."""

    start: Border
    end: Border
    base: str
    tracked: bool
    accounts: Mapping[int, CashAccount]
    movements: Sequence[Movement]
    cash: Sequence[CashMove]
    dues: Sequence[Due]
    opening: Mapping[int, Decimal]
    table: RateTable

    @classmethod
    def of(cls, portfolio: Portfolio, start: Border, end: Border, reading: PeriodReading) -> _Facts:
        tracked = portfolio.cash == CashSetting.TRACKED
        accounts = cash_accounts([portfolio.pk]) if tracked else {}
        rows = reading.trades(trade_rows(portfolio, start.day, end.day))
        dues = reading.dues(dues_of(portfolio, start.day, end.day))
        table = reading.rates(rates_of(portfolio, rows, accounts, dues))
        cash = reading.cash(cash_moves(accounts, start.day, end.day, portfolio.base_currency, table))
        return cls(
            start,
            end,
            portfolio.base_currency,
            tracked,
            accounts,
            movements_of(portfolio, rows, table, reading.bases(transferred_bases(portfolio, rows))),
            cash,
            dues,
            reading.opening(_opening(accounts, start.day), start.day),
            table,
        )

    def within(self, day: date) -> bool:
        return self.start.day < day <= self.end.day

    @property
    def fresh(self) -> list[Due]:
        """The dues whose ex-date is in the period."""
        return [due for due in self.dues if self.within(due.ex_date)]

    @property
    def paid(self) -> list[Flow]:
        """What the dues paid in the period, each at its pay-date's rate."""
        paid = [due for due in self.dues if self.within(due.paid_on)]
        return [Flow(due.paid_on, due.base(due.net, due.paid_on, self.base, self.table)) for due in paid]

    @property
    def payments(self) -> list[tuple[Due, CashMove]]:
        """The entered rows of the period that are the payment of a dividend, each with what was due."""
        owed = {due.action_id: due for due in self.dues if due.dividend}
        return [(owed[move.pays], move) for move in self.cash if move.pays in owed]

    @property
    def earned(self) -> list[CashMove]:
        """The entered rows of income. The cash of a dividend is no second one: it was earned on the ex-date."""
        rows = {id(move) for _, move in self.payments}
        income = [move for move in self.cash if move.section == Section.INCOME and move.origin == Origin.ENTRY]
        return [move for move in income if id(move) not in rows]

    @property
    def beyond(self) -> Decimal:
        """What payments of dividends brought beside their net amounts: more or less tax was withheld than expected."""
        return total(due.beyond(move, self.base, self.table) for due, move in self.payments)

    @property
    def dividends(self) -> list[tuple[Due, Decimal, Decimal]]:
        """(due, gross, withheld) of each dividend whose ex-date is in the period, at that day's rate."""
        return [
            (due, due.income_base, due.base(due.withheld, due.ex_date, self.base, self.table))
            for due in self.fresh
            if due.dividend
        ]


def _opening(accounts: Mapping[int, CashAccount], day: date) -> dict[int, Decimal]:
    """The balances of those accounts that are the portfolio's on ``day``; at most one query."""
    held = [pk for pk, account in accounts.items() if account.held_on(day)]
    return CashTransaction.objects.filter(account__in=held).balances(day) if held else {}


def _flows(facts: _Facts) -> list[Flow]:
    """What crossed the border: deposits, withdrawals and transfers; where no cash is tracked, all other cash too."""
    crossed = [Flow(move.day, move.settled) for move in facts.movements if move.transfer or not facts.tracked]
    crossed += [Flow(move.change.day, move.base) for move in facts.cash if move.external]
    crossed += [Flow(paid.day, -paid.amount) for paid in facts.paid if not facts.tracked]
    return sorted(crossed, key=lambda flow: flow.day)


def _reconciled(facts: _Facts) -> Reconciliation:
    start, end = facts.start, facts.end
    moved = [move for move in facts.movements if move.transfer]
    earned = [move.base for move in facts.earned] + [-move.interest for move in facts.movements if move.interest]
    spent = [move.base for move in facts.cash if move.section == Section.EXPENSE]
    lines = dict.fromkeys(LINES, ZERO) | {
        "net_flows": total(flow.amount for flow in _flows(facts)),
        "realised_gains": end.totals.realised_gain - start.totals.realised_gain,
        "unrealised_gains": end.totals.unrealised_gain - start.totals.unrealised_gain,
        "unrealised_in": total(move.basis - move.amount for move in moved if move.amount > 0),
        "unrealised_out": total(move.basis - move.amount for move in moved if move.amount <= 0),
        "income": total([*earned, *(gross for _, gross, _ in facts.dividends)]),
        "costs": total([*spent, facts.beyond, *(-withheld for _, _, withheld in facts.dividends)]),
        "currency_effect": total([_of_cash(facts), _of_dues(facts)]),
    }
    return Reconciliation(start.value, end.value, lines)


def _of_cash(facts: _Facts) -> Decimal:
    """Σ over days of foreign balances × change of rate, and what was booked at another rate than the day's.

    That are trades, and transfers between accounts in two currencies.

    A foreign balance is shown in whole minor units of the base currency: what that rounds off is in it, too.
    """
    if not facts.tracked:
        return ZERO
    effects = []
    for pk, account in facts.accounts.items():
        if account.currency != facts.base:
            moves = [move.change for move in facts.cash if move.account_id == pk]
            period, opening = (facts.start.day, facts.end.day), facts.opening.get(pk, ZERO)
            effects.append(_of_account(opening, moves, account.currency, facts.base, period, facts.table))
    booked = [move.base for move in facts.cash if move.origin == Origin.TRADE or move.internal]
    return total([*effects, *booked, *(move.settled for move in facts.movements if not move.transfer)])


def _of_dues(facts: _Facts) -> Decimal:
    """Σ over days of receivables × change of rate, and cash of actions booked at another rate than the day's."""
    if not facts.dues:
        return ZERO
    if facts.tracked:
        came = [move.base for move in facts.cash if move.origin == Origin.ACTION]
        came += [-facts.beyond, *(move.base for _, move in facts.payments)]
    else:
        came = [paid.amount for paid in facts.paid]
    due = [withheld - gross for _, gross, withheld in facts.dividends]
    change = facts.end.totals.receivables - facts.start.totals.receivables
    return total([change, *came, *due, -_other_cash(facts)])


def _other_cash(facts: _Facts) -> Decimal:
    """What actions other than dividends paid, as the books have it: the part of proceeds that no trade brought.

    The books round it lot by lot, so it is taken from them: what was paid for securities less what they brought is
    the change of cost without the basis that was transferred, less the realised gains.
    """
    if all(due.dividend for due in facts.fresh):
        return ZERO
    traded = total(move.amount for move in facts.movements if not move.transfer)
    basis = total(move.basis for move in facts.movements)
    cost = facts.end.totals.invested - facts.start.totals.invested
    return traded - (cost - basis - (facts.end.totals.realised_gain - facts.start.totals.realised_gain))


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
    return subtract(quantise(exact, base), exact)


def _by_asset(facts: _Facts) -> list[HoldingPerformance]:
    """Every asset that was held in the period or earned something in it, by symbol."""
    moves: dict[int, list[Movement]] = defaultdict(list)
    for move in facts.movements:
        moves[move.asset_id].append(move)
    income: dict[int, list[Flow]] = defaultdict(list)
    for row in facts.earned:
        if row.asset_id is not None:
            income[row.asset_id].append(Flow(row.change.day, row.base))
    for move in facts.movements:
        if move.interest:
            income[move.asset_id].append(Flow(move.day, -move.interest))
    for due, gross, _ in facts.dividends:
        income[due.asset_id].append(Flow(due.ex_date, gross))
    other = [due for due in facts.fresh if not due.dividend]
    cash: dict[int, list[Flow]] = defaultdict(list)
    for due in other:
        cash[due.asset_id].append(Flow(due.ex_date, due.base(due.net, due.ex_date, facts.base, facts.table)))
    found = [
        _of_asset(facts, holding, moves[asset_id], income[asset_id], cash[asset_id])
        for asset_id, holding in facts.end.holdings.items()
    ]
    return [row for row in found if row.flows or row.start_value or row.end_value]


def _of_asset(
    facts: _Facts,
    holding: Holding,
    moves: Sequence[Movement],
    income: Sequence[Flow],
    cash: Sequence[Flow],
) -> HoldingPerformance:
    before = facts.start.holdings.get(holding.asset_id)
    realised = holding.realised_gain - (before.realised_gain if before else ZERO)
    cost = holding.cost_base - (before.cost_base if before else ZERO)
    payments = [Flow(move.day, -move.amount) for move in moves]
    return HoldingPerformance(
        asset_id=holding.asset_id,
        symbol=holding.symbol,
        name=holding.name,
        start_value=facts.start.value_of(holding.asset_id),
        end_value=facts.end.value_of(holding.asset_id),
        # Without actions the amounts of its trades and transfers; a spin-off's basis counts as paid for it.
        paid=total([cost, -realised, *(move.amount - move.basis for move in moves if move.transfer)]),
        realised_gain=realised,
        unrealised_change=(holding.unrealised_gain or ZERO) - ((before and before.unrealised_gain) or ZERO),
        income=total(flow.amount for flow in income),
        flows=tuple(sorted([*payments, *income, *cash], key=lambda flow: flow.day)),
    )
