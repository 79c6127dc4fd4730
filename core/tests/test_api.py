"""Fields that take exactly what they say, serializers that name what they do not know."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from core.api import (
    AwareDateTimeField,
    DecimalStringField,
    IsoDateField,
    Pagination,
    RatioField,
    StrictIntegerField,
    StrictSerializer,
    plain,
)

MONEY = DecimalStringField(max_digits=19, decimal_places=4)


class Leg(StrictSerializer):
    amount = DecimalStringField()


class Order(StrictSerializer):
    name = serializers.CharField()
    key = serializers.CharField(read_only=True)
    legs = Leg(many=True, required=False)


@pytest.mark.parametrize(
    ("given_", "exact"),
    [
        ("12.50", "12.5"),
        ("-3", "-3"),
        ("0.0000", "0"),
        ("-0", "0"),
        (7, "7"),
        (Decimal("1E+2"), "100"),
        ("007.1", "7.1"),
    ],
)
def test_decimal_accepts_plain_numbers_exactly(given_: Any, exact: str) -> None:
    value = MONEY.run_validation(given_)
    assert (str(value), MONEY.to_representation(value)) == (exact, exact)


@pytest.mark.parametrize(
    "bad",
    [
        *("1_000", "1,5", "", "+1", ".5", "5.", "1e5", "0x10", "NaN", "Infinity", "-Infinity"),
        *(" 1", "1 ", "1\n", "\u0661\u0662", "\uff11"),
        *("1.00001", "1" * 16, "1" * 500),
        *(True, False, [], {}, 1.5, Decimal("NaN"), Decimal("Infinity")),
    ],
    ids=repr,
)
def test_decimal_refuses_everything_else(bad: Any) -> None:
    with pytest.raises(ValidationError):
        MONEY.run_validation(bad)


def test_an_empty_text_is_no_number_even_where_null_is_allowed() -> None:
    field = DecimalStringField(allow_null=True)
    assert field.run_validation(None) is None
    with pytest.raises(ValidationError):
        field.run_validation("")


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**14), max_value=10**14, places=4))
def test_decimal_returns_what_it_was_given(value: Decimal) -> None:
    assert MONEY.run_validation(plain(value)) == value
    assert "E" not in plain(value)


@pytest.mark.parametrize("bad", ["1_0", " 1", "1.0", "١", True, 1.0, None, [], "1" * 19, 10**30], ids=repr)
def test_integer_refuses(bad: Any) -> None:
    with pytest.raises(ValidationError):
        StrictIntegerField().run_validation(bad)


@pytest.mark.parametrize(
    "text", ["2024-05-31T15:30:00Z", "2024-05-31T17:30:00+02:00", "2024-05-31 15:30Z", "2024-05-31T15:30:00.000000Z"]
)
def test_instant_is_read_in_utc(text: str) -> None:
    field = AwareDateTimeField()
    value = field.run_validation(text)
    assert value == datetime(2024, 5, 31, 15, 30, tzinfo=UTC)
    assert field.to_representation(value) == "2024-05-31T15:30:00Z"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2024-05-31", "date"),
        ("2024-05-31T15:30:00", "no_zone"),
        ("2024-05-31T15:30", "no_zone"),
        ("2024-02-30T15:30:00Z", "invalid"),
        ("0001-01-01T00:00:00+12:00", "invalid"),
        ("2024-05-31T25:30:00Z", "invalid"),
        ("yesterday", "invalid"),
        (1717169400, "invalid"),
        (None, "null"),
    ],
)
def test_instant_refuses(text: Any, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        AwareDateTimeField().run_validation(text)
    assert caught.value.get_codes() == [code]


def test_day_is_iso_only() -> None:
    assert IsoDateField().run_validation("2024-05-31") == date(2024, 5, 31)
    for bad in ["20240531", "2024-5-31", "2024-W22-5", "2024-05-31T00:00:00Z", "٢٠٢٤-٠٥-٣١", 20240531]:
        with pytest.raises(ValidationError):
            IsoDateField().run_validation(bad)


@pytest.mark.parametrize(("value", "number"), [(Decimal("0.25"), 0.25), (float("nan"), None), (None, None)])
def test_ratio_is_a_number_or_null(value: Any, number: float | None) -> None:
    assert RatioField().to_representation(value) == number


def test_serializer_names_what_it_does_not_know_beside_its_other_errors() -> None:
    order = Order(data={"colour": 1, "key": "x", "legs": [{"amount": "1", "x": 2}]})
    assert not order.is_valid()
    assert order.errors == {
        "name": ["This field is required."],
        "legs": {0: {"x": ["This field is unknown."]}},
        "colour": ["This field is unknown."],
        "key": ["This field cannot be set."],
    }


def test_what_is_nested_is_replaced_whole_even_by_a_patch() -> None:
    order = Order(data={"legs": [{}]}, partial=True)
    assert not order.is_valid()
    assert order.errors == {"legs": {0: {"amount": ["This field is required."]}}}
    assert Order(data={"name": "x"}, partial=True).is_valid()


def test_a_patch_changes_something() -> None:
    order = Order(data={}, partial=True)
    assert not order.is_valid()
    assert order.errors == {"non_field_errors": ["Send at least one field to change."]}


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=-1", "limit=x", "offset=-1", "limit=", "offset=٣"])
def test_page_refuses_bad_bounds(query: str) -> None:
    request = Request(APIRequestFactory().get(f"/?{query}"))
    with pytest.raises(ValidationError) as caught:
        Pagination().paginate_queryset([1, 2], request)
    assert list(caught.value.detail) == [query.split("=", maxsplit=1)[0]]
