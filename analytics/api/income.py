"""Income of a portfolio over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.base import PeriodQuery, PortfolioView
from analytics.queries.performance import last_day
from core.api import DecimalStringField
from portfolios.queries.income import income


class AssetIncomeSerializer(serializers.Serializer[Any]):
    asset = serializers.CharField(source="symbol", help_text="Empty for what no asset paid, such as interest.")
    amount = DecimalStringField()


class MonthIncomeSerializer(serializers.Serializer[Any]):
    month = serializers.DateField(format="%Y-%m", help_text="Year and month.")
    amount = DecimalStringField()
    assets = AssetIncomeSerializer(many=True)


class IncomeSerializer(serializers.Serializer[Any]):
    """Income by month and by asset, in the portfolio's currency at each day's rate. Both days are included."""

    portfolio = serializers.IntegerField()
    currency = serializers.CharField()
    start = serializers.DateField(allow_null=True)
    end = serializers.DateField()
    total = DecimalStringField()
    months = MonthIncomeSerializer(many=True)
    assets = AssetIncomeSerializer(many=True)


class IncomeView(PortfolioView):
    """Dividends, interest and other income since the beginning or from ``start``, to ``end`` or today."""

    serializer_class = IncomeSerializer

    @extend_schema(parameters=[PeriodQuery], responses=IncomeSerializer)
    def get(self, request: Request, pk: int) -> Response:
        portfolio, asked = self.get_object(), self.asked(PeriodQuery)
        start, end = asked.get("start"), asked.get("end") or last_day(portfolio) or timezone.now().date()
        body = {"portfolio": portfolio.pk, "currency": portfolio.base_currency, **asdict(income(portfolio, start, end))}
        return Response(IncomeSerializer(body).data)
