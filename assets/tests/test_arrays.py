"""Rows come as records, whatever the database."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from django.db.models import F, FloatField, Q
from django.db.models.functions import Cast

from assets.models import HistoricValue
from assets.tests.factories import make_asset, make_bars
from core import arrays

DTYPE = np.dtype([("asset", np.int64), ("day", "datetime64[D]"), ("close", np.float64), ("source", "U8")])


def read(**conditions: object) -> np.ndarray:
    rows = HistoricValue.objects.filter(**conditions).order_by("-day")
    columns = rows.values_list("asset_id", arrays.EpochDay(F("day")), Cast("close", FloatField()), "source")
    return arrays.records(columns, DTYPE)


@pytest.mark.django_db
def test_decimals_and_days_become_numbers_in_the_order_of_the_query() -> None:
    asset = make_asset()
    make_bars(asset, {date(1969, 12, 31): "0.0000000001", date(2024, 2, 29): "12.5"})

    assert read().tolist() == [
        (asset.pk, date(2024, 2, 29), 12.5, "test"),
        (asset.pk, date(1969, 12, 31), 1e-10, "test"),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("conditions", [{"asset": 0}, {"asset__in": []}], ids=["no row fits", "none can fit"])
def test_no_rows_are_an_empty_array(conditions: dict[str, object]) -> None:
    assert read(**conditions).shape == (0,)


@pytest.mark.django_db
def test_more_rows_than_are_fetched_together(monkeypatch: pytest.MonkeyPatch) -> None:
    make_bars(make_asset(), list(range(1, 8)))
    monkeypatch.setattr(arrays, "ROWS", 3)

    assert read()["close"].tolist() == [7, 6, 5, 4, 3, 2, 1]


NUMBERS = np.dtype([("asset", np.int64), ("day", "datetime64[D]"), ("close", np.float64), ("known", np.bool_)])


def numbers(column: str = "close") -> np.ndarray:
    rows = HistoricValue.objects.annotate(known=Q(close__gt=2)).order_by("-day")
    columns = rows.values_list("asset_id", arrays.EpochDay(F("day")), Cast(column, FloatField()), "known")
    return arrays.records(columns, NUMBERS)


@pytest.mark.django_db
def test_numbers_alone_come_as_they_are() -> None:
    """PostgreSQL sends them in binary."""
    asset = make_asset()
    make_bars(asset, {date(1969, 12, 31): "0.0000000001", date(2024, 2, 29): "12.5"})
    found = numbers()
    assert found.dtype == NUMBERS
    assert found.tolist() == [
        (asset.pk, date(2024, 2, 29), 12.5, True),
        (asset.pk, date(1969, 12, 31), 1e-10, False),
    ]
    HistoricValue.objects.all().delete()
    assert numbers().shape == (0,)


@pytest.mark.django_db
def test_a_missing_number_is_none_whatever_the_database() -> None:
    make_bars(make_asset(), [1, 2])
    assert np.isnan(numbers("open")["close"]).all()
