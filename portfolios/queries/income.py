"""Income by month and asset: dividends, interest and what else came in without a trade."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import chain

from assets.models import Asset
from banking.models import Section
from core.money import total
from portfolios.models import CashSetting, Portfolio
from portfolios.queries.accounts import cash_accounts
from portfolios.queries.movements import CashMove, cash_moves, rates_of

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

    Raises RateMissing.
    """
    accounts = cash_accounts([portfolio.pk]) if portfolio.cash == CashSetting.TRACKED else {}
    before = date.fromordinal(start.toordinal() - 1) if start and start > BEGINNING else BEGINNING
    moves = cash_moves(accounts, before, end, portfolio.base_currency, rates_of(portfolio, [], accounts))
    earned = [move for move in moves if move.section == Section.INCOME]
    symbols = Asset.objects.in_bulk({move.asset_id for move in earned if move.asset_id})
    named = [(move.change.day.replace(day=1), _symbol(move, symbols), move.base) for move in earned]
    months: dict[date, list[tuple[str, Decimal]]] = defaultdict(list)
    for month, symbol, amount in named:
        months[month].append((symbol, amount))
    return Income(
        start,
        end,
        total(move.base for move in earned),
        tuple(
            MonthIncome(month, total(amount for _, amount in rows), _by_asset(rows))
            for month, rows in sorted(months.items())
        ),
        _by_asset(chain.from_iterable(months.values())),
    )


def _symbol(move: CashMove, assets: dict[int, Asset]) -> str:
    return assets[move.asset_id].symbol if move.asset_id else ""


def _by_asset(rows: Iterable[tuple[str, Decimal]]) -> tuple[AssetIncome, ...]:
    amounts: dict[str, list[Decimal]] = defaultdict(list)
    for symbol, amount in rows:
        amounts[symbol].append(amount)
    return tuple(AssetIncome(symbol, total(parts)) for symbol, parts in sorted(amounts.items()))
