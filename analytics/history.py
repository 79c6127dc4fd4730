"""One portfolio's returns over time: rolling figures, drawdowns, the calendar of months and years. Pure; no Django."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics import engine
from analytics.engine import InsufficientData, UndefinedMetric
from analytics.valuation import FloatArray
from analytics.windows import MIN_OBSERVATIONS, NO_BENCHMARK

DayArray = NDArray[np.datetime64]

# Figures that roll, by key: each over every window of so many sessions.
ROLLING: Mapping[str, Callable[..., Any]] = {
    "annual_volatility": engine.annual_volatility,
    "sharpe_ratio": engine.sharpe_ratio,
    "beta": engine.beta,
    "total_return": engine.total_return,
    "max_drawdown": engine.max_drawdown,
}
_A_YEAR = ("annual_volatility", "sharpe_ratio")  # those that are brought to a year
# Sessions of a window: as few as other figures are shown from, at most ten years.
SHORTEST, LONGEST = MIN_OBSERVATIONS, 2520
MOST_DRAWDOWNS = 100


@dataclass(frozen=True, eq=False, slots=True)
class Past:
    """The sessions (T,) on which one portfolio earned a return, the returns, and the benchmark's on the same sessions.

    ``benchmark`` is None for a portfolio without one, and NaN on sessions without a return of it. ``periods`` make a
    year. ``problem`` says why there are none, or why they end early.
    """

    days: DayArray
    returns: FloatArray
    benchmark: FloatArray | None
    periods: int
    problem: str = ""

    @property
    def start(self) -> date | None:
        return self.days[0].item() if len(self.days) else None

    @property
    def end(self) -> date | None:
        return self.days[-1].item() if len(self.days) else None


@dataclass(frozen=True, eq=False, slots=True)
class Rolling:
    """A figure over the window from each of ``starts`` (K,) to that of ``days`` (K,), the first and last session.

    NaN where it is not defined; or the ``problem``.
    """

    metric: str
    window: int
    starts: DayArray
    days: DayArray
    values: FloatArray
    problem: str = ""


def rolling(past: Past, metric: str, window: int) -> Rolling:
    """The figure ``metric`` (a key of ``ROLLING``) over every ``window`` sessions.

    Sessions without a return of the benchmark are left out of beta.
    """
    days, series = past.days, [past.returns]
    if metric == "beta":
        if past.benchmark is None:
            return _no_rolling(metric, window, NO_BENCHMARK)
        both = np.isfinite(past.benchmark)
        days, series = days[both], [past.returns[both], past.benchmark[both]]
    if not len(days) and past.problem:
        return _no_rolling(metric, window, past.problem)
    terms = {"periods": past.periods} if metric in _A_YEAR else {}
    try:
        values = engine.rolling(ROLLING[metric], *series, window=window, **terms)
    except (InsufficientData, UndefinedMetric) as error:
        return _no_rolling(metric, window, str(error))
    return Rolling(metric, window, days[: len(values)], days[window - 1 :], values)


def _no_rolling(metric: str, window: int, problem: str) -> Rolling:
    return Rolling(metric, window, np.empty(0, "M8[D]"), np.empty(0, "M8[D]"), np.empty(0), problem)


@dataclass(frozen=True, slots=True)
class Drawdown:
    """One fall from a peak. ``peak`` is the session that ended there, None before the first return; ``recovered`` the
    one that ended there again, None if none has. ``sessions`` last from the first below the peak to the recovery or to
    the end, ``recovery_sessions`` from the trough. ``depth`` is a fraction < 0."""

    peak: date | None
    start: date
    trough: date
    recovered: date | None
    depth: float
    sessions: int
    recovery_sessions: int | None


def drawdowns(past: Past, top: int) -> list[Drawdown]:
    """The deepest drawdowns of the whole series, the deepest first."""
    if not len(past.days):
        return []
    days = past.days.tolist()
    return [
        Drawdown(
            peak=days[found.start - 1] if found.start else None,
            start=days[found.start],
            trough=days[found.trough],
            recovered=None if found.recovery is None else days[found.recovery],
            depth=found.depth,
            sessions=found.periods,
            recovery_sessions=None if found.recovery is None else found.recovery - found.trough,
        )
        for found in engine.drawdown_periods(past.returns, top)
    ]


@dataclass(frozen=True, slots=True)
class Month:
    """What a month earned; ``whole`` unless the series begins or ends within it."""

    year: int
    month: int
    value: float
    sessions: int
    whole: bool


@dataclass(frozen=True, slots=True)
class Year:
    """What a year earned, and its months by number; ``whole`` unless the series begins or ends within it."""

    year: int
    value: float
    sessions: int
    whole: bool
    months: Mapping[int, Month]


@dataclass(frozen=True, slots=True)
class Calendar:
    """Returns by month and year, the newest year first; shares of days and of months with a gain."""

    years: Sequence[Year]
    best: Month | None
    worst: Month | None
    days_won: float | None
    months_won: float | None


def calendar(past: Past) -> Calendar:
    """The compounded return of each month and year in which there was one. Best and worst are of whole months."""
    if not len(past.days):
        return Calendar((), None, None, None, None)
    months = _months(past)
    whole = [month for month in months if month.whole]
    every = np.array([month.value for month in whole])
    years = _compounded(past, "M8[Y]")
    ends = _partial(past, "M8[Y]")
    made = [
        Year(
            1970 + int(key.astype(np.int64)),
            value,
            sessions,
            key not in ends,
            {month.month: month for month in months if month.year == 1970 + int(key.astype(np.int64))},
        )
        for key, value, sessions in reversed(years)
    ]
    return Calendar(
        made,
        max(whole, key=lambda month: month.value, default=None),
        min(whole, key=lambda month: month.value, default=None),
        float(engine.win_rate(past.returns)),
        float((every > 0).mean()) if len(every) else None,
    )


def _months(past: Past) -> list[Month]:
    ends = _partial(past, "M8[M]")
    made = []
    for key, value, sessions in _compounded(past, "M8[M]"):
        year, month = divmod(int(key.astype(np.int64)), 12)
        made.append(Month(1970 + year, month + 1, value, sessions, key not in ends))
    return made


def _compounded(past: Past, unit: str) -> list[tuple[np.datetime64, float, int]]:
    """Each month or year with its compounded return and how many sessions had one."""
    keys, starts = np.unique(past.days.astype(unit), return_index=True)
    values = np.multiply.reduceat(1.0 + past.returns, starts) - 1.0
    sessions = np.diff(np.append(starts, len(past.days)))
    return list(zip(keys, values.tolist(), sessions.tolist(), strict=True))


def _partial(past: Past, unit: str) -> set[np.datetime64]:
    """The months or years within which the series begins or ends, by their weekdays: a session that is missing at
    either end of one, because it was a holiday, leaves it whole."""
    first, last = past.days[[0, -1]]
    begun, over = first.astype(unit), last.astype(unit)
    opening, closing = begun.astype("M8[D]"), (over + 1).astype("M8[D]")
    missed = np.busday_count(opening, first), np.busday_count(last, closing) - 1
    return {key for key, days in zip((begun, over), missed, strict=True) if days > SHUT}


SHUT = 3  # weekdays that exchanges close in a row, as around New Year
