"""Income by month and asset: dividends, interest and what else came in without a trade."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import NamedTuple

from assets.models import Asset
from assets.queries import RateTable
from banking.models import Section
from core.money import total
from portfolios.models import CashSetting, Portfolio
from portfolios.queries.accounts import CashAccount, cash_accounts
from portfolios.queries.movements import cash_moves, dues_of, rates_of

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
    """What came in on the days from ``start`` (the beginning) to ``end``, both included; at most 5 queries.

    Where no cash is tracked, that is what dividends paid.

    Raises RateMissing.
    """
    accounts = cash_accounts([portfolio.pk]) if portfolio.cash == CashSetting.TRACKED else {}
    before = date.fromordinal(start.toordinal() - 1) if start and start > BEGINNING else BEGINNING
    earned = _booked(portfolio, accounts, before, end) if accounts else _paid(portfolio, before, end)
    symbols = Asset.objects.in_bulk({row.asset_id for row in earned if row.asset_id})
    months: dict[date, list[tuple[str, Decimal]]] = defaultdict(list)
    for row in earned:
        symbol = symbols[row.asset_id].symbol if row.asset_id else ""
        months[row.day.replace(day=1)].append((symbol, row.amount))
    return Income(
        start,
        end,
        total(row.amount for row in earned),
        tuple(
            MonthIncome(month, total(amount for _, amount in rows), _by_asset(rows))
            for month, rows in sorted(months.items())
        ),
        _by_asset(chain.from_iterable(months.values())),
    )


class _Earned(NamedTuple):
    """What came in on a day, in the base currency."""

    day: date
    asset_id: int | None
    amount: Decimal


def _booked(portfolio: Portfolio, accounts: Mapping[int, CashAccount], before: date, end: date) -> list[_Earned]:
    """The income on the portfolio's accounts after ``before``."""
    moves = cash_moves(accounts, before, end, portfolio.base_currency, rates_of(portfolio, [], accounts))
    return [_Earned(move.change.day, move.asset_id, move.base) for move in moves if move.section == Section.INCOME]


def _paid(portfolio: Portfolio, before: date, end: date) -> list[_Earned]:
    """The net dividends of a portfolio without tracked cash, each on the day and at the rate that it was paid."""
    base = portfolio.base_currency
    dues = [due for due in dues_of(portfolio, before, end) if due.dividend and before < due.paid_on <= end]
    table = rates_of(portfolio, [], {}, dues) if dues else RateTable()
    return [_Earned(due.paid_on, due.asset_id, due.base(due.net, due.paid_on, base, table)) for due in dues]


def _by_asset(rows: Iterable[tuple[str, Decimal]]) -> tuple[AssetIncome, ...]:
    amounts: dict[str, list[Decimal]] = defaultdict(list)
    for symbol, amount in rows:
        amounts[symbol].append(amount)
    return tuple(AssetIncome(symbol, total(parts)) for symbol, parts in sorted(amounts.items()))
