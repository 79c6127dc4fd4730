"""The further figures of a report, and windows that begin on different days, are the single figures, too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose

from analytics import engine
from analytics.engine import FURTHER, METRICS, FloatArray, InsufficientData, UndefinedMetric
from analytics.engine import report as blocks
from analytics.tests.test_report import one_by_one

BESIDE = ("tracking_error", "information_ratio", "r_squared", "up_capture", "down_capture")
PERIODIC = ("tracking_error", "up_capture", "down_capture", "omega_ratio")
steps = hnp.arrays(np.int64, st.tuples(st.integers(20, 50), st.integers(1, 7)), elements=st.integers(-1500, 1500)).map(
    lambda array: array / 10_000
)


def alone(name: str, returns: FloatArray, market: FloatArray, rate: float, periods: float) -> float:
    """One figure of one series by its own function; NaN where it says there is none."""
    options: dict[str, Any] = {"periods": periods} if name in PERIODIC else {}
    options |= {"risk_free": rate} if name in ("omega_ratio", "r_squared") else {}
    try:
        return float(getattr(engine, name)(returns, *((market,) if name in BESIDE else ()), **options))
    except (UndefinedMetric, InsufficientData):
        return np.nan


def assert_further(got: dict[str, FloatArray], panel: FloatArray, market: FloatArray, **terms: float) -> None:
    rate, periods = terms.get("risk_free", 0.0), terms.get("periods", 252)
    for name in FURTHER:
        expected = [alone(name, column, market, rate, periods) for column in panel.T]
        assert_allclose(got[name], expected, rtol=1e-12, atol=1e-12, err_msg=name)


def draw(days: int, columns: int, seed: int = 7) -> FloatArray:
    return np.random.default_rng(seed).standard_t(4, (days, columns)) * 0.01 + 0.0003


@given(steps, st.sampled_from([0.0, 0.0001, -0.0002]), st.sampled_from([12, 252, 365]))
def test_the_further_figures_are_the_single_ones(returns: FloatArray, rate: float, periods: float) -> None:
    market = returns[:, 0] * 0.5 + np.roll(returns[:, -1], 1)

    got = engine.metrics(returns, market, risk_free=rate, periods=periods, more=True)

    assert tuple(got) == METRICS + FURTHER
    assert_further(got, returns, market, risk_free=rate, periods=periods)


def test_what_is_undefined_for_one_leaves_the_others_alone() -> None:
    sound = draw(60, 1)[:, 0]
    lost, debt = (np.where(np.arange(60) == 10, worst, sound) for worst in (-1.0, -2.0))
    panel = np.column_stack([sound, np.full(60, 0.1), np.zeros(60), np.abs(sound), lost, debt])

    got = engine.metrics(panel, sound * 0.7, more=True)

    assert_further(got, panel, sound * 0.7)
    assert np.flatnonzero(np.isnan(got["stability"])).tolist() == [2, 4, 5]
    assert np.flatnonzero(np.isnan(got["omega_ratio"])).tolist() == [1, 2, 3]


@pytest.mark.parametrize("days", [1, 2, 3, 4, 30])
def test_a_figure_appears_with_the_days_it_needs(days: int) -> None:
    returns = np.linspace(0.02, -0.011, days)[:, np.newaxis]
    needed = engine.minimum_observations()

    got = engine.metrics(np.hstack([returns, -returns]), returns[::-1, 0] * 0.9, more=True)

    few = {name for name in FURTHER if np.isnan(got[name]).all()} - {"up_capture", "down_capture"}
    assert few == {name for name in FURTHER if days < needed[name]}


@pytest.mark.parametrize("block", [1, 900, 1 << 17])
@pytest.mark.parametrize("rate", [0.0, 0.0002])
def test_windows_of_different_lengths_are_as_each_alone(
    block: int, rate: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    returns, market = draw(300, 40), draw(300, 1, seed=8)[:, 0]
    starts = np.random.default_rng(3).integers(0, 299, 40)
    starts[:5] = [0, 299, 298, 297, 270]
    monkeypatch.setattr(blocks, "BLOCK", block)

    got = engine.metrics(returns, market, risk_free=rate, starts=starts, more=True)

    for column, start in enumerate(starts):
        window = slice(int(start), None)
        one = engine.metrics(returns[window, column : column + 1], market[window], risk_free=rate, more=True)
        for name, values in one.items():
            assert_allclose(got[name][column], values[0], rtol=1e-12, atol=1e-12, err_msg=f"{name} from {start}")


def test_what_lies_before_a_window_changes_nothing() -> None:
    returns, market = draw(80, 3), draw(80, 1, seed=8)[:, 0]
    starts = [10, 25, 0]
    other = returns.copy()
    other[:10, 0], other[:25, 1] = 0.5, -1.5

    got, same = (engine.metrics(panel, market, starts=starts, more=True) for panel in (other, returns))

    for name, values in got.items():
        assert_allclose(values, same[name], rtol=0, atol=0, err_msg=name)
    assert_allclose(got["sharpe_ratio"][1], one_by_one(returns[25:, 1:2], market[25:])["sharpe_ratio"][0], rtol=1e-12)


@pytest.mark.parametrize("starts", [[0], [0, 30], [-1, 0], [0.0, 1.0], [[0, 1]]])
def test_starts_that_are_refused(starts: Any) -> None:
    with pytest.raises(ValueError, match="starts must"):
        engine.metrics(draw(30, 2), starts=starts)
