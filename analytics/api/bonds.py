"""What a bond yields over HTTP."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics.api.base import has_come
from analytics.queries.bonds import BOND_LABELS, BondReport, bond_report, terms_of
from assets.api.bonds import FlowSerializer
from assets.models import Asset
from core.api import DecimalStringField, IsoDateField, RatioField
from users.models import User

PRICES = {"clean": "price-basis", "accrued": "accrued-interest", "dirty": "accrued-interest"}
HIGHEST = Decimal(10_000)


class BondFiguresQuery(serializers.Serializer[Any]):
    as_of = IsoDateField(
        required=False,
        validators=[has_come],
        help_text="The day that is looked at; that of the last close, or today at a given price, when left out.",
    )
    price = DecimalStringField(
        required=False,
        min_value=Decimal("0.0001"),
        max_value=HIGHEST,
        help_text="A clean price per 100 of nominal value, in the place of the last close.",
    )


class BondPriceSerializer(serializers.Serializer[Any]):
    key = serializers.ChoiceField(list(PRICES))
    value = DecimalStringField(max_digits=None, decimal_places=None)
    unit = serializers.CharField()
    formula = serializers.CharField(help_text="Where the figure is explained.")


class BondFigureSerializer(serializers.Serializer[Any]):
    key = serializers.ChoiceField(list(BOND_LABELS))
    name = serializers.CharField()
    value = RatioField()
    unit = serializers.CharField()
    formula = serializers.CharField(help_text="Where the figure is explained.")


class BondFiguresSerializer(serializers.Serializer[Any]):
    """A bond at a price. Prices and payments are per 100 of nominal value."""

    symbol = serializers.CharField()
    currency = serializers.CharField()
    as_of = IsoDateField()
    price_day = IsoDateField(help_text="The day of the close that the figures are of.")
    price_source = serializers.CharField(help_text="Its provider; “given” where the reader stated the price.")
    matures = IsoDateField()
    compounding = serializers.IntegerField(help_text="How often a year the yield compounds.")
    next_payment = FlowSerializer()
    prices = BondPriceSerializer(many=True)
    figures = BondFigureSerializer(many=True)


class BondFiguresView(APIView):
    """The figures of one bond."""

    @extend_schema(
        operation_id="assets_bond_figures_retrieve", parameters=[BondFiguresQuery], responses=BondFiguresSerializer
    )
    def get(self, request: Request, symbol: str) -> Response:
        """Clean and dirty price, accrued interest, yield to maturity, durations and convexity."""
        asset = get_object_or_404(Asset.objects.visible_to(cast("User", request.user)), symbol=symbol)
        query = BondFiguresQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        terms = terms_of(asset)
        report = bond_report(asset, terms, query.validated_data.get("as_of"), query.validated_data.get("price"))
        facts = {"matures": terms.matures, "compounding": terms.compounding}
        return Response(BondFiguresSerializer(_told(asset, report) | facts).data)


def _told(asset: Asset, report: BondReport) -> dict[str, Any]:
    methods = reverse("methods")
    unit = f"{asset.currency} per 100 of nominal value"
    prices = [
        {"key": key, "value": getattr(report, key), "unit": unit, "formula": f"{methods}#{heading}"}
        for key, heading in PRICES.items()
    ]
    figures = [
        {
            "key": key,
            "name": label.name,
            "value": getattr(report.figures, key),
            "unit": label.unit,
            "formula": f"{methods}#{label.heading}",
        }
        for key, label in BOND_LABELS.items()
    ]
    return {
        "symbol": asset.symbol,
        "currency": asset.currency,
        "as_of": report.as_of,
        "price_day": report.price_day,
        "price_source": report.price_source,
        "next_payment": report.next_payment,
        "prices": prices,
        "figures": figures,
    }
