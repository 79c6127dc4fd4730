"""The pages of value at risk and of risk: what they show, what they follow, and what they say where nothing is."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.test import Client

from analytics import queries, services
from analytics.models import VarBacktest
from assets.models import Asset
from assets.sessions import sessions
from assets.tests.factories import make_asset, make_bars
from portfolios.models import Portfolio
from portfolios.templatetags.money import amount, percent, ratio
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

pytestmark = pytest.mark.django_db
SESSIONS = sessions("XNYS", date(2022, 1, 3), date(2022, 12, 30))


@pytest.fixture
def aapl() -> Asset:
    asset = make_asset("AAPL")
    moves = np.random.default_rng(4).standard_t(4, len(SESSIONS)) * 0.012
    make_bars(asset, [f"{close:.2f}" for close in 100 * np.cumprod(1 + moves)], start=SESSIONS[0])
    return asset


@pytest.fixture
def growth(alice: User, aapl: Asset, settings: Any) -> Portfolio:
    settings.VAR_WINDOW, settings.VAR_BACKTEST_DAYS = 100, [100, 200]
    portfolio = make_portfolio(alice)
    buy(portfolio, aapl, 10, 100, SESSIONS[0])
    services.recompute([portfolio.pk])
    return portfolio


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def text(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_every_method_and_level_in_percent_and_money_with_its_backtest(browser: Client, growth: Portfolio) -> None:
    services.backtest([growth.pk])

    page = text(browser.get("/analytics/var/"))

    held = queries.exposure(growth)
    found = queries.value_at_risk(growth, methods=["historical", "ewma"], levels=[0.95, 0.99], horizons=[1])
    for loss in found.losses:
        assert loss.value_at_risk is not None
        worth = held.total_value * Decimal(repr(loss.value_at_risk))
        assert f"{percent(loss.value_at_risk)}</a></td>" in page
        assert amount(worth, "USD") in page
    row = VarBacktest.objects.get(basis="ex-ante", method="historical", level="0.99", days=100)
    assert f"{row.exceptions} of {ratio(row.expected, 1)} expected" in page
    assert row.kupiec_p_value is not None
    assert (f"p = {ratio(row.kupiec_p_value, 3)}" if row.kupiec_p_value >= 0.001 else "p &lt; 0.001") in page
    # The traffic light by a mark and a word.
    assert {"green": "✓</span> green", "yellow": "!</span> yellow", "red": "✕</span> red"}[row.zone] in page
    assert "Ex-ante: weights of 30 Dec 2022 on 250 sessions, 4 Jan 2022 to 30 Dec 2022" in page


def test_the_chart_has_its_sentence_its_table_and_its_exceptions(browser: Client, growth: Portfolio) -> None:
    page = text(browser.get("/analytics/var/", {"method": "normal", "level": "0.95"}))

    series = queries.forecast_series(growth, basis="ex-ante", method="normal", level=0.95, days=100)
    count = int(series.exceeded.sum())
    assert count > 0
    assert f"{count} of 100 sessions lost more than forecast, where 5.0 are expected at 95%" in page
    assert 'data-chart="var-data"' in page
    assert '"role": "exception"' in page
    worst = -series.returns[series.exceeded].min()
    assert f"The worst of them lost {percent(float(worst))}" in page


def test_a_choice_that_is_none_is_answered_like_the_first(browser: Client, growth: Portfolio) -> None:
    query = {"horizon": "7", "method": "x", "level": "2", "days": "1e9", "basis": "<b>", "window": "-1"}

    page = text(browser.get("/analytics/var/", query))

    assert "What may be lost over 1 session" in page
    assert "Backtests at 99% over 100 sessions" in page


def test_htmx_gets_the_figures_alone(browser: Client, growth: Portfolio) -> None:
    part = text(browser.get(f"/cards/{growth.pk}/var/", {"horizon": "10", "basis": "ex-post", "days": "200"}))

    assert part.startswith("{#") is False
    assert "<html" not in part
    assert 'id="var-figures"' in part
    assert "What may be lost over 10 sessions" in part
    assert "There is nothing to draw: needs 300 days, has 251" in part


def test_too_short_a_history_is_said_in_the_stored_backtests(browser: Client, growth: Portfolio) -> None:
    services.backtest([growth.pk])

    page = text(browser.get("/analytics/var/", {"days": "200"}))

    assert "needs 300 days, has 250" in page


def test_before_the_first_night_and_without_holdings_it_says_so(
    browser: Client, growth: Portfolio, alice: User
) -> None:
    assert "Nothing has been tested yet" in text(browser.get("/analytics/var/"))

    empty = make_portfolio(alice, "Empty")
    page = text(browser.get("/analytics/var/", {"portfolio": empty.pk}))
    assert "There is no value at risk. Nothing is held" in page


def test_somebody_without_a_portfolio_is_led_on(client: Client, bob: User) -> None:
    client.force_login(bob)

    for path in ("var", "risk"):
        assert "portfolio" in text(client.get(f"/analytics/{path}/"))


@pytest.mark.parametrize("part", ["var", "risk-figures"])
def test_a_strangers_part_does_not_exist(client: Client, growth: Portfolio, bob: User, part: str) -> None:
    client.force_login(bob)

    assert client.get(f"/cards/{growth.pk}/{part}/").status_code == 404


def test_nights_before_are_listed(browser: Client, growth: Portfolio, aapl: Asset) -> None:
    services.backtest([growth.pk])
    make_bars(aapl, {date(2023, 1, 3): "100"})
    services.recompute([growth.pk])
    services.backtest([growth.pk], only_due=False)

    page = text(browser.get("/analytics/var/"))

    assert "How this backtest stood before" in page
    assert "30 Dec 2022" in page.split("How this backtest stood before")[1]


def test_a_day_in_the_past_is_kept_by_the_choices(browser: Client, growth: Portfolio) -> None:
    page = text(browser.get("/analytics/var/", {"as_of": "2022-09-30"}))

    assert f'hx-get="/cards/{growth.pk}/var/?as_of=2022-09-30"' in page
    assert "weights of 30 Sep 2022" in page
    assert "weights of 30 Sep 2022" in text(browser.get(f"/analytics/var/?portfolio={growth.pk}&horizon=10"))


def test_the_risk_page_has_both_bases_with_their_windows(browser: Client, growth: Portfolio) -> None:
    page = text(browser.get("/analytics/risk/"))

    assert "Ex-post, from the portfolio’s own returns: 251 of them, 3 Jan 2022 to 30 Dec 2022" in page
    assert "Ex-ante: weights of 30 Dec 2022 on 250 sessions" in page
    found = queries.ex_ante(growth, methods=["historical"], levels=[0.95], horizons=[1])
    for key, (value, problem) in found.figures().items():
        row = page.split(f'id="figure-{key}"')[1].split("</tr>")[0]
        assert problem in row
        assert value is None or percent(value) in row
        assert "/methods/#" in row
    assert "the portfolio has no benchmark" in page


def test_the_risk_page_of_a_past_day_is_computed_on_request(browser: Client, growth: Portfolio) -> None:
    page = text(browser.get("/analytics/risk/", {"as_of": "2022-06-30"}))

    assert "3 Jan 2022 to 30 Jun 2022" in page
    assert 'hx-trigger="load' not in page.split("<main")[1]


def test_the_risk_page_polls_until_the_figures_are_new(browser: Client, growth: Portfolio, aapl: Asset) -> None:
    assert 'hx-trigger="load' not in text(browser.get(f"/cards/{growth.pk}/risk-figures/"))

    buy(growth, aapl, 1, 100, SESSIONS[5])

    assert 'hx-trigger="load' in text(browser.get(f"/cards/{growth.pk}/risk-figures/"))
