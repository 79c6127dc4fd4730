"""Charts of a portfolio's past: a rolling figure, and the drawdowns with the deepest ones marked. Pure; no Django."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from analytics.charts import Chart, Line, Mark, told
from analytics.engine import drawdown_series
from analytics.history import Calendar, Drawdown, Month, Past, Rolling

RATIOS = ("sharpe_ratio", "beta")
# From how much of a month's gain or loss on its cell is darker: four shades of each.
SHADES = (0.01, 0.03, 0.06)


def rolling_chart(found: Rolling, label: str) -> dict[str, Any]:
    """What the card of a rolling figure draws; it has at least one day."""
    unit = "ratio" if found.metric in RATIOS else "fraction"
    chart = Chart(found.days, [Line(label, "portfolio", found.values)], unit, "", scale=True)  # type: ignore[arg-type]
    known = np.flatnonzero(~np.isnan(found.values))
    if not len(known):
        return told(chart)
    values = found.values[known]
    places = {"lowest": known[values.argmin()], "highest": known[values.argmax()], "latest": known[-1]}
    return told(chart) | {name: _point(found, int(place)) for name, place in places.items()}


@dataclass(frozen=True, slots=True)
class Point:
    """A value of a rolling figure: over the sessions after the close of ``start`` up to ``end``."""

    value: float
    start: date
    end: date


def _point(found: Rolling, place: int) -> Point:
    start, end = found.starts[place].item() - timedelta(days=1), found.days[place].item()
    return Point(float(found.values[place]), start, end)


def drawdown_chart(past: Past, deepest: Sequence[Drawdown]) -> dict[str, Any]:
    """The loss from the running peak, with the trough of each of ``deepest`` marked by its number."""
    chart = Chart(past.days, [Line("Portfolio", "loss", drawdown_series(past.returns), area=True)], "fraction", "")
    marks = [
        Mark(found.trough, "trough", f"{number}. trough, {found.depth:.2%}".replace("-", "−"))
        for number, found in enumerate(deepest, start=1)
    ]
    return told(chart, marks)


@dataclass(frozen=True, slots=True)
class Cell:
    """One month of the calendar's table; ``shade`` is 1 to 4 for a gain, −1 to −4 for a loss, 0 for neither."""

    number: int
    month: Month | None
    shade: int


def cells(found: Calendar) -> list[tuple[Any, list[Cell]]]:
    """Each year with its twelve months, the newest first."""
    return [
        (year, [Cell(number, year.months.get(number), _shade(year.months.get(number))) for number in range(1, 13)])
        for year in found.years
    ]


def _shade(month: Month | None) -> int:
    if month is None or not month.value:
        return 0
    level = 1 + sum(abs(month.value) >= step for step in SHADES)
    return level if month.value > 0 else -level
