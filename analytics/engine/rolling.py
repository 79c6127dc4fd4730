"""A figure over a window that moves along the series."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from analytics.engine.errors import InsufficientData
from analytics.engine.types import FloatArray, checked

# Windows are handed to the figure as columns; this many values of them at a time.
BLOCK = 1 << 20


def rolling(
    figure: Callable[..., Any],
    returns: ArrayLike,
    benchmark: ArrayLike | None = None,
    *,
    window: int = 252,
    **parameters: Any,
) -> FloatArray:
    """``figure`` of each window of ``window`` consecutive periods.

    Every window is one column of the figure's own (T, N) path: its value is what the figure gives for it alone.

    Parameters
    ----------
    figure : callable
        A function of this package that takes (T, N) returns, such as ``sharpe_ratio`` or, with a benchmark, ``beta``.
    returns : (T,)
        Simple returns per period as fractions.
    benchmark : (T,) or None
        Handed to the figure as its second argument, cut into the same windows.
    window : int
        Periods in a window, at least 2.
    parameters
        The figure's own, by keyword.

    Returns
    -------
    (T − window + 1,)
        The value of the window that ends on each period from the ``window``-th on; NaN where the figure is undefined.

    Raises
    ------
    ValueError
        If a return is NaN or infinite, the shapes do not fit, or the window is below 2.
    InsufficientData
        If the series is shorter than the window, or the window shorter than what the figure needs.
    """
    if window < 2:
        raise ValueError(f"window must be at least 2, got {window}")
    series = [checked(returns)]
    if benchmark is not None:
        series.append(checked(benchmark, name="benchmark"))
    if any(each.ndim != 1 or len(each) != len(series[0]) for each in series):
        raise ValueError("returns and benchmark must be series of one length")
    if len(series[0]) < window:
        raise InsufficientData(needed=window, got=len(series[0]))
    views = [sliding_window_view(each, window) for each in series]
    step = max(1, BLOCK // window)
    blocks = [
        np.asarray(figure(*(view[start : start + step].T for view in views), **parameters), dtype=np.float64)
        for start in range(0, len(views[0]), step)
    ]
    return np.concatenate(blocks)
