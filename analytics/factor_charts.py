"""Pictures of a factor model: bars of exposures with whiskers, shares of the risk, exposures over time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analytics.charts import Chart, FloatArray, Line
from analytics.factor_models.analysis import Rolling

CONFIDENCE = 1.959963984540054  # of a normal distribution: 95 % lie within so many standard errors
WIDTH = 100.0


@dataclass(frozen=True, slots=True)
class Whisker:
    """A lying bar from the zero line to a value with the interval around it, in a field of the width 100."""

    zero: float
    start: float
    length: float
    low: float
    high: float


def whiskers(values: Sequence[float], errors: Sequence[float]) -> list[Whisker]:
    """One bar for each of ``values``, all on one scale, with its 95 % interval of ±1.96 standard errors."""
    lows = [value - CONFIDENCE * error for value, error in zip(values, errors, strict=True)]
    highs = [value + CONFIDENCE * error for value, error in zip(values, errors, strict=True)]
    lowest, highest = min([0.0, *lows]), max([0.0, *highs])
    scale = WIDTH / (highest - lowest) if highest > lowest else 0.0

    def place(value: float) -> float:
        return round((value - lowest) * scale, 3)

    return [
        Whisker(place(0.0), place(min(value, 0.0)), round(abs(value) * scale, 3), place(low), place(high))
        for value, low, high in zip(values, lows, highs, strict=True)
    ]


def rolling_chart(rolling: Rolling, names: Sequence[str]) -> Chart:
    """A line for each factor; a gap where the exposure is undefined."""
    lines = [
        Line(name, f"part-{number}", np.asarray(values, dtype=np.float64))
        for number, (name, values) in enumerate(zip(names, _columns(rolling), strict=True), start=1)
    ]
    return Chart(rolling.ends, lines, "ratio", "", 2, scale=False)


def _columns(rolling: Rolling) -> FloatArray:
    columns: FloatArray = rolling.exposures.T
    return columns
