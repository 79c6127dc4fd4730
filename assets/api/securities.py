"""Securities and their prices over HTTP. Everybody who has logged in reads them; staff add them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from assets.models import Asset, AssetType, HistoricValue
from assets.models.asset import AssetQuerySet
from assets.queries import with_last_bar
from assets.services.listing import create_asset
from core.api import DecimalStringField, IsoDateField, Pagination, StrictSerializer

if TYPE_CHECKING:
    from users.models import User

BOUNDS = {"start": "day__gte", "end": "day__lte"}


class StaffMayWrite(IsAuthenticated):
    """Everybody who has logged in reads; only staff writes."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        staff = request.method in SAFE_METHODS or bool(getattr(request.user, "is_staff", False))
        return super().has_permission(request, view) and staff


class AssetSerializer(StrictSerializer, serializers.ModelSerializer[Asset]):
    """A security with its last known price, the day that it is of and where it came from."""

    currency = serializers.CharField(
        max_length=3, help_text="What is paid. A minor currency that prices are in, such as GBX, is taken as GBP."
    )
    quote_currency = serializers.CharField(
        read_only=True, help_text="What prices are in: GBX (pence) where the asset is in GBP at a price factor of 0.01."
    )
    price = DecimalStringField(read_only=True, allow_null=True, help_text="Last close, in the quote currency.")
    price_day = IsoDateField(read_only=True, allow_null=True)
    price_source = serializers.CharField(
        read_only=True, allow_null=True, help_text="The provider; “simulated” marks a price that no market made."
    )

    class Meta:
        model = Asset
        fields: ClassVar = [
            *("symbol", "name", "type", "sector", "exchange", "currency", "isin"),
            *("quote_currency", "price_factor", "price_basis", "price", "price_day", "price_source"),
        ]


class BarSerializer(serializers.ModelSerializer[HistoricValue]):
    serializer_field_mapping: ClassVar = StrictSerializer.serializer_field_mapping

    class Meta:
        model = HistoricValue
        fields: ClassVar = ["day", "open", "high", "low", "close", "adjusted_close", "volume", "source"]
        read_only_fields: ClassVar = fields


class HistoryQuery(serializers.Serializer[dict[str, Any]]):
    """Which bars, in which order."""

    start = IsoDateField(required=False, help_text="The first day.")
    end = IsoDateField(required=False, help_text="The last day.")
    ordering = serializers.ChoiceField(choices=["day", "-day"], default="day")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "start" in attrs and "end" in attrs and attrs["start"] > attrs["end"]:
            raise serializers.ValidationError({"end": ["The last day lies before the first."]})
        return attrs


class AssetFilter(django_filters.FilterSet):
    type = django_filters.ChoiceFilter(choices=AssetType.choices)
    sector = django_filters.CharFilter()
    exchange = django_filters.CharFilter(field_name="exchange_id")
    currency = django_filters.CharFilter()
    search = django_filters.CharFilter(method="find", label="Part of the symbol or name, or the ISIN")

    class Meta:
        model = Asset
        fields: ClassVar = ["type", "sector", "exchange", "currency", "search"]

    def find(self, assets: AssetQuerySet, name: str, text: str) -> QuerySet[Asset]:
        return assets.matching(text)


class AssetViewSet(mixins.CreateModelMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Asset]):
    """Securities, indices and exchange rates, found by symbol."""

    queryset = Asset.objects.none()  # for the schema
    serializer_class = AssetSerializer
    permission_classes = [StaffMayWrite]
    filterset_class = AssetFilter
    ordering_fields: ClassVar = ["symbol", "name", "type", "sector", "exchange", "currency", "price_day"]
    lookup_field = "symbol"
    lookup_value_regex = r"[A-Za-z0-9.\-=^]+(?:/[A-Z0-9.\-=^]+)*"  # BRK.B, and BTC/USD but not BTC/history

    def get_queryset(self) -> QuerySet[Asset]:
        return with_last_bar(Asset.objects.visible_to(cast("User", self.request.user)))

    def perform_create(self, serializer: serializers.BaseSerializer[Asset]) -> None:
        asset = create_asset(actor=cast("User", self.request.user), **serializer.validated_data)
        serializer.instance = self.get_queryset().get(pk=asset.pk)

    @extend_schema(parameters=[HistoryQuery], responses=BarSerializer(many=True), filters=False)
    @action(detail=True, filter_backends=[])
    def history(self, request: Request, symbol: str) -> Response:
        """The daily bars of one security, each with its source; prices as its `price_basis` says."""
        asset = self.get_object()
        query = HistoryQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        wanted = query.validated_data
        bounds = {lookup: wanted[name] for name, lookup in BOUNDS.items() if name in wanted}
        bars = HistoricValue.objects.filter(asset=asset, **bounds).order_by(wanted["ordering"])
        pages = Pagination()
        page = pages.paginate_queryset(bars, request, view=self)
        return pages.get_paginated_response(BarSerializer(page, many=True).data)
