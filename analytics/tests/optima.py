"""Plain Python beside the optimiser: what each objective is worth, and weights that keep to its limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from analytics.engine import FloatArray

YEAR = 252


@dataclass(frozen=True, eq=False)
class Region:
    """Weights that add up to 1, between bounds, with A w <= b."""

    lower: FloatArray
    upper: FloatArray
    rows: FloatArray
    edges: FloatArray

    def corner(self, direction: FloatArray) -> FloatArray:
        found = linprog(
            -direction,
            A_ub=self.rows if len(self.rows) else None,
            b_ub=self.edges if len(self.rows) else None,
            A_eq=np.ones((1, len(direction))),
            b_eq=[1.0],
            bounds=list(zip(self.lower, self.upper, strict=True)),
        )
        assert found.status == 0, found.message
        return np.asarray(found.x)

    def draw(self, rng: np.random.Generator, count: int, near: FloatArray) -> FloatArray:
        """Mixtures of random corners, half of them pulled towards ``near`` by up to all but 0.1 %: (count, N)."""
        corners = np.array([self.corner(rng.normal(size=len(self.lower))) for _ in range(40)])
        mixed = rng.dirichlet(np.full(len(corners), 0.1), size=count) @ corners
        pull = np.where(rng.random(count) < 0.5, rng.choice([0.9, 0.99, 0.999], count), 0.0)[:, np.newaxis]
        return np.asarray(pull * near + (1 - pull) * mixed)


def cost(objective: str, weights: FloatArray, returns: FloatArray, risk_free: float = 0.0) -> FloatArray:
    """What is to be small, for each row of ``weights``; written as the textbook has it, without the engine."""
    mean, matrix = returns.mean(axis=0), np.cov(returns.T)
    variance = np.einsum("ki,ij,kj->k", weights, matrix, weights)
    if objective in ("min_variance", "target_return"):
        return np.asarray(variance * YEAR)
    if objective == "max_sharpe":
        return np.asarray(-(weights @ mean - risk_free) / np.sqrt(variance) * np.sqrt(YEAR))
    if objective == "target_volatility":
        return np.asarray(-(weights @ mean) * YEAR)
    if objective == "risk_parity":
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(variance * YEAR) / 2 - np.log(weights).mean(axis=1))
    assert objective == "min_cvar"
    return np.array([shortfall(returns @ row, 0.95) for row in weights])


def shortfall(returns: FloatArray, level: float) -> float:
    """The mean loss in the worst 1 − level of the observations, the last one in part."""
    share = len(returns) * (1 - level)
    whole = int(share + 1e-9)
    worst = np.sort(returns)
    return float(-(worst[:whole].sum() + (share - whole) * worst[whole]) / share)


def plain_clusters(matrix: FloatArray) -> list[set[int]]:
    """Every cluster of single linkage, grown by hand: at each step the two with the nearest members become one."""
    near = {
        (i, j): float(np.sqrt(max(0.0, (1 - matrix[i, j] / np.sqrt(matrix[i, i] * matrix[j, j])) / 2)))
        for i in range(len(matrix))
        for j in range(len(matrix))
    }
    clusters, found = [{i} for i in range(len(matrix))], []
    while len(clusters) > 1:
        pairs = [(one, other) for k, one in enumerate(clusters) for other in clusters[k + 1 :]]
        one, other = min(pairs, key=lambda pair: min(near[a, b] for a in pair[0] for b in pair[1]))
        clusters = [cluster for cluster in clusters if cluster not in (one, other)] + [one | other]
        found.append(one | other)
    return found


def plain_hrp(order: list[int], matrix: FloatArray) -> list[float]:
    """Hierarchical risk parity of leaves in this order, with lists and dictionaries."""
    weights = dict.fromkeys(order, 1.0)
    split(order, matrix, weights)
    return [weights[asset] for asset in range(len(order))]


def split(part: list[int], matrix: FloatArray, weights: dict[int, float]) -> None:
    if len(part) < 2:
        return
    one, other = part[: len(part) // 2], part[len(part) // 2 :]
    risks = [own_risk(half, matrix) for half in (one, other)]
    for asset in one:
        weights[asset] *= risks[1] / sum(risks)
    for asset in other:
        weights[asset] *= risks[0] / sum(risks)
    split(one, matrix, weights)
    split(other, matrix, weights)


def own_risk(part: list[int], matrix: FloatArray) -> float:
    inverse = [1 / matrix[i, i] for i in part]
    shares = [value / sum(inverse) for value in inverse]
    return float(
        sum(a * b * matrix[i, j] for i, a in zip(part, shares, strict=True) for j, b in zip(part, shares, strict=True))
    )
