"""Returns: of prices, compounded, annualised, of weighted holdings, and time-weighted from values and flows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from analytics.engine.types import BoolArray, Figure, FloatArray, Weights, checked, defined

BEYOND = "wealth exceeds what a float can hold"


@dataclass(frozen=True, slots=True)
class TimeWeightedReturns:
    """Daily time-weighted returns and which of them count.

    ``returns`` has the shape of the values: 0 on a skipped day, NaN from the day on which the return is undefined.
    ``valid`` is True where a return was earned: statistics use ``returns[valid]``.
    """

    returns: FloatArray
    valid: BoolArray

    @property
    def undefined(self) -> BoolArray:
        """True on the days without a return because the series broke there or before."""
        return np.isnan(self.returns)


def simple_returns(prices: ArrayLike) -> FloatArray:
    """Return of each period, p(t) / p(t−1) − 1.

    Parameters
    ----------
    prices : (T,) or (T, N)
        Positive prices, one column a series.

    Returns
    -------
    (T − 1,) or (T − 1, N)
        Fractions per period.

    Raises
    ------
    ValueError
        If a price is NaN, infinite, zero or negative.
    InsufficientData
        With fewer than two prices.
    """
    series = checked(prices, needed=2, name="prices")
    if (series <= 0).any():
        raise ValueError("prices must be positive")
    return series[1:] / series[:-1] - 1.0


def cumulative_returns(returns: ArrayLike) -> FloatArray:
    """Compounded return from the start to each day, Π(1 + r) − 1: fractions, in the shape of the returns.

    Raises ``UndefinedMetric`` if wealth exceeds a float; a column of several is NaN instead.
    """
    return wealth(checked(returns)) - 1.0


def total_return(returns: ArrayLike) -> Figure:
    """Compounded return over the whole series, Π(1 + r) − 1: a fraction, the last of ``cumulative_returns``.

    Takes (T,) or (T, N) returns. Raises ``ValueError`` for NaN or infinity, ``InsufficientData`` without any return,
    ``UndefinedMetric`` if wealth exceeds a float (a column of several is NaN instead).
    """
    final: Figure = cumulative_returns(returns)[-1]
    return final


def annual_return(returns: ArrayLike, periods: float = 252) -> Figure:
    """Geometric return a year, (Π(1 + r))^(periods / T) − 1, also called CAGR.

    Parameters
    ----------
    returns : (T,) or (T, N)
        Simple returns per period as fractions.
    periods : float
        Periods in a year: 252 exchange sessions, 365 days of a market that never closes.

    Returns
    -------
    scalar or (N,)
        Fraction a year; −1 after a total loss.

    Raises
    ------
    ValueError
        If a return is NaN or infinite.
    InsufficientData
        Without any return.
    UndefinedMetric
        If wealth falls below zero on the way (a single return below −100 %), or the result exceeds a float.
        A column of several is NaN instead.

    References
    ----------
    CFA Institute, Global Investment Performance Standards (GIPS) 2020, provision 2.A.21 on geometric linking.
    """
    series = checked(returns)
    path = wealth(series)
    final: Figure = path[-1]
    return compounded(defined(final, path.min(axis=0) < 0, "wealth falls below zero"), periods / len(series))


def portfolio_returns(weights: ArrayLike | Weights, asset_returns: ArrayLike) -> FloatArray:
    """Returns of portfolios that hold fixed weights, rebalanced every period: Σ weight × asset return.

    Parameters
    ----------
    weights : (N, A), an array or a sparse ``csr_array``
        Each portfolio's weights as fractions; what is missing to 1 earns nothing (cash).
    asset_returns : (T, A)
        Simple returns of the assets.

    Returns
    -------
    (T, N)
        Simple returns, one column a portfolio, kept portfolio by portfolio in memory.

    Raises
    ------
    ValueError
        If a weight or a return is NaN or infinite, or the shapes do not fit.
    """
    shares = sparse_weights(weights)
    return product(shares, by_asset(asset_returns, shares)).T


def time_weighted_returns(values: ArrayLike, inflows: ArrayLike, outflows: ArrayLike) -> TimeWeightedReturns:
    """Daily time-weighted returns from end-of-day values and the day's gross external flows.

    With d = V(t−1) + in(t) and n = V(t) + out(t), inflows at the start and outflows at the end of the day:
    r = n / d − 1 if d > 0 and n ≥ 0; the day is skipped if d = n = 0; otherwise the return is undefined from that day.
    Before the first day the value is 0.

    Parameters
    ----------
    values, inflows, outflows : (T,) or (T, N), all of one shape
        In the base currency; flows are not negative.

    Returns
    -------
    TimeWeightedReturns
        Fractions per day in the same shape.

    Raises
    ------
    ValueError
        If an input is NaN or infinite, a flow is negative, or the shapes differ.
    InsufficientData
        Without any day.

    References
    ----------
    Bacon (2008), "Practical Portfolio Performance Measurement and Attribution", 2nd ed., chapter 2.
    """
    worth, paid_in, paid_out = _valued_days(values, inflows, outflows)
    start = paid_in + np.concatenate([np.zeros_like(worth[:1]), worth[:-1]])
    end = worth + paid_out
    earned = (start > 0) & (end >= 0)
    broken = np.logical_or.accumulate(~earned & ~((start == 0) & (end == 0)), axis=0)
    growth = np.where(earned, end, 1.0) / np.where(earned, start, 1.0)
    return TimeWeightedReturns(returns=np.where(broken, np.nan, growth - 1.0), valid=earned & ~broken)


def wealth(returns: FloatArray) -> FloatArray:
    """What one unit has become by the end of each day, Π(1 + r).

    Raises ``UndefinedMetric`` if it exceeds a float on the way; a column of several is NaN instead.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        path = np.multiply.accumulate(1.0 + returns, axis=0)
    return defined(path, ~np.isfinite(path).all(axis=0), BEYOND)  # type: ignore[return-value]  # shaped as it was


def compounded(growth: Figure, exponent: float | FloatArray) -> Figure:
    """``growth`` to a power, less one: a growth factor brought to a year. Undefined below zero and beyond a float."""
    with np.errstate(over="ignore"):
        grown = np.power(defined(growth, np.less(growth, 0), "growth is negative"), exponent)
    return defined(grown, np.isinf(grown), "growth exceeds what a float can hold") - 1.0


def sparse_weights(weights: ArrayLike | Weights) -> Weights:
    """The weights (N, A) as compressed rows: a product then costs what is held, not what is listed.

    The sum of one row is always taken in the same order, so a portfolio's figures do not depend on its neighbours.
    """
    shares = weights if isinstance(weights, csr_array) else csr_array(np.array(weights, dtype=np.float64, ndmin=2))
    if not np.isfinite(shares.data).all():
        raise ValueError("weights must not contain NaN or infinity")
    return shares


def by_asset(asset_returns: ArrayLike, weights: Weights) -> FloatArray:
    """Asset returns (T, A) as a contiguous (A, T) array, checked against the weights (N, A)."""
    assets = checked(asset_returns, name="asset_returns")
    if assets.ndim != 2 or assets.shape[1] != weights.shape[1]:
        raise ValueError(f"asset_returns has shape {assets.shape}, weights have {weights.shape}")
    return np.ascontiguousarray(assets.T)


def product(weights: Weights, assets: FloatArray) -> FloatArray:
    """Portfolio returns (N, T) of weights (N, A) on asset returns (A, T)."""
    return np.asarray(weights @ assets)


def _valued_days(
    values: ArrayLike, inflows: ArrayLike, outflows: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    worth = checked(values, name="values")
    paid_in = checked(inflows, name="inflows")
    paid_out = checked(outflows, name="outflows")
    if not worth.shape == paid_in.shape == paid_out.shape:
        raise ValueError(f"values {worth.shape}, inflows {paid_in.shape} and outflows {paid_out.shape} differ in shape")
    if (paid_in < 0).any() or (paid_out < 0).any():
        raise ValueError("inflows and outflows are gross and must not be negative")
    return worth, paid_in, paid_out
