"""The last day's prices on the page of a holding, where live prices are kept."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils.formats import date_format

from assets.models import Asset, IntradayValue
from assets.tests.factories import make_asset, make_bars
from core.testing import Page
from portfolios.models import Portfolio
from portfolios.tests.factories import buy, make_portfolio
from users.models import User


@pytest.fixture
def apple(db: None) -> Asset:
    asset = make_asset("AAPL")
    make_bars(asset, [100, 102, 104], start=date(2024, 1, 2))
    return asset


@pytest.fixture
def growth(alice: User, apple: Asset) -> Portfolio:
    portfolio = make_portfolio(alice)
    buy(portfolio, apple, 10, 100, "2024-01-02")
    return portfolio


@pytest.fixture
def ticks(apple: Asset) -> None:
    for text, price, source in [
        ("2024-01-03T15:00:00", "101", "finnhub"),
        ("2024-01-05T15:30:10", "105", "finnhub"),
        ("2024-01-05T15:30:40", "105.25", "finnhub"),
        ("2024-01-05T16:00:00", "104.1234", "simulated"),
    ]:
        at = datetime.fromisoformat(text).replace(tzinfo=UTC)
        IntradayValue.objects.create(asset=apple, at=at, price=Decimal(price), source=source)


def card(client: Client, user: User, query: str = "") -> tuple[str, dict[str, Any]]:
    """The part of the page with the chart, and the chart's data."""
    client.force_login(user)
    page = client.get(f"/holdings/AAPL/{query}").content.decode()
    assert Page(page).faults == []
    part = page[page.index('aria-labelledby="price-title"') :].split("</section>")[0]
    found = re.search(r'<script id="price-data" type="application/json">(.*?)</script>', part)
    assert found
    return part, json.loads(found[1])


def test_without_ticks_there_is_no_such_choice(client: Client, alice: User, growth: Portfolio) -> None:
    for query in ("", "?span=1d"):
        part, data = card(client, alice, query)
        assert "span=1d" not in part
        assert (data["clock"], len(data["days"])) == (False, 3)


@pytest.mark.usefixtures("ticks")
def test_the_last_day_is_drawn_by_minute_with_its_table(client: Client, alice: User, growth: Portfolio) -> None:
    part, _ = card(client, alice)
    assert 'href="?span=1d#price-title"' in part

    part, data = card(client, alice, "?span=1d")
    assert data["clock"] is True
    assert data["days"] == ["2024-01-05T15:30:40Z", "2024-01-05T16:00:00Z"]
    assert data["series"][0]["values"] == [105.25, 104.1234]
    assert '<a class="choice" href="?span=1d#price-title" aria-current="true">1D</a>' in part
    assert f"Prices of {date_format(date(2024, 1, 5), 'DATE_FORMAT')}" in part
    assert "simulated" in part
    rows = re.findall(r'<th scope="row" class="words">(.*?)</th>\s*<td>(.*?)</td>', part)
    assert rows == [("5 Jan 2024, 16:00:00", "104.1234"), ("5 Jan 2024, 15:30:40", "105.2500")]
    assert "5 Jan 2024, 15:30 to 16:00 UTC" in part


@pytest.mark.usefixtures("ticks")
def test_an_earlier_day_shows_the_last_ticks_until_then(client: Client, alice: User, growth: Portfolio) -> None:
    part, data = card(client, alice, "?span=1d&as_of=2024-01-04")
    assert data["days"] == ["2024-01-03T15:00:00Z"]
    assert "simulated" not in part
    part, data = card(client, alice, "?span=1d&as_of=2024-01-02")
    assert (data["clock"], data["days"]) == (False, ["2024-01-02"])
    assert "span=1d" not in part.split('<ul class="choices"')[1]


@pytest.mark.usefixtures("ticks")
def test_ticks_alone_are_drawn_without_being_asked_for(client: Client, alice: User, growth: Portfolio) -> None:
    Asset.objects.get(symbol="AAPL").history.all().delete()
    part, data = card(client, alice)
    assert data["clock"] is True
    assert 'aria-current="true">1D' in part
