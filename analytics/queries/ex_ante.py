"""One portfolio's ex-ante figures, computed from what it holds and how that did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from analytics.engine import Method
from analytics.ex_ante import Loss, Outlook, losses, outlook
from analytics.exposure import Exposure
from analytics.figures import EX_ANTE_LABELS
from analytics.market import Market
from analytics.queries.exposure import weighted, with_history
from analytics.queries.facts import market_on
from analytics.queries.remembered import remembered
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

    def figures(self) -> dict[str, tuple[float | None, str]]:
        """Each key of ``EX_ANTE_LABELS`` with its value, or why there is none; losses are those of the first method."""
        if self.outlook is None:
            return dict.fromkeys(EX_ANTE_LABELS, (None, self.problem))
        loss, problems = self.losses[0], self.outlook.problems
        return {
            "ex_ante_volatility": (self.outlook.volatility, problems.get("volatility", "")),
            "ex_ante_beta": (self.outlook.beta, problems.get("beta", "")),
            "ex_ante_value_at_risk": (loss.value_at_risk, loss.problem),
            "ex_ante_expected_shortfall": (loss.expected_shortfall, loss.problem),
        }


def value_at_risk(
    portfolio: Portfolio,
    *,
    methods: Sequence[Method],
    levels: Sequence[float],
    horizons: Sequence[int],
    as_of: date | None = None,
    window: int | None = None,
) -> ExAnte:
    """Losses of today's weights by method, level and horizon. As many queries as ``exposure``, one for the cache."""

    def compute() -> ExAnte:
        found = _held(portfolio, as_of, window)
        if isinstance(found, str):
            return ExAnte(None, [], problem=found)
        _, held = found
        return ExAnte(held, losses(held, methods=methods, levels=levels, horizons=horizons))

    terms = (tuple(methods), tuple(levels), tuple(horizons), as_of, window)
    return remembered(portfolio, "value at risk", terms, compute)


def ex_ante(
    portfolio: Portfolio,
    *,
    methods: Sequence[Method],
    levels: Sequence[float],
    horizons: Sequence[int],
    as_of: date | None = None,
    window: int | None = None,
) -> ExAnte:
    """The same, with volatility, beta and contributions, from the same prices. As many queries."""
    found = _held(portfolio, as_of, window)
    if isinstance(found, str):
        return ExAnte(None, [], problem=found)
    market, held = found
    seen = outlook(held, benchmark_beside(market, held, portfolio.benchmark_id))
    return ExAnte(held, losses(held, methods=methods, levels=levels, horizons=horizons), seen)


def _held(portfolio: Portfolio, as_of: date | None, window: int | None) -> tuple[Market, Exposure] | str:
    """The market and what is held with its history in it, or why there is none."""
    try:
        held = weighted(portfolio, as_of)
        market = market_on(as_of)  # later than what names its assets
        return market, with_history(market, held, window)
    except DomainError as error:
        return str(error)


def benchmark_beside(market: Market, held: Exposure, benchmark_id: int | None) -> FloatArray | None:
    """Returns (T,) of a benchmark in the base currency on the days of ``held``; None without one.

    NaN where it has none.
    """
    if benchmark_id is None:
        return None
    grid = market.grid(frozenset(market.facts[position.asset_id].calendar for position in held.positions))
    returns = market.benchmark_returns(benchmark_id, held.currency, grid)
    return returns[np.searchsorted(grid.days, held.days)]
