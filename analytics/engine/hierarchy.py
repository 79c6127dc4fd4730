"""Hierarchical risk parity: assets that move alike share what one of them would get."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from analytics.engine.dependence import square
from analytics.engine.errors import UndefinedMetric
from analytics.engine.types import FLAT, FloatArray


def hierarchical_risk_parity(covariance: ArrayLike) -> FloatArray:
    """Weights by hierarchical risk parity.

    The assets are clustered by single linkage on the distances √((1 − ρ) / 2), the leaves put in an order that keeps
    neighbours close, and the list is halved again and again: each half gets the share of the other's variance, the
    variance of a half being that of its assets weighted by the inverse of their own.

    Parameters
    ----------
    covariance : (N, N)
        Of the assets' returns. It may be singular: nothing is inverted.

    Returns
    -------
    (N,)
        Positive fractions that add up to 1.

    Raises
    ------
    ValueError
        If the covariance is NaN, infinite, not square or not symmetric.
    UndefinedMetric
        If an asset has no variance.

    References
    ----------
    López de Prado (2016), "Building diversified portfolios that outperform out of sample", Journal of Portfolio
    Management 42(4).
    """
    matrix = square(covariance, "covariance")
    variances = np.diag(matrix)
    if (variances <= FLAT * variances.max()).any():
        raise UndefinedMetric("an asset does not vary")
    weights = np.ones(len(matrix))
    parts = [leaf_order(matrix)]
    while parts:
        parts = [half for part in parts if len(part) > 1 for half in (part[: len(part) // 2], part[len(part) // 2 :])]
        for first, second in zip(parts[::2], parts[1::2], strict=True):
            one, other = _variance(matrix, first), _variance(matrix, second)
            weights[first] *= other / (one + other)
            weights[second] *= one / (one + other)
    return weights


def leaf_order(matrix: FloatArray) -> FloatArray:
    """The columns of the assets (N,), similar ones next to each other, in SciPy's order.

    That is not always the order with the very least distance between neighbours, but it is the one other libraries use.
    """
    if len(matrix) == 1:
        return np.zeros(1, dtype=np.intp)
    deviation = np.sqrt(np.diag(matrix))
    related = np.clip(matrix / deviation / deviation[:, np.newaxis], -1.0, 1.0)
    np.fill_diagonal(related, 1.0)
    distances = squareform(np.sqrt((1.0 - related) / 2.0), checks=False)
    return np.asarray(leaves_list(linkage(distances, "single", optimal_ordering=True)))


def _variance(matrix: FloatArray, part: FloatArray) -> float:
    within = matrix[np.ix_(part, part)]
    inverse = 1.0 / np.diag(within)
    shares = inverse / inverse.sum()
    return float(shares @ within @ shares)
