"""Whether a value at risk was any good: how often losses went beyond it, and whether they came in clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, chdtrc, xlogy  # each process reads scipy.stats longer than all of the engine

from analytics.engine.errors import InsufficientData
from analytics.engine.tail import check_level
from analytics.engine.types import BoolArray, FloatArray

Zone = Literal["green", "yellow", "red"]
IntArray: TypeAlias = NDArray[np.int64]
Counts: TypeAlias = Any  # one number, or (N,)

# Basel Committee (1996), table 2: the multiplier by exceptions in 250 days at 99 %.
_MULTIPLIERS = (3.0, 3.0, 3.0, 3.0, 3.0, 3.4, 3.5, 3.65, 3.75, 3.85, 4.0)


@dataclass(frozen=True, slots=True)
class LikelihoodRatio:
    """A likelihood-ratio test: its statistic, degrees of freedom and p-value. A small p-value rejects the model."""

    statistic: float
    degrees: int
    p_value: float


@dataclass(frozen=True, slots=True)
class Christoffersen:
    """Independence of the exceptions, and that together with their right number (conditional coverage)."""

    independence: LikelihoodRatio
    conditional_coverage: LikelihoodRatio


@dataclass(frozen=True, slots=True)
class TrafficLight:
    """The zone, the capital multiplier of that zone, and how probable at most so many exceptions are."""

    zone: Zone
    multiplier: float
    cumulative_probability: float


def exceptions(returns: ArrayLike, forecasts: ArrayLike) -> BoolArray:
    """True where the loss of the day went beyond the forecast, −r > VaR; (T,) or (T, N) of both.

    Raises ``ValueError`` for NaN, infinity or differing shapes, ``InsufficientData`` without any day.
    """
    series, limits = np.asarray(returns, dtype=np.float64), np.asarray(forecasts, dtype=np.float64)
    if series.shape != limits.shape:
        raise ValueError(f"forecasts have shape {limits.shape}, returns have {series.shape}")
    if not (np.isfinite(series).all() and np.isfinite(limits).all()):
        raise ValueError("returns and forecasts must not contain NaN or infinity")
    if not series.size:
        raise InsufficientData(needed=1, got=0)
    return np.asarray(-series > limits)


def kupiec_test(exceptions: int, observations: int, level: float = 0.95) -> LikelihoodRatio:
    """Unconditional coverage: whether the number of exceptions fits the level.

    LR = −2 ln[(1 − p)^(n − x) p^x] + 2 ln[(1 − x/n)^(n − x) (x/n)^x] with p = 1 − level, χ² with one degree of freedom.

    Parameters
    ----------
    exceptions : int
        Days on which the loss went beyond the value at risk, 0 to ``observations``.
    observations : int
        Days with a forecast.
    level : float
        Confidence level of the value at risk, 0 < level < 1.

    Raises
    ------
    ValueError
        If the level or the number of exceptions is out of range.
    InsufficientData
        Without any day.

    References
    ----------
    Kupiec (1995), "Techniques for verifying the accuracy of risk measurement models", Journal of Derivatives 3(2).
    """
    check_level(level)
    if observations < 1:
        raise InsufficientData(needed=1, got=observations)
    if not 0 <= exceptions <= observations:
        raise ValueError(f"exceptions must lie between 0 and {observations}, got {exceptions}")
    return _tested(float(coverage_ratio(exceptions, observations, level)), 1)


def christoffersen_test(exceptions: ArrayLike, level: float = 0.95) -> Christoffersen:
    """Independence and conditional coverage of a sequence of exceptions.

    Independence compares a first-order Markov chain with a constant probability, over the days that have a day before
    them: LR = 2 ln[(1 − π₀)^n₀₀ π₀^n₀₁ (1 − π₁)^n₁₀ π₁^n₁₁] − 2 ln[(1 − π)^(n₀₀ + n₁₀) π^(n₀₁ + n₁₁)], χ² with one
    degree of freedom. Conditional coverage adds Kupiec's ratio: two degrees.

    Parameters
    ----------
    exceptions : (T,) of bool
        Whether each day's loss went beyond its forecast, in order.
    level : float
        Confidence level of the value at risk, 0 < level < 1.

    Raises
    ------
    ValueError
        If the shape is another one, a value is neither true nor false, or the level is out of range.
    InsufficientData
        With fewer than two days.

    References
    ----------
    Christoffersen (1998), "Evaluating interval forecasts", International Economic Review 39(4).
    """
    days = np.asarray(exceptions)
    if days.ndim != 1 or not np.isin(days, (0, 1)).all():
        raise ValueError("exceptions must be one series of true and false")
    if len(days) < 2:
        raise InsufficientData(needed=2, got=len(days))
    found = coverage_tests(days, level)
    return Christoffersen(
        independence=_tested(float(found.independence), 1),
        conditional_coverage=_tested(float(found.conditional_coverage), 2),
    )


def basel_traffic_light(exceptions: int, observations: int = 250, level: float = 0.99) -> TrafficLight:
    """The supervisors' zone: green below 95 % cumulative probability of so many exceptions, red from 99.99 %.

    For 250 days at 99 % that is green to 4, yellow to 9, red from 10 exceptions, with the multipliers 3.0 to 4.0 of the
    framework; for another number of days the multiplier is that of the zone's share of exceptions in 250 days.

    Raises
    ------
    ValueError
        If the level is not 0.99, for which alone the zones are defined, or the number of exceptions is out of range.
    InsufficientData
        Without any day.

    References
    ----------
    Basel Committee on Banking Supervision (1996), "Supervisory framework for the use of backtesting in conjunction with
    the internal models approach to market risk capital requirements".
    """
    if level != 0.99:
        raise ValueError(f"the traffic light is defined for a level of 0.99, got {level}")
    if observations < 1:
        raise InsufficientData(needed=1, got=observations)
    if not 0 <= exceptions <= observations:
        raise ValueError(f"exceptions must lie between 0 and {observations}, got {exceptions}")
    probability = float(bdtr(exceptions, observations, 1.0 - level))
    zone: Zone = "green" if probability < 0.95 else "yellow" if probability < 0.9999 else "red"
    scaled = min(round(exceptions * 250 / observations), len(_MULTIPLIERS) - 1)
    low, high = {"green": (0, 4), "yellow": (5, 9), "red": (10, 10)}[zone]
    return TrafficLight(zone, _MULTIPLIERS[min(max(scaled, low), high)], probability)


@dataclass(frozen=True, slots=True, eq=False)
class CoverageTests:
    """The tests of N sequences of exceptions, each (N,), or numbers for one sequence.

    ``coverage`` is Kupiec's ratio, ``independence`` and ``conditional_coverage`` are Christoffersen's. ``p_values``
    are of the three in this order.
    """

    observations: int
    exceptions: IntArray
    expected: float
    coverage: FloatArray
    independence: FloatArray
    conditional_coverage: FloatArray

    @property
    def p_values(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """χ² with one, one and two degrees of freedom."""
        ratios = (self.coverage, self.independence, self.conditional_coverage)
        first, second, both = (
            np.asarray(chdtrc(degrees, ratio)) for ratio, degrees in zip(ratios, (1, 1, 2), strict=True)
        )
        return first, second, both


def coverage_tests(exceptions: ArrayLike, level: float = 0.95) -> CoverageTests:
    """``kupiec_test`` and ``christoffersen_test`` of many sequences of exceptions at once.

    Parameters
    ----------
    exceptions : (T,) or (T, N) of bool
        Whether each day's loss went beyond its forecast, in order.
    level : float
        Confidence level of the value at risk, 0 < level < 1.

    Raises
    ------
    ValueError
        If the level is out of range.
    InsufficientData
        With fewer than two days.

    References
    ----------
    Those of the two tests.
    """
    check_level(level)
    hits = np.asarray(exceptions).astype(bool)
    if len(hits) < 2:
        raise InsufficientData(needed=2, got=len(hits))
    before, after = hits[:-1], hits[1:]
    count = hits.sum(axis=0)
    n11, n01, n10 = ((a & b).sum(axis=0) for a, b in ((before, after), (~before, after), (before, ~after)))
    independence = _independence_ratio(len(after) - n01 - n10 - n11, n01, n10, n11)
    coverage = coverage_ratio(count, len(hits), level)
    return CoverageTests(len(hits), count, len(hits) * (1 - level), coverage, independence, coverage + independence)


def coverage_ratio(exceptions: ArrayLike, observations: int, level: float) -> FloatArray:
    """Kupiec's likelihood ratio of each number of exceptions."""
    hits = np.asarray(exceptions, dtype=np.float64)
    calm = observations - hits
    fitted = _log_likelihood(calm, hits, hits / observations)
    return _not_negative(2.0 * (fitted - _log_likelihood(calm, hits, 1.0 - level)))


def _independence_ratio(n00: Counts, n01: Counts, n10: Counts, n11: Counts) -> FloatArray:
    after_calm, after_hit = _share(n01, n00 + n01), _share(n11, n10 + n11)
    anyway = _share(n01 + n11, n00 + n01 + n10 + n11)
    apart = _log_likelihood(n00, n01, after_calm) + _log_likelihood(n10, n11, after_hit)
    return _not_negative(2.0 * (apart - _log_likelihood(n00 + n10, n01 + n11, anyway)))


def _share(part: Counts, whole: Counts) -> FloatArray:
    return np.asarray(part / np.maximum(whole, 1), dtype=np.float64)


def _log_likelihood(
    calm: Counts | FloatArray, hits: Counts | FloatArray, probability: FloatArray | float
) -> FloatArray:
    """ln[(1 − p)^calm p^hits], where 0·ln 0 is 0."""
    return np.asarray(xlogy(calm, 1.0 - probability) + xlogy(hits, probability))


def _not_negative(ratio: FloatArray) -> FloatArray:
    return np.maximum(ratio, 0.0)  # rounding can leave a ratio of 0 a little below it


def _tested(statistic: float, degrees: int) -> LikelihoodRatio:
    return LikelihoodRatio(statistic, degrees, float(chdtrc(degrees, statistic)))
