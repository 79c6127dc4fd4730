"""The value at risk of each day of a history, forecast from the days before it, for many series at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike
from scipy.special import ndtri

from analytics.engine.errors import InsufficientData
from analytics.engine.order import lowest
from analytics.engine.parametric import PATHS, Expansion, filtered, fitted
from analytics.engine.simulate import Distribution, standard_draws
from analytics.engine.tail import METHODS, Method, check_level, full_tail, quantile_weights
from analytics.engine.types import Figure, FloatArray, checked

# Windows are taken together until they hold so many returns, 8 MB: fewer pay more for the calls (measured).
BLOCK = 1 << 20
_DRAWN: dict[str, Distribution] = {"monte_carlo": "normal", "monte_carlo_t": "student"}


def loss_forecasts(
    returns: ArrayLike,
    levels: Sequence[float] = (0.95,),
    *,
    window: int = 250,
    methods: Sequence[Method] = METHODS,
    seed: int = 0,
) -> dict[Method, FloatArray]:
    """``value_at_risk`` over one period, forecast for each day from the ``window`` returns before it.

    Each window is one column of what the methods compute for many series: moments, order statistics and random draws
    are taken once for all methods and levels. A forecast never sees its own day.

    Parameters
    ----------
    returns : (T,) or (T, N)
        Simple returns per period as fractions.
    levels : sequence of L floats
        Confidence levels, each 0 < level < 1.
    window : int
        Returns that a forecast is made from: at least one whole observation in the tail of the highest level, and 4.
    methods : sequence of names from ``METHODS``
    seed : int
        Of the Monte Carlo methods.

    Returns
    -------
    dict of (L, T − window) or (L, T − window, N)
        One array for each method: the forecast for day ``window`` and each later one, a positive loss as a fraction.
        NaN where a method gives no figure, because the returns of the window do not vary.

    Raises
    ------
    ValueError
        If a return is NaN or infinite, or a parameter is out of range.
    InsufficientData
        If the series is not longer than the window, or the window too short for a level.

    References
    ----------
    Christoffersen (2012), "Elements of Financial Risk Management", 2nd ed., chapter 13, on backtests out of sample.
    """
    series = checked(returns, needed=window + 1)
    _check(levels, window, methods)
    columns = series.reshape(len(series), -1)
    windows = sliding_window_view(columns, window, axis=0)[:-1]  # (D, N, window)
    days, count = windows.shape[:2]
    forecasts = {method: np.empty((len(levels), days, count)) for method in methods}
    drawn = {method: _draws(method, seed) for method in methods if method in _DRAWN}
    step = max(1, BLOCK // (window * days))
    for start in range(0, count, step):
        block = np.ascontiguousarray(windows[:, start : start + step])
        losses = _losses(block.reshape(-1, window), levels, methods, drawn)
        for method, values in losses.items():
            forecasts[method][:, :, start : start + step] = values.reshape(len(levels), days, -1)
    return {method: values.reshape(len(levels), days, *series.shape[1:]) for method, values in forecasts.items()}


def _check(levels: Sequence[float], window: int, methods: Sequence[Method]) -> None:
    for level in levels:
        check_level(level)
    if not levels or not set(methods) <= set(METHODS):
        raise ValueError(f"levels must not be empty, and methods be some of {', '.join(METHODS)}")
    needed = max(4, *(full_tail(level) for level in levels))
    if window < needed:
        raise InsufficientData(needed=needed, got=window)


def _losses(
    rows: FloatArray, levels: Sequence[float], methods: Sequence[Method], drawn: dict[Method, FloatArray]
) -> dict[Method, FloatArray]:
    """The losses (L, C) of C windows, each a row of ``rows`` (C, window)."""
    series = rows.T
    losses: dict[Method, FloatArray] = {}
    mean, deviation = fitted(series)
    tails = ndtri(1 - np.asarray(levels))
    for method in methods:
        if method == "historical":
            losses[method] = _ordered(rows, levels)
        elif method == "ewma":
            losses[method] = _ordered(np.ascontiguousarray(filtered(np.ascontiguousarray(series)).T), levels)
        elif method in drawn:
            losses[method] = np.stack([_simulated(mean, deviation, drawn[method], level) for level in levels])
        elif method == "normal":
            losses[method] = -mean - np.multiply.outer(tails, deviation)
        else:
            expansion = Expansion.of(series)
            losses[method] = -mean - np.stack([expansion.quantile(float(z)) for z in tails]) * deviation
    return losses


def _ordered(rows: FloatArray, levels: Sequence[float]) -> FloatArray:
    """The losses (L, C) at the quantiles of each row; only the worst returns are sorted."""
    weights = [quantile_weights(rows.shape[1], level) for level in levels]
    most = max(len(each) for each in weights)
    worst = lowest(rows, most)
    return np.stack([-(worst[:, : len(each)] @ each) for each in weights])


def _draws(method: Method, seed: int) -> FloatArray:
    """The standard draws of a method, the worst first."""
    return np.sort(standard_draws(1, PATHS, distribution=_DRAWN[method], seed=seed)[0])


def _simulated(mean: Figure, deviation: Figure, draws: FloatArray, level: float) -> FloatArray:
    """What simulating each window gives: the order of the paths is that of their draws, whatever mean and deviation."""
    weights = quantile_weights(len(draws), level)
    used = np.flatnonzero(weights)
    paths = np.maximum(mean + np.multiply.outer(draws[used], deviation), -1.0)
    return np.asarray(-(weights[used] @ paths))
