"""What must hold for the figures of every return series."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose

from analytics import engine
from analytics.engine import FloatArray


def returns_of(shape: st.SearchStrategy[tuple[int, ...]]) -> st.SearchStrategy[FloatArray]:
    """Returns from −20 % to 20 % in steps of a basis point."""
    steps = hnp.arrays(np.int64, shape, elements=st.integers(-2000, 2000))
    return steps.map(lambda array: array / 10_000)


series = returns_of(st.integers(20, 60).map(lambda days: (days,)))
panels = returns_of(st.tuples(st.integers(20, 60), st.integers(1, 6)))
varied = series.filter(lambda r: r.std() > 1e-4)
levels = st.floats(0.5, 0.95)
factors = st.floats(0.1, 3)
shifts = st.floats(-0.05, 0.05)


@given(series, factors)
def test_volatility_and_tail_losses_scale_with_the_returns(returns: FloatArray, factor: float) -> None:
    for metric in (engine.annual_volatility, engine.downside_risk, engine.value_at_risk, engine.expected_shortfall):
        assert_allclose(metric(factor * returns), factor * metric(returns), rtol=1e-9, atol=1e-12)


@given(varied, factors)
def test_ratios_do_not_change_with_leverage(returns: FloatArray, factor: float) -> None:
    for metric in (engine.sharpe_ratio, engine.skewness):
        assert_allclose(metric(factor * returns), metric(returns), rtol=1e-9, atol=1e-9)


@given(varied, shifts)
def test_a_shift_moves_tail_losses_and_leaves_the_spread(returns: FloatArray, shift: float) -> None:
    assert_allclose(engine.annual_volatility(returns + shift), engine.annual_volatility(returns), rtol=1e-9)
    assert_allclose(engine.skewness(returns + shift), engine.skewness(returns), rtol=1e-9, atol=1e-9)
    for metric in (engine.value_at_risk, engine.expected_shortfall):
        assert_allclose(metric(returns + shift), metric(returns) - shift, atol=1e-12)


@given(series, levels, levels)
def test_tail_losses_grow_with_the_level(returns: FloatArray, one: float, other: float) -> None:
    low, high = sorted((one, other))
    for metric in (engine.value_at_risk, engine.expected_shortfall):
        assert metric(returns, level=low) <= metric(returns, level=high) + 1e-12


@given(series, levels)
def test_shortfall_is_at_least_value_at_risk_and_at_most_the_worst_day(returns: FloatArray, level: float) -> None:
    shortfall = engine.expected_shortfall(returns, level=level)

    assert engine.value_at_risk(returns, level=level) <= shortfall + 1e-12
    assert shortfall <= -returns.min() + 1e-12


@given(varied, levels, levels, st.sampled_from(["normal", "cornish_fisher", "ewma"]))
def test_modelled_losses_grow_with_the_level_and_shortfall_exceeds_them(
    returns: FloatArray, one: float, other: float, method: engine.Method
) -> None:
    low, high = sorted((one, other))
    values = [engine.value_at_risk(returns, level, method=method) for level in (low, high)]
    shortfalls = [engine.expected_shortfall(returns, level, method=method) for level in (low, high)]

    assert values[0] <= values[1] + 1e-9
    assert shortfalls[0] <= shortfalls[1] + 1e-9
    assert all(value <= shortfall + 1e-9 for value, shortfall in zip(values, shortfalls, strict=True))


@given(series, series, levels)
def test_shortfall_is_subadditive(one: FloatArray, other: FloatArray, level: float) -> None:
    days = min(len(one), len(other))
    one, other = one[:days], other[:days]
    together = engine.expected_shortfall(one + other, level=level)

    apart = engine.expected_shortfall(one, level=level) + engine.expected_shortfall(other, level=level)
    assert together <= apart + 1e-12


@given(series)
def test_order_matters_to_drawdown_only(returns: FloatArray) -> None:
    backwards = returns[::-1]
    for metric in (engine.annual_return, engine.annual_volatility, engine.expected_shortfall, engine.win_rate):
        assert_allclose(metric(backwards), metric(returns), rtol=1e-9, atol=1e-12)
    assert -1 <= engine.max_drawdown(returns) <= 0
    assert (engine.drawdown_series(returns) <= 0).all()


@given(varied, st.floats(-2, 2), shifts)
def test_a_line_through_the_benchmark_has_its_slope_and_height(market: FloatArray, slope: float, height: float) -> None:
    returns = height + slope * market

    assert_allclose(engine.beta(returns, market), slope, atol=1e-9)
    assert_allclose(engine.alpha(returns, market, periods=1), height, atol=1e-9)


@given(panels, st.integers(1, 50).map(float))
def test_chained_time_weighted_returns_ignore_what_is_paid_in(returns: FloatArray, deposit: float) -> None:
    flows = np.full(returns.shape, deposit)
    values = np.zeros(returns.shape)
    before = np.zeros(returns.shape[1])
    for day, earned in enumerate(returns):
        values[day] = before = (before + deposit) * (1 + earned)

    got = engine.time_weighted_returns(values, flows, np.zeros(returns.shape))

    assert got.valid.all()
    assert_allclose(got.returns, returns, atol=1e-12)


@given(panels)
def test_a_panel_gives_what_its_columns_give(returns: FloatArray) -> None:
    for metric in (
        engine.annual_return,
        engine.annual_volatility,
        engine.downside_risk,
        engine.max_drawdown,
        engine.value_at_risk,
        engine.expected_shortfall,
        engine.win_rate,
    ):
        assert_allclose(metric(returns), [metric(column) for column in returns.T], rtol=1e-12, atol=1e-12)
