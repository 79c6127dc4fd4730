"""Watchlists over HTTP. The entries come with the same last prices as everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, ClassVar

from django.db.models import Count, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from assets.api.fields import SymbolField
from assets.api.market import QuoteSerializer, caller, quote_row
from assets.models import Watchlist, WatchlistEntry
from assets.queries import distance_to
from assets.services.quotes import last_prices
from assets.services.watchlists import (
    add_entry,
    change_entry,
    create_watchlist,
    delete_watchlist,
    remove_entry,
    rename_watchlist,
)
from assets.tasks import quotes_wanted
from core.api import DecimalStringField, RatioField, StrictIntegerField, StrictSerializer

METHODS = ["get", "post", "patch", "delete", "head", "options"]


class WatchlistSerializer(StrictSerializer, serializers.ModelSerializer[Watchlist]):
    """A named list. Its assets are under ``entries/``."""

    count = serializers.IntegerField(read_only=True, help_text="How many assets are in it.")

    class Meta:
        model = Watchlist
        fields: ClassVar = ["id", "name", "count", "created_at"]
        read_only_fields: ClassVar = ["id", "created_at"]


class EntrySerializer(StrictSerializer, serializers.ModelSerializer[WatchlistEntry]):
    """An asset of a list with its last price. ``position`` counts from 0; PATCH it to move the entry."""

    asset = SymbolField()
    name = serializers.CharField(source="asset.name", read_only=True)
    currency = serializers.CharField(
        source="asset.quote_currency", read_only=True, help_text="What the prices are in: GBX where they are in pence."
    )
    target_price = DecimalStringField(
        required=False, allow_null=True, help_text="Per unit, as the asset is quoted: in pence where its prices are."
    )
    position = StrictIntegerField(required=False, min_value=0, max_value=10**6)
    quote = serializers.SerializerMethodField(help_text="Null where no price is known.")
    distance = serializers.SerializerMethodField(
        help_text="By which fraction of the last price the target lies above it; below it the fraction is negative."
    )

    class Meta:
        model = WatchlistEntry
        fields: ClassVar = [
            *("id", "asset", "name", "currency", "note", "target_price", "position"),
            *("quote", "distance", "created_at"),
        ]
        read_only_fields: ClassVar = ["id", "created_at"]

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        if self.partial:  # another asset is another entry
            fields["asset"] = SymbolField(read_only=True)
        else:
            fields["position"] = serializers.IntegerField(read_only=True)
        return fields

    @extend_schema_field(QuoteSerializer(allow_null=True))
    def get_quote(self, entry: WatchlistEntry) -> Any:
        found = self.context["prices"].get(entry.asset_id)
        return QuoteSerializer(quote_row(entry.asset, found, timezone.now())).data if found else None

    @extend_schema_field(RatioField(allow_null=True))
    def get_distance(self, entry: WatchlistEntry) -> float | None:
        found = self.context["prices"].get(entry.asset_id)
        far = distance_to(entry.target_price, found.price if found else None)
        return None if far is None else float(far)


class WatchlistViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    GenericViewSet[Watchlist],
):
    """The caller's watchlists."""

    http_method_names = METHODS
    queryset = Watchlist.objects.none()
    serializer_class = WatchlistSerializer
    filterset_fields = ["name"]
    ordering_fields = ["name", "created_at"]

    def get_queryset(self) -> QuerySet[Watchlist]:
        own = Watchlist.objects
        visible = own.visible_to if self.request.method in SAFE_METHODS else own.editable_by
        return visible(caller(self.request)).annotate(count=Count("entries"))

    def perform_create(self, serializer: serializers.BaseSerializer[Watchlist]) -> None:
        made = create_watchlist(owner=caller(self.request), **serializer.validated_data)
        serializer.instance = self.get_queryset().get(pk=made.pk)

    def perform_update(self, serializer: serializers.BaseSerializer[Watchlist]) -> None:
        watchlist = self.get_object()
        rename_watchlist(watchlist=watchlist, actor=caller(self.request), **serializer.validated_data)
        serializer.instance = self.get_object()

    def perform_destroy(self, instance: Watchlist) -> None:
        delete_watchlist(watchlist=instance, actor=caller(self.request))


class WatchlistEntryViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    GenericViewSet[WatchlistEntry],
):
    """The assets of one watchlist, in the order that its owner gave them."""

    http_method_names = METHODS
    queryset = WatchlistEntry.objects.none()
    serializer_class = EntrySerializer
    ordering_fields = ["position", "created_at", "asset__symbol"]

    @cached_property
    def watchlist(self) -> Watchlist:
        own = Watchlist.objects
        visible = own.visible_to if self.request.method in SAFE_METHODS else own.editable_by
        return get_object_or_404(visible(caller(self.request)), pk=self.kwargs["watchlist_id"])

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.watchlist  # noqa: B018  before any other check of the request

    def get_queryset(self) -> QuerySet[WatchlistEntry]:
        entries = WatchlistEntry.objects.filter(watchlist=self.watchlist)
        return entries.select_related("asset", "watchlist").order_by("position", "pk")

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response(self._shown(page, many=True))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(self._shown(self.get_object()))

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        terms = self._terms(self.get_serializer(data=request.data))
        return Response(self._shown(add_entry(watchlist=self.watchlist, **terms)), status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        entry = self.get_object()
        terms = self._terms(self.get_serializer(entry, data=request.data, partial=True))
        drop = terms.get("target_price", 0) is None
        return Response(self._shown(change_entry(entry=entry, drop_target=drop, **terms)))

    def perform_destroy(self, instance: WatchlistEntry) -> None:
        remove_entry(entry=instance)

    def _terms(self, serializer: serializers.BaseSerializer[Any]) -> dict[str, Any]:
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def _shown(self, found: Any, *, many: bool = False) -> Any:
        """The entries with their last prices; those that are due are asked for by a worker."""
        entries: Iterable[WatchlistEntry] = found if many else [found]
        prices = last_prices([entry.asset_id for entry in entries], now=timezone.now())
        quotes_wanted(prices.due)
        context = {**self.get_serializer_context(), "prices": prices.by_asset}
        return EntrySerializer(found, many=many, context=context).data
