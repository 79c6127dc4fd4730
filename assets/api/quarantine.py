"""The quarantine over HTTP: staff see what is not believed, and decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ReadOnlyModelViewSet

from assets.models import DoubtReason, QuarantinedBar, QuarantineState
from assets.services.quarantine import accept, reject
from core.api import StrictSerializer

if TYPE_CHECKING:
    from users.models import User


class StaffOnly(IsAuthenticated):
    """What decides about everybody's prices and books is for staff, to see and to do."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return super().has_permission(request, view) and bool(getattr(request.user, "is_staff", False))


class QuarantinedBarSerializer(StrictSerializer, serializers.ModelSerializer[QuarantinedBar]):
    """A bar as it was given, and why it is not believed. ``figures`` are texts: “NaN” is none of JSON's numbers."""

    asset = serializers.CharField(source="asset.symbol", read_only=True)
    figures = serializers.DictField(child=serializers.CharField(), read_only=True)
    can_be_accepted = serializers.BooleanField(read_only=True)
    decided_by = serializers.CharField(source="decided_by.username", read_only=True, allow_null=True, default=None)

    class Meta:
        model = QuarantinedBar
        fields: ClassVar = [
            *("id", "asset", "day", "provider", "figures", "reason", "text", "first_seen", "last_seen"),
            *("state", "can_be_accepted", "decided_by", "decided_at"),
        ]
        read_only_fields: ClassVar = fields


class QuarantineFilter(django_filters.FilterSet):
    """``start`` and ``end`` are days of the bars, both included."""

    asset = django_filters.CharFilter("asset__symbol")
    provider = django_filters.CharFilter()
    state = django_filters.ChoiceFilter(choices=QuarantineState.choices)
    reason = django_filters.ChoiceFilter(choices=DoubtReason.choices)
    start = django_filters.DateFilter("day", "gte")
    end = django_filters.DateFilter("day", "lte")

    class Meta:
        model = QuarantinedBar
        fields: ClassVar = ["asset", "provider", "state", "reason", "start", "end"]


class QuarantineViewSet(ReadOnlyModelViewSet[QuarantinedBar]):
    """Bars that are not believed. None becomes a price unless somebody accepts it."""

    queryset = QuarantinedBar.objects.none()  # for the schema
    serializer_class = QuarantinedBarSerializer
    permission_classes = [StaffOnly]
    filterset_class = QuarantineFilter
    ordering_fields: ClassVar = ["last_seen", "first_seen", "day", "provider", "reason", "state"]

    def get_queryset(self) -> QuerySet[QuarantinedBar]:
        bars = QuarantinedBar.objects.visible_to(cast("User", self.request.user))
        return bars.select_related("asset", "decided_by").order_by("-last_seen", "-pk")

    @extend_schema(request=None, responses=QuarantinedBarSerializer)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make the bar the price of its day. Later ones that only it made look wrong are judged anew."""
        accept(bar=self.get_object(), actor=cast("User", request.user))
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None, responses=QuarantinedBarSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Leave the bar out for good: the same one is not raised again."""
        reject(bar=self.get_object(), actor=cast("User", request.user))
        return Response(self.get_serializer(self.get_object()).data)
