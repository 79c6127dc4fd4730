"""One portfolio's ex-ante figures, computed from what it holds and how that did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from analytics.engine import Method
from analytics.ex_ante import Loss, Outlook, losses, outlook
from analytics.exposure import Exposure
from analytics.queries.exposure import exposure
from analytics.queries.facts import market_on
from analytics.valuation import FloatArray
from core.errors import DomainError
from portfolios.models import Portfolio


@dataclass(frozen=True, slots=True)
class ExAnte:
    """Ex-ante figures, or without an exposure the reason why there are none."""

    exposure: Exposure | None
    losses: list[Loss]
    outlook: Outlook | None = None
    problem: str = ""


def value_at_risk(
    portfolio: Portfolio,
    *,
    methods: Sequence[Method],
    levels: Sequence[float],
    horizons: Sequence[int],
    as_of: date | None = None,
    window: int | None = None,
) -> ExAnte:
    """Losses of today's weights by method, level and horizon. As many queries as ``exposure``."""
    try:
        held = exposure(portfolio, as_of=as_of, window=window)
    except DomainError as error:
        return ExAnte(None, [], problem=str(error))
    return ExAnte(held, losses(held, methods=methods, levels=levels, horizons=horizons))


def ex_ante(
    portfolio: Portfolio,
    *,
    methods: Sequence[Method],
    levels: Sequence[float],
    horizons: Sequence[int],
    as_of: date | None = None,
    window: int | None = None,
) -> ExAnte:
    """The same, with volatility, beta and contributions. One query more than ``exposure``."""
    found = value_at_risk(portfolio, methods=methods, levels=levels, horizons=horizons, as_of=as_of, window=window)
    if found.exposure is None:
        return found
    beside = benchmark_beside(portfolio, found.exposure, as_of)
    return ExAnte(found.exposure, found.losses, outlook(found.exposure, beside))


def benchmark_beside(portfolio: Portfolio, held: Exposure, as_of: date | None = None) -> FloatArray | None:
    """Returns (T,) of the portfolio's benchmark in its base currency on the days of ``held``; None without one.

    NaN where the benchmark has none. One query.
    """
    if portfolio.benchmark_id is None:
        return None
    market = market_on(as_of)
    grid = market.grid(frozenset(market.facts[position.asset_id].calendar for position in held.positions))
    returns = market.benchmark_returns(portfolio.benchmark_id, held.currency, grid)
    places = np.minimum(np.searchsorted(grid.days, held.days), len(grid.days) - 1)
    return np.where(grid.days[places] == held.days, returns[places], np.nan)
