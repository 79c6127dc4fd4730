"""Running totals by lanes are the running totals; the lowest of rows are those that a sort puts first."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from analytics.engine import FloatArray
from analytics.engine.lanes import LANES, accumulate, from_lanes, pieces, to_lanes
from analytics.engine.order import lowest

rows_of = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 4), st.integers(1, 70)), elements=st.floats(-0.9, 1.0, allow_subnormal=False)
)
# Few values, so that many are equal, and some that lie outside of a window.
with_ties = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 4), st.integers(1, 90)),
    elements=st.sampled_from([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, np.inf]),
)


def lanes_for(rows: FloatArray) -> FloatArray:
    return np.full((LANES, len(rows), pieces(rows.shape[1])), np.nan)


@given(rows_of)
def test_rows_come_back_from_lanes_in_their_order(rows: FloatArray) -> None:
    lanes = to_lanes(rows, lanes_for(rows))
    assert np.isfinite(lanes).all()
    assert_array_equal(from_lanes(lanes, np.empty_like(rows)), rows + 1.0)


@given(rows_of)
def test_wealth_and_its_peak_run_on_from_lane_to_lane(rows: FloatArray) -> None:
    path = to_lanes(rows, lanes_for(rows))
    accumulate(np.multiply, path, path)
    peak = accumulate(np.fmax, path, lanes_for(rows))

    wealth = np.cumprod(1.0 + rows, axis=1)
    highest = np.maximum(np.maximum.accumulate(wealth, axis=1), 1.0)
    assert_allclose(from_lanes(path, np.empty_like(rows)), wealth, rtol=1e-13)
    assert_allclose(from_lanes(peak, np.empty_like(rows)), highest, rtol=1e-13)


@given(with_ties, st.data())
def test_the_lowest_values_are_those_that_a_sort_puts_first(rows: FloatArray, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, rows.shape[1]))
    before = rows.copy()
    assert_array_equal(lowest(rows, count), np.sort(rows, axis=1)[:, :count])
    assert_array_equal(rows, before)


def test_the_lowest_values_may_lie_together() -> None:
    rows = np.array([np.arange(1260.0), np.arange(1260.0)[::-1], np.r_[np.zeros(600), np.full(660, -1.0)]])
    assert_array_equal(lowest(rows, 64), np.sort(rows, axis=1)[:, :64])
