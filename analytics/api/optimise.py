"""Optimisations over HTTP: asked for, listed, and looked at."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.engine import OBJECTIVES
from analytics.models import OptimisationRun
from analytics.optimiser import MARKETS, MOST_ASSETS, MOST_VIEWS, AssetLimit, SectorLimit, Terms, View
from analytics.optimiser.terms import ESTIMATORS, LOOKBACK, WINDOW
from analytics.services.optimising import request_optimisation
from analytics.tasks import optimisation_wanted
from core.api import (
    AwareDateTimeField,
    DecimalStringField,
    IsoDateField,
    StrictIntegerField,
    StrictSerializer,
    right_of,
)
from core.web import Right, obtain
from portfolios.models import Portfolio
from users.models import User

LONGEST_SECTOR = 100


class FractionField(DecimalStringField):
    """A fraction as a string of plain digits or a JSON number in; it becomes a float at the service."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(12, 8, **{"required": False} | kwargs)


class SymbolField(serializers.CharField):
    """An asset by its symbol; whether there is such a one is looked up for all of them together."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": 32} | kwargs)


class AssetLimitSerializer(StrictSerializer, serializers.Serializer[Any]):
    asset = SymbolField()
    lower = FractionField(allow_null=True)
    upper = FractionField(allow_null=True)


class SectorLimitSerializer(StrictSerializer, serializers.Serializer[Any]):
    sector = serializers.CharField(max_length=LONGEST_SECTOR)
    minimum = FractionField(allow_null=True)
    maximum = FractionField(allow_null=True)


class ViewSerializer(StrictSerializer, serializers.Serializer[Any]):
    """``asset`` earns ``earns`` a year, or that much beyond ``against``."""

    asset = SymbolField()
    against = SymbolField(required=False, allow_null=True)
    earns = FractionField(required=True, help_text="A year, as a fraction.")
    confidence = FractionField(required=True, help_text="Above 0, at most 1.")


class TermsSerializer(StrictSerializer, serializers.Serializer[Any]):
    """What to optimise. Every fraction is of the invested part of the portfolio; cash stays apart."""

    objective = serializers.ChoiceField(OBJECTIVES)
    estimator = serializers.ChoiceField(ESTIMATORS, required=False, help_text="Of the covariance; sample.")
    window = StrictIntegerField(
        required=False, allow_null=True, help_text=f"Sessions to estimate from; {WINDOW}. Null: all there are."
    )
    as_of = IsoDateField(required=False, allow_null=True, help_text="The day whose holdings it begins with; now.")
    target = FractionField(allow_null=True, help_text="Of target_return and target_volatility, a year.")
    level = FractionField(help_text="Of min_cvar; 0.95.")
    risk_free = FractionField(help_text="A year; 0.")
    lower = FractionField(help_text="Of each weight; 0.")
    upper = FractionField(help_text="Of each weight; 1.")
    assets: Any = serializers.ListSerializer(child=AssetLimitSerializer(), required=False, max_length=MOST_ASSETS)
    sectors: Any = serializers.ListSerializer(child=SectorLimitSerializer(), required=False, max_length=MOST_ASSETS)
    turnover = FractionField(allow_null=True, help_text="The largest part that may be sold to buy something else.")
    views: Any = serializers.ListSerializer(child=ViewSerializer(), required=False, max_length=MOST_VIEWS)
    market = serializers.ChoiceField(MARKETS, required=False, help_text="What is held without views; current.")
    extra = serializers.ListField(
        child=SymbolField(), required=False, max_length=MOST_ASSETS, help_text="Assets beyond those that are held."
    )
    lookback = StrictIntegerField(
        required=False, help_text=f"Sessions that each step of the walk forward knows; {LOOKBACK}."
    )
    cost = FractionField(help_text="Of what is traded in the walk forward; 0.001.")

    def terms(self) -> Terms:
        """The checked values, floats from here on."""
        given = dict(self.validated_data)
        rows = {
            "assets": tuple(
                AssetLimit(row["asset"], _float(row.get("lower")), _float(row.get("upper")))
                for row in given.pop("assets", ())
            ),
            "sectors": tuple(
                SectorLimit(row["sector"], _float(row.get("minimum")), _float(row.get("maximum")))
                for row in given.pop("sectors", ())
            ),
            "views": tuple(_view(row) for row in given.pop("views", ())),
            "extra": tuple(given.pop("extra", ())),
        }
        numbers = {
            name: _float(given[name])
            for name in ("target", "level", "risk_free", "lower", "upper", "turnover", "cost")
            if name in given
        }
        return Terms(**given | numbers | rows)


class RunSerializer(serializers.ModelSerializer[OptimisationRun]):
    """One optimisation. ``result`` is empty until it is done; ``message`` says why a failed one has none."""

    asked_by = serializers.CharField(source="asked_by.username", default=None, read_only=True)
    job = serializers.UUIDField(source="job_id", allow_null=True, read_only=True)
    created_at = AwareDateTimeField(read_only=True)
    finished_at = AwareDateTimeField(read_only=True)

    class Meta:
        model = OptimisationRun
        fields: ClassVar = [
            *("id", "portfolio", "asked_by", "job", "objective", "terms", "state", "message", "about"),
            *("as_of", "window_start", "window_end", "observations", "created_at", "finished_at"),
        ]
        read_only_fields: ClassVar = fields


class RunResultSerializer(RunSerializer):
    """One optimisation with its result: weights, frontier and walk forward."""

    result = serializers.DictField(read_only=True)

    class Meta(RunSerializer.Meta):
        fields: ClassVar = [*RunSerializer.Meta.fields, "result"]
        read_only_fields: ClassVar = fields


class OptimisationView(GenericAPIView[OptimisationRun]):
    """The optimisations of one portfolio: whoever may see it reads them, whoever may book into it asks for one."""

    queryset = OptimisationRun.objects.none()
    serializer_class = RunSerializer
    filterset_fields: ClassVar = ["state", "objective"]
    ordering_fields: ClassVar = ["created_at", "state", "objective"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        right = right_of(self, request) if request.method in self.allowed_methods else Right.SEE
        self.portfolio = obtain(Portfolio.objects.all(), cast("User", request.user), right, pk=self.kwargs["pk"])

    def get_queryset(self) -> QuerySet[OptimisationRun]:
        runs = OptimisationRun.objects.visible_to(cast("User", self.request.user))
        return runs.filter(portfolio=self.kwargs["pk"]).select_related("asked_by")


class OptimisationListView(OptimisationView):
    @extend_schema(operation_id="portfolios_optimise_list", responses=RunSerializer(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """The portfolio's optimisations, the newest first, without their results."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset().defer("result"))) or []
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=TermsSerializer, responses={202: RunSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Ask for an optimisation; the job tells how far it is."""
        given = TermsSerializer(data=request.data, context=self.get_serializer_context())
        given.is_valid(raise_exception=True)
        actor = cast("User", request.user)
        run = request_optimisation(portfolio=self.portfolio, actor=actor, terms=given.terms())
        optimisation_wanted(run.pk)
        return Response(RunSerializer(run).data, status=status.HTTP_202_ACCEPTED)


class OptimisationRunView(OptimisationView):
    serializer_class = RunResultSerializer

    @extend_schema(operation_id="portfolios_optimise_retrieve")
    def get(self, request: Request, pk: int, run: int) -> Response:
        """One optimisation with its result."""
        found = get_object_or_404(self.get_queryset(), pk=run)
        return Response(RunResultSerializer(found).data)


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _view(row: dict[str, Any]) -> View:
    return View(row["asset"], float(row["earns"]), float(row["confidence"]), row.get("against") or "")
