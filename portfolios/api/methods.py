"""Dated changes of the cost method over HTTP, with a preview of what they mean."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from assets.models import Asset
from core.api import DecimalStringField, StrictSerializer
from core.web import Right
from portfolios.api.filters import flag_parameter
from portfolios.api.views import VOIDED, WithinPortfolio, caller
from portfolios.models import CostMethodChange
from portfolios.services.methods import change_method, preview_method, restore_change, void_change


class MethodChangeSerializer(StrictSerializer, serializers.ModelSerializer[CostMethodChange]):
    """From the start of ``day`` on, sales take lots by ``method``."""

    class Meta:
        model = CostMethodChange
        fields: ClassVar = ["id", "day", "method", "created_at", "voided_at"]
        read_only_fields: ClassVar = ["created_at", "voided_at"]


class MethodEffectSerializer(serializers.Serializer[Any]):
    """What a change means for one asset: cost in its currency, what ends in _base and realised gains in the base."""

    asset = serializers.CharField()
    quantity = DecimalStringField()
    lots_before = serializers.IntegerField()
    lots_after = serializers.IntegerField()
    cost_before = DecimalStringField()
    cost_after = DecimalStringField()
    cost_base_before = DecimalStringField()
    cost_base_after = DecimalStringField()
    realised_before = DecimalStringField()
    realised_after = DecimalStringField()


class MethodChangeViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.DestroyModelMixin,
    WithinPortfolio,
):
    """The changes of a portfolio's cost method. Deleting one voids it."""

    http_method_names = ["get", "post", "delete", "head", "options"]
    queryset = CostMethodChange.objects.none()
    serializer_class = MethodChangeSerializer
    filterset_fields: ClassVar = ["method"]
    ordering_fields: ClassVar = ["day"]
    rights: ClassVar = dict.fromkeys(("create", "destroy", "restore", "preview"), Right.MANAGE)

    def get_queryset(self) -> QuerySet[CostMethodChange]:
        changes = CostMethodChange.objects.visible_to(caller(self.request)).filter(portfolio=self.portfolio)
        if self.action == "list" and not flag_parameter(self.request, "voided"):
            changes = changes.standing()
        return changes.select_related("portfolio").order_by("day", "pk")

    @extend_schema(parameters=[VOIDED])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    def perform_create(self, serializer: serializers.BaseSerializer[Any]) -> None:
        actor = caller(self.request)
        serializer.instance = change_method(portfolio=self.portfolio, actor=actor, **serializer.validated_data)

    def perform_destroy(self, instance: CostMethodChange) -> None:
        void_change(change=instance, actor=caller(self.request))

    @extend_schema(request=None, responses=MethodChangeSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Let a voided change hold again."""
        return Response(self.get_serializer(restore_change(change=self.get_object(), actor=caller(request))).data)

    @extend_schema(responses=MethodEffectSerializer(many=True))
    @action(detail=False, methods=["post"])
    def preview(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What the change would do to lots, open cost and realised gains, by asset; nothing is stored."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        effects = preview_method(portfolio=self.portfolio, **serializer.validated_data)
        symbols = dict(Asset.objects.filter(pk__in=[e.asset_id for e in effects]).values_list("pk", "symbol"))
        rows = [asdict(effect) | {"asset": symbols[effect.asset_id]} for effect in effects]
        return Response(MethodEffectSerializer(rows, many=True).data)
