"""Tail risk by historical simulation: the losses that happened, in order of size."""

from __future__ import annotations

from math import ceil, floor, sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from analytics.engine.types import Figure, FloatArray, checked

Tail = Literal["fractional", "mean"]


def value_at_risk(returns: ArrayLike, level: float = 0.95, horizon: float = 1) -> Figure:
    """Loss that is not exceeded with probability ``level``.

    Minus the (1 − level) quantile of the returns, times √horizon. The quantile interpolates linearly between order
    statistics (Hyndman and Fan's type 7, the default of NumPy and R).

    Parameters
    ----------
    returns : (T,) or (T, N)
        Simple returns per period as fractions.
    level : float
        Confidence level, 0 < level < 1.
    horizon : float
        Periods ahead, scaled by the square root of time: as if returns were independent with mean 0.

    Returns
    -------
    scalar or (N,)
        Loss over the horizon as a fraction, positive when money is lost; negative if even that quantile is a gain.

    Raises
    ------
    ValueError
        If a return is NaN or infinite, or ``level`` or ``horizon`` is out of range.
    InsufficientData
        Without any return.

    References
    ----------
    Jorion (2006), "Value at Risk", 3rd ed., chapter 10. Hyndman and Fan (1996), "Sample quantiles in statistical
    packages", The American Statistician 50(4).
    """
    check_level(level)
    series = checked(returns)
    return _loss(series, quantile_weights(len(series), level), horizon)


def expected_shortfall(
    returns: ArrayLike, level: float = 0.95, horizon: float = 1, tail: Tail = "fractional"
) -> Figure:
    """Mean loss over the worst ``1 − level`` share of observations, times √horizon.

    The tail rarely holds a whole number of observations. With ``tail="fractional"`` the one on its edge counts for the
    part that falls inside, which keeps the measure coherent; ``tail="mean"`` is the plain mean of the worst
    ⌊T (1 − level)⌋ observations, at least one.

    Parameters
    ----------
    returns : (T,) or (T, N)
        Simple returns per period as fractions.
    level : float
        Confidence level, 0 < level < 1.
    horizon : float
        Periods ahead, scaled by the square root of time.
    tail : "fractional" or "mean"
        How the edge of the tail is counted.

    Returns
    -------
    scalar or (N,)
        Loss over the horizon as a fraction, positive when money is lost. Not annualised.

    Raises
    ------
    ValueError
        If a return is NaN or infinite, or ``level``, ``horizon`` or ``tail`` is out of range.
    InsufficientData
        If the fractional tail is shorter than one observation, T (1 − level) < 1; without any return for ``"mean"``.

    References
    ----------
    Rockafellar and Uryasev (2002), "Conditional value-at-risk for general loss distributions", Journal of Banking &
    Finance 26(7), Proposition 8.
    """
    check_level(level)
    if tail == "fractional":
        series = checked(returns, needed=full_tail(level))
        return _loss(series, tail_weights(len(series), level), horizon)
    if tail == "mean":
        series = checked(returns)
        worst = max(floor(_share(len(series), level)), 1)
        return _loss(series, np.full(worst, 1.0 / worst), horizon)
    raise ValueError(f'tail must be "fractional" or "mean", got {tail!r}')


def check_level(level: float) -> None:
    """Raise ``ValueError`` unless 0 < level < 1."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")


def full_tail(level: float) -> int:
    """How many observations it takes until the tail holds a whole one."""
    return ceil(round(1 / (1 - level), 9))


def quantile_weights(count: int, level: float) -> FloatArray:
    """Weights of the smallest order statistics, in ascending order, that make the (1 − level) quantile of type 7."""
    position = _share(count - 1, level)
    below = floor(position)
    weights = np.zeros(below + 2)
    weights[below + 1] = position - below
    weights[below] = 1.0 - weights[below + 1]
    # At a whole position (also the last one) there is no observation above to draw on.
    return weights[: below + 1] if position == below else weights


def tail_weights(count: int, level: float) -> FloatArray:
    """Weights of the smallest order statistics, in ascending order, that make the mean of the fractional tail."""
    share = _share(count, level)
    weights: FloatArray = np.clip(share - np.arange(ceil(share)), 0.0, 1.0) / share
    return weights


def _share(count: int, level: float) -> float:
    # Rounded because 10 * (1 - 0.9) is 0.9999999999999998 in binary.
    return round(count * (1 - level), 12)


def _loss(series: FloatArray, weights: FloatArray, horizon: float) -> Figure:
    if not horizon > 0:
        raise ValueError(f"horizon must be positive, got {horizon}")
    last = len(weights) - 1
    worst = np.sort(np.partition(series, last, axis=0)[: last + 1], axis=0)
    loss: Figure = -(weights @ worst) * sqrt(horizon)
    return loss
