"""The figures of the risk page: the engine's functions on the portfolio's own returns, and on the benchmark's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from math import isfinite
from typing import Any

import numpy as np

from analytics import engine
from analytics.engine.recording import RecordedArray
from analytics.figures import ALL_LABELS, Observed, observed
from analytics.market import DAYS_A_YEAR
from analytics.performance import Inputs, Series, series_of
from analytics.queries.explain.market import benchmark_given
from analytics.queries.explain.register import Explained, NoFigure, Question, Result, register
from analytics.queries.facts import inputs
from analytics.windows import AGAINST_BENCHMARK, NOTHING_HELD, YOUNGER, problem, windows_of
from portfolios.book.performance import period_start
from portfolios.queries.performance import PeriodEmpty

PERIOD = ("as_of", "start", "period")
RETURN = "(value + paid_out) / (value_before + paid_in) - 1"


@dataclass(frozen=True, slots=True)
class Given:
    """The recorded inputs of a risk figure."""

    returns: Any  # (T,)
    compared: Any  # (K,) those of the days on which the benchmark has one, too
    benchmark: Any  # (K,)
    periods: Any
    level: Any
    horizon: Any


Call = Callable[[Given], Any]
CALLS: dict[str, Call] = {
    "total_return": lambda given: engine.total_return(given.returns),
    "annual_return": lambda given: engine.annual_return(given.returns, given.periods),
    "annual_volatility": lambda given: engine.annual_volatility(given.returns, given.periods),
    "sharpe_ratio": lambda given: engine.sharpe_ratio(given.returns, periods=given.periods),
    "sortino_ratio": lambda given: engine.sortino_ratio(given.returns, periods=given.periods),
    "calmar_ratio": lambda given: engine.calmar_ratio(given.returns, given.periods),
    "max_drawdown": lambda given: engine.max_drawdown(given.returns),
    "value_at_risk": lambda given: engine.value_at_risk(given.returns, given.level, given.horizon),
    "expected_shortfall": lambda given: engine.expected_shortfall(given.returns, given.level, given.horizon),
    "beta": lambda given: engine.beta(given.compared, given.benchmark),
    "alpha": lambda given: engine.alpha(given.compared, given.benchmark, periods=given.periods),
    "skewness": lambda given: engine.skewness(given.returns),
    "win_rate": lambda given: engine.win_rate(given.returns),
    "best_day": lambda given: engine.best_day(given.returns),
    "worst_day": lambda given: engine.worst_day(given.returns),
    "ulcer_index": lambda given: engine.ulcer_index(given.returns),
    "omega_ratio": lambda given: engine.omega_ratio(given.returns, periods=given.periods),
    "tail_ratio": lambda given: engine.tail_ratio(given.returns),
    "stability": lambda given: engine.stability(given.returns),
    "excess_kurtosis": lambda given: engine.excess_kurtosis(given.returns),
    "tracking_error": lambda given: engine.tracking_error(given.compared, given.benchmark, given.periods),
    "information_ratio": lambda given: engine.information_ratio(given.compared, given.benchmark),
    "r_squared": lambda given: engine.r_squared(given.compared, given.benchmark),
    "up_capture": lambda given: engine.up_capture(given.compared, given.benchmark, given.periods),
    "down_capture": lambda given: engine.down_capture(given.compared, given.benchmark, given.periods),
}
TAIL = ("value_at_risk", "expected_shortfall")


def _explained(key: str) -> Explained:
    label = ALL_LABELS[key]
    takes = (*PERIOD, "level", "horizon") if key in TAIL else PERIOD

    def compute(question: Question) -> Result:
        return _result(key, question)

    return Explained(key, label.name, label.unit, "ex-post", label.heading, compute, takes)


def _result(key: str, question: Question) -> Result:
    chunk = inputs([question.portfolio.pk], as_of=question.as_of)
    [series] = series_of(chunk)
    series = _within(series, question)
    reason = _problem(key, question, chunk, series)
    if reason:
        raise NoFigure(reason)
    found = observed(chunk, series)
    given = _given(question, chunk, series, found)
    days = found.days[found.compared] if key in AGAINST_BENCHMARK and found.compared is not None else found.days
    tail = (("level", question.level), ("horizon", question.horizon)) if key in TAIL else ()
    end: date = found.days[-1].item()
    return Result(CALLS[key](given), question.as_of or end, days[0].item(), days[-1].item(), len(days), tail)


def _problem(key: str, question: Question, chunk: Inputs, series: Series) -> str:
    """Why the returns of ``series`` have no figure of this name, as it is told where figures are shown; "" for one."""
    found = windows_of(chunk, series, ("inception",), level=question.level, horizon=question.horizon)
    if isfinite(found.figures[0, 0, found.names.index(key)]):
        return ""
    window, has_benchmark = found.windows[0, 0], question.portfolio.benchmark_id is not None
    if not window["observations"]:
        return series.problems[0] or NOTHING_HELD
    told = problem(key, window, periods=series.grid.periods, has_benchmark=has_benchmark, level=question.level)
    return told or found.problems[0].get("inception", {}).get(key, "not defined")


def _within(series: Series, question: Question) -> Series:
    """The returns after the close of the period's first day; all without one."""
    days = series.grid.days[series.valid[0]]
    if not len(days) or not (question.start or question.period):
        return series
    start = question.start or _start(question.period, days, series.opened[0])
    end = question.as_of or days[-1].item()
    if start >= end:
        raise PeriodEmpty(
            "The period from {start} to {end} is empty: its end must be later than its start.", start=start, end=end
        )
    kept = series.valid & (series.grid.days > np.datetime64(start))
    if not kept.any():
        raise NoFigure("no return was earned in this period")
    return replace(series, valid=kept)


def _start(period: str, days: Any, opened: Any) -> date:
    """The day at whose close a period begins that ends with the last of ``days``."""
    inception = (opened - np.timedelta64(1, "D")).item()
    previous = days[-2].item() if len(days) > 1 else inception
    start = period_start(period, days[-1].item(), inception, previous)
    if start < inception:
        raise NoFigure(YOUNGER)
    return start


def _given(question: Question, chunk: Inputs, series: Series, found: Observed) -> Given:
    source = source_of_returns(series, found)
    returns = RecordedArray.given(found.returns, "r: daily time-weighted returns", source)
    compared = benchmark = None
    if found.benchmark is not None and found.compared is not None and found.compared.any():
        shown = {name: _chosen(column, found.compared) for name, column in source.items()}
        compared = RecordedArray.given(found.returns[found.compared], "r: returns on the benchmark's days", shown)
        benchmark = _benchmark(question, chunk, series, found)
    calendar = "days" if found.periods == DAYS_A_YEAR else "sessions"
    return Given(
        returns,
        compared,
        benchmark,
        RecordedArray.given(found.periods, "periods a year", {"kind": "convention", "what": f"{calendar} in a year"}),
        RecordedArray.given(question.level, "level", {"kind": "parameter"}),
        RecordedArray.given(question.horizon, "horizon in sessions", {"kind": "parameter"}),
    )


def source_of_returns(series: Series, found: Observed) -> dict[str, Any]:
    """Where each return comes from: the day's value, the one before, and what crossed the border."""
    places, values = found.places, series.values[0]
    before = np.concatenate([[0.0], values[:-1]])
    return {
        "kind": "returns",
        "formula": RETURN,
        "days": np.datetime_as_string(found.days).tolist(),
        "value_before": before[places].tolist(),
        "value": values[places].tolist(),
        "paid_in": series.paid_in[0][places].tolist(),
        "paid_out": series.paid_out[0][places].tolist(),
        "each_value": "total_value",
    }


def _benchmark(question: Question, chunk: Inputs, series: Series, found: Observed) -> Any:
    """The benchmark's returns of the compared days, each with the closes and rates behind it; one query."""
    asset = question.portfolio.benchmark
    if asset is None or found.benchmark is None or found.compared is None:
        return None
    places = found.places[found.compared]
    return benchmark_given(asset, chunk.market, series.base, series.grid, places)


def _chosen(column: Any, chosen: Any) -> Any:
    return [value for value, keep in zip(column, chosen, strict=True) if keep] if isinstance(column, list) else column


register(*(_explained(key) for key in CALLS))
