"""Forecasts of each day's value at risk from the days before it, and the tests of many backtests at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose

from analytics import engine
from analytics.engine import FloatArray, InsufficientData, forecasts

LEVELS = (0.95, 0.99)


def draw(seed: int, *shape: int) -> FloatArray:
    return np.random.default_rng(seed).standard_t(5, shape) * 0.01 + 0.0002


@pytest.mark.parametrize("method", engine.METHODS)
def test_each_forecast_is_the_value_at_risk_of_the_days_before(method: Any) -> None:
    returns = draw(1, 160, 3)

    found = engine.loss_forecasts(returns, LEVELS, window=150, methods=[method])[method]

    assert found.shape == (2, 10, 3)
    for day in range(10):
        for place, level in enumerate(LEVELS):
            alone = [engine.value_at_risk(column[day : day + 150], level, method=method) for column in returns.T]
            assert_allclose(found[place, day], alone, rtol=1e-12, atol=1e-15)


def test_many_series_in_blocks_are_what_each_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    returns = draw(2, 130, 7)
    alone = [engine.loss_forecasts(column, LEVELS, window=100) for column in returns.T]

    monkeypatch.setattr(forecasts, "BLOCK", 100 * 30 * 3)  # three series at a time
    together = engine.loss_forecasts(returns, LEVELS, window=100)

    for method in engine.METHODS:
        want = np.stack([each[method] for each in alone], axis=-1)
        assert want.shape == (2, 30, 7)
        assert_allclose(together[method], want, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("method", engine.METHODS)
def test_no_forecast_sees_its_own_day_or_a_later_one(method: Any) -> None:
    returns = draw(3, 220)
    changed = returns.copy()
    changed[210:] = -0.5

    before, after = (engine.loss_forecasts(r, LEVELS, window=200, methods=[method])[method] for r in (returns, changed))

    assert (before[:, :11] == after[:, :11]).all()
    assert (before[:, 11:] != after[:, 11:]).any()


def test_a_window_without_variation_has_no_forecast_except_the_plain_quantile() -> None:
    returns = np.stack([np.concatenate([np.full(110, 0.001), draw(4, 10)]), draw(5, 120)], axis=1)

    found = engine.loss_forecasts(returns, LEVELS, window=100)

    assert np.isnan(found["normal"][:, :11, 0]).all()
    assert np.isfinite(found["normal"][:, 11:, 0]).all()
    assert_allclose(found["historical"][:, :11, 0], -0.001)
    assert all(np.isfinite(values[..., 1]).all() for values in found.values())


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"window": 99, "levels": LEVELS}, "needs 100 days, has 99"),
        ({"window": 120}, "needs 121 days, has 120"),
    ],
)
def test_too_short_a_window_or_series_is_said(parameters: dict[str, Any], reason: str) -> None:
    with pytest.raises(InsufficientData, match=reason):
        engine.loss_forecasts(draw(6, 120), **parameters)


@pytest.mark.parametrize(
    "parameters", [{"levels": (1.0,)}, {"levels": ()}, {"methods": ["guess"]}, {"levels": (float("nan"),)}]
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"level|method"):
        engine.loss_forecasts(draw(7, 120), **({"window": 100} | parameters))


def test_a_gap_is_refused() -> None:
    returns = draw(8, 120)
    returns[30] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        engine.loss_forecasts(returns, window=100)


@given(hnp.arrays(bool, st.tuples(st.integers(2, 60), st.integers(1, 5))), st.sampled_from([0.9, 0.95, 0.99]))
def test_many_backtests_are_tested_as_each_alone(hits: Any, level: float) -> None:
    table = engine.coverage_tests(hits, level)

    assert table.expected == pytest.approx(len(hits) * (1 - level))
    for place, column in enumerate(hits.T):
        kupiec = engine.kupiec_test(int(column.sum()), len(column), level)
        chained = engine.christoffersen_test(column, level)
        ratios = (table.coverage, table.independence, table.conditional_coverage)
        for found, p_values, alone in zip(
            ratios, table.p_values, (kupiec, chained.independence, chained.conditional_coverage), strict=True
        ):
            assert (found[place], p_values[place]) == (alone.statistic, alone.p_value)


def test_the_right_model_passes_and_half_its_forecast_fails() -> None:
    returns = np.random.default_rng(10).normal(0, 0.01, 1000)
    forecast = engine.loss_forecasts(returns, (0.95,), methods=["normal"])["normal"][0]

    right = engine.coverage_tests(engine.exceptions(returns[250:], forecast))
    wrong = engine.coverage_tests(engine.exceptions(returns[250:], forecast / 2))

    assert right.p_values[0] > 0.05
    assert wrong.p_values[0] < 1e-6
    with pytest.raises(InsufficientData):
        engine.coverage_tests([True])
