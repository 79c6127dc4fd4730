"""A portfolio's own past over HTTP: rolling figures, drawdowns, and the calendar of its returns."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

import numpy as np
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import engine, queries
from analytics.api.base import AsOfQuery, PortfolioView, WindowSerializer, described, method
from analytics.api.periods import DescribedSerializer, FigureSerializer
from analytics.figures import ALL_LABELS
from analytics.history import (
    LONGEST,
    MOST_DRAWDOWNS,
    ROLLING,
    SHORTEST,
    Month,
    Past,
    Year,
    calendar,
    drawdowns,
    rolling,
)
from core.api import RatioField, StrictIntegerField
from portfolios.models import Portfolio

SHOWN_DRAWDOWNS = 5


class PastSerializer(DescribedSerializer):
    """``problem`` says why there are no returns, or why they end early."""

    window = WindowSerializer()
    problem = serializers.CharField(allow_null=True)


class RollingQuery(AsOfQuery):
    metric = serializers.ChoiceField(tuple(ROLLING), default="annual_volatility")
    window = StrictIntegerField(default=252, min_value=SHORTEST, max_value=LONGEST, help_text="In sessions.")


class RollingSerializer(PastSerializer):
    """Columns of equal length: the figure over the window that ends on each day; null where it is not defined."""

    figure = FigureSerializer()
    sessions = serializers.IntegerField(help_text="How many make a window.")
    days = serializers.ListField(child=serializers.DateField())
    values = serializers.ListField(child=serializers.FloatField(allow_null=True))


class RollingView(PortfolioView):
    """A figure over a window that moves along the portfolio's returns, a session at a time."""

    serializer_class = RollingSerializer

    @extend_schema(parameters=[RollingQuery], responses=RollingSerializer)
    def get(self, request: Request, pk: int) -> Response:
        portfolio, asked = self.get_object(), self.asked(RollingQuery)
        past = queries.past_returns(portfolio, as_of=asked.get("as_of"))
        found, label = rolling(past, asked["metric"], asked["window"]), ALL_LABELS[asked["metric"]]
        body = _past(portfolio, past, asked.get("as_of")) | {
            "problem": found.problem or None,
            "figure": {
                "key": found.metric,
                "label": label.name,
                "unit": label.unit,
                "method": method(label.heading),
            },
            "sessions": found.window,
            "days": np.datetime_as_string(found.days).tolist(),
            "values": [None if np.isnan(value) else float(value) for value in found.values],
        }
        return Response(RollingSerializer(body).data)


class DrawdownsQuery(AsOfQuery):
    top = StrictIntegerField(default=SHOWN_DRAWDOWNS, min_value=1, max_value=MOST_DRAWDOWNS)


class DrawdownSerializer(serializers.Serializer[Any]):
    """One fall from a peak; ``recovered`` is null where it has not ended."""

    peak = serializers.DateField(allow_null=True, help_text="The session that ended at it; null: the start.")
    start = serializers.DateField(help_text="The first session that ended below the peak.")
    trough = serializers.DateField()
    recovered = serializers.DateField(allow_null=True, help_text="The session that ended at the peak again.")
    depth = RatioField(help_text="A fraction below 0.")
    sessions = serializers.IntegerField(help_text="From the start to the recovery, or to the end.")
    recovery_sessions = serializers.IntegerField(allow_null=True, help_text="From the trough to the recovery.")


class DrawdownsSerializer(PastSerializer):
    """The deepest drawdowns, the deepest first, and the loss from the running peak on each day (equal columns)."""

    unit = serializers.CharField()
    method = serializers.CharField()
    drawdowns = DrawdownSerializer(many=True)
    days = serializers.ListField(child=serializers.DateField())
    values = serializers.ListField(child=serializers.FloatField())


class DrawdownsView(PortfolioView):
    """The worst falls of a portfolio from a peak, how long they lasted, and the way back."""

    serializer_class = DrawdownsSerializer

    @extend_schema(parameters=[DrawdownsQuery], responses=DrawdownsSerializer)
    def get(self, request: Request, pk: int) -> Response:
        portfolio, asked = self.get_object(), self.asked(DrawdownsQuery)
        past = queries.past_returns(portfolio, as_of=asked.get("as_of"))
        body = _past(portfolio, past, asked.get("as_of")) | {
            "unit": "fraction",
            "method": method("max-drawdown"),
            "drawdowns": [asdict(found) for found in drawdowns(past, asked["top"])],
            "days": np.datetime_as_string(past.days).tolist(),
            "values": engine.drawdown_series(past.returns).tolist() if len(past.days) else [],
        }
        return Response(DrawdownsSerializer(body).data)


class MonthSerializer(serializers.Serializer[Any]):
    year = serializers.IntegerField()
    month = serializers.IntegerField()
    value = RatioField()
    sessions = serializers.IntegerField()
    whole = serializers.BooleanField(help_text="False where the returns begin or end within it.")


class YearSerializer(serializers.Serializer[Any]):
    year = serializers.IntegerField()
    value = RatioField()
    sessions = serializers.IntegerField()
    whole = serializers.BooleanField(help_text="False where the returns begin or end within it.")
    months = MonthSerializer(many=True)


class CalendarSerializer(PastSerializer):
    """The newest year first. Best, worst and the share of months with a gain are of whole months."""

    unit = serializers.CharField()
    method = serializers.CharField()
    years = YearSerializer(many=True)
    best_month = MonthSerializer(allow_null=True)
    worst_month = MonthSerializer(allow_null=True)
    win_rate_by_day = RatioField(allow_null=True)
    win_rate_by_month = RatioField(allow_null=True)


class CalendarView(PortfolioView):
    """What each month and each year returned, time-weighted."""

    serializer_class = CalendarSerializer

    @extend_schema(parameters=[AsOfQuery], responses=CalendarSerializer)
    def get(self, request: Request, pk: int) -> Response:
        portfolio, asked = self.get_object(), self.asked(AsOfQuery)
        past = queries.past_returns(portfolio, as_of=asked.get("as_of"))
        found = calendar(past)
        body = _past(portfolio, past, asked.get("as_of")) | {
            "unit": "fraction",
            "method": method("return-calendar"),
            "years": [_year(year) for year in found.years],
            "best_month": _month(found.best),
            "worst_month": _month(found.worst),
            "win_rate_by_day": found.days_won,
            "win_rate_by_month": found.months_won,
        }
        return Response(CalendarSerializer(body).data)


def _past(portfolio: Portfolio, past: Past, as_of: date | None) -> dict[str, Any]:
    window = {"start": past.start, "end": past.end, "observations": len(past.days)}
    told = described(portfolio, as_of or past.end, queries.price_source(portfolio))
    return told | {"window": window, "problem": past.problem or None}


def _year(year: Year) -> dict[str, Any]:
    months = [_month(month) for month in year.months.values()]
    return {
        "year": year.year,
        "value": year.value,
        "sessions": year.sessions,
        "whole": year.whole,
        "months": months,
    }


def _month(month: Month | None) -> dict[str, Any] | None:
    return None if month is None else asdict(month)
