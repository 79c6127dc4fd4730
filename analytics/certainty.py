"""Exact amounts from floating point, where it leaves no doubt. Pure NumPy; no Django.

A product of two numbers is off by a few units in its 16th digit. Rounded to cents it is right all the same, unless it
lies that close to half a cent: whatever does is told apart, and is to be computed in decimals.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analytics.valuation import FloatArray, IntArray

# Both factors and the product, and the step to minor units, are each off by at most 2⁻⁵³ of themselves; twice that sum.
ERROR = 8 * 2.0**-53
# Amounts of up to this many minor units are summed as 64-bit integers, 900,000 of them without overflow.
LARGEST = 1e13


def minor_amounts(quantities: FloatArray, prices: FloatArray, units: FloatArray) -> tuple[IntArray, NDArray[np.bool_]]:
    """quantity × price in whole minor units, rounded halves away from zero, and whether that is certain.

    Parameters
    ----------
    quantities, prices : (E,)
        Each the float64 nearest to an exact decimal; NaN for a price that is not known.
    units : (E,)
        Minor units in one unit of the amount's currency: 100 for dollars and cents.

    Returns
    -------
    (E,) of int, (E,) of bool
        An amount that is not certain is 0.
    """
    amounts = quantities * prices * units
    with np.errstate(invalid="ignore"):
        nearest = np.rint(amounts)
        from_half = 0.5 - np.abs(amounts - nearest)
        certain = (np.abs(amounts) < LARGEST) & (from_half > ERROR * np.abs(amounts))
    return np.where(certain, nearest, 0.0).astype(np.int64), certain


def sums(rows: IntArray, amounts: IntArray, count: int) -> IntArray:
    """The sum of the amounts (E,) of each of ``count`` rows."""
    whole = np.zeros(count, np.int64)
    np.add.at(whole, rows, amounts)
    return whole
