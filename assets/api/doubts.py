"""Live prices that are not believed, over HTTP: staff see them, and decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from assets.api.quarantine import StaffOnly
from assets.models import DoubtfulQuote, DoubtState
from assets.services.doubts import accept_quote, reject_quote
from core.api import StrictSerializer

if TYPE_CHECKING:
    from users.models import User


class DoubtfulQuoteSerializer(StrictSerializer, serializers.ModelSerializer[DoubtfulQuote]):
    """A price of a moment, and what it was held against. Both in ``currency``, as the asset is quoted."""

    asset = serializers.CharField(source="asset.symbol", read_only=True)
    currency = serializers.CharField(source="asset.quote_currency", read_only=True)
    decided_by = serializers.CharField(source="decided_by.username", read_only=True, allow_null=True, default=None)

    class Meta:
        model = DoubtfulQuote
        fields: ClassVar = [
            *("id", "asset", "provider", "currency", "price", "at", "previous", "previous_day"),
            *("first_seen", "last_seen", "state", "decided_by", "decided_at"),
        ]
        read_only_fields: ClassVar = fields


class DoubtfulQuoteFilter(django_filters.FilterSet):
    asset = django_filters.CharFilter("asset__symbol")
    provider = django_filters.CharFilter()
    state = django_filters.ChoiceFilter(choices=DoubtState.choices)

    class Meta:
        model = DoubtfulQuote
        fields: ClassVar = ["asset", "provider", "state"]


class DoubtfulQuoteViewSet(ReadOnlyModelViewSet[DoubtfulQuote]):
    """Live prices that are not believed. None is shown unless somebody accepts it."""

    queryset = DoubtfulQuote.objects.none()  # for the schema
    serializer_class = DoubtfulQuoteSerializer
    permission_classes = [StaffOnly]
    filterset_class = DoubtfulQuoteFilter
    ordering_fields: ClassVar = ["last_seen", "first_seen", "at", "provider", "state"]

    def get_queryset(self) -> QuerySet[DoubtfulQuote]:
        doubts = DoubtfulQuote.objects.visible_to(cast("User", self.request.user))
        return doubts.select_related("asset", "decided_by").order_by("-last_seen", "-pk")

    @extend_schema(request=None, responses=DoubtfulQuoteSerializer)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show the price at once. Until the next close, quotes are held against it and no more against the last one."""
        accept_quote(doubt=self.get_object(), actor=cast("User", request.user))
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None, responses=DoubtfulQuoteSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Go on refusing it; it is raised again when the provider says something else."""
        reject_quote(doubt=self.get_object(), actor=cast("User", request.user))
        return Response(self.get_serializer(self.get_object()).data)
