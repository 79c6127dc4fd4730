"""The shape of a distribution of returns and of the path that they make: tails, asymmetry, steadiness."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analytics.engine.types import Figure, beside, checked, defined, is_flat, root_mean_square


def excess_kurtosis(returns: ArrayLike) -> Figure:
    """Population (biased) kurtosis less that of the normal distribution, m₄ / m₂² − 3, as ``scipy.stats.kurtosis``.

    Positive for tails fatter than the normal's. Takes (T,) or (T, N) returns. Raises ``ValueError`` for NaN or
    infinity, ``InsufficientData`` with fewer than four returns, ``UndefinedMetric`` if the returns do not vary (a
    column of several is NaN instead).
    """
    series = checked(returns, needed=4)
    centred = series - series.mean(axis=0)
    deviation = root_mean_square(centred)
    spread = defined(deviation, is_flat(deviation, root_mean_square(series)), "returns do not vary")
    fourth: Figure = np.mean(np.square(centred * centred), axis=0)
    return fourth / spread**4 - 3.0


def omega_ratio(returns: ArrayLike, risk_free: ArrayLike = 0.0, threshold: float = 0.0, periods: float = 252) -> Figure:
    """Gains over losses around a threshold: Σ max(x, 0) / Σ max(−x, 0) with x = r − rf − daily threshold.

    Parameters
    ----------
    returns : (T,) or (T, N)
        Simple returns per period as fractions.
    risk_free : scalar, (T,) or (T, N)
        Risk-free return per period.
    threshold : float
        Return a year that separates gains from losses, > −1; per period (1 + threshold)^(1/periods) − 1.
    periods : float
        Periods in a year.

    Returns
    -------
    scalar or (N,)
        A pure number ≥ 0; above 1 where gains outweigh losses.

    Raises
    ------
    ValueError
        If an input is NaN or infinite, or the threshold is −1 or less.
    InsufficientData
        With fewer than two returns.
    UndefinedMetric
        If nothing falls short of the threshold. A column of several is NaN instead.

    References
    ----------
    Keating and Shadwick (2002), "A universal performance measure", Journal of Performance Measurement 6(3).
    """
    if not threshold > -1:
        raise ValueError(f"threshold must be above -1, got {threshold}")
    series = checked(returns, needed=2)
    line = (1.0 + threshold) ** (1.0 / periods) - 1.0
    beyond = series - beside(risk_free, series, "risk_free") - line
    losses: Figure = np.maximum(-beyond, 0.0).sum(axis=0)
    gains: Figure = np.maximum(beyond, 0.0).sum(axis=0)
    return gains / defined(losses, np.equal(losses, 0), "no return falls short of the threshold")


def tail_ratio(returns: ArrayLike) -> Figure:
    """Size of the best tail over that of the worst, |95th percentile| / |5th percentile| (quantiles of type 7).

    Takes (T,) or (T, N) returns. Raises ``ValueError`` for NaN or infinity, ``InsufficientData`` without any return,
    ``UndefinedMetric`` if the 5th percentile is 0 (a column of several is NaN instead).
    """
    low, high = np.abs(np.quantile(checked(returns), (0.05, 0.95), axis=0))
    ratio: Figure = high / defined(low, np.equal(low, 0), "the 5th percentile is 0")
    return ratio


def stability(returns: ArrayLike) -> Figure:
    """How straight the path of log wealth is: R² of the linear fit of Σ log(1 + r) on time, 0 to 1.

    Takes (T,) or (T, N) returns. Raises ``ValueError`` for NaN or infinity, ``InsufficientData`` with fewer than two
    returns, ``UndefinedMetric`` if wealth does not change or is lost whole (a column of several is NaN instead).
    """
    series = checked(returns, needed=2)
    lost = (series <= -1.0).any(axis=0)
    path = np.cumsum(np.log1p(np.where(lost, 0.0, series)), axis=0)
    moves = path - path.mean(axis=0)
    time = np.arange(len(series)) - (len(series) - 1) / 2
    spread = root_mean_square(moves)
    still = is_flat(spread, root_mean_square(path))
    fit: Figure = np.mean(moves.T * time, axis=-1)
    slope = fit / defined(spread, still | lost, "wealth does not change, or is lost whole")
    explained: Figure = slope**2 / np.mean(time**2)
    return explained
