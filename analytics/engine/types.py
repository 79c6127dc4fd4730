"""The arrays the engine takes and gives, and the checks at its door."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from analytics.engine.errors import InsufficientData, UndefinedMetric
from analytics.engine.recording import RecordedArray

FloatArray: TypeAlias = NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]
IntArray: TypeAlias = NDArray[np.int64]
# One number for a (T,) series, one per column for (T, N).
Figure: TypeAlias = np.float64 | FloatArray
# Portfolios × assets, holding only what is held.
Weights: TypeAlias = "csr_array[np.float64, tuple[int, int]]"

# A deviation this small beside the size of the returns is rounding, not risk: the mean of a constant series is off by
# some 1e-16 of it, and dividing by that gives ratios in the billions.
FLAT = 1e-12
# No return, price or amount is larger; its fourth power, summed, is still a float.
LARGEST = 1e60


def float_array(values: ArrayLike) -> FloatArray:
    """The values as a float64 array; one that is recorded stays so."""
    return values if isinstance(values, RecordedArray) else np.asarray(values, dtype=np.float64)


def number(value: Figure | np.floating[Any]) -> float:
    """One figure as a Python float; one that is recorded stays so."""
    return value if isinstance(value, RecordedArray) else float(value)  # type: ignore[return-value]


def checked(values: ArrayLike, needed: int = 1, name: str = "returns") -> FloatArray:
    """The values as a float64 array of shape (T,) or (T, N) with T >= ``needed``, none beyond ±``LARGEST``.

    Raises
    ------
    ValueError
        If the shape is another one, a value is NaN or infinite (gaps are filled upstream, where the reason for the gap
        is known), or one is beyond ±``LARGEST``.
    InsufficientData
        If T < ``needed``.
    """
    array = float_array(values)
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} must have shape (T,) or (T, N), got {array.shape}")
    bounded(array, name)
    if len(array) < needed:
        raise InsufficientData(needed=needed, got=len(array))
    return array


def bounded(array: FloatArray, name: str) -> None:
    """Raises ``ValueError`` if a value is NaN or infinite, or beyond ±``LARGEST``."""
    if (np.abs(array) <= LARGEST).all():  # false for NaN, too
        return
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must not contain NaN or infinity")
    raise ValueError(f"{name} must lie between -{LARGEST:g} and {LARGEST:g}")


def beside(other: ArrayLike, returns: FloatArray, name: str) -> FloatArray:
    """A scalar, (T,) or (T, N) companion of the returns, checked and shaped to broadcast against them."""
    array = float_array(other)
    if array.ndim == 0:
        bounded(array, name)
        return array
    array = checked(array, name=name)
    if len(array) != len(returns):
        raise ValueError(f"{name} has {len(array)} observations, returns have {len(returns)}")
    if array.ndim == 2 and array.shape != returns.shape:
        raise ValueError(f"{name} has shape {array.shape}, returns have {returns.shape}")
    return array[:, np.newaxis] if returns.ndim > array.ndim else array


def defined(figure: Figure, undefined: np.bool_ | BoolArray, reason: str) -> Figure:
    """The figure, with NaN in the columns where it is undefined.

    Raises
    ------
    UndefinedMetric
        If there is one series only and its figure is undefined.
    """
    if np.ndim(undefined) > 0:
        return np.where(undefined, np.nan, figure)
    if undefined:
        raise UndefinedMetric(reason)
    return figure


def is_flat(deviation: Figure, size: Figure) -> np.bool_ | BoolArray:
    """Whether a deviation is nothing but rounding, given the root mean square of the series it comes from."""
    flat: np.bool_ | BoolArray = deviation <= FLAT * size
    return flat


def root(number: float) -> np.float64:
    """√number, recorded if the number is."""
    found: np.float64 = np.sqrt(number)
    return found


def root_mean_square(values: FloatArray) -> Figure:
    """√(mean(x²)) per column."""
    size: Figure = np.sqrt(np.mean(np.square(values), axis=0))
    return size
