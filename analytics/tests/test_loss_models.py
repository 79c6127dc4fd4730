"""Value at risk by every method, its backtests against published examples, and simulation."""

from __future__ import annotations

import json
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import integrate, stats

from analytics import engine
from analytics.engine import FloatArray, InsufficientData

CASES = {
    case["id"]: case
    for case in json.loads((Path(__file__).parent / "golden" / "var_backtests.json").read_text())["cases"]
}


def draw(seed: int, days: int = 1000) -> FloatArray:
    return np.random.default_rng(seed).standard_t(5, days) * 0.01 + 0.0002


def half_unit(expected: float) -> float:
    """Half a unit of the last digit printed."""
    decimals = len(str(expected).partition(".")[2])
    return 0.5 * 10.0**-decimals + 1e-12


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_normal_losses_are_those_of_the_distribution(level: float) -> None:
    returns = draw(1)
    fitted = stats.norm(returns.mean(), returns.std(ddof=1))

    loss = float(engine.value_at_risk(returns, level, method="normal"))
    shortfall = engine.expected_shortfall(returns, level, method="normal")

    assert_allclose(loss, -fitted.ppf(1 - level), rtol=1e-12)
    assert_allclose(shortfall, -fitted.expect(ub=-loss, conditional=True), rtol=1e-6)


def test_cornish_fisher_is_the_normal_one_for_normal_moments_and_more_for_fat_tails() -> None:
    even = stats.norm.ppf((np.arange(1, 100_000) - 0.5) / 99_999) * 0.01
    fat = draw(2, 5000)

    normal = engine.value_at_risk(even, 0.99, method="normal")
    assert_allclose(engine.value_at_risk(even, 0.99, method="cornish_fisher"), normal, rtol=1e-3)
    assert engine.value_at_risk(fat, 0.99, method="cornish_fisher") > engine.value_at_risk(fat, 0.99, method="normal")


@pytest.mark.parametrize("level", [0.95, 0.99])
def test_cornish_fisher_shortfall_is_the_mean_of_its_quantiles_beyond(level: float) -> None:
    returns = draw(3)
    by_hand, _ = integrate.quad(
        lambda p: float(engine.value_at_risk(returns, 1 - p, method="cornish_fisher")), 0, 1 - level, limit=400
    )

    assert_allclose(
        engine.expected_shortfall(returns, level, method="cornish_fisher"), by_hand / (1 - level), rtol=1e-4
    )


@pytest.mark.parametrize("jump", [0.2, -0.2, 5.0])
def test_cornish_fisher_never_falls_as_the_level_rises(jump: float) -> None:
    """One day that is unlike the others turns the plain expansion back: its quantile at 99 % is nearer than at 95 %."""
    returns = np.append(draw(9, 250) / 10, jump)
    levels = (0.5, 0.9, 0.95, 0.975, 0.99, 0.999)

    losses = [engine.value_at_risk(returns, level, method="cornish_fisher") for level in levels]
    shortfalls = [engine.expected_shortfall(returns, level, method="cornish_fisher") for level in levels]

    assert losses == sorted(losses)
    assert all(shortfall >= loss - 1e-12 for shortfall, loss in zip(shortfalls, losses, strict=True))


def test_filtered_losses_follow_the_volatility_of_now() -> None:
    calm, wild = draw(4, 500) / 4, draw(5, 500)
    into_storm, into_calm = np.concatenate([calm, wild]), np.concatenate([wild, calm])

    assert engine.value_at_risk(into_storm, method="ewma") > engine.value_at_risk(into_storm)
    assert engine.value_at_risk(into_calm, method="ewma") < engine.value_at_risk(into_calm)


def test_filtered_losses_by_hand() -> None:
    returns = np.array([0.01, -0.02, 0.015])
    seed = np.mean(returns**2)
    variance = [seed]
    for value in returns:
        variance.append(0.94 * variance[-1] + 0.06 * value**2)
    scaled = returns * np.sqrt(variance[-1] / np.array(variance[:-1]))

    assert_allclose(engine.value_at_risk(returns, 0.6, method="ewma"), -np.quantile(scaled, 0.4), rtol=1e-12)


@pytest.mark.parametrize("method", ["monte_carlo", "monte_carlo_t"])
def test_drawn_losses_repeat_with_the_seed_and_come_near_their_distribution(method: Any) -> None:
    returns = draw(6)
    mean, deviation = returns.mean(), returns.std(ddof=1)
    unit = stats.norm() if method == "monte_carlo" else stats.t(5, scale=sqrt(3 / 5))

    loss = engine.value_at_risk(returns, 0.95, method=method, seed=3)

    assert loss == engine.value_at_risk(returns, 0.95, method=method, seed=3)
    assert loss != engine.value_at_risk(returns, 0.95, method=method, seed=4)
    assert_allclose(loss, -(mean + deviation * unit.ppf(0.05)), rtol=0.05)
    assert engine.value_at_risk(returns, 0.95, 10, method=method) < 4 * loss


@pytest.mark.parametrize("method", engine.METHODS)
def test_shortfall_is_at_least_the_value_at_risk_and_both_grow_with_the_level(method: Any) -> None:
    returns = draw(7)
    losses = [engine.value_at_risk(returns, level, method=method) for level in (0.9, 0.95, 0.99)]
    shortfalls = [engine.expected_shortfall(returns, level, method=method) for level in (0.9, 0.95, 0.99)]

    assert losses == sorted(losses)
    assert shortfalls == sorted(shortfalls)
    assert all(shortfall >= loss for shortfall, loss in zip(shortfalls, losses, strict=True))


@pytest.mark.parametrize(
    "parameters",
    [
        {"level": 0.0},
        {"level": 1.0},
        {"level": float("nan")},
        {"horizon": 0},
        {"horizon": 1.5, "method": "monte_carlo"},
        {"method": "guess"},
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, Any]) -> None:
    for figure in (engine.value_at_risk, engine.expected_shortfall):
        with pytest.raises(ValueError, match=r"level|horizon|method"):
            figure(draw(1), **parameters)


@pytest.mark.parametrize(
    "case", [case for case in CASES.values() if case["test"] == "kupiec_pof"], ids=lambda c: c["id"]
)
def test_published_examples_of_kupiec(case: dict[str, Any]) -> None:
    inputs, expected = case["inputs"], case["expected"]

    found = engine.kupiec_test(inputs["x"], inputs["N"], 1 - inputs["p"])

    assert_allclose(found.statistic, expected["lr"], rtol=0, atol=half_unit(expected["lr"]))
    assert_allclose(found.p_value, expected["p_value"], rtol=0, atol=half_unit(expected["p_value"]))


def exceptions_of(inputs: dict[str, int]) -> FloatArray:
    """A sequence with the transitions that a case counts; its first day is the case's day without a day before it."""
    lone = inputs["n01"] - 1  # one run of hits is long: it holds every hit that follows another
    runs = [[1] * (inputs["n11"] + 1)] + [[1]] * lone
    calm = inputs["n00"]
    days = [0] * (calm + 1)
    for run in runs:
        days += [*run, 0]
    return np.array(days)


def test_published_example_of_conditional_coverage() -> None:
    case = CASES["var_backtest/mathworks_cc_normal95"]
    inputs, expected = case["inputs"], case["expected"]
    days = exceptions_of(inputs)
    assert (len(days), days.sum()) == (inputs["N"], inputs["x"])

    found = engine.christoffersen_test(days, 1 - inputs["p"]).conditional_coverage

    assert_allclose(found.statistic, expected["lr"], rtol=0, atol=half_unit(expected["lr"]))
    assert_allclose(found.p_value, expected["p_value"], rtol=0, atol=half_unit(expected["p_value"]))
    assert found.degrees == 2


def zone_cases() -> list[Any]:
    """Each published zone at both ends of its range; the last one has none above."""
    cases = [case for case in CASES.values() if case["test"] == "basel_traffic_light"]
    ends = ("exceptions_from", "exceptions_to")
    return [(case, end) for case in cases for end in ends if case["inputs"][end] is not None]


@pytest.mark.parametrize(("case", "end"), zone_cases(), ids=str)
def test_published_zones_of_the_traffic_light(case: dict[str, Any], end: str) -> None:
    inputs, expected = case["inputs"], case["expected"]
    lowest, highest = expected["multiplier_range"]

    light = engine.basel_traffic_light(inputs[end], inputs["N"], 1 - inputs["p"])

    assert light.zone == expected["zone"]
    assert light.multiplier == (lowest if end == "exceptions_from" else highest)


def test_no_published_example_is_left_out() -> None:
    assert {case["test"] for case in CASES.values()} == {"kupiec_pof", "conditional_coverage", "basel_traffic_light"}


def test_clustered_exceptions_are_not_independent() -> None:
    spread = np.arange(500) % 20 == 0
    cluster = np.arange(500) < 25

    assert engine.christoffersen_test(spread).independence.p_value > 0.05
    assert engine.christoffersen_test(cluster).independence.p_value < 1e-6


@pytest.mark.parametrize("days", [np.zeros(250), np.ones(250)])
def test_no_exception_and_nothing_else_are_tested_too(days: FloatArray) -> None:
    found = engine.christoffersen_test(days)

    assert found.independence.statistic == pytest.approx(0, abs=1e-9)
    assert np.isfinite(found.conditional_coverage.statistic)
    assert engine.kupiec_test(int(days.sum()), 250).p_value < 0.05


# Basel Committee (1996), table 2.
TRAFFIC = [
    *((count, "green", 3.0) for count in range(5)),
    *zip(range(5, 10), ["yellow"] * 5, (3.4, 3.5, 3.65, 3.75, 3.85), strict=True),
    *((count, "red", 4.0) for count in (10, 15, 250)),
]


@pytest.mark.parametrize(("count", "zone", "multiplier"), TRAFFIC)
def test_traffic_light(count: int, zone: str, multiplier: float) -> None:
    light = engine.basel_traffic_light(count)

    assert (light.zone, light.multiplier) == (zone, multiplier)


def test_traffic_light_of_two_years_and_its_limits() -> None:
    assert engine.basel_traffic_light(8, 500).zone == "green"
    assert engine.basel_traffic_light(20, 500).zone == "red"
    with pytest.raises(ValueError, match="level"):
        engine.basel_traffic_light(3, level=0.95)
    with pytest.raises(ValueError, match="exceptions"):
        engine.basel_traffic_light(251)
    with pytest.raises(InsufficientData):
        engine.basel_traffic_light(0, 0)


def test_exceptions_are_losses_beyond_the_forecast() -> None:
    assert engine.exceptions([-0.02, -0.01, 0.05], [0.015, 0.015, 0.015]).tolist() == [True, False, False]
    with pytest.raises(ValueError, match="shape"):
        engine.exceptions([0.1], [0.1, 0.2])
    with pytest.raises(ValueError, match="NaN"):
        engine.exceptions([0.1], [np.nan])


def test_simulated_returns_have_the_moments_they_were_asked_for() -> None:
    covariance = np.array([[0.0004, 0.0001], [0.0001, 0.0001]])
    weights = np.array([0.6, 0.4])
    deviation = sqrt(weights @ covariance @ weights)

    for distribution in ("normal", "student"):
        paths = engine.simulate(weights, covariance, mean=[0.001, 0.0], paths=40_000, distribution=distribution, seed=1)
        assert_allclose(paths.mean(), 0.0006, atol=1e-9)
        assert_allclose(paths.std(), deviation, rtol=0.03)
    assert stats.kurtosis(paths) > 1
    ten = engine.simulate(weights, covariance, paths=40_000, horizon=10, seed=1)
    assert_allclose(ten.std(), deviation * sqrt(10), rtol=0.03)
    assert (engine.simulate(weights, covariance, seed=2) == engine.simulate(weights, covariance, seed=2)).all()


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"covariance": [[1.0, 2.0], [2.0, 1.0]]}, "semidefinite"),
        ({"covariance": [[1.0, 0.5], [0.4, 1.0]]}, "symmetric"),
        ({"covariance": [[1.0]]}, "fit"),
        ({"weights": [np.nan, 1.0]}, "NaN"),
        ({"mean": [0.1]}, "fit"),
        ({"paths": 1}, "paths"),
        ({"horizon": 0}, "horizon"),
        ({"distribution": "cauchy"}, "distribution"),
        ({"distribution": "student", "degrees": 2}, "degrees"),
    ],
)
def test_simulation_refuses_what_it_cannot_draw(parameters: dict[str, Any], reason: str) -> None:
    given: dict[str, Any] = {"weights": [0.5, 0.5], "covariance": np.eye(2) * 0.01} | parameters
    with pytest.raises(ValueError, match=reason):
        engine.simulate(**given)
