"""Value at risk and expected shortfall from a model of the returns rather than from their plain order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import pi, sqrt
from typing import Self

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
    mean, deviation = fitted(series)
    loss: Figure = deviation * ndtri(level) - mean
    return loss


def normal_shortfall(series: FloatArray, level: float) -> Figure:
    """−μ + σ φ(z) / (1 − level): the mean of the normal distribution beyond its quantile."""
    mean, deviation = fitted(series)
    z = ndtri(level)
    loss: Figure = deviation * (np.exp(-z * z / 2) / sqrt(2 * pi) / (1 - level)) - mean
    return loss


def cornish_fisher_loss(series: FloatArray, level: float) -> Figure:
    """−μ + z*·σ with the quantile moved by skewness and excess kurtosis.

    With z the normal quantile at 1 − level: z* = z + (z² − 1)s/6 + (z³ − 3z)k/24 − (2z³ − 5z)s²/36. Cornish and Fisher
    (1938); the form of Favre and Galeano (2002), "Mean-modified value-at-risk optimization with hedge funds", Journal
    of Alternative Investments 5(2).

    For a large skewness or kurtosis the expansion turns back: it would call a smaller loss the rarer one. There the
    largest loss of the levels from one half on stands, so that the loss never falls as the level rises. Chernozhukov,
    Fernández-Val and Galichon (2010), "Rearranging Edgeworth–Cornish–Fisher expansions", Economic Theory 42(2).
    """
    mean, deviation = fitted(series)
    return -mean - Expansion.of(series).quantile(ndtri(1 - level)) * deviation


def cornish_fisher_shortfall(series: FloatArray, level: float) -> Figure:
    """The mean of the moved quantiles beyond the level, by Gauss–Legendre quadrature over the tail's probabilities."""
    mean, deviation = fitted(series)
    nodes, weights = _nodes()
    # p = (1 − level)·u² flattens the pole of the quantile at 0.
    u = (nodes + 1.0) / 2.0
    z = ndtri((1 - level) * u * u)
    beside = z if series.ndim == 1 else z[:, np.newaxis]
    average: Figure = (weights * u) @ Expansion.of(series).quantile(beside)
    return -mean - average * deviation


@cache
def _nodes() -> tuple[FloatArray, FloatArray]:
    """Nodes and weights of the quadrature; they take longer than all the rest."""
    nodes, weights = np.polynomial.legendre.leggauss(64)
    return nodes, weights


@dataclass(frozen=True, slots=True)
class Expansion:
    """Cornish and Fisher's expansion for the skewness and excess kurtosis of series: one number each, or (N,)."""

    skewness: Figure
    kurtosis: Figure

    @classmethod
    def of(cls, series: FloatArray) -> Self:
        return cls(skewness(series), excess_kurtosis(series))

    def quantile(self, z: float | FloatArray) -> Figure:
        """The quantile where the normal distribution has ``z``, a number or an array beside the series.

        Below 0 it is the least from ``z`` to 0.
        """
        lowest = np.minimum(self._at(z), self._at(np.maximum(z, 0.0)))  # where it begins, and 0 if that is below
        for turn in self._turns():
            inside = (z < turn) & (turn < 0)
            lowest = np.minimum(lowest, self._at(np.where(inside, turn, z)))
        return lowest

    def _at(self, z: float | FloatArray) -> Figure:
        s, k = self.skewness, self.kurtosis
        square = z * z
        moved: Figure = z + (square - 1) * s / 6 + (square - 3) * z * k / 24 - (2 * square - 5) * z * s * s / 36
        return moved

    def _turns(self) -> tuple[FloatArray, FloatArray]:
        """Where the slope az² + bz + c is 0; not finite where it nowhere is."""
        s, k = float_array(self.skewness), float_array(self.kurtosis)
        a, b, c = k / 8 - s * s / 6, s / 3, 1 - k / 8 + 5 * s * s / 36
        with np.errstate(invalid="ignore", divide="ignore"):
            half = -(b + np.copysign(np.sqrt(b * b - 4 * a * c), b)) / 2
            return half / a, c / half


@operation("ewma_filtered")
def filtered(series: FloatArray, decay: float = DECAY) -> FloatArray:
    """The returns as they would have been at the volatility forecast for the period after the last.

    rₜ·σ_{T+1}/σₜ with σ²ₜ₊₁ = λσ²ₜ + (1 − λ)r²ₜ, begun at the mean square of the whole series. Hull and White (1998),
    "Incorporating volatility updating into the historical simulation method for value-at-risk", Journal of Risk 1(1).
    """
    if not 0 < decay < 1:
        raise ValueError(f"decay must lie between 0 and 1, got {decay}")
    size = root_mean_square(series)
    first = np.square(defined(size, np.equal(size, 0), "returns do not vary"))[np.newaxis]
    from scipy.signal import lfilter  # takes half a second to read, and not every process filters

    later, _ = lfilter([1 - decay], [1, -decay], np.square(series), axis=0, zi=decay * first)
    variance = np.concatenate([first, later])
    return np.asarray(series * np.sqrt(variance[-1] / variance[:-1]))


def drawn(series: FloatArray, horizon: int, distribution: Distribution, seed: int) -> FloatArray:
    """10,000 random returns over ``horizon`` periods, (10000,) or (10000, N), with each series' mean and deviation."""
    mean, deviation = fitted(series)
    growth = np.ones(())
    for step in standard_draws(horizon, PATHS, distribution=distribution, seed=seed):
        growth = growth * np.maximum(1.0 + mean + np.multiply.outer(step, deviation), 0.0)
    return float_array(growth - 1.0)


def fitted(series: FloatArray) -> tuple[Figure, Figure]:
    """Mean and sample deviation; the deviation is undefined where the returns do not vary."""
    mean: Figure = series.mean(axis=0)
    deviation: Figure = np.std(series, axis=0, ddof=1)
    return mean, defined(deviation, is_flat(deviation, root_mean_square(series)), "returns do not vary")
