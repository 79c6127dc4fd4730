"""Return and risk of one asset over several spans. Pure NumPy; no Django."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from analytics import engine
from analytics.charts import DayArray, FloatArray, base_index

SPANS = ("1y", "3y", "5y", "max")
FEWEST = 20  # returns from which figures are told
A_YEAR = 365.25  # days
WHOLE = 365  # days from which a figure of a year is told


@dataclass(frozen=True, slots=True)
class SpanFigures:
    """One span's figures from adjusted closes, as fractions; ``beta`` is a pure number.

    ``annual_return`` is None for less than a year, ``beta`` without a benchmark that moved on the same days.
    """

    span: str
    start: date
    end: date
    returns: int
    total_return: float
    annual_return: float | None
    volatility: float
    drawdown: float
    beta: float | None


def figures(
    days: DayArray, closes: FloatArray, periods: int, benchmark: tuple[DayArray, FloatArray] | None = None
) -> list[SpanFigures]:
    """The figures of each of ``SPANS`` that the closes (T,) reach back for, ``max`` always; ``periods`` make a year.

    Without ``FEWEST`` returns there are none. The benchmark has days and closes of its own.
    """
    sound = np.isfinite(closes) & (closes > 0)
    days, closes = days[sound], closes[sound]
    whole = len(days) > FEWEST
    return [
        _of(span, days[start:], closes[start:], periods, benchmark)
        for span, start in _starts(days)
        if whole and len(days) - start > FEWEST
    ]


def _starts(days: DayArray) -> Sequence[tuple[str, int]]:
    """Where each span begins, without those that begin before the first close."""
    found = [(span, base_index(days, span)) for span in SPANS]
    return [(span, start) for span, start in found if span == "max" or start > 0]


def _of(
    span: str, days: DayArray, closes: FloatArray, periods: int, benchmark: tuple[DayArray, FloatArray] | None
) -> SpanFigures:
    returns = engine.simple_returns(closes)
    length = float((days[-1] - days[0]) / np.timedelta64(1, "D"))
    total = float(closes[-1] / closes[0]) - 1.0
    return SpanFigures(
        span,
        _day(days[0]),
        _day(days[-1]),
        len(returns),
        total,
        (1.0 + total) ** (A_YEAR / length) - 1.0 if length >= WHOLE else None,
        float(engine.annual_volatility(returns, periods)),
        float(engine.max_drawdown(returns)),
        _beta(days, closes, benchmark),
    )


def _beta(days: DayArray, closes: FloatArray, benchmark: tuple[DayArray, FloatArray] | None) -> float | None:
    """On the days that both have a close of."""
    if benchmark is None:
        return None
    sound = np.isfinite(benchmark[1]) & (benchmark[1] > 0)
    _shared, own, other = np.intersect1d(days, benchmark[0][sound], assume_unique=True, return_indices=True)
    if len(own) <= FEWEST:
        return None
    try:
        pair = (engine.simple_returns(closes[own]), engine.simple_returns(benchmark[1][sound][other]))
        return float(engine.beta(*pair))
    except engine.UndefinedMetric:
        return None


def _day(day: np.datetime64) -> date:
    found: date = day.astype("datetime64[D]").item()
    return found
