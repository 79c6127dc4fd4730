"""How series move together: covariance by three estimators, correlation, and who contributes how much risk."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from analytics.engine.errors import UndefinedMetric
from analytics.engine.types import FLAT, FloatArray, checked, float_array

Estimator = Literal["sample", "ewma", "ledoit_wolf"]


def covariance(returns: ArrayLike, method: Estimator = "sample", decay: float = 0.94, periods: float = 1) -> FloatArray:
    """Covariance of N series.

    ``sample`` is the unbiased one (ddof 1). ``ewma`` weights the day k days back with (1 − λ)λᵏ around a mean of 0, the
    weights scaled to sum to 1. ``ledoit_wolf`` shrinks the biased sample covariance towards a multiple of the identity,
    by the share that minimises the expected squared error.

    Parameters
    ----------
    returns : (T, N)
        Simple returns per period as fractions.
    method : "sample", "ewma" or "ledoit_wolf"
    decay : float
        λ of ``ewma``, 0 < λ < 1.
    periods : float
        1 for the covariance per period, 252 for that of a year of independent days.

    Returns
    -------
    (N, N)
        Symmetric and positive semidefinite.

    Raises
    ------
    ValueError
        If the shape is another one, a return is NaN or infinite, or ``method`` or ``decay`` is out of range.
    InsufficientData
        With fewer than two returns.

    References
    ----------
    J.P. Morgan/Reuters (1996), "RiskMetrics technical document", 4th ed. Ledoit and Wolf (2004), "A well-conditioned
    estimator for large-dimensional covariance matrices", Journal of Multivariate Analysis 88(2).
    """
    series = _matrix(returns)
    if method == "sample":
        return _sample(series) * periods
    if method == "ewma":
        return _ewma(series, decay) * periods
    if method == "ledoit_wolf":
        return _ledoit_wolf(series) * periods
    raise ValueError(f'method must be "sample", "ewma" or "ledoit_wolf", got {method!r}')


def correlation(returns: ArrayLike, method: Estimator = "sample", decay: float = 0.94) -> FloatArray:
    """Correlation of N series, the covariance of ``method`` over the product of the deviations: (N, N), −1 to 1.

    Takes and raises what ``covariance`` does; a series that does not vary has no correlation: its row and column are
    NaN. Raises ``UndefinedMetric`` if no series varies.
    """
    matrix = covariance(returns, method, decay)
    deviation = np.sqrt(np.diag(matrix))
    size = np.sqrt(np.mean(np.square(float_array(returns)), axis=0))
    flat = deviation <= FLAT * size
    if flat.all():
        raise UndefinedMetric("returns do not vary")
    spread = np.where(flat, np.nan, deviation)
    related = np.clip(matrix / spread[:, np.newaxis] / spread, -1.0, 1.0)
    return np.where(np.eye(len(matrix), dtype=bool), np.where(flat, np.nan, 1.0), related)


def risk_contributions(weights: ArrayLike, covariance: ArrayLike) -> FloatArray:
    """What each holding adds to the volatility of the whole: wᵢ(Σw)ᵢ / √(wᵀΣw). They sum to the volatility.

    Parameters
    ----------
    weights : (N,)
        Fractions of the portfolio.
    covariance : (N, N)
        Of the holdings' returns; its unit of time is that of the answer.

    Returns
    -------
    (N,)
        In the unit of the volatility; negative for a holding that lowers it.

    Raises
    ------
    ValueError
        If an input is NaN or infinite, or the shapes do not fit.
    UndefinedMetric
        If the portfolio has no variance.

    References
    ----------
    Litterman (1996), "Hot spots and hedges", Journal of Portfolio Management, special issue. Tasche (1999), "Risk
    contributions and performance measurement".
    """
    shares = checked(weights, name="weights")
    matrix = square(covariance, "covariance")
    if shares.shape != (len(matrix),):
        raise ValueError(f"weights have shape {shares.shape}, covariance has {matrix.shape}")
    marginal = matrix @ shares
    variance = shares @ marginal
    size = np.abs(shares) @ np.sqrt(np.abs(np.diag(matrix)))
    if variance <= (FLAT * size) ** 2:
        raise UndefinedMetric("the portfolio has no variance")
    return float_array(shares * marginal / np.sqrt(variance))


def square(values: ArrayLike, name: str) -> FloatArray:
    """A finite symmetric matrix (N, N), or ``ValueError``."""
    matrix = checked(values, name=name)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"{name} must have shape (N, N), got {matrix.shape}")
    if not np.allclose(matrix, matrix.T, rtol=1e-8, atol=1e-16):
        raise ValueError(f"{name} must be symmetric")
    return matrix


def _matrix(returns: ArrayLike) -> FloatArray:
    series = checked(returns, needed=2)
    if series.ndim != 2:
        raise ValueError(f"returns must have shape (T, N), got {series.shape}")
    return series


def _sample(series: FloatArray) -> FloatArray:
    centred = series - series.mean(axis=0)
    return float_array(centred.T @ centred / (len(series) - 1))


def _ewma(series: FloatArray, decay: float) -> FloatArray:
    if not 0 < decay < 1:
        raise ValueError(f"decay must lie between 0 and 1, got {decay}")
    weights = decay ** np.arange(len(series) - 1, -1, -1.0)
    weighted = series * (weights / weights.sum())[:, np.newaxis]
    return float_array(weighted.T @ series)


def _ledoit_wolf(series: FloatArray) -> FloatArray:
    days, count = series.shape
    centred = series - series.mean(axis=0)
    matrix = centred.T @ centred / days
    level = np.diag(matrix).sum() / count
    squares = centred * centred
    # d² and b̄² of the paper, both times the number of series.
    distance = np.sum(matrix * matrix) - count * level**2
    noise = (np.sum(squares.T @ squares) / days - np.sum(matrix * matrix)) / days
    share = 0.0 if distance <= 0 else np.clip(noise / distance, 0.0, 1.0)
    return float_array((1.0 - share) * matrix + share * level * np.eye(count))
