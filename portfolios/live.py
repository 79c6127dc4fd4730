"""A portfolio's total while prices and exchange rates move: computed as the books do it, at the newest prices."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from assets.live import Move, plain
from assets.models import Asset, AssetType
from assets.queries import RateTable, rates
from assets.quotes import LastPrice
from core.money import divide, multiply, quantise, total
from portfolios.book.value import market_value, weights
from portfolios.models import Portfolio
from portfolios.queries import Amount, beside_holdings, holdings
from portfolios.queries.day_moves import Traded, traded_since
from portfolios.queries.holdings import latest_rate
from portfolios.queries.totals import UNCLASSIFIED

ONE_DAY = 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class Point:
    """A last price, and the close of the day before it; ``at`` is in seconds since 1970."""

    price: Decimal
    previous: Decimal | None
    at: float

    @classmethod
    def of_move(cls, move: Move) -> Point:
        return cls(Decimal(move.price), Decimal(move.previous_close) if move.previous_close else None, move.at)

    @classmethod
    def of_last(cls, last: LastPrice) -> Point:
        return cls(last.price, last.previous_close, last.at.timestamp())


Points = Mapping[int, Point]


@dataclass(frozen=True, slots=True)
class Held:
    """A holding. ``cost`` is in the base currency; ``close`` as the asset is quoted, None where none is known.

    So is ``accrued``, the interest of a bond that is added to its prices. ``traded`` is what of it was traded on the
    day of the total; what was sold whole on that day is here with no quantity, for its part in the day's change.
    """

    symbol: str
    sector: str
    currency: str
    quantity: Decimal
    factor: Decimal
    cost: Decimal
    close: Decimal | None
    accrued: Decimal = Decimal(0)
    traded: Traded = field(default_factory=Traded)

    def worth(
        self, price: Decimal | None, rate: Decimal | None, base: str, units: Decimal | None = None
    ) -> Decimal | None:
        """In the base currency, rounded as in the books; of ``units``, else of all that is held."""
        if price is None or rate is None:
            return None
        quantity = self.quantity if units is None else units
        return market_value(quantity, price + self.accrued, rate, base, self.factor)


@dataclass(frozen=True, slots=True)
class LiveTotal:
    """What does not change between two bookings.

    ``held`` is by asset id, ``beside`` is cash and what actions owe, ``currency`` the base currency. ``pairs`` are the
    exchange rates that lead to it: asset id to the pair and its last close. ``day`` is today in UTC.
    """

    portfolio_id: int
    currency: str
    held: Mapping[int, Held]
    beside: Sequence[Amount]
    pairs: Mapping[int, tuple[str, Decimal]]
    day: date

    @property
    def needed(self) -> set[int]:
        """The assets whose prices move it."""
        return {*self.held, *self.pairs}

    def text(self, points: Points) -> str:
        """The message with the total at the last prices ``points``, by asset id; what has none stays at its close."""
        table = self._rates(points)
        values = self._values(points, table)
        known = {asset_id: value for asset_id, value in values.items() if value is not None}
        extra = [self._in_base(row.amount, row.currency, table) for row in self.beside]
        held = {asset_id for asset_id, each in self.held.items() if each.quantity}
        complete = None not in extra and held <= known.keys()
        gain = total(value - self.held[asset_id].cost for asset_id, value in known.items())
        invested, worth = total(each.cost for each in self.held.values()), total(known.values())
        figures = {
            "portfolio": self.portfolio_id,
            "currency": self.currency,
            "at": _instant([points[asset_id].at for asset_id in self.needed & points.keys()]),
            "market_value": plain(worth),
            "total_value": plain(worth + total(amount or Decimal(0) for amount in extra)),
            "unrealized_pnl": plain(gain),
            "unrealized_return": _ratio(gain, invested) if complete else None,
            "complete": complete,
        }
        parts = self._parts({asset_id: value for asset_id, value in known.items() if asset_id in held})
        return json.dumps(figures | self._moved(points, table) | parts)

    def _rates(self, points: Points) -> RateTable:
        prices = {
            pair: points[asset_id].price if asset_id in points else close
            for asset_id, (pair, close) in self.pairs.items()
        }
        return RateTable({pair: ((date.min,), (price,)) for pair, price in prices.items()})

    def _values(self, points: Points, table: RateTable) -> dict[int, Decimal | None]:
        currencies = {each.currency for each in self.held.values()}
        known = {currency: latest_rate(table, currency, self.currency) for currency in currencies}
        return {
            asset_id: each.worth(
                points[asset_id].price if asset_id in points else each.close, known[each.currency], self.currency
            )
            for asset_id, each in self.held.items()
        }

    def _in_base(self, amount: Decimal, currency: str, table: RateTable) -> Decimal | None:
        rate = latest_rate(table, currency, self.currency)
        if rate is None:
            return None if amount else amount
        return quantise(multiply(amount, rate), self.currency)

    def _moved(self, points: Points, table: RateTable) -> dict[str, Any]:
        """The change since the closes of the day before; what was traded on the day counts at its price."""
        earlier = _day_before(points)
        rates_then = self._rates(earlier)
        moves = [self._move(asset_id, points, earlier, (table, rates_then)) for asset_id in self.held]
        known = [move for move in moves if move is not None]
        change, old = total(amount for _, amount in known), total(before for before, _ in known)
        return {"day_change": plain(change), "day_return": _ratio(change, old)}

    def _move(
        self, asset_id: int, points: Points, earlier: Points, tables: tuple[RateTable, RateTable]
    ) -> tuple[Decimal, Decimal] | None:
        """What one holding's move is a move of, and the move, as ``day_moves`` counts them; None without its price."""
        each, base, point = self.held[asset_id], self.currency, points.get(asset_id)
        now, then = (latest_rate(table, each.currency, base) for table in tables)
        price = point.price if point else each.close
        old = earlier[asset_id].price if asset_id in earlier else each.close
        traded, end = each.traded, each.quantity - each.traded.later  # it came in after the day
        if point is None or datetime.fromtimestamp(point.at, UTC).date() < self.day:
            traded, end = Traded(), end - traded.units  # its price is of a day before that of the trades
        start = end - traded.units
        worth, before = each.worth(price, now, base, end), each.worth(old, then, base, start)
        carried = each.worth(price, now, base, traded.carried)
        if worth is None or before is None or carried is None or traded.paid is None or traded.got is None:
            return None
        amount = worth - before - carried - traded.paid + traded.got
        if min(start, end) < 0 and max(start, end) <= 0:
            return before - traded.got + min(carried, Decimal(0)), amount
        return before + traded.paid + max(carried, Decimal(0)), amount

    def _parts(self, values: Mapping[int, Decimal]) -> dict[str, Any]:
        """Each holding and each sector with its share of the market value."""
        shares = dict(zip(values, weights(list(values.values())) or (), strict=False))
        by_sector: dict[str, list[int]] = defaultdict(list)
        for asset_id in values:
            by_sector[self.held[asset_id].sector or UNCLASSIFIED].append(asset_id)
        return {
            "holdings": {
                each.symbol: {
                    "value": plain(values[asset_id]),
                    "unrealized_pnl": plain(values[asset_id] - each.cost),
                    "unrealized_return": _ratio(values[asset_id] - each.cost, each.cost),
                    "weight": _number(shares.get(asset_id)),
                }
                for asset_id, each in self.held.items()
                if asset_id in values
            },
            "sectors": {
                sector: {
                    "value": plain(total(values[asset_id] for asset_id in members)),
                    "weight": _number(total(shares[asset_id] for asset_id in members) if shares else None),
                }
                for sector, members in by_sector.items()
            },
        }


def live_total(portfolio: Portfolio) -> LiveTotal:
    """At the last closes; a fixed number of queries."""
    base = portfolio.base_currency
    day = timezone.now().date()
    every = holdings([portfolio], include_closed=True)[portfolio.pk]
    traded = traded_since(every, {portfolio.pk: base}, day)
    rows = [row for row in every if row.quantity or (portfolio.pk, row.asset_id) in traded]
    held = {
        row.asset_id: Held(
            symbol=row.symbol,
            sector=row.sector,
            currency=row.currency,
            quantity=row.quantity,
            factor=row.price_factor,
            cost=row.cost_base,
            close=row.price,
            accrued=row.accrued,
            traded=traded.get((portfolio.pk, row.asset_id), Traded()),
        )
        for row in rows
    }
    beside = beside_holdings(portfolio)
    currencies = {row.currency for row in rows} | {amount.currency for amount in beside}
    return LiveTotal(portfolio.pk, base, held, beside, _pairs(currencies, base), day)


def _pairs(currencies: set[str], base: str) -> dict[int, tuple[str, Decimal]]:
    """The pairs that lead from ``currencies`` to ``base``, with their last closes; 2 queries, none without others."""
    table = rates(currencies, base, date.max)
    names = {pair for currency in currencies for pair in table.legs(currency, base, date.max)}
    if not names:
        return {}
    found = Asset.objects.filter(type=AssetType.FX, symbol__in=names).values_list("pk", "symbol")
    return {pk: (symbol, table.pairs[symbol][1][-1]) for pk, symbol in found}


def _day_before(points: Points) -> dict[int, Point]:
    """The closes before; what has no price of the newest one's 24 hours has not moved in them."""
    newest = max((point.at for point in points.values()), default=0.0)
    return {
        asset_id: Point(point.previous, None, point.at)
        if point.previous is not None and point.at > newest - ONE_DAY
        else point
        for asset_id, point in points.items()
    }


def _instant(moments: Sequence[float]) -> str | None:
    if not moments:
        return None
    return datetime.fromtimestamp(max(moments), UTC).isoformat().replace("+00:00", "Z")


def _ratio(part: Decimal, whole: Decimal) -> float | None:
    return _number(divide(part, whole)) if whole else None


def _number(value: Decimal | None) -> float | None:
    return None if value is None else round(float(value), 8)
