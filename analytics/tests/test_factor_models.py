"""Factor models of portfolios: whole periods, and figures that add up to what they explain."""

from __future__ import annotations

import json
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from numpy.testing import assert_allclose

from analytics import engine
from analytics.engine import FloatArray, UndefinedMetric
from analytics.factor_charts import rolling_chart, whiskers
from analytics.factor_files import read
from analytics.factor_models import FactorSeries, Portfolio, Sample, TooLittleOverlap, analyse, overlap
from analytics.factor_models.analysis import linked, rolling_exposures
from analytics.factor_models.overlap import WindowTooShort

HERE = Path(__file__).parent
FIXTURE = HERE.parent.parent / "fixtures" / "factors_monthly.csv.gz"
CASES = json.loads((HERE / "golden" / "linearmodels.json").read_text())["cases"]


@pytest.fixture(scope="module")
def monthly() -> dict[str, FloatArray]:
    table = read(FIXTURE.read_bytes(), percent=False)
    return {
        name: np.array([row.values[place] for row in table.rows], np.float64)
        for place, name in enumerate(table.columns)
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_regressions_of_real_portfolios_fit_as_another_program_says(
    case: dict[str, Any], monthly: dict[str, FloatArray]
) -> None:
    portfolios = np.column_stack([monthly[name] for name in case["portfolios"]])
    factors = np.column_stack([monthly[name] for name in case["factors"]])

    fit = engine.factor_regression(portfolios, factors, monthly["RF"])

    excess = portfolios - monthly["RF"][:, np.newaxis]
    together = 1 - np.square(fit.residuals).sum() / np.square(excess - excess.mean(axis=0)).sum()
    assert fit.observations == case["observations"]
    assert f"{together:.4f}" == case["r_squared"]


# --- whole periods ---------------------------------------------------------------------------------------------------


def weekdays(first: str, last: str) -> Any:
    days = np.arange(np.datetime64(first), np.datetime64(last) + 1)
    return days[np.is_busday(days)]


def portfolio(days: Any, returns: Any, earned: Any = None) -> Portfolio:
    columns = np.asarray(returns, np.float64).reshape(len(days), -1)
    weights = np.full(columns.shape[1], 1 / columns.shape[1])
    return Portfolio(days, columns, weights, np.ones(len(days), bool) if earned is None else earned)


def series(ends: Any, frequency: str, factors: int = 1) -> FactorSeries:
    ends = np.asarray(ends, "datetime64[D]")
    values = np.random.default_rng(7).normal(0, 0.03, (len(ends), factors))
    keys = tuple(f"f{number}" for number in range(factors))
    return FactorSeries("Test", frequency, keys, ends, values, None, ends[0].item(), ends[-1].item())


def month_ends(first: str, count: int) -> Any:
    return np.arange(np.datetime64(first, "M") + 1, np.datetime64(first, "M") + count + 1).astype("datetime64[D]") - 1


def test_days_of_a_month_are_compounded_and_cut_months_left_out() -> None:
    days = weekdays("2019-01-14", "2023-03-30")  # 31 March, a Friday, is missing
    returns = np.random.default_rng(1).normal(0.0004, 0.01, len(days))

    sample = overlap(portfolio(days, returns), series(month_ends("2018-01", 72), "monthly"))

    assert (sample.starts[0].item(), sample.ends[0].item()) == (date(2019, 2, 1), date(2019, 2, 28))
    assert sample.ends[-1].item() == date(2023, 2, 28)
    february = (days >= np.datetime64("2019-02-01")) & (days <= np.datetime64("2019-02-28"))
    assert_allclose(sample.returns[0], np.prod(1 + returns[february]) - 1, rtol=1e-12)
    assert sample.observations == 49


def test_a_month_is_whole_if_no_weekday_is_missing_at_its_ends() -> None:
    days = weekdays("2019-06-03", "2023-04-28")  # 1 June 2019 was a Saturday, 30 April 2023 a Sunday

    sample = overlap(portfolio(days, np.zeros(len(days))), series(month_ends("2018-01", 72), "monthly"))

    assert (sample.ends[0].item(), sample.ends[-1].item()) == (date(2019, 6, 30), date(2023, 4, 30))


def test_a_month_with_a_session_without_a_return_is_left_out() -> None:
    days = weekdays("2019-01-01", "2023-12-29")
    earned = days != np.datetime64("2020-05-13")

    sample = overlap(portfolio(days, np.zeros(len(days)), earned), series(month_ends("2019-01", 60), "monthly"))

    assert sample.observations == 59
    assert np.datetime64("2020-05-31") not in sample.ends


def test_weeks_are_the_seven_days_to_their_end() -> None:
    days = weekdays("2020-01-01", "2023-12-29")
    returns = np.random.default_rng(2).normal(0, 0.01, len(days))
    fridays = days[(days.astype(int) + 3) % 7 == 4]

    sample = overlap(portfolio(days, returns), series(fridays, "weekly"))

    assert sample.ends[0] == np.datetime64("2020-01-10")  # the first Friday's week began before the portfolio
    week = (days > np.datetime64("2020-01-03")) & (days <= np.datetime64("2020-01-10"))
    assert_allclose(sample.returns[0], np.prod(1 + returns[week]) - 1, rtol=1e-12)


def explained(ends: Any, values: Any, frequency: str, rate: Any = None) -> FactorSeries:
    return FactorSeries("Own", frequency, ("own",), ends, values[:, None], rate, ends[0].item(), ends[-1].item())


def between(days: Any, returns: Any, ends: Any) -> Any:
    """What is earned from one of ``ends`` to the next, from the days themselves; (P,) with those up to the first."""
    bounds = [np.datetime64("1900-01-01"), *ends]
    spans = [(days > low) & (days <= high) for low, high in pairwise(bounds)]
    return np.array([np.prod(1 + returns[span]) - 1 for span in spans])


def test_a_weekend_is_part_of_the_next_day_of_the_factors() -> None:
    days = np.arange(np.datetime64("2023-01-01"), np.datetime64("2023-12-31"))
    returns = np.random.default_rng(3).normal(0, 0.01, len(days))
    ends = weekdays("2022-12-01", "2023-06-30")
    moves = between(days, returns, ends)

    sample = overlap(portfolio(days, returns), explained(ends, moves, "daily"))
    found = analyse(sample)

    # The first Monday's period began on a Saturday, before the portfolio.
    assert (sample.starts[0].item(), sample.ends[-1].item()) == (date(2023, 1, 3), date(2023, 6, 30))
    assert_allclose(sample.returns, moves[-len(sample.ends) :], rtol=1e-9)
    assert_allclose(found.regression.betas, [1], rtol=1e-9)
    span = (days >= sample.starts[0]) & (days <= sample.ends[-1])
    assert found.total is not None
    assert_allclose(found.total.total, np.prod(1 + returns[span]) - 1, rtol=1e-9)
    assert not sample.left_out


def test_holidays_of_one_side_lose_nothing_of_the_other() -> None:
    every = weekdays("2022-01-03", "2023-12-29")
    moves, rate = np.random.default_rng(4).normal(0.0003, 0.01, len(every)), np.full(len(every), 0.0001)
    own, theirs = np.ones(len(every), bool), np.ones(len(every), bool)
    own[[10, 30, 31, 200]] = theirs[[20, 120, 31, 300, 301]] = False
    returns, factor = (between(every, moves, every[kept]) for kept in (own, theirs))

    sample = overlap(
        portfolio(every[own], returns), explained(every[theirs], factor, "daily", between(every, rate, every[theirs]))
    )
    found = analyse(sample)

    assert (sample.starts[1:] == sample.ends[:-1] + 1).all()
    assert_allclose(found.regression.betas[0], 1, atol=0.03)  # a day apart here and there, not for good
    assert found.total is not None
    for whole, each in ((moves, found.total.total), (moves, np.prod(1 + sample.factors) - 1)):
        assert_allclose(each, np.prod(1 + whole) - 1, rtol=1e-9)
    assert_allclose(np.prod(1 + sample.rate), np.prod(1 + rate), rtol=1e-12)


def test_a_factor_that_is_not_known_leaves_out_its_own_day_alone() -> None:
    days = weekdays("2022-01-03", "2022-12-30")
    moves = np.random.default_rng(5).normal(0, 0.01, len(days))
    known = moves.copy()
    known[100] = np.nan

    sample = overlap(portfolio(days, moves), explained(days, known, "daily"))

    assert days[100] not in sample.ends
    assert sample.left_out
    assert_allclose(sample.returns, np.delete(moves, 100), rtol=1e-9)


@pytest.mark.parametrize(("frequency", "step"), [("daily", 1), ("weekly", 5)])
def test_what_is_missing_among_the_factors_rows_is_nobodys_period(frequency: str, step: int) -> None:
    days = weekdays("2019-01-07", "2023-12-29")
    returns = np.random.default_rng(6).normal(0, 0.01, len(days))
    ends = days[4::step]
    ends = ends[(ends < np.datetime64("2021-03-01")) | (ends > np.datetime64("2021-05-02"))]

    sample = overlap(portfolio(days, returns), explained(ends, np.linspace(-1, 1, len(ends)), frequency))

    after = int(np.flatnonzero(sample.ends > np.datetime64("2021-05-02"))[0])
    assert sample.starts[after].item() == date(2021, 5, 1)  # after the Friday before
    assert sample.ends[after].item() == (date(2021, 5, 3) if frequency == "daily" else date(2021, 5, 7))
    span = (days >= sample.starts[after]) & (days <= sample.ends[after])
    assert_allclose(sample.returns[after], np.prod(1 + returns[span]) - 1, rtol=1e-9)


def test_a_week_that_ends_on_a_thursday_counts_no_day_twice() -> None:
    days = weekdays("2021-12-20", "2024-12-27")
    days = days[~np.isin(days, np.array(["2022-04-15", "2023-04-07", "2024-03-29"], "datetime64[D]"))]  # Good Fridays
    returns = np.random.default_rng(0).normal(0.0003, 0.01, len(days))
    weeks = (days - days[0]).astype(int) // 7
    ends = days[np.append(np.diff(weeks) > 0, True)]

    sample = overlap(portfolio(days, returns), explained(ends, between(days, returns, ends), "weekly"))

    assert (sample.starts[1:] == sample.ends[:-1] + 1).all()
    assert_allclose(sample.returns, sample.factors[:, 0], rtol=1e-9)
    assert_allclose(np.prod(1 + sample.returns), np.prod(1 + returns), rtol=1e-9)


def test_months_follow_each_other_and_a_missing_one_is_left_out() -> None:
    days = np.arange(np.datetime64("2019-01-01"), np.datetime64("2023-12-31") + 1)
    returns = np.random.default_rng(9).normal(0, 0.01, len(days))
    ends = np.delete(month_ends("2018-06", 70), 30)  # without December 2020

    sample = overlap(portfolio(days, returns), series(ends, "monthly"))

    assert (sample.observations, np.datetime64("2021-01-31") in sample.ends) == (59, True)
    months = days.astype("datetime64[M]")
    for place, end in enumerate(sample.ends):
        own = months == end.astype("datetime64[M]")
        assert_allclose(sample.returns[place], np.prod(1 + returns[own]) - 1, rtol=1e-9)


@pytest.mark.parametrize("window", [None, 40])
def test_the_window_keeps_the_last_periods(window: int | None) -> None:
    days = weekdays("2019-01-01", "2023-12-29")
    sample = overlap(portfolio(days, np.zeros(len(days))), series(month_ends("2019-01", 60), "monthly"), window)
    assert (sample.observations, sample.ends[-1].item()) == (window or 60, date(2023, 12, 31))


def test_too_little_in_common_says_both_ranges() -> None:
    days = weekdays("2019-01-01", "2023-12-29")
    own = portfolio(days, np.zeros(len(days)))
    with pytest.raises(TooLittleOverlap) as raised:
        overlap(own, series(month_ends("2015-01", 51), "monthly"))
    assert raised.value.message == (
        "The portfolio's returns run from 2019-01-01 to 2023-12-29, the factor set's (Test) from 2015-01-31 to "
        "2019-03-31; they share 3 whole months, 36 months are needed."
    )
    with pytest.raises(TooLittleOverlap, match="they share nothing, 60 days are needed"):
        overlap(own, series(weekdays("2001-01-01", "2001-12-31"), "daily"))
    with pytest.raises(WindowTooShort, match="At least 36 months"):
        overlap(own, series(month_ends("2019-01", 60), "monthly"), 35)
    with pytest.raises(TooLittleOverlap, match="63 months are needed"):
        overlap(own, series(month_ends("2019-01", 60), "monthly", factors=60))


# --- figures that add up ---------------------------------------------------------------------------------------------


def drawn(seed: int, *, count: int = 300, holdings: int = 4, factors: int = 3, frequency: str = "daily") -> Sample:
    random = np.random.default_rng(seed)
    moves = random.normal(0.0003, 0.01, (count, factors))
    betas = random.normal(0.5, 0.8, (factors, holdings))
    parts = moves @ betas + random.normal(0.0002, 0.008, (count, holdings)) + random.normal(0, 0.004, (count, 1))
    weights = random.dirichlet(np.ones(holdings)) * 1.3
    weights[0] += 1 - weights.sum()  # one of them may be short
    ends = np.datetime64("2020-01-01") + np.arange(count)
    return Sample(frequency, ends, ends, parts, weights, moves, random.uniform(0, 0.0002, count))


@given(some.integers(0, 10**6), some.integers(1, 6), some.integers(1, 5))
def test_contributions_add_up(seed: int, holdings: int, factors: int) -> None:
    sample = drawn(seed, count=120, holdings=holdings, factors=factors)

    found = analyse(sample, by_holding=True)

    excess = sample.returns - sample.rate
    risk, parts = found.risk, found.holdings
    assert parts is not None
    assert_allclose(risk.total, np.var(excess, ddof=1) * 252, rtol=1e-9)
    assert_allclose(risk.contributions.sum() + risk.specific_contribution, risk.volatility, rtol=1e-10)
    assert_allclose(parts.factor.sum(), risk.contributions.sum(), rtol=1e-8, atol=1e-12)
    assert_allclose(parts.specific.sum(), risk.specific_contribution, rtol=1e-8, atol=1e-12)
    assert_allclose(parts.exposures @ parts.weights, found.regression.betas, rtol=1e-8, atol=1e-9)
    assert_allclose(found.factor_volatility**2 + found.specific_volatility**2, risk.volatility**2, rtol=1e-9)


@given(some.integers(0, 10**6), some.sampled_from(["year", "month"]))
def test_attribution_adds_up_to_the_return(seed: int, span: str) -> None:
    sample = drawn(seed)

    found = analyse(sample, span=span)

    assert found.total is not None
    for part in (found.total, *found.spans):
        days = (sample.ends >= np.datetime64(part.start)) & (sample.ends <= np.datetime64(part.end))
        assert_allclose(part.total, np.prod(1 + sample.returns[days]) - 1, rtol=1e-10, atol=1e-14)
        assert_allclose(part.risk_free + sum(part.factors) + part.specific, part.total, rtol=1e-9, atol=1e-12)
    assert len(found.spans) == (1 if span == "year" else 10)


def test_linking_one_period_changes_nothing_and_a_ruin_is_refused() -> None:
    parts = np.array([[0.01, 0.02, -0.005]])
    assert_allclose(linked(parts, parts.sum(axis=1)), parts[0], rtol=1e-12)
    back = np.array([[0.25, 0.0], [-0.2, 0.0]])  # and nothing in all
    assert_allclose(linked(back, back.sum(axis=1)), [0, 0], atol=1e-15)
    with pytest.raises(UndefinedMetric, match="−100 %"):
        linked(np.array([[-1.0], [0.5]]), np.array([-1.0, 0.5]))


def test_a_period_that_lost_everything_has_exposures_but_no_attribution() -> None:
    sample = drawn(3, holdings=1)
    sample.parts[100] = -1.0

    found = analyse(sample)

    assert (found.total, found.spans) == (None, ())
    assert np.isfinite(found.regression.betas).all()


def test_rolling_exposures_are_those_of_each_window_alone() -> None:
    sample = drawn(5)

    moving = rolling_exposures(sample, 60)

    assert moving is not None
    assert (len(moving.ends), moving.exposures.shape) == (241, (241, 3))
    for place in (0, 100, 240):
        window = slice(place, place + 60)
        alone = engine.factor_regression(sample.returns[window], sample.factors[window], sample.rate[window])
        assert_allclose(moving.exposures[place], alone.betas, rtol=1e-8)
        assert moving.ends[place] == sample.ends[place + 59]


def test_rolling_exposures_are_thinned_and_keep_the_last() -> None:
    sample = drawn(6)
    moving = rolling_exposures(sample, 60, points=7)
    assert moving is not None
    assert len(moving.ends) == 7
    assert moving.ends[-1] == sample.ends[-1]
    assert rolling_exposures(sample, 300) is None
    assert rolling_exposures(sample, 5) is None


def test_a_window_without_a_move_of_a_factor_has_no_exposures() -> None:
    sample = drawn(8)
    sample.factors[:80, 1] = 0.001
    moving = rolling_exposures(sample, 60)
    assert moving is not None
    assert np.isnan(moving.exposures[:21]).all()
    assert np.isfinite(moving.exposures[22:]).all()


def test_what_no_model_can_explain_is_named() -> None:
    sample = drawn(9)
    still = Sample("daily", sample.starts, sample.ends, np.zeros((300, 1)), np.ones(1), sample.factors, np.zeros(300))
    with pytest.raises(UndefinedMetric, match="do not vary"):
        analyse(still)
    sample.factors[:, 1] = sample.factors[:, 0] * 2
    with pytest.raises(UndefinedMetric, match="collinear"):
        analyse(sample)
    sample.factors[:, 1] = 0.01
    with pytest.raises(UndefinedMetric, match="does not vary"):
        analyse(sample)


def test_alpha_is_compounded_over_a_year() -> None:
    sample = drawn(10, frequency="monthly")
    found = analyse(sample)
    assert found.alpha is not None
    assert found.total is not None
    assert_allclose(found.alpha, (1 + found.regression.alpha) ** 12 - 1, rtol=1e-12)
    assert found.periods == 12


def test_bars_and_whiskers_share_a_scale() -> None:
    bars = whiskers([1.0, -0.5], [0.25, 0.5])
    low, high = -0.5 - 1.959964 * 0.5, 1.0 + 1.959964 * 0.25
    assert_allclose([bars[1].low, bars[0].high], [0, 100], atol=0.01)
    assert_allclose(bars[0].zero, -low / (high - low) * 100, atol=0.01)
    assert_allclose([bars[0].start, bars[1].start + bars[1].length], bars[0].zero, atol=0.01)
    assert whiskers([0.0], [0.0])[0].length == 0


def test_the_chart_has_a_line_for_each_factor() -> None:
    moving = rolling_exposures(drawn(11), 60)
    assert moving is not None
    chart = rolling_chart(moving, ["Market", "Size", "Value"])
    assert ([line.name for line in chart.lines], chart.unit) == (["Market", "Size", "Value"], "ratio")
    assert len({line.role for line in chart.lines}) == 3
