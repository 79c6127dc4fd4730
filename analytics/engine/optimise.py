"""Weights that are best in some sense, within limits; and the best trade-offs of risk and return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from analytics.engine import dependence, programs
from analytics.engine.black_litterman import RISK_AVERSION, TAU, Views, equilibrium, posterior
from analytics.engine.dependence import Estimator
from analytics.engine.errors import UndefinedMetric
from analytics.engine.hierarchy import hierarchical_risk_parity
from analytics.engine.limits import Constraint, Limits, Rules, adding_up, rules
from analytics.engine.tail import check_level, expected_shortfall, full_tail
from analytics.engine.types import FLAT, FloatArray, checked, number
from core.errors import DomainError

Objective = Literal[
    "min_variance",
    "max_sharpe",
    "target_return",
    "target_volatility",
    "risk_parity",
    "hrp",
    "black_litterman",
    "min_cvar",
]
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
TARGETED: tuple[Objective, ...] = ("target_return", "target_volatility")
SINGULAR = 1e-10  # the smallest eigenvalue of a correlation matrix, as a share of the largest
# Neither inverts the covariance: assets that are combinations of others do not disturb them.
_SINGULAR_TOO: tuple[Objective, ...] = ("hrp", "min_cvar")


class SingularCovariance(DomainError):
    """Some assets are combinations of others, or days are too few: leave one out, take more days or Ledoit–Wolf."""


@dataclass(frozen=True, eq=False, slots=True)
class Market:
    """What is known of the assets, per period: expected returns (N,), covariance (N, N), and the returns themselves."""

    mean: FloatArray
    covariance: FloatArray
    returns: FloatArray | None
    periods: float
    risk_free: float

    def outcome(self, weights: FloatArray) -> tuple[float, float, float]:
        """Expected return and volatility of weights, a year, and their Sharpe ratio. Raises UndefinedMetric."""
        mean = number(self.mean @ weights)
        deviation = number(np.sqrt(np.maximum(weights @ self.covariance @ weights, 0.0)))
        if deviation == 0:
            raise UndefinedMetric("these weights have no risk: what is held cancels out")
        sharpe = (mean - self.risk_free) / deviation * np.sqrt(self.periods)
        return mean * self.periods, deviation * number(np.sqrt(self.periods)), number(sharpe)

    def risk_shares(self, weights: FloatArray) -> FloatArray:
        """Each asset's share (N,) of the variance."""
        shares: FloatArray = (
            weights * (self.covariance @ weights) / (weights @ self.covariance @ weights) + 0.0
        )  # no -0
        return shares


@dataclass(frozen=True, eq=False, slots=True)
class Optimum:
    """The best weights, and what they promise.

    ``weights`` is (N,) and adds up to 1. ``expected_return`` is the weighted mean times the periods of a year,
    ``volatility`` a year's, ``sharpe`` their ratio after the risk-free return. ``value`` is that of the objective, see
    ``optimise``. ``risk_shares`` (N,) is each asset's share of the variance. ``binding`` are the limits it touches.
    """

    weights: FloatArray
    expected_return: float
    volatility: float
    sharpe: float
    value: float
    risk_shares: FloatArray
    binding: tuple[Constraint, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Frontier:
    """The least volatility for each of P expected returns: weights (P, N), the others (P,), by the year."""

    weights: FloatArray
    expected_return: FloatArray
    volatility: FloatArray
    sharpe: FloatArray


@dataclass(frozen=True, eq=False, slots=True)
class Question:
    """What ``optimise`` was asked, besides the market and the limits."""

    objective: Objective
    target: float | None
    level: float
    budgets: FloatArray
    reference: FloatArray
    risk_aversion: float


def optimise(
    returns: ArrayLike | None = None,
    *,
    objective: Objective,
    mean: ArrayLike | None = None,
    covariance: ArrayLike | None = None,
    estimator: Estimator = "sample",
    limits: Limits | None = None,
    target: float | None = None,
    level: float = 0.95,
    budgets: ArrayLike | None = None,
    market: ArrayLike | None = None,
    views: Views | None = None,
    risk_aversion: float = RISK_AVERSION,
    tau: float = TAU,
    risk_free: float = 0.0,
    periods: float = 252,
) -> Optimum:
    """The weights of N assets that are best for an objective, fully invested and within limits.

    ================== ================================================= =====================================
    objective          what is best                                      ``value``
    ================== ================================================= =====================================
    min_variance       least wᵀΣw                                        variance a year
    max_sharpe         largest (μᵀw − r) / √(wᵀΣw)                       Sharpe ratio a year
    target_return      least wᵀΣw with μᵀw of at least ``target``        variance a year
    target_volatility  largest μᵀw with √(wᵀΣw) of at most ``target``    expected return a year
    risk_parity        shares of the variance as the ``budgets``         ½ log(wᵀΣw) − Σ b log w, least
    hrp                hierarchical risk parity                          distance to it, Σ(w − hrp)²
    black_litterman    largest μᵀw − δ/2 wᵀΣw after the views            that utility, a year
    min_cvar           least expected shortfall at ``level``             expected shortfall per period
    ================== ================================================= =====================================

    Where limits stand against risk parity or HRP, the answer is the nearest within them by its ``value``.

    Parameters
    ----------
    returns : (T, N) or None
        Simple returns per period. None if ``mean`` and ``covariance`` are given, which does not do for ``min_cvar``.
    mean, covariance : (N,) and (N, N), or None
        Per period; each takes the place of what the returns would give.
    estimator : "sample", "ewma" or "ledoit_wolf"
        Of the covariance. The mean is always that of the returns.
    limits : Limits
        Long only by default.
    target : float
        Of ``target_return`` and ``target_volatility``, a year.
    level : float
        Of ``min_cvar``, 0 < level < 1.
    budgets : (N,) or None
        Positive shares of the risk, for ``risk_parity``, which add up to 1; None for equal ones.
    market, views, risk_aversion, tau
        Of ``black_litterman``: the weights (N,) that would be held without views (None: equal), the views, δ and τ.
    risk_free : float
        Per period.
    periods : float
        Periods in a year.

    Raises
    ------
    ValueError
        If an input is NaN or infinite, shapes do not fit, or a parameter is out of range or missing.
    InsufficientData
        With fewer than two returns, or a tail shorter than one for ``min_cvar``.
    UndefinedMetric
        If an asset does not vary.
    SingularCovariance
        If the best weights would not be the only ones.
    WeightsDoNotAddUp, ContradictoryViews
        If ``budgets``, ``market`` or the current weights do not add up to 1; if certain views contradict each other.
    Infeasible
        If no weights meet all limits and the target; its ``constraint`` is the one to give way.

    References
    ----------
    Markowitz (1952), "Portfolio selection". Cornuéjols and Tütüncü (2006), "Optimization methods in finance", 8.2, for
    the Sharpe ratio. Spinu (2013), "An algorithm for computing risk parity weights". Rockafellar and Uryasev (2000),
    "Optimization of conditional value-at-risk". For HRP and Black–Litterman see their functions.
    """
    if objective not in OBJECTIVES:
        raise ValueError(f"objective must be one of {', '.join(OBJECTIVES)}, got {objective!r}")
    known = _market(returns, mean, covariance, estimator, risk_free, periods)
    kept = rules(limits or Limits(), len(known.mean))
    _usable(known, kept, objective)
    question = _question(len(known.mean), objective, target, level, budgets, market, risk_aversion)
    if objective == "black_litterman":
        known = _with_views(known, question, views, tau)
    weights = _solve(programs.problem(known.mean, known.covariance, kept), known, question)
    return _optimum(weights, known, kept, question)


def efficient_frontier(
    returns: ArrayLike | None = None,
    *,
    mean: ArrayLike | None = None,
    covariance: ArrayLike | None = None,
    estimator: Estimator = "sample",
    limits: Limits | None = None,
    points: int = 50,
    risk_free: float = 0.0,
    periods: float = 252,
) -> Frontier:
    """The least volatility for ``points`` expected returns, from that of the least variance to the best there is.

    The returns are evenly spaced. Takes and raises what ``optimise`` does; ``points`` is at least 2. One problem is
    compiled and solved for every point.
    """
    if points < 2:
        raise ValueError(f"points must be at least 2, got {points}")
    known = _market(returns, mean, covariance, estimator, risk_free, periods)
    kept = rules(limits or Limits(), len(known.mean))
    _usable(known, kept, "min_variance")
    given = programs.problem(known.mean, known.covariance, kept)
    calm = programs.min_variance(given)
    line = programs.Frontier(given)
    wanted = np.linspace(float(known.mean @ calm), programs.best_return(given), points)
    weights = np.array([calm, *(line.at(float(target), periods) for target in wanted[1:])])
    outcomes = np.array([known.outcome(row) for row in weights])
    return Frontier(weights, outcomes[:, 0], outcomes[:, 1], outcomes[:, 2])


def _market(
    returns: ArrayLike | None,
    mean: ArrayLike | None,
    covariance: ArrayLike | None,
    estimator: Estimator,
    risk_free: float,
    periods: float,
) -> Market:
    if not (np.isfinite(risk_free) and 0 < periods < np.inf):
        raise ValueError(f"risk_free must be finite and periods positive, got {risk_free} and {periods}")
    series = None if returns is None else checked(returns, needed=2)
    if series is None and (mean is None or covariance is None):
        raise ValueError("returns, or both mean and covariance, must be given")
    if series is not None and (series.ndim != 2 or not series.shape[1]):
        raise ValueError(f"returns must have shape (T, N), got {series.shape}")
    matrix = (
        dependence.covariance(series, estimator)  # type: ignore[arg-type]  # None is refused above
        if covariance is None
        else dependence.square(covariance, "covariance")
    )
    expected = series.mean(axis=0) if mean is None else checked(mean, name="mean")  # type: ignore[union-attr]
    if expected.shape != (len(matrix),) or (series is not None and series.shape[1] != len(matrix)):
        raise ValueError(f"mean has shape {expected.shape}, covariance {matrix.shape}: they do not fit")
    return Market(expected, matrix, series, periods, risk_free)


def _usable(known: Market, kept: Rules, objective: Objective) -> None:
    """Refuse figures that have no best weights: assets that do not vary, or that are combinations of others."""
    deviation = np.sqrt(np.maximum(np.diag(known.covariance), 0.0))
    size = deviation.max() if known.returns is None else np.sqrt(np.mean(np.square(known.returns), axis=0))
    flat = np.flatnonzero(deviation <= FLAT * size)
    if len(flat):
        raise UndefinedMetric("{names} does not vary: it has no risk to be weighed", names=kept.names[flat[0]])
    values = np.linalg.eigvalsh(known.covariance / deviation / deviation[:, np.newaxis])
    if values[0] < -1e-8 * values[-1]:
        raise ValueError("covariance must be positive semidefinite")
    if objective not in _SINGULAR_TOO and values[0] <= SINGULAR * values[-1]:
        raise SingularCovariance


def _question(
    count: int,
    objective: Objective,
    target: float | None,
    level: float,
    budgets: ArrayLike | None,
    market: ArrayLike | None,
    risk_aversion: float,
) -> Question:
    check_level(level)
    if not 0 < risk_aversion < np.inf:
        raise ValueError(f"risk_aversion must be positive, got {risk_aversion}")
    if objective in TARGETED and (target is None or not np.isfinite(target)):
        raise ValueError(f"{objective} needs a target")
    if objective == "target_volatility" and target is not None and target <= 0:
        raise ValueError(f"a target for the volatility must be positive, got {target}")
    equal = np.full(count, 1.0 / count)
    shares = equal if budgets is None else adding_up(budgets, count, "budgets")
    if (shares <= 0).any():
        raise ValueError("budgets must be positive")
    reference = equal if market is None else adding_up(market, count, "market")
    return Question(objective, target, level, shares, reference, risk_aversion)


def _with_views(known: Market, question: Question, views: Views | None, tau: float) -> Market:
    prior = equilibrium(known.covariance, question.reference, question.risk_aversion)
    if views is None:
        return replace(known, mean=prior)
    return replace(known, mean=posterior(prior, known.covariance, views, tau=tau, periods=known.periods))


def _solve(given: programs.Problem, known: Market, question: Question) -> FloatArray:
    """The weights of the objective that was asked for."""
    target, periods = question.target or 0.0, known.periods
    ways: dict[Objective, Callable[[], FloatArray]] = {
        "min_variance": lambda: programs.min_variance(given),
        "max_sharpe": lambda: programs.max_sharpe(given, known.risk_free),
        "target_return": lambda: programs.target_return(given, target / periods, periods),
        "target_volatility": lambda: programs.target_volatility(given, target / periods**0.5, periods),
        "risk_parity": lambda: programs.risk_parity(given, question.budgets),
        "hrp": lambda: _hierarchical(given, known),
        "black_litterman": lambda: programs.max_utility(given, question.risk_aversion),
        "min_cvar": lambda: _shortfall(given, known, question.level),
    }
    return ways[question.objective]()


def _shortfall(given: programs.Problem, known: Market, level: float) -> FloatArray:
    if known.returns is None:
        raise ValueError("min_cvar needs returns: mean and covariance do not tell the tail")
    checked(known.returns, needed=full_tail(level))
    return programs.min_shortfall(given, known.returns, level)


def _hierarchical(given: programs.Problem, known: Market) -> FloatArray:
    wanted = hierarchical_risk_parity(known.covariance)
    return wanted if given.rules.met_by(wanted) else programs.nearest(given, wanted)


def _optimum(weights: FloatArray, known: Market, kept: Rules, question: Question) -> Optimum:
    expected, volatility, sharpe = known.outcome(weights)
    binding = kept.binding(weights)
    if question.objective == "target_return" and expected <= (question.target or 0.0) + 1e-6:
        binding = (*binding, Constraint("target_return", "", question.target or 0.0))
    if question.objective == "target_volatility" and volatility >= (question.target or 0.0) - 1e-6:
        binding = (*binding, Constraint("target_volatility", "", question.target or 0.0))
    return Optimum(
        weights=weights,
        expected_return=expected,
        volatility=volatility,
        sharpe=sharpe,
        value=_value(weights, known, question),
        risk_shares=known.risk_shares(weights),
        binding=binding,
    )


def _value(weights: FloatArray, known: Market, question: Question) -> float:
    """What the objective comes to, in the units of ``optimise``."""
    expected, volatility, sharpe = known.outcome(weights)
    if question.objective == "max_sharpe":
        return sharpe
    if question.objective == "target_volatility":
        return expected
    if question.objective == "risk_parity":
        return float(np.log(volatility) - question.budgets @ np.log(weights))
    if question.objective == "hrp":
        return float(np.square(weights - hierarchical_risk_parity(known.covariance)).sum())
    if question.objective == "black_litterman":
        return expected - question.risk_aversion / 2 * volatility**2
    if question.objective == "min_cvar" and known.returns is not None:
        return float(expected_shortfall(known.returns @ weights, question.level))
    return volatility**2
