"""`/portfolios/<id>/risk/` and `/series/`: one row if there is one, computed on request if something else is asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from rest_framework.test import APIClient

from analytics import queries, services
from analytics.figures import FIGURES
from analytics.models import Snapshot
from assets.models import Asset
from assets.sessions import sessions
from assets.tests.factories import make_asset, make_bars
from core.testing import client_of
from portfolios.models import Portfolio
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

pytestmark = pytest.mark.django_db
SESSIONS = sessions("XNYS", date(2022, 1, 3), date(2023, 2, 1))


@pytest.fixture
def aapl() -> Asset:
    asset = make_asset("AAPL")
    moves = np.random.default_rng(1).normal(0.0005, 0.015, len(SESSIONS))
    make_bars(asset, [f"{close:.2f}" for close in 100 * np.cumprod(1 + moves)], start=SESSIONS[0])
    return asset


@pytest.fixture
def growth(alice: User, aapl: Asset) -> Portfolio:
    portfolio = make_portfolio(alice, benchmark=aapl)
    buy(portfolio, aapl, 10, "101.25", SESSIONS[0])
    return portfolio


@pytest.fixture
def client(alice: User) -> APIClient:
    return client_of(alice)


def risk(client: APIClient, portfolio: Portfolio, **query: Any) -> dict[str, Any]:
    response = client.get(f"/portfolios/{portfolio.pk}/risk/", query)
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    return body


def metric(body: dict[str, Any], key: str) -> dict[str, Any]:
    [found] = [metric for metric in body["metrics"] if metric["key"] == key]
    return dict(found)


def test_before_the_first_computation_every_figure_says_so(client: APIClient, growth: Portfolio) -> None:
    body = risk(client, growth)

    assert (body["stale"], body["as_of"], body["computed_at"]) == (True, None, None)
    assert [figure["key"] for figure in body["metrics"]] == list(FIGURES)
    assert {(figure["value"], figure["problem"]) for figure in body["metrics"]} == {
        (None, "it has not been computed yet")
    }


def test_the_figures_of_the_newest_snapshot(client: APIClient, growth: Portfolio) -> None:
    services.recompute([growth.pk])
    snapshot = Snapshot.objects.get()

    body = risk(client, growth)

    assert body | {"metrics": None, "computed_at": None, "ex_ante": None} == {
        "portfolio": growth.pk,
        "as_of": SESSIONS[-1].isoformat(),
        "currency": "USD",
        "basis": "ex-post",
        "stale": False,
        "computed_at": None,
        "window": {
            "start": SESSIONS[0].isoformat(),
            "end": SESSIONS[-1].isoformat(),
            "observations": len(SESSIONS),
        },
        "benchmark": "AAPL",
        "level": 0.95,
        "horizon": 1,
        "price_source": "",
        "metrics": None,
        "ex_ante": None,
    }
    assert {figure["key"]: figure["value"] for figure in body["metrics"]} == {
        name: getattr(snapshot, name) for name in FIGURES
    }
    assert metric(body, "sharpe_ratio")["method"] == "/methods/#sharpe-ratio"
    assert snapshot.total_value
    assert snapshot.value_at_risk
    loss = snapshot.total_value * Decimal(repr(snapshot.value_at_risk))
    assert Decimal(metric(body, "value_at_risk")["amount"]) == loss.quantize(Decimal("0.01"))


def test_a_new_trade_shows_as_stale_beside_the_old_figures(client: APIClient, growth: Portfolio, aapl: Asset) -> None:
    services.recompute([growth.pk])
    before = risk(client, growth)

    buy(growth, aapl, 1, 90, SESSIONS[-1])

    after = risk(client, growth)
    assert after | {"ex_ante": None} == before | {"stale": True, "ex_ante": None}
    assert after["ex_ante"]["total_value"] > before["ex_ante"]["total_value"]  # looks ahead from now


def test_another_level_and_horizon_are_computed_on_request(client: APIClient, growth: Portfolio) -> None:
    services.recompute([growth.pk])
    usual = risk(client, growth)

    other = risk(client, growth, level="0.99", horizon=10)

    assert (other["level"], other["horizon"], other["stale"]) == (0.99, 10, False)
    assert metric(other, "value_at_risk")["value"] > metric(usual, "value_at_risk")["value"] * np.sqrt(10)
    assert metric(other, "sharpe_ratio")["value"] == pytest.approx(metric(usual, "sharpe_ratio")["value"], rel=1e-12)


def test_a_tail_that_holds_too_few_days_says_so(client: APIClient, growth: Portfolio) -> None:
    body = risk(client, growth, level="0.999")

    assert metric(body, "value_at_risk")["value"] is None
    assert metric(body, "value_at_risk")["problem"] == f"needs 1000 days, has {len(SESSIONS)}"


def test_a_day_in_the_past_shows_what_was_known_then(client: APIClient, growth: Portfolio, aapl: Asset) -> None:
    then = SESSIONS[100]
    buy(growth, aapl, 5, 90, SESSIONS[150])
    services.recompute([growth.pk])

    body = risk(client, growth, as_of=then.isoformat())

    assert (body["as_of"], body["window"]["end"]) == (then.isoformat(), then.isoformat())
    assert body["window"]["observations"] == 101
    assert metric(body, "value_at_risk")["amount"] is None
    assert metric(body, "win_rate")["value"] == pytest.approx(
        np.mean(np.diff(queries.series(growth, end=then).cumulative, prepend=0) > 0)
    )


@pytest.mark.parametrize(
    "query",
    [
        {"level": "0"},
        {"level": "1"},
        {"level": "nan"},
        {"level": "1e-1"},
        {"level": "a"},
        {"horizon": "0"},
        {"horizon": "1.5"},
        {"horizon": "100000000000000000000"},
        {"as_of": "yesterday"},
        {"as_of": "2024-1-1"},
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_refused_by_name(client: APIClient, growth: Portfolio, query: dict[str, str]) -> None:
    response = client.get(f"/portfolios/{growth.pk}/risk/", query)

    assert response.status_code == 400
    assert list(response.json()["errors"]) == list(query)


def test_simulated_prices_are_named(client: APIClient, growth: Portfolio, aapl: Asset) -> None:
    make_bars(aapl, {SESSIONS[-1] + timedelta(days=1): "100"}, source="simulated")

    assert risk(client, growth)["price_source"] == "simulated"
    assert client.get(f"/portfolios/{growth.pk}/series/").json()["price_source"] == "simulated"


@pytest.mark.parametrize("name", ["risk", "series"])
@pytest.mark.parametrize("prefix", ["", "/api"], ids=["short", "api"])
def test_a_strangers_portfolio_does_not_exist(growth: Portfolio, bob: User, name: str, prefix: str) -> None:
    url = f"{prefix}/portfolios/{growth.pk}/{name}/"

    assert client_of(growth.owner).get(url).status_code == 200
    assert client_of(bob).get(url).status_code == 404
    assert APIClient().get(url).status_code == 401


def test_the_series_has_a_column_for_each_figure(client: APIClient, growth: Portfolio) -> None:
    body = client.get(f"/portfolios/{growth.pk}/series/").json()

    known = queries.series(growth)
    assert body["days"] == [day.isoformat() for day in SESSIONS]
    assert body["values"] == [f"{value:.2f}" for value in known.values]
    assert body["flows"][:2] == ["1012.50", "0.00"]
    assert body["returns"][-1] == pytest.approx(float(known.values[-1]) / 1012.5 - 1)
    assert body["benchmark_returns"][-1] == pytest.approx(float(known.values[-1] / known.values[0]) - 1)
    assert min(body["drawdown"]) < 0 == max(body["drawdown"])
    assert body["problem"] is None


def test_a_part_of_the_series(client: APIClient, growth: Portfolio) -> None:
    span = {"start": SESSIONS[20].isoformat(), "end": SESSIONS[30].isoformat()}

    body = client.get(f"/portfolios/{growth.pk}/series/", span).json()

    assert body["days"] == [day.isoformat() for day in SESSIONS[20:31]]
    whole = queries.series(growth)
    expected = (1 + whole.cumulative[30]) / (1 + whole.cumulative[19]) - 1
    assert body["returns"][-1] == pytest.approx(expected)


def test_no_series_says_why(client: APIClient, alice: User) -> None:
    portfolio = make_portfolio(alice)

    body = client.get(f"/portfolios/{portfolio.pk}/series/").json()

    assert (body["days"], body["returns"], body["benchmark_returns"]) == ([], [], None)
    assert body["problem"] == "there are no trades yet"


@pytest.mark.parametrize(("path", "most"), [("risk", 14), ("series", 9)])
def test_queries(
    client: APIClient,
    growth: Portfolio,
    path: str,
    most: int,
    django_assert_max_num_queries: Callable[..., Any],
) -> None:
    services.recompute([growth.pk])

    with django_assert_max_num_queries(most):
        client.get(f"/portfolios/{growth.pk}/{path}/")
