"""The goals of a portfolio as its Dashboard and its settings show them: open, reached and overdue."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics.models import Snapshot
from analytics.services import recompute
from assets.models import Asset
from assets.tests.factories import make_asset, make_bars, make_rate
from core.testing import Page, count_queries
from portfolios.book.goals import months_left
from portfolios.models import Goal, Portfolio
from portfolios.services.sharing import share_portfolio
from portfolios.templatetags import money
from portfolios.tests.factories import buy, make_portfolio
from users.models import User

FIRST = date(2024, 1, 2)
Address = Callable[[Portfolio], str]
WORTH = Decimal(1080)  # 10 units at their last close


@pytest.fixture
def browser(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def asset() -> Asset:
    asset = make_asset("AAPL")
    make_bars(asset, [100, 104, 108], start=FIRST)
    return asset


@pytest.fixture
def portfolio(alice: User, asset: Asset) -> Portfolio:
    made = make_portfolio(alice)
    buy(made, asset, 10, 100, FIRST)
    recompute([made.pk])
    return made


def wish(portfolio: Portfolio, amount: int, days: int, *, currency: str = "USD", since: int | None = None) -> Goal:
    """A goal for the day that is ``days`` from today, whose way began ``since`` days ago."""
    today = timezone.now().date()
    begun = None if since is None else today - timedelta(days=since)
    due = today + timedelta(days=days)
    terms = {"amount": Decimal(amount), "currency": currency, "due_on": due, "start_on": begun}
    return Goal.objects.create(portfolio=portfolio, name="House", **terms)


def dashboard(portfolio: Portfolio) -> str:
    return f"/?portfolio={portfolio.pk}"


def settings(portfolio: Portfolio) -> str:
    return f"{reverse('portfolio-settings')}?portfolio={portfolio.pk}"


def card(browser: Client, url: str) -> tuple[str, str]:
    """The card of goals: its markup, and its words alone."""
    answer = browser.get(url)
    page = answer.content.decode()
    assert (answer.status_code, Page(page).faults) == (200, [])
    start = page.index('aria-labelledby="goals-title"')
    markup = re.sub(r"\s+", " ", page[start : page.index("</section>", start)])
    return markup, re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", markup))


@pytest.mark.parametrize("url", [dashboard, settings])
def test_an_open_goal(browser: Client, portfolio: Portfolio, url: Address) -> None:
    goal = wish(portfolio, 4320, 800, since=200)
    markup, words = card(browser, url(portfolio))
    assert f"House {money.amount(WORTH, 'USD')} of {money.amount(goal.amount, 'USD')} USD" in words
    assert f"{money.percent(Decimal('0.25'))} , {money.percent(Decimal('0.2'), 0)} of the time has passed" in words
    months = months_left(timezone.now().date(), goal.due_on)
    each = money.amount(round((goal.amount - WORTH) / months, 2), "USD")
    assert f"without any return, {each} USD would be needed in each of {months} months" in words
    assert "To be reached by" in words
    assert 'width="25.00"' in markup
    assert 'x="20.00"' in markup
    assert "Reached" not in words
    assert "Overdue" not in words


@pytest.mark.parametrize("url", [dashboard, settings])
def test_a_goal_that_is_reached(browser: Client, portfolio: Portfolio, url: Address) -> None:
    wish(portfolio, 540, 100)
    markup, words = card(browser, url(portfolio))
    assert f"{money.percent(Decimal(2))} · ▲ Reached" in words
    assert "to be added" not in words
    assert 'width="100.00"' in markup  # the bar is full and no longer
    assert "budget-marker" not in markup  # nobody said when the way began


@pytest.mark.parametrize("url", [dashboard, settings])
def test_a_goal_that_is_overdue(browser: Client, portfolio: Portfolio, url: Address) -> None:
    wish(portfolio, 2160, -1, since=50)
    _, words = card(browser, url(portfolio))
    assert f"▼ Overdue : {money.amount(WORTH, 'USD')} USD are missing." in words
    assert f"{money.percent(Decimal(1), 0)} of the time has passed" in words
    assert "to be added" not in words


@pytest.mark.parametrize("url", [dashboard, settings])
def test_a_goal_in_another_currency(browser: Client, portfolio: Portfolio, url: Address) -> None:
    wish(portfolio, 1080, 100, currency="EUR")
    assert "A price or an exchange rate is missing" in card(browser, url(portfolio))[1]
    make_rate("EURUSD", {FIRST: 2})
    assert (
        f"House {money.amount(WORTH / 2, 'EUR')} of {money.amount(WORTH, 'EUR')} EUR"
        in card(browser, url(portfolio))[1]
    )


def test_the_settings_say_the_same_while_figures_are_stale(browser: Client, portfolio: Portfolio, asset: Asset) -> None:
    """What is stored is taken for the value only as long as nothing has changed since."""
    wish(portfolio, 4320, 800)
    stored = card(browser, settings(portfolio))[1]
    cheap = count_queries(lambda: browser.get(settings(portfolio)))[0]
    Snapshot.objects.all().delete()
    assert card(browser, settings(portfolio))[1] == stored
    assert count_queries(lambda: browser.get(settings(portfolio)))[0] > cheap
    recompute([portfolio.pk])
    buy(portfolio, asset, 10, 100, FIRST)
    for url in (dashboard, settings):
        assert f"House {money.amount(2 * WORTH, 'USD')} of" in card(browser, url(portfolio))[1]


def test_without_goals_only_the_settings_speak_of_them(browser: Client, portfolio: Portfolio) -> None:
    assert 'aria-labelledby="goals-title"' not in browser.get(dashboard(portfolio)).content.decode()
    markup, words = card(browser, settings(portfolio))
    assert "A goal is an amount that the portfolio shall reach by a day." in words
    assert f'href="{reverse("goal-new")}?portfolio={portfolio.pk}"' in markup


def test_goals_are_changed_in_the_settings_alone(browser: Client, portfolio: Portfolio, alice: User, bob: User) -> None:
    goal = wish(portfolio, 4320, 800)
    one = reverse("goal-page", args=[goal.pk])
    assert one in card(browser, settings(portfolio))[0]
    assert one not in card(browser, dashboard(portfolio))[0]
    share_portfolio(portfolio=portfolio, person="bob", role="viewer", actor=alice)
    browser.force_login(bob)
    assert "House" in card(browser, dashboard(portfolio))[1]
