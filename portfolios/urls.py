"""Portfolios and what is in them. Mounted at `/api/portfolios/` and, short, at `/portfolios/`."""

from __future__ import annotations

from typing import Any

from django.urls import path

from portfolios.api import (
    DisposalViewSet,
    GoalViewSet,
    LotViewSet,
    MethodChangeViewSet,
    PortfolioSharesViewSet,
    PortfolioViewSet,
    TargetsViewSet,
    TradeViewSet,
)

ONE: dict[str, Any] = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
VOID: dict[str, Any] = {"delete": "destroy"}
SHARE: dict[str, Any] = {"patch": "partial_update", "delete": "destroy"}
MANY: dict[str, Any] = {"get": "list", "post": "create"}

urlpatterns = [
    path("", PortfolioViewSet.as_view(MANY), name="portfolio-list"),
    path("<int:pk>/", PortfolioViewSet.as_view(ONE), name="portfolio-detail"),
    path(
        "<int:pk>/investments/",
        PortfolioViewSet.as_view({"get": "investments"}, filter_backends=[]),
        name="portfolio-investments",
    ),
    path(
        "<int:pk>/sectors/",
        PortfolioViewSet.as_view({"get": "sectors"}, filter_backends=[], pagination_class=None),
        name="portfolio-sectors",
    ),
    path("<int:portfolio_id>/trades/", TradeViewSet.as_view(MANY), name="trade-list"),
    path("<int:portfolio_id>/trades/preview/", TradeViewSet.as_view({"post": "preview"}), name="trade-preview"),
    path("<int:portfolio_id>/trades/<int:pk>/", TradeViewSet.as_view(ONE), name="trade-detail"),
    path(
        "<int:portfolio_id>/trades/<int:pk>/restore/",
        TradeViewSet.as_view({"post": "restore"}),
        name="trade-restore",
    ),
    path("<int:portfolio_id>/cost-methods/", MethodChangeViewSet.as_view(MANY), name="method-list"),
    path(
        "<int:portfolio_id>/cost-methods/preview/",
        MethodChangeViewSet.as_view({"post": "preview"}),
        name="method-preview",
    ),
    path("<int:portfolio_id>/cost-methods/<int:pk>/", MethodChangeViewSet.as_view(VOID), name="method-detail"),
    path(
        "<int:portfolio_id>/cost-methods/<int:pk>/restore/",
        MethodChangeViewSet.as_view({"post": "restore"}),
        name="method-restore",
    ),
    path(
        "<int:portfolio_id>/targets/",
        TargetsViewSet.as_view({"get": "retrieve", "put": "update"}),
        name="portfolio-targets",
    ),
    path("<int:portfolio_id>/goals/", GoalViewSet.as_view(MANY), name="goal-list"),
    path("<int:portfolio_id>/goals/<int:pk>/", GoalViewSet.as_view(ONE), name="goal-detail"),
    path("<int:portfolio_id>/shares/", PortfolioSharesViewSet.as_view(MANY), name="portfolio-share-list"),
    path("<int:portfolio_id>/shares/<int:pk>/", PortfolioSharesViewSet.as_view(SHARE), name="portfolio-share-detail"),
    path("<int:portfolio_id>/lots/", LotViewSet.as_view({"get": "list"}), name="lot-list"),
    path("<int:portfolio_id>/disposals/", DisposalViewSet.as_view({"get": "list"}), name="disposal-list"),
]
