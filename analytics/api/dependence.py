"""How the holdings move together, and who carries the risk, over HTTP."""

from __future__ import annotations

from math import isnan
from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import queries
from analytics.api.base import BASES, AsOfQuery, PortfolioView
from analytics.dependence import ESTIMATORS, Contribution
from analytics.engine import Estimator
from analytics.exposure import MIN_SESSIONS, Exposure
from core.api import RatioField, StrictIntegerField


class DependenceQuery(AsOfQuery):
    estimator = serializers.ChoiceField([*ESTIMATORS], default="sample", required=False)
    window = StrictIntegerField(
        required=False,
        min_value=MIN_SESSIONS,
        max_value=10_000,
        help_text="Sessions; all known ones when left out.",
    )


class CorrelationQuery(DependenceQuery):
    limit = StrictIntegerField(required=False, min_value=1, max_value=200, default=30, help_text="Largest holdings.")


class WindowedSerializer(serializers.Serializer[Any]):
    """What every figure from today's weights says of itself."""

    portfolio = serializers.IntegerField()
    as_of = serializers.DateField()
    basis = serializers.ChoiceField(BASES)
    currency = serializers.CharField()
    start = serializers.DateField()
    end = serializers.DateField()
    observations = serializers.IntegerField()
    estimator = serializers.ChoiceField([*ESTIMATORS])
    price_source = serializers.CharField(help_text="“simulated” if such a price is in it, else empty.")


class CorrelationSerializer(WindowedSerializer):
    """``matrix`` in the order of ``symbols``; null where a series does not vary."""

    symbols = serializers.ListField(child=serializers.CharField())
    matrix = serializers.ListField(child=serializers.ListField(child=serializers.FloatField(allow_null=True)))
    average = RatioField(help_text="Of all pairs.")


class ContributionSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    weight = RatioField()
    volatility = RatioField(help_text="Its own, a year.")
    contribution = RatioField(help_text="To the volatility of the whole, a year.")
    share = RatioField(help_text="The contribution over the volatility of the whole.")


class ContributionsSerializer(WindowedSerializer):
    """The contributions of the holdings, and of the sectors, each add up to ``volatility``."""

    volatility = RatioField(help_text="Of the present weights, a year.")
    diversification = RatioField(help_text="Σ|w|σ over the volatility.")
    holdings = ContributionSerializer(many=True)
    sectors = ContributionSerializer(many=True)


class CorrelationView(PortfolioView):
    """The correlation of the largest holdings' returns in the portfolio's currency."""

    serializer_class = CorrelationSerializer

    @extend_schema(parameters=[CorrelationQuery], responses=CorrelationSerializer)
    def get(self, request: Request, pk: int) -> Response:
        portfolio, asked = self.get_object(), self.asked(CorrelationQuery)
        terms = {"as_of": asked.get("as_of"), "window": asked.get("window")}
        held, found = queries.correlation(portfolio, cast("Estimator", asked["estimator"]), asked["limit"], **terms)
        body = _told(portfolio.pk, held, asked) | {
            "symbols": [position.symbol for position in found.positions],
            "matrix": [[None if isnan(value) else value for value in row] for row in found.matrix.tolist()],
            "average": found.average,
        }
        return Response(CorrelationSerializer(body).data)


class ContributionsView(PortfolioView):
    """What each holding and each sector adds to the volatility."""

    serializer_class = ContributionsSerializer

    @extend_schema(parameters=[DependenceQuery], responses=ContributionsSerializer)
    def get(self, request: Request, pk: int) -> Response:
        portfolio, asked = self.get_object(), self.asked(DependenceQuery)
        terms = {"as_of": asked.get("as_of"), "window": asked.get("window")}
        held, found = queries.contribution(portfolio, cast("Estimator", asked["estimator"]), **terms)
        body = _told(portfolio.pk, held, asked) | {
            "volatility": found.volatility,
            "diversification": found.diversification,
            "holdings": [_row(row) for row in found.holdings],
            "sectors": [_row(row) for row in found.sectors],
        }
        return Response(ContributionsSerializer(body).data)


def _told(portfolio_id: int, held: Exposure, asked: dict[str, Any]) -> dict[str, Any]:
    return {
        "portfolio": portfolio_id,
        "as_of": held.as_of,
        "basis": "ex-ante",
        "currency": held.currency,
        "start": held.start,
        "end": held.end,
        "observations": held.observations,
        "estimator": asked["estimator"],
        "price_source": held.price_source,
    }


def _row(row: Contribution) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("name", "weight", "volatility", "contribution", "share")}
