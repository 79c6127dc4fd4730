"""Reads for the risk engine: what is stale, the facts of a chunk as arrays, exact amounts, one portfolio's series."""

from analytics.queries.backtests import (
    BacktestInputs,
    ForecastSeries,
    Night,
    StoredBacktests,
    backtest_history,
    backtest_inputs,
    backtests_due,
    backtests_due_ids,
    forecast_series,
    plan,
    stored_backtests,
)
from analytics.queries.dependence import contribution, correlation, dependence
from analytics.queries.ex_ante import ExAnte, benchmark_beside, ex_ante, value_at_risk
from analytics.queries.exposure import exposure, exposures, weighted
from analytics.queries.facts import inputs
from analytics.queries.money import Money, money
from analytics.queries.performance import Report, report
from analytics.queries.periods import PeriodFigures, PeriodReport, figure_history, past_returns, period_report
from analytics.queries.series import ValueSeries, price_source, risk, series
from analytics.queries.versions import stale, stale_portfolio_ids, with_versions

__all__ = [
    "BacktestInputs",
    "ExAnte",
    "ForecastSeries",
    "Money",
    "Night",
    "PeriodFigures",
    "PeriodReport",
    "Report",
    "StoredBacktests",
    "ValueSeries",
    "backtest_history",
    "backtest_inputs",
    "backtests_due",
    "backtests_due_ids",
    "benchmark_beside",
    "contribution",
    "correlation",
    "dependence",
    "ex_ante",
    "exposure",
    "exposures",
    "figure_history",
    "forecast_series",
    "inputs",
    "money",
    "past_returns",
    "period_report",
    "plan",
    "price_source",
    "report",
    "risk",
    "series",
    "stale",
    "stale_portfolio_ids",
    "stored_backtests",
    "value_at_risk",
    "weighted",
    "with_versions",
]
