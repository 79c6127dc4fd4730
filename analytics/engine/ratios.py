"""Return set against risk, and against a benchmark."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analytics.engine.drawdown import max_drawdown
from analytics.engine.moments import downside_risk
from analytics.engine.returns import annual_return, compounded
from analytics.engine.types import Figure, FloatArray, beside, checked, defined, is_flat, root, root_mean_square


def sharpe_ratio(returns: ArrayLike, risk_free: ArrayLike = 0.0, periods: float = 252) -> Figure:
    """Mean excess return per unit of its standard deviation, a year: mean(r − rf) / sd(r − rf)·√periods (ddof 1).

    Parameters
    ----------
    returns : (T,) or (T, N)
        Simple returns per period as fractions.
    risk_free : scalar, (T,) or (T, N)
        Risk-free return per period, a fraction.
    periods : float
        Periods in a year.

    Returns
    -------
    scalar or (N,)
        A pure number, per year.

    Raises
    ------
    ValueError
        If an input is NaN or infinite, or the lengths differ.
    InsufficientData
        With fewer than two returns.
    UndefinedMetric
        If the excess returns do not vary. A column of several is NaN instead.

    References
    ----------
    Sharpe (1994), "The Sharpe ratio", Journal of Portfolio Management 21(1).
    """
    series = checked(returns, needed=2)
    rate = beside(risk_free, series, "risk_free")
    excess = series - rate
    deviation: Figure = np.std(excess, axis=0, ddof=1)
    spread = defined(deviation, is_flat(deviation, _size(series, rate)), "excess returns do not vary")
    mean: Figure = excess.mean(axis=0)
    return mean / spread * root(periods)


def expanding_sharpe_ratio(returns: ArrayLike, risk_free: float = 0.0, periods: float = 252) -> FloatArray:
    """The Sharpe ratio as it was known at the end of each day: ``sharpe_ratio`` of all returns up to that day.

    Parameters
    ----------
    returns : (T,)
        Simple returns per period as fractions.
    risk_free : float
        Risk-free return per period, a fraction.
    periods : float
        Periods in a year.

    Returns
    -------
    (T,)
        Pure numbers, per year; NaN on the first day and as long as the excess returns do not vary.

    Raises
    ------
    ValueError
        If a return is NaN or infinite, or there are several series.
    InsufficientData
        Without any return.

    References
    ----------
    Welford (1962), "Note on a method for calculating corrected sums of squares and products", Technometrics 4(3): no
    digits cancel, however long the series was flat.
    """
    series = checked(returns)
    if series.ndim != 1:
        raise ValueError("returns must be one series")
    means, squares = np.empty(len(series)), np.empty(len(series))
    mean = square = 0.0
    for place, excess in enumerate((series - risk_free).tolist()):
        distance = excess - mean
        mean += distance / (place + 1)
        square += distance * (excess - mean)
        means[place], squares[place] = mean, square
    counts = np.arange(1, len(series) + 1)
    deviation = np.sqrt(squares / np.maximum(counts - 1, 1))
    size = np.sqrt(np.cumsum(np.square(series)) / counts) + abs(risk_free)
    flat = is_flat(deviation, size) | (counts < 2)
    return np.where(flat, np.nan, means / np.where(flat, 1.0, deviation) * root(periods))


def sortino_ratio(returns: ArrayLike, mar: ArrayLike = 0.0, periods: float = 252) -> Figure:
    """Mean return above a minimal acceptable one per unit of downside risk, a year.

    mean(r − mar)·periods / (√(mean(min(r − mar, 0)²))·√periods).

    Parameters
    ----------
    returns : (T,) or (T, N)
        Simple returns per period as fractions.
    mar : scalar, (T,) or (T, N)
        Minimal acceptable return per period, a fraction; the risk-free return where ratios are compared.
    periods : float
        Periods in a year.

    Returns
    -------
    scalar or (N,)
        A pure number, per year.

    Raises
    ------
    ValueError
        If an input is NaN or infinite, or the lengths differ.
    InsufficientData
        Without any return.
    UndefinedMetric
        If no return falls short of ``mar``. A column of several is NaN instead.

    References
    ----------
    Sortino and Price (1994), "Performance measurement in a downside risk framework", Journal of Investing 3(3).
    """
    series = checked(returns)
    target = beside(mar, series, "mar")
    risk = downside_risk(series, target, periods)
    no_risk = is_flat(risk, root_mean_square(series) * root(periods))
    mean: Figure = (series - target).mean(axis=0)
    return mean * periods / defined(risk, no_risk, "no return falls short of the minimal acceptable one")


def calmar_ratio(returns: ArrayLike, periods: float = 252) -> Figure:
    """Annual return per unit of the deepest drawdown, annual_return / |max_drawdown|, over the whole series.

    Parameters
    ----------
    returns : (T,) or (T, N)
        Simple returns per period as fractions.
    periods : float
        Periods in a year.

    Returns
    -------
    scalar or (N,)
        A pure number, per year.

    Raises
    ------
    ValueError
        If a return is NaN or infinite.
    InsufficientData
        Without any return.
    UndefinedMetric
        If there was no drawdown, or the annual return is undefined. A column of several is NaN instead.

    References
    ----------
    Young (1991), "Calmar ratio: a smoother tool", Futures 20(1).
    """
    deepest = max_drawdown(returns)
    return annual_return(returns, periods) / -defined(deepest, np.equal(deepest, 0), "there was no drawdown")


def beta(returns: ArrayLike, benchmark: ArrayLike, risk_free: ArrayLike = 0.0) -> Figure:
    """Sensitivity to the benchmark, cov(r − rf, b − rf) / var(b − rf): the slope of the regression on it.

    Parameters
    ----------
    returns : (T,) or (T, N)
        Simple returns per period as fractions.
    benchmark : (T,) or (T, N)
        Benchmark returns of the same periods.
    risk_free : scalar, (T,) or (T, N)
        Risk-free return per period; a constant one changes nothing.

    Returns
    -------
    scalar or (N,)
        A pure number.

    Raises
    ------
    ValueError
        If an input is NaN or infinite, or the lengths differ.
    InsufficientData
        With fewer than two returns.
    UndefinedMetric
        If the benchmark does not vary. A column of several is NaN instead.

    References
    ----------
    Sharpe (1964), "Capital asset prices", Journal of Finance 19(3).
    """
    excess, market, size = _excess(returns, benchmark, risk_free)
    return _slope(excess, market, size)


def alpha(returns: ArrayLike, benchmark: ArrayLike, risk_free: ArrayLike = 0.0, periods: float = 252) -> Figure:
    """Return a year that the benchmark does not explain: (1 + mean(r − rf − β(b − rf)))^periods − 1.

    Takes and raises what ``beta`` does; also undefined if the mean is below −100 %.

    Returns
    -------
    scalar or (N,)
        Fraction a year, annualised geometrically.

    References
    ----------
    Jensen (1968), "The performance of mutual funds in the period 1945-1964", Journal of Finance 23(2).
    """
    excess, market, size = _excess(returns, benchmark, risk_free)
    unexplained: Figure = excess.mean(axis=0) - _slope(excess, market, size) * market.mean(axis=0)
    return compounded(1.0 + unexplained, periods)


def _excess(returns: ArrayLike, benchmark: ArrayLike, risk_free: ArrayLike) -> tuple[FloatArray, FloatArray, Figure]:
    """Excess returns, excess benchmark, and the size of what the latter was taken from."""
    series = checked(returns, needed=2)
    market = beside(checked(benchmark, needed=2, name="benchmark"), series, "benchmark")
    rate = beside(risk_free, series, "risk_free")
    return series - rate, market - rate, _size(market, rate)


def _size(series: FloatArray, rate: FloatArray) -> Figure:
    # A difference is rounded in proportion to what it is taken from, however small it is itself.
    return root_mean_square(series) + np.float64(np.abs(rate).max())


def _slope(excess: FloatArray, market: FloatArray, size: Figure) -> Figure:
    centred = market - market.mean(axis=0)
    deviation = root_mean_square(centred)
    spread = defined(deviation, is_flat(deviation, size), "the benchmark does not vary")
    covariance: Figure = np.mean((excess - excess.mean(axis=0)) * centred, axis=0)
    return covariance / spread**2
