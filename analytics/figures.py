"""The figures that are kept of each portfolio, and why one of them is empty. Pure; no Django."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from analytics.performance import Inputs, Series
from analytics.valuation import FloatArray
from analytics.windows import (
    FIGURES,
    HORIZON,
    LEVEL,
    MIN_OBSERVATIONS,
    NOTHING_HELD,
    Windows,
    benchmarks_of,
    needed,
    problem,
    windows_of,
)

__all__ = [
    "ALL_LABELS",
    "FIGURES",
    "HORIZON",
    "LABELS",
    "LEVEL",
    "MIN_OBSERVATIONS",
    "Label",
    "Outcome",
    "benchmarks_of",
    "needed",
    "outcomes",
    "since_inception",
]


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

# Of today's weights on the assets' history; the others are of the portfolio's own returns.
EX_ANTE_LABELS = {
    "ex_ante_volatility": Label("Volatility, a year", "fraction a year", "ex-ante-volatility"),
    "ex_ante_beta": Label("Beta", "ratio", "ex-ante-beta"),
    "ex_ante_value_at_risk": Label("Value at risk", "fraction", "methods-of-value-at-risk"),
    "ex_ante_expected_shortfall": Label("Expected shortfall", "fraction", "methods-of-value-at-risk"),
}

FURTHER_LABELS = {
    "best_day": Label("Best day", "fraction", "best-day"),
    "worst_day": Label("Worst day", "fraction", "worst-day"),
    "ulcer_index": Label("Ulcer index", "fraction", "ulcer-index"),
    "omega_ratio": Label("Omega ratio", "ratio", "omega-ratio"),
    "tail_ratio": Label("Tail ratio", "ratio", "tail-ratio"),
    "stability": Label("Stability", "ratio", "stability"),
    "excess_kurtosis": Label("Excess kurtosis", "ratio", "excess-kurtosis"),
    "tracking_error": Label("Tracking error, a year", "fraction a year", "tracking-error"),
    "information_ratio": Label("Information ratio, a day", "ratio", "information-ratio"),
    "r_squared": Label("R² to the benchmark", "ratio", "r-squared"),
    "up_capture": Label("Up capture", "ratio", "up-capture"),
    "down_capture": Label("Down capture", "ratio", "down-capture"),
}
ALL_LABELS = LABELS | FURTHER_LABELS


@dataclass(slots=True)
class Outcome:
    """One portfolio's figures over its window; ``problems`` holds the reason for each one that is None."""

    start: date | None = None
    end: date | None = None
    observations: int = 0
    figures: dict[str, float | None] = field(default_factory=lambda: dict.fromkeys(FIGURES))
    problems: dict[str, str] = field(default_factory=dict)


def outcomes(inputs: Inputs, series: Series, *, level: float = LEVEL, horizon: float = HORIZON) -> list[Outcome]:
    """The outcome of each portfolio of ``series`` since its inception, in its order.

    Value at risk and expected shortfall are at ``level`` over ``horizon`` sessions, by the square root of time.
    """
    found = windows_of(inputs, series, ("inception",), level=level, horizon=horizon)
    return list(since_inception(inputs, series, found, level=level))


def since_inception(inputs: Inputs, series: Series, found: Windows, *, level: float = LEVEL) -> Iterator[Outcome]:
    """The outcome of each portfolio of ``series`` from its windows, of which the last is since inception."""
    periods, names = series.grid.periods, found.names[: len(FIGURES)]
    figures, windows = found.figures[:, -1].tolist(), found.windows[:, -1]
    said: dict[tuple[int, int, bool], dict[str, str]] = {}  # the same for most portfolios
    for place, row in enumerate(series.rows.tolist()):
        start, observations, compared = windows[place].item()
        if not observations:
            yield Outcome(problems=dict.fromkeys(FIGURES, series.problems[place] or NOTHING_HELD))
            continue
        case = observations, compared, inputs.portfolios[row].benchmark_id is not None
        if case not in said:
            terms = {"periods": periods, "has_benchmark": case[2], "level": level}
            reasons = {name: problem(name, windows[place], **terms) for name in names}  # type: ignore[arg-type]
            said[case] = {name: reason for name, reason in reasons.items() if reason}
        values = {name: value if isfinite(value) else None for name, value in zip(names, figures[place], strict=False)}
        undefined = found.problems[place].get("inception", {})
        problems = said[case] | {name: undefined[name] for name in names if name in undefined}
        yield Outcome(start, found.ends[place].item(), observations, values, problems)


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
    earned, benchmark_id = series.valid[0], inputs.portfolios[series.rows[0]].benchmark_id
    beside = None if benchmark_id is None else benchmarks_of(inputs, series)[benchmark_id][earned]
    compared = None if beside is None else np.isfinite(beside)
    days, returns, periods = series.grid.days[earned], series.returns[0][earned], series.grid.periods
    return Observed(days, returns, beside, compared, periods, np.flatnonzero(earned))
