"""What every endpoint shares: exact fields, serializers that refuse what they do not know, pages and ordering."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from django.db import models
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.filters import OrderingFilter
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request
from rest_framework.settings import api_settings

from core.money import EXACT
from core.web import Right

PLAIN_DECIMAL = re.compile(r"-?[0-9]{1,64}(\.[0-9]{1,64})?")
PLAIN_INTEGER = re.compile(r"-?[0-9]{1,18}")
ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
ISO_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")
ISO_ZONE = re.compile(r"(Z|[+-][0-9]{2}:?[0-9]{2})$")


def plain(value: Decimal) -> str:
    """All digits of ``value`` without exponent or trailing zeros: "150", "0.0000001"."""
    return f"{value.normalize(EXACT):f}" if value else "0"


class DecimalStringField(serializers.DecimalField):
    """An exact number: a string of plain digits out, such a string or a JSON number in.

    More digits than the column holds are refused, never rounded; zeros at the end do not count.
    """

    default_error_messages = {
        "invalid": "Write a plain number, such as “12.50”: digits, at most one point, no exponent."
    }

    def __init__(self, max_digits: int | None = 28, decimal_places: int | None = 10, **kwargs: Any) -> None:
        super().__init__(max_digits, decimal_places, **kwargs)

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        return serializers.Field.validate_empty_values(self, data)  # "" is no number, not even an optional one

    def to_internal_value(self, data: Any) -> Decimal:
        value = self._exact(data)
        if not value.is_finite():
            self.fail("invalid")
        value = value.normalize(EXACT) if value else Decimal(0)
        self.validate_precision(value)
        return Decimal(plain(value))

    def _exact(self, data: Any) -> Decimal:
        if isinstance(data, str) and PLAIN_DECIMAL.fullmatch(data):
            return Decimal(data)
        if isinstance(data, Decimal | int) and not isinstance(data, bool):
            return Decimal(data)
        raise ValidationError(self.error_messages["invalid"], code="invalid")

    def to_representation(self, value: Any) -> str | None:  # type: ignore[override]
        return None if value is None else plain(Decimal(value))


class StrictIntegerField(serializers.IntegerField):
    """A whole number; ``int`` alone would take "1_000", " 7 " and digits of any script."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, str) and PLAIN_INTEGER.fullmatch(data):
            return int(data)
        if isinstance(data, int) and not isinstance(data, bool) and abs(data) < 10**18:
            return data
        raise ValidationError(self.error_messages["invalid"], code="invalid")


class RatioField(serializers.FloatField):
    """A weight, a return or another pure number: a JSON number, or null where it is not defined."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"read_only": True} | kwargs)

    def to_representation(self, value: Any) -> float | None:  # type: ignore[override]
        number = math.nan if value is None else float(value)
        return number if math.isfinite(number) else None


class AwareDateTimeField(serializers.DateTimeField):
    """An instant: date, time and zone in (ISO 8601), UTC out."""

    default_error_messages = {
        "invalid": "Write an instant, such as “2024-05-31T15:30:00Z”.",
        "date": "A date alone is not an instant: add time and zone, such as “2024-05-31T15:30:00Z”.",
        "no_zone": "Add the zone: end with “Z” or an offset such as “+02:00”.",
    }

    def to_internal_value(self, value: Any) -> datetime:
        if isinstance(value, str) and ISO_DATE.fullmatch(value):
            self.fail("date")
        if not isinstance(value, str) or not ISO_TIME.match(value):
            self.fail("invalid")
        if not ISO_ZONE.search(value):
            self.fail("no_zone" if ISO_TIME.fullmatch(value) else "invalid")
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("invalid")

    def to_representation(self, value: Any) -> str | None:  # type: ignore[override]
        return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


class IsoDateField(serializers.DateField):
    """A calendar day, written YYYY-MM-DD and in no other way."""

    default_error_messages = {"invalid": "Write a date, such as “2024-05-31”."}

    def to_internal_value(self, value: Any) -> date:
        if not isinstance(value, str) or not ISO_DATE.fullmatch(value):
            self.fail("invalid")
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail("invalid")


class StrictSerializer(serializers.Serializer):
    """Mixin, first in the bases: refuses fields it does not know or cannot set, each by its name.

    Before a ``ModelSerializer`` it also maps columns to the exact fields of this module.
    """

    serializer_field_mapping: ClassVar[dict[type[models.Field], type[serializers.Field]]] = (
        serializers.ModelSerializer.serializer_field_mapping
        | {
            models.DecimalField: DecimalStringField,
            models.DateTimeField: AwareDateTimeField,
            models.DateField: IsoDateField,
            models.IntegerField: StrictIntegerField,
            models.BigIntegerField: StrictIntegerField,
            models.PositiveIntegerField: StrictIntegerField,
            models.PositiveSmallIntegerField: StrictIntegerField,
            models.SmallIntegerField: StrictIntegerField,
        }
    )

    def to_internal_value(self, data: Any) -> Any:
        if self.parent is None and self.partial and data == {}:
            raise ValidationError({api_settings.NON_FIELD_ERRORS_KEY: ["Send at least one field to change."]})
        errors = self._unknown(data) | self._missing(data) if isinstance(data, Mapping) else {}
        try:
            known = super().to_internal_value(data)
        except ValidationError as error:
            if not isinstance(error.detail, dict):
                raise
            raise ValidationError({**error.detail, **errors}) from error
        if errors:
            raise ValidationError(errors)
        return known

    def _unknown(self, data: Mapping[str, Any]) -> dict[str, list[str]]:
        writable = {name for name, field in self.fields.items() if not field.read_only}
        read_only = set(self.fields) - writable
        return {
            str(name): ["This field cannot be set." if name in read_only else "This field is unknown."]
            for name in data
            if name not in writable
        }

    def _missing(self, data: Mapping[str, Any]) -> dict[str, list[str]]:
        """A PATCH leaves out fields of its own, but replaces what is nested in them whole."""
        if self.parent is None or not getattr(self.root, "partial", False):
            return {}
        return {
            name: ["This field is required."]
            for name, field in self.fields.items()
            if field.required and not field.read_only and name not in data
        }


class ThroughTheDoor(IsAuthenticated):
    """For whoever is logged in; a row that is to be changed, for those whom its model's door lets through.

    A view looks rows up among the visible ones, so that a stranger's is a 404 before this. What one sees but may not
    change is a 403 that says so.
    """

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        right = right_of(view, request)
        if right is Right.SEE or not isinstance(obj, models.Model):
            return True
        self.message = right.refusal
        return right.lets(request.user, obj)


def right_of(view: Any, request: Request) -> Right:
    """What a request wants to do: to see, or by its action or method what the view's ``rights`` say, else to book."""
    if request.method in SAFE_METHODS:
        return Right.SEE
    rights: Mapping[str, Right] = getattr(view, "rights", {})
    return rights.get(getattr(view, "action", None) or (request.method or "").lower(), Right.BOOK)


def right_above(view: Any, request: Request) -> Right:
    """What a request to ``view`` takes of the row that it stands below: to see it, where the method will be a 405."""
    return right_of(view, request) if (request.method or "").lower() in view.action_map else Right.SEE


class Pagination(LimitOffsetPagination):
    """``?limit=&offset=``: 100 rows a page, 1,000 at most; what is not a number is refused, not ignored."""

    default_limit = 100
    max_limit = 1000
    max_offset = 10**9

    def get_limit(self, request: Request) -> int:
        return _parameter(request, "limit", self.default_limit, 1, self.max_limit)

    def get_offset(self, request: Request) -> int:
        return _parameter(request, "offset", 0, 0, self.max_offset)


def _parameter(request: Request, name: str, default: int, lowest: int, highest: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not re.fullmatch("[0-9]{1,10}", text) or not lowest <= int(text) <= highest:
        raise ValidationError({name: [f"Write a whole number from {lowest} to {highest}."]})
    return int(text)


class StableOrdering(OrderingFilter):
    """``?ordering=-day,symbol``: an unknown name is refused, and ties keep their order from page to page."""

    def remove_invalid_fields(
        self, queryset: QuerySet[Any], fields: Iterable[str], view: Any, request: Request
    ) -> list[str]:
        known = super().remove_invalid_fields(queryset, fields, view, request)
        unknown = [name for name in fields if name not in known]
        if unknown:
            names = ", ".join(str(item[0]) for item in self.get_valid_fields(queryset, view, {"request": request}))
            raise ValidationError({self.ordering_param: [f"Rows cannot be ordered by that; use one of: {names}."]})
        return [*known, "pk"]
