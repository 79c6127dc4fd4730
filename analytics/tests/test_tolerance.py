"""The stated risk tolerance beside the measured volatility: the rule, and what the Risk page says of it."""

from __future__ import annotations

import re
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from analytics.models import Snapshot
from analytics.services import recompute
from analytics.tolerance import Verdict, verdict
from assets.tests.factories import make_asset, make_bars
from core.testing import Page
from portfolios.models import Portfolio
from portfolios.services.sharing import share_portfolio
from portfolios.templatetags import money
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

CLOSES = [100 + (index * 7) % 13 for index in range(42)]


@pytest.mark.parametrize(
    ("measured", "most", "stated", "expected"),
    [
        (0.1, 0.15, True, Verdict.WITHIN),
        (0.15, 0.15, True, Verdict.WITHIN),
        (0.1500001, 0.15, True, Verdict.ABOVE),
        (9.0, None, True, Verdict.WITHIN),
        (0.0, 0.08, True, Verdict.WITHIN),
        (None, 0.15, True, Verdict.UNMEASURED),
        (float("nan"), 0.15, True, Verdict.UNMEASURED),
        (float("inf"), None, True, Verdict.UNMEASURED),
        (0.1, None, False, Verdict.UNSTATED),
        (None, None, False, Verdict.UNSTATED),
    ],
)
def test_the_side_of_the_bound(measured: float | None, most: float | None, stated: bool, expected: Verdict) -> None:
    assert verdict(measured, most, stated=stated) is expected


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def portfolio(alice: User) -> Portfolio:
    made = make_portfolio(alice)
    asset = make_asset("AAPL")
    make_bars(asset, CLOSES)
    buy(made, asset, 10, 100, date(2024, 1, 2))
    recompute([made.pk])
    return made


def state(portfolio: Portfolio, tolerance: str, volatility: float | None) -> None:
    Portfolio.objects.filter(pk=portfolio.pk).update(risk_tolerance=tolerance)
    Snapshot.objects.filter(portfolio=portfolio).update(annual_volatility=volatility)


def card(browser: Client, url: str) -> tuple[str, str]:
    """The card about the tolerance: its markup, and its words alone."""
    answer = browser.get(url)
    page = answer.content.decode()
    assert (answer.status_code, Page(page).faults) == (200, [])
    start = page.index('aria-labelledby="tolerance-title"')
    markup = re.sub(r"\s+", " ", page[start : page.index("</section>", start)])
    return markup, re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", markup))


def risk_page(portfolio: Portfolio) -> str:
    return f"{reverse('analytics-risk')}?portfolio={portfolio.pk}"


@pytest.mark.parametrize(
    ("tolerance", "volatility", "said", "bound"),
    [
        ("balanced", 0.1499, "✓ Within what you can bear", "Balanced: up to 15% volatility a year"),
        ("balanced", 0.1501, "▲ Above what you can bear", "Balanced: up to 15% volatility a year"),
        ("conservative", 0.08, "✓ Within what you can bear", "Conservative: up to 8% volatility a year"),
        ("aggressive", 3.0, "✓ Within what you can bear", "Aggressive: any volatility"),
    ],
)
def test_the_page_says_which_side(
    browser: Client, portfolio: Portfolio, tolerance: str, volatility: float, said: str, bound: str
) -> None:
    state(portfolio, tolerance, volatility)
    for url in (risk_page(portfolio), reverse("risk-figures", args=[portfolio.pk])):
        markup, words = card(browser, url)
        assert said in words
        assert f"Volatility a year: {money.percent(volatility)} Risk tolerance: {bound}" in words
        assert "From 42 returns, 2 Jan 2024 to 1 Mar 2024; as of 1 Mar 2024" in words
        assert 'href="/methods/#risk-tolerance"' in markup
        assert f'href="{reverse("portfolio-settings")}?portfolio={portfolio.pk}#id_risk_tolerance"' in markup


def test_without_a_tolerance_it_leads_to_the_setting(browser: Client, portfolio: Portfolio) -> None:
    state(portfolio, "", 0.2)
    markup, words = card(browser, risk_page(portfolio))
    assert "No risk tolerance is stated. · State a risk tolerance" in words
    assert money.percent(0.2) in words
    assert "what you can bear" not in words
    target = re.findall(r'href="(/settings/portfolio/[^"]*)"', markup)
    assert target == [f"{reverse('portfolio-settings')}?portfolio={portfolio.pk}#id_risk_tolerance"]
    assert 'id="id_risk_tolerance"' in browser.get(target[0]).content.decode()


def test_nothing_is_judged_before_it_is_measured(browser: Client, portfolio: Portfolio) -> None:
    state(portfolio, "growth", None)
    _, words = card(browser, risk_page(portfolio))
    assert "The volatility is measured once there are enough prices." in words
    assert "Growth: up to 22% volatility a year" in words
    assert "what you can bear" not in words


def test_a_past_day_has_its_own_volatility(browser: Client, portfolio: Portfolio) -> None:
    state(portfolio, "conservative", 0.01)  # of now; that of the past day is computed from the prices
    assert "Within what you can bear" in card(browser, risk_page(portfolio))[1]
    markup, words = card(browser, f"{risk_page(portfolio)}&as_of=2024-02-27")
    assert "Above what you can bear" in words
    assert "to 27 Feb 2024" in words
    assert "as of 27 Feb 2024" in words
    assert "as_of=2024-02-27" in markup


def test_who_looks_on_is_not_led_to_a_setting(client: Client, portfolio: Portfolio, alice: User, bob: User) -> None:
    share_portfolio(portfolio=portfolio, person="bob", role="viewer", actor=alice)
    client.force_login(bob)
    for tolerance, said in (("", "No risk tolerance is stated."), ("growth", "Growth: up to 22%")):
        state(portfolio, tolerance, 0.1)
        for url in (risk_page(portfolio), reverse("risk-figures", args=[portfolio.pk])):
            markup, words = card(client, url)
            assert said in words
            assert reverse("portfolio-settings") not in markup
