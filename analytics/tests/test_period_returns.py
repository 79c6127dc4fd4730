"""Returns by period beside the benchmark, from daily returns and from what is stored of them."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from analytics.history import Past
from analytics.period_returns import PERIODS, Stored, fall_of, period_returns
from analytics.queries import period_report
from analytics.queries.daily import daily, daily_together, stored_periods
from analytics.services import recompute
from assets.tests.factories import make_asset, make_bars
from core.testing import count_queries
from portfolios.models import Portfolio
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

NAN = float("nan")


def past(returns: list[float], *, end: str = "2024-05-31", benchmark: list[float] | None = None) -> Past:
    """Weekdays up to ``end``."""
    days = np.busday_offset(end, np.arange(1 - len(returns), 1), roll="backward").astype("M8[D]")
    beside = None if benchmark is None else np.array(benchmark)
    return Past(days, np.array(returns), beside, 252)


def keyed(found: Past, stored: dict[str, Stored] | None = None) -> dict[str, tuple[float | None, float | None]]:
    return {row.key: (row.value, row.benchmark) for row in period_returns(found, stored)}


def test_a_day_and_a_week() -> None:
    """31 May 2024 is a Friday: the week's sessions are those after Friday, 24 May."""
    rows = keyed(past([0.5, 0.01, 0.01, 0.01, 0.01, 0.02], benchmark=[0.5, 0, 0, 0, 0, 0.1]))
    assert rows["day"] == (pytest.approx(0.02), pytest.approx(0.1))
    assert rows["week"] == (pytest.approx(1.01**4 * 1.02 - 1), pytest.approx(0.1))
    assert rows["inception"] == (pytest.approx(1.5 * 1.01**4 * 1.02 - 1), pytest.approx(0.65))


def test_a_period_that_began_before_the_first_return_is_left_out() -> None:
    assert list(keyed(past([0.01] * 3))) == ["day", "inception"]
    assert list(keyed(past([0.01] * 30))) == ["day", "week", "month", "inception"]
    assert tuple(keyed(past([0.0001] * 1400))) == PERIODS
    assert keyed(past([])) == {}


def test_long_periods_are_a_rate_a_year_once_there_is_more_than_a_year() -> None:
    rows = {row.key: row for row in period_returns(past([0.001] * 800, benchmark=[0.002] * 800))}
    assert [key for key, row in rows.items() if row.annualised] == ["three_years", "inception"]
    inception = rows["inception"]
    assert inception.value == pytest.approx(1.001**252 - 1)
    assert inception.benchmark == pytest.approx(1.002**252 - 1)
    assert inception.cumulative == pytest.approx(1.001**800 - 1)
    assert inception.difference == pytest.approx(1.001**252 - 1.002**252)
    assert rows["year"].value == rows["year"].cumulative


def test_the_benchmark_is_missing_where_it_lacks_a_session_but_the_very_first() -> None:
    rows = keyed(past([0.01] * 8, benchmark=[NAN, *[0.0] * 5, 0.1, 0.1]))
    assert rows["inception"][1] == pytest.approx(0.21)
    rows = keyed(past([0.01] * 8, benchmark=[0.0, NAN, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1]))
    assert (rows["inception"][1], rows["day"][1]) == (None, pytest.approx(0.1))
    row = period_returns(past([0.01] * 8))[0]
    assert (row.benchmark, row.difference) == (None, None)


def test_stored_figures_go_before_and_say_which_sessions_the_benchmark_is_of() -> None:
    found = past([0.01] * 30, benchmark=[0.0] * 29 + [0.1])
    stored = {"month": Stored(date(2024, 5, 1), date(2024, 5, 30), 0.5, None)}
    rows = {row.key: row for row in period_returns(found, stored)}
    assert list(rows) == ["day", "week", "month"]
    assert (rows["month"].value, rows["month"].benchmark) == (0.5, 0.0)  # the last session is not in what is stored
    assert (rows["month"].start, rows["month"].end) == (date(2024, 5, 1), date(2024, 5, 30))


def test_a_loss_beyond_everything_is_no_rate_a_year() -> None:
    rows = {row.key: row for row in period_returns(past([*[0.001] * 800, -1.5]))}
    assert rows["inception"].value is None
    assert rows["day"].value == pytest.approx(-1.5)


def test_how_far_below_the_highest_close() -> None:
    fall = fall_of(past([0.1, -0.5, 0.5, -0.1]))
    assert fall is not None
    assert (fall.now, fall.worst) == (pytest.approx(-0.325), pytest.approx(-0.5))
    assert (fall.day, fall.since, fall.trough) == (date(2024, 5, 31), date(2024, 5, 28), date(2024, 5, 29))
    highest = fall_of(past([0.1, 0.1]))
    assert highest is not None
    assert (highest.now, highest.worst, highest.trough) == (0, 0, None)
    fallen = fall_of(past([-0.1]))
    assert fallen is not None
    assert (fallen.now, fallen.since) == (pytest.approx(-0.1), None)
    assert fall_of(past([])) is None


# --- from the books -------------------------------------------------------------------------------------------------


@pytest.fixture
def old(alice: User) -> Portfolio:
    """Three years and a half of one asset, beside another."""
    index, asset = make_asset("SP500", type="index"), make_asset("AAPL")
    closes = [100 + (place * 37) % 11 + place // 20 for place in range(880)]
    make_bars(asset, closes, start=date(2020, 11, 2))
    make_bars(index, [4000 + place + (place * 13) % 17 for place in range(880)], start=date(2020, 11, 2))
    portfolio = make_portfolio(alice, benchmark=index)
    buy(portfolio, asset, 10, 100, "2020-11-02")
    recompute([portfolio.pk])
    return portfolio


def test_what_is_stored_is_what_the_daily_returns_give(old: Portfolio) -> None:
    found = daily(old).past
    stored = stored_periods(period_report(old))
    assert set(stored) - {"half_year"} == {"month", "quarter", "ytd", "year", "three_years", "inception"}
    kept = {row.key: row for row in period_returns(found, stored)}
    made = {row.key: row for row in period_returns(found)}
    assert list(kept) == list(made)
    for key, row in made.items():
        assert (kept[key].start, kept[key].end, kept[key].annualised) == (row.start, row.end, row.annualised)
        assert (kept[key].value, kept[key].benchmark) == (pytest.approx(row.value), pytest.approx(row.benchmark))


def test_one_portfolio_together_with_none_is_itself(old: Portfolio) -> None:
    alone, together = daily(old), daily_together([old], "USD")
    assert together.past.returns == pytest.approx(alone.past.returns)
    assert together.values.values == pytest.approx(alone.values.values)


def test_as_of_a_day_nothing_later_counts(old: Portfolio) -> None:
    day = date(2022, 6, 30)
    assert daily(old, as_of=day).past.end == day
    assert daily_together([old], "EUR", as_of=day).past.problem != ""  # no exchange rate


def test_two_portfolios_weigh_by_their_value(alice: User) -> None:
    rising, still = make_asset("UP"), make_asset("FLAT")
    make_bars(rising, [100, 100, 110], start=date(2024, 1, 2))
    make_bars(still, [100, 100, 100], start=date(2024, 1, 2))
    one, two = make_portfolio(alice, "One"), make_portfolio(alice, "Two")
    buy(one, rising, 1, 100, "2024-01-02")
    buy(two, still, 3, 100, "2024-01-02")
    found = daily_together([one, two], "USD")
    assert found.past.returns.tolist() == pytest.approx([0, 0, 0.025])
    assert found.values.values[-1] == 410


def test_a_fixed_number_of_queries(old: Portfolio) -> None:
    assert count_queries(lambda: daily(old))[0] <= 9
    assert count_queries(lambda: daily_together([old], "USD"))[0] <= 10
