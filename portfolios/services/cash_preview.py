"""The cash side of a trade that is not booked: what moves, at whose rate, and the balance afterwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q, Sum

from assets.queries import Rate, RateTable
from banking.models import Account, CashTransaction, Origin
from core.money import multiply, quantise
from portfolios.models import CashSetting, Entitlement, Portfolio, Trade
from portfolios.queries.facts import Trial
from portfolios.services.drafting import Draft
from portfolios.services.entitlements import cash_due
from portfolios.services.settlement import cash_row

SCALE = Decimal("0.0001")  # SQLite sums as float: bring a sum back to the column's scale
BROKER, MARKET, NONE = "broker", "market", ""


@dataclass(frozen=True, slots=True)
class CashEffect:
    """What a trade moves on its account; without one (cash is not tracked) the external flow in the base currency.

    ``rate`` is units of ``currency`` for one of the trade's: "broker" or "market" says whose it is, ``rate_day`` of
    which day; "" where the currencies are the same. Balances are of all rows, in ``currency``; ``negative_from`` is
    the first day from the trade's on that ends below zero.
    """

    account: Account | None
    currency: str
    amount: Decimal
    rate: Decimal
    rate_day: date | None
    rate_source: str
    balance_before: Decimal | None = None
    balance_after: Decimal | None = None
    negative_from: date | None = None


def cash_effect(
    portfolio: Portfolio, trial: Trial, draft: Draft, due: Sequence[Entitlement], scope: Collection[int]
) -> CashEffect | None:
    """The effect, None where no cash moves. Raises NoCashAccount, RateMissing, AmountTooLarge as booking does."""
    trade, table = trial.trade, draft.rates
    cash = trade.cash
    if portfolio.cash != CashSetting.TRACKED:
        rate, day, source = _rate(trade, portfolio.base_currency, portfolio, table)
        amount = quantise(multiply(cash, rate), portfolio.base_currency)
        return CashEffect(None, portfolio.base_currency, amount, rate, day, source) if cash else None
    row = cash_row(trade, portfolio, draft.accounts, table)
    paid = cash_due(portfolio, due, draft.accounts)
    if row is None:
        return None
    account = next(account for account in draft.accounts if account.pk == row.account_id)
    changes = _changes(account, [row, *paid], trial, scope)
    before, after, negative = _balances(account, changes, trade.day)
    rate, day, source = _rate(trade, account.currency, portfolio, table)
    return CashEffect(account, account.currency, row.amount, rate, day, source, before, after, negative)


def _rate(trade: Trade, target: str, portfolio: Portfolio, table: RateTable) -> tuple[Decimal, date | None, str]:
    """The rate by which ``settlement`` converts, and whose it is."""
    if trade.exchange_rate is not None and target == portfolio.base_currency and trade.currency != target:
        return trade.exchange_rate, trade.day, BROKER
    found: Rate = table.rate(trade.currency, target, trade.day)
    return (found.value, None, NONE) if trade.currency == target else (found.value, found.day, MARKET)


def _changes(
    account: Account, rows: Sequence[CashTransaction], trial: Trial, scope: Collection[int]
) -> dict[date, Decimal]:
    """Day to what booking would add to the account: the trade's cash and that of actions, less what stands for them."""
    changes: dict[date, Decimal] = defaultdict(Decimal)
    for row in rows:
        if row.account_id == account.pk and not row.voided_at:  # voided: a payment stands in its place
            changes[row.booked_on] += row.amount
    replaced = Q(origin=Origin.TRADE, origin_id=trial.without or 0)
    standing = CashTransaction.objects.standing().filter(account=account)
    derived = standing.filter(replaced | Q(origin=Origin.ACTION, asset__in=scope)).order_by()
    for day, amount in derived.values_list("booked_on", "amount"):
        changes[day] -= amount
    return changes


def _balances(account: Account, changes: Mapping[date, Decimal], day: date) -> tuple[Decimal, Decimal, date | None]:
    """The balance of all rows before and after ``changes``, and the first day from ``day`` on that ends below zero."""
    rows = CashTransaction.objects.standing().filter(account=account).order_by("booked_on")
    moves = {
        on: Decimal(amount).quantize(SCALE) for on, amount in rows.values_list("booked_on").annotate(Sum("amount"))
    }
    before, after, negative = sum(moves.values(), Decimal(0)), Decimal(0), None
    for on in sorted({*moves, *changes}):
        after += moves.get(on, Decimal(0)) + changes.get(on, Decimal(0))
        if after < 0 and on >= day and negative is None:
            negative = on
    return before, after, negative
