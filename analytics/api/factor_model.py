"""What a factor model says of a portfolio, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.base import BASES, PortfolioView
from analytics.api.risk import WindowSerializer
from analytics.factor_models import Analysis, Attributed
from analytics.factor_models.analysis import SPANS
from analytics.queries.factors import EX_ANTE, FactorReport, factor_report
from core.api import AwareDateTimeField, IsoDateField, RatioField, StrictIntegerField

CASH = "Cash"
MOST_PERIODS = 100_000


class FactorsQuery(serializers.Serializer[Any]):
    """Which model, of which returns."""

    model = serializers.CharField(
        max_length=40,
        required=False,
        help_text="capm, ff3, carhart, ff5, ff5mom, or a factor set's key or id; else the richest of the newest set.",
    )
    set = serializers.CharField(max_length=40, required=False, help_text="Key or id of the set that serves the model.")
    basis = serializers.ChoiceField(
        choices=BASES, default=EX_ANTE, help_text="Today's holdings on their own history, or the own returns."
    )
    as_of = IsoDateField(required=False, help_text="Valuation date; the last close when left out.")
    window = StrictIntegerField(
        required=False, min_value=1, max_value=MOST_PERIODS, help_text="The last periods of the set; all of them."
    )
    rolling = StrictIntegerField(
        required=False, min_value=10, max_value=MOST_PERIODS, help_text="Periods of the window that moves."
    )
    span = serializers.ChoiceField(choices=list(SPANS), default="year", help_text="Of the attribution.")


class ModelSerializer(serializers.Serializer[Any]):
    """Which factors of which set; ``risk_free`` is the key of the rate that is taken from the returns."""

    key = serializers.CharField()
    name = serializers.CharField()
    set = serializers.CharField(source="factor_set.key")
    set_id = serializers.IntegerField(source="factor_set.pk")
    set_name = serializers.CharField(source="factor_set.name")
    frequency = serializers.CharField(source="factor_set.frequency")
    currency = serializers.CharField(source="factor_set.currency")
    source = serializers.CharField(source="factor_set.source")  # type: ignore[assignment]
    version = serializers.IntegerField(source="factor_set.version")
    updated_at = AwareDateTimeField(source="factor_set.updated_at", allow_null=True)
    risk_free = serializers.CharField(source="rate.key", allow_null=True, default=None)


class CoefficientSerializer(serializers.Serializer[Any]):
    """One coefficient with its Newey–West standard error; null where an error of 0 leaves no ratio."""

    value = RatioField()
    standard_error = RatioField()
    t = RatioField(allow_null=True)
    p = RatioField(allow_null=True)


class AlphaSerializer(CoefficientSerializer):
    annual = RatioField(allow_null=True, help_text="Compounded over a year.")


class ExposureSerializer(CoefficientSerializer):
    factor = serializers.CharField()
    name = serializers.CharField()


class FactorContributionSerializer(serializers.Serializer[Any]):
    factor = serializers.CharField()
    contribution = RatioField(help_text="To the volatility a year, in its unit.")
    share = RatioField(help_text="Of the variance.")


class FactorRiskSerializer(serializers.Serializer[Any]):
    """A year's volatility by its sources: ``contributions`` and ``specific_contribution`` add up to ``volatility``."""

    unit = serializers.CharField(default="fraction a year")
    volatility = RatioField()
    factor_volatility = RatioField(help_text="√(bᵀFb): what the factors alone would leave.")
    specific_volatility = RatioField()
    factor_share = RatioField(help_text="Of the variance.")
    specific_share = RatioField(help_text="Of the variance.")
    contributions = FactorContributionSerializer(many=True)
    specific_contribution = RatioField()


class AttributionSerializer(serializers.Serializer[Any]):
    """A span's return by its sources: risk-free, the factors and the rest add up to it."""

    start = serializers.DateField()
    end = serializers.DateField()
    total = RatioField(help_text="The return.")
    risk_free = RatioField()
    factors = serializers.DictField(child=RatioField())
    specific = RatioField()


class FactorRollingSerializer(serializers.Serializer[Any]):
    window = serializers.IntegerField(help_text="Periods.")
    days = serializers.ListField(child=serializers.DateField(), help_text="The last of each window.")
    exposures = serializers.DictField(child=serializers.ListField(child=RatioField(allow_null=True)))


class HoldingFactorRiskSerializer(serializers.Serializer[Any]):
    """One holding; the contributions of all add up to the portfolio's."""

    asset = serializers.CharField(allow_null=True, help_text="Null for cash.")
    name = serializers.CharField()
    weight = RatioField()
    exposures = serializers.DictField(child=RatioField())
    r_squared = RatioField(allow_null=True)
    factor_contribution = RatioField(help_text="To the volatility a year.")
    specific_contribution = RatioField(help_text="To the volatility a year.")


class PortfolioFactorsSerializer(serializers.Serializer[Any]):
    portfolio = serializers.IntegerField()
    as_of = serializers.DateField()
    currency = serializers.CharField()
    basis = serializers.ChoiceField(BASES)
    price_source = serializers.CharField(help_text="“simulated” if such a price is in it, else empty.")
    model = ModelSerializer()
    window = WindowSerializer()
    periods = serializers.IntegerField(help_text="In a year.")
    lags = serializers.IntegerField(allow_null=True, help_text="Of the standard errors.")
    alpha = AlphaSerializer()
    r_squared = RatioField()
    adjusted_r_squared = RatioField()
    exposures = ExposureSerializer(many=True)
    risk = FactorRiskSerializer()
    attribution = AttributionSerializer(allow_null=True, help_text="Null where a period lost everything.")
    attribution_by_span = AttributionSerializer(many=True)
    rolling = FactorRollingSerializer(
        allow_null=True, help_text="Null where there are fewer periods than a window has."
    )
    holdings = HoldingFactorRiskSerializer(many=True, allow_null=True, help_text="Null ex post.")
    notes = serializers.ListField(child=serializers.CharField())
    method = serializers.CharField(help_text="Where the formulas stand.")


class PortfolioFactorsView(PortfolioView):
    """Exposures to a model's factors, their share of the risk, and where the return came from."""

    serializer_class = PortfolioFactorsSerializer

    @extend_schema(parameters=[FactorsQuery], responses=PortfolioFactorsSerializer)
    def get(self, request: Request, pk: int) -> Response:
        portfolio, asked = self.get_object(), self.asked(FactorsQuery)
        if "set" in asked:
            asked["factor_set"] = asked.pop("set")
        report = factor_report(portfolio, **asked)
        body = {"portfolio": portfolio.pk, "currency": portfolio.base_currency} | body_of(report)
        return Response(PortfolioFactorsSerializer(body | {"notes": report.notes(portfolio)}).data)


def body_of(report: FactorReport) -> dict[str, Any]:
    found, fit = report.analysis, report.analysis.regression
    keys = [factor.key for factor in report.choice.factors]
    sample = found.sample
    return {
        "as_of": report.as_of,
        "basis": report.basis,
        "price_source": report.price_source,
        "model": report.choice,
        "window": {
            "start": sample.starts[0].item(),
            "end": sample.ends[-1].item(),
            "observations": sample.observations,
        },
        "periods": found.periods,
        "lags": fit.lags,
        "alpha": _coefficient(fit.alpha, fit.alpha_error, fit.alpha_t, fit.alpha_p) | {"annual": found.alpha},
        "r_squared": fit.r_squared,
        "adjusted_r_squared": fit.adjusted_r_squared,
        "exposures": [
            {"factor": factor.key, "name": factor.name} | _coefficient(*figures)
            for factor, *figures in zip(
                report.choice.factors, fit.betas, fit.beta_errors, fit.beta_t, fit.beta_p, strict=True
            )
        ],
        "risk": _risk(keys, found),
        "attribution": _attributed(keys, found.total) if found.total else None,
        "attribution_by_span": [_attributed(keys, span) for span in found.spans],
        "rolling": _rolling(keys, found),
        "holdings": _holdings(keys, report),
        "method": f"{reverse('methods')}#factor-models",
    }


def _coefficient(value: Any, error: Any, t: Any, p: Any) -> dict[str, Any]:
    return {"value": value, "standard_error": error, "t": t, "p": p}


def _risk(keys: Sequence[str], found: Analysis) -> dict[str, Any]:
    risk = found.risk
    return {
        "unit": "fraction a year",
        "volatility": risk.volatility,
        "factor_volatility": found.factor_volatility,
        "specific_volatility": found.specific_volatility,
        "factor_share": risk.factor / risk.total,
        "specific_share": risk.specific / risk.total,
        "contributions": [
            {"factor": key, "contribution": part, "share": part / risk.volatility}
            for key, part in zip(keys, risk.contributions.tolist(), strict=True)
        ],
        "specific_contribution": risk.specific_contribution,
    }


def _attributed(keys: Sequence[str], span: Attributed) -> dict[str, Any]:
    return {
        "start": span.start,
        "end": span.end,
        "total": span.total,
        "risk_free": span.risk_free,
        "factors": dict(zip(keys, span.factors, strict=True)),
        "specific": span.specific,
    }


def _rolling(keys: Sequence[str], found: Analysis) -> dict[str, Any] | None:
    if found.rolling is None:
        return None
    return {
        "window": found.rolling.window,
        "days": found.rolling.ends.tolist(),
        "exposures": dict(zip(keys, found.rolling.exposures.T.tolist(), strict=True)),
    }


def _holdings(keys: Sequence[str], report: FactorReport) -> list[dict[str, Any]] | None:
    risk = report.analysis.holdings
    if risk is None or report.exposure is None:
        return None
    named: list[tuple[str | None, str]] = [(held.symbol, held.name) for held in report.exposure.positions]
    columns = zip(
        [*named, (None, CASH)],
        risk.weights.tolist(),
        risk.exposures.T.tolist(),
        np.atleast_1d(risk.r_squared).tolist(),
        risk.factor.tolist(),
        risk.specific.tolist(),
        strict=True,
    )
    return [
        {
            "asset": symbol,
            "name": name,
            "weight": weight,
            "exposures": dict(zip(keys, exposures, strict=True)),
            "r_squared": fit,
            "factor_contribution": factor,
            "specific_contribution": specific,
        }
        for (symbol, name), weight, exposures, fit, factor, specific in columns
    ]
