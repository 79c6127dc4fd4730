"""What every endpoint below one portfolio shares."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, cast

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.models import Basis
from core.api import IsoDateField
from core.money import minor_units
from portfolios.models import Portfolio
from users.models import User


class PeriodQuery(serializers.Serializer[Any]):
    """The period whose end may also be named ``as_of``, as everywhere."""

    start = IsoDateField(required=False)
    end = IsoDateField(required=False)
    as_of = IsoDateField(required=False, help_text="Valuation date: another name for end.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        as_of = attrs.pop("as_of", None)
        if as_of and attrs.setdefault("end", as_of) != as_of:
            raise serializers.ValidationError({"as_of": ["Send end or as_of, not two different days."]})
        latest = timezone.now().date() + timedelta(days=1)  # somewhere it is tomorrow already
        for name in ("start", "end"):
            if attrs.get(name, date.min) > latest:
                raise serializers.ValidationError({name: ["This day has not come yet."]})
        return attrs


BASES = Basis.choices


def has_come(day: date) -> None:
    """A field's validator: nothing is known of a day that has begun nowhere yet."""
    if day > timezone.now().date() + timedelta(days=1):
        raise serializers.ValidationError("This day has not come yet.")


class AsOfQuery(serializers.Serializer[Any]):
    as_of = IsoDateField(
        required=False, validators=[has_come], help_text="Valuation date; the last close when left out."
    )


class WindowSerializer(serializers.Serializer[Any]):
    """The first and the last session with a return, and how many there are."""

    start = serializers.DateField(allow_null=True)
    end = serializers.DateField(allow_null=True)
    observations = serializers.IntegerField()


class PortfolioView(GenericAPIView[Portfolio]):
    """A view of one portfolio of the caller's; any other does not exist."""

    queryset = Portfolio.objects.none()
    pagination_class = None
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Portfolio]:
        return Portfolio.objects.visible_to(cast("User", self.request.user)).select_related("benchmark")

    def asked(self, query: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """The query string as checked values; names that the query does not know are left alone."""
        given = query(data=self.request.query_params.dict())
        given.is_valid(raise_exception=True)
        return dict(given.validated_data)


class RefusalsInJson:
    """A view whose answer may also be a file of the class ``file_renderer``: its refusals are problems in JSON.

    Whatever format was asked for. It stands before the view's other bases.
    """

    file_renderer: type[BaseRenderer]

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        if getattr(response, "exception", False) and isinstance(
            getattr(request, "accepted_renderer", None), self.file_renderer
        ):
            request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
        finished: Response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        return finished


def described(portfolio: Portfolio, as_of: date | None, price_source: str) -> dict[str, Any]:
    """What every answer about the portfolio's own past begins with."""
    return {
        "portfolio": portfolio.pk,
        "as_of": as_of,
        "basis": "ex-post",
        "currency": portfolio.base_currency,
        "benchmark": portfolio.benchmark.symbol if portfolio.benchmark else None,
        "price_source": price_source,
    }


def method(heading: str) -> str:
    """Where a figure's formula stands."""
    return f"{reverse('methods')}#{heading}"


def chart_amounts(values: Any, currency: str) -> list[str]:
    """Amounts of a chart as plain strings in the currency's minor unit."""
    digits = minor_units(currency)
    return [f"{value:.{digits}f}" for value in values.tolist()]
