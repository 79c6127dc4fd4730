"""Value at risk and expected shortfall from a model of the returns rather than from their plain order."""

from __future__ import annotations

from math import exp, pi, sqrt

import numpy as np
from scipy.special import ndtri

from analytics.engine.moments import skewness
from analytics.engine.recording import operation
from analytics.engine.shape import excess_kurtosis
from analytics.engine.simulate import Distribution, standard_draws
from analytics.engine.types import Figure, FloatArray, defined, float_array, is_flat, root_mean_square

DECAY = 0.94  # of RiskMetrics, for daily returns
PATHS = 10_000


def normal_loss(series: FloatArray, level: float) -> Figure:
    """−μ + z·σ with z the quantile of the normal distribution at ``level`` (ddof 1)."""
    mean, deviation = _fitted(series)
    return deviation * float(ndtri(level)) - mean


def normal_shortfall(series: FloatArray, level: float) -> Figure:
    """−μ + σ φ(z) / (1 − level): the mean of the normal distribution beyond its quantile."""
    mean, deviation = _fitted(series)
    z = float(ndtri(level))
    return deviation * (exp(-z * z / 2) / sqrt(2 * pi) / (1 - level)) - mean


def cornish_fisher_loss(series: FloatArray, level: float) -> Figure:
    """−μ + z*·σ with the quantile moved by skewness and excess kurtosis.

    With z the normal quantile at 1 − level: z* = z + (z² − 1)s/6 + (z³ − 3z)k/24 − (2z³ − 5z)s²/36. Cornish and Fisher
    (1938); the form of Favre and Galeano (2002), "Mean-modified value-at-risk optimization with hedge funds", Journal
    of Alternative Investments 5(2).
    """
    mean, deviation = _fitted(series)
    return -mean - _moved(series, float(ndtri(1 - level))) * deviation


def cornish_fisher_shortfall(series: FloatArray, level: float) -> Figure:
    """The mean of the moved quantiles beyond the level, by Gauss–Legendre quadrature over the tail's probabilities."""
    mean, deviation = _fitted(series)
    nodes, weights = np.polynomial.legendre.leggauss(64)
    # p = (1 − level)·u² flattens the pole of the quantile at 0.
    u = (nodes + 1.0) / 2.0
    quantiles = [_moved(series, float(z)) for z in ndtri((1 - level) * u * u)]
    average: Figure = np.tensordot(weights * u, np.asarray(quantiles), axes=1)
    return -mean - average * deviation


@operation("ewma_filtered")
def filtered(series: FloatArray, decay: float = DECAY) -> FloatArray:
    """The returns as they would have been at the volatility forecast for the period after the last.

    rₜ·σ_{T+1}/σₜ with σ²ₜ₊₁ = λσ²ₜ + (1 − λ)r²ₜ, begun at the mean square of the whole series. Hull and White (1998),
    "Incorporating volatility updating into the historical simulation method for value-at-risk", Journal of Risk 1(1).
    """
    if not 0 < decay < 1:
        raise ValueError(f"decay must lie between 0 and 1, got {decay}")
    size = root_mean_square(series)
    variance = np.empty((len(series) + 1, *series.shape[1:]))
    variance[0] = np.square(defined(size, np.equal(size, 0), "returns do not vary"))
    for day, square in enumerate(np.square(series)):
        variance[day + 1] = decay * variance[day] + (1 - decay) * square
    return np.asarray(series * np.sqrt(variance[-1] / variance[:-1]))


def drawn(series: FloatArray, horizon: int, distribution: Distribution, seed: int) -> FloatArray:
    """10,000 random returns over ``horizon`` periods, (10000,) or (10000, N), with each series' mean and deviation."""
    mean, deviation = _fitted(series)
    growth = np.ones(())
    for step in standard_draws(horizon, PATHS, distribution=distribution, seed=seed):
        growth = growth * np.maximum(1.0 + mean + np.multiply.outer(step, deviation), 0.0)
    return float_array(growth - 1.0)


def _fitted(series: FloatArray) -> tuple[Figure, Figure]:
    mean: Figure = series.mean(axis=0)
    deviation: Figure = np.std(series, axis=0, ddof=1)
    return mean, defined(deviation, is_flat(deviation, root_mean_square(series)), "returns do not vary")


def _moved(series: FloatArray, z: float) -> Figure:
    s, k = skewness(series), excess_kurtosis(series)
    return z + (z * z - 1) * s / 6 + (z**3 - 3 * z) * k / 24 - (2 * z**3 - 5 * z) * s * s / 36
