"""The statement of a period over HTTP: the figures of /reports/statement/."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import queries
from analytics.api.base import PeriodQuery, PortfolioView
from analytics.api.performance import MoneyWeightedSerializer, RateSerializer
from analytics.queries.performance import Rate
from analytics.queries.statement import Statement, statement
from analytics.reporting.periods import named
from core.api import DecimalStringField, RatioField
from core.money import quantise
from portfolios.queries.performance import HoldingPerformance, first_day


class StatementLineSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    amount = DecimalStringField()


class StatementHoldingSerializer(serializers.Serializer[Any]):
    """What is held at the end; ``value`` and ``unrealised_gain`` are in the portfolio's currency."""

    asset = serializers.CharField(source="symbol")
    name = serializers.CharField()
    quantity = DecimalStringField()
    price = DecimalStringField(allow_null=True)
    price_unit = serializers.CharField()
    price_day = serializers.DateField(allow_null=True)
    value = DecimalStringField(allow_null=True)
    weight = DecimalStringField(allow_null=True)
    unrealised_gain = DecimalStringField(allow_null=True)


class StatementResultSerializer(serializers.Serializer[Any]):
    """What one security earned: gain = end_value − start_value − paid + income."""

    asset = serializers.CharField()
    start_value = DecimalStringField()
    paid = DecimalStringField()
    income = DecimalStringField()
    realised_gain = DecimalStringField()
    unrealised_change = DecimalStringField()
    end_value = DecimalStringField()
    gain = DecimalStringField()


class TradeCostsSerializer(serializers.Serializer[Any]):
    """Of the period's trades; they are in the gains already."""

    fees = DecimalStringField()
    taxes = DecimalStringField()


class StatementBenchmarkSerializer(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    time_weighted = RatioField(allow_null=True)
    money_weighted = MoneyWeightedSerializer(help_text="Of the same payments in it.")
    problem = serializers.CharField(allow_null=True)


class StatementSerializer(serializers.Serializer[Any]):
    """Amounts in the portfolio's currency. The lines add up to closing_value − opening_value."""

    portfolio = serializers.IntegerField()
    currency = serializers.CharField()
    start = serializers.DateField()
    end = serializers.DateField()
    as_of = serializers.DateField()
    opened = serializers.DateField(help_text="At the close of this day it begins.")
    opening_value = DecimalStringField()
    closing_value = DecimalStringField()
    lines = StatementLineSerializer(many=True)
    within_gains = TradeCostsSerializer()
    time_weighted = RateSerializer()
    money_weighted = MoneyWeightedSerializer()
    benchmark = StatementBenchmarkSerializer(allow_null=True)
    cash = DecimalStringField()
    receivables = DecimalStringField()
    holdings = StatementHoldingSerializer(many=True)
    results = StatementResultSerializer(many=True)
    transactions = serializers.IntegerField(help_text="How many trades and cash rows there are.")
    price_source = serializers.CharField(help_text="“simulated” if such a price is in it, else empty.")


class StatementView(PortfolioView):
    """A period from the beginning of ``start`` to the close of ``end``; the last month if neither is sent.

    Alone, ``start`` goes on until today, and ``end`` back to the first transaction.
    """

    serializer_class = StatementSerializer

    @extend_schema(parameters=[PeriodQuery], responses=StatementSerializer)
    def get(self, request: Request, pk: int) -> Response:
        portfolio, asked = self.get_object(), self.asked(PeriodQuery)
        today = timezone.now().date()
        start, end = asked.get("start"), asked.get("end")
        if start is None and end is None:
            month = named("last-month", today, today)
            start, end = (month.start, month.end) if month else (today, today)
        end = end or max(today, start or today)
        first = first_day(portfolio) if start is None else None
        found = statement(portfolio, start or min(first or end, end), end, first=first)
        return Response(StatementSerializer(told(found) | {"price_source": queries.price_source(portfolio)}).data)


def told(found: Statement) -> dict[str, Any]:
    """A statement as its serializer takes it."""
    sums, base = found.exact.end.totals, found.portfolio.base_currency
    return {
        "portfolio": found.portfolio.pk,
        "currency": base,
        "start": found.start,
        "end": found.end,
        "as_of": found.end,
        "opened": found.opened,
        "opening_value": found.lines.start_value,
        "closing_value": found.lines.end_value,
        "lines": [{"key": key, "amount": amount} for key, amount in found.lines.lines.items()],
        "within_gains": found.costs,
        "time_weighted": _rate(found.time_weighted),
        "money_weighted": _rate(found.money_weighted),
        "benchmark": _benchmark(found),
        "cash": sums.cash,
        "receivables": sums.receivables,
        "holdings": found.holdings,
        "results": [_result(row, base) for row in found.exact.holdings],
        "transactions": found.found.count,
    }


def _rate(rate: Rate) -> dict[str, Any]:
    return {"value": rate.value, "annual": rate.annual, "several": rate.several, "problem": rate.problem or None}


def _result(row: HoldingPerformance, base: str) -> dict[str, Any]:
    names = ("start_value", "paid", "income", "realised_gain", "unrealised_change", "end_value", "gain")
    return {"asset": row.symbol} | {name: quantise(getattr(row, name), base) for name in names}


def _benchmark(found: Statement) -> dict[str, Any] | None:
    other = found.benchmark
    if other is None:
        return None
    return {
        "symbol": other.symbol,
        "time_weighted": other.growth,
        "money_weighted": _rate(found.benchmark_money_weighted),
        "problem": other.problem or None,
    }
