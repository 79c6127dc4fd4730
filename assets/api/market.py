"""Quotes and company profiles over HTTP, each with its source and age."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ViewSet

from assets.models import Asset, CompanyProfile
from assets.quotes import LastPrice
from assets.services.profiles import profile_of
from assets.services.quotes import NoPrice, last_price, last_prices
from assets.tasks import profiles_wanted, quotes_wanted
from core.api import AwareDateTimeField, DecimalStringField, RatioField
from users.models import User

MOST_SYMBOLS = 200
SYMBOLS = OpenApiParameter(
    "symbols", OpenApiTypes.STR, description=f"At most {MOST_SYMBOLS} symbols with commas between; all when left out."
)


class QuoteSerializer(serializers.Serializer[Any]):
    """The last price of an asset, as it is quoted.

    All but symbol and currency is null where no price is known.
    """

    symbol = serializers.CharField()
    currency = serializers.CharField(help_text="What the prices are in: GBX where the asset is quoted in pence.")
    price = DecimalStringField(allow_null=True)
    change = DecimalStringField(allow_null=True, help_text="Against the previous close.")
    percent_change = RatioField(allow_null=True, help_text="In percent of the previous close.")
    high = DecimalStringField(allow_null=True)
    low = DecimalStringField(allow_null=True)
    open = DecimalStringField(allow_null=True)
    previous_close = DecimalStringField(allow_null=True)
    at = AwareDateTimeField(allow_null=True, help_text="The instant of the price.")
    age_seconds = serializers.IntegerField(allow_null=True)
    is_quote = serializers.BooleanField(allow_null=True, help_text="False: a daily close stands in for a quote.")
    source = serializers.CharField(
        allow_null=True, help_text="The provider; “simulated” marks a price that no market made."
    )  # type: ignore[assignment]


class CompanyProfileSerializer(serializers.Serializer[Any]):
    """What is known of a company; an empty text or null is not known."""

    symbol = serializers.CharField()
    name = serializers.CharField()
    country = serializers.CharField()
    currency = serializers.CharField()
    exchange = serializers.CharField()
    ipo = serializers.DateField(allow_null=True)
    market_cap = DecimalStringField(allow_null=True)
    industry = serializers.CharField()
    logo = serializers.CharField()
    website = serializers.CharField()
    price_earnings = RatioField(allow_null=True)
    dividend_yield = RatioField(allow_null=True, help_text="Fraction of the price, a year.")
    source = serializers.CharField(help_text="The provider that answered first; empty: nobody.")  # type: ignore[assignment]
    sources = serializers.DictField(
        child=serializers.CharField(),
        help_text="Field to the provider that it came from; what is not named is from the asset's own record.",
    )
    fetched_at = AwareDateTimeField(allow_null=True)


def caller(request: Request) -> User:
    return cast("User", request.user)


def asset_of(user: User, symbol: str) -> Asset:
    """The asset, its symbol in capitals or not. Raises NotFound with a text that names the symbol."""
    asset = Asset.objects.visible_to(user).select_related("exchange").filter(symbol=symbol.upper()).first()
    if asset is None:
        raise NotFound(f"There is no asset with the symbol “{symbol[:64]}”.", code="unknown_symbol")
    return asset


def newest_price(asset: Asset) -> LastPrice:
    """The last price; a worker asks for the quote again if it is old. Raises NotFound where there never was a price."""
    try:
        found, due = last_price(asset, now=timezone.now())
    except NoPrice as error:
        raise NotFound(error.message, code=error.code) from error
    if due:
        quotes_wanted([asset.pk])
    return found


def newest_profile(asset: Asset) -> CompanyProfile:
    """What is known of the company; a worker asks again if that is old."""
    found, due = profile_of(asset, now=timezone.now())
    if due:
        profiles_wanted([asset.pk])
    return found


FIGURES = ("price", "change", "percent_change", "high", "low", "open", "previous_close", "at", "source", "is_quote")


def quote_row(asset: Asset, found: LastPrice | None, now: datetime) -> dict[str, Any]:
    figures: dict[str, Any] = {name: getattr(found, name, None) for name in FIGURES}
    age = int(found.age(now).total_seconds()) if found else None
    return figures | {"symbol": asset.symbol, "currency": asset.quote_currency, "age_seconds": age}


class QuoteViewSet(GenericViewSet[Asset]):
    """The newest quotes, or the last closes where nobody quotes."""

    queryset = Asset.objects.none()  # for the schema
    serializer_class = QuoteSerializer
    filter_backends = ()

    @extend_schema(operation_id="quote_list", parameters=[SYMBOLS])
    def list(self, request: Request) -> Response:
        """The last prices of many assets as they are known, by symbol. Quotes of those that are named and due are
        asked for by a worker."""
        symbols = _symbols(request)
        assets = Asset.objects.visible_to(caller(request)).order_by("symbol")
        page = self.paginate_queryset(assets.filter(symbol__in=symbols) if symbols else assets) or []
        now = timezone.now()
        known = last_prices([asset.pk for asset in page], now=now)
        if symbols:
            quotes_wanted(known.due)
        rows = [quote_row(asset, known.by_asset.get(asset.pk), now) for asset in page]
        return self.get_paginated_response(QuoteSerializer(rows, many=True).data)

    @extend_schema(operation_id="quote_retrieve", responses=QuoteSerializer)
    def retrieve(self, request: Request, symbol: str) -> Response:
        """The last price of one asset, asked for now if there is no quote yet."""
        asset = asset_of(caller(request), symbol)
        return Response(QuoteSerializer(quote_row(asset, newest_price(asset), timezone.now())).data)


class ProfileViewSet(ViewSet):
    """Companies."""

    @extend_schema(operation_id="company_profile_retrieve", responses=CompanyProfileSerializer)
    def retrieve(self, request: Request, symbol: str) -> Response:
        """What is known of the company behind an asset, asked for now if there is no profile yet."""
        asset = asset_of(caller(request), symbol)
        found = newest_profile(asset)
        row = {name: getattr(found, name) for name in CompanyProfileSerializer().fields.keys() - {"symbol"}}
        return Response(CompanyProfileSerializer(row | {"symbol": asset.symbol}).data)


def _symbols(request: Request) -> set[str]:
    text = request.query_params.get("symbols", "")
    symbols = {symbol.strip().upper() for symbol in text.split(",")} - {""}
    if len(symbols) > MOST_SYMBOLS:
        raise ValidationError({"symbols": [f"Write at most {MOST_SYMBOLS} symbols with commas between."]})
    return symbols
