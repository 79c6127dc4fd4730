"""The figures that are kept of each portfolio, and why one of them is empty. Pure; no Django."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from math import isfinite
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from analytics import engine
from analytics.engine import InsufficientData, UndefinedMetric
from analytics.performance import Inputs, Series
from analytics.valuation import FloatArray


@dataclass(frozen=True, slots=True)
class Label:
    """What a figure is called, its unit, and its heading in docs/methods.md."""

    name: str
    unit: str
    heading: str


LABELS = {
    "total_return": Label("Total return", "fraction", "time-weighted-return"),
    "annual_return": Label("Annual return", "fraction a year", "annual-return"),
    "annual_volatility": Label("Volatility, a year", "fraction a year", "annual-volatility"),
    "sharpe_ratio": Label("Sharpe ratio", "ratio", "sharpe-ratio"),
    "sortino_ratio": Label("Sortino ratio", "ratio", "sortino-ratio"),
    "calmar_ratio": Label("Calmar ratio", "ratio", "calmar-ratio"),
    "max_drawdown": Label("Max drawdown", "fraction", "max-drawdown"),
    "value_at_risk": Label("Value at risk", "fraction", "value-at-risk"),
    "expected_shortfall": Label("Expected shortfall", "fraction", "expected-shortfall"),
    "beta": Label("Beta", "ratio", "beta"),
    "alpha": Label("Alpha, a year", "fraction a year", "alpha"),
    "skewness": Label("Skewness", "ratio", "skewness"),
    "win_rate": Label("Days with a gain", "fraction", "win-rate"),
}

# Product policy: a figure that speaks of a year or of a tail is not shown for fewer returns than this.
MIN_OBSERVATIONS = 30
FIGURES = ("total_return", *engine.METRICS)
# A year's return is not claimed from less than a year; the others here describe only what happened.
_OF_A_YEAR = ("annual_return", "calmar_ratio")
_OF_ANY_WINDOW = ("total_return", "max_drawdown", "win_rate")
_AGAINST_BENCHMARK = ("beta", "alpha")
LEVEL = 0.95
HORIZON = 1.0


@dataclass(slots=True)
class Outcome:
    """One portfolio's figures over its window; ``problems`` holds the reason for each one that is None."""

    start: date | None = None
    end: date | None = None
    observations: int = 0
    figures: dict[str, float | None] = field(default_factory=lambda: dict.fromkeys(FIGURES))
    problems: dict[str, str] = field(default_factory=dict)


def needed(figure: str, periods: int, level: float = LEVEL) -> int:
    """How many returns a figure is shown from; ``periods`` make a year, ``level`` is that of the tail figures."""
    if figure in _OF_A_YEAR:
        return periods
    if figure in _OF_ANY_WINDOW:
        return 1
    return max(MIN_OBSERVATIONS, engine.minimum_observations(level)[figure])


def outcomes(inputs: Inputs, series: Series, *, level: float = LEVEL, horizon: float = HORIZON) -> list[Outcome]:
    """The outcome of each portfolio of ``series``, in its order.

    Value at risk and expected shortfall are at ``level`` over ``horizon`` sessions, by the square root of time.
    """
    results = [Outcome() for _ in series.rows]
    for place, problem in enumerate(series.problems):
        if problem:
            results[place].problems = dict.fromkeys(FIGURES, problem)
    benchmarks = benchmarks_of(inputs, series)
    for members in _alike(inputs, series):
        benchmark_id = inputs.portfolios[series.rows[members[0]]].benchmark_id
        shared = _Shared.of(series, members, benchmarks.get(benchmark_id or 0), level)
        table = _figures(shared, level, horizon)
        for column, place in enumerate(members):
            _keep(results[place], shared, {name: values[column] for name, values in table.items()}, column)
    return results


def benchmarks_of(inputs: Inputs, series: Series) -> dict[int, FloatArray]:
    """Returns (T,) of each benchmark that a portfolio of ``series`` has, by asset id."""
    used = {inputs.portfolios[row].benchmark_id for row in series.rows}
    return {pk: inputs.market.benchmark_returns(pk, series.base, series.grid) for pk in used if pk is not None}


@dataclass(frozen=True, slots=True)
class Observed:
    """What the figures of one portfolio are computed from: (T,) days and returns, and the benchmark's.

    ``compared`` is True on the days with a return of the benchmark; None without one. ``places`` are the days' own in
    the series.
    """

    days: NDArray[np.datetime64]
    returns: FloatArray
    benchmark: FloatArray | None
    compared: NDArray[np.bool_] | None
    periods: int
    places: NDArray[np.intp]


def observed(inputs: Inputs, series: Series) -> Observed:
    """The returns of the one portfolio of ``series``, as ``outcomes`` takes them."""
    benchmark = benchmarks_of(inputs, series).get(inputs.portfolios[series.rows[0]].benchmark_id or 0)
    shared = _Shared.of(series, np.zeros(1, np.intp), benchmark, LEVEL)
    has, places = shared.has_benchmark, np.flatnonzero(series.valid[0])
    beside, compared = shared.benchmark if has else None, shared.compared if has else None
    return Observed(shared.days, shared.returns[:, 0], beside, compared, shared.periods, places)


@dataclass(frozen=True, slots=True)
class _Shared:
    """What portfolios have in common that earned returns on the same days: (T,) days, (T, n) returns."""

    days: NDArray[np.datetime64]
    returns: FloatArray
    benchmark: FloatArray  # NaN on days without a return of it
    compared: NDArray[np.bool_]  # days with one
    has_benchmark: bool
    periods: int
    needed: Mapping[str, int]

    @classmethod
    def of(cls, series: Series, members: NDArray[np.intp], benchmark: FloatArray | None, level: float) -> Self:
        earned = series.valid[members[0]]
        days, returns = series.grid.days[earned], series.returns[members][:, earned].T
        beside = np.full(len(days), np.nan) if benchmark is None else benchmark[earned]
        periods = series.grid.periods
        enough = {name: needed(name, periods, level) for name in FIGURES}
        return cls(days, returns, beside, np.isfinite(beside), benchmark is not None, periods, enough)

    def against(self, returns: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Returns and the benchmark's on the days that have both."""
        return returns[self.compared], self.benchmark[self.compared]


def _alike(inputs: Inputs, series: Series) -> list[NDArray[np.intp]]:
    """Portfolios without a problem, grouped by benchmark and by the days on which they earned a return."""
    places = np.flatnonzero([not problem for problem in series.problems])
    if not len(places):
        return []
    benchmarks = [inputs.portfolios[row].benchmark_id or 0 for row in series.rows[places]]
    days = np.packbits(series.valid[places], axis=1)
    keys = np.hstack([days, np.array(benchmarks, np.int64)[:, np.newaxis].view(np.uint8)])
    whole = np.ascontiguousarray(keys).view(np.dtype((np.void, keys.shape[1]))).ravel()
    _, group = np.unique(whole, return_inverse=True)
    order = np.argsort(group, kind="stable")
    return np.split(places[order], np.flatnonzero(np.diff(group[order])) + 1)


def _figures(shared: _Shared, level: float, horizon: float) -> dict[str, FloatArray]:
    """Every figure (n,). A session without a benchmark return is left out of beta and alpha alone."""
    if not len(shared.days):
        return {}
    whole = bool(shared.compared.all())
    table = engine.metrics(shared.returns, shared.benchmark if whole else None, periods=shared.periods, level=level)
    if not whole and shared.compared.any():
        part = engine.metrics(*shared.against(shared.returns), periods=shared.periods)
        table |= {name: part[name] for name in _AGAINST_BENCHMARK}
    for name in ("value_at_risk", "expected_shortfall"):
        table[name] = table[name] * np.sqrt(horizon)
    return {"total_return": np.asarray(engine.total_return(shared.returns))} | table


def _keep(result: Outcome, shared: _Shared, given: Mapping[str, np.float64], column: int) -> None:
    """Keep the figures that are defined and supported by enough returns; say of the others what is wrong."""
    if not given:
        result.problems = dict.fromkeys(FIGURES, "nothing was held at the close of any session")
        return
    result.start, result.end = shared.days[0].item(), shared.days[-1].item()
    result.observations = len(shared.days)
    compared = int(shared.compared.sum())
    for name, value in given.items():
        observed = compared if name in _AGAINST_BENCHMARK else result.observations
        if name in _AGAINST_BENCHMARK and not shared.has_benchmark:
            result.problems[name] = "the portfolio has no benchmark"
        elif observed < shared.needed[name]:
            result.problems[name] = str(InsufficientData(shared.needed[name], observed))
        elif isfinite(value):
            result.figures[name] = float(value)
        else:
            result.problems[name] = _reason(name, shared, shared.returns[:, column])


def _reason(name: str, shared: _Shared, returns: FloatArray) -> str:
    """Why the engine gives no number: it says so when it is asked for that figure alone."""
    figure: Callable[..., Any] = getattr(engine, name)
    series = shared.against(returns) if name in _AGAINST_BENCHMARK else (returns,)
    try:
        figure(*series)
    except (UndefinedMetric, InsufficientData) as error:
        return str(error)
    return "it exceeds what a number can hold"
