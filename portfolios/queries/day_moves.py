"""What the holdings gained or lost on one day: their value at its closes less that at the closes of the day before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from assets.queries import carried, last_bars, rates
from core.money import divide, total
from portfolios.book.value import market_value
from portfolios.queries.holdings import Holding, latest_rate

SHOWN_MOVERS = 5


@dataclass(frozen=True, slots=True)
class DayMove:
    """One holding's move of a day. ``before`` is what the same units were worth at the closes of the day before.

    Both amounts are in the currency of the holding's portfolio; a bond's are of its clean price.
    """

    holding: Holding
    currency: str
    before: Decimal
    amount: Decimal

    @property
    def fraction(self) -> Decimal | None:
        """The move as a fraction of what was there before; None where that was nothing."""
        return divide(self.amount, abs(self.before)) if self.before else None


@dataclass(frozen=True, slots=True)
class DayChange:
    """The moves of all holdings together; ``fraction`` None without anything before. ``day`` is that of the closes."""

    day: date
    amount: Decimal
    fraction: Decimal | None


def day_moves(
    held: Sequence[Holding], bases: Mapping[int, str], day: date, *, as_of: date | None = None
) -> list[DayMove]:
    """The move of each of ``held`` on ``day``; at most 3 queries, however many holdings.

    ``held`` are at the prices of ``as_of`` (None: now) and ``bases`` their portfolios' currencies by id. A holding
    without a value, or without a price or a rate of the day before, has no move and is left out.
    """
    valued = [holding for holding in held if holding.value is not None]
    yesterday = day - timedelta(days=1)
    earlier = carried(last_bars({holding.asset_id for holding in valued}, yesterday), as_of)
    codes = {holding.currency for holding in valued} | {bases[holding.portfolio_id] for holding in valued}
    table = rates(codes, min(codes, default="USD"), yesterday)
    found = []
    for holding in valued:
        base, bar = bases[holding.portfolio_id], earlier.get(holding.asset_id)
        rate = latest_rate(table, holding.currency, base, yesterday)
        if bar is None or rate is None or holding.value is None:
            continue
        price = total([bar.close, holding.accrued])
        before = market_value(holding.quantity, price, rate, base, holding.price_factor)
        found.append(DayMove(holding, base, before, holding.value - before))
    return found


def day_change(moves: Sequence[DayMove], day: date) -> DayChange | None:
    """The sum of moves that are in one currency; None without any."""
    if not moves:
        return None
    amount, before = total(move.amount for move in moves), total(move.before for move in moves)
    return DayChange(day, amount, divide(amount, before) if before > 0 else None)


def best_and_worst(moves: Sequence[DayMove], limit: int = SHOWN_MOVERS) -> tuple[list[DayMove], list[DayMove]]:
    """The largest gains and the largest losses by their fraction, each at most ``limit``; the rest is neither.

    ``moves`` are in one currency; those of one asset in several portfolios are one.
    """
    moved = sorted(
        (move for move in _by_asset(moves) if move.fraction is not None and move.amount),
        key=lambda move: (-_size(move), move.holding.symbol),
    )
    gains = [move for move in moved if move.amount > 0]
    losses = [move for move in reversed(moved) if move.amount < 0]
    return gains[:limit], losses[:limit]


def _by_asset(moves: Sequence[DayMove]) -> list[DayMove]:
    groups: dict[int, list[DayMove]] = defaultdict(list)
    for move in moves:
        groups[move.holding.asset_id].append(move)
    return [
        DayMove(
            group[0].holding,
            group[0].currency,
            total(move.before for move in group),
            total(move.amount for move in group),
        )
        for group in groups.values()
    ]


def _size(move: DayMove) -> Decimal:
    return move.fraction or Decimal(0)
