"""Running products and peaks of many rows at once.

Each number of a running total waits for the one before it, some ten cycles in NumPy. So a row is cut into pieces of
``LANES`` returns in a row, and all pieces of all rows take a step together: lane r holds the r-th return of each piece.
"""

from __future__ import annotations

import numpy as np

from analytics.engine.types import FloatArray

# More lanes leave fewer pieces to be joined, and take more calls (measured: 8 to 20 are alike).
LANES = 8


def pieces(observations: int) -> int:
    """How many pieces a row is cut into."""
    return -(-observations // LANES)


def to_lanes(rows: FloatArray, lanes: FloatArray) -> FloatArray:
    """1 + each of the rows (B, T), put into ``lanes`` (LANES, B, C); 1 for what the first piece lacks at its front."""
    first, opening = _first_piece(rows, lanes)
    lanes[:, :, 0] = 1.0
    first += rows[:, :opening]
    np.add(rows[:, opening:].reshape(len(rows), -1, LANES), 1.0, out=lanes.transpose(1, 2, 0)[:, 1:])
    return lanes


def from_lanes(lanes: FloatArray, rows: FloatArray) -> FloatArray:
    """The rows (B, T) of ``lanes``, written to ``rows``."""
    first, opening = _first_piece(rows, lanes)
    rows[:, :opening] = first
    np.copyto(rows[:, opening:].reshape(len(rows), -1, LANES), lanes.transpose(1, 2, 0)[:, 1:])
    return rows


def accumulate(step: np.ufunc, lanes: FloatArray, out: FloatArray) -> FloatArray:
    """The running ``step``, which must be associative, over each row of ``lanes``, from 1 on, in ``out``; it may be the
    same memory."""
    out[0] = lanes[0]
    for place in range(1, len(lanes)):
        step(out[place - 1], lanes[place], out=out[place])
    carried = np.ones_like(out[0])
    carried[:, 1:] = out[-1, :, :-1]
    step.accumulate(carried, axis=1, out=carried)
    return np.asarray(step(out, carried, out=out))


def _first_piece(rows: FloatArray, lanes: FloatArray) -> tuple[FloatArray, int]:
    """The lanes of the returns in the first piece (B, opening), and how many these are."""
    opening = rows.shape[1] - LANES * (lanes.shape[2] - 1)
    return lanes[LANES - opening :, :, 0].T, opening
