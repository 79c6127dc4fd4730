"""How what is held moves together, and who carries how much of the risk. Pure NumPy; no Django."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analytics import engine
from analytics.engine import Estimator
from analytics.exposure import Exposure, Position
from analytics.valuation import FloatArray

LARGEST_HOLDINGS = 30  # of which correlations are told
ESTIMATORS: dict[Estimator, str] = {"sample": "Sample", "ewma": "EWMA, λ 0.94", "ledoit_wolf": "Ledoit–Wolf"}


@dataclass(frozen=True, slots=True)
class Contribution:
    """One holding's, or a group's, part of the volatility. ``volatility`` and ``contribution`` are a year's, as
    fractions; ``share`` is the contribution over the volatility of the whole. A group has no volatility of its own."""

    name: str
    weight: float
    volatility: float | None
    contribution: float
    share: float
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Contributions:
    """Who carries the risk, the largest first; the contributions add up to ``volatility``, a year's.

    ``diversification`` is Σ|w|σ over the volatility: 1 where nothing is gained by holding several.
    """

    volatility: float
    diversification: float
    holdings: tuple[Contribution, ...]
    sectors: tuple[Contribution, ...]


def contributions(held: Exposure, estimator: Estimator = "sample") -> Contributions:
    """Raises UndefinedMetric when the portfolio has no variance."""
    matrix = engine.covariance(held.returns, estimator, periods=held.periods)
    parts = engine.risk_contributions(held.weights, matrix)
    deviations = np.sqrt(np.diag(matrix))
    volatility = float(parts.sum())
    rows = [
        Contribution(
            position.symbol,
            float(held.weights[place]),
            float(deviations[place]),
            float(parts[place]),
            float(parts[place]) / volatility,
            position,
        )
        for place, position in enumerate(held.positions)
    ]
    spread = float(np.abs(held.weights) @ deviations) / volatility
    return Contributions(volatility, spread, _largest(rows), _largest(_sectors(rows)))


def _sectors(rows: Iterable[Contribution]) -> list[Contribution]:
    groups: dict[str, list[Contribution]] = defaultdict(list)
    for row in rows:
        groups[(row.position.sector if row.position else "") or "Unclassified"].append(row)
    return [
        Contribution(
            name,
            sum(row.weight for row in found),
            None,
            sum(row.contribution for row in found),
            sum(row.share for row in found),
        )
        for name, found in groups.items()
    ]


def _largest(rows: Iterable[Contribution]) -> tuple[Contribution, ...]:
    return tuple(sorted(rows, key=lambda row: (-row.contribution, row.name)))


@dataclass(frozen=True, slots=True)
class Correlations:
    """The correlation (n, n) of the n largest holdings, the heaviest first; NaN where a series does not vary.

    ``average`` is that of all pairs, weighted by neither size nor sign; None with fewer than two that vary.
    """

    positions: tuple[Position, ...]
    matrix: FloatArray
    average: float | None


def correlations(held: Exposure, estimator: Estimator = "sample", limit: int = LARGEST_HOLDINGS) -> Correlations:
    """Raises UndefinedMetric when none of the series varies."""
    shown = largest(held, limit)
    matrix = engine.correlation(shown.returns, estimator)
    average = average_of(matrix)
    return Correlations(shown.positions, matrix, None if average is None else float(average))


def largest(held: Exposure, limit: int) -> Exposure:
    """The ``limit`` largest holdings, the heaviest first."""
    order = np.argsort(-np.abs(held.weights), kind="stable")[:limit]
    positions = tuple(held.positions[place] for place in order)
    return replace(held, positions=positions, weights=held.weights[order], returns=held.returns[:, order])


def average_of(matrix: FloatArray) -> Any:
    """The mean of the correlations (N, N) of all pairs that have one; None without any."""
    pairs = matrix[np.triu(np.ones(matrix.shape, bool), 1)]
    known = pairs[np.isfinite(pairs)]
    return known.mean() if len(known) else None
