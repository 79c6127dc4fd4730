"""Correlation and risk contributions of what is held, against NumPy and by their laws."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from django.test import Client
from rest_framework.test import APIClient

from analytics.queries import exposure
from assets.sessions import sessions
from assets.tests.factories import make_asset, make_bars
from core.testing import Page, client_of
from portfolios.models import Portfolio
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

pytestmark = pytest.mark.django_db
SESSIONS = sessions("XNYS", date(2022, 1, 3), date(2022, 6, 30))


@pytest.fixture
def growth(alice: User) -> Portfolio:
    portfolio = make_portfolio(alice)
    for seed, (symbol, sector) in enumerate([("AAPL", "Technology"), ("MSFT", "Technology"), ("XOM", "Energy")]):
        asset = make_asset(symbol, sector=sector)
        moves = np.random.default_rng(seed).normal(0.0005, 0.01 * (seed + 1), len(SESSIONS))
        make_bars(asset, [f"{close:.2f}" for close in 100 * np.cumprod(1 + moves)], start=SESSIONS[0])
        buy(portfolio, asset, 5 * (seed + 1), 100, SESSIONS[0])
    return portfolio


def get(user: User, portfolio: Portfolio, what: str, status: int = 200, **query: Any) -> Any:
    client: APIClient = client_of(user)
    answer = client.get(f"/portfolios/{portfolio.pk}/{what}/", query)
    assert answer.status_code == status, answer.content
    return answer.json()


def test_correlations_are_numpys(alice: User, growth: Portfolio) -> None:
    body, held = get(alice, growth, "correlation"), exposure(growth)

    order = [[position.symbol for position in held.positions].index(symbol) for symbol in body["symbols"]]
    np.testing.assert_allclose(body["matrix"], np.corrcoef(held.returns[:, order].T), atol=1e-12)
    assert np.all(np.diff(held.weights[order]) <= 0)
    assert (body["observations"], body["basis"], body["estimator"]) == (len(SESSIONS) - 1, "ex-ante", "sample")
    assert get(alice, growth, "correlation", window=40)["observations"] == 40
    assert len(get(alice, growth, "correlation", limit=2)["matrix"]) == 2


@pytest.mark.parametrize("estimator", ["sample", "ewma", "ledoit_wolf"])
def test_contributions_add_up(alice: User, growth: Portfolio, estimator: str) -> None:
    body = get(alice, growth, "contributions", estimator=estimator)

    for rows in (body["holdings"], body["sectors"]):
        assert sum(row["contribution"] for row in rows) == pytest.approx(body["volatility"])
        assert sum(row["share"] for row in rows) == pytest.approx(1)
    assert {row["name"] for row in body["sectors"]} == {"Technology", "Energy"}
    assert body["diversification"] >= 1


def test_the_volatility_is_that_of_todays_weights(alice: User, growth: Portfolio) -> None:
    body, held = get(alice, growth, "contributions"), exposure(growth)
    assert body["volatility"] == pytest.approx(held.portfolio_returns.std(ddof=1) * np.sqrt(252))


def test_a_series_that_stands_still_has_no_correlation(alice: User, growth: Portfolio) -> None:
    flat = make_asset("FLAT")
    make_bars(flat, ["10"] * len(SESSIONS), start=SESSIONS[0])
    buy(growth, flat, 500, 10, SESSIONS[0])

    body = get(alice, growth, "correlation")

    assert body["symbols"][0] == "FLAT"
    assert body["matrix"][0] == [None] * 4


def test_too_short_a_history_is_an_error_that_names_the_asset(alice: User, growth: Portfolio) -> None:
    new = make_asset("NEW")
    make_bars(new, ["10", "11", "12"], start=SESSIONS[-3])
    buy(growth, new, 1, 10, SESSIONS[-1])

    problem = get(alice, growth, "contributions", status=400)

    assert (problem["code"], problem["detail"]) == ("short_history", "NEW: needs 30 days, has 2")


def test_the_page(alice: User, growth: Portfolio) -> None:
    browser = Client()
    browser.force_login(alice)

    text = browser.get("/analytics/correlation/?estimator=ewma&window=252").content.decode()

    assert Page(text).faults == []
    assert 'class="shade-p5">1.00</td>' in text
    assert '<option value="ewma" selected>' in text
    assert browser.get("/analytics/correlation/?estimator=x&window=y").status_code == 200
