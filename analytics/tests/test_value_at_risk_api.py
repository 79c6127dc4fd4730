"""`/portfolios/<id>/value-at-risk/`, its backtests, and the ex-ante part of `/risk/`."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from analytics import engine, queries, services
from analytics.models import VarBacktest
from assets.models import Asset
from assets.sessions import sessions
from assets.tests.factories import make_asset, make_bars
from banking.models import Section
from banking.services.transactions import book_cash
from core.testing import client_of
from portfolios.models import Portfolio
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

pytestmark = pytest.mark.django_db
SESSIONS = sessions("XNYS", date(2022, 1, 3), date(2022, 12, 30))


def moving(symbol: str, seed: int, start: int = 0) -> Asset:
    asset = make_asset(symbol)
    moves = np.random.default_rng(seed).standard_t(4, len(SESSIONS) - start) * 0.012
    make_bars(asset, [f"{close:.2f}" for close in 100 * np.cumprod(1 + moves)], start=SESSIONS[start])
    return asset


@pytest.fixture
def growth(alice: User) -> Portfolio:
    portfolio = make_portfolio(alice, cash="tracked", benchmark=moving("INDEX", 9))
    account = portfolio.portfolio_accounts.get().account
    book_cash(account=account, booked_on=SESSIONS[0], amount=Decimal(3000), section=Section.TRANSFER, actor=alice)
    buy(portfolio, moving("AAPL", 1), 10, 100, SESSIONS[0])
    buy(portfolio, moving("MSFT", 2), 5, 100, SESSIONS[5])
    return portfolio


@pytest.fixture
def client(alice: User) -> APIClient:
    return client_of(alice)


def get(client: APIClient, portfolio: Portfolio, path: str = "value-at-risk", **query: Any) -> dict[str, Any]:
    response = client.get(f"/portfolios/{portfolio.pk}/{path}/", query)
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    return body


def loss(body: dict[str, Any], method: str, level: float = 0.95, horizon: int = 1) -> dict[str, Any]:
    wanted = (method, level, horizon)
    [found] = [row for row in body["losses"] if (row["method"], row["level"], row["horizon"]) == wanted]
    return dict(found)


def test_six_methods_at_two_levels_over_two_horizons_in_fractions_and_money(
    client: APIClient, growth: Portfolio
) -> None:
    body = get(client, growth)

    held = queries.exposure(growth)
    assert len(body["losses"]) == 6 * 2 * 2
    assert (body["basis"], body["as_of"], body["currency"]) == ("ex-ante", SESSIONS[-1].isoformat(), "USD")
    assert body["window"] == {
        "start": SESSIONS[1].isoformat(),
        "end": SESSIONS[-1].isoformat(),
        "observations": len(SESSIONS) - 1,
    }
    assert Decimal(body["total_value"]) == held.total_value
    for row in body["losses"]:
        level, horizon, method = row["level"], row["horizon"], row["method"]
        value = engine.value_at_risk(held.portfolio_returns, level, horizon, method)
        shortfall = engine.expected_shortfall(held.portfolio_returns, level, horizon, method=method)
        assert row["value_at_risk"] == pytest.approx(float(value), rel=1e-9)
        assert row["expected_shortfall"] == pytest.approx(float(shortfall), rel=1e-9)
        amount = held.total_value * Decimal(repr(row["value_at_risk"]))
        assert Decimal(row["value_at_risk_amount"]) == amount.quantize(Decimal("0.01"))
        assert row["expected_shortfall"] >= row["value_at_risk"] > 0
        assert row["scaling"] == ("by simulation" if "carlo" in method else "by the square root of time")


def test_what_is_asked_for_is_answered_in_that_order(client: APIClient, growth: Portfolio) -> None:
    query: dict[str, Any] = {"methods": "ewma,historical", "levels": "0.9, 0.975", "horizons": "5", "window": 60}

    body = get(client, growth, **query)

    assert [(row["method"], row["level"], row["horizon"]) for row in body["losses"]] == [
        ("ewma", 0.9, 5),
        ("ewma", 0.975, 5),
        ("historical", 0.9, 5),
        ("historical", 0.975, 5),
    ]
    assert body["window"]["observations"] == 60
    returns = queries.exposure(growth).portfolio_returns[-60:]
    assert loss(body, "historical", 0.9, 5)["value_at_risk"] == pytest.approx(-np.quantile(returns, 0.1) * np.sqrt(5))


def test_a_day_in_the_past_shows_what_was_held_then(client: APIClient, growth: Portfolio) -> None:
    then = SESSIONS[150]
    before = get(client, growth, as_of=then.isoformat())
    buy(growth, Asset.objects.get(symbol="MSFT"), 10, 100, SESSIONS[200])

    assert get(client, growth, as_of=then.isoformat()) == before
    assert before["as_of"] == before["window"]["end"] == then.isoformat()


def test_too_little_is_said_and_never_0(client: APIClient, growth: Portfolio, alice: User) -> None:
    body = get(client, growth, levels="0.99", window=99)
    assert {(row["value_at_risk"], row["value_at_risk_amount"], row["problem"]) for row in body["losses"]} == {
        (None, None, "needs 100 days, has 99")
    }

    buy(growth, moving("YOUNG", 3, start=len(SESSIONS) - 12), 1, 100, SESSIONS[-1])
    body = get(client, growth)
    assert (body["losses"], body["as_of"], body["total_value"]) == ([], None, None)
    assert body["problem"] == "YOUNG: needs 30 days, has 11"

    empty = get(client, make_portfolio(alice, "Empty"))
    assert empty["problem"]
    assert empty["losses"] == []


def test_prices_that_do_not_move_have_a_historical_figure_only(client: APIClient, alice: User) -> None:
    still = make_asset("STILL")
    make_bars(still, ["100"] * len(SESSIONS), start=SESSIONS[0])
    portfolio = make_portfolio(alice)
    buy(portfolio, still, 1, 100, SESSIONS[0])

    body = get(client, portfolio)

    assert loss(body, "historical")["value_at_risk"] == 0
    others = [row for row in body["losses"] if row["method"] != "historical"]
    assert {(row["value_at_risk"], row["problem"]) for row in others} == {(None, "returns do not vary")}


@pytest.mark.parametrize(
    "query",
    [
        {"methods": "guess"},
        {"methods": "historical," * 7},
        {"levels": "0.4"},
        {"levels": "1"},
        {"levels": "nan"},
        {"levels": "0.95,,0.99"},
        {"levels": "0.91,0.92,0.93,0.94,0.95"},
        {"horizons": "0"},
        {"horizons": "253"},
        {"horizons": "1e3"},
        {"window": "29"},
        {"window": "100000000000000000000"},
        {"as_of": "2022-1-1"},
        {"as_of": "9999-12-31"},
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_refused_by_name(client: APIClient, growth: Portfolio, query: dict[str, str]) -> None:
    response = client.get(f"/portfolios/{growth.pk}/value-at-risk/", query)

    assert response.status_code == 400
    assert list(response.json()["errors"]) == list(query)


@pytest.mark.parametrize("query", [{"basis": "x"}, {"method": "x"}, {"level": "2"}, {"days": "0"}], ids=str)
@pytest.mark.parametrize("path", ["backtests", "backtests/history"])
def test_backtests_refuse_by_name_too(client: APIClient, growth: Portfolio, path: str, query: dict[str, str]) -> None:
    response = client.get(f"/portfolios/{growth.pk}/value-at-risk/{path}/", query)

    assert response.status_code == 400
    assert list(response.json()["errors"]) == list(query)


@pytest.mark.parametrize("path", ["value-at-risk", "value-at-risk/backtests", "value-at-risk/backtests/history"])
def test_a_strangers_portfolio_does_not_exist(growth: Portfolio, bob: User, path: str) -> None:
    url = f"/api/portfolios/{growth.pk}/{path}/"

    assert client_of(growth.owner).get(url).status_code == 200
    assert client_of(bob).get(url).status_code == 404
    assert APIClient().get(url).status_code == 401


@pytest.fixture
def tested(growth: Portfolio, settings: Any) -> Portfolio:
    settings.VAR_WINDOW, settings.VAR_BACKTEST_DAYS = 100, [100, 200]
    services.recompute([growth.pk])
    services.backtest([growth.pk])
    return growth


def test_before_the_first_night_there_is_no_backtest_and_it_says_so(client: APIClient, growth: Portfolio) -> None:
    body = get(client, growth, "value-at-risk/backtests")

    assert (body["as_of"], body["computed_at"], body["stale"], body["backtests"]) == (None, None, True, [])
    assert "not been tested yet" in body["problem"]


def test_the_backtests_of_the_newest_night(client: APIClient, tested: Portfolio) -> None:
    body = get(client, tested, "value-at-risk/backtests")

    assert (body["as_of"], body["stale"], body["problem"]) == (SESSIONS[-1].isoformat(), False, None)
    assert len(body["backtests"]) == 2 * 6 * 2 * 2
    [row] = get(
        client, tested, "value-at-risk/backtests", basis="ex-ante", method="historical", level="0.99", days=100
    )["backtests"]
    stored = VarBacktest.objects.get(basis="ex-ante", method="historical", level="0.99", days=100)
    assert row["exceptions"] == len(row["exceeded"]) == stored.exceptions
    assert row["kupiec"] == {
        "statistic": stored.kupiec_statistic,
        "p_value": stored.kupiec_p_value,
        "formula": "/methods/#kupiec-test",
    }
    assert row["zone"] in {"green", "yellow", "red"}
    assert all(each["loss"] > each["forecast"] for each in row["exceeded"])
    short = [each for each in body["backtests"] if each["days"] == 200]
    assert {(each["exceptions"], each["problem"]) for each in short} == {
        (None, f"needs 300 days, has {len(SESSIONS) - (each['basis'] == 'ex-ante')}") for each in short
    }


def test_the_history_of_one_backtest(client: APIClient, tested: Portfolio) -> None:
    body = get(client, tested, "value-at-risk/backtests/history", days=100)

    assert (body["basis"], body["method"], body["level"], body["days"]) == ("ex-ante", "historical", 0.99, 100)
    [night] = body["nights"]
    assert (night["as_of"], night["expected"]) == (SESSIONS[-1].isoformat(), pytest.approx(1))


def test_risk_has_ex_ante_figures_beside_the_others(client: APIClient, growth: Portfolio) -> None:
    body = get(client, growth, "risk")["ex_ante"]

    held = queries.exposure(growth)
    figures = {figure["key"]: figure for figure in body["metrics"]}
    volatility = engine.annual_volatility(held.portfolio_returns)
    assert figures["ex_ante_volatility"]["value"] == pytest.approx(float(volatility))
    index = np.array([float(bar.close) for bar in Asset.objects.get(symbol="INDEX").history.order_by("day")])
    slope = engine.beta(held.portfolio_returns, index[1:] / index[:-1] - 1)
    assert figures["ex_ante_beta"]["value"] == pytest.approx(float(slope))
    historical = next(row for row in body["losses"] if row["method"] == "historical")
    assert figures["ex_ante_value_at_risk"]["value"] == historical["value_at_risk"]
    assert figures["ex_ante_expected_shortfall"]["amount"] == historical["expected_shortfall_amount"]
    assert figures["ex_ante_beta"]["amount"] is None
    assert figures["ex_ante_beta"]["method"] == "/methods/#ex-ante-beta"
    assert {row["symbol"] for row in body["contributions"]} == {"AAPL", "MSFT"}
    assert sum(row["contribution"] for row in body["contributions"]) == pytest.approx(float(volatility))
    assert sum(row["share"] for row in body["contributions"]) == pytest.approx(1)
    assert [row["method"] for row in body["losses"]] == list(engine.METHODS)
    assert (body["basis"], body["window"]["observations"]) == ("ex-ante", held.observations)

    other = get(client, growth, "risk", level="0.99", horizon=10)["ex_ante"]
    assert {(row["level"], row["horizon"]) for row in other["losses"]} == {(0.99, 10)}


def test_risk_says_why_there_is_no_ex_ante_figure(client: APIClient, alice: User) -> None:
    portfolio = make_portfolio(alice)
    body = get(client, portfolio, "risk")["ex_ante"]
    assert {figure["value"] for figure in body["metrics"]} == {None}
    assert all(figure["problem"] for figure in body["metrics"])

    buy(portfolio, moving("AAPL", 1), 10, 100, SESSIONS[0])
    body = get(client, portfolio, "risk")["ex_ante"]
    assert [figure["problem"] for figure in body["metrics"]] == [None, "the portfolio has no benchmark", None, None]


def test_tomorrow_is_not_refused_where_it_has_begun(client: APIClient, growth: Portfolio) -> None:
    tomorrow = timezone.now().date() + timedelta(days=1)

    assert get(client, growth, as_of=tomorrow.isoformat())["window"]["end"] == SESSIONS[-1].isoformat()
