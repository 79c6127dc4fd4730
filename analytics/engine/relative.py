"""A series beside its benchmark: how much of it the benchmark explains, and what the difference earned."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analytics.engine.ratios import beta
from analytics.engine.returns import BEYOND, annual_return, compounded
from analytics.engine.types import (
    BoolArray,
    Figure,
    FloatArray,
    beside,
    checked,
    defined,
    is_flat,
    root,
    root_mean_square,
)


def r_squared(returns: ArrayLike, benchmark: ArrayLike, risk_free: ArrayLike = 0.0) -> Figure:
    """Share of the variance that the benchmark explains: the squared correlation of the excess returns, 0 to 1.

    Takes what ``beta`` does.

    Raises
    ------
    ValueError
        If an input is NaN or infinite, or the lengths differ.
    InsufficientData
        With fewer than two returns.
    UndefinedMetric
        If the returns or the benchmark do not vary. A column of several is NaN instead.
    """
    series, market = _pair(returns, benchmark, needed=2)
    rate = beside(risk_free, series, "risk_free")
    own, own_spread = _centred(series - rate, "returns do not vary")
    its, its_spread = _centred(np.broadcast_to(market - rate, series.shape), "the benchmark does not vary")
    correlation: Figure = np.mean(own * its, axis=0) / (own_spread * its_spread)
    return correlation**2


def tracking_error(returns: ArrayLike, benchmark: ArrayLike, periods: float = 252) -> Figure:
    """Standard deviation of the active return a year, sd(r − b)·√periods (ddof 1): a fraction ≥ 0.

    Takes (T,) or (T, N) returns and a (T,) or (T, N) benchmark. Raises ``ValueError`` for NaN, infinity or differing
    lengths, ``InsufficientData`` with fewer than two returns.

    References
    ----------
    Grinold and Kahn (1999), "Active Portfolio Management", 2nd ed., chapter 3.
    """
    series, market = _pair(returns, benchmark, needed=2)
    deviation: Figure = np.std(series - market, axis=0, ddof=1)
    return deviation * root(periods)


def information_ratio(returns: ArrayLike, benchmark: ArrayLike) -> Figure:
    """Mean active return per unit of its deviation, mean(r − b) / sd(r − b) (ddof 1), per period and not annualised.

    Takes what ``tracking_error`` does; also raises ``UndefinedMetric`` if the active return does not vary (a column of
    several is NaN instead).

    References
    ----------
    Grinold and Kahn (1999), "Active Portfolio Management", 2nd ed., chapter 5.
    """
    series, market = _pair(returns, benchmark, needed=2)
    active = series - market
    deviation: Figure = np.std(active, axis=0, ddof=1)
    size = root_mean_square(series) + root_mean_square(market)
    mean: Figure = active.mean(axis=0)
    return mean / defined(deviation, is_flat(deviation, size), "active returns do not vary")


def treynor_ratio(returns: ArrayLike, benchmark: ArrayLike, risk_free: ArrayLike = 0.0, periods: float = 252) -> Figure:
    """Annual return of the excess series per unit of beta, annual_return(r − rf) / β: a fraction a year.

    Takes and raises what ``beta`` does; also undefined where beta is 0.

    References
    ----------
    Treynor (1965), "How to rate management of investment funds", Harvard Business Review 43(1).
    """
    series = checked(returns, needed=2)
    slope = beta(series, benchmark, risk_free)
    excess = series - beside(risk_free, series, "risk_free")
    return annual_return(excess, periods) / defined(slope, np.equal(slope, 0), "beta is 0")


def up_capture(returns: ArrayLike, benchmark: ArrayLike, periods: float = 252) -> Figure:
    """Annualised return over the benchmark's, both over the periods in which the benchmark gained (b > 0).

    Parameters
    ----------
    returns, benchmark : (T,) or (T, N)
        Simple returns of the same periods.
    periods : float
        Periods in a year.

    Returns
    -------
    scalar or (N,)
        1.1 gained a tenth more than the benchmark in the same periods.

    Raises
    ------
    ValueError
        If an input is NaN or infinite, or the lengths differ.
    InsufficientData
        Without any return.
    UndefinedMetric
        If the benchmark never gained, or wealth exceeds a float. A column of several is NaN instead.

    References
    ----------
    Bacon (2008), "Practical Portfolio Performance Measurement and Attribution", 2nd ed., chapter 3.
    """
    series, market = _pair(returns, benchmark)
    return _capture(series, market, market > 0, periods, "the benchmark never gained")


def down_capture(returns: ArrayLike, benchmark: ArrayLike, periods: float = 252) -> Figure:
    """Annualised return over the benchmark's, both over the periods in which the benchmark lost (b < 0).

    Takes and raises what ``up_capture`` does; 0.9 lost a tenth less than the benchmark.
    """
    series, market = _pair(returns, benchmark)
    return _capture(series, market, market < 0, periods, "the benchmark never lost")


def _pair(returns: ArrayLike, benchmark: ArrayLike, needed: int = 1) -> tuple[FloatArray, FloatArray]:
    series = checked(returns, needed=needed)
    return series, beside(checked(benchmark, needed=needed, name="benchmark"), series, "benchmark")


def _centred(series: FloatArray, flat: str) -> tuple[FloatArray, Figure]:
    centred = series - series.mean(axis=0)
    deviation = root_mean_square(centred)
    return centred, defined(deviation, is_flat(deviation, root_mean_square(series)), flat)


def _capture(series: FloatArray, market: FloatArray, counted: BoolArray, periods: float, never: str) -> Figure:
    """Growth in the counted periods alone: the others multiply by 1."""
    counted = np.broadcast_to(counted, series.shape)
    count = counted.sum(axis=0)
    years = np.where(count > 0, count, 1) / periods
    own = _growth(series, counted, years)
    its = _growth(np.broadcast_to(market, series.shape), counted, years)
    return defined(own, count == 0, never) / defined(its, (count == 0) | (its == 0), never)


def _growth(series: FloatArray, counted: BoolArray, years: FloatArray) -> Figure:
    with np.errstate(over="ignore", invalid="ignore"):
        product: Figure = np.prod(np.where(counted, 1.0 + series, 1.0), axis=0)
    final = defined(product, ~np.isfinite(product), BEYOND)
    known = defined(final, np.less(final, 0), "wealth falls below zero")
    return compounded(known, 1.0 / years)
