"""Reads for the risk engine: what is stale, the facts of a chunk as arrays, exact amounts, one portfolio's series."""

from analytics.queries.exposure import exposure, exposures, weighted
from analytics.queries.facts import inputs
from analytics.queries.money import Money, money
from analytics.queries.performance import Report, report
from analytics.queries.periods import PeriodFigures, PeriodReport, figure_history, past_returns, period_report
from analytics.queries.series import ValueSeries, price_source, risk, series
from analytics.queries.versions import stale, stale_portfolio_ids, with_versions

__all__ = [
    "Money",
    "PeriodFigures",
    "PeriodReport",
    "Report",
    "ValueSeries",
    "exposure",
    "exposures",
    "figure_history",
    "inputs",
    "money",
    "past_returns",
    "period_report",
    "price_source",
    "report",
    "risk",
    "series",
    "stale",
    "stale_portfolio_ids",
    "weighted",
    "with_versions",
]
