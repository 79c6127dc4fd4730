"""One portfolio: its daily series, its figures computed on request, and where its prices come from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from django.db.models import Exists, OuterRef, Q
from numpy.typing import NDArray

from analytics.engine import cumulative_returns, drawdown_series
from analytics.figures import HORIZON, LEVEL, Outcome, benchmarks_of, outcomes
from analytics.performance import Inputs, Series, series_of
from analytics.queries.facts import inputs
from analytics.queries.remembered import remembered
from analytics.valuation import FloatArray
from assets.models import Asset, HistoricValue
from assets.queries import SIMULATED
from portfolios.models import Investment, Portfolio


@dataclass(frozen=True, slots=True)
class ValueSeries:
    """One portfolio's days for a chart, each (T,), over its window.

    ``values``, ``inflows`` and ``outflows`` (gross, from outside) are in the base currency. ``returns`` are the day's
    time-weighted ones, 0 on a day that earned none; ``benchmark_returns`` the benchmark's of the same days in the same
    currency, None without one or if its history begins later. ``problem`` says why the series is empty or ends early.
    """

    days: NDArray[np.datetime64]
    values: FloatArray
    returns: FloatArray
    inflows: FloatArray
    outflows: FloatArray
    benchmark_returns: FloatArray | None
    problem: str = ""

    @property
    def flows(self) -> FloatArray:
        """Net flows from outside."""
        return self.inflows - self.outflows

    @property
    def cumulative(self) -> FloatArray:
        """Compounded return from the start to each day."""
        return cumulative_returns(self.returns)

    @property
    def benchmark_cumulative(self) -> FloatArray | None:
        """The same of the benchmark."""
        return None if self.benchmark_returns is None else cumulative_returns(self.benchmark_returns)

    @property
    def drawdown(self) -> FloatArray:
        """Loss from the running peak, a fraction ≤ 0."""
        return drawdown_series(self.returns)


def risk(portfolio: Portfolio, *, as_of: date | None = None, level: float = LEVEL, horizon: float = HORIZON) -> Outcome:
    """One portfolio's figures computed now, at another level or horizon, or as of a day in the past."""

    def compute() -> Outcome:
        chunk = inputs([portfolio.pk], as_of=as_of)
        [series] = series_of(chunk)
        return outcomes(chunk, series, level=level, horizon=horizon)[0]

    return remembered(portfolio, "risk", (as_of, level, horizon), compute)


def price_source(portfolio: Portfolio) -> str:
    """ "simulated" if a price that no market made is in the portfolio's figures, else ""; one query.

    All closes of what was ever held are looked at, so what was found is kept under the versions that it follows from.
    """
    return remembered(portfolio, "price source", (), lambda: source_of(portfolio))


def source_of(portfolio: Portfolio) -> str:
    """The same, read now."""
    traded = Investment.objects.filter(portfolio=portfolio).values("asset")
    used = Asset.objects.filter(Q(pk__in=traded) | Q(pk=portfolio.benchmark_id))
    made_up = HistoricValue.objects.filter(asset=OuterRef("pk"), source=SIMULATED)
    return SIMULATED if used.filter(Exists(made_up)).exists() else ""


def series(portfolio: Portfolio, *, start: date | None = None, end: date | None = None) -> ValueSeries:
    """One portfolio's daily values and returns, since its first trade or from ``start``, to ``end`` (both included).

    At most 6 queries, and those of a price panel that lags.
    """
    return series_from(inputs([portfolio.pk], as_of=end), start=start)


def series_from(chunk: Inputs, *, start: date | None = None) -> ValueSeries:
    """The series of the one portfolio of ``chunk``."""
    [whole] = series_of(chunk)
    return value_series(chunk, whole, start=start)


def value_series(chunk: Inputs, whole: Series, *, start: date | None = None) -> ValueSeries:
    """The same where the daily series of ``chunk`` is there already; no query."""
    places = np.flatnonzero(whole.valid[0])
    if len(places) and start is not None:
        places = places[whole.grid.days[places] >= np.datetime64(start)]
    if not len(places):
        return _no_series(whole.problems[0] or "nothing was held at the close of any session")
    return _value_series(chunk, whole, slice(int(places[0]), int(places[-1]) + 1))


def _no_series(problem: str) -> ValueSeries:
    nothing = np.empty(0)
    return ValueSeries(np.empty(0, "datetime64[D]"), nothing, nothing, nothing, nothing, None, problem)


def _value_series(chunk: Inputs, whole: Series, shown: slice) -> ValueSeries:
    benchmarks = [_covering(returns[shown]) for returns in benchmarks_of(chunk, whole).values()]
    return ValueSeries(
        days=whole.grid.days[shown],
        values=whole.values[0][shown],
        returns=np.where(whole.valid[0], whole.returns[0], 0.0)[shown],
        inflows=whole.paid_in[0][shown],
        outflows=whole.paid_out[0][shown],
        benchmark_returns=benchmarks[0] if benchmarks else None,
        problem=whole.problems[0],
    )


def _covering(returns: FloatArray) -> FloatArray | None:
    """A benchmark's returns if it has one for each day. The first may lack: it then starts from that day's close."""
    if np.isnan(returns[1:]).any():
        return None
    return np.concatenate([np.nan_to_num(returns[:1]), returns[1:]])
