"""Securities and their prices over HTTP. Everybody who has logged in reads them; staff add them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, cast

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from assets import intraday
from assets.models import Asset, AssetType, HistoricValue, IntradayValue
from assets.models.asset import AssetQuerySet
from assets.queries import with_last_bar
from assets.revisions import history_known_at
from assets.services.backfill import request_backfill
from assets.services.gaps import gaps_of
from assets.services.listing import create_asset
from assets.services.manual_prices import enter_price
from core.api import AwareDateTimeField, DecimalStringField, IsoDateField, Pagination, StrictSerializer

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
            *("quote_currency", "price_factor", "price_basis", "delisted_on", "price", "price_day", "price_source"),
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
    known_at = AwareDateTimeField(
        required=False, help_text="The bars as they were known at this instant, before any later restatement."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "start" in attrs and "end" in attrs and attrs["start"] > attrs["end"]:
            raise serializers.ValidationError({"end": ["The last day lies before the first."]})
        return attrs


class IntradaySerializer(serializers.ModelSerializer[IntradayValue]):
    """A live price that was kept, per unit as the asset is quoted, and the instant of it in UTC."""

    serializer_field_mapping: ClassVar = StrictSerializer.serializer_field_mapping

    class Meta:
        model = IntradayValue
        fields: ClassVar = ["at", "price", "source"]
        read_only_fields: ClassVar = fields


class IntradayQuery(serializers.Serializer[dict[str, Any]]):
    """Which live prices, in which order."""

    day = IsoDateField(required=False, help_text="Those of one day by the clock of the exchange; UTC without one.")
    start = AwareDateTimeField(required=False, help_text="The first instant.")
    end = AwareDateTimeField(required=False, help_text="The instant before which they are.")
    ordering = serializers.ChoiceField(choices=["at", "-at"], default="at")

    def validate_day(self, day: date) -> date:
        if not intraday.EARLIEST <= day < intraday.LATEST:
            raise serializers.ValidationError("No market has prices of that day.")
        return day

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "start" in attrs and "end" in attrs and attrs["start"] >= attrs["end"]:
            raise serializers.ValidationError({"end": ["The end lies before the start."]})
        return attrs


class EnteredPriceSerializer(StrictSerializer):
    """One day's price that a person enters, per unit as the asset is quoted. No provider overwrites it."""

    day = IsoDateField()
    close = DecimalStringField()
    open = DecimalStringField(required=False, allow_null=True)
    high = DecimalStringField(required=False, allow_null=True)
    low = DecimalStringField(required=False, allow_null=True)
    volume = DecimalStringField(required=False, allow_null=True)
    confirmed = serializers.BooleanField(
        default=False, help_text="True stores a price that is more than 50 % away from the last one, too."
    )


class BackfillSerializer(StrictSerializer):
    """From which day the history is to be fetched; BACKFILL_YEARS ago when nothing is said."""

    start = IsoDateField(required=False)
    end = IsoDateField(read_only=True)
    job = serializers.UUIDField(read_only=True, source="job_id", help_text="Its progress: /api/jobs/<job>/")
    state = serializers.CharField(read_only=True)


class GapSerializer(StrictSerializer):
    """Sessions in a row for which there is no bar."""

    start = IsoDateField(read_only=True)
    end = IsoDateField(read_only=True)
    sessions = serializers.IntegerField(read_only=True)


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
        pages = Pagination()
        page: Any = pages.paginate_queryset(_bars(asset, query.validated_data), request, view=self)
        return pages.get_paginated_response(BarSerializer(page, many=True).data)

    @extend_schema(request=EnteredPriceSerializer, responses={201: BarSerializer})
    @history.mapping.post
    def enter_price(self, request: Request, symbol: str) -> Response:
        """Enter one day's price by hand."""
        asset = self.get_object()
        given = EnteredPriceSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        figures = dict(given.validated_data)
        day, confirmed = figures.pop("day"), figures.pop("confirmed")
        actor = cast("User", request.user)
        bar = enter_price(asset=asset, day=day, figures=figures, confirmed=confirmed, actor=actor)
        return Response(BarSerializer(bar).data, status=status.HTTP_201_CREATED)

    @extend_schema(parameters=[IntradayQuery], responses=IntradaySerializer(many=True), filters=False)
    @action(detail=True, filter_backends=[], url_path="intraday")
    def intraday_values(self, request: Request, symbol: str) -> Response:
        """The live prices of one security that are kept, each with its instant and source; none after INTRADAY_DAYS."""
        asset = self.get_object()
        query = IntradayQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        pages = Pagination()
        page: Any = pages.paginate_queryset(_ticks(asset, query.validated_data), request, view=self)
        return pages.get_paginated_response(IntradaySerializer(page, many=True).data)

    @extend_schema(request=BackfillSerializer, responses={202: BackfillSerializer})
    @action(detail=True, methods=["post"], filter_backends=[])
    def backfill(self, request: Request, symbol: str) -> Response:
        """Have the history fetched from the providers; the job tells how far it is."""
        asset = self.get_object()
        given = BackfillSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        start, actor = given.validated_data.get("start"), cast("User", request.user)
        made = request_backfill(asset=asset, actor=actor, now=timezone.now(), start=start)
        return Response(BackfillSerializer(made).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses=GapSerializer(many=True), filters=False)
    @action(detail=True, filter_backends=[])
    def gaps(self, request: Request, symbol: str) -> Response:
        """Sessions without a bar between the first and the last one, by the exchange's calendar."""
        pages = Pagination()
        page = pages.paginate_queryset(gaps_of(self.get_object()), request, view=self)
        return pages.get_paginated_response(GapSerializer(page, many=True).data)


def _bars(asset: Asset, wanted: dict[str, Any]) -> Any:
    """What `history` is asked for: rows, or those of another instant."""
    if instant := wanted.get("known_at"):
        known = history_known_at(asset, instant, start=wanted.get("start"), end=wanted.get("end"))
        return known if wanted["ordering"] == "day" else known[::-1]
    bounds = {lookup: wanted[name] for name, lookup in BOUNDS.items() if name in wanted}
    return HistoricValue.objects.filter(asset=asset, **bounds).order_by(wanted["ordering"])


def _ticks(asset: Asset, wanted: dict[str, Any]) -> QuerySet[IntradayValue]:
    """What `intraday` is asked for: all of a day, between two instants, or both."""
    first, last = intraday.span_of(asset, wanted["day"]) if "day" in wanted else (None, None)
    starts = [each for each in (first, wanted.get("start")) if each]
    ends = [each for each in (last, wanted.get("end")) if each]
    found = intraday.kept(asset, start=max(starts, default=None), until=min(ends, default=None))
    return found.order_by(wanted["ordering"])
