"""Risk and daily series of a portfolio over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import queries
from analytics.api.base import BASES, PortfolioView, WindowSerializer, chart_amounts
from analytics.api.value_at_risk import HistoryWindowSerializer, LossSerializer, exposure_of, loss_rows
from analytics.dependence import Contribution
from analytics.engine import METHODS
from analytics.exposure import amount_of
from analytics.figures import EX_ANTE_LABELS, FIGURES, HORIZON, LABELS, LEVEL
from analytics.models import Snapshot
from core.api import AwareDateTimeField, DecimalStringField, IsoDateField, RatioField, StrictIntegerField
from portfolios.models import Portfolio

NOT_YET = "it has not been computed yet"
LONGEST_HORIZON = 252
LOSSES = ("value_at_risk", "expected_shortfall")
EX_ANTE_LOSSES = tuple(f"ex_ante_{name}" for name in LOSSES)


class RiskQuery(serializers.Serializer[Any]):
    """What can be asked of the figures. Any of these has them computed on request."""

    level = DecimalStringField(
        6, 5, required=False, min_value=Decimal("0.5"), max_value=Decimal("0.999"), help_text="Of VaR; 0.95."
    )
    horizon = StrictIntegerField(
        required=False, min_value=1, max_value=LONGEST_HORIZON, help_text="Of VaR, in sessions; 1."
    )
    as_of = IsoDateField(required=False, help_text="Valuation date; the last close when left out.")


class SeriesQuery(serializers.Serializer[Any]):
    start = IsoDateField(required=False)
    end = IsoDateField(required=False)


class MetricSerializer(serializers.Serializer[Any]):
    """One figure; ``value`` is null where ``problem`` says why. ``amount`` is a loss in the portfolio's currency."""

    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field of the answer, not this field's label
    value = RatioField(allow_null=True)
    unit = serializers.CharField()
    amount = DecimalStringField(allow_null=True)
    problem = serializers.CharField(allow_null=True)
    method = serializers.CharField(help_text="Where its formula stands.")


class HoldingRiskSerializer(serializers.Serializer[Any]):
    """What a holding adds to the volatility a year; negative if it lowers it. They add up to the volatility."""

    symbol = serializers.CharField()
    name = serializers.CharField()
    weight = RatioField()
    contribution = RatioField()
    share = RatioField(help_text="Of the volatility.")


class ExAnteSerializer(serializers.Serializer[Any]):
    """Figures of today's weights on the history of the assets. ``problem`` says why there are none at all."""

    as_of = serializers.DateField(allow_null=True)
    currency = serializers.CharField()
    basis = serializers.CharField()
    window = HistoryWindowSerializer()
    total_value = DecimalStringField(allow_null=True)
    price_source = serializers.CharField()
    problem = serializers.CharField(allow_null=True)
    metrics = MetricSerializer(many=True, help_text="Losses are by historical simulation.")
    losses = LossSerializer(many=True, help_text="By each method, at the level and over the horizon asked for.")
    contributions = HoldingRiskSerializer(many=True)


class RiskSerializer(serializers.Serializer[Any]):
    portfolio = serializers.IntegerField()
    as_of = serializers.DateField(allow_null=True)
    currency = serializers.CharField()
    basis = serializers.ChoiceField(BASES, help_text="From the portfolio's own returns on its real trades.")
    stale = serializers.BooleanField(help_text="A newer trade or price is not in it yet; it will be within a minute.")
    computed_at = AwareDateTimeField(allow_null=True)
    window = WindowSerializer()
    benchmark = serializers.CharField(allow_null=True)
    level = RatioField()
    horizon = serializers.IntegerField()
    price_source = serializers.CharField(help_text="“simulated” if such a price is in it, else empty.")
    metrics = MetricSerializer(many=True)
    ex_ante = ExAnteSerializer()


class SeriesSerializer(serializers.Serializer[Any]):
    """Columns of equal length, a value for each session."""

    portfolio = serializers.IntegerField()
    currency = serializers.CharField()
    benchmark = serializers.CharField(allow_null=True)
    price_source = serializers.CharField(help_text="“simulated” if such a price is in it, else empty.")
    problem = serializers.CharField(allow_null=True)
    days = serializers.ListField(child=serializers.DateField())
    values = serializers.ListField(child=serializers.CharField(), help_text="At the close, in the currency.")
    flows = serializers.ListField(child=serializers.CharField(), help_text="Net, from outside, in the currency.")
    returns = serializers.ListField(child=serializers.FloatField(), help_text="Time-weighted, since the start.")
    benchmark_returns = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    drawdown = serializers.ListField(child=serializers.FloatField(), help_text="Loss from the running peak.")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a snapshot and a computation on request have in common."""

    as_of: date | None
    stale: bool
    computed_at: datetime | None
    window: tuple[date | None, date | None, int]
    benchmark: str
    total_value: Decimal | None
    figures: Mapping[str, float | None]
    problems: Mapping[str, str]


class RiskView(PortfolioView):
    """Every figure of the engine, from the portfolio's own returns. Value at risk is a positive loss."""

    serializer_class = RiskSerializer

    @extend_schema(parameters=[RiskQuery], responses=RiskSerializer)
    def get(self, request: Request, pk: int) -> Response:
        portfolio, asked = self.get_object(), self.asked(RiskQuery)
        level, horizon = float(asked.get("level", LEVEL)), asked.get("horizon", int(HORIZON))
        newest = Snapshot.objects.filter(portfolio=portfolio).order_by("-as_of").first()
        if asked:
            answer = _on_request(portfolio, newest, asked.get("as_of"), level, horizon)
        else:
            answer = _stored(portfolio, newest)
        start, end, observations = answer.window
        body = {
            "portfolio": portfolio.pk,
            "as_of": answer.as_of,
            "currency": portfolio.base_currency,
            "basis": "ex-post",
            "stale": answer.stale,
            "computed_at": answer.computed_at,
            "window": {"start": start, "end": end, "observations": observations},
            "benchmark": answer.benchmark or None,
            "level": level,
            "horizon": horizon,
            "price_source": queries.price_source(portfolio),
            "metrics": [_metric(name, answer, portfolio.base_currency) for name in FIGURES],
            "ex_ante": _ex_ante(portfolio, asked.get("as_of"), level, horizon),
        }
        return Response(RiskSerializer(body).data)


class SeriesView(PortfolioView):
    """Daily value, flows, time-weighted return and drawdown since the first trade or ``start``."""

    serializer_class = SeriesSerializer

    @extend_schema(parameters=[SeriesQuery], responses=SeriesSerializer)
    def get(self, request: Request, pk: int) -> Response:
        portfolio = self.get_object()
        series = queries.series(portfolio, **self.asked(SeriesQuery))
        beside = series.benchmark_cumulative
        body = {
            "portfolio": portfolio.pk,
            "currency": portfolio.base_currency,
            "benchmark": portfolio.benchmark.symbol if portfolio.benchmark else None,
            "price_source": queries.price_source(portfolio),
            "problem": series.problem or None,
            "days": np.datetime_as_string(series.days).tolist(),
            "values": chart_amounts(series.values, portfolio.base_currency),
            "flows": chart_amounts(series.flows, portfolio.base_currency),
            "returns": series.cumulative.tolist() if len(series.days) else [],
            "benchmark_returns": None if beside is None else beside.tolist(),
            "drawdown": series.drawdown.tolist() if len(series.days) else [],
        }
        return Response(body)


def _stored(portfolio: Portfolio, snapshot: Snapshot | None) -> Answer:
    if snapshot is None:
        benchmark = portfolio.benchmark.symbol if portfolio.benchmark else ""
        return Answer(
            as_of=None,
            stale=True,
            computed_at=None,
            window=(None, None, 0),
            benchmark=benchmark,
            total_value=None,
            figures={},
            problems=dict.fromkeys(FIGURES, NOT_YET),
        )
    return Answer(
        as_of=snapshot.as_of,
        stale=queries.stale(Portfolio.objects.filter(pk=portfolio.pk)).exists(),
        computed_at=snapshot.computed_at,
        window=(snapshot.window_start, snapshot.window_end, snapshot.observations),
        benchmark=snapshot.benchmark_symbol,
        total_value=snapshot.total_value,
        figures={name: getattr(snapshot, name) for name in FIGURES},
        problems=snapshot.problems,
    )


def _on_request(
    portfolio: Portfolio, newest: Snapshot | None, as_of: date | None, level: float, horizon: int
) -> Answer:
    """Figures of now. The amounts of a day in the past are not known here, so losses have none then."""
    result = queries.risk(portfolio, as_of=as_of, level=level, horizon=horizon)
    return Answer(
        as_of=as_of or (newest.as_of if newest else result.end),
        stale=False,
        computed_at=None,
        window=(result.start, result.end, result.observations),
        benchmark=portfolio.benchmark.symbol if portfolio.benchmark else "",
        total_value=newest.total_value if newest and as_of is None else None,
        figures=result.figures,
        problems=result.problems,
    )


def _metric(name: str, answer: Answer, currency: str) -> dict[str, Any]:
    label = LABELS[name]
    value = answer.figures.get(name)
    amount = amount_of(value, answer.total_value, currency) if name in LOSSES else None
    return {
        "key": name,
        "label": label.name,
        "value": value,
        "unit": label.unit,
        "amount": amount,
        "problem": answer.problems.get(name),
        "method": f"{reverse('methods')}#{label.heading}",
    }


def _ex_ante(portfolio: Portfolio, as_of: date | None, level: float, horizon: int) -> dict[str, Any]:
    found = queries.ex_ante(portfolio, methods=METHODS, levels=[level], horizons=[horizon], as_of=as_of)
    outlook, held = found.outlook, found.exposure
    metrics = [
        {
            "key": key,
            "label": EX_ANTE_LABELS[key].name,
            "value": value,
            "unit": EX_ANTE_LABELS[key].unit,
            "amount": amount_of(value, held.total_value, held.currency) if held and key in EX_ANTE_LOSSES else None,
            "problem": problem or None,
            "method": f"{reverse('methods')}#{EX_ANTE_LABELS[key].heading}",
        }
        for key, (value, problem) in found.figures().items()
    ]
    rows = [_contribution(row) for row in outlook.contributions] if outlook else []
    return exposure_of(found, portfolio) | {"metrics": metrics, "losses": loss_rows(found), "contributions": rows}


def _contribution(row: Contribution) -> dict[str, Any]:
    name = row.position.name if row.position else ""
    return {
        "symbol": row.name,
        "name": name,
        "weight": row.weight,
        "contribution": row.contribution,
        "share": row.share,
    }
