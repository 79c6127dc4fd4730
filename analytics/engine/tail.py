"""Tail risk: the loss that is rarely exceeded, and how much is lost when it is."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, floor
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from analytics.engine.parametric import (
    cornish_fisher_loss,
    cornish_fisher_shortfall,
    drawn,
    filtered,
    normal_loss,
    normal_shortfall,
)
from analytics.engine.recording import operation
from analytics.engine.simulate import Distribution
from analytics.engine.types import Figure, FloatArray, checked, root

Tail = Literal["fractional", "mean"]
Method = Literal["historical", "normal", "cornish_fisher", "ewma", "monte_carlo", "monte_carlo_t"]
METHODS: tuple[Method, ...] = get_args(Method)

Fitted = Callable[[FloatArray, float], Figure]
_FITTED: dict[str, tuple[Fitted, Fitted]] = {
    "normal": (normal_loss, normal_shortfall),
    "cornish_fisher": (cornish_fisher_loss, cornish_fisher_shortfall),
}
_NEEDED = {"normal": 2, "cornish_fisher": 4}


def value_at_risk(
    returns: ArrayLike, level: float = 0.95, horizon: float = 1, method: Method = "historical", *, seed: int = 0
) -> Figure:
    """Loss that is not exceeded with probability ``level``.

    ``historical`` is minus the (1 − level) quantile of the returns; the quantile interpolates linearly between order
    statistics (Hyndman and Fan's type 7, the default of NumPy and R). ``normal`` and ``cornish_fisher`` take the
    quantile of the normal distribution with the returns' mean and deviation, the latter moved by skewness and
    kurtosis. ``ewma`` is historical on returns scaled to the volatility of now (λ 0.94). ``monte_carlo`` and
    ``monte_carlo_t`` draw 10,000 paths of normal or Student t (5 degrees) returns with the series' mean and deviation.

    Parameters
    ----------
    returns : (T,) or (T, N)
        Simple returns per period as fractions.
    level : float
        Confidence level, 0 < level < 1.
    horizon : float
        Periods ahead. Scaled by the square root of time, as if returns were independent with mean 0; the Monte Carlo
        methods draw a whole number of periods and compound them instead.
    method : one of ``METHODS``
    seed : int
        Of the Monte Carlo methods: the same seed gives the same figure.

    Returns
    -------
    scalar or (N,)
        Loss over the horizon as a fraction, positive when money is lost; negative if even that quantile is a gain.

    Raises
    ------
    ValueError
        If a return is NaN or infinite, or ``level``, ``horizon`` or ``method`` is out of range.
    InsufficientData
        Without any return; with fewer than two for the fitted methods, four for ``cornish_fisher``.
    UndefinedMetric
        If the returns do not vary, except for ``historical``. A column of several is NaN instead.

    References
    ----------
    Jorion (2006), "Value at Risk", 3rd ed., chapter 10. Hyndman and Fan (1996), "Sample quantiles in statistical
    packages", The American Statistician 50(4).
    """
    check_level(level)
    _check_horizon(horizon)
    if method in _FITTED:
        return _FITTED[method][0](checked(returns, needed=_NEEDED[method]), level) * root(horizon)
    series, scale = _sample(returns, method, horizon, seed)
    return _loss(series, quantile_weights(len(series), level)) * scale


def expected_shortfall(
    returns: ArrayLike,
    level: float = 0.95,
    horizon: float = 1,
    tail: Tail = "fractional",
    method: Method = "historical",
    *,
    seed: int = 0,
) -> Figure:
    """Mean loss in the worst ``1 − level`` share of cases.

    Of observations, or of paths, that share is rarely a whole number. With ``tail="fractional"`` the one on its edge
    counts for the part that falls inside, which keeps the measure coherent; ``tail="mean"`` is the plain mean of the
    worst ⌊T (1 − level)⌋ observations, at least one. The methods are those of ``value_at_risk``; the fitted ones
    integrate their distribution beyond the quantile, and have no edge.

    Parameters
    ----------
    returns : (T,) or (T, N)
        Simple returns per period as fractions.
    level : float
        Confidence level, 0 < level < 1.
    horizon : float
        Periods ahead, as in ``value_at_risk``.
    tail : "fractional" or "mean"
        How the edge of the tail is counted.
    method : one of ``METHODS``
    seed : int
        Of the Monte Carlo methods.

    Returns
    -------
    scalar or (N,)
        Loss over the horizon as a fraction, positive when money is lost. Not annualised.

    Raises
    ------
    ValueError
        If a return is NaN or infinite, or ``level``, ``horizon``, ``tail`` or ``method`` is out of range.
    InsufficientData
        If the fractional tail is shorter than one observation, T (1 − level) < 1; without any return for ``"mean"``;
        otherwise as ``value_at_risk``.
    UndefinedMetric
        As ``value_at_risk``.

    References
    ----------
    Rockafellar and Uryasev (2002), "Conditional value-at-risk for general loss distributions", Journal of Banking &
    Finance 26(7), Proposition 8.
    """
    check_level(level)
    _check_horizon(horizon)
    if tail not in ("fractional", "mean"):
        raise ValueError(f'tail must be "fractional" or "mean", got {tail!r}')
    if method in _FITTED:
        return _FITTED[method][1](checked(returns, needed=_NEEDED[method]), level) * root(horizon)
    series, scale = _sample(returns, method, horizon, seed)
    if tail == "fractional":
        checked(series, needed=full_tail(level))
        return _loss(series, tail_weights(len(series), level)) * scale
    worst = max(floor(_share(len(series), level)), 1)
    return _loss(series, np.full(worst, 1.0 / worst)) * scale


def check_level(level: float) -> None:
    """Raise ``ValueError`` unless 0 < level < 1."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")


@operation("full_tail")
def full_tail(level: float) -> int:
    """How many observations it takes until the tail holds a whole one."""
    return ceil(round(1 / (1 - level), 9))


@operation("quantile_weights")
def quantile_weights(count: int, level: float) -> FloatArray:
    """Weights of the smallest order statistics, in ascending order, that make the (1 − level) quantile of type 7."""
    position = _share(count - 1, level)
    below = floor(position)
    weights = np.zeros(below + 2)
    weights[below + 1] = position - below
    weights[below] = 1.0 - weights[below + 1]
    # At a whole position (also the last one) there is no observation above to draw on.
    return weights[: below + 1] if position == below else weights


@operation("tail_weights")
def tail_weights(count: int, level: float) -> FloatArray:
    """Weights of the smallest order statistics, in ascending order, that make the mean of the fractional tail."""
    share = _share(count, level)
    weights: FloatArray = np.clip(share - np.arange(ceil(share)), 0.0, 1.0) / share
    return weights


def _share(count: int, level: float) -> float:
    # Rounded because 10 * (1 - 0.9) is 0.9999999999999998 in binary.
    return round(count * (1 - level), 12)


def _check_horizon(horizon: float) -> None:
    if not horizon > 0:
        raise ValueError(f"horizon must be positive, got {horizon}")


def _sample(returns: ArrayLike, method: Method, horizon: float, seed: int) -> tuple[FloatArray, float]:
    """The cases whose losses are put in order, and what a loss is multiplied by."""
    series = checked(returns)
    if method == "historical":
        return series, root(horizon)
    if method == "ewma":
        return filtered(series), root(horizon)
    if method in ("monte_carlo", "monte_carlo_t"):
        if horizon != int(horizon):
            raise ValueError(f"horizon must be a whole number of periods for {method}, got {horizon}")
        distribution: Distribution = "normal" if method == "monte_carlo" else "student"
        return drawn(checked(series, needed=2), int(horizon), distribution, seed), 1.0
    raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")


def _loss(series: FloatArray, weights: FloatArray) -> Figure:
    loss: Figure = -(weights @ smallest(series, len(weights)))
    return loss


@operation("smallest")
def smallest(series: FloatArray, count: int) -> FloatArray:
    """The ``count`` lowest values of each column, ascending."""
    return np.sort(np.partition(series, count - 1, axis=0)[:count], axis=0)
