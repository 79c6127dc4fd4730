"""Last closes and exchange rates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.models import Asset
from assets.queries import LastBar, Rate, RateMissing, RateTable, last_bars, rates, with_last_bar
from assets.tests.factories import make_asset, make_bars, make_rate

DAY, NEXT, LATER = date(2024, 5, 30), date(2024, 5, 31), date(2024, 6, 3)


@pytest.mark.django_db
def test_last_bars_in_one_query(django_assert_num_queries: Any) -> None:
    apple, other, none = make_asset("AAPL"), make_asset("MSFT"), make_asset("NONE")
    make_bars(apple, {DAY: 1, NEXT: 2})
    make_bars(other, {DAY: 3}, source="simulated")
    ids = [apple.pk, other.pk, none.pk]
    with django_assert_num_queries(1):
        bars = last_bars(ids)
    assert bars == {
        apple.pk: LastBar(apple.pk, NEXT, Decimal(2), "test"),
        other.pk: LastBar(other.pk, DAY, Decimal(3), "simulated"),
    }
    assert [bars[pk].simulated for pk in (apple.pk, other.pk)] == [False, True]
    assert last_bars(ids, DAY)[apple.pk].close == 1
    assert last_bars(ids, date(2024, 5, 29)) == {}
    assert last_bars([none.pk]) == last_bars([]) == {}


@pytest.mark.django_db
def test_with_last_bar_adds_no_query(django_assert_num_queries: Any) -> None:
    make_bars(make_asset("AAPL"), {DAY: 1, NEXT: 2})
    make_asset("NONE")
    with django_assert_num_queries(1):
        assets: Any = with_last_bar(Asset.objects.all())
        rows = [(asset.symbol, asset.price, asset.price_day, asset.price_source) for asset in assets]
    assert rows == [("AAPL", Decimal(2), NEXT, "test"), ("NONE", None, None, None)]


@pytest.mark.django_db
@pytest.mark.parametrize("day", [None, NEXT], ids=["whole history", "as of a day"])
def test_rates_in_one_query(django_assert_num_queries: Any, day: date | None) -> None:
    make_rate("EURUSD", {DAY: "1.08", NEXT: "1.10", LATER: "1.20"})
    make_rate("USDCHF", {DAY: "0.90"})
    make_asset("GBPUSD", type="equity", currency="USD")  # not a rate, whatever it is called
    with django_assert_num_queries(1):
        table = rates(["EUR", "CHF", "GBP"], "USD", day)
    assert table.rate("EUR", "USD", NEXT) == Rate(Decimal("1.10"), NEXT)
    assert table.rate("CHF", "CHF", LATER) == Rate(Decimal(1), LATER)
    assert table.rate("EUR", "CHF", NEXT) == Rate(Decimal("0.9900"), DAY)
    with pytest.raises(RateMissing, match="from GBP to USD on or before 2024-05-31"):
        table.rate("GBP", "USD", NEXT)


@pytest.mark.django_db
def test_a_single_currency_asks_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert rates(["USD", "USD"], "USD").rate("USD", "USD", DAY) == Rate(Decimal(1), DAY)


TABLE = RateTable(
    {
        "EURUSD": ([DAY, LATER], [Decimal("1.25"), Decimal("1.5")]),
        "USDJPY": ([NEXT], [Decimal(150)]),
        "EURSEK": ([DAY], [Decimal("11.5")]),
        "EURNOK": ([DAY], [Decimal("11.5")]),
    }
)


@pytest.mark.parametrize(
    ("source", "target", "day", "value", "of"),
    [
        pytest.param("EUR", "USD", DAY, "1.25", DAY, id="direct"),
        pytest.param("EUR", "USD", NEXT, "1.25", DAY, id="last known"),
        pytest.param("EUR", "USD", LATER, "1.5", LATER, id="the newest"),
        pytest.param("USD", "EUR", NEXT, "0.8", DAY, id="inverse"),
        pytest.param("EUR", "JPY", NEXT, "187.5", DAY, id="over USD, as old as its older leg"),
        pytest.param("SEK", "NOK", DAY, "1", DAY, id="over EUR"),
        pytest.param("SEK", "USD", DAY, "0.10869565217391304347826086956521739130434782608696", DAY, id="EUR again"),
    ],
)
def test_rate(source: str, target: str, day: date, value: str, of: date) -> None:
    rate = TABLE.rate(source, target, day)
    assert rate.day == of
    assert abs(rate.value - Decimal(value)) < Decimal("1e-45")


@pytest.mark.parametrize(
    ("source", "target", "day"),
    [("EUR", "USD", date(2024, 5, 29)), ("EUR", "JPY", DAY), ("GBP", "USD", LATER), ("SEK", "JPY", LATER)],
)
def test_no_rate(source: str, target: str, day: date) -> None:
    with pytest.raises(RateMissing):
        TABLE.rate(source, target, day)


@given(st.sampled_from(["EUR", "USD", "JPY"]), st.sampled_from(["EUR", "USD", "JPY"]))
def test_there_and_back_is_one(source: str, target: str) -> None:
    product = TABLE.rate(source, target, LATER).value * TABLE.rate(target, source, LATER).value
    assert abs(product - 1) < Decimal("1e-20")
