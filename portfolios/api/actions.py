"""Corporate actions over HTTP: everybody who has logged in reads them; staff book, void and restore them."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from assets.api import StaffMayWrite
from assets.api.fields import SymbolField
from assets.models import Asset, CorporateAction
from core.api import DecimalStringField, StrictSerializer
from portfolios.api.filters import flag_parameter
from portfolios.api.views import VOIDED, caller
from portfolios.services.actions import apply_action, restore_action, void_action

READ_ONLY = ["id", "old_symbol", "created_at", "voided_at"]


class CorporateActionSerializer(StrictSerializer, serializers.ModelSerializer[CorporateAction]):
    """What happened to every unit on the ex-date: ``ratio`` new units for ``per`` held ones, cash per unit."""

    target = SymbolField(required=False, allow_null=True)
    withholding_rate = DecimalStringField(required=False, allow_null=True)
    basis_share = DecimalStringField(required=False, allow_null=True)

    class Meta:
        model = CorporateAction
        fields: ClassVar = [
            *("id", "kind", "ex_date", "pay_date", "ratio", "per", "cash", "currency", "withholding_rate"),
            *("cash_in_lieu", "target", "target_price", "basis_share", "old_symbol", "new_symbol", "note"),
            *("created_at", "voided_at"),
        ]
        read_only_fields = READ_ONLY
        validators: ClassVar[list[Any]] = []  # the service names what is wrong


class CorporateActionViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    GenericViewSet[CorporateAction],
):
    """The corporate actions of one asset. Booking one applies it to every holder; deleting voids it."""

    http_method_names = ["get", "post", "delete", "head", "options"]
    queryset = CorporateAction.objects.none()
    serializer_class = CorporateActionSerializer
    permission_classes = [StaffMayWrite]
    filterset_fields: ClassVar = ["kind", "ex_date"]
    ordering_fields: ClassVar = ["ex_date", "pay_date"]

    @cached_property
    def asset(self) -> Asset:
        known = Asset.objects.visible_to(caller(self.request)).select_related("exchange")
        return get_object_or_404(known, symbol=self.kwargs["symbol"])

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.asset  # noqa: B018  an unknown symbol is a 404 on every method

    def get_queryset(self) -> QuerySet[CorporateAction]:
        actions = CorporateAction.objects.visible_to(caller(self.request)).filter(asset=self.asset)
        if self.action == "list" and not flag_parameter(self.request, "voided"):
            actions = actions.standing()
        return actions.select_related("asset", "target").order_by("ex_date", "pk")

    @extend_schema(parameters=[VOIDED])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    def perform_create(self, serializer: serializers.BaseSerializer[Any]) -> None:
        actor = caller(self.request)
        serializer.instance = apply_action(asset=self.asset, actor=actor, **serializer.validated_data)

    def perform_destroy(self, instance: CorporateAction) -> None:
        void_action(action=instance, actor=caller(self.request))

    @extend_schema(request=None, responses=CorporateActionSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take the void of an action back and apply it again."""
        return Response(self.get_serializer(restore_action(action=self.get_object(), actor=caller(request))).data)
