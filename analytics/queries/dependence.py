"""How one portfolio's holdings move together, and who carries its risk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from analytics.dependence import Contributions, Correlations, contributions, correlations
from analytics.engine import Estimator
from analytics.exposure import Exposure
from analytics.queries.exposure import exposure
from analytics.queries.remembered import remembered
from portfolios.models import Portfolio


@dataclass(frozen=True, slots=True)
class Dependence:
    """What is held, how the largest of it move together, and who carries the risk."""

    held: Exposure
    related: Correlations
    parts: Contributions


def correlation(
    portfolio: Portfolio, estimator: Estimator, limit: int, *, as_of: date | None = None, window: int | None = None
) -> tuple[Exposure, Correlations]:
    """What is held, and the correlations of the ``limit`` largest holdings. Raises what ``exposure`` does, and
    UndefinedMetric when nothing varies."""

    def compute() -> tuple[Exposure, Correlations]:
        held = exposure(portfolio, as_of=as_of, window=window)
        return held, correlations(held, estimator, limit)

    return remembered(portfolio, "correlation", (estimator, limit, as_of, window), compute)


def contribution(
    portfolio: Portfolio, estimator: Estimator, *, as_of: date | None = None, window: int | None = None
) -> tuple[Exposure, Contributions]:
    """What is held, and who carries the risk. Raises what ``exposure`` does, and UndefinedMetric without variance."""

    def compute() -> tuple[Exposure, Contributions]:
        held = exposure(portfolio, as_of=as_of, window=window)
        return held, contributions(held, estimator)

    return remembered(portfolio, "contributions", (estimator, as_of, window), compute)


def dependence(
    portfolio: Portfolio, estimator: Estimator, limit: int, *, as_of: date | None = None, window: int | None = None
) -> Dependence:
    """Both, of one exposure. Raises what ``correlation`` and ``contribution`` do."""

    def compute() -> Dependence:
        held = exposure(portfolio, as_of=as_of, window=window)
        parts = contributions(held, estimator)
        return Dependence(held, correlations(held, estimator, limit), parts)

    return remembered(portfolio, "dependence", (estimator, limit, as_of, window), compute)
