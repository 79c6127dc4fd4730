"""Each figure on rows that a reader can check by hand, and what it says when there is none."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from analytics import engine
from analytics.engine import InsufficientData, UndefinedMetric
from core.errors import DomainError

Metric = Callable[..., Any]
MARKET = [0.01, 0.03, -0.01]
LADDER = [k / 1000 for k in range(-50, 51)]
TEN_LOSSES = [-k / 100 for k in range(1, 11)]


@pytest.mark.parametrize(
    ("metric", "arguments", "expected"),
    [
        pytest.param("annual_volatility", {"returns": [0.01, 0.03], "periods": 2}, 0.02, id="volatility, ddof 1"),
        pytest.param("annual_volatility", {"returns": [0.01, 0.01]}, 0.0, id="volatility of no change is zero"),
        pytest.param("downside_risk", {"returns": [0.05, -0.02], "periods": 2}, 0.02, id="downside risk"),
        pytest.param("downside_risk", {"returns": [0.05, 0.0], "mar": 0.02, "periods": 2}, 0.02, id="below the mar"),
        pytest.param("downside_risk", {"returns": [0.05, 0.02]}, 0.0, id="no downside is no risk"),
        pytest.param("skewness", {"returns": [0.0, 0.0, 0.03]}, 2**-0.5, id="long tail of gains"),
        pytest.param("skewness", {"returns": [0.0, 0.0, -0.03]}, -(2**-0.5), id="long tail of losses"),
        pytest.param("skewness", {"returns": [-0.01, 0.0, 0.01]}, 0.0, id="symmetric"),
        pytest.param("win_rate", {"returns": [0.1, 0.0, -0.1, 0.2]}, 0.5, id="no change is no win"),
        pytest.param("sharpe_ratio", {"returns": [0.01, 0.03], "periods": 2}, 2.0, id="sharpe"),
        pytest.param("sharpe_ratio", {"returns": [0.01, 0.03], "risk_free": 0.01, "periods": 2}, 1.0, id="excess"),
        pytest.param(
            "sharpe_ratio", {"returns": [0.03, 0.03], "risk_free": [0.02, 0.0], "periods": 2}, 2.0, id="rate by day"
        ),
        pytest.param("sortino_ratio", {"returns": [0.03, -0.01], "periods": 2}, 2.0, id="sortino"),
        pytest.param("sortino_ratio", {"returns": [0.04, 0.0], "mar": 0.01, "periods": 2}, 2.0, id="sortino above mar"),
        pytest.param("calmar_ratio", {"returns": [0.5, -0.2], "periods": 2}, 1.0, id="calmar"),
        pytest.param("max_drawdown", {"returns": [0.1, -0.5, 0.2, -0.1]}, -0.5, id="the deepest"),
        pytest.param("max_drawdown", {"returns": [-0.2, 0.1]}, -0.2, id="the peak starts at one"),
        pytest.param("max_drawdown", {"returns": [0.1, 0.0]}, 0.0, id="no drawdown"),
        pytest.param("drawdown_series", {"returns": [0.1, -0.5, 0.2, 2.0]}, [0, -0.5, -0.4, 0], id="from the peak"),
        pytest.param("beta", {"returns": [0.02, 0.06, -0.02], "benchmark": MARKET}, 2.0, id="twice the market"),
        pytest.param("beta", {"returns": [0.0, 0.02, -0.02], "benchmark": MARKET}, 1.0, id="a shift is no beta"),
        pytest.param("alpha", {"returns": MARKET, "benchmark": MARKET}, 0.0, id="the market has none"),
        pytest.param(
            "alpha",
            {"returns": [0.02, 0.04, 0.0], "benchmark": MARKET, "periods": 2},
            0.0201,
            id="compounded to a year",
        ),
        pytest.param(
            "alpha",
            {"returns": [0.02, 0.06, -0.02], "benchmark": MARKET, "risk_free": 0.01, "periods": 1},
            0.01,
            id="a doubled market borrows at the risk-free rate",
        ),
        pytest.param("value_at_risk", {"returns": LADDER}, 0.045, id="sixth worst of 101"),
        pytest.param("value_at_risk", {"returns": LADDER, "level": 0.99}, 0.049, id="second worst"),
        pytest.param("value_at_risk", {"returns": LADDER, "horizon": 4}, 0.09, id="four days are twice one"),
        pytest.param("value_at_risk", {"returns": [1.0, 2.0], "level": 0.7}, -1.3, id="between two gains"),
        pytest.param(
            "value_at_risk", {"returns": [1.0, 81, 82, 83, 84, 85], "level": 0.9}, -41.0, id="halfway between two"
        ),
        pytest.param("expected_shortfall", {"returns": TEN_LOSSES, "level": 0.8}, 0.095, id="worst two of ten"),
        pytest.param(
            "expected_shortfall", {"returns": TEN_LOSSES, "level": 0.75}, (0.10 + 0.09 + 0.04) / 2.5, id="half an edge"
        ),
        pytest.param(
            "expected_shortfall", {"returns": TEN_LOSSES, "level": 0.75, "tail": "mean"}, 0.095, id="whole ones only"
        ),
        pytest.param(
            "expected_shortfall", {"returns": TEN_LOSSES, "level": 0.99, "tail": "mean"}, 0.10, id="at least one"
        ),
        pytest.param("expected_shortfall", {"returns": TEN_LOSSES, "level": 0.9, "horizon": 4}, 0.2, id="four days"),
    ],
)
def test_figure(metric: str, arguments: dict[str, Any], expected: Any) -> None:
    assert_allclose(getattr(engine, metric)(**arguments), expected, atol=1e-15)


ALL_NEEDED = [
    pytest.param(engine.annual_return, {}, 1, id="annual_return"),
    pytest.param(engine.cumulative_returns, {}, 1, id="cumulative_returns"),
    pytest.param(engine.annual_volatility, {}, 2, id="annual_volatility"),
    pytest.param(engine.downside_risk, {}, 1, id="downside_risk"),
    pytest.param(engine.skewness, {}, 3, id="skewness"),
    pytest.param(engine.win_rate, {}, 1, id="win_rate"),
    pytest.param(engine.sharpe_ratio, {}, 2, id="sharpe_ratio"),
    pytest.param(engine.sortino_ratio, {}, 1, id="sortino_ratio"),
    pytest.param(engine.calmar_ratio, {}, 1, id="calmar_ratio"),
    pytest.param(engine.max_drawdown, {}, 1, id="max_drawdown"),
    pytest.param(engine.drawdown_series, {}, 1, id="drawdown_series"),
    pytest.param(engine.beta, {"benchmark": 1}, 2, id="beta"),
    pytest.param(engine.alpha, {"benchmark": 1}, 2, id="alpha"),
    pytest.param(engine.value_at_risk, {}, 1, id="value_at_risk"),
    pytest.param(engine.expected_shortfall, {}, 20, id="expected_shortfall"),
    pytest.param(engine.expected_shortfall, {"level": 0.9}, 10, id="expected_shortfall 90 %"),
    pytest.param(engine.expected_shortfall, {"tail": "mean"}, 1, id="expected_shortfall, mean"),
]


def _call(metric: Metric, returns: Any, options: dict[str, Any]) -> Any:
    if "benchmark" in options:
        return metric(returns, np.linspace(-0.01, 0.02, len(returns)))
    return metric(returns, **options)


@pytest.mark.parametrize(("metric", "options", "needed"), ALL_NEEDED)
def test_one_observation_too_few(metric: Metric, options: dict[str, Any], needed: int) -> None:
    with pytest.raises(InsufficientData) as caught:
        _call(metric, np.linspace(-0.02, 0.01, needed - 1), options)

    assert (caught.value.needed, caught.value.got) == (needed, needed - 1)
    assert np.isfinite(_call(metric, np.linspace(-0.02, 0.01, needed), options)).all()


@pytest.mark.parametrize(("metric", "options", "needed"), ALL_NEEDED)
@pytest.mark.parametrize("gap", [np.nan, np.inf, -np.inf])
def test_a_gap_is_an_error(metric: Metric, options: dict[str, Any], needed: int, gap: float) -> None:
    with pytest.raises(ValueError, match="NaN"):
        _call(metric, [0.01, gap, *[-0.01] * 30], options)


@pytest.mark.parametrize(("metric", "options", "needed"), ALL_NEEDED)
def test_a_cube_of_returns_is_an_error(metric: Metric, options: dict[str, Any], needed: int) -> None:
    with pytest.raises(ValueError, match="shape"):
        _call(metric, np.zeros((30, 2, 2)), options)


def test_insufficient_data_is_shown_as_it_reads_and_survives_a_worker() -> None:
    error = pickle.loads(pickle.dumps(InsufficientData(needed=30, got=12)))

    assert str(error) == "needs 30 days, has 12"
    assert (error.needed, error.got, error.code) == (30, 12, "insufficient_data")
    assert isinstance(error, DomainError)


@pytest.mark.parametrize(
    ("metric", "returns", "reason"),
    [
        # The mean of thirty times 0.1 is not 0.1 in binary: what remains is rounding, not risk.
        pytest.param(engine.sharpe_ratio, [0.1] * 30, "excess returns do not vary", id="sharpe of a constant"),
        pytest.param(engine.sharpe_ratio, [0.0] * 30, "excess returns do not vary", id="sharpe of nothing"),
        pytest.param(engine.skewness, [0.1] * 30, "returns do not vary", id="skewness of a constant"),
        pytest.param(engine.sortino_ratio, [0.1, 0.0, 0.2], "falls short", id="sortino without a loss"),
        pytest.param(engine.calmar_ratio, [0.1, 0.0, 0.2], "no drawdown", id="calmar without a loss"),
    ],
)
def test_undefined(metric: Metric, returns: list[float], reason: str) -> None:
    with pytest.raises(UndefinedMetric, match=reason):
        metric(returns)

    sound = np.linspace(-0.01, 0.02, len(returns))
    assert_allclose(metric(np.column_stack([sound, returns])), [metric(sound), np.nan], atol=1e-12)


@pytest.mark.parametrize("metric", [engine.beta, engine.alpha])
def test_a_benchmark_that_does_not_vary(metric: Metric) -> None:
    returns, flat = np.linspace(-0.01, 0.02, 30), np.full(30, 0.1)

    with pytest.raises(UndefinedMetric, match="benchmark does not vary"):
        metric(returns, flat)
    assert_array_equal(metric(np.column_stack([returns, returns]), flat), [np.nan, np.nan])


def test_an_excess_that_is_only_rounding_is_flat() -> None:
    rate, nothing = np.linspace(0.0, 0.01, 50), np.zeros(50)

    with pytest.raises(UndefinedMetric):
        engine.sharpe_ratio(rate + 0.1, risk_free=rate)
    with pytest.raises(UndefinedMetric):
        engine.sharpe_ratio(nothing, risk_free=-0.0002)
    with pytest.raises(UndefinedMetric):
        engine.beta(rate, nothing, risk_free=-0.0002)


@pytest.mark.parametrize(
    ("benchmark", "reason"),
    [
        pytest.param([0.01] * 3, "3 observations, returns have 4", id="shorter"),
        pytest.param([[0.01, 0.01, 0.01]] * 4, "shape", id="other columns"),
        pytest.param([0.01, np.nan, 0.0, 0.0], "benchmark must not contain NaN", id="gap"),
    ],
)
def test_a_benchmark_that_does_not_fit(benchmark: list[Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        engine.beta(np.zeros((4, 2)), benchmark)


@pytest.mark.parametrize("metric", [engine.value_at_risk, engine.expected_shortfall])
@pytest.mark.parametrize(
    "options",
    [{"level": 0.0}, {"level": 1.0}, {"level": np.nan}, {"horizon": 0}, {"horizon": -1}, {"horizon": np.nan}],
    ids=str,
)
def test_a_parameter_out_of_range(metric: Metric, options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        metric(LADDER, **options)


def test_an_unknown_tail_is_named() -> None:
    with pytest.raises(ValueError, match="'median'"):
        engine.expected_shortfall(LADDER, tail="median")  # type: ignore[arg-type]
