"""Risk flags and the bank's report over HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, cast

import django_filters
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ReadOnlyModelViewSet

from analytics.models import BankReport, FlagKind, FlagState, RiskFlag
from analytics.queries.bank import newest_report
from analytics.services.bank import look, look_at
from analytics.services.flags import decide
from core.api import StrictSerializer
from users.models import OVERSEER, User


class OverseerOnly(BasePermission):
    """People who may look at everybody's money."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user and request.user.is_authenticated and request.user.has_perm(OVERSEER))


class RiskFlagSerializer(serializers.ModelSerializer[RiskFlag]):
    """One cause for concern. ``measure`` exceeds ``limit``: fractions, days, or an amount in the account's currency."""

    decided_by = serializers.CharField(source="decided_by.username", read_only=True, allow_null=True, default=None)

    class Meta:
        model = RiskFlag
        fields: ClassVar = [
            *("id", "kind", "portfolio", "account", "about", "as_of", "measure", "limit", "figures", "state"),
            *("first_seen", "last_seen", "ended_at", "decided_by", "decided_at", "note"),
        ]
        read_only_fields: ClassVar = fields


class DecisionSerializer(StrictSerializer, serializers.Serializer[Any]):
    state = serializers.ChoiceField(FlagState.choices)
    note = serializers.CharField(max_length=255, required=False, allow_blank=True, default="")


class RiskFlagFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=FlagState.choices)
    kind = django_filters.ChoiceFilter(choices=FlagKind.choices)
    portfolio = django_filters.NumberFilter(min_value=0, max_value=2**62)
    account = django_filters.NumberFilter(min_value=0, max_value=2**62)

    class Meta:
        model = RiskFlag
        fields: ClassVar = ["state", "kind", "portfolio", "account"]


class RiskFlagViewSet(ReadOnlyModelViewSet[RiskFlag]):
    """Risk flags of what the caller sees; everybody's for who oversees the bank, who decides about them too."""

    queryset = RiskFlag.objects.none()
    serializer_class = RiskFlagSerializer
    filterset_class = RiskFlagFilter
    ordering_fields: ClassVar = ["last_seen", "first_seen", "kind", "state"]

    def get_queryset(self) -> QuerySet[RiskFlag]:
        ends = ("portfolio__owner", "portfolio__organisation", "account__owner", "account__organisation")
        rows = RiskFlag.objects.visible_to(cast("User", self.request.user))
        return rows.select_related("decided_by", *ends)

    def paginate_queryset(self, queryset: Any) -> list[Any] | None:
        rows = super().paginate_queryset(queryset)
        self._looked(rows or [])
        return rows

    def get_object(self) -> RiskFlag:
        flag = super().get_object()
        self._looked([flag])
        return flag

    def _looked(self, flags: Iterable[RiskFlag]) -> None:
        """Write down what a person who sees everybody's is shown."""
        user = cast("User", self.request.user)
        if user.has_perm(OVERSEER):
            look_at([flag.subject for flag in flags], actor=user, page="api flags")

    @extend_schema(request=DecisionSerializer, responses=RiskFlagSerializer)
    @action(detail=True, methods=["post"], permission_classes=[OverseerOnly])
    def decide(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Acknowledge, close or open it again."""
        user = cast("User", request.user)
        given = DecisionSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        flag = get_object_or_404(RiskFlag.objects.editable_by(user), pk=self.get_object().pk)
        return Response(self.get_serializer(decide(flag=flag, actor=user, **given.validated_data)).data)


class BankReportSerializer(serializers.ModelSerializer[BankReport]):
    """Everybody together in ``currency``: parts of net worth at month ends, sums by [month, section, category]."""

    class Meta:
        model = BankReport
        fields: ClassVar = [
            *("as_of", "currency", "computed_at", "people", "organisations", "accounts", "portfolios"),
            *("transactions", "months", "categories", "missing"),
        ]
        read_only_fields: ClassVar = fields


class BankReportView(APIView):
    """The newest report over everybody."""

    permission_classes = [IsAuthenticated, OverseerOnly]

    @extend_schema(responses=BankReportSerializer)
    def get(self, request: Request) -> Response:
        report = newest_report()
        if report is None:
            return Response({"as_of": None})
        look(actor=cast("User", request.user), subject=report, page="api")
        return Response(BankReportSerializer(report).data)
