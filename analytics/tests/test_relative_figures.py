"""Figures against a benchmark, of the shape of returns and of windows, beside other libraries and by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import empyrical
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from analytics import engine
from analytics.engine import FloatArray, InsufficientData, UndefinedMetric

DAYS = 1000
MIXED = np.array([0.01, 0.1, -0.04, 0.02, 0.03, 0.02, 0.01, -0.1])


def draw(seed: int, columns: int = 0) -> FloatArray:
    shape = (DAYS, columns) if columns else (DAYS,)
    return np.random.default_rng(seed).standard_t(4, shape) * 0.008 + 0.0003


def sortable(returns: FloatArray) -> pd.Series[float]:
    return pd.Series(returns, index=pd.date_range("2020-01-01", periods=len(returns)))


LIBRARY: list[Any] = [
    pytest.param(engine.up_capture, empyrical.up_capture, id="up_capture"),
    pytest.param(engine.down_capture, empyrical.down_capture, id="down_capture"),
    pytest.param(engine.information_ratio, empyrical.excess_sharpe, id="information_ratio"),
    pytest.param(
        engine.tracking_error, lambda r, b: empyrical.annual_volatility(r - b, period="daily"), id="tracking_error"
    ),
    pytest.param(engine.r_squared, lambda r, b: stats.linregress(b, r).rvalue ** 2, id="r_squared"),
    pytest.param(
        engine.treynor_ratio, lambda r, b: empyrical.annual_return(r) / empyrical.beta(r, b), id="treynor_ratio"
    ),
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("ours", "theirs"), LIBRARY)
def test_same_as_the_library_against_a_benchmark(
    ours: Callable[..., Any], theirs: Callable[..., Any], seed: int
) -> None:
    market = draw(seed + 50)
    returns = 0.7 * market + draw(seed)

    assert_allclose(ours(returns, market), theirs(sortable(returns), sortable(market)), rtol=1e-9)


SHAPES: list[Any] = [
    pytest.param(engine.omega_ratio, empyrical.omega_ratio, id="omega_ratio"),
    pytest.param(engine.tail_ratio, empyrical.tail_ratio, id="tail_ratio"),
    pytest.param(engine.stability, empyrical.stability_of_timeseries, id="stability"),
    pytest.param(engine.excess_kurtosis, stats.kurtosis, id="excess_kurtosis"),
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("ours", "theirs"), SHAPES)
def test_same_shape_as_the_library(ours: Callable[..., Any], theirs: Callable[..., Any], seed: int) -> None:
    returns = draw(seed)

    assert_allclose(ours(returns), theirs(returns), rtol=1e-9)


def test_omega_with_a_threshold_and_a_rate_is_the_library_s() -> None:
    assert_allclose(engine.omega_ratio(MIXED, 0.01), 0.8125, atol=1e-8)
    ours = engine.omega_ratio(draw(1), risk_free=0.0001, threshold=0.05)
    assert_allclose(ours, empyrical.omega_ratio(draw(1), risk_free=0.0001, required_return=0.05), rtol=1e-9)


def test_published_values_of_stability_and_information_ratio() -> None:
    assert_allclose(engine.stability(MIXED), 0.1529973665111273, atol=1e-8)
    assert_allclose(engine.information_ratio(MIXED, np.full(8, 0.01)), -0.06515583641446039, atol=1e-8)


MANY: list[Any] = [
    engine.excess_kurtosis,
    engine.omega_ratio,
    engine.stability,
    engine.tail_ratio,
    engine.ulcer_index,
    *(
        pytest.param(lambda r, m=method: engine.value_at_risk(r, method=m), id=f"value_at_risk {method}")
        for method in engine.METHODS
    ),
    *(
        pytest.param(lambda r, m=method: engine.expected_shortfall(r, method=m), id=f"expected_shortfall {method}")
        for method in engine.METHODS
    ),
]
AGAINST = [
    engine.down_capture,
    engine.information_ratio,
    engine.r_squared,
    engine.tracking_error,
    engine.treynor_ratio,
    engine.up_capture,
]


@pytest.mark.parametrize("figure", MANY)
def test_many_at_once_are_the_same_as_one_by_one(figure: Callable[..., Any]) -> None:
    returns = draw(3, columns=4)

    together = figure(returns)

    assert_allclose(together, [figure(column) for column in returns.T], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("figure", AGAINST)
def test_many_against_one_benchmark_are_the_same_as_one_by_one(figure: Callable[..., Any]) -> None:
    returns, market = draw(3, columns=4), draw(9)

    together = figure(returns, market)

    assert_allclose(together, [figure(column, market) for column in returns.T], rtol=1e-12)


@pytest.mark.parametrize(
    ("figure", "inputs"),
    [
        (engine.excess_kurtosis, [np.zeros(9)]),
        (engine.omega_ratio, [np.full(9, 0.01)]),
        (engine.stability, [np.zeros(9)]),
        (engine.stability, [np.array([0.1, -1.0, 0.2])]),
        (engine.tail_ratio, [np.zeros(9)]),
        (engine.r_squared, [np.zeros(9), draw(1)[:9]]),
        (engine.r_squared, [draw(1)[:9], np.zeros(9)]),
        (engine.information_ratio, [draw(1)[:9], draw(1)[:9]]),
        (engine.treynor_ratio, [draw(1)[:9], np.full(9, 0.1)]),
        (engine.up_capture, [draw(1)[:9], np.full(9, -0.1)]),
        (engine.down_capture, [draw(1)[:9], np.full(9, 0.1)]),
    ],
)
def test_what_does_not_exist_is_an_error_and_nan_in_a_column(figure: Callable[..., Any], inputs: list[Any]) -> None:
    with pytest.raises(UndefinedMetric):
        figure(*inputs)
    beside = np.column_stack([inputs[0], draw(5)[: len(inputs[0])]])
    companions = [np.column_stack([other, draw(6)[: len(other)]]) for other in inputs[1:]]

    both = figure(beside, *companions)

    assert np.isnan(both[0])
    assert np.isfinite(both[1])


@pytest.mark.parametrize(
    "figure",
    [engine.excess_kurtosis, engine.omega_ratio, engine.stability, engine.tail_ratio, engine.drawdown_periods],
)
@pytest.mark.parametrize("bad", [[0.1, np.nan, 0.1, 0.2], [0.1, np.inf, 0.1, 0.2], [[[0.1]]]])
def test_bad_returns_are_refused(figure: Callable[..., Any], bad: Any) -> None:
    with pytest.raises(ValueError, match="returns must"):
        figure(bad)


def test_drawdown_periods_name_peak_trough_and_recovery() -> None:
    returns = np.array([0.10, -0.10, -0.10, 0.30, 0.05, -0.20, 0.05])
    deep, shallow = engine.drawdown_periods(returns)

    assert (deep.start, deep.trough, deep.recovery, deep.periods) == (5, 5, None, 2)
    assert_allclose(deep.depth, -0.20)
    assert not deep.recovered
    assert (shallow.start, shallow.trough, shallow.recovery, shallow.periods) == (1, 2, 3, 3)
    assert_allclose(shallow.depth, 0.81 - 1)
    assert engine.drawdown_periods(returns, top=1) == [deep]
    assert engine.drawdown_periods([0.1, 0.2]) == []


@pytest.mark.parametrize("seed", range(3))
def test_the_deepest_period_is_the_maximum_drawdown(seed: int) -> None:
    returns = draw(seed)
    periods = engine.drawdown_periods(returns)

    assert_allclose(periods[0].depth, engine.max_drawdown(returns), rtol=1e-12)
    assert sum(period.periods - period.recovered for period in periods) == (engine.drawdown_series(returns) < 0).sum()


def test_ulcer_index_by_hand() -> None:
    assert_allclose(engine.ulcer_index([-0.1, 0.0, 1 / 9]), np.sqrt((0.01 + 0.01 + 0) / 3), rtol=1e-12)


@pytest.mark.parametrize("window", [2, 60, 1000])
def test_rolling_is_the_figure_of_each_window(window: int) -> None:
    returns, market = draw(1), draw(2)

    volatility = engine.rolling(engine.annual_volatility, returns, window=window, periods=365)
    slope = engine.rolling(engine.beta, returns, market, window=window)

    starts = range(0, DAYS - window + 1, 97)
    assert len(volatility) == len(slope) == DAYS - window + 1
    for start in starts:
        cut = slice(start, start + window)
        assert_allclose(volatility[start], engine.annual_volatility(returns[cut], 365), rtol=1e-12)
        assert_allclose(slope[start], engine.beta(returns[cut], market[cut]), rtol=1e-9)


def test_rolling_leaves_out_undefined_windows_and_refuses_impossible_ones() -> None:
    returns = np.concatenate([np.zeros(5), draw(1)[:5]])

    sharpe = engine.rolling(engine.sharpe_ratio, returns, window=4)

    assert np.isnan(sharpe[:2]).all()
    assert np.isfinite(sharpe[2:]).all()
    with pytest.raises(InsufficientData):
        engine.rolling(engine.sharpe_ratio, returns, window=11)
    with pytest.raises(ValueError, match="window"):
        engine.rolling(engine.sharpe_ratio, returns, window=1)
    with pytest.raises(ValueError, match="one length"):
        engine.rolling(engine.beta, returns, returns[:3], window=2)


def test_captures_as_the_library_states_them() -> None:
    """Its own expected values; its series begins with a missing day, on which both are left out here."""
    losses = np.array([-0.06, -0.07, -0.01, -0.09, -0.02, -0.06, -0.08, -0.05])

    assert_allclose(engine.up_capture(losses, MIXED), -0.0004336328, atol=1e-8)
    assert_allclose(engine.up_capture(MIXED, MIXED) / engine.down_capture(MIXED, MIXED), 1.0, atol=1e-8)
    with pytest.raises(InsufficientData):
        engine.down_capture([], [])
