"""What the optimiser says when no weights will do, and when its figures are not usable."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from analytics.engine import (
    OBJECTIVES,
    Constraint,
    ContradictoryViews,
    Group,
    Infeasible,
    InsufficientData,
    Limits,
    Objective,
    SingularCovariance,
    UndefinedMetric,
    Views,
    WeightsDoNotAddUp,
    efficient_frontier,
    equilibrium,
    optimise,
    posterior,
)

NAMES = ("AAA", "BBB", "CCC", "DDD")
RETURNS = np.random.default_rng(11).normal(0.0005, 0.01, (300, 4)) * [1, 1.2, 1.5, 2]
ONE = np.array([0.0, 0.0, 0.0, 1.0])


def of(kind: str, name: str = "") -> tuple[str, str]:
    return kind, name


IMPOSSIBLE: dict[str, tuple[Objective, Limits, dict[str, Any], tuple[str, str], str]] = {
    "too little room": ("min_variance", Limits(upper=0.2), {}, of("upper"), "add up to 80 % only"),
    "too much wanted": ("min_variance", Limits(lower=0.3), {}, of("lower"), "add up to 120 %"),
    "an asset's own limits": (
        "hrp",
        Limits(lower=[0, 0.4, 0, 0], upper=0.3, names=NAMES),
        {},
        of("upper", "BBB"),
        "BBB cannot be at least 40 % and at most 30 %",
    ),
    "a sector beyond its assets": (
        "min_variance",
        Limits(upper=0.3, groups=(Group("Energy", (1,), minimum=0.5),)),
        {},
        of("group_minimum", "Energy"),
        "upper limits of its assets add up to 30 %",
    ),
    "a sector below its assets": (
        "min_cvar",
        Limits(lower=0.2, groups=(Group("Energy", (1, 2), maximum=0.3),)),
        {},
        of("group_maximum", "Energy"),
        "lower limits of its assets add up to 40 %",
    ),
    "a sector against itself": (
        "min_variance",
        Limits(groups=(Group("Energy", (1,), 0.5, 0.4),)),
        {},
        of("group_minimum", "Energy"),
        "at least 50 % and at most 40 %",
    ),
    "two sectors": (
        "max_sharpe",
        Limits(groups=(Group("Energy", (0, 1), minimum=0.6), Group("Banks", (2, 3), minimum=0.6))),
        {},
        of("group_minimum", "Energy"),
        "Banks together at least 60 %",
    ),
    "a sector between the limits of the others": (
        "risk_parity",
        Limits(groups=(Group("Energy", (0, 1, 2), maximum=0.5), Group("Banks", (3,), maximum=0.4))),
        {},
        of("group_maximum", "Energy"),
        "One of them has to give way",
    ),
    "turnover": (
        "min_variance",
        Limits(upper=0.5, current=ONE, turnover=0.1, names=NAMES),
        {},
        of("turnover"),
        "10 % is too little: the other limits need 50 %",
    ),
    "turnover, on the Sharpe ratio": (
        "max_sharpe",
        Limits(upper=0.5, current=ONE, turnover=0.1),
        {},
        of("turnover"),
        "too little",
    ),
    "target return": ("target_return", Limits(), {"target": 9.0}, of("target_return"), "out of reach"),
    "target volatility": ("target_volatility", Limits(), {"target": 0.01}, of("target_volatility"), "out of reach"),
    "nothing above the risk-free return": (
        "max_sharpe",
        Limits(),
        {"risk_free": 0.01},
        of("risk_free"),
        "earn more than the risk-free",
    ),
    "risk of what may not be held": (
        "risk_parity",
        Limits(upper=[0, 1, 1, 1], names=NAMES),
        {},
        of("upper", "AAA"),
        "AAA has to bear risk",
    ),
    "risk of what may not be bought": (
        "risk_parity",
        Limits(current=ONE, turnover=0),
        {},
        of("turnover"),
        "too little",
    ),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_the_limit_that_makes_it_impossible_is_named(case: str) -> None:
    objective, limits, given, blamed, words = IMPOSSIBLE[case]

    with pytest.raises(Infeasible, match=words) as caught:
        optimise(RETURNS, objective=objective, limits=limits, **given)

    assert (caught.value.constraint.kind, caught.value.constraint.name) == blamed
    assert caught.value.field


def test_the_best_that_can_be_reached_is_told() -> None:
    best = RETURNS.mean(axis=0).max() * 252

    with pytest.raises(Infeasible, match=f"{best * 100:.4g}"):
        optimise(RETURNS, objective="target_return", target=best + 0.01)
    assert optimise(RETURNS, objective="target_return", target=best).weights.max() > 0.999


def test_an_infeasible_frontier_names_its_limit() -> None:
    with pytest.raises(Infeasible, match="turnover"):
        efficient_frontier(RETURNS, limits=Limits(upper=0.5, current=ONE, turnover=0.1))


def test_infeasible_survives_the_way_between_processes() -> None:
    error = Infeasible("No.", constraint=Constraint("upper", "AAA", 0.2))

    back = pickle.loads(pickle.dumps(error))

    assert (back.message, back.constraint, back.field) == ("No.", error.constraint, "upper")


def replaced(value: float) -> Any:
    returns = RETURNS.copy()
    returns[7, 2] = value
    return returns


FLAT = RETURNS * [1, 1, 0, 1] + [0, 0, 0.001, 0]
BAD: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "NaN": (replaced(np.nan), {}, ValueError, "NaN"),
    "infinity": (replaced(np.inf), {}, ValueError, "infinity"),
    "a constant series": (FLAT, {"limits": Limits(names=NAMES)}, UndefinedMetric, "CCC does not vary"),
    "one observation": (RETURNS[:1], {}, InsufficientData, "needs 2 days, has 1"),
    "no asset": (np.empty((5, 0)), {}, ValueError, "shape"),
    "one series": (RETURNS[:, 0], {}, ValueError, "shape"),
    "nothing": (None, {}, ValueError, "must be given"),
    "an unknown objective": (RETURNS, {"objective": "max_luck"}, ValueError, "objective must be one of"),
    "an unknown estimator": (RETURNS, {"estimator": "guess"}, ValueError, "method must be"),
    "no target": (RETURNS, {"objective": "target_return"}, ValueError, "needs a target"),
    "a target that is none": (RETURNS, {"objective": "target_return", "target": np.nan}, ValueError, "target"),
    "a negative volatility": (RETURNS, {"objective": "target_volatility", "target": -0.1}, ValueError, "positive"),
    "level 0": (RETURNS, {"objective": "min_cvar", "level": 0}, ValueError, "level"),
    "level 1": (RETURNS, {"objective": "min_cvar", "level": 1}, ValueError, "level"),
    "a tail of nothing": (RETURNS, {"objective": "min_cvar", "level": 0.999}, InsufficientData, "needs 1000"),
    "a tail without returns": (
        None,
        {"objective": "min_cvar", "mean": np.ones(2), "covariance": np.eye(2)},
        ValueError,
        "needs returns",
    ),
    "weights that do not add up": (RETURNS, {"limits": Limits(current=[0.3] * 4)}, WeightsDoNotAddUp, "120 %"),
    "a market that does not add up": (
        RETURNS,
        {"objective": "black_litterman", "market": [0.1] * 4},
        WeightsDoNotAddUp,
        "market",
    ),
    "budgets that do not add up": (
        RETURNS,
        {"objective": "risk_parity", "budgets": [0.1] * 4},
        WeightsDoNotAddUp,
        "budgets",
    ),
    "a budget of nothing": (RETURNS, {"objective": "risk_parity", "budgets": [0, 0, 0.5, 0.5]}, ValueError, "positive"),
    "limits for others": (RETURNS, {"limits": Limits(upper=[0.5, 0.5])}, ValueError, "upper"),
    "a limit that is none": (RETURNS, {"limits": Limits(upper=np.nan)}, ValueError, "upper"),
    "a group of others": (RETURNS, {"limits": Limits(groups=(Group("X", (9,)),))}, ValueError, "member"),
    "a group's limit that is none": (
        RETURNS,
        {"limits": Limits(groups=(Group("X", (1,), minimum=float("nan")),))},
        ValueError,
        "finite",
    ),
    "a group twice": (RETURNS, {"limits": Limits(groups=(Group("X", (1,)),) * 2)}, ValueError, "same name"),
    "a negative turnover": (RETURNS, {"limits": Limits(current=ONE, turnover=-1)}, ValueError, "turnover"),
    "turnover of nothing known": (RETURNS, {"limits": Limits(turnover=0.1)}, ValueError, "current"),
    "names of others": (RETURNS, {"limits": Limits(names=("AAA",))}, ValueError, "names"),
    "no periods": (RETURNS, {"periods": 0}, ValueError, "periods"),
    "no risk aversion": (RETURNS, {"objective": "black_litterman", "risk_aversion": 0}, ValueError, "risk_aversion"),
    "not a covariance": (
        None,
        {"mean": np.zeros(2), "covariance": [[1.0, 2.0], [2.0, 1.0]]},
        ValueError,
        "semidefinite",
    ),
    "figures of others": (None, {"mean": np.zeros(3), "covariance": np.eye(2)}, ValueError, "do not fit"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_by_name(case: str) -> None:
    returns, given, error, words = BAD[case]

    with pytest.raises(error, match=words):
        optimise(returns, **({"objective": "min_variance"} | given))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_singular_covariance_is_refused_where_no_weights_are_the_best(objective: Objective) -> None:
    twice = np.column_stack([RETURNS, RETURNS[:, 0]])
    target = {"target_return": 0.05, "target_volatility": 0.2}.get(objective)
    if objective in ("hrp", "min_cvar"):
        assert np.isfinite(optimise(twice, objective=objective).weights).all()
        return
    for series in (twice, RETURNS[:4]):
        with pytest.raises(SingularCovariance, match="Ledoit–Wolf"):
            optimise(series, objective=objective, target=target)
    # Shrinking makes one of them the best again.
    if objective != "target_return":
        assert np.isfinite(optimise(twice, objective=objective, target=target, estimator="ledoit_wolf").weights).all()


def test_what_cancels_out_has_no_sharpe_ratio() -> None:
    hedged = np.column_stack([RETURNS[:, 0], -RETURNS[:, 0]])

    with pytest.raises(UndefinedMetric, match="no risk"):
        optimise(hedged, objective="min_cvar", limits=Limits(lower=0.5, upper=0.5))


def test_a_frontier_needs_two_points_and_a_covariance_that_can_be_inverted() -> None:
    with pytest.raises(ValueError, match="points"):
        efficient_frontier(RETURNS, points=1)
    with pytest.raises(SingularCovariance):
        efficient_frontier(RETURNS[:3])


VIEWS: dict[str, tuple[Views, type[Exception], str]] = {
    "no confidence": (Views([[1, 0, 0, 0]], [0.1], [0.0]), ValueError, "confidence"),
    "more than certain": (Views([[1, 0, 0, 0]], [0.1], [1.1]), ValueError, "confidence"),
    "a view of nothing": (Views([[0, 0, 0, 0]], [0.1], [0.5]), ValueError, "about an asset"),
    "a return too few": (Views([[1, 0, 0, 0]], [], [0.5]), ValueError, "views"),
    "NaN": (Views([[1, 0, 0, 0]], [np.nan], [0.5]), ValueError, "NaN"),
    "certain and certain": (
        Views([[1, 0, 0, 0], [2, 0, 0, 0]], [0.1, 0.3], [1.0, 1.0]),
        ContradictoryViews,
        "contradict",
    ),
}


@pytest.mark.parametrize("case", VIEWS)
def test_views_that_make_no_sense_are_refused(case: str) -> None:
    views, error, words = VIEWS[case]

    with pytest.raises(error, match=words):
        optimise(RETURNS, objective="black_litterman", views=views)


def test_a_view_of_what_cancels_out_is_refused() -> None:
    twice = np.column_stack([RETURNS, RETURNS[:, 0]])
    matrix = np.cov(twice.T)

    with pytest.raises(ValueError, match="varies"):
        posterior(equilibrium(matrix, np.full(5, 0.2)), matrix, Views([[1, 0, 0, 0, -1]], [0.1], [0.5]))
