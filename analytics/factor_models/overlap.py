"""Daily returns brought to a factor set's periods: what both have in common, whole periods only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from core.errors import DomainError

FloatArray = NDArray[np.float64]
DayArray = NDArray[np.datetime64]
BoolArray = NDArray[np.bool_]

DAILY, WEEKLY, MONTHLY = "daily", "weekly", "monthly"
PERIODS = {DAILY: 252, WEEKLY: 52, MONTHLY: 12}  # in a year
UNITS = {DAILY: "days", WEEKLY: "weeks", MONTHLY: "months"}
# Product policy: no exposure is shown from fewer periods than these.
NEEDED = {DAILY: 60, WEEKLY: 52, MONTHLY: 36}
ONE_DAY, WEEK = np.timedelta64(1, "D"), np.timedelta64(7, "D")


class TooLittleOverlap(DomainError):
    """The portfolio's returns and the factor set's have too few periods in common."""

    def __init__(self, message: str = "", *, got: int = 0, field: str = "model") -> None:
        self.got = got
        super().__init__(message, field=field)


class WindowTooShort(DomainError):
    """The window is shorter than what exposures need."""


@dataclass(frozen=True, eq=False)
class FactorSeries:
    """The factors of a model: ``values`` (P, K) and ``rate`` (P,) of the periods that end on the ascending ``ends``.

    ``first`` and ``last`` are the ends of the set's first and last period, those before the portfolio's included.
    Without a risk-free rate ``rate`` is None.
    """

    name: str
    frequency: str
    keys: tuple[str, ...]
    ends: DayArray
    values: FloatArray
    rate: FloatArray | None
    first: date | None
    last: date | None


@dataclass(frozen=True, eq=False)
class Portfolio:
    """Daily ``returns`` (T, N) of what a portfolio consists of, with its ``weights`` (N,), which add up to 1.

    Ex post that is one column: the portfolio itself. ``earned`` (T,) is False on a session that had no return.
    """

    days: DayArray
    returns: FloatArray
    weights: FloatArray
    earned: BoolArray


@dataclass(frozen=True, eq=False)
class Sample:
    """What a model is fitted to, P whole periods: ``parts`` (P, N) of the portfolio, ``factors`` (P, K), ``rate`` (P,).

    ``returns`` (P,) are the portfolio's, its weights being those of the beginning of each period.
    """

    frequency: str
    starts: DayArray
    ends: DayArray
    parts: FloatArray
    weights: FloatArray
    factors: FloatArray
    rate: FloatArray

    @property
    def returns(self) -> FloatArray:
        weighted: FloatArray = self.parts @ self.weights
        return weighted

    @property
    def observations(self) -> int:
        return len(self.ends)


def overlap(portfolio: Portfolio, factors: FactorSeries, window: int | None = None) -> Sample:
    """The periods that both have whole, the last ``window`` of them. Raises TooLittleOverlap, which names both ranges.

    Returns of the days of a week or month are compounded. A period counts if the portfolio has a return on each of its
    sessions: on the days after the period before up to its own end. Raises WindowTooShort too.
    """
    complete, parts = _compounded(portfolio, factors.ends, factors.frequency)
    chosen = np.flatnonzero(complete)
    needed = needed_for(factors)
    if len(chosen) < needed:
        raise TooLittleOverlap(_sentence(portfolio, factors, len(chosen)), got=len(chosen))
    if window is not None and window < needed:
        raise WindowTooShort(f"At least {needed} {UNITS[factors.frequency]} are needed.", field="window")
    chosen = chosen if window is None else chosen[-window:]
    return Sample(
        frequency=factors.frequency,
        starts=_before(factors.ends[chosen], factors.frequency) + ONE_DAY,
        ends=factors.ends[chosen],
        parts=parts[chosen],
        weights=portfolio.weights,
        factors=factors.values[chosen],
        rate=np.zeros(len(chosen)) if factors.rate is None else factors.rate[chosen],
    )


def needed_for(factors: FactorSeries) -> int:
    """How many periods exposures to these factors are shown from."""
    return max(NEEDED[factors.frequency], len(factors.keys) + 3)


def _before(ends: DayArray, frequency: str) -> DayArray:
    """The last day before each period."""
    if frequency == MONTHLY:
        months: DayArray = ends.astype("datetime64[M]").astype("datetime64[D]")
        return months - ONE_DAY
    return ends - (WEEK if frequency == WEEKLY else ONE_DAY)


def _compounded(portfolio: Portfolio, ends: DayArray, frequency: str) -> tuple[BoolArray, FloatArray]:
    """Which periods are whole (P,), and the returns (P, N) over each; those of the others mean nothing."""
    days, before = portfolio.days, _before(ends, frequency)
    first, stop = np.searchsorted(days, before, side="right"), np.searchsorted(days, ends, side="right")
    gaps = np.concatenate([[0], np.cumsum(~portfolio.earned)])
    complete = (stop > first) & (gaps[stop] == gaps[first])
    if frequency != DAILY and len(days):
        complete &= (first > 0) | (np.busday_count(before + ONE_DAY, days[0]) <= 0)
        complete &= (stop < len(days)) | (np.busday_count(days[-1] + ONE_DAY, ends + ONE_DAY) <= 0)
    growth = np.vstack([1.0 + portfolio.returns, np.ones((1, portfolio.returns.shape[1]))])
    if not len(ends):
        return complete, np.empty((0, growth.shape[1]))
    bounds = np.column_stack([first, np.maximum(stop, first)]).ravel()
    # Where a period is empty reduceat gives the day itself; such a period is not whole.
    return complete, np.multiply.reduceat(growth, bounds, axis=0)[::2] - 1.0


def _sentence(portfolio: Portfolio, factors: FactorSeries, got: int) -> str:
    unit, needed = UNITS[factors.frequency], needed_for(factors)
    earned = portfolio.days[portfolio.earned]
    own = f"run from {earned[0]} to {earned[-1]}" if len(earned) else "have not begun"
    its = "has none yet" if factors.first is None else f"from {factors.first} to {factors.last}"
    shared = f"{got} whole {unit}" if got else "nothing"
    return (
        f"The portfolio's returns {own}, the factor set's ({factors.name}) {its}; "
        f"they share {shared}, {needed} {unit} are needed."
    )
