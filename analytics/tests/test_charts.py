"""Charts: spans begin at the right close, thinning keeps peaks, and the table says what the lines say."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analytics.charts import (
    Chart,
    Line,
    Mark,
    bars,
    base_index,
    below_peak,
    chart_json,
    draw,
    growth,
    ring,
    same_money,
    table_rows,
    thin,
)


def days(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[D]")


YEARS = np.arange("2019-01-01", "2022-12-29", dtype="datetime64[D]")


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        pytest.param("1m", "2022-11-28", id="a month back"),
        pytest.param("3m", "2022-09-28", id="three months back"),
        pytest.param("ytd", "2021-12-31", id="last year's last close"),
        pytest.param("1y", "2021-12-28", id="a year back"),
        pytest.param("3y", "2019-12-28", id="three years back"),
        pytest.param("5y", "2019-01-01", id="longer than the series"),
        pytest.param("max", "2019-01-01", id="everything"),
    ],
)
def test_a_span_begins_at_the_close_before_its_first_return(span: str, expected: str) -> None:
    assert str(YEARS[base_index(YEARS, span)]) == expected


@pytest.mark.parametrize(
    ("series", "span", "index"),
    [
        pytest.param(days("2024-02-28", "2024-02-29", "2024-03-31"), "1m", 1, id="31 March to the last of February"),
        pytest.param(days("2022-09-23", "2022-10-31", "2022-11-25"), "1m", 0, id="a weekend: the close before it"),
        pytest.param(days("2022-03-01", "2022-04-01"), "ytd", 0, id="began this year"),
        pytest.param(days(), "1y", 0, id="no day"),
    ],
)
def test_a_span_meets_short_months_and_gaps(series: np.ndarray, span: str, index: int) -> None:
    assert base_index(series, span) == index


RETURNS = np.array([0.01, 0.10, -0.50, 0.20])


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        pytest.param(0, [0.01, 0.111, -0.4445, -0.3334], id="since the first day, with its own return"),
        pytest.param(1, [0.0, -0.5, -0.4], id="since a close"),
        pytest.param(3, [0.0], id="since the last close"),
    ],
)
def test_growth_compounds(base: int, expected: list[float]) -> None:
    assert growth(RETURNS, base) == pytest.approx(expected)


def test_below_peak_starts_anew_with_the_span() -> None:
    assert below_peak(RETURNS, 0) == pytest.approx([0.0, 0.0, -0.5, -0.4])
    assert below_peak(RETURNS, 2) == pytest.approx([0.0, 0.0])
    assert below_peak(np.array([-0.1, 0.05]), 0) == pytest.approx([-0.1, -0.055])


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        # 100 · 1.1 = 110; (110 + 50) · 1.2 = 192; 192 · 0.9 − 30 = 142.8
        pytest.param(0, [110.0, 192.0, 142.8], id="from the first purchase"),
        # 150 · 0.9 − 30 = 105
        pytest.param(1, [150.0, 105.0], id="from a close"),
    ],
)
def test_the_same_money_earns_the_benchmark(base: int, expected: list[float]) -> None:
    values, benchmark = np.array([102.0, 150.0, 160.0]), np.array([0.10, 0.20, -0.10])
    inflows, outflows = np.array([100.0, 50.0, 0.0]), np.array([0.0, 0.0, 30.0])
    assert same_money(values, inflows, outflows, benchmark, base) == pytest.approx(expected)


def test_the_same_money_ends_where_more_was_taken_out_than_was_there() -> None:
    zero = np.zeros(3)
    worth = same_money(zero, np.array([100.0, 0, 50]), np.array([0, 101.0, 0]), zero, 0)
    assert worth == pytest.approx([100.0, np.nan, np.nan], nan_ok=True)


returns = arrays(np.float64, st.integers(2, 60), elements=st.floats(-0.2, 0.2))


@given(returns, st.data())
def test_a_portfolio_that_is_its_benchmark_is_worth_the_same(moves: np.ndarray, data: st.DataObject) -> None:
    """With flows, from any day: the closed form agrees with the recursion that defines the value."""
    size = len(moves)
    inflows, outflows = data.draw(arrays(np.float64, (2, size), elements=st.floats(0, 100)))
    inflows[0] = 1e6
    base = data.draw(st.integers(0, size - 1))
    values, worth = np.zeros(size), 0.0
    for i, move in enumerate(moves):
        worth = (worth + inflows[i]) * (1 + move) - outflows[i]
        values[i] = worth
    assume((values > 0).all())
    assert same_money(values, inflows, outflows, moves, base) == pytest.approx(values[base:], rel=1e-6)


@pytest.mark.parametrize("benchmark", [None, np.array([0.1, 0.2])], ids=["no benchmark", "a benchmark"])
@pytest.mark.parametrize(
    ("view", "values"),
    [("value", [102.0, 160.0]), ("return", [0.02, 0.071]), ("drawdown", [0.0, 0.0])],
)
def test_each_view_draws_the_portfolio_and_its_benchmark(
    view: str, values: list[float], benchmark: np.ndarray | None
) -> None:
    series = SimpleNamespace(
        days=days("2022-01-03", "2022-01-04"),
        values=np.array([102.0, 160.0]),
        inflows=np.array([100.0, 50.0]),
        outflows=np.zeros(2),
        returns=np.array([0.02, 0.05]),
        benchmark_returns=benchmark,
    )
    chart = draw(series, view, "max", benchmark="SP500", currency="USD", digits=2)
    assert chart.lines[0].values == pytest.approx(values)
    assert (chart.unit, chart.digits) == ("money" if view == "value" else "fraction", 2)
    assert len(chart.lines) == (1 if benchmark is None else 2)
    if benchmark is not None:
        assert chart.lines[1].name.endswith("SP500")


def test_large_amounts_have_no_decimals() -> None:
    ones = np.ones(1)
    series = SimpleNamespace(
        days=days("2022-01-03"), values=1e4 * ones, inflows=ones, outflows=ones, returns=ones, benchmark_returns=None
    )
    assert draw(series, "value", "max", benchmark="", currency="USD", digits=2).digits == 0


def test_a_line_knows_its_ends_and_its_lowest_point() -> None:
    line = Line("P", "portfolio", np.array([np.nan, 3.0, -1.0, 2.0]))
    assert (line.first, line.lowest, line.last) == (None, -1.0, 2.0)
    assert Line("P", "portfolio", np.array([np.nan])).lowest is None


@given(arrays(np.float64, st.integers(0, 5000), elements=st.floats(-1e6, 1e6)), st.integers(4, 600))
def test_thinning_keeps_ends_extremes_and_order(values: np.ndarray, limit: int) -> None:
    chosen = thin(values, limit)
    assert len(chosen) <= max(limit, 0)
    assert (np.diff(chosen) > 0).all()
    if len(values):
        assert chosen[0] == 0
        assert chosen[-1] == len(values) - 1
        assert values[chosen].max() == values.max()
        assert values[chosen].min() == values.min()


def test_ten_years_become_five_hundred_points_that_say_the_same() -> None:
    series = np.arange("2013-01-02", "2022-12-29", dtype="datetime64[D]")
    values = np.linspace(1.0, 2.0, len(series))
    values[1234] = 9.0
    drawn = chart_json(Chart(series, [Line("P", "portfolio", values)], "money", "USD"))
    assert len(drawn["days"]) == len(drawn["series"][0]["values"]) <= 500
    assert drawn["series"][0]["values"][drawn["days"].index(str(series[1234]))] == 9.0


def test_gaps_are_null_in_the_chart_and_empty_in_the_table() -> None:
    chart = Chart(
        days("2022-01-03", "2022-01-04"),
        [Line("P", "portfolio", np.array([1.0, 2.0])), Line("B", "benchmark", np.array([1.23456, np.nan]))],
        "money",
        "USD",
    )
    assert [series["values"] for series in chart_json(chart)["series"]] == [[1.0, 2.0], [1.23, None]]
    assert table_rows(chart) == [(date(2022, 1, 4), [2.0, None]), (date(2022, 1, 3), [1.0, 1.23456])]


def test_the_table_is_short_and_holds_both_ends() -> None:
    rows = table_rows(Chart(YEARS, [Line("P", "portfolio", np.arange(len(YEARS), dtype=float))], "money", "USD"))
    assert len(rows) == 40
    assert (rows[0][0], rows[-1][0]) == (date(2022, 12, 28), date(2019, 1, 1))


@pytest.mark.parametrize("weights", [[], [0.0, 0.0]], ids=["none", "zeros"])
def test_no_weight_is_no_ring(weights: list[float]) -> None:
    assert ring(weights) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=15).filter(lambda weights: sum(weights) > 1e-3))
def test_a_ring_is_closed(weights: list[float]) -> None:
    arcs = ring(weights)
    assert sum(arc.length for arc in arcs) == pytest.approx(100, abs=0.05)
    assert arcs[0].start == 0
    for before, after in pairwise(arcs):
        assert after.start == pytest.approx(before.start + before.length, abs=0.01)


# --- marks and bars -----------------------------------------------------------------------------------------------


def line_of(closes: list[float], first: str = "2024-01-01") -> Chart:
    days = np.datetime64(first) + np.arange(len(closes))
    return Chart(days, [Line("Close", "portfolio", np.array(closes))], "money", "USD")


@pytest.mark.parametrize(
    ("day", "level"),
    [
        (date(2024, 1, 2), 20.0),
        (date(2024, 2, 1), 30.0),  # the last close before it
        (date(2023, 6, 1), 10.0),  # before all of them: the first
    ],
)
def test_a_mark_stands_on_the_line(day: date, level: float) -> None:
    drawn = chart_json(line_of([10, 20, 30]), [Mark(day, "buy", "Buy 1")])
    assert drawn["marks"] == [{"role": "buy", "points": [[day.isoformat(), level, "Buy 1"]]}]


def test_the_day_of_a_mark_is_never_thinned_out() -> None:
    chart = line_of([100.0 + index % 7 for index in range(5000)])
    day = date(2030, 6, 5)
    plain, marked = chart_json(chart), chart_json(chart, [Mark(day, "sell", "Sell")])
    assert day.isoformat() not in plain["days"]
    assert day.isoformat() in marked["days"]
    assert len(marked["days"]) == len(plain["days"]) + 1
    assert plain["marks"] == []


def test_marks_are_grouped_by_role_in_their_order() -> None:
    marks = [Mark(date(2024, 1, 1), role, role) for role in ("buy", "sell", "buy")]
    drawn = chart_json(line_of([1, 2]), marks)["marks"]
    assert [(group["role"], len(group["points"])) for group in drawn] == [("buy", 2), ("sell", 1)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        ([0.0, 0.0], [(0, 0, 0), (0, 0, 0)]),
        ([5.0, 10.0], [(50, 50, 100), (0, 100, 100)]),
        ([-5.0, -10.0], [(0, 50, 0), (0, 100, 0)]),
        ([30.0, -10.0, 0.0], [(0, 75, 75), (75, 25, 75), (75, 0, 75)]),
    ],
)
def test_bars_share_one_scale_and_one_line(values: list[float], expected: list[tuple[float, float, float]]) -> None:
    assert [(bar.top, bar.height, bar.zero) for bar in bars(values)] == expected
