"""The figures against other libraries, where the conventions agree or are translated here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import empyrical
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from analytics import engine
from analytics.engine import FloatArray, InsufficientData, UndefinedMetric

GOLDEN = json.loads((Path(__file__).parent / "golden" / "empyrical.json").read_text())
PERIODS = {"daily": 252, "monthly": 12}

# A whole number of observations lies in the tail of 1,260 days at 95 %: there empyrical's shortfall, which takes the
# worst ⌊(T − 1)(1 − level)⌋ + 1 days, is both of ours.
DAYS = 1260
PAIRS: list[Any] = [
    pytest.param(engine.annual_return, empyrical.annual_return, id="annual_return"),
    pytest.param(engine.annual_volatility, empyrical.annual_volatility, id="annual_volatility"),
    pytest.param(engine.downside_risk, empyrical.downside_risk, id="downside_risk"),
    pytest.param(engine.sharpe_ratio, empyrical.sharpe_ratio, id="sharpe_ratio"),
    pytest.param(engine.sortino_ratio, empyrical.sortino_ratio, id="sortino_ratio"),
    pytest.param(engine.calmar_ratio, empyrical.calmar_ratio, id="calmar_ratio"),
    pytest.param(engine.max_drawdown, empyrical.max_drawdown, id="max_drawdown"),
    pytest.param(engine.skewness, stats.skew, id="skewness"),
    # Their tail figures are returns, ours are losses.
    pytest.param(engine.value_at_risk, lambda r: -empyrical.value_at_risk(r), id="value_at_risk"),
    pytest.param(engine.expected_shortfall, lambda r: -empyrical.conditional_value_at_risk(r), id="shortfall"),
    pytest.param(
        lambda r: engine.expected_shortfall(r, tail="mean"),
        lambda r: -empyrical.conditional_value_at_risk(r),
        id="shortfall, mean",
    ),
    pytest.param(lambda r: engine.cumulative_returns(r)[-1], empyrical.cum_returns_final, id="cumulative_returns"),
]


def draw(seed: int) -> FloatArray:
    """Heavy-tailed returns, as markets have them."""
    return np.random.default_rng(seed).standard_t(4, DAYS) * 0.008 + 0.0003


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_same_as_the_library(ours: Callable[..., Any], theirs: Callable[..., Any], seed: int) -> None:
    returns = draw(seed)

    assert_allclose(ours(returns), theirs(returns), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rate", [0.0, 0.0001])
def test_same_against_a_benchmark(seed: int, rate: float) -> None:
    market = draw(seed + 100)
    returns = 0.8 * market + draw(seed)

    assert_allclose(engine.beta(returns, market, rate), empyrical.beta(returns, market, rate), rtol=1e-9)
    assert_allclose(engine.alpha(returns, market, rate), empyrical.alpha(returns, market, rate), rtol=1e-9)
    assert_allclose(engine.sharpe_ratio(returns, rate), empyrical.sharpe_ratio(returns, rate), rtol=1e-9)
    assert_allclose(engine.sortino_ratio(returns, rate), empyrical.sortino_ratio(returns, rate), rtol=1e-9)


@pytest.mark.parametrize("count", [2, 20, 21, 99, 1000])
@pytest.mark.parametrize("level", [0.5, 0.7, 0.95, 0.99])
def test_value_at_risk_is_the_quantile_of_numpy(count: int, level: float) -> None:
    returns = draw(3)[:count]

    assert_allclose(engine.value_at_risk(returns, level), -np.quantile(returns, 1 - level), rtol=1e-9, atol=1e-15)


def _settled(values: Any, function: str) -> Any:
    """An input without missing days: empyrical counts them as 0 in compounded returns and leaves them out elsewhere."""
    array = np.asarray(values, dtype=np.float64)
    if function in {"annual_return", "cagr", "calmar_ratio"}:
        return np.nan_to_num(array)
    return array[np.isfinite(array)] if array.ndim == 1 else array


def _paired(figure: Callable[..., Any]) -> Callable[..., Any]:
    """A figure of the days, counted from the last, that both series have."""

    def of_both(returns: FloatArray, **other: FloatArray) -> Any:
        [benchmark] = other.values()
        days = min(len(returns), len(benchmark))
        return figure(returns[len(returns) - days :], benchmark[len(benchmark) - days :])

    return of_both


def _by_month(returns: FloatArray, days: list[str], convert_to: str) -> list[float]:
    assert convert_to == "monthly"
    months = np.array(days, "datetime64[M]")
    return [float(engine.cumulative_returns(returns[months == month])[-1]) for month in np.unique(months)]


# Their function and its parameters in our words.
TRANSLATED: dict[str, Callable[..., Any]] = {
    "simple_returns": engine.simple_returns,
    "cum_returns_final": lambda returns, starting_value: starting_value + engine.cumulative_returns(returns)[-1],
    "max_drawdown": engine.max_drawdown,
    "annual_return": lambda returns, period: engine.annual_return(returns, PERIODS[period]),
    "cagr": lambda returns, period: engine.annual_return(returns, PERIODS[period]),
    "calmar_ratio": lambda returns, period: engine.calmar_ratio(returns, PERIODS[period]),
    "sharpe_ratio": engine.sharpe_ratio,
    "downside_risk": lambda returns, required_return, period: engine.downside_risk(
        returns, required_return, PERIODS[period]
    ),
    "sortino_ratio": lambda returns, required_return, period: engine.sortino_ratio(
        returns, required_return, PERIODS[period]
    ),
    "alpha": engine.alpha,
    "omega_ratio": lambda returns, risk_free, required_return: engine.omega_ratio(
        returns, risk_free[: len(returns)], required_return
    ),
    "excess_sharpe": _paired(engine.information_ratio),
    "stability_of_timeseries": engine.stability,
    "up_capture": _paired(engine.up_capture),
    "down_capture": _paired(engine.down_capture),
    "up_down_capture": _paired(lambda r, b: engine.up_capture(r, b) / engine.down_capture(r, b)),
    "aggregate_returns": _by_month,
}


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["id"])
def test_the_expected_values_of_empyrical(case: dict[str, Any]) -> None:
    function = case["function"]
    inputs = {
        name: _settled(value, function) if isinstance(value, list) and name != "days" else value
        for name, value in case["inputs"].items()
    }

    if case["expected"] is None:
        # Their NaN is our named error.
        with pytest.raises((UndefinedMetric, InsufficientData)):
            TRANSLATED[function](**inputs)
    else:
        got = TRANSLATED[function](**inputs)
        assert_allclose(got, case["expected"], rtol=0, atol=1.5 * 10.0 ** -case["decimals"])
