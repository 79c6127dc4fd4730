"""`/periods/`, `/rolling/`, `/drawdowns/` and `/calendar/` of a portfolio: a portfolio's own past."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from analytics import engine, queries, services
from analytics.models import Snapshot
from analytics.packing import CURRENT
from analytics.queries.remembered import remembered
from analytics.windows import ALL_FIGURES, PERIODS
from assets.models import Asset
from assets.sessions import sessions
from assets.tests.factories import make_asset, make_bars
from core.testing import client_of
from portfolios.models import Portfolio
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

pytestmark = pytest.mark.django_db
SESSIONS = sessions("XNYS", date(2022, 1, 3), date(2023, 8, 31))


@pytest.fixture
def aapl() -> Asset:
    asset = make_asset("AAPL")
    moves = np.random.default_rng(1).normal(0.0005, 0.015, len(SESSIONS))
    make_bars(asset, [f"{close:.2f}" for close in 100 * np.cumprod(1 + moves)], start=SESSIONS[0])
    return asset


@pytest.fixture
def index() -> Asset:
    asset = make_asset("SP500", type="index")
    moves = np.random.default_rng(2).normal(0.0004, 0.01, len(SESSIONS))
    make_bars(asset, [f"{close:.2f}" for close in 4000 * np.cumprod(1 + moves)], start=SESSIONS[0])
    return asset


@pytest.fixture
def growth(alice: User, aapl: Asset, index: Asset) -> Portfolio:
    portfolio = make_portfolio(alice, benchmark=index)
    buy(portfolio, aapl, 10, "101.25", SESSIONS[10])
    sell(portfolio, aapl, 4, "111.10", SESSIONS[200])
    return portfolio


@pytest.fixture
def client(alice: User) -> APIClient:
    return client_of(alice)


def get(client: APIClient, portfolio: Portfolio, part: str, **query: Any) -> dict[str, Any]:
    response = client.get(f"/portfolios/{portfolio.pk}/{part}/", query)
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    return body


def figure(body: dict[str, Any], period: str, key: str) -> dict[str, Any]:
    [row] = [row for row in body["periods"] if row["key"] == period]
    [found] = [metric for metric in row["metrics"] if metric["key"] == key]
    return dict(found)


# --- figures by period --------------------------------------------------------------------------------------------


def test_stored_periods_are_those_that_are_computed(client: APIClient, growth: Portfolio) -> None:
    before = get(client, growth, "periods")
    services.recompute([growth.pk])

    stored = get(client, growth, "periods")

    assert before["computed_at"] is None
    assert stored["computed_at"] is not None
    assert stored["stale"] is False
    assert [row["key"] for row in stored["periods"]] == list(PERIODS)
    assert stored["periods"] == before["periods"]
    assert [row["key"] for row in stored["figures"]] == list(ALL_FIGURES)
    assert (stored["basis"], stored["benchmark"], stored["as_of"]) == ("ex-post", "SP500", SESSIONS[-1].isoformat())


def test_a_period_is_what_the_engine_says_of_its_returns(client: APIClient, growth: Portfolio) -> None:
    services.recompute([growth.pk])
    body = get(client, growth, "periods")
    past = queries.past_returns(growth)
    quarter = past.days > np.datetime64("2023-05-31")

    [row] = [row for row in body["periods"] if row["key"] == "quarter"]

    assert row["window"] == {"start": "2023-06-01", "end": "2023-08-31", "observations": int(quarter.sum())}
    returns, market = past.returns[quarter], past.benchmark[quarter]  # type: ignore[index]
    got = {metric["key"]: metric["value"] for metric in row["metrics"]}
    for name in ("annual_volatility", "sharpe_ratio", "max_drawdown", "omega_ratio", "best_day", "total_return"):
        assert got[name] == pytest.approx(float(getattr(engine, name)(returns)), rel=1e-9)
    for name in ("beta", "tracking_error", "up_capture"):
        assert got[name] == pytest.approx(float(getattr(engine, name)(returns, market)), rel=1e-9)


def test_since_inception_is_the_snapshot(client: APIClient, growth: Portfolio) -> None:
    services.recompute([growth.pk])
    snapshot = Snapshot.objects.get()
    body = get(client, growth, "periods")

    for name in ("sharpe_ratio", "beta", "value_at_risk", "calmar_ratio"):
        assert figure(body, "inception", name)["value"] == getattr(snapshot, name)
    assert snapshot.period_layout == CURRENT


def test_too_few_returns_and_a_younger_portfolio_say_so(client: APIClient, growth: Portfolio) -> None:
    services.recompute([growth.pk])
    body = get(client, growth, "periods")

    assert figure(body, "month", "sharpe_ratio")["problem"] == "needs 30 days, has 23"
    assert figure(body, "month", "total_return")["problem"] is None
    assert figure(body, "quarter", "annual_return")["problem"].startswith("needs 252 days")
    for key in ("three_years", "five_years"):
        assert figure(body, key, "total_return") == {
            "key": "total_return",
            "value": None,
            "problem": "the portfolio is younger",
        }
        [row] = [row for row in body["periods"] if row["key"] == key]
        assert row["window"] == {"start": None, "end": None, "observations": 0}


def test_without_a_benchmark_or_a_trade(client: APIClient, growth: Portfolio, alice: User) -> None:
    Portfolio.objects.filter(pk=growth.pk).update(benchmark=None)
    empty = make_portfolio(alice, "Empty")
    for recomputed in (False, True):
        if recomputed:
            services.recompute([growth.pk, empty.pk])
        assert figure(get(client, growth, "periods"), "year", "beta")["problem"] == "the portfolio has no benchmark"
        problems = {row["problem"] for each in get(client, empty, "periods")["periods"] for row in each["metrics"]}
        assert problems == {"there are no trades yet"}


def test_figures_of_a_past_day_and_of_another_level(client: APIClient, growth: Portfolio) -> None:
    services.recompute([growth.pk])
    day = SESSIONS[300]

    then = get(client, growth, "periods", as_of=day.isoformat())
    strict = get(client, growth, "periods", level="0.99", horizon=10)

    assert then["as_of"] == day.isoformat()
    assert then["periods"][0]["window"]["end"] == day.isoformat()
    usual = figure(get(client, growth, "periods"), "inception", "value_at_risk")["value"]
    assert figure(strict, "inception", "value_at_risk")["value"] > usual * 10**0.5
    assert figure(strict, "quarter", "value_at_risk")["problem"].startswith("needs 100 days")


def test_each_close_keeps_what_was_known_then(client: APIClient, growth: Portfolio, aapl: Asset) -> None:
    services.recompute([growth.pk])
    then = Snapshot.objects.get().annual_volatility
    make_bars(aapl, {SESSIONS[-1] + timedelta(days=1): "60"})
    services.recompute([growth.pk])
    services.recompute([growth.pk])

    body = get(client, growth, "periods/history", figure="annual_volatility", period="inception")

    assert body["days"] == [SESSIONS[-1].isoformat(), (SESSIONS[-1] + timedelta(days=1)).isoformat()]
    assert body["values"][0] == then
    assert body["values"][1] > then
    young = get(client, growth, "periods/history", figure="beta", period="five_years")
    assert young["values"] == [None, None]


def test_a_snapshot_from_before_the_periods_is_stale(growth: Portfolio) -> None:
    services.recompute([growth.pk])
    assert queries.stale_portfolio_ids() == []

    Snapshot.objects.update(period_layout=0, periods=None)

    assert queries.stale_portfolio_ids() == [growth.pk]
    assert queries.period_report(growth).computed_at is None


# --- rolling, drawdowns, calendar ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("annual_volatility", engine.annual_volatility),
        ("sharpe_ratio", engine.sharpe_ratio),
        ("total_return", lambda returns: np.prod(1 + returns) - 1),
        ("max_drawdown", engine.max_drawdown),
    ],
)
def test_a_rolling_figure_is_that_of_each_window(
    client: APIClient, growth: Portfolio, metric: str, expected: Callable[..., Any]
) -> None:
    past = queries.past_returns(growth)

    body = get(client, growth, "rolling", metric=metric, window=63)

    assert len(body["days"]) == len(body["values"]) == len(past.days) - 62
    assert body["days"][-1] == SESSIONS[-1].isoformat()
    assert body["values"][-1] == pytest.approx(float(expected(past.returns[-63:])), rel=1e-9)
    assert body["values"][0] == pytest.approx(float(expected(past.returns[:63])), rel=1e-9)
    assert (body["sessions"], body["figure"]["key"], body["problem"]) == (63, metric, None)


def test_rolling_beta_needs_a_benchmark_and_a_window_enough_days(client: APIClient, growth: Portfolio) -> None:
    past = queries.past_returns(growth)
    body = get(client, growth, "rolling", metric="beta", window=252)
    expected = engine.beta(past.returns[-252:], past.benchmark[-252:])  # type: ignore[index]
    assert body["values"][-1] == pytest.approx(float(expected), rel=1e-9)

    assert get(client, growth, "rolling", window=2000)["problem"] == f"needs 2000 days, has {len(past.days)}"
    Portfolio.objects.filter(pk=growth.pk).update(benchmark=None)
    assert get(client, growth, "rolling", metric="beta")["problem"] == "the portfolio has no benchmark"


def test_the_worst_drawdowns(client: APIClient, growth: Portfolio) -> None:
    past = queries.past_returns(growth)
    fall = engine.drawdown_series(past.returns)

    body = get(client, growth, "drawdowns", top=2)

    assert len(body["drawdowns"]) == 2
    worst = body["drawdowns"][0]
    assert worst["depth"] == pytest.approx(float(fall.min()), rel=1e-12)
    assert worst["trough"] == past.days[fall.argmin()].item().isoformat()
    depths = [row["depth"] for row in body["drawdowns"]]
    assert depths == sorted(depths)
    for row in body["drawdowns"]:
        assert row["start"] <= row["trough"]
        assert (row["recovered"] is None) == (row["recovery_sessions"] is None)
    assert body["values"] == pytest.approx(fall.tolist())
    assert body["window"]["observations"] == len(body["days"])


def test_the_calendar_adds_up(client: APIClient, growth: Portfolio) -> None:
    past = queries.past_returns(growth)

    body = get(client, growth, "calendar")

    total = np.prod([1 + year["value"] for year in body["years"]]) - 1
    assert total == pytest.approx(float(engine.total_return(past.returns)), rel=1e-9)
    for year in body["years"]:
        assert np.prod([1 + month["value"] for month in year["months"]]) - 1 == pytest.approx(year["value"], rel=1e-9)
    assert [year["year"] for year in body["years"]] == [2023, 2022]
    begun = body["years"][1]["months"][0]
    assert (begun["month"], begun["whole"], begun["sessions"]) == (
        1,
        False,
        len([d for d in SESSIONS if d.month == 1 and d.year == 2022]) - 10,
    )
    assert body["best_month"]["value"] >= body["worst_month"]["value"]
    assert body["win_rate_by_day"] == pytest.approx(float((past.returns > 0).mean()))


@pytest.mark.parametrize("part", ["periods", "rolling", "drawdowns", "calendar", "periods/history"])
def test_a_portfolio_without_trades_and_a_stranger(
    part: str, client: APIClient, alice: User, bob: User, growth: Portfolio
) -> None:
    assert get(client, make_portfolio(alice, "Empty"), part)["portfolio"]
    assert client_of(bob).get(f"/portfolios/{growth.pk}/{part}/").status_code == 404


@pytest.mark.parametrize(
    ("part", "query", "name"),
    [
        ("periods", {"as_of": "2999-01-01"}, "as_of"),
        ("periods", {"as_of": "soon"}, "as_of"),
        ("periods", {"level": "NaN"}, "level"),
        ("periods", {"level": "1"}, "level"),
        ("periods", {"horizon": "0"}, "horizon"),
        ("rolling", {"metric": "alpha"}, "metric"),
        ("rolling", {"window": "29"}, "window"),
        ("rolling", {"window": "1" + "0" * 400}, "window"),
        ("drawdowns", {"top": "0"}, "top"),
        ("drawdowns", {"as_of": "0000-00-00"}, "as_of"),
        ("calendar", {"as_of": "2999-01-01"}, "as_of"),
        ("periods/history", {"figure": "price"}, "figure"),
        ("periods/history", {"period": "decade"}, "period"),
    ],
)
def test_questions_that_are_refused(
    part: str, query: dict[str, str], name: str, client: APIClient, growth: Portfolio
) -> None:
    response = client.get(f"/portfolios/{growth.pk}/{part}/", query)

    assert response.status_code == 400
    assert list(response.json()["errors"]) == [name]


@pytest.mark.parametrize("part", ["periods", "rolling", "drawdowns", "calendar"])
def test_before_the_first_trade_there_is_nothing(part: str, client: APIClient, growth: Portfolio) -> None:
    body = get(client, growth, part, as_of="2021-06-01")

    assert body["as_of"] == "2021-06-01"
    if part != "periods":
        assert body["problem"]
        assert body["window"] == {"start": None, "end": None, "observations": 0}


# --- what is kept for a minute ------------------------------------------------------------------------------------


def test_what_was_computed_is_kept_until_a_trade(
    client: APIClient, growth: Portfolio, aapl: Asset, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    first = get(client, growth, "calendar")
    with django_assert_max_num_queries(6):  # user and token, portfolio, versions, price source
        assert get(client, growth, "calendar") == first

    buy(growth, aapl, 100, "500", SESSIONS[300])

    assert get(client, growth, "calendar") != first
    second = get(client, growth, "calendar")
    make_bars(aapl, {SESSIONS[-1] + timedelta(days=1): "60"})
    assert get(client, growth, "calendar") != second


def test_what_is_kept_is_kept_by_portfolio_day_and_question(client: APIClient, growth: Portfolio, alice: User) -> None:
    other = make_portfolio(alice, "Other")
    buy(other, Asset.objects.get(symbol="AAPL"), 1, "100", SESSIONS[50])
    answers = [
        get(client, growth, "rolling", window=63),
        get(client, other, "rolling", window=63),
        get(client, growth, "rolling", window=63, as_of=SESSIONS[200].isoformat()),
        get(client, growth, "rolling", window=126),
    ]

    assert len({str(answer["values"]) for answer in answers}) == 4
    assert get(client, growth, "rolling", window=63) == answers[0]


def test_nothing_is_kept_where_the_cache_is_off(growth: Portfolio, settings: Any) -> None:
    made: list[int] = []

    def compute() -> int:
        made.append(len(made))
        return len(made)

    assert [remembered(growth, "count", (), compute) for _ in range(3)] == [1, 1, 1]
    settings.CALCULATION_CACHE = 0
    assert [remembered(growth, "count", (), compute) for _ in range(3)] == [2, 3, 4]


def test_figures_are_computed_without_the_cache_server(client: APIClient, growth: Portfolio, settings: Any) -> None:
    first = get(client, growth, "calendar")
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:9/0"}}

    assert get(client, growth, "calendar") == first
