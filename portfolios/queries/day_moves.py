"""What the holdings gained or lost on one day.

Their value at its closes, less that at the closes of the day before of what was there then, less what the day's
purchases cost, with what its sales brought.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.utils import timezone

from assets.queries import RateTable, carried, last_bars, rates, splits_of
from core.money import divide, multiply, total
from portfolios.book.value import converted, market_value
from portfolios.models import Trade, TradeKind
from portfolios.queries.facts import BookKey
from portfolios.queries.holdings import Holding, latest_rate

SHOWN_MOVERS = 5
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class DayMove:
    """One holding's move of a day. ``before`` is what it is a move of: at the closes of the day before, with purchases.

    A purchase of the day, or of a short position a sale, counts at what it cost; a transfer, at the close.
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
    """The move of each of ``held`` on ``day``; at most 4 queries, however many holdings, 6 where there were trades.

    ``held`` are at the prices of ``as_of`` (None: now) and ``bases`` their portfolios' currencies by id; of those that
    are closed by then, what was sold on ``day`` has a move. What was booked after ``day`` has none of it. A holding
    without a value, or without a price or a rate of the day before for what was there, is left out.
    """
    traded = traded_since(held, bases, day, as_of)
    valued = [row for row in held if row.value is not None and (row.quantity or _key(row) in traded)]
    yesterday = day - timedelta(days=1)
    earlier = carried(last_bars({holding.asset_id for holding in valued}, yesterday), as_of)
    codes = {holding.currency for holding in valued} | {bases[holding.portfolio_id] for holding in valued}
    table = rates(codes, min(codes, default="USD"), yesterday)
    found = []
    for holding in valued:
        base, bar = bases[holding.portfolio_id], earlier.get(holding.asset_id)
        rate = latest_rate(table, holding.currency, base, yesterday)
        then = None if bar is None or rate is None else (total([bar.close, holding.accrued]), rate)
        move = _move(holding, base, then, traded.get(_key(holding), Traded()))
        if move is not None:
            found.append(move)
    return found


@dataclass(slots=True)
class Traded:
    """The trades of one holding since the beginning of the day, in the units that it has now.

    ``units`` came in on the day less those that left, of them ``carried`` by transfers; ``later`` came in after it.
    ``paid`` for purchases and ``got`` for sales on it, with costs, in the portfolio's currency; None without a rate.
    """

    units: Decimal = ZERO
    carried: Decimal = ZERO
    later: Decimal = ZERO
    paid: Decimal | None = ZERO
    got: Decimal | None = ZERO


def _move(holding: Holding, base: str, then: tuple[Decimal, Decimal] | None, traded: Traded) -> DayMove | None:
    """``then``: price and rate of the day before, None where one is not known."""
    if traded.paid is None or traded.got is None:
        return None
    end = holding.quantity - traded.later
    start = end - traded.units
    if not start and not end and not traded.paid and not traded.got:
        return None  # all of it came later
    if start and then is None:
        return None

    def now(units: Decimal) -> Decimal:
        price, rate = total([holding.price or ZERO, holding.accrued]), holding.rate or ZERO
        return market_value(units, price, rate, base, holding.price_factor)

    before = market_value(start, *then, base, holding.price_factor) if then else ZERO
    worth, carried = now(end) if traded.later else holding.value or ZERO, now(traded.carried)
    amount = worth - before - carried - traded.paid + traded.got
    if min(start, end) < 0 and max(start, end) <= 0:
        return DayMove(holding, base, before - traded.got + min(carried, ZERO), amount)
    return DayMove(holding, base, abs(before) + traded.paid + max(carried, ZERO), amount)


def traded_since(
    held: Sequence[Holding], bases: Mapping[int, str], day: date, as_of: date | None = None
) -> dict[BookKey, Traded]:
    """By portfolio and asset, of ``held`` alone; one query, 3 where there are trades."""
    known = {_key(holding): holding for holding in held}
    trades = Trade.objects.standing().filter(portfolio__in=bases, day__gte=day).order_by("pk")
    trades = trades.filter(day__lte=as_of) if as_of else trades
    rows = [row for row in trades.select_related("asset") if (row.portfolio_id, row.asset_id) in known]
    if not rows:
        return {}
    splits = splits_of({row.asset_id for row in rows})
    codes = {row.currency for row in rows} | {bases[row.portfolio_id] for row in rows}
    table, found = rates(codes, min(codes), day), defaultdict[BookKey, Traded](Traded)
    until = as_of or timezone.now().date()
    for row in rows:
        since = [ratio for ex_date, ratio in splits.get(row.asset_id, []) if row.day < ex_date <= until]
        _add(found[row.portfolio_id, row.asset_id], row, multiply(row.quantity, *since), day)
        _pay(found[row.portfolio_id, row.asset_id], row, bases[row.portfolio_id], table, day)
    return dict(found)


def _add(traded: Traded, trade: Trade, quantity: Decimal, day: date) -> None:
    units = quantity if trade.kind in (TradeKind.BUY, TradeKind.TRANSFER_IN) else -quantity
    if trade.day > day:
        traded.later += units
        return
    traded.units += units
    if trade.kind in (TradeKind.TRANSFER_IN, TradeKind.TRANSFER_OUT):
        traded.carried += units


def _pay(traded: Traded, trade: Trade, base: str, table: RateTable, day: date) -> None:
    if trade.day > day or trade.kind not in (TradeKind.BUY, TradeKind.SELL):
        return
    rate = trade.exchange_rate or latest_rate(table, trade.currency, base, day)
    cash = None if rate is None else converted(trade.cash, rate, base)
    if trade.kind == TradeKind.BUY:
        traded.paid = None if cash is None or traded.paid is None else traded.paid - cash
    else:
        traded.got = None if cash is None or traded.got is None else traded.got + cash


def _key(holding: Holding) -> BookKey:
    return holding.portfolio_id, holding.asset_id


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
