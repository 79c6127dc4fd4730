"""Value at risk of a portfolio over HTTP, and how it did in the past."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import queries
from analytics.api.base import BASES, PortfolioView
from analytics.engine import METHODS, Method
from analytics.ex_ante import METHOD_LABELS, Loss
from analytics.exposure import MIN_SESSIONS, amount_of
from analytics.models import Basis, VarBacktest
from analytics.queries import ExAnte
from core.api import AwareDateTimeField, DecimalStringField, IsoDateField, RatioField, StrictIntegerField
from core.money import quantise
from portfolios.models import Portfolio

LONGEST_WINDOW = 5000
MOST_ASKED = 4  # levels, and horizons: each horizon is simulated twice
NOT_TESTED = "it has not been tested yet; backtests are computed once a night"
TESTS = {"kupiec": "kupiec-test", "independence": "christoffersen-tests", "joint": "christoffersen-tests"}
LEVEL_LIMITS = {"min_value": Decimal("0.5"), "max_value": Decimal("0.999")}


class SeveralField(serializers.CharField):
    """Values between commas, each checked by ``of``; at most ``most`` of them."""

    def __init__(self, of: serializers.Field[Any, Any, Any, Any], most: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.of, self.most = of, most

    def to_internal_value(self, data: Any) -> list[Any]:  # type: ignore[override]
        parts = super().to_internal_value(data).split(",")
        if len(parts) > self.most:
            raise serializers.ValidationError(f"Ask for at most {self.most}.")
        return list(dict.fromkeys(self.of.run_validation(part.strip()) for part in parts))


class DayQuery(serializers.Serializer[Any]):
    as_of = IsoDateField(required=False, help_text="Valuation date; the last close when left out.")

    def validate_as_of(self, day: date) -> date:
        if day > timezone.now().date() + timedelta(days=1):  # somewhere it is tomorrow already
            raise serializers.ValidationError("This day has not come yet.")
        return day


class ValueAtRiskQuery(DayQuery):
    methods = SeveralField(
        serializers.ChoiceField(METHODS), len(METHODS), required=False, help_text="Some of them, by commas; all."
    )
    levels = SeveralField(
        DecimalStringField(6, 5, **LEVEL_LIMITS), MOST_ASKED, required=False, help_text="By commas; 0.95,0.99."
    )
    horizons = SeveralField(
        StrictIntegerField(min_value=1, max_value=252), MOST_ASKED, required=False, help_text="Sessions; 1,10."
    )
    window = StrictIntegerField(
        required=False,
        min_value=MIN_SESSIONS,
        max_value=LONGEST_WINDOW,
        help_text="The last so many sessions; all on which every holding has a return.",
    )


class BacktestQuery(DayQuery):
    basis = serializers.ChoiceField(BASES, required=False)
    method = serializers.ChoiceField(METHODS, required=False)
    level = DecimalStringField(6, 5, required=False, **LEVEL_LIMITS)
    days = StrictIntegerField(required=False, min_value=1, max_value=LONGEST_WINDOW)


class BacktestHistoryQuery(serializers.Serializer[Any]):
    basis = serializers.ChoiceField(BASES, default=Basis.EX_ANTE)
    method = serializers.ChoiceField(METHODS, default="historical")
    level = DecimalStringField(6, 5, default=Decimal("0.99"), **LEVEL_LIMITS)
    days = StrictIntegerField(default=250, min_value=1, max_value=LONGEST_WINDOW)


class HistoryWindowSerializer(serializers.Serializer[Any]):
    start = serializers.DateField(allow_null=True)
    end = serializers.DateField(allow_null=True)
    observations = serializers.IntegerField()


class LossSerializer(serializers.Serializer[Any]):
    """A positive loss as a fraction of the value and in the portfolio's currency; null where ``problem`` says why."""

    method = serializers.ChoiceField(METHODS)
    label = serializers.CharField()  # type: ignore[assignment]  # a field of the answer, not this field's label
    level = RatioField()
    horizon = serializers.IntegerField(help_text="Sessions.")
    scaling = serializers.CharField(help_text="How the horizon is reached.")
    value_at_risk = RatioField(allow_null=True)
    value_at_risk_amount = DecimalStringField(allow_null=True)
    expected_shortfall = RatioField(allow_null=True)
    expected_shortfall_amount = DecimalStringField(allow_null=True)
    unit = serializers.CharField()
    problem = serializers.CharField(allow_null=True)
    formula = serializers.CharField(help_text="Where the method is explained.")


class ValueAtRiskSerializer(serializers.Serializer[Any]):
    portfolio = serializers.IntegerField()
    as_of = serializers.DateField(allow_null=True)
    currency = serializers.CharField()
    basis = serializers.CharField(help_text="Ex-ante: today's weights on the history of the assets.")
    window = HistoryWindowSerializer()
    total_value = DecimalStringField(allow_null=True)
    price_source = serializers.CharField(help_text="“simulated” if such a price is in it, else empty.")
    problem = serializers.CharField(allow_null=True)
    losses = LossSerializer(many=True)


class ExceededSerializer(serializers.Serializer[Any]):
    """A day that lost more than forecast; both are positive fractions of the value."""

    day = serializers.DateField()
    forecast = RatioField()
    loss = RatioField()


class RatioTestSerializer(serializers.Serializer[Any]):
    """A likelihood ratio with its p-value: a small one rejects the method."""

    statistic = RatioField(allow_null=True)
    p_value = RatioField(allow_null=True)
    formula = serializers.CharField()


class BacktestSerializer(serializers.Serializer[Any]):
    """One method at one level over ``days`` sessions. ``exceeded`` is listed for the newest night only."""

    basis = serializers.CharField()
    method = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field of the answer, not this field's label
    level = RatioField()
    days = serializers.IntegerField()
    estimated_from = serializers.IntegerField(help_text="Returns before each day that its forecast is made from.")
    start = serializers.DateField(allow_null=True)
    end = serializers.DateField(allow_null=True)
    expected = RatioField()
    exceptions = serializers.IntegerField(allow_null=True)
    kupiec = RatioTestSerializer()
    independence = RatioTestSerializer()
    joint = RatioTestSerializer()
    zone = serializers.CharField(allow_null=True, help_text="Green, yellow or red; at 99 % only.")
    exceeded = ExceededSerializer(many=True)
    problem = serializers.CharField(allow_null=True)


class BacktestsSerializer(serializers.Serializer[Any]):
    portfolio = serializers.IntegerField()
    as_of = serializers.DateField(allow_null=True)
    computed_at = AwareDateTimeField(allow_null=True)
    stale = serializers.BooleanField(help_text="A newer trade or price is not in it yet; it will be next night.")
    problem = serializers.CharField(allow_null=True)
    backtests = BacktestSerializer(many=True)


class NightSerializer(serializers.Serializer[Any]):
    as_of = serializers.DateField()
    exceptions = serializers.IntegerField()
    expected = RatioField()
    zone = serializers.CharField(allow_null=True)


class BacktestHistorySerializer(serializers.Serializer[Any]):
    portfolio = serializers.IntegerField()
    basis = serializers.CharField()
    method = serializers.CharField()
    level = RatioField()
    days = serializers.IntegerField()
    nights = NightSerializer(many=True)


class ValueAtRiskView(PortfolioView):
    """Value at risk and expected shortfall of today's weights, by method, level and horizon."""

    serializer_class = ValueAtRiskSerializer

    @extend_schema(parameters=[ValueAtRiskQuery], responses=ValueAtRiskSerializer)
    def get(self, request: Request, pk: int) -> Response:
        portfolio = self.get_object()
        asked = self.asked(ValueAtRiskQuery)
        found = queries.value_at_risk(
            portfolio,
            methods=asked.get("methods", METHODS),
            levels=[float(level) for level in asked.get("levels", settings.VAR_LEVELS)],
            horizons=asked.get("horizons", settings.VAR_HORIZONS),
            as_of=asked.get("as_of"),
            window=asked.get("window"),
        )
        body = {"portfolio": portfolio.pk, "losses": loss_rows(found)} | exposure_of(found, portfolio)
        return Response(ValueAtRiskSerializer(body).data)


class BacktestsView(PortfolioView):
    """The stored backtests of the value at risk: of the newest night, or of the newest up to ``as_of``."""

    serializer_class = BacktestsSerializer

    @extend_schema(parameters=[BacktestQuery], responses=BacktestsSerializer)
    def get(self, request: Request, pk: int) -> Response:
        portfolio = self.get_object()
        asked = self.asked(BacktestQuery)
        found = queries.stored_backtests(portfolio, as_of=asked.pop("as_of", None))
        rows = [row for row in found.rows if all(getattr(row, name) == value for name, value in asked.items())]
        body = {
            "portfolio": portfolio.pk,
            "as_of": found.as_of,
            "computed_at": found.rows[0].computed_at if found.rows else None,
            "stale": found.stale,
            "problem": None if found.rows else NOT_TESTED,
            "backtests": [_backtest(row) for row in rows],
        }
        return Response(BacktestsSerializer(body).data)


class BacktestHistoryView(PortfolioView):
    """How one backtest stood night by night, the oldest first: every night for a month, then one of each month."""

    serializer_class = BacktestHistorySerializer

    @extend_schema(parameters=[BacktestHistoryQuery], responses=BacktestHistorySerializer)
    def get(self, request: Request, pk: int) -> Response:
        portfolio = self.get_object()
        asked = self.asked(BacktestHistoryQuery)
        rows = [asdict(night) | {"zone": night.zone or None} for night in queries.backtest_history(portfolio, **asked)]
        return Response(BacktestHistorySerializer({"portfolio": portfolio.pk, "nights": rows} | asked).data)


def exposure_of(found: ExAnte, portfolio: Portfolio) -> dict[str, Any]:
    """What ex-ante figures are computed from."""
    held = found.exposure
    window = {"start": held and held.start, "end": held and held.end, "observations": held.observations if held else 0}
    return {
        "as_of": held and held.as_of,
        "currency": portfolio.base_currency,
        "basis": str(Basis.EX_ANTE),
        "window": window,
        "total_value": held and quantise(held.total_value, held.currency),
        "price_source": held.price_source if held else "",
        "problem": found.problem or None,
    }


def loss_rows(found: ExAnte) -> list[dict[str, Any]]:
    """Each loss as a fraction and in money; none without an exposure."""
    held = found.exposure
    return [] if held is None else [_loss(loss, held.total_value, held.currency) for loss in found.losses]


def _loss(loss: Loss, value: Decimal, currency: str) -> dict[str, Any]:
    label = METHOD_LABELS[loss.method]
    return {
        "method": loss.method,
        "label": label.name,
        "level": loss.level,
        "horizon": loss.horizon,
        "scaling": label.over_horizon,
        "value_at_risk": loss.value_at_risk,
        "value_at_risk_amount": amount_of(loss.value_at_risk, value, currency),
        "expected_shortfall": loss.expected_shortfall,
        "expected_shortfall_amount": amount_of(loss.expected_shortfall, value, currency),
        "unit": "fraction",
        "problem": loss.problem or None,
        "formula": f"{reverse('methods')}#methods-of-value-at-risk",
    }


def _backtest(row: VarBacktest) -> dict[str, Any]:
    method: Method = row.method  # type: ignore[assignment]  # held by the column's constraint
    tests = {
        test: {
            "statistic": getattr(row, f"{test}_statistic"),
            "p_value": getattr(row, f"{test}_p_value"),
            "formula": f"{reverse('methods')}#{heading}",
        }
        for test, heading in TESTS.items()
    }
    return tests | {
        "basis": row.basis,
        "method": row.method,
        "label": METHOD_LABELS[method].name,
        "level": row.level,
        "days": row.days,
        "estimated_from": row.window,
        "start": row.first_day,
        "end": row.last_day,
        "expected": row.expected,
        "exceptions": row.exceptions,
        "zone": row.zone or None,
        "exceeded": [{"day": day, "forecast": forecast, "loss": loss} for day, forecast, loss in row.exceeded],
        "problem": row.problem or None,
    }
