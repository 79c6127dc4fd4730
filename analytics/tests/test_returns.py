"""Returns: each row is small enough to check by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

from analytics.engine import (
    InsufficientData,
    UndefinedMetric,
    annual_return,
    cumulative_returns,
    portfolio_returns,
    simple_returns,
    time_weighted_returns,
)

NAN = np.nan


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        pytest.param([100.0, 110.0, 99.0], [0.1, -0.1], id="up a tenth, down a tenth"),
        pytest.param([[10.0, 1.0], [20.0, 1.0]], [[1.0, 0.0]], id="one column a series"),
    ],
)
def test_simple_returns(prices: list[Any], expected: list[Any]) -> None:
    assert_allclose(simple_returns(prices), expected, atol=1e-15)


@pytest.mark.parametrize("price", [0.0, -1.0, NAN, np.inf])
def test_a_price_that_is_none_is_refused(price: float) -> None:
    with pytest.raises(ValueError, match="prices must"):
        simple_returns([100.0, price, 101.0])


def test_one_price_makes_no_return() -> None:
    with pytest.raises(InsufficientData, match="needs 2 days, has 1"):
        simple_returns([100.0])


def test_cumulative_returns_compound() -> None:
    assert_allclose(cumulative_returns([0.5, -0.5, 1.0]), [0.5, -0.25, 0.5])


def test_published_sub_periods_link_to_their_total() -> None:
    # Wikipedia, "Time-weighted return": 4 %, 9 %, 5 % and 11 % make 32.12 %, to the last digit printed.
    assert_allclose(cumulative_returns([0.04, 0.09, 0.05, 0.11])[-1], 0.3212, atol=0.00005)


@pytest.mark.parametrize(
    ("returns", "periods", "expected"),
    [
        pytest.param([0.1, 0.1], 2, 0.21, id="a whole year is the compounded return"),
        pytest.param([0.1], 2, 0.21, id="half a year is squared"),
        pytest.param([0.1, 0.1], 1, 0.1, id="two years take the root"),
        pytest.param([0.5, -1.0, 0.5], 252, -1.0, id="a total loss stays one"),
    ],
)
def test_annual_return(returns: list[float], periods: float, expected: float) -> None:
    assert_allclose(annual_return(returns, periods=periods), expected)


@pytest.mark.parametrize(
    ("returns", "reason"),
    [
        pytest.param([0.1, -2.5, 0.1], "below zero", id="debt"),
        pytest.param([0.1, -2.0, -3.0], "below zero", id="debt, though two of them make wealth positive again"),
        pytest.param([100.0], "exceeds", id="hundredfold in a day"),
    ],
)
def test_annual_return_that_does_not_exist(returns: list[float], reason: str) -> None:
    with pytest.raises(UndefinedMetric, match=reason):
        annual_return(returns)

    beside_a_sound_one = np.column_stack([returns, np.zeros(len(returns))])
    assert_array_equal(annual_return(beside_a_sound_one), [NAN, 0.0])


def test_portfolio_returns_weigh_the_assets() -> None:
    assets = [[0.10, -0.20], [0.02, 0.04]]
    weights = [[0.5, 0.5], [1.0, 0.0], [0.0, 0.5]]
    expected = [[-0.05, 0.10, -0.10], [0.03, 0.02, 0.02]]

    assert_allclose(portfolio_returns(weights, assets), expected)
    assert_allclose(portfolio_returns(csr_array(np.array(weights)), assets), expected)


@pytest.mark.parametrize(
    ("weights", "assets", "reason"),
    [
        pytest.param([[0.5, NAN]], [[0.1, 0.1]], "weights", id="NaN weight"),
        pytest.param([[0.5, 0.5]], [[0.1, NAN]], "asset_returns", id="NaN return"),
        pytest.param([[0.5, 0.5]], [[0.1, 0.1, 0.1]], "shape", id="other assets"),
    ],
)
def test_weights_that_do_not_fit(weights: list[Any], assets: list[Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        portfolio_returns(weights, assets)


@pytest.mark.parametrize(
    ("values", "inflows", "outflows", "returns", "valid"),
    [
        pytest.param([100, 110], [100, 0], [0, 0], [0.0, 0.1], [1, 1], id="opened and grown"),
        pytest.param([110], [100], [0], [0.1], [1], id="money earns on its first day"),
        pytest.param([100, 220], [100, 100], [0, 0], [0.0, 0.1], [1, 1], id="an inflow is there from the morning"),
        pytest.param([100, 60], [100, 0], [0, 50], [0.0, 0.1], [1, 1], id="an outflow leaves in the evening"),
        pytest.param([100, 0], [100, 0], [0, 110], [0.0, 0.1], [1, 1], id="closed with a gain"),
        pytest.param([0, 100], [0, 100], [0, 0], [0.0, 0.0], [0, 1], id="not yet opened is no day"),
        pytest.param([100, 0, 0, 50], [100, 0, 0, 50], [0, 100, 0, 0], [0, 0, 0, 0], [1, 1, 0, 1], id="a pause"),
        pytest.param([100, 0], [100, 0], [0, 0], [0.0, -1.0], [1, 1], id="everything lost"),
        pytest.param([100, -5, 100], [100, 0, 200], [0, 0, 0], [0, NAN, NAN], [1, 0, 0], id="in debt from the second"),
        pytest.param([0, 10, 11], [0, 0, 0], [0, 0, 0], [0, NAN, NAN], [0, 0, 0], id="value out of nothing"),
        pytest.param([100, 110], [100, 50], [0, 50], [0.0, 160 / 150 - 1], [1, 1], id="in and out on one day"),
    ],
)
def test_time_weighted_returns(
    values: list[float], inflows: list[float], outflows: list[float], returns: list[float], valid: list[int]
) -> None:
    got = time_weighted_returns(values, inflows, outflows)

    assert_allclose(got.returns, returns, atol=1e-15)
    assert_array_equal(got.valid, np.array(valid, dtype=bool))
    assert_array_equal(got.undefined, np.isnan(returns))


def test_a_published_example_of_a_deposit_between_two_periods() -> None:
    # CIBC Investor's Edge: 200,000 grows to 220,000, 50,000 is paid in, and it ends at 300,000: printed as 22 %.
    got = time_weighted_returns([200_000, 220_000, 300_000], [200_000, 0, 50_000], [0, 0, 0])

    assert_allclose(got.returns[1:], [0.1, 0.1111], atol=0.00005)
    assert_allclose(cumulative_returns(got.returns)[-1], 0.22, atol=0.005)


def test_a_broken_portfolio_does_not_break_its_neighbour() -> None:
    values, inflows = np.array([[100.0, 100.0], [-5.0, 110.0]]), np.array([[100.0, 100.0], [0.0, 0.0]])

    got = time_weighted_returns(values, inflows, np.zeros((2, 2)))

    assert_allclose(got.returns, [[0.0, 0.0], [NAN, 0.1]], atol=1e-15)
    assert_array_equal(got.valid, [[True, True], [False, True]])


@pytest.mark.parametrize(
    ("values", "inflows", "outflows", "reason"),
    [
        pytest.param([100.0], [-1.0], [0.0], "negative", id="net flow"),
        pytest.param([100.0], [0.0], [-1.0], "negative", id="negative outflow"),
        pytest.param([100.0], [0.0, 0.0], [0.0], "differ in shape", id="lengths"),
        pytest.param([NAN], [0.0], [0.0], "values must not contain NaN", id="NaN"),
    ],
)
def test_flows_that_make_no_sense(
    values: list[float], inflows: list[float], outflows: list[float], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        time_weighted_returns(values, inflows, outflows)
