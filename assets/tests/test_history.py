"""Storing bars: what counts as a change, what is kept of what it replaced, and who learns of it."""

from __future__ import annotations

import threading
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from assets.models import Asset, HistoricValue, PriceClock, PriceRevision
from assets.providers.base import Bar
from assets.services.history import store_bars
from assets.tests.factories import make_asset, make_bars

DAY, NEXT = date(2024, 5, 30), date(2024, 5, 31)

pytestmark = pytest.mark.django_db


def versions() -> dict[str, int]:
    return dict(Asset.objects.values_list("symbol", "price_version"))


def test_new_bars_move_the_clock_and_their_assets() -> None:
    apple, other = make_asset("AAPL"), make_asset("MSFT")
    assert make_bars(apple, {DAY: 1, NEXT: 2}) == 2
    assert make_bars(other, {DAY: 3}) == 1
    assert PriceClock.read() == 2
    assert versions() == {"AAPL": 1, "MSFT": 2}
    assert dict(HistoricValue.objects.values_list("close", "version")) == {Decimal(1): 1, Decimal(2): 1, Decimal(3): 2}


def test_the_same_bars_again_change_nothing() -> None:
    apple = make_asset("AAPL")
    bars = {DAY: "1.2345678901", NEXT: "0.00001"}
    make_bars(apple, bars, volume=Decimal(7), high=Decimal("9.10"))
    assert make_bars(apple, bars, volume=Decimal("7.0"), high=Decimal("9.1")) == 0
    assert PriceClock.read() == 1
    assert not PriceRevision.objects.exists()


def test_a_restated_bar_keeps_the_old_one() -> None:
    apple, other = make_asset("AAPL"), make_asset("MSFT")
    make_bars(apple, {DAY: 1, NEXT: 2}, volume=Decimal(5))
    make_bars(other, {DAY: 1})
    assert make_bars(apple, {DAY: 1, NEXT: "2.5"}, volume=Decimal(5), source="later") == 2, "the source counts"
    assert make_bars(apple, {DAY: 1, NEXT: 3}, volume=Decimal(5), source="later") == 1
    assert [
        (bar.day, bar.close, bar.volume, bar.source, bar.version) for bar in PriceRevision.objects.order_by("pk")
    ] == [
        (DAY, Decimal(1), Decimal(5), "test", 1),
        (NEXT, Decimal(2), Decimal(5), "test", 1),
        (NEXT, Decimal("2.5"), Decimal(5), "later", 3),
    ]
    assert versions() == {"AAPL": 4, "MSFT": 2}
    assert HistoricValue.objects.get(asset=apple, day=DAY).version == 3


def test_figures_are_kept_with_ten_decimals() -> None:
    apple = make_asset("AAPL")
    make_bars(apple, {DAY: "1.23456789015"})
    assert HistoricValue.objects.get().close == Decimal("1.2345678902")
    assert make_bars(apple, {DAY: "1.23456789015"}) == 0


def test_two_different_bars_of_one_day_are_an_error() -> None:
    apple = make_asset("AAPL")
    one, two = Bar("AAPL", DAY, Decimal(1)), Bar("AAPL", DAY, Decimal(2))
    with pytest.raises(ValueError, match="Two different bars of AAPL"):
        store_bars([(apple.pk, one), (apple.pk, two)], source="test")
    assert store_bars([(apple.pk, one), (apple.pk, one)], source="test") == 1


def test_a_bar_that_the_database_refuses_stores_none() -> None:
    apple = make_asset("AAPL")
    bars = [(apple.pk, Bar("AAPL", DAY, Decimal(1))), (apple.pk, Bar("AAPL", NEXT, Decimal(-1)))]
    with pytest.raises(Exception, match="bar_close_positive"):
        store_bars(bars, source="test")


def test_nothing_to_store() -> None:
    assert store_bars([], source="test") == 0
    assert PriceClock.read() == 0


def test_a_day_of_many_assets_takes_few_queries(django_assert_max_num_queries: object) -> None:
    assets = Asset.objects.bulk_create(Asset(symbol=f"A{n}", name="x", currency="USD") for n in range(600))
    bars = [(asset.pk, Bar(asset.symbol, DAY, Decimal(n + 1))) for n, asset in enumerate(assets)]
    with django_assert_max_num_queries(21):  # type: ignore[operator]  # those of COPY's staging table and the savepoints included
        assert store_bars(bars, source="test") == 600
    assert store_bars(bars, source="test") == 0
    assert store_bars([(key, Bar("x", DAY, bar.close + 1)) for key, bar in bars[:3]], source="test") == 3


@pytest.mark.django_db(transaction=True)
def test_writers_at_once_lose_nothing() -> None:
    assets = [make_asset(f"A{n}") for n in range(8)]

    def write(asset: Asset) -> None:
        try:
            for number in range(5):
                make_bars(asset, {DAY: number + 1})
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(asset,)) for asset in assets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert PriceClock.read() == 40
    assert HistoricValue.objects.filter(close=5).count() == 8
    assert PriceRevision.objects.count() == 32
    assert max(versions().values()) == 40
    for symbol, version in versions().items():
        assert HistoricValue.objects.get(asset__symbol=symbol).version == version


prices = st.decimals(Decimal("0.0000000001"), Decimal(99999), places=10).map(lambda price: price.normalize())
histories = st.dictionaries(st.dates(date(2000, 1, 1), date(2030, 1, 1)), prices, max_size=12)


class AnyHistory(TestCase):
    @settings(max_examples=30, deadline=None)
    @given(histories, histories)
    def test_the_last_write_stands_and_the_revisions_hold_the_rest(
        self, first: dict[date, Decimal], second: dict[date, Decimal]
    ) -> None:
        asset = make_asset("AAPL")
        make_bars(asset, first)
        changed = make_bars(asset, second)
        assert dict(HistoricValue.objects.values_list("day", "close")) == first | second
        restated = {day: first[day] for day in first.keys() & second.keys() if first[day] != second[day]}
        assert dict(PriceRevision.objects.values_list("day", "close")) == restated
        assert changed == len(second.keys() - first.keys()) + len(restated)
