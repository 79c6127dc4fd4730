"""The page of a portfolio's settings: what it stores, what it refuses, and the risk that it shows beside."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from analytics.models import Snapshot
from analytics.services import recompute
from core.testing import Page, client_of
from portfolios.models import Portfolio
from tests.world import World
from users.models import User

URL = "/settings/portfolio/"


@pytest.fixture
def browser(world: World) -> Client:
    client = Client()
    client.force_login(world.owner)
    return client


def given(portfolio: Portfolio, **changes: str) -> dict[str, str]:
    shown = {"name": portfolio.name, "description": "", "benchmark": "", "risk_tolerance": "", "cash": portfolio.cash}
    return shown | {"rebalance_threshold": "5", "long_term_days": "365"} | changes


def address(portfolio: Portfolio) -> str:
    return f"{URL}?portfolio={portfolio.pk}"


def test_the_page_stores_what_is_written(world: World, browser: Client) -> None:
    portfolio = world.portfolio
    page = browser.get(address(portfolio))
    assert (page.status_code, Page(page.content.decode()).faults) == (200, [])
    wanted = given(portfolio, name="Pension", benchmark=world.asset.symbol, risk_tolerance="growth")
    wanted |= {"rebalance_threshold": "2.5", "long_term_days": "730", "description": "For later"}
    assert browser.post(address(portfolio), wanted)["Location"] == address(portfolio)
    portfolio.refresh_from_db()
    assert (portfolio.name, portfolio.benchmark, portfolio.risk_tolerance) == ("Pension", world.asset, "growth")
    assert (portfolio.rebalance_threshold, portfolio.long_term_days) == (Decimal("0.025"), 730)
    assert portfolio.base_currency == world.portfolio.base_currency


def test_a_german_writes_a_comma(world: World, browser: Client) -> None:
    User.objects.filter(pk=world.owner.pk).update(locale="de")
    portfolio = world.portfolio
    browser.post(address(portfolio), given(portfolio, rebalance_threshold="2,5"))
    portfolio.refresh_from_db()
    assert portfolio.rebalance_threshold == Decimal("0.025")
    page = browser.get(address(portfolio)).content.decode()
    assert 'value="2,5"' in page
    assert "Rebalancing-Schwelle" in page


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("name", ""),
        ("name", "x" * 101),
        ("benchmark", "NOTHING SUCH"),
        ("risk_tolerance", "reckless"),
        ("cash", "gold"),
        ("rebalance_threshold", "101"),
        ("rebalance_threshold", "-1"),
        ("rebalance_threshold", "0.00001"),
        ("rebalance_threshold", "NaN"),
        ("rebalance_threshold", "9" * 64),
        ("long_term_days", "-1"),
        ("long_term_days", "99999"),
        ("long_term_days", "1e3"),
    ],
)
def test_what_is_wrong_is_told_and_stored_nowhere(world: World, browser: Client, name: str, text: str) -> None:
    page = browser.post(address(world.portfolio), given(world.portfolio, description="New") | {name: text})
    assert (page.status_code, list(page.context["form"].errors)) == (200, [name])
    assert Page(page.content.decode()).faults == []
    world.portfolio.refresh_from_db()
    assert world.portfolio.description == ""


def test_measured_risk_stands_beside_the_stated_one(world: World, browser: Client) -> None:
    portfolio = world.portfolio
    recompute([portfolio.pk])
    for stated, said in (("conservative", b"Above what you can bear"), ("growth", b"Within what you can bear")):
        Portfolio.objects.filter(pk=portfolio.pk).update(risk_tolerance=stated)
        Snapshot.objects.filter(portfolio=portfolio).update(annual_volatility=0.15)
        assert said in browser.get(address(portfolio)).content


def test_somebody_without_a_portfolio_is_led_on(bob: User) -> None:
    client = Client()
    client.force_login(bob)
    assert client.get(URL).status_code == 200
    assert client.post(URL, {}).status_code == 404


def test_the_api_takes_the_same_words(world: World) -> None:
    client, url = client_of(world.owner), f"/portfolios/{world.portfolio.pk}/"
    assert client.patch(url, {"risk_tolerance": "balanced"}).json()["risk_tolerance"] == "balanced"
    assert client.get(url).json()["risk_tolerance"] == "balanced"
    refused = client.patch(url, {"risk_tolerance": "reckless"})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["risk_tolerance"])
    with pytest.raises(IntegrityError), transaction.atomic():
        Portfolio.objects.filter(pk=world.portfolio.pk).update(risk_tolerance="reckless")
