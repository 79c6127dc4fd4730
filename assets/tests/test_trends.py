"""The last closes of assets, from the price panel."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from assets.models import HistoricValue
from assets.sparkline import line_of
from assets.tests.factories import make_asset, make_bars
from assets.trends import CLOSES, trends
from core.testing import count_queries

FIRST = date(2024, 1, 1)


def test_a_line_fills_its_box() -> None:
    assert line_of([1.0, 3.0, 2.0], 100, 40, 4) == "0,36 50,4 100,20"
    assert line_of([5.0, 5.0], 10, 40, 4) == "0,20 10,20"


@pytest.mark.django_db
def test_the_last_ninety_closes() -> None:
    asset = make_asset("AAPL")
    make_bars(asset, {FIRST + timedelta(days=day): 100 + day for day in range(120)})
    trend = trends([asset.pk])[asset.pk]
    assert (trend.closes, trend.first, trend.last) == (CLOSES, date(2024, 1, 31), date(2024, 4, 29))
    assert trend.change == pytest.approx(219 / 130 - 1)
    assert trend.day_change == pytest.approx(219 / 218 - 1)
    assert len(trend.points.split()) == CLOSES
    assert trend.points.endswith("178,3")


@pytest.mark.django_db
def test_up_to_a_day_and_adjusted() -> None:
    asset = make_asset("AAPL")
    make_bars(asset, {FIRST + timedelta(days=day): 100 - 50 * (day >= 2) for day in range(4)})
    HistoricValue.objects.filter(day__lt=FIRST + timedelta(days=2)).update(adjusted_close=50)
    HistoricValue.objects.filter(day__gte=FIRST + timedelta(days=2)).update(adjusted_close=50)
    assert trends([asset.pk])[asset.pk].change == 0  # a split is no fall
    assert trends([asset.pk], FIRST + timedelta(days=1))[asset.pk].closes == 2
    assert trends([asset.pk], FIRST) == {}
    assert trends([asset.pk], FIRST - timedelta(days=400)) == {}


@pytest.mark.django_db
def test_what_has_no_closes_of_late_is_left_out() -> None:
    old, new, none = make_asset("OLD"), make_asset("NEW"), make_asset("NONE")
    make_bars(old, {FIRST: 1, FIRST + timedelta(days=1): 2})
    make_bars(new, {FIRST + timedelta(days=300): 1, FIRST + timedelta(days=301): 2})
    assert set(trends([old.pk, new.pk, none.pk])) == {new.pk}
    assert trends([]) == {}


@pytest.mark.django_db
def test_one_query_for_any_number() -> None:
    assets = [make_asset(f"S{number}") for number in range(20)]
    for asset in assets:
        make_bars(asset, [1, 2, 3])
    trends([asset.pk for asset in assets])  # brings the panel up to date
    queries, texts = count_queries(lambda: trends([asset.pk for asset in assets]))
    assert queries == 1, texts
