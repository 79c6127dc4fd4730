"""Income by month and asset: dividends, interest and what else was earned without a trade."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import chain

from assets.models import Asset
from banking.models import Origin, Section
from core.money import total
from portfolios.models import CashSetting, Portfolio
from portfolios.queries.accounts import cash_accounts
from portfolios.queries.movements import accrued_rows, cash_moves, dues_of, movements_of, rates_of

BEGINNING = date.min


@dataclass(frozen=True, slots=True)
class AssetIncome:
    """What one asset paid, or, without an asset, what came in by interest and the like; base currency."""

    symbol: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class MonthIncome:
    """The income of one month, ``month`` being its first day, by asset."""

    month: date
    amount: Decimal
    assets: tuple[AssetIncome, ...]


@dataclass(frozen=True, slots=True)
class Income:
    """The income of a period in the base currency, each row at its day's rate, unrounded; months with any."""

    start: date | None
    end: date
    total: Decimal
    months: tuple[MonthIncome, ...]
    assets: tuple[AssetIncome, ...]


def income(portfolio: Portfolio, start: date | None, end: date) -> Income:
    """What was earned on the days from ``start`` (the beginning) to ``end``, both included; at most 7 queries.

    Dividends count gross on their ex-date, accrued interest on the day of its trade; the sum is the line of the
    reconciliation. Raises RateMissing.
    """
    accounts = cash_accounts([portfolio.pk]) if portfolio.cash == CashSetting.TRACKED else {}
    before = date.fromordinal(start.toordinal() - 1) if start and start > BEGINNING else BEGINNING
    moves = cash_moves(accounts, before, end, portfolio.base_currency, rates_of(portfolio, [], accounts))
    dues = [due for due in dues_of(portfolio, before, end) if due.dividend]
    owed = {due.action_id for due in dues}
    # The cash of a dividend, derived or entered, is no second income: it was earned on the ex-date. What is matched
    # with a dividend that is not owed, because it was voided or nobody held the asset, is income of its own day.
    income_rows = [move for move in moves if move.section == Section.INCOME and move.origin == Origin.ENTRY]
    entered = [move for move in income_rows if move.pays not in owed]
    earned = [(move.change.day, move.asset_id, move.base) for move in entered]
    earned += _interest(portfolio, before, end)
    earned += [(due.ex_date, due.asset_id, due.income_base) for due in dues if due.ex_date > before]
    symbols = Asset.objects.in_bulk({asset_id for _, asset_id, _ in earned if asset_id})
    months: dict[date, list[tuple[str, Decimal]]] = defaultdict(list)
    for day, asset_id, amount in earned:
        months[day.replace(day=1)].append((symbols[asset_id].symbol if asset_id else "", amount))
    return Income(
        start,
        end,
        total(amount for _, _, amount in earned),
        tuple(
            MonthIncome(month, total(amount for _, amount in rows), _by_asset(rows))
            for month, rows in sorted(months.items())
        ),
        _by_asset(chain.from_iterable(months.values())),
    )


def _interest(portfolio: Portfolio, before: date, end: date) -> list[tuple[date, int | None, Decimal]]:
    """Day, asset and amount of the interest that had accrued on bonds which were sold (bought: negative); 2 queries,
    one where no trade had any."""
    rows = accrued_rows(portfolio, before, end)
    moved = movements_of(portfolio, rows, rates_of(portfolio, rows, {}), {}) if rows else []
    return [(move.day, move.asset_id, -move.interest) for move in moved]


def _by_asset(rows: Iterable[tuple[str, Decimal]]) -> tuple[AssetIncome, ...]:
    amounts: dict[str, list[Decimal]] = defaultdict(list)
    for symbol, amount in rows:
        amounts[symbol].append(amount)
    return tuple(AssetIncome(symbol, total(parts)) for symbol, parts in sorted(amounts.items()))
