"""Daily returns brought to a factor set's periods: what both have in common, whole periods only.

A period begins after the set's last row before it, so that no day counts twice and none is lost in between.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from core.errors import DomainError

FloatArray = NDArray[np.float64]
DayArray = NDArray[np.datetime64]
BoolArray = NDArray[np.bool_]
PlaceArray = NDArray[np.intp]

DAILY, WEEKLY, MONTHLY = "daily", "weekly", "monthly"
PERIODS = {DAILY: 252, WEEKLY: 52, MONTHLY: 12}  # in a year
UNITS = {DAILY: "days", WEEKLY: "weeks", MONTHLY: "months"}
# Product policy: no exposure is shown from fewer periods than these.
NEEDED = {DAILY: 60, WEEKLY: 52, MONTHLY: 36}
# Days between two rows beyond which something is missing between them. Exchanges close for a week and two weekends; the
# ends of two weeks in a row are a Tuesday and the next Friday at most.
APART = {DAILY: 14, WEEKLY: 10, MONTHLY: 31}
ONE_DAY = np.timedelta64(1, "D")


class TooLittleOverlap(DomainError):
    """The portfolio's returns and the factor set's have too few periods in common."""

    def __init__(self, message: str = "", *, got: int = 0, field: str = "model", **values: object) -> None:
        self.got = got
        super().__init__(message, field=field, **values)


class WindowTooShort(DomainError):
    """The window is shorter than what exposures need."""


@dataclass(frozen=True, eq=False)
class FactorSeries:
    """The factors of a model: ``values`` (P, K) and ``rate`` (P,) of the periods that end on the ascending ``ends``.

    NaN is what is not known: such a period is there, and left out. ``first`` and ``last`` are the ends of the set's
    first and last period, those before the portfolio's included. Without a risk-free rate ``rate`` is None.
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

    @property
    def left_out(self) -> bool:
        """Whether something between the first period and the last is in none."""
        return bool((self.starts[1:] > self.ends[:-1] + ONE_DAY).any())


def overlap(portfolio: Portfolio, factors: FactorSeries, window: int | None = None) -> Sample:
    """The periods that both have whole, the last ``window`` of them. Raises TooLittleOverlap, which names both ranges.

    The portfolio's returns from one row of the factors to the next are compounded: what happens at a weekend is part of
    the next session. Rows without a session of the portfolio are compounded into the next that has one. A period counts
    if the portfolio has a return on each of its sessions and all factors are known. Raises WindowTooShort too.
    """
    complete, found = _periods(portfolio, factors)
    chosen = np.flatnonzero(complete)
    needed = needed_for(factors)
    if len(chosen) < needed:
        raise _too_little(portfolio, factors, len(chosen))
    if window is not None and window < needed:
        raise WindowTooShort(
            "At least {needed} {units} are needed.",
            needed=needed,
            units=DomainError(UNITS[factors.frequency]),
            field="window",
        )
    chosen = chosen if window is None else chosen[-window:]
    columns = ("starts", "ends", "parts", "factors", "rate")
    return replace(found, **{name: getattr(found, name)[chosen] for name in columns})


def needed_for(factors: FactorSeries) -> int:
    """How many periods exposures to these factors are shown from."""
    return max(NEEDED[factors.frequency], len(factors.keys) + 3)


def _rows(factors: FactorSeries) -> tuple[DayArray, FloatArray]:
    """Ascending days (P,) and what the factors and the rate returned from the one before to each (P, K + 1).

    NaN where that is not known: on the first day, before which there is none, and over what is missing among the rows.
    """
    ends = factors.ends
    rate = np.zeros(len(ends)) if factors.rate is None else factors.rate
    before = _calendar(ends, factors.frequency)
    near = np.diff(ends) <= np.timedelta64(APART[factors.frequency], "D")
    before[1:] = np.where(near, ends[:-1], np.maximum(before[1:], ends[:-1]))
    edges = np.union1d(before, ends)
    known = np.full((len(edges), len(factors.keys) + 1), np.nan)
    known[np.searchsorted(edges, ends)] = np.column_stack([factors.values, rate])
    return edges, known


def _calendar(ends: DayArray, frequency: str) -> DayArray:
    """The last day before each period by the calendar: before a month, else the weekday on which rows usually end."""
    if frequency == MONTHLY:
        months: DayArray = ends.astype("datetime64[M]").astype("datetime64[D]")
        return months - ONE_DAY
    earlier: DayArray = np.busday_offset(ends, -1, roll="forward", weekmask=_weekdays(ends))
    return earlier


def _weekdays(days: DayArray) -> BoolArray:
    """The days of the week (7,), from Monday, on which there usually is one of ``days``; now and then is not usual."""
    counts = np.bincount((days.astype(np.int64) + 3) % 7, minlength=7)  # 1 January 1970 was a Thursday
    usual: BoolArray = 2 * counts >= counts.max()
    return usual


def _periods(portfolio: Portfolio, factors: FactorSeries) -> tuple[BoolArray, Sample]:
    """All periods that both have (P,), and which of them are whole; the others' figures mean nothing."""
    days = portfolio.days
    edges, known = _rows(factors)
    stop = np.searchsorted(days, edges, side="right")
    closes = np.flatnonzero(np.diff(stop, prepend=0))  # rows with a session of the portfolio since the row before
    opens = np.concatenate([closes[:1] - 1, closes[:-1]])
    # What is before the first row is no period; and what the factors did before the portfolio began is not in one.
    opens, closes = opens[closes > 0], closes[closes > 0]
    gaps = np.concatenate([[0], np.cumsum(~portfolio.earned)])
    explained = _compounded(known, opens + 1, closes + 1)
    complete = (gaps[stop[closes]] == gaps[stop[opens]]) & np.isfinite(explained).all(axis=1)
    if len(closes):
        usual = _weekdays(days)
        # Only the calendar can say whether the portfolio lacks a session before its first and after its last.
        complete &= (stop[opens] > 0) | (np.busday_count(edges[opens] + ONE_DAY, days[0], usual) <= 0)
        complete &= (stop[closes] < len(days)) | (
            np.busday_count(days[-1] + ONE_DAY, edges[closes] + ONE_DAY, usual) <= 0
        )
    return complete, Sample(
        frequency=factors.frequency,
        starts=edges[opens] + ONE_DAY,
        ends=edges[closes],
        parts=_compounded(portfolio.returns, stop[opens], stop[closes]),
        weights=portfolio.weights,
        factors=explained[:, :-1],
        rate=explained[:, -1],
    )


def _compounded(returns: FloatArray, first: PlaceArray, stop: PlaceArray) -> FloatArray:
    """Those of ``returns`` (T, N) from each ``first`` (P,) to before its ``stop``, the next's first, as one: (P, N)."""
    if not len(first):
        return np.empty((0, returns.shape[1]))
    grown = np.multiply.reduceat(1.0 + returns[: stop[-1]], first, axis=0) - 1.0
    alone = (stop - first == 1)[:, np.newaxis]
    compounded: FloatArray = np.where(alone, returns[first], grown)  # one return is itself, not rounded
    return compounded


def _too_little(portfolio: Portfolio, factors: FactorSeries, got: int) -> TooLittleOverlap:
    unit, earned = DomainError(UNITS[factors.frequency]), portfolio.days[portfolio.earned]
    own, its = DomainError("have not begun"), DomainError("has none yet")
    if len(earned):
        own = DomainError("run from {first} to {last}", first=earned[0], last=earned[-1])
    if factors.first is not None:
        its = DomainError("from {first} to {last}", first=factors.first, last=factors.last)
    return TooLittleOverlap(
        "The portfolio's returns {own}, the factor set's ({name}) {its}; "
        "they share {shared}, {needed} {unit} are needed.",
        got=got,
        own=own,
        name=factors.name,
        its=its,
        shared=DomainError("{got} whole {unit}", got=got, unit=unit) if got else DomainError("nothing"),
        needed=needed_for(factors),
        unit=unit,
    )
