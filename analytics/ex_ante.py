"""What today's weights have in store: losses by every method, volatility, beta, who contributes. Pure; no Django."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics import dependence, engine
from analytics.dependence import Contribution
from analytics.engine import InsufficientData, Method, UndefinedMetric
from analytics.engine.parametric import filtered, fitted
from analytics.engine.simulate import Distribution
from analytics.engine.tail import full_tail
from analytics.engine.types import root
from analytics.exposure import MIN_SESSIONS, Exposure
from analytics.valuation import FloatArray

NO_BENCHMARK = "the portfolio has no benchmark"


@dataclass(frozen=True, slots=True)
class MethodLabel:
    """What a method of value at risk is called, and how it reaches a longer horizon."""

    name: str
    over_horizon: str


ROOT, PATHS = "by the square root of time", "by simulation"
METHOD_LABELS: dict[Method, MethodLabel] = {
    "historical": MethodLabel("Historical", ROOT),
    "normal": MethodLabel("Normal", ROOT),
    "cornish_fisher": MethodLabel("Cornish–Fisher", ROOT),
    "ewma": MethodLabel("Historical, EWMA-filtered", ROOT),
    "monte_carlo": MethodLabel("Monte Carlo, normal", PATHS),
    "monte_carlo_t": MethodLabel("Monte Carlo, Student t", PATHS),
}
_DRAWN: dict[Method, Distribution] = {"monte_carlo": "normal", "monte_carlo_t": "student"}


@dataclass(frozen=True, slots=True)
class Loss:
    """Value at risk and expected shortfall, positive fractions of the value; None where ``problem`` says why."""

    method: Method
    level: float
    horizon: int
    value_at_risk: float | None = None
    expected_shortfall: float | None = None
    problem: str = ""


def losses(
    exposure: Exposure, *, methods: Sequence[Method], levels: Sequence[float], horizons: Sequence[int]
) -> list[Loss]:
    """Each method at each level over each horizon, in that order.

    The Monte Carlo methods draw from the covariance of the holdings, with a fixed seed, and simulate every session of
    the horizon; the others take the square root of time.
    """
    return [
        loss
        for method in methods
        for cases in [_cases(exposure, method, horizons)]
        for level in levels
        for loss in _losses(exposure, cases, method, level, horizons)
    ]


Cases = Callable[[int], tuple[FloatArray, Method, float]]
MEASURES: dict[str, Callable[..., Any]] = {
    "value_at_risk": engine.value_at_risk,
    "expected_shortfall": engine.expected_shortfall,
}


def loss_of(exposure: Exposure, measure: str, *, method: Method, level: float, horizon: int) -> Any:
    """One loss of ``losses``, by a key of ``MEASURES``; recorded where what it is computed from is.

    Raises UndefinedMetric or InsufficientData, with what ``Loss.problem`` says.
    """
    needed = max(MIN_SESSIONS, full_tail(level))
    if exposure.observations < needed:
        raise InsufficientData(needed, exposure.observations)
    cases = _cases(exposure, method, [horizon])
    if isinstance(cases, str):
        raise UndefinedMetric(cases)
    series, by, scale = cases(horizon)
    return MEASURES[measure](series, level, method=by) * scale


def _losses(
    exposure: Exposure, cases: Cases | str, method: Method, level: float, horizons: Sequence[int]
) -> Iterator[Loss]:
    needed = max(MIN_SESSIONS, full_tail(level))
    known: dict[int, tuple[float, float]] = {}  # what only a factor tells apart is computed once
    for horizon in horizons:
        if exposure.observations < needed:
            yield Loss(method, level, horizon, problem=str(InsufficientData(needed, exposure.observations)))
        elif isinstance(cases, str):
            yield Loss(method, level, horizon, problem=cases)
        else:
            series, by, scale = cases(horizon)
            if id(series) not in known:
                found = [float(measure(series, level, method=by)) for measure in MEASURES.values()]
                known[id(series)] = found[0], found[1]
            of_one = known[id(series)]
            yield Loss(method, level, horizon, float(of_one[0] * scale), float(of_one[1] * scale))


def _cases(exposure: Exposure, method: Method, horizons: Sequence[int]) -> Cases | str:
    """For each horizon the returns, the method that takes a loss from them and its factor; or why there are none.

    What is filtered or drawn serves every level.
    """
    earned = exposure.portfolio_returns
    if method == "historical":
        return lambda horizon: (earned, method, root(horizon))
    try:
        fitted(earned)
        if method in _DRAWN:
            paths = _paths(exposure, _DRAWN[method], horizons)
            return lambda horizon: (paths[int(horizon)], "historical", 1.0)
    except (UndefinedMetric, InsufficientData) as error:
        return str(error)
    if method == "ewma":
        scaled = filtered(earned)
        return lambda horizon: (scaled, "historical", root(horizon))
    return lambda horizon: (earned, method, root(horizon))


def _paths(exposure: Exposure, distribution: Distribution, horizons: Sequence[int]) -> dict[int, FloatArray]:
    """Simulated returns over each horizon, from mean and covariance of the holdings."""
    weights, covariance, mean = exposure.weights, engine.covariance(exposure.returns), exposure.returns.mean(axis=0)
    draw = partial(engine.simulate, weights, covariance, mean=mean, distribution=distribution)
    return {int(horizon): draw(horizon=horizon) for horizon in horizons}


# --- volatility, beta and contributions -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outlook:
    """Ex-ante figures of one portfolio. A figure that is None has its reason in ``problems``."""

    volatility: float | None = None
    beta: float | None = None
    contributions: tuple[Contribution, ...] = ()
    problems: dict[str, str] = field(default_factory=dict)


def outlook(exposure: Exposure, benchmark: FloatArray | None) -> Outlook:
    """Volatility a year, beta to the benchmark, and the holdings' contributions to the volatility, the largest first.

    ``benchmark`` (T,) has the returns of the same sessions, NaN where there is none.
    """
    problems: dict[str, str] = {}

    def figure(name: str, compute: Callable[[], Any]) -> Any:
        try:
            return compute()
        except (UndefinedMetric, InsufficientData) as error:
            problems[name] = str(error)
            return None

    volatility = figure(
        "volatility", lambda: float(engine.annual_volatility(exposure.portfolio_returns, exposure.periods))
    )
    beta = figure("beta", lambda: _beta(exposure, benchmark))
    contributions = figure("contributions", lambda: dependence.contributions(exposure).holdings)
    return Outlook(volatility, beta, contributions or (), problems)


def _beta(exposure: Exposure, benchmark: FloatArray | None) -> float:
    if benchmark is None:
        raise UndefinedMetric(NO_BENCHMARK)
    known = compared(benchmark)
    return float(engine.beta(exposure.portfolio_returns[known], benchmark[known]))


def compared(benchmark: FloatArray) -> NDArray[np.bool_]:
    """The sessions (T,) with a return of the benchmark. Raises InsufficientData for too few."""
    known = np.isfinite(benchmark)
    if known.sum() < MIN_SESSIONS:
        raise InsufficientData(MIN_SESSIONS, int(known.sum()))
    return known
