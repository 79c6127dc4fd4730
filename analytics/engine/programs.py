"""The convex problems behind the optimiser, as CVXPY problems for Clarabel.

CVXPY takes most of a second to import, so it is imported where a problem is built: workers pay, web processes do not.
Weights are w = y / k with k fixed to 1, or free where a problem is only convex when scaled (Sharpe ratio, risk parity):
every limit is linear in (y, k) either way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analytics.engine.limits import Constraint, Infeasible, Piece, Rules, percent, turnover
from analytics.engine.types import FloatArray
from core.errors import DomainError

# Tight, because a sum of squares is flat around its minimum: 1e-8 of the objective is 1e-4 of a weight.
_TIGHT = {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12}
_SOUND = {"tol_gap_abs": 1e-9, "tol_gap_rel": 1e-9, "tol_feas": 1e-9}
_POSITIVE = 1e-6  # the least weight in risk parity, when it is asked whether there is any at all
_STEPS, _SETTLED = 1000, 1e-24  # of Newton for risk parity: how many, and the last one's size squared
_SLACK = 1e-7  # by how much a target may be missed, as a share of it, before it is called out of reach


class NoSolution(DomainError):
    """The solver found no answer: the figures are too extreme for it."""


@dataclass(frozen=True, eq=False, slots=True)
class Problem:
    """What is optimised over: figures per period, scaled so that a solver likes them, and the limits.

    ``risk`` is the covariance over ``variance``, ``mean`` the expected returns over ``size``.
    """

    risk: FloatArray
    mean: FloatArray
    variance: float
    size: float
    rules: Rules
    pieces: list[Piece] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.mean)


def problem(mean: FloatArray, covariance: FloatArray, rules: Rules) -> Problem:
    """The figures, scaled to an average variance and a largest return of 1."""
    variance = float(np.trace(covariance)) / len(mean)
    size = float(np.abs(mean).max()) or 1.0
    return Problem(covariance / variance, mean / size, variance, size, rules, rules.pieces)


def min_variance(given: Problem) -> FloatArray:
    """The weights with the least wᵀΣw."""
    cp = _cvxpy()
    weights = cp.Variable(given.count)
    return solved(given, cp.Minimize(_variance(given, weights)), _limits(given, weights), weights)


def max_sharpe(given: Problem, risk_free: float) -> FloatArray:
    """The weights with the largest (μᵀw − r) / √(wᵀΣw): the least yᵀΣy with (μ − r)ᵀy = 1, w = y / k.

    Raises Infeasible if no weights earn more than ``risk_free``, per period.
    """
    cp = _cvxpy()
    best = best_return(given)
    if best <= risk_free + _SLACK * given.size:
        message = (
            "Within the limits nothing is expected to earn more than the risk-free return: no Sharpe ratio is best."
        )
        raise Infeasible(message, constraint=Constraint("risk_free", "", risk_free))
    weights, scale = cp.Variable(given.count), cp.Variable(nonneg=True)
    excess = given.mean - risk_free / given.size
    held = [*_limits(given, weights, scale), excess @ weights == 1]
    return solved(given, cp.Minimize(_variance(given, weights)), held, weights, scale)


def target_return(given: Problem, target: float, periods: float) -> FloatArray:
    """The weights with the least variance among those that earn at least ``target``, per period."""
    return Frontier(given).at(target, periods)


class Frontier:
    """Least variance for a return, compiled once for every return that is asked for."""

    def __init__(self, given: Problem) -> None:
        cp = _cvxpy()
        self._given = given
        self._weights = cp.Variable(given.count)
        self._target = cp.Parameter()
        held = [*_limits(given, self._weights), given.mean @ self._weights >= self._target]
        self._problem = cp.Problem(cp.Minimize(_variance(given, self._weights)), held)
        self._best = best_return(given)

    def at(self, target: float, periods: float) -> FloatArray:
        """The weights for ``target``, per period. Raises Infeasible beyond the best return, told by the year."""
        if target > self._best + _SLACK * self._given.size:
            message = (
                f"An expected return of {percent(target * periods)} a year is out of reach: "
                f"within the limits it is {percent(self._best * periods)} at most."
            )
            raise Infeasible(message, constraint=Constraint("target_return", "", target * periods))
        self._target.value = min(target, self._best) / self._given.size
        status = _run(self._problem)
        if status not in ("optimal", "optimal_inaccurate"):
            raise NoSolution
        return _tidy(np.asarray(self._weights.value, dtype=np.float64), self._given.rules)


def target_volatility(given: Problem, target: float, periods: float) -> FloatArray:
    """The weights with the largest μᵀw among those with a volatility of at most ``target``, per period.

    Raises Infeasible below the least volatility; ``periods`` tells it in years.
    """
    calm = min_variance(given)
    least = float(np.sqrt(calm @ given.risk @ calm * given.variance))
    if target < least * (1 - _SLACK):
        message = (
            f"A volatility of {percent(target * periods**0.5)} a year is out of reach: "
            f"within the limits it is {percent(least * periods**0.5)} at least."
        )
        raise Infeasible(message, constraint=Constraint("target_volatility", "", target * periods**0.5))
    if target <= least * (1 + _SLACK):
        return calm
    cp = _cvxpy()
    weights = cp.Variable(given.count)
    held = [*_limits(given, weights), cp.norm(_root(given.risk) @ weights) <= target / given.variance**0.5]
    return solved(given, cp.Maximize(given.mean @ weights), held, weights)


def risk_parity(given: Problem, budgets: FloatArray) -> FloatArray:
    """The weights whose shares of the risk are the budgets: the least ½yᵀΣy − Σ b log y, w = y / k.

    Where a limit stands against that, the nearest in the sense of that sum.
    """
    cp = _cvxpy()
    never = np.flatnonzero(given.rules.upper <= 0)
    if len(never):
        name = given.rules.names[never[0]]
        message = f"{name} has to bear risk, and may not be held: leave it out, or allow it some weight."
        raise Infeasible(message, constraint=Constraint("upper", name, float(given.rules.upper[never[0]])))
    if not _possible(given, (), _POSITIVE):
        raise conflict(given, _POSITIVE)
    free = _parity(given, budgets)
    if free is not None and given.rules.met_by(free):
        return free
    weights, scale = cp.Variable(given.count), cp.Variable(nonneg=True)
    worth = _variance(given, weights) / 2 - budgets @ cp.log(weights)
    found = solved(given, cp.Minimize(worth), _limits(given, weights, scale), weights, scale)
    if (found <= 0).any():  # too small for the solver to tell from nothing, which bears no risk
        raise NoSolution
    return found


def _parity(given: Problem, budgets: FloatArray) -> FloatArray | None:
    """Risk parity without limits by Newton's steps, None where they do not settle.

    Each asset is measured in units of its own deviation, so that weights may differ by any factor. The steps are
    shortened so that no measure leaves the positive numbers: Spinu (2013), with the smallest budget as the scale.
    """
    deviation = np.sqrt(np.diag(given.risk))
    related = given.risk / deviation / deviation[:, np.newaxis]
    risks = np.sqrt(budgets)
    for _ in range(_STEPS):
        slope = related @ risks - budgets / risks
        step = np.linalg.solve(related + np.diag(budgets / risks**2), slope)
        decrement = float(slope @ step)
        risks = risks - step / (1.0 + np.sqrt(max(decrement, 0.0) / budgets.min()))
        if decrement <= _SETTLED:
            weights = risks / deviation
            return np.asarray(weights / weights.sum())
    return None


def max_utility(given: Problem, risk_aversion: float) -> FloatArray:
    """The weights with the largest μᵀw − δ/2 wᵀΣw."""
    cp = _cvxpy()
    weights = cp.Variable(given.count)
    worth = (given.size / given.variance) * (given.mean @ weights) - risk_aversion / 2 * _variance(given, weights)
    return solved(given, cp.Maximize(worth), _limits(given, weights), weights)


def min_shortfall(given: Problem, returns: FloatArray, level: float) -> FloatArray:
    """The weights with the least expected shortfall: the least a + Σ max(−Rw − a, 0) / ((1 − level) T)."""
    cp = _cvxpy()
    scenarios = returns / given.variance**0.5
    weights, edge, beyond = cp.Variable(given.count), cp.Variable(), cp.Variable(len(returns), nonneg=True)
    held = [*_limits(given, weights), beyond >= -scenarios @ weights - edge]
    worth = edge + cp.sum(beyond) / ((1 - level) * len(returns))
    return solved(given, cp.Minimize(worth), held, weights)


def nearest(given: Problem, wanted: FloatArray) -> FloatArray:
    """The weights within the limits that are nearest to ``wanted``, by the sum of squares."""
    cp = _cvxpy()
    weights = cp.Variable(given.count)
    return solved(given, cp.Minimize(cp.sum_squares(weights - wanted)), _limits(given, weights), weights)


def best_return(given: Problem) -> float:
    """The largest μᵀw within the limits, per period. Raises Infeasible if nothing is within them."""
    cp = _cvxpy()
    weights = cp.Variable(given.count)
    linear = cp.Problem(cp.Maximize(given.mean @ weights), _limits(given, weights))
    if _run(linear, linear=True) != "optimal":
        raise conflict(given)
    return float(linear.value) * given.size


def solved(given: Problem, objective: Any, held: list[Any], weights: Any, scale: Any = None) -> FloatArray:
    """The weights of the optimum. Raises Infeasible, naming a limit, or NoSolution."""
    status = _run(_cvxpy().Problem(objective, held))
    if status in ("infeasible", "infeasible_inaccurate", "unbounded", "unbounded_inaccurate"):
        raise conflict(given)
    if status not in ("optimal", "optimal_inaccurate"):
        raise NoSolution
    found = np.asarray(weights.value, dtype=np.float64)
    return _tidy(found if scale is None else found / float(scale.value), given.rules)


def conflict(given: Problem, floor: float | None = None) -> DomainError:
    """Which limit makes it impossible: the first without which the others can be met.

    Those that somebody sets for a purpose (turnover, groups) come before those of the single assets. ``floor`` is a
    least weight that is not a limit of the user's.
    """
    cures = [piece for piece in given.pieces if _possible(given, {piece}, floor)]
    cures = [piece for piece in cures if piece[0] not in ("lower", "upper")] or cures
    if len(cures) == 1:
        return Infeasible(_explained(given, cures[0], floor), constraint=given.rules.constraint(cures[0]))
    named = [given.rules.constraint(piece) for piece in cures or _contradicting(given, floor)]
    if not named:
        return NoSolution()
    listed = "; ".join(str(constraint) for constraint in named)
    ending = "One of them has to give way." if cures else "No single one is to blame."
    return Infeasible(f"These limits contradict each other: {listed}. {ending}", constraint=named[0])


def _contradicting(given: Problem, floor: float | None) -> list[Piece]:
    """A few limits that contradict each other already; the others are taken away, as that helps nothing."""
    spare: set[Piece] = set()
    for piece in given.pieces:
        if not _possible(given, spare | {piece}, floor):
            spare.add(piece)
    return [piece for piece in given.pieces if piece not in spare]


def _explained(given: Problem, piece: Piece, floor: float | None) -> str:
    constraint = given.rules.constraint(piece)
    if piece[0] == "turnover":
        least = _least_turnover(given, floor)
        return (
            f"A turnover of at most {percent(constraint.limit)} is too little: the other limits need {percent(least)}."
        )
    text = str(constraint)
    return f"{text[:1].upper()}{text[1:]}: this does not go with the other limits, which could be met without it."


def _least_turnover(given: Problem, floor: float | None) -> float:
    cp = _cvxpy()
    weights = cp.Variable(given.count)
    current = given.rules.current
    held = _limits(given, weights, without={("turnover", "")}, floor=floor)
    _run(cp.Problem(cp.Minimize(cp.norm1(weights - current)), held), linear=True)
    return turnover(np.asarray(weights.value), current)


def _possible(given: Problem, without: Collection[Piece], floor: float | None) -> bool:
    cp = _cvxpy()
    weights = cp.Variable(given.count)
    asked = cp.Problem(cp.Minimize(0), _limits(given, weights, without=without, floor=floor))
    return _run(asked, linear=True) == "optimal"


def _limits(
    given: Problem,
    weights: Any,
    scale: Any = 1.0,
    *,
    without: Collection[Piece] = (),
    floor: float | None = None,
) -> list[Any]:
    """The limits on ``weights`` = ``scale`` × w, less those in ``without``, and that they add up."""
    cp, rules = _cvxpy(), given.rules
    held: dict[Piece, Callable[[], Any]] = {
        ("turnover", ""): lambda: cp.norm1(weights - rules.current * scale) <= 2 * (rules.turnover or 0.0) * scale,
        ("upper", ""): lambda: weights <= rules.upper * scale,
        ("lower", ""): lambda: weights >= rules.lower * scale,
    }
    for row, group in zip(rules.members, rules.groups, strict=True):
        held["group_minimum", group.name] = _bound(row @ weights, group.minimum * scale, above=True)
        held["group_maximum", group.name] = _bound(row @ weights, group.maximum * scale, above=False)
    whole: list[Any] = [cp.sum(weights) == scale]
    if floor is not None:
        whole.append(weights >= floor)
    return [*whole, *_kept(held, given.pieces, without)]


def _kept(held: dict[Piece, Callable[[], Any]], pieces: Iterable[Piece], without: Collection[Piece]) -> list[Any]:
    return [held[piece]() for piece in pieces if piece not in without]


def _bound(total: Any, limit: Any, *, above: bool) -> Callable[[], Any]:
    return lambda: total >= limit if above else total <= limit


def _variance(given: Problem, weights: Any) -> Any:
    cp = _cvxpy()
    return cp.quad_form(weights, cp.psd_wrap(given.risk))


def _root(matrix: FloatArray) -> FloatArray:
    """F with FᵀF = the matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray(np.sqrt(np.maximum(values, 0.0))[:, np.newaxis] * vectors.T)


def _tidy(weights: FloatArray, rules: Rules) -> FloatArray:
    """An interior-point answer stops a hair short of its limits: put on them, the difference given to the rest."""
    if not np.isfinite(weights).all():
        raise NoSolution
    near = 1e-7
    low, high = weights <= rules.lower + near, weights >= rules.upper - near
    tidy = np.where(low, rules.lower, np.where(high, rules.upper, weights))
    free = ~(low | high)
    if free.any():
        tidy[free] += (1.0 - tidy.sum()) / free.sum()
    return tidy if rules.met_by(tidy, within=1e-6) and abs(tidy.sum() - 1) <= near else weights / weights.sum()


def _run(asked: Any, *, linear: bool = False) -> str:
    """Solve a problem, a linear one by HiGHS, which ends in a corner, others by Clarabel; CVXPY's word for the end."""
    cp = _cvxpy()
    if linear:
        asked.solve(solver=cp.SCIPY)
        return str(asked.status)
    status = _attempt(asked, _TIGHT)
    if status not in ("optimal", "infeasible", "unbounded"):
        status = _attempt(asked, _SOUND)
    return status


def _attempt(asked: Any, tolerances: dict[str, float]) -> str:
    import warnings

    cp = _cvxpy()
    with warnings.catch_warnings():
        # Its advice to try another solver is for whoever writes a problem, not for whoever runs the server.
        warnings.filterwarnings("ignore", message="Solution may be inaccurate", category=UserWarning)
        try:
            asked.solve(solver=cp.CLARABEL, **tolerances)
        except cp.error.SolverError:
            return "failed"
    return str(asked.status)


def _cvxpy() -> Any:
    import cvxpy

    return cvxpy
