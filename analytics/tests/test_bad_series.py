"""Every function of the engine with input that has no answer: a named error, never a silent 0, NaN or infinity."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest

from analytics import engine
from analytics.engine import FloatArray, InsufficientData, UndefinedMetric
from core.errors import DomainError

NAMED = (ValueError, DomainError)
DAYS, ASSETS, FACTORS = 120, 3, 2
random = np.random.default_rng(11)
R = random.normal(0.0004, 0.01, DAYS)
B = random.normal(0.0003, 0.009, DAYS)
PANEL = random.normal(0.0004, 0.01, (DAYS, ASSETS))
DRIVERS = random.normal(0.0002, 0.008, (DAYS, FACTORS))
W = np.array([0.5, 0.3, 0.2])
SIGMA = np.cov(PANEL.T)
SEGMENTS = np.array([0.02, -0.01, 0.03])

ONE = {"returns": R}
TWO = {"returns": R, "benchmark": B}
# Each function with an input that has an answer. Arrays among the values are spoilt one after the other.
SOUND: dict[str, dict[str, Any]] = {
    "simple_returns": {"prices": 100 * np.cumprod(1 + R)},
    **dict.fromkeys(
        (
            "annual_return",
            "annual_volatility",
            "best_day",
            "calmar_ratio",
            "cumulative_returns",
            "downside_risk",
            "drawdown_periods",
            "drawdown_series",
            "excess_kurtosis",
            "expected_shortfall",
            "max_drawdown",
            "omega_ratio",
            "sharpe_ratio",
            "skewness",
            "sortino_ratio",
            "stability",
            "tail_ratio",
            "total_return",
            "ulcer_index",
            "value_at_risk",
            "win_rate",
            "worst_day",
        ),
        ONE,
    ),
    **dict.fromkeys(
        (
            "alpha",
            "beta",
            "down_capture",
            "information_ratio",
            "r_squared",
            "tracking_error",
            "treynor_ratio",
            "up_capture",
        ),
        TWO,
    ),
    "metrics": {"returns": PANEL, "benchmark": B},
    "metrics_of_weights": {"weights": W[np.newaxis], "asset_returns": PANEL, "benchmark": B},
    "portfolio_returns": {"weights": W[np.newaxis], "asset_returns": PANEL},
    "time_weighted_returns": {
        "values": np.linspace(100, 120, DAYS),
        "inflows": np.r_[99.0, np.zeros(DAYS - 1)],
        "outflows": np.zeros(DAYS),
    },
    "rolling": {"figure": engine.sharpe_ratio, "returns": R, "window": 30},
    "covariance": {"returns": PANEL},
    "correlation": {"returns": PANEL},
    "risk_contributions": {"weights": W, "covariance": SIGMA},
    "factor_regression": {"returns": R, "factors": DRIVERS},
    "factor_risk": {
        "exposures": np.array([1.0, 0.3]),
        "factor_covariance": np.cov(DRIVERS.T),
        "specific_variance": 0.01,
    },
    "return_attribution": {"returns": R, "factors": DRIVERS, "exposures": np.array([1.0, 0.3])},
    "brinson_attribution": {
        "weights": W,
        "returns": SEGMENTS,
        "benchmark_weights": W[::-1],
        "benchmark_returns": SEGMENTS / 2,
    },
    "stress": {"weights": W, "shocks": np.array([-0.3, -0.1, 0.05])},
    "simulate": {"weights": W, "covariance": SIGMA, "paths": 100},
    "exceptions": {"returns": R, "forecasts": np.full(DAYS, 0.02)},
    "kupiec_test": {"exceptions": 4, "observations": 250, "level": 0.99},
    "christoffersen_test": {"exceptions": R < -0.015},
    "basel_traffic_light": {"exceptions": 4, "observations": 250},
}
# The table of how many returns each needs; and a path of one figure, which begins with NaN (see test_expanding).
NO_FIGURES = {"minimum_observations", "expanding_sharpe_ratio"}
# These take no series, or limits and views besides: each is tested with bad input where it is tested at all.
ELSEWHERE = {"optimise", "efficient_frontier", "hierarchical_risk_parity", "equilibrium", "posterior"}
ELSEWHERE |= {"walk_forward", "rebalancings", "loss_forecasts", "coverage_tests"}
ELSEWHERE |= {"bond_price", "bond_yield", "bond_figures"}
SERIES = [name for name, inputs in SOUND.items() if isinstance(inputs.get("returns"), np.ndarray)]
BENCHMARKED = [name for name, inputs in SOUND.items() if "benchmark" in inputs]


def call(name: str, inputs: Mapping[str, Any]) -> Any:
    return getattr(engine, name)(**inputs)


def numbers(answer: Any) -> Iterator[FloatArray]:
    """Every number of an answer, however it is nested."""
    if is_dataclass(answer):
        for field in fields(answer):
            yield from numbers(getattr(answer, field.name))
    elif isinstance(answer, Mapping):
        for value in answer.values():
            yield from numbers(value)
    elif isinstance(answer, list | tuple):
        for value in answer:
            yield from numbers(value)
    elif answer is not None and not isinstance(answer, str):
        yield np.asarray(answer, np.float64)


def settled(work: Callable[[], Any]) -> tuple[str, bool]:
    """The error's name, or "" and whether every number of the answer is finite."""
    try:
        answer = work()
    except NAMED as error:
        return type(error).__name__, True
    return "", all(np.isfinite(block).all() for block in numbers(answer))


def arrays() -> Iterator[Any]:
    for name, inputs in SOUND.items():
        for key, value in inputs.items():
            if isinstance(value, np.ndarray) and value.dtype == np.float64:
                yield pytest.param(name, key, id=f"{name}-{key}")


def test_every_function_of_the_engine_is_here() -> None:
    functions = {name for name in engine.__all__ if inspect.isfunction(getattr(engine, name))}

    assert functions - NO_FIGURES - ELSEWHERE == set(SOUND)


@pytest.mark.parametrize("name", SOUND)
def test_sound_input_has_an_answer(name: str) -> None:
    assert settled(lambda: call(name, SOUND[name])) == ("", True)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("name", "key"), list(arrays()))
def test_a_gap_is_refused(name: str, key: str, value: float) -> None:
    spoilt = SOUND[name][key].copy()
    spoilt[(1,) * spoilt.ndim if len(spoilt) > 1 else (0, 1)] = value

    with pytest.raises(ValueError, match=r"NaN|infin|finite|symmetric|sum to 1"):
        call(name, SOUND[name] | {key: spoilt})


def huge(name: str, key: str, size: float) -> FloatArray:
    """Values of that size and of both signs, or positive ones where only such are taken."""
    value: FloatArray = SOUND[name][key]
    signs = np.where(np.arange(value.size).reshape(value.shape) % 2, -1.0, 1.0)
    return np.full_like(value, size) if name in ("simple_returns", "time_weighted_returns") else size * signs


@pytest.mark.parametrize("size", [1e61, 1e300])
@pytest.mark.parametrize(("name", "key"), list(arrays()))
def test_what_no_return_or_price_can_be_is_refused(name: str, key: str, size: float) -> None:
    error, finite = settled(lambda: call(name, SOUND[name] | {key: huge(name, key, size)}))

    assert finite or name == "metrics_of_weights"  # many at once: NaN in its column
    if name != "exceptions" and key in ("returns", "benchmark", "prices", "values", "asset_returns", "factors"):
        assert error == "ValueError"


@pytest.mark.parametrize("size", [1e3, 1e30, 9e59])
@pytest.mark.parametrize(("name", "key"), list(arrays()))
def test_what_overflows_on_the_way_is_an_error_or_nan_in_its_column(name: str, key: str, size: float) -> None:
    error, finite = settled(lambda: call(name, SOUND[name] | {key: huge(name, key, size)}))

    assert error in ("", "ValueError", "UndefinedMetric")
    if name not in ("metrics", "metrics_of_weights"):
        assert finite


WEALTH = ("annual_return", "calmar_ratio", "cumulative_returns", "drawdown_series", "max_drawdown", "total_return")


@pytest.mark.parametrize("name", [*WEALTH, "ulcer_index"])
def test_wealth_beyond_a_float_is_said_for_one_and_nan_for_its_column(name: str) -> None:
    beyond = np.full(DAYS, 1e50)
    with pytest.raises(UndefinedMetric, match="exceeds what a float can hold"):
        call(name, {"returns": beyond})

    both = np.column_stack([R, beyond])
    found = call(name, {"returns": both})
    assert np.isnan(found[..., 1]).all()
    np.testing.assert_allclose(found[..., 0], call(name, {"returns": R}), rtol=1e-12)


def test_many_at_once_are_bounded_like_one() -> None:
    beyond = np.full(DAYS, 1e50)
    found = engine.metrics(np.column_stack([R, beyond]), B, more=True)
    alone = engine.metrics(R[:, np.newaxis], B, more=True)

    for name, values in found.items():
        np.testing.assert_allclose(values[0], alone[name][0], rtol=1e-12)
        assert np.isnan(values[1]) or np.isfinite(values[1])
    for name in ("annual_return", "max_drawdown", "total_return", "ulcer_index"):
        assert np.isnan(found[name][1])
    with pytest.raises(ValueError, match="1e\\+60"):
        engine.metrics(np.column_stack([R, np.r_[R[1:], 1.1e60]]))


@pytest.mark.parametrize(("name", "key"), list(arrays()))
def test_no_data_at_all_is_refused(name: str, key: str) -> None:
    """A window without data: every array of the input empty, in its own number of dimensions."""
    empty = {
        other: np.empty((0, *value.shape[1:])) if other == key or len(value) == DAYS else value
        for other, value in SOUND[name].items()
        if isinstance(value, np.ndarray)
    }

    error, _ = settled(lambda: call(name, SOUND[name] | empty))
    assert error in ("InsufficientData", "ValueError")


@pytest.mark.parametrize("days", [1, 2, 3])
@pytest.mark.parametrize("name", SERIES)
def test_few_observations_are_said_or_answered_soundly(name: str, days: int) -> None:
    few = {
        key: value[:days] for key, value in SOUND[name].items() if isinstance(value, np.ndarray) and len(value) == DAYS
    }
    error, finite = settled(lambda: call(name, SOUND[name] | few))

    if name == "metrics":  # many at once: what has too few returns is NaN in its column
        assert not error
    else:
        assert finite
        assert error in ("", "InsufficientData", "UndefinedMetric")


@pytest.mark.parametrize("level", [0.0, 0.01, -0.02])
@pytest.mark.parametrize("name", SERIES)
def test_a_series_that_does_not_vary_has_a_sound_answer_or_a_named_error(name: str, level: float) -> None:
    flat = np.full_like(SOUND[name]["returns"], level)
    error, finite = settled(lambda: call(name, SOUND[name] | {"returns": flat}))

    if name in ("metrics", "correlation", "rolling"):
        assert error in ("", "UndefinedMetric")  # NaN in its place, or said where nothing varies at all
    elif name == "brinson_attribution":
        assert finite
    else:
        assert finite, "an undefined figure must be an error"
        assert error in ("", "UndefinedMetric")


@pytest.mark.parametrize("name", sorted(set(BENCHMARKED) - {"metrics", "metrics_of_weights"}))
def test_a_benchmark_without_variance(name: str) -> None:
    for flat in (np.zeros(DAYS), np.full(DAYS, 0.001), np.full(DAYS, -0.001)):
        error, finite = settled(partial(call, name, TWO | {"benchmark": flat}))
        assert finite
        assert error in ("", "UndefinedMetric")
    if name in ("beta", "alpha", "r_squared", "treynor_ratio"):
        with pytest.raises(UndefinedMetric, match="does not vary"):
            call(name, TWO | {"benchmark": np.full(DAYS, 0.001)})


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, 1.5, np.nan, np.inf])
@pytest.mark.parametrize(
    "name", [name for name in SOUND if "level" in inspect.signature(getattr(engine, name)).parameters]
)
def test_a_level_that_is_none(name: str, level: float) -> None:
    with pytest.raises(ValueError, match="level"):
        call(name, SOUND[name] | {"level": level})


@pytest.mark.parametrize("name", [name for name in SERIES if "benchmark" in SOUND[name]])
def test_series_of_two_lengths(name: str) -> None:
    with pytest.raises(ValueError, match=r"observations|length|shape"):
        call(name, SOUND[name] | {"benchmark": B[:-1]})


def test_a_window_that_is_longer_than_the_series() -> None:
    with pytest.raises(InsufficientData, match="needs 500 days, has 120"):
        engine.rolling(engine.sharpe_ratio, R, window=500)
    with pytest.raises(ValueError, match="window"):
        engine.rolling(engine.sharpe_ratio, R, window=1)


def test_weights_and_covariances_that_are_none() -> None:
    singular = np.outer([0.1, 0.2, 0.3], [0.1, 0.2, 0.3])
    assert settled(lambda: engine.risk_contributions(W, singular)) == ("", True)
    assert settled(lambda: engine.simulate(W, singular, paths=10)) == ("", True)
    with pytest.raises(UndefinedMetric, match="no variance"):
        engine.risk_contributions(W, np.zeros((3, 3)))
    with pytest.raises(ValueError, match="semidefinite"):
        engine.simulate(W, -np.eye(3), paths=10)
    with pytest.raises(ValueError, match="sum to 1"):
        engine.brinson_attribution(W * 2, SEGMENTS, W, SEGMENTS)
    with pytest.raises(UndefinedMetric, match="collinear"):
        engine.factor_regression(R, np.column_stack([B, 2 * B]))
