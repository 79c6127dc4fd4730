"""The dashboard endpoints: JSON numbers in an envelope, unpaginated, over one portfolio or all of the caller's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import numpy as np
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics.queries import combined, dashboard
from assets.api.market import asset_of, newest_price, newest_profile
from assets.tasks import profiles_wanted, quotes_wanted
from core.api import AwareDateTimeField, RatioField, StrictIntegerField
from core.money import minor_units
from portfolios.models import Portfolio, TradeKind
from users.models import User

DIGITS = 6  # of a percentage or ratio


class NumberField(RatioField):
    """An amount, quantity or figure as a JSON number; null where it is not known."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"allow_null": True} | kwargs)


class FigureField(NumberField):
    """A percentage or ratio, rounded to 6 decimals."""

    def to_representation(self, value: Any) -> float | None:  # type: ignore[override]
        number = super().to_representation(value)
        return None if number is None else round(number, DIGITS)


class OverviewSerializer(serializers.Serializer[Any]):
    """Null: a price or exchange rate is missing in it, or there are too few returns. Percentages are 12.0 for 12 %."""

    total_value = NumberField()
    cash = NumberField()
    invested = NumberField(help_text="Cost of the open lots.")
    market_value = NumberField()
    unrealized_pnl = NumberField(source="unrealised_gain")
    total_return_percent = FigureField(help_text="Unrealised gain in percent of what is invested.")
    sharpe_ratio = FigureField(source="figures.sharpe_ratio")
    max_drawdown = FigureField(source="figures.drawdown_percent", help_text="A positive percentage.")
    volatility = FigureField(source="figures.volatility_percent", help_text="In percent a year.")
    win_rate = FigureField(help_text="Closed disposals with a gain, in percent.")


class PositionSerializer(serializers.Serializer[Any]):
    """Average cost and price per unit as the asset is quoted; amounts in the currency of the overview."""

    symbol = serializers.CharField()
    company_name = serializers.CharField()
    quantity = NumberField()
    average_cost = NumberField()
    current_price = NumberField(source="price")
    market_value = NumberField()
    unrealized_pnl = NumberField(source="unrealised_gain")
    unrealized_pnl_pct = FigureField(source="unrealised_percent")
    logo = serializers.CharField(allow_null=True)
    sector = serializers.CharField(allow_null=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return _empty_as_null(super().to_representation(instance), "logo", "sector")


class TradeRowSerializer(serializers.Serializer[Any]):
    """Price and commission in the trade's currency, the realised gain in the asset's."""

    id = serializers.IntegerField(source="trade.pk")
    symbol = serializers.CharField(source="trade.asset.symbol")
    trade_type = serializers.ChoiceField(TradeKind.choices, source="trade.kind")
    quantity = NumberField(source="trade.quantity")
    price = NumberField(source="trade.price")
    commission = NumberField(source="trade.fee")
    trade_date = AwareDateTimeField(source="trade.traded_at")
    realized_pnl = NumberField(source="realised_gain")


class QuoteRowSerializer(serializers.Serializer[Any]):
    """The newest quote, or the last close where nobody quotes; `updated_at` is the instant of the price."""

    symbol = serializers.CharField()
    current_price = NumberField(source="price")
    change = NumberField()
    percent_change = FigureField()
    high = NumberField()
    low = NumberField()
    open = NumberField()
    previous_close = NumberField()
    updated_at = AwareDateTimeField(source="at")


class ProfileRowSerializer(serializers.Serializer[Any]):
    """Null: nobody knows it. What no provider says is filled in from the asset's own record."""

    symbol = serializers.CharField()
    name = serializers.CharField()
    country = serializers.CharField(allow_null=True)
    currency = serializers.CharField()
    exchange = serializers.CharField(allow_null=True)
    ipo = serializers.DateField(allow_null=True)
    market_cap = NumberField()
    industry = serializers.CharField(allow_null=True)
    logo = serializers.CharField(allow_null=True)
    website = serializers.CharField(allow_null=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return _empty_as_null(super().to_representation(instance), *TEXTS)


class HistoryRowSerializer(serializers.Serializer[Any]):
    """A session: value at its close, time-weighted return and Sharpe ratio since inception."""

    date = serializers.DateField()
    total_value = NumberField()
    return_pct = FigureField()
    sharpe_ratio = FigureField()


TEXTS = ("country", "exchange", "industry", "logo", "website")


def _empty_as_null(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return row | {name: row[name] or None for name in names}


class PortfolioQuery(serializers.Serializer[Any]):
    portfolio = StrictIntegerField(
        required=False, min_value=1, help_text="One portfolio's id; all of yours when left out."
    )


class TradesQuery(PortfolioQuery):
    limit = StrictIntegerField(required=False, default=50, min_value=1, max_value=1000)


class HistoryQuery(PortfolioQuery):
    days = StrictIntegerField(
        required=False, default=30, min_value=1, max_value=36_500, help_text="Calendar days up to the newest close."
    )


def enveloped(row: type[serializers.Serializer[Any]], *, many: bool = False) -> Any:
    """The answer's shape for the OpenAPI document."""
    name = row.__name__.removesuffix("Serializer")
    fields = {"status": serializers.ChoiceField(["success"]), "data": row(many=many)}
    return inline_serializer(f"Dashboard{name}", fields)


def success(data: Any) -> Response:
    return Response({"status": "success", "data": data})


class DashboardView(APIView):
    """Over the caller's portfolios, or the one that ``?portfolio=`` names; another's does not exist."""

    def asked(self, query: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        given = query(data=self.request.query_params.dict())
        given.is_valid(raise_exception=True)
        return dict(given.validated_data)

    def chosen(self, asked: dict[str, Any]) -> list[Portfolio]:
        visible = Portfolio.objects.visible_to(self.caller)
        return [get_object_or_404(visible, pk=asked["portfolio"])] if "portfolio" in asked else list(visible)

    @property
    def caller(self) -> User:
        return cast("User", self.request.user)

    def shown(self) -> dashboard.Shown:
        """What is held at the newest prices; quotes and profiles that are due are asked for by a worker."""
        portfolios = self.chosen(self.asked(PortfolioQuery))
        answer = dashboard.shown(portfolios, otherwise=self.caller.base_currency, now=timezone.now())
        quotes_wanted(answer.due_quotes)
        profiles_wanted(answer.due_profiles)
        return answer


class OverviewView(DashboardView):
    @extend_schema(
        operation_id="dashboard_overview", parameters=[PortfolioQuery], responses=enveloped(OverviewSerializer)
    )
    def get(self, request: Request) -> Response:
        """Value, gain and risk. In the portfolios' currency where they share one, else in the caller's own."""
        found = dashboard.overview(self.shown())
        figures = found.figures
        percentages = {
            "drawdown_percent": _percent(figures["max_drawdown"], -100.0),
            "volatility_percent": _percent(figures["annual_volatility"], 100.0),
        }
        names = ("total_value", "cash", "invested", "market_value", "unrealised_gain", "total_return_percent")
        row = {name: getattr(found, name) for name in (*names, "win_rate")}
        return success(OverviewSerializer(row | {"figures": {**figures, **percentages}}).data)


class PositionsView(DashboardView):
    @extend_schema(
        operation_id="dashboard_positions",
        parameters=[PortfolioQuery],
        responses=enveloped(PositionSerializer, many=True),
    )
    def get(self, request: Request) -> Response:
        """What is held, an asset of several portfolios in one row, at the newest price."""
        return success(PositionSerializer(dashboard.positions(self.shown()), many=True).data)


class TradesView(DashboardView):
    @extend_schema(
        operation_id="dashboard_trades", parameters=[TradesQuery], responses=enveloped(TradeRowSerializer, many=True)
    )
    def get(self, request: Request) -> Response:
        """The newest trades and transfers, the newest first."""
        asked = self.asked(TradesQuery)
        rows = dashboard.latest_trades(self.chosen(asked), asked["limit"])
        return success(TradeRowSerializer(rows, many=True).data)


class HistoryView(DashboardView):
    @extend_schema(
        operation_id="dashboard_performance",
        parameters=[HistoryQuery],
        responses=enveloped(HistoryRowSerializer, many=True),
    )
    def get(self, request: Request) -> Response:
        """A row for each session of the last ``days`` calendar days up to the newest close, the oldest first."""
        asked = self.asked(HistoryQuery)
        portfolios = self.chosen(asked)
        currency = dashboard.currency_of(portfolios, self.caller.base_currency)
        rows = _history_rows(combined.history(portfolios, currency), asked["days"], currency)
        return success(HistoryRowSerializer(rows, many=True).data)


class QuoteView(DashboardView):
    @extend_schema(operation_id="dashboard_quote", responses=enveloped(QuoteRowSerializer))
    def get(self, request: Request, symbol: str) -> Response:
        """The newest price of one asset. An older quote is answered as it is while a worker asks for a new one."""
        asset = asset_of(self.caller, symbol)
        row = _row(newest_price(asset), QuoteRowSerializer, symbol=asset.symbol)
        return success(QuoteRowSerializer(row).data)


class ProfileView(DashboardView):
    @extend_schema(operation_id="dashboard_profile", responses=enveloped(ProfileRowSerializer))
    def get(self, request: Request, symbol: str) -> Response:
        """The company behind one asset."""
        asset = asset_of(self.caller, symbol)
        return success(
            ProfileRowSerializer(_row(newest_profile(asset), ProfileRowSerializer, symbol=asset.symbol)).data
        )


def _row(found: Any, serializer: type[serializers.Serializer[Any]], **given: Any) -> dict[str, Any]:
    fields: Iterable[Any] = serializer().fields.values()
    sources = [str(field.source) for field in fields]
    return {name: getattr(found, name) for name in sources if name not in given} | given


def _percent(fraction: float | None, hundred: float) -> float | None:
    return None if fraction is None else fraction * hundred + 0.0  # no −0


def _history_rows(found: combined.History, days: int, currency: str) -> list[dict[str, Any]]:
    if not len(found.days):
        return []
    first = int(np.searchsorted(found.days, found.days[-1] - np.timedelta64(days, "D"), side="right"))
    values = np.round(found.values, minor_units(currency))
    columns = (found.days, values, found.returns * 100.0, found.sharpe_ratio)
    names = ("date", "total_value", "return_pct", "sharpe_ratio")
    return [
        dict(zip(names, row, strict=True)) for row in zip(*(column[first:].tolist() for column in columns), strict=True)
    ]
