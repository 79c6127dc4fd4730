"""The lowest of many rows at once, in order."""

from __future__ import annotations

import numpy as np

from analytics.engine.types import FloatArray


def lowest(rows: FloatArray, count: int) -> FloatArray:
    """The ``count`` lowest values of each row (B, T) in ascending order, (B, count); none may be NaN.

    Of about 2 × ``count`` groups of a row, the ``count``-th lowest minimum is an edge that at least ``count`` values do
    not exceed, and not many more. Only what lies below it is put in order, a fifth of the work of a selection from T.
    """
    deep = max(rows.shape[1] // (2 * count), 1)
    wide = rows.shape[1] // deep
    least = rows[:, : deep * wide].reshape(len(rows), deep, wide).min(axis=1)
    rest = rows[:, deep * wide :]
    np.minimum(least[:, : rest.shape[1]], rest, out=least[:, : rest.shape[1]])
    least.partition(count - 1, axis=1)
    edge = least[:, count - 1 : count]
    below = np.flatnonzero(rows < edge)
    known = np.diff(np.searchsorted(below, np.arange(len(rows) + 1) * rows.shape[1]))
    # What is missing to ``count`` below the edge lies on it.
    low = np.repeat(edge, max(count, int(known.max(initial=0))), axis=1)
    low[np.arange(low.shape[1]) < known[:, np.newaxis]] = rows.reshape(-1)[below]
    low.sort(axis=1)
    return low[:, :count]
