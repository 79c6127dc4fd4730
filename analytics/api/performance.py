"""Performance and income of a portfolio over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from math import isfinite
from typing import Any

import numpy as np
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import queries
from analytics.api.base import PeriodQuery, PortfolioView, chart_amounts
from analytics.queries.performance import Comparison, Daily, PeriodReturns, Rate, Report, money_weighted
from core.api import DecimalStringField, RatioField
from core.money import quantise
from portfolios.book.performance import LINES, Reconciliation
from portfolios.queries.performance import HoldingPerformance, PeriodEmpty

NOTHING = "nothing was booked until then"
NOTHING_THERE = Rate(problem=NOTHING)


class RateSerializer(serializers.Serializer[Any]):
    """``value`` is the return of the period, ``annual`` the same a year and null for a year or less."""

    value = RatioField(allow_null=True)
    annual = RatioField(allow_null=True)
    problem = serializers.CharField(allow_null=True)


class MoneyWeightedSerializer(RateSerializer):
    several = serializers.BooleanField(
        help_text="Several rates explain the payments; the one is shown at which their value falls as it rises."
    )


class LineSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field of the answer, not this field's label
    amount = DecimalStringField()


class ReconciliationSerializer(serializers.Serializer[Any]):
    """The lines add up to the change exactly; the largest one has what rounding to the minor unit left over."""

    start_value = DecimalStringField()
    end_value = DecimalStringField()
    change = DecimalStringField()
    lines = LineSerializer(many=True)


class PeriodSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field of the answer, not this field's label
    start = serializers.DateField()
    end = serializers.DateField()
    time_weighted = RateSerializer()
    money_weighted = MoneyWeightedSerializer()


class ComparisonSerializer(serializers.Serializer[Any]):
    """The benchmark over the same period. ``value``: what the same flows would be worth in it at the end."""

    symbol = serializers.CharField()
    value = DecimalStringField(allow_null=True)
    difference = DecimalStringField(allow_null=True, help_text="The portfolio's value less that.")
    growth = RatioField(allow_null=True, help_text="The benchmark's own return.")
    problem = serializers.CharField(allow_null=True)


class HoldingPerformanceSerializer(serializers.Serializer[Any]):
    """One asset in the period, in the portfolio's currency. ``paid``: for it, less what it brought."""

    asset = serializers.CharField()
    name = serializers.CharField()
    start_value = DecimalStringField()
    end_value = DecimalStringField()
    paid = DecimalStringField()
    realised_gain = DecimalStringField()
    unrealised_change = DecimalStringField()
    income = DecimalStringField()
    gain = DecimalStringField()
    money_weighted = MoneyWeightedSerializer()


class DailySerializer(serializers.Serializer[Any]):
    """Columns of equal length, a value for each day on which one could change; in between it stays as it was."""

    days = serializers.ListField(child=serializers.DateField())
    values = serializers.ListField(child=serializers.CharField(), help_text="At the end of the day, in the currency.")
    flows = serializers.ListField(child=serializers.CharField(), help_text="Net, from outside, in the currency.")
    returns = serializers.ListField(
        child=serializers.FloatField(allow_null=True), help_text="Time-weighted, since the start; null once undefined."
    )


class PerformanceSerializer(serializers.Serializer[Any]):
    """A period from the close of ``start`` to the close of ``end``."""

    portfolio = serializers.IntegerField()
    currency = serializers.CharField()
    start = serializers.DateField(allow_null=True)
    end = serializers.DateField(allow_null=True)
    as_of = serializers.DateField(allow_null=True, help_text="The day that the values are of: end.")
    problem = serializers.CharField(allow_null=True)
    price_source = serializers.CharField(help_text="“simulated” if such a price is in it, else empty.")
    time_weighted = RateSerializer()
    money_weighted = MoneyWeightedSerializer()
    reconciliation = ReconciliationSerializer(allow_null=True)
    benchmark = ComparisonSerializer(allow_null=True)
    periods = PeriodSerializer(many=True)
    holdings = HoldingPerformanceSerializer(many=True)
    series = DailySerializer()


class PerformanceView(PortfolioView):
    """Returns, why the value changed, what each asset earned, and the daily series of a period.

    The period runs from the close of ``start`` (left out: the day before the first booking) to the close of ``end``
    (left out: the newest value).
    """

    serializer_class = PerformanceSerializer

    @extend_schema(parameters=[PeriodQuery], responses=PerformanceSerializer)
    def get(self, request: Request, pk: int) -> Response:
        portfolio, asked = self.get_object(), self.asked(PeriodQuery)
        try:
            found = queries.report(portfolio, **asked)
        except PeriodEmpty as error:
            raise PeriodEmpty(error.message, field="start") from error
        body = _nothing() if found is None else _told(found)
        body |= {"portfolio": portfolio.pk, "currency": portfolio.base_currency}
        return Response(PerformanceSerializer(body | {"price_source": queries.price_source(portfolio)}).data)


def _nothing() -> dict[str, Any]:
    empty: list[Any] = []
    return {
        "start": None,
        "end": None,
        "as_of": None,
        "problem": NOTHING,
        "time_weighted": _rate(NOTHING_THERE),
        "money_weighted": _rate(NOTHING_THERE),
        "reconciliation": None,
        "benchmark": None,
        "periods": empty,
        "holdings": empty,
        "series": {"days": empty, "values": empty, "flows": empty, "returns": empty},
    }


def _told(found: Report) -> dict[str, Any]:
    exact, currency = found.exact, found.exact.currency
    return {
        "start": exact.start.day,
        "end": exact.end.day,
        "as_of": exact.end.day,
        "problem": None,
        "time_weighted": _rate(found.time_weighted),
        "money_weighted": _rate(found.money_weighted),
        "reconciliation": _reconciliation(exact.reconciliation.rounded(currency)),
        "benchmark": found.benchmark and _comparison(found.benchmark, exact.end.value, currency),
        "periods": [_period(row) for row in found.periods],
        "holdings": [_holding(row, exact.start.day, exact.end.day, currency) for row in exact.holdings],
        "series": _series(found.daily, currency),
    }


def _rate(rate: Rate) -> dict[str, Any]:
    return {"value": rate.value, "annual": rate.annual, "several": rate.several, "problem": rate.problem or None}


def _reconciliation(shown: Reconciliation) -> dict[str, Any]:
    lines = [{"key": key, "label": LINES[key], "amount": amount} for key, amount in shown.lines.items()]
    return {
        "start_value": shown.start_value,
        "end_value": shown.end_value,
        "change": shown.change,
        "lines": lines,
    }


def _comparison(found: Comparison, value: Decimal, currency: str) -> Mapping[str, Any]:
    worth = None if found.value is None else quantise(found.value, currency)
    return {
        "symbol": found.symbol,
        "value": worth,
        "difference": None if worth is None else quantise(value, currency) - worth,
        "growth": found.growth,
        "problem": found.problem or None,
    }


def _period(row: PeriodReturns) -> dict[str, Any]:
    return {
        "key": row.key,
        "label": row.label,
        "start": row.start,
        "end": row.end,
        "time_weighted": _rate(row.time_weighted),
        "money_weighted": _rate(row.money_weighted),
    }


def _holding(row: HoldingPerformance, start: date, end: date, currency: str) -> dict[str, Any]:
    amounts = ("start_value", "end_value", "paid", "realised_gain", "unrealised_change", "income", "gain")
    payments = [(start, -row.start_value), *row.flows, (end, row.end_value)]
    return {
        "asset": row.symbol,
        "name": row.name,
        **{name: quantise(getattr(row, name), currency) for name in amounts},
        "money_weighted": _rate(money_weighted([(day, amount) for day, amount in payments])),
    }


def _series(daily: Daily, currency: str) -> dict[str, Any]:
    return {
        "days": np.datetime_as_string(daily.days).tolist() if len(daily.days) else [],
        "values": chart_amounts(daily.values, currency),
        "flows": chart_amounts(daily.flows, currency),
        "returns": [growth if isfinite(growth) else None for growth in daily.returns.tolist()],
    }
