"""Live prices that were kept: by day of the exchange, by minute, and over the API."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from assets import intraday
from assets.models import Asset, IntradayValue
from assets.tests.factories import make_asset, make_exchange
from core.testing import client_of, count_queries, make_user

pytestmark = pytest.mark.django_db
URL = "/api/assets/AAPL/intraday/"


def keep(asset: Asset, at: datetime, price: str, source: str = "finnhub") -> None:
    IntradayValue.objects.create(asset=asset, at=at, price=Decimal(price), source=source)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def aapl() -> Asset:
    """In New York: midnight is at 05:00 UTC."""
    asset = make_asset("AAPL")
    keep(asset, utc("2024-01-03T04:59:59.5"), "99.5")
    keep(asset, utc("2024-01-03T05:00:00"), "100")
    keep(asset, utc("2024-01-03T15:30:10"), "101.25")
    keep(asset, utc("2024-01-03T15:30:50.25"), "101.5", "simulated")
    keep(asset, utc("2024-01-04T04:59:59"), "102")
    keep(asset, utc("2024-01-04T05:00:00"), "103")
    return asset


def ask(query: str = "") -> Any:
    return client_of(make_user("alice")).get(URL + query)


def prices(query: str = "") -> list[str]:
    return [row["price"] for row in ask(query).json()["results"]]


def test_a_value_has_its_instant_its_digits_and_its_source(aapl: Asset) -> None:
    answer = ask("?limit=1&offset=3").json()
    assert answer["count"] == 6
    assert answer["results"] == [{"at": "2024-01-03T15:30:50.250000Z", "price": "101.5", "source": "simulated"}]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?day=2024-01-03", ["100", "101.25", "101.5", "102"]),
        ("?day=2024-01-03&ordering=-at", ["102", "101.5", "101.25", "100"]),
        ("?day=2024-01-02", ["99.5"]),
        ("?day=2024-01-09", []),
        ("?start=2024-01-03T15:30:10Z&end=2024-01-04T05:00:00Z", ["101.25", "101.5", "102"]),
        ("?start=2024-01-04T06:00:00%2B01:00", ["103"]),
        ("?end=2024-01-03T05:00:00Z", ["99.5"]),
        ("?day=2024-01-03&start=2024-01-03T15:30:50Z", ["101.5", "102"]),
        ("?day=2024-01-03&end=2024-01-01T00:00:00Z", []),
    ],
)
def test_which_ones(aapl: Asset, query: str, expected: list[str]) -> None:
    assert prices(query) == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?day=yesterday", "day"),
        ("?day=0001-01-01", "day"),
        ("?day=9999-12-31", "day"),
        ("?start=2024-01-03", "start"),
        ("?start=2024-01-03T15:30:10", "start"),
        ("?end=NaN", "end"),
        ("?start=2024-01-04T00:00:00Z&end=2024-01-03T00:00:00Z", "end"),
        ("?ordering=price", "ordering"),
        ("?limit=1e9", "limit"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_name(aapl: Asset, query: str, field: str) -> None:
    answer = ask(query)
    assert answer.status_code == 400
    assert field in answer.content.decode()


def test_a_stranger_and_an_unknown_symbol(aapl: Asset) -> None:
    assert client_of(None).get(URL).status_code == 401
    assert client_of(make_user("bob")).get("/api/assets/NOSUCH/intraday/").status_code == 404


def test_a_day_by_minute_has_the_last_price_of_each(aapl: Asset) -> None:
    found = intraday.by_minute(aapl, date(2024, 1, 3))
    assert [(f"{reading.at:%H:%M:%S}", reading.price, reading.simulated) for reading in found] == [
        ("05:00:00", 100, False),
        ("15:30:50", Decimal("101.5"), True),
        ("04:59:59", 102, False),
    ]
    assert intraday.by_minute(aapl, date(2024, 1, 9)) == []


def test_the_last_day_with_prices(aapl: Asset) -> None:
    assert intraday.last_day(aapl, date.max) == date(2024, 1, 4)
    assert intraday.last_day(aapl, date(2024, 1, 3)) == date(2024, 1, 3)
    assert intraday.last_day(aapl, date(2024, 1, 1)) is None
    tokyo = make_asset("7203", exchange=make_exchange("XTKS", time_zone="Asia/Tokyo"))
    keep(tokyo, utc("2024-01-03T15:30:00"), "2600")
    assert intraday.last_day(tokyo, date.max) == date(2024, 1, 4)
    coin = make_asset("BTCUSD", type="crypto", exchange=None)
    keep(coin, utc("2024-01-03T23:59:59"), "45000")
    assert intraday.last_day(coin, date.max) == date(2024, 1, 3)


def test_a_day_of_ticks_is_one_query_of_few_rows() -> None:
    asset, begin = make_asset("AAPL"), utc("2024-01-03T14:30:00")
    IntradayValue.objects.bulk_create(
        IntradayValue(asset=asset, at=begin + timedelta(seconds=second), price=100 + second % 7, source="test")
        for second in range(0, 23_400, 2)
    )
    number, _ = count_queries(lambda: intraday.by_minute(asset, date(2024, 1, 3)))
    found = intraday.by_minute(asset, date(2024, 1, 3))
    assert (number, len(found)) == (1, 390)
    assert found[0].at == begin + timedelta(seconds=58)
