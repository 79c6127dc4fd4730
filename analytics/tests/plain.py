"""Daily values and returns once more, in plain Python and day by day: what the matrices must give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal


@dataclass(frozen=True, slots=True)
class PlainTrade:
    day: date
    asset: str
    kind: str  # buy, sell, transfer_in
    quantity: Decimal
    price: Decimal
    currency: str = "USD"
    costs: Decimal = Decimal(0)
    rate: Decimal | None = None

    @property
    def signed(self) -> Decimal:
        return -self.quantity if self.kind == "sell" else self.quantity

    @property
    def paid(self) -> Decimal:
        """What came in from outside, in the trade's currency."""
        gross = (self.quantity * self.price).quantize(Decimal("0.01"), ROUND_HALF_UP)
        return self.costs - gross if self.kind == "sell" else gross + self.costs


@dataclass(frozen=True, slots=True)
class PlainCash:
    day: date
    amount: Decimal
    external: bool
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class PlainMarket:
    """Closes by asset and day, currency by asset, and rates to the base currency by currency and day."""

    closes: Mapping[str, Mapping[date, float]]
    currency: Mapping[str, str]
    rates: Mapping[str, Mapping[date, float]]
    base: str = "USD"
    factors: Mapping[str, float] = field(default_factory=dict)  # what a unit costs at a price of 1, where not 1

    def close(self, asset: str, day: date) -> float | None:
        return last(self.closes.get(asset, {}), day)

    def rate(self, currency: str, day: date) -> float:
        known = 1.0 if currency == self.base else last(self.rates[currency], day)
        assert known is not None
        return known


def last(series: Mapping[date, float], day: date) -> float | None:
    known = [on for on in series if on <= day]
    return series[max(known)] if known else None


def price(market: PlainMarket, trades: Sequence[PlainTrade], asset: str, day: date) -> float:
    """In the base currency: the last close, or the last own price before there is one."""
    close = market.close(asset, day)
    if close is not None:
        return close * market.factors.get(asset, 1.0) * market.rate(market.currency[asset], day)
    own = [trade for trade in trades if trade.asset == asset and trade.day <= day][-1]
    return float(own.price) * market.rate(own.currency, day)


def value(market: PlainMarket, trades: Sequence[PlainTrade], cash: Sequence[PlainCash], day: date) -> float:
    worth = 0.0
    for asset in sorted({trade.asset for trade in trades}):
        held = sum((trade.signed for trade in trades if trade.asset == asset and trade.day <= day), Decimal(0))
        worth += float(held) * price(market, trades, asset, day) if held else 0.0
    for currency in sorted({row.currency for row in cash}):
        balance = sum((row.amount for row in cash if row.currency == currency and row.day <= day), Decimal(0))
        worth += float(balance) * market.rate(currency, day) if balance else 0.0
    return worth


def flow(
    market: PlainMarket, trades: Sequence[PlainTrade], trade: PlainTrade, session: date, *, tracked: bool
) -> float:
    if trade.kind == "transfer_in":
        so_far = [other for other in trades if other.asset != trade.asset or other is trade]
        return float(trade.quantity) * price(market, so_far, trade.asset, session)
    if tracked:
        return 0.0
    rate = market.rate(trade.currency, trade.day) if trade.rate is None else float(trade.rate)
    return float(trade.paid) * rate


def series(
    market: PlainMarket,
    trades: Sequence[PlainTrade],
    cash: Sequence[PlainCash],
    sessions: Sequence[date],
    *,
    tracked: bool = False,
) -> list[tuple[date, float, float, float, float | None]]:
    """(day, value, inflow, outflow, return) of each session; the return is None on a day that is skipped."""
    rows: list[tuple[date, float, float, float, float | None]] = []
    before, previous = 0.0, date.min
    for day in sessions:
        amounts = [flow(market, trades, trade, day, tracked=tracked) for trade in trades if previous < trade.day <= day]
        amounts += [
            float(row.amount) * market.rate(row.currency, row.day)
            for row in cash
            if row.external and previous < row.day <= day
        ]
        paid_in, paid_out = sum(a for a in amounts if a > 0), -sum(a for a in amounts if a < 0)
        worth = value(market, trades, cash, day)
        start, end = before + paid_in, worth + paid_out
        rows.append((day, worth, paid_in, paid_out, end / start - 1 if start > 0 else None))
        before, previous = worth, day
    return rows
