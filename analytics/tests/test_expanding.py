"""The Sharpe ratio as it was known at the end of each day."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.engine import InsufficientData, expanding_sharpe_ratio, sharpe_ratio

RETURNS = st.lists(st.floats(-0.2, 0.2), min_size=2, max_size=60)


@given(RETURNS, st.floats(-0.001, 0.001), st.sampled_from([252, 365]))
def test_each_day_is_the_ratio_of_the_returns_until_then(returns: list[float], rate: float, periods: int) -> None:
    expanding = expanding_sharpe_ratio(returns, rate, periods)
    assert len(expanding) == len(returns)
    for end in range(2, len(returns) + 1):
        if np.std(returns[:end]) > 1e-6:
            assert expanding[end - 1] == pytest.approx(sharpe_ratio(returns[:end], rate, periods), rel=1e-6, abs=1e-9)


def test_there_is_none_of_one_return_nor_while_they_do_not_vary() -> None:
    found = expanding_sharpe_ratio([0.01, 0.01, 0.01, 0.02, -0.03])
    assert np.isnan(found[:3]).all()
    assert found[3:] == pytest.approx(
        [sharpe_ratio([0.01, 0.01, 0.01, 0.02]), sharpe_ratio([0.01] * 3 + [0.02, -0.03])]
    )


def test_no_digits_cancel_after_a_flat_beginning() -> None:
    returns = [0.001] * 2000 + [0.0010001]
    assert np.isnan(expanding_sharpe_ratio(returns)[:-1]).all()
    assert expanding_sharpe_ratio(returns)[-1] == pytest.approx(sharpe_ratio(returns), rel=1e-6)


def test_it_takes_one_series_of_numbers() -> None:
    with pytest.raises(InsufficientData):
        expanding_sharpe_ratio([])
    with pytest.raises(ValueError, match="one series"):
        expanding_sharpe_ratio([[0.1, 0.2], [0.1, 0.3]])
    with pytest.raises(ValueError, match="NaN"):
        expanding_sharpe_ratio([0.1, float("nan")])
