"""Prices that no market made: a random walk for demonstrations, the same for the same seed and symbol.

What it yields is stored with the source "simulated", and whoever shows such a price says so.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from assets.providers.base import Bar, PriceQuote, UnknownSymbol
from assets.sessions import closes_at, sessions

EPOCH = date(1990, 1, 1)  # the walk's first step, so that any window shows a part of one and the same walk
YEAR = 252
TICK = Decimal("0.0001")
LOOK_BACK, LOOK_AHEAD = timedelta(days=20), timedelta(days=10)
SESSION = timedelta(hours=6, minutes=30)

Anchor = tuple[date, Decimal]


@dataclass(frozen=True)
class Simulated:
    """A geometric Brownian walk for each symbol, one step for each session of ``calendar``.

    Drift (2 to 14 % a year), volatility (18 to 42 % a year) and steps follow from seed and symbol. Without an anchor
    the walk's level at its first session, in 1990, is 10 to 200.
    """

    seed: int
    calendar: str = "XNYS"
    anchors: Mapping[str, Anchor] = field(default_factory=dict)
    name: str = "simulated"

    def daily_bars(self, symbols: Sequence[str], day: date) -> list[Bar]:
        return [bar for symbol in symbols for bar in self.series(symbol, day, day, anchor=self.anchors.get(symbol))]

    def history(self, symbol: str, start: date, end: date) -> list[Bar]:
        return self.series(symbol, start, end, anchor=self.anchors.get(symbol))

    def quote(self, symbol: str) -> PriceQuote:
        """The walk's newest price: between sessions its last close, during one on the way to the close that is next.

        It moves once a minute. Raises UnknownSymbol where the walk has no session yet.
        """
        now = datetime.now(UTC)
        closes = [
            (closes_at(self.calendar, bar.day), bar.close)
            for bar in self.history(symbol, now.date() - LOOK_BACK, now.date() + LOOK_AHEAD)
        ]
        past = [(at, close) for at, close in closes if at <= now]
        coming = [(at, close) for at, close in closes if at > now]
        if len(past) < 2:
            raise UnknownSymbol(f"simulated: there is no price of {symbol} yet")
        return _between(symbol, past[-2:], coming[0] if coming else past[-1], now)

    def series(self, symbol: str, start: date, end: date, *, anchor: Anchor | None = None) -> list[Bar]:
        """The bars of the sessions from ``start`` to ``end``, oldest first, closes with 4 decimals.

        With an ``anchor`` (day, close) the walk is scaled so that it is at that close on that day, or on the last
        session before it.
        """
        last = max(end, anchor[0]) if anchor else end
        days = _days(self.calendar, last)
        level, steps = self._walk(symbol, len(days))
        if anchor:
            level = float(anchor[1])
            steps = steps - steps[_position(days, anchor[0])]
        shown = slice(np.searchsorted(days, np.datetime64(start)), _position(days, end) + 1)
        closes = np.round(level * np.exp(steps[shown]), 4)
        return [
            Bar(symbol, day, max(Decimal(f"{close:.4f}"), TICK))
            for day, close in zip(days[shown].tolist(), closes.tolist(), strict=True)
        ]

    def _walk(self, symbol: str, length: int) -> tuple[float, npt.NDArray[np.float64]]:
        """The first level, and the logarithm of the walk against it (length,)."""
        # RandomState's stream is frozen, so a newer NumPy does not change anybody's demonstration.
        random = np.random.RandomState([self.seed % 2**32, zlib.crc32(symbol.encode())])
        level, drift, volatility = (random.uniform(*bounds) for bounds in ((10, 200), (0.02, 0.14), (0.18, 0.42)))
        steps = (drift - volatility**2 / 2) / YEAR + volatility / np.sqrt(YEAR) * random.standard_normal(length)
        return level, np.cumsum(steps)


@lru_cache(maxsize=8)
def _days(calendar: str, last: date) -> npt.NDArray[np.datetime64]:
    """The sessions since the epoch; the same for all symbols of a market's day."""
    return np.array(sessions(calendar, EPOCH, last), dtype="datetime64[D]")


def _position(days: npt.NDArray[np.datetime64], day: date) -> int:
    """The index of the last session that is not after ``day``."""
    return int(np.searchsorted(days, np.datetime64(day), side="right")) - 1


def _between(
    symbol: str, past: Sequence[tuple[datetime, Decimal]], coming: tuple[datetime, Decimal], now: datetime
) -> PriceQuote:
    """The price at ``now``: straight from the last close to the coming one, over the hours before that."""
    (_, before), (closed_at, last) = past
    opens_at = coming[0] - SESSION
    if now < opens_at:
        return _quote(symbol, last, before, closed_at)
    minute = now.replace(second=0, microsecond=0)
    share = Decimal(max((minute - opens_at).total_seconds(), 0.0)) / Decimal(SESSION.total_seconds())
    return _quote(symbol, (last + (coming[1] - last) * share).quantize(TICK), last, minute)


def _quote(symbol: str, price: Decimal, previous: Decimal, at: datetime) -> PriceQuote:
    change = price - previous
    percent = (change / previous * 100).quantize(TICK)
    return PriceQuote(symbol, price, at, previous_close=previous, change=change, percent_change=percent)
