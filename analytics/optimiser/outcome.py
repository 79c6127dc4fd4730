"""From terms and a universe to everything that is shown of an optimisation, as plain figures for JSON."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

import numpy as np

from analytics.engine import (
    FloatArray,
    Optimum,
    Track,
    annual_return,
    annual_volatility,
    covariance,
    cumulative_returns,
    efficient_frontier,
    equilibrium,
    max_drawdown,
    optimise,
    posterior,
    rebalancings,
    sharpe_ratio,
    walk_forward,
)
from analytics.optimiser.terms import Terms
from analytics.optimiser.universe import Universe, limits_of, reference_of, views_of
from core.errors import DomainError

POINTS = 50
DIGITS = 8  # of a weight: a billionth of a portfolio is below any price's cent
FIGURES = ("total_return", "annual_return", "annual_volatility", "sharpe_ratio", "max_drawdown", "turnover")
Json = dict[str, Any]
Told = Callable[[str], None]
FIRST_STEPS = ("weights", "frontier")
VIEWS = "the views are of today, and nobody held them then"
NEUTRAL = {
    "current": "it would begin from what is held today, which nobody knew then; choose equal neutral weights",
    "capitalisation": "it would begin from today's market values, which nobody knew then; choose equal neutral weights",
}


class Overflow(DomainError):
    """The figures are too extreme: one of them is no finite number."""


class Foresight(DomainError):
    """A walk forward would use what is known today only."""


def steps(terms: Terms, universe: Universe) -> int:
    """How many steps ``outcome`` reports: the weights, the frontier, and each rebalancing of the walk forward."""
    try:
        _check_foresight(terms, universe)
        return len(FIRST_STEPS) + len(rebalancings(len(universe.returns), terms.lookback))
    except DomainError:
        return len(FIRST_STEPS)


def _check_foresight(terms: Terms, universe: Universe) -> None:
    """Raises Foresight where the objective would know today's views, holdings or market values in the past."""
    if terms.objective != "black_litterman":
        return
    if terms.views:
        raise Foresight(VIEWS)
    equal = terms.market == "equal" or (terms.market == "current" and universe.current is None)
    if not equal:
        raise Foresight(NEUTRAL[terms.market])


def outcome(terms: Terms, universe: Universe, told: Told) -> Json:
    """Optimal weights, the frontier and the walk forward. ``told`` hears of each step that is done.

    Raises what ``optimise`` raises, such as Infeasible, and Overflow: every number of the answer is finite. A frontier
    or a walk that cannot be has a ``problem`` instead.
    """
    known = universe.returns if terms.window is None else universe.returns[-terms.window :]
    best = chosen(terms, universe, known, universe.current)
    mean, matrix = expectations(terms, universe, known)
    told("weights")
    frontier = _or_problem(lambda: _frontier(terms, universe, mean, matrix))
    told("frontier")
    walked = _or_problem(lambda: _walk(terms, universe, told))
    found = {
        "basis": "ex-ante",
        "as_of": universe.as_of.isoformat(),
        "currency": universe.currency,
        "price_source": universe.price_source,
        "cash_weight": _ratio(universe.cash_weight),
        "window": _window(universe, len(known)),
        "weights": dict(zip(universe.symbols, _ratios(best.weights), strict=True)),
        "expectations": {
            "mean": mean.tolist(),
            "covariance": matrix.tolist(),
            "periods": universe.periods,
            "risk_free": terms.risk_free / universe.periods,
        },
        "optimum": _optimum(best),
        "current": _current(terms, universe, mean, matrix, best),
        "assets": _assets(universe, best, mean, matrix),
        "frontier": frontier,
        "walk_forward": walked,
    }
    return _finite(found)


def chosen(terms: Terms, universe: Universe, known: FloatArray, held: FloatArray | None) -> Optimum:
    """The optimum on the returns ``known`` of the universe, the turnover counted from ``held``."""
    return optimise(
        known,
        objective=terms.objective,
        estimator=terms.estimator,
        limits=limits_of(terms, universe, held),
        target=terms.target,
        level=terms.level,
        market=reference_of(terms.market, universe) if terms.objective == "black_litterman" else None,
        views=views_of(terms, universe.symbols),
        risk_free=terms.risk_free / universe.periods,
        periods=universe.periods,
    )


def expectations(terms: Terms, universe: Universe, known: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Expected returns (N,) and covariance (N, N) per session, as the objective sees them."""
    matrix = covariance(known, terms.estimator)
    if terms.objective != "black_litterman":
        return known.mean(axis=0), matrix
    prior = equilibrium(matrix, reference_of(terms.market, universe))
    return posterior(prior, matrix, views_of(terms, universe.symbols), periods=universe.periods), matrix


def _or_problem(work: Callable[[], Json]) -> Json:
    try:
        return _finite(work())
    except DomainError as error:
        return {"problem": error.message}


def _finite(found: Json) -> Json:
    """What was found, if it can be stored: JSON has no infinity. Raises Overflow."""
    waiting: list[Any] = [found]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict | list):
            waiting += part.values() if isinstance(part, dict) else part
        elif isinstance(part, float) and not isfinite(part):
            raise Overflow
    return found


def _frontier(terms: Terms, universe: Universe, mean: FloatArray, matrix: FloatArray) -> Json:
    found = efficient_frontier(
        mean=mean,
        covariance=matrix,
        limits=limits_of(terms, universe, universe.current),
        points=POINTS,
        risk_free=terms.risk_free / universe.periods,
        periods=universe.periods,
    )
    return {
        "expected_return": _ratios(found.expected_return),
        "volatility": _ratios(found.volatility),
        "sharpe": _ratios(found.sharpe),
        "weights": [_ratios(row) for row in found.weights],
    }


def _walk(terms: Terms, universe: Universe, told: Told) -> Json:
    _check_foresight(terms, universe)

    def choose(known: FloatArray, held: FloatArray) -> FloatArray:
        told("walk forward")
        return chosen(terms, universe, known, held).weights

    found = walk_forward(universe.returns, choose, window=terms.lookback, cost=terms.cost)
    days = np.datetime_as_string(universe.days)
    sessions = len(days) - found.start
    return {
        "days": days[found.start :].tolist(),
        "optimised": _path(found.chosen, sessions),
        "equal": _path(found.equal, sessions),
        "rebalanced": [str(days[row]) for row in found.rebalanced],
        "skipped": [{"day": str(days[row]), "reason": reason} for row, reason in found.skipped.items()],
        "figures": {
            "optimised": _judged(found.chosen, terms, universe),
            "equal": _judged(found.equal, terms, universe),
        },
        "lookback": terms.lookback,
        "cost": terms.cost,
    }


def _path(track: Track, sessions: int) -> list[float | None]:
    """The return from the start to each session; None after everything was lost."""
    found = _ratios(cumulative_returns(track.returns))
    return [*found, *[None] * (sessions - len(found))]


def _judged(track: Track, terms: Terms, universe: Universe) -> Json:
    """Figures of one track after costs; None where one is not defined. ``problem`` says that everything was lost."""
    periods = universe.periods
    net, risk_free = track.returns, terms.risk_free / periods
    if track.ruin is not None:
        lost = {
            "total_return": -1.0,
            "max_drawdown": -1.0,
            "problem": f"lost everything on {universe.days[track.ruin]}",
        }
        return dict.fromkeys(FIGURES) | lost
    return {
        "total_return": _ratio(float(cumulative_returns(net)[-1])),
        "annual_return": _figure(lambda: annual_return(net, periods=periods)),
        "annual_volatility": _figure(lambda: annual_volatility(net, periods=periods)),
        "sharpe_ratio": _figure(lambda: sharpe_ratio(net, risk_free=risk_free, periods=periods)),
        "max_drawdown": _figure(lambda: max_drawdown(net)),
        "turnover": _ratio(float(track.turnover[1:].mean())) if len(track.turnover) > 1 else None,
    }


def _figure(work: Callable[[], Any]) -> float | None:
    try:
        return _ratio(float(work()))
    except DomainError:
        return None


def _optimum(best: Optimum) -> Json:
    return {
        "expected_return": _ratio(best.expected_return),
        "volatility": _ratio(best.volatility),
        "sharpe": _ratio(best.sharpe),
        "value": _ratio(best.value),
        "binding": [str(constraint) for constraint in best.binding],
    }


def _current(terms: Terms, universe: Universe, mean: FloatArray, matrix: FloatArray, best: Optimum) -> Json | None:
    """What today's weights promise by the same expectations, and how much the way to the optimum turns over."""
    held = universe.current
    if held is None:
        return None
    year = universe.periods
    expected, volatility = float(mean @ held) * year, float(np.sqrt(held @ matrix @ held * year))
    return {
        "expected_return": _ratio(expected),
        "volatility": _ratio(volatility),
        "sharpe": _ratio((expected - terms.risk_free) / volatility) if volatility > 0 else None,
        "turnover": _ratio(float(np.abs(best.weights - held).sum()) / 2),
    }


def _assets(universe: Universe, best: Optimum, mean: FloatArray, matrix: FloatArray) -> list[Json]:
    held, year = universe.current, universe.periods
    return [
        {
            "asset_id": candidate.asset_id,
            "symbol": candidate.symbol,
            "name": candidate.name,
            "sector": candidate.sector,
            "current": None if held is None else _ratio(held[column]),
            "weight": _ratio(best.weights[column]),
            "risk_share": _ratio(best.risk_shares[column]),
            "expected_return": _ratio(mean[column] * year),
            "volatility": _ratio(np.sqrt(matrix[column, column] * year)),
        }
        for column, candidate in enumerate(universe.candidates)
    ]


def _window(universe: Universe, observations: int) -> Json:
    days = universe.days[-observations:]
    return {"start": str(days[0]), "end": str(days[-1]), "observations": observations}


def _ratio(value: float) -> float:
    return round(float(value), DIGITS) + 0.0


def _ratios(values: FloatArray) -> list[float]:
    return [_ratio(value) for value in values]
