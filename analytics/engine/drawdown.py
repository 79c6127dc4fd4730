"""Losses from the running peak."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.engine.recording import operation
from analytics.engine.returns import wealth
from analytics.engine.types import Figure, FloatArray, checked, root_mean_square


def drawdown_series(returns: ArrayLike) -> FloatArray:
    """Loss from the running peak at the end of each day; the peak starts at 1, before the first return.

    Parameters
    ----------
    returns : (T,) or (T, N)
        Simple returns per period as fractions.

    Returns
    -------
    (T,) or (T, N)
        Fractions ≤ 0; 0 on a day that ends at a peak. Below −1 only if a return below −100 % leaves a debt.

    Raises
    ------
    ValueError
        If a return is NaN or infinite.
    InsufficientData
        Without any return.
    UndefinedMetric
        If wealth exceeds a float on the way. A column of several is NaN instead.
    """
    path = wealth(checked(returns))
    peak = np.maximum(np.maximum.accumulate(path, axis=0), 1.0)
    return path / peak - 1.0


def max_drawdown(returns: ArrayLike) -> Figure:
    """Deepest loss from a running peak, the minimum of ``drawdown_series``: a fraction ≤ 0, 0 if there was no loss.

    Takes and raises what ``drawdown_series`` does.

    References
    ----------
    Magdon-Ismail and Atiya (2004), "Maximum drawdown", Risk Magazine 17(10).
    """
    deepest: Figure = drawdown_series(returns).min(axis=0)
    return deepest


def ulcer_index(returns: ArrayLike) -> Figure:
    """Root mean square of the drawdowns, √(mean(d²)): a fraction ≥ 0 that grows with depth and with duration.

    Takes and raises what ``drawdown_series`` does.

    References
    ----------
    Martin and McCann (1989), "The Investor's Guide to Fidelity Funds".
    """
    return root_mean_square(drawdown_series(returns))


@dataclass(frozen=True, slots=True)
class DrawdownPeriod:
    """One fall from a peak and the way back, by positions in the series of returns.

    ``start`` is the first period below the peak, ``trough`` the deepest, ``recovery`` the one that ends at the peak or
    above, None if none has yet. ``depth`` is a fraction < 0.
    """

    start: int
    trough: int
    recovery: int | None
    depth: float
    periods: int

    @property
    def recovered(self) -> bool:
        return self.recovery is not None


def drawdown_periods(returns: ArrayLike, top: int | None = None) -> list[DrawdownPeriod]:
    """Every drawdown of one series, the deepest first; ``periods`` counts from the start to the recovery or the end.

    Parameters
    ----------
    returns : (T,)
        Simple returns per period as fractions.
    top : int or None
        How many; None for all.

    Raises
    ------
    ValueError
        If the shape is another one, or a return is NaN or infinite.
    InsufficientData
        Without any return.
    UndefinedMetric
        If wealth exceeds a float on the way.
    """
    fall = drawdown_series(returns)
    if fall.ndim != 1:
        raise ValueError(f"returns must have shape (T,), got {fall.shape}")
    return [
        DrawdownPeriod(int(start), int(trough), None if np.isnan(back) else int(back), depth, int(periods))
        for start, trough, back, depth, periods in falls(fall)[:top].tolist()
    ]


@operation("falls")
def falls(fall: FloatArray) -> FloatArray:
    """The drawdowns (D, 5) in losses from the running peak (T,), the deepest first, of equals the earlier.

    Columns: the place of the first period below the peak, of the deepest, of the recovery (NaN without one), the depth,
    and how many periods from the first to the recovery or the end, both counted.
    """
    below = np.concatenate([[False], fall < 0, [False]])
    edges = np.flatnonzero(below[1:] != below[:-1])
    found = np.array([_period(fall, int(start), int(end)) for start, end in edges.reshape(-1, 2)]).reshape(-1, 5)
    return np.asarray(found[np.lexsort((found[:, 0], found[:, 3]))])


def _period(fall: FloatArray, start: int, end: int) -> tuple[float, ...]:
    """Of the periods from ``start`` up to, and without, ``end``, which is the recovery unless the series ends there."""
    trough = start + int(np.argmin(fall[start:end]))
    recovered = end < len(fall)
    last = end if recovered else end - 1
    return start, trough, end if recovered else np.nan, float(fall[trough]), last - start + 1
