"""The report is the single figures, for many portfolios at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

from analytics import engine
from analytics.engine import METRICS, FloatArray, InsufficientData, UndefinedMetric
from analytics.engine import report as blocks

ALONE = {name: getattr(engine, name) for name in METRICS}
steps = hnp.arrays(np.int64, st.tuples(st.integers(20, 50), st.integers(1, 7)), elements=st.integers(-1500, 1500)).map(
    lambda array: array / 10_000
)


def draw(days: int, columns: int, seed: int = 7) -> FloatArray:
    return np.random.default_rng(seed).normal(0.0004, 0.012, (days, columns))


def one_by_one(
    returns: FloatArray, benchmark: FloatArray, *, risk_free: float = 0.0, periods: float = 252, level: float = 0.95
) -> dict[str, list[float]]:
    """Every figure by its own function, one column at a time; NaN where it says there is none."""
    options: dict[str, dict[str, Any]] = {
        "annual_return": {"periods": periods},
        "annual_volatility": {"periods": periods},
        "sharpe_ratio": {"risk_free": risk_free, "periods": periods},
        "sortino_ratio": {"mar": risk_free, "periods": periods},
        "calmar_ratio": {"periods": periods},
        "beta": {"risk_free": risk_free},
        "alpha": {"risk_free": risk_free, "periods": periods},
        "value_at_risk": {"level": level},
        "expected_shortfall": {"level": level},
    }
    figures: dict[str, list[float]] = {name: [] for name in METRICS}
    for column, market in zip(returns.T, np.broadcast_to(benchmark.T, returns.T.shape), strict=True):
        for name, metric in ALONE.items():
            against = (market,) if name in {"beta", "alpha"} else ()
            try:
                figures[name].append(float(metric(column, *against, **options.get(name, {}))))
            except UndefinedMetric:
                figures[name].append(np.nan)
    return figures


def assert_same(got: dict[str, FloatArray], expected: Any) -> None:
    assert tuple(got) == METRICS
    for name in METRICS:
        assert_allclose(got[name], expected[name], rtol=1e-12, atol=1e-12, err_msg=name)


@given(steps, st.sampled_from([0.0, 0.0001, -0.0002]), st.sampled_from([12, 252, 365]), st.sampled_from([0.9, 0.95]))
def test_a_report_is_the_single_figures(returns: FloatArray, rate: float, periods: float, level: float) -> None:
    market = returns[:, 0]

    got = engine.metrics(returns, market, risk_free=rate, periods=periods, level=level)

    assert_same(got, one_by_one(returns, market, risk_free=rate, periods=periods, level=level))


@given(steps)
def test_each_portfolio_may_have_a_benchmark_of_its_own(returns: FloatArray) -> None:
    markets = np.roll(returns, 1, axis=0)

    assert_same(engine.metrics(returns, markets), one_by_one(returns, markets))


@pytest.mark.parametrize("block", [1, 300, 1 << 17])
def test_the_figures_do_not_depend_on_blocks_or_layout(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    returns, market = draw(60, 23), draw(60, 1, seed=8)[:, 0]
    expected = one_by_one(returns, market)
    monkeypatch.setattr(blocks, "BLOCK", block)

    assert_same(engine.metrics(returns, market), expected)
    assert_same(engine.metrics(np.asfortranarray(returns), market), expected)


def test_the_returns_that_were_given_are_left_as_they_were() -> None:
    for returns in (draw(60, 5), np.asfortranarray(draw(60, 5))):
        before = returns.copy()
        engine.metrics(returns, returns[:, 0])
        assert_array_equal(returns, before)


def test_weights_give_the_report_of_their_returns() -> None:
    assets, market = draw(80, 12), draw(80, 1, seed=8)[:, 0]
    weights = np.random.default_rng(9).dirichlet(np.ones(12), size=31)
    weights[weights < 0.05] = 0.0
    expected = one_by_one(assets @ weights.T, market)

    assert_same(engine.metrics_of_weights(weights, assets, market), expected)
    assert_same(engine.metrics_of_weights(csr_array(weights), assets, market), expected)
    assert_same(engine.metrics(engine.portfolio_returns(weights, assets), market), expected)


def test_a_portfolio_has_the_same_figures_alone_and_among_thousands() -> None:
    assets = draw(40, 10)
    weights = np.random.default_rng(9).dirichlet(np.ones(10), size=2000)

    many = engine.metrics_of_weights(weights, assets, assets[:, 0])
    alone = engine.metrics_of_weights(weights[1234:1235], assets, assets[:, 0])

    assert_same({name: many[name][1234:1235] for name in METRICS}, alone)


def test_what_is_undefined_for_one_leaves_the_others_alone() -> None:
    sound = draw(30, 1)[:, 0]
    ruined = np.where(np.arange(30) == 10, -2.0, sound)
    panel = np.column_stack([sound, np.full(30, 0.1), np.zeros(30), np.abs(sound), ruined])

    got = engine.metrics(panel, sound)

    missing = {name: tuple(np.flatnonzero(np.isnan(values))) for name, values in got.items()}
    assert missing == dict.fromkeys(METRICS, ()) | {
        "annual_return": (4,),
        "sharpe_ratio": (1, 2),
        "sortino_ratio": (1, 2, 3),
        "calmar_ratio": (1, 2, 3, 4),
        "skewness": (1, 2),
    }
    assert_same(got, one_by_one(panel, sound))


def test_without_a_benchmark_only_beta_and_alpha_are_missing() -> None:
    for market in (None, np.full(30, 0.1)):
        got = engine.metrics(draw(30, 3), market)
        assert {name for name in METRICS if np.isnan(got[name]).all()} == {"beta", "alpha"}
        assert {name for name in METRICS if np.isnan(got[name]).any()} == {"beta", "alpha"}


@pytest.mark.parametrize("days", [1, 2, 3, 19, 20])
def test_a_figure_appears_with_the_days_it_needs(days: int) -> None:
    returns = np.linspace(0.02, -0.01, days)[:, np.newaxis] - 0.001
    needed = engine.minimum_observations()

    got = engine.metrics(np.hstack([returns, -returns]), returns[:, 0])

    shown = {name for name in METRICS if np.isfinite(got[name]).any()}
    assert shown == {name for name in METRICS if days >= needed[name]}


@pytest.mark.parametrize(("level", "days"), [(0.9, 10), (0.95, 20), (0.99, 100)])
def test_the_tail_needs_a_whole_observation(level: float, days: int) -> None:
    needed = engine.minimum_observations(level)

    assert set(needed) == {*METRICS, *engine.FURTHER}
    assert needed["expected_shortfall"] == needed["value_at_risk"] == days


def test_no_portfolios_have_no_figures() -> None:
    got = engine.metrics(np.empty((30, 0)))

    assert {name: values.shape for name, values in got.items()} == dict.fromkeys(METRICS, (0,))


@pytest.mark.parametrize(
    ("returns", "options", "reason"),
    [
        pytest.param(np.zeros(30), {}, "shape", id="a single series without its column"),
        pytest.param(np.full((30, 2), np.nan), {}, "NaN", id="NaN"),
        pytest.param(np.full((30, 2), np.inf), {}, "infinity", id="infinity"),
        pytest.param(np.zeros((30, 2)), {"benchmark": np.zeros(29)}, "29 observations", id="short benchmark"),
        pytest.param(np.zeros((30, 2)), {"benchmark": np.full(30, np.nan)}, "benchmark", id="NaN in the benchmark"),
        pytest.param(np.zeros((30, 2)), {"benchmark": 0.01}, "benchmark must have shape", id="a number as benchmark"),
        pytest.param(np.zeros((30, 2)), {"level": 1.0}, "level", id="level"),
        pytest.param(np.zeros((30, 2)), {"risk_free": np.nan}, "risk_free", id="risk-free rate"),
    ],
)
def test_input_that_is_refused(returns: FloatArray, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        engine.metrics(returns, **options)


def test_one_gap_in_one_column_is_found() -> None:
    returns = draw(60, 300)
    returns[17, 205] = np.nan

    with pytest.raises(ValueError, match="NaN"):
        engine.metrics(returns)


def test_no_day_is_too_few() -> None:
    with pytest.raises(InsufficientData, match="needs 1 days, has 0"):
        engine.metrics(np.empty((0, 3)))


def test_every_metric_has_its_section_in_the_methods() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "methods.md").read_text()
    headings = {line.removeprefix("## ").lower().replace(" ", "_") for line in text.splitlines() if line[:3] == "## "}

    assert set(METRICS) | {"value", "invested", "unrealised_gain", "time-weighted_return"} <= headings
