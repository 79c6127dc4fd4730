"""What portfolios earned over the last day, week, month … beside the benchmark. Pure; no Django.

The figures of one portfolio are stored; what is not (a day, a week, the benchmark, several portfolios together) is
compounded from the same daily returns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics import engine
from analytics.engine import InsufficientData, UndefinedMetric
from analytics.history import Past
from analytics.valuation import FloatArray
from analytics.windows import period_start

# In the order that they are shown in; the short ones are not among the stored periods.
PERIODS = ("day", "week", "month", "quarter", "ytd", "year", "three_years", "five_years", "inception")
LONG = ("three_years", "five_years", "inception")
WEEK = timedelta(days=7)


class Stored(NamedTuple):
    """What is stored of one period: its first and last session, and the return over all of it and a year."""

    start: date
    end: date
    total: float | None
    annual: float | None


@dataclass(frozen=True, slots=True)
class PeriodReturn:
    """Time-weighted returns over the sessions from ``start`` to ``end``, both included, as fractions.

    ``value`` and ``benchmark`` are of a year where ``annualised``, and ``cumulative`` is always of the whole period.
    What is not defined, or not known on each session, is None.
    """

    key: str
    start: date
    end: date
    value: float | None
    cumulative: float | None
    benchmark: float | None
    annualised: bool = False

    @property
    def difference(self) -> float | None:
        """In which the portfolio was ahead, as a difference of fractions."""
        return None if self.value is None or self.benchmark is None else self.value - self.benchmark


def period_returns(past: Past, stored: Mapping[str, Stored] | None = None) -> list[PeriodReturn]:
    """Each of ``PERIODS`` for which ``past`` is old enough.

    ``stored`` are a portfolio's own figures by period: a longer period that is not among them is left out. Without them
    everything follows from ``past``, which is then as old as its first return.
    """
    if not len(past.days):
        return []
    return [row for key in PERIODS if (row := _row(past, key, stored)) is not None]


def _row(past: Past, key: str, stored: Mapping[str, Stored] | None) -> PeriodReturn | None:
    kept = None if stored is None else stored.get(key)
    if stored is not None and kept is None and key not in ("day", "week"):
        return None
    chosen = _between(past, kept.start, kept.end) if kept else _chosen(past, key)
    if not chosen.any():
        return None
    own, days = past.returns[chosen], past.days[chosen]
    annual = key in LONG and len(own) > past.periods
    beside = _benchmark(past, chosen)
    total = kept.total if kept else _total(own)
    value = (kept.annual if kept else _annual(own, past.periods)) if annual else total
    other = None if beside is None else _annual(beside, past.periods) if annual else _total(beside)
    return PeriodReturn(key, days[0].item(), days[-1].item(), value, total, other, annual)


def _between(past: Past, start: date, end: date) -> NDArray[np.bool_]:
    return np.asarray((past.days >= np.datetime64(start)) & (past.days <= np.datetime64(end)))


def _chosen(past: Past, key: str) -> NDArray[np.bool_]:
    """The sessions of a period that ends with the last one; none where the first return is later than its beginning."""
    every = np.ones(len(past.days), np.bool_)
    if key == "inception":
        return every
    last: date = past.days[-1].item()
    if key == "day":
        every[:-1] = False
        return every
    begins = np.datetime64(last - WEEK if key == "week" else period_start(key, last))
    if past.days[0] > begins + 1:
        return np.zeros(len(past.days), np.bool_)
    return np.asarray(past.days > begins)


def _benchmark(past: Past, chosen: NDArray[np.bool_]) -> FloatArray | None:
    """The benchmark's returns of the same sessions; None if it lacks one.

    The very first of all may lack: the benchmark then starts at that close.
    """
    if past.benchmark is None:
        return None
    beside = past.benchmark[chosen]
    if chosen[0] and np.isnan(beside[0]):
        beside = np.concatenate([[0.0], beside[1:]])
    return None if np.isnan(beside).any() else beside


def _total(returns: FloatArray) -> float | None:
    return _figure(lambda: engine.total_return(returns))


def _annual(returns: FloatArray, periods: int) -> float | None:
    return _figure(lambda: engine.annual_return(returns, periods=periods))


def _figure(compute: Callable[[], Any]) -> float | None:
    try:
        value = float(compute())
    except (InsufficientData, UndefinedMetric):
        return None
    return value if isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Fall:
    """The loss from the highest close at the last one, a fraction ≤ 0, and the deepest there was, with its days.

    ``since`` is the session of the highest close, None where it lies before the first return. ``trough`` is None
    without any loss.
    """

    day: date
    now: float
    since: date | None
    worst: float
    trough: date | None


def fall_of(past: Past) -> Fall | None:
    """How far below its highest close the portfolio is; None without returns, or where wealth exceeds a number."""
    if not len(past.days):
        return None
    try:
        path = engine.drawdown_series(past.returns)
    except UndefinedMetric:
        return None
    days: Sequence[date] = past.days.tolist()
    heights = np.flatnonzero(path == 0.0)
    deepest = int(path.argmin())
    return Fall(
        day=days[-1],
        now=float(path[-1]),
        since=days[int(heights[-1])] if len(heights) else None,
        worst=float(path[deepest]),
        trough=days[deepest] if path[deepest] < 0 else None,
    )
