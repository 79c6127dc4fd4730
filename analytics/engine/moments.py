"""How returns spread: volatility, downside risk, skewness, and how often they gain."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analytics.engine.types import Figure, beside, checked, defined, is_flat, root, root_mean_square


def annual_volatility(returns: ArrayLike, periods: float = 252) -> Figure:
    """Standard deviation a year, sd(r)·√periods, with the sample standard deviation (ddof 1).

    Parameters
    ----------
    returns : (T,) or (T, N)
        Simple returns per period as fractions.
    periods : float
        Periods in a year.

    Returns
    -------
    scalar or (N,)
        Fraction a year, ≥ 0.

    Raises
    ------
    ValueError
        If a return is NaN or infinite.
    InsufficientData
        With fewer than two returns.
    """
    deviation: Figure = np.std(checked(returns, needed=2), axis=0, ddof=1)
    return deviation * root(periods)


def downside_risk(returns: ArrayLike, mar: ArrayLike = 0.0, periods: float = 252) -> Figure:
    """Semideviation below a minimal acceptable return a year, √(mean(min(r − mar, 0)²))·√periods.

    Parameters
    ----------
    returns : (T,) or (T, N)
        Simple returns per period as fractions.
    mar : scalar, (T,) or (T, N)
        Minimal acceptable return per period, a fraction.
    periods : float
        Periods in a year.

    Returns
    -------
    scalar or (N,)
        Fraction a year, ≥ 0; all T observations are in the mean, also those above ``mar``.

    Raises
    ------
    ValueError
        If an input is NaN or infinite, or the lengths differ.
    InsufficientData
        Without any return.

    References
    ----------
    Sortino and Price (1994), "Performance measurement in a downside risk framework", Journal of Investing 3(3).
    """
    series = checked(returns)
    shortfall = np.minimum(series - beside(mar, series, "mar"), 0.0)
    return root_mean_square(shortfall) * root(periods)


def skewness(returns: ArrayLike) -> Figure:
    """Population (biased) skewness, m₃ / m₂^1.5 with mₖ = mean((r − mean(r))ᵏ), as ``scipy.stats.skew``.

    Parameters
    ----------
    returns : (T,) or (T, N)
        Simple returns per period as fractions.

    Returns
    -------
    scalar or (N,)
        A pure number, negative when the long tail is on the side of losses.

    Raises
    ------
    ValueError
        If a return is NaN or infinite.
    InsufficientData
        With fewer than three returns: the skewness of two is always 0.
    UndefinedMetric
        If the returns do not vary. A column of several is NaN instead.
    """
    series = checked(returns, needed=3)
    centred = series - series.mean(axis=0)
    deviation = root_mean_square(centred)
    spread = defined(deviation, is_flat(deviation, root_mean_square(series)), "returns do not vary")
    third: Figure = np.mean(centred**2 * centred, axis=0)
    return third / spread**3


def win_rate(returns: ArrayLike) -> Figure:
    """Share of periods with a gain, r > 0, among all periods: a fraction from 0 to 1.

    A period without change is in the count and is no gain.
    Raises ``ValueError`` if a return of (T,) or (T, N) is NaN or infinite, ``InsufficientData`` without any return.
    """
    gains: Figure = np.mean(checked(returns) > 0, axis=0)
    return gains


def best_day(returns: ArrayLike) -> Figure:
    """The highest return of a period, max(r): a fraction. Takes and raises what ``win_rate`` does."""
    highest: Figure = np.max(checked(returns), axis=0)
    return highest


def worst_day(returns: ArrayLike) -> Figure:
    """The lowest return of a period, min(r): a fraction. Takes and raises what ``win_rate`` does."""
    lowest: Figure = np.min(checked(returns), axis=0)
    return lowest
