"""Income by month and asset: dividends, interest and what else was earned without a trade."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import NamedTuple

from assets.models import Asset, AssetType
from assets.queries import RateTable
from banking.models import Origin, Section
from core.money import total
from portfolios.models import CashSetting, Portfolio
from portfolios.queries.accounts import cash_accounts
from portfolios.queries.movements import CashMove, Due, accrued_rows, cash_moves, dues_of, movements_of, rates_of

BEGINNING = date.min
NOTHING = Decimal(0)
DIVIDEND, COUPON, ACCRUED, OTHER = "dividend", "coupon", "accrued", "other"


class Earning(NamedTuple):
    """What one asset, or none, brought on a day, in the base currency; ``withheld`` is the tax kept back of it.

    A ``correction`` is no income: a payment differed from what was due, so more or less tax was withheld.
    """

    day: date
    asset_id: int | None
    kind: str
    amount: Decimal
    withheld: Decimal = NOTHING
    correction: bool = False


@dataclass(frozen=True, slots=True)
class Earnings:
    """The earnings of a period by day, and the assets that they are of."""

    start: date | None
    end: date
    rows: Sequence[Earning]
    assets: Mapping[int, Asset]

    def symbol(self, asset_id: int | None) -> str:
        """Empty for what no asset paid."""
        return self.assets[asset_id].symbol if asset_id else ""


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
    found = earnings(portfolio, start, end)
    months: dict[date, list[tuple[str, Decimal]]] = defaultdict(list)
    for row in found.rows:
        if not row.correction:
            months[row.day.replace(day=1)].append((found.symbol(row.asset_id), row.amount))
    return Income(
        start,
        end,
        total(amount for rows in months.values() for _, amount in rows),
        tuple(
            MonthIncome(month, total(amount for _, amount in rows), _by_asset(rows))
            for month, rows in sorted(months.items())
        ),
        _by_asset(chain.from_iterable(months.values())),
    )


def earnings(portfolio: Portfolio, start: date | None, end: date) -> Earnings:
    """Each earning of the days from ``start`` (the beginning) to ``end``, both included; at most 7 queries.

    Raises RateMissing.
    """
    accounts = cash_accounts([portfolio.pk]) if portfolio.cash == CashSetting.TRACKED else {}
    before = date.fromordinal(start.toordinal() - 1) if start and start > BEGINNING else BEGINNING
    dues = [due for due in dues_of(portfolio, before, end) if due.dividend]
    table = rates_of(portfolio, [], accounts, dues)
    moves = cash_moves(accounts, before, end, portfolio.base_currency, table)
    rows = [
        *_entered(moves, dues, portfolio.base_currency, table),
        *_interest(portfolio, before, end),
        *_dividends(dues, before, portfolio.base_currency, table),
    ]
    assets = Asset.objects.in_bulk({row.asset_id for row in rows if row.asset_id})
    bonds = {pk for pk, asset in assets.items() if asset.type == AssetType.BOND}
    told = [row._replace(kind=COUPON) if row.kind == DIVIDEND and row.asset_id in bonds else row for row in rows]
    return Earnings(start, end, sorted(told, key=lambda row: row.day), assets)


def _entered(moves: Iterable[CashMove], dues: Sequence[Due], base: str, table: RateTable) -> Iterator[Earning]:
    """Cash that was entered as income, and what payments of dividends brought beside their net amounts.

    The cash of a dividend, derived or entered, is no second income: it was earned on the ex-date. What is matched
    with a dividend that is not owed, because it was voided or nobody held the asset, is income of its own day.
    """
    owed = {due.action_id: due for due in dues}
    for move in moves:
        if move.pays in owed:
            beyond = owed[move.pays].beyond(move, base, table)
            if beyond:
                asset_id = owed[move.pays].asset_id
                yield Earning(move.change.day, asset_id, DIVIDEND, NOTHING, -beyond, correction=True)
        elif move.section == Section.INCOME and move.origin == Origin.ENTRY:
            yield Earning(move.change.day, move.asset_id, DIVIDEND if move.asset_id else OTHER, move.base)


def _dividends(dues: Iterable[Due], before: date, base: str, table: RateTable) -> Iterator[Earning]:
    for due in dues:
        if due.ex_date > before:
            withheld = due.base(due.withheld, due.ex_date, base, table) if due.withheld else NOTHING
            yield Earning(due.ex_date, due.asset_id, DIVIDEND, due.income_base, withheld)


def _interest(portfolio: Portfolio, before: date, end: date) -> list[Earning]:
    """The interest that had accrued on bonds which were sold (bought: negative); 2 queries, one where no trade had
    any."""
    rows = accrued_rows(portfolio, before, end)
    moved = movements_of(portfolio, rows, rates_of(portfolio, rows, {}), {}) if rows else []
    return [Earning(move.day, move.asset_id, ACCRUED, -move.interest) for move in moved]


def _by_asset(rows: Iterable[tuple[str, Decimal]]) -> tuple[AssetIncome, ...]:
    amounts: dict[str, list[Decimal]] = defaultdict(list)
    for symbol, amount in rows:
        amounts[symbol].append(amount)
    return tuple(AssetIncome(symbol, total(parts)) for symbol, parts in sorted(amounts.items()))
