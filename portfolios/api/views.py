"""Who may see and change portfolios, their trades and what follows from them. Writes go through the services."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from functools import cached_property
from typing import Any, ClassVar, cast

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from core.api import right_above
from core.money import total
from core.web import Right, obtain
from portfolios.api.filters import (
    HOLDING_ORDER,
    LOT_ORDER,
    DisposalFilter,
    LotFilter,
    TradeFilter,
    day_parameter,
    flag_parameter,
    narrowed,
    narrowed_lots,
)
from portfolios.api.previews import TradePreviewSerializer
from portfolios.api.serializers import (
    DisposalSerializer,
    HoldingSerializer,
    LotSerializer,
    PortfolioDetailSerializer,
    PortfolioSerializer,
    SectorsSerializer,
    TradeSerializer,
)
from portfolios.models import Disposal, Lot, Portfolio, Trade
from portfolios.queries import Holding, holdings, lots_on, overdrawn, sectors, totals, valuation_days, win_rate
from portfolios.services.portfolios import change_portfolio, create_portfolio, delete_portfolio
from portfolios.services.preview import preview_trade, preview_transfer
from portfolios.services.terms import NewTrade
from portfolios.services.trades import book_trade, replace_trade, restore_trade, void_trade
from portfolios.services.transfers import transfer_securities
from users.models import User

TRANSFER_TERMS = ("asset", "quantity", "traded_at", "price", "picks", "note")
METHODS = ["get", "post", "patch", "delete", "head", "options"]
AS_OF = OpenApiParameter("as_of", OpenApiTypes.DATE, description="The valuation date; the last close when left out.")
CLOSED = OpenApiParameter("closed", OpenApiTypes.BOOL, description="Positions that were closed, too.")
NARROWING = [
    OpenApiParameter("asset", description="One asset's symbol."),
    OpenApiParameter("sector"),
    OpenApiParameter("ordering", description=f"One or more of {', '.join(HOLDING_ORDER)}; “-” before it turns it."),
]
VOIDED = OpenApiParameter("voided", OpenApiTypes.BOOL, description="Voided trades, too.")


def caller(request: Request) -> User:
    return cast("User", request.user)


class PortfolioViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    GenericViewSet[Portfolio],
):
    """The caller's portfolios. One portfolio comes with its investments and totals."""

    http_method_names = METHODS
    queryset = Portfolio.objects.none()
    serializer_class = PortfolioSerializer
    filterset_fields = ["name", "base_currency", "cost_method", "cash"]
    ordering_fields = ["name", "created_at"]
    rights: ClassVar = {"partial_update": Right.MANAGE, "destroy": Right.MANAGE}

    def get_queryset(self) -> QuerySet[Portfolio]:
        user = caller(self.request)
        found = Portfolio.objects.visible_to(user).with_roles(user)
        return found.select_related("benchmark").order_by("name", "pk")

    @extend_schema(parameters=[AS_OF], responses=PortfolioDetailSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        portfolio = self.get_object()
        return Response(self._detail(portfolio, day_parameter(request, "as_of")))

    @extend_schema(responses={201: PortfolioDetailSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = dict(serializer.validated_data)
        owner = given.pop("organisation", None) or caller(request)
        portfolio = create_portfolio(owner=owner, actor=caller(request), **given)
        return Response(self._detail(portfolio), status=status.HTTP_201_CREATED)

    @extend_schema(responses=PortfolioDetailSerializer)
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        portfolio = self.get_object()
        serializer = self.get_serializer(portfolio, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        portfolio = change_portfolio(portfolio=portfolio, actor=caller(request), **serializer.validated_data)
        return Response(self._detail(portfolio))

    def perform_destroy(self, instance: Portfolio) -> None:
        delete_portfolio(portfolio=instance, actor=caller(self.request))

    @extend_schema(parameters=[AS_OF, CLOSED, *NARROWING], responses=HoldingSerializer(many=True))
    @action(detail=True, filter_backends=[])
    def investments(self, request: Request, pk: str) -> Response:
        """Quantity, cost, price and its date, value, gains and weight of each investment."""
        portfolio = self.get_object()
        found = self._holdings(portfolio, day_parameter(request, "as_of"), closed=flag_parameter(request, "closed"))
        page = self.paginate_queryset(narrowed(found, request))
        return self.get_paginated_response(HoldingSerializer(page, many=True).data)

    @extend_schema(parameters=[AS_OF], responses=SectorsSerializer)
    @action(detail=True, filter_backends=[], pagination_class=None)
    def sectors(self, request: Request, pk: str) -> Response:
        """The value by sector; the weights add up to 1."""
        portfolio, as_of = self.get_object(), day_parameter(request, "as_of")
        found = self._holdings(portfolio, as_of)
        spread = sectors(found)
        answer = {
            "portfolio": portfolio.pk,
            "as_of": as_of or valuation_days([portfolio.pk])[portfolio.pk],
            "currency": portfolio.base_currency,
            "total": total(sector.value for sector in spread),
            "complete": all(holding.value is not None for holding in found),
            "sectors": spread,
        }
        return Response(SectorsSerializer(answer).data)

    def _holdings(self, portfolio: Portfolio, as_of: date | None, *, closed: bool = False) -> list[Holding]:
        return holdings([portfolio], as_of, include_closed=closed)[portfolio.pk]

    def _detail(self, portfolio: Portfolio, as_of: date | None = None) -> Any:
        """The portfolio with its open investments; closed ones count in the realised gain."""
        every = self._holdings(portfolio, as_of, closed=True)
        day = as_of or valuation_days([portfolio.pk])[portfolio.pk]
        figures = asdict(totals(portfolio, every, as_of))
        figures |= {"win_rate": win_rate(portfolio, as_of), "overdrawn": overdrawn(portfolio, as_of)}
        context = {
            **self.get_serializer_context(),
            "totals": {"as_of": day, **figures},
            "holdings": [holding for holding in every if holding.quantity],
        }
        return PortfolioDetailSerializer(portfolio, context=context).data


class WithinPortfolio(GenericViewSet[Any]):
    """What belongs to the portfolio in the path; a portfolio that the caller may not see is a 404 on every method.

    ``rights`` names, by action, what else than booking into the portfolio an action takes.
    """

    rights: ClassVar[dict[str, Right]] = {}

    @cached_property
    def portfolio(self) -> Portfolio:
        right = right_above(self, self.request)
        return obtain(Portfolio.objects.all(), caller(self.request), right, pk=self.kwargs["portfolio_id"])

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.portfolio  # noqa: B018  before any other check of the request


class TradeViewSet(
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    WithinPortfolio,
):
    """A portfolio's trades. A change voids the trade and books its replacement; a deletion voids it."""

    http_method_names = METHODS
    queryset = Trade.objects.none()
    serializer_class = TradeSerializer
    filterset_class = TradeFilter
    ordering_fields = ["day", "traded_at", "quantity", "price"]

    def get_queryset(self) -> QuerySet[Trade]:
        trades = Trade.objects.visible_to(caller(self.request)).filter(portfolio=self.portfolio)
        if self.action == "list" and not flag_parameter(self.request, "voided"):
            trades = trades.standing()
        return trades.select_related("asset__exchange", "portfolio", "account").prefetch_related(
            "transfer_lots", "picks"
        )

    @extend_schema(parameters=[VOIDED])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    def perform_create(self, serializer: serializers.BaseSerializer[Any]) -> None:
        terms = {"price": None} | cast("TradeSerializer", serializer).terms()
        actor = caller(self.request)
        if "target" in terms:
            serializer.instance = self._transfer(actor, **terms)
        else:
            serializer.instance = book_trade(portfolio=self.portfolio, actor=actor, **terms)

    def _transfer(self, actor: User, target: int, **terms: Any) -> Trade:
        """Move securities to another portfolio of the caller's."""
        other = self._target(actor, target)
        wanted = {name: terms[name] for name in TRANSFER_TERMS if name in terms}
        return transfer_securities(source=self.portfolio, target=other, actor=actor, **wanted)

    def _target(self, actor: User, target: int) -> Portfolio:
        try:
            return obtain(Portfolio.objects.all(), actor, Right.BOOK, pk=target)
        except Http404 as error:
            raise serializers.ValidationError({"target": ["You have no such portfolio."]}) from error

    @extend_schema(responses=TradePreviewSerializer)
    @action(detail=False, methods=["post"])
    def preview(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What booking the trade would do to cash, lots and gains; refused as booking is, and nothing is stored."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        terms = cast("TradeSerializer", serializer).terms()
        target = terms.pop("target", None)
        new = NewTrade(**terms)
        if target is None:
            found = preview_trade(portfolio=self.portfolio, terms=new)
        else:
            other = self._target(caller(request), target)
            found = preview_transfer(source=self.portfolio, target=other, terms=new)
        return Response(TradePreviewSerializer(found).data)

    def perform_update(self, serializer: serializers.BaseSerializer[Any]) -> None:
        terms = cast("TradeSerializer", serializer).terms()
        serializer.instance = replace_trade(trade=self.get_object(), actor=caller(self.request), **terms)

    def perform_destroy(self, instance: Trade) -> None:
        void_trade(trade=instance, actor=caller(self.request))

    @extend_schema(request=None, responses=TradeSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Take the void of a trade back; what replaced it is voided instead."""
        trade = restore_trade(trade=self.get_object(), actor=caller(request))
        return Response(self.get_serializer(trade).data)


class LotViewSet(mixins.ListModelMixin, WithinPortfolio):
    """The open lots of a portfolio, oldest first."""

    queryset = Lot.objects.none()
    serializer_class = LotSerializer
    filterset_class = LotFilter
    ordering_fields = LOT_ORDER

    def get_queryset(self) -> QuerySet[Lot]:
        lots = Lot.objects.visible_to(caller(self.request)).open().filter(portfolio=self.portfolio)
        return lots.select_related("asset").order_by("opened_on", "opened_by", "sequence")

    @extend_schema(parameters=[OpenApiParameter("as_of", OpenApiTypes.DATE, description="Those open at its close.")])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        as_of = day_parameter(request, "as_of")
        if as_of is None:
            return super().list(request, *args, **kwargs)
        page = self.paginate_queryset(narrowed_lots(lots_on(self.portfolio, as_of), request))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class DisposalViewSet(mixins.ListModelMixin, WithinPortfolio):
    """What a portfolio's sales realised, a row for each lot that a sale took from; the last first."""

    queryset = Disposal.objects.none()
    serializer_class = DisposalSerializer
    filterset_class = DisposalFilter
    ordering_fields = ["closed_on", "opened_on", "quantity", "proceeds"]

    def get_queryset(self) -> QuerySet[Disposal]:
        disposals = Disposal.objects.visible_to(caller(self.request)).filter(portfolio=self.portfolio)
        return disposals.select_related("asset", "portfolio").order_by(
            "-closed_on", "-trade", "-action", "opened_on", "opened_by", "sequence"
        )
