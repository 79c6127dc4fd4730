"""Stress tests over HTTP: windows of history, shocks, and a person's own scenarios."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from analytics.api.base import BASES, AsOfQuery, PortfolioView, has_come
from analytics.exposure import Weighted
from analytics.models import Scenario, StressWindow
from analytics.queries.stress import Bench, bench, under_factors
from analytics.scenarios import Outcome, Shock, Source, Target, shocked
from analytics.services.scenarios import (
    MOST_SHOCKS,
    change_scenario,
    checked_shocks,
    create_scenario,
    delete_scenario,
)
from core.api import DecimalStringField, IsoDateField, RatioField, StrictIntegerField, StrictSerializer
from core.web import Right
from portfolios.models import Portfolio
from users.models import User

WAYS = ("window", "scenario", "shocks", "benchmark", "factors")
OF_FACTORS = ("model", "set")  # what goes with factors alone


class FractionField(DecimalStringField):
    """A return of −1 to 10 with four decimals: a number out, a number or a string of digits in."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(6, 4, **{"min_value": Decimal(-1), "max_value": Decimal(10)} | kwargs)

    def to_representation(self, value: Any) -> Any:
        return float(value)


class NamedSerializer(serializers.Serializer[Any]):
    """What a shock is aimed at: an asset (its symbol), a sector, a currency (its code) or, without a key, all."""

    target = serializers.ChoiceField([target.value for target in Target])
    key = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)


class ShockSerializer(StrictSerializer, NamedSerializer):
    """A return of an asset (its symbol), a sector, a currency (its code) or, without a key, of everything."""

    size = FractionField(help_text="-0.3 is a loss of 30 %.")


class StoredShockSerializer(ShockSerializer):
    key = serializers.CharField(source="name", max_length=100, required=False, default="", allow_blank=True)


class ScenarioSerializer(StrictSerializer, serializers.ModelSerializer[Scenario]):
    """Shocks under a name."""

    shocks = StoredShockSerializer(many=True, min_length=1, max_length=MOST_SHOCKS)  # type: ignore[call-arg]  # of the list

    class Meta:
        model = Scenario
        fields: ClassVar = ["id", "name", "description", "shocks", "created_at"]
        read_only_fields: ClassVar = ["id", "created_at"]

    def validate_shocks(self, rows: list[dict[str, Any]]) -> list[Shock]:
        return [Shock(Target(row["target"]), row["name"], float(row["size"])) for row in rows]


class ScenarioViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    GenericViewSet[Scenario],
):
    """The caller's own scenarios."""

    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    queryset = Scenario.objects.none()
    serializer_class = ScenarioSerializer
    filterset_fields = ["name"]
    ordering_fields = ["name", "created_at"]

    def get_queryset(self) -> QuerySet[Scenario]:
        own, user = Scenario.objects, self._caller
        visible = own.visible_to(user) if self.request.method in SAFE_METHODS else own.editable_by(user)
        return visible.prefetch_related("shocks__asset")

    @property
    def _caller(self) -> User:
        return cast("User", self.request.user)

    def perform_create(self, serializer: serializers.BaseSerializer[Scenario]) -> None:
        made = create_scenario(owner=self._caller, **serializer.validated_data)
        serializer.instance = self.get_queryset().get(pk=made.pk)

    def perform_update(self, serializer: serializers.BaseSerializer[Scenario]) -> None:
        change_scenario(scenario=self.get_object(), actor=self._caller, **serializer.validated_data)
        serializer.instance = self.get_object()

    def perform_destroy(self, instance: Scenario) -> None:
        delete_scenario(scenario=instance, actor=self._caller)


class StressWindowSerializer(serializers.ModelSerializer[StressWindow]):
    class Meta:
        model = StressWindow
        fields: ClassVar = ["key", "name", "start", "end", "description"]


class StressWindowViewSet(mixins.ListModelMixin, GenericViewSet[StressWindow]):
    """The stretches of history that portfolios are sent through."""

    queryset = StressWindow.objects.all()
    serializer_class = StressWindowSerializer
    ordering_fields = ["start", "key"]


class StressSerializer(StrictSerializer, serializers.Serializer[Any]):
    """One of ``window``, ``scenario``, ``shocks``, ``benchmark`` and ``factors`` with their ``model``."""

    window = serializers.SlugField(max_length=40, required=False, help_text="The key of a stretch of history.")
    scenario = StrictIntegerField(min_value=1, required=False, help_text="The id of a scenario of the caller's.")
    shocks = ShockSerializer(many=True, required=False, min_length=1, max_length=MOST_SHOCKS)  # type: ignore[call-arg]  # of the list
    benchmark = FractionField(required=False, help_text="A return of the benchmark, passed on through betas.")
    model = serializers.CharField(
        max_length=40,
        required=False,
        help_text="Of the factors: capm, ff3, carhart, ff5, ff5mom, or a factor set's key or id.",
    )
    set = serializers.CharField(max_length=40, required=False, help_text="Key or id of the set that serves the model.")
    factors = serializers.DictField(
        child=FractionField(),
        required=False,
        allow_empty=False,
        help_text="Factor to its return, passed on through exposures; one that is not named stays.",
    )
    as_of = IsoDateField(
        required=False, validators=[has_come], help_text="Whose holdings are tested; now when left out."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if sum(name in attrs for name in WAYS) != 1:
            raise serializers.ValidationError("Send one of window, scenario, shocks, benchmark and factors.")
        if "factors" in attrs and "model" not in attrs:
            raise serializers.ValidationError({"model": ["Say which model the factors are of."]})
        if "factors" not in attrs and (unused := [name for name in OF_FACTORS if name in attrs]):
            raise serializers.ValidationError({unused[0]: ["This goes with factors alone."]})
        return attrs

    def validate_factors(self, moves: dict[str, Decimal]) -> dict[str, float]:
        return {key: float(move) for key, move in moves.items()}

    def validate_shocks(self, rows: list[dict[str, Any]]) -> list[Shock]:
        return [Shock(Target(row["target"]), row["key"], float(row["size"])) for row in rows]


class EffectSerializer(serializers.Serializer[Any]):
    symbol = serializers.CharField(allow_blank=True, help_text="Empty for cash in another currency.")
    name = serializers.CharField()
    weight = RatioField(help_text="Share of everything owned.")
    shock = RatioField(help_text="Its return.")
    contribution = RatioField(help_text="What that adds to the portfolio's return.")
    amount = DecimalStringField(help_text="Gain or loss in the portfolio's currency.")
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a field of the answer, not this field's source
        [source.value for source in Source], help_text="Where its return comes from."
    )


class StressResultSerializer(serializers.Serializer[Any]):
    """What the scenario does to the present holdings, to first order."""

    portfolio = serializers.IntegerField()
    name = serializers.CharField()
    as_of = serializers.DateField()
    basis = serializers.ChoiceField(BASES, help_text="From the weights of that day.")
    currency = serializers.CharField()
    start = serializers.DateField(allow_null=True, help_text="Of the stretch of history.")
    end = serializers.DateField(allow_null=True)
    total = RatioField(help_text="Return of everything owned, cash included.")
    amount = DecimalStringField(help_text="Gain or loss in the currency.")
    covered = RatioField(help_text="The share of the weight of holdings and foreign cash that has a shock.")
    unused = NamedSerializer(many=True, help_text="Of the shocks, those that move nothing of what is held.")
    notes = serializers.ListField(child=serializers.CharField(), help_text="What to know of the factors.")
    price_source = serializers.CharField(help_text="“simulated” if such a price is in it, else empty.")
    holdings = EffectSerializer(many=True)


class StressView(PortfolioView):
    """What scenarios do to the portfolio as it is held."""

    serializer_class = StressResultSerializer
    rights: ClassVar = {"post": Right.SEE}  # it stores nothing

    @extend_schema(parameters=[AsOfQuery], responses=StressResultSerializer(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """Every stretch of history that the prices cover."""
        portfolio, asked = self.get_object(), self.asked(AsOfQuery)
        tested = bench(portfolio, asked.get("as_of"))
        windows = tested.every(list(StressWindow.objects.all()))
        return Response(
            [result(portfolio.pk, tested.held, outcome, window.name, window) for window, outcome in windows]
        )

    @extend_schema(request=StressSerializer, responses=StressResultSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """One scenario. Nothing is stored."""
        portfolio = self.get_object()
        given = StressSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        if "factors" in asked:
            return Response(_through_factors(portfolio, asked))
        chosen = self._chosen(asked)
        if "shocks" in asked:
            checked_shocks(asked["shocks"])
        tested = bench(portfolio, asked.get("as_of"))
        name, outcome = _outcome(tested, asked, chosen)
        return Response(
            result(portfolio.pk, tested.held, outcome, name, chosen if isinstance(chosen, StressWindow) else None)
        )

    def _chosen(self, asked: dict[str, Any]) -> StressWindow | Scenario | None:
        """The stored scenario that is named; one that the caller may not see is like none."""
        if "window" in asked:
            return _known(StressWindow.objects.filter(pk=asked["window"]), "window")
        if "scenario" in asked:
            own = Scenario.objects.visible_to(cast("User", self.request.user)).prefetch_related("shocks__asset")
            return _known(own.filter(pk=asked["scenario"]), "scenario")
        return None


def _known(found: QuerySet[Any], field: str) -> Any:
    try:
        return get_object_or_404(found)
    except Http404 as error:
        raise serializers.ValidationError({field: ["There is none with this name."]}) from error


def _outcome(tested: Bench, asked: dict[str, Any], chosen: StressWindow | Scenario | None) -> tuple[str, Outcome]:
    if isinstance(chosen, StressWindow):
        return chosen.name, tested.through(chosen)
    if isinstance(chosen, Scenario):
        return chosen.name, tested.under(chosen)
    if "benchmark" in asked:
        return f"Benchmark {float(asked['benchmark']):+.1%}", tested.with_benchmark(float(asked["benchmark"]))
    return "Shocks", shocked(tested.held, asked["shocks"])


def _through_factors(portfolio: Portfolio, asked: dict[str, Any]) -> Any:
    moved = under_factors(
        portfolio, asked["factors"], model=asked["model"], factor_set=asked.get("set", ""), as_of=asked.get("as_of")
    )
    return result(portfolio.pk, moved.held, moved.outcome, moved.name, notes=moved.notes)


def result(
    portfolio_id: int,
    held: Weighted,
    outcome: Outcome,
    name: str,
    window: StressWindow | None = None,
    notes: Sequence[str] = (),
) -> Any:
    rows = [
        {
            "symbol": effect.line.symbol,
            "name": effect.line.name,
            "weight": effect.weight,
            "shock": effect.shock,
            "contribution": effect.contribution,
            "amount": held.amount(effect.contribution),
            "source": effect.source.value,
        }
        for effect in outcome.effects
    ]
    body = {
        "portfolio": portfolio_id,
        "name": name,
        "as_of": held.as_of,
        "basis": "ex-ante",
        "currency": held.currency,
        "start": window.start if window else None,
        "end": window.end if window else None,
        "total": outcome.total,
        "amount": held.amount(outcome.total),
        "covered": outcome.covered,
        "unused": [{"target": shock.target.value, "key": shock.key} for shock in outcome.unused],
        "notes": notes,
        "price_source": held.price_source,
        "holdings": rows,
    }
    return StressResultSerializer(body).data
