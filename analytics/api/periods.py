"""Every figure of a portfolio by period over HTTP, and what one of them was at each nightly close."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import queries
from analytics.api.base import BASES, AsOfQuery, PortfolioView, WindowSerializer, described, method
from analytics.figures import ALL_LABELS, HORIZON, LEVEL
from analytics.queries import PeriodFigures
from analytics.windows import ALL_FIGURES, PERIODS
from core.api import AwareDateTimeField, DecimalStringField, RatioField, StrictIntegerField


class PeriodsQuery(AsOfQuery):
    """Any of these has the figures computed on request."""

    level = DecimalStringField(
        6, 5, required=False, min_value=Decimal("0.5"), max_value=Decimal("0.999"), help_text="Of VaR; 0.95."
    )
    horizon = StrictIntegerField(required=False, min_value=1, max_value=252, help_text="Of VaR, in sessions; 1.")


class PeriodMetricSerializer(serializers.Serializer[Any]):
    """One figure of one period; ``value`` is null where ``problem`` says why."""

    key = serializers.CharField()
    value = RatioField(allow_null=True)
    problem = serializers.CharField(allow_null=True)


class FigureSerializer(serializers.Serializer[Any]):
    """What a figure is called, its unit, and where its formula stands."""

    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field of the answer, not this field's label
    unit = serializers.CharField()
    method = serializers.CharField()


class PeriodRowSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field of the answer, not this field's label
    window = WindowSerializer()
    compared = serializers.IntegerField(help_text="Sessions on which the benchmark has a return, too.")
    metrics = PeriodMetricSerializer(many=True)


class DescribedSerializer(serializers.Serializer[Any]):
    portfolio = serializers.IntegerField()
    as_of = serializers.DateField(allow_null=True)
    basis = serializers.ChoiceField(BASES, help_text="From the portfolio's own returns on its real trades.")
    currency = serializers.CharField()
    benchmark = serializers.CharField(allow_null=True)
    price_source = serializers.CharField(help_text="“simulated” if such a price is in it, else empty.")


class PeriodsSerializer(DescribedSerializer):
    stale = serializers.BooleanField(help_text="A newer trade or price is not in it yet; it will be within a minute.")
    computed_at = AwareDateTimeField(allow_null=True)
    level = RatioField()
    horizon = serializers.IntegerField()
    figures = FigureSerializer(many=True)
    periods = PeriodRowSerializer(many=True)


class PeriodsView(PortfolioView):
    """Every figure over a month, three, six, the year to date, one, three and five years, and since inception."""

    serializer_class = PeriodsSerializer

    @extend_schema(parameters=[PeriodsQuery], responses=PeriodsSerializer)
    def get(self, request: Request, pk: int) -> Response:
        portfolio, asked = self.get_object(), self.asked(PeriodsQuery)
        level, horizon = float(asked.get("level", LEVEL)), asked.get("horizon", int(HORIZON))
        report = queries.period_report(portfolio, as_of=asked.get("as_of"), level=level, horizon=horizon)
        body = described(portfolio, report.as_of, queries.price_source(portfolio)) | {
            "benchmark": report.benchmark or None,
            "stale": report.stale,
            "computed_at": report.computed_at,
            "level": level,
            "horizon": horizon,
            "figures": [_figure(name) for name in ALL_FIGURES],
            "periods": [_row(row) for row in report.rows],
        }
        return Response(PeriodsSerializer(body).data)


class FigureHistoryQuery(serializers.Serializer[Any]):
    figure = serializers.ChoiceField(ALL_FIGURES, default="sharpe_ratio")
    period = serializers.ChoiceField(tuple(PERIODS), default="year")


class FigureHistorySerializer(DescribedSerializer):
    """Columns of equal length, a value for each day whose close was computed; null where there was none."""

    figure = FigureSerializer()
    period = serializers.CharField()
    days = serializers.ListField(child=serializers.DateField())
    values = serializers.ListField(child=serializers.FloatField(allow_null=True))


class FigureHistoryView(PortfolioView):
    """One figure of one period as it was stored at each close: what was known then, not what is known now."""

    serializer_class = FigureHistorySerializer

    @extend_schema(parameters=[FigureHistoryQuery], responses=FigureHistorySerializer)
    def get(self, request: Request, pk: int) -> Response:
        portfolio, asked = self.get_object(), self.asked(FigureHistoryQuery)
        days, values = queries.figure_history(portfolio, asked["period"], asked["figure"])
        last = days[-1].item() if len(days) else None
        body = described(portfolio, last, queries.price_source(portfolio)) | {
            "figure": _figure(asked["figure"]),
            "period": asked["period"],
            "days": np.datetime_as_string(days).tolist(),
            "values": [None if np.isnan(value) else float(value) for value in values],
        }
        return Response(body)


def _figure(name: str) -> dict[str, Any]:
    label = ALL_LABELS[name]
    return {"key": name, "label": label.name, "unit": label.unit, "method": method(label.heading)}


def _row(row: PeriodFigures) -> dict[str, Any]:
    return {
        "key": row.key,
        "label": row.label,
        "window": {"start": row.start, "end": row.end, "observations": row.observations},
        "compared": row.compared,
        "metrics": [
            {"key": name, "value": value, "problem": row.problems.get(name)} for name, value in row.figures.items()
        ],
    }
