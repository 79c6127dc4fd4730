"""The tax report of a portfolio over HTTP, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.base import PortfolioView, RefusalsInJson, has_come
from core.api import DecimalStringField, IsoDateField, StrictIntegerField
from core.web import BrowsableRenderer
from portfolios.models import Disposal
from portfolios.queries.tax import LONG, SHORT, TaxReport, tax_report, term_of

EARLIEST = 1900


class YearQuery(serializers.Serializer[Any]):
    year = StrictIntegerField(
        required=False, min_value=EARLIEST, help_text="Of the sales; the current one if left out."
    )
    as_of = IsoDateField(required=False, validators=[has_come], help_text="The last day whose sales count.")

    def validate_year(self, year: int) -> int:
        if year > timezone.now().year:
            raise serializers.ValidationError("This year has not begun yet.")
        return year


class TaxDisposalSerializer(serializers.Serializer[Any]):
    """The part of one lot that one sale took. ``gain`` and what it is made of are in the portfolio's currency."""

    asset = serializers.CharField(source="asset.symbol")
    isin = serializers.CharField(source="asset.isin", allow_blank=True)
    opened_on = serializers.DateField()
    closed_on = serializers.DateField()
    holding_days = serializers.IntegerField()
    term = serializers.SerializerMethodField()
    quantity = DecimalStringField()
    asset_currency = serializers.CharField(source="asset.currency")
    proceeds = DecimalStringField(source="proceeds_base")
    cost = DecimalStringField(source="cost_base")
    gain = DecimalStringField(source="gain_base")
    price_gain = DecimalStringField()
    currency_gain = DecimalStringField()
    asset_proceeds = DecimalStringField(source="proceeds", help_text="In the asset's currency, like asset_cost.")
    asset_cost = DecimalStringField(source="cost")

    def get_term(self, disposal: Disposal) -> str:
        return term_of(disposal)


class TaxTotalSerializer(serializers.Serializer[Any]):
    """Sums in the portfolio's currency; gains and losses add up to gain."""

    disposals = serializers.IntegerField()
    proceeds = DecimalStringField()
    cost = DecimalStringField()
    gain = DecimalStringField()
    gains = DecimalStringField()
    losses = DecimalStringField()
    price_gain = DecimalStringField()
    currency_gain = DecimalStringField()


class TaxTotalsSerializer(serializers.Serializer[Any]):
    short = TaxTotalSerializer(help_text="Held for no more days than the portfolio’s long_term_days.")
    long = TaxTotalSerializer()
    total = TaxTotalSerializer()


class TaxReportSerializer(serializers.Serializer[Any]):
    portfolio = serializers.IntegerField()
    currency = serializers.CharField()
    year = serializers.IntegerField()
    totals = TaxTotalsSerializer()
    disposals = TaxDisposalSerializer(many=True)


class CsvRenderer(BaseRenderer):
    """The disposals of a tax report, a line each, with their names above."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> str:
        return "".join(_lines(data))


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    names = list(TaxDisposalSerializer().fields)
    for row in (names, *([disposal[name] for name in names] for disposal in report["disposals"])):
        text = io.StringIO()
        csv.writer(text).writerow(row)
        yield text.getvalue()


class TaxReportView(RefusalsInJson, PortfolioView):
    """What was realised in one calendar year: each disposal, and the totals of short and long term.

    With ``?format=csv`` or ``Accept: text/csv`` the disposals as a file.
    """

    serializer_class = TaxReportSerializer
    renderer_classes = (JSONRenderer, BrowsableRenderer, CsvRenderer)
    file_renderer = CsvRenderer

    @extend_schema(parameters=[YearQuery], responses=TaxReportSerializer)
    def get(self, request: Request, pk: int) -> Response:
        portfolio = self.get_object()
        asked = self.asked(YearQuery)
        year = asked.get("year", timezone.now().year)
        answer = Response(TaxReportSerializer(told(tax_report(portfolio, year, asked.get("as_of")))).data)
        if getattr(request.accepted_renderer, "format", "") == CsvRenderer.format:
            answer["Content-Disposition"] = f'attachment; filename="tax-report-{portfolio.pk}-{year}.csv"'
        return answer


def told(report: TaxReport) -> dict[str, Any]:
    """A report as its serializer takes it."""
    return {
        "portfolio": report.portfolio.pk,
        "currency": report.portfolio.base_currency,
        "year": report.year,
        "totals": {"short": report.of_term(SHORT), "long": report.of_term(LONG), "total": report.total},
        "disposals": report.disposals,
    }
