"""Today's weights on the assets' own history: the one input of every ex-ante figure. Pure NumPy; no Django."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.engine import InsufficientData
from analytics.market import Grid, Market
from analytics.valuation import FloatArray
from core.errors import DomainError
from core.money import multiply, quantise

# Product policy: no ex-ante figure is shown from fewer returns than this.
MIN_SESSIONS = 30


class NothingHeld(DomainError):
    """Nothing is held on this day, so there is no risk to look ahead to."""


class NoWeights(DomainError):
    """What is held has no weights: a price or an exchange rate is missing, or all of it is worth nothing or less."""


class ShortHistory(InsufficientData):
    """An asset whose history is too short; it is named."""

    def __init__(self, symbol: str, needed: int, got: int) -> None:
        self.symbol, self.needed, self.got = symbol, needed, got
        DomainError.__init__(self, "{symbol}: needs {needed} days, has {got}", symbol=symbol, needed=needed, got=got)

    def __reduce__(self) -> tuple[type[ShortHistory], tuple[str, int, int]]:  # type: ignore[override]
        return type(self), (self.symbol, self.needed, self.got)


@dataclass(frozen=True, slots=True)
class Position:
    """One asset that is held. ``value`` is in the portfolio's base currency at the close of ``price_day``."""

    asset_id: int
    symbol: str
    name: str
    sector: str
    currency: str
    asset_type: str
    value: Decimal
    price_day: date


class ForeignCash(NamedTuple):
    """Balances and receivables in another currency than the base; ``weight`` is negative for an overdraft."""

    currency: str
    weight: float


@dataclass(frozen=True, eq=False)
class Weighted:
    """What a portfolio holds on ``as_of``, in its base ``currency``.

    ``weights`` (N,) are shares of ``total_value``, cash and receivables included, and so add up to 1 with
    ``cash_weight``; a short position's is negative. ``cash`` are the parts of ``cash_weight`` in other currencies:
    scenarios move them with their rates, while figures of risk take all cash to carry none.
    """

    as_of: date
    currency: str
    positions: tuple[Position, ...]
    weights: FloatArray
    cash_weight: float
    cash: tuple[ForeignCash, ...]
    total_value: Decimal
    price_source: str

    def amount(self, fraction: float) -> Decimal:
        """A return of everything owned as a gain or loss in the base currency."""
        return worth(fraction, self.total_value, self.currency)


@dataclass(frozen=True, eq=False)
class Exposure(Weighted):
    """The same with how that did before: ``returns`` (T, N), the assets' total returns for each session of ``days``.

    They are in the base currency; ``periods`` of them make a year. Cash is taken to earn nothing.
    """

    periods: int
    days: NDArray[np.datetime64]
    returns: FloatArray

    @property
    def portfolio_returns(self) -> FloatArray:
        """Returns (T,) of today's weights, held unchanged."""
        returned: FloatArray = self.returns @ self.weights
        return returned

    @property
    def observations(self) -> int:
        return len(self.days)

    @property
    def start(self) -> date:
        day: date = self.days[0].item()
        return day

    @property
    def end(self) -> date:
        day: date = self.days[-1].item()
        return day


def shared_history(
    market: Market, asset_ids: list[int], base: str, window: int | None = None
) -> tuple[Grid, FloatArray]:
    """The sessions on which every asset has a return, and the returns (T, N) in ``base``.

    Sessions are those of the assets' exchanges. ``window`` keeps the last sessions only. Raises ``ShortHistory``, with
    the asset that has the fewest, when fewer than ``MIN_SESSIONS`` remain.
    """
    grid = market.grid(frozenset(market.facts[pk].calendar for pk in asset_ids))
    returns = np.stack([market.benchmark_returns(pk, base, grid) for pk in asset_ids], axis=1)
    known = np.isfinite(returns)
    start = int(np.logical_and.accumulate(known[::-1].all(axis=1)).sum())
    if start < MIN_SESSIONS:
        fewest = int(np.logical_and.accumulate(known[::-1]).sum(axis=0).argmin())
        raise ShortHistory(market.facts[asset_ids[fewest]].symbol, MIN_SESSIONS, start)
    first = len(returns) - (start if window is None else min(window, start))
    return grid.since(first), returns[first:]


def worth(fraction: float, value: Decimal, currency: str) -> Decimal:
    """What a fraction of ``value`` is in money, rounded to the currency's minor unit."""
    return quantise(multiply(value, Decimal(repr(fraction))), currency)


def amount_of(fraction: float | None, value: Decimal | None, currency: str) -> Decimal | None:
    """The same of a figure that may be missing."""
    return None if fraction is None or value is None else worth(fraction, value, currency)
