"""Factor models: exposures by least squares, and what risk and return follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr

from analytics.engine.dependence import square
from analytics.engine.errors import UndefinedMetric
from analytics.engine.recording import operation, plain_array
from analytics.engine.types import BoolArray, FloatArray, checked, float_array, number

# Singular values of the standardised factors below this share of the greatest: they say the same thing twice.
COLLINEAR = 1e-10


@dataclass(frozen=True, slots=True)
class Regression:
    """Exposures of N series to K factors.

    ``alpha`` (N,) per period, ``betas`` (K, N); their standard errors, t statistics and two-sided p-values in the same
    shapes; ``residuals`` (T, N); ``r_squared`` (N,), NaN for a series that does not vary; ``lags`` of the standard
    errors, None for the classical ones. Series of one dimension give scalars and (K,), (T,).
    """

    alpha: FloatArray
    betas: FloatArray
    alpha_error: FloatArray
    beta_errors: FloatArray
    alpha_t: FloatArray
    beta_t: FloatArray
    alpha_p: FloatArray
    beta_p: FloatArray
    r_squared: FloatArray
    adjusted_r_squared: FloatArray
    residuals: FloatArray
    observations: int
    lags: int | None


@dataclass(frozen=True, slots=True)
class FactorRisk:
    """Variance split: ``total`` = ``factor`` + ``specific``; volatilities are their roots.

    ``contributions`` (K,) are the factors' shares of the volatility in its unit; with ``specific_contribution`` they
    sum to ``volatility``.
    """

    total: float
    factor: float
    specific: float
    volatility: float
    contributions: FloatArray
    specific_contribution: float


def factor_regression(
    returns: ArrayLike, factors: ArrayLike, risk_free: ArrayLike = 0.0, lags: int | None = -1
) -> Regression:
    """Ordinary least squares of excess returns on factor returns with an intercept.

    Standard errors are Newey and West's: Bartlett weights over ``lags`` autocovariances of the scores, with the small
    sample factor T / (T − K − 1). t statistics are compared with Student's distribution of T − K − 1 degrees.

    Parameters
    ----------
    returns : (T,) or (T, N)
        Simple returns per period as fractions.
    factors : (T,) or (T, K)
        Factor returns of the same periods; excess returns themselves (such as Mkt−RF) go in as they are.
    risk_free : scalar, (T,)
        Taken from ``returns``, not from the factors.
    lags : int or None
        −1 for the rule ⌊4 (T / 100)^(2/9)⌋; 0 for White's errors; None for the classical ones.

    Raises
    ------
    ValueError
        If an input is NaN or infinite, the lengths differ, or ``lags`` is below −1 or not below T.
    InsufficientData
        With fewer than K + 3 periods.
    UndefinedMetric
        If the factors are collinear or one of them does not vary, or a single series of returns does not.

    References
    ----------
    Newey and West (1987), "A simple, positive semi-definite, heteroskedasticity and autocorrelation consistent
    covariance matrix", Econometrica 55(3); (1994), "Automatic lag selection in covariance matrix estimation", Review of
    Economic Studies 61(4).
    """
    drivers = _columns(factors, "factors")
    days, count = drivers.shape
    series = checked(returns, needed=count + 3)
    single, excess = series.ndim == 1, _columns(series, "returns") - _rate(risk_free, len(series))
    if len(excess) != days:
        raise ValueError(f"factors have {days} observations, returns have {len(excess)}")
    design = np.column_stack([np.ones(days), drivers])
    inverse = _inverse(design)
    coefficients = inverse @ (design.T @ excess)
    residuals = excess - design @ coefficients
    steps = _lags(lags, days)
    errors = _errors(design, inverse, residuals, steps)
    ratio = _over(coefficients, errors, errors > 0)
    chance = student_tails(ratio, days - count - 1)
    fit = _fit(excess, residuals)
    if single and np.isnan(fit[0]):
        raise UndefinedMetric("excess returns do not vary")
    adjusted = 1.0 - (1.0 - fit) * (days - 1) / (days - count - 1)
    shaped = [_shaped(block, single=single) for block in (coefficients, errors, ratio, chance)]
    (alpha, betas), (alpha_error, beta_errors), (alpha_t, beta_t), (alpha_p, beta_p) = shaped
    return Regression(
        alpha,
        betas,
        alpha_error,
        beta_errors,
        alpha_t,
        beta_t,
        alpha_p,
        beta_p,
        fit[0] if single else fit,
        adjusted[0] if single else adjusted,
        residuals[:, 0] if single else residuals,
        days,
        steps,
    )


def factor_risk(exposures: ArrayLike, factor_covariance: ArrayLike, specific_variance: float) -> FactorRisk:
    """Risk of a portfolio by factors: bᵀFb + specific variance.

    Parameters
    ----------
    exposures : (K,)
        Betas of the portfolio.
    factor_covariance : (K, K)
        Of the factors' returns.
    specific_variance : float
        Of what the factors leave, ≥ 0, in the same unit of time.

    Raises
    ------
    ValueError
        If an input is NaN or infinite or negative, or the shapes do not fit.
    UndefinedMetric
        If the portfolio has no variance.

    References
    ----------
    Grinold and Kahn (1999), "Active Portfolio Management", 2nd ed., chapter 3.
    """
    betas, matrix = checked(exposures, name="exposures"), square(factor_covariance, "factor_covariance")
    if betas.shape != (len(matrix),):
        raise ValueError(f"exposures have shape {betas.shape}, factor_covariance has {matrix.shape}")
    if not (np.isfinite(specific_variance) and specific_variance >= 0):
        raise ValueError(f"specific_variance must not be negative, got {specific_variance}")
    parts = betas * (matrix @ betas)
    factor = number(parts.sum())
    total = factor + specific_variance
    if not total > 0:
        raise UndefinedMetric("the portfolio has no variance")
    volatility = number(np.sqrt(total))
    return FactorRisk(total, factor, specific_variance, volatility, parts / volatility, specific_variance / volatility)


def return_attribution(
    returns: ArrayLike, factors: ArrayLike, exposures: ArrayLike, risk_free: ArrayLike = 0.0
) -> FloatArray:
    """What each period's return came from: risk-free, each factor (β × its return), and the rest, which is specific.

    Parameters
    ----------
    returns : (T,)
        Simple returns of the portfolio.
    factors : (T,) or (T, K)
        Factor returns of the same periods.
    exposures : (K,) or (T, K)
        Betas, constant or of each period.
    risk_free : scalar or (T,)
        Per period.

    Returns
    -------
    (T, K + 2)
        Columns: risk-free, the factors in their order, specific. Each row sums to the return.

    Raises
    ------
    ValueError
        If an input is NaN or infinite, or the shapes do not fit.
    InsufficientData
        Without any period.
    """
    series, drivers = checked(returns), _columns(factors, "factors")
    betas = checked(exposures, name="exposures")
    betas = betas[np.newaxis, :] if betas.ndim == 1 else betas
    if series.ndim != 1 or len(drivers) != len(series):
        raise ValueError(f"returns have shape {series.shape}, factors have {drivers.shape}")
    if betas.shape[1] != drivers.shape[1] or len(betas) not in (1, len(series)):
        raise ValueError(f"exposures have shape {betas.shape}, factors have {drivers.shape}")
    rate = np.broadcast_to(_rate(risk_free, len(series)), (len(series), 1))
    explained = drivers * betas
    specific = series[:, np.newaxis] - rate - explained.sum(axis=1)[:, np.newaxis]
    return np.concatenate([rate, explained, specific], axis=1)


def _columns(values: ArrayLike, name: str) -> FloatArray:
    array = checked(values, name=name)
    return array[:, np.newaxis] if array.ndim == 1 else array


def _rate(risk_free: ArrayLike, days: int) -> FloatArray:
    rate = float_array(risk_free)
    if not np.isfinite(rate).all() or rate.shape not in ((), (days,)):
        raise ValueError(f"risk_free must be one finite number or {days} of them")
    return np.broadcast_to(rate, (days,))[:, np.newaxis]


def _inverse(design: FloatArray) -> FloatArray:
    """(XᵀX)⁻¹, by way of standardised columns so that a factor in percent is judged like one in fractions."""
    moves = design[:, 1:] - design[:, 1:].mean(axis=0)
    spread = np.sqrt((moves * moves).sum(axis=0))
    size = np.sqrt((design[:, 1:] ** 2).sum(axis=0))
    if (spread <= COLLINEAR * size).any():
        raise UndefinedMetric("a factor does not vary")
    values = np.linalg.svd(plain_array(moves / spread), compute_uv=False)
    if values[-1] <= COLLINEAR * values[0]:
        raise UndefinedMetric("the factors are collinear")
    return float_array(np.linalg.inv(design.T @ design))


def _lags(lags: int | None, days: int) -> int | None:
    if lags is None:
        return None
    if not -1 <= lags < days:
        raise ValueError(f"lags must lie between -1 and {days - 1}, got {lags}")
    return floor(4 * (days / 100) ** (2 / 9)) if lags == -1 else lags


def _errors(design: FloatArray, inverse: FloatArray, residuals: FloatArray, lags: int | None) -> FloatArray:
    """Standard errors (K + 1, N) of the coefficients."""
    days, count = design.shape
    freedom = days - count
    if lags is None:
        variance = np.square(residuals).sum(axis=0) / freedom
        return float_array(np.sqrt(np.diag(inverse)[:, np.newaxis] * variance))
    columns = []
    for residual in residuals.T:
        scores = design * residual[:, np.newaxis]
        middle = scores.T @ scores
        for lag in range(1, lags + 1):
            cross = scores[lag:].T @ scores[:-lag]
            middle = middle + (1.0 - lag / (lags + 1)) * (cross + cross.T)
        columns.append(np.sqrt(np.maximum(np.diag(inverse @ middle @ inverse) * days / freedom, 0.0)))
    return np.column_stack(columns)


def _fit(excess: FloatArray, residuals: FloatArray) -> FloatArray:
    """R² per series, NaN for one that does not vary."""
    total = np.square(excess - excess.mean(axis=0)).sum(axis=0)
    left = np.square(residuals).sum(axis=0)
    flat = total <= (COLLINEAR**2) * np.square(excess).sum(axis=0)
    return 1.0 - _over(left, total, ~flat)


def _over(values: FloatArray, by: FloatArray, known: BoolArray) -> FloatArray:
    """``values / by`` where it is ``known``, NaN elsewhere."""
    return np.where(known, values / np.where(known, by, 1.0), np.nan)


@operation("student_tails")
def student_tails(ratio: FloatArray, degrees: int) -> FloatArray:
    """The chance of a value at least as far from 0 as ``ratio`` in Student's t distribution of so many degrees."""
    chance: FloatArray = 2.0 * stdtr(degrees, -np.abs(ratio))
    return chance


def _shaped(block: FloatArray, *, single: bool) -> tuple[FloatArray, FloatArray]:
    """The intercept's row apart from the factors', without the series' axis where there was one series."""
    return (block[0, 0], block[1:, 0]) if single else (block[0], block[1:])
