"""What a factor model says of a portfolio: exposures, how they move, and where risk and return come from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import sqrt

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from analytics.engine import UndefinedMetric, covariance, factor_regression, factor_risk, return_attribution
from analytics.engine.factors import COLLINEAR, FactorRisk, Regression
from analytics.engine.types import number
from analytics.factor_models.overlap import DAILY, MONTHLY, PERIODS, WEEKLY, DayArray, FloatArray, Sample

ROLLING = {DAILY: 126, WEEKLY: 52, MONTHLY: 36}  # periods in a window that moves
POINTS = 250  # windows that are fitted; a chart shows no more
SINGULAR = 1e10  # condition of the standardised factors of a window above which it has no exposures
SPANS = {"year": "datetime64[Y]", "month": "datetime64[M]"}


@dataclass(frozen=True, slots=True)
class Attributed:
    """The return of a span of time by its sources, which add up to it."""

    start: date
    end: date
    total: float
    risk_free: float
    factors: tuple[float, ...]
    specific: float


@dataclass(frozen=True, eq=False)
class HoldingRisk:
    """Each part of a portfolio, in the order of its weights (N,): ``exposures`` (K, N) and R² (N,), NaN where flat.

    ``factor`` and ``specific`` (N,) are its contributions to the portfolio's volatility a year. They add up to the
    portfolio's own factor and specific contributions.
    """

    weights: FloatArray
    exposures: FloatArray
    r_squared: FloatArray
    factor: FloatArray
    specific: FloatArray


@dataclass(frozen=True, eq=False)
class Rolling:
    """Exposures (n, K) of the ``window`` periods that end on each of ``ends`` (n,); NaN where they are undefined."""

    window: int
    ends: DayArray
    exposures: FloatArray


@dataclass(frozen=True, eq=False)
class Analysis:
    """A model fitted to a sample. ``alpha`` and ``risk`` are per year; risk as volatility, a fraction.

    ``alpha`` is None where a year of it is beyond what a number can hold, or loses more than everything.

    ``rolling`` is None where the sample is no longer than a window, ``total`` where a period lost everything, and
    ``holdings`` ex post.
    """

    sample: Sample
    regression: Regression
    alpha: float | None
    periods: int
    risk: FactorRisk
    rolling: Rolling | None
    total: Attributed | None
    spans: tuple[Attributed, ...]
    holdings: HoldingRisk | None

    @property
    def factor_volatility(self) -> float:
        return sqrt(max(self.risk.factor, 0.0))

    @property
    def specific_volatility(self) -> float:
        return sqrt(self.risk.specific)


def analyse(sample: Sample, *, rolling: int | None = None, span: str = "year", by_holding: bool = False) -> Analysis:
    """The model of ``sample``: exposures by least squares with Newey and West's errors, and what follows from them.

    ``rolling`` is the length of the moving window in periods, by default ``ROLLING``; the return is attributed for each
    ``span``, "year" or "month". Raises UndefinedMetric for factors that say the same thing twice or do not vary, and
    for a portfolio whose returns do not vary.
    """
    periods = PERIODS[sample.frequency]
    fit = factor_regression(sample.returns, sample.factors, sample.rate)
    if not np.isfinite(fit.r_squared):
        raise UndefinedMetric("the portfolio's returns do not vary")
    matrix = covariance(sample.factors, periods=periods)
    risk = factor_risk(fit.betas, matrix, specific_variance(fit, periods))
    total, spans = _attribution(sample, fit, span)
    return Analysis(
        sample=sample,
        regression=fit,
        alpha=annual(float(fit.alpha), periods),
        periods=periods,
        risk=risk,
        rolling=rolling_exposures(sample, rolling or ROLLING[sample.frequency]),
        total=total,
        spans=spans,
        holdings=holding_risk(sample, fit, matrix, risk.volatility) if by_holding else None,
    )


def specific_variance(fit: Regression, periods: int) -> float:
    """Of a year, of what the factors leave; ``periods`` make one."""
    return number(np.var(fit.residuals, ddof=1)) * periods


def holding_risk(sample: Sample, fit: Regression, factor_covariance: FloatArray, volatility: float) -> HoldingRisk:
    """What each part adds to the portfolio's volatility, through the factors and by itself.

    Through the factors w·βᵀFb / σ, by itself w·cov(e, e_p) / σ, with β and e the part's exposures and residuals and
    b, e_p and σ the portfolio's: residuals of two parts may go together, so nothing is taken to be independent.
    """
    each = factor_regression(sample.parts, sample.factors, sample.rate, lags=None)  # errors are not asked for
    periods, weights = PERIODS[sample.frequency], sample.weights
    through = weights * (each.betas.T @ (factor_covariance @ fit.betas)) / volatility
    # Residuals have the mean 0, so their product is the covariance.
    alone = weights * (each.residuals.T @ fit.residuals) / (sample.observations - 1) * periods / volatility
    return HoldingRisk(weights, each.betas, each.r_squared, through, alone)


def rolling_exposures(sample: Sample, window: int, points: int = POINTS) -> Rolling | None:
    """Exposures by least squares over windows that move along the sample, at most ``points`` of them, the last always.

    None where the sample is not longer than a window; NaN for a window in which the factors are collinear.
    """
    count, factors = sample.observations, sample.factors
    if count <= window or window < factors.shape[1] + 3:
        return None
    places = np.unique(np.linspace(0, count - window, min(points, count - window + 1)).round().astype(np.intp))
    excess = sample.returns - sample.rate
    moving = sliding_window_view(factors, window, axis=0)[places]  # (n, K, window)
    centred = moving - moving.mean(axis=2, keepdims=True)
    spread = np.sqrt(np.square(centred).sum(axis=2))  # (n, K)
    size = np.sqrt(np.square(moving).sum(axis=2))
    usable = (spread > COLLINEAR * size).all(axis=1)
    scaled = centred / np.where(spread > 0, spread, 1.0)[:, :, np.newaxis]
    gram = scaled @ scaled.transpose(0, 2, 1)
    usable &= np.linalg.cond(gram) < SINGULAR
    target = sliding_window_view(excess, window)[places][:, :, np.newaxis]
    found = np.full(spread.shape, np.nan)
    solved = np.linalg.solve(gram[usable], scaled[usable] @ target[usable])[:, :, 0]
    found[usable] = solved / spread[usable]
    return Rolling(window, sample.ends[places + window - 1], found)


def linked(parts: FloatArray, returns: FloatArray) -> FloatArray:
    """Parts (P, M) of each period's return as parts (M,) of the return of all periods together.

    Each period's parts are scaled by k(r) / k(R) with k(x) = ln(1 + x) / x, so that they add up to R, the compounded
    return: Carino (1999), "Combining attribution effects over time", Journal of Performance Measurement 3(4).
    Raises UndefinedMetric for a return of −100 % or less.
    """
    if (returns <= -1.0).any():
        raise UndefinedMetric("a return of −100 % or less cannot be attributed over time")
    whole = np.expm1(np.log1p(returns).sum())
    scaled: FloatArray = (_log_ratio(returns) / _log_ratio(whole)) @ parts
    return scaled


def _log_ratio(returns: FloatArray) -> FloatArray:
    moved = returns != 0
    ratio: FloatArray = np.where(moved, np.log1p(returns) / np.where(moved, returns, 1.0), 1.0)
    return ratio


def _attribution(sample: Sample, fit: Regression, span: str) -> tuple[Attributed | None, tuple[Attributed, ...]]:
    """The whole sample's return and that of each span by source; nothing where a period lost everything."""
    if (sample.returns <= -1.0).any():
        return None, ()
    parts = return_attribution(sample.returns, sample.factors, fit.betas, sample.rate)
    labels = sample.ends.astype(SPANS[span])
    whole = _attributed(sample, parts, np.arange(len(parts)))
    return whole, tuple(_attributed(sample, parts, np.flatnonzero(labels == label)) for label in np.unique(labels))


def _attributed(sample: Sample, parts: FloatArray, places: NDArray[np.intp]) -> Attributed:
    rate, *factors, specific = linked(parts[places], sample.returns[places]).tolist()
    total = float(np.prod(1.0 + sample.returns[places]) - 1.0)
    start, end = sample.starts[places[0]].item(), sample.ends[places[-1]].item()
    return Attributed(start, end, total, rate, tuple(factors), specific)


def annual(alpha: float, periods: int) -> float | None:
    """Compounded over a year."""
    try:
        return (1.0 + alpha) ** periods - 1.0 if alpha > -1.0 else None
    except OverflowError:
        return None
