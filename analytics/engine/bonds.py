"""Yield, duration and convexity of known payments."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from analytics.engine.errors import InsufficientData, UndefinedMetric
from analytics.engine.types import FloatArray, checked

LOWEST, HIGHEST = -0.9, 10.0  # a year's yield outside is no bond's


class BondFigures(NamedTuple):
    """A bond at a price. ``yield_to_maturity`` is a year's, compounded ``frequency`` times; durations are in years."""

    yield_to_maturity: float
    macaulay_duration: float
    modified_duration: float
    convexity: float


def bond_price(rate: float, times: ArrayLike, amounts: ArrayLike, *, frequency: int = 1) -> float:
    """Present value of payments: Σ cᵢ (1 + y/f)^(−f·tᵢ).

    Parameters
    ----------
    rate : float
        y, a year's yield as a fraction, compounded ``frequency`` times a year; above −f.
    times : (K,)
        Years to each payment, not negative.
    amounts : (K,)
        The payments, in the unit of the answer.

    Raises
    ------
    ValueError
        If an input is NaN or infinite, a time is negative, the shapes differ, or the rate is −f or below.
    InsufficientData
        Without any payment.

    References
    ----------
    Fabozzi (2007), "Fixed income analysis", 2nd ed., chapter 5.
    """
    years, paid = _payments(times, amounts)
    return float(paid @ _discounts(rate, years, frequency))


def bond_yield(price: float, times: ArrayLike, amounts: ArrayLike, *, frequency: int = 1) -> float:
    """The yield at which the payments are worth ``price``, the dirty one.

    Takes and raises what ``bond_price`` does, and ``UndefinedMetric`` where no yield between −90 % and 1,000 % fits.
    """
    years, paid = _payments(times, amounts)
    if not np.isfinite(price) or price <= 0:
        raise ValueError(f"price must be above 0, got {price}")

    def excess(rate: float) -> float:
        return float(paid @ _discounts(rate, years, frequency)) - price

    if excess(LOWEST) < 0 or excess(HIGHEST) > 0:
        raise UndefinedMetric("no yield explains this price")
    return float(brentq(excess, LOWEST, HIGHEST, xtol=1e-14, rtol=1e-14, maxiter=200))


def bond_figures(price: float, times: ArrayLike, amounts: ArrayLike, *, frequency: int = 1) -> BondFigures:
    """Yield to maturity, durations and convexity at a dirty price.

    Macaulay duration = Σ tᵢ·PVᵢ / P; modified = Macaulay / (1 + y/f); convexity = Σ tᵢ(tᵢ + 1/f)·PVᵢ / (P (1 + y/f)²),
    so that ΔP/P ≈ −modified·Δy + ½·convexity·Δy². Takes and raises what ``bond_yield`` does.
    """
    rate = bond_yield(price, times, amounts, frequency=frequency)
    years, paid = _payments(times, amounts)
    present = paid * _discounts(rate, years, frequency)
    growth = 1.0 + rate / frequency
    macaulay = float(years @ present / present.sum())
    convexity = float(years * (years + 1.0 / frequency) @ present / present.sum() / growth**2)
    return BondFigures(rate, macaulay, macaulay / growth, convexity)


def _discounts(rate: float, years: FloatArray, frequency: int) -> FloatArray:
    if not np.isfinite(rate) or rate <= -frequency:
        raise ValueError(f"rate must be above {-frequency}, got {rate}")
    factors: FloatArray = (1.0 + rate / frequency) ** (-frequency * years)
    return factors


def _payments(times: ArrayLike, amounts: ArrayLike) -> tuple[FloatArray, FloatArray]:
    years, paid = checked(times, name="times"), checked(amounts, name="amounts")
    if years.ndim != 1 or years.shape != paid.shape:
        raise ValueError(f"times have shape {years.shape}, amounts {paid.shape}; both must be (K,)")
    if not len(years):
        raise InsufficientData(1, 0)
    if (years < 0).any():
        raise ValueError("a payment lies in the past")
    return years, paid
