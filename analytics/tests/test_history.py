"""Rolling figures, drawdowns and the calendar of one portfolio's returns, by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from numpy.testing import assert_allclose

from analytics import engine
from analytics.history import Past, calendar, drawdowns, rolling
from analytics.history_charts import cells, drawdown_chart, rolling_chart
from analytics.valuation import FloatArray

WEEKLY = [0.0, 0.01, 0.1, -0.04, 0.02, 0.03, 0.02, 0.01, -0.1]


def past(days: list[str], returns: list[float], benchmark: FloatArray | None = None) -> Past:
    return Past(np.array(days, "M8[D]"), np.array(returns), benchmark, 252)


def sessions(start: str, returns: list[float], benchmark: FloatArray | None = None) -> Past:
    days = np.busday_offset(start, np.arange(len(returns)), roll="forward")
    return Past(days, np.array(returns), benchmark, 252)


def test_months_compound_as_another_library_has_it() -> None:
    """The expected values are those of empyrical's own tests of weekly returns brought to months."""
    weeks = (np.datetime64("2000-01-30") + 7 * np.arange(9)).astype(str).tolist()

    found = calendar(past(weeks, WEEKLY))

    months = [month.value for year in found.years for month in year.months.values()]
    assert_allclose(months, [0.0, 0.08789120000000006, -0.04500459999999995], atol=1e-15)
    assert_allclose(found.years[0].value, np.prod(1 + np.array(WEEKLY)) - 1)


def test_what_is_not_whole_says_so_and_is_no_best_month() -> None:
    # From Thursday 11 January, after a rise, to Friday 12 April; 29 March was Good Friday.
    days = [day for day in np.arange("2024-01-11", "2024-04-13", dtype="M8[D]") if np.is_busday(day)]
    returns = [0.0 if day.astype(object).day != 15 else 0.01 * day.astype(object).month for day in days]
    returns[0], returns[-1] = 0.5, -0.5

    found = calendar(Past(np.array(days), np.array(returns), None, 252))

    months = found.years[0].months
    assert {number: month.whole for number, month in months.items()} == {1: False, 2: True, 3: True, 4: False}
    assert (found.years[0].year, found.years[0].whole) == (2024, False)
    assert found.best is not None
    assert found.worst is not None
    assert (found.best.month, found.best.value) == (3, pytest.approx(0.03))
    assert (found.worst.month, found.months_won) == (2, 1.0)


def test_a_holiday_at_the_edge_leaves_a_month_whole() -> None:
    days = [day for day in np.arange("2024-01-02", "2024-03-29", dtype="M8[D]") if np.is_busday(day)]

    found = calendar(Past(np.array(days), np.full(len(days), 0.001), None, 252))

    assert [month.whole for month in found.years[0].months.values()] == [True, True, True]
    assert found.years[0].whole is False


def test_drawdowns_have_their_days() -> None:
    found = drawdowns(sessions("2024-01-01", [0.1, -0.1, -0.1, 0.3, -0.05, 0.0]), 5)

    first, second = found
    assert (first.peak, first.start, first.trough) == (date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3))
    assert (first.recovered, first.sessions, first.recovery_sessions) == (date(2024, 1, 4), 3, 1)
    assert first.depth == pytest.approx(-0.19)
    assert (second.recovered, second.recovery_sessions, second.sessions) == (None, None, 2)
    at_once = drawdowns(sessions("2024-01-01", [-0.1]), 5)
    assert (at_once[0].peak, at_once[0].start) == (None, date(2024, 1, 1))


def test_rolling_beta_leaves_out_days_without_the_benchmark() -> None:
    generator = np.random.default_rng(5)
    market = generator.normal(0, 0.01, 100)
    returns = 0.5 * market + generator.normal(0, 0.001, 100)
    gaps = market.copy()
    gaps[[0, 40]] = np.nan

    found = rolling(sessions("2024-01-01", returns.tolist(), gaps), "beta", 30)

    both = np.isfinite(gaps)
    assert len(found.values) == len(found.days) == both.sum() - 29
    assert_allclose(found.values[-1], engine.beta(returns[both][-30:], market[both][-30:]))


def test_a_window_in_which_nothing_varies_leaves_a_gap() -> None:
    found = rolling(sessions("2024-01-01", [0.0] * 40 + [0.01, -0.01] * 10), "sharpe_ratio", 30)

    assert np.isnan(found.values[:11]).all()
    assert np.isfinite(found.values[11:]).all()
    chart = rolling_chart(found, "Sharpe ratio")
    assert chart["json"]["series"][0]["values"][0] is None
    assert chart["latest"].value == pytest.approx(float(found.values[-1]))


def test_a_series_without_a_return_has_nothing_to_show() -> None:
    nothing = Past(np.empty(0, "M8[D]"), np.empty(0), None, 252, "there are no trades yet")

    assert rolling(nothing, "total_return", 63).problem == "there are no trades yet"
    assert drawdowns(nothing, 5) == []
    assert calendar(nothing).years == ()
    assert (nothing.start, nothing.end) == (None, None)


def test_the_chart_of_drawdowns_marks_the_deepest_by_number() -> None:
    fallen = sessions("2024-01-01", [0.1, -0.1, -0.1, 0.3, -0.05, 0.0])
    deepest = drawdowns(fallen, 5)

    [marks] = drawdown_chart(fallen, deepest)["json"]["marks"]

    assert marks["role"] == "trough"
    assert [point[:2] for point in marks["points"]] == [["2024-01-03", -0.19], ["2024-01-05", -0.05]]
    assert marks["points"][0][2] == "1. trough, −19.00%"


@pytest.mark.parametrize(
    ("value", "shade"), [(0.0, 0), (0.004, 1), (0.01, 2), (0.045, 3), (0.2, 4), (-0.004, -1), (-0.07, -4)]
)
def test_a_month_is_shaded_by_its_size_and_sign(value: float, shade: int) -> None:
    [(_, row)] = cells(calendar(past(["2024-03-04", "2024-03-05"], [value, 0.0])))

    assert [cell.shade for cell in row] == [0, 0, shade, *[0] * 9]
