"""From arrays to what a chart draws: a span cut out, few enough points, and the same data as a table.

Pure NumPy, no Django. ``days`` is always an ascending (T,) array of ``datetime64[D]``;
values and returns belong to the closes of these days.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
DayArray = NDArray[np.datetime64]
IndexArray = NDArray[np.intp]
Unit = Literal["money", "fraction", "ratio"]

POINTS = 500
TABLE_ROWS = 40
LARGE = 10_000  # amounts beside it have no decimals: a chart's floats do not vouch for cents
SPANS = {"1m": "1M", "3m": "3M", "ytd": "YTD", "1y": "1Y", "3y": "3Y", "5y": "5Y", "max": "Max"}
VIEWS = {"value": "Value", "return": "Return", "drawdown": "Drawdown"}
_MONTHS = {"1m": 1, "3m": 3, "1y": 12, "3y": 36, "5y": 60}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart. ``role`` names its colour; NaN leaves a gap."""

    name: str
    role: str
    values: FloatArray
    area: bool = False

    @property
    def first(self) -> float | None:
        """Where it begins; None for a gap."""
        return _number(self.values[0])

    @property
    def last(self) -> float | None:
        """Where it ends; None for a gap."""
        return _number(self.values[-1])

    @property
    def lowest(self) -> float | None:
        """Its lowest point; None if it is all gaps."""
        known = self.values[~np.isnan(self.values)]
        return float(known.min()) if len(known) else None


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over the same days, all in ``unit``. ``scale`` lets the axis leave zero out.

    With ``clock`` its ``days`` are instants of one day in UTC, ``datetime64[s]``.
    """

    days: DayArray
    lines: Sequence[Line]
    unit: Unit
    currency: str
    digits: int = 2
    scale: bool = True
    clock: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened on a day, to be marked on the first line. ``role`` names its shape and colour."""

    day: date
    role: str
    text: str


class DailySeries(Protocol):
    """A portfolio's days, each array (T,): values at the close, gross flows in the same money, the day's returns."""

    @property
    def days(self) -> DayArray: ...
    @property
    def values(self) -> FloatArray: ...
    @property
    def inflows(self) -> FloatArray: ...
    @property
    def outflows(self) -> FloatArray: ...
    @property
    def returns(self) -> FloatArray: ...
    @property
    def benchmark_returns(self) -> FloatArray | None: ...


def draw(series: DailySeries, view: str, span: str, *, benchmark: str, currency: str, digits: int) -> Chart:
    """The chart of one view (a key of ``VIEWS``) over one span (a key of ``SPANS``); ``series`` has at least one day.

    ``benchmark`` is the name of its line, ``digits`` the decimals of ``currency``.
    """
    base = base_index(series.days, span)
    lines = _LINES[view](series, base, benchmark)
    unit: Unit = "money" if view == "value" else "fraction"
    if series.values.max() >= LARGE:
        digits = 0
    return Chart(series.days[base:], lines, unit, currency, digits, scale=view == "value")


def _value_lines(series: DailySeries, base: int, benchmark: str) -> list[Line]:
    lines = [Line("Portfolio", "portfolio", series.values[base:], area=True)]
    if series.benchmark_returns is None:
        return lines
    worth = same_money(series.values, series.inflows, series.outflows, series.benchmark_returns, base)
    return [*lines, Line(f"The same money in {benchmark}", "benchmark", worth)]


def _return_lines(series: DailySeries, base: int, benchmark: str) -> list[Line]:
    lines = [Line("Portfolio", "portfolio", growth(series.returns, base))]
    if series.benchmark_returns is None:
        return lines
    return [*lines, Line(benchmark, "benchmark", growth(series.benchmark_returns, base))]


def _drawdown_lines(series: DailySeries, base: int, benchmark: str) -> list[Line]:
    lines = [Line("Portfolio", "loss", below_peak(series.returns, base), area=True)]
    if series.benchmark_returns is None:
        return lines
    return [*lines, Line(benchmark, "benchmark", below_peak(series.benchmark_returns, base))]


_LINES: dict[str, Callable[[DailySeries, int, str], list[Line]]] = {
    "value": _value_lines,
    "return": _return_lines,
    "drawdown": _drawdown_lines,
}


def base_index(days: DayArray, span: str) -> int:
    """Where ``span`` begins: the last close on or before its first day, so that its first return is whole.

    0 for "max", and for a span that is longer than the series.
    """
    if span == "max" or not len(days):
        return 0
    last: date = days[-1].astype("datetime64[D]").item()
    start = np.datetime64(f"{last.year - 1}-12-31") if span == "ytd" else _months_before(last, _MONTHS[span])
    return max(int(np.searchsorted(days, start, side="right")) - 1, 0)


def _months_before(day: date, months: int) -> np.datetime64:
    """The same day of an earlier month, or that month's last day if it is shorter."""
    month = np.datetime64(day, "M") - np.timedelta64(months, "M")
    latest = (month + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")
    wanted = month.astype("datetime64[D]") + np.timedelta64(day.day - 1, "D")
    start: np.datetime64 = min(wanted, latest)
    return start


def growth(returns: FloatArray, base: int) -> FloatArray:
    """Return since the close at ``base``, a fraction for each day from there on.

    ``returns[i]`` is the return from close i − 1 to close i. It begins at 0, but at the first
    close of all with that day's own return: what was bought that day has moved since.
    """
    first = base + 1 if base else 0
    since = np.cumprod(1.0 + returns[first:]) - 1.0
    return np.concatenate([np.zeros(first - base), since])


def below_peak(returns: FloatArray, base: int) -> FloatArray:
    """Loss from the highest close since ``base``, a fraction ≤ 0 for each day from there on."""
    wealth = 1.0 + growth(returns, base)
    peak = np.maximum(np.maximum.accumulate(wealth), 1.0)
    return wealth / peak - 1.0


def same_money(
    values: FloatArray, inflows: FloatArray, outflows: FloatArray, benchmark: FloatArray, base: int
) -> FloatArray:
    """What the portfolio's value at ``base`` and its later flows would be worth in the benchmark.

    An inflow earns its day's benchmark return, an outflow leaves at the close, as in the
    time-weighted return: S(t) = (S(t−1) + in(t)) · (1 + b(t)) − out(t). Solved with the
    benchmark's wealth W: S(t) = W(t) · (S(0) + Σ in(s)/W(s−1) − out(s)/W(s)). From the day
    on which more was taken out than was there, NaN.
    """
    first, opening = (base + 1, float(values[base])) if base else (0, 0.0)
    wealth = np.concatenate([[1.0], np.cumprod(1.0 + benchmark[first:])])
    units = inflows[first:] / wealth[:-1] - outflows[first:] / wealth[1:]
    worth = wealth[1:] * (opening + np.cumsum(units))
    worth[np.logical_or.accumulate(worth < 0)] = np.nan
    return np.concatenate([np.full(first - base, opening), worth])


def thin(values: FloatArray, limit: int = POINTS) -> IndexArray:
    """At most ``limit`` ascending indices: both ends, and the lowest and highest of each of equal stretches.

    So a peak and a trough stay where they were, which every nth point would not give.
    """
    count = len(values)
    if count <= limit:
        return np.arange(count)
    inner = np.array_split(np.arange(1, count - 1), (limit - 2) // 2)
    level = np.nan_to_num(values)
    extremes = [(part[level[part].argmin()], part[level[part].argmax()]) for part in inner]
    return np.unique(np.concatenate([[0, count - 1], np.ravel(extremes)])).astype(np.intp)


def chart_json(chart: Chart, marks: Sequence[Mark] = ()) -> dict[str, Any]:
    """What static/charts.js draws: at most 500 days, chosen by the first line, and those of marks; gaps are null."""
    chosen = np.union1d(thin(chart.lines[0].values), _places(chart, marks)).astype(np.intp)
    decimals = chart.digits if chart.unit == "money" else 6
    series = [
        {
            "name": line.name,
            "role": line.role,
            "area": line.area,
            "values": [None if np.isnan(value) else round(float(value), decimals) for value in line.values[chosen]],
        }
        for line in chart.lines
    ]
    return {
        "unit": chart.unit,
        "currency": chart.currency,
        "digits": chart.digits,
        "scale": chart.scale,
        "clock": chart.clock,
        "days": _written(chart.days[chosen], clock=chart.clock),
        "series": series,
        "marks": [
            {"role": role, "points": [_point(chart, mark, decimals) for mark in marks if mark.role == role]}
            for role in dict.fromkeys(mark.role for mark in marks)
        ],
    }


def _written(days: DayArray, *, clock: bool) -> list[str]:
    written = np.datetime_as_string(days, unit="s", timezone="UTC") if clock else np.datetime_as_string(days, unit="D")
    return [str(each) for each in written]


def _places(chart: Chart, marks: Sequence[Mark]) -> IndexArray:
    """Where each mark stands: the last close on or before its day, else the first one."""
    days = np.array([mark.day for mark in marks], dtype="datetime64[D]")
    return np.maximum(np.searchsorted(chart.days, days, side="right") - 1, 0).astype(np.intp)


def _point(chart: Chart, mark: Mark, decimals: int) -> list[str | float | None]:
    level = _number(chart.lines[0].values[_places(chart, [mark])[0]])
    return [mark.day.isoformat(), None if level is None else round(level, decimals), mark.text]


def table_rows(chart: Chart, limit: int = TABLE_ROWS) -> list[tuple[date, list[float | None]]]:
    """The same data for those who do not see the chart: evenly spaced days, newest first, both ends included.

    With a clock they are instants.
    """
    chosen = np.unique(np.linspace(0, len(chart.days) - 1, min(limit, len(chart.days))).round().astype(np.intp))
    return [
        (
            _moment(chart.days[i]) if chart.clock else chart.days[i].astype("datetime64[D]").item(),
            [_number(line.values[i]) for line in chart.lines],
        )
        for i in chosen[::-1]
    ]


def told(chart: Chart, marks: Sequence[Mark] = ()) -> dict[str, Any]:
    """What every card of a chart needs: its lines and unit, its JSON, the same data as a table, and its two ends."""
    rows = table_rows(chart)
    return {
        "clock": chart.clock,
        "first": rows[-1][0],
        "last": rows[0][0],
        "lines": chart.lines,
        "unit": chart.unit,
        "currency": chart.currency,
        "digits": chart.digits,
        "json": chart_json(chart, marks),
        "rows": rows,
    }


def _moment(instant: np.datetime64) -> datetime:
    return datetime.fromtimestamp(int(instant.astype("datetime64[s]").astype(np.int64)), UTC)


def _number(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)


@dataclass(frozen=True, slots=True)
class Arc:
    """A part of a ring whose whole circumference is 100, clockwise from the top."""

    start: float
    length: float

    @property
    def offset(self) -> float:
        """``stroke-dashoffset`` runs backwards."""
        return -self.start


def ring(weights: Sequence[float]) -> list[Arc]:
    """One arc for each of ``weights``, which are not negative; they need not add up to 1."""
    shares = np.asarray(weights, dtype=np.float64)
    if not shares.sum() > 0:
        return []
    lengths = shares / shares.sum() * 100.0
    starts = np.cumsum(lengths) - lengths
    return [Arc(round(float(start), 3), round(float(length), 3)) for start, length in zip(starts, lengths, strict=True)]


@dataclass(frozen=True, slots=True)
class Bar:
    """An upright bar in a field of height 100 whose zero line lies at ``zero`` from the top."""

    top: float
    height: float
    zero: float


def bars(values: Sequence[float]) -> list[Bar]:
    """One bar for each of ``values``, all on one scale: upwards from the zero line for a gain, downwards for a loss."""
    highest, lowest = max([0.0, *values]), min([0.0, *values])
    scale = 100.0 / (highest - lowest) if highest > lowest else 0.0
    zero = round(highest * scale, 3)
    return [Bar(round((highest - max(value, 0.0)) * scale, 3), round(abs(value) * scale, 3), zero) for value in values]


@dataclass(frozen=True, slots=True)
class SideBar:
    """A lying bar in a field of width 100 whose zero line is ``zero`` from the left."""

    left: float
    width: float
    zero: float


def side_bars(values: Sequence[float]) -> list[SideBar]:
    """One bar for each of ``values``, all on one scale: to the right of the zero line for a gain, else to its left."""
    highest, lowest = max([0.0, *values]), min([0.0, *values])
    scale = 100.0 / (highest - lowest) if highest > lowest else 0.0
    zero = round(-lowest * scale, 3)
    return [
        SideBar(round((min(value, 0.0) - lowest) * scale, 3), round(abs(value) * scale, 3), zero) for value in values
    ]
