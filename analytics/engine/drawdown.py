"""Losses from the running peak."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analytics.engine.returns import wealth
from analytics.engine.types import Figure, FloatArray, checked


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
