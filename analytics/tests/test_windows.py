"""Periods of portfolios: each is the engine's figures of its slice, or says why there are none."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics import engine
from analytics.market import Grid, Market
from analytics.packing import CURRENT, LAYOUTS, history, pack, unpack
from analytics.performance import CASH, TRADE, Inputs, PortfolioFacts, Series
from analytics.windows import (
    AGAINST_BENCHMARK,
    ALL_FIGURES,
    PERIODS,
    YOUNGER,
    FloatArray,
    Windows,
    needed,
    period_start,
    problem,
    windows_of,
)

SESSIONS = np.busday_offset("2018-01-02", np.arange(1500), roll="forward")
INDEX = 9


class _Benchmark(Market):
    """A market in which the benchmark's returns are known."""

    def benchmark_returns(self, asset_id: int, base: str, grid: Grid) -> FloatArray:
        return self.adjusted[0]


def case(
    returns: FloatArray, valid: np.ndarray, market: FloatArray, benchmarks: list[int | None] | None = None
) -> tuple[Inputs, Series]:
    """Portfolios with these returns (n, T) on the last T sessions, and an index as their benchmark."""
    count, days = returns.shape
    whole = returns * valid
    grid = Grid(np.arange(days), SESSIONS[-days:], 252)
    own = benchmarks or [INDEX] * count
    facts = [PortfolioFacts(pk, 1, 0, 1, "USD", own[pk], False, date(2018, 1, 1)) for pk in range(count)]
    opened = np.array([grid.days[row.argmax()] if row.any() else np.datetime64("NaT") for row in valid], "M8[D]")
    nothing = np.zeros_like(whole)
    prices = _Benchmark(grid.days, np.array([INDEX]), market[np.newaxis], market[np.newaxis], {})
    series = Series(np.arange(count), "USD", grid, nothing, nothing, nothing, whole, valid, [""] * count, opened)
    return Inputs(facts, np.empty(0, TRADE), np.empty(0, CASH), prices), series


def draw(count: int, days: int, seed: int = 4) -> FloatArray:
    return np.random.default_rng(seed).standard_t(5, (count, days)) * 0.01


def expected(series: Series, market: FloatArray, row: int, key: str) -> dict[str, float]:
    """The figures of one period of one portfolio, cut out by its days; empty if it is younger."""
    earned = np.flatnonzero(series.valid[row])
    days = series.grid.days
    chosen = earned
    if key != "inception":
        start = period_start(key, days[earned[-1]].item())
        if np.datetime64(start) < series.opened[row] - 1:
            return {}
        chosen = earned[days[earned] > np.datetime64(start)]
    both = chosen[np.isfinite(market[chosen])]
    own = engine.metrics(series.returns[row, chosen][:, np.newaxis], more=True)
    beside = engine.metrics(series.returns[row, both][:, np.newaxis], market[both], more=True)
    found = own | {name: beside[name] for name in AGAINST_BENCHMARK}
    counts = {name: len(both) if name in AGAINST_BENCHMARK else len(chosen) for name in ALL_FIGURES}
    return {name: float(found[name][0]) if counts[name] >= needed(name, 252) else np.nan for name in ALL_FIGURES}


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([0, 1, 40]), st.booleans())
def test_each_period_is_the_engines_figures_of_its_days(seed: int, unknown: int, gaps: bool) -> None:
    random = np.random.default_rng(seed)
    returns, market = draw(6, 400, seed), draw(1, 400, seed + 1)[0]
    market[:unknown] = np.nan
    valid = np.arange(400) >= random.integers(0, 390, 6)[:, np.newaxis]
    if gaps:
        valid[1, 250:260] = valid[2, 380:] = False
    valid[3] = np.arange(400) >= 0
    inputs, series = case(returns, valid, market)

    found = windows_of(inputs, series)

    for row in np.flatnonzero(valid.any(axis=1)):
        for place, key in enumerate(PERIODS):
            want = expected(series, market, int(row), key)
            got = dict(zip(found.names, found.figures[row, place].tolist(), strict=True))
            assert got == pytest.approx(want or dict.fromkeys(ALL_FIGURES, np.nan), rel=1e-12, abs=1e-12, nan_ok=True)
            assert bool(found.windows[row, place]["observations"]) == bool(want)


def whole_history() -> tuple[Inputs, Series, Windows]:
    returns = draw(4, 1500)
    valid = np.arange(1500) >= np.array([0, 0, 1400, 1500])[:, np.newaxis]
    inputs, series = case(returns, valid, draw(1, 1500, 5)[0], [INDEX, None, INDEX, INDEX])
    return inputs, series, windows_of(inputs, series)


def test_a_window_says_what_it_counts() -> None:
    _, series, found = whole_history()
    end = series.grid.days[-1]
    keys = list(PERIODS)

    assert found.ends[:3].tolist() == [end.item()] * 3
    assert np.isnat(found.ends[3])
    counts = dict(zip(keys, found.windows[0]["observations"].tolist(), strict=True))
    assert counts["month"] in range(20, 24)
    assert counts["year"] in range(258, 264)
    assert counts["inception"] == 1500
    year = found.windows[0, keys.index("year")]
    assert year["start"] > period_start("year", end.item()) >= (year["start"] - 4).item()
    assert year["compared"] == year["observations"]
    assert found.windows[1, 4]["compared"] == 0
    assert (found.windows[3]["observations"] == 0).all()
    assert np.isnan(found.figures[3]).all()


def test_a_portfolio_that_is_younger_says_so_and_few_days_are_counted() -> None:
    _, _, found = whole_history()
    terms = {"periods": 252, "has_benchmark": True}
    young = dict(zip(PERIODS, found.windows[2], strict=True))

    assert problem("sharpe_ratio", young["year"], **terms) == YOUNGER  # type: ignore[arg-type]
    assert problem("sharpe_ratio", young["quarter"], **terms) == ""  # type: ignore[arg-type]
    assert problem("annual_return", young["quarter"], **terms).startswith("needs 252 days, has 6")  # type: ignore[arg-type]
    assert problem("beta", found.windows[1, 4], periods=252, has_benchmark=False) == "the portfolio has no benchmark"


def test_what_the_engine_does_not_define_has_its_reason() -> None:
    returns = np.vstack([np.full(100, 0.001), draw(1, 100)[0]])
    inputs, series = case(returns, np.ones((2, 100), bool), draw(1, 100, 5)[0])

    found = windows_of(inputs, series)

    assert found.problems[1] == {}
    reasons = found.problems[0]["inception"]
    assert reasons["sharpe_ratio"] == "excess returns do not vary"
    assert reasons["sortino_ratio"].startswith("no return falls short")
    assert "max_drawdown" not in reasons
    assert np.isnan(found.figures[0, -1, ALL_FIGURES.index("sharpe_ratio")])


@pytest.mark.parametrize(
    ("key", "end", "start"),
    [
        ("month", date(2024, 3, 31), date(2024, 2, 29)),
        ("half_year", date(2024, 8, 31), date(2024, 2, 29)),
        ("ytd", date(2024, 3, 5), date(2023, 12, 31)),
        ("year", date(2024, 2, 29), date(2023, 2, 28)),
        ("five_years", date(2024, 6, 3), date(2019, 6, 3)),
    ],
)
def test_where_a_period_begins(key: str, end: date, start: date) -> None:
    assert period_start(key, end) == start


# --- packing ------------------------------------------------------------------------------------------------------


def test_a_packed_block_gives_back_every_number_exactly() -> None:
    _, _, found = whole_history()

    blocks = pack(found)

    for row, block in enumerate(blocks):
        record = unpack(memoryview(block), CURRENT)
        np.testing.assert_array_equal(record["figures"], found.figures[row])
        for name in ("start", "observations", "compared"):
            np.testing.assert_array_equal(record[name], found.windows[row][name])
    names = list(found.names)
    series = history([(block, CURRENT) for block in blocks], "year", "sharpe_ratio")
    np.testing.assert_array_equal(series, found.figures[:, list(PERIODS).index("year"), names.index("sharpe_ratio")])


def test_a_block_of_no_known_layout_has_no_figures() -> None:
    assert len(unpack(b"", 0)) == 0
    assert np.isnan(history([(b"", 0)], "year", "sharpe_ratio")).all()


def test_the_current_layout_is_what_is_computed() -> None:
    assert LAYOUTS[CURRENT].periods == tuple(PERIODS)
    assert LAYOUTS[CURRENT].figures == ALL_FIGURES


def test_figures_in_another_order_are_not_packed() -> None:
    inputs, series, _ = whole_history()

    with pytest.raises(ValueError, match="layout"):
        pack(windows_of(inputs, series, ("year",)))
