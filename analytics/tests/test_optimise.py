"""The optimiser against another library's weights, against random ones, and against formulas where there are any."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from analytics.engine import (
    OBJECTIVES,
    FloatArray,
    Group,
    Limits,
    Objective,
    Optimum,
    Views,
    covariance,
    efficient_frontier,
    equilibrium,
    expected_shortfall,
    hierarchical_risk_parity,
    optimise,
    posterior,
)
from analytics.engine.hierarchy import leaf_order
from analytics.engine.programs import NoSolution
from analytics.tests.optima import YEAR, Region, cost, plain_clusters, plain_hrp

GOLDEN = Path(__file__).parent / "golden"
CASES = json.loads((GOLDEN / "optimisation.json").read_text())["cases"]
COMPARABLE: dict[str, Objective] = {
    "riskfolio/Classic_MinRisk[MV]": "min_variance",
    "riskfolio/Classic_Sharpe[MV]": "max_sharpe",
}
# Left out by name: measures and problems that the optimiser does not offer.
EXCLUDED = {
    "riskfolio/Classic_MinRisk[EVaR]": "entropic value at risk",
    "riskfolio/Classic_MinRisk[EDaR]": "entropic drawdown at risk",
    "riskfolio/Classic_Sharpe[EVaR]": "entropic value at risk",
    "riskfolio/Classic_Sharpe[EDaR]": "entropic drawdown at risk",
    "riskfolio/Classic_RP[CVaR]": "risk parity on expected shortfall",
    "riskfolio/Classic_WC[Sharpe-ellip-box]": "worst case over uncertainty sets",
}
TARGETS = {"target_return": 0.3, "target_volatility": 0.15}
SOLVED: tuple[Objective, ...] = tuple(name for name in OBJECTIVES if name not in ("hrp", "black_litterman"))


def history(assets: list[str] | None = None) -> FloatArray:
    """The last 200 daily returns of ten US stocks to the end of 2019."""
    with gzip.open(GOLDEN / "riskfolio_prices.csv.gz", "rt") as file:
        prices = pd.read_csv(file, index_col=0).drop(columns="SPY")
    return np.asarray(prices[assets or list(prices.columns)].pct_change().dropna().iloc[-200:].to_numpy())


RETURNS = history()
COUNT = RETURNS.shape[1]


def solve(objective: Objective, returns: FloatArray = RETURNS, **given: Any) -> Optimum:
    return optimise(returns, objective=objective, target=TARGETS.get(objective), **given)


@pytest.mark.parametrize("case", [case for case in CASES if case["id"] in COMPARABLE], ids=lambda case: case["id"])
def test_weights_of_another_library(case: dict[str, Any]) -> None:
    assets = case["inputs"]["assets"]

    found = solve(COMPARABLE[case["id"]], history(assets))

    assert_allclose(found.weights, [case["expected"][name] for name in assets], atol=case["tolerance"]["abs"])


def test_every_case_is_compared_or_left_out_by_name() -> None:
    assert {case["id"] for case in CASES} == COMPARABLE.keys() | EXCLUDED.keys()


def region(objective: str, limits: Limits) -> Region:
    """The limits and the target as rows of a matrix; the turnover through corners only where there is none."""
    rows, edges = [], []
    for group in limits.groups:
        row = np.isin(np.arange(COUNT), group.members).astype(float)
        rows += [row, -row]
        edges += [group.maximum, -group.minimum]
    if objective == "target_return":
        rows.append(-RETURNS.mean(axis=0))
        edges.append(-TARGETS["target_return"] / YEAR)
    lower, upper = (np.broadcast_to(np.asarray(side, dtype=float), (COUNT,)) for side in (limits.lower, limits.upper))
    return Region(lower, upper, np.array(rows).reshape(-1, COUNT), np.array(edges))


LIMITS = {
    "long only": Limits(),
    "bounds": Limits(lower=0.02, upper=0.25),
    "sectors": Limits(upper=0.4, groups=(Group("A", (0, 2, 4), 0.3, 0.5), Group("B", (1, 9), 0.1, 0.2))),
    "short": Limits(lower=-0.2, upper=0.6),
}


@pytest.mark.parametrize("kind", LIMITS)
@pytest.mark.parametrize("objective", SOLVED)
def test_no_worse_than_a_thousand_random_weights_within_the_limits(objective: Objective, kind: str) -> None:
    limits = LIMITS[kind]
    found = solve(objective, limits=limits)
    within = region(objective, limits)
    drawn = within.draw(np.random.default_rng(7), 1000, found.weights)
    if objective == "target_volatility":
        deviation = np.sqrt(np.einsum("ki,ij,kj->k", drawn, np.cov(RETURNS.T), drawn) * YEAR)
        drawn = drawn[deviation <= TARGETS[objective]]
    if objective == "risk_parity":
        drawn = drawn[(drawn > 0).all(axis=1)]
    assert len(drawn) > 100

    best = cost(objective, found.weights[np.newaxis], RETURNS)[0]

    assert best <= cost(objective, drawn, RETURNS).min() + 1e-9 * abs(best)


@pytest.mark.parametrize("kind", LIMITS)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_optimum_keeps_to_its_limits(objective: Objective, kind: str) -> None:
    limits = LIMITS[kind]
    weights = solve(objective, limits=limits).weights

    assert_allclose(weights.sum(), 1, atol=1e-9)
    assert (weights >= np.asarray(limits.lower) - 1e-9).all()
    assert (weights <= np.asarray(limits.upper) + 1e-9).all()
    for group in limits.groups:
        assert group.minimum - 1e-6 <= weights[list(group.members)].sum() <= group.maximum + 1e-6


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_turnover_stays_within_its_limit_and_is_named_when_it_binds(objective: Objective) -> None:
    current = np.zeros(COUNT)
    current[[0, 3, 5]] = [0.5, 0.3, 0.2]

    found = solve(objective, limits=Limits(current=current, turnover=0.55))

    assert np.abs(found.weights - current).sum() / 2 <= 0.55 + 1e-7
    if objective in ("hrp", "risk_parity"):
        assert [str(limit) for limit in found.binding] == ["turnover of at most 55 %"]


@pytest.mark.parametrize("objective", SOLVED)
def test_the_value_is_that_of_the_objective(objective: Objective) -> None:
    found = solve(objective)

    least = cost(objective, found.weights[np.newaxis], RETURNS)[0]
    sign = -1 if objective in ("max_sharpe", "target_volatility") else 1
    assert_allclose(found.value, sign * least, rtol=1e-9)


def test_what_an_optimum_promises() -> None:
    found = solve("max_sharpe", risk_free=0.0001)
    earned = RETURNS @ found.weights

    assert_allclose(found.expected_return, earned.mean() * YEAR)
    assert_allclose(found.volatility, earned.std(ddof=1) * np.sqrt(YEAR))
    assert_allclose(found.sharpe, (earned.mean() - 0.0001) / earned.std(ddof=1) * np.sqrt(YEAR))
    assert_allclose(found.risk_shares.sum(), 1)


def test_min_variance_without_bounds_is_the_formula() -> None:
    matrix = np.cov(RETURNS.T)
    formula = np.linalg.solve(matrix, np.ones(COUNT))

    found = solve("min_variance", limits=Limits(lower=-5, upper=5))

    assert_allclose(found.weights, formula / formula.sum(), atol=1e-7)


def test_max_sharpe_without_bounds_is_the_formula() -> None:
    formula = np.linalg.solve(np.cov(RETURNS.T), RETURNS.mean(axis=0) - 0.0001)

    found = solve("max_sharpe", limits=Limits(lower=-20, upper=20), risk_free=0.0001)

    assert_allclose(found.weights, formula / formula.sum(), atol=1e-6)


@pytest.mark.parametrize("estimator", ["sample", "ewma", "ledoit_wolf"])
def test_each_estimator_has_its_own_optimum(estimator: Any) -> None:
    matrix = covariance(RETURNS, estimator)

    found = optimise(RETURNS, objective="min_variance", estimator=estimator)
    given = optimise(objective="min_variance", mean=RETURNS.mean(axis=0), covariance=matrix)

    assert_allclose(found.weights, given.weights, atol=1e-8)
    assert_allclose(found.value, found.weights @ matrix @ found.weights * YEAR)


def test_risk_parity_shares_the_risk_as_the_budgets_say() -> None:
    budgets = np.arange(1, COUNT + 1) / np.arange(1, COUNT + 1).sum()

    assert_allclose(solve("risk_parity").risk_shares, 1 / COUNT, atol=1e-7)
    assert_allclose(solve("risk_parity", budgets=budgets).risk_shares, budgets, atol=1e-7)


@pytest.mark.parametrize("calm", [1e-10, 1e-16, 1e-20])
def test_risk_parity_of_assets_whose_risks_are_worlds_apart(calm: float) -> None:
    deviation = np.sqrt([1e-4, calm, 1e-4, 1e-2])

    found = optimise(objective="risk_parity", mean=np.full(4, 1e-4), covariance=np.diag(deviation**2))

    assert_allclose(found.weights, 1 / deviation / (1 / deviation).sum(), rtol=1e-9)
    assert_allclose(found.risk_shares, 0.25, rtol=1e-9)
    assert np.isfinite(found.value)


def test_risk_parity_that_limits_leave_no_risk_for_is_said() -> None:
    matrix, limits = np.diag([1e-4, 1e-16, 1e-4, 1e-2]), Limits(lower=[0, 0.5, 0, 0], upper=[1, 0.99, 1, 1])

    try:
        found = optimise(objective="risk_parity", mean=np.full(4, 1e-4), covariance=matrix, limits=limits)
    except NoSolution:
        return
    assert (found.weights > 0).all()
    assert np.isfinite(found.value)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 10])
def test_hrp_is_what_plain_python_makes_of_it(count: int) -> None:
    matrix = np.cov(RETURNS[:, :count].T).reshape(count, count)
    order = leaf_order(matrix).tolist()

    for cluster in plain_clusters(matrix):
        places = sorted(order.index(asset) for asset in cluster)
        assert places == list(range(places[0], places[0] + len(cluster)))
    assert_allclose(hierarchical_risk_parity(matrix), plain_hrp(order, matrix), rtol=1e-12)
    assert_allclose(solve("hrp", RETURNS[:, :count]).weights, plain_hrp(order, matrix), rtol=1e-12)


def test_hrp_takes_what_is_held_twice_and_goes_to_the_nearest_within_limits() -> None:
    twice = np.column_stack([RETURNS, RETURNS[:, 0]])
    free = solve("hrp", twice)
    capped = solve("hrp", twice, limits=Limits(upper=0.12))

    assert_allclose(free.value, 0)
    assert capped.weights.max() <= 0.12 + 1e-9
    drawn = np.random.default_rng(3).dirichlet(np.full(11, 20.0), size=20_000)
    drawn = drawn[drawn.max(axis=1) <= 0.12]
    assert len(drawn) > 100
    assert capped.value <= np.square(drawn - free.weights).sum(axis=1).min()


def test_min_cvar_is_the_engines_expected_shortfall_also_between_two_observations() -> None:
    found = solve("min_cvar", level=0.977)

    assert_allclose(found.value, expected_shortfall(RETURNS @ found.weights, 0.977))
    assert found.value <= expected_shortfall(RETURNS @ solve("min_variance").weights, 0.977)


MARKET = np.arange(1, COUNT + 1) / np.arange(1, COUNT + 1).sum()


def test_without_views_black_litterman_holds_the_market() -> None:
    assert_allclose(solve("black_litterman", market=MARKET).weights, MARKET, atol=1e-6)


@pytest.mark.parametrize("confidence", [0.1, 0.5, 1.0])
def test_a_view_moves_the_expectation_by_its_confidence(confidence: float) -> None:
    matrix = np.cov(RETURNS.T)
    prior = equilibrium(matrix, MARKET)
    row = np.zeros((1, COUNT))
    row[0, [2, 5]] = 1, -1

    after = posterior(prior, matrix, Views(row, [0.08], [confidence]))

    before = float((row @ prior)[0]) * YEAR
    assert_allclose((row @ after)[0] * YEAR, before + confidence * (0.08 - before))


def test_the_posterior_is_the_textbooks() -> None:
    matrix = np.cov(RETURNS.T)
    prior, tau = equilibrium(matrix, MARKET), 0.05
    picks = np.zeros((2, COUNT))
    picks[0, 0], picks[1, 3], picks[1, 4] = 1, 1, -1
    expected, confidences = np.array([0.2, 0.05]) / YEAR, np.array([0.6, 0.3])
    omega = np.diag(np.diag(picks @ (tau * matrix) @ picks.T) * (1 / confidences - 1))
    inverse = np.linalg.inv(tau * matrix)
    # The other form of the formula: precisions instead of the gain.
    precision = inverse + picks.T @ np.linalg.inv(omega) @ picks
    textbook = np.linalg.solve(precision, inverse @ prior + picks.T @ np.linalg.inv(omega) @ expected)

    assert_allclose(posterior(prior, matrix, Views(picks, expected * YEAR, confidences), tau=tau), textbook, rtol=1e-8)


def test_a_view_that_something_rises_buys_more_of_it() -> None:
    row = np.zeros((1, COUNT))
    row[0, 4] = 1
    before = solve("black_litterman", market=MARKET)

    after = solve("black_litterman", market=MARKET, views=Views(row, [0.5], [0.7]))

    assert after.weights[4] > before.weights[4] + 0.05
    drawn = np.random.default_rng(1).dirichlet(np.ones(COUNT), size=1000)
    mean = posterior(equilibrium(np.cov(RETURNS.T), MARKET), np.cov(RETURNS.T), Views(row, [0.5], [0.7]))
    worth = drawn @ mean - 2.5 / 2 * np.einsum("ki,ij,kj->k", drawn, np.cov(RETURNS.T), drawn)
    assert after.value / YEAR >= worth.max()


def test_the_frontier_rises_from_the_least_variance_to_the_best_return() -> None:
    frontier = efficient_frontier(RETURNS)

    assert frontier.weights.shape == (50, COUNT)
    assert_allclose(frontier.weights.sum(axis=1), 1, atol=1e-9)
    assert_allclose(frontier.volatility[0], solve("min_variance").volatility, rtol=1e-7)
    assert_allclose(frontier.expected_return[-1], RETURNS.mean(axis=0).max() * YEAR, rtol=1e-6)
    assert (np.diff(frontier.volatility) > 0).all()
    assert_allclose(np.diff(frontier.expected_return), np.diff(frontier.expected_return)[0], rtol=1e-4)
    # The efficient set is convex, and holds the portfolio with the best Sharpe ratio.
    assert (np.diff(frontier.volatility, 2) > -1e-7).all()
    assert frontier.sharpe.max() <= solve("max_sharpe").sharpe + 1e-9
    assert_allclose(frontier.sharpe.max(), solve("max_sharpe").sharpe, rtol=1e-3)


def test_the_frontier_keeps_to_the_limits_at_each_point() -> None:
    frontier = efficient_frontier(RETURNS, limits=LIMITS["sectors"], points=7, risk_free=0.0001)

    for point in range(7):
        alone = optimise(
            RETURNS,
            objective="target_return",
            target=float(frontier.expected_return[point]),
            limits=LIMITS["sectors"],
            risk_free=0.0001,
        )
        assert_allclose(frontier.volatility[point], alone.volatility, rtol=1e-6)
        assert_allclose(frontier.sharpe[point], alone.sharpe, rtol=1e-5)


def test_one_asset_is_all_there_is_to_hold() -> None:
    for objective in OBJECTIVES:
        alone = optimise(RETURNS[:, :1], objective=objective, target={"target_return": 0.01}.get(objective, 0.5))
        assert_allclose(alone.weights, [1.0])
    assert_allclose(efficient_frontier(RETURNS[:, :1], points=3).weights, np.ones((3, 1)))


def test_the_web_process_does_not_load_the_solver() -> None:
    probe = (
        "import sys, analytics.engine, portfolio_site.asgi, portfolio_site.urls, analytics.tasks\n"
        "from django.urls import get_resolver\n"
        "get_resolver().url_patterns\n"
        "sys.exit(' '.join(name for name in ('cvxpy', 'clarabel') if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
