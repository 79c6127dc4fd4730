"""Covariance, contributions, factor models, attribution and stress: by hand, by oracle and by their own laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from analytics import engine
from analytics.engine import FloatArray, InsufficientData, UndefinedMetric


def draw(seed: int, columns: int, days: int = 400) -> FloatArray:
    random = np.random.default_rng(seed)
    common = random.standard_normal((days, 1)) * 0.008
    return common + random.standard_normal((days, columns)) * 0.01 + 0.0002


def test_sample_covariance_is_numpy_s() -> None:
    returns = draw(1, 5)

    assert_allclose(engine.covariance(returns), np.cov(returns, rowvar=False), rtol=1e-12)
    assert_allclose(engine.covariance(returns, periods=252), 252 * np.cov(returns, rowvar=False), rtol=1e-12)
    assert_allclose(engine.correlation(returns), np.corrcoef(returns, rowvar=False), rtol=1e-12)


def test_ewma_covariance_is_the_recursion_of_its_weights() -> None:
    returns = draw(2, 3)
    recursion = np.outer(returns[0], returns[0])
    for row in returns[1:]:
        recursion = 0.94 * recursion + 0.06 * np.outer(row, row)

    # The recursion begins with the first day at full weight, which 0.94^399 has long forgotten.
    assert_allclose(engine.covariance(returns, "ewma"), recursion, rtol=1e-6)


def test_shrunk_covariance_by_the_definition() -> None:
    returns = draw(3, 8, days=60)
    centred = returns - returns.mean(axis=0)
    sample = centred.T @ centred / 60
    level = np.trace(sample) / 8
    distance = np.mean((sample - level * np.eye(8)) ** 2) * 8
    noise = sum(np.sum((np.outer(row, row) - sample) ** 2) for row in centred) / 60**2 / 8
    share = min(noise / distance, 1)

    shrunk = engine.covariance(returns, "ledoit_wolf")

    assert 0 < share < 1
    assert_allclose(shrunk, (1 - share) * sample + share * level * np.eye(8), rtol=1e-10)
    assert np.linalg.cond(shrunk) < np.linalg.cond(sample)


def test_shrinkage_makes_a_singular_covariance_regular() -> None:
    returns = draw(4, 30, days=10)

    assert np.linalg.matrix_rank(engine.covariance(returns)) < 30
    assert np.linalg.eigvalsh(engine.covariance(returns, "ledoit_wolf"))[0] > 0


@pytest.mark.parametrize(
    ("returns", "parameters", "reason"),
    [
        (draw(1, 2)[:, 0], {}, "shape"),
        (np.array([[np.nan, 1.0], [0.0, 1.0]]), {}, "NaN"),
        (draw(1, 2), {"method": "guess"}, "method"),
        (draw(1, 2), {"method": "ewma", "decay": 1.0}, "decay"),
    ],
)
def test_covariance_refuses(returns: FloatArray, parameters: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        engine.covariance(returns, **parameters)
    with pytest.raises(InsufficientData):
        engine.covariance(returns[:1] if returns.ndim == 2 and np.isfinite(returns).all() else [[0.1, 0.2]])


def test_a_flat_series_has_no_correlation() -> None:
    returns = np.column_stack([draw(1, 2), np.full(400, 0.001)])

    related = engine.correlation(returns)

    assert np.isnan(related[2]).all()
    assert_allclose(related[0, 0], 1)
    with pytest.raises(UndefinedMetric):
        engine.correlation(np.zeros((9, 2)))


def test_risk_contributions_sum_to_the_volatility() -> None:
    matrix, weights = engine.covariance(draw(5, 4)), np.array([0.5, 0.3, 0.4, -0.2])

    parts = engine.risk_contributions(weights, matrix)

    assert_allclose(parts.sum(), np.sqrt(weights @ matrix @ weights), rtol=1e-12)
    step = 1e-7
    for holding in range(4):
        moved = weights.copy()
        moved[holding] += step
        slope = (np.sqrt(moved @ matrix @ moved) - np.sqrt(weights @ matrix @ weights)) / step
        assert_allclose(parts[holding], weights[holding] * slope, rtol=1e-5)
    with pytest.raises(UndefinedMetric):
        engine.risk_contributions([0.0, 0.0], np.eye(2))
    with pytest.raises(UndefinedMetric):
        engine.risk_contributions([1.0, -1.0], np.ones((2, 2)))
    with pytest.raises(ValueError, match="shape"):
        engine.risk_contributions([1.0], np.eye(2))


def test_one_factor_is_the_simple_regression() -> None:
    market, returns = draw(6, 1)[:, 0], draw(7, 1)[:, 0]
    line = stats.linregress(market, returns)

    fit = engine.factor_regression(returns, market, lags=None)

    assert_allclose([fit.alpha, fit.betas[0]], [line.intercept, line.slope], rtol=1e-9)
    assert_allclose([fit.alpha_error, fit.beta_errors[0]], [line.intercept_stderr, line.stderr], rtol=1e-9)
    assert_allclose([fit.r_squared, fit.beta_p[0]], [line.rvalue**2, line.pvalue], rtol=1e-9)
    assert_allclose(fit.betas[0], engine.beta(returns, market), rtol=1e-9)


def test_newey_west_errors_by_the_definition() -> None:
    factors, returns = draw(8, 3), draw(9, 2)
    design = np.column_stack([np.ones(400), factors])
    bread = np.linalg.inv(design.T @ design)

    fit = engine.factor_regression(returns, factors)

    assert fit.lags == 5  # ⌊4·4^(2/9)⌋
    for series in range(2):
        residual = returns[:, series] - design @ (bread @ design.T @ returns[:, series])
        meat = sum(
            (1 - abs(lag) / 6)
            * sum(
                np.outer(design[day], design[day - lag]) * residual[day] * residual[day - lag]
                for day in range(max(lag, 0), 400 + min(lag, 0))
            )
            for lag in range(-5, 6)
        )
        errors = np.sqrt(np.diag(bread @ meat @ bread) * 400 / 396)
        assert_allclose(fit.beta_errors[:, series], errors[1:], rtol=1e-8)
        assert_allclose(fit.alpha_error[series], errors[0], rtol=1e-8)
        assert_allclose(fit.residuals[:, series], residual, rtol=1e-8, atol=1e-15)


def test_known_exposures_are_found_and_many_series_are_one_by_one() -> None:
    factors = draw(10, 2)
    returns = 0.0001 + 0.00005 + factors @ np.array([[1.2, 0.3], [-0.5, 0.9]]) + draw(11, 2) * 1e-6

    fit = engine.factor_regression(returns, factors, risk_free=0.00005)

    assert_allclose(fit.betas, [[1.2, 0.3], [-0.5, 0.9]], atol=1e-5)
    assert_allclose(fit.alpha, 0.0001, atol=1e-6)
    alone = engine.factor_regression(returns[:, 1], factors, risk_free=np.full(400, 0.00005))
    assert_allclose(fit.betas[:, 1], alone.betas, rtol=1e-9)
    assert_allclose(fit.beta_t[:, 1], alone.beta_t, rtol=1e-6)


def test_factors_in_percent_are_no_worse_conditioned() -> None:
    factors, returns = draw(12, 2), draw(13, 1)[:, 0]
    scale = np.array([1.0, 1e6])

    assert_allclose(
        engine.factor_regression(returns, factors * scale).betas * scale,
        engine.factor_regression(returns, factors).betas,
        rtol=1e-6,
    )


@pytest.mark.parametrize(
    ("factors", "error", "reason"),
    [
        (np.ones((400, 1)), UndefinedMetric, "vary"),
        (np.repeat(draw(1, 1), 2, axis=1), UndefinedMetric, "collinear"),
        (draw(1, 2)[:300], ValueError, "observations"),
        (np.full((400, 1), np.nan), ValueError, "NaN"),
    ],
)
def test_factors_that_explain_nothing_are_refused(factors: FloatArray, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        engine.factor_regression(draw(2, 1)[:, 0], factors)


def test_too_little_overlap_says_what_is_needed() -> None:
    with pytest.raises(InsufficientData, match="needs 6 days, has 4"):
        engine.factor_regression(draw(1, 1)[:4, 0], draw(2, 3)[:4])
    with pytest.raises(ValueError, match="lags"):
        engine.factor_regression(draw(1, 1)[:, 0], draw(2, 3), lags=400)


def test_factor_risk_adds_up_and_equals_the_variance_of_the_fit() -> None:
    factors, returns = draw(14, 3), draw(15, 1)[:, 0]
    fit = engine.factor_regression(returns, factors)
    specific = float(fit.residuals.var(ddof=1))

    risk = engine.factor_risk(fit.betas, engine.covariance(factors), specific)

    assert_allclose(risk.total, returns.var(ddof=1), rtol=1e-9)
    assert_allclose(risk.contributions.sum() + risk.specific_contribution, risk.volatility, rtol=1e-12)
    assert_allclose(risk.factor / risk.total, fit.r_squared, rtol=1e-9)
    with pytest.raises(UndefinedMetric):
        engine.factor_risk([0.0], [[1.0]], 0.0)
    with pytest.raises(ValueError, match="negative"):
        engine.factor_risk([1.0], [[1.0]], -1.0)


def test_return_attribution_sums_to_the_return() -> None:
    factors, returns = draw(16, 2), draw(17, 1)[:, 0]
    betas = engine.factor_regression(returns, factors).betas

    constant = engine.return_attribution(returns, factors, betas, risk_free=0.0001)
    moving = engine.return_attribution(returns, factors, np.tile(betas, (400, 1)), risk_free=np.full(400, 0.0001))

    assert constant.shape == (400, 4)
    assert_allclose(constant.sum(axis=1), returns, rtol=1e-12)
    assert_allclose(constant[:, 1:3], factors * betas, rtol=1e-12)
    assert_allclose(constant, moving)
    with pytest.raises(ValueError, match="shape"):
        engine.return_attribution(returns, factors, [1.0])


def test_brinson_by_hand() -> None:
    # Bacon (2008), chapter 5: equities of three regions.
    split = engine.brinson_attribution([0.4, 0.3, 0.3], [0.20, -0.05, 0.06], [0.4, 0.2, 0.4], [0.10, -0.04, 0.08])

    assert_allclose(split.allocation, [0, -0.0104, -0.0016], atol=1e-12)
    assert_allclose(split.selection, [0.04, -0.002, -0.008], atol=1e-12)
    assert_allclose(split.interaction, [0, -0.001, 0.002], atol=1e-12)
    assert_allclose(split.active_return, 0.083 - 0.064, atol=1e-12)
    with pytest.raises(ValueError, match="sum to 1"):
        engine.brinson_attribution([0.5, 0.4], [0, 0], [0.5, 0.5], [0, 0])
    with pytest.raises(ValueError, match="shape"):
        engine.brinson_attribution([0.5, 0.5], [0], [0.5, 0.5], [0, 0])


def test_brinson_of_several_periods() -> None:
    random = np.random.default_rng(1)
    own, its = random.dirichlet(np.ones(4), 12), random.dirichlet(np.ones(4), 12)
    earned, gained = random.normal(0, 0.05, (2, 12, 4))

    split = engine.brinson_attribution(own, earned, its, gained)

    assert_allclose(split.active_return, (own * earned).sum(axis=1) - (its * gained).sum(axis=1), atol=1e-15)


def test_stress_by_asset_and_by_factor() -> None:
    direct = engine.stress([0.5, 0.3], [-0.2, 0.1])
    assert_allclose(direct.total, -0.07)
    assert_allclose(direct.contributions, [-0.1, 0.03])

    factors = engine.stress([0.5, 0.5], exposures=[[1.0, 0.0], [0.5, 2.0]], factor_shocks=[-0.1, -0.05])
    assert_allclose(factors.contributions, [-0.05, -0.075])
    assert_allclose(engine.stress([1.0], exposures=[[3.0]], factor_shocks=[-0.5]).total, -1)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({}, "must be given"),
        ({"shocks": [-1.1, 0]}, "below -1"),
        ({"shocks": [0.1]}, "shape"),
        ({"shocks": [np.nan, 0]}, "NaN"),
        ({"factor_shocks": [0.1]}, "together"),
        ({"factor_shocks": [0.1], "exposures": [[1.0, 1.0], [1.0, 1.0]]}, "shape"),
    ],
)
def test_stress_refuses(parameters: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        engine.stress([0.5, 0.5], **parameters)
