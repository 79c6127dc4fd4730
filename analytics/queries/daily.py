"""The days of one portfolio, or of several together, once for all that a page draws from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from analytics.history import Past
from analytics.performance import Inputs, Series, series_of
from analytics.period_returns import Stored
from analytics.queries.combined import together
from analytics.queries.facts import inputs
from analytics.queries.periods import PeriodReport, past_from
from analytics.queries.remembered import remembered, remembered_together
from analytics.queries.series import ValueSeries, source_of, value_series
from portfolios.models import Portfolio


@dataclass(frozen=True, eq=False, slots=True)
class Daily:
    """The same days twice: with values and flows for a chart, and as the returns that periods are made of.

    ``source`` is "simulated" if a price that no market made is in them: of one portfolio, and "" of several.
    """

    values: ValueSeries
    past: Past
    source: str = ""


def daily(portfolio: Portfolio, *, as_of: date | None = None) -> Daily:
    """One portfolio's days up to ``as_of``; at most 11 queries, and those of a price panel that lags."""

    def compute() -> Daily:
        return replace(_daily(inputs([portfolio.pk], as_of=as_of)), source=source_of(portfolio))

    return remembered(portfolio, "daily", (as_of,), compute)


def daily_together(portfolios: Sequence[Portfolio], currency: str, *, as_of: date | None = None) -> Daily:
    """The days of ``portfolios`` as if they were one, in ``currency`` and without a benchmark; at most 11 queries.

    ``portfolios`` are not empty. What moves between two of them is no flow.
    """
    return remembered_together(
        portfolios, "daily", (currency, as_of), lambda: _daily(together(portfolios, currency, as_of=as_of))
    )


def stored_periods(report: PeriodReport) -> dict[str, Stored]:
    """The returns of the periods that are old enough, by key."""
    return {
        row.key: Stored(row.start, row.end, row.figures["total_return"], row.figures["annual_return"])
        for row in report.rows
        if row.start is not None and row.end is not None
    }


def _daily(chunk: Inputs) -> Daily:
    series: Series
    [series] = series_of(chunk)
    return Daily(value_series(chunk, series), past_from(chunk, series))
